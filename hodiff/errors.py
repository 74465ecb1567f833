"""Every exception that hodiff raises.

Imports nothing. Each class also derives from the built-in exception that a caller would expect, so
``except TypeError`` keeps working, and each message says what to do next.

>>> issubclass(NoRuleError, TypeError)
True
"""


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


class ConversionError(HodiffError, TypeError):
    """A traced value was about to be turned into a plain number or array, which would drop its derivative."""


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
