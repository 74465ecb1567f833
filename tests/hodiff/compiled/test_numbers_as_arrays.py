"""Python's numbers where NumPy makes arrays of them: they get a precision there, and only there, compiled too."""

import operator
import warnings

import numpy as np
import pytest

import hodiff as hd

X = np.ones(3, np.float32)

#: Of a number.
FUNCTIONS = {
    "clip": lambda a: np.clip(a, X, None),
    "clip below": lambda a: np.clip(a, None, X),
    "clip by": lambda a: np.clip(X, a, None),
    "take": lambda a: np.take(a, 0) + X,
    "sum": lambda a: np.sum(a) * X,
    "reshape": lambda a: np.reshape(a, (1,)) * X,
    "mean": lambda a: np.mean(a) * X,
    "dot": lambda a: np.dot(a, X),
    "outer": lambda a: np.outer(a, X),
    "where": lambda a: np.where(X > 0, a, X),
    "full": lambda a: np.full(3, a) * X,
    "stack": lambda a: np.stack([a, a])[:, None] * X,
    "repeat": lambda a: np.repeat(a, 3) * X,
    "max": lambda a: np.max(a) * X,
    "round": lambda a: np.round(a) * X,
    "cumsum": lambda a: np.cumsum(a) * X,
    "broadcast_to": lambda a: np.broadcast_to(a, (3,)) * X,
    "nan_to_num": lambda a: np.nan_to_num(a) * X,
    "real": lambda a: np.real(a) * X,
    "linspace": lambda a: np.linspace(a, 1, 3) * X,
    "interp": lambda a: np.interp(a, X, X) * X,
    "inner": lambda a: np.inner(a, X),
    "tensordot": lambda a: np.tensordot(a, X, 0),
    "kron": lambda a: np.kron(a, X),
    "einsum": lambda a: np.einsum(",i->i", a, X),
    "append": lambda a: np.append(a, X),
    "maximum": lambda a: np.maximum(a, X),
    "vdot": lambda a: np.vdot(a, X[0]),
    "prod": lambda a: np.prod(a) * X,
    "ptp": lambda a: np.ptp(a) * X,
    "diff": lambda a: np.diff(np.stack([a, a])) * X,
    "atleast_1d": lambda a: np.atleast_1d(a) * X,
    "squeeze": lambda a: np.squeeze(a) * X,
    "transpose": lambda a: np.transpose(a) * X,
    "sort": lambda a: np.sort(np.atleast_1d(a)) * X,
    "std": lambda a: np.std(a) * X,
    "quantile": lambda a: np.quantile(X, abs(a) / 10),
    "geomspace": lambda a: np.geomspace(1, a, 3) * X,
    "polyval": lambda a: np.polyval(X, a),
    "polyval of it": lambda a: np.polyval(np.stack([a, a]), X),
    "pad": lambda a: np.pad(X, 1, constant_values=a),
    "insert": lambda a: np.insert(X, 0, a),
    "hstack": lambda a: np.hstack([a, X]),
    "trapezoid": lambda a: np.trapezoid(X, dx=a),
    "convolve": lambda a: np.convolve(a, X),
    "ravel": lambda a: np.ravel(a) * X,
    "angle": lambda a: np.angle(a) * X,
    "sinc": lambda a: np.sinc(a) * X,
    "fix": lambda a: np.fix(a) * X,
    "heaviside": lambda a: np.heaviside(X, a),
    "copysign": lambda a: np.copysign(X, a),
    "hypot": lambda a: np.hypot(a, X),
    "select": lambda a: np.select([X > 0], [a], X),
    "select of it": lambda a: np.select([X > 0, a > 1], [X, a], a),
    "choose": lambda a: np.choose(np.array([0, 0, 1]), [a, X]),
    "norm": lambda a: np.linalg.norm(a) * X,
    "float": lambda a: np.float64(a) * X,
    "abs": lambda a: np.abs(a) * X,
    "where not": lambda a: np.where(X > 0, X, a),
    "ediff1d": lambda a: np.ediff1d(X, to_end=a),
    "piecewise": lambda a: np.piecewise(X, [X > 0], [a, 0]),
    "flip": lambda a: np.flip(a) * X,
    "expand_dims": lambda a: np.expand_dims(a, 0) * X,
    "tile": lambda a: np.tile(a, 3) * X,
    "roll": lambda a: np.roll(a, 1) * X,
    "block": lambda a: np.block([a, X]),
    "vstack": lambda a: np.vstack([a, a]) * X,
    "nansum": lambda a: np.nansum(a) * X,
    "median": lambda a: np.median(a) * X,
    "fmin": lambda a: np.fmin(a, X),
    "power": lambda a: np.power(a, X),
    "power of it": lambda a: X**a,
    "average": lambda a: np.average(a) * X,
    "broadcast_arrays": lambda a: np.broadcast_arrays(a, X)[0] * X,
    "copy": lambda a: np.copy(a) * X,
    "ones_like": lambda a: np.ones_like(a) * X,
    "full_like": lambda a: np.full_like(X, a),
    "count_nonzero": lambda a: np.count_nonzero(a) * X,
    "arange": lambda a: np.arange(a) * 1,
    "unwrap": lambda a: np.unwrap(X, discont=a),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("number", [2, 2.5, True, 1j])
def test_a_number_adapts_where_it_does_in_numpy(name, number, backend):
    function = FUNCTIONS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of complex numbers that become real ones
        try:
            plain = function(number)
        except (TypeError, ValueError) as error:
            with pytest.raises(type(error)):
                hd.jit(function)(number)
            return
        compiled = hd.jit(function)
        for _ in range(2):
            found = compiled(number)
            assert type(found) is type(plain)
            assert np.asarray(found).dtype == np.asarray(plain).dtype
            np.testing.assert_allclose(found, plain, rtol=1e-6)


@pytest.mark.parametrize("function", [np.add, np.subtract, np.multiply, np.divide, np.power])
@pytest.mark.parametrize("pair", [(1 + 1j, np.float64(2.0)), (np.float64(2.0), 1 + 1j), (1j, np.complex128(2.0))])
def test_a_ufunc_of_scalars_gives_a_number_of_numpys_where_the_operator_gives_one_of_pythons(function, pair, backend):
    operators = {np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul}
    operators |= {np.divide: operator.truediv, np.power: operator.pow}
    for called in (function, lambda x, y: operators[function](x, y)):
        for with_first in (called, lambda y, called=called: called(pair[0], y)):
            arguments = pair if with_first is called else pair[1:]
            compiled, plain = hd.jit(with_first), with_first(*arguments)
            for _ in range(2):
                found = compiled(*arguments)
                assert type(found) is type(plain)
                assert abs(found - plain) <= 1e-15 * abs(plain)
