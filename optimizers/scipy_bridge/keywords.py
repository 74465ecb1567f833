"""Exact derivatives in the forms that SciPy's methods accept; imports ``problem`` and the layers below.

>>> import numpy as np, scipy.optimize
>>> def rosen(x):
...     return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
>>> for method in ("BFGS", "Newton-CG", "trust-krylov"):
...     result = scipy.optimize.minimize(rosen, [-1.2, 1.0], method=method, **scipy_kwargs(rosen, method))
...     print(method, sorted(scipy_kwargs(rosen, method)), result.x.round(3))
BFGS ['jac'] [1. 1.]
Newton-CG ['hessp', 'jac'] [1. 1.]
trust-krylov ['hessp', 'jac'] [1. 1.]

SciPy calls the plain ``fun`` it was given and each derivative apart. The derivatives below share evaluated
points, so whatever SciPy asks for at one x, value and gradient are computed together once, and the Hessian once;
the derivatives are compiled where they can be, and where not, the gradient is linearised once for all Hessian-vector
products. Besides that, SciPy runs ``fun`` itself once a point, as it is. A `Problem` in its place gives
value and gradient from one evaluation a point:

>>> problem = Problem(rosen)
>>> result = scipy.optimize.minimize(problem, [-1.2, 1.0], method="BFGS", **scipy_kwargs(problem, "BFGS"))
>>> problem.counts.nfev == result.nfev == result.njev
True
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from optimizers.errors import OptionError
from optimizers.flatten import Array, real_array
from optimizers.point import Point
from optimizers.problem import Problem

__all__ = ["METHODS", "SharedDerivatives", "method_named", "plain_name", "scipy_kwargs"]

# What each method takes: SciPy 1.17's documentation and behaviour. trust-ncg and trust-krylov fail on operators and
# need products only; Newton-CG likewise needs products only; the others that take second derivatives need matrices.
METHODS: dict[str, tuple[str, ...]] = {
    "Nelder-Mead": (),
    "Powell": (),
    "CG": ("jac",),
    "BFGS": ("jac",),
    "Newton-CG": ("jac", "hessp"),
    "L-BFGS-B": ("jac",),
    "TNC": ("jac",),
    "COBYLA": (),
    "COBYQA": (),
    "SLSQP": ("jac",),
    "trust-constr": ("jac", "hess"),
    "dogleg": ("jac", "hess"),
    "trust-ncg": ("jac", "hessp"),
    "trust-exact": ("jac", "hess"),
    "trust-krylov": ("jac", "hessp"),
}


def plain_name(name: str) -> str:
    """A method's name without case and separators: how names are compared.

    Examples
    --------
    >>> plain_name("Trust-Region")
    'trustregion'
    """
    return name.lower().replace("-", "").replace("_", "").replace(" ", "")


def method_named(method: str) -> str:
    """SciPy's spelling of a method's name, given in any case, with or without separators.

    Raises
    ------
    OptionError
        When there is no such method; the message lists them.

    Examples
    --------
    >>> method_named("l-bfgs-b")
    'L-BFGS-B'
    """
    for name in METHODS:
        if isinstance(method, str) and plain_name(name) == plain_name(method):
            return name
    raise OptionError(f"unknown method {method!r} of SciPy; its methods are {', '.join(METHODS)}")


class SharedDerivatives:
    """The derivatives of one function as SciPy calls them, from the last points asked about.

    Each takes ``(x, *args)``, and `hessp` ``(x, p, *args)``; arrays that come back are new, float64, C-contiguous
    and writable, as SciPy's compiled methods want them.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)`` -> real scalar of a vector x.
    jit : "auto", True or False
        See `Problem`; one that is given has its own.

    Examples
    --------
    >>> shared = SharedDerivatives(lambda x, a: a * x[0] ** 3)
    >>> x = np.array([2.0])
    >>> shared.jac(x, 1.0), shared.hess(x, 1.0), shared.hessp(x, np.ones(1), 5.0)
    (array([12.]), array([[12.]]), array([60.]))
    """

    def __init__(self, fun: Callable[..., Any] | Problem, jit: bool | str = "auto") -> None:
        self._fun, self._jit = fun, jit
        self._args: tuple[Any, ...] = ()
        self._problem = fun if isinstance(fun, Problem) else Problem(fun, jit=jit)
        # Two, since a trust region returns to the old point when it rejects the new one.
        self._points: deque[Point] = deque(maxlen=2)
        self._answered: deque[Point] = deque(maxlen=2)

    def jac(self, x: Array, *args: Any) -> Array:
        """Gradient, shape (n,), computed anew whenever it is asked for, unless a `Problem` was given.

        SciPy asks for it once a point: asked again, it is by another run, and what the function reads, the data of a
        warm start for instance, may have changed since.

        Examples
        --------
        >>> SharedDerivatives(lambda x: x @ x).jac(np.ones(2))
        array([2., 2.])
        """
        point = self._at(x, args)
        if self._fun is not self._problem and any(point is known for known in self._answered):
            self._points.clear()
            point = Point(self._problem, point.x)
            self._points.append(point)
        self._answered.append(point)
        return np.array(point.g)

    def hess(self, x: Array, *args: Any) -> Array:
        """Dense Hessian, shape (n, n).

        Examples
        --------
        >>> SharedDerivatives(lambda x: x @ x).hess(np.ones(2))
        array([[2., 0.],
               [0., 2.]])
        """
        return np.array(self._at(x, args).H, order="C")

    def hessp(self, x: Array, p: Array, *args: Any) -> Array:
        """Hessian times `p`, shape (n,).

        Examples
        --------
        >>> SharedDerivatives(lambda x: x @ x).hessp(np.ones(2), np.array([1.0, 0.0]))
        array([2., 0.])
        """
        return np.array(self._at(x, args).hvp(p))

    def _at(self, x: Array, args: tuple[Any, ...]) -> Point:
        if len(args) != len(self._args) or any(a is not b for a, b in zip(args, self._args, strict=True)):
            if isinstance(self._fun, Problem):
                raise OptionError("args: a Problem has its own, Problem(fun, args=...); leave SciPy's out")
            self._args, self._problem = args, Problem(self._fun, args=args, jit=self._jit)
            self._points.clear()
        vector = x if type(x) is np.ndarray and x.dtype == np.float64 else real_array(x, "x")
        asked = vector.tobytes()
        for point in self._points:
            if point.x.tobytes() == asked:
                return point
        point = self._problem.at(vector)
        self._points.append(point)
        return point


def scipy_kwargs(
    fun: Callable[..., Any] | Problem, method: str, *, jit: bool | str = "auto"
) -> dict[str, Callable[..., Any]]:
    """The derivative keywords that SciPy's method of this name can use, from `hodiff`, ready to splat.

    ``scipy.optimize.minimize(fun, x0, method=m, **scipy_kwargs(fun, m))`` gives each method exactly the
    derivatives it uses, in a form it accepts: nothing it would warn of or fail on. Further ``args=`` are
    passed on. See the module's docstring for what is evaluated when.

    Parameters
    ----------
    fun : callable or Problem
        ``fun(x, *args)`` -> real scalar of a vector x. A `Problem`, passed to SciPy too, evaluates once a point.
    method : str
        SciPy's name of a method of `scipy.optimize.minimize`, in any case, with or without separators.
    jit : "auto", True or False
        See `Problem`. It is for the derivatives: `fun` itself SciPy calls as it is, unless that is a `Problem`.

    Returns
    -------
    dict
        ``jac`` for methods that take gradients, and besides ``hess`` (dogleg, trust-exact, trust-constr) or
        ``hessp`` (Newton-CG, trust-ncg, trust-krylov); empty for methods without derivatives.

    Raises
    ------
    OptionError
        When SciPy has no such method.

    Examples
    --------
    >>> sorted(scipy_kwargs(lambda x: x @ x, "trust-exact")), scipy_kwargs(lambda x: x @ x, "Nelder-Mead")
    (['hess', 'jac'], {})
    """
    wanted = METHODS[method_named(method)]
    shared = SharedDerivatives(fun, jit)
    return {name: getattr(shared, name) for name in wanted}
