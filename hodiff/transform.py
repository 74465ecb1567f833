"""What all transformations share: transformed functions as objects, and one linearisation of a function.

May import ``arguments``, ``core``, ``errors``, ``linear_map``, ``reverse`` and ``tree``.

>>> class Twice(Transformed):
...     def __call__(self, x):
...         return 2 * self.function(x)
>>> Twice(abs)(-1), Twice(abs)
(2, <Twice of abs>)
"""

import sys
from collections.abc import Callable, Iterable
from functools import update_wrapper
from types import MethodType
from typing import Any, NamedTuple

import numpy as np

from hodiff.arguments import Selection, as_array, differentiable_leaves
from hodiff.core import Tracer
from hodiff.errors import ArgumentError, ComplexOutputError, NonDifferentiableOutputError, StructureError
from hodiff.linear_map import LinearMap
from hodiff.reverse import new_reverse_trace
from hodiff.tree import LEAF, Structure, flatten, leaf_names, not_a_tree, tree_map, unflatten


class Transformed:
    """A function made from another one: picklable where that one is, usable as a method, documented by it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        if not callable(function):
            raise ArgumentError(f"{type(self).__name__}: the first argument must be a function, got {function!r}")
        update_wrapper(self, function, updated=())
        self.function = function

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Evaluate."""
        raise NotImplementedError

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # Used as a decorator, it has taken the place of its function in the module and is found there.
        module = sys.modules.get(getattr(self, "__module__", ""))
        if getattr(module, getattr(self, "__qualname__", ""), None) is self:
            return self.__qualname__
        return super().__reduce_ex__(protocol)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {getattr(self.function, '__qualname__', repr(self.function))}>"


class Linearised(NamedTuple):
    """A function at a point: its value, and its derivative as a linear map between leaves."""

    outputs: list[Any]
    output_structure: Structure
    inputs: list[Any]
    input_structure: Structure
    derivative: LinearMap
    aux: Any


def linearise(
    function: Callable[..., Any],
    selection: Selection,
    args: tuple[Any, ...],
    keywords: dict[str, Any],
    *,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Linearised:
    """Run ``function`` once and record its derivative with respect to the selected arguments."""
    name = selection.transformation
    chosen = selection.take(args, keywords)
    leaves, structure = differentiable_leaves(chosen, name, holomorphic=holomorphic)
    trace = new_reverse_trace.get()()
    try:
        if structure is LEAF:
            traced: Any = trace.input(leaves[0])
        else:
            traced = unflatten(structure, [trace.input(value) for value in leaves])
        args, keywords = selection.put(args, keywords, traced)
        result = function(*args, **keywords)
        result, aux = split_aux(result, name) if has_aux else (result, None)
        outputs, output_structure = numeric_leaves(result, name)
    except BaseException:
        trace.close()
        raise
    derivative = trace.finish(outputs)
    for i, value in enumerate(outputs):
        outputs[i] = trace.primal(value)
    if has_aux:
        aux = tree_map(trace.primal, aux)
    return Linearised(outputs, output_structure, leaves, structure, derivative, aux)


def split_aux(result: Any, name: str) -> tuple[Any, Any]:
    """Result and auxiliary data of a function that was declared to return both."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise StructureError(
            f"{name}: with has_aux=True the function must return a pair (result, aux), got "
            f"{f'a tuple of {len(result)}' if isinstance(result, tuple) else type(result).__name__}"
        )
    value, aux = result
    return value, tree_map(_content, aux)


def _content(value: Any) -> Any:
    """What a buffer contains, while the trace is open that its last assignments need."""
    return value.content() if isinstance(value, Tracer) else value


def numeric_leaves(tree: Any, name: str) -> tuple[list[Any], Structure]:
    """Leaves of a result as arrays or NumPy scalars."""
    if isinstance(tree, Tracer):
        value = tree.content()
        return [value.alive() if isinstance(value, Tracer) and value.owner.closed else value], LEAF
    leaves, structure = flatten(tree)
    values = [as_array(leaf) for leaf in leaves]
    for i, value in enumerate(values):
        if value is None:
            where = leaf_names(tree)[i]
            raise NonDifferentiableOutputError(
                f"{name}: the function must return numbers, arrays or trees of them, got an object of type "
                f"{type(leaves[i]).__name__}{f' (leaf {where})' if where else ''}; return extra data with has_aux=True"
                f"{not_a_tree(leaves[i])}"
            )
    return values, structure


def check_output(value: Any, name: str, *, holomorphic: bool, allow_complex: bool) -> None:
    """Refuse an integer result, and a complex or real one where it has no gradient."""
    kind = value.dtype.kind
    if kind not in "fc":
        raise NonDifferentiableOutputError(
            f"{name}: the result is of dtype {value.dtype}; integers and booleans have no derivative, so the function "
            f"must return floats"
        )
    if holomorphic and kind != "c":
        raise ComplexOutputError(
            f"{name}: holomorphic=True needs a complex result, got {value.dtype}; leave it out for a real result"
        )
    if kind == "c" and not (holomorphic or allow_complex):
        raise ComplexOutputError(
            f"{name}: the result is complex ({value.dtype}); take its real part or abs(), or pass holomorphic=True for "
            f"a complex function of complex numbers"
        )


def zeros(shape: tuple[int, ...], dtype: Any) -> Any:
    """Zeros that own their memory; a NumPy scalar for the shape ``()``."""
    return np.zeros(shape, dtype) if shape else dtype.type(0)


def materialise(values: list[Any], like: list[Any], given: Iterable[Any] = ()) -> list[Any]:
    """Zeros for None, and arrays that the caller may modify: never a view, and never an array twice."""
    seen = [id(value) for value in given]
    result = []
    for value, source in zip(values, like, strict=True):
        if value is None:
            value = zeros(source.shape, source.dtype)
        elif value.__class__ is np.ndarray:
            if value.dtype is not source.dtype and value.dtype != source.dtype:
                value = value.astype(source.dtype)  # sums of big-endian arrays are in the order of the machine
            flags = value.flags
            if not flags.owndata or not flags.writeable or id(value) in seen:
                value = value.copy()
            seen.append(id(value))
        result.append(value)
    return result
