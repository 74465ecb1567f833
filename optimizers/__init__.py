from optimizers.first_order import GradientDescent
from optimizers.linesearch import *
from optimizers.problem import Problem
from optimizers.quasi_newton import LBFGS
from optimizers.second_order import Newton, TrustRegion
from optimizers.errors import *
from optimizers.status import Status
