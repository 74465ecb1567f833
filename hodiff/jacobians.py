"""Dense Jacobians, Hessians and Hessian-vector products.

Each is one linearisation of the function and one batched pass over the basis, in chunks where ``chunk_size`` says so:
no Python loop over rows or columns. May import everything below.

>>> jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
array([[2., 0.],
       [0., 4.]])
"""

from collections.abc import Callable, Sequence
from operator import index as as_index
from typing import Any

import numpy as np

from hodiff.api import grad, jvp
from hodiff.arguments import Selection
from hodiff.batch import BatchTracer
from hodiff.directions import basis_trace
from hodiff.errors import ArgumentError
from hodiff.transform import Linearised, Transformed, check_output, linearise, zeros
from hodiff.tree import unflatten


class Jacobian(Transformed):
    """The function that `jacfwd`, `jacrev` and `jacobian` return."""

    def __init__(
        self,
        function: Callable[..., Any],
        argnums: Any,
        *,
        name: str,
        mode: str,
        argnames: Any,
        has_aux: bool,
        holomorphic: bool,
        chunk_size: int | None,
    ) -> None:
        super().__init__(function)
        if mode not in ("auto", "fwd", "rev"):
            raise ArgumentError(f"{name}: mode must be 'auto', 'fwd' or 'rev', got {mode!r}")
        self.name = name
        self.selection = Selection.from_user(name, argnums, argnames)
        self.mode = mode
        self.has_aux = has_aux
        self.holomorphic = holomorphic
        self.chunk_size = _checked_chunk_size(chunk_size, name)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Jacobian at the arguments."""
        point = linearise(
            self.function, self.selection, args, keywords, has_aux=self.has_aux, holomorphic=self.holomorphic
        )
        real_inputs = all(value.dtype.kind != "c" for value in point.inputs)
        mode = self._direction(point, real_inputs)
        for value in point.outputs:
            allow = mode == "fwd" and real_inputs
            check_output(value, self.name, holomorphic=self.holomorphic, allow_complex=allow)
        if mode == "fwd" and not real_inputs and not self.holomorphic:
            raise ArgumentError(
                f"{self.name}: the derivative of a real function of complex numbers exists in reverse mode only; use "
                f"mode='rev' (or hodiff.jacrev), or holomorphic=True for a holomorphic function"
            )
        rows = (_by_columns if mode == "fwd" else _by_rows)(point, self.chunk_size)
        jacobian = unflatten(point.output_structure, [unflatten(point.input_structure, row) for row in rows])
        return (jacobian, point.aux) if self.has_aux else jacobian

    def _direction(self, point: Linearised, real_inputs: bool) -> str:
        if self.mode != "auto":
            return self.mode
        if not self.holomorphic and real_inputs and any(v.dtype.kind == "c" for v in point.outputs):
            return "fwd"
        inputs = sum(value.size for value in point.inputs)
        outputs = sum(value.size for value in point.outputs)
        return "fwd" if inputs <= outputs and (real_inputs or self.holomorphic) else "rev"


def jacfwd(
    f: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    argnames: str | tuple[str, ...] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    chunk_size: int | None = None,
) -> Jacobian:
    """Jacobian column by column: for functions with more results than arguments.

    The function is linearised once, and the basis of its arguments is pushed forward through the record; memory grows
    with the length of the computation, as in reverse mode, and not with the number of columns.

    Parameters
    ----------
    f : callable
        Function of arrays or trees of them that returns an array or a tree of arrays.
    argnums, argnames, has_aux, holomorphic
        As for `hodiff.grad`.
    chunk_size : int, optional
        Columns to compute at once. By default all of them where the batch fits the cache, else as many as do, at
        least 32. Smaller chunks need less memory.

    Returns
    -------
    callable
        Function of the same arguments. For each leaf of the result, a tree like the chosen argument whose leaves
        have shape ``result.shape + argument.shape``.

    Examples
    --------
    >>> import hodiff as hd
    >>> hd.jacfwd(lambda t: np.stack([t, t**2]))(3.0)
    array([1., 6.])
    """
    return Jacobian(
        f,
        argnums,
        name="hodiff.jacfwd",
        mode="fwd",
        argnames=argnames,
        has_aux=has_aux,
        holomorphic=holomorphic,
        chunk_size=chunk_size,
    )


def jacrev(
    f: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    argnames: str | tuple[str, ...] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    chunk_size: int | None = None,
) -> Jacobian:
    """Jacobian row by row: for functions with fewer results than arguments.

    Parameters
    ----------
    f, argnums, argnames, has_aux, holomorphic, chunk_size
        As for `jacfwd`; here ``chunk_size`` counts rows.

    Returns
    -------
    callable
        As for `jacfwd`.

    Examples
    --------
    >>> import hodiff as hd
    >>> hd.jacrev(lambda x: np.stack([np.sum(x), x[0] * x[1]]))(np.array([2.0, 3.0]))
    array([[1., 1.],
           [3., 2.]])
    """
    return Jacobian(
        f,
        argnums,
        name="hodiff.jacrev",
        mode="rev",
        argnames=argnames,
        has_aux=has_aux,
        holomorphic=holomorphic,
        chunk_size=chunk_size,
    )


def jacobian(
    f: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    mode: str = "auto",
    argnames: str | tuple[str, ...] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    chunk_size: int | None = None,
) -> Jacobian:
    """Jacobian in the cheaper direction.

    Parameters
    ----------
    f, argnums, argnames, has_aux, holomorphic, chunk_size
        As for `jacfwd`.
    mode : {"auto", "fwd", "rev"}
        ``"auto"`` goes forward where the result has at least as many elements as the argument, else in reverse.

    Returns
    -------
    callable
        As for `jacfwd`.

    Examples
    --------
    >>> import hodiff as hd
    >>> hd.jacobian(np.cumsum)(np.ones(2))
    array([[1., 0.],
           [1., 1.]])
    """
    return Jacobian(
        f,
        argnums,
        name="hodiff.jacobian",
        mode=mode,
        argnames=argnames,
        has_aux=has_aux,
        holomorphic=holomorphic,
        chunk_size=chunk_size,
    )


def hessian(
    f: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    argnames: str | tuple[str, ...] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    chunk_size: int | None = None,
) -> Jacobian:
    """Matrix of second derivatives, forward over reverse, in one batched pass.

    Parameters
    ----------
    f : callable
        Function of arrays or trees of them; scalar, or of arrays for one Hessian an element.
    argnums, argnames, has_aux, holomorphic
        As for `hodiff.grad`.
    chunk_size : int, optional
        Columns to compute at once, as for `jacfwd`.

    Returns
    -------
    callable
        Function that returns the Hessian, of shape ``result.shape + argument.shape + argument.shape``; for trees, a
        tree of trees.

    Examples
    --------
    >>> import hodiff as hd
    >>> hd.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    inner = jacrev(f, argnums, argnames=argnames, has_aux=has_aux, holomorphic=holomorphic)
    inner.name = "hodiff.hessian"
    return Jacobian(
        inner,
        argnums,
        name="hodiff.hessian",
        mode="fwd",
        argnames=argnames,
        has_aux=has_aux,
        holomorphic=holomorphic,
        chunk_size=chunk_size,
    )


class HessianVectorProduct(Transformed):
    """The function that `hvp` returns."""

    def __init__(self, function: Callable[..., Any], argnums: Any) -> None:
        super().__init__(function)
        Selection.from_user("hodiff.hvp", argnums, None)
        self.argnums = tuple(argnums) if isinstance(argnums, (tuple, list)) else as_index(argnums)

    def __call__(self, x: Any, v: Any, *args: Any, **keywords: Any) -> Any:
        """Product of the Hessian at ``x`` with ``v``."""
        places = self.argnums if isinstance(self.argnums, tuple) else (self.argnums,)
        count = len(args) + len(places)
        positions = [n + count if n < 0 else n for n in places]
        if any(not 0 <= n < count for n in positions):
            raise ArgumentError(
                f"hodiff.hvp: argnums={self.argnums} does not fit a call with x, v and {len(args)} further argument(s)"
            )
        gradient = grad(self.function, self.argnums)

        def at(chosen: Any) -> Any:
            values = chosen if isinstance(self.argnums, tuple) else (chosen,)
            full = list(args)
            for n, value in sorted(zip(positions, values, strict=True), key=lambda pair: pair[0]):
                full.insert(n, value)
            return gradient(*full, **keywords)

        return jvp(at, (x,), (v,))[1]


def hvp(f: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> HessianVectorProduct:
    """Product of the Hessian with a vector, without the Hessian: forward over reverse.

    Parameters
    ----------
    f : callable
        Scalar function.
    argnums : int or tuple of int
        Position among the arguments of ``f`` at which ``x`` stands; for a tuple, ``x`` and ``v`` are tuples.

    Returns
    -------
    callable
        Function ``(x, v, *args) -> H(x) @ v``, where ``args`` are the other arguments of ``f``: the signature of
        SciPy's ``hessp(x, p, *args)``. Costs a small multiple of ``f``.

    Examples
    --------
    >>> import hodiff as hd
    >>> hd.hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    return HessianVectorProduct(f, argnums)


def _checked_chunk_size(chunk_size: Any, name: str) -> int | None:
    if chunk_size is None:
        return None
    try:
        size = as_index(chunk_size)
    except TypeError:
        size = 0
    if size < 1:
        raise ArgumentError(f"{name}: chunk_size must be a positive integer or None, got {chunk_size!r}")
    return size


def _by_rows(point: Linearised, chunk_size: int | None) -> list[list[Any]]:
    """Jacobian blocks, pulled back from the basis of the results: one list of input blocks an output."""
    if len(point.outputs) == 1 and point.outputs[0].shape == ():
        seed = np.ones((), point.outputs[0].dtype)[()]
        blocks = point.derivative.pull([seed])
        return [[_owned(block, value.shape, value.dtype) for block, value in zip(blocks, point.inputs, strict=True)]]
    stacked = _apply(point.derivative.pull, point.outputs, point.inputs, chunk_size)
    result = []
    start = 0
    for output in point.outputs:
        rows = slice(start, start + output.size)
        start += output.size
        result.append(
            [
                _owned(np.reshape(block[rows], output.shape + value.shape), output.shape + value.shape, value.dtype)
                for block, value in zip(stacked, point.inputs, strict=True)
            ]
        )
    return result


def _by_columns(point: Linearised, chunk_size: int | None) -> list[list[Any]]:
    """Jacobian blocks, pushed forward from the basis of the arguments: one list of input blocks an output."""
    stacked = _apply(point.derivative.push, point.inputs, point.outputs, chunk_size)
    result = []
    for block, output in zip(stacked, point.outputs, strict=True):
        row = []
        start = 0
        for value in point.inputs:
            columns = np.moveaxis(block[start : start + value.size], 0, -1)
            start += value.size
            full = np.reshape(columns, output.shape + value.shape)
            # A scalar is a NumPy scalar; an array is in C order and owns its memory.
            if not full.shape:
                full = full[()]
            row.append(full.copy() if isinstance(full, np.ndarray) and full.base is not None else full)
        result.append(row)
    return result


# Numbers in one array of a batch that are sure to stay in the second-level cache: 512 KiB of float64. Measured on
# Hessians of Rosenbrock's function, n = 100 to 1600; larger batches are up to twice as slow.
_CACHED = 2**16


def _apply(
    linear: Callable[[list[Any]], list[Any]], source: Sequence[Any], target: Sequence[Any], chunk_size: int | None
) -> list[Any]:
    """Apply a linear map to the whole basis of ``source``, as one batch or in chunks; batch axis first."""
    total = sum(value.size for value in source)
    widest = max((value.size for value in (*source, *target)), default=1)
    size = min(chunk_size or max(_CACHED // max(widest, 1), 32), total)
    parts = [_apply_chunk(linear, source, target, at, min(at + size, total)) for at in range(0, total, size or 1)]
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return [np.zeros((0, *value.shape), value.dtype) for value in target]
    return [np.concatenate(blocks) for blocks in zip(*parts, strict=True)]


def _apply_chunk(
    linear: Callable[[list[Any]], list[Any]], source: Sequence[Any], target: Sequence[Any], start: int, stop: int
) -> list[Any]:
    count = stop - start
    basis = []
    offset = 0
    for value in source:
        low, high = max(start, offset), min(stop, offset + value.size)
        directions = np.zeros((count, value.size), value.dtype)
        if low < high:
            directions[np.arange(low - start, high - start), np.arange(low - offset, high - offset)] = 1
        basis.append(directions.reshape(count, *value.shape) if low < high else None)
        offset += value.size
    with basis_trace(count) as trace:
        images = linear([None if b is None else trace.input(b) for b in basis])
        return [
            image.value
            if isinstance(image, BatchTracer) and image.owner is trace
            else _owned(image, (count, *value.shape), value.dtype)
            for image, value in zip(images, target, strict=True)
        ]


def _owned(value: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """``value`` broadcast to ``shape``, zeros for None, never read-only."""
    if value is None:
        return zeros(shape, dtype)
    value = np.broadcast_to(value, shape) if value.shape != shape else value
    return value.copy() if isinstance(value, np.ndarray) and not value.flags.owndata else value
