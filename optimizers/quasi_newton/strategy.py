"""Our updates as a strategy for SciPy's minimisers, in place of a Hessian; imports ``updates``.

>>> import scipy.optimize
>>> from scipy.optimize import rosen, rosen_der
>>> result = scipy.optimize.minimize(
...     rosen, [-1.2, 1.0], jac=rosen_der, hess=HessianUpdate("SR1"), method="trust-ncg", options={"gtol": 1e-8}
... )
>>> bool(result.success), result.x.round(6)
(True, array([1., 1.]))
"""

import math

import numpy as np
import scipy.optimize

from optimizers.errors import OptionError, ShapeError
from optimizers.flatten import Array, real_array
from optimizers.linear import norm
from optimizers.quasi_newton.updates import (
    Update,
    bfgs,
    bfgs_inverse,
    damped_bfgs,
    dfp,
    dfp_inverse,
    psb,
    scale_of,
    sr1,
    symmetric,
)

__all__ = ["HessianUpdate"]

# Of the Hessian, and of its inverse: None where the update of the inverse is that of the Hessian, s and y exchanged.
_UPDATES: dict[str, tuple[Update, Update | None]] = {
    "BFGS": (bfgs, bfgs_inverse),
    "damped BFGS": (damped_bfgs, None),
    "DFP": (dfp, dfp_inverse),
    "PSB": (psb, None),
    "SR1": (sr1, None),
}


class HessianUpdate(scipy.optimize.HessianUpdateStrategy):  # type: ignore[misc]  # SciPy ships no types
    """A Hessian approximation as SciPy's ``hess=``: for its methods trust-constr, Newton-CG, trust-ncg, trust-krylov.

    Parameters
    ----------
    update : str
        "BFGS", "damped BFGS" (Powell's, which takes any pair), "DFP", "PSB" or "SR1".
    initial : "auto" or ndarray, shape (n, n)
        The symmetric matrix to begin with: of the Hessian or of its inverse, whichever is asked for. "auto": the
        multiple of the identity that the first pair suggests.

    Raises
    ------
    OptionError
        When `update` is none of these, or `initial` is not a symmetric matrix; for SciPy's "inv_hess" of
        "damped BFGS", which is not an update of inverses.

    Examples
    --------
    >>> approximation = HessianUpdate("BFGS", initial=np.eye(2))
    >>> approximation.initialize(2, "hess")
    >>> approximation.update(np.array([1.0, 0.0]), np.array([4.0, 0.0]))
    >>> approximation.get_matrix(), approximation.dot(np.ones(2))
    (array([[4., 0.],
           [0., 1.]]), array([4., 1.]))
    """

    def __init__(self, update: str = "BFGS", initial: str | Array = "auto") -> None:
        if update not in _UPDATES:
            raise OptionError(f"HessianUpdate: update must be one of {', '.join(_UPDATES)}, not {update!r}")
        self._name = update
        automatic = isinstance(initial, str) and initial == "auto"
        self._initial = None if automatic else symmetric(initial, "HessianUpdate: initial")
        self._inverse = False
        self._first = True
        self._matrix = np.eye(0)

    def initialize(self, n: int, approx_type: str) -> None:
        """Begin anew, with `n` unknowns; `approx_type` is "hess" or "inv_hess".

        Examples
        --------
        >>> approximation = HessianUpdate("SR1")
        >>> approximation.initialize(1, "inv_hess")
        >>> approximation.get_matrix()
        array([[1.]])
        """
        if approx_type not in ("hess", "inv_hess"):
            raise OptionError(f"HessianUpdate: approx_type must be hess or inv_hess, not {approx_type!r}")
        self._inverse = approx_type == "inv_hess"
        if self._inverse and self._name == "damped BFGS":
            raise OptionError('HessianUpdate: "damped BFGS" is an update of Hessians: use "BFGS" for their inverses')
        if self._initial is not None and self._initial.shape != (n, n):
            raise OptionError(f"HessianUpdate: initial has shape {self._initial.shape}, not {(n, n)}")
        self._first = self._initial is None
        self._matrix = np.eye(n) if self._initial is None else self._initial

    def update(self, delta_x: Array, delta_grad: Array) -> None:
        """Take in a pair of changes, of x and of the gradient, shape (n,) each; one that is not finite says nothing.

        Raises
        ------
        ShapeError
            When they are not of the size that `initialize` was told, which has to come first.

        Examples
        --------
        >>> approximation = HessianUpdate("DFP")
        >>> approximation.initialize(1, "hess")
        >>> approximation.update(np.array([0.5]), np.array([1.0]))
        >>> approximation.get_matrix()
        array([[2.]])
        """
        s, y = real_array(delta_x, "delta_x"), real_array(delta_grad, "delta_grad")
        if not (s.shape == y.shape == (len(self._matrix),)):
            raise ShapeError(
                f"HessianUpdate: delta_x and delta_grad must have shape {(len(self._matrix),)}, as initialize said, "
                f"not {s.shape} and {y.shape}"
            )
        if not (s.any() and y.any() and math.isfinite(norm(s)) and math.isfinite(norm(y))):
            return  # no step, or a flat one, which SciPy's strategies pass over too; or one out of the domain
        scale = scale_of(s, y)
        if self._first:
            self._matrix = np.eye(s.size) * (1.0 / scale if self._inverse else scale)
            self._first = False
        direct, inverse = _UPDATES[self._name]
        with np.errstate(over="ignore", invalid="ignore"):
            if not self._inverse:
                new = direct(self._matrix, s, y)
            else:
                new = direct(self._matrix, y, s) if inverse is None else inverse(self._matrix, s, y)
        if np.isfinite(new).all():
            self._matrix = new

    def dot(self, p: Array) -> Array:
        """The matrix times `p`, shape (n,).

        Examples
        --------
        >>> approximation = HessianUpdate("PSB", np.diag([1.0, 2.0]))
        >>> approximation.initialize(2, "hess")
        >>> approximation.dot(np.ones(2))
        array([1., 2.])
        """
        return np.asarray(self._matrix.dot(p))

    def get_matrix(self) -> Array:
        """The matrix, shape (n, n), symmetric; a copy.

        Examples
        --------
        >>> approximation = HessianUpdate()
        >>> approximation.initialize(2, "hess")
        >>> approximation.get_matrix()
        array([[1., 0.],
               [0., 1.]])
        """
        return np.array(self._matrix)
