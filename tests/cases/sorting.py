"""Cases of ``hodiff/ops/sorting.py``."""

import numpy as np

import hodiff.ops.sorting as ops
from cases.table import array, case, refused, special
from hodiff.errors import UnsupportedKeywordError

# Distinct values, well apart, so that finite differences do not change the order.
_APART = np.array([[0.3, -1.2, 2.1, 0.9], [1.5, -0.4, -2.0, 0.6], [-0.9, 1.1, 2.6, -1.6]])
_CUBE = np.random.default_rng(5).permutation(24).reshape(2, 3, 4) / 4.0
_ROW = _CUBE[0].ravel()
_KEY = array(3, 4, seed=3)
_GRID = np.array([-1.0, 0.0, 1.0, 2.0])

CASES = [
    # --- sort
    case("sort", lambda x: np.sort(x) ** 2, _APART, covers=(np.sort, ops.tied, ops.tie_labels), scale=0.05),
    *(
        case(f"sort-{axis}", lambda x, axis=axis: np.sin(np.sort(x, axis)), _CUBE, covers=np.sort, scale=0.05)
        for axis in (0, 1, -1, None)
    ),
    *(
        case(f"sort-{kind}", lambda x, kind=kind: np.sort(x, kind=kind) ** 2, _APART, covers=np.sort, scale=0.05)
        for kind in ("quicksort", "stable", "heapsort")
    ),
    case("sort-flag-stable", lambda x: np.sort(x, stable=True) ** 2, _APART, covers=np.sort, scale=0.05),
    case("sort-one", lambda x: np.sort(x) ** 2, np.array([0.3]), covers=np.sort),
    case("sort-scalar", lambda x: np.sort(x, axis=None) ** 2, 0.3, covers=np.sort),
    case("sort-empty", lambda x: np.sort(x, axis=0) ** 2, np.zeros((3, 0)), covers=np.sort),
    case("sort-strided", lambda x: np.sort(x[::2, ::-1], 0) ** 2, _APART, covers=np.sort, scale=0.05),
    case(
        "sort-complex-numbers",
        lambda x: np.imag(np.sort(x + 1j * x[::-1]) * (1 + 2j)) ** 2,
        _APART,
        covers=np.sort,
        scale=0.05,
    ),
    case("sort-complex", lambda x: np.imag(np.sort_complex(x) * 1j) ** 2, _APART, covers=np.sort_complex, scale=0.05),
    case(
        "sort-complex-of-complex",
        lambda x: np.imag(np.sort_complex(x * (1 - 2j))) ** 2,
        _APART,
        covers=np.sort_complex,
        scale=0.05,
    ),
    refused("sort-order", UnsupportedKeywordError, lambda x: np.sort(x, order="a"), _APART),
    refused("sort-kind-and-stable", ValueError, lambda x: np.sort(x, kind="stable", stable=True), _APART),
    refused("sort-scalar-axis", np.exceptions.AxisError, np.sort, 0.5),
    refused("sort-axis", np.exceptions.AxisError, lambda x: np.sort(x, axis=2), _APART),
    # --- partition
    *(
        case(
            f"partition-{axis}",
            lambda x, axis=axis: np.partition(x, 1, axis) ** 3,
            _CUBE,
            covers=np.partition,
            scale=0.05,
        )
        for axis in (0, 1, -1, None)
    ),
    case(
        "partition-several",
        lambda x: np.partition(x, (2, 7), kind="introselect") ** 2,
        _ROW,
        covers=(np.partition, ops.partition_values),
        scale=0.05,
    ),
    refused("partition-order", UnsupportedKeywordError, lambda x: np.partition(x, 1, order="a"), _APART),
    case(
        "tie-average",
        lambda x: ops.tie_average(x * x, np.array([0, 0, 1, 2])) ** 2,
        _APART,
        covers=ops.tie_average,
    ),
    # --- indices
    *(
        case(
            f"argpartition-{axis}",
            lambda x, axis=axis: np.reshape(np.argpartition(x, 2, axis), x.shape) * x,
            _APART,
            covers=(np.argpartition, ops.arg_partition),
            scale=0.05,
        )
        for axis in (0, -1, None)
    ),
    case("argpartition-method", lambda x: x.argpartition((1, 2)) * x, _APART, covers=np.argpartition, scale=0.05),
    case("argpartition-scalar", lambda x: np.argpartition(x, 0) + x, 0.5, covers=np.argpartition),
    refused("argpartition-order", UnsupportedKeywordError, lambda x: np.argpartition(x, 1, order="a"), _APART),
    case(
        "lexsort",
        lambda x, y: np.lexsort((y, np.floor(x))) * x,
        _APART,
        _KEY,
        covers=(np.lexsort, ops.lex_order),
        scale=0.02,
    ),
    case("lexsort-axis", lambda x: np.lexsort((_KEY, x), axis=0) * x, _APART, covers=np.lexsort, scale=0.02),
    case("lexsort-array", lambda x: np.lexsort(x) * x[0], _APART, covers=np.lexsort, scale=0.02),
    case("lexsort-scalars", lambda x: np.lexsort((x, 2.0 * x)) + x, 0.5, covers=np.lexsort),
    case(
        "searchsorted",
        lambda x: np.searchsorted(_GRID, x) * x + np.searchsorted(_GRID, x, side="right"),
        _APART,
        covers=(np.searchsorted, ops.search_sorted),
        scale=0.02,
    ),
    case(
        "searchsorted-traced-grid",
        lambda x, y: np.searchsorted(np.sort(y), x) * x + y.searchsorted(0.3, sorter=np.argsort(y)),
        _APART,
        _GRID + 0.05,
        covers=np.searchsorted,
        scale=0.02,
    ),
    case("searchsorted-list", lambda x: np.searchsorted([-1.0, 1.0], x) * x, 0.3, covers=np.searchsorted),
]

_HALF = np.array([1.0, 1.0, 0.0])

SPECIALS = [
    special("sort-tie-first", lambda x: np.sort(x)[1], _HALF, np.array([0.5, 0.5, 0.0]), second=np.zeros((3, 3))),
    special("sort-tie-last", lambda x: np.sort(x)[2], _HALF, np.array([0.5, 0.5, 0.0])),
    special("sort-tie-other", lambda x: np.sort(x)[0], _HALF, np.array([0.0, 0.0, 1.0])),
    special(
        "sort-tie-axis",
        lambda x: np.sort(x, axis=0)[0] * np.array([1.0, 2.0]),
        np.array([[1.0, 3.0], [1.0, 4.0], [1.0, 3.0]]),
        np.array([[1 / 3, 1.0], [1 / 3, 0.0], [1 / 3, 1.0]]),
    ),
    special("partition-tie", lambda x: np.partition(x, 1)[1], _HALF, np.array([0.5, 0.5, 0.0])),
    special("sort-infinite", lambda x: np.sort(x)[-1], np.array([np.inf, 0.0, np.inf]), np.array([0.5, 0.0, 0.5])),
    special("sort-nan", lambda x: np.sort(x)[-1], np.array([np.nan, 0.0]), np.array([1.0, 0.0])),
    special("sort-signed-zeros", lambda x: np.sort(x)[0], np.array([0.0, -0.0]), np.array([0.5, 0.5])),
]
