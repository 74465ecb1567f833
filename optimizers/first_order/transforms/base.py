"""What a transform of updates is, and chains of them; imports ``flatten``, ``checks``, ``errors``.

A transform turns a gradient into an update, and carries a state: plain data, to pickle. Transforms are pure, and work
on any tree of arrays, leaf by leaf; each leaf keeps its dtype.

>>> import numpy as np
>>> from optimizers.first_order.transforms import scale
>>> descent = chain(scale(-0.5), scale(0.5))
>>> params = {"w": np.ones(2, dtype=np.float32)}
>>> update, state = descent.update({"w": np.float32([4.0, 8.0])}, descent.init(params), params)
>>> apply_updates(params, update)
{'w': array([ 0., -1.], dtype=float32)}
"""

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from optimizers.checks import is_number
from optimizers.errors import OptionError, ShapeError
from optimizers.flatten import Tree, leaves_of, tree_of

__all__ = ["Kept", "Leaves", "PerLeaf", "Transform", "apply_updates", "chain", "is_share", "mixed", "zeros_like"]

Leaves: TypeAlias = list[Any]
Kept: TypeAlias = tuple[Any, ...]
"""What a state holds: one array a leaf."""


class Transform(Protocol):
    """What makes updates of gradients, one step at a time.

    Examples
    --------
    >>> from optimizers.first_order.transforms import scale_by_adam
    >>> transform: Transform = scale_by_adam()
    """

    def init(self, params: Tree) -> Any:
        """The state before the first step, for parameters like `params`."""
        ...

    def update(self, gradient: Tree, state: Any, params: Tree = None) -> tuple[Tree, Any]:
        """What to add to `params`, or to give to the next transform, and the state after this step."""
        ...


@dataclass(frozen=True)
class PerLeaf:
    """A transform that is written for a list of arrays; here is what makes it one of trees.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Sign(PerLeaf):
    ...     def change(self, gradients, state, params):
    ...         return [np.sign(g) for g in gradients], state
    >>> update, _ = Sign().update((3.0, np.array([-2.0, 0.0])), ())
    >>> update
    (np.float64(1.0), array([-1.,  0.]))
    """

    def init(self, params: Tree) -> Any:
        """The state before the first step.

        Examples
        --------
        >>> PerLeaf().init(np.ones(2))
        ()
        """
        return self.begin([np.asarray(leaf) for leaf in leaves_of(params)[0]])

    def update(self, gradient: Tree, state: Any, params: Tree = None) -> tuple[Tree, Any]:
        """The update, a tree like `gradient`, and the next state.

        Raises
        ------
        ShapeError
            When `params` is given, and a tree of another structure.

        Examples
        --------
        >>> from optimizers.first_order.transforms import scale
        >>> scale(2.0).update(np.ones(2), ())
        (array([2., 2.]), ())
        """
        leaves, structure = leaves_of(gradient)
        given = None if params is None else _matching(params, structure, "the gradient")
        changed, state = self.change(leaves, state, given)
        return tree_of(structure, changed), state

    def forget(self, state: Any) -> Any:
        """The state without the direction of earlier steps, when a step was refused; counts stay. Most have none.

        Examples
        --------
        >>> from optimizers.first_order.transforms import scale_by_momentum
        >>> scale_by_momentum().forget((np.ones(2),))
        (array([0., 0.]),)
        """
        return state

    def begin(self, params: Leaves) -> Any:
        """The state before the first step, of the leaves of the parameters: nothing, for most.

        Examples
        --------
        >>> PerLeaf().begin([])
        ()
        """
        return ()

    def change(self, gradients: Leaves, state: Any, params: Leaves | None) -> tuple[Leaves, Any]:
        """The leaves of the update, and the next state; `gradients` and `params` are not written to.

        Examples
        --------
        >>> from optimizers.first_order.transforms import scale
        >>> scale(2.0).change([np.ones(1)], (), None)
        ([array([2.])], ())
        """
        raise NotImplementedError

    def _check(self, name: str, holds: bool, wanted: str) -> None:
        if not holds:
            raise OptionError(f"{type(self).__name__}: {name} must be {wanted}, not {getattr(self, name)!r}")


@dataclass(frozen=True)
class Chain:
    """Transforms one after another; `chain` makes it.

    Examples
    --------
    >>> Chain(()).update(1.0, ())
    (1.0, ())
    """

    transforms: tuple[Transform, ...]

    def init(self, params: Tree) -> tuple[Any, ...]:
        """The states of all.

        Examples
        --------
        >>> Chain(()).init(np.ones(1))
        ()
        """
        return tuple(transform.init(params) for transform in self.transforms)

    def update(self, gradient: Tree, state: tuple[Any, ...], params: Tree = None) -> tuple[Tree, tuple[Any, ...]]:
        """The update of the last, each having been given that of the one before.

        Examples
        --------
        >>> from optimizers.first_order.transforms import scale
        >>> Chain((scale(2.0), scale(3.0))).update(1.0, ((), ()))
        (6.0, ((), ()))
        """
        states = []
        for transform, own in zip(self.transforms, state, strict=True):
            gradient, new = transform.update(gradient, own, params)
            states.append(new)
        return gradient, tuple(states)

    def forget(self, state: tuple[Any, ...]) -> tuple[Any, ...]:
        """The states of all without the direction of earlier steps, where they can forget it.

        Examples
        --------
        >>> Chain(()).forget(())
        ()
        """
        return tuple(
            transform.forget(own) if hasattr(transform, "forget") else own
            for transform, own in zip(self.transforms, state, strict=True)
        )


def chain(*transforms: Transform) -> Chain:
    """One transform of several: each is given what the one before makes of the gradient.

    The last should turn the update downhill, as `scale_by_learning_rate` does: updates are added to the parameters.

    Raises
    ------
    OptionError
        When one of `transforms` has no ``init`` and ``update``.

    Examples
    --------
    >>> import optimizers as opt
    >>> t = opt.transforms
    >>> descent = t.chain(t.clip_by_norm(1.0), t.scale_by_momentum(0.9), t.scale_by_learning_rate(0.1))
    >>> params = np.array([3.0, 4.0])
    >>> state = descent.init(params)
    >>> for _ in range(2):
    ...     update, state = descent.update(params, state, params)   # the gradient of |x|²/2 is x
    ...     params = t.apply_updates(params, update)
    >>> params
    array([2.826, 3.768])
    """
    for transform in transforms:
        if not (hasattr(transform, "init") and hasattr(transform, "update")):
            raise OptionError(f"chain: {transform!r} is no transform: those have init and update")
    return Chain(transforms)


def apply_updates(params: Tree, updates: Tree) -> Tree:
    """`params` plus `updates`, leaf by leaf: a new tree.

    Raises
    ------
    ShapeError
        When the trees differ in structure.

    Examples
    --------
    >>> apply_updates({"a": 1.0, "b": np.ones(2)}, {"a": 0.5, "b": np.array([1.0, -1.0])})
    {'a': 1.5, 'b': array([2., 0.])}
    """
    leaves, structure = leaves_of(params)
    changes = _matching(updates, structure, "the parameters")
    return tree_of(structure, [leaf + change for leaf, change in zip(leaves, changes, strict=True)])


def is_share(value: Any) -> bool:
    """Whether `value` is a number in [0, 1).

    Examples
    --------
    >>> is_share(0.9), is_share(1.0)
    (True, False)
    """
    return is_number(value) and bool(0.0 <= value < 1.0)


def zeros_like(params: Leaves) -> Kept:
    """An array of zeros a leaf, of its dtype, or float64 where that is not one of floating-point numbers.

    Examples
    --------
    >>> zeros_like([np.ones(1, dtype=np.float32), np.ones(1, dtype=int)])
    (array([0.], dtype=float32), array([0.]))
    """
    return tuple(np.zeros_like(leaf, dtype=np.result_type(leaf, np.float16)) for leaf in params)


def mixed(share: float, kept: Kept, new: Leaves) -> Kept:
    """The moving averages, of which the old ones are the `share`.

    Examples
    --------
    >>> mixed(0.75, (4.0,), [0.0])
    (3.0,)
    """
    return tuple(share * old + (1.0 - share) * g for old, g in zip(kept, new, strict=True))


def _matching(tree: Tree, structure: Any, whose: str) -> Leaves:
    """The leaves of a tree, once that is known to be of the right structure."""
    leaves, own = leaves_of(tree)
    if own != structure:
        raise ShapeError(f"a tree of structure {own} where it must be that of {whose}, {structure}")
    return leaves
