"""The objective as solvers see it; imports ``hodiff``, ``derivatives`` and the layers below.

``Problem`` turns a user's function of any tree into values and derivatives of one flat vector: derivatives
that the user gives are used as they are, the others come from ``derivatives``. It evaluates, checks and counts;
``Point`` remembers.

>>> import numpy as np
>>> problem = Problem(lambda p: np.sum(p["a"] ** 2) + p["b"], like={"a": np.ones(2), "b": 3.0})
>>> problem.at({"a": np.array([1.0, 2.0]), "b": 0.0}).g
array([2., 4., 1.])
"""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

import hodiff as hd
from optimizers.bounds import limits_of, projected_gradient
from optimizers.checks import check_callables, check_jit, is_quiet, label, pair, quiet, scalar, symmetric_part
from optimizers.derivatives import REFUSED, Derivatives, derivatives_of
from optimizers.errors import InputTypeError, OptionError, ShapeError
from optimizers.flatten import Array, Layout, Tree, check_finite, real_array
from optimizers.linear import largest
from optimizers.point import Counts, Point, all_finite

__all__ = ["UNTRACEABLE", "Problem"]

# What functions that were not written to be differentiated raise when they meet a traced array.
UNTRACEABLE = (
    hd.errors.HodiffError, TypeError, ValueError, AttributeError, ArithmeticError, LookupError, RuntimeError,
)  # fmt: skip


class Problem:
    """An objective, its arguments and its derivatives.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)`` -> real scalar.
    grad : callable or True, optional
        ``grad(x, *args)`` shaped like x. True: `fun` returns the pair ``(value, gradient)``. By default the
        gradient is `hodiff`'s, evaluated together with the value. Second derivatives are those of `grad` where
        it can be differentiated, else of `fun`.
    hess : callable, optional
        ``hess(x, *args)`` -> (n, n), symmetric: dense, sparse or a `LinearOperator`.
    hvp : callable, optional
        ``hvp(x, v, *args)`` shaped like x. Where only `hvp` is given, Hessians are assembled from it.
    args : tuple
        Passed on to every callable.
    like : tree, optional
        An example of x, which fixes its structure; by default the first point asked for does.
    jit : "auto", True or False
        Whether `fun` and what `hodiff` makes of it are compiled, by `hodiff.jit`. "auto": where they can be; what
        cannot, such as a function that draws random numbers or keeps a log, runs eagerly, and `eager_reason` says
        why. True: an `OptionError` says why. False: nothing is compiled. Results are the same but for rounding.
        Derivatives that are given are called as they are, and so is `fun` where it returns the gradient too.
    bounds : scipy.optimize.Bounds or sequence of pairs, optional
        Bounds on the flat vector, as SciPy's. Methods that keep to them ask for `limits`.

    Attributes
    ----------
    counts : Counts
        Evaluations so far.
    dense : bool
        Whether second derivatives come as matrices, from `hess`.
    jit : "auto", True or False
        As given.
    maxfun : int or None
        Evaluations of the objective that line searches keep to; the driver sets it.

    Raises
    ------
    OptionError, InputTypeError
        When an argument is not one of the above.

    Examples
    --------
    >>> problem = Problem(lambda x, a: (x[0] - a) ** 2, args=(3.0,))
    >>> problem.at([1.0]).f, problem.at([1.0]).g, problem.counts.nfev
    (4.0, array([-4.]), 1)
    """

    # What messages call the first-order test, and what it measures.
    test: ClassVar[str] = "the gradient test"
    measured: ClassVar[str] = "|gradient|"

    def __init__(
        self,
        fun: Callable[..., Any],
        grad: Callable[..., Any] | Literal[True] | None = None,
        hess: Callable[..., Any] | None = None,
        hvp: Callable[..., Any] | None = None,
        *,
        args: tuple[Any, ...] = (),
        like: Tree = None,
        jit: bool | str = "auto",
        bounds: Any = None,
    ) -> None:
        check_callables(fun, grad, hess, hvp)
        check_jit(jit)
        self.counts = Counts()
        self.layout = None if like is None else Layout.of(like, "x0")
        self._args = args if isinstance(args, tuple) else (args,)
        self._fun, self._grad, self._hess, self._hvp = fun, grad, hess, hvp
        self.jit = jit
        self._bounds = bounds
        self._limits: tuple[Array, Array] | None = None
        self._derivatives: Derivatives | None = None
        # Two, since a trust region returns to the old point when it rejects the new one.
        self._recent: tuple[Point, ...] = ()
        self.dense = hess is not None and hvp is None
        self.maxfun: int | None = None
        self.names = {
            "f": label("fun", fun),
            "g": label("gradient of fun", fun) if grad in (None, True) else label("grad", grad),
            "H": label("hess", hess) if hess is not None else label("Hessian of fun", fun),
            "Hv": label("Hessian-vector product of fun", fun) if hvp is None else label("hvp", hvp),
        }

    def at(
        self, x: Tree, *, f: float | None = None, g: Array | None = None, H: Array | None = None, name: str = "x"
    ) -> Point:
        """The point `x`, a vector or a tree like `like`. The last two are remembered: asked again, given again.

        `f`, `g` and `H` are values already known there, from a stored state; they count as no evaluation.
        `name` is what errors call `x`.

        Raises
        ------
        ShapeError, NonFiniteError, InputTypeError
            When `x` is not a finite real vector, or not of the structure of `like`.

        Examples
        --------
        >>> problem = Problem(lambda x: x @ x)
        >>> problem.at([1.0, 2.0]) is problem.at([1.0, 2.0])
        True
        """
        for point in self._recent:
            if x is point.x:
                return point
        vector = self._vector(x, name)
        check_finite(vector, name)
        return self._point(vector, f, g, H)

    def __call__(self, x: Tree) -> float:
        """The objective at `x`, from the evaluation that gives the gradient too: for ``scipy.optimize.minimize``.

        Examples
        --------
        >>> import optimizers as opt, scipy.optimize
        >>> problem = Problem(lambda x: (x[0] - 1) ** 2 + (x[0] * x[1]) ** 2)
        >>> keywords = opt.scipy_kwargs(problem, "BFGS")
        >>> result = scipy.optimize.minimize(problem, [2.0, 1.0], method="BFGS", **keywords)
        >>> problem.counts.nfev == result.nfev
        True
        """
        return self.at(x).f

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_derivatives": None}  # made again where they are needed

    @property
    def eager_reason(self) -> str | None:
        """Why `fun` or a derivative of it ran eagerly though it was to be compiled; None where none did so far."""
        return None if self._derivatives is None else self._derivatives.eager_reason

    def limits(self, n: int) -> tuple[Array, Array] | None:
        """Lower and upper bounds of the `n` unknowns, shape (n,) each; None where there are none.

        Raises
        ------
        OptionError
            When the bounds are not those of `n` unknowns.

        Examples
        --------
        >>> Problem(lambda x: x @ x, bounds=[(0.0, None)]).limits(1)
        (array([0.]), array([inf]))
        """
        if self._bounds is not None and (self._limits is None or self._limits[0].size != n):
            self._limits = limits_of(self._bounds, n)
        return self._limits

    def optimality(self, x: Array, g: Array) -> float:
        """What the first-order test looks at: the largest entry of the gradient; with bounds, of `projected_gradient`.

        Examples
        --------
        >>> Problem(lambda x: x[0], bounds=[(0.0, None)]).optimality(np.zeros(1), np.ones(1))
        0.0
        """
        if self._bounds is None:
            return largest(g)
        limits = self.limits(x.size)
        return largest(g if limits is None else projected_gradient(x, g, limits))

    def left(self) -> float:
        """How many evaluations of the objective `maxfun` leaves; infinitely many without that limit.

        Examples
        --------
        >>> Problem(lambda x: x @ x).left()
        inf
        """
        return float("inf") if self.maxfun is None else max(0, self.maxfun - self.counts.nfev)

    def trial(self, x: Array) -> Point | None:
        """The point `x`, shape (n,), or None where `x` itself has overflowed: what line searches ask for.

        A vector that cannot be written to is kept as it is, others are copied.

        Examples
        --------
        >>> Problem(lambda x: x @ x).trial(np.array([np.inf])) is None
        True
        """
        if not all_finite(x):
            return None
        # Searches ask for f next: where the gradient comes with it, a `Point` that waits until then costs more.
        return self._point(x.copy() if x.flags.writeable else x, now=not callable(self._grad))

    def slope_if_any(self, x: Array) -> Array | None:
        """The gradient at `x`, or None where the objective cannot be differentiated: a function for methods without.

        Examples
        --------
        >>> Problem(lambda x: float(x[0])).slope_if_any(np.ones(1)) is None
        True
        """
        try:
            return self.at(x).g
        except UNTRACEABLE:
            return None

    def tree_of(self, vector: Any) -> Tree:
        """The tree of a vector that may be traced; what it holds may be views of `vector`.

        Examples
        --------
        >>> Problem(lambda p: p["a"], like={"a": 1.0}).tree_of(np.array([3.0]))["a"]
        np.float64(3.0)
        """
        return vector if self.layout is None else self.layout.unravel(vector)

    def unravel(self, vector: Array) -> Tree:
        """A new array or tree, shaped as the user's functions see x and writable, of the entries of `vector`.

        Examples
        --------
        >>> Problem(lambda x: x @ x).unravel(np.ones(2))
        array([1., 1.])
        """
        return self.tree_of(np.array(vector))

    def value_and_grad(self, x: Array) -> tuple[float, Array]:
        """Value and gradient from one evaluation, as ``scipy.optimize.minimize(..., jac=True)`` wants them.

        Examples
        --------
        >>> import scipy.optimize
        >>> problem = Problem(lambda x: (x[0] - 1) ** 2 + (x[0] * x[1]) ** 2)
        >>> result = scipy.optimize.minimize(problem.value_and_grad, [2.0, 1.0], jac=True, method="BFGS")
        >>> bool(result.success), problem.counts.nfev == result.nfev
        (True, True)
        """
        point = self.at(x)
        return point.f, np.array(point.g)

    # -- the oracle: every evaluation of a user's function happens below ---------------------------------

    def value(self, x: Array) -> tuple[float, Array | None]:
        """Objective, and the gradient where it comes from the same evaluation; `Point` asks this.

        Examples
        --------
        >>> Problem(lambda x: x @ x).value(np.ones(2))
        (2.0, array([2., 2.]))
        """
        if not is_quiet():
            with quiet():
                return self.value(x)
        counts = self.counts
        counts.nfev += 1
        if self._grad is None:
            counts.njev += 1
            try:
                f, g = self._found().value_and_grad(x, *self._args)
            except REFUSED:
                scalar(self._fun(self.unravel(x), *self._args), self.names["f"])  # which says whose value is wrong
                raise
            g.setflags(write=False)
            return float(f), g
        if self._grad is True:
            out = self._fun(self.unravel(x), *self._args)
            counts.njev += 1
            f, g = pair(out, self.names["f"])
            return float(scalar(f, self.names["f"])), self._vector_result(g, "g", x)
        return float(self._found().value(np.array(x), *self._args)), None

    def gradient(self, x: Array) -> Array:
        """Gradient alone; with the value where they are computed together.

        Examples
        --------
        >>> Problem(lambda x: x @ x).gradient(np.ones(2))
        array([2., 2.])
        """
        if not callable(self._grad):
            g = self.value(x)[1]
            assert g is not None
            return g
        self.counts.njev += 1
        with quiet():
            return self._vector_result(self._grad(self.unravel(x), *self._args), "g", x)

    def hessian(self, x: Array) -> Array:
        """Dense symmetric Hessian, shape (n, n).

        Examples
        --------
        >>> Problem(lambda x: x[0] * x[1]).hessian(np.ones(2))
        array([[0., 1.],
               [1., 0.]])
        """
        if self._hess is None and self._hvp is not None:
            push = self.pushforward(x)
            return symmetric_part(np.stack([push(e) for e in np.eye(x.size)]), self.names["Hv"])
        self.counts.nhev += 1
        with quiet():
            if self._hess is not None:
                out = self._hess(self.unravel(x), *self._args)
            else:
                out = self._of_gradient(lambda g: hd.jacobian(g)(x), lambda: self._found().hessian(x, *self._args))
            if isinstance(out, scipy.sparse.linalg.LinearOperator):
                out = out @ np.eye(x.size)
        H = real_array(out.toarray() if scipy.sparse.issparse(out) else out, self.names["H"])
        n, shape = x.size, self.layout.shapes[0] if self.layout and self.layout.spec is None else x.shape
        if H.shape not in ((n, n), shape + shape):
            raise ShapeError(f"the {self.names['H']} has shape {H.shape}: it must be {(n, n)}")
        return symmetric_part(H.reshape(n, n), None if self._hess is None else self.names["H"])

    def plain_value(self, x: Array) -> float:
        """Objective alone, even where `Point` would evaluate the gradient with it: for derivative-free methods.

        Examples
        --------
        >>> problem = Problem(lambda x: x @ x)
        >>> problem.plain_value(np.ones(2)), problem.counts.njev
        (2.0, 0)
        """
        self.counts.nfev += 1
        with quiet():
            if self._grad is True:
                return float(self._found().flat(np.array(x), *self._args))
            return float(self._found().value(np.array(x), *self._args))

    def pushforward(self, x: Array) -> Callable[[Array], Array]:
        """The map v -> H(x) v, prepared once for all v.

        Examples
        --------
        >>> Problem(lambda x: x[0] * x[1]).pushforward(np.ones(2))(np.array([1.0, 0.0]))
        array([0., 1.])
        """
        product: Callable[[Array], Any]
        if self._hvp is not None:
            product = partial(self._users_product, self._hvp, x)
        elif self._hess is not None:
            return self.hessian(x).__matmul__
        else:
            with quiet():
                product = self._of_gradient(
                    lambda g: hd.linearize(g, x)[1], lambda: self._found().pushforward(x, self._args)
                )

        def counted(v: Array) -> Array:
            self.counts.nhvp += 1
            with quiet():
                return self._vector_result(product(v), "Hv", x)

        return counted

    def third(self, x: Array, v: Array, w: Array) -> Array:
        """Third derivative contracted with `v` and `w`, shape (n,).

        Examples
        --------
        >>> Problem(lambda x: x[0] ** 3).third(np.ones(1), np.ones(1), np.ones(1))
        array([6.])
        """
        self.counts.nd3 += 1
        with quiet():
            return self._vector_result(self._found().third(x, v, w, *self._args), "g", x)

    def series(self, x: Array, d: Array, order: int) -> Array:
        """Derivatives 0 to `order` of t -> f(x + t d) at 0, shape (order + 1,), by nested forward mode.

        Examples
        --------
        >>> Problem(lambda x: x[0] ** 3).series(np.ones(1), np.ones(1), 3)
        array([1., 3., 6., 6.])
        """
        if order < 0:
            raise OptionError(f"taylor: order must be >= 0, not {order}")
        self.counts.ntaylor += 1
        with quiet():
            return np.array([float(term) for term in self._found().series(order)(x, d, *self._args)])

    # -- helpers ------------------------------------------------------------------------------------------

    def _point(
        self,
        vector: Array,
        f: float | None = None,
        g: Array | None = None,
        H: Array | None = None,
        *,
        now: bool = False,
    ) -> Point:
        """The point at `vector`, which is finite and is the problem's to keep; with `now`, evaluated at once."""
        first = vector.item(0)  # in which most points differ
        for point in self._recent:
            if point.x.item(0) == first and _same(vector, point.x):
                return point
        vector.setflags(write=False)
        if now:
            f, g = self.value(vector)
        point = Point(self, vector, f, g, H)
        self._recent = (*self._recent[-1:], point)
        return point

    def _found(self) -> Derivatives:
        """What `hodiff` makes of the objective; the layout is known once there is a point."""
        if self._derivatives is None:
            self._derivatives = derivatives_of(self._fun, self.layout, paired=self._grad is True, jit=self.jit)
        return self._derivatives

    def _of_gradient(self, derive: Callable[[Callable[[Any], Any]], Any], otherwise: Callable[[], Any]) -> Any:
        """A derivative of the user's gradient where there is one that can be traced; else of the objective."""
        if self._grad is not None and (self.layout is None or self.layout.spec is None):
            try:
                return derive(self._users_gradient)
            except UNTRACEABLE:
                pass
        return otherwise()

    def _users_gradient(self, x: Any) -> Any:
        function = self._grad if callable(self._grad) else self._fun
        out = function(self.tree_of(x), *self._args)
        flat = np.reshape(out if callable(self._grad) else pair(out, self.names["f"])[1], (-1,))
        if isinstance(flat, np.ndarray) or flat.shape != x.shape:
            # A constant, or the answer to an earlier question that the user's function keeps: no derivative of it.
            raise TypeError(f"the {self.names['g']} does not depend on x in a way that can be traced")
        return flat

    def _users_product(self, hvp: Callable[..., Any], x: Array, v: Array) -> Any:
        return hvp(self.unravel(x), self.unravel(v), *self._args)

    def _vector(self, x: Tree, name: str) -> Array:
        """A copy of x, as a vector."""
        if self._recent and type(x) is np.ndarray and x.shape == self._recent[0].x.shape and x.dtype == np.float64:
            return np.array(x)
        if self.layout is not None and not (type(x) is np.ndarray and x.shape == (self.layout.size,)):
            return self.layout.ravel(x, name)
        if not self._recent and not (type(x) is np.ndarray and x.ndim == 1):
            layout = Layout.of(x, name)
            if layout.spec is not None or len(layout.shapes[0]) != 1:
                self.layout = layout
                return layout.ravel(x, name)
        if isinstance(x, dict):
            raise InputTypeError(f"{name} is a tree, not a vector: say its structure, Problem(fun, like=x0)")
        vector = real_array(x, name)
        if vector.ndim != 1 or vector.size == 0:
            raise ShapeError(f"{name} has shape {vector.shape}, not (n,): say its structure, Problem(fun, like=x0)")
        return vector

    def _vector_result(self, out: Tree, letter: str, x: Array) -> Array:
        """A derivative that is shaped like x, as a vector of its own: users may reuse the array they return."""
        name = f"the {self.names[letter]}"
        if self.layout is not None and not (type(out) is np.ndarray and out.shape == x.shape):
            vector = self.layout.ravel(out, name)
        else:
            vector = real_array(out, name)
        if vector.shape != x.shape:
            raise ShapeError(f"{name} has shape {vector.shape}: it must be that of x, {x.shape}")
        vector.setflags(write=False)
        return vector


def _same(a: Array, b: Array) -> bool:
    """Bitwise equality: 0.0 and -0.0 are different points."""
    return a.shape == b.shape and a.tobytes() == b.tobytes()
