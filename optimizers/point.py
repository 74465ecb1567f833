"""One point of a problem and what is known there; imports ``flatten`` and ``errors``.

A ``Point`` asks its oracle for each quantity the first time it is read and remembers it, so a method may
write ``point.g`` wherever the mathematics says g.

>>> import optimizers as opt
>>> problem = opt.Problem(lambda x: x[0] ** 3 * x[1])
>>> point = problem.at([2.0, 1.0])
>>> point.f, point.g, point.hvp([1.0, 0.0]), problem.counts.nfev
(8.0, array([12.,  8.]), array([12., 12.]), 1)
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.linalg.blas import dnrm2

from optimizers.errors import NonFiniteError, ShapeError
from optimizers.flatten import Array, Tree, real_array

__all__ = ["Counts", "Oracle", "Point", "all_finite"]


@dataclass
class Counts:
    """Evaluations done so far, one counter a quantity.

    Attributes
    ----------
    nfev, njev, nhev, nhvp : int
        Objective, gradient, Hessian, Hessian-vector products. A joint evaluation of value and gradient
        counts once in `nfev` and once in `njev`.
    nd3, ntaylor : int
        Third-derivative contractions and Taylor expansions along a line.
    njvp, nvjp, nd2 : int
        Of residuals: products with the Jacobian and with its transpose, and second derivatives along a line.

    Examples
    --------
    >>> Counts().nfev
    0
    """

    nfev: int = 0
    njev: int = 0
    nhev: int = 0
    nhvp: int = 0
    nd3: int = 0
    ntaylor: int = 0
    njvp: int = 0
    nvjp: int = 0
    nd2: int = 0

    def main(self) -> dict[str, int]:
        """The four counters that every result and history has, by name.

        Examples
        --------
        >>> Counts(nfev=2).main()
        {'nfev': 2, 'njev': 0, 'nhev': 0, 'nhvp': 0}
        """
        return {"nfev": self.nfev, "njev": self.njev, "nhev": self.nhev, "nhvp": self.nhvp}


class Oracle(Protocol):
    """What a `Point` needs of its problem: each method evaluates, checks shapes and counts.

    Examples
    --------
    >>> import optimizers as opt
    >>> oracle: Oracle = opt.Problem(lambda x: x @ x)
    >>> oracle.names["f"]
    'fun <lambda>'
    """

    counts: Counts
    names: dict[str, str]
    dense: bool

    def value(self, x: Array) -> tuple[float, Array | None]:
        """Objective, and the gradient where it comes with it."""
        ...

    def gradient(self, x: Array) -> Array:
        """Gradient alone."""
        ...

    def hessian(self, x: Array) -> Array:
        """Dense Hessian."""
        ...

    def pushforward(self, x: Array) -> Callable[[Array], Array]:
        """The map v -> H(x) v, prepared once for many v."""
        ...

    def third(self, x: Array, v: Array, w: Array) -> Array:
        """Third derivative contracted with v and w."""
        ...

    def series(self, x: Array, d: Array, order: int) -> Array:
        """Derivatives of t -> f(x + t d) at 0."""
        ...


def all_finite(vector: Array) -> bool:
    """Whether no entry of `vector`, shape (n,), is NaN or infinite.

    Examples
    --------
    >>> all_finite(np.ones(3)), all_finite(np.array([1e300, 1e300])), all_finite(np.array([1.0, np.nan]))
    (True, True, False)
    """
    # A norm that is finite has finite entries, and costs a tenth of looking at each.
    return math.isfinite(dnrm2(vector)) or bool(np.isfinite(vector).all())


class Point:
    """A point `x` with lazily evaluated, remembered derivatives; made by ``problem.at(x)``.

    Attributes
    ----------
    x : ndarray, shape (n,)
        Read-only copy.
    f : float
        Objective.
    g : ndarray, shape (n,)
        Gradient, read-only.
    H : ndarray, shape (n, n)
        Hessian, symmetric, read-only.
    finite : bool
        Whether `f` and every entry of `g` are finite. Solvers accept finite points only.

    Examples
    --------
    >>> import optimizers as opt
    >>> point = opt.Problem(lambda x: x[0] * x[1] ** 2).at([1.0, 3.0])
    >>> point.H
    array([[0., 6.],
           [6., 2.]])
    """

    __slots__ = ("H", "_asked", "_oracle", "_push", "_valued", "f", "g", "x")

    x: Array
    f: float
    g: Array
    H: Array

    def __init__(
        self, oracle: Oracle, x: Array, f: float | None = None, g: Array | None = None, H: Array | None = None
    ) -> None:
        self.x = x
        self._oracle = oracle
        self._valued = f is not None
        if f is not None:
            self.f = f
        if g is not None:
            self.g = g
        if H is not None:
            self.H = H
        self._push: Callable[[Array], Array] | None = None
        self._asked: dict[tuple[Any, ...], Array] = {}

    def __getattr__(self, name: str) -> Any:
        # Called for slots that are still empty: what is known costs no call, and solvers read it often.
        if name == "f" or (name == "g" and not self._valued):
            self.f, g = self._oracle.value(self.x)
            self._valued = True
            if g is not None:
                self.g = g
            if name == "f" or g is not None:
                return self.f if name == "f" else g
        if name == "g":
            self.g = self._oracle.gradient(self.x)
            return self.g
        if name == "H":
            self.H = self._oracle.hessian(self.x)
            return self.H
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        slots = [name for kind in type(self).__mro__ for name in getattr(kind, "__slots__", ())]
        known = {name: object.__getattribute__(self, name) for name in slots if self._knows(name)}
        return None, {**known, "_push": None}  # made again where it is needed

    @property
    def finite(self) -> bool:
        g = self.g
        return math.isfinite(self.f) and (math.isfinite(dnrm2(g)) or all_finite(g))

    def hvp(self, v: Tree) -> Array:
        """Hessian times `v`, shape (n,): by the Hessian where it is known, else by `Oracle.pushforward`.

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.Problem(lambda x: x[0] * x[1] ** 2).at([1.0, 3.0]).hvp([0.0, 1.0])
        array([6., 2.])
        """
        v = self._direction(v, "v")
        if self._oracle.dense or self._knows("H"):
            return np.asarray(self.H @ v)
        return self._once("hvp", (v,), lambda: self._multiply(v))

    def d3(self, v: Tree, w: Tree) -> Array:
        """Third derivative contracted with `v` and `w`, shape (n,).

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.Problem(lambda x: x[0] * x[1] ** 2).at([1.0, 3.0]).d3([1.0, 0.0], [0.0, 1.0])
        array([0., 2.])
        """
        v, w = self._direction(v, "v"), self._direction(w, "w")
        return self._once("d3", (v, w), lambda: self._oracle.third(self.x, v, w))

    def taylor(self, d: Tree, order: int) -> Array:
        """Derivatives of t -> f(x + t d) at t = 0, of order 0 to `order`; shape (order + 1,).

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.Problem(lambda x: x[0] * x[1] ** 2).at([1.0, 3.0]).taylor([1.0, 1.0], 3)
        array([ 9., 15., 14.,  6.])
        """
        d = self._direction(d, "d")
        key = ("taylor", d.tobytes())
        known = self._asked.get(key)
        if known is None or not order < known.size or order < 0:
            known = self._asked[key] = self._oracle.series(self.x, d, order)
            known.setflags(write=False)
        return known[: order + 1]

    def require_finite(self) -> "Point":
        """This point, once value and gradient are known to be finite.

        Raises
        ------
        NonFiniteError
            Naming the callable whose value is not finite.

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.Problem(lambda x: x @ x).at([1.0]).require_finite().f
        1.0
        """
        for letter, value in (("f", self.f), ("g", self.g)):
            self._require(letter, value)
        return self

    def require_finite_hessian(self) -> "Point":
        """This point, once its Hessian is known to be finite; raises like `require_finite`.

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.Problem(lambda x: x @ x).at([1.0]).require_finite_hessian().H
        array([[2.]])
        """
        self._require("H", self.H)
        return self

    def _require(self, letter: str, value: Any) -> None:
        if not np.isfinite(value).all():
            raise NonFiniteError(
                f"{self._oracle.names[letter]} is not finite at the start, where x = {_brief(self.x)}: "
                "start from an x0 where objective and derivatives are finite"
            )

    def _knows(self, name: str) -> bool:
        """Whether the slot `name` is filled."""
        try:
            object.__getattribute__(self, name)
        except AttributeError:
            return False
        return True

    def _multiply(self, v: Array) -> Array:
        if self._push is None:
            self._push = self._oracle.pushforward(self.x)
        return self._push(v)

    def _once(self, kind: str, key: tuple[Any, ...], compute: Callable[[], Array]) -> Array:
        """Remember every answer, so that a repeated question is free."""
        name = (kind, *(vector.tobytes() for vector in key))
        if name not in self._asked:
            self._asked[name] = compute()
        return self._asked[name]

    def _direction(self, v: Tree, name: str) -> Array:
        vector = real_array(v, name)
        if vector.shape != self.x.shape:
            raise ShapeError(f"{name} has shape {vector.shape}: it must be that of the vector x, {self.x.shape}")
        return vector


def _brief(x: Array) -> str:
    return np.array2string(x, threshold=6, edgeitems=2, precision=4)
