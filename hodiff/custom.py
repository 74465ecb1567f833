"""Derivatives of one's own for a Python function, and functions that are run again instead of remembered.

``custom_jvp`` takes a forward rule, ``custom_vjp`` a reverse one; either serves both modes, at any order, and batches.
``checkpoint`` changes no derivative, only memory. May import everything below.

>>> import numpy as np
>>> @custom_jvp
... def softplus(x):
...     return np.log(1.0 + np.exp(x))
>>> @softplus.defjvp
... def rule(primals, tangents):
...     (x,), (t,) = primals, tangents
...     return softplus(x), t / (1.0 + np.exp(-x))
>>> import hodiff as hd
>>> float(hd.grad(softplus)(0.0)), float(hd.grad(hd.grad(softplus))(0.0))
(0.5, 0.25)
"""

import inspect
from collections.abc import Callable, Sequence
from operator import index as as_index
from typing import Any

from hodiff.arguments import as_array
from hodiff.calls import Call, CheckpointCall, JvpCall, Likes, VjpCall, check_closed
from hodiff.core import Tracer
from hodiff.errors import ArgumentError, NoRuleError, RuleError
from hodiff.forms import Form
from hodiff.shaped import Shaped, is_inexact, shaped
from hodiff.transform import Transformed
from hodiff.tree import broadcast_prefix, flatten, leaf_names, unflatten

Function = Callable[..., Any]


class _Form(Form):
    """A form that tangents and cotangents are checked against."""

    def tangents(self, values: Sequence[Any]) -> Any:
        """The tree of their tangents or cotangents: None for a leaf that is no number."""
        leaves: list[Any] = [None] * len(self.static)
        for slot, value in zip(self.slots, values, strict=True):
            leaves[slot] = value
        return unflatten(self.structure, leaves)

    def match(self, tree: Any, like: Sequence[Shaped], what: str, of: str) -> list[Any]:
        """Tangents or cotangents, checked; a None in ``tree`` is zero for everything below it.

        Raises
        ------
        RuleError
            When the tree, or the shape or dtype of a leaf, is not that of the value it belongs to.
        """
        leaves, structure = flatten(tree)
        if structure != self.structure:
            leaves = self._spread(tree, leaves, structure, what, of)
        result = []
        for slot, shape in zip(self.slots, like, strict=True):
            value = leaves[slot]
            value = value.content() if isinstance(value, Tracer) else value
            if getattr(value, "shape", None) != shape.shape or value.dtype != shape.dtype:
                name = leaf_names(unflatten(self.structure, list(range(len(leaves)))))[slot]
                value = _checked(value, shape, f"{what} has{f' at leaf {name}' if name else ''}", of)
            result.append(value if is_inexact(shape.dtype) else None)
        return result

    def _spread(self, tree: Any, leaves: list[Any], structure: Any, what: str, of: str) -> list[Any]:
        """One entry a leaf, None for all leaves below a None."""
        example = unflatten(self.structure, list(range(len(self.static))))
        try:
            spread = broadcast_prefix(tree, example)
        except ValueError:
            spread = []
        if len(spread) != len(self.static) or not set(leaf_names(tree)) <= set(leaf_names(example)):
            raise RuleError(
                f"{what} must have the tree structure of {of} (None for zero): expected {self.structure}, got "
                f"{structure}"
            )
        return spread


def _checked(value: Any, like: Shaped, what: str, of: str) -> Any:
    """A tangent or cotangent that fits, Python numbers converted; None for zero, and where there is no derivative."""
    if value is None or not is_inexact(like.dtype):
        return None
    array = as_array(value)
    if array is None:
        raise RuleError(f"{what} an object of type {type(value).__name__} where {of} is of shape {like.shape}")
    if array.shape != like.shape:
        raise RuleError(f"{what} shape {array.shape} where {of} has shape {like.shape}")
    if array.dtype != like.dtype:
        if not isinstance(value, (int, float)):
            raise RuleError(f"{what} dtype {array.dtype} where {of} has dtype {like.dtype}")
        array = like.dtype.type(array)
    return array


class _Site:
    """One call of a function: its arguments, and the form of its result once it has been run."""

    def __init__(self, name: str, function: Function, tree: Any) -> None:
        leaves, structure = flatten(tree)
        self.name = name
        self.function = function
        self.arguments = _Form(leaves, structure)
        self.operands = [leaves[slot] for slot in self.arguments.slots]
        self.result: _Form | None = None

    def run(self, operands: Sequence[Any]) -> tuple[Any, ...]:
        """The function on operands; the numbers of its result."""
        return self.take(self.function(self.arguments.fill(operands)))

    def take(self, result: Any, what: str = "the function") -> tuple[Any, ...]:
        """Numbers of a result, whose form has to be the same each time."""
        leaves, structure = flatten(result)
        form = _Form(leaves, structure)
        if self.result is not None and (structure != self.result.structure or form.slots != self.result.slots):
            raise RuleError(
                f"{self.name}: {what} returned the tree structure {structure} where the function or another of its "
                f"rules returned {self.result.structure}"
            )
        self.result = form
        return tuple(as_array(leaves[slot]) for slot in form.slots)

    def evaluate(self, call: Call) -> Any:
        """Result of the call."""
        answers = call(*self.operands)
        assert self.result is not None
        return self.result.fill(answers)


class _Custom(Transformed):
    """What `custom_jvp` and `custom_vjp` share: the call, with keywords and static arguments."""

    _kind = ""

    def __init__(self, function: Function, nondiff_argnums: Any = ()) -> None:
        super().__init__(function)
        self.nondiff_argnums = _checked_argnums(nondiff_argnums, self._kind)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self._kind} {getattr(self.function, '__qualname__', repr(self.function))}"

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The function, which transformations differentiate by its rule."""
        if not any(isinstance(leaf, Tracer) for leaf in flatten((args, keywords))[0]):
            result = self.function(*args, **keywords)
            self._check_plain(result)
            return result
        args = _positional(self.function, args, keywords, self.name)
        static = tuple(args[i] for i in self.nondiff_argnums if i < len(args))
        for i in self.nondiff_argnums:
            if i < len(args) and any(isinstance(leaf, Tracer) for leaf in flatten(args[i])[0]):
                raise ArgumentError(
                    f"{self.name}: argument {i} is declared static by nondiff_argnums, and was given a traced value; "
                    f"take it out of nondiff_argnums"
                )
        kept = {i: args[i] for i in self.nondiff_argnums if i < len(args)}
        rest = tuple(value for i, value in enumerate(args) if i not in kept)

        def whole(values: tuple[Any, ...]) -> list[Any]:
            others = iter(values)
            return [kept[i] if i in kept else next(others) for i in range(len(args))]

        site = _Site(self.name, lambda values: self.function(*whole(values)), rest)
        return site.evaluate(self._call(site, static, whole))

    def _check_plain(self, result: Any) -> None:
        """Check the result of a call without traced arguments."""

    def _call(self, site: _Site, static: tuple[Any, ...], whole: Function) -> Call:
        raise NotImplementedError


class CustomJvp(_Custom):
    """The function that `custom_jvp` returns."""

    _kind = "hodiff.custom_jvp"
    rule: Function | None = None

    def defjvp(self, rule: Function) -> Function:
        """Give the rule, ``rule(*static, primals, tangents) -> (out, tangent_out)``; returns it, to be a decorator."""
        if not callable(rule):
            raise ArgumentError(f"{self.name}.defjvp: the rule must be a function, got {rule!r}")
        self.rule = rule
        return rule

    def _call(self, site: _Site, static: tuple[Any, ...], whole: Function) -> Call:
        def rule(operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
            if self.rule is None:
                raise NoRuleError(f"{self.name} has no derivative rule: give it one with .defjvp(rule)")
            pair = self.rule(*static, site.arguments.fill(operands), site.arguments.tangents(tangents))
            out, tangent_out = _pair(pair, f"{self.name}: the jvp rule", "(out, tangent_out)")
            answers = site.take(out, "the jvp rule")
            assert site.result is not None
            what = f"{self.name}: the tangent that the jvp rule returned"
            return answers, site.result.match(tangent_out, [shaped(a) for a in answers], what, "the result")

        return JvpCall(self.name, site.run, rule)


class CustomVjp(_Custom):
    """The function that `custom_vjp` returns."""

    _kind = "hodiff.custom_vjp"
    rules: tuple[Function, Function] | None = None

    def defvjp(self, fwd: Function, bwd: Function) -> None:
        """Give the rules, ``fwd(*args) -> (out, res)`` and ``bwd(*static, res, ct) -> cotangents``, one an argument."""
        if not callable(fwd) or not callable(bwd):
            raise ArgumentError(f"{self.name}.defvjp: both rules must be functions, got {fwd!r} and {bwd!r}")
        self.rules = (fwd, bwd)

    def _check_plain(self, result: Any) -> None:
        check_closed(self.name, flatten(result)[0], ())

    def _rules(self) -> tuple[Function, Function]:
        if self.rules is None:
            raise NoRuleError(f"{self.name} has no derivative rule: give it one with .defvjp(fwd, bwd)")
        return self.rules

    def _call(self, site: _Site, static: tuple[Any, ...], whole: Function) -> Call:
        def run(operands: Sequence[Any]) -> tuple[Any, ...]:
            answers = site.run(operands)
            check_closed(self.name, answers, operands)
            return answers

        def fwd(operands: Sequence[Any]) -> Any:
            pair = self._rules()[0](*whole(site.arguments.fill(operands)))
            out, residuals = _pair(pair, f"{self.name}: the fwd rule", "(out, residuals)")
            answers = site.take(out, "the fwd rule")
            check_closed(self.name, answers, operands)
            return answers, (residuals, Likes([shaped(v) for v in operands]))

        def bwd(residuals: Any, cotangents: Sequence[Any]) -> list[Any]:
            kept, like = residuals
            assert site.result is not None
            found = self._rules()[1](*static, kept, site.result.tangents(cotangents))
            what = f"{self.name}: the cotangents that the bwd rule returned"
            count = site.arguments.structure.num_children
            if not isinstance(found, (tuple, list)) or len(found) != count:
                of = f"a tuple of {len(found)}" if isinstance(found, (tuple, list)) else type(found).__name__
                raise RuleError(f"{what} must be a tuple with one entry for each of {count} argument(s), got {of}")
            return site.arguments.match(tuple(found), like.values, what, "the arguments")

        return VjpCall(self.name, run, fwd, bwd)


class Checkpoint(Transformed):
    """The function that `checkpoint` returns."""

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The function, of which reverse mode remembers the arguments alone."""
        tree = (args, keywords)
        if not any(isinstance(leaf, Tracer) for leaf in flatten(tree)[0]):
            return self.function(*args, **keywords)
        name = f"hodiff.checkpoint of {getattr(self.function, '__qualname__', repr(self.function))}"
        site = _Site(name, lambda given: self.function(*given[0], **given[1]), tree)
        return site.evaluate(CheckpointCall(name, site.run))


def custom_jvp(f: Function, *, nondiff_argnums: int | tuple[int, ...] = ()) -> CustomJvp:
    """Give a function a forward rule of its own, in the place of the derivative of its code.

    Parameters
    ----------
    f : callable
        Function of arrays or trees of them. Arguments that are no numbers, such as strings, have no tangent.
    nondiff_argnums : int or tuple of int
        Positions of static arguments, which are never traced; the rule gets them in front.

    Returns
    -------
    callable
        ``f`` with a method ``defjvp(rule)``, where ``rule(primals, tangents) -> (out, tangent_out)`` gets the arguments
        and their tangents as tuples and is linear in the tangents. Reverse mode transposes it. For derivatives of
        higher order the rule is differentiated itself: let it call the function where it needs its value. Where the
        code of ``f`` or of the rule needs plain numbers, ``vmap`` of ``f`` is a loop, and its derivatives too.

    Raises
    ------
    hodiff.errors.RuleError
        When the rule returns another tree, shape or dtype than the function, or the function uses a traced value that
        is not among its arguments.

    Examples
    --------
    >>> import numpy as np
    >>> import hodiff as hd
    >>> @hd.custom_jvp
    ... def log1pexp(x):
    ...     return np.log1p(np.exp(x))
    >>> @log1pexp.defjvp
    ... def rule(primals, tangents):
    ...     (x,), (t,) = primals, tangents
    ...     return log1pexp(x), t * (1.0 - 1.0 / (1.0 + np.exp(x)))
    >>> with np.errstate(over="ignore"):
    ...     float(hd.grad(log1pexp)(1000.0))
    1.0
    """
    return CustomJvp(f, nondiff_argnums)


def custom_vjp(f: Function, *, nondiff_argnums: int | tuple[int, ...] = ()) -> CustomVjp:
    """Give a function a reverse rule of its own, in the place of the derivative of its code.

    Parameters
    ----------
    f, nondiff_argnums
        As for `custom_jvp`.

    Returns
    -------
    callable
        ``f`` with a method ``defvjp(fwd, bwd)``: ``fwd(*args) -> (out, res)`` returns the result and whatever
        ``bwd(res, ct) -> cotangents`` needs, which returns a tuple with one cotangent an argument (None for zero).
        Forward mode transposes ``bwd``, which has to be linear in ``ct`` for that; reverse mode alone does not ask
        that of it. For derivatives of higher order both rules are differentiated: let ``fwd`` call the function where
        it needs its value.

    Raises
    ------
    hodiff.errors.RuleError
        As for `custom_jvp`; also for a function that uses a traced value of an outer transformation.

    Examples
    --------
    >>> import numpy as np
    >>> import hodiff as hd
    >>> @hd.custom_vjp
    ... def clip_gradient(x):
    ...     return x
    >>> clip_gradient.defvjp(lambda x: (x, None), lambda res, ct: (np.clip(ct, -1.0, 1.0),))
    >>> float(hd.grad(lambda x: clip_gradient(x) ** 3)(2.0))
    1.0
    """
    return CustomVjp(f, nondiff_argnums)


def checkpoint(f: Function) -> Checkpoint:
    """Let reverse mode remember the arguments of a function alone, and run it again when the derivative is asked for.

    Parameters
    ----------
    f : callable
        Function of arrays or trees of them, which gives the same result each time. What is to be differentiated is an
        argument: a traced value of the same transformation that it takes from elsewhere is an error.

    Returns
    -------
    callable
        The same function. Its derivatives are the same, of every order and in every mode; in reverse mode memory is
        that of the arguments, and the function runs twice.

    Raises
    ------
    hodiff.errors.RuleError
        When ``f`` uses a traced value that is not among its arguments.

    Examples
    --------
    >>> import numpy as np
    >>> import hodiff as hd
    >>> block = hd.checkpoint(lambda x: np.sin(np.cos(x)))
    >>> float(hd.grad(lambda x: block(block(x)))(0.0))
    0.0
    """
    return Checkpoint(f)


def _checked_argnums(argnums: Any, kind: str) -> tuple[int, ...]:
    given = argnums if isinstance(argnums, (tuple, list)) else (argnums,)
    try:
        numbers = tuple(as_index(n) for n in given)
    except TypeError:
        numbers = (-1,)
    if any(n < 0 for n in numbers) or len(set(numbers)) != len(numbers):
        raise ArgumentError(f"{kind}: nondiff_argnums must be different positions from 0 on, got {argnums!r}")
    return numbers


def _positional(function: Function, args: tuple[Any, ...], keywords: dict[str, Any], name: str) -> tuple[Any, ...]:
    """All arguments by position, defaults included, as the rules take them."""
    code = getattr(function, "__code__", None)
    if not keywords and code is not None and code.co_argcount == len(args):
        return args
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        if keywords:
            raise ArgumentError(f"{name} has no signature to find keywords in; pass arguments by position") from None
        return args
    bound = signature.bind(*args, **keywords)
    bound.apply_defaults()
    named = sorted(key for key in bound.kwargs if key in keywords)
    if named:
        raise ArgumentError(
            f"{name}: {named} can be passed by keyword only, and the rules take arguments by position; change the "
            f"signature"
        )
    return bound.args


def _pair(value: Any, what: str, wanted: str) -> Any:
    if not isinstance(value, tuple) or len(value) != 2:
        found = f"a tuple of {len(value)}" if isinstance(value, tuple) else type(value).__name__
        raise RuleError(f"{what} must return the pair {wanted}, got {found}")
    return value
