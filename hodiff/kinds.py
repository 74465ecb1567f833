"""The kinds of primitive: what an author writes once, and what follows from it.

=============  =====================================  =======================================================
kind           the author writes                      derived
=============  =====================================  =======================================================
elementwise    function, one partial an operand       forward, reverse, batching, shape
linear         function, transpose                    forward (itself), reverse, batching, shape
multilinear    function, one transpose an operand     forward (Leibniz), reverse, batching, shape
constant       function                               zero derivative, batching
general        function, one jvp an operand           forward, reverse (linearise and transpose), batching
composite      a Python function of other operations  everything
=============  =====================================  =======================================================

Rules never undo broadcasting: the modes do. Rules take their parameters by name, so an unknown one is an error.
Rules are written with NumPy functions and operators, so each works on plain arrays and on traced values.
May import ``core``, ``batch_rules``, ``code``, ``mutation`` and ``errors``.

>>> cube = elementwise(lambda x: x**3, lambda ans, x: 3 * x**2, name="cube")
>>> float(cube(2.0))
8.0
"""

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, TypeVar

import numpy as np

from hodiff.batch_rules import batch_aligned, choose_rule, leading_rule
from hodiff.code import Code
from hodiff.core import NUMPY_FUNCTIONS, NUMPY_UFUNCS, Primitive, Sign, Tracer
from hodiff.errors import RuleError, UnsupportedKeywordError
from hodiff.mutation import ViewPrimitive

F = TypeVar("F", bound=Callable[..., Any])
Rule = Callable[..., Any]


def elementwise(
    function: Callable[..., Any],
    *partials: Rule | int | None,
    name: str | None = None,
    smooth: bool = False,
    view: Rule | None = None,
    hazard: str | None = None,
    commutative: bool = False,
    code: Code | None = None,
    numpy: Any = None,
) -> Primitive:
    """Declare an operation that acts on each element by itself, with broadcasting.

    Parameters
    ----------
    function : callable
        The operation on plain arrays, usually a NumPy or SciPy ufunc.
    *partials : callable, 1, -1 or None
        One an operand: ``(answer, *operands) -> coefficient``, the partial derivative with respect to that operand,
        written with NumPy functions so that it can be differentiated again. The integers 1 and -1 stand for
        themselves, None for zero. For complex operands of a function whose result is real, the coefficient c is
        such that the differential is the real part of c·dz.
    name : str, optional
        Defaults to that of the function.
    smooth : bool
        Promise that the partials raise no floating-point warning where the function itself raises none; saves the
        microsecond that silencing them takes.
    view : callable, optional
        As for `linear`.
    hazard : str, optional
        The worst that can happen on operands of valid shapes: ``"none"``, a floating-point ``"warning"``, or an
        ``"exception"``. Without it, a warning for ufuncs and an exception for anything else.
    commutative : bool, optional
        The two operands may change places.
    code : Code, optional
        How compiled mode writes it as Python source (see ``code``); without it, as a call of the function.
    numpy : ufunc, optional
        The ufunc whose calls on traced values come here; a ufunc given as ``function`` is claimed by itself.

    Returns
    -------
    Primitive
        Callable on arrays and on traced values.

    Examples
    --------
    >>> import hodiff as hd
    >>> softplus = elementwise(lambda x: np.logaddexp(0.0, x), lambda ans, x: 1 / (1 + np.exp(-x)), name="softplus")
    >>> float(hd.grad(softplus)(0.0))
    0.5
    """
    name = _checked_declaration("elementwise", function, name)
    for rule in partials:
        if not (rule is None or callable(rule) or (isinstance(rule, int) and rule in (1, -1))):
            raise RuleError(
                f"elementwise: the partials of {name} must be callables (answer, *operands) -> coefficient, 1, -1 or "
                f"None, got {rule!r}"
            )
    rules = tuple(Sign(rule) if isinstance(rule, int) else rule for rule in partials)
    kind = Primitive if view is None else ViewPrimitive
    primitive = kind(
        name,
        function,
        batch=batch_aligned,
        partials=rules,
        smooth=smooth,
        view=view,
        hazard=hazard,
        code=code,
    )
    primitive.commutative = commutative
    return _claim(primitive, numpy, itself=True)


def linear(
    function: Callable[..., Any],
    *transposes: Rule | None,
    name: str | None = None,
    variadic: bool = False,
    leading: bool | Rule = False,
    batch: Rule | None = None,
    accumulate: Rule | None = None,
    shape: Rule | None = None,
    view: Rule | None = None,
    hazard: str | None = None,
    code: Code | None = None,
    numpy: Any = None,
) -> Primitive:
    """Declare an operation that is linear in its operands, all together.

    Parameters
    ----------
    function : callable
        ``function(*operands, **parameters)`` on plain arrays.
    *transposes : callable or None
        One an operand: ``(cotangent, *operands, **parameters) -> cotangent of that operand``, where the operand
        itself is given as its shape and dtype (`Shaped`); None for an operand such as a condition or an index. A
        transpose may use only operations that have rules themselves, or it cannot be differentiated again. With
        ``variadic``, one rule ``(slot, cotangent, operands, **parameters)`` for any number of operands, which come as
        one sequence.
    name : str, optional
        Defaults to that of the function.
    leading : bool or callable, optional
        True when the function may be called as it is on operands with one more axis in front (its axes count from
        the end); a callable ``(size, **parameters) -> parameters`` when the parameters need a change for that.
    batch : callable, optional
        Full control: ``(primitive, size, operands, batched, parameters) -> answer``. Without ``leading`` and
        ``batch``, batching is a loop: right, and slow.
    accumulate : callable, optional
        ``(buffer, cotangent, *other operands, **parameters)`` adds the cotangent of operand 0 into ``buffer`` in place,
        which keeps loops over ``x[i]`` linear in time.
    shape : callable, optional
        ``(*operands, **parameters) -> Shaped`` of the answer; otherwise found by a run on zeros.
    view : callable, optional
        For a function whose answer shows the memory of its one operand, as ``x[1:]`` does:
        ``(x, value, **parameters)``, the operand with the part that the answer shows replaced, so that in-place changes
        of the one reach the other.
    hazard, code
        As for `elementwise`.
    numpy : callable, optional
        NumPy function to claim.

    Examples
    --------
    >>> import hodiff as hd
    >>> def roll(x, by):
    ...     return np.roll(x, by, axis=-1)
    >>> shift = linear(roll, lambda ct, x, by: shift(ct, by=-by), name="shift", leading=True)
    >>> hd.grad(lambda x: np.sum(shift(x, by=1) * np.arange(3.0)))(np.ones(3))
    array([1., 2., 0.])
    """
    name = _checked_declaration("linear", function, name, transposes)
    if variadic and len(transposes) != 1:
        raise RuleError(f"linear: with variadic=True give {name} one transpose for all operands, got {len(transposes)}")
    primitive = (Primitive if view is None else ViewPrimitive)(
        name,
        function,
        batch=choose_rule(batch, leading, None),
        transposes=transposes[0] if variadic else transposes,
        jointly=True,
        accumulate=accumulate,
        leading=leading_rule(leading),
        shape=shape,
        view=view,
        hazard=hazard,
        code=code,
    )
    return _claim(primitive, numpy)


def multilinear(
    function: Callable[..., Any],
    *transposes: Rule,
    name: str | None = None,
    variadic: bool = False,
    core: int | None = None,
    batch: Rule | None = None,
    shape: Rule | None = None,
    hazard: str | None = None,
    code: Code | None = None,
    numpy: Any = None,
) -> Primitive:
    """Declare an operation that is linear in each operand while the others are held fixed, such as a product.

    Parameters
    ----------
    function : callable
        ``function(*operands, **parameters)`` on plain arrays.
    *transposes : callable
        One an operand: ``(cotangent, *operands, **parameters) -> cotangent of that operand``, where the operand
        itself is given as its shape and dtype (`Shaped`). With ``variadic``, one rule
        ``(slot, cotangent, operands, **parameters)`` for any number of operands, which come as one sequence.
    name : str, optional
        Defaults to that of the function.
    core : int, optional
        The function broadcasts over all but the last ``core`` axes, as NumPy's generalised ufuncs do. Without
        ``core`` and ``batch``, batching is a loop.
    batch, shape, hazard, code, numpy
        As for `linear`.

    Examples
    --------
    >>> import hodiff as hd
    >>> mix = multilinear(lambda x, y: x * y[..., ::-1], lambda ct, x, y: ct * y[..., ::-1],
    ...                   lambda ct, x, y: (ct * x)[..., ::-1], name="mix", core=1)
    >>> hd.grad(lambda x: np.sum(mix(x, x)))(np.array([1.0, 2.0]))
    array([4., 2.])
    """
    name = _checked_declaration("multilinear", function, name, transposes)
    if variadic and len(transposes) != 1:
        raise RuleError(
            f"multilinear: with variadic=True give {name} one transpose for all operands, got {len(transposes)}"
        )
    primitive = Primitive(
        name,
        function,
        batch=choose_rule(batch, False, core),
        transposes=transposes[0] if variadic else transposes,
        shape=shape,
        hazard=hazard,
        code=code,
    )
    return _claim(primitive, numpy)


def constant(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    leading: bool | Rule = False,
    core: int | None = None,
    batch: Rule | None = None,
    hazard: str | None = None,
    commutative: bool = False,
    code: Code | None = None,
    numpy: Any = None,
) -> Primitive:
    """Declare an operation whose derivative is zero wherever it exists, such as ``floor`` or ``argmax``.

    Parameters
    ----------
    function : callable
        ``function(*operands, **parameters)`` on plain arrays.
    name, leading, batch, hazard, code, numpy
        As for `linear`.
    commutative : bool, optional
        As for `elementwise`.
    core : int, optional
        As for `multilinear`; 0 for an elementwise function, which is what a ufunc is taken for.

    Examples
    --------
    >>> import hodiff as hd
    >>> grade = constant(lambda x: np.digitize(x, [0.0, 1.0]).astype(float), name="grade", core=0)
    >>> float(hd.grad(lambda x: grade(x) * x)(0.5))
    1.0
    """
    if isinstance(function, np.ufunc) and core is None:
        core = 0
    name = _checked_declaration("constant", function, name)
    primitive = Primitive(
        name,
        function,
        batch=choose_rule(batch, leading, core),
        constant=True,
        leading=leading_rule(leading),
        hazard=hazard,
        code=code,
    )
    primitive.commutative = commutative
    return _claim(primitive, numpy, itself=True)


def general(
    function: Callable[..., Any],
    *jvps: Rule | None,
    name: str | None = None,
    transposes: Sequence[Rule | None] | None = None,
    leading: bool | Rule = False,
    core: int | None = None,
    batch: Rule | None = None,
    shape: Rule | None = None,
    code: Code | None = None,
    numpy: Any = None,
) -> Primitive:
    """Declare any other operation by the way it carries tangents forward.

    Reverse mode follows: the rule is run on variables of a tape, and the tape is transposed.

    Parameters
    ----------
    function : callable
        ``function(*operands, **parameters)`` on plain arrays; may return a tuple of arrays.
    *jvps : callable or None
        One an operand: ``(tangent, answer, *operands, **parameters) -> tangent of the answer``, linear in the
        tangent, written with NumPy functions and other primitives. For several answers, a tuple with None for a
        derivative that is zero. None in the place of a rule: the operand has derivative zero.
    name : str, optional
        Defaults to that of the function.
    transposes : sequence, optional
        One entry an operand, for those in which the operation is linear (the right-hand side of ``solve``), as for
        `multilinear`.
    leading, core, batch, shape, code, numpy
        As for `linear` and `multilinear`.

    Examples
    --------
    >>> import hodiff as hd
    >>> inverse = general(np.linalg.inv, lambda t, ans, a: -ans @ t @ ans, name="inverse", core=2)
    >>> hd.grad(lambda a: np.sum(inverse(a)))(2.0 * np.eye(2))
    array([[-0.25, -0.25],
           [-0.25, -0.25]])
    """
    name = _checked_declaration("general", function, name, jvps)
    primitive = Primitive(
        name,
        function,
        batch=choose_rule(batch, leading, core),
        jvps=jvps,
        transposes=None if transposes is None else tuple(transposes),
        leading=leading_rule(leading),
        shape=shape,
        code=code,
    )
    return _claim(primitive, numpy)


def composite(*numpy: Any, method: str | None = None) -> Any:
    """Declare an operation that is a Python function of other operations; every derivative follows from them.

    A function of one's own needs no declaration at all, and ``@composite`` returns it as it is. What a declaration adds
    is that a NumPy function, called on traced values, leads to it.

    Parameters
    ----------
    *numpy : callable
        NumPy functions or ufuncs that lead to the decorated function, which must have their signature.
    method : str, optional
        Name of the ndarray method that does the same, which traced values then have too.

    Returns
    -------
    callable
        A decorator that returns the function it is given.

    Raises
    ------
    hodiff.errors.RuleError
        When a NumPy function already has a rule, or does not let other types take its calls (``numpy.array``).

    Examples
    --------
    >>> import hodiff as hd
    >>> @composite(np.emath.logn)
    ... def logn(n, x):
    ...     return np.log(x) / np.log(n)
    >>> float(hd.grad(lambda x: np.emath.logn(2.0, x))(1.0))
    1.4426950408889634
    """
    if method is None and len(numpy) == 1 and _is_user_function(numpy[0]):
        return numpy[0]

    def declare(function: F) -> F:
        for target in numpy:
            _enter(target, function)
        if method is not None:
            setattr(Tracer, method, function)
        return function

    return declare


def reject(function: str, **keywords: tuple[Any, Any]) -> None:
    """Raise unless each keyword has its default: ``reject("numpy.sum", dtype=(dtype, None))``.

    Raises
    ------
    UnsupportedKeywordError
        Naming the function and the keyword.
    """
    for keyword, (value, default) in keywords.items():
        if value is not default and (isinstance(value, (Tracer, np.ndarray)) or value != default):
            raise UnsupportedKeywordError.for_keyword(function, keyword)


def _is_user_function(target: Any) -> bool:
    return isinstance(target, FunctionType) and not target.__module__.startswith(("numpy", "scipy"))


def _checked_declaration(kind: str, function: Any, name: str | None, rules: Sequence[Any] = ()) -> str:
    """Name of the primitive; refuse what cannot be a function or a rule."""
    if not callable(function):
        raise RuleError(f"{kind}: the first argument must be the function on plain arrays, got {function!r}")
    name = name if name is not None else getattr(function, "__name__", type(function).__name__)
    for rule in rules:
        if rule is not None and not callable(rule):
            raise RuleError(f"{kind}: the rules of {name} must be callables or None, got {rule!r}")
    return name


def _claim(primitive: Primitive, numpy: Any, *, itself: bool = False) -> Primitive:
    if numpy is None and itself and isinstance(primitive.function, np.ufunc):
        numpy = primitive.function
    if numpy is not None:
        _enter(numpy, primitive)
    return primitive


def _takes_like(target: Any) -> bool:
    """Whether a NumPy function dispatches on its keyword ``like``, as ``numpy.zeros`` does."""
    return getattr(np, getattr(target, "__name__", ""), None) is target and "like : " in (target.__doc__ or "")


def _enter(target: Any, operation: Callable[..., Any]) -> None:
    table = NUMPY_UFUNCS if isinstance(target, np.ufunc) else NUMPY_FUNCTIONS
    if table is NUMPY_FUNCTIONS and not hasattr(target, "_implementation") and not _takes_like(target):
        raise RuleError(
            f"{target!r} cannot be claimed: it is neither a ufunc nor a NumPy function that dispatches on its "
            f"arguments; call the primitive itself instead"
        )
    if target in table:
        raise RuleError(f"{target.__name__} already has a derivative rule, {table[target]!r}; it can have only one")
    table[target] = operation
