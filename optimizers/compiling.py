"""What `hodiff` compiles of users' functions, and how long it is kept; imports ``hodiff`` and the layers below.

A plain Python function keeps what has been compiled for it, and the next run with it compiles nothing.

>>> import numpy as np
>>> compiled(lambda x: x + 1.0)(np.ones(2))
array([2., 2.])
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any

import hodiff as hd
from optimizers.checks import label
from optimizers.errors import OptionError
from optimizers.flatten import Layout, unravel

__all__ = ["Function", "Made", "compiled", "kept", "of_tree", "of_vector"]

# The attribute of a plain function that keeps its compiled derivatives, which live as long as it does; and how many
# programs and layouts of trees it keeps them for.
_KEPT = "_optimizers_derivatives"
_PROGRAMS, _LAYOUTS = 12, 8
Function = Callable[..., Any]


class Made:
    """Functions that are compiled unless the user said otherwise, and what became of that.

    Parameters
    ----------
    fun : callable
        What the user gave.
    jit : "auto", True or False
        See `Problem`.
    """

    def __init__(self, fun: Function, jit: bool | str) -> None:
        self._name = label("fun", fun)
        self._jit = jit
        self._compiled: list[Any] = []

    def made(self, function: Function) -> Function:
        """The function, compiled if it is to be; where one of its kin could not be compiled, it is not tried again."""
        if self._jit is False or self.eager_reason is not None:
            return function
        compiled = hd.jit(function, quiet=True)
        self._compiled.append(compiled)
        return _Required(compiled, self._name) if self._jit is True else compiled

    @property
    def eager_reason(self) -> str | None:
        """Why something that was to be compiled ran eagerly, if it did."""
        return next((reason for f in self._compiled if (reason := f.eager_reason) is not None), None)

    @property
    def all_compiled(self) -> bool:
        """Whether nothing that was to be compiled ran eagerly so far."""
        return all(f.cache_info().eager_calls == 0 for f in self._compiled) and self.eager_reason is None

    @property
    def programs(self) -> int:
        """How many programs have been compiled so far, for the one quantity that has most."""
        return max((f.cache_info().specialisations for f in self._compiled), default=0)


def compiled(function: Function) -> Function:
    """A function of arrays of ours, compiled where it can be: for algebra that is done very often.

    Examples
    --------
    >>> import numpy as np
    >>> compiled(lambda x: x + 1.0)(np.ones(2))
    array([2., 2.])
    """
    found: Function = hd.jit(function, quiet=True)
    return found


def kept(fun: Function, key: Any, make: Callable[[], Any]) -> Any:
    """What was made for this function before and is compiled in all its parts; else made now."""
    if fun.__class__ is not FunctionType or key[-1] is False:
        return make()
    kept = fun.__dict__.get(_KEPT)
    if kept is None or kept.owner is not fun:
        kept = fun.__dict__[_KEPT] = _Kept(fun)
    found = kept.made.get(key)
    # What ran eagerly gets another chance: it may have read names that have changed since. So does what needs another
    # program at every run, before it needs more than `hodiff.jit` makes.
    if found is None or not found.all_compiled or found.programs > _PROGRAMS:
        found = kept.made[key] = make()
        for old in list(kept.made)[:-_LAYOUTS]:
            kept.made.pop(old, None)
    return found


class _Kept:
    """What a plain function keeps, in an attribute: it knows whose, since wrappers copy attributes."""

    def __init__(self, owner: Function | None = None) -> None:
        self.owner = owner
        self.made: dict[Any, Any] = {}

    def __reduce__(self) -> Any:
        return _Kept, ()  # programs are made again where they are needed


class _Required:
    """A compiled function that has to be compiled: what runs eagerly is an error that says why."""

    def __init__(self, function: Any, name: str) -> None:
        self.function, self.name = function, name

    def _by_programs(self) -> int:
        """How many calls a program has answered."""
        info = self.function.cache_info()
        return int(info.hits + info.specialisations)

    def __call__(self, *values: Any) -> Any:
        before = self._by_programs()
        result = self.function(*values)
        if self._by_programs() == before and self.function.eager_reason is not None:
            raise OptionError(
                f'jit=True: {self.name} cannot be compiled: {self.function.eager_reason}; use jit="auto", which then '
                f"runs it eagerly"
            )
        return result


def of_tree(layout: Layout | None) -> Layout | None:
    """The layout where it matters: a vector of any length is one case."""
    return None if layout is None or layout.is_vector else layout


def of_vector(fun: Function, layout: Layout | None) -> Function:
    """The user's function as one of the flat vector."""
    layout = of_tree(layout)
    if layout is None:
        return fun
    shapes, spec = layout.shapes, layout.spec
    return lambda x, *args: fun(unravel(x, shapes, spec), *args)
