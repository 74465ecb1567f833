"""Cases of ``hodiff/ops/building.py``."""

import numpy as np

import hodiff as hd
from cases.table import array, case, refused, special
from hodiff.errors import ConversionError, UnsupportedKeywordError
from hodiff.ops import building as ops

_S = 0.7
_V = array(4)
_W = array(3, seed=1)
_X = array(2, 3)
_Y = array(2, 3, 2)
_POSITIVE = array(3, seed=2, low=0.5, high=2.0)
_MASK = np.array([True, False, True])


def _weighted(function):
    """``function`` squared and weighted, so that a permutation of its answer is noticed, in single precision too."""

    def weighted(*args):
        answer = function(*args)
        return answer**2 * np.arange(1, answer.size + 1, dtype=np.float32).reshape(answer.shape)

    return weighted


def _cases(target, **rows):
    """Cases of one NumPy function: name -> function, arguments."""
    return [
        case(f"{target.__name__}-{name.replace('_', '-')}", _weighted(function), *args, covers=target, scale=0.5)
        for name, (function, *args) in rows.items()
    ]


CASES = [
    # --- grids
    case("linspace", _weighted(lambda x, y: np.linspace(x, y, 4)), _S, -0.4, covers=(np.linspace, ops.spaced)),
    *_cases(
        np.linspace,
        start=(lambda x: np.linspace(x, 2, 3), _S),
        stop=(lambda y: np.linspace(0, y, 3), _S),
        arrays=(lambda x, y: np.linspace(x, y, 3), _W, array(3, seed=5)),
        broadcast=(lambda x, y: np.linspace(x, y, 3), array(2, 1), _W),
        axis=(lambda x, y: np.linspace(x, y, 3, axis=-1), _W, 0.3),
        axis_one=(lambda x, y: np.linspace(x, y, num=2, axis=1), array(2, 3), _W),
        no_endpoint=(lambda x, y: np.linspace(x, y, 4, endpoint=False), _S, 0.1),
        list=(lambda x: np.linspace(x, [1.0, 2.0, 3.0], 3), _S),
        one=(lambda x, y: np.linspace(x, y, 1), _S, 0.1),
        one_no_endpoint=(lambda x, y: np.linspace(x, y, 1, False), _S, 0.1),
        two=(lambda x, y: np.linspace(x, y, 2), _S, 0.1),
        default_number=(lambda x: np.linspace(0, x)[::7], _S),
        complex=(lambda x, y: np.real(np.linspace(x + 1j * y, 2j, 3) * (1 - 2j)), _S, 0.2),
        complex_stop=(lambda x: np.real(np.linspace(x, 1 + x * 2j, 3) * (1 - 2j)), _W),
        device=(lambda x: np.linspace(x, 1, 3, device="cpu"), _S),
        step=(lambda x, y: np.linspace(x, y, 3, retstep=True)[1], _S, 0.1),
        step_arrays=(lambda x, y: np.linspace(x, y, 3, False, True)[1], _W, 0.1),
    ),
    case("linspace-with-step", lambda x, y: np.linspace(x, y, 3, retstep=True), _W, 0.1, covers=np.linspace),
    case("linspace-dtype", lambda x: np.linspace(x, 3, 4, dtype=np.float64) ** 2, _S, covers=np.linspace, single=False),
    case(
        "linspace-to-complex",
        lambda x: np.abs(np.linspace(x, 3, 4, dtype=complex)) ** 2,
        _S,
        covers=np.linspace,
        single=False,
    ),
    case(
        "linspace-integers",
        lambda x: np.linspace(x, 5, 4, dtype=int) * x,
        -0.7,
        covers=np.linspace,
        scale=0.02,
        single=False,
    ),
    *_cases(
        np.logspace,
        ends=(lambda x, y: np.logspace(x, y, 3), 0.2, -0.3),
        base=(lambda x, y, b: np.logspace(x, y, 3, base=b), 0.2, -0.3, 1.5),
        base_alone=(lambda b: np.logspace(0, 2, 3, False, b), 1.5),
        base_array=(lambda x, b: np.logspace(x, 1, 3, base=b), _W, _POSITIVE),
        base_list=(lambda x: np.logspace(x, 1.0, 2, base=[2.0, 3.0]), 0.2),
        base_axis=(lambda x, b: np.logspace(x, 1, 2, base=b, axis=-1), array(2, 1), _POSITIVE),
        base_broadcast=(lambda x, b: np.logspace(x, 1, 2, base=b), 0.2, _POSITIVE),
        axis=(lambda x: np.logspace(x, 1, 3, axis=1, endpoint=False), array(2, 1)),
        complex=(lambda x: np.real(np.logspace(x, 1j * x, 3) * (1 + 2j)), 0.2),
    ),
    case("logspace-dtype", lambda x: np.logspace(x, 1, 3, dtype=float), 0.2, covers=np.logspace, single=False),
    case("geomspace", lambda x, y: np.geomspace(x, y, 4), 0.8, 3.0, covers=(np.geomspace, ops.geometric), scale=0.5),
    *(
        case(f"geomspace-{name}", function, *args, covers=np.geomspace, scale=0.3)
        for name, function, *args in (
            ("negative", lambda x, y: np.geomspace(x, y, 3), -0.8, -3.0),
            ("start", lambda x: np.geomspace(x, 4, 3), 0.8),
            ("stop", lambda y: np.geomspace(1, y, 3), 0.8),
            ("no-endpoint", lambda x, y: np.geomspace(x, y, 3, endpoint=False), 0.8, 3.0),
            ("arrays", lambda x, y: np.geomspace(x, y, 3), _POSITIVE, _POSITIVE[::-1]),
            ("mixed-signs", lambda x: np.geomspace(x, [2.0, -3.0], 3, axis=-1), np.array([1.0, -2.0])),
            ("axis", lambda x, y: np.geomspace(x, y, 3, axis=1), _POSITIVE[:2].reshape(2, 1), _POSITIVE),
            ("list", lambda x: np.geomspace(x, [1.0, 2.0, 3.0], 2), 0.8),
            ("one", lambda x, y: np.geomspace(x, y, 1), 0.8, 3.0),
            ("complex", lambda x: np.real(np.geomspace(x + 0.5j, 2j + x, 4) * (1 + 2j)), 0.8),
            ("complex-stop", lambda x, y: np.real(np.geomspace(x, 1 + 2j * y, 3) * (1 + 2j)), 0.8, 1.3),
            ("spiral", lambda x: np.imag(np.geomspace(-1 + 0.1j * x, x + 0j, 3)), 0.8),
        )
    ),
    case(
        "geomspace-dtype",
        lambda x: np.real(np.geomspace(x, -2.0, 3, dtype=complex) * (1 + 2j)),
        0.8,
        covers=np.geomspace,
        single=False,
        scale=0.3,
    ),
    case("meshgrid", lambda x, y: tuple(g**2 for g in np.meshgrid(x, y)), _V, _W, covers=np.meshgrid),
    *(
        case(f"meshgrid-{name}", lambda *xs, f=function: tuple(g**2 for g in f(*xs)), *args, covers=np.meshgrid)
        for name, function, *args in (
            ("ij", lambda x, y: np.meshgrid(x, y, indexing="ij"), _V, _W),
            ("sparse", lambda x, y: np.meshgrid(x, y, sparse=True), _V, _W),
            ("no-copy", lambda x, y: np.meshgrid(x, y, copy=False), _V, _W),
            ("one", np.meshgrid, _V),
            ("three", lambda x, y: np.meshgrid(x, y, [1.0, 2.0]), _V[:2], _W),
            ("scalar", lambda x, y: np.meshgrid(x, y, indexing="ij"), _S, _W),
            ("matrix", lambda x, y: np.meshgrid(x, y, sparse=True, indexing="ij"), _X, _W),
        )
    ),
    case("ix", lambda x, y: tuple(g**2 for g in np.ix_(x, y, [True, False])), _V, _W, covers=np.ix_),
    # --- putting together
    *_cases(
        np.block,
        matrix=(lambda x, y: np.block([[x, y[:, None]], [np.ones((1, 4), np.float32)]]), _X, _W[:2]),
        vectors=(lambda x, y: np.block([x, 2.0, y]), _V, _W),
        scalars=(lambda x, y: np.block([[x, y], [1.0, x * y]]), _S, 0.2),
        column=(lambda x: np.block([[x], [x**2]]), _V),
        deep=(lambda x: np.block([[[x, x]], [[x**2, x]]]), _Y),
        wide_depth=(lambda x: np.block([[[x]]]), _V),
        no_list=(lambda x: np.block(x), _X),
        mixed_dimensions=(lambda x, y: np.block([x, y]), _X, np.ones((2, 1))),
    ),
    *_cases(
        np.append,
        flat=(lambda x, y: np.append(x, y), _X, _W),
        axis=(lambda x, y: np.append(x, y, axis=0), _X, array(1, 3)),
        value=(lambda x: np.append(x, 2.0), _V),
        to_constant=(lambda x: np.append([1.0, 2.0], x), _S),
        axis_list=(lambda x: np.append(x, [[1.0], [2.0]], axis=-1), _X),
    ),
    *_cases(
        np.insert,
        flat=(lambda x, v: np.insert(x, 2, v), _X, _S),
        end=(lambda x, v: np.insert(x, 4, v), _V, _S),
        negative=(lambda x, v: np.insert(x, -1, v), _V, _S),
        axis=(lambda x, v: np.insert(x, 1, v, axis=1), _X, array(2, seed=4)),
        axis_broadcast=(lambda x, v: np.insert(x, 1, v, axis=0), _X, _S),
        several_at_one=(lambda x, v: np.insert(x, 1, v, axis=1), _X, array(3, 2)),
        several_at_one_flat=(lambda x, v: np.insert(x, 1, v), _V, _W),
        sequence_of_one=(lambda x, v: np.insert(x, [1], v, axis=1), _X, array(2, 3, seed=3)),
        sequence=(lambda x, v: np.insert(x, [2, 0, 2], v), _V, _W),
        sequence_broadcast=(lambda x, v: np.insert(x, [0, 3], v, axis=-1), _X, array(2, 1)),
        sequence_value=(lambda x, v: np.insert(x, [0, -1], v, axis=1), _X, _S),
        slice=(lambda x, v: np.insert(x, slice(0, 4, 2), v), _V, _W[:2]),
        mask=(lambda x, v: np.insert(x, _MASK, v), _W, _V[:2]),
        mask_axis=(lambda x, v: np.insert(x, _MASK, v, axis=1), _X, _S),
        nothing=(lambda x: np.insert(x, [], []), _V),
        into_constant=(lambda v: np.insert(np.ones((2, 2)), 1, v, axis=1), _V[:2]),
        into_list=(lambda v: np.insert([1.0, 2.0], 1, v), _S),
        list_values=(lambda x: np.insert(x, 1, [1.0, 2.0]), _V),
        deep=(lambda x, v: np.insert(x, 1, v, axis=1), _Y, array(2, 2)),
    ),
    case(
        "insert-into-integers", lambda v: np.insert([1, 2], 1, v) * v, 1.7, covers=np.insert, scale=0.02, single=False
    ),
    *_cases(
        np.delete,
        flat=(lambda x: np.delete(x, 2), _X),
        axis=(lambda x: np.delete(x, 1, axis=1), _X),
        negative=(lambda x: np.delete(x, -1, axis=-2), _X),
        sequence=(lambda x: np.delete(x, [0, 2, 2], axis=1), _X),
        slice=(lambda x: np.delete(x, slice(None, None, 2)), _V),
        mask=(lambda x: np.delete(x, _MASK, axis=1), _X),
        nothing=(lambda x: np.delete(x, []), _V),
    ),
    # --- matrices
    *_cases(
        np.vander,
        square=(np.vander, _W),
        columns=(lambda x: np.vander(x, 4), _W),
        increasing=(lambda x: np.vander(x, N=3, increasing=True), _W),
        one=(lambda x: np.vander(x, 1), _W),
        none=(lambda x: np.vander(x, 0), _W),
        complex=(lambda x: np.real(np.vander(x + 1j * x**2, 4) * (1 + 2j)), _W),
    ),
    *_cases(
        np.diag,
        build=(np.diag, _W),
        build_above=(lambda x: np.diag(x, 2), _W),
        build_below=(lambda x: np.diag(x, k=-1), _W),
        extract=(np.diag, _X),
        extract_above=(lambda x: np.diag(x, 2), _X),
        extract_below=(lambda x: np.diag(x, -1), _X),
        extract_nothing=(lambda x: np.diag(x, 5), _X),
        complex=(lambda x: np.real(np.diag(x + 1j * x**2) * (1 + 2j)), _W),
    ),
    *_cases(
        np.diagflat,
        matrix=(np.diagflat, array(2, 2)),
        above=(lambda x: np.diagflat(x, 1), _W),
        scalar=(lambda x: np.diagflat(x, -1), _S),
    ),
    *(
        row
        for triangle in (np.tril, np.triu)
        for row in _cases(
            triangle,
            matrix=(triangle, array(3, 3)),
            wide=(lambda x, t=triangle: t(x, 1), _X),
            tall=(lambda x, t=triangle: t(x.T, k=-1), _X),
            stack=(triangle, _Y),
            vector=(triangle, _W),
            all=(lambda x, t=triangle: t(x, 9), _X),
            none=(lambda x, t=triangle: t(x, -9), _X),
            complex=(lambda x, t=triangle: np.real(t(x + 1j * x**2) * (1 + 2j)), _X),
        )
    ),
    refused("linspace-device", UnsupportedKeywordError, lambda x: np.linspace(x, 1, 3, device="gpu"), _S),
    refused("linspace-number", ValueError, lambda x: np.linspace(x, 1, -1), _S),
    refused("linspace-float-number", TypeError, lambda x: np.linspace(x, 1, 3.0), _S),
    refused("linspace-axis", np.exceptions.AxisError, lambda x: np.linspace(x, 1, 3, axis=1), _S),
    refused("geomspace-zero", ValueError, lambda x: np.geomspace(x, 0, 3), _S),
    refused("meshgrid-indexing", ValueError, lambda x: np.meshgrid(x, indexing="yx"), _V),
    refused("ix-matrix", ValueError, np.ix_, _X),
    refused("block-tuple", TypeError, lambda x: np.block((x, x)), _V),
    refused("block-empty", ValueError, lambda x: np.block([[x], []]), _V),
    refused("block-depths", ValueError, lambda x: np.block([x, [x]]), _V),
    refused("block-shapes", ValueError, lambda x: np.block([[x, x], [x]]), _X),
    refused("append-dimensions", ValueError, lambda x: np.append(x, 1.0, axis=0), _X),
    refused("insert-position", IndexError, lambda x: np.insert(x, 5, 1.0), _V),
    refused("insert-shape", ValueError, lambda x: np.insert(x, [0, 1], [1.0, 2.0, 3.0]), _V),
    refused("insert-traced-position", (ConversionError, IndexError), lambda x: np.insert(np.ones(3), x, 1.0), _S),
    refused("delete-position", IndexError, lambda x: np.delete(x, 4), _V),
    refused("delete-traced-position", (ConversionError, IndexError), lambda x: np.delete(np.ones(3), x), _S),
    refused(
        "insert-batch-of-positions",
        ConversionError,
        lambda x: hd.vmap(lambda i: np.insert(x, i, 1.0))(np.arange(2)),
        _V,
    ),
    refused(
        "delete-batch-of-positions", ConversionError, lambda x: hd.vmap(lambda i: np.delete(x, i))(np.arange(2)), _V
    ),
    refused("vander-matrix", ValueError, np.vander, _X),
    refused("vander-negative", ValueError, lambda x: np.vander(x, -1), _V),
    refused("diag-dimensions", ValueError, np.diag, _Y),
    refused("tril-scalar", TypeError, np.tril, _S),
    # NumPy builds these without asking the values, so they can only be refused.
    refused("r", ConversionError, lambda x: np.r_[x, 1.0], _V),
    refused("r-slice", ConversionError, lambda x: np.r_[0 : x[0] : 3j], _V),
    refused("c", ConversionError, lambda x: np.c_[x, x], _V),
    refused("mgrid-step", ConversionError, lambda x: np.mgrid[0 : x[0] : 0.5], _V),
    refused("mgrid-two", (ConversionError, AttributeError), lambda x: np.mgrid[0 : x[0] : 3j, 0:2], _V),
    refused("asarray-chkfinite", ConversionError, np.asarray_chkfinite, _V),
    case("mgrid", lambda x: np.mgrid[0 : x[0] : 3j] ** 2, _V, covers=np.linspace),
    case("ogrid", lambda x: np.ogrid[0 : x[0] : 3j, 0:2][0] ** 2, _V, covers=np.linspace),
]

SPECIALS = [
    special("linspace-none", lambda x: np.linspace(x, 1.0, 0), 2.0, 0.0),
    special("linspace-ends", lambda x, y: np.linspace(x, y, 3)[-1], (1.0, 2.0), (0.0, 1.0)),
    special("linspace-equal-ends", lambda x, y: np.linspace(x, y, 3), (1.0, 1.0), (1.5, 1.5)),
    special("geomspace-equal-ends", lambda x, y: np.geomspace(x, y, 3), (2.0, 2.0), (1.5, 1.5)),
    special("vander-zero", lambda x: np.vander(x, 4), np.zeros(2), np.ones(2), second=2 * np.eye(2)),
    special("diag-infinity", np.diag, np.array([np.inf, 1.0]), np.ones(2)),
    special(
        "tril-infinity", lambda x: np.tril(x) ** 2, np.array([[1.0, np.inf], [2.0, 3.0]]), np.array([[2, 0], [4, 6]])
    ),
    special("diag-empty", np.diag, np.zeros(0), np.zeros(0)),
    special("tril-empty", np.tril, np.zeros((0, 3)), np.zeros((0, 3))),
    special("append-empty", lambda x: np.append(x, x), np.zeros(0), np.zeros(0)),
    special("block-empty-array", lambda x: np.block([x, 1.0]), np.zeros(0), np.zeros(0)),
    special("insert-into-empty", lambda x, v: np.insert(x, 0, v), (np.zeros(0), 2.0), (np.zeros(0), 1.0)),
    special("meshgrid-empty", lambda x, y: np.meshgrid(x, y)[0], (np.zeros(0), np.ones(2)), (np.zeros(0), np.zeros(2))),
]
