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
from optimizers.flatten import Array, Layout, Tree, joined, real_array
from optimizers.result import History, Result

__all__ = ["Members", "is_batched", "solved_in_batch"]

_MESSAGE = "one of a batch: `status` says how each ended"
Arguments = dict[str, Any]
Together = Callable[["Members"], dict[str, Any] | None]


def is_batched(*trees: Tree) -> bool:
    """Whether something in them is traced: by ``hodiff.vmap``, or by a derivative.

    Examples
    --------
    >>> seen = []
    >>> hd.vmap(lambda a: seen.append(is_batched({"k": a}, 1.0)) or a)(np.ones(2)), seen
    (array([1., 1.]), [True])
    """
    return any(extend.is_traced(leaf) for leaf in extend.tree_flatten(trees)[0])


def solved_in_batch(
    given: Callable[[Tree, tuple[Any, ...]], Arguments],
    solve: Callable[..., Result],
    x0: Tree,
    args: tuple[Any, ...] = (),
    *,
    callback: Any = None,
    together: Together | None = None,
) -> Result | None:
    """The result of ``solve(**given(x0, args))`` where something of it is traced; else None, and nothing is done.

    Parameters
    ----------
    given : callable
        Makes the keywords of `solve`, ``x0`` and ``args`` among them, of a start and further arguments. What it reads
        from the functions around it, objective and derivatives among that, may hold traced values, and read such
        themselves.
    solve : callable
        A solve on plain numbers.
    x0 : tree
        Start.
    args : tuple
        Further arguments of the objective.
    callback : callable, optional
        What the user gave, which no batch can call.
    together : callable, optional
        Solves all members at once, where it can: the numeric fields of their results, stacked; None where it cannot.

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
    >>> solved_in_batch(lambda x0, args: {"x0": x0}, lambda x0: Result(x=x0), [1.0]) is None
    True
    """
    leaves, structure = extend.tree_flatten((x0, args))
    places = [i for i, leaf in enumerate(leaves) if extend.is_traced(leaf)]
    closure = extend.Closure(given)
    if not places and not closure.values:
        return None
    if callback is not None:
        raise OptionError("callback: under hodiff.vmap there is no one x to call it with; leave it out")
    task = _Task(closure, solve, leaves, structure, places, together)
    return task.result(_solve(*(leaves[i] for i in places), *closure.values, task=task))


class _Task:
    """One solve for many values: what of its parts is traced, and what its results consist of.

    Parameters
    ----------
    closure : Closure
        Of what makes the arguments of the solve.
    solve : callable
        See `solved_in_batch`.
    leaves, structure
        Of start and arguments, as a tree.
    places : sequence of int
        Which of the leaves are traced.
    together : callable or None
        See `solved_in_batch`.
    """

    def __init__(
        self,
        closure: extend.Closure,
        solve: Callable[..., Result],
        leaves: Sequence[Any],
        structure: Any,
        places: Sequence[int],
        together: Together | None,
    ) -> None:
        self.closure, self.together = closure, together
        self.leaves, self.structure, self.places = leaves, structure, places
        self._solve = solve
        self._fields: Any = None

    def trees(self, values: Sequence[Any]) -> Any:
        """Start and arguments, with values in the places of the traced leaves."""
        leaves = list(self.leaves)
        for i, value in zip(self.places, values, strict=False):
            leaves[i] = value
        return extend.tree_unflatten(self.structure, leaves)

    def given(self, values: Sequence[Any]) -> Arguments:
        """The keywords of the solve, with values in the places of everything that is traced."""
        function = self.closure.fill(values[len(self.places) :])
        return function(*self.trees(values))  # type: ignore[no-any-return]

    def member(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """The numbers of the result for plain values in the places of the traced ones."""
        # Arrays, not scalars: compiled code takes arrays that a function captures as inputs, and scalars as constants.
        count = len(self.places)
        values = [*values[:count], *(np.asarray(value) for value in values[count:])]
        return self.numbers(self._solve(**self.given(values)))

    def numbers(self, result: dict[str, Any]) -> tuple[Any, ...]:
        """The numbers in a result, whose other parts are for one who solves alone."""
        parts, fields = extend.tree_flatten({name: value for name, value in result.items() if _is_numeric(value)})
        if self._fields is not None and fields != self._fields:
            raise OptionError("the results of the members of a batch have different fields: solve in a loop")
        self._fields = fields
        return tuple(np.asarray(part) for part in parts)

    def result(self, parts: Sequence[Any]) -> Result:
        """The result of which these are the numbers."""
        return Result({**extend.tree_unflatten(self._fields, list(parts)), "message": _MESSAGE, "history": History()})


class Members:
    """The members of one batch, for a method that solves them together.

    Attributes
    ----------
    size : int
        How many there are.
    shared : bool
        Whether they have one function, and differ in start and arguments only.

    Examples
    --------
    >>> import optimizers as opt
    >>> sizes = []
    >>> class Together(opt.LBFGS):
    ...     def together(self, members):
    ...         sizes.append((members.size, members.shared))  # and None: one after another
    >>> hd.vmap(lambda x0: Together().run(lambda x: x @ x, x0).success)(np.ones((3, 2))), sizes
    (array([ True,  True,  True]), [(3, True)])
    """

    def __init__(self, task: _Task, size: int, operands: Sequence[Any], batched: Sequence[bool]) -> None:
        self.size = size
        self.shared = not task.closure.values
        self._task, self._operands, self._batched = task, operands, batched

    def given(self, i: int) -> Arguments:
        """The keywords of the solve of member `i`, plain."""
        pairs = zip(self._operands, self._batched, strict=True)
        return self._task.given([operand[i] if mine else operand for operand, mine in pairs])

    def vectorised(self, function: Callable[[Any, Arguments], Any]) -> Callable[[Any, Any], Any]:
        """``function(x, given)`` as one of many x and of the numbers of as many members, evaluated together.

        Examples
        --------
        >>> import optimizers as opt
        >>> class Together(opt.LBFGS):
        ...     def together(self, members):
        ...         print(members.vectorised(lambda x, given: given["fun"](x))(np.ones((2, 1)), [0, 2]))
        >>> hd.vmap(lambda x0, a: Together().run(lambda x: x[0] * a, x0, jac=lambda x: 0.0 * x).success)(
        ...     np.ones((3, 1)), np.arange(3.0)
        ... )
        [0. 2.]
        array([ True,  True,  True])
        """

        def one(x: Any, *values: Any) -> Any:
            return function(x, self._task.given(values))

        mapped = hd.vmap(one, in_axes=(0, *(0 if mine else None for mine in self._batched)))
        pairs = list(zip(self._operands, self._batched, strict=True))
        return lambda X, rows: mapped(X, *(operand[rows] if mine else operand for operand, mine in pairs))

    def starts(self) -> Array:
        """The starts as vectors, shape (size, n)."""
        leaves, axes, structure = self._part(0)
        stacked = [
            leaf if axis == 0 else np.broadcast_to(leaf, (self.size, *np.shape(leaf)))
            for leaf, axis in zip(leaves, axes, strict=True)
        ]
        if len(stacked) == 1 and np.ndim(stacked[0]) == 2:
            return real_array(stacked[0], "x0")
        return real_array(hd.vmap(joined)(extend.tree_unflatten(structure, stacked)), "x0")

    def unravelled(self, layout: Layout, X: Array) -> Tree:
        """Vectors, shape (size, n), as a tree of `layout` with the members in front of each leaf."""
        return X if layout.is_vector else hd.vmap(layout.unravel)(X)

    def arguments(self) -> tuple[list[Any], list[int | None], Any]:
        """Leaves of the further arguments, which of their axes the members are (None: all have the same), the tree."""
        return self._part(1)

    def _part(self, number: int) -> tuple[list[Any], list[int | None], Any]:
        axes: list[int | None] = [None] * len(self._task.leaves)
        for i, mine in zip(self._task.places, self._batched, strict=False):
            axes[i] = 0 if mine else None
        parts = self._task.trees(self._operands)
        counts = [len(extend.tree_flatten(part)[0]) for part in parts]
        leaves, structure = extend.tree_flatten(parts[number])
        first = sum(counts[:number])
        return leaves, axes[first : first + counts[number]], structure


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
    """All solves at once, or one after another; where they are traced themselves, by another ``vmap``, in batches."""
    if size == 0:
        raise OptionError("hodiff.vmap: a batch without members has no results; their shapes are those of a member's")
    task: _Task = parameters["task"]
    if task.together is not None and not any(map(extend.is_traced, operands)):
        fields = task.together(Members(task, size, operands, batched))
        if fields is not None:
            return task.numbers(fields)
    pairs = list(zip(operands, batched, strict=True))
    members = [primitive(*(operand[i] if mine else operand for operand, mine in pairs), task=task) for i in range(size)]
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
