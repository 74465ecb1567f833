"""Methods that learn curvature from gradients; re-exports only."""

from optimizers.quasi_newton.lbfgs import LBFGS, LBFGSState

__all__ = ["LBFGS", "LBFGSState"]
