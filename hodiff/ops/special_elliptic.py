"""Elliptic integrals, Jacobian elliptic functions, and Carlson's symmetric integrals.

Every derivative is an integral of t^s Π (t + xᵢ)^(-eᵢ) over t > 0, a family that is closed under differentiation and
regular where arguments coincide (m = 0 among them), unlike the textbook forms with K, E and R_D divided by m or by
differences. Where it is no function of SciPy's it is computed by the trapezoidal rule in log t, which converges
exponentially. Formulas: NIST Digital Library of Mathematical Functions, §§ 19, 22. May import ``errors`` and ``kinds``.

>>> import hodiff as hd
>>> float(hd.grad(special.ellipk)(0.0)) == np.pi / 8
True
"""

from typing import Any

import numpy as np
from scipy import special

from hodiff.errors import NoRuleError
from hodiff.kinds import composite, elementwise, general

_BLOCK = 2048

# --- the family -------------------------------------------------------------------------------------------------------


def _quadrature(*operands: Any, powers: tuple[float, ...], numerator: int = 0) -> Any:
    """∫₀^∞ t^s Π (t + xᵢ)^(-eᵢ) dt by the trapezoidal rule in log t; inf where it diverges, NaN for xᵢ < 0."""
    arrays = np.broadcast_arrays(*operands)
    wide = np.result_type(*(a.dtype for a in arrays), np.float64)
    x = np.stack([a.reshape(-1).astype(wide) for a in arrays])
    total = np.empty(x.shape[1], wide)
    for start in range(0, total.size, _BLOCK):
        total[start : start + _BLOCK] = _trapezoid(x[:, start : start + _BLOCK], np.array(powers), numerator)
    return total.reshape(arrays[0].shape).astype(np.result_type(*operands, np.float32))[()]


def _trapezoid(x: Any, powers: Any, numerator: int) -> Any:
    size = np.abs(x)
    bad = np.isnan(x).any(axis=0) | np.isinf(size).any(axis=0) | ((np.imag(x) == 0) & (np.real(x) < 0)).any(axis=0)
    flat = size == 0
    divergent = (powers[:, None] * flat).sum(axis=0) - numerator >= 1
    skip = bad | divergent
    size, z = np.where(skip | flat, 1.0, size), np.where(skip, 1.0, x)
    low = np.log(np.min(np.where(flat & ~skip, np.inf, size), axis=0)) - 80.0
    high = np.log(np.max(np.where(flat & ~skip, 0.0, size), axis=0)) + 80.0
    # The integrand is analytic in a strip around the real axis, which narrows as the arguments near the cut.
    step = 0.5 * float(np.min(np.pi - np.abs(np.angle(z)))) / np.pi
    nodes = low + step * np.arange(int(np.max(high - low, initial=0.0) / step) + 2)[:, None]
    with np.errstate(under="ignore", over="ignore"):
        logs = (numerator + 1.0) * nodes
        for value, power in zip(z, powers, strict=True):
            logs = logs - power * np.log(np.exp(nodes) + value)
        total = step * np.exp(logs).sum(axis=0)
    return np.where(bad, np.nan, np.where(divergent, np.inf, total))


def _family_partial(slot: int) -> Any:
    def partial(ans: Any, *operands: Any, powers: tuple[float, ...], numerator: int = 0) -> Any:
        raised = tuple(e + (i == slot) for i, e in enumerate(powers))
        return -powers[slot] * symmetric(*operands, powers=raised, numerator=numerator)

    return partial


symmetric: Any = elementwise(_quadrature, *(_family_partial(i) for i in range(4)), name="symmetric")

# --- Carlson's integrals (DLMF 19.16, 19.18) --------------------------------------------------------------------------


def _positive_parameter(p: Any) -> Any:
    if np.any(np.less(np.real(p), 0) & np.equal(np.imag(p), 0)):
        raise NoRuleError.for_function("scipy.special.elliprj for negative p, a Cauchy principal value,")
    return p


checked_parameter = elementwise(_positive_parameter, 1, name="checked_parameter")


def _carlson(scale: float, slot: int, *powers: float, numerator: int = 0) -> Any:
    """Partial of ``scale`` times the integral with respect to the operand in ``slot``."""
    raised = tuple(e + (i == slot) for i, e in enumerate(powers))
    factor = -scale * powers[slot]

    def partial(ans: Any, *operands: Any) -> Any:
        if len(operands) == 4:
            operands = (*operands[:3], checked_parameter(operands[3]))
        return factor * symmetric(*operands, powers=raised, numerator=numerator)

    return partial


elliprf = elementwise(
    special.elliprf,
    lambda ans, x, y, z: special.elliprd(y, z, x) / -6,
    lambda ans, x, y, z: special.elliprd(x, z, y) / -6,
    lambda ans, x, y, z: special.elliprd(x, y, z) / -6,
)
elliprd = elementwise(special.elliprd, *(_carlson(1.5, i, 0.5, 0.5, 1.5) for i in range(3)))
elliprg = elementwise(special.elliprg, *(_carlson(-0.25, i, 0.5, 0.5, 0.5, numerator=1) for i in range(3)))
elliprj = elementwise(special.elliprj, *(_carlson(1.5, i, 0.5, 0.5, 0.5, 1.0) for i in range(4)))
#: R_C for y > 0.
degenerate = elementwise(
    lambda x, y: special.elliprc(x, y), *(_carlson(0.5, i, 0.5, 1.0) for i in range(2)), name="degenerate"
)


@composite(special.elliprc)
def elliprc(x: Any, y: Any) -> Any:
    """Carlson's R_C; a Cauchy principal value for y < 0 (DLMF 19.2.20)."""
    if np.iscomplexobj(x) or np.iscomplexobj(y):
        return degenerate(x, y)
    below = np.less(y, 0)
    gap = np.where(below, x - y, 1.0)
    scale = np.where(below, np.sqrt(np.where(below, x, 1.0) / gap), 1.0)
    return scale * degenerate(np.where(below, gap, x), np.where(below, -y, y))


# --- Legendre's integrals (DLMF 19.4, 19.25) --------------------------------------------------------------------------


def _reduced(phi: Any, m: Any, n: int, k: int) -> Any:
    """∫ sin²ⁿθ (1 - m sin²θ)^(½ - k) dθ from 0 to φ, abs(φ) ≤ π/2 (DLMF 19.25.v)."""
    s, c = np.sin(phi), np.maximum(np.cos(phi), 0.0)
    square = c * c
    rest = square + (1 - m) * (s * s)
    if (n, k) == (1, 1):
        return s**3 / 3 * special.elliprd(square, rest, 1.0)
    if (n, k) == (1, 2):
        return s**3 / 3 * special.elliprd(square, 1.0, rest)
    return 0.5 * s ** (2 * n + 1) * _quadrature(1.0, rest, square, powers=(n + 1.5 - k, k - 0.5, 0.5))


def _incomplete(phi: Any, m: Any, n: int, k: int) -> Any:
    phi, m = np.asarray(phi), np.asarray(m)
    turns = np.rint(phi / np.pi)
    answer = _reduced(phi - np.pi * turns, m, n, k)
    if np.any(turns != 0):
        square, rest = np.zeros_like(m), 1 - m
        whole = 0.5 * _quadrature(1.0, rest, square, powers=(n + 1.5 - k, k - 0.5, 0.5))
        answer = np.where(turns == 0, answer, answer + 2 * turns * whole)
    return answer[()]


def _incomplete_by_angle(ans: Any, phi: Any, m: Any, n: int, k: int) -> Any:
    square = np.square(np.sin(phi))
    return square**n * np.power(1 - m * square, 0.5 - k)


incomplete: Any = elementwise(
    _incomplete,
    _incomplete_by_angle,
    lambda ans, phi, m, n, k: (k - 0.5) * incomplete(phi, m, n=n + 1, k=k + 1),
    name="incomplete",
)
ellipk = elementwise(special.ellipk, lambda ans, m: special.elliprd(0.0, 1.0, 1 - m) / 6)
ellipkm1 = elementwise(special.ellipkm1, lambda ans, p: special.elliprd(0.0, 1.0, p) / -6)
ellipe = elementwise(special.ellipe, lambda ans, m: special.elliprd(0.0, 1 - m, 1.0) / -6)
ellipkinc = elementwise(
    special.ellipkinc,
    lambda ans, phi, m: 1 / np.sqrt(1 - m * np.square(np.sin(phi))),
    lambda ans, phi, m: 0.5 * incomplete(phi, m, n=1, k=2),
)
ellipeinc = elementwise(
    special.ellipeinc,
    lambda ans, phi, m: np.sqrt(1 - m * np.square(np.sin(phi))),
    lambda ans, phi, m: -0.5 * incomplete(phi, m, n=1, k=1),
)


# --- Jacobian elliptic functions (DLMF 22.13, 22.16) ------------------------------------------------------------------


def _by_argument(t: Any, ans: Any, u: Any, m: Any) -> Any:
    sn, cn, dn, _ = ans
    return t * cn * dn, -t * sn * dn, -t * m * sn * cn, t * dn


def _by_parameter(t: Any, ans: Any, u: Any, m: Any) -> Any:
    """From F(am(u, m), m) = u."""
    sn, cn, dn, amplitude = ans
    turn = -0.5 * t * dn * incomplete(amplitude, m, n=1, k=2)
    return cn * turn, -sn * turn, -(sn * sn * t + 2 * m * sn * cn * turn) / (2 * dn), turn


ellipj = general(special.ellipj, _by_argument, _by_parameter, name="ellipj", core=0, numpy=special.ellipj)
