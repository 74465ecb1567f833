"""Methods that use the exact Hessian; re-exports only."""

from optimizers.second_order.arc import ARC, ArcState
from optimizers.second_order.newton import Newton
from optimizers.second_order.newton_cg import NewtonCG, NewtonCGState
from optimizers.second_order.projected_newton import ProjectedNewton, ProjectedNewtonState
from optimizers.second_order.trust_region import TrustRegion, TrustRegionState

__all__ = [
    "ARC",
    "ArcState",
    "Newton",
    "NewtonCG",
    "NewtonCGState",
    "ProjectedNewton",
    "ProjectedNewtonState",
    "TrustRegion",
    "TrustRegionState",
]
