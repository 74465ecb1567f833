"""Cases of ``hodiff/ops/shaping.py``."""

import numpy as np

from cases.table import array, case, special
from hodiff.ops import shaping as ops

_V = array(6)
_X = array(2, 3)
_Y = array(2, 3, 4)
# In single precision, which leaves the precision of the operation under test alone.
_W = np.arange(24, dtype=np.float32).reshape(2, 3, 4)

CASES = [
    # --- reshape
    case("reshape", lambda x: np.sin(np.reshape(x, (3, 2))), _X, covers=(ops.reshaped, np.reshape)),
    case("reshape-int", lambda x: np.reshape(x, 6) ** 2, _X, covers=np.reshape),
    case("reshape-unknown", lambda x: np.reshape(x**2, (4, -1)), _Y, covers=ops.reshaped),
    case("reshape-order-f", lambda x: np.reshape(x, (4, 6), order="F") ** 2 * _W.reshape(4, 6), _Y, covers=np.reshape),
    case("reshape-scalar", lambda x: np.reshape(x, (1, 1)) ** 2, 0.4, covers=np.reshape),
    case("reshape-to-scalar", lambda x: np.reshape(x, ()) ** 2, array(1, 1), covers=np.reshape),
    case("reshape-method", lambda x: x.reshape(3, 2) @ x.reshape((2, 3)), _V, covers=np.reshape),
    case("reshape-method-unknown", lambda x: x.reshape(-1) ** 2, _Y, covers=np.reshape),
    case("reshape-method-order", lambda x: x.reshape(6, 4, order="F") ** 2, _Y, covers=np.reshape),
    case("reshape-strided", lambda x: x.T[::2].reshape(2, -1) ** 2, _Y, covers=np.reshape),
    case("ravel", lambda x: np.ravel(x) ** 2 * _W.ravel(), _Y, covers=np.ravel),
    case("ravel-order-f", lambda x: np.ravel(x, order="F") ** 2 * _W.ravel(), _Y, covers=np.ravel),
    case("ravel-method", lambda x: x.ravel() ** 2 * x.ravel("F"), _X, covers=np.ravel),
    case("squeeze", lambda x: np.squeeze(x) ** 2, array(1, 3, 1), covers=np.squeeze),
    case("squeeze-axis", lambda x: np.squeeze(x, axis=-1) ** 2, array(1, 3, 1), covers=np.squeeze),
    case("squeeze-axes", lambda x: x.squeeze((0, 2)) ** 2, array(1, 3, 1), covers=np.squeeze),
    case("expand-dims", lambda x: np.expand_dims(x, 1) ** 2 * x, array(3), covers=np.expand_dims),
    case("expand-dims-axes", lambda x: np.expand_dims(x, (0, -1)) * x, array(3), covers=np.expand_dims),
    case("expand-dims-scalar", lambda x: np.expand_dims(x, 0) ** 2, 0.4, covers=np.expand_dims),
    case("atleast-1d", lambda x: np.atleast_1d(x) ** 2, 0.4, covers=np.atleast_1d),
    case("atleast-1d-two", lambda x, y: tuple(np.atleast_1d(x, y)), 0.4, array(3), covers=np.atleast_1d),
    case("atleast-2d", lambda x: np.atleast_2d(x) ** 2, array(3), covers=np.atleast_2d),
    case("atleast-2d-two", lambda x: tuple(np.atleast_2d(x, _W[0, 0])), 0.4, covers=np.atleast_2d),
    case("atleast-3d-scalar", lambda x: np.atleast_3d(x) ** 2, 0.4, covers=np.atleast_3d),
    case("atleast-3d", lambda x: np.atleast_3d(x) ** 2, array(3), covers=np.atleast_3d),
    case("atleast-3d-matrix", lambda x: np.atleast_3d(x) ** 2, _X, covers=np.atleast_3d),
    case("atleast-3d-same", lambda x: np.atleast_3d(x) ** 2, _Y, covers=np.atleast_3d),
    # --- transpose
    case("transpose", lambda x: np.transpose(x) ** 2 * _W.T, _Y, covers=(ops.permuted, np.transpose)),
    case("transpose-axes", lambda x: np.transpose(x, (1, 2, 0)) ** 2 * _W.transpose(1, 2, 0), _Y, covers=ops.permuted),
    case("transpose-axes-negative", lambda x: np.transpose(x, (-1, 0, 1)) ** 3, _Y, covers=np.transpose),
    case("transpose-vector", lambda x: np.transpose(x) ** 2, array(3), covers=np.transpose),
    case("transpose-method", lambda x: x.transpose() ** 2 * x.transpose((2, 1, 0)), _Y, covers=np.transpose),
    case("transpose-method-axes", lambda x: x.transpose(2, 0, 1) ** 2, _Y, covers=np.transpose),
    case("transpose-property", lambda x: x.T @ x, _X, covers=np.transpose),
    case("matrix-transpose-property", lambda x: x.mT @ x, _Y, covers=np.matrix_transpose),
    case("matrix-transpose", lambda x: np.matrix_transpose(x) ** 2, _Y, covers=np.matrix_transpose),
    case(
        "linalg-matrix-transpose", lambda x: np.linalg.matrix_transpose(x) ** 2, _Y, covers=np.linalg.matrix_transpose
    ),
    case("moveaxis", lambda x: np.moveaxis(x, 0, -1) ** 2 * np.moveaxis(_W, 0, -1), _Y, covers=np.moveaxis),
    case("moveaxis-two", lambda x: np.moveaxis(x, (0, -1), (1, 0)) ** 2, _Y, covers=np.moveaxis),
    case("swapaxes", lambda x: np.swapaxes(x, 0, -1) ** 2 * x.swapaxes(2, 0), _Y, covers=np.swapaxes),
    # --- broadcasting and copies
    case(
        "broadcast-to",
        lambda x: np.broadcast_to(x, (2, 3)) ** 2 * _W[0, :2, :3],
        array(3),
        covers=(ops.broadcasted, np.broadcast_to),
    ),
    case("broadcast-to-scalar", lambda x: np.broadcast_to(x, (2, 3)) ** 2, 0.4, covers=np.broadcast_to),
    case("broadcast-to-int", lambda x: np.broadcast_to(x, 3) ** 2, array(1), covers=np.broadcast_to),
    case("broadcast-to-inner", lambda x: np.broadcast_to(x, (4, 3, 2)) ** 2, array(3, 1), covers=ops.broadcasted),
    case(
        "broadcast-arrays",
        lambda x, y: tuple(a**2 for a in np.broadcast_arrays(x, y, _W[0, 0, :3])),
        array(2, 1),
        0.4,
        covers=np.broadcast_arrays,
    ),
]

SPECIALS = [
    special("reshape-empty", lambda x: np.reshape(x, (3, 0)), np.zeros((0, 2)), np.zeros((0, 2))),
    special("reshape-empty-unknown", lambda x: np.reshape(x, (-1, 2)), np.zeros((0, 2)), np.zeros((0, 2))),
    special("transpose-empty", np.transpose, np.zeros((0, 2)), np.zeros((0, 2))),
    special("broadcast-to-empty", lambda x: np.broadcast_to(x, (0, 2)), np.ones(2), np.zeros(2)),
    special("squeeze-empty", np.squeeze, np.zeros((1, 0)), np.zeros((1, 0))),
]
