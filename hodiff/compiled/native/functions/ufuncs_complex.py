"""Ufuncs of complex numbers, which are pairs of values. May import ``ir``, ``lowering`` and ``vecmath``.

Quotients are those of Smith (1962), as NumPy has them. What may overflow within, as exponentials, is left to NumPy.

>>> complex_lowering(np.multiply).exact
False
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from hodiff.compiled.native.functions.lowering import Lowering
from hodiff.compiled.native.functions.vecmath import Lanes
from hodiff.compiled.native.ir import DOUBLE, Body, Value


class Complex(NamedTuple):
    """Complex numbers in the lanes of two vectors."""

    real: Lanes
    imaginary: Lanes


def complex_lowering(function: np.ufunc) -> Lowering | None:
    """How a ufunc of complex numbers is computed, all of one precision; its operands and answers are pairs of values.

    That of a comparison or an absolute value is one value.
    """
    entry = _FORMULAS.get(function)
    if entry is None:
        return None
    formula, exact, cost = entry
    return Lowering(partial(_write, formula), exact, cost)


def _write(
    formula: Callable[..., Complex | Lanes], body: Body, operands: Sequence[tuple[Value, Value]]
) -> tuple[Value, Value] | Value:
    answer = formula(*[Complex(Lanes(body, real), Lanes(body, imaginary)) for real, imaginary in operands])
    return answer.value if isinstance(answer, Lanes) else (answer.real.value, answer.imaginary.value)


def _multiply(x: Complex, y: Complex) -> Complex:
    return Complex(
        x.real * y.real - x.imaginary * y.imaginary,
        x.real * y.imaginary + x.imaginary * y.real,
    )


def _is_upright(x: Complex) -> Lanes:
    """Bits: where the imaginary part is greater; NumPy hears that this is asked of NaN."""
    return x.imaginary.absolute().compared_aloud("ogt", x.real.absolute())


def _divide(x: Complex, y: Complex) -> Complex:
    # With the part of the divisor that is greater in absolute value first. Zero is divided by, and so raises.
    upright = _is_upright(y)
    first, second = upright.choose(y.imaginary, y.real), upright.choose(y.real, y.imaginary)
    a, b = upright.choose(x.imaginary, x.real), upright.choose(x.real, x.imaginary)
    zero = first.equals(0.0)
    ratio = second / zero.choose(2.0, first)
    scale = 1.0 / (zero.choose(first.absolute(), first) + second * ratio)
    turned_a, turned_b = zero.choose(0.0, a * ratio), zero.choose(0.0, b * ratio)
    imaginary = upright.choose(turned_a, b) - upright.choose(b, turned_a)
    return Complex((a + turned_b) * scale, imaginary * scale)


def _reciprocal(x: Complex) -> Complex:
    upright = _is_upright(x)
    first, second = upright.choose(x.imaginary, x.real), upright.choose(x.real, x.imaginary)
    ratio = second / first
    divisor = first + second * ratio
    one = ratio.constant(1.0)
    return Complex(upright.choose(ratio, one) / divisor, upright.choose(-one, -ratio) / divisor)


def _absolute(x: Complex) -> Lanes:
    text, kind = x.real.text, x.real.value.type
    if kind.scalar == "double":
        return x.real.applied("hypot", x.imaginary)
    real, imaginary = (Lanes(text, text.convert("fpext", part.value, DOUBLE)) for part in x)
    return Lanes(text, text.convert("fptrunc", real.applied("hypot", imaginary).value, kind))


def _is_finite(x: Complex) -> Lanes:
    return x.real.absolute().compared("one", math.inf) & x.imaginary.absolute().compared("one", math.inf)


_FORMULAS: dict[np.ufunc, tuple[Callable[..., Complex | Lanes], bool, float]] = {
    np.add: (lambda x, y: Complex(x.real + y.real, x.imaginary + y.imaginary), True, 2),
    np.subtract: (lambda x, y: Complex(x.real - y.real, x.imaginary - y.imaginary), True, 2),
    np.multiply: (_multiply, False, 6),
    np.divide: (_divide, False, 40),
    np.square: (lambda x: _multiply(x, x), False, 6),
    np.reciprocal: (_reciprocal, False, 40),
    np.negative: (lambda x: Complex(-x.real, -x.imaginary), True, 2),
    np.positive: (lambda x: x, True, 0),
    np.conjugate: (lambda x: Complex(x.real, -x.imaginary), True, 1),
    np.absolute: (_absolute, False, 24),
    np.equal: (lambda x, y: x.real.equals(y.real) & x.imaginary.equals(y.imaginary), True, 2),
    np.not_equal: (lambda x, y: ~(x.real.equals(y.real) & x.imaginary.equals(y.imaginary)), True, 2),
    np.isnan: (lambda x: x.real.is_nan | x.imaginary.is_nan, True, 2),
    np.isfinite: (_is_finite, True, 2),
    np.isinf: (
        lambda x: x.real.absolute().equals(math.inf) | x.imaginary.absolute().equals(math.inf),
        True,
        2,
    ),
}
