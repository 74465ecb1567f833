"""Cases of ``hodiff/ops/rearranging.py``."""

import numpy as np

import hodiff as hd
from cases.table import array, case, refused, special
from hodiff.errors import ConversionError, UnsupportedKeywordError
from hodiff.ops import rearranging as ops

_V = array(4)
_X = array(2, 3)
_Y = array(2, 3, 2)
_windows = np.lib.stride_tricks.sliding_window_view


def _weighted(function):
    """``function`` squared and weighted, so that a permutation of its answer is noticed, in single precision too."""

    def weighted(x):
        answer = function(x)
        return answer**2 * np.arange(1, answer.size + 1, dtype=np.float32).reshape(answer.shape)

    return weighted


def _cases(target, **rows):
    """Cases of one NumPy function: name -> function, argument."""
    return [
        case(f"{target.__name__}-{name.replace('_', '-')}", _weighted(function), x, covers=target)
        for name, (function, x) in rows.items()
    ]


CASES = [
    *_cases(
        np.flip,
        all=(np.flip, _X),
        axis=(lambda x: np.flip(x, 1), _X),
        axes=(lambda x: np.flip(x, (0, -1)), _Y),
        no_axes=(lambda x: np.flip(x, ()), _X),
        scalar=(np.flip, 0.4),
        strided=(lambda x: np.flip(x[:, ::-2].T), _X),
        complex=(lambda x: np.real(np.flip(x + 1j * x**2) * (1 + 2j)), _X),
    ),
    *_cases(np.fliplr, matrix=(np.fliplr, _X), three=(np.fliplr, _Y)),
    *_cases(np.flipud, vector=(np.flipud, _V), three=(np.flipud, _Y)),
    *_cases(
        np.rot90,
        once=(np.rot90, _X),
        twice=(lambda x: np.rot90(x, 2), _X),
        thrice=(lambda x: np.rot90(x, 3), _Y),
        back=(lambda x: np.rot90(x, -1, (1, 2)), _Y),
        four=(lambda x: np.rot90(x, k=4), _X),
        axes=(lambda x: np.rot90(x, axes=(2, 0)), _Y),
        axes_negative=(lambda x: np.rot90(x, 1, axes=(-1, -2)), _Y),
    ),
    case("roll", _weighted(lambda x: np.roll(x, 1)), _X, covers=(np.roll, ops.rolled)),
    *_cases(
        np.roll,
        far=(lambda x: np.roll(x, -7), _V),
        nothing=(lambda x: np.roll(x, 0), _V),
        axis=(lambda x: np.roll(x, 2, axis=-1), _X),
        axes=(lambda x: np.roll(x, (1, -1), axis=(0, 1)), _Y),
        one_shift_two_axes=(lambda x: np.roll(x, 1, axis=(0, 2)), _Y),
        same_axis_twice=(lambda x: np.roll(x, (1, 2), axis=(1, 1)), _Y),
        shifts_flat=(lambda x: np.roll(x, (1, 2)), _V),
        numpy_integer=(lambda x: np.roll(x, np.int32(1), np.int64(0)), _X),
        scalar=(lambda x: np.roll(x, 3), 0.4),
    ),
    case(
        "roll-batch-of-shifts",
        lambda x: hd.vmap(lambda n, t: np.roll(t, n) * np.roll(t**2, n, axis=0))(np.array([4, -1]), x),
        _X,
        covers=np.roll,
    ),
    *_cases(
        np.rollaxis,
        last=(lambda x: np.rollaxis(x, 2), _Y),
        start=(lambda x: np.rollaxis(x, 0, 2), _Y),
        end=(lambda x: np.rollaxis(x, 0, 3), _Y),
        same=(lambda x: np.rollaxis(x, 1, 1), _Y),
        negative=(lambda x: np.rollaxis(x, -1, -2), _Y),
    ),
    case("unstack", lambda x: tuple(p**2 for p in np.unstack(x)), _X, covers=np.unstack),
    case("unstack-axis", lambda x: tuple(np.unstack(x**2, axis=-1)), _Y, covers=np.unstack),
    case("tile", _weighted(lambda x: np.tile(x, 2)), _V, covers=(np.tile, ops.tiled)),
    *_cases(
        np.tile,
        fewer=(lambda x: np.tile(x, 2), _X),
        each=(lambda x: np.tile(x, (2, 3)), _X),
        more=(lambda x: np.tile(x, (2, 1, 2)), _X),
        more_ones=(lambda x: np.tile(x, (1, 1, 1)), _X),
        once=(lambda x: np.tile(x, 1), _X),
        none=(lambda x: np.tile(x, ()), _X),
        scalar=(lambda x: np.tile(x, (2, 2)), 0.4),
        array=(lambda x: np.tile(x, np.array([2, 1])), _X),
        zero=(lambda x: np.tile(x, 0), _X),
    ),
    case("repeat", _weighted(lambda x: np.repeat(x, 2)), _X, covers=(np.repeat, ops.repeated)),
    *_cases(
        np.repeat,
        axis=(lambda x: np.repeat(x, 2, axis=0), _X),
        axis_negative=(lambda x: np.repeat(x, 3, -1), _Y),
        middle=(lambda x: np.repeat(x, 2, 1), _Y),
        counts=(lambda x: np.repeat(x, [2, 0, 1], axis=1), _X),
        counts_negative=(lambda x: np.repeat(x, np.array([1, 3]), axis=-2), _X),
        counts_flat=(lambda x: np.repeat(x, [0, 1, 2, 0, 1, 3]), _X),
        one_count=(lambda x: np.repeat(x, [2], axis=0), _X),
        once=(lambda x: np.repeat(x, 1), _V),
        never=(lambda x: np.repeat(x, 0), _V),
        scalar=(lambda x: np.repeat(x, 3), 0.4),
        scalar_axis=(lambda x: np.repeat(x, 2, axis=-1), 0.4),
        method=(lambda x: x.repeat(2, axis=1) * x.repeat([2, 4], 1 - 1)[:2, :1], _X),
    ),
    *_cases(
        np.resize,
        longer=(lambda x: np.resize(x, (2, 5)), _X),
        shorter=(lambda x: np.resize(x, 3), _X),
        same=(lambda x: np.resize(x, (2, 3)), _X),
        scalar=(lambda x: np.resize(x, (2, 2)), 0.4),
        to_scalar=(lambda x: np.resize(x, ()), _X),
        to_nothing=(lambda x: np.resize(x, (0, 2)) * 1.0, _X),
    ),
    *(
        case(f"trim-zeros-{name}", _weighted(function), x, covers=np.trim_zeros, scale=0.02, batch=False)
        for name, function, x in (
            ("ends", lambda x: np.trim_zeros(np.where(np.abs(x) > 0.5, x, 0.0)), np.array([0.0, 0.1, 1, 0, 2, 0.2])),
            ("front", lambda x: np.trim_zeros(np.pad(x, 2), "f"), _V),
            ("back", lambda x: np.trim_zeros(np.pad(x, 2), trim="B"), _V),
            ("matrix", lambda x: np.trim_zeros(np.pad(x, 1)), _X),
            ("axis", lambda x: np.trim_zeros(np.pad(x, 1), axis=-1), _X),
            ("axes", lambda x: np.trim_zeros(np.pad(x, 1), "f", axis=(0, 1)), _X),
            ("no-axes", lambda x: np.trim_zeros(np.pad(x, 1), axis=()), _X),
        )
    ),
    *_cases(
        _windows,
        vector=(lambda x: _windows(x, 2), _V),
        whole=(lambda x: _windows(x, (2, 3)), _X),
        both=(lambda x: _windows(x, (2, 2)), _X),
        axis=(lambda x: _windows(x, 2, axis=-2), _Y),
        axes=(lambda x: _windows(x, (2, 1), axis=(1, 0)), _Y),
        same_axis_twice=(lambda x: _windows(x, (2, 2), axis=(0, 0)), _V),
    ),
    *_cases(
        np.apply_along_axis,
        scalar=(lambda x: np.apply_along_axis(lambda r: r[0] * np.sum(r), 1, x), _X),
        vector=(lambda x: np.apply_along_axis(lambda r, n: r[:n] ** 2, 1, x, 2), _Y),
        matrix=(lambda x: np.apply_along_axis(lambda r, scale: np.outer(r, r) * scale, 0, x, scale=2), _X),
        negative=(lambda x: np.apply_along_axis(np.cumsum, -2, x), _Y),
        one_axis=(lambda x: np.apply_along_axis(np.sum, 0, x), _V),
    ),
    case(
        "apply-along-axis-constant",
        lambda x: np.apply_along_axis(np.argmax, 1, x) * x[:, 0],
        _X,
        covers=np.apply_along_axis,
        scale=0.02,
        single=False,
    ),
    *_cases(
        np.apply_over_axes,
        two=(lambda x: np.apply_over_axes(np.sum, x, (0, 2)), _Y),
        negative=(lambda x: np.apply_over_axes(np.prod, x, [-1, 1]), _Y),
        one=(lambda x: np.apply_over_axes(np.cumsum, x, 1), _X),
    ),
    case("astype-function", lambda x: np.astype(x, np.float64) ** 2, _X, covers=np.astype, single=False),
    case(
        "astype-function-no-copy",
        lambda x: np.astype(x, float, copy=False, device="cpu") ** 2,
        _X,
        covers=np.astype,
        single=False,
    ),
    refused("astype-device", UnsupportedKeywordError, lambda x: np.astype(x, float, device="gpu"), _X),
    refused("windows-writeable", UnsupportedKeywordError, lambda x: _windows(x, 2, writeable=True), _V),
    refused("windows-subok", UnsupportedKeywordError, lambda x: _windows(x, 2, subok=True), _V),
    refused("windows-too-long", ValueError, lambda x: _windows(x, 5), _V),
    refused("windows-negative", ValueError, lambda x: _windows(x, -1), _V),
    refused("windows-axes", ValueError, lambda x: _windows(x, 2), _X),
    refused("flip-axis", np.exceptions.AxisError, lambda x: np.flip(x, 2), _X),
    refused("fliplr-vector", ValueError, np.fliplr, _V),
    refused("flipud-scalar", ValueError, np.flipud, 0.4),
    refused("rot90-axes", ValueError, lambda x: np.rot90(x, axes=(0, -2)), _X),
    refused("rot90-three-axes", ValueError, lambda x: np.rot90(x, axes=(0, 1, 2)), _Y),
    refused("roll-matrix", ValueError, lambda x: np.roll(x, [[1]], 0), _X),
    refused("roll-float", TypeError, lambda x: np.roll([1.0, 2.0], x), 0.4),
    refused(
        "roll-batch-of-tuples", ConversionError, lambda x: hd.vmap(lambda n: np.roll(x, n, (0, 1)))(np.arange(2)), _X
    ),
    refused("repeat-batch-of-counts", ConversionError, lambda x: hd.vmap(lambda n: np.repeat(x, n))(np.arange(2)), _V),
    refused("rollaxis-start", np.exceptions.AxisError, lambda x: np.rollaxis(x, 0, 4), _X),
    refused("unstack-scalar", ValueError, np.unstack, 0.4),
    refused("repeat-float", TypeError, lambda x: np.repeat(x, 2.0), _V),
    refused("repeat-floats", TypeError, lambda x: np.repeat(x, [1.0, 2.0], axis=0), _X),
    refused("repeat-deep", ValueError, lambda x: np.repeat(x, [[2]]), _V),
    refused("repeat-negative", ValueError, lambda x: np.repeat(x, -1), _V),
    refused("repeat-counts", ValueError, lambda x: np.repeat(x, [1, 2]), _V),
    refused("resize-negative", ValueError, lambda x: np.resize(x, -1), _V),
    refused("trim-zeros-side", ValueError, lambda x: np.trim_zeros(x, "x"), _V),
    refused("apply-along-nothing", ValueError, lambda x: np.apply_along_axis(np.sum, 1, x[:0]), _X),
    refused("apply-over-axes-shape", ValueError, lambda x: np.apply_over_axes(lambda a, i: np.sum(a), x, [0]), _Y),
]

SPECIALS = [
    special("flip-empty", np.flip, np.zeros((0, 2)), np.zeros((0, 2))),
    special("roll-empty", lambda x: np.roll(x, 1), np.zeros(0), np.zeros(0)),
    special("roll-empty-axis", lambda x: np.roll(x, 1, 1), np.zeros((0, 2)), np.zeros((0, 2))),
    special("tile-empty", lambda x: np.tile(x, (2, 3)), np.zeros((0, 2)), np.zeros((0, 2))),
    special("repeat-empty", lambda x: np.repeat(x, 2, axis=0), np.zeros((0, 2)), np.zeros((0, 2))),
    special("resize-empty", lambda x: np.resize(x, 3), np.zeros(0), np.zeros(0)),
    special("repeat-infinity", lambda x: 1 / np.repeat(x, 2), np.array([np.inf, 1.0]), np.array([0.0, -2.0])),
    special("trim-zeros-all", lambda x: x * np.sum(np.trim_zeros(0 * x)), np.zeros(2), np.zeros(2), forward=False),
    special("big-endian", lambda x: np.tile(np.roll(x, 1), 2), np.ones(2, ">f8"), np.array([2.0, 2.0])),
]
