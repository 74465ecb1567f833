"""Subproblems of trust regions and of cubic regularisation: pure functions; re-exports only."""

from optimizers.subproblems.bounded import BoundedStep, Model, bounded_step
from optimizers.subproblems.cubic import cubic, cubic_krylov
from optimizers.subproblems.dogleg import dogleg
from optimizers.subproblems.gltr import gltr
from optimizers.subproblems.lanczos import lowest_curvature
from optimizers.subproblems.moresorensen import moresorensen
from optimizers.subproblems.steihaug import steihaug
from optimizers.subproblems.steps import CubicStep, TrustStep
from optimizers.subproblems.truncated import NewtonStep, truncated_cg

__all__ = [
    "BoundedStep",
    "CubicStep",
    "Model",
    "NewtonStep",
    "TrustStep",
    "bounded_step",
    "cubic",
    "cubic_krylov",
    "dogleg",
    "gltr",
    "lowest_curvature",
    "moresorensen",
    "steihaug",
    "truncated_cg",
]
