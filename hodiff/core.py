"""Primitives, traces and tracers: how an operation finds the interpretation that handles it.

Knows no operation and no mode; may import ``code``, ``errors`` and ``shaped`` only. Three ideas:

* A `Primitive` is an operation with its rules. ``bind`` evaluates it, or hands it to a trace.
* A `Trace` is one run of one transformation; its level comes from a counter, so an inner transformation has
  a higher level than the outer one. ``bind`` hands an operation to the highest trace among its arguments;
  the trace's rule works on the unwrapped values, so lower levels see the rest.
* A `Tracer` is a value that belongs to a trace. A value is *mine* when ``value.owner is self``: identity, not
  level. In ::

      grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0)          # is 1, not 2

  the inner transformation meets ``x``, a value of the outer one, and must treat it as a constant. A scheme that
  asks only "does this value carry a derivative?" confuses the two perturbations.

Nothing here is global but the tables of rules, which are filled on import, so threads cannot meet.
"""

import pickle
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from functools import partial
from importlib import import_module
from itertools import count
from typing import Any, Self

import numpy as np

from hodiff.code import Code
from hodiff.errors import (
    ConversionError,
    InPlaceError,
    LeakedTracerError,
    NoRuleError,
    RuleError,
)

_levels = count(1)

#: What ``__array_ufunc__`` and ``__array_function__`` look up: filled where each operation is defined.
NUMPY_UFUNCS: dict[Any, Callable[..., Any]] = {}
NUMPY_FUNCTIONS: dict[Any, Callable[..., Any]] = {}


class Sign(Enum):
    """Coefficients that need no multiplication."""

    PLUS = 1
    MINUS = -1


PLUS, MINUS = Sign


class Primitive:
    """An operation and every rule that transformations need; made by the constructors in ``kinds``.

    Attributes
    ----------
    name : str
        Shown in messages and programs.
    function : callable
        ``function(*operands, **parameters)`` on plain arrays.
    batch : callable
        ``(primitive, size, operands, batched, parameters) -> answer``, with the batch along axis 0 of the batched
        operands and of the answer.
    partials : tuple or None
        Elementwise operations: one entry an operand, a callable ``(answer, *operands) -> coefficient``, a `Sign`
        for the coefficients 1 and -1, or None for a derivative that is zero.
    smooth : bool
        Elementwise: the partials raise no floating-point warning where the function raises none.
    jvps : tuple or callable or None
        One rule an operand, ``(tangent, answer, *operands, **parameters) -> tangent of the answer``, linear in the
        tangent and written with other operations; None for a derivative that is zero. For all operands together: one
        callable ``(tangents, operands, **parameters) -> (answer, its tangent)``, which gets None for a zero tangent.
    transposes : tuple or callable or None
        One rule an operand in which the operation is linear, ``(cotangent, *operands, **parameters)``; the linear
        operand itself arrives as a `Shaped`. For any number of operands: one callable
        ``(slot, cotangent, operands, **parameters)``, which gets them as one sequence.
    jointly : bool
        The operation is linear in all these operands together, as ``concatenate``, not in each alone, as ``matmul``.
    constant : bool
        The derivative is zero everywhere.
    accumulate : callable or None
        ``(buffer, cotangent, *other operands, **parameters)`` adds the transpose of operand 0 into an array.
    leading : callable or None
        ``(size, **parameters) -> parameters`` that fit operands with one more axis in front.
    shape : callable or None
        ``(*operands, **parameters) -> Shaped``; without it the operation is evaluated on zeros.
    view : callable or None
        For functions whose NumPy answer shares the memory of their one operand: ``(operand, value, **parameters)``, the
        operand with the part that the answer shows replaced by ``value``; raises ValueError where NumPy's answer
        cannot be written to.
    code : Code or None
        How compiled mode writes the operation as Python source; without it, as a call of the function.
    symbol : str or None
        Python's operator for the operation, which computes scalars ten times faster than a ufunc does.
    hazard : str
        The worst that can happen on operands of valid shapes: ``"none"``, a floating-point ``"warning"``, or an
        ``"exception"`` (any other warning too), or what can inside (``"inside"``). A program leaves out an unused
        answer only where this shows no one.
    commutative : bool
        Elementwise: the two operands may change places.
    origin : tuple or None
        Of a primitive made by `specialised`: the general one, and the parameters that are fixed.
    index : str or None
        Name of the parameter that is a basic index, where the answer is the part of operand 0 that it selects.
    bundled : callable or None
        For any number of operands: ``(parts, **parameters) -> answer``, the same from operands in bundles, each a
        `progressions.Part`; written with NumPy functions and other primitives; NotImplemented where that cannot be.
    python : bool
        An operation of Python's own on its numbers, which traced values do by ``function`` too, through their methods.
    within : callable or None
        For operations that contain programs, as loops: ``(operands, flags, parameters) -> (answers, their flags)``,
        with the programs in the variant in which zeros of the flagged operands win over NaN and inf.
    pruned : callable or None
        For operations that contain programs: ``(equation, needed) -> equation`` without the answers that nobody needs.
    annihilating : Primitive or None
        Variant in which a zero of one operand wins over NaN and inf of the others, made on demand.
    """

    __slots__ = (
        "__weakref__",
        "accumulate",
        "annihilating",
        "batch",
        "bundled",
        "code",
        "commutative",
        "constant",
        "function",
        "hazard",
        "index",
        "jointly",
        "jvps",
        "leading",
        "name",
        "origin",
        "partials",
        "pruned",
        "python",
        "shape",
        "smooth",
        "symbol",
        "transposes",
        "view",
        "within",
    )

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        *,
        batch: Callable[..., Any],
        partials: tuple[Any, ...] | None = None,
        smooth: bool = False,
        jvps: tuple[Any, ...] | None = None,
        transposes: tuple[Any, ...] | Callable[..., Any] | None = None,
        jointly: bool = False,
        constant: bool = False,
        accumulate: Callable[..., None] | None = None,
        leading: Callable[..., dict[str, Any]] | None = None,
        shape: Callable[..., Any] | None = None,
        view: Callable[..., Any] | None = None,
        hazard: str | None = None,
        code: Code | None = None,
        within: Callable[..., Any] | None = None,
    ) -> None:
        self.name = name
        self.function = function
        self.batch = batch
        self.partials = partials
        self.smooth = smooth
        self.jvps = jvps
        self.transposes = transposes
        self.jointly = jointly
        self.constant = constant
        self.accumulate = accumulate
        self.leading = leading
        self.shape = shape
        self.view = view
        self.code = code
        self.within = within
        # NumPy's loops over elements raise nothing; of other functions nothing is known.
        self.hazard = hazard or ("warning" if isinstance(function, np.ufunc) else "exception")
        self.commutative = False
        self.origin: tuple[Primitive, dict[str, Any]] | None = None
        self.index: str | None = None
        self.pruned: Callable[..., Any] | None = None
        self.bundled: Callable[..., Any] | None = None
        self.symbol: str | None = None
        self.python = False
        self.annihilating: Primitive | None = None

    def __call__(self, *operands: Any, **parameters: Any) -> Any:
        """Apply the operation: by the highest trace among the operands, or plainly where there is none."""
        top = None
        arrays = True
        for value in operands:
            if isinstance(value, Tracer):
                if top is None or value.owner.level > top.level:
                    top = value.owner
            elif value.__class__ is list or value.__class__ is tuple:
                arrays = False
        if top is None:
            return self.function(*operands, **parameters)
        if not arrays:
            operands = tuple(as_operand(value) for value in operands)
        if parameters:
            for name, value in parameters.items():
                if isinstance(value, Tracer):
                    raise RuleError(
                        f"{self.name}: the parameter {name!r} is a traced value; parameters are static, so pass what "
                        f"is to be differentiated or batched as a positional operand"
                    )
            if self.partials is not None:
                return top.process(self.specialised(parameters), operands, {})
        return top.process(self, operands, parameters)

    def specialised(self, parameters: dict[str, Any]) -> "Primitive":
        """An elementwise primitive with its parameters fixed, in the function and in the partials."""
        assert self.partials is not None
        partials = tuple(partial(rule, **parameters) if callable(rule) else rule for rule in self.partials)
        function = partial(self.function, **parameters)
        special = Primitive(self.name, function, batch=self.batch, partials=partials, smooth=self.smooth)
        special.hazard = self.hazard
        special.origin = (self, parameters)
        return special

    def __copy__(self) -> "Primitive":
        return self

    def __deepcopy__(self, memo: Any) -> "Primitive":
        return self

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> Any:
        # By reference, as functions are pickled.
        for name, module in list(sys.modules.items()):
            if getattr(module, "__dict__", {}).get(self.name) is self:
                return _import_primitive, (name, self.name)
        raise pickle.PicklingError(
            f"the primitive {self.name} can be pickled only as a module-level variable of the same name"
        )

    def linear_in(self, slot: int) -> bool:
        """Whether operand ``slot`` has a transpose."""
        if isinstance(self.transposes, tuple):
            return slot < len(self.transposes) and self.transposes[slot] is not None
        return self.transposes is not None

    def transposable(self, slot: int) -> bool:
        """As `linear_in`, for an operand that carries a derivative: one that was forgotten is an error, not a zero."""
        if self.transposes is None:
            raise NoRuleError.for_function(self.name)
        return not isinstance(self.transposes, tuple) or self.rule(self.transposes, slot) is not None

    def transpose(self, slot: int, cotangent: Any, operands: Any, parameters: dict[str, Any]) -> Any:
        """Cotangent of operand ``slot`` from that of the answer."""
        if isinstance(self.transposes, tuple):
            return self.transposes[slot](cotangent, *operands, **parameters)
        assert self.transposes is not None
        return self.transposes(slot, cotangent, operands, **parameters)

    def rule(self, rules: tuple[Any, ...], slot: int) -> Any:
        """Rule of operand ``slot``; an operand that the author forgot is an error, not a zero."""
        if slot >= len(rules):
            raise NoRuleError(
                f"{self.name} has derivative rules for {len(rules)} operand(s) and was differentiated with respect to "
                f"operand {slot}; give its declaration one rule an operand (None for a derivative that is zero)"
            )
        return rules[slot]


class Trace:
    """One run of one transformation.

    Subclasses define ``process(primitive, operands, parameters)``. Closing the trace makes every tracer that
    outlived it an error instead of a wrong number.
    """

    __slots__ = ("closed", "level")
    transformation: str = "a transformation"
    arrays_only = False  # whether no tracer stands for a scalar

    def __init__(self) -> None:
        self.level = next(_levels)
        self.closed = False

    def process(self, primitive: Primitive, operands: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
        """Interpret one operation that has at least one operand of this trace."""
        raise NotImplementedError

    def unary(self, primitive: Primitive, x: Any) -> Any:
        """Interpret an elementwise operation on one operand, which is of this trace."""
        return self.process(primitive, (x,), {})

    def binary(self, primitive: Primitive, x: Any, y: Any) -> Any:
        """Interpret an elementwise operation on two operands, one of this trace and none of a higher one."""
        return self.process(primitive, (x, y), {})

    def linear(self, primitive: Primitive, x: Any, parameters: dict[str, Any]) -> Any:
        """Interpret a linear operation on one operand, which is of this trace."""
        return self.process(primitive, (x,), parameters)

    def constant(self, value: Any) -> "Tracer":
        """A tracer of this trace for a value that does not depend on what is traced."""
        raise InPlaceError(f"in {self.transformation} an array cannot take a value that is constant")

    def check_answer(self, primitive: Primitive, answer: Any) -> None:
        """Refuse an answer that is no array of numbers, or that smuggles a traced value past the operands."""
        if isinstance(answer, tuple):
            for part in answer:
                self.check_answer(primitive, part)
            return
        if isinstance(answer, Tracer):
            if answer.owner.level >= self.level:
                raise RuleError(
                    f"{primitive.name}: its function uses a traced value that is not among its operands; pass it as a "
                    f"positional operand"
                )
            return
        if not hasattr(answer, "dtype"):
            raise RuleError(f"{primitive.name} must return an array or a NumPy scalar, got {type(answer).__name__}")
        if answer.dtype.kind not in "biufc" or isinstance(answer, (np.ma.MaskedArray, np.matrix)):
            raise ConversionError.of_answer(primitive.name, answer)

    def close(self) -> None:
        """End the run."""
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def leaked(self) -> LeakedTracerError:
        """Error for a tracer of this trace that is used after the end."""
        return LeakedTracerError.after(self.transformation)


class Tracer:
    """A value that belongs to a trace; behaves as the NumPy array or scalar that it stands for.

    Infix operators, ndarray methods and NumPy's hooks are installed by the modules that define the operations.

    Attributes
    ----------
    owner : Trace
    alias : tuple
        Of a view: the array that it shows, with the primitive and parameters that make it. Otherwise not set.
    views : list
        Weak references to the views of this array; `SEALED` for an argument. Not set where there are none.
    """

    __slots__ = ("__weakref__", "alias", "owner", "views")
    owner: Trace
    alias: tuple["Tracer", Any, dict[str, Any]]
    views: Any

    # NumPy hands `array + tracer` to the hooks below, never loops over it.
    __array_priority__ = 1000

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value that the function being transformed sees."""
        raise NotImplementedError

    @property
    def dtype(self) -> Any:
        """NumPy dtype."""
        raise NotImplementedError

    def components(self) -> tuple[Any, ...]:
        """Values that this tracer is made of, each a plain value or a tracer of a lower level."""
        raise NotImplementedError

    def truth(self) -> Any:
        """Value to answer ``bool``, ``int`` and comparisons of Python control flow with."""
        raise NotImplementedError

    def decide(self, question: Primitive) -> bool:
        """Whether the answer to a question about plain values is yes for any of those that this stands for."""
        for part in self.components():
            if part.decide(question) if isinstance(part, Tracer) else bool(question.function(part)):
                return True
        return False

    def example(self) -> Any:
        """A plain value of this shape and dtype, the one that this stands for if there is just one."""
        part = self.components()[0]
        return part.example() if isinstance(part, Tracer) else part

    def assume(self, other: Any) -> None:
        """Stand for what ``other``, a tracer of the same class, stands for."""
        raise NotImplementedError

    def become(self, value: Any) -> None:
        """Stand for another value of the same shape and dtype: what changing an array in place comes to."""
        value = value.content() if isinstance(value, Tracer) else value
        if not isinstance(value, Tracer) or value.owner.level < self.owner.level:
            value = self.owner.constant(value)
        elif value.owner is not self.owner:
            raise InPlaceError(
                "a value of an inner transformation was assigned to an array made outside it, which will outlive it; "
                "assign to a copy made inside: x = x.copy()"
            )
        self.assume(value)

    def fork(self) -> Self:
        """Another tracer of the same value, which stays as it is when this one changes."""
        twin = object.__new__(type(self))
        twin.owner = self.owner
        twin.assume(self)
        return twin

    def content(self) -> Any:
        """This tracer; for a buffer, the plain array or the tracer that it contains."""
        return self

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        n = 1
        for length in self.shape:
            n *= length
        return n

    @property
    def itemsize(self) -> int:
        """Bytes an element."""
        return int(self.dtype.itemsize)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.size * self.itemsize

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))  # type: ignore[index]

    __hash__ = None  # type: ignore[assignment]

    def alive(self) -> Self:
        """This tracer, or an error where its trace has ended."""
        if self.owner.closed:
            raise self.owner.leaked()
        return self

    def strong(self) -> Any:
        """This value as one with a precision of its own, where it may be one of Python's numbers."""
        return self

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise ConversionError.of_batch() if self.dtype.kind in "iub" else ConversionError.to_array()

    def __repr__(self) -> str:
        return f"Tracer({self.owner.transformation}, shape={self.shape}, dtype={self.dtype})"

    def __reduce__(self) -> Any:
        raise ConversionError("a traced value cannot be pickled or copied out of its transformation")


#: In the place of a list of views: an argument of the function being transformed, or a view of one, does not change.
SEALED: Any = ()


#: Types that may meet a tracer in an operation; anything else is left to its own protocol.
OPERANDS = (Tracer, np.ndarray, float, int, np.generic, complex, list, tuple)


#: ``bind(primitive, *operands, **parameters)``, the name that the modes use.
bind = Primitive.__call__


def as_operand(value: Any) -> Any:
    """Turn lists and tuples into arrays; leave everything else."""
    return np.asarray(value) if value.__class__ in (list, tuple) else value


def _import_primitive(module: str, name: str) -> Any:
    return getattr(import_module(module), name)
