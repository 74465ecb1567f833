"""Robust losses, as SciPy's ``least_squares`` has them: what replaces the square of a residual; imports ``errors``.

>>> loss = loss_named("huber")
>>> loss(np.array([0.25, 4.0]))[0]
array([0.25, 3.  ])
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from optimizers.errors import OptionError, ShapeError
from optimizers.flatten import Array

__all__ = ["LOSSES", "Loss", "cost_of", "loss_named", "weights"]

Loss = Callable[[Array], Any]
# The share of ρ' that the curvature of a loss is kept above. Nearer to 0, the residuals of the model would grow without
# bound, and the rounding of outliers would drown the rest.
_LEAST = 1e-2


def _soft_l1(z: Array) -> Array:
    t = 1.0 + z
    return np.stack([2.0 * (np.sqrt(t) - 1.0), t**-0.5, -0.5 * t**-1.5])


def _huber(z: Array) -> Array:
    root = np.sqrt(np.maximum(z, 1.0))
    return np.where(z <= 1.0, np.stack([z, np.ones_like(z), np.zeros_like(z)]), _outer(root))


def _outer(root: Array) -> Array:
    return np.stack([2.0 * root - 1.0, 1.0 / root, -0.5 / root**3])


def _cauchy(z: Array) -> Array:
    t = 1.0 + z
    return np.stack([np.log1p(z), 1.0 / t, -1.0 / (t * t)])


def _arctan(z: Array) -> Array:
    t = 1.0 + z * z
    return np.stack([np.arctan(z), 1.0 / t, -2.0 * z / (t * t)])


LOSSES: dict[str, Loss | None] = {
    "linear": None,
    "soft_l1": _soft_l1,
    "huber": _huber,
    "cauchy": _cauchy,
    "arctan": _arctan,
}


def loss_named(loss: str | Loss) -> Loss | None:
    """The function z -> (ρ, ρ', ρ''), shape (3, m), of z = (r / f_scale)²; None for the square itself.

    Raises
    ------
    OptionError
        When there is no such loss; the message lists them.

    Examples
    --------
    >>> loss_named("linear") is None, loss_named("soft_l1")(np.zeros(1))[1]
    (True, array([1.]))
    """
    if callable(loss):
        return loss
    if not (isinstance(loss, str) and loss in LOSSES):
        raise OptionError(f"loss must be one of {', '.join(LOSSES)}, or a callable z -> (3, m), not {loss!r}")
    return LOSSES[loss]


def cost_of(loss: Loss, r: Array, f_scale: float) -> tuple[float, Array, Array]:
    """½ f_scale² Σ ρ((r / f_scale)²), and ρ' and ρ'' per residual.

    Raises
    ------
    ShapeError
        When a loss of the user's own does not return the three rows.

    Examples
    --------
    >>> cost_of(loss_named("arctan"), np.array([1.0]), 1.0)[0] == np.pi / 8.0
    True
    """
    z = (r / f_scale) ** 2
    rho = np.asarray(loss(z), dtype=np.float64)
    if rho.shape != (3, r.size):
        name = getattr(loss, "__name__", type(loss).__name__)
        raise ShapeError(f"loss {name} returned shape {rho.shape}: it must be {(3, r.size)}, rows ρ, ρ' and ρ''")
    return 0.5 * f_scale**2 * float(rho[0].sum()), rho[1], rho[2] / f_scale**2


def weights(first: Array, second: Array, r: Array) -> tuple[Array, Array]:
    """Factors of the residuals and of the rows of the Jacobian, shape (m,), that make a robust fit a least-squares one.

    With them JᵀJ is the Gauss-Newton matrix of the robust cost and Jᵀr its gradient: B. Triggs, P. McLauchlan,
    R. Hartley and A. Fitzgibbon, "Bundle adjustment: a modern synthesis" (2000), section 4.3; where the loss curves
    down, or hardly up, its curvature is taken to be a hundredth of ρ'.

    Examples
    --------
    >>> weights(np.ones(1), np.zeros(1), np.ones(1))
    (array([1.]), array([1.]))
    """
    row = np.sqrt(np.maximum(first + 2.0 * second * r * r, _LEAST * first))
    return np.divide(first, row, out=np.zeros_like(row), where=row > 0.0), row
