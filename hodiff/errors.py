"""Every exception that hodiff raises.

Imports nothing of the package. Each class also derives from the built-in exception that a caller would expect, so
``except TypeError`` keeps working, and each message says what to do next.

>>> issubclass(NoRuleError, TypeError)
True
"""

from typing import Any


class HodiffError(Exception):
    """Base class of every exception defined by hodiff."""


class NoRuleError(HodiffError, TypeError):
    """A function was applied to a traced value and has no derivative rule."""

    @classmethod
    def for_function(cls, name: str) -> "NoRuleError":
        """Say that ``name`` has no rule, and how to give it one."""
        return cls(
            f"{name} has no derivative rule; register one with hodiff.extend (for example "
            f"`hodiff.extend.elementwise` for a ufunc, `hodiff.extend.composite` for a function written in terms "
            f"of others), or apply it to hodiff.stop_gradient(x) if its derivative is to be zero"
        )


class UnsupportedKeywordError(HodiffError, TypeError):
    """A keyword of a NumPy function that its derivative rule does not support was used."""

    @classmethod
    def for_keyword(cls, function: str, keyword: str) -> "UnsupportedKeywordError":
        """Say that ``function`` does not support ``keyword`` on traced values."""
        return cls(
            f"{function}: the keyword {keyword!r} is not supported on values that carry derivatives; leave it out, "
            f"or express it with other NumPy functions"
        )


class LeakedTracerError(HodiffError, RuntimeError):
    """A traced value was used after the transformation that made it had ended."""

    @classmethod
    def after(cls, transformation: str) -> "LeakedTracerError":
        """Say of which transformation, and what to do instead."""
        return cls(
            f"a traced value of {transformation} was used after that transformation had returned; return it from "
            f"the function being transformed (has_aux=True for extra results) instead of storing it outside, or store "
            f"hodiff.stop_gradient(x)"
        )


class ConversionError(HodiffError, TypeError):
    """A traced value was about to be turned into a plain number or array, which would drop its derivative."""

    @classmethod
    def to_number(cls) -> "ConversionError":
        """Of ``float(x)``."""
        return cls(
            "float(x) would drop the derivative of a traced value, as would math.sin(x) or assigning it to an element "
            "of a plain NumPy array (raw_array[i] = x): use NumPy functions (np.sin), make the array with "
            "np.zeros(n, like=x) or hodiff.numpy.zeros(n), or float(hodiff.stop_gradient(x)) to drop the derivative"
        )

    @classmethod
    def to_array(cls) -> "ConversionError":
        """Of ``np.asarray(x)``."""
        return cls(
            "a traced value cannot become a plain NumPy array without losing its derivative. Use np.stack([...]) "
            "instead of np.array([...]) or np.asarray([...]) of traced values, np.zeros(n, like=x) or "
            "hodiff.numpy.zeros(n) for an array to assign into, np.full(n, x, like=x) instead of np.full(n, x), "
            "np.dot(a, x) or a @ x instead of a.dot(x), or hodiff.stop_gradient(x) if no derivative is wanted"
        )

    @classmethod
    def of_batch(cls) -> "ConversionError":
        """Of ``np.asarray(x)``, where integers or booleans are batched."""
        return cls(
            "a batched integer or boolean cannot become a plain NumPy array; to index a plain array with it, use "
            "np.take_along_axis(array, np.reshape(index, (1,)), axis=0)[0] instead of array[index]"
        )

    @classmethod
    def of_answer(cls, name: str, answer: Any) -> "ConversionError":
        """Of what the primitive ``name`` returned."""
        return cls(
            f"{name} returned a {type(answer).__name__} of dtype {answer.dtype}, which carries no derivatives: build "
            f"arrays of traced values with np.stack, replace masked arrays by np.where(mask, a, b), and np.matrix by "
            f"plain arrays"
        )


class InPlaceError(HodiffError, TypeError):
    """A traced value was about to be modified in place."""


class ControlFlowError(HodiffError, TypeError):
    """Python control flow asked a value that has no single truth value, such as a batched one."""


class NonDifferentiableInputError(HodiffError, TypeError):
    """Differentiation with respect to integers, booleans or other values without derivatives was asked for."""


class NonScalarOutputError(HodiffError, TypeError):
    """A gradient of a function whose result is not a scalar was asked for."""


class NonDifferentiableOutputError(HodiffError, TypeError):
    """A derivative of a result that is an integer, a boolean or no number was asked for."""


class ComplexOutputError(HodiffError, TypeError):
    """A real gradient of a complex result, or a holomorphic one of a real result, was asked for."""


class ArgumentError(HodiffError, TypeError):
    """``argnums`` or ``argnames`` does not fit the call."""


class StructureError(HodiffError, ValueError):
    """Trees, shapes or dtypes of primals, tangents and cotangents do not fit together."""


class BatchAxisError(HodiffError, ValueError):
    """``in_axes`` or ``out_axes`` of ``vmap`` does not fit the arguments."""


class NotLinearError(HodiffError, TypeError):
    """An operation that had to be linear, for instance in a derivative rule, is not."""


class NonFiniteError(HodiffError, FloatingPointError):
    """Inside ``hodiff.debug_nans()``, an operation made a NaN or an inf.

    Attributes
    ----------
    operation : str
        Name of the operation.
    kind : str
        Where it is: ``"value"``, ``"tangent"`` (forward) or ``"cotangent"`` (pullback).
    filename, line, text
        The user's line that the operation stands in.
    """

    def __init__(self, operation: str, kind: str, found: str, source: tuple[str, int, str]) -> None:
        filename, line, text = source
        where = {
            "value": "its value",
            "tangent": "the tangent of its value (forward)",
            "cotangent": "the cotangent of an operand (pullback)",
        }[kind]
        super().__init__(
            f"{operation} made {found} in {where}; {filename}, line {line}: {text or '(no source)'}. Keep its operands "
            f"away from where it has no finite value or slope, for instance by np.where on the operand"
        )
        self.operation = operation
        self.kind = kind
        self.found = found
        self.filename = filename
        self.line = line
        self.text = text

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (self.operation, self.kind, self.found, (self.filename, self.line, self.text))


class RuleError(HodiffError, ValueError):
    """A derivative rule broke its contract, for example by returning the wrong shape."""


class ProgramError(HodiffError, ValueError):
    """A staged program is not well formed: a variable is used before it is defined, or a type is not as declared."""


class NotStagedError(HodiffError, RuntimeError):
    """A function does what a program cannot stand for; ``hodiff.jit`` runs it eagerly instead."""


class EagerWarning(UserWarning):
    """A function given to ``hodiff.jit`` runs eagerly from now on, since programs of it would not be used again."""
