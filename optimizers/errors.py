"""Every exception that ``optimizers`` raises itself; imports nothing.

Each message says what was found, what was expected and what to do next. Each class is also the built-in
exception that a caller would expect, so ``except ValueError`` keeps working.

>>> import optimizers as opt
>>> opt.LBFGS(memory=0)
Traceback (most recent call last):
    ...
optimizers.errors.OptionError: LBFGS: memory must be a whole number >= 1, not 0
"""

__all__ = ["InputTypeError", "MissingExtraError", "NonFiniteError", "OptimizerError", "OptionError", "ShapeError"]


class OptimizerError(Exception):
    """Base of every error that ``optimizers`` raises.

    Examples
    --------
    >>> issubclass(OptionError, OptimizerError) and issubclass(OptionError, ValueError)
    True
    """


class OptionError(OptimizerError, ValueError):
    """An option, argument or method name that is unknown, malformed or of no use to the method.

    Examples
    --------
    >>> import optimizers as opt
    >>> opt.Newton(gtol=-1.0)
    Traceback (most recent call last):
        ...
    optimizers.errors.OptionError: Newton: gtol must be a number >= 0, not -1.0
    """


class ShapeError(OptimizerError, ValueError):
    """A value whose shape or tree structure is not the one that was asked for; the callable is named.

    Examples
    --------
    >>> import optimizers as opt
    >>> opt.Problem(lambda x: x, grad=lambda x: x).at([1.0, 2.0]).f
    Traceback (most recent call last):
        ...
    optimizers.errors.ShapeError: fun <lambda> returned an array of shape (2,): it must return one real number, a scalar
    """


class NonFiniteError(OptimizerError, ValueError):
    """NaN or infinity where a solver cannot start from it; the callable is named.

    Examples
    --------
    >>> import optimizers as opt
    >>> opt.Problem(lambda x: x @ x).at([1.0, float("nan")])
    Traceback (most recent call last):
        ...
    optimizers.errors.NonFiniteError: x has a NaN or infinite entry at position 1: pass finite numbers
    """


class InputTypeError(OptimizerError, TypeError):
    """A value of a kind that cannot be optimised over, or not a number at all.

    Examples
    --------
    >>> import optimizers as opt
    >>> opt.Problem(lambda x: abs(x[0])).at([1j])
    Traceback (most recent call last):
        ...
    optimizers.errors.InputTypeError: x is complex: optimise over its real and imaginary parts, as real arrays
    """


class MissingExtraError(OptimizerError, ImportError):
    """An optional dependency is wanted and not installed; the message gives the command.

    Examples
    --------
    >>> issubclass(MissingExtraError, ImportError)
    True
    """
