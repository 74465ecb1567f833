"""Whether derivatives are those of the function: slope tests; imports ``problem`` and the layers below.

A polynomial made of the right derivatives of order up to k at x differs from the function at ``x + t d`` by O(t^(k+1)):
on logarithmic axes the error is a line of slope k + 1 for small t, as long as it stands out of round-off. One wrong
entry of the newest derivative makes the slope k. Nothing has to be tuned, unlike where differences are compared.

>>> print(check_derivatives(lambda x: x[0] ** 3 * np.exp(x[1]), [2.0, 1.0]))
Derivatives of <lambda>:
  gradient                ok     slope 2.00, expected 2
  Hessian                 ok     slope 2.00, expected 2
  Hessian-vector product  ok     slope 2.00, expected 2
  third derivative        ok     slope 3.00, expected 3
>>> print(check_derivatives(lambda x: x[0] ** 3 * np.exp(x[1]), [2.0, 0.0], 1, jac=lambda x: 3.0 * x**2))
Derivatives of <lambda>:
  gradient  WRONG  slope 1.00, expected 2: entry 1 is 0 where differences of fun give 8
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from optimizers.checks import is_whole, label, quiet
from optimizers.errors import NonFiniteError, OptimizerError, OptionError
from optimizers.flatten import Array, Tree
from optimizers.problem import UNTRACEABLE, Problem

__all__ = ["DerivativeReport", "DerivativeTest", "check_derivatives"]

_EPS = float(np.finfo(np.float64).eps)
# Steps along a direction, longest first.
_STEPS = 0.5 ** np.arange(64)
# How far the second point is, relative to the first: the first of these where all is finite.
_NEAR = (1e-2, 1e-5, 1e-8, 1e-11, 1e-14)
# An error is seen where it is this multiple of the noise; the slope is fitted to so many steps, the shortest seen.
_SEEN, _WINDOW = 30.0, 5
# A slope may fall short of the whole number by this much: half-way to that of a wrong derivative.
_SHORT = 0.5
# At how many points noise is measured; how far apart those on a line are; and the orders of differences that have to
# agree on it, within a factor.
_NOISE_POINTS = 8
_APART = (0.5**24, 0.5**34)
_NOISE_ORDERS, _AGREED = (4, 5, 6), 4.0
# Relative steps of the central differences that name the wrong entry of a gradient.
_DIFFERENCE = 0.5**17
# Up to so many unknowns, the entry of a wrong gradient that differs most is looked for.
_ENTRIES = 200
# Name, order and slope of what is tested.
_KINDS = (
    ("gradient", 1, 2),
    ("Hessian", 2, 2),
    ("Hessian-vector product", 2, 2),
    ("third derivative", 3, 3),
)


@dataclass(frozen=True)
class DerivativeTest:
    """The outcome for one derivative.

    Attributes
    ----------
    name : str
        "gradient", "Hessian", "Hessian-vector product" or "third derivative".
    order : int
        Of the derivative: 1, 2 or 3.
    ok : bool
        Whether it agrees with the derivative of the order below.
    slope : float
        The least slope found along the directions; infinite where the error stays within round-off, NaN where the
        derivative could not be had.
    expected : int
        What the slope is, or exceeds, where the derivative is right.
    message : str
        One line that says all this, and what is wrong.

    Examples
    --------
    >>> check_derivatives(lambda x: np.sin(x[0]), [1.0], order=1).tests[0].ok
    True
    """

    name: str
    order: int
    ok: bool
    slope: float
    expected: int
    message: str


@dataclass(frozen=True)
class DerivativeReport:
    """What `check_derivatives` found; `print` it.

    Attributes
    ----------
    function : str
        The name of the function.
    tests : tuple of DerivativeTest
        One a derivative.

    Examples
    --------
    >>> report = check_derivatives(lambda x: np.sin(x[0]), [1.0], order=2)
    >>> report.ok, sorted(report.slopes)
    (True, ['Hessian', 'Hessian-vector product', 'gradient'])
    """

    function: str
    tests: tuple[DerivativeTest, ...]

    @property
    def ok(self) -> bool:
        """Whether every derivative is right."""
        return all(test.ok for test in self.tests)

    @property
    def slopes(self) -> dict[str, float]:
        """The slope of each derivative, by name."""
        return {test.name: test.slope for test in self.tests}

    @property
    def messages(self) -> dict[str, str]:
        """The message of each derivative, by name."""
        return {test.name: test.message for test in self.tests}

    def __str__(self) -> str:
        width = max(len(test.name) for test in self.tests)
        lines = [f"  {test.name:{width}}  {'ok   ' if test.ok else 'WRONG'}  {test.message}" for test in self.tests]
        return "\n".join([f"Derivatives of {self.function}:", *lines])


def check_derivatives(
    fun: Callable[..., Any] | Problem,
    x: Tree,
    order: Literal[1, 2, 3] = 3,
    *,
    args: tuple[Any, ...] = (),
    jac: Callable[..., Any] | Literal[True] | None = None,
    hess: Callable[..., Any] | None = None,
    hessp: Callable[..., Any] | None = None,
    directions: int = 3,
    seed: int = 0,
    jit: bool | str = "auto",
) -> DerivativeReport:
    """Test the derivatives of `fun` near `x`: yours where they are given, hodiff's where not.

    Along random directions d, the gradient is compared with `fun`, and each derivative of order k > 1 with the
    gradient, every entry of it: what ``g(x + t d)`` differs by from its Taylor polynomial of degree k - 1 falls as t^k.
    That is done at `x` and at a point near it, so that a Hessian which is that of an earlier point is found out. The
    range of t is found by the test: from 1 down to where the error drowns in the noise of the values, which is
    estimated from points that differ in their last digits only. An error of the relative size 1e-4 in one entry is
    usually seen.

    Parameters
    ----------
    fun : callable or Problem
        ``fun(x, *args)`` -> real scalar. A `Problem` brings its arguments and derivatives along.
    x : tree
        Where to test: not at a kink, and not where a derivative vanishes by chance.
    order : 1, 2 or 3
        The highest derivative tested.
    args : tuple
        Further arguments of `fun` and of the derivatives.
    jac, hess, hessp : callable, optional
        Derivatives in SciPy's forms; ``jac=True`` says that `fun` returns value and gradient.
    directions : int
        How many random directions at each of the two points.
    seed : int
        Of the directions.
    jit : "auto", True or False
        See `Problem`.

    Returns
    -------
    DerivativeReport
        Errors in derivatives, those that they raise included, are told here and raise nothing.

    Raises
    ------
    OptionError, InputTypeError, ShapeError, NonFiniteError
        When an argument of this function itself is malformed.

    Examples
    --------
    >>> def rosen(x): return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
    >>> import scipy.optimize
    >>> check_derivatives(rosen, [-1.2, 1.0], jac=scipy.optimize.rosen_der, hess=scipy.optimize.rosen_hess).ok
    True
    >>> report = check_derivatives(rosen, [-1.2, 1.0], 2, hess=lambda x: 1.001 * scipy.optimize.rosen_hess(x))
    >>> report.ok, report.tests[1].message
    (False, 'slope 1.00, expected 2: entry 0 of H d differs most from what the gradient says')
    """
    if not is_whole(order, 1) or order > 3:
        raise OptionError(f"order must be 1, 2 or 3, not {order!r}")
    for name, value, least in (("directions", directions, 1), ("seed", seed, 0)):
        if not is_whole(value, least):
            raise OptionError(f"{name} must be a whole number >= {least}, not {value!r}")
    if isinstance(fun, Problem):
        if args or any(given is not None for given in (jac, hess, hessp)):
            raise OptionError("args, jac, hess, hessp: a Problem has its own; leave them out")
        problem = fun
    else:
        problem = Problem(fun, jac, hess, hessp, args=args, like=x, jit=jit)
        problem.names |= {"g": label("jac", jac)} if callable(jac) else {}
    start = problem.at(x, name="x").x
    with quiet():
        tests = _worst_tests(problem, start, order, directions, np.random.default_rng(seed))
    return DerivativeReport(problem.names["f"].removeprefix("fun "), tests)


class _Ray:
    """Values and gradients along one direction, taken once for all tests."""

    def __init__(self, problem: Problem, x: Array, d: Array) -> None:
        self.problem, self.x, self.d = problem, x, d
        self.f, self.g = self._values(x)
        if not (np.isfinite(self.f) and np.isfinite(self.g).all()):
            raise NonFiniteError("fun or its gradient is not finite here")
        self.here = _Sample(0.0, 0.0 * x, self.f, self.g)
        self.push: Callable[[Array], Array] = _once(lambda: problem.pushforward(x))
        self.matrix: Callable[[Array], Array] = _once(lambda: problem.hessian(x).__matmul__)

    @cached_property
    def samples(self) -> list["_Sample"]:
        """Where value and gradient are finite, longest step first."""
        return [sample for t in _STEPS if (sample := self._sample(t, self.x + t * self.d)).finite]

    @cached_property
    def bend(self) -> Array:
        """Third derivative along `d` twice."""
        return self.problem.third(self.x, self.d, self.d)

    @cached_property
    def noise(self) -> tuple[float, float]:
        """Rounding errors of value and gradient: what the linear model leaves where only last digits of x differ.

        Where sums with large terms leave multiples of a quantum, that is the error: the least change along the ray; or
        what high differences of points on a line are, which of smooth functions are next to nothing: J. J. Moré and
        S. M. Wild, "Estimating computational noise", SIAM J. Sci. Comput. 33 (2011) 1292-1314.
        """
        steps = np.random.default_rng(0).integers(-8, 9, (_NOISE_POINTS, self.x.size)) * np.spacing(np.abs(self.x))
        near = [sample for h in steps if (sample := self._sample(0.0, self.x + h)).finite]
        values = np.std(np.array([sample.f - self.f - self.g @ sample.h for sample in [self.here, *near]]))
        slopes = np.std(
            np.array([sample.g - self.g - self._product(sample.h) for sample in [self.here, *near]]), axis=0
        )
        changes = [(abs(sample.f - self.f), float(np.linalg.norm(sample.g - self.g))) for sample in self.samples]
        quanta = [
            min((change for change in column if change > 0.0), default=0.0) for column in zip(*changes, strict=True)
        ]
        rough = np.max([self._rough(apart) for apart in _APART], axis=0)
        noise = np.maximum.reduce([[values, np.linalg.norm(slopes)], quanta or [0.0, 0.0], rough])
        return float(noise[0]), float(noise[1])

    def _rough(self, apart: float) -> tuple[float, float]:
        """Noise of value and gradient by differences of points on a line; zero where it is not to be seen."""
        line = [self._sample(0.0, self.x + k * apart * self.d) for k in range(_NOISE_POINTS + 1)]
        if not all(sample.finite for sample in line):
            return 0.0, 0.0
        return _roughness(np.array([[sample.f] for sample in line])), _roughness(np.array([s.g for s in line]))

    def rest(self, name: str, sample: "_Sample") -> Array:
        """What the Taylor polynomial leaves: of the value for the gradient, of the gradient for the others."""
        if name == "gradient":
            return np.array([sample.f - self.f - self.g @ sample.h])
        product = self.push if name == "Hessian-vector product" else self.matrix
        rest: Array = sample.g - self.g - product(sample.h)
        return rest - 0.5 * sample.t**2 * self.bend if name == "third derivative" else rest

    def floor(self, name: str, sample: "_Sample") -> float:
        """What an error has to exceed to be seen."""
        if name == "gradient":
            return _SEEN * max(self.noise[0], _EPS * max(abs(self.f), abs(sample.f)))
        return _SEEN * max(self.noise[1], _EPS * max(float(np.linalg.norm(self.g)), float(np.linalg.norm(sample.g))))

    def _product(self, h: Array) -> Array:
        """Hessian times `h`, or zero where there is no Hessian."""
        try:
            return self.push(h)
        except (OptimizerError, *UNTRACEABLE):
            return np.zeros(h.size)

    def _sample(self, t: float, y: Array) -> "_Sample":
        return _Sample(t, y - self.x, *self._values(y))

    def _values(self, x: Array) -> tuple[float, Array]:
        point = self.problem.at(x)
        return point.f, point.g


class _Sample(NamedTuple):
    """Step t, the exact displacement h, value and gradient there."""

    t: float
    h: Array
    f: float
    g: Array

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.f) and np.isfinite(self.g).all())


def _worst_tests(
    problem: Problem, start: Array, order: int, directions: int, rng: np.random.Generator
) -> tuple[DerivativeTest, ...]:
    """One test a derivative, that of the direction where it does worst: at `start`, then at a point near it."""
    size = np.maximum(1.0, np.abs(start))
    worst: dict[str, DerivativeTest] = {}
    for base in (start, _near(problem, start, size * rng.uniform(-1.0, 1.0, start.size))):
        for _ in range(directions):
            for test in _tests(problem, base, size * rng.normal(size=start.size), order):
                before = worst.get(test.name)
                if (before is None and base is start) or (before is not None and _rank(test) < _rank(before)):
                    worst[test.name] = test
        if not all(test.ok for test in worst.values()):
            break
    return tuple(worst.values())


def _near(problem: Problem, x: Array, d: Array) -> Array:
    """A point near `x` where value and gradient are finite, or `x` itself."""
    for t in _NEAR:
        try:
            if problem.at(x + t * d).finite:
                return x + t * d
        except (OptimizerError, *UNTRACEABLE):
            return x
    return x


def _tests(problem: Problem, x: Array, d: Array, order: int) -> list[DerivativeTest]:
    """The tests along one direction; a derivative that raises fails by what it says."""
    kinds = [kind for kind in _KINDS if kind[1] <= order]
    try:
        ray = _Ray(problem, x, d)
    except (OptimizerError, *UNTRACEABLE) as error:
        return [_unavailable(*kinds[0], error)]
    found: list[DerivativeTest] = []
    for kind in kinds:
        if kind[1] == 3 and not all(test.ok for test in found):
            found.append(DerivativeTest(*kind[:2], False, np.nan, kind[2], "not tested: one of lower order is wrong"))
            break
        try:
            found.append(_test(ray, *kind))
        except (OptimizerError, *UNTRACEABLE) as error:
            found.append(_unavailable(*kind, error))
    return found


def _test(ray: _Ray, name: str, order: int, expected: int) -> DerivativeTest:
    """Fit the slope to the shortest steps at which the error is seen, those where the leading term rules."""
    rests = [(sample, ray.rest(name, sample)) for sample in ray.samples]
    sizes = np.array([np.linalg.norm(rest) for _, rest in rests])
    if not np.isfinite(sizes[-1:]).all():  # far out, sizes may overflow
        raise NonFiniteError(f"the {name} is not finite")
    seen = [i for i, (sample, _) in enumerate(rests) if np.isfinite(sizes[i]) and sizes[i] > ray.floor(name, sample)]
    last = next((i for i in reversed(seen) if {i, i - 1, i - 2} <= set(seen)), None)
    if last is None:
        return DerivativeTest(name, order, True, np.inf, expected, "exact: no error above round-off")
    window = [i for i in range(last - _WINDOW + 1, last + 1) if i in seen]
    slope = float(np.polyfit(np.log([rests[i][0].t for i in window]), np.log(sizes[window]), 1)[0])
    ok = slope >= expected - _SHORT
    message = f"slope {slope:.2f}, expected {expected}"
    if not ok:
        message += f": {_worst_entry(ray, name, rests[last][1])}"
    return DerivativeTest(name, order, ok, slope, expected, message)


def _worst_entry(ray: _Ray, name: str, rest: Array) -> str:
    """Where the derivative is wrong, in words."""
    if name != "gradient":
        what = "D³f[d, d]" if name == "third derivative" else "H d"
        return f"entry {int(np.abs(rest).argmax())} of {what} differs most from what the gradient says"
    if ray.x.size > _ENTRIES:
        return "the gradient is not that of fun"
    steps = np.diag(_DIFFERENCE * np.maximum(1.0, np.abs(ray.x)))
    values = [(ray.problem.at(ray.x + step).f - ray.problem.at(ray.x - step).f) / (2.0 * step.max()) for step in steps]
    gaps = np.abs(ray.g - values)
    i = int(np.where(np.isfinite(gaps), gaps, -1.0).argmax())
    return f"entry {i} is {ray.g[i]:.6g} where differences of fun give {values[i]:.6g}"


def _unavailable(name: str, order: int, expected: int, error: BaseException) -> DerivativeTest:
    return DerivativeTest(name, order, False, np.nan, expected, f"not to be had: {type(error).__name__}: {error}")


def _rank(test: DerivativeTest) -> tuple[bool, float]:
    """What sorts the worst first."""
    return test.ok, -np.inf if np.isnan(test.slope) else test.slope


def _roughness(values: Array) -> float:
    """Standard deviation of the noise in `values`, shape (points, entries), of a smooth function on a line.

    Zero where differences have one sign, or those of several orders do not agree: there they are the function's own.
    """
    found = []
    for k in _NOISE_ORDERS:
        differences = np.diff(values, k, axis=0)
        differences = differences[:, (differences.min(axis=0) < 0.0) & (differences.max(axis=0) > 0.0)]
        share = math.factorial(k) ** 2 / math.factorial(2 * k)
        found.append(math.sqrt(share * float(np.sum(np.mean(differences**2, axis=0)))))
    return found[-1] if max(found) <= _AGREED * min(found) else 0.0


def _once(make: Callable[[], Callable[[Array], Array]]) -> Callable[[Array], Array]:
    """The function that `make` gives, made when it is first called."""
    made: list[Callable[[Array], Array]] = []

    def call(v: Array) -> Array:
        if not made:
            made.append(make())
        return made[0](v)

    return call
