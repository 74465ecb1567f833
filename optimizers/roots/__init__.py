"""Methods for systems of equations; re-exports only."""

from optimizers.roots.anderson import Anderson, AndersonState
from optimizers.roots.base import RootSolver, RootState
from optimizers.roots.broyden import Broyden, BroydenState
from optimizers.roots.fixed_point import FixedPoint
from optimizers.roots.krylov import NewtonKrylov, NewtonKrylovState
from optimizers.roots.newton import NewtonRoot, NewtonRootState
from optimizers.roots.root import fixed_point, root

__all__ = [
    "Anderson",
    "AndersonState",
    "Broyden",
    "BroydenState",
    "FixedPoint",
    "NewtonKrylov",
    "NewtonKrylovState",
    "NewtonRoot",
    "NewtonRootState",
    "RootSolver",
    "RootState",
    "fixed_point",
    "root",
]
