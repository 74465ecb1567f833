"""hodiff: exact derivatives of plain NumPy code, of any order."""

from hodiff import errors, ops
from hodiff.api import grad, jvp, linear_transpose, linearize, stop_gradient, value_and_grad, vjp
