"""Cases of ``hodiff/ops/cumulative.py``."""

import numpy as np

from cases.table import array, case, refused, special
from hodiff.ops import cumulative as ops

_X = array(3, 4)
_Y = array(2, 3, 2)
_ZEROS = np.array([[0.0, 1.2, -0.7, 0.5], [0.0, 0.0, 0.8, -1.1], [1.3, 0.9, -0.6, 2.0]])
_HOLES = np.where(np.arange(12).reshape(3, 4) % 5 == 1, np.nan, 0.0).astype(np.float32)
_WEIGHTS = np.arange(1.0, 5.0, dtype=np.float32)

CASES = [
    # --- cumprod
    case("cumprod", np.cumprod, array(4), covers=(ops.running_product, ops.recurrence, np.cumprod)),
    case("cumprod-flat", lambda x: np.cumprod(x) ** 2, array(2, 3) + 1.5, covers=np.cumprod),
    case("cumprod-axis", lambda x: np.sin(np.cumprod(x, axis=0)), _X, covers=ops.running_product),
    case("cumprod-axis-negative", lambda x: np.cumprod(x, axis=-2) * x, _Y, covers=ops.running_product),
    case("cumprod-method", lambda x: x * x.cumprod(1), _Y, covers=np.cumprod),
    case("cumprod-scalar", lambda x: np.cumprod(x * x), 0.3, covers=np.cumprod),
    case("cumprod-scalar-axis", lambda x: np.cumprod(x * x, axis=0), 0.3, covers=np.cumprod),
    case("cumprod-one", lambda x: np.cumprod(x) ** 2, array(1), covers=np.cumprod),
    case("cumprod-zeros", lambda x: np.cumprod(x, axis=1), _ZEROS, covers=(ops.running_product, ops.recurrence)),
    case("cumprod-zeros-flat", lambda x: np.cumprod(x * x + x), _ZEROS[:2], covers=ops.recurrence),
    case("cumprod-strided", lambda x: np.cumprod(x[::-1, ::2].T, axis=1), _X, covers=np.cumprod),
    case("cumprod-dtype", lambda x: np.cumprod(x, axis=-1, dtype=np.float64), _X, covers=np.cumprod, single=False),
    case(
        "cumprod-complex",
        lambda x: (np.real(np.cumprod(x + 1j * x[::-1])), np.imag(np.cumprod(x + 1j * x[::-1] ** 2))),
        array(4),
        covers=(ops.running_product, ops.recurrence),
    ),
    case(
        "cumprod-dtype-complex",
        lambda x: np.real(np.cumprod(x, dtype=complex)),
        array(4),
        covers=np.cumprod,
        single=False,
    ),
    case(
        "cumprod-dtype-integer",
        lambda x: x * np.cumprod(5 * x, dtype=int),
        array(4),
        covers=np.cumprod,
        single=False,
        scale=0.01,
    ),
    case(
        "recurrence",
        lambda a, b: ops.recurrence(a, b, axis=-1),
        array(2, 4),
        array(2, 4, seed=1),
        covers=ops.recurrence,
    ),
    refused("cumprod-axis", np.exceptions.AxisError, lambda x: np.cumprod(x, axis=2), _X),
    # --- cumulative_sum, cumulative_prod
    case("cumulative-sum", lambda x: np.cumulative_sum(x) ** 2, array(4), covers=np.cumulative_sum),
    case("cumulative-sum-axis", lambda x: np.cumulative_sum(x, axis=1) ** 2, _Y, covers=np.cumulative_sum),
    case(
        "cumulative-sum-initial",
        lambda x: np.cumulative_sum(x, axis=-1, include_initial=True) ** 2,
        _X,
        covers=np.cumulative_sum,
    ),
    case(
        "cumulative-sum-scalar", lambda x: np.cumulative_sum(x * x, include_initial=True), 0.4, covers=np.cumulative_sum
    ),
    case(
        "cumulative-sum-dtype",
        lambda x: np.cumulative_sum(x * x, axis=0, dtype=np.float64, include_initial=True),
        _X,
        covers=np.cumulative_sum,
        single=False,
    ),
    case("cumulative-prod", np.cumulative_prod, array(4), covers=np.cumulative_prod),
    case("cumulative-prod-axis", lambda x: np.cumulative_prod(x, axis=0), _ZEROS, covers=np.cumulative_prod),
    case(
        "cumulative-prod-initial",
        lambda x: np.cumulative_prod(x, axis=1, include_initial=True),
        _ZEROS,
        covers=np.cumulative_prod,
    ),
    case("cumulative-prod-scalar", lambda x: np.cumulative_prod(x * x), 0.4, covers=np.cumulative_prod),
    case(
        "cumulative-prod-dtype",
        lambda x: np.cumulative_prod(x, axis=0, dtype=np.float64),
        _X,
        covers=np.cumulative_prod,
        single=False,
    ),
    refused("cumulative-sum-no-axis", ValueError, np.cumulative_sum, _X),
    refused("cumulative-prod-no-axis", ValueError, np.cumulative_prod, _X),
    # --- missing elements
    case("nancumsum", lambda x: np.nancumsum(x * x + _HOLES), _X, covers=np.nancumsum),
    case("nancumsum-axis", lambda x: np.nancumsum(x + _HOLES, axis=0) ** 2, _X, covers=np.nancumsum),
    case("nancumsum-none", lambda x: np.nancumsum(x, axis=-1) ** 2, _Y, covers=np.nancumsum),
    case("nancumsum-dtype", lambda x: np.nancumsum(x, 1, np.float64) ** 2, _X, covers=np.nancumsum, single=False),
    case("nancumprod", lambda x: np.nancumprod(x[:2] + _HOLES[:2]), _X, covers=np.nancumprod),
    case("nancumprod-axis", lambda x: np.nancumprod(x + _HOLES, axis=1), _ZEROS, covers=np.nancumprod),
    case("nancumprod-dtype", lambda x: np.nancumprod(x, 1, np.float64), _X, covers=np.nancumprod, single=False),
]

SPECIALS = [
    special("cumprod-empty", np.cumprod, np.zeros(0), np.zeros(0)),
    special("cumprod-empty-axis", lambda x: np.cumprod(x, axis=0), np.zeros((0, 3)), np.zeros((0, 3))),
    special("cumulative-prod-empty", lambda x: np.cumulative_prod(x, include_initial=True), np.zeros(0), np.zeros(0)),
    special("nancumsum-empty", np.nancumsum, np.zeros(0), np.zeros(0)),
    # (x, x y, x y z) and its sum x (1 + y (1 + z)).
    special(
        "cumprod-zero-first",
        np.cumprod,
        np.array([0.0, 2.0, 3.0]),
        np.array([9.0, 0.0, 0.0]),
        second=(np.array([[0.0, 4.0, 2.0], [4.0, 0.0, 0.0], [2.0, 0.0, 0.0]]),),
    ),
    special(
        "cumprod-zeros-two",
        np.cumprod,
        np.array([2.0, 0.0, 0.0]),
        np.array([1.0, 2.0, 0.0]),
        second=(np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 2.0], [0.0, 2.0, 0.0]]),),
    ),
    special(
        "nancumsum-missing",
        lambda x: np.nancumsum(np.sqrt(x)),
        np.array([4.0, np.nan, 1.0]),
        np.array([0.75, 0.0, 0.5]),
    ),
    special(
        "nancumprod-missing",
        lambda x: np.nancumprod(x) * _WEIGHTS[:3],
        np.array([2.0, np.nan, 0.0]),
        np.array([3.0, 0.0, 6.0]),
    ),
    special("nancumprod-all-missing", np.nancumprod, np.full(3, np.nan), np.zeros(3), second=(np.zeros((3, 3)),)),
]
