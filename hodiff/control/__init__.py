"""Control flow as functions: plain Python loops and branches, which compiled mode writes as one operation each.

May import ``carried``, ``errors``, ``staged``, ``staging`` and ``tree``.

>>> total, running = scan(lambda sum_, x: (sum_ + x, sum_ + x), 0.0, np.array([1.0, 2.0, 3.0]))
>>> total, running
(np.float64(6.0), array([1., 3., 6.]))
"""

from collections.abc import Callable
from operator import index as as_index
from typing import Any

import numpy as np

from hodiff.control.carried import Carry, Stack, elements, numbers_of, pair_of
from hodiff.control.staged import (
    stacked_nothing,
    staged_cond,
    staged_fori_loop,
    staged_scan,
    staged_while_loop,
)
from hodiff.errors import StructureError
from hodiff.tree import leaf_names, unflatten


def cond(pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], *operands: Any) -> Any:
    """Apply one of two functions.

    As ``true_fn(*operands) if pred else false_fn(*operands)``, and eagerly nothing else. Compiled, both are in one
    program where their results have the same types, so that no other program is needed when ``pred`` changes.

    Parameters
    ----------
    pred : bool, number or array of shape ()
        Its truth decides.
    true_fn, false_fn : callable
        May use any values from outside, traced ones included.
    *operands
        Arguments of the functions, of any kind.

    Returns
    -------
    tree
        The result of the function that was chosen.

    Raises
    ------
    hodiff.errors.StructureError
        When ``pred`` has not the shape ().
    hodiff.errors.ControlFlowError
        When ``pred`` differs between the members of a batch, as for ``if``; use ``np.where`` there.

    Examples
    --------
    >>> import hodiff as hd
    >>> def safe_root(x):
    ...     return hd.cond(x > 0.0, np.sqrt, lambda x: 0.0 * x, x)
    >>> float(hd.grad(safe_root)(4.0)), float(hd.grad(safe_root)(-4.0))
    (0.25, 0.0)
    """
    if np.shape(pred) != ():
        raise StructureError(
            f"hodiff.cond: the predicate must be a single truth value, got shape {np.shape(pred)}; use np.any(pred) or "
            f"np.all(pred), or np.where(pred, a, b) to choose element by element"
        )
    done = staged_cond(pred, true_fn, false_fn, operands)
    if done is not None:
        return done.result
    return true_fn(*operands) if pred else false_fn(*operands)


def scan(f: Callable[[Any, Any], tuple[Any, Any]], init: Any, xs: Any, length: int | None = None) -> tuple[Any, Any]:
    """Carry a value through a sequence, and stack what each turn gives.

    As this, for trees, and eagerly nothing else::

        carry, ys = init, []
        for x in xs:
            carry, y = f(carry, x)
            ys.append(y)
        return carry, np.stack(ys)

    Parameters
    ----------
    f : callable
        ``f(carry, x) -> (carry, y)``. What it carries must keep its tree structure, shapes and dtypes; a Python number
        to begin with becomes what the first turn makes of it.
    init : tree of numbers and arrays
    xs : tree of arrays
        All of the same length along axis 0, of which each turn gets one element; None for none.
    length : int, optional
        Number of turns; needed where ``xs`` has no leaves.

    Returns
    -------
    carry : tree
        What the last turn carried on.
    ys : tree of arrays
        ``y`` of all turns, stacked along axis 0.

    Raises
    ------
    hodiff.errors.StructureError
        When lengths, trees, shapes or dtypes do not fit, naming the leaf.

    Examples
    --------
    >>> import hodiff as hd
    >>> def decay(rate):
    ...     return hd.scan(lambda y, dt: (y * (1.0 - rate * dt), y), 1.0, np.full(3, 0.5))[0]
    >>> float(decay(1.0)), float(hd.grad(decay)(1.0))
    (0.125, -0.375)
    """
    leaves, structure = numbers_of(xs, "hodiff.scan: xs")
    count = _length(leaves, xs, length)
    done = staged_scan(f, init, leaves, structure, count)
    if done is not None:
        return done.result
    carry = Carry("scan", init)
    if count == 0:
        return carry.tree(), stacked_nothing(f, carry, leaves, structure)
    stack = Stack()
    for i in range(count):
        result = f(carry.tree(), unflatten(structure, elements(leaves, i)))
        new, y = pair_of(result)
        carry.next(new)
        stack.add(y)
    return carry.tree(), stack.tree()


def fori_loop(lo: Any, hi: Any, body: Callable[[Any, Any], Any], init: Any) -> Any:
    """Carry a value through ``for i in range(lo, hi)``.

    Parameters
    ----------
    lo, hi : int
        May depend on arguments when compiled.
    body : callable
        ``body(i, carry) -> carry``, which keeps tree structure, shapes and dtypes as in `scan`.
    init : tree of numbers and arrays

    Returns
    -------
    tree
        What the last turn gave; ``init`` where there is none.

    Raises
    ------
    hodiff.errors.StructureError
        When trees, shapes or dtypes do not fit, naming the leaf.

    Examples
    --------
    >>> import hodiff as hd
    >>> def power(x, n):
    ...     return hd.fori_loop(0, n, lambda i, y: y * x, 1.0)
    >>> float(power(2.0, 5)), float(hd.grad(power)(2.0, 5))
    (32.0, 80.0)
    """
    done = staged_fori_loop(lo, hi, body, init)
    if done is not None:
        return done.result
    carry = Carry("fori_loop", init)
    for i in range(as_index(lo), as_index(hi)):
        carry.next(body(i, carry.tree()))
    return carry.tree()


def while_loop(cond: Callable[[Any], Any], body: Callable[[Any], Any], init: Any) -> Any:
    """Carry a value through a loop as long as a condition holds.

    Parameters
    ----------
    cond : callable
        ``cond(carry)``: a truth value.
    body : callable
        ``body(carry) -> carry``, which keeps tree structure, shapes and dtypes as in `scan`.
    init : tree of numbers and arrays

    Returns
    -------
    tree
        What the last turn gave; ``init`` where there is none.

    Raises
    ------
    hodiff.errors.StructureError
        When trees, shapes or dtypes do not fit, naming the leaf.
    hodiff.errors.ControlFlowError
        When the condition differs between the members of a batch, as for ``while``.

    Notes
    -----
    The loop has derivatives in both directions; in reverse it saves what it needs of each turn.

    Examples
    --------
    >>> import hodiff as hd
    >>> def root(a):
    ...     return hd.while_loop(lambda x: np.abs(x * x - a) > 1e-12, lambda x: 0.5 * (x + a / x), a)
    >>> round(float(root(2.0)), 6), round(float(hd.grad(root)(2.0)), 6)
    (1.414214, 0.353553)
    """
    done = staged_while_loop(cond, body, init)
    if done is not None:
        return done.result
    carry = Carry("while_loop", init)
    while cond(carry.tree()):
        carry.next(body(carry.tree()))
    return carry.tree()


def _length(leaves: list[Any], xs: Any, length: Any) -> int:
    """The number of turns."""
    names = leaf_names(xs)
    counts: dict[int, str] = {}
    for leaf, name in zip(leaves, names, strict=True):
        shape = np.shape(leaf)
        where = f"leaf {name} of xs" if name else "xs"
        if not shape:
            raise StructureError(
                f"hodiff.scan: {where} has no axis to go along; pass arrays, with the turns along axis 0"
            )
        counts.setdefault(shape[0], where)
    if length is not None:
        counts.setdefault(as_index(length), "length")
    if len(counts) > 1:
        listed = ", ".join(f"{where}: {count}" for count, where in counts.items())
        raise StructureError(f"hodiff.scan: lengths differ: {listed}")
    if not counts:
        raise StructureError("hodiff.scan: xs has no leaves; pass length=")
    (count,) = counts
    if count < 0:
        raise StructureError(f"hodiff.scan: length must not be negative, got {count}")
    return count
