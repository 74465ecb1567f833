"""Cases of ``hodiff/ops/methods.py``."""

import pickle

import numpy as np

import hodiff as hd
from cases.table import array, case, refused, special
from hodiff.errors import ControlFlowError, ConversionError
from hodiff.ops.methods import REFUSED_ATTRIBUTES, REFUSED_METHODS

_V = array(4)
_X = array(2, 3)
_ONE = np.array([[0.4]])


def _method(name, function, *args, **options):
    return case(f"method-{name}", function, *args, covers=(), **options)


def _assigned(x, key, value):
    y = np.copy(x)
    y.flat[key] = value
    return y**2 * y.flat[0]


def _whole_assigned(x):
    y = np.copy(x)
    y.flat = x.ravel()[:2] ** 2
    return y * x


def _advanced(x):
    elements = x.flat
    first = next(elements)
    assert elements.index == 1
    assert elements.coords == (0, 1)
    assert len(elements) == x.size
    return np.stack([first**2, *elements])


CASES = [
    _method("item", lambda x: x.item() ** 2, _ONE, single=False),
    _method("item-flat", lambda x: x.item(4) * x.item(-1), _X, single=False),
    _method("item-indices", lambda x: x.item(1, 2) * x.item((0, -1)), _X, single=False),
    _method("tolist", lambda x: np.stack([a * b for a, b in x.tolist()]), array(3, 2), single=False),
    _method("tolist-deep", lambda x: x.tolist()[1][0][2] ** 2, array(2, 1, 3), single=False),
    _method("contains", lambda x: x * (2.0 if 0.0 in x * 0 else 1.0) * (3.0 if 9 in x else 1.0), _V, batch=False),
    _method("flat-element", lambda x: x.flat[4] ** 2 * x.flat[-1], _X),
    _method("flat-slice", lambda x: x.flat[1:5:2] ** 2, _X),
    _method("flat-all", lambda x: x.T.flat[...] ** 2 * np.arange(6, dtype=np.float32), _X),
    _method("flat-array", lambda x: x.flat[[0, 3, 3]] ** 2, _X),
    _method("flat-mask", lambda x: x.flat[np.arange(6) > 2] ** 2, _X),
    _method("flat-copy", lambda x: x.flat.copy() ** 2, _X),
    _method("flat-iteration", lambda x: sum(e**2 * i for i, e in enumerate(x.flat)), _X, single=False),
    _method("flat-next", _advanced, _X),
    _method("flat-set-element", lambda x: _assigned(x, 3, x[0, 1] ** 2), _X),
    _method("flat-set-slice", lambda x: _assigned(x, slice(1, 4), x[0] ** 2), _X),
    _method("flat-set-value", lambda x: _assigned(x.T, slice(None, None, 2), 0.5), _X),
    _method("flat-set-shorter", lambda x: _assigned(x, slice(None), x[0, :2] ** 2), _X),
    _method("flat-set-longer", lambda x: _assigned(x, slice(2), x[0] ** 2), _X),
    _method("flat-set-nothing", lambda x: _assigned(x, slice(None), []), _X),
    _method("flat-set-array", lambda x: _assigned(x, [0, 5], [2.0, 3.0]), _X),
    _method("flat-set-whole", _whole_assigned, _X),
    _method("cumprod", lambda x: x.cumprod() * x.cumprod(axis=0), _V),
    _method("shifts", lambda x: x * hd.vmap(lambda n: (n << 1) + (8 >> n) + (1 << n) + (n >> 1))(np.arange(4)), _V),
    _method("device", lambda x: x.to_device("cpu") ** 2 if x.device == "cpu" else None, _V),
    _method("view", lambda x: x.view() ** 2 * x.view(x.dtype) * x.view(type=np.ndarray) * x.view(np.ndarray), _V),
    _method("dot", lambda x: x.dot(x.T) * x.T.dot(x)[0, 0], _X),
    _method("diagonal", lambda x: x.diagonal(1) ** 2 * x.trace(), _X),
    _method("nonzero", lambda x: x[x.nonzero()] ** 2, _V, batch=False),
    _method("round", lambda x: x.round(1) * x, _X + 0.01, scale=0.02),
    _method("conjugate", lambda x: np.real((x + 1j * x**2).conj() * (1 + 2j)) * (x * 1j).conjugate().imag, _X),
    _method("reductions", lambda x: x.prod(0) * x.sum(axis=1)[:1] * x.cumsum(1)[0] + x.var() + x.std(), _X),
    _method("take-repeat", lambda x: x.take([1, -1], axis=1) * x.repeat(2, 1).compress([1, 0, 1], axis=1), _X),
    refused("item-size", ValueError, lambda x: x.item(), _V),
    refused("item-count", ValueError, lambda x: x.item(0, 0, 0), _X),
    refused("item-index", IndexError, lambda x: x.item(6), _X),
    refused("contains-batch", ControlFlowError, lambda x: hd.vmap(lambda t: 0.0 in t * x[0])(np.eye(2)), _V),
    refused("flat-array", ConversionError, lambda x: np.sum(x.flat), _V),
    refused("flat-new-axis", IndexError, lambda x: x.flat[None], _V),
    refused("flat-set-complex", TypeError, lambda x: _assigned(x, 0, 1j), _V),
    refused("flat-set-single", ValueError, lambda x: _assigned(x, 0, [1.0, 2.0]), _V),
    refused("device-other", ValueError, lambda x: x.to_device("gpu"), _V),
    refused("device-stream", ValueError, lambda x: x.to_device("cpu", stream=1), _V),
    refused("view-integers", ConversionError, lambda x: x.view(np.int64), _V),
    refused("view-matrix", ConversionError, lambda x: x.view(np.matrix), _X),
    refused("view-masked", ConversionError, lambda x: x.view(type=np.ma.MaskedArray), _X),
    refused("from-dlpack", ConversionError, np.from_dlpack, _V),
    refused("pickle", ConversionError, pickle.dumps, _V),
    *(refused(f"method-{name}", ConversionError, lambda x, n=name: getattr(x, n)(), _V) for name in REFUSED_METHODS),
    *(
        refused(f"attribute-{name}", ConversionError, lambda x, n=name: getattr(x, n), _V)
        for name in REFUSED_ATTRIBUTES
    ),
]

SPECIALS = [
    special("flat-empty", lambda x: np.sum(x.flat[:]) + sum(x.flat), np.zeros((0, 2)), np.zeros((0, 2))),
    special("tolist-empty", lambda x: np.sum(x) + len(x.tolist()), np.zeros((0, 2)), np.zeros((0, 2))),
    special("item-scalar", lambda x: np.copy(x).item() * 2.0, 3.0, 2.0),
]
