"""Cases of ``hodiff/ops/elementwise.py``."""

import numpy as np

import hodiff.ops.elementwise as ops
from cases.table import array, case, special

_SMALL = array(4, seed=1) * 0.8
_POSITIVE = array(2, 3, seed=2, low=0.4, high=2.5)
_PAIR = (array(2, 3, seed=3, low=0.5, high=2.0), array(3, seed=4, low=-2.0, high=-0.4))

_UNARY = [
    *((u, array(2, 3, seed=5) * 2) for u in (np.negative, np.positive, np.square, np.sin, np.cos, np.tanh, np.arctan)),
    *((u, array(3, seed=6) * 2) for u in (np.exp, np.exp2, np.expm1, np.sinh, np.cosh, np.arcsinh)),
    *((u, _POSITIVE) for u in (np.log, np.log2, np.log10, np.log1p, np.sqrt, np.cbrt, np.reciprocal)),
    *((u, _POSITIVE) for u in (np.absolute, np.fabs, np.deg2rad, np.rad2deg, np.radians, np.degrees)),
    *((u, -_POSITIVE) for u in (np.absolute, np.fabs, np.cbrt, np.reciprocal)),
    *((u, _SMALL) for u in (np.tan, np.arcsin, np.arccos, np.arctanh)),
    (np.arccosh, _POSITIVE + 1.5),
]
_BINARY = (np.add, np.subtract, np.multiply, np.divide, np.logaddexp, np.logaddexp2, np.hypot, np.arctan2)


def _with_parts(x, y):
    z = (x + 1j * x * x)[:1] * np.ones_like(x) + 0 * y  # an array that can hold what is traced, of the two
    z.real *= y
    z.imag[0] = x[0, 0]
    np.real(z)[1] = y
    return np.real(z), np.imag(z)


CASES = [
    case("parts-assigned", _with_parts, *_PAIR, covers=(ops.complex_of, ops.real, ops.imaginary), batch=True),
    case("real-of-real-assigned", lambda x: (lambda y: y.real.__imul__(x) * y)(x * 1), array(3), covers=ops.real),
    *(case(f"{u.__name__}-{i}", u, x, covers=u, scale=0.2) for i, (u, x) in enumerate(_UNARY)),
    *(case(f"{u.__name__}-scalar-{i}", u, float(x.flat[0]), covers=u, scale=0.2) for i, (u, x) in enumerate(_UNARY)),
    *(case(f"{u.__name__}-broadcast", u, *_PAIR, covers=u, scale=0.3) for u in _BINARY),
    *(case(f"{u.__name__}-stretch", u, _PAIR[0][:, :1], _PAIR[1], covers=u, scale=0.3) for u in _BINARY),
    *(case(f"{u.__name__}-scalar-left", lambda y, u=u: u(0.7, y), _PAIR[1], covers=u, scale=0.3) for u in _BINARY),
    *(case(f"{u.__name__}-scalar-right", lambda x, u=u: u(x, 0.7), _PAIR[0], covers=u, scale=0.3) for u in _BINARY),
    case("power-both", np.power, _POSITIVE, _PAIR[1], covers=np.power, scale=0.2),
    *(
        case(f"power-{p}", lambda x, p=p: x**p, _POSITIVE, covers=np.power, scale=0.3)
        for p in (-1, 0, 1, 2, 3, 0.5, 2.5, np.array([0, 1, 2]), np.array([0.0, 1.0, 2.5]))
    ),
    case("power-negative-base", lambda x: x**3, -_POSITIVE, covers=np.power, scale=0.3),
    case("power-of-number", lambda y: 2.5**y, _PAIR[1], covers=np.power, scale=0.3),
    case("float-power", np.float_power, _POSITIVE, _PAIR[1], covers=np.float_power, scale=0.2, single=False),
    case("remainder", np.remainder, np.array([3.3, -2.1, 0.4]), 0.9, covers=np.remainder, scale=0.02),
    case("fmod", np.fmod, np.array([3.3, -2.1, 0.4]), 0.9, covers=np.fmod, scale=0.02),
    case("divmod", lambda x, y: divmod(x, y)[1], np.array([3.3, -2.1]), 0.9, covers=np.divmod, scale=0.02),
    case("divmod-function", lambda x: np.divmod(x, 0.9), np.array([3.3, -2.1]), covers=np.divmod, scale=0.02),
    case("modf", np.modf, np.array([3.3, -2.1]), covers=(np.modf, ops.fraction), scale=0.05),
    case("frexp", lambda x: np.frexp(x)[0], np.array([3.3, -2.1]), covers=(np.frexp, ops.binary_exponent), scale=0.05),
    case("ldexp", lambda x: np.ldexp(x, np.array([1, -2])), array(2), covers=np.ldexp),
    case(
        "copysign",
        lambda x: np.copysign(x, np.array([-1.0, 2.0])),
        np.array([0.5, -0.6]),
        covers=np.copysign,
        scale=0.2,
    ),
    case("sign", lambda x: np.sign(x) * x, array(3), covers=(np.sign, ops.real_sign), scale=0.02),
    case(
        "sign-complex",
        lambda x, y: np.real(np.sign(x + 1j * y) * (1 + 2j)),
        *_PAIR,
        covers=(np.sign, ops.complex_sign),
        scale=0.2,
    ),
    case(
        "conjugate-methods",
        lambda x: np.real((x + 1j).conj() * (x * x * 1j) + (x * 1j).conjugate()) + x.conj(),
        _POSITIVE,
        covers=np.conjugate,
    ),
    case("nextafter", lambda x: np.nextafter(x, 9.0) ** 2, array(3), covers=np.nextafter),
    case("arctan2-boolean", lambda y: np.arctan2(y, np.array([True, False, True])), array(3) + 2, covers=np.arctan2),
    case(
        "arctan2-boolean-first", lambda x: np.arctan2(np.array([True, False, True]), x), array(3) + 2, covers=np.arctan2
    ),
    case("real-of-real", np.real, array(3), covers=np.real),
    case("imag-of-real", np.imag, array(3), covers=np.imag),
    case("conjugate-of-real", np.conjugate, array(3), covers=np.conjugate),
    case(
        "complex-product",
        lambda x, y: np.abs((x + 1j * y) * np.exp(1j * x)),
        *_PAIR,
        covers=(np.absolute, np.exp),
        scale=0.2,
    ),
    case(
        "complex-parts",
        lambda x: np.real(np.sin(x + 2j)) * np.imag(np.log(x + 1j)),
        _POSITIVE,
        covers=(np.imag, ops.imaginary),
        scale=0.2,
    ),
    case("conjugate", lambda x: np.real(np.conjugate(x * (1 + 2j)) * (x * x * 1j)), _POSITIVE, covers=np.conjugate),
    *(
        case(f"infix-{i}", f, *_PAIR, covers=(), scale=0.2)
        for i, f in enumerate(
            (
                lambda x, y: x + y - x * y / (y - 3) + (-x) + (+y) + abs(y),
                lambda x, y: 1.5 - x + 2 * y - y / 3 + 3 / y + 2.0**y + x**2 + x**0.5 + x**y,
                lambda x, y: (x + 2) % 1.7 + 3.0 % (y - 4),
            )
        )
    ),
]

SPECIALS = [
    special("modf-special", lambda x: np.modf(x)[0], np.array([np.inf, -0.0, 1.5]), np.ones(3)),
    special("sign-complex-zero", lambda z: np.real(np.sign(z)), 0j, 0.0),
    special("sign-complex-infinite", lambda z: np.real(np.sign(z)), np.inf + 0j, 0.0),
    special("sign-complex-subnormal", lambda z: np.imag(np.sign(z)), 2.0**-1022 + 0j, -1j * 2.0**1022),
    special("hypot-infinite", np.hypot, (-np.inf, 1.0), (-1.0, 0.0)),
    special("arctan2-infinite", np.arctan2, (np.inf, 1.0), (0.0, 0.0)),
    special("abs-zero", np.abs, 0.0, 0.0),
    special("abs-complex-zero", np.abs, 0.0 + 0.0j, 0.0),
    special("abs-complex", np.abs, 3.0 + 4.0j, (3.0 - 4.0j) / 5.0),
    special("fabs-zero", np.fabs, 0.0, 0.0),
    special("hypot-zero", np.hypot, (0.0, 0.0), (0.0, 0.0)),
    special("hypot-large", np.hypot, (3e200, 4e200), (0.6, 0.8)),
    special("sqrt-zero", np.sqrt, np.array([0.0, 4.0]), np.array([np.inf, 0.25])),
    special("log-zero-unused", lambda x: np.sum(np.log(x[1:])), np.array([0.0, 2.0]), np.array([0.0, 0.5])),
    special("power-zero-exponent", lambda x: x**0, np.array([0.0, 2.0]), np.array([0.0, 0.0]), second=np.zeros((2, 2))),
    special("power-zero-float-exponent", lambda x: x**0.0, 0.0, 0.0, second=0.0),
    special("power-two-at-zero", lambda x: x**2.0, 0.0, 0.0, second=2.0),
    special(
        "power-array-exponent-at-zero", lambda x: x ** np.array([0.0, 1.0, 2.0]), np.zeros(3), np.array([0.0, 1.0, 0.0])
    ),
    special("zero-to-the-y", lambda y: np.power(0.0, y), 2.0, 0.0),
    special("power-base-zero-both", np.power, (0.0, 2.0), (0.0, 0.0)),
    special(
        "power-both-at-zero-exponent",
        np.power,
        (2.0, 0.0),
        (0.0, np.log(2.0)),
        second=np.array([[0.0, 0.5], [0.5, np.log(2.0) ** 2]]),
    ),
    special(
        "power-tiny-base-zero-exponent", lambda x: x ** np.array([0.0]), np.array([1e-200]), np.zeros(1), second=[[0.0]]
    ),
    special("arctan2-tiny", np.arctan2, (1e-200, 1e-200), (5e199, -5e199)),
    special("logaddexp-minus-infinities", np.logaddexp, (-np.inf, -np.inf), (0.5, 0.5)),
    special("logaddexp-infinities", np.logaddexp, (np.inf, np.inf), (0.5, 0.5)),
    special("logaddexp-one-infinity", np.logaddexp, (np.inf, 1.0), (1.0, 0.0)),
    special("logaddexp-far", np.logaddexp, (1000.0, 0.0), (1.0, 0.0)),
    special("logaddexp-equal", np.logaddexp, (3.0, 3.0), (0.5, 0.5), second=np.array([[0.25, -0.25], [-0.25, 0.25]])),
    special("tanh-far", np.tanh, np.array([20.0, 1000.0]), np.array([1.6993417021166355e-17, 0.0])),
    special("arcsinh-large", np.arcsinh, 1e200, 1e-200),
    special("log1p-small", np.log1p, 1e-20, 1.0),
    special("divide-by-python-zero", lambda x: x / 0.0, 1.0, np.inf),
    special("division-of-zeros-unused", lambda x: np.where(x == 0, 0.0, x / x), 0.0, 0.0),
    special("conjugate-complex", lambda z: np.real(np.conjugate(z) * (2 + 1j)), 1.0 + 1.0j, 2.0 - 1.0j),
    special("heaviside-at-zero", lambda y: np.heaviside(0.0, y), 0.3, 1.0),
]
