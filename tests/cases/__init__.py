"""The cases of all operations, one file a topic, as in ``hodiff/ops``."""

from importlib import import_module
from pathlib import Path


def collect():
    """All cases and all special values; the files are found by name, so a new one needs no entry anywhere."""
    cases, specials = [], []
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem not in ("__init__", "table"):
            module = import_module(f"cases.{path.stem}")
            cases += module.CASES
            specials += module.SPECIALS
    names = [row.name for row in (*cases, *specials)]
    twice = sorted({name for name in names if names.count(name) > 1})
    assert not twice, f"cases need unique names: {twice}"
    return cases, specials
