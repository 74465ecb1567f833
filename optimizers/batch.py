"""Solves under ``hodiff.vmap``: many starts, or one problem for each of many data. Imports ``hodiff`` and ``result``.

A solver branches on the numbers that it sees, and the members of a batch may disagree. So a solve is an operation of
its own: its batching rule solves for each member, on plain numbers, and stacks the results. A member that has
converged does not move while others go on, and a batch gives what a loop over its members gives.

>>> import numpy as np
>>> import hodiff as hd, optimizers as opt
>>> def closest(centre):
...     return opt.TrustRegion().run(lambda x: np.sum((x - centre) ** 2), np.zeros(2)).x
>>> hd.vmap(closest)(np.array([[1.0, 2.0], [3.0, 4.0]]))
array([[1., 2.],
       [3., 4.]])
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import hodiff as hd
from hodiff import extend
from optimizers.errors import OptionError
from optimizers.flatten import Tree
from optimizers.result import History, Result

__all__ = ["solved_in_batch"]

_MESSAGE = "one of a batch: `status` says how each ended"
Solve = Callable[[Tree, tuple[Any, ...]], Result]


def solved_in_batch(solve: Solve, x0: Tree, args: tuple[Any, ...] = (), callback: Any = None) -> Result | None:
    """The result of ``solve(x0, args)`` where something of it is traced; else None, and nothing is done.

    Parameters
    ----------
    solve : callable
        A solve on plain numbers. What it reads from the functions around it, objective and derivatives among that, may
        hold traced values, and read such themselves.
    x0 : tree
        Start.
    args : tuple
        Further arguments of the objective.
    callback : callable, optional
        What the user gave, which no batch can call.

    Returns
    -------
    Result or None
        Every field that is a number or an array is a traced value: ``x``, ``fun``, ``status``, ``success`` and so on.
        There is no history.

    Raises
    ------
    OptionError
        When there is a callback, or a derivative of the solution is asked for.

    Examples
    --------
    >>> solved_in_batch(lambda x0, args: Result(x=x0), [1.0]) is None
    True
    """
    leaves, structure = extend.tree_flatten((x0, args))
    places = [i for i, leaf in enumerate(leaves) if extend.is_traced(leaf)]
    closure = extend.Closure(solve)
    if not places and not closure.values:
        return None
    if callback is not None:
        raise OptionError("callback: under hodiff.vmap there is no one x to call it with; leave it out")
    task = _Task(closure, leaves, structure, places)
    return task.result(_solve(*(leaves[i] for i in places), *closure.values, task=task))


class _Task:
    """One solve for many values: what of its parts is traced, and what its results consist of.

    Parameters
    ----------
    closure : Closure
        Of the solve.
    leaves, structure
        Of start and arguments, as a tree.
    places : sequence of int
        Which of the leaves are traced.
    """

    def __init__(self, closure: extend.Closure, leaves: Sequence[Any], structure: Any, places: Sequence[int]) -> None:
        self._closure, self._leaves, self._structure, self._places = closure, leaves, structure, places
        self._fields: Any = None

    def member(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """The numbers of the result for plain values in the places of the traced ones."""
        count = len(self._places)
        leaves = list(self._leaves)
        for i, value in zip(self._places, values[:count], strict=True):
            leaves[i] = value
        x0, args = extend.tree_unflatten(self._structure, leaves)
        # Arrays, not scalars: compiled code takes arrays that a function captures as inputs, and scalars as constants.
        result = self._closure.fill([np.asarray(value) for value in values[count:]])(x0, args)
        numbers = {name: value for name, value in result.items() if _is_numeric(value)}
        parts, fields = extend.tree_flatten(numbers)
        if self._fields is not None and fields != self._fields:
            raise OptionError("the results of the members of a batch have different fields: solve in a loop")
        self._fields = fields
        return tuple(np.asarray(part) for part in parts)

    def result(self, parts: Sequence[Any]) -> Result:
        """The result of which these are the numbers."""
        return Result({**extend.tree_unflatten(self._fields, list(parts)), "message": _MESSAGE, "history": History()})


def _is_numeric(value: Any) -> bool:
    leaves, _ = extend.tree_flatten(value)
    return bool(leaves) and all(
        isinstance(leaf, (np.ndarray, np.generic, bool, int, float)) and np.asarray(leaf).dtype.kind in "biuf"
        for leaf in leaves
    )


def _on_plain(*values: Any, task: _Task) -> tuple[Any, ...]:
    return task.member(values)


def _on_batch(
    primitive: extend.Primitive, size: int, operands: Sequence[Any], batched: Sequence[bool], parameters: dict[str, Any]
) -> tuple[Any, ...]:
    """One solve after another. Members that are traced themselves, by another ``vmap``, are solved in batches."""
    if size == 0:
        raise OptionError("hodiff.vmap: a batch without members has no results; their shapes are those of a member's")
    members = [
        primitive(
            *(operand[i] if flag else operand for operand, flag in zip(operands, batched, strict=True)), **parameters
        )
        for i in range(size)
    ]
    return tuple(np.stack(parts) for parts in zip(*members, strict=True))


def _no_derivative(tangents: Sequence[Any], operands: Sequence[Any], **parameters: Any) -> Any:
    raise OptionError(
        "a solution was differentiated, which solvers do not do: differentiate the objective at the solution, and use "
        "the implicit function theorem, dx = -H^-1 (d/dp gradient) dp"
    )


_solve = extend.general(_on_plain, batch=_on_batch, name="solve")
_solve.jvps = _no_derivative  # type: ignore[assignment]


def _flattened(result: Result) -> Any:
    numbers = {name: value for name, value in result.items() if name not in ("message", "history")}
    return tuple(numbers.values()), (tuple(numbers), result.get("message"), result.get("history"))


def _unflattened(kept: Any, values: Any) -> Result:
    names, message, history = kept
    return Result({**dict(zip(names, values, strict=True)), "message": message, "history": history})


hd.register_pytree_node(Result, _flattened, _unflattened)
