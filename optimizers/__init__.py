"""Minimisers driven by exact derivatives: one problem, one driver, one result; re-exports only.

>>> import numpy as np
>>> import optimizers as opt
>>> def rosen(x):
...     return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
>>> result = opt.minimize(rosen, [-1.2, 1.0])
>>> bool(result.success), result.x.round(4), result.nit < 40
(True, array([1., 1.]), True)
"""

from optimizers import errors
from optimizers.checking import DerivativeReport, DerivativeTest, check_derivatives
from optimizers.conjugate_gradient import NonlinearCG
from optimizers.equations import FixedPointProblem, RootProblem
from optimizers.first_order import (
    AdaGrad,
    Adam,
    AdamW,
    Chain,
    GradientDescent,
    Lion,
    Momentum,
    Nesterov,
    RMSProp,
    schedules,
    transforms,
)
from optimizers.fitting import Dogleg, GaussNewton, LevenbergMarquardt, curve_fit, least_squares
from optimizers.linesearch import Armijo, FixedStep, HagerZhang, LineSearch, MoreThuente, Searched, StrongWolfe
from optimizers.minimize import minimize
from optimizers.point import Counts, Point
from optimizers.problem import Problem
from optimizers.quasi_newton import BFGS, DFP, LBFGS, LBFGSB, SR1, HessianUpdate
from optimizers.residuals import ResidualPoint, ResidualProblem
from optimizers.result import History, Result, Row
from optimizers.roots import Anderson, Broyden, FixedPoint, NewtonKrylov, NewtonRoot, fixed_point, root
from optimizers.scipy_bridge import (
    curve_fit_kwargs,
    least_squares_kwargs,
    nonlinear_constraint,
    root_kwargs,
    scipy_kwargs,
)
from optimizers.second_order import ARC, Newton, NewtonCG, ProjectedNewton, TrustRegion
from optimizers.solver import Solver
from optimizers.state import State
from optimizers.status import Status
from optimizers.stopping import FDecrease, GradNorm, MaxEval, MaxIter, MaxTime, Rule, StepSize, all_, any_
from optimizers.subproblems import (
    CubicStep,
    TrustStep,
    cubic,
    cubic_krylov,
    dogleg,
    gltr,
    lowest_curvature,
    moresorensen,
    steihaug,
)

__all__ = [
    "ARC",
    "BFGS",
    "DFP",
    "LBFGS",
    "LBFGSB",
    "SR1",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Anderson",
    "Armijo",
    "Broyden",
    "Chain",
    "Counts",
    "CubicStep",
    "DerivativeReport",
    "DerivativeTest",
    "Dogleg",
    "FDecrease",
    "FixedPoint",
    "FixedPointProblem",
    "FixedStep",
    "GaussNewton",
    "GradNorm",
    "GradientDescent",
    "HagerZhang",
    "HessianUpdate",
    "History",
    "LevenbergMarquardt",
    "LineSearch",
    "Lion",
    "MaxEval",
    "MaxIter",
    "MaxTime",
    "Momentum",
    "MoreThuente",
    "Nesterov",
    "Newton",
    "NewtonCG",
    "NewtonKrylov",
    "NewtonRoot",
    "NonlinearCG",
    "Point",
    "Problem",
    "ProjectedNewton",
    "RMSProp",
    "ResidualPoint",
    "ResidualProblem",
    "Result",
    "RootProblem",
    "Row",
    "Rule",
    "Searched",
    "Solver",
    "State",
    "Status",
    "StepSize",
    "StrongWolfe",
    "TrustRegion",
    "TrustStep",
    "all_",
    "any_",
    "check_derivatives",
    "cubic",
    "cubic_krylov",
    "curve_fit",
    "curve_fit_kwargs",
    "dogleg",
    "errors",
    "fixed_point",
    "gltr",
    "least_squares",
    "least_squares_kwargs",
    "lowest_curvature",
    "minimize",
    "moresorensen",
    "nonlinear_constraint",
    "root",
    "root_kwargs",
    "schedules",
    "scipy_kwargs",
    "steihaug",
    "transforms",
]
