"""What a rule author imports: one constructor for each kind of primitive.

A primitive is declared once; forward and reverse mode, batching and every nesting of them follow. ``docs/extending.md``
has a worked example of each kind.

>>> import numpy as np
>>> import hodiff as hd
>>> cube = elementwise(lambda x: x**3, lambda ans, x: 3 * x**2, name="cube")
>>> float(hd.grad(cube)(2.0)), float(hd.grad(hd.grad(cube))(2.0))
(12.0, 12.0)
"""

from hodiff.core import Primitive
from hodiff.kinds import composite, constant, elementwise, general, linear, multilinear, reject
from hodiff.shaped import Shaped

__all__ = ["Primitive", "Shaped", "composite", "constant", "elementwise", "general", "linear", "multilinear", "reject"]
