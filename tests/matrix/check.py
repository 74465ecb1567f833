"""Running an entry of the matrix: each combination in every mode, against NumPy and against differences.

Along one random direction v, φ(t) = f(x + t v) is evaluated at nine points. They give the first and the second
derivative by differences of eighth order, and the members of a batch. With g = ⟨c, f⟩ for a random c, checked are jvp
against φ', the pullback of c against ⟨c, φ'⟩, forward over reverse against reverse over reverse and ⟨c, φ''⟩, vmap
against single members, and the Jacobian against jvp. Complex operands move in complex directions, and ⟨c, t⟩ is the
real part of Σ c t. Other layouts and float32 are compared with what the same numbers gave before.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

import numpy as np

import hodiff as hd
from hodiff.core import Tracer
from hodiff.errors import HodiffError
from matrix.compare import Disagreement, close, fine, same_kind, same_value
from matrix.table import OUT, Entry, Per, laid

MODES = ("fwd", "rev", "fwd∘rev", "rev∘rev", "vmap", "jacobian")
_FIRST = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
_SECOND = {1: 8 / 5, 2: -1 / 5, 3: 8 / 315, 4: -1 / 560}
_STEP = 2.0**-7


@dataclass
class Report:
    """What a run of an entry found."""

    combinations: int = 0
    rejected: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    deviations: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)


@dataclass
class Derivatives:
    """What the modes give at one point."""

    value: list[Any]
    tangent: list[Any]
    gradient: list[Any]
    second: list[Any] = field(default_factory=list)


def run(entry: Entry, every: int = 1) -> Report:
    """Run the combinations of an entry.

    Of those of other dtypes and layouts than contiguous float64 it is each so many-th, beginning with another one for
    each entry; and all of which something is listed.
    """
    report = Report()
    known: dict[tuple[str, str], dict[str, Derivatives]] = {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for number, case in enumerate(combinations(entry), sum(map(ord, entry.name))):
            if number % every and not case.special and not _first(entry, case):
                continue
            _guarded(entry, case, report, None if case.special else known.setdefault((case.text, case.shape), {}))
    unused = [key for key in entry.refused if key not in report.refused]
    report.failures += [f"{entry.name}: {key} is listed as refused, but is not" for key in unused]
    unused = [key for key in entry.deviations if key not in report.deviations]
    report.failures += [f"{entry.name}: {key} is listed as a deviation, but is none" for key in unused]
    return report


def _first(entry: Entry, case: "Combination") -> bool:
    """Whether others are compared with a combination, or something is listed of it."""
    return case.kind == "float64" or any(
        label in listed for label in case.labels for listed in (entry.refused, entry.deviations)
    )


class Combination(NamedTuple):
    """Operands and keywords of a call, and what is said of them."""

    operands: tuple[Any, ...]
    keywords: dict[str, Any]
    where: str
    labels: list[str]
    text: str = ""
    shape: str = ""
    kind: str = ""
    special: bool = False


def combinations(entry: Entry, every: int = 1, first: int = 0) -> Iterator[Combination]:
    """Calls of an entry: keywords, shapes, dtypes, layouts, and the special points; all, or each so many-th."""
    numbers = count(-first)
    for text, keywords in entry.settings():
        for shape in entry.shapes:
            for dtype, layout in _variants(entry, shape):
                if next(numbers) % every:
                    continue
                operands = tuple(laid(x, layout) if layout else x for x in entry.operands(shape, dtype))
                pairs = [f"{k} {d}" for k in keywords for d in (dtype, layout, shape)]
                labels = [*keywords, text, dtype, layout, shape, *pairs]
                where = f"{entry.name}({text}) {shape} {layout or dtype}"
                yield Combination(operands, keywords, where, labels, text, shape, layout or dtype)
    for i, point in enumerate(entry.specials):
        if next(numbers) % every:
            continue
        operands = tuple(np.asarray(x) for x in (point if isinstance(point, tuple) else (point,)))
        yield Combination(operands, {}, f"{entry.name}() at special point {i}", ["special"], special=True)


def _variants(entry: Entry, shape: str) -> Iterator[tuple[str, str]]:
    """Dtypes, then layouts of float64."""
    for dtype in entry.dtypes:
        yield dtype, ""
    if all(s == () for s in entry.shapes[shape]):
        yield "float64", "scalar"
    if shape == entry.laid_out():
        for layout in ("strided", "read-only", "big-endian"):
            yield "float64", layout


def _guarded(entry: Entry, case: Combination, report: Report, known: dict[str, Derivatives] | None) -> None:
    """Run one combination and enter what happens in the report."""
    operands, keywords, where, labels = case[:4]
    f = function_of(entry, operands, keywords)
    try:
        plain = list(f(*operands))
    except Exception as error:  # noqa: BLE001 - whatever NumPy raises, hodiff must raise something too
        report.rejected += 1
        lax = next((label for label in labels if label in entry.lax), None)
        if lax is not None:
            return
        for mode in (_forward, _reverse):
            try:
                mode(f, operands)
            except Exception:  # noqa: BLE001
                continue
            report.failures.append(f"{where}: NumPy raises {error!r}, {mode.__name__[1:]} mode does not")
        return
    try:
        if known is None:
            report.combinations += _special(entry, f, operands, plain)
        else:
            report.combinations += _ordinary(
                entry, f, operands, plain, known, any(value is OUT for value in keywords.values())
            )
    except Disagreement as error:
        key = next((label for label in labels if label in entry.deviations), None)
        if key is None:
            report.failures.append(f"{where}: {error}")
        else:
            report.deviations.add(key)
    except (HodiffError, ValueError, IndexError) as error:
        key = next((label for label in labels if label in entry.refused), None)
        if key is None:
            report.failures.append(f"{where}: refused: {type(error).__name__}: {error}")
        else:
            report.refused[key] = report.refused.get(key, 0) + 1
    except Exception as error:  # noqa: BLE001 - the table of all failures says more than the first one
        report.failures.append(f"{where}: raises {error!r}")


def _forward(f: Callable[..., Any], operands: tuple[Any, ...]) -> None:
    hd.jvp(f, operands, tuple(np.ones_like(x) for x in operands))


def _reverse(f: Callable[..., Any], operands: tuple[Any, ...]) -> None:
    hd.vjp(f, *operands)


# --- functions of the operands alone ----------------------------------------------------------------------------------


def leaves(value: Any) -> list[Any]:
    """The arrays in nested tuples and lists."""
    if isinstance(value, (tuple, list)):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


def function_of(entry: Entry, operands: tuple[Any, ...], keywords: dict[str, Any]) -> Callable[..., Any]:
    """The entry as a function of its operands, which returns a tuple."""
    fixed = {name: value for name, value in keywords.items() if not isinstance(value, Per) and value is not OUT}
    with np.errstate(all="ignore"):
        for name, value in keywords.items():
            if isinstance(value, Per):
                fixed[name] = value.of(*operands)
    like: list[Any] = []
    if any(value is OUT for value in keywords.values()):
        # Without `out` there may be no `where`, or its answer would be undefined; shapes are the same.
        bare = {
            name: value for name, value in fixed.items() if name != "where" or not isinstance(entry.covers[0], np.ufunc)
        }
        try:
            like = [np.asarray(leaf) for leaf in leaves(entry.call(*operands, **bare))]
        except Exception:  # noqa: BLE001 - the call itself will raise it again
            like = []

    def f(*xs: Any) -> tuple[Any, ...]:
        if not like:
            return tuple(leaves(entry.call(*xs, **fixed)))
        traced = next((x for x in xs if isinstance(x, Tracer)), None)
        outs = tuple(
            np.zeros(x.shape, x.dtype) if traced is None else np.zeros(x.shape, x.dtype, like=traced) for x in like
        )
        return tuple(leaves(entry.call(*xs, **fixed, out=outs if len(outs) > 1 else outs[0])))

    return f


def _pair(xs: Any, ys: Any) -> Any:
    """Real part of Σ x y."""
    total: Any = 0.0
    for x, y in zip(xs, ys, strict=True):
        product = x * y
        total = total + np.sum(np.real(product) if product.dtype.kind == "c" else product)
    return total


def random_like(like: Any, generator: np.random.Generator) -> Any:
    """Random numbers of a shape and (if integers, as floats) a dtype; simple fractions, the same in any precision."""
    dtype = np.asarray(like).dtype
    shape = np.shape(like)
    numbers = generator.integers(-32, 32, shape) / 32 + 1 / 64
    if dtype.kind == "c":
        numbers = numbers + 1j * (generator.integers(-32, 32, shape) / 32 + 1 / 64)
    return np.asarray(numbers, dtype=dtype.newbyteorder("=") if dtype.kind in "fc" else float)[()]


# --- one combination --------------------------------------------------------------------------------------------------


def _ordinary(
    entry: Entry,
    f: Callable[..., Any],
    operands: tuple[Any, ...],
    plain: list[Any],
    known: dict[str, Derivatives],
    written: bool,
) -> int:
    """Check a point where the function is smooth; how many combinations that were."""
    generator = np.random.default_rng(5)
    v = tuple(random_like(x, generator) for x in operands)
    # Where the answer is no number, there is no derivative to check: the cotangent is zero there.
    c = tuple((random_like(leaf, generator) * np.isfinite(leaf))[()] for leaf in plain)
    inexact = [np.asarray(leaf).dtype.kind in "fc" for leaf in plain]
    kind = operands[0].dtype.char
    exact = kind == "D" or (kind == "d" and "float64" not in known)
    steps = {
        k: list(f(*(x + x.dtype.type(k * _STEP * entry.scale) * d for x, d in zip(operands, v, strict=True))))
        for k in _needed(exact)
    }
    now = _modes(entry, f, operands, v, c, plain, inexact, written)
    combinations = 2 + (2 if entry.order > 1 and any(inexact) else 0)
    if entry.batch is True:
        members = [plain, steps[1], steps[-1]]
        _batched(entry, f, operands, v, c, members, now, any(inexact))
        combinations += 1
    if any(inexact):
        _jacobian(f, operands, v, now.tangent, plain, inexact, 1e-10 if fine(*plain, *operands) else 1e-3)
        combinations += 1
    if exact:
        _against_differences(entry, plain, steps, now, v, c, inexact)
        if kind == "d":
            known["float64"] = now
    elif "float64" in known:
        _against_double(entry, now, known["float64"], 1e-10 if fine(*operands) else entry.single)
    return combinations


def _needed(exact: bool) -> tuple[int, ...]:
    return (-4, -3, -2, -1, 1, 2, 3, 4) if exact else (-1, 1)


def _modes(
    entry: Entry,
    f: Any,
    operands: tuple[Any, ...],
    v: Any,
    c: Any,
    plain: list[Any],
    inexact: list[bool],
    written: bool,
) -> Derivatives:
    """Both first-order modes and both second-order ones, compared with each other."""
    value, tangent = hd.jvp(f, operands, v)
    same_value(value, plain, entry.ulps, "value under jvp", written)
    value, pullback = hd.vjp(f, *operands)
    same_value(value, plain, entry.ulps, "value under vjp", written)
    gradient = pullback(c)
    for found, operand in zip(gradient, operands, strict=True):
        same_kind(found, operand, "gradient")
    for found, leaf, real in zip(tangent, plain, inexact, strict=True):
        if real:
            same_kind(found, leaf, "tangent")
    now = Derivatives(list(value), list(tangent), list(gradient))
    if entry.order < 2 or not any(inexact):
        return now

    def differential(*xs: Any) -> Any:
        return hd.vjp(f, *xs)[1](c)

    second = hd.jvp(differential, operands, v)[1]
    other = hd.grad(lambda *xs: _pair(differential(*xs), v), argnums=tuple(range(len(operands))))(*operands)
    for found, again, operand in zip(second, other, operands, strict=True):
        same_kind(found, operand, "forward over reverse")
        same_kind(again, operand, "reverse over reverse")
    now.second = list(second)
    close(
        other,
        second,
        1e-9 if fine(*operands, *plain) else entry.single,
        "reverse over reverse against forward over reverse",
    )
    return now


def _batched(
    entry: Entry,
    f: Any,
    operands: tuple[Any, ...],
    v: Any,
    c: Any,
    members: list[list[Any]],
    now: Derivatives,
    real: bool,
) -> None:
    """Three different members at once, along the last axis for operands that are not contiguous."""
    moves = (0.0, _STEP * entry.scale, -_STEP * entry.scale)
    turned = any(isinstance(x, np.ndarray) and x.ndim and not x.flags.c_contiguous for x in operands)
    stacks = []
    for x, d in zip(operands, v, strict=True):
        stack = np.stack([x + x.dtype.type(h) * d for h in moves], axis=-1 if turned else 0)
        stacks.append(stack.astype(x.dtype))
    axis = -1 if turned else 0
    tolerance = 1e-12 if fine(*operands, *members[0]) else 1e-4
    for i, found in enumerate(hd.vmap(f, in_axes=axis)(*stacks)):
        expected = np.stack([member[i] for member in members])
        same_kind(found, expected, "vmap")
        close([found], [expected], tolerance, "vmap against single members")
    if real:
        gradients = hd.vmap(lambda *xs: hd.vjp(f, *xs)[1](c), in_axes=axis)(*stacks)
        close([g[0] for g in gradients], now.gradient, 10 * tolerance, "vmap of the gradient")


def _jacobian(
    f: Any, operands: tuple[Any, ...], v: Any, tangent: list[Any], plain: list[Any], inexact: list[bool], rtol: float
) -> None:
    """The whole Jacobian times the direction is the tangent."""

    half = len(operands)

    def real(*xs: Any) -> tuple[Any, ...]:
        if len(xs) > half:
            xs = tuple(x + 1j * y for x, y in zip(xs[:half], xs[half:], strict=True))
        return tuple(leaf for leaf, keep in zip(f(*xs), inexact, strict=True) if keep)

    if any(x.dtype.kind == "c" for x in operands):
        operands = (*map(np.real, operands), *map(np.imag, operands))
        v = (*map(np.real, v), *map(np.imag, v))
    rows = hd.jacobian(real, argnums=tuple(range(len(operands))))(*operands)
    expected = [(t, np.isfinite(leaf)) for t, leaf, keep in zip(tangent, plain, inexact, strict=True) if keep]
    for row, (t, number) in zip(rows, expected, strict=True):
        total: Any = 0.0
        for block, d, x in zip(row, v, operands, strict=True):
            if block.shape != np.shape(t) + np.shape(x):
                raise Disagreement(f"Jacobian of shape {block.shape} for {np.shape(t)} by {np.shape(x)}")
            total = total + np.tensordot(block, d, np.ndim(d))
        close([np.where(number, total, 0.0)], [np.where(number, t, 0.0)], rtol, "Jacobian against jvp")


def _against_differences(
    entry: Entry, plain: list[Any], steps: Any, now: Derivatives, v: Any, c: Any, inexact: list[bool]
) -> None:
    h = _STEP * entry.scale
    # Functions that compute in single precision leave little to see.
    rtol = entry.rtol if fine(*plain) else 1e-2
    first = []
    for i, (t, real) in enumerate(zip(now.tangent, inexact, strict=True)):
        if real:
            slope = sum(w * (np.asarray(steps[k][i]) - steps[-k][i]) for k, w in _FIRST.items()) / h
            number = np.isfinite(plain[i])
            slope = np.where(number, slope, 0.0)
            close([np.where(number, t, 0.0)], [slope], rtol, "jvp against differences")
            first.append((c[i], slope))
    if first:
        expected = _pair([a for a, _ in first], [np.asarray(b) for _, b in first])
        close([_pair(now.gradient, v)], [expected], rtol * 4, "vjp against differences")
    if now.second and fine(*plain):
        curvature: Any = 0.0
        for i, real in enumerate(inexact):
            if real:
                bend = sum(
                    w * (np.asarray(steps[k][i]) + steps[-k][i] - 2 * np.asarray(plain[i])) for k, w in _SECOND.items()
                )
                curvature = curvature + _pair([c[i]], [np.where(np.isfinite(plain[i]), bend / h**2, 0.0)])
        close([_pair(now.second, v)], [curvature], 1e3 * rtol, "second order against differences")


def _against_double(entry: Entry, now: Derivatives, before: Derivatives, rtol: float) -> None:
    numbers = [np.isfinite(leaf) for leaf in before.value]
    found, expected = ([np.where(n, t, 0.0) for n, t in zip(numbers, x.tangent, strict=True)] for x in (now, before))
    close(found, expected, rtol, "jvp against that of contiguous float64")
    close(now.gradient, before.gradient, rtol, "vjp against that of contiguous float64")
    close(now.second, before.second, 10 * rtol, "second order against that of contiguous float64")


# --- special points ---------------------------------------------------------------------------------------------------


def _special(entry: Entry, f: Any, operands: tuple[Any, ...], plain: list[Any]) -> int:
    """Check a kink, a pole, a tie: all modes say the same, and it lies between the slopes on both sides."""
    inexact = [np.asarray(leaf).dtype.kind in "fc" for leaf in plain]
    every = tuple(range(len(operands)))
    ones = tuple(np.ones_like(x) for x in operands)
    c = tuple(
        np.ones(np.shape(leaf), np.asarray(leaf).dtype if real else float)
        for leaf, real in zip(plain, inexact, strict=True)
    )
    value = hd.jvp(f, operands, ones)[0]
    same_value(value, plain, entry.ulps, "value under jvp")

    def smooth(*xs: Any) -> tuple[Any, ...]:
        return tuple(leaf for leaf, keep in zip(f(*xs), inexact, strict=True) if keep)

    if not any(inexact):
        return 1
    forward = hd.jacobian(smooth, argnums=every, mode="fwd")(*operands)
    reverse = hd.jacobian(smooth, argnums=every, mode="rev")(*operands)
    for a, b in zip(forward, reverse, strict=True):
        close(a, b, 1e-12, "jacfwd against jacrev")
    if entry.slopes:
        _between(f, operands, plain, inexact, reverse)
    if entry.batch is True:
        gradients = hd.vmap(lambda *xs: hd.vjp(f, *xs)[1](c))(*(np.stack([x, x]) for x in operands))
        single = hd.vjp(f, *operands)[1](c)
        close([g[1] for g in gradients], single, 1e-12, "vmap of the gradient")
    if entry.order > 1:

        def total(*xs: Any) -> Any:
            return _pair(hd.vjp(f, *xs)[1](c), ones)

        second = hd.jvp(lambda *xs: hd.vjp(f, *xs)[1](c), operands, ones)[1]
        # Where infinities meet, 0·∞ comes out in another order: only numbers can be compared.
        pairs = zip(hd.grad(total, argnums=every)(*operands), second, strict=True)
        both = [(a, b, np.isfinite(a) & np.isfinite(b)) for a, b in pairs]
        other, second = [np.where(m, a, 0.0) for a, _, m in both], [np.where(m, b, 0.0) for _, b, m in both]
        close(other, second, 1e-10, "reverse over reverse against forward over reverse")
    return 4


def _between(f: Any, operands: tuple[Any, ...], plain: list[Any], inexact: list[bool], jacobian: Any) -> None:
    """Each entry of the Jacobian lies between the slopes to the left and to the right, where both exist."""
    kept = [np.asarray(leaf) for leaf, keep in zip(plain, inexact, strict=True) if keep]
    for which, x in enumerate(operands):
        for at in np.ndindex(x.shape):
            if not np.isfinite(x[at]):
                continue
            slopes = []
            for h in (1e-6, 5e-7, -1e-6, -5e-7):
                step = h * max(1.0, abs(x[at]))
                moved = x.copy()
                moved[at] += step
                try:
                    values = f(*(moved if i == which else y for i, y in enumerate(operands)))
                except Exception:  # noqa: BLE001 - outside the domain there is no slope
                    break
                there = [np.asarray(leaf) for leaf, keep in zip(values, inexact, strict=True) if keep]
                slopes.append([(a - b) / step for a, b in zip(there, kept, strict=True)])
            if len(slopes) < 4:
                continue
            for i, row in enumerate(jacobian):
                found = np.asarray(row[which])[(..., *at)]
                a, a2, b, b2 = (s[i] for s in slopes)
                size = np.maximum(1.0, np.maximum(np.abs(a), np.abs(b)))
                sure = (np.abs(a - a2) < 1e-4 * size) & (np.abs(b - b2) < 1e-4 * size)
                off = (
                    (found < np.minimum(a, b) - 1e-3 * size)
                    | (found > np.maximum(a, b) + 1e-3 * size)
                    | np.isnan(found)
                )
                if np.any(sure & off):
                    worst = np.unravel_index(int(np.argmax(sure & off)), off.shape)
                    raise Disagreement(
                        f"derivative of element {worst} by operand {which}{at}, {x[at]}, is {found[worst]}; the slopes "
                        f"on both sides are {b[worst]} and {a[worst]}"
                    )
