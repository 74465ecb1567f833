"""First derivatives: grad, value_and_grad, jvp, vjp, linearize, linear_transpose, and stop_gradient.

Every transformation takes and returns functions, so they nest in any order. May import everything below.

>>> float(grad(grad(np.sin))(0.5)) == -float(np.sin(0.5))
True
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from hodiff.annihilate import AnnihilateTrace, contains_nan
from hodiff.arguments import Selection, differentiable_leaves, match_leaves
from hodiff.core import SEALED, Tracer
from hodiff.errors import NonScalarOutputError, NotLinearError, StructureError
from hodiff.forward import ForwardTracer, new_forward_trace
from hodiff.linear_map import LinearMap, TapeTrace, TapeVariable
from hodiff.ops.comparison import stop_gradient as _stop_gradient
from hodiff.shaped import Shaped, is_inexact
from hodiff.transform import (
    Linearised,
    Transformed,
    check_output,
    linearise,
    materialise,
    numeric_leaves,
    split_aux,
)
from hodiff.tree import LEAF, Structure, tree_map, unflatten


class ValueAndGrad(Transformed):
    """The function that `value_and_grad` returns."""

    _transformation = "hodiff.value_and_grad"

    def __init__(
        self, function: Callable[..., Any], argnums: Any, argnames: Any, has_aux: bool, holomorphic: bool
    ) -> None:
        super().__init__(function)
        self.selection = Selection.from_user(self._transformation, argnums, argnames)
        self.has_aux = has_aux
        self.holomorphic = holomorphic

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Value and gradient."""
        point = linearise(
            self.function, self.selection, args, keywords, has_aux=self.has_aux, holomorphic=self.holomorphic
        )
        name = self._transformation
        output = point.outputs[0] if point.output_structure == LEAF else None
        if output is None or output.shape != ():
            raise _not_scalar(point, name)
        seed = _ONE
        if self.holomorphic or output.dtype is not _ONE.dtype:
            check_output(output, name, holomorphic=self.holomorphic, allow_complex=False)
            seed = output.dtype.type(1)
        cotangents = point.derivative.pull((seed,))
        leaves = materialise(cotangents, point.inputs)
        gradient = leaves[0] if point.input_structure is LEAF else unflatten(point.input_structure, leaves)
        return ((output, point.aux), gradient) if self.has_aux else (output, gradient)


class Grad(ValueAndGrad):
    """The function that `grad` returns."""

    _transformation = "hodiff.grad"

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Gradient."""
        value, gradient = super().__call__(*args, **keywords)
        return (gradient, value[1]) if self.has_aux else gradient


def grad(
    f: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    argnames: str | tuple[str, ...] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Grad:
    """Gradient of a scalar function, by reverse mode.

    Parameters
    ----------
    f : callable
        Function of arrays, numbers or trees of them that returns a real scalar (shape ``()``).
    argnums : int or tuple of int
        Position of the argument to differentiate with respect to; a tuple gives a tuple of gradients.
    argnames : str or tuple of str, optional
        Instead of ``argnums``, names of keyword arguments; one name gives that gradient, a tuple a dict.
    has_aux : bool
        ``f`` returns ``(value, aux)``, and the result is ``(gradient, aux)``.
    holomorphic : bool
        ``f`` is a holomorphic function of complex numbers; the gradient is its complex derivative.

    Returns
    -------
    callable
        Function of the same arguments that returns the gradient: the tree, shapes and dtypes of the chosen
        argument. For complex arguments of a real function it is ∂u/∂x − i ∂u/∂y.

    Raises
    ------
    hodiff.errors.NonDifferentiableInputError
        On a call with integers or booleans in the chosen argument.
    hodiff.errors.NonScalarOutputError
        When ``f`` returns anything but a scalar.

    Examples
    --------
    >>> import hodiff as hd
    >>> hd.grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    return Grad(f, argnums, argnames, has_aux, holomorphic)


def value_and_grad(
    f: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    argnames: str | tuple[str, ...] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> ValueAndGrad:
    """Value and gradient of a scalar function, from one evaluation.

    Parameters
    ----------
    f, argnums, argnames, has_aux, holomorphic
        As for `grad`.

    Returns
    -------
    callable
        Function that returns ``(value, gradient)``, or ``((value, aux), gradient)`` with ``has_aux``.

    Examples
    --------
    >>> import hodiff as hd
    >>> value, gradient = hd.value_and_grad(lambda x: x**3)(2.0)
    >>> float(value), float(gradient)
    (8.0, 12.0)
    """
    return ValueAndGrad(f, argnums, argnames, has_aux, holomorphic)


def jvp(f: Callable[..., Any], primals: Any, tangents: Any, *, has_aux: bool = False) -> Any:
    """Value of a function and its derivative in one direction, by forward mode.

    Parameters
    ----------
    f : callable
    primals : tuple
        The arguments.
    tangents : tuple
        The direction: trees, shapes as in ``primals``.
    has_aux : bool
        ``f`` returns ``(result, aux)``.

    Returns
    -------
    out, tangent_out : (and ``aux``)
        Result and its derivative, of the same tree and shapes. Memory does not grow with the length of the
        computation. Should a NaN turn up in the derivative, ``f`` is run a second time with zero tangents
        annihilating infinite coefficients.

    Examples
    --------
    >>> import hodiff as hd
    >>> out, tangent = hd.jvp(np.sin, (0.0,), (2.0,))
    >>> float(out), float(tangent)
    (0.0, 2.0)
    """
    name = "hodiff.jvp"
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise StructureError(f"{name}: primals and tangents must be tuples of arguments, such as (x,) and (v,)")
    leaves, structure = differentiable_leaves(tuple(primals), name)
    directions = match_leaves(tuple(tangents), structure, leaves, f"{name}: tangents", "primals")
    outputs, output_structure, tangents_out, aux = _push_forward(f, leaves, structure, directions, has_aux, None)
    if contains_nan(*tangents_out):
        with AnnihilateTrace() as zeros:
            outputs, output_structure, tangents_out, aux = _push_forward(
                f, leaves, structure, directions, has_aux, zeros
            )
    like = [_tangent_space(v) for v in outputs]
    out = unflatten(output_structure, outputs)
    tangent_out = unflatten(output_structure, materialise(tangents_out, like, directions))
    return (out, tangent_out, aux) if has_aux else (out, tangent_out)


def _push_forward(
    f: Callable[..., Any],
    leaves: list[Any],
    structure: Structure,
    tangents: list[Any],
    has_aux: bool,
    zeros: AnnihilateTrace | None,
) -> tuple[list[Any], Structure, list[Any], Any]:
    """Run ``f`` on pairs of primal and tangent; with ``zeros``, the zeros of the tangents annihilate."""
    with new_forward_trace.get()() as trace:
        if zeros is not None:
            tangents = [zeros.wrap(t) for t in tangents]
        inputs = [ForwardTracer(trace, x, t) for x, t in zip(leaves, tangents, strict=True)]
        for tracer in inputs:
            tracer.views = SEALED
        result = f(*unflatten(structure, inputs))
        result, aux = split_aux(result, "hodiff.jvp") if has_aux else (result, None)
        outputs, output_structure = numeric_leaves(result, "hodiff.jvp")
    mine = [isinstance(v, ForwardTracer) and v.owner is trace for v in outputs]
    tangents_out = [v.tangent if m else None for v, m in zip(outputs, mine, strict=True)]
    if zeros is not None:
        tangents_out = [zeros.unwrap(t) for t in tangents_out]

    def primal(value: Any) -> Any:
        if isinstance(value, Tracer):
            value = value.content()
        if isinstance(value, ForwardTracer) and value.owner is trace:
            value = value.primal
        return value.alive() if isinstance(value, Tracer) else value

    return [primal(v) for v in outputs], output_structure, tangents_out, tree_map(primal, aux)


class _Linear:
    """A recorded linear map between trees."""

    def __init__(
        self,
        name: str,
        derivative: LinearMap,
        inputs: tuple[Structure, list[Any]],
        outputs: tuple[Structure, list[Any]],
    ) -> None:
        self._name = name
        self._derivative = derivative
        self._input_structure = inputs[0]
        self._inputs = [Shaped(value.shape, value.dtype) for value in inputs[1]]
        self._output_structure = outputs[0]
        self._outputs = [_tangent_space(value) for value in outputs[1]]


class Pullback(_Linear):
    """Transpose of a derivative: cotangents of the result to a tuple of cotangents of the arguments."""

    def __call__(self, cotangent: Any) -> Any:
        """Pull back; may be called any number of times."""
        what = f"{self._name}: the cotangent"
        values = match_leaves(cotangent, self._output_structure, self._outputs, what, "the result")
        pulled = self._derivative.pull(values)
        return unflatten(self._input_structure, materialise(pulled, self._inputs, values))


class Pushforward(_Linear):
    """Derivative at a point: tangents of the arguments to the tangent of the result."""

    def __call__(self, *tangents: Any) -> Any:
        """Push forward; may be called any number of times."""
        what = f"{self._name}: the tangents"
        values = match_leaves(tangents, self._input_structure, self._inputs, what, "the primals")
        pushed = self._derivative.push(values)
        return unflatten(self._output_structure, materialise(pushed, self._outputs, values))


def _tangent_space(value: Any) -> Shaped:
    """Shape and dtype of tangents of ``value``; those of integers are zeros of dtype float."""
    return Shaped(value.shape, value.dtype if is_inexact(value.dtype) else np.dtype(float))


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """Value of a function and its pullback, by reverse mode.

    Parameters
    ----------
    f : callable
    *primals
        The arguments.
    has_aux : bool
        ``f`` returns ``(result, aux)``.

    Returns
    -------
    out, pullback : (and ``aux``)
        ``pullback(cotangent)`` returns a tuple with one cotangent an argument; it may be called many times.

    Examples
    --------
    >>> import hodiff as hd
    >>> out, pullback = hd.vjp(np.multiply, 2.0, 3.0)
    >>> [float(c) for c in pullback(1.0)]
    [3.0, 2.0]
    """
    point = _linearise_all(f, primals, "hodiff.vjp", has_aux)
    out = unflatten(point.output_structure, point.outputs)
    pullback = Pullback(
        "hodiff.vjp", point.derivative, (point.input_structure, point.inputs), (point.output_structure, point.outputs)
    )
    return (out, pullback, point.aux) if has_aux else (out, pullback)


def linearize(f: Callable[..., Any], *primals: Any) -> tuple[Any, Pushforward]:
    """Value of a function and its derivative as a function of tangents; ``f`` runs once.

    Parameters
    ----------
    f : callable
    *primals
        The arguments.

    Returns
    -------
    out, pushforward
        ``pushforward(*tangents)`` returns the derivative of the result, as ``jvp`` would.

    Examples
    --------
    >>> import hodiff as hd
    >>> out, pushforward = hd.linearize(np.exp, 0.0)
    >>> float(pushforward(2.0)), float(pushforward(3.0))
    (2.0, 3.0)
    """
    point = _linearise_all(f, primals, "hodiff.linearize", False)
    pushforward = Pushforward(
        "hodiff.linearize",
        point.derivative,
        (point.input_structure, point.inputs),
        (point.output_structure, point.outputs),
    )
    return unflatten(point.output_structure, point.outputs), pushforward


def _linearise_all(f: Callable[..., Any], primals: tuple[Any, ...], name: str, has_aux: bool) -> Linearised:
    """Linearise with respect to all arguments; what the caller gave or gets can be changed without harm to the map."""
    everything = Selection(name, tuple(range(len(primals))), None)
    point = linearise(f, everything, tree_map(_copied, primals), {}, has_aux=has_aux)
    return point._replace(outputs=[_copied(v) for v in point.outputs], aux=tree_map(_copied, point.aux))


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def linear_transpose(f: Callable[..., Any], *example_args: Any) -> Pullback:
    """Transpose of a linear function.

    Parameters
    ----------
    f : callable
        Function that is linear in all its arguments together.
    *example_args
        Arguments of the right tree, shapes and dtypes; their values are not looked at.

    Returns
    -------
    callable
        Maps a cotangent of the result to a tuple of cotangents of the arguments.

    Raises
    ------
    hodiff.errors.NotLinearError
        When ``f`` uses an operation that is not linear.

    Examples
    --------
    >>> import hodiff as hd
    >>> transpose = hd.linear_transpose(lambda x: np.sum(3.0 * x), np.zeros(2))
    >>> transpose(1.0)
    (array([3., 3.]),)
    """
    name = "hodiff.linear_transpose"
    leaves, structure = differentiable_leaves(example_args, name)
    with TapeTrace(name) as trace:
        inputs = [trace.input(Shaped(value.shape, value.dtype)) for value in leaves]
        outputs, output_structure = numeric_leaves(f(*unflatten(structure, inputs)), name)
        derivative = trace.finish(outputs)
    for value in outputs:
        if not (isinstance(value, TapeVariable) and value.owner is trace) and np.any(value):
            raise NotLinearError(
                f"{name}: a result does not depend on the arguments and is not zero, so the function is not linear"
            )
    return Pullback(name, derivative, (structure, leaves), (output_structure, outputs))


def stop_gradient(x: Any) -> Any:
    """Identity with derivative zero.

    Parameters
    ----------
    x : tree of arrays

    Returns
    -------
    tree of arrays
        The same values; a constant for every derivative being taken.

    Examples
    --------
    >>> import hodiff as hd
    >>> float(hd.grad(lambda x: x * hd.stop_gradient(x))(3.0))
    3.0
    """
    return tree_map(_stop_gradient, x)


def _not_scalar(point: Linearised, name: str) -> NonScalarOutputError:
    outputs, structure = point.outputs, point.output_structure
    if not outputs and structure.num_children == 0:
        return NonScalarOutputError(f"{name}: the function returned None or an empty tree; is a `return` missing?")
    what = f"shape {outputs[0].shape}" if structure == LEAF else f"tree structure {structure}"
    return NonScalarOutputError(
        f"{name}: the function must return a scalar (shape ()), got a result of {what}; reduce it (np.sum, or [0] for "
        f"shape (1,)), use hodiff.jacobian for arrays, or has_aux=True when it returns (value, aux)"
    )


_ONE = np.float64(1.0)
