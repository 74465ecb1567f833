"""hodiff: exact derivatives of plain NumPy code, of any order."""

from hodiff import errors, extend, numpy, ops, scipy, testing
from hodiff.api import grad, jvp, linear_transpose, linearize, stop_gradient, value_and_grad, vjp
from hodiff.compiled.jit import jit, make_program
from hodiff.compiled.native.loading.threads import set_num_threads
from hodiff.control import cond, fori_loop, scan, while_loop
from hodiff.custom import checkpoint, custom_jvp, custom_vjp
from hodiff.debug import debug_nans
from hodiff.jacobians import hessian, hvp, jacfwd, jacobian, jacrev
from hodiff.mapping import vmap
from hodiff.tree import register_pytree_node

__all__ = [
    "checkpoint",
    "cond",
    "custom_jvp",
    "custom_vjp",
    "debug_nans",
    "errors",
    "extend",
    "fori_loop",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jit",
    "jvp",
    "linear_transpose",
    "linearize",
    "make_program",
    "numpy",
    "ops",
    "register_pytree_node",
    "scan",
    "scipy",
    "set_num_threads",
    "stop_gradient",
    "testing",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
]
