"""Cases of ``hodiff/ops/queries.py``: constants times something that is differentiated."""

from io import BytesIO

import numpy as np

import hodiff as hd
import hodiff.ops.queries as ops
from cases.table import array, case, refused
from hodiff.errors import ControlFlowError, ConversionError

_X = np.array([[0.4, 1.5, -2.2], [0.7, 0.0, 3.1]])
_Y = array(3, seed=2)


def _times(name, question, *, covers, x=_X, **options):
    """Case of a question whose answer multiplies what is differentiated."""
    return case(name, lambda x: np.asarray(1.0) * question(x) * np.sum(x * x), x, covers=covers, scale=0.01, **options)


CASES = [
    # --- elementwise
    *(
        _times(f.__name__, lambda x, f=f: 1 + f(x), covers=(f, primitive))
        for f, primitive in (
            (np.isreal, ops.is_real),
            (np.iscomplex, ops.is_complex),
            (np.isneginf, ops.negative_infinity),
            (np.isposinf, ops.positive_infinity),
        )
    ),
    _times("isreal-complex", lambda x: np.isreal(x + 1j * (x > 1)) + np.iscomplex(x * 1j), covers=np.isreal),
    _times("fix", np.fix, covers=np.fix, x=_X + 0.01),
    _times("isclose", lambda x: np.isclose(x, [0.4, 1.5, 3.1], 1e-2), covers=(np.isclose, ops.close)),
    _times("isclose-second", lambda x: np.isclose(0.4, x, rtol=0, atol=0.35, equal_nan=True), covers=np.isclose),
    _times("bitwise-count", lambda x: np.bitwise_count(np.argsort(x)), covers=np.bitwise_count),
    # --- one answer
    _times("allclose", lambda x: 1 + np.allclose(x, x + 1e-9, 1e-4, 1e-7), covers=np.allclose),
    _times("allclose-not", lambda x: 1 + np.allclose(2.0, x, equal_nan=True), covers=np.allclose),
    _times("array-equal", lambda x: 1 + np.array_equal(x, x) + np.array_equal(x, x[0]), covers=np.array_equal),
    _times(
        "array-equal-nan",
        lambda x: np.array_equal(x * np.nan, x * np.nan, equal_nan=True) + 2 * np.array_equal(x[0], [1, 2, 3]),
        covers=np.array_equal,
    ),
    _times(
        "array-equiv",
        lambda x: 1 + np.array_equiv(x, x[:1]) + 2 * np.array_equiv(x[:1] + 0 * x, x[0]) + np.array_equiv(x, x[:, :2]),
        covers=np.array_equiv,
    ),
    # --- counts and places
    *(
        _times(
            f"count-nonzero-{axis}",
            lambda x, axis=axis: np.count_nonzero(x > 0.6, axis),
            covers=(np.count_nonzero, ops.nonzero_count),
        )
        for axis in (None, 1 - 1, (0, 1))
    ),
    _times(
        "count-nonzero-keepdims", lambda x: np.count_nonzero(x, 1, keepdims=True), covers=np.count_nonzero, x=_X + 9
    ),
    _times("count-nonzero-scalar", lambda x: np.count_nonzero(x, axis=0), covers=np.count_nonzero, x=0.5),
    _times("argwhere", lambda x: np.sum(np.argwhere(x > 0.5)), covers=np.argwhere, batch=False),
    _times("argwhere-traced", lambda x: np.sum(np.argwhere(x)), covers=np.argwhere, x=_X + 9, batch=False),
    _times("flatnonzero", lambda x: np.sum(np.flatnonzero(x)), covers=np.flatnonzero, x=_X + 9, batch=False),
    case("tril-indices-from", lambda x: x[np.tril_indices_from(x, 1)] ** 2, _X, covers=np.tril_indices_from),
    case("triu-indices-from", lambda x: x[np.triu_indices_from(x, k=1)] ** 2, _X, covers=np.triu_indices_from),
    case("diag-indices-from", lambda x: x[np.diag_indices_from(x)] ** 2, _X[:, :2], covers=np.diag_indices_from),
    _times(
        "unravel-index",
        lambda x: 1 + sum(np.unravel_index(np.argmax(x), (2, 3), order="C")),
        covers=(np.unravel_index, ops.unraveled),
    ),
    _times(
        "ravel-multi-index",
        lambda x: 1 + np.ravel_multi_index((np.argmax(x[0]), [1, 2, 5]), (4, 3), mode="wrap", order="F"),
        covers=(np.ravel_multi_index, ops.raveled),
    ),
    # --- bits
    _times(
        "packbits", lambda x: np.packbits(x > 0.5, axis=0, bitorder="little"), covers=(np.packbits, ops.packed_bits)
    ),
    _times("packbits-flat", lambda x: np.packbits(x > 0.5), covers=np.packbits),
    _times(
        "unpackbits",
        lambda x: np.unpackbits(np.argsort(x).astype(np.uint8), axis=-1, count=7)[:, :3] + 1,
        covers=(np.unpackbits, ops.unpacked_bits),
    ),
    _times("unpackbits-flat", lambda x: np.unpackbits(np.argsort(x).astype(np.uint8)), covers=np.unpackbits),
    # --- dtypes
    _times(
        "dtypes",
        lambda x: (
            np.can_cast(x, np.float64)
            + 2 * (np.min_scalar_type(x).kind == "f")
            + 3 * (np.common_type(x, np.float32(1)) is np.complex64)
        ),
        covers=(np.can_cast, np.min_scalar_type, np.common_type),
    ),
    _times("min-scalar-type", lambda x: np.min_scalar_type(x[0, 1]).itemsize, covers=np.min_scalar_type, batch=False),
    # --- memory, text, files
    _times(
        "text",
        lambda x: (
            ("array" in np.array_repr(x, precision=2))
            + 2 * ("[" in np.array_str(x))
            + ("," in np.array2string(x, separator=","))
        ),
        covers=(np.array_repr, np.array_str, np.array2string),
        batch=False,
    ),
    *(
        refused(f"{f.__name__}-batch", ControlFlowError, lambda x, f=f: hd.vmap(f)(x), _X)
        for f in (np.argwhere, np.flatnonzero, np.array_repr)
    ),
    case("shares-memory", lambda x: x * 1.0, _X, covers=(np.shares_memory, np.may_share_memory)),
    refused("shares-memory", ConversionError, lambda x: np.shares_memory(x, x), _X),
    refused("may-share-memory", ConversionError, lambda x: np.may_share_memory(x, x), _X),
    case("files", lambda x: x * 1.0, _X, covers=(np.save, np.savez, np.savez_compressed, np.savetxt)),
    *(
        refused(f.__name__, ConversionError, lambda x, f=f: f(BytesIO(), x), _X)
        for f in (np.save, np.savez, np.savez_compressed, np.savetxt)
    ),
]
SPECIALS: list = []
