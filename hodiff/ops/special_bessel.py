"""Bessel functions of all kinds, plain and scaled, and their relatives: Hankel, Airy, Kelvin, Struve, Wright.

Formulas: NIST Digital Library of Mathematical Functions, §§ 9, 10, 11. Derivatives are taken with respect to the
argument; those with respect to the order have no closed form and are refused. The scaled functions decay like a power
of x while the recurrence for their derivative is a difference of two of them, so far out the derivative comes from
Hankel's expansion instead. May import ``errors`` and ``kinds``.

>>> import hodiff as hd
>>> float(hd.grad(special.i1)(0.0))
0.5
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from hodiff.errors import NoRuleError
from hodiff.kinds import elementwise, general

_ROOT_PI = float(np.sqrt(np.pi))
_ROOT_HALF_PI = float(np.sqrt(np.pi / 2))
_ROOT_3 = float(np.sqrt(3.0))


def _refused(name: str, argument: str = "v, the order") -> Callable[..., Any]:
    """Partial (or forward rule) with respect to an argument whose derivative has no closed form."""

    def refuse(*operands: Any) -> Any:
        raise NoRuleError.for_function(f"scipy.special.{name} (with respect to its argument {argument})")

    return refuse


def _of_order(function: Any, partial: Callable[..., Any]) -> Any:
    """Elementwise operation of an order and an argument."""
    return elementwise(function, _refused(function.__name__), partial)


def _difference(function: Any) -> Callable[..., Any]:
    """C' = (C at v - 1 less C at v + 1) / 2 (DLMF 10.6.1)."""
    return lambda ans, v, x: 0.5 * (function(v - 1.0, x) - function(v + 1.0, x))


def _mean(function: Any) -> Callable[..., Any]:
    """Half the sum of the neighbours (DLMF 10.29.1)."""
    return lambda ans, v, x: 0.5 * (function(v - 1.0, x) + function(v + 1.0, x))


# --- Bessel functions -------------------------------------------------------------------------------------------------

jv = _of_order(special.jv, _difference(special.jv))
yv = _of_order(special.yv, _difference(special.yv))
iv = _of_order(special.iv, _mean(special.iv))
kv = _of_order(special.kv, lambda ans, v, x: -0.5 * (special.kv(v - 1.0, x) + special.kv(v + 1.0, x)))
yn = elementwise(special.yn, _refused("yn", "n, the order"), _difference(special.yv))
kn = elementwise(
    special.kn,
    _refused("kn", "n, the order"),
    lambda ans, n, x: -0.5 * (special.kv(n - 1.0, x) + special.kv(n + 1.0, x)),
)
hankel1 = _of_order(special.hankel1, _difference(special.hankel1))
hankel2 = _of_order(special.hankel2, _difference(special.hankel2))
j0 = elementwise(special.j0, lambda ans, x: -special.j1(x))
j1 = elementwise(special.j1, lambda ans, x: 0.5 * (special.j0(x) - special.jv(2.0, x)))
y0 = elementwise(special.y0, lambda ans, x: -special.y1(x))
y1 = elementwise(special.y1, lambda ans, x: 0.5 * (special.y0(x) - special.yv(2.0, x)))
i0 = elementwise(special.i0, lambda ans, x: special.i1(x))
i1 = elementwise(special.i1, lambda ans, x: 0.5 * (special.i0(x) + special.iv(2.0, x)))
k0 = elementwise(special.k0, lambda ans, x: -special.k1(x))
k1 = elementwise(special.k1, lambda ans, x: -0.5 * (special.k0(x) + special.kv(2.0, x)))

# --- scaled Bessel functions ------------------------------------------------------------------------------------------


def _hankel_sum(v: Any, z: Any, order: int, turn: complex) -> Any:
    """Derivative of some order of Σ turnᵏ aₖ(v) z^(-k - ½) (DLMF 10.17.1), for large z."""
    v, z = np.asarray(v), np.asarray(z)
    z = z.astype(np.result_type(z, np.float64))
    term = z ** (-0.5 - order)
    for j in range(order):
        term = term * -(0.5 + j)
    total = term
    for k in range(1, 25):
        term = term * ((4 * v * v - (2 * k - 1) ** 2) * (k - 0.5 + order) / (8 * k * (k - 0.5))) * (turn / z)
        total = total + term
    return total


hankel_sum: Any = elementwise(
    _hankel_sum,
    _refused("kve", "v, the order"),
    lambda ans, v, z, order, turn: hankel_sum(v, z, order=order + 1, turn=turn),
    name="hankel_sum",
)


def _far(v: Any, z: Any) -> Any:
    """Where 24 terms of Hankel's expansion give full precision."""
    return np.greater(np.abs(z), np.maximum(40.0, 4.0 * np.square(v)))


def _tail(far: Any, v: Any, z: Any, turn: complex) -> Any:
    """First derivative of Hankel's sum where it is far, and something finite elsewhere."""
    return hankel_sum(v, np.where(far, z, 1e3), order=1, turn=turn)


def _kve_slope(ans: Any, v: Any, z: Any) -> Any:
    far = _far(v, z)
    near = ans - 0.5 * (special.kve(v - 1.0, z) + special.kve(v + 1.0, z))
    return np.where(far, _ROOT_HALF_PI * _tail(far, v, z, 1.0), near)


def _ive_slope(ans: Any, v: Any, x: Any) -> Any:
    """For real x. At 0 the factor exp(-abs(x)) has a kink, and the mean of both sides is taken."""
    size = np.abs(x)
    far = _far(v, x)
    near = 0.5 * (special.ive(v - 1.0, x) + special.ive(v + 1.0, x)) - np.sign(x) * ans
    # Negative x is for whole v, where the function is even or odd.
    mirror = np.where(np.less(x, 0), -np.cos(np.pi * v), 1.0)
    return np.where(far, mirror / (2 * _ROOT_HALF_PI) * _tail(far, v, size, -1.0), near)


def _ive_jvp(t: Any, ans: Any, v: Any, z: Any) -> Any:
    if not np.iscomplexobj(z):
        return t * _ive_slope(ans, v, z)
    slope = 0.5 * (special.ive(v - 1.0, z) + special.ive(v + 1.0, z))
    return t * slope - np.sign(np.real(z)) * np.real(t) * ans


def _imaginary_scaled(function: Any) -> Any:
    """A function that is scaled by exp(-abs(Im z)), which is 1 for real arguments and not holomorphic for others."""
    slope = _difference(function)

    def jvp(t: Any, ans: Any, v: Any, z: Any) -> Any:
        straight = t * slope(ans, v, z)
        return straight - np.sign(np.imag(z)) * np.imag(t) * ans if np.iscomplexobj(z) else straight

    return general(function, _refused(function.__name__), jvp, core=0, numpy=function)


def _hankel_slope(function: Any, turn: complex) -> Callable[..., Any]:
    """The derivative of H(v, z) exp(-turn z), where turn is i for the first kind, -i for the second."""

    def slope(ans: Any, v: Any, z: Any) -> Any:
        far = _far(v, z) & np.greater(np.real(z), 0)
        near = 0.5 * (function(v - 1.0, z) - function(v + 1.0, z)) - turn * ans
        phase = np.exp(-turn * (np.pi / 2) * (v + 0.5)) / _ROOT_HALF_PI
        return np.where(far, phase * _tail(far, v, z, turn), near)

    return slope


jve = _imaginary_scaled(special.jve)
yve = _imaginary_scaled(special.yve)
ive = general(special.ive, _refused("ive"), _ive_jvp, core=0, numpy=special.ive)
kve = _of_order(special.kve, _kve_slope)
hankel1e = _of_order(special.hankel1e, _hankel_slope(special.hankel1e, 1j))
hankel2e = _of_order(special.hankel2e, _hankel_slope(special.hankel2e, -1j))
i0e = elementwise(special.i0e, lambda ans, x: _ive_slope(ans, 0.0, x))
i1e = elementwise(special.i1e, lambda ans, x: _ive_slope(ans, 1.0, x))
k0e = elementwise(special.k0e, lambda ans, x: _kve_slope(ans, 0.0, x))
k1e = elementwise(special.k1e, lambda ans, x: _kve_slope(ans, 1.0, x))

# --- Airy functions (DLMF 9.2.1, 9.6) ---------------------------------------------------------------------------------


def _airye_slopes(ans: Any, x: Any) -> tuple[Any, ...]:
    """Derivatives for real x; far out through the scaled Bessel functions of ζ = (2/3) x^(3/2)."""
    ai, aip, bi, bip = ans
    far = np.greater(x, 10.0)
    z = np.where(far, x, 16.0)
    root = np.sqrt(z)
    zeta = (2 / 3) * z * root

    def k(v: float) -> Any:
        return _kve_slope(special.kve(v, zeta), v, zeta) / np.pi

    def i(v: float) -> Any:
        return sum(_ive_slope(special.ive(s, zeta), s, zeta) for s in (v, -v))

    tails = (
        ai / (2 * z) + z / _ROOT_3 * k(1 / 3),
        aip / z - z * root / _ROOT_3 * k(2 / 3),
        bi / (2 * z) + z / _ROOT_3 * i(1 / 3),
        bip / z + z * root / _ROOT_3 * i(2 / 3),
    )
    rate = np.sqrt(np.where(np.greater(x, 0) & ~far, x, 0.0))
    near = (aip + rate * ai, x * ai + rate * aip, bip - rate * bi, x * bi - rate * bip)
    return tuple(np.where(far, tail, value) for tail, value in zip(tails, near, strict=True))


def _airye_jvp(t: Any, ans: Any, z: Any) -> Any:
    if not np.iscomplexobj(z):
        return tuple(t * slope for slope in _airye_slopes(ans, z))
    ai, aip, bi, bip = ans
    root = np.sqrt(z)
    # Bi and Bi' are scaled by exp(-abs(Re ζ)), which is not holomorphic.
    shrink = np.sign(np.real(z * root)) * np.real(root * t)
    return t * (aip + root * ai), t * (z * ai + root * aip), t * bip - shrink * bi, t * z * bi - shrink * bip


airy = general(
    special.airy,
    lambda t, ans, x: (t * ans[1], t * x * ans[0], t * ans[3], t * x * ans[2]),
    name="airy",
    core=0,
    numpy=special.airy,
)
airye = general(special.airye, _airye_jvp, name="airye", core=0, numpy=special.airye)


def _itairy_jvp(t: Any, ans: Any, x: Any) -> Any:
    ahead, behind = special.airy(x), special.airy(-x)
    return t * ahead[0], t * ahead[2], t * behind[0], t * behind[2]


itairy = general(special.itairy, _itairy_jvp, name="itairy", core=0, numpy=special.itairy)

# --- Kelvin functions (DLMF 10.61.1, 10.61.2) -------------------------------------------------------------------------
# ber + i bei = J₀(x e^(3πi/4)) and ker + i kei = K₀(x e^(πi/4)), so all derivatives are regular at 0.

_J_TURN = complex(-np.sqrt(0.5), np.sqrt(0.5))
_K_TURN = complex(np.sqrt(0.5), np.sqrt(0.5))


def _first_kind(x: Any) -> Any:
    """Second derivative of ber + i bei."""
    return -0.5j * (special.jv(2.0, _J_TURN * x) - special.jv(0.0, _J_TURN * x))


def _second_kind(x: Any) -> Any:
    """Second derivative of ker + i kei."""
    return 0.5j * (special.kv(2.0, _K_TURN * x) + special.kv(0.0, _K_TURN * x))


ber = elementwise(special.ber, lambda ans, x: special.berp(x))
bei = elementwise(special.bei, lambda ans, x: special.beip(x))
ker = elementwise(special.ker, lambda ans, x: special.kerp(x))
kei = elementwise(special.kei, lambda ans, x: special.keip(x))
berp = elementwise(special.berp, lambda ans, x: np.real(_first_kind(x)))
beip = elementwise(special.beip, lambda ans, x: np.imag(_first_kind(x)))
kerp = elementwise(special.kerp, lambda ans, x: np.real(_second_kind(x)))
keip = elementwise(special.keip, lambda ans, x: np.imag(_second_kind(x)))
kelvin = general(
    special.kelvin,
    lambda t, ans, x: (t * ans[2], t * ans[3], t * _first_kind(x), t * _second_kind(x)),
    name="kelvin",
    core=0,
    numpy=special.kelvin,
)

# --- Struve functions (DLMF 11.4) -------------------------------------------------------------------------------------


def _struve_power(v: Any, x: Any) -> Any:
    return np.power(0.5 * x, v) * (special.rgamma(v + 1.5) / _ROOT_PI)


def _near_slope(function: Any, sign: float, v: Any, x: Any) -> Any:
    """DLMF 11.4.27, 11.4.28: regular at 0; for v = 0 without the order -1, whose own derivative is not."""
    flat = np.equal(v, 0)
    lower, upper = function(np.where(flat, 1.0, v - 1.0), x), function(v + 1.0, x)
    power = _struve_power(v, x)
    return np.where(flat, power + sign * upper, 0.5 * (lower + sign * upper + power))


def _struve_slope(ans: Any, v: Any, x: Any) -> Any:
    """Far out the terms of the regular formula are large and cancel, those of DLMF 11.4.25 are not."""
    far = np.greater(np.abs(x), 8.0)
    z, s = np.where(far, x, 9.0), np.where(far, 0.0, x)
    return np.where(far, special.struve(v - 1.0, z) - v / z * ans, _near_slope(special.struve, -1.0, v, s))


struve = _of_order(special.struve, _struve_slope)
modstruve = _of_order(special.modstruve, lambda ans, v, x: _near_slope(special.modstruve, 1.0, v, x))
itstruve0 = elementwise(special.itstruve0, lambda ans, x: special.struve(0.0, x))
itmodstruve0 = elementwise(special.itmodstruve0, lambda ans, x: special.modstruve(0.0, x))
iti0k0 = general(
    special.iti0k0,
    lambda t, ans, x: (t * special.i0(x), t * special.k0(x)),
    name="iti0k0",
    core=0,
    numpy=special.iti0k0,
)
itj0y0 = general(
    special.itj0y0,
    lambda t, ans, x: (t * special.j0(x), t * special.y0(x)),
    name="itj0y0",
    core=0,
    numpy=special.itj0y0,
)

# --- Wright's functions, integrals of Bessel functions ----------------------------------------------------------------

wright_bessel = elementwise(
    special.wright_bessel,
    _refused("wright_bessel", "a"),
    _refused("wright_bessel", "b"),
    lambda ans, a, b, x: special.wright_bessel(a, a + b, x),
)
log_wright_bessel = elementwise(
    special.log_wright_bessel,
    _refused("log_wright_bessel", "a"),
    _refused("log_wright_bessel", "b"),
    lambda ans, a, b, x: np.exp(special.log_wright_bessel(a, a + b, x) - ans),
)
wrightomega = elementwise(special.wrightomega, lambda ans, x: ans / (1 + ans))
# ∫₀¹ xˡ Jᵥ(2ax) dx.
besselpoly = elementwise(
    special.besselpoly,
    lambda ans, a, lmb, nu: special.besselpoly(a, lmb + 1.0, nu - 1.0) - special.besselpoly(a, lmb + 1.0, nu + 1.0),
    _refused("besselpoly", "lmb"),
    _refused("besselpoly", "nu, the order"),
)
