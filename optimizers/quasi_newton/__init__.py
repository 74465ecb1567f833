"""Methods that learn curvature from gradients; re-exports only."""

from optimizers.quasi_newton.dense import BFGS, DFP, DenseState
from optimizers.quasi_newton.lbfgs import LBFGS
from optimizers.quasi_newton.lbfgsb import LBFGSB
from optimizers.quasi_newton.pairs import LBFGSState
from optimizers.quasi_newton.sr1 import SR1, SR1State
from optimizers.quasi_newton.strategy import HessianUpdate

__all__ = ["BFGS", "DFP", "LBFGS", "LBFGSB", "SR1", "DenseState", "HessianUpdate", "LBFGSState", "SR1State"]
