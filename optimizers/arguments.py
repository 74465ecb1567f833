"""SciPy's arguments of an objective as a ``Problem``; imports ``problem`` and the layers below.

>>> as_problem(lambda x, a: a * (x @ x), [1.0, 2.0], (3.0,)).at([1.0, 2.0]).f
15.0
"""

from collections.abc import Callable
from typing import Any

from optimizers.checks import label
from optimizers.errors import InputTypeError, OptionError
from optimizers.flatten import Tree
from optimizers.problem import Problem

__all__ = ["as_problem"]


def as_problem(
    fun: Callable[..., Any],
    x0: Tree,
    args: tuple[Any, ...] = (),
    *,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    jit: bool | str = "auto",
) -> Problem:
    """The `Problem` of SciPy's arguments, checked: finite `x0`, derivatives that are callables.

    Raises
    ------
    OptionError
        When a derivative is one of SciPy's names for finite differences or an update strategy.
    NonFiniteError, InputTypeError, ShapeError
        When `x0` is not finite, not real, or empty.

    Examples
    --------
    >>> as_problem(lambda x: x @ x, [1.0, 2.0], hess="2-point")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    optimizers.errors.OptionError: hess='2-point': finite differences and approximations are not used here; ...
    """
    if isinstance(fun, Problem):
        raise InputTypeError(
            "fun is a Problem, which knows its own derivatives: pass its function, or go through its states yourself, "
            "`for state in solver.iterate(problem, x0)`"
        )
    for name, given in (("jac", jac), ("hess", hess), ("hessp", hessp)):
        _check_derivative(name, given)
    fun, grad = _unwrapped(fun, jac)
    problem = Problem(fun, grad, hess, hessp, args=args, like=x0, jit=jit, bounds=bounds)
    if callable(grad):
        problem.names["g"] = label("jac", grad)
    if hessp is not None:
        problem.names["Hv"] = label("hessp", hessp)
    problem.at(x0, name="x0")
    return problem


def _check_derivative(name: str, given: Any) -> None:
    allowed = (None, False, True) if name == "jac" else (None,)
    if not callable(given) and not any(given is value for value in allowed):
        raise OptionError(
            f"{name}={given!r}: finite differences and approximations are not used here; "
            f"pass a callable, or leave {name} out and hodiff supplies the exact derivative"
        )


def _unwrapped(fun: Callable[..., Any], jac: Any) -> tuple[Callable[..., Any], Any]:
    """SciPy makes of ``jac=True`` a memo around the user's pair-valued function, which cannot be traced: undo it."""
    pair = getattr(fun, "fun", None)
    if (
        type(fun).__module__.startswith("scipy.")
        and callable(pair)
        and jac is not None
        and jac == getattr(fun, "derivative", None)
    ):
        return pair, True
    return fun, None if jac is False else jac
