"""Least squares: residual problems, robust losses, covariances; re-exports only."""

from optimizers.fitting.base import FitState
from optimizers.fitting.batched import BatchedFits, batched_levenberg_marquardt
from optimizers.fitting.curve_fit import curve_fit
from optimizers.fitting.dogleg import Dogleg
from optimizers.fitting.gauss_newton import GaussNewton
from optimizers.fitting.least_squares import least_squares
from optimizers.fitting.levenberg_marquardt import LevenbergMarquardt
from optimizers.fitting.region import RegionState

__all__ = [
    "BatchedFits",
    "Dogleg",
    "FitState",
    "GaussNewton",
    "LevenbergMarquardt",
    "RegionState",
    "batched_levenberg_marquardt",
    "curve_fit",
    "least_squares",
]
