"""Zeros that win: an interpretation of linear operations in which 0·∞ and 0·NaN are 0.

In reverse mode an exactly zero cotangent annihilates any coefficient, so that ``np.where(x > 0, np.log(x), 0.0)`` has
the gradient 0 at 0; forward mode, where the same product has its factors the other way round, must give the same.
Paying for that at every product would be a waste, so modes run plainly, and only where a NaN turns up run again with
their cotangents (or tangents) wrapped in an `AnnihilateTracer`. May import ``casting``, ``code``, ``core``,
``kinds``, ``lowering`` and ``errors``.

>>> with AnnihilateTrace() as trace:
...     product = trace.wrap(np.array([0.0, 1.0])) * np.array([np.inf, 2.0])
>>> product.value
array([0., 2.])
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hodiff.casting import convert
from hodiff.code import Code, is_unheard
from hodiff.core import Primitive, Sign, Trace, Tracer, bind
from hodiff.errors import NotLinearError, NotStagedError
from hodiff.kinds import constant, multilinear
from hodiff.lowering import Composed, Reduced


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

    def assume(self, other: Any) -> None:
        """Stand for another value."""
        self.value = other.value

    def truth(self) -> Any:
        """The value itself."""
        return self.value


class AnnihilateTrace(Trace):
    """One run of a linear map with annihilating zeros."""

    __slots__ = ()
    transformation = "a derivative computation"

    def constant(self, value: Any) -> AnnihilateTracer:
        """The value, wrapped."""
        return AnnihilateTracer(self, value)

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
        if primitive.within is not None:
            answers, flags = primitive.within(values, [i in slots for i in range(len(values))], parameters)
            return tuple(AnnihilateTracer(self, a) if flag else a for a, flag in zip(answers, flags, strict=True))
        if len(slots) == 1 and primitive.partials is not None:
            answer = self._scale(primitive, slots[0], values)
        elif primitive.transposes is not None and not primitive.jointly and primitive.jvps is None:
            answer = bind(annihilating(primitive), *values, **parameters)
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
        product = bind(annihilating(PRODUCT), values[slot], coefficient)
        if product.dtype.kind == "c":
            # Of a function with real values, such as the imaginary part, the differential is the real part of c·dz.
            return convert(product, elementwise_dtype(primitive, [getattr(v, "dtype", v) for v in values]))
        return product


def filled(values: Sequence[Any], zeros: Sequence[Any]) -> list[Any]:
    """Cotangents or tangents with zeros in the place of None; they annihilate where any of the others do."""
    trace = next((v.owner for v in values if isinstance(v, AnnihilateTracer)), None)
    return [
        value if value is not None else zero if trace is None else trace.wrap(zero)
        for value, zero in zip(values, zeros, strict=True)
    ]


def contains_nan(*values: Any) -> bool:
    """Whether a NaN is among the components of the values, derivatives of lower levels included; None is skipped."""
    for value in values:
        if value.__class__ is np.ndarray:
            if _nan_in(value):
                return True
        elif isinstance(value, Tracer):
            if value.decide(some_nan):
                return True
        elif value is not None and np.any(value != value):
            return True
    return False


def _nan_in(value: Any) -> Any:
    """Whether a plain value has a NaN: a dot product sees it without a temporary; overflow asks for a closer look."""
    if value.__class__ is not np.ndarray:
        return value != value
    total = np.vdot(value, value)
    return total != total and np.isnan(value).any()


def _write_some_nan(writer: Any, equation: Any) -> None:
    (value,), (answer,) = equation.operands, equation.answers
    if value.form != "array":
        writer.assign(answer, writer.call(equation))
        return
    x, dot = writer.operand(value), writer.fresh("dot")
    # The method is faster, and warns of an overflow.
    method = len(value.shape) == 1 and is_unheard(equation)
    writer.line(f"{dot} = {x}.dot({x})" if method else writer.filled(f"{dot} = np.vdot({x}, {x})", [], {}))
    writer.assign(answer, writer.filled(f"{dot} != {dot} and np.isnan({x}).any()", [], {}))


#: Questions that decide how a derivative is computed, for traces that record what was decided (see `Tracer.decide`).
some_nan = constant(
    _nan_in,
    name="some_nan",
    hazard="warning",
    code=Code(
        write=_write_some_nan, shares=False, nest=Reduced("or", lambda e: range(len(e.operands[0].shape)), test="isnan")
    ),
)
some_nonzero = constant(
    lambda x: np.any(x),
    name="some_nonzero",
    code=Code(shares=False, nest=Reduced("or", lambda e: range(len(e.operands[0].shape)), test="nonzero")),
)


def elementwise_dtype(primitive: Primitive, kinds: list[Any]) -> "np.dtype[Any]":
    """Dtype of the answer of an elementwise primitive on operands of these dtypes, or Python numbers."""
    ones = [np.ones((), kind) if isinstance(kind, np.dtype) else kind for kind in kinds]
    with np.errstate(all="ignore"):
        return primitive.function(*ones).dtype


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
        # A sign alone does not make a function linear: that of `remainder` is 1 too.
        if not all(isinstance(other, Sign) for other in primitive.partials):
            raise _not_linear(primitive)
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


def annihilating(primitive: Primitive) -> Primitive:
    """Variant of a multilinear primitive in which the zeros of each operand win over NaN and inf of the others.

    The derivatives of the variant are such variants again, so this holds at every order.
    """
    if primitive.annihilating is not None:
        return primitive.annihilating

    def function(*operands: Any, **parameters: Any) -> Any:
        with np.errstate(all="ignore"):
            return _product(primitive, operands, parameters)

    def transpose(slot: int, ct: Any, operands: Any, **parameters: Any) -> Any:
        with AnnihilateTrace() as trace:
            return trace.unwrap(primitive.transpose(slot, trace.wrap(ct), operands, parameters))

    variant = multilinear(
        function,
        transpose,
        name=f"annihilating_{primitive.name}",
        variadic=True,
        batch=primitive.batch,
        shape=primitive.shape,
    )
    if primitive.function is np.multiply:
        variant.code = Code(shares=False, nest=Composed(_real_product))
    variant.leading = primitive.leading
    variant.annihilating = variant
    primitive.annihilating = variant
    return variant


def _product(primitive: Primitive, operands: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
    """Multilinear product by finite parts, to which NaN and inf are added where they meet no zero."""
    # Python's numbers take the precision of the arrays that they meet.
    dtype = np.result_type(*operands)
    arrays = [np.asarray(v) if hasattr(v, "dtype") else np.asarray(v, dtype) for v in operands]
    finite = [np.where(np.isfinite(v), v, v.dtype.type(0)) for v in arrays]
    result = primitive.function(*finite, **parameters)
    if all(np.isfinite(v).all() for v in arrays):
        return result
    part = _infinite_part(primitive, arrays, parameters)
    return result + part.astype(result.real.dtype if result.dtype.kind in "fc" else part.dtype)


def _real_product(x: Any, y: Any) -> Any:
    """The same of real numbers, element by element; without a zero times infinity, of which one could hear."""
    if np.result_type(x.dtype, y.dtype).kind != "f":
        raise NotStagedError("zeros of complex numbers are left to NumPy")
    finite = np.isfinite(x), np.isfinite(y)
    void = (np.equal(x, 0) | np.equal(y, 0)) & np.logical_not(finite[0] & finite[1])
    product = np.where(void, 0, x) * np.where(void, 0, y)
    # To numbers with infinite ones among them, zeros are added, which takes the sign of zeros.
    return product + np.where(np.all(finite[0]) & np.all(finite[1]), -0.0, 0.0).astype(product.dtype)


def _infinite_part(primitive: Primitive, operands: list[Any], parameters: dict[str, Any]) -> Any:
    """NaN, inf or 0 for each element of the answer, from the signs of the operands and their infinite elements."""

    def meets(masks: Any) -> Any:
        """Where in the answer elements marked in all operands meet."""
        return primitive.function(*(mask.astype(float) for mask in masks), **parameters) > 0

    nonzero = [v != 0 for v in operands]
    if len(operands) != 2 or any(np.iscomplexobj(v) for v in operands):
        lost = [meets([*nonzero[:i], ~np.isfinite(v), *nonzero[i + 1 :]]) for i, v in enumerate(operands)]
        return np.where(np.logical_or.reduce(lost), np.nan, 0.0)
    x, y = operands
    inf = np.inf
    plus = meets([x == inf, y > 0]) | meets([x == -inf, y < 0]) | meets([x > 0, y == inf]) | meets([x < 0, y == -inf])
    minus = meets([x == inf, y < 0]) | meets([x == -inf, y > 0]) | meets([x < 0, y == inf]) | meets([x > 0, y == -inf])
    lost = meets([np.isnan(x), nonzero[1]]) | meets([nonzero[0], np.isnan(y)]) | (plus & minus)
    return np.where(lost, np.nan, np.where(plus, inf, np.where(minus, -inf, 0.0)))


def _not_linear(primitive: Primitive) -> NotLinearError:
    return NotLinearError(
        f"{primitive.name} is not linear in an operand where a derivative rule (or hodiff.linear_transpose) needs it "
        f"to be; a jvp or transpose must be linear in its tangent or cotangent"
    )


#: Multiplication as a multilinear operation, to scale a tangent or cotangent by a coefficient.
PRODUCT = multilinear(np.multiply, lambda ct, x, y: ct * y, lambda ct, x, y: ct * x, name="product", core=0)
