"""Checking derivatives against numerical ones, for rule authors and for anyone who doubts a gradient.

The reference knows nothing of hodiff's rules: central differences extrapolated to step zero, each element at the step
where its error estimate is smallest (Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Advances in Engineering
Software 4, 1982). Derivatives of order k + 1 are compared with differences of those of order k, which have been checked
before. May import everything below.

>>> check_grads(np.sin, (0.5,))
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import index as as_index
from typing import Any

import numpy as np

from hodiff.api import jvp, vjp
from hodiff.arguments import as_array
from hodiff.mapping import vmap
from hodiff.shaped import is_inexact
from hodiff.transform import numeric_leaves
from hodiff.tree import flatten, leaf_names, unflatten

_MODES = ("fwd", "rev", "batch")
_STEPS = 8
_BATCH = 3

#: A function of leaves that returns a tuple of leaves, all of them floats or complex numbers.
Flat = Callable[..., tuple[Any, ...]]


__all__ = ["check_grads"]


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    *,
    order: int = 2,
    modes: Sequence[str] = ("fwd", "rev"),
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """Compare derivatives with numerical ones, in every mixture of modes up to an order.

    Each float leaf of ``args`` is checked by itself, then all of them together, along seeded random directions: ``fwd``
    compares `hodiff.jvp` with a numerical directional derivative, ``rev`` pairs the result of a pullback with it. Then
    the derivatives themselves are checked as functions in the same way, so that ``order=2`` covers forward over
    forward, forward over reverse, reverse over forward and reverse over reverse. Values, shapes and dtypes are compared
    too.

    Parameters
    ----------
    f : callable
        Function of arrays, numbers or trees of them, returning an array, a number or a tree; smooth at ``args``. At a
        kink a numerical derivative means nothing.
    args : sequence
        The point. Integers and booleans are held fixed. Complex numbers are moved in real and in imaginary
        directions, and a cotangent c pairs with a tangent t as Re(c t), so that the gradient of a real function is
        ∂u/∂x − i ∂u/∂y.
    order : int
        Number of nested transformations.
    modes : sequence of {"fwd", "rev", "batch"}
        Transformations to mix. ``batch`` compares `hodiff.vmap` with a loop: of ``f`` at order 1, of its derivatives
        (and derivatives of the batched function) at order 2.
    rtol : float, optional
        Agreement demanded, relative to the largest element of a derivative; by default ε^0.4 for the coarsest
        dtype among arguments and results: 5e-7 for float64, 2e-3 for float32.
    atol : float, optional
        Absolute agreement demanded; by default ε^0.6: 4e-10 for float64, 7e-5 for float32. What rounding leaves
        uncertain in the numerical derivative is added.

    Raises
    ------
    AssertionError
        Naming the order, the mixture of modes and the argument (position and leaf) where two derivatives disagree.
    ValueError
        When ``order`` is below 1, a mode is unknown, or ``args`` holds nothing that can be differentiated.

    Examples
    --------
    >>> import hodiff as hd
    >>> hd.testing.check_grads(lambda x, y: np.sum(x * np.exp(y)), (np.ones(3), 0.5))
    >>> wrong = hd.extend.elementwise(lambda x: np.tanh(x), lambda ans, x: 1 - ans, name="wrong")
    >>> hd.testing.check_grads(lambda x: np.sum(wrong(x["a"])), ({"a": np.ones(3)},))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    AssertionError: order 1, mode fwd, argument 0, leaf ['a']: the derivative along a random direction is ...
    """
    order = _checked_order(order)
    modes = _checked_modes(modes)
    if not isinstance(args, (tuple, list)):
        raise TypeError(f"check_grads: args must be a tuple of arguments, such as (x,), got {type(args).__name__}")
    leaves, structure = flatten(tuple(args))
    values = [as_array(leaf) for leaf in leaves]
    places = [i for i, value in enumerate(values) if value is not None and is_inexact(value.dtype)]
    if not places:
        raise ValueError("check_grads: args holds no float or complex number to differentiate with respect to")

    def flat(*moved: Any) -> tuple[Any, ...]:
        full = list(leaves)
        for i, value in zip(places, moved, strict=True):
            full[i] = value
        outputs, _ = numeric_leaves(f(*unflatten(structure, full)), "check_grads")
        return tuple(value for value in outputs if is_inexact(value.dtype))

    point = [values[i] for i in places]
    names = _argument_names(args)
    epsilon = max(_epsilon(value) for value in (*point, *flat(*point)))
    check = _Check(
        names=[names[i] for i in places],
        modes=modes,
        epsilon=epsilon,
        rtol=epsilon**0.4 if rtol is None else rtol,
        atol=epsilon**0.6 if atol is None else atol,
        generator=np.random.default_rng(20240229),
    )
    check.run(flat, point, order, ())


def _pulled(f: Flat, x: tuple[Any, ...], cotangents: tuple[Any, ...]) -> tuple[Any, ...]:
    """Pull back cotangents that depend on x, so that a transpose is differentiated too: c·y for y = f(x)."""
    outputs, pullback = vjp(f, *x)
    pulled: tuple[Any, ...] = pullback(tuple(c * y for c, y in zip(cotangents, outputs, strict=True)))
    return pulled


@dataclass(frozen=True)
class _Check:
    """What stays the same while the orders are checked."""

    names: list[str]
    modes: tuple[str, ...]
    epsilon: float
    rtol: float
    atol: float
    generator: np.random.Generator

    def run(self, f: Flat, point: list[Any], order: int, path: tuple[str, ...]) -> None:
        """Check the transformations of ``f``, itself the result of those in ``path``, then theirs."""
        value = f(*point)
        cotangents = tuple(self._direction(v, unit=True) for v in value)
        for group in self._groups(point):
            part = _restrict(f, point, group)
            here = tuple(point[i] for i in group)
            if "batch" in self.modes:
                self._check_batch(part, self._batch(part, here), self._where("batch", path, group))
            if self.modes == ("batch",):
                continue
            for directions in self._directions(here):
                expected = _differentiate(part, here, directions, self.epsilon)
                if "fwd" in self.modes:
                    out, tangents = jvp(part, here, directions)
                    where = self._where("fwd", path, group)
                    self._same_values(out, value, where)
                    self._check_tangents(tangents, expected, value, where)
                if "rev" in self.modes:
                    out, pullback = vjp(part, *here)
                    where = self._where("rev", path, group)
                    self._same_values(out, value, where)
                    for gradient, x in zip(gradients := pullback(cotangents), here, strict=True):
                        _same_kind(gradient, x, f"{where}: the gradient")
                    self._check_pairing(gradients, directions, cotangents, expected, where)
        if order > 1:
            for mode in self.modes:
                for transformed, there in self._transformed(mode, f, point, cotangents):
                    self.run(transformed, there, order - 1, (mode, *path))

    def _transformed(
        self, mode: str, f: Flat, point: list[Any], cotangents: tuple[Any, ...]
    ) -> Iterator[tuple[Flat, list[Any]]]:
        """Transformations of ``f`` as functions to be checked in turn, and the points to do that at."""
        if mode == "fwd":
            directions = tuple(self._direction(x) for x in point)
            # Tangents that depend on x are differentiated too: a rule must be right as a function of its tangent.
            yield lambda *x: jvp(f, x, tuple(d * v for d, v in zip(directions, x, strict=True)))[1], point
        elif mode == "rev":
            yield lambda *x: _pulled(f, x, cotangents), point
        else:
            # Each leaf batched while the others are not, then all of them.
            for group in self._groups(point):
                batch = self._batch(_restrict(f, point, group), [point[i] for i in group])
                mixed = [batch[group.index(i)] if i in group else x for i, x in enumerate(point)]
                yield vmap(f, tuple(0 if i in group else None for i in range(len(point)))), mixed

    def _check_tangents(
        self, tangents: Sequence[Any], expected: "list[_Estimate]", value: Sequence[Any], where: str
    ) -> None:
        for i, (tangent, estimate, like) in enumerate(zip(tangents, expected, value, strict=True)):
            which = f"{where}{_result(i, value)}"
            _same_kind(tangent, like, f"{which}: the tangent")
            what = f"{which}: the derivative along a random direction"
            self._agree(tangent, estimate.value, estimate.noise, what, "a numerical one")

    def _check_pairing(
        self, gradients: Any, directions: Any, cotangents: Any, expected: "list[_Estimate]", where: str
    ) -> None:
        """Compare Σ Re(gradient · direction) with Σ Re(cotangent · derivative along the direction)."""
        products = [np.real(_wide(g) * _wide(v)) for g, v in zip(gradients, directions, strict=True)]
        pairs = [np.real(_wide(c) * e.value) for c, e in zip(cotangents, expected, strict=True)]
        noise = sum(float(np.sum(np.abs(c) * e.noise)) for c, e in zip(cotangents, expected, strict=True))
        size = sum(float(np.sum(np.abs(p))) for p in (*products, *pairs))
        actual, wanted = (sum((np.sum(p) for p in parts), np.float64(0.0)) for parts in (products, pairs))
        what = f"{where}: the derivative along a random direction"
        self._agree(actual, wanted, noise + self.rtol * size, what, "a numerical one")

    def _check_batch(self, f: Flat, batch: list[Any], where: str) -> None:
        with np.errstate(all="ignore"):
            members, answers = _members(f, batch), vmap(f)(*batch)
        for i, parts in enumerate(zip(*members, strict=True)):
            which = f"{where}{_result(i, members[0])}: the batched value"
            wanted = np.stack(parts)
            _same_kind(answers[i], wanted, which)
            self._agree(answers[i], wanted, 0.0, which, "that of a loop")

    def _same_values(self, out: Sequence[Any], value: Sequence[Any], where: str) -> None:
        for actual, wanted in zip(out, value, strict=True):
            _same_kind(actual, wanted, f"{where}: the value")
            self._agree(actual, wanted, 0.0, f"{where}: the value", "that of the function alone")

    def _agree(self, actual: Any, wanted: Any, slack: Any, what: str, reference: str) -> None:
        """Raise unless all elements agree; NaN agrees with nothing, for derivatives as for values."""
        actual, wanted = _wide(actual), _wide(wanted)
        if not actual.size:
            return
        tolerance = self.atol + self.rtol * max(_largest(actual), _largest(wanted)) + slack
        difference = np.abs(actual - wanted)
        if np.all(difference <= tolerance):
            return
        finite = np.where(np.isfinite(difference), difference, np.inf)
        excess = np.where(difference <= tolerance, -1.0, finite)
        at = np.unravel_index(int(np.argmax(excess)), excess.shape)
        element = f"[{', '.join(map(str, at))}]" if at else ""
        raise AssertionError(
            f"{what}{element} is {actual[at]:.8g} where {reference} is {wanted[at]:.8g} "
            f"(difference {difference[at]:.3g}, tolerance {np.broadcast_to(tolerance, difference.shape)[at]:.3g})"
        )

    def _groups(self, point: list[Any]) -> list[tuple[int, ...]]:
        """Each leaf by itself, then all together."""
        groups: list[tuple[int, ...]] = [(i,) for i in range(len(point))]
        return groups if len(point) == 1 else [*groups, tuple(range(len(point)))]

    def _where(self, mode: str, path: tuple[str, ...], group: tuple[int, ...]) -> str:
        argument = self.names[group[0]] if len(group) == 1 else f"all of {', '.join(self.names)} together"
        return f"order {len(path) + 1}, mode {' of '.join((mode, *path))}, {argument}"

    def _directions(self, point: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        """Real directions, and imaginary ones where there are complex numbers."""
        yield tuple(np.real(self._direction(x)).astype(x.dtype) for x in point)
        if any(x.dtype.kind == "c" for x in point):
            yield tuple(1j * np.imag(self._direction(x)) if x.dtype.kind == "c" else np.zeros_like(x) for x in point)

    def _direction(self, x: Any, *, unit: bool = False) -> Any:
        """Random direction, scaled so that a small multiple of it is a small step for each element of ``x``.

        Its elements have the dtype of ``x``, and adding them to ``x`` at the smallest step rounds nothing away.
        """
        if x.dtype.kind == "c":
            parts = [self._direction(part, unit=unit) for part in (np.real(x), np.imag(x))]
            return (parts[0] + 1j * parts[1]).astype(x.dtype)
        signs = self.generator.choice([-1.0, 1.0], x.shape)
        direction = signs * self.generator.uniform(0.5, 1.5, x.shape)
        if unit:
            return np.asarray(direction).astype(x.dtype)[()]
        size = np.abs(_wide(x))
        scale = np.where(size == 0, 1.0, np.clip(size, 1e-3, np.maximum(1.0, size * self.epsilon**0.5)))
        smallest = 2.0 ** -(_first_step(self.epsilon) + _STEPS - 1)
        moved = (x + smallest * np.asarray(direction * scale)).astype(x.dtype)
        return ((moved - x) / x.dtype.type(smallest)).astype(x.dtype)[()]

    def _batch(self, f: Flat, point: Sequence[Any]) -> list[Any]:
        """The point and distinct members close to it, along a new first axis; in the domain of ``f`` if possible."""
        moves = [[self._direction(x) for _ in range(_BATCH - 1)] for x in point]
        with np.errstate(all="ignore"):
            for k in range(2 * _STEPS):
                step = 2.0 ** -(_first_step(self.epsilon) + k)
                pairs = zip(point, moves, strict=True)
                batch = [np.stack([x, *(x + step * move for move in ways)]).astype(x.dtype) for x, ways in pairs]
                if all(np.isfinite(value).all() for member in _members(f, batch) for value in member):
                    break
            return batch


@dataclass(frozen=True)
class _Estimate:
    """A numerical derivative, what rounding leaves uncertain in it, and an estimate of its whole error."""

    value: Any
    noise: Any
    error: Any


def _differentiate(f: Flat, point: Sequence[Any], directions: Sequence[Any], epsilon: float) -> list[_Estimate]:
    """Numerical derivative of each result along ``directions``; more steps where the longer ones do not do."""
    rows: list[list[_Estimate]] = []
    estimates: list[_Estimate] = []
    with np.errstate(all="ignore"):
        while len(rows) < _STEPS or (len(rows) < 2 * _STEPS and not all(_converged(e, epsilon) for e in estimates)):
            step = 2.0 ** -(_first_step(epsilon) + len(rows))
            shifts = [x.dtype.type(step) * v for x, v in zip(point, directions, strict=True)]
            ahead = f(*(x + s for x, s in zip(point, shifts, strict=True)))
            behind = f(*(x - s for x, s in zip(point, shifts, strict=True)))
            rows.append([_quotient(a, b, step) for a, b in zip(ahead, behind, strict=True)])
            estimates = [_extrapolate(quotients) for quotients in zip(*rows, strict=True)]
    return estimates


def _converged(estimate: _Estimate, epsilon: float) -> bool:
    excess = estimate.error - estimate.noise
    return bool(np.all(excess <= epsilon**0.5 * _largest(estimate.value)))


def _quotient(ahead: Any, behind: Any, step: float) -> _Estimate:
    size = max(_largest(_wide(ahead)), _largest(_wide(behind)))
    noise = np.float64(4 * _epsilon(ahead) * size / step)
    return _Estimate((_wide(ahead) - _wide(behind)) / (2 * step), noise, noise)


def _extrapolate(quotients: Sequence[_Estimate]) -> _Estimate:
    """Richardson extrapolation to step zero, each element from the entry with the smallest error estimate."""
    best = np.full_like(quotients[0].value, np.nan)
    noise = np.zeros(best.shape)
    least = np.full(best.shape, np.inf)
    above: list[Any] = []
    for quotient in quotients:
        row = [quotient.value]
        for j, corner in enumerate(above, 1):
            row.append(row[-1] + (row[-1] - corner) / (4.0**j - 1))
            error = np.maximum(np.abs(row[j] - row[j - 1]), np.abs(row[j] - corner)) + quotient.noise
            better = error < least
            best = np.where(better, row[j], best)
            noise = np.where(better, quotient.noise, noise)
            least = np.where(better, error, least)
        above = row
    return _Estimate(best, noise, least)


def _first_step(epsilon: float) -> int:
    """The largest step is 2 to the power of minus this: 2⁻⁵ for float64, 2⁻² for float32."""
    return max(round(-np.log2(epsilon) / 10), 1)


def _epsilon(value: Any) -> float:
    return float(np.finfo(value.dtype).eps)


def _wide(value: Any) -> Any:
    return np.asarray(value).astype(np.result_type(value.dtype, np.float64))


def _largest(value: Any) -> float:
    """Largest finite magnitude among the elements."""
    return float(np.max(np.abs(value), where=np.isfinite(value), initial=0.0))


def _members(f: Flat, batch: list[Any]) -> list[tuple[Any, ...]]:
    return [f(*(leaf[i] for leaf in batch)) for i in range(_BATCH)]


def _restrict(f: Flat, point: list[Any], group: tuple[int, ...]) -> Flat:
    """``f`` as a function of the leaves in ``group``, the others fixed."""

    def restricted(*moved: Any) -> tuple[Any, ...]:
        full = list(point)
        for i, value in zip(group, moved, strict=True):
            full[i] = value
        return f(*full)

    return restricted


def _same_kind(actual: Any, wanted: Any, what: str) -> None:
    """Raise unless shapes and dtypes agree."""
    if actual.shape != wanted.shape or actual.dtype != wanted.dtype:
        raise AssertionError(
            f"{what} has shape {actual.shape} and dtype {actual.dtype}, but must have {wanted.shape} and {wanted.dtype}"
        )


def _result(i: int, value: Sequence[Any]) -> str:
    return f", result leaf {i}" if len(value) > 1 else ""


def _argument_names(args: Sequence[Any]) -> list[str]:
    return [f"argument {i}{f', leaf {leaf}' if leaf else ''}" for i, arg in enumerate(args) for leaf in leaf_names(arg)]


def _checked_order(order: Any) -> int:
    try:
        value = as_index(order)
    except TypeError:
        value = 0
    if value < 1 or isinstance(order, bool):
        raise ValueError(f"check_grads: order must be a positive integer, got {order!r}")
    return value


def _checked_modes(modes: Any) -> tuple[str, ...]:
    modes = (modes,) if isinstance(modes, str) else tuple(modes)
    for mode in modes:
        if mode not in _MODES:
            raise ValueError(f"check_grads: unknown mode {mode!r}; the modes are 'fwd', 'rev' and 'batch'")
    if not modes:
        raise ValueError("check_grads: modes is empty; choose among 'fwd', 'rev' and 'batch'")
    return modes
