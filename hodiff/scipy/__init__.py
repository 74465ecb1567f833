"""The functions of SciPy that do not dispatch on their arguments, by SciPy's names.

May import ``special``.

>>> import hodiff.scipy.special as special
>>> float(special.softplus(1000.0))
1000.0
"""

from hodiff.scipy import special

__all__ = ["special"]
