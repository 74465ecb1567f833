"""Trees of arrays as one float64 vector and back; what is a tree, ``hodiff`` says. Imports it, ``errors``, ``linear``.

Solvers work on vectors; users write functions of whatever tree is natural. ``Layout`` is the bridge. Its
``unravel`` uses slices and ``np.reshape`` alone, so a traced vector passes through it.

>>> layout = Layout.of({"w": np.ones((2, 2)), "b": 0.5})
>>> layout.size, layout.ravel({"w": np.eye(2), "b": 3.0})
(5, array([3., 1., 0., 0., 1.]))
>>> layout.unravel(np.arange(5.0))["w"]
array([[1., 2.],
       [3., 4.]])
"""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hodiff import extend
from optimizers.errors import InputTypeError, NonFiniteError, ShapeError
from optimizers.linear import norm

__all__ = ["Array", "Layout", "Tree", "check_finite", "joined", "real_array", "unravel"]

Array: TypeAlias = NDArray[np.float64]
Tree: TypeAlias = Any


def real_array(value: Tree, name: str) -> Array:
    """`value` as a new float64 array that nobody else holds; integers and booleans are widened.

    Raises
    ------
    InputTypeError
        When `value` is complex, or not numbers at all.

    Examples
    --------
    >>> real_array([1, 2], "x0")
    array([1., 2.])
    """
    if type(value) is np.ndarray and value.dtype == np.float64:
        return np.array(value)
    try:
        array = np.asarray(value)
    except ValueError:
        raise InputTypeError(f"{name} is not an array of numbers: {value!r:.80}") from None
    if array.dtype.kind == "c":
        raise InputTypeError(f"{name} is complex: optimise over its real and imaginary parts, as real arrays")
    if array.dtype.kind not in "fiub":
        raise InputTypeError(f"{name} must hold real numbers, not {type(value).__name__} of dtype {array.dtype}")
    return np.array(array, dtype=np.float64)


def check_finite(value: Array, name: str) -> None:
    """Raise `NonFiniteError` naming the first entry of `value` that is NaN or infinite.

    Examples
    --------
    >>> check_finite(np.ones(3), "x0")
    """
    # A norm that is finite has finite entries, and costs half of looking at each.
    if value.ndim == 1 and math.isfinite(norm(value)):
        return
    bad = ~np.isfinite(value)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        place = where[0] if len(where) == 1 else where
        raise NonFiniteError(f"{name} has a NaN or infinite entry at position {place}: pass finite numbers")


def _is_array(x: Tree) -> bool:
    """Arrays, scalars, and plain (nested) lists of scalars are arrays, as in SciPy; the rest are trees."""
    if type(x) in (list, tuple):
        return len(x) > 0 and all(_is_array(item) and not isinstance(item, np.ndarray) for item in x)
    return np.isscalar(x) or isinstance(x, np.ndarray)


@dataclass(frozen=True)
class Layout:
    """How the leaves of a tree lie in one vector.

    Attributes
    ----------
    size : int
        Length of the vector.
    shapes : tuple of tuple of int
        Shape of each leaf, in order.
    spec : object or None
        Structure of the tree, to compare and to make trees of; None for a lone array.

    Examples
    --------
    >>> Layout.of([1, 2, 3]).shapes        # a list of numbers is an array, as in SciPy
    ((3,),)
    """

    size: int
    shapes: tuple[tuple[int, ...], ...]
    spec: Any

    @property
    def is_vector(self) -> bool:
        """Whether the tree is the vector itself.

        Examples
        --------
        >>> Layout.of(np.ones(3)).is_vector, Layout.of(np.ones((3, 1))).is_vector
        (True, False)
        """
        return self.spec is None and len(self.shapes[0]) == 1

    @classmethod
    def of(cls, x0: Tree, name: str = "x0") -> "Layout":
        """Layout of `x0`, checked: real, not empty.

        Examples
        --------
        >>> Layout.of((np.ones(2), np.ones(3))).size
        5
        """
        leaves, spec = ([x0], None) if _is_array(x0) else extend.tree_flatten(x0)
        shapes = tuple(real_array(leaf, name).shape for leaf in leaves)
        size = sum(int(np.prod(shape)) for shape in shapes)
        if size == 0:
            raise ShapeError(f"{name} is empty: there is nothing to optimise over")
        return cls(size, shapes, spec)

    def ravel(self, tree: Tree, name: str = "x0") -> Array:
        """The vector, shape (size,), of a tree of this layout; a new array.

        Raises
        ------
        ShapeError
            When structure or shapes differ; the message names `name`.

        Examples
        --------
        >>> Layout.of(np.zeros((2, 2))).ravel(np.eye(2))
        array([1., 0., 0., 1.])
        """
        if self.spec is None:
            leaves = [tree]
        else:
            leaves, spec = extend.tree_flatten(tree)
            if spec != self.spec:
                raise ShapeError(f"{name} has the tree structure {spec}: it must be that of x, {self.spec}")
        arrays = [real_array(leaf, name) for leaf in leaves]
        for array, shape in zip(arrays, self.shapes, strict=True):
            if array.shape != shape:
                raise ShapeError(f"{name} has shape {array.shape}: it must be that of x, {shape}")
        return arrays[0].reshape(-1) if len(arrays) == 1 else np.concatenate([a.reshape(-1) for a in arrays])

    def unravel(self, vector: Tree) -> Tree:
        """The tree of a vector, shape (size,), which may be traced.

        Examples
        --------
        >>> Layout.of(2.5).unravel(np.array([4.0]))
        np.float64(4.0)
        """
        return unravel(vector, self.shapes, self.spec)


def unravel(vector: Tree, shapes: tuple[tuple[int, ...], ...], spec: Any) -> Tree:
    """`Layout.unravel` without the `Layout`, of which compiled code would have to watch every attribute.

    Examples
    --------
    >>> unravel(np.array([4.0]), ((),), None)
    np.float64(4.0)
    """
    if spec is None:
        return _leaf(vector, shapes[0])
    leaves, start = [], 0
    for shape in shapes:
        stop = start + math.prod(shape)
        leaves.append(_leaf(vector[start:stop], shape))
        start = stop
    return extend.tree_unflatten(spec, leaves)


def joined(tree: Tree) -> Any:
    """The leaves of any tree, traced or not, one after another in one vector.

    Examples
    --------
    >>> joined({"a": np.ones((2, 1)), "b": 3.0})
    array([1., 1., 3.])
    """
    leaves = [np.reshape(leaf, (-1,)) for leaf in extend.tree_flatten(tree)[0]]
    return leaves[0] if len(leaves) == 1 else np.concatenate(leaves)


def _leaf(part: Tree, shape: tuple[int, ...]) -> Tree:
    if shape == ():
        return part[0]
    return part if len(shape) == 1 else np.reshape(part, shape)


def leaves_of(tree: Tree) -> tuple[list[Any], Any]:
    """The leaves of any tree as they are, and its structure, which `tree_of` takes and which compares.

    Examples
    --------
    >>> leaves_of({"a": np.ones(1), "b": 2.0})[0]
    [array([1.]), 2.0]
    """
    # A lone array, which is what solvers have, is known for one in a tenth of the time.
    return ([tree], None) if type(tree) is np.ndarray else extend.tree_flatten(tree)


def tree_of(structure: Any, leaves: list[Any]) -> Tree:
    """The tree of a structure that `leaves_of` gave.

    Examples
    --------
    >>> leaves, structure = leaves_of({"a": 1.0, "b": 2.0})
    >>> tree_of(structure, [10.0, 20.0])
    {'a': 10.0, 'b': 20.0}
    """
    return leaves[0] if structure is None else extend.tree_unflatten(structure, leaves)
