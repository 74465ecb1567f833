"""Python's own numbers among staged values: operators between them are operations apart.

Between two such numbers Python computes, exactly or with errors of its own, and the result takes the precision of the
arrays that it meets. Importing this module gives `StageTracer` the operators. May import ``core``, ``operators``,
``ops`` and ``staging``.

>>> from hodiff.staging import stage
>>> (y,), program = stage(lambda n: [(1 + n) // 2], [4], name="f")
>>> y, [equation.primitive.name for equation in program.equations]
(2, ['number +', 'number //'])
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

import hodiff.ops  # noqa: F401 - installs the operators that those of numbers fall back on
from hodiff.core import Tracer
from hodiff.operators import SYMBOLS
from hodiff.staging import NUMBERS, StageTrace, StageTracer, is_number, of_python, python_number

_COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")


def _as_number(value: Any) -> Any:
    """Traced scalars, and those in lists of lists, as Python's numbers."""
    if isinstance(value, list):
        return [_as_number(part) for part in value]
    return value.owner.number(python_number, value) if value.__class__ is StageTracer else value


def _install_item(name: str) -> None:
    general = getattr(Tracer, name)

    def method(self: StageTracer, *args: Any) -> Any:
        return _as_number(general(self, *args))

    setattr(StageTracer, name, method)


_install_item("item")
_install_item("tolist")


def _innermost(x: StageTracer, y: Any) -> StageTrace:
    """The trace that an operation of two numbers, of which one is traced, belongs to."""
    if y.__class__ is StageTracer and y.owner.level > x.owner.level:
        return y.owner
    return x.owner


def _install_binary(name: str, symbol: str) -> None:
    function = getattr(operator, f"{name}_" if name in ("and", "or") else name)

    def traced(x: Any, y: Any) -> Any:
        """The operation in a program, where a comparison stays a traced value."""
        both = name in _COMPARISONS and is_number(x) and is_number(y)
        if both and (isinstance(x, Tracer) or isinstance(y, Tracer)):
            owner = _innermost(x, y) if isinstance(x, StageTracer) else y.owner
            return owner.number(primitive, x, y)
        return function(x, y)

    primitive = of_python(f"number {symbol}", traced)
    primitive.symbol = symbol
    general = getattr(Tracer, f"__{name}__")

    def forward(self: StageTracer, other: Any) -> Any:
        if self.value.__class__ in NUMBERS and is_number(other):
            owner = _innermost(self, other)
            answer = owner.number(primitive, self, other)
            # Python's own True and False are told by identity: ``match x > 0``, ``(x > 0) is True``.
            return bool(answer) if name in _COMPARISONS and not owner.inner else answer
        return general(self, other)

    setattr(StageTracer, f"__{name}__", forward)
    if name in _COMPARISONS:
        return
    general_reflected = getattr(Tracer, f"__r{name}__")

    def backward(self: StageTracer, other: Any) -> Any:
        if self.value.__class__ in NUMBERS and is_number(other):
            return _innermost(self, other).number(primitive, other, self)
        return general_reflected(self, other)

    def in_place(self: StageTracer, other: Any) -> Any:
        if self.value.__class__ in NUMBERS and is_number(other):
            return _innermost(self, other).number(primitive, self, other)
        return general_in_place(self, other)

    setattr(StageTracer, f"__r{name}__", backward)
    general_in_place: Any = getattr(Tracer, f"__i{name}__", None)
    if general_in_place is not None:
        setattr(StageTracer, f"__i{name}__", in_place)


def _install_unary(name: str, symbol: str) -> None:
    primitive = of_python(f"number {symbol.strip()}", getattr(operator, name))
    primitive.symbol = symbol
    general = getattr(Tracer, f"__{name}__")

    def forward(self: StageTracer) -> Any:
        if self.value.__class__ in NUMBERS:
            return self.owner.number(primitive, self)
        return general(self)

    setattr(StageTracer, f"__{name}__", forward)


def _install_divmod(name: str, pair: Callable[[Any, Any], tuple[Any, Any]]) -> None:
    general = getattr(Tracer, name)

    def method(self: StageTracer, other: Any) -> Any:
        both = self.value.__class__ in NUMBERS and is_number(other)
        return pair(self, other) if both else general(self, other)

    setattr(StageTracer, name, method)


_install_divmod("__divmod__", lambda x, y: (x // y, x % y))
_install_divmod("__rdivmod__", lambda x, y: (y // x, y % x))


def _install_conjugate() -> None:
    primitive = of_python("number conjugate", operator.methodcaller("conjugate"))
    general = Tracer.conjugate  # type: ignore[attr-defined]

    def method(self: StageTracer) -> Any:
        kind = self.value.__class__
        if kind is complex:
            return self.owner.number(primitive, self)
        if kind is bool:
            return +self  # type: ignore[operator]  # of True it is 1
        return general(self)

    StageTracer.conjugate = method  # type: ignore[attr-defined]


def _install_repetition(name: str) -> None:
    general = getattr(StageTracer, name)

    def method(self: StageTracer, other: Any) -> Any:
        # ``[0.0] * n`` repeats a list, and no scalar multiplies its elements.
        if isinstance(other, (list, tuple)) and not isinstance(self.value, np.ndarray):
            return other * self.alive().truth()
        return general(self, other)

    setattr(StageTracer, name, method)


def _value(x: Any) -> Any:
    return x.value if x.__class__ is StageTracer else x


def _install_ufuncs() -> None:
    general = Tracer.__array_ufunc__  # type: ignore[attr-defined]

    def array_ufunc(self: StageTracer, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        # ``1j * np.float64(2)`` is a number of Python's, and ``np.multiply`` of the two is one of NumPy's; the
        # operation that both lead to computes as the operator does.
        if method == "__call__" and [_value(x).__class__ for x in inputs] == [complex, np.float64]:
            first, second = inputs
            inputs = (first.strong() if isinstance(first, StageTracer) else np.complex128(first), second)
        return general(self, ufunc, method, *inputs, **keywords)

    StageTracer.__array_ufunc__ = array_ufunc  # type: ignore[attr-defined]


for _name, _symbol in SYMBOLS.items():
    if _name in ("neg", "pos", "invert", "abs"):
        _install_unary(_name, _symbol)
    else:
        _install_binary(_name, _symbol)
_install_conjugate()
_install_repetition("__mul__")
_install_repetition("__rmul__")
_install_ufuncs()
