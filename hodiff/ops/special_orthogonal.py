"""Orthogonal polynomials, hypergeometric functions, and the functions of Legendre, Weber, Mathieu and of spheroids.

Formulas: NIST Digital Library of Mathematical Functions, §§ 12 to 15, 18, 28, 30. Derivatives are taken with respect
to the argument, in forms without division by 1 - x², so that the ends of the interval need no care; those with respect
to degrees, orders and parameters are refused. Functions that SciPy returns together with their derivative have their
second derivative from the differential equation. May import ``core``, ``errors``
and ``kinds``.

>>> import hodiff as hd
>>> float(hd.grad(lambda x: special.eval_legendre(3, x))(1.0))
6.0
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from hodiff.core import Tracer
from hodiff.errors import NoRuleError
from hodiff.kinds import elementwise, general

_ROOT_PI = float(np.sqrt(np.pi))
_DEGREE = float(np.pi / 180)


def _refused(name: str, argument: str) -> Callable[..., Any]:
    """Partial (or forward rule) with respect to an argument whose derivative has no closed form."""

    def refuse(*operands: Any) -> Any:
        raise NoRuleError.for_function(f"scipy.special.{name} (with respect to its argument {argument})")

    return refuse


def _parametric(function: Any, parameters: str, partial: Callable[..., Any]) -> Any:
    """Elementwise operation of parameters, whose names are given, and one argument."""
    name = function.__name__
    return elementwise(function, *(_refused(name, argument) for argument in parameters.split()), partial)


# --- orthogonal polynomials (DLMF 18.9.iii) ---------------------------------------------------------------------------


def _whole(n: Any) -> Any:
    """Degrees that are whole as integers: SciPy's recurrences hold where its series for any degree overflow."""
    if isinstance(n, Tracer) or np.result_type(n) != np.float64:
        return n
    return np.asarray(n, int) if np.all(np.equal(n, np.rint(n)) & (np.abs(n) < 2**31)) else n


def _polynomial(function: Any, parameters: str, partial: Callable[..., Any]) -> Any:
    """Orthogonal polynomial, of which the first parameter is the degree."""
    return _parametric(function, parameters, lambda ans, n, *rest: partial(ans, _whole(n), *rest))


def _lowered(n: Any) -> Any:
    """n - 1, except for n = 0, whose function is constant."""
    return np.where(np.equal(n, 0), n, n - 1)


def _gegenbauer_slope(n: Any, alpha: Any, x: Any) -> Any:
    return 2 * alpha * np.not_equal(n, 0) * special.eval_gegenbauer(_lowered(n), alpha + 1.0, x)


def _legendre_slope(n: Any, x: Any) -> Any:
    """Derivative of Pₙ = P₋ₙ₋₁."""
    return _gegenbauer_slope(np.where(np.less(n, -0.5), -n - 1, n), 0.5, x)


def _second_slope(n: Any, x: Any) -> Any:
    """Derivative of Uₙ = -U₋ₙ₋₂, Chebyshev's polynomials of the second kind."""
    below = np.less(n, -1)
    return np.where(below, -1.0, 1.0) * _gegenbauer_slope(np.where(below, -n - 2, n), 1.0, x)


def _laguerre_slope(n: Any, alpha: Any, x: Any) -> Any:
    return -1.0 * np.not_equal(n, 0) * special.eval_genlaguerre(_lowered(n), alpha + 1.0, x)


def _jacobi_slope(ans: Any, n: Any, a: Any, b: Any, x: Any) -> Any:
    scale = 0.5 * np.not_equal(n, 0) * (n + a + b + 1.0)
    return scale * special.eval_jacobi(_lowered(n), a + 1.0, b + 1.0, x)


eval_chebyt = _polynomial(special.eval_chebyt, "n", lambda ans, n, x: n * special.eval_chebyu(n - 1, x))
eval_chebyu = _polynomial(special.eval_chebyu, "n", lambda ans, n, x: _second_slope(n, x))
eval_chebyc = _polynomial(special.eval_chebyc, "n", lambda ans, n, x: n * special.eval_chebys(n - 1, x))
eval_chebys = _polynomial(special.eval_chebys, "n", lambda ans, n, x: 0.5 * _second_slope(n, 0.5 * x))
eval_legendre = _polynomial(special.eval_legendre, "n", lambda ans, n, x: _legendre_slope(n, x))
eval_gegenbauer = _polynomial(
    special.eval_gegenbauer, "n alpha", lambda ans, n, alpha, x: _gegenbauer_slope(n, alpha, x)
)
eval_jacobi = _polynomial(special.eval_jacobi, "n alpha beta", _jacobi_slope)
eval_laguerre = _polynomial(special.eval_laguerre, "n", lambda ans, n, x: _laguerre_slope(n, 0.0, x))
eval_genlaguerre = _polynomial(
    special.eval_genlaguerre, "n alpha", lambda ans, n, alpha, x: _laguerre_slope(n, alpha, x)
)
eval_hermite = _polynomial(special.eval_hermite, "n", lambda ans, n, x: 2 * n * special.eval_hermite(_lowered(n), x))
eval_hermitenorm = _polynomial(
    special.eval_hermitenorm, "n", lambda ans, n, x: n * special.eval_hermitenorm(_lowered(n), x)
)
# The shifted ones are functions of 2x - 1; Gₙ, whose leading coefficient is 1, stays in its family.
eval_sh_chebyt = _polynomial(special.eval_sh_chebyt, "n", lambda ans, n, x: 2 * n * special.eval_sh_chebyu(n - 1, x))
eval_sh_chebyu = _polynomial(special.eval_sh_chebyu, "n", lambda ans, n, x: 2 * _second_slope(n, 2 * x - 1))
eval_sh_legendre = _polynomial(special.eval_sh_legendre, "n", lambda ans, n, x: 2 * _legendre_slope(n, 2 * x - 1))
eval_sh_jacobi = _polynomial(
    special.eval_sh_jacobi,
    "n p q",
    lambda ans, n, p, q, x: n * special.eval_sh_jacobi(_lowered(n), p + 2.0, q + 1.0, x),
)

# --- hypergeometric functions (DLMF 13.3.15, 13.3.22, 15.5.1, 16.3.1) -------------------------------------------------

hyp0f1 = _parametric(special.hyp0f1, "v", lambda ans, v, z: special.hyp0f1(v + 1.0, z) / v)
hyp1f1 = _parametric(special.hyp1f1, "a b", lambda ans, a, b, x: a / b * special.hyp1f1(a + 1.0, b + 1.0, x))
hyp2f1 = _parametric(
    special.hyp2f1, "a b c", lambda ans, a, b, c, z: a * b / c * special.hyp2f1(a + 1.0, b + 1.0, c + 1.0, z)
)
hyperu = _parametric(special.hyperu, "a b", lambda ans, a, b, x: -a * special.hyperu(a + 1.0, b + 1.0, x))

# --- Legendre functions (DLMF 14.3, 14.6.1) ---------------------------------------------------------------------------


def _ferrers(p: Any, j: Any, v: Any, x: Any) -> Any:
    """(1 - x²)^(p/2) times the j-th derivative of Pᵥ(x), which for whole v is a Gegenbauer polynomial."""
    v = np.where(np.less(v, -0.5), -np.asarray(v) - 1.0, v)
    j = np.asarray(j, float)
    whole = np.equal(v, np.rint(v))
    n = np.where(whole, v - j, 0.0).astype(np.int64)
    double_factorial = np.exp2(j) * special.gamma(j + 0.5) / _ROOT_PI
    polynomial = double_factorial * special.eval_gegenbauer(n, j + 0.5, x)
    scale = special.poch(v - j + 1, 2 * j) / (np.exp2(j) * special.gamma(j + 1))
    series = scale * special.hyp2f1(j - v, v + j + 1, j + 1, 0.5 * (1 - x))
    weight = np.where(np.abs(x) <= 1, np.power((1 - x) * (1 + x), 0.5 * np.asarray(p)), np.nan)
    return np.where(whole & (n < 0), 0.0, weight * np.where(whole, polynomial, series))[()]


def _ferrers_slope(ans: Any, p: Any, j: Any, v: Any, x: Any) -> Any:
    flat = np.equal(p, 0)
    weight = np.where(flat, 0.0, -p * x * ferrers(np.where(flat, 0, p - 2), j, v, x))
    return weight + ferrers(p, j + 1, v, x)


def _lpmv_slope(ans: Any, m: Any, v: Any, x: Any) -> Any:
    order = np.abs(m)
    below = np.less(m, 0)
    # DLMF 14.9.3; the sign (-1)ᵐ is that of SciPy's definition.
    fraction = 1 / special.poch(v - np.where(below, order, 0) + 1.0, np.where(below, 2 * order, 0))
    scale = np.where(below, fraction, 1.0 - 2.0 * np.remainder(order, 2))
    return scale * _ferrers_slope(ans, order, order, v, x)


ferrers: Any = elementwise(_ferrers, None, None, None, _ferrers_slope, name="ferrers")
lpmv = _parametric(special.lpmv, "m v", _lpmv_slope)

# --- functions that come with their derivative ------------------------------------------------------------------------


def _with_derivative(function: Any, parameters: str, second: Callable[..., Any], unit: float = 1.0) -> Any:
    """A function and its derivative; ``second(value, slope, *operands)`` is the second one, ``unit`` that of x."""
    name = function.__name__

    def jvp(t: Any, ans: Any, *operands: Any) -> Any:
        step = unit * t
        return step * ans[1], step * second(ans[0], ans[1], *operands)

    refusals = (_refused(name, argument) for argument in parameters.split())
    return general(function, *refusals, jvp, name=name, core=0, numpy=function)


# Weber's parabolic cylinder functions (DLMF 12.2.2, 12.14.1).
pbdv = _with_derivative(special.pbdv, "v", lambda y, slope, v, x: (0.25 * x * x - v - 0.5) * y)
pbvv = _with_derivative(special.pbvv, "v", lambda y, slope, v, x: (0.25 * x * x - v - 0.5) * y)
pbwa = _with_derivative(special.pbwa, "a", lambda y, slope, a, x: (a - 0.25 * x * x) * y)


def _mathieu(function: Any, characteristic: Any, modified: bool) -> Any:
    """Mathieu functions (DLMF 28.2.1), whose argument is in degrees, and the modified ones (DLMF 28.20.1)."""

    def second(y: Any, slope: Any, m: Any, q: Any, x: Any) -> Any:
        if modified:
            return (characteristic(m, q) - 2 * q * np.cosh(2 * x)) * y
        return (2 * q * np.cos(2 * _DEGREE * x) - characteristic(m, q)) * y

    return _with_derivative(function, "m q", second, 1.0 if modified else _DEGREE)


mathieu_cem = _mathieu(special.mathieu_cem, special.mathieu_a, False)
mathieu_sem = _mathieu(special.mathieu_sem, special.mathieu_b, False)
mathieu_modcem1 = _mathieu(special.mathieu_modcem1, special.mathieu_a, True)
mathieu_modcem2 = _mathieu(special.mathieu_modcem2, special.mathieu_a, True)
mathieu_modsem1 = _mathieu(special.mathieu_modsem1, special.mathieu_b, True)
mathieu_modsem2 = _mathieu(special.mathieu_modsem2, special.mathieu_b, True)
mathieu_a = elementwise(special.mathieu_a, _refused("mathieu_a", "m"), _refused("mathieu_a", "q"))
mathieu_b = elementwise(special.mathieu_b, _refused("mathieu_b", "m"), _refused("mathieu_b", "q"))


def _prolate(y: Any, slope: Any, m: Any, n: Any, c: Any, cv: Any, x: Any) -> Any:
    """DLMF 30.2.1, which angular and radial functions share."""
    gap = (1 - x) * (1 + x)
    return (2 * x * slope - (cv - np.square(c * x) - np.square(m) / gap) * y) / gap


def _oblate_angular(y: Any, slope: Any, m: Any, n: Any, c: Any, cv: Any, x: Any) -> Any:
    gap = (1 - x) * (1 + x)
    return (2 * x * slope - (cv + np.square(c * x) - np.square(m) / gap) * y) / gap


def _oblate_radial(y: Any, slope: Any, m: Any, n: Any, c: Any, cv: Any, x: Any) -> Any:
    gap = 1 + x * x
    return ((cv - np.square(c * x) - np.square(m) / gap) * y - 2 * x * slope) / gap


def _spheroidal(function: Any, second: Callable[..., Any], characteristic: Any = None) -> Any:
    """Spheroidal functions; without the function for it, the characteristic value is an operand itself."""
    if characteristic is None:
        return _with_derivative(function, "m n c cv", second)

    def found(y: Any, slope: Any, m: Any, n: Any, c: Any, x: Any) -> Any:
        return second(y, slope, m, n, c, characteristic(m, n, c), x)

    return _with_derivative(function, "m n c", found)


def _refused_entirely(function: Any, arguments: str) -> Any:
    """For the radial functions of the second kind, where SciPy's derivative is not that of SciPy's value."""
    name = function.__name__
    refusals = (_refused(name, argument) for argument in arguments.split())
    return general(function, *refusals, name=name, core=0, numpy=function)


pro_ang1 = _spheroidal(special.pro_ang1, _prolate, special.pro_cv)
pro_rad1 = _spheroidal(special.pro_rad1, _prolate, special.pro_cv)
pro_rad2 = _refused_entirely(special.pro_rad2, "m n c x")
obl_ang1 = _spheroidal(special.obl_ang1, _oblate_angular, special.obl_cv)
obl_rad1 = _spheroidal(special.obl_rad1, _oblate_radial, special.obl_cv)
obl_rad2 = _refused_entirely(special.obl_rad2, "m n c x")
pro_ang1_cv = _spheroidal(special.pro_ang1_cv, _prolate)
pro_rad1_cv = _spheroidal(special.pro_rad1_cv, _prolate)
pro_rad2_cv = _refused_entirely(special.pro_rad2_cv, "m n c cv x")
obl_ang1_cv = _spheroidal(special.obl_ang1_cv, _oblate_angular)
obl_rad1_cv = _spheroidal(special.obl_rad1_cv, _oblate_radial)
obl_rad2_cv = _refused_entirely(special.obl_rad2_cv, "m n c cv x")
pro_cv = elementwise(special.pro_cv, *(_refused("pro_cv", argument) for argument in "mnc"))
obl_cv = elementwise(special.obl_cv, *(_refused("obl_cv", argument) for argument in "mnc"))
