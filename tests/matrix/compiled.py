"""Combinations of the matrix compiled: value and pullback of the staged call and of replayed ones are the eager ones.

Whatever a combination does plainly, raising included, it has to do compiled, whether hodiff has rules for it or not.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import hodiff as hd
from matrix.check import combinations, function_of, random_like
from matrix.compare import Disagreement, close, fine, same_value
from matrix.table import OUT, Entry

#: Texts of keywords with which some numbers are whatever was in memory.
UNDEFINED = ("mode='empty'",)


@dataclass
class CompiledReport:
    """What a run of compiled combinations found."""

    combinations: int = 0
    eager: int = 0
    failures: list[str] = field(default_factory=list)


def run_compiled(entry: Entry, every: int, first: int = 0, *, native: bool) -> CompiledReport:
    """Run each so many-th combination of an entry, beginning with another one for each entry, and each ``first``.

    ``native`` tells whether it is compiled to native code, which does not add in NumPy's order.
    """
    report = CompiledReport()
    start = (sum(map(ord, entry.name)) + first) % every
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for case in combinations(entry, every, start):
            if case.text in UNDEFINED:
                continue
            f = function_of(entry, case.operands, case.keywords)
            loose = any(label in entry.deviations for label in case.labels)
            written = any(value is OUT for value in case.keywords.values())
            try:
                # Sums in another order show in more units where terms nearly cancel.
                ulps = max((8.0 if native else 1.0) * entry.ulps, 4.0)
                if native and entry.name.startswith("special.") and not fine(*case.operands):
                    # Native code computes in double precision. SciPy computes in single, and where it looks for roots,
                    # to some hundred units.
                    ulps = max(ulps, 512.0 if "inv" in entry.name or "tri" in entry.name else 16.0)
                _value(f, case.operands, ulps, loose, written, report)
                _pullback(f, case.operands, report)
            except Disagreement as error:
                report.failures.append(f"{case.where}: {error}")
    return report


def _value(
    f: Callable[..., Any], operands: Any, ulps: float, loose: bool, written: bool, report: CompiledReport
) -> None:
    expected = _outcome(f, operands)
    compiled = hd.jit(f)
    for call in ("staged", "replayed", "replayed again"):
        found = _outcome(compiled, operands)
        if _raised(found, expected, f"value, {call}"):
            continue
        for a, b in zip(found, expected, strict=True):
            # Where NumPy gives Python's numbers (allclose, matrix_rank), operations of hodiff give NumPy's.
            if type(a) is not type(b) and not (loose or written or isinstance(b, (bool, int))):
                raise Disagreement(f"value, {call}: {type(a).__name__}, eagerly {type(b).__name__}")
        found = [np.asarray(a)[()] if isinstance(a, (bool, int)) else a for a in found]
        if loose:
            close(found, expected, 1e-9 if fine(*expected, *operands) else 1e-3, f"value, {call}")
        else:
            same_value(found, list(expected), ulps * _coarse(operands, expected), f"value, {call}", written)
    report.combinations += 1
    report.eager += compiled.eager_reason is not None


def _coarse(operands: Any, expected: Any) -> float:
    """Units in the last place of what was computed in one of what is returned: of single precision in a double's."""
    single = not any(fine(v) for v in map(np.asarray, operands) if v.dtype.kind in "fc") and not fine(*operands)
    return 2.0**29 if single and any(map(fine, expected)) else 1.0


def _pullback(f: Callable[..., Any], operands: Any, report: CompiledReport) -> None:
    """The pullback of one cotangent, compiled, and of the compiled function."""
    generator = np.random.default_rng(5)
    value = _outcome(f, operands)
    if isinstance(value, Exception):
        return
    c = tuple((random_like(leaf, generator) * np.isfinite(leaf))[()] for leaf in map(np.asarray, value))

    def pulled(g: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *xs: hd.vjp(g, *xs)[1](c)

    expected = _outcome(pulled(f), operands)
    inside, outside = pulled(hd.jit(f)), hd.jit(pulled(f))
    for call in ("staged", "replayed"):
        for way, g in (("pullback of jit", inside), ("jit of the pullback", outside)):
            found = _outcome(g, operands)
            if not _raised(found, expected, f"{way}, {call}"):
                close(found, expected, 1e-10 if fine(*value, *operands) else 1e-3, f"{way}, {call}")
    report.combinations += 2


def _outcome(f: Callable[..., Any], operands: Any) -> Any:
    try:
        return f(*operands)
    except Exception as error:  # noqa: BLE001 - it has to be raised again
        return error


def _raised(found: Any, expected: Any, what: str) -> bool:
    """Whether both raise the same."""
    a, b = (v if isinstance(v, Exception) else None for v in (found, expected))
    if (type(a), str(a)) != (type(b), str(b)):
        raise Disagreement(f"{what}: raises {a!r}, eagerly {b!r}")
    return b is not None
