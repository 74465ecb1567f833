"""Operations whose program depends on a number of turns: native code for each number that comes up often enough.

Such an operation stays a call in the NumPy code of a program. The call runs NumPy code too, until for some number of
turns that has taken as long as compiling the program for this number takes. May import ``code``, ``core``, ``errors``,
``fission``, ``lowering``, ``passes`` and ``program``.

>>> import numpy as np
>>> from hodiff.program import Var
>>> from hodiff.control.repeats import Family, _loop_of, by_length
>>> from hodiff.staging import stage
>>> _, body = stage(lambda x: [x * 2.0], [np.float64(1.0)], name="body")
>>> family = Family(body, lambda turns, values: _loop_of(turns, body, 0, 1), ())
>>> n, x, y = Var((), np.dtype(int), "number"), *(Var((), np.dtype(float), "scalar") for _ in range(2))
>>> call = ByLength(Equation(by_length, (n, x), {"family": family}, (y,), several=True), print)
>>> call(3, np.float64(1.0))
(np.float64(8.0),)
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

from hodiff.code import Code
from hodiff.compiled import fission
from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.passes import simplify
from hodiff.core import Primitive
from hodiff.lowering import Lengthwise
from hodiff.program import Equation, Program

#: Seconds that it takes to compile a program, about.
_COMPILING = 0.05
#: Numbers of turns for which there is native code at a time.
_KEPT = 16

Compile = Callable[[Program], Callable[..., Any]]


class ByLength:
    """A call of such an operation.

    Parameters
    ----------
    equation : Equation
    compile : callable
        ``compile(program)``: its function as native code.
    """

    def __init__(self, equation: Equation, compile: Compile) -> None:
        self._equation = equation
        self._compile = compile
        #: Seconds that were spent on a number of turns; then native code, or None where there is none.
        self._spent: dict[int, float] = {}
        self._functions: dict[int, Callable[..., Any] | None] = {}

    def __call__(self, turns: Any, *operands: Any) -> Any:
        """The answers."""
        number = int(turns)
        function = self._functions.get(number)
        if function is not None:
            return function(*operands)
        begin = perf_counter()
        answers = self._equation.primitive.function(turns, *operands, **self._equation.parameters)
        spent = self._spent.get(number, 0.0) + perf_counter() - begin
        if spent > _COMPILING and number not in self._functions:
            self._make(number, (turns, *operands))
            spent = 0.0
        if len(self._spent) > 64 * _KEPT:
            self._spent.clear()
        self._spent[number] = spent
        return answers

    def _make(self, number: int, values: Sequence[Any]) -> None:
        if len(self._functions) >= _KEPT:
            self._functions.clear()
        nest: Lengthwise = self._equation.primitive.code.nest  # type: ignore[union-attr]
        try:
            program: Program = nest.program(self._equation, values)
            self._functions[number] = self._compile(simplify(fission.run(program)))
        except Unsupported:
            self._functions[number] = None


def with_lengths(program: Program, compile: Compile) -> Program:
    """The program with calls that have native code for some numbers of turns; itself where there are none."""
    steps = [_replaced(step, compile) if isinstance(step, Equation) else step for step in program.steps]
    same = all(new is old for new, old in zip(steps, program.steps, strict=True))
    return program if same else program.replace(steps=steps)


def explained(equation: Equation, reason: str) -> str:
    """Why an operation is a call back to NumPy."""
    if isinstance(equation.primitive.function, ByLength):
        return "there is native code for each number of turns that comes up often enough"
    return reason


def _replaced(equation: Equation, compile: Compile) -> Equation:
    primitive = equation.primitive
    if primitive.code is None or not isinstance(primitive.code.nest, Lengthwise):
        return equation
    call = ByLength(equation, compile)
    code = Code(shares=False)
    return replace(
        equation,
        primitive=Primitive(primitive.name, call, batch=_unused, code=code, hazard=primitive.hazard),
        parameters={},
    )


def _unused(*arguments: Any) -> Any:
    raise NotImplementedError("programs are batched before they are compiled")
