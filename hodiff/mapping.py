"""vmap: a function of single values made a function of batches.

May import everything below.

>>> vmap(lambda x: x @ x)(np.array([[1.0, 2.0], [3.0, 4.0]]))
array([ 5., 25.])
"""

from collections.abc import Callable
from operator import index as as_index
from typing import Any

import numpy as np

from hodiff.arguments import as_array
from hodiff.batch import BatchTrace, BatchTracer, new_batch_trace
from hodiff.core import SEALED, Tracer
from hodiff.errors import BatchAxisError
from hodiff.transform import Transformed, materialise
from hodiff.tree import broadcast_prefix, flatten, unflatten


class Vmap(Transformed):
    """The function that `vmap` returns."""

    def __init__(self, function: Callable[..., Any], in_axes: Any, out_axes: Any) -> None:
        super().__init__(function)
        if isinstance(in_axes, list):
            in_axes = tuple(in_axes)
        _check_axes(in_axes, "in_axes")
        _check_axes(out_axes, "out_axes")
        self.in_axes = in_axes
        self.out_axes = out_axes

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Evaluate the whole batch at once; keyword arguments are batched along axis 0."""
        in_axes = self.in_axes
        if isinstance(in_axes, tuple) and len(in_axes) != len(args):
            raise BatchAxisError(
                f"hodiff.vmap: in_axes has {len(in_axes)} entries, but the function was called with {len(args)} "
                f"positional argument(s); give one entry an argument, or one axis for all"
            )
        leaves, structure = flatten((args, keywords))
        axes = _axes_of(in_axes, args, "in_axes") + _axes_of(0, keywords, "in_axes")
        size = _batch_size(leaves, axes)
        with new_batch_trace.get()(size) as trace:
            inputs = [
                leaf if axis is None else _argument(trace, np.moveaxis(as_array(leaf), axis, 0))
                for leaf, axis in zip(leaves, axes, strict=True)
            ]
            traced_args, traced_keywords = unflatten(structure, inputs)
            result = self.function(*traced_args, **traced_keywords)
            outputs, output_structure = flatten(result)
            out_axes = _axes_of(self.out_axes, result, "out_axes")
            values = [_unwrap(value, axis, trace, size) for value, axis in zip(outputs, out_axes, strict=True)]
        return unflatten(output_structure, materialise(values, values, leaves))


def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Vmap:
    """Vectorise a function over an axis of its arguments.

    Parameters
    ----------
    f : callable
        Function of single values, written with NumPy.
    in_axes : int, None, or tuple
        Axis of each argument that is the batch; None for an argument that is the same for the whole batch. A tuple has
        one entry an argument, each of which may be a tree that matches the argument or a prefix of it. Keyword
        arguments are batched along axis 0.
    out_axes : int, None, or tree
        Where the batch axis goes in the result; None for a result that does not depend on the batch.

    Returns
    -------
    callable
        Function of batches, evaluated at once, without a Python loop.

    Raises
    ------
    hodiff.errors.BatchAxisError
        When axes and arguments do not fit, or the lengths of the batch axes differ.
    hodiff.errors.ControlFlowError
        When ``f`` branches on a batched value.

    Examples
    --------
    >>> import hodiff as hd
    >>> hd.vmap(hd.grad(np.sin))(np.zeros(3))
    array([1., 1., 1.])
    >>> hd.vmap(np.dot, in_axes=(0, None))(np.eye(2), np.array([3.0, 4.0]))
    array([3., 4.])
    """
    return Vmap(f, in_axes, out_axes)


def _check_axes(axes: Any, what: str) -> None:
    for axis in flatten(axes)[0]:
        try:
            as_index(axis)
        except TypeError:
            raise BatchAxisError(
                f"hodiff.vmap: {what} must be integers, None, or trees of them, got {axis!r}"
            ) from None


def _axes_of(axes: Any, tree: Any, what: str) -> list[int | None]:
    """One axis a leaf of ``tree``."""
    try:
        return broadcast_prefix(axes, tree)
    except ValueError as error:
        raise BatchAxisError(
            f"hodiff.vmap: {what}={axes!r} is not a prefix of the tree it belongs to: {error}"
        ) from None


def _batch_size(leaves: list[Any], axes: list[int | None]) -> int:
    sizes: dict[int, str] = {}
    for i, (leaf, axis) in enumerate(zip(leaves, axes, strict=True)):
        if axis is None:
            continue
        value = as_array(leaf)
        if value is None or not -value.ndim <= axis < value.ndim:
            what = f"type {type(leaf).__name__}" if value is None else f"shape {value.shape}"
            raise BatchAxisError(
                f"hodiff.vmap: argument leaf {i} of {what} has no axis {axis} to batch over; use in_axes=None for an "
                f"argument that is the same for the whole batch"
            )
        sizes.setdefault(value.shape[axis], f"leaf {i} of shape {value.shape} along axis {axis}")
    if not sizes:
        raise BatchAxisError("hodiff.vmap: at least one argument must be batched; every entry of in_axes is None")
    if len(sizes) > 1:
        raise BatchAxisError(f"hodiff.vmap: the batch axes have different lengths: {sizes}")
    return next(iter(sizes))


def _argument(trace: BatchTrace, batch: Any) -> BatchTracer:
    tracer = BatchTracer(trace, batch)
    tracer.views = SEALED
    return tracer


def _unwrap(value: Any, axis: int | None, trace: BatchTrace, size: int) -> Any:
    if isinstance(value, Tracer):
        value = value.content()
    mine = isinstance(value, BatchTracer) and value.owner is trace
    if axis is None:
        if mine:
            raise BatchAxisError("hodiff.vmap: out_axes=None was given for a result that depends on the batch")
        return value.alive() if isinstance(value, Tracer) else value
    batched = value.value if mine else as_array(value)
    if batched is None:
        raise BatchAxisError(
            f"hodiff.vmap: the function must return numbers, arrays or trees of them, got {type(value).__name__}"
        )
    if not mine:
        batched = np.broadcast_to(batched, (size, *batched.shape))
    if not -batched.ndim <= axis < batched.ndim:
        raise BatchAxisError(
            f"hodiff.vmap: out_axes={axis} is out of bounds for a batched result of {batched.ndim} axes"
        )
    return np.moveaxis(batched, 0, axis) if axis else batched
