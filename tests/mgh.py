"""Eighteen of the Moré–Garbow–Hillstrom test problems, in plain NumPy.

J. J. Moré, B. S. Garbow and K. E. Hillstrom, "Testing Unconstrained Optimization Software",
ACM Transactions on Mathematical Software 7 (1981) 17–41.

Each problem is a residual function r: R^n -> R^m with a standard start. It serves three kinds of test:

- least squares: residual r(x), Jacobian (m, n);
- minimisation:  objective f(x) = sum of r(x)**2 (no factor 1/2);
- root finding:  r(x) = 0, where m == n and the least value is 0.

The usual further starts are 10 * x0 and 100 * x0. The number in each comment is the one in the paper.

    from mgh import PROBLEMS
    p = PROBLEMS["rosenbrock"]
    p.objective(p.x0), p.residual(p.x0), p.minima
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class TestProblem:
    """A sum-of-squares problem.

    minima      values of the sum of squares at known local minimisers, least first
    stationary  other values where the gradient vanishes or fades (degenerate points, |x| -> infinity):
                an honest solver may stop there, but the problem is not solved
    """

    __test__ = False  # not a pytest class

    name: str
    residual: Callable
    x0: np.ndarray
    minima: tuple
    n: int
    m: int
    stationary: tuple = ()

    @cached_property
    def objective(self):
        """One function, which keeps what has been compiled for it; a bound method would be another one each time."""
        residual = self.residual
        return lambda x: np.sum(residual(x) ** 2)


# 1
def rosenbrock(x):
    return np.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])


# 2
def freudenstein_roth(x):
    a, b = x
    return np.stack([-13.0 + a + ((5.0 - b) * b - 2.0) * b, -29.0 + a + ((b + 1.0) * b - 14.0) * b])


# 3  the two unknowns differ by six orders of magnitude at the solution
def powell_badly_scaled(x):
    return np.stack([1e4 * x[0] * x[1] - 1.0, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001])


# 4  solution (1e6, 2e-6)
def brown_badly_scaled(x):
    a, b = x
    return np.stack([a - 1e6, b - 2e-6, a * b - 2.0])


# 5
_BEALE = np.array([1.5, 2.25, 2.625])


def beale(x):
    return _BEALE - x[0] * (1.0 - x[1] ** np.arange(1, 4))


# 6  large residual: Gauss–Newton is slow, round-off dominates early
_I10 = np.arange(1.0, 11.0)


def jennrich_sampson(x):
    return 2.0 + 2.0 * _I10 - (np.exp(_I10 * x[0]) + np.exp(_I10 * x[1]))


# 7  angle in turns, with its cut along x1 = 0, x2 < 0 as in the paper
def helical_valley(x):
    a, b, c = x
    turn = 0.25 + np.arctan2(-a, b) / (2.0 * np.pi)
    return np.stack([10.0 * (c - 10.0 * turn), 10.0 * (np.hypot(a, b) - 1.0), c])


# 8
_BARD_Y = np.array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39])
_BARD_U = np.arange(1.0, 16.0)
_BARD_V = 16.0 - _BARD_U
_BARD_W = np.minimum(_BARD_U, _BARD_V)


def bard(x):
    return _BARD_Y - (x[0] + _BARD_U / (_BARD_V * x[1] + _BARD_W * x[2]))


# 10  the solution is (0.0056, 6181, 345): bad scaling and a long curved valley
_MEYER_Y = np.array(
    [34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872], dtype=float
)
_MEYER_T = 45.0 + 5.0 * np.arange(1, 17)


def meyer(x):
    return x[0] * np.exp(x[1] / (_MEYER_T + x[2])) - _MEYER_Y


# 13  the Hessian is singular at the solution
def powell_singular(x):
    a, b, c, d = x
    return np.stack([a + 10.0 * b, np.sqrt(5.0) * (c - d), (b - 2.0 * c) ** 2, np.sqrt(10.0) * (a - d) ** 2])


# 14
def wood(x):
    a, b, c, d = x
    return np.stack(
        [
            10.0 * (b - a**2),
            1.0 - a,
            np.sqrt(90.0) * (d - c**2),
            1.0 - c,
            np.sqrt(10.0) * (b + d - 2.0),
            (b - d) / np.sqrt(10.0),
        ]
    )


# 15
_KOWALIK_Y = np.array([0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])
_KOWALIK_U = np.array([4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])


def kowalik_osborne(x):
    u = _KOWALIK_U
    return _KOWALIK_Y - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3])


# 16  large residual
_BROWN_T = np.arange(1, 21) / 5.0


def brown_dennis(x):
    t = _BROWN_T
    return (x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2


# 17
_OSBORNE1_Y = np.array(
    [
        0.844,
        0.908,
        0.932,
        0.936,
        0.925,
        0.908,
        0.881,
        0.850,
        0.818,
        0.784,
        0.751,
        0.718,
        0.685,
        0.658,
        0.628,
        0.603,
        0.580,
        0.558,
        0.538,
        0.522,
        0.506,
        0.490,
        0.478,
        0.467,
        0.457,
        0.448,
        0.438,
        0.431,
        0.424,
        0.420,
        0.414,
        0.411,
        0.406,
    ]
)
_OSBORNE1_T = 10.0 * np.arange(33)


def osborne1(x):
    return _OSBORNE1_Y - (x[0] + x[1] * np.exp(-_OSBORNE1_T * x[3]) + x[2] * np.exp(-_OSBORNE1_T * x[4]))


# 18
_BIGGS_T = 0.1 * np.arange(1, 14)
_BIGGS_Y = np.exp(-_BIGGS_T) - 5.0 * np.exp(-10.0 * _BIGGS_T) + 3.0 * np.exp(-4.0 * _BIGGS_T)


def biggs_exp6(x):
    t = _BIGGS_T
    return x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4]) - _BIGGS_Y


# 25  any n
def variably_dimensioned(x):
    s = np.sum(np.arange(1, x.shape[0] + 1) * (x - 1.0))
    return np.concatenate([x - 1.0, np.stack([s, s**2])])


# 27  any n
def brown_almost_linear(x):
    n = x.shape[0]
    return np.concatenate([x[:-1] + np.sum(x) - (n + 1.0), np.prod(x)[None] - 1.0])


# 30  any n; the Jacobian is tridiagonal
def broyden_tridiagonal(x):
    end = np.zeros(1)
    left = np.concatenate([end, x[:-1]])
    right = np.concatenate([x[1:], end])
    return (3.0 - 2.0 * x) * x - left - 2.0 * right + 1.0


def _problem(residual, x0, minima, m, stationary=()):
    x0 = np.asarray(x0, dtype=float)
    x0.setflags(write=False)
    return TestProblem(residual.__name__, residual, x0, tuple(minima), x0.size, m, tuple(stationary))


PROBLEMS = {
    p.name: p
    for p in [
        _problem(rosenbrock, [-1.2, 1.0], [0.0], 2),
        _problem(freudenstein_roth, [0.5, -2.0], [0.0, 48.98425367924], 2),
        _problem(powell_badly_scaled, [0.0, 1.0], [0.0, 1.0402940039616], 2),
        _problem(brown_badly_scaled, [1.0, 1.0], [0.0], 3),
        _problem(beale, [1.0, 1.0], [0.0], 3),
        _problem(jennrich_sampson, [0.3, 0.4], [124.36218235562], 10, [259.58019013425]),
        _problem(helical_valley, [-1.0, 0.0, 0.0], [0.0], 3),
        _problem(bard, [1.0, 1.0, 1.0], [8.2148773065790e-3, 1.8862748135914, 2.3629162971918], 15, [17.428693333333]),
        _problem(meyer, [0.02, 4000.0, 250.0], [87.945855170740], 16, [3890764353.0]),
        _problem(powell_singular, [3.0, -1.0, 0.0, 1.0], [0.0], 4),
        _problem(wood, [-3.0, -1.0, -3.0, -1.0], [0.0], 6),
        _problem(kowalik_osborne, [0.25, 0.39, 0.415, 0.39], [3.0750560384924e-4], 11, [1.0273430486955e-3]),
        _problem(brown_dennis, [25.0, 5.0, -5.0, -1.0], [85822.201626356], 20),
        _problem(osborne1, [0.5, 1.5, -1.0, 0.01, 0.02], [5.4648946974826e-5], 33, [2.4518295138746e-2]),
        _problem(biggs_exp6, [1.0, 2.0, 1.0, 1.0, 1.0, 1.0], [0.0, 5.6556499255e-3], 13, [0.30636677262]),
        _problem(variably_dimensioned, 1.0 - np.arange(1, 11) / 10.0, [0.0], 12),
        _problem(brown_almost_linear, np.full(10, 0.5), [0.0, 0.9179000997857], 10, [1.0]),
        _problem(broyden_tridiagonal, np.full(10, -1.0), [0.0], 10),
    ]
}
