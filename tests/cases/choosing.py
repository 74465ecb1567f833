"""Cases of ``hodiff/ops/choosing.py``."""

import numpy as np

import hodiff as hd
from cases.table import array, case, refused, special
from hodiff.errors import ControlFlowError, ConversionError, InPlaceError, UnsupportedKeywordError
from hodiff.ops import choosing as ops

_V = array(4)
_W = array(3, seed=1)
_X = array(2, 3)
_NUMBERS = np.array([[0, 1, 1], [1, 0, 0]])
_MASK = np.array([True, False, True])
_BOTH = np.array([[True, False, True], [False, True, True]])
_STEPS = np.array([-0.8, -0.3, 0.2, 0.9])
_ENDS = [np.nan, np.inf, -np.inf, 0.0]


CASES = [
    # --- by number
    case(
        "choose",
        lambda x, y: np.choose(_NUMBERS, [x**2, y]) ** 2,
        _X,
        _W,
        covers=(np.choose, ops.selector),
    ),
    *(
        case(f"choose-{name}", function, *args, covers=np.choose)
        for name, function, *args in (
            ("array", lambda x: np.choose([1, 0, 1], x) ** 2, _X),
            ("wrap", lambda x: np.choose([-1, 2, 3], [x, x**2], mode="wrap") * x, _W),
            ("clip", lambda x: np.choose([-1, 2, 1], [x, x**2], mode="clip") * x, _W),
            ("booleans", lambda x: np.choose(_MASK, [x, x**2]), _W),
            ("scalar", lambda x: np.choose(1, [1.0, x**2]), 0.4),
            ("broadcast", lambda x, y: np.choose([[0], [1]], [x, y * y]), _W, 0.3),
            ("one", lambda x: np.choose([0, 0], [x**2]), 0.3),
            ("constants", lambda x: np.choose(_NUMBERS, [np.float32(2.0), x]) ** 2, _X),
            ("computed", lambda x: np.choose((x > 0).astype(int), [x, x**3]), np.array([0.5, -0.4, 1.0])),
            ("complex", lambda x: np.real(np.choose(_NUMBERS, [x, x * 1j]) * (1 + 2j)) ** 2, _X),
        )
    ),
    case(
        "choose-batch-of-numbers",
        lambda x: hd.vmap(lambda n, t: np.choose(n, [t, t**2]) * n.choose([t, 2.0]))(np.array([0, 1, 1]), x),
        _W,
        covers=ops.selector,
    ),
    # --- by conditions
    *(
        case(f"select-{name}", function, *args, covers=np.select, scale=0.02)
        for name, function, *args in (
            ("computed", lambda x: np.select([x < 0, x > 0.5], [np.sin(x), x**3]), _STEPS),
            ("default", lambda x: np.select([x < 0], [x**2], default=np.sum(x)), _STEPS),
            ("overlap", lambda x, y: np.select([_BOTH, _MASK], [x * x, y**3], 1.0), _X, _W),
            ("lists", lambda x: np.select([[True, False, False], [False, True, False]], [x, x**2]), _W),
            ("scalar-condition", lambda x: np.select([np.True_], [x**2]) * x, _W),
            ("numbers", lambda x: np.select([x < 0, x < 0.5], [1.0, x**2], 2), _STEPS),
            ("complex", lambda x: np.abs(np.select([_MASK], [x * 1j], 1 + x)) ** 2, _W),
        )
    ),
    case("compress", lambda x: np.compress(_MASK, x, axis=1) ** 2, _X, covers=np.compress),
    *(
        case(f"compress-{name}", function, *args, covers=np.compress)
        for name, function, *args in (
            ("flat", lambda x: np.compress([False, True, True, False, True], x) ** 2, _X),
            ("short", lambda x: np.compress([True], x, axis=0) ** 2, _X),
            ("long", lambda x: np.compress([1, 0, 2, 0, 0], x, axis=-1) ** 2, _X),
            ("none", lambda x: np.compress([], x, axis=0) ** 2, _X),
            ("method", lambda x: x.compress([False, True], axis=0) ** 2 * x.compress(_MASK, 1).sum(), _X),
        )
    ),
    case("extract", lambda x: np.extract(_BOTH, x) ** 2, _X, covers=np.extract),
    case("extract-list", lambda x: np.extract([0, 1, 1, 0], x) ** 2, _V, covers=np.extract),
    case("extract-computed", lambda x: np.extract(x > 0, x) ** 3, _STEPS, covers=np.extract, scale=0.02, batch=False),
    *(
        case(f"piecewise-{name}", function, *args, covers=np.piecewise, scale=0.02, batch=False)
        for name, function, *args in (
            ("computed", lambda x: np.piecewise(x, [x < 0, x >= 0], [np.sin, lambda t: t**3]), _STEPS),
            ("scalars", lambda x: np.piecewise(x, [x < 0], [-1.0, lambda t: t * t]), _STEPS),
            ("default-zero", lambda x: np.piecewise(x, [x < 0, x > 0.5], [np.exp, np.sin]) * x, _STEPS),
            ("overlap", lambda x: np.piecewise(x, [x > -0.5, x > 0], [np.exp, lambda t: t * np.sum(t)]), _STEPS),
            ("matrix", lambda x: np.piecewise(x, [x < 0, x >= 0], [np.sin, np.exp]), _X),
            ("one-condition", lambda x: np.piecewise(x, x < 0, [np.sin, np.exp]), _STEPS),
            ("condition-lists", lambda x: np.piecewise(x, [[True, False, True]], [np.sin, np.exp]), _W),
            ("arguments", lambda x: np.piecewise(x, [x < 0], [lambda t, a, b: a * t**b] * 2, 2, b=3), _STEPS),
            ("scalar", lambda x: np.piecewise(x, [x < 0, x > 0], [np.sin, np.exp]), 0.4),
            ("scalar-condition", lambda x: np.piecewise(x, x > 0, [np.sin, np.exp]), 0.4),
            ("rows", lambda x: np.piecewise(x, [[True, False], [False, True]], [np.sin, 2.0]) ** 2, _X),
            ("one-value", lambda x: np.piecewise(x, [x < 0], [np.sum, np.exp]), _STEPS),
        )
    ),
    # --- by value
    case("nan-to-num", lambda x: np.nan_to_num(np.append(x, _ENDS[0])) ** 2, _V, covers=np.nan_to_num),
    *(
        case(f"nan-to-num-{name}", function, *args, covers=np.nan_to_num)
        for name, function, *args in (
            (
                "keywords",
                lambda x: np.nan_to_num(np.append(x, _ENDS), nan=2, posinf=3.0, neginf=np.float64(4)) ** 2,
                _V,
            ),
            ("traced", lambda x: np.nan_to_num(np.append(x, _ENDS), True, x[0], x[1] ** 2, x[2]) ** 2, _V),
            ("arrays", lambda x: np.nan_to_num(np.append(x, np.nan), nan=[1.0, 2.0, 3.0, 4.0]) ** 2, _W),
            ("scalar", lambda x: np.nan_to_num(x) ** 2, 0.4),
            ("no-copy", lambda x: np.nan_to_num(x * [1.0, np.nan, 1.0], copy=False) ** 2, _W),
            (
                "complex",
                lambda x: np.abs(np.nan_to_num(x + 1j * (x * [1.0, np.nan, 2.0]), nan=1.5)) ** 2,
                _W,
            ),
        )
    ),
    refused("choose-entry", ValueError, lambda x: np.choose([0, 2], [x, x]), 0.4),
    refused("choose-negative", ValueError, lambda x: np.choose(-1, [x, x]), 0.4),
    refused(
        "choose-batch-entry", ValueError, lambda x: hd.vmap(lambda n: np.choose(n, [x, x]))(np.array([0, -1])), 0.4
    ),
    refused("compress-batch", ControlFlowError, lambda x: hd.vmap(lambda t: np.compress(t > 0, x))(np.eye(4)), _V),
    refused("piecewise-batch", ConversionError, lambda x: hd.vmap(lambda t: np.piecewise(t, [t > 0], [x]))(_X), 0.4),
    refused("choose-float", TypeError, lambda x: np.choose(1.0, [x, x]), 0.4),
    refused("choose-traced-float", TypeError, lambda x: np.choose(x, [1.0, 2.0]), 0.4),
    refused("choose-nothing", ValueError, lambda x: np.choose(x > 0, []), 0.4),
    refused("choose-mode", ValueError, lambda x: np.choose(0, [x], mode="any"), 0.4),
    refused("select-length", ValueError, lambda x: np.select([x > 0], [x, x]), _V),
    refused("select-nothing", ValueError, lambda x: np.select([], [], x), _V),
    refused("select-numbers", TypeError, lambda x: np.select([np.ones(4)], [x]), _V),
    refused("compress-matrix", ValueError, lambda x: np.compress(_BOTH, x), _X),
    refused("compress-too-long", IndexError, lambda x: np.compress([False] * 4 + [True], x), _V),
    refused("piecewise-length", ValueError, lambda x: np.piecewise(x, [np.ones(2, bool)], [1.0, 2.0, 3.0]), np.ones(2)),
    refused("piecewise-complex", TypeError, lambda x: np.piecewise(x, [np.ones(2, bool)], [1j]), np.ones(2)),
    refused(
        "nan-to-num-complex-infinity",
        UnsupportedKeywordError,
        lambda x: np.nan_to_num(x + 1j, posinf=np.inf),
        _V,
    ),
    # NumPy asks neither of these operands whether it is traced.
    refused("piecewise-traced-value", ConversionError, lambda a: np.piecewise(np.ones(2), [np.ones(2) > 0], [a]), 0.4),
    refused(
        "piecewise-traced-argument", ConversionError, lambda a: np.piecewise(_V, [_V < 9], [lambda t, a: a], a), 0.4
    ),
    refused("select-traced-default", ConversionError, lambda a: np.select([_V < 0], [_V], a), 0.4),
    refused("nan-to-num-traced-keyword", InPlaceError, lambda a: np.nan_to_num(_V, nan=a), 0.4),
]

SPECIALS = [
    special(
        "nan-to-num-values",
        np.nan_to_num,
        np.array([np.nan, np.inf, -np.inf, 0.0, 3.0]),
        np.array([0.0, 0.0, 0.0, 1.0, 1.0]),
        second=np.zeros((5, 5)),
    ),
    special("nan-to-num-log", lambda x: np.nan_to_num(np.log(x)), np.array([0.0, 2.0]), np.array([0.0, 0.5])),
    special(
        "nan-to-num-to-infinity",
        lambda x: np.nan_to_num(x, nan=np.inf, posinf=1.0) ** 2,
        np.array([np.inf, 2.0]),
        np.array([0.0, 4.0]),
    ),
    special(
        "select-first",
        lambda x: np.select([x >= 1, x >= 0], [x**2, np.sqrt(x)], 0.0),
        np.array([1.0, 4.0, -1.0]),
        np.array([2.0, 8.0, 0.0]),
    ),
    special("select-empty", lambda x: np.select([x > 0], [x]), np.zeros(0), np.zeros(0)),
    special("choose-empty", lambda x: np.choose(np.zeros(0, int), [x, x]), np.zeros(0), np.zeros(0)),
    special("piecewise-empty", lambda x: np.piecewise(x, [np.zeros(0, bool)], [np.sin]), np.zeros(0), np.zeros(0)),
    special(
        "piecewise-domain",
        lambda x: np.piecewise(x, [np.array([False, True])], [np.log, 0.0]),
        np.array([0.0, 2.0]),
        np.array([0.0, 0.5]),
    ),
    special("choose-infinity", lambda x: np.choose([0, 1], [1.0, 1 / x]), np.array([0.0, 2.0]), np.array([0.0, -0.25])),
]
