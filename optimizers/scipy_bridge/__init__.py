"""SciPy's methods with exact derivatives; re-exports only."""

from optimizers.scipy_bridge.constraints import exact_constraints, nonlinear_constraint
from optimizers.scipy_bridge.keywords import METHODS, SharedDerivatives, method_named, plain_name, scipy_kwargs
from optimizers.scipy_bridge.residuals import curve_fit_kwargs, least_squares_kwargs
from optimizers.scipy_bridge.roots import ROOT_METHODS, root_kwargs, run_scipy_root
from optimizers.scipy_bridge.run import run_scipy

__all__ = [
    "METHODS",
    "ROOT_METHODS",
    "SharedDerivatives",
    "curve_fit_kwargs",
    "exact_constraints",
    "least_squares_kwargs",
    "method_named",
    "nonlinear_constraint",
    "plain_name",
    "root_kwargs",
    "run_scipy",
    "run_scipy_root",
    "scipy_kwargs",
]
