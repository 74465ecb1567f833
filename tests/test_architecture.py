"""The shape of the source tree, checked: layers, imports, public names, docstrings, budgets.

Every check is a function from sources (or modules) to a list of complaints, so that the second half of this file
can hand it a small broken package and see the complaint. Only the standard library reads the sources.
"""

import ast
import importlib
import inspect
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("hodiff", "optimizers")

# The layer of each module; a module imports strictly lower layers only. A pattern stands for a directory of peers.
LAYERS = {
    "hodiff.errors": 0,
    "hodiff.shaped": 0,
    "hodiff.code": 0,
    "hodiff.lowering": 0,
    "hodiff.handling": 0,
    "hodiff.frames": 0,
    "hodiff.progressions": 0,
    "hodiff.tree": 1,
    "hodiff.core": 1,
    "hodiff.casting": 1,
    "hodiff.arguments": 2,
    "hodiff.closures": 2,
    "hodiff.batch_rules": 2,
    "hodiff.mutation": 2,
    "hodiff.operands": 2,
    "hodiff.primal": 2,
    "hodiff.reducing": 2,
    "hodiff.program": 2,
    "hodiff.comparing": 3,
    "hodiff.forms": 3,
    "hodiff.dispatch": 3,
    "hodiff.operators": 3,
    "hodiff.matrices": 2,
    "hodiff.refusing": 3,
    "hodiff.kinds": 3,
    "hodiff.ops.*": 4,
    "hodiff.ops": 4,
    "hodiff.tape": 4,
    "hodiff.batch": 5,
    "hodiff.annihilate": 4,
    "hodiff.linear_map": 5,
    "hodiff.forward": 5,
    "hodiff.staging": 5,
    "hodiff.staged_numbers": 6,
    "hodiff.directions": 6,
    "hodiff.reverse": 6,
    "hodiff.transform": 7,
    "hodiff.calls": 7,
    "hodiff.api": 8,
    "hodiff.mapping": 8,
    "hodiff.jacobians": 9,
    "hodiff.custom": 9,
    "hodiff.debug": 9,
    "hodiff.extend": 9,
    "hodiff.compiled": 0,
    "hodiff.compiled.numpy_source.text": 3,
    "hodiff.compiled.numpy_source.lifetimes": 3,
    "hodiff.compiled.numpy_source.schedule": 3,
    "hodiff.compiled.numpy_source.buffers": 4,
    "hodiff.compiled.numpy_source.writer": 5,
    "hodiff.compiled.numpy_source": 6,
    "hodiff.compiled.native.ir": 0,
    "hodiff.compiled.entrance": 7,
    "hodiff.compiled.captures.bytecode": 0,
    "hodiff.compiled.captures.purity": 0,
    "hodiff.compiled.captures.expected": 0,
    "hodiff.compiled.captures.rebuild": 0,
    "hodiff.compiled.captures.guards": 1,
    "hodiff.compiled.captures.objects": 1,
    "hodiff.compiled.captures.values": 2,
    "hodiff.compiled.captures.reachable": 3,
    "hodiff.compiled.captures": 4,
    "hodiff.compiled.rolling.periods": 3,
    "hodiff.compiled.rolling.keys": 4,
    "hodiff.compiled.rolling.turns": 5,
    "hodiff.compiled.rolling.bodies": 6,
    "hodiff.compiled.derive": 7,
    "hodiff.control.subprograms": 8,
    "hodiff.control.loop_code": 8,
    "hodiff.control.loops": 9,
    "hodiff.control.repeats": 10,
    "hodiff.control.branches": 11,
    "hodiff.control.carried": 6,
    "hodiff.control.turns": 7,
    "hodiff.control.pruning": 5,
    "hodiff.control.staged": 12,
    "hodiff.control": 13,
    "hodiff.compiled.native.errors": 0,
    "hodiff.compiled.native.functions": 0,
    "hodiff.compiled.native.linalg": 0,
    "hodiff.compiled.native.calling": 0,
    "hodiff.compiled.native.loading": 0,
    "hodiff.compiled.native.plans": 0,
    "hodiff.compiled.native.writing": 0,
    "hodiff.compiled.native.functions.library": 0,
    "hodiff.compiled.native.writing.parallel": 1,
    "hodiff.compiled.native.functions.vecmath": 1,
    "hodiff.compiled.native.functions.vecmath_exponential": 2,
    "hodiff.compiled.native.functions.vecmath_inverse": 2,
    "hodiff.compiled.native.functions.vecmath_single": 2,
    "hodiff.compiled.native.functions.vecmath_trigonometric": 2,
    "hodiff.compiled.native.functions.vecmath_derived": 3,
    "hodiff.compiled.native.functions.vecmath_power": 3,
    "hodiff.compiled.native.functions.vecmath_roots": 3,
    "hodiff.compiled.native.functions.vecmath_division": 3,
    "hodiff.compiled.native.functions.vecmath_error": 3,
    "hodiff.compiled.native.functions.lowering": 2,
    "hodiff.compiled.native.functions.ufuncs_complex": 3,
    "hodiff.compiled.native.functions.ufuncs_integers": 3,
    "hodiff.compiled.native.functions.ufuncs": 4,
    "hodiff.compiled.native.linalg.matrices": 1,
    "hodiff.compiled.native.linalg.products": 2,
    "hodiff.compiled.native.linalg.lapack": 2,
    "hodiff.compiled.native.linalg.blas": 3,
    "hodiff.compiled.native.linalg.elimination": 3,
    "hodiff.compiled.native.linalg.stacks": 3,
    "hodiff.compiled.native.linalg.factorising": 4,
    "hodiff.compiled.native.linalg.solving": 4,
    "hodiff.compiled.native.linalg.determinants": 5,
    "hodiff.compiled.native.loading.disk": 0,
    "hodiff.compiled.native.loading.linking": 0,
    "hodiff.compiled.native.loading.machine": 0,
    "hodiff.compiled.native.loading.pool_code": 0,
    "hodiff.compiled.native.loading.modules": 1,
    "hodiff.compiled.native.loading.threads": 2,
    "hodiff.compiled.native.calling.python_api": 0,
    "hodiff.compiled.native.calling.entry_conversions": 0,
    "hodiff.compiled.native.calling.entry_layout": 1,
    "hodiff.compiled.native.calling.entry_code": 2,
    "hodiff.compiled.native.calling.entry": 6,
    "hodiff.compiled.native.executable": 7,
    "hodiff.compiled.native.functions.python_numbers": 5,
    "hodiff.compiled.native.plans.placing": 0,
    "hodiff.compiled.native.plans.nodes": 5,
    "hodiff.compiled.native.plans.parts": 6,
    "hodiff.compiled.native.plans.reduction": 6,
    "hodiff.compiled.native.plans.recognising": 7,
    "hodiff.compiled.native.plans.tasks": 7,
    "hodiff.compiled.native.plans.contraction": 8,
    "hodiff.compiled.native.plans.steps": 9,
    "hodiff.compiled.native.plans.rows": 10,
    "hodiff.compiled.native.plans.blocking": 10,
    "hodiff.compiled.native.segments": 10,
    "hodiff.compiled.native.plans.hearing": 7,
    "hodiff.compiled.native.plans.storage": 7,
    "hodiff.compiled.native.plans.statements": 8,
    "hodiff.compiled.native.plans.planning": 11,
    "hodiff.compiled.native.writing.elements": 12,
    "hodiff.compiled.native.writing.nests": 13,
    "hodiff.compiled.native.writing.groups": 14,
    "hodiff.compiled.native.writing.regions": 15,
    "hodiff.compiled.native.writing.in_place": 12,
    "hodiff.compiled.native.writing.carries": 16,
    "hodiff.compiled.native.linalg.linear": 16,
    "hodiff.compiled.native.writing.loops": 17,
    "hodiff.compiled.native.plans.scattering": 16,
    "hodiff.compiled.native.plans.running": 16,
    "hodiff.compiled.native.plans.ordering": 16,
    "hodiff.compiled.native.plans.halving": 16,
    "hodiff.compiled.native.plans.searching": 16,
    "hodiff.compiled.native.plans.convolving": 16,
    "hodiff.compiled.native.functions.checking": 16,
    "hodiff.compiled.native.plans.complexes": 8,
    "hodiff.compiled.native.plans.distributing": 4,
    "hodiff.compiled.native.plans.composing": 9,
    "hodiff.compiled.native.writing.invariants": 8,
    "hodiff.compiled.native.lengths": 11,
    "hodiff.compiled.native.writing.branches": 17,
    "hodiff.compiled.native.writing.kernel": 18,
    "hodiff.compiled.native": 19,
    "hodiff.compiled.rolling.writing": 10,
    "hodiff.compiled.fission": 10,
    "hodiff.compiled.rolling": 11,
    "hodiff.compiled.passes.rewriting": 3,
    "hodiff.compiled.passes.dead_code": 4,
    "hodiff.compiled.passes.common": 4,
    "hodiff.compiled.passes.folding": 4,
    "hodiff.compiled.passes.scaling": 5,
    "hodiff.compiled.passes.shaping": 5,
    "hodiff.compiled.passes.algebra": 6,
    "hodiff.compiled.passes.sinking": 6,
    "hodiff.compiled.passes.directions": 7,
    "hodiff.compiled.passes": 7,
    "hodiff.compiled.replay": 6,
    "hodiff.compiled.units": 20,
    "hodiff.compiled.specialisations": 21,
    "hodiff.compiled.cache": 22,
    "hodiff.compiled.call": 23,
    "hodiff.compiled.jit": 24,
    "hodiff.numpy.*": 8,
    "hodiff.numpy": 9,
    "hodiff.scipy._*": 8,
    "hodiff.scipy.*": 9,
    "hodiff.scipy": 10,
    "hodiff.testing": 10,
    "hodiff": 25,
    "optimizers.errors": 0,
    "optimizers.status": 0,
    "optimizers.linear": 0,
    "optimizers.result": 1,
    "optimizers.checks": 1,
    "optimizers.flatten": 1,
    "optimizers.subproblems.steps": 1,
    "optimizers.subproblems.secular": 1,
    "optimizers.subproblems.lanczos": 1,
    "optimizers.subproblems.*": 2,
    "optimizers.subproblems": 4,
    "optimizers.bounds": 2,
    "optimizers.compiling": 2,
    "optimizers.derivatives": 3,
    "optimizers.vector_derivatives": 3,
    "optimizers.point": 2,
    "optimizers.state": 2,
    "optimizers.stopping": 2,
    "optimizers.problem": 4,
    "optimizers.residuals": 5,
    "optimizers.equations": 6,
    "optimizers.roots.gmres": 1,
    "optimizers.roots.steps": 7,
    "optimizers.roots.dense": 8,
    "optimizers.roots.base": 10,
    "optimizers.roots.*": 11,
    "optimizers.roots.root": 12,
    "optimizers.roots": 12,
    "optimizers.linesearch.interpolation": 4,
    "optimizers.arguments": 5,
    "optimizers.checking": 5,
    "optimizers.linesearch.searching": 5,
    "optimizers.linesearch.*": 6,
    "optimizers.linesearch": 7,
    "optimizers.batch": 8,
    "optimizers.run": 8,
    "optimizers.solver": 9,
    "optimizers.conjugate_gradient": 10,
    "optimizers.first_order.schedules": 2,
    "optimizers.first_order.transforms.base": 2,
    "optimizers.first_order.transforms.*": 4,
    "optimizers.first_order.transforms": 5,
    "optimizers.first_order.chained": 10,
    "optimizers.first_order.*": 11,
    "optimizers.first_order": 12,
    "optimizers.quasi_newton.updates": 4,
    "optimizers.quasi_newton.pairs": 5,
    "optimizers.quasi_newton.strategy": 5,
    "optimizers.quasi_newton.compact": 6,
    "optimizers.quasi_newton.within": 8,
    "optimizers.quasi_newton.advancing": 8,
    "optimizers.quasi_newton.*": 10,
    "optimizers.quasi_newton": 11,
    "optimizers.second_order.acceptance": 8,
    "optimizers.second_order.*": 10,
    "optimizers.second_order": 11,
    "optimizers.fitting.losses": 4,
    "optimizers.fitting.factors": 4,
    "optimizers.fitting.weighted": 6,
    "optimizers.fitting.base": 10,
    "optimizers.fitting.region": 11,
    "optimizers.fitting.scipy_methods": 11,
    "optimizers.fitting.stacks": 12,
    "optimizers.fitting.batched": 13,
    "optimizers.fitting.together": 14,
    "optimizers.fitting.*": 15,
    "optimizers.fitting.least_squares": 16,
    "optimizers.fitting.curve_fit": 17,
    "optimizers.fitting": 18,
    "optimizers.scipy_bridge.residuals": 5,
    "optimizers.scipy_bridge.keywords": 5,
    "optimizers.scipy_bridge.constraints": 6,
    "optimizers.scipy_bridge.conditions": 5,
    "optimizers.scipy_bridge.roots": 10,
    "optimizers.scipy_bridge.run": 10,
    "optimizers.scipy_bridge": 11,
    "optimizers.minimize": 13,
    "optimizers": 19,
}
# (importer, imported) within one layer. Each pair is an exception and says why.
SAME_LAYER: frozenset[tuple[str, str]] = frozenset()

DEPENDENCIES = frozenset({"numpy", "scipy", "optree"})
# What the extras of pyproject.toml install: imported where it is used, so that the packages import without it.
EXTRAS = frozenset({"llvmlite", "matplotlib", "tqdm"})
# The modules of `optimizers` that may import `hodiff`, and the modules of `hodiff` that they may name.
DOORS = frozenset(
    {
        "optimizers.batch",
        "optimizers.flatten",
        "optimizers.compiling",
        "optimizers.derivatives",
        "optimizers.problem",
        "optimizers.vector_derivatives",
        "optimizers.implicit",
    }
)
PUBLIC_MODULES = (
    "hodiff",
    "hodiff.errors",
    "hodiff.extend",
    "hodiff.scipy",
    "hodiff.scipy.special",
    "hodiff.testing",
    "optimizers",
    "optimizers.errors",
    "optimizers.first_order.schedules",
    "optimizers.first_order.transforms",
)

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60


# --- reading sources ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """One parsed module: its dotted name (a package has the name of its directory) and where it lies."""

    name: str
    path: str
    text: str

    @property
    def is_package(self) -> bool:
        return self.path.endswith("__init__.py")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)


@dataclass(frozen=True)
class Import:
    """One imported thing: the module, and the name taken from it where that is not itself a module."""

    line: int
    module: str
    name: str | None
    alias: str
    in_function: bool


Sources = Mapping[str, Source]


def read_sources(root: Path, packages: Iterable[str]) -> dict[str, Source]:
    """Read every module of the packages under `root`, by dotted name."""
    sources = {}
    for path in sorted(path for package in packages for path in (root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        sources[name] = Source(name, path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
    return sources


def imports_of(source: Source, sources: Sources) -> list[Import]:
    """List what a module imports, wherever the import stands, in the order of its lines."""
    found = []
    for node, in_function in _walk(source.tree, in_function=False):
        if isinstance(node, ast.Import):
            found += [
                Import(node.lineno, item.name, None, item.asname or item.name.split(".")[0], in_function)
                for item in node.names
            ]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(source, node)
            for item in node.names:
                submodule = f"{base}.{item.name}"
                module, name = (submodule, None) if submodule in sources else (base, item.name)
                found.append(Import(node.lineno, module, name, item.asname or item.name, in_function))
    return sorted(found, key=lambda item: item.line)


def _walk(node: ast.AST, in_function: bool) -> Iterator[tuple[ast.AST, bool]]:
    for child in ast.iter_child_nodes(node):
        yield child, in_function
        yield from _walk(child, in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))


def _absolute(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = source.name.split(".")
    parts = parts[: len(parts) - node.level + source.is_package]
    return ".".join([*parts, node.module] if node.module else parts)


def _top(module: str) -> str:
    return module.split(".")[0]


# --- the checks --------------------------------------------------------------------------------------------------


def layer_of(name: str, layers: Mapping[str, int]) -> int | None:
    """Look a module up: its own entry, else the pattern that matches it most closely."""
    patterns = [pattern for pattern in layers if fnmatchcase(name, pattern)]
    return layers[max(patterns, key=lambda pattern: (pattern == name, len(pattern)))] if patterns else None


def check_table(sources: Sources, layers: Mapping[str, int]) -> list[str]:
    """Every module has a layer, and every entry of the table has a module."""
    missing = [
        f"{source.path}: {name} has no layer; add it to LAYERS in tests/test_architecture.py"
        for name, source in sources.items()
        if layer_of(name, layers) is None
    ]
    stale = [
        f"LAYERS has an entry {pattern!r}, and there is no such module; remove it"
        for pattern in layers
        if not any(fnmatchcase(name, pattern) for name in sources)
    ]
    return missing + stale


def check_layers(
    sources: Sources, layers: Mapping[str, int], same_layer: frozenset[tuple[str, str]] = frozenset()
) -> list[str]:
    """A module imports strictly lower layers; a package may import its own members, to collect them."""
    complaints = []
    for source in sources.values():
        layer = layer_of(source.name, layers)
        # One complaint a line, however many names it imports.
        for item in {(item.line, item.module): item for item in imports_of(source, sources)}.values():
            # Which modules of one package may open the door to the other is the business of `check_doors`.
            same_package = _top(item.module) == _top(source.name)
            target = layer_of(item.module, layers) if item.module in sources and same_package else None
            own_member = source.is_package and item.module.startswith(source.name + ".")
            allowed = own_member or (source.name, item.module) in same_layer
            if layer is None or target is None or target < layer or (target == layer and allowed):
                continue
            complaints.append(
                f"{source.path}:{item.line}: {source.name} (layer {layer}) imports {item.module} (layer {target}); "
                "a module imports strictly lower layers only"
            )
    return complaints


def check_foreign_imports(sources: Sources) -> list[str]:
    """Imports stand at the top of the file and are declared dependencies; an extra is imported where it is used."""
    known = set(sys.stdlib_module_names) | DEPENDENCIES | {_top(name) for name in sources} | set(PACKAGES)
    complaints = []
    for source in sources.values():
        for item in imports_of(source, sources):
            where, top = f"{source.path}:{item.line}", _top(item.module)
            if item.in_function and top not in EXTRAS:
                complaints.append(f"{where}: imports {item.module} inside a function; move it to the top of the file")
            elif not item.in_function and top in EXTRAS:
                complaints.append(f"{where}: imports the extra {top} at the top; import it where it is used")
            elif top not in known | EXTRAS:
                complaints.append(f"{where}: imports {top}, which pyproject.toml does not list as a dependency")
    return complaints


def check_independent(sources: Sources, package: str, other: str) -> list[str]:
    """`package` never imports `other`."""
    return [
        f"{source.path}:{item.line}: {source.name} imports {item.module}; {package} does not know {other}"
        for source in sources.values()
        if _top(source.name) == package
        for item in imports_of(source, sources)
        if _top(item.module) == other
    ]


def check_doors(
    sources: Sources, package: str, other: str, doors: frozenset[str], public: Mapping[str, set[str]]
) -> list[str]:
    """`package` imports `other` in its doors only, and uses only what `public` lists, by module."""
    complaints = []
    for source in (source for name, source in sources.items() if _top(name) == package):
        aliases = {}
        for item in imports_of(source, sources):
            if _top(item.module) != other:
                continue
            where = f"{source.path}:{item.line}"
            if source.name not in doors:
                complaints.append(f"{where}: imports {item.module}; only {', '.join(sorted(doors))} may")
            elif item.module not in public:
                complaints.append(f"{where}: imports {item.module}, which is not a public module")
            elif item.name is not None and item.name not in public[item.module]:
                complaints.append(f"{where}: imports {item.name}, which is not a public name of {item.module}")
            elif item.name is None:
                aliases[item.alias] = item.module
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
                module = aliases[node.value.id]
                if node.attr not in public[module] and f"{module}.{node.attr}" not in public:
                    where = f"{source.path}:{node.lineno}"
                    complaints.append(f"{where}: uses {module}.{node.attr}, which is not a public name")
    return complaints


def check_budgets(sources: Sources) -> list[str]:
    """No file and no function is longer than a reader's patience."""
    complaints = []
    for source in sources.values():
        lines = len(source.text.splitlines())
        if lines > MAX_FILE_LINES:
            complaints.append(f"{source.path}: {lines} lines, more than {MAX_FILE_LINES}; split it by topic")
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1 - _docstring_lines(node)
                if lines > MAX_FUNCTION_LINES:
                    complaints.append(
                        f"{source.path}:{node.lineno}: {node.name} has {lines} lines, more than {MAX_FUNCTION_LINES}"
                    )
    return complaints


def check_said_imports(sources: Sources, package: str) -> list[str]:
    """The sentence "May import …" of a module docstring names at least what the module imports."""
    complaints = []
    for source in sources.values():
        sentence = re.search(r"May import ([^.]*)\.", (ast.get_docstring(source.tree) or "").replace("\n", " "))
        if sentence is None or "below" in sentence[1]:
            continue
        said = set(re.findall(r"``(\w+)``", sentence[1]))
        used = {i.module.split(".")[-1] for i in imports_of(source, sources) if i.module.startswith(package + ".")}
        complaints += [
            f"{source.path}: imports {name}, which its docstring does not say" for name in sorted(used - said)
        ]
    return complaints


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    if ast.get_docstring(node) is None or first.end_lineno is None:
        return 0
    return first.end_lineno - first.lineno + 1


def public_names(module: ModuleType) -> set[str]:
    """`__all__`, or for a module without one the public classes that it defines."""
    if hasattr(module, "__all__"):
        return set(module.__all__)
    return {
        name
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }


def check_snapshot(names: set[str], snapshot: set[str]) -> list[str]:
    """The public names are the reviewed ones."""
    file = "tests/public_names.txt"
    return [f"{name} is public and not in {file}: review it, then add it" for name in sorted(names - snapshot)] + [
        f"{name} is in {file} and not public: restore it, or remove the line" for name in sorted(snapshot - names)
    ]


def check_docstrings(module: ModuleType, names: Iterable[str], examples: bool) -> list[str]:
    """Every public name has a docstring of its own; with `examples`, functions and classes show one."""
    complaints = []
    for name in sorted(names):
        value = getattr(module, name)
        is_class = inspect.isclass(value)
        full, text = f"{module.__name__}.{name}", value.__doc__
        if not text or not text.strip() or _inherited_docstring(value):
            complaints.append(f"{full} has no docstring")
            continue
        wanted = examples and callable(value) and not (is_class and issubclass(value, BaseException))
        if wanted and not re.search(r"^Examples\n-{8}$", inspect.cleandoc(text), re.MULTILINE):
            complaints.append(f"{full} has no Examples section in its docstring")
    return complaints


def _inherited_docstring(value: object) -> bool:
    # A class without a docstring has None; a dataclass writes its signature there; an instance shows its class's.
    if inspect.isclass(value):
        return (value.__doc__ or "").startswith(f"{value.__name__}(")
    return not inspect.isroutine(value) and value.__doc__ == type(value).__doc__


def check_machine_paths(texts: Mapping[str, str]) -> list[str]:
    """No file names a path that exists on one machine only."""
    pattern = re.compile(r"(?<![\w./~$}])/(?:work|tmp|home|root|Users)(?=/|\b)")
    return [
        f"{path}:{number}: names the path of a machine: {line.strip()}"
        for path, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def repository_texts(root: Path) -> dict[str, str]:
    """Read every text file that git keeps, or would add; of an unpacked archive, every one outside hidden folders."""
    command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        paths = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        every = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
        paths = [path.as_posix() for path in every if not any(part.startswith(".") for part in path.parts)]
    texts = {}
    for path in paths:
        try:
            texts[path] = (root / path).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):  # not text; or removed and not yet committed
            continue
    return texts


def report(complaints: Iterable[str]) -> str:
    return "\n" + "\n".join(complaints)


# --- this repository passes them ---------------------------------------------------------------------------------

SOURCES = read_sources(ROOT, PACKAGES)


def test_every_module_has_a_layer():
    assert not (complaints := check_table(SOURCES, LAYERS)), report(complaints)


def test_modules_import_lower_layers_only():
    assert not (complaints := check_layers(SOURCES, LAYERS, SAME_LAYER)), report(complaints)


def test_imports_are_declared_and_at_the_top():
    assert not (complaints := check_foreign_imports(SOURCES)), report(complaints)


def test_hodiff_does_not_know_optimizers():
    assert not (complaints := check_independent(SOURCES, "hodiff", "optimizers")), report(complaints)


def test_optimizers_reach_hodiff_through_their_doors():
    public = {name: public_names(importlib.import_module(name)) for name in PUBLIC_MODULES if _top(name) == "hodiff"}
    assert not (complaints := check_doors(SOURCES, "optimizers", "hodiff", DOORS, public)), report(complaints)


def test_docstrings_say_what_is_imported():
    assert not (complaints := check_said_imports(SOURCES, "hodiff")), report(complaints)


def test_an_import_that_the_docstring_does_not_say_is_reported(tmp_path):
    text = '''"""Text. May import ``core``."""\n\nfrom fake import core, kinds\n'''
    sources = fake(tmp_path, core="", kinds="", mode=text)
    assert check_said_imports(sources, "fake") == ["fake/mode.py: imports kinds, which its docstring does not say"]


def test_files_and_functions_are_short():
    assert not (complaints := check_budgets(SOURCES)), report(complaints)


def test_public_names_are_the_reviewed_ones():
    lines = (ROOT / "tests" / "public_names.txt").read_text(encoding="utf-8").splitlines()
    snapshot = {line for line in lines if line and not line.startswith("#")}
    names = {f"{name}.{item}" for name in PUBLIC_MODULES for item in public_names(importlib.import_module(name))}
    assert not (complaints := check_snapshot(names, snapshot)), report(complaints)


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_public_names_are_documented(name):
    module = importlib.import_module(name)
    complaints = check_docstrings(module, public_names(module), examples=name in PACKAGES)
    assert not complaints, report(complaints)


def test_no_file_names_the_path_of_a_machine():
    texts = repository_texts(ROOT)
    texts.pop("tests/test_architecture.py", None)  # the pattern and its examples stand here
    assert "pyproject.toml" in texts
    assert not (complaints := check_machine_paths(texts)), report(complaints)


# --- and they complain when they should --------------------------------------------------------------------------


def fake(tmp_path: Path, **files: str) -> dict[str, Source]:
    """Write a package `fake` of the given modules (`ops__sort` is `ops/sort.py`) and read it."""
    for name, text in {"__init__": '"""Fake."""\n', **files}.items():
        path = tmp_path / "fake" / (name if name == "__init__" else name.replace("__", "/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".py").write_text(textwrap.dedent(text), encoding="utf-8")
    return read_sources(tmp_path, ["fake"])


FAKE_LAYERS = {"fake": 9, "fake.core": 1, "fake.kinds": 3, "fake.ops.*": 4}


@pytest.mark.parametrize(
    "statement",
    [
        "from fake.kinds import linear, general",
        "from fake import kinds",
        "import fake.kinds as k",
        "from .kinds import linear",
    ],
)
def test_an_upward_import_is_reported(tmp_path, statement):
    sources = fake(tmp_path, core=f"import math\n{statement}\n", kinds="")
    assert check_layers(sources, FAKE_LAYERS) == [
        "fake/core.py:2: fake.core (layer 1) imports fake.kinds (layer 3); a module imports strictly lower layers only"
    ]


def test_a_hidden_upward_import_is_reported(tmp_path):
    text = """\
    def late():
        if True:
            from fake.kinds import linear
        return linear
    """
    sources = fake(tmp_path, core=text, kinds="")
    assert "fake/core.py:3: fake.core (layer 1) imports fake.kinds (layer 3)" in report(
        check_layers(sources, FAKE_LAYERS)
    )
    assert check_foreign_imports(sources) == [
        "fake/core.py:3: imports fake.kinds inside a function; move it to the top of the file"
    ]


def test_importing_the_package_itself_is_an_upward_import(tmp_path):
    sources = fake(tmp_path, core="from fake import grad\n")
    assert "fake.core (layer 1) imports fake (layer 9)" in report(check_layers(sources, FAKE_LAYERS))


def test_peers_of_one_layer_do_not_import_each_other(tmp_path):
    sources = fake(tmp_path, ops__sort="from fake.ops import shape\n", ops__shape="")
    assert "fake.ops.sort (layer 4) imports fake.ops.shape (layer 4)" in report(check_layers(sources, FAKE_LAYERS))
    assert not check_layers(sources, FAKE_LAYERS, frozenset({("fake.ops.sort", "fake.ops.shape")}))


def test_downward_imports_and_collecting_packages_pass(tmp_path):
    sources = fake(tmp_path, core="import math\n", kinds="from fake.core import bind\n", ops__sort="import fake.core\n")
    assert not check_layers(sources, FAKE_LAYERS)
    (tmp_path / "fake" / "ops" / "__init__.py").write_text("from fake.ops import sort\n", encoding="utf-8")
    assert not check_layers(read_sources(tmp_path, ["fake"]), FAKE_LAYERS | {"fake.ops": 4})


def test_a_module_without_a_layer_and_an_entry_without_a_module_are_reported(tmp_path):
    sources = fake(tmp_path, core="", novelty="")
    assert check_table(sources, {"fake": 9, "fake.core": 1, "fake.gone": 2}) == [
        "fake/novelty.py: fake.novelty has no layer; add it to LAYERS in tests/test_architecture.py",
        "LAYERS has an entry 'fake.gone', and there is no such module; remove it",
    ]


def test_undeclared_and_eager_extras_are_reported(tmp_path):
    text = """\
    import numpy
    import matplotlib.pyplot as plt
    import pandas

    def draw():
        import matplotlib
        import tqdm
    """
    assert check_foreign_imports(fake(tmp_path, core=text)) == [
        "fake/core.py:2: imports the extra matplotlib at the top; import it where it is used",
        "fake/core.py:3: imports pandas, which pyproject.toml does not list as a dependency",
    ]


def test_a_package_that_knows_the_other_is_reported(tmp_path):
    sources = fake(tmp_path, core="import math\nfrom optimizers import minimize\n")
    assert check_independent(sources, "fake", "optimizers") == [
        "fake/core.py:2: fake.core imports optimizers; fake does not know optimizers"
    ]


def test_another_door_and_private_names_are_reported(tmp_path):
    text = """\
    import hodiff as hd
    from hodiff.core import bind
    from hodiff import grad, secret
    from hodiff.errors import HodiffError

    step = hd.grad, hd.errors, hd.secret
    """
    public = {"hodiff": {"grad"}, "hodiff.errors": {"HodiffError"}}
    sources = fake(tmp_path, problem=text, newton="import hodiff.errors\n")
    assert check_doors(sources, "fake", "hodiff", frozenset({"fake.problem"}), public) == [
        "fake/newton.py:1: imports hodiff.errors; only fake.problem may",
        "fake/problem.py:2: imports hodiff.core, which is not a public module",
        "fake/problem.py:3: imports secret, which is not a public name of hodiff",
        "fake/problem.py:6: uses hodiff.secret, which is not a public name",
    ]


def test_long_files_and_functions_are_reported(tmp_path):
    def function(lines):
        return "def long():\n" + "    pass\n" * (lines - 1)

    sources = fake(tmp_path, just=function(MAX_FUNCTION_LINES), over=function(MAX_FUNCTION_LINES + 1))
    assert check_budgets(sources) == ["fake/over.py:1: long has 61 lines, more than 60"]
    assert not check_budgets(fake(tmp_path / "just", core="\n" * MAX_FILE_LINES))
    assert check_budgets(fake(tmp_path / "over", core="\n" * (MAX_FILE_LINES + 1))) == [
        "fake/core.py: 501 lines, more than 500; split it by topic"
    ]


def test_undocumented_public_names_are_reported(tmp_path, monkeypatch):
    text = '''\
    """Fake."""
    from dataclasses import dataclass

    __all__ = ["FakeError", "Plain", "Record", "bare", "instance", "shown", "terse"]

    def shown():
        """Show.

        Examples
        --------
        >>> shown()
        """

    def terse():
        """Say little."""

    def bare():
        pass

    class Plain:
        pass

    class FakeError(Exception):
        """An exception needs no example."""

    @dataclass
    class Record:
        x: float = 0.0

    class _Documented:
        """A docstring of the class, not of its instances."""

    instance = _Documented()
    '''
    fake(tmp_path, __init__=text)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("fake")
    monkeypatch.delitem(sys.modules, "fake")
    undocumented = [f"fake.{name} has no docstring" for name in ("Plain", "Record", "bare", "instance")]
    assert check_docstrings(module, public_names(module), examples=False) == undocumented
    assert check_docstrings(module, public_names(module), examples=True) == [
        *undocumented,
        "fake.terse has no Examples section in its docstring",
    ]


def test_a_new_and_a_lost_public_name_are_reported():
    assert check_snapshot({"fake.new", "fake.kept"}, {"fake.kept", "fake.lost"}) == [
        "fake.new is public and not in tests/public_names.txt: review it, then add it",
        "fake.lost is in tests/public_names.txt and not public: restore it, or remove the line",
    ]


@pytest.mark.parametrize(
    ("line", "reported"),
    [
        ("data = '/home/me/data.csv'", True),
        ("cd /tmp", True),
        ("see (/work/main)", True),
        ("examples/output/work/tmp", False),
        ("https://example.org/home/", False),
        ("~/work/hodiff", False),
        ("/workers", False),
    ],
)
def test_the_path_of_a_machine_is_reported(line, reported):
    complaints = check_machine_paths({"a.md": f"first\n{line}\n"})
    assert complaints == ([f"a.md:2: names the path of a machine: {line}"] if reported else [])
