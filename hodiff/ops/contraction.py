"""Products: matmul, dot, inner, outer, vdot, tensordot and NumPy's vector-matrix ufuncs.

All of them come down to ``matmul``, a multilinear operation whose transposes are matmuls again: C = A B gives
Ā = C̄ Bᵀ and B̄ = Aᵀ C̄ (Giles 2008, "An extended collection of matrix derivative results", 2.2.2), which are BLAS calls
on transposed views, without copies. Transposes do not conjugate.
May import ``batch_rules``, ``code``, ``core``, ``kinds``, ``lowering``, ``operands``, ``operators`` and
``shaped``.

>>> import hodiff as hd
>>> hd.grad(lambda x: x @ np.eye(2) @ x)(np.array([1.0, 2.0]))
array([2., 4.])
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from hodiff.batch_rules import batch_aligned
from hodiff.code import Code, is_unheard
from hodiff.core import Primitive, as_operand
from hodiff.kinds import composite, multilinear, reject
from hodiff.lowering import Product
from hodiff.operands import as_array
from hodiff.operators import infix
from hodiff.shaped import Shape, Shaped, negative_axes, negative_axis

# --- the operation ----------------------------------------------------------------------------------------------------


def _rows(x: Any) -> Any:
    """All leading axes merged into one."""
    return x if x.ndim == 2 else np.reshape(x, (prod(x.shape[:-1]), x.shape[-1]))


def _matmul_left(ct: Any, x: Any, y: Any) -> Any:
    """Cotangent of ``x``; where ``y`` is a stack, the tape sums over it."""
    if x.ndim > 1:
        if y.ndim == 1:
            return ct[..., None] * y
        if x.ndim == 2 < y.ndim:
            # One product over the stack and the columns at once, instead of a stack of matrices to be summed.
            axes = (*range(y.ndim - 2), y.ndim - 1)
            return np.tensordot(ct, y, axes=(axes, axes))
        return ct @ y.mT
    if y.ndim == 1:
        return ct * y
    return y @ ct if y.ndim == 2 else (y @ ct[..., None])[..., 0]


def _matmul_right(ct: Any, x: Any, y: Any) -> Any:
    """Cotangent of ``y``; where ``x`` is a stack, the tape sums over it, or one product does."""
    if x.ndim == 1:
        return ct * x if y.ndim == 1 else x[:, None] * ct[..., None, :]
    if y.ndim == 1:
        return ct @ x if x.ndim == 2 else np.reshape(ct, (ct.size,)) @ _rows(x)
    if y.ndim == 2 < x.ndim:
        return _rows(x).T @ _rows(ct)
    return x.mT @ ct


def _matmul_shape(x: Any, y: Any) -> Shaped:
    left, right = x.shape, y.shape
    dtype = x.dtype if x.dtype == y.dtype else np.result_type(x.dtype, y.dtype)
    if len(left) == 2 and len(right) == 2:
        return Shaped((left[0], right[1]), dtype)
    core = left[-2:-1] + right[-1:] if len(right) > 1 else left[-2:-1]
    return Shaped((*np.broadcast_shapes(left[:-2], right[:-2]), *core), dtype)


def _column(x: Any, ndim: int) -> Any:
    """A batch of vectors as a batch of one-column matrices that broadcast against ``ndim`` axes."""
    return np.reshape(x, (x.shape[0], *(1,) * (ndim - 2), x.shape[1], 1))


def _batch_matmul(primitive: Primitive, size: int, operands: Any, batched: Any, parameters: dict[str, Any]) -> Any:
    """One product of larger matrices where possible, otherwise a stack of products."""
    x, y = operands
    nx, ny = np.ndim(x) - batched[0], np.ndim(y) - batched[1]
    if nx == 0 or ny == 0:
        raise ValueError("matmul: the operands need at least one axis; multiply by a scalar with * instead of @")
    if nx > 1 and ny > 1:
        if batched[0] and not batched[1] and ny == 2:
            return np.reshape(primitive(_rows(x), y), (*x.shape[:-1], y.shape[1]))
        return batch_aligned(primitive, size, operands, batched, parameters, core=2)
    if ny == 1:
        if not batched[1]:
            return primitive(x, y)
        if not batched[0]:
            return np.moveaxis(primitive(x, y.mT), -1, 0)
        if nx > 1:
            return primitive(x, _column(y, nx))[..., 0]
        return primitive(x[:, None, :], y[:, :, None])[:, 0, 0]
    if not batched[0] or (not batched[1] and ny == 2):
        return primitive(x, y)
    return primitive(_column(x, ny).mT, y)[..., 0, :]


def _matmul_source(equation: Any) -> str | None:
    """Of two vectors by ``dot``, which is faster and names itself in warnings."""
    vectors = all(atom.form == "array" and len(atom.shape) == 1 for atom in equation.operands)
    return "{0}.dot({1})" if is_unheard(equation) and vectors else None


#: NumPy's ``matmul``: of matrices, stacks of them that broadcast, and vectors.
matmul = multilinear(
    np.matmul,
    _matmul_left,
    _matmul_right,
    name="matmul",
    batch=_batch_matmul,
    shape=_matmul_shape,
    code=Code(value=_matmul_source, nest=Product()),
    numpy=np.matmul,
)

infix(matmul, "matmul", "@")
composite(np.linalg.matmul)(matmul)


# --- products of vectors and matrices ---------------------------------------------------------------------------------


@composite(np.dot, method="dot")
def dot(a: Any, b: Any, out: Any = None) -> Any:
    """NumPy's ``dot``: over the last axis of ``a`` and the last but one of ``b``."""
    reject("numpy.dot", out=(out, None))
    a, b = as_array(a), as_array(b)
    if a.ndim == 0 or b.ndim == 0:
        return np.multiply(a, b)
    if a.ndim > 1 and b.ndim > 2:
        return tensordot(a, b, axes=(-1, -2))
    return matmul(a, b)


@composite(np.inner)
def inner(a: Any, b: Any) -> Any:
    """NumPy's ``inner``: over the last axes of both."""
    a, b = as_array(a), as_array(b)
    if a.ndim == 0 or b.ndim == 0:
        return np.multiply(a, b)
    if a.ndim == 1:
        return matmul(b, a)
    return matmul(a, b if b.ndim == 1 else b.T) if b.ndim <= 2 else tensordot(a, b, axes=(-1, -1))


@composite(np.outer)
def outer(a: Any, b: Any, out: Any = None) -> Any:
    """NumPy's ``outer``, of the flattened operands."""
    reject("numpy.outer", out=(out, None))
    a, b = (x if hasattr(x, "ndim") else np.asarray(x) for x in (a, b))
    return matmul(np.reshape(a, (a.size, 1)), np.reshape(b, (1, b.size)))


@composite(np.linalg.outer)
def outer_of_vectors(x1: Any, x2: Any, /) -> Any:
    """NumPy's ``linalg.outer``."""
    x1, x2 = as_operand(x1), as_operand(x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError(f"Input arrays must be one-dimensional, but they are x1.ndim={x1.ndim} and x2.ndim={x2.ndim}.")
    return outer(x1, x2)


@composite(np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    """NumPy's ``vdot``: of the flattened operands, the first one conjugated."""
    a, b = (x if hasattr(x, "ndim") else np.asarray(x) for x in (a, b))
    return matmul(_conjugate(np.reshape(a, (a.size,))), np.reshape(b, (b.size,)))


@composite(np.vecdot)
def vecdot(x1: Any, x2: Any) -> Any:
    """NumPy's ``vecdot``: over the last axes, the first operand conjugated, the others broadcast."""
    x1 = _conjugate(x1)
    if x1.ndim == 1:
        return matmul(x2, x1)
    return matmul(x1, x2) if x2.ndim == 1 else np.einsum("...i,...i->...", x1, x2)


@composite(np.linalg.vecdot)
def vecdot_along(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """NumPy's ``linalg.vecdot``."""
    x1, x2 = as_operand(x1), as_operand(x2)
    return vecdot(np.moveaxis(x1, axis, -1), np.moveaxis(x2, axis, -1))


def matvec(x1: Any, x2: Any) -> Any:
    """NumPy's ``matvec``: matrices by vectors, the other axes broadcast."""
    return matmul(x1, x2) if x2.ndim == 1 else matmul(x1, x2[..., None])[..., 0]


def vecmat(x1: Any, x2: Any) -> Any:
    """NumPy's ``vecmat``: vectors, conjugated, by matrices, the other axes broadcast."""
    x1 = _conjugate(x1)
    return matmul(x1, x2) if x1.ndim == 1 else matmul(x1[..., None, :], x2)[..., 0, :]


# NumPy has these two since 2.2.
for _name, _function in (("matvec", matvec), ("vecmat", vecmat)):
    if hasattr(np, _name):
        composite(getattr(np, _name))(_function)


def _conjugate(x: Any) -> Any:
    return np.conjugate(x) if x.dtype.kind == "c" else x


# --- tensordot --------------------------------------------------------------------------------------------------------


@composite(np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """NumPy's ``tensordot``: one matrix product of the operands with their axes rearranged."""
    a, b = (x if hasattr(x, "ndim") else np.asarray(x) for x in (a, b))
    over_a, over_b = _contracted(axes, a.shape, b.shape)
    rest_a = tuple(i for i in range(-a.ndim, 0) if i not in over_a)
    rest_b = tuple(i for i in range(-b.ndim, 0) if i not in over_b)
    rows, columns = tuple(a.shape[i] for i in rest_a), tuple(b.shape[i] for i in rest_b)
    length = prod(a.shape[i] for i in over_a)
    left = np.reshape(np.transpose(a, rest_a + over_a), (prod(rows), length))
    right = np.reshape(np.transpose(b, over_b + rest_b), (length, prod(columns)))
    return np.reshape(matmul(left, right), rows + columns)


@composite(np.linalg.tensordot)
def tensordot_keyword(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    """NumPy's ``linalg.tensordot``."""
    return tensordot(x1, x2, axes)


def _contracted(axes: Any, a: Shape, b: Shape) -> tuple[Shape, Shape]:
    """Axes to sum over in both operands, counted from the end."""
    if not isinstance(axes, (tuple, list)) and np.ndim(axes) == 0:
        if axes < 0 or axes > min(len(a), len(b)):
            raise ValueError("shape-mismatch for sum")
        over_a: Sequence[int] = range(len(a) - axes, len(a))
        over_b: Sequence[int] = range(axes)
    else:
        over_a, over_b = ((x,) if np.ndim(x) == 0 else tuple(x) for x in axes)
    if len(over_a) != len(over_b):
        raise ValueError("shape-mismatch for sum")
    left = negative_axes(tuple(over_a), len(a), "numpy.tensordot")
    right = tuple(negative_axis(i, len(b), "numpy.tensordot") for i in over_b)
    if len(set(right)) != len(right) or any(a[i] != b[j] for i, j in zip(left, right, strict=True)):
        raise ValueError("shape-mismatch for sum")
    return left, right
