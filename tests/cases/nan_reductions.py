"""Cases of ``hodiff/ops/nan_reductions.py``."""

import warnings

import numpy as np
import pytest

from cases.table import array, case, refused, special
from hodiff.core import Tracer
from hodiff.errors import UnsupportedKeywordError
from hodiff.ops import nan_reductions as ops

_X = array(3, 4)
_Y = array(2, 3, 2)
_HOLES = np.array([[0, np.nan, 0, 0], [0, 0, 0, np.nan], [np.nan, 0, 0, 0]]).astype(np.float32)
_HOLES_3D = np.where(np.arange(12).reshape(2, 3, 2) % 5 == 1, np.nan, 0.0).astype(np.float32)
_MASK = np.array([[True, True, False, True], [True, True, True, False], [False, True, True, True]])
_ROW = np.array([True, True, True, False])
_NAN_OUTSIDE = np.where(_MASK, 0.0, np.nan).astype(np.float32)
# Distinct values, well apart, so that finite differences do not change the order.
_APART = np.array([[0.3, -1.2, 2.1, 0.9], [1.5, -0.4, -2.0, 0.6], [-0.9, 1.1, 2.6, -1.6]])


def _h(x):
    """``x`` with missing elements."""
    return x + _HOLES


def _z(x):
    """Complex numbers, some of them missing."""
    return _h(x) + 1j * x**2


def _warns(function, message):
    """``function``, which must warn on traced values as NumPy does on plain ones."""

    def checked(x):
        if not isinstance(x, Tracer):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return function(x)
        with pytest.warns(RuntimeWarning, match=message):
            return function(x)

    return checked


CASES = [
    # --- nansum
    case("nansum", lambda x: np.nansum(_h(x) ** 2), _X, covers=np.nansum),
    case("nansum-axis", lambda x: np.nansum(_h(x), axis=0) ** 2, _X, covers=np.nansum),
    case("nansum-axes", lambda x: np.nansum(x + _HOLES_3D, axis=(0, -1)) ** 2, _Y, covers=np.nansum),
    case("nansum-keepdims", lambda x: x * np.nansum(_h(x), axis=1, keepdims=True), _X, covers=np.nansum),
    case("nansum-initial", lambda x: np.nansum(_h(x), axis=0, initial=2.0) ** 2, _X, covers=np.nansum),
    case("nansum-initial-traced", lambda x: np.nansum(_h(x), initial=x[0, 1]) ** 2, _X, covers=np.nansum),
    case("nansum-where", lambda x: np.nansum(_h(x) ** 2, axis=-1, where=_MASK), _X, covers=np.nansum),
    case("nansum-dtype", lambda x: np.nansum(_h(x) ** 2, dtype=np.float64), _X, covers=np.nansum, single=False),
    case("nansum-scalar", lambda x: np.nansum(x * x), 0.7, covers=np.nansum),
    case("nansum-none", lambda x: np.nansum(x[::-1, ::2] ** 2, axis=0), _X, covers=np.nansum),
    case("nansum-complex", lambda x: np.real(np.nansum(_z(x) ** 2, axis=0)), _X, covers=np.nansum),
    case(
        "nansum-least-squares",
        lambda x: np.nansum((np.exp(x) - (x + np.where(_HOLES == 0, 1.0, np.nan).astype(np.float32))) ** 2),
        _X,
        covers=np.nansum,
        single=False,
    ),
    # --- nanprod
    case("nanprod", lambda x: np.nanprod(_h(x)[0]), _X, covers=np.nanprod),
    case("nanprod-axis", lambda x: np.nanprod(_h(x), axis=0), _X, covers=np.nanprod),
    case("nanprod-axes", lambda x: np.nanprod(x + _HOLES_3D, axis=(0, -1), keepdims=True), _Y, covers=np.nanprod),
    case("nanprod-initial", lambda x: np.nanprod(_h(x), axis=1, initial=2.0), _X, covers=np.nanprod),
    case("nanprod-where", lambda x: np.nanprod(_h(x), axis=1, where=_MASK), _X, covers=np.nanprod),
    case("nanprod-dtype", lambda x: np.nanprod(_h(x), 0, np.float64), _X, covers=np.nanprod, single=False),
    # --- nanmean
    case("nanmean", lambda x: np.nanmean(_h(x)) ** 2, _X, covers=np.nanmean),
    case("nanmean-axis", lambda x: np.nanmean(_h(x), axis=0) ** 2, _X, covers=np.nanmean),
    case("nanmean-axes", lambda x: np.nanmean(x + _HOLES_3D, axis=(0, 2)) ** 2, _Y, covers=np.nanmean),
    case("nanmean-keepdims", lambda x: x * np.nanmean(_h(x), axis=1, keepdims=True), _X, covers=np.nanmean),
    case("nanmean-where", lambda x: np.nanmean(_h(x) ** 2, axis=0, where=_MASK), _X, covers=np.nanmean),
    case("nanmean-where-row", lambda x: np.nanmean(_h(x) ** 2, where=_ROW), _X, covers=np.nanmean),
    case("nanmean-dtype", lambda x: np.nanmean(_h(x), dtype=np.float64) ** 2, _X, covers=np.nanmean, single=False),
    case("nanmean-scalar", lambda x: np.nanmean(x * x), 0.7, covers=np.nanmean),
    case("nanmean-complex", lambda x: np.imag(np.nanmean(_z(x), axis=0) ** 2), _X, covers=np.nanmean),
    case(
        "nanmean-integers", lambda x: x * np.nanmean(np.argsort(x), where=_MASK), _APART, covers=np.nanmean, scale=0.1
    ),
    refused("nanmean-dtype-integer", UnsupportedKeywordError, lambda x: np.nanmean(x, dtype=int), _X),
    refused("nanmean-where-numbers", TypeError, lambda x: np.nanmean(x, where=np.ones(4)), _X),
    refused("nanmean-where-shape", ValueError, lambda x: np.nanmean(x, where=np.ones((2, 1, 1), bool)), _X),
    # --- nanvar, nanstd
    case("nanvar", lambda x: np.nanvar(_h(x)), _X, covers=(np.nanvar, ops.warned)),
    case("nanvar-axis", lambda x: np.nanvar(_h(x) ** 2, axis=0), _X, covers=np.nanvar),
    case("nanvar-axes", lambda x: np.nanvar(x + _HOLES_3D, axis=(0, 1), ddof=1, keepdims=True), _Y, covers=np.nanvar),
    case("nanvar-ddof", lambda x: np.nanvar(_h(x), axis=1, ddof=0.5), _X, covers=np.nanvar),
    case("nanvar-correction", lambda x: np.nanvar(_h(x), axis=1, correction=1), _X, covers=np.nanvar),
    case("nanvar-where", lambda x: np.nanvar(_h(x), axis=1, where=_ROW), _X, covers=np.nanvar),
    case(
        "nanvar-mean",
        lambda x, m: np.nanvar(_h(x) + 0 * m, axis=1, mean=m, ddof=1),
        _X,
        array(3, 1),
        covers=np.nanvar,
        batch=False,
    ),
    case("nanvar-dtype", lambda x: np.nanvar(_h(x), dtype=np.float64), _X, covers=np.nanvar, single=False),
    case("nanvar-complex", lambda x: np.nanvar(_z(x), axis=1), _X, covers=np.nanvar),
    case(
        "nanvar-integers",
        lambda x: x[0] * (np.nanvar(np.argsort(x), ddof=1) + np.nanstd(np.argsort(x), axis=0)),
        _APART,
        covers=(np.nanvar, np.nanstd),
        scale=0.1,
    ),
    refused("nanvar-dtype-complex", UnsupportedKeywordError, lambda x: np.nanvar(x, dtype=complex), _X),
    refused("nanvar-ddof-twice", ValueError, lambda x: np.nanvar(x, ddof=1, correction=1), _X),
    case("nanstd", lambda x: np.nanstd(_h(x)), _X, covers=(np.nanstd, ops.is_flat_where_present)),
    case("nanstd-axis", lambda x: np.nanstd(_h(x), axis=0), _APART, covers=np.nanstd),
    case(
        "nanstd-axes",
        lambda x: np.nanstd(x + _HOLES_3D, axis=(0, 1), ddof=1, keepdims=True),
        _Y,
        covers=np.nanstd,
        scale=0.1,
    ),
    case("nanstd-correction", lambda x: np.nanstd(_h(x), axis=1, correction=1), _APART, covers=np.nanstd, scale=0.5),
    case("nanstd-where", lambda x: np.nanstd(_h(x), axis=1, where=_ROW), _APART, covers=np.nanstd, scale=0.1),
    case(
        "nanstd-mean",
        lambda x, m: np.nanstd(_h(x) + 0 * m, axis=1, mean=m),
        _X,
        array(3, 1),
        covers=np.nanstd,
        batch=False,
    ),
    case("nanstd-dtype", lambda x: np.nanstd(_h(x), dtype=np.float64), _X, covers=np.nanstd, single=False),
    case("nanstd-complex", lambda x: np.nanstd(_z(x), axis=1), _X, covers=np.nanstd, scale=0.3),
    # --- nanmax, nanmin
    case("nanmax", lambda x: np.nanmax(_h(x) ** 3), _APART, covers=(ops.nan_highest, np.nanmax), scale=0.1),
    case("nanmax-axis", lambda x: np.nanmax(_h(x) ** 3, axis=0), _APART, covers=ops.nan_highest, scale=0.1),
    case(
        "nanmax-axes", lambda x: x * np.nanmax(_h(x), axis=(0, 1), keepdims=True), _APART, covers=np.nanmax, scale=0.1
    ),
    case("nanmax-keepdims", lambda x: x * np.nanmax(_h(x), axis=1, keepdims=True), _APART, covers=np.nanmax, scale=0.1),
    case(
        "nanmax-initial",
        lambda x: np.nanmax(_h(x) ** 3, axis=1, initial=1.0),
        _APART,
        covers=np.nanmax,
        single=False,
        scale=0.1,
    ),
    case(
        "nanmax-initial-traced",
        lambda x: np.nanmax(_h(x)[1:], axis=0, initial=x[0, 0] ** 2, keepdims=True),
        _APART,
        covers=np.nanmax,
        scale=0.01,
    ),
    case(
        "nanmax-where",
        lambda x: np.nanmax(_h(x) ** 3, axis=0, where=_MASK, initial=-9),
        _APART,
        covers=np.nanmax,
        single=False,
        scale=0.1,
    ),
    case("nanmax-scalar", lambda x: np.nanmax(x * x), 0.7, covers=np.nanmax),
    case("nanmax-complex", lambda x: np.real(np.nanmax(_z(x), axis=1) ** 2), _APART, covers=np.nanmax, scale=0.1),
    case("nanmax-integers", lambda x: x * np.nanmax(np.argsort(x), axis=0), _APART, covers=np.nanmax, scale=0.1),
    case("nanmin", lambda x: np.nanmin(_h(x) ** 3), _APART, covers=(ops.nan_lowest, np.nanmin), scale=0.1),
    case("nanmin-axis", lambda x: np.nanmin(_h(x) ** 3, axis=-1), _APART, covers=ops.nan_lowest, scale=0.1),
    case(
        "nanmin-initial",
        lambda x: np.nanmin(_h(x) ** 3, axis=(0, 1), initial=-2.0),
        _APART,
        covers=np.nanmin,
        single=False,
        scale=0.1,
    ),
    case(
        "nanmin-where",
        lambda x: np.nanmin(_h(x) ** 3, axis=0, where=_MASK, initial=9),
        _APART,
        covers=np.nanmin,
        single=False,
        scale=0.1,
    ),
    case("nanmin-keepdims", lambda x: x * np.nanmin(_h(x), axis=0, keepdims=True), _APART, covers=np.nanmin, scale=0.1),
    case("nanmin-integers", lambda x: x * np.nanmin(np.argsort(x), axis=0), _APART, covers=np.nanmin, scale=0.1),
    refused("nanmax-where-no-initial", ValueError, lambda x: np.nanmax(x, where=_MASK), _X),
    refused("nanmax-empty", ValueError, lambda x: np.nanmax(x[:0], axis=0), _X),
    # --- nanargmax, nanargmin
    case("nanargmax", lambda x: x * np.nanargmax(_h(x)), _APART, covers=(ops.nan_arg_maximum, np.nanargmax), scale=0.1),
    case(
        "nanargmax-axis",
        lambda x: np.take_along_axis(x, np.nanargmax(_h(x), axis=1, keepdims=True), 1) ** 2,
        _APART,
        covers=np.nanargmax,
        scale=0.1,
    ),
    case(
        "nanargmax-keepdims", lambda x: x * np.nanargmax(_h(x), keepdims=True), _APART, covers=np.nanargmax, scale=0.1
    ),
    case("nanargmax-scalar", lambda x: x * x * (1 + np.nanargmax(x, axis=0)), 0.7, covers=np.nanargmax),
    case("nanargmin", lambda x: x * np.nanargmin(_h(x)), _APART, covers=(ops.nan_arg_minimum, np.nanargmin), scale=0.1),
    case("nanargmin-axis", lambda x: x * np.nanargmin(_h(x), axis=0), _APART, covers=np.nanargmin, scale=0.1),
    refused("nanargmax-all-missing", ValueError, lambda x: np.nanargmax(x * np.nan), _X),
    refused("nanargmin-all-missing", ValueError, lambda x: np.nanargmin(_h(x)[:, :1] * np.nan, axis=1), _X),
]

_NAN = np.nan
_SLICES = np.array([[1.0, _NAN, 3.0], [_NAN, _NAN, _NAN]])

SPECIALS = [
    # --- missing elements have the derivative 0, whatever stands before
    special("nansum-missing", np.nansum, np.array([1.0, _NAN, 2.0]), np.array([1.0, 0.0, 1.0])),
    special(
        "nansum-squares",
        lambda x: np.nansum((x * np.array([1.0, 2.0, 3.0]) - np.array([0.0, _NAN, 1.0])) ** 2),
        np.ones(3),
        np.array([2.0, 0.0, 12.0]),
        second=(np.diag([2.0, 0.0, 18.0]),),
    ),
    special("nansum-log", lambda x: np.nansum(np.log(x)), np.array([2.0, -1.0]), np.array([0.5, 0.0])),
    special("nanprod-zero", np.nanprod, np.array([0.0, _NAN, 3.0]), np.array([3.0, 0.0, 0.0])),
    special("nanmean-missing", np.nanmean, np.array([1.0, _NAN, 2.0]), np.array([0.5, 0.0, 0.5])),
    special("nanvar-missing", np.nanvar, np.array([1.0, _NAN, 3.0]), np.array([-1.0, 0.0, 1.0])),
    special("nanstd-missing", np.nanstd, np.array([1.0, _NAN, 3.0]), np.array([-0.5, 0.0, 0.5])),
    # --- all missing
    special("nansum-all-missing", np.nansum, np.full(2, _NAN), np.zeros(2)),
    special(
        "nanmean-all-missing",
        _warns(lambda x: np.nanmean(x, axis=1), "Mean of empty slice"),
        _SLICES,
        np.array([[0.5, 0.0, 0.5], [0.0, 0.0, 0.0]]),
    ),
    special(
        "nanvar-all-missing",
        _warns(lambda x: np.nanvar(x, axis=1), "Degrees of freedom"),
        _SLICES,
        np.array([[-1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]),
    ),
    special(
        "nanstd-all-missing",
        _warns(lambda x: np.nanstd(x, axis=1), "Degrees of freedom"),
        _SLICES,
        np.array([[-0.5, 0.0, 0.5], [0.0, 0.0, 0.0]]),
    ),
    special(
        "nanmax-all-missing",
        _warns(lambda x: np.nanmax(x, axis=1), "All-NaN slice"),
        _SLICES,
        np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]),
    ),
    special(
        "nanmin-all-missing",
        _warns(lambda x: np.nanmin(x, axis=1), "All-NaN slice"),
        _SLICES,
        np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),
    ),
    # --- too few present
    special(
        "nanvar-ddof-too-few",
        _warns(lambda x: np.nanvar(x, ddof=2), "Degrees of freedom"),
        np.array([1.0, _NAN, 3.0]),
        np.array([_NAN, 0.0, _NAN]),
    ),
    # --- ties
    special("nanmax-tie", np.nanmax, np.array([1.0, _NAN, 1.0]), np.array([0.5, 0.0, 0.5])),
    special("nanmax-infinite", np.nanmax, np.array([-np.inf, _NAN]), np.array([1.0, 0.0])),
    special("nanmin-infinite", np.nanmin, np.array([np.inf, _NAN, np.inf]), np.array([0.5, 0.0, 0.5])),
    special(
        "nanmax-tie-initial",
        lambda x: np.nanmax(x, initial=1.0),
        np.array([1.0, _NAN, 1.0]),
        np.array([1.0, 0.0, 1.0]) / 3.0,
    ),
    special(
        "nanmax-where-tie",
        lambda x: np.nanmax(x, where=[True, False, True], initial=-np.inf),
        np.array([1.0, 5.0, 1.0]),
        np.array([0.5, 0.0, 0.5]),
    ),
    special("nanmax-squares", lambda x: np.nanmax((x - np.array([0.0, _NAN])) ** 2), np.ones(2), np.array([2.0, 0.0])),
    # --- no spread
    special("nanstd-constants", np.nanstd, np.array([0.1, 0.1, _NAN, 0.1]), np.zeros(4), second=(np.zeros((4, 4)),)),
    special("nanstd-one", np.nanstd, np.array([0.1, _NAN]), np.zeros(2)),
    # --- empty
    special("nansum-empty", np.nansum, np.zeros(0), np.zeros(0)),
    special("nanprod-empty", np.nanprod, np.zeros(0), np.zeros(0)),
    special("nanmean-other-axis-empty", lambda x: np.nanmean(x, axis=1), np.zeros((0, 3)), np.zeros((0, 3))),
    special("nanmax-empty-initial", lambda x: np.nanmax(x, initial=0.0), np.zeros(0), np.zeros(0)),
    special("nanmean-empty", _warns(np.nanmean, "Mean of empty slice"), np.zeros(0), np.zeros(0)),
]
