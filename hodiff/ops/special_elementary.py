"""Functions of ``scipy.special`` made of elementary ones: powers, Box and Cox's transforms, degrees, losses, means.

Removable singularities are removed: exprel(x) = (eˣ - 1)/x and log(1 + x)/x are primitives with the order of
differentiation as a parameter, computed without cancellation. May import ``core`` and ``kinds``.

>>> import hodiff as hd
>>> from scipy import special
>>> [float(hd.grad(special.exprel)(0.0)), float(hd.grad(special.boxcox, 1)(np.e, 0.0).round(12))]
[0.5, 0.5]
"""

from collections.abc import Callable
from math import factorial
from typing import Any

import numpy as np
from scipy import special

from hodiff.core import Primitive
from hodiff.kinds import constant, elementwise

_DEGREE = float(np.pi / 180.0)
#: Gauss and Legendre's rule on [0, 1].
_NODES, _WEIGHTS = (
    (part / 2 + shift) for part, shift in zip(np.polynomial.legendre.leggauss(32), (0.5, 0.0), strict=True)
)


def _in_double(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Evaluate in double precision and return the precision of the operand."""

    def function(x: Any, order: int) -> Any:
        x = np.asarray(x)
        with np.errstate(all="ignore"):
            answer = kernel(x.astype(float), order)
        return answer.astype(x.dtype if x.dtype == np.float32 else float)[()]

    return function


def _exprel(x: Any, order: int) -> Any:
    """∫₀¹ tⁿ exp(xt) dt: quadrature in the middle, DLMF 8.2.1 on the left, by parts on the right."""
    middle = np.where(np.abs(x) <= 30, x, 0.0)
    answer = np.exp(np.multiply.outer(middle, _NODES)) @ (_WEIGHTS * _NODES**order)
    left = -np.where(x < -30, x, -31.0)
    answer = np.where(x < -30, special.gammainc(order + 1, left) * factorial(order) / left ** (order + 1.0), answer)
    right = np.where(x > 30, x, 31.0)
    by_parts, top = special.exprel(right), np.exp(right)
    for k in range(1, order + 1):
        by_parts = np.where(by_parts == np.inf, np.inf, (top - k * by_parts) / right)
    return np.where(x > 30, by_parts, np.where(np.isnan(x), np.nan, answer))


def _log1p_ratio(x: Any, order: int) -> Any:
    """The derivatives of log(1 + x)/x: quadrature of ∫₀¹ 1/(1 + xt) dt near 0, elsewhere from x times it."""
    near = (x > -0.5) & (x < 1)
    small = np.where(near, x, 0.0)
    terms = (1 + np.multiply.outer(small, _NODES)) ** -(order + 1.0)
    middle = (-1) ** order * factorial(order) * (terms @ (_WEIGHTS * _NODES**order))
    far = np.where(near, 1.0, x)
    answer = np.log1p(far) / far
    for k in range(1, order + 1):
        answer = (-factorial(k - 1) * (-1.0 / (1 + far)) ** k - k * answer) / far
    return np.where(near, middle, answer)


#: The derivative of exprel of that order.
exprel_slope: Primitive = elementwise(
    _in_double(_exprel), lambda ans, x, order: exprel_slope(x, order=order + 1), name="exprel_slope"
)
exprel = elementwise(special.exprel, lambda ans, x: exprel_slope(x, order=1))
#: The derivative of log(1 + x)/x of that order.
log1p_ratio: Primitive = elementwise(
    _in_double(_log1p_ratio), lambda ans, x, order: log1p_ratio(x, order=order + 1), name="log1p_ratio"
)


# --- powers and the transforms of Box and Cox -------------------------------------------------------------------------


def _boxcox_parameter(logs: Any, lmbda: Any) -> Any:
    """∂/∂λ of (exp(λ log x) - 1)/λ; 1/λ² where x is 0."""
    end = np.equal(logs, -np.inf)
    safe = np.where(end, 0.0, logs)
    limit = np.where(np.greater(lmbda, 0), 1 / np.square(np.where(end, lmbda, 1.0)), np.nan)
    return np.where(end, limit, np.square(safe) * exprel_slope(lmbda * safe, order=1))


def _inverse_parameter(x: Any, y: Any, lmbda: Any) -> Any:
    """∂/∂λ of x = exp(log(1 + λy)/λ)."""
    return x * np.square(y) * log1p_ratio(lmbda * y, order=1)


def _power_base(x: Any, y: Any) -> Any:
    """∂xʸ/∂x, which is 0 for y = 0, x = 0 included."""
    zero = np.equal(y, 0) & np.equal(x, 0)
    return np.where(zero, 0.0, y * np.power(np.where(zero, 1.0, x), y - 1))


boxcox = elementwise(
    special.boxcox,
    lambda ans, x, lmbda: np.power(x, lmbda - 1.0),
    lambda ans, x, lmbda: _boxcox_parameter(np.log(x), lmbda),
)
boxcox1p = elementwise(
    special.boxcox1p,
    lambda ans, x, lmbda: np.exp(special.xlog1py(lmbda - 1.0, x)),
    lambda ans, x, lmbda: _boxcox_parameter(np.log1p(x), lmbda),
)
inv_boxcox = elementwise(
    special.inv_boxcox,
    lambda ans, y, lmbda: ans / (1 + lmbda * y),
    lambda ans, y, lmbda: _inverse_parameter(ans, y, lmbda),
)
inv_boxcox1p = elementwise(
    special.inv_boxcox1p,
    lambda ans, y, lmbda: (1 + ans) / (1 + lmbda * y),
    lambda ans, y, lmbda: _inverse_parameter(1 + ans, y, lmbda),
)
powm1 = elementwise(
    special.powm1, lambda ans, x, y: _power_base(x, y), lambda ans, x, y: special.xlogy(np.power(x, y), x)
)

# --- degrees ----------------------------------------------------------------------------------------------------------

sindg = elementwise(special.sindg, lambda ans, x: _DEGREE * special.cosdg(x))
cosdg = elementwise(special.cosdg, lambda ans, x: -_DEGREE * special.sindg(x))
tandg = elementwise(special.tandg, lambda ans, x: _DEGREE * (1 + ans * ans))
cotdg = elementwise(special.cotdg, lambda ans, x: -_DEGREE * (1 + ans * ans))
radian = elementwise(
    special.radian,
    lambda ans, d, m, s: _DEGREE,
    lambda ans, d, m, s: _DEGREE / 60,
    lambda ans, d, m, s: _DEGREE / 3600,
    smooth=True,
)
rounded = constant(special.round, name="rounded")

# --- losses -----------------------------------------------------------------------------------------------------------


def _valid(delta: Any, value: Any) -> Any:
    """NaN where delta is negative, where the losses are infinite."""
    return np.where(np.less(delta, 0), np.nan, value)


def _pseudo_huber_scale(ans: Any, delta: Any, r: Any) -> Any:
    """(h - δ)²/h with h = √(δ² + r²); h - δ without cancellation."""
    size = np.hypot(delta, r)
    zero = np.equal(size, 0)
    safe = np.where(zero, 1.0, size)
    excess = r * (r / (safe + delta))
    return _valid(delta, np.where(zero, 0.0, excess * (excess / safe)))


def _pseudo_huber_residual(ans: Any, delta: Any, r: Any) -> Any:
    """δ r/√(δ² + r²)."""
    size = np.hypot(delta, r)
    zero = np.equal(size, 0)
    return _valid(delta, np.where(zero, 0.0, delta * (r / np.where(zero, 1.0, size))))


huber = elementwise(
    special.huber,
    lambda ans, delta, r: _valid(delta, np.maximum(np.abs(r) - delta, 0.0)),
    lambda ans, delta, r: _valid(delta, np.minimum(np.maximum(r, -delta), delta)),
)
pseudo_huber = elementwise(special.pseudo_huber, _pseudo_huber_scale, _pseudo_huber_residual)

# --- the arithmetic-geometric mean ------------------------------------------------------------------------------------


def _mean_partial(a: Any, b: Any) -> Any:
    """∂ agm(a, b)/∂a by the iteration itself (DLMF 19.8.1): the derivatives converge quadratically too."""
    a, b = np.abs(a), np.abs(b)
    slope_a, slope_b = 1.0, 0.0
    for _ in range(16):
        root_a, root_b = np.sqrt(a), np.sqrt(b)
        slope_a, slope_b = (slope_a + slope_b) / 2, (slope_a * (root_b / root_a) + slope_b * (root_a / root_b)) / 2
        a, b = (a + b) / 2, root_a * root_b
    return slope_a


agm = elementwise(special.agm, lambda ans, a, b: _mean_partial(a, b), lambda ans, a, b: _mean_partial(b, a))
