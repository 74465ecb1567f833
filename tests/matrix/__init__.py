"""Every NumPy function with every keyword, shape, layout and dtype in every mode; one file a topic, as in ``cases``."""

from importlib import import_module
from pathlib import Path


def collect():
    """All entries; the files are found by name."""
    entries = []
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem not in ("__init__", "table", "check", "compare", "compiled"):
            entries += import_module(f"matrix.{path.stem}").ENTRIES
    names = [entry.name for entry in entries]
    twice = sorted({name for name in names if names.count(name) > 1})
    assert not twice, f"entries need unique names: {twice}"
    return entries
