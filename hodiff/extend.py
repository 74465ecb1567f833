"""What a rule author imports: one constructor for each kind of primitive.

A primitive is declared once; forward and reverse mode, batching and every nesting of them follow. ``docs/extending.md``
has a worked example of each kind. `tree_flatten` and `tree_unflatten` take apart what hodiff regards as a tree;
`is_traced` and `Closure` are for those who call a user's function on plain values, as a solver does.

>>> import numpy as np
>>> import hodiff as hd
>>> cube = elementwise(lambda x: x**3, lambda ans, x: 3 * x**2, name="cube")
>>> float(hd.grad(cube)(2.0)), float(hd.grad(hd.grad(cube))(2.0))
(12.0, 12.0)
"""

from hodiff.closures import Closure, is_traced
from hodiff.core import Primitive
from hodiff.kinds import composite, constant, elementwise, general, linear, multilinear, reject
from hodiff.shaped import Shaped
from hodiff.tree import flatten as tree_flatten
from hodiff.tree import unflatten as tree_unflatten

__all__ = [
    "Closure",
    "Primitive",
    "Shaped",
    "composite",
    "constant",
    "elementwise",
    "general",
    "is_traced",
    "linear",
    "multilinear",
    "reject",
    "tree_flatten",
    "tree_unflatten",
]
