"""Every Python block of README.md and docs/*.md runs, and shows the output that it is said to have.

The blocks of one file run in sequence, in one namespace. A block with ``>>>`` prompts is a doctest. In any other block
a line ``print(...)  # text`` prints exactly that text.
"""

import contextlib
import doctest
import io
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from test_architecture import LAYERS

ROOT = Path(__file__).resolve().parents[1]
FILES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_SNIPPETS = [path for path in FILES if "```python\n" in path.read_text(encoding="utf-8")]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
PRINTED = re.compile(r"^\s*print\(.*\)  # (.+)$")


@dataclass(frozen=True)
class Block:
    """The text of one fenced block, without its fences, and the number of its first line in the file."""

    text: str
    line: int


def blocks_of(markdown: str, language: str = "python") -> list[Block]:
    """Fenced blocks of a language, in order."""
    found, start = [], None
    lines = markdown.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if start is None and line.strip() == f"```{language}":
            start = number + 1
        elif start is not None and line.strip() == "```":
            found.append(Block("".join(lines[start:number]), start + 1))
            start = None
    assert start is None, f"the block that begins in line {start} has no end"
    return found


def run_block(block: Block, name: str, namespace: dict) -> list[str]:
    """Run one block in the namespace; complaints about its output."""
    if ">>>" in block.text:
        test = doctest.DocTestParser().get_doctest(block.text, namespace, name, name, block.line - 1)
        report = io.StringIO()
        doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.write, clear_globs=False)
        namespace.update(test.globs)
        return [report.getvalue()] if report.getvalue() else []
    code = compile("\n" * (block.line - 1) + block.text, name, "exec")
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(code, namespace)
    shown = [match[1] for line in block.text.splitlines() if (match := PRINTED.match(line))]
    printed = output.getvalue().splitlines()
    return [] if shown == printed else [f"{name}: shown {shown}, printed {printed}"]


@pytest.mark.parametrize("path", WITH_SNIPPETS, ids=lambda path: path.name)
def test_snippets_run_and_show_what_they_print(path):
    # Defaults such as the ones NumPy prints with are a user's, not the test runner's.
    namespace = {"__name__": "__main__"}
    complaints = []
    for block in blocks_of(path.read_text(encoding="utf-8")):
        complaints += run_block(block, path.name, namespace)
    assert not complaints, "\n".join(complaints)


def test_the_tour_runs_when_pasted_into_a_new_file(tmp_path):
    blocks = blocks_of((ROOT / "README.md").read_text(encoding="utf-8"))
    script = tmp_path / "tour.py"
    script.write_text("".join(block.text for block in blocks), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-W", "error", script], capture_output=True, text=True, cwd=tmp_path, timeout=120
    )
    assert run.returncode == 0, run.stderr


def apply(diff: str, root: Path) -> None:
    """Apply a diff of the form used in the docs: each run of new lines goes behind the context line before it."""
    path, context, new = None, None, ""

    def insert() -> None:
        if new:
            text = path.read_text(encoding="utf-8")
            assert text.count(context) == 1, f"{path.name} has {text.count(context)} times the line {context!r}"
            path.write_text(text.replace(context, context + new), encoding="utf-8")

    for line in diff.splitlines(keepends=True):
        if line.startswith("+++ b/"):
            path = root / line[6:].strip()
        elif line.startswith("+"):
            new += line[1:]
        elif line.startswith(" "):
            insert()
            context, new = line[1:], ""
        elif line.startswith("---"):
            insert()
            new = ""
        else:
            raise AssertionError(f"not a line of such a diff: {line!r}")
    insert()


def test_the_diffs_of_new_primitives_are_all_there_is_to_do(tmp_path):
    for name in ("hodiff", "tests/cases"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "tests/hodiff/test_modes.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    diffs = blocks_of((ROOT / "docs" / "extending.md").read_text(encoding="utf-8"), "diff")
    assert len(diffs) == 2
    for block in diffs:
        apply(block.text, tmp_path)
    arguments = ["-q", "-p", "no:cacheprovider", "-k", "log1mexp or opposite", "tests/hodiff/test_modes.py"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        capture_output=True, text=True, cwd=tmp_path, timeout=120, env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"\b2 passed", run.stdout), run.stdout


@pytest.mark.parametrize("package", ["hodiff", "optimizers"])
def test_the_table_of_layers_is_the_enforced_one(package):
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.split(f"| layer | `{package}` |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", table, re.MULTILINE)
    shown = {f"{package}.{name}": int(layer) for layer, names in rows for name in re.findall(r"`([\w.]+)`", names)}
    inside = {name: layer for name, layer in LAYERS.items() if name.startswith(f"{package}.") and "*" not in name}
    assert shown == inside


def test_every_page_is_reached_from_the_index_and_no_link_is_broken():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for path in FILES[1:]:
        assert path.name == "index.md" or f"({path.name}" in index, f"docs/index.md does not lead to {path.name}"
    for path in [*FILES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
            assert "://" in target or (path.parent / target).exists(), f"{path.name} has a link to {target}"


def test_a_wrong_output_is_noticed():
    assert run_block(Block("print(1 + 1)  # 3\n", 1), "page", {})
    assert run_block(Block(">>> 1 + 1\n3\n", 1), "page", {})
    assert not run_block(Block("print(1 + 1)  # 2\n", 1), "page", {})
