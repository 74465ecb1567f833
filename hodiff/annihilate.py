"""Zeros that win: an interpretation of linear operations in which 0·∞ and 0·NaN are 0.

In reverse mode an exactly zero cotangent annihilates any coefficient, so that ``np.where(x > 0, np.log(x), 0.0)``
has the gradient 0 at 0. Paying for that at every product would be a waste, so modes run plainly, and only where a NaN
turns up run again with their cotangents (or tangents) wrapped by `annihilating`. May import ``core``, ``kinds`` and
``errors``.

>>> with AnnihilateTrace() as trace:
...     product = trace.wrap(np.array([0.0, 1.0])) * np.array([np.inf, 2.0])
>>> product.value
array([0., 2.])
"""

from typing import Any

import numpy as np

from hodiff.core import Primitive, Sign, Trace, Tracer, bind
from hodiff.errors import NotLinearError
from hodiff.kinds import multilinear


class AnnihilateTracer(Tracer):
    """A cotangent or tangent whose zeros annihilate."""

    __slots__ = ("value",)
    owner: "AnnihilateTrace"

    def __init__(self, trace: "AnnihilateTrace", value: Any) -> None:
        self.owner = trace
        self.value = value

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self.value.shape

    @property
    def dtype(self) -> "np.dtype[Any]":
        """NumPy dtype."""
        return self.value.dtype

    def components(self) -> tuple[Any, ...]:
        """The value itself."""
        return (self.value,)

    def truth(self) -> Any:
        """The value itself."""
        return self.value


class AnnihilateTrace(Trace):
    """One run of a linear map with annihilating zeros."""

    __slots__ = ()
    transformation = "a derivative computation"

    def wrap(self, value: Any) -> Any:
        """Make the zeros of ``value`` annihilate; None stays None."""
        return None if value is None else AnnihilateTracer(self, value)

    def unwrap(self, value: Any) -> Any:
        """Undo `wrap`."""
        return value.value if isinstance(value, AnnihilateTracer) and value.owner is self else value

    def process(self, primitive: Primitive, operands: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
        """Apply an operation that is linear in its wrapped operands."""
        if self.closed:
            raise self.leaked()
        slots = [i for i, v in enumerate(operands) if isinstance(v, AnnihilateTracer) and v.owner is self]
        values = [self.unwrap(v) for v in operands]
        if primitive.constant:
            return bind(primitive, *values, **parameters)
        if len(slots) == 1 and primitive.partials is not None:
            answer = self._scale(primitive, slots[0], values)
        elif len(slots) == 1 and not primitive.jointly and primitive.linear_in(slots[0]) and primitive.jvps is None:
            answer = bind(annihilating(primitive, slots[0]), *values, **parameters)
        else:
            answer = bind(primitive, *values, **parameters)
        if isinstance(answer, tuple):
            return tuple(AnnihilateTracer(self, part) for part in answer)
        return AnnihilateTracer(self, answer)

    def _scale(self, primitive: Primitive, slot: int, values: list[Any]) -> Any:
        assert primitive.partials is not None
        coefficient = linear_coefficient(primitive, slot, values)
        if isinstance(coefficient, Sign):
            return bind(primitive, *values)
        return bind(annihilating(PRODUCT, 0), values[slot], coefficient)


def linear_coefficient(primitive: Primitive, slot: int, operands: Any) -> Any:
    """Coefficient of an elementwise primitive in an operand in which it is linear: its partial must not depend on it.

    ``operands`` may hold anything in the place of the operand.

    Raises
    ------
    NotLinearError
        When the partial needs the operand or the answer.
    """
    assert primitive.partials is not None
    rule = primitive.rule(primitive.partials, slot)
    if isinstance(rule, Sign):
        return rule
    others = list(operands)
    others[slot] = None
    try:
        coefficient = rule(None, *others)
    except (TypeError, AttributeError) as error:
        raise _not_linear(primitive) from error
    if coefficient is None:
        raise _not_linear(primitive)
    return coefficient


def annihilating(primitive: Primitive, slot: int) -> Primitive:
    """Variant of a multilinear primitive in which zeros of operand ``slot`` win over NaN and inf of the others.

    The derivatives of the variant are such variants again, so this holds at every order.
    """
    variant = primitive.annihilating.get(slot)
    if variant is not None:
        return variant

    def function(*operands: Any, **parameters: Any) -> Any:
        with np.errstate(all="ignore"):
            return _product(primitive, slot, operands, parameters)

    def transpose(at: int, ct: Any, operands: Any, **parameters: Any) -> Any:
        with AnnihilateTrace() as trace:
            values = list(operands)
            if at == slot:
                return trace.unwrap(primitive.transpose(at, trace.wrap(ct), values, parameters))
            values[slot] = trace.wrap(values[slot])
            return trace.unwrap(primitive.transpose(at, ct, values, parameters))

    variant = multilinear(function, name=f"annihilating_{primitive.name}", batch=primitive.batch, shape=primitive.shape)
    variant.transposes = transpose
    variant.leading = primitive.leading
    primitive.annihilating[slot] = variant
    return variant


def _product(primitive: Primitive, slot: int, operands: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
    """Multilinear product by finite parts, to which NaN and inf are added where a nonzero element meets them."""
    others = [i for i in range(len(operands)) if i != slot]
    finite = list(operands)
    for i in others:
        finite[i] = np.where(np.isfinite(operands[i]), operands[i], 0)
    result = primitive.function(*finite, **parameters)
    if all(np.isfinite(operands[i]).all() for i in others):
        return result
    marks = list(operands)
    marks[slot] = np.sign(operands[slot])
    for i in others:
        marks[i] = np.where(np.isfinite(operands[i]), np.sign(operands[i]), operands[i])
    return result + _infinite_part(primitive, slot, others, marks, parameters)


def _infinite_part(
    primitive: Primitive, slot: int, others: list[int], marks: list[Any], parameters: dict[str, Any]
) -> Any:
    """NaN, inf or 0 for each element of the answer, from operands of which only sign and finiteness matter."""

    def hits(masks: dict[int, Any]) -> Any:
        return primitive.function(*(masks[i].astype(float) for i in range(len(marks))), **parameters) > 0

    nonzero = {i: np.asarray(v) != 0 for i, v in enumerate(marks)}
    touched = np.zeros((), dtype=bool)
    for i in others:
        touched = touched | hits({**nonzero, i: ~np.isfinite(marks[i])})
    if len(others) > 1 or any(np.iscomplexobj(v) for v in marks):
        return np.where(touched, np.nan, 0.0)
    other = others[0]
    first, second = np.asarray(marks[slot]), np.asarray(marks[other])
    plus = hits({slot: first > 0, other: second == np.inf}) | hits({slot: first < 0, other: second == -np.inf})
    minus = hits({slot: first > 0, other: second == -np.inf}) | hits({slot: first < 0, other: second == np.inf})
    sure = np.where(plus, np.inf, 0.0) + np.where(minus, -np.inf, 0.0)
    lost = hits({**nonzero, other: np.isnan(second)}) | hits({slot: np.isnan(first), other: ~np.isfinite(second)})
    return np.where(lost, np.nan, sure)


def _not_linear(primitive: Primitive) -> NotLinearError:
    return NotLinearError(
        f"{primitive.name} is not linear in an operand where a derivative rule (or hodiff.linear_transpose) needs it "
        f"to be; a jvp or transpose must be linear in its tangent or cotangent"
    )


#: Multiplication as a multilinear operation, to scale a tangent or cotangent by a coefficient.
PRODUCT = multilinear(np.multiply, lambda ct, x, y: ct * y, lambda ct, x, y: ct * x, name="product", core=0)
