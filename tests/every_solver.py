"""Every solver that `optimizers` exports, found and not listed: what all have to do is asked of new ones too."""

import inspect

import pytest

import optimizers as opt

# Options where the defaults serve no small test.
_OPTIONS = {}


def exported():
    """The classes of solvers among the public names."""
    names = [getattr(opt, name) for name in opt.__all__]
    return [kind for kind in names if inspect.isclass(kind) and issubclass(kind, opt.Solver) and kind is not opt.Solver]


def of_objectives(kind):
    """Whether a class minimises an objective; the others are for residuals and roots."""
    return kind.problem_of is opt.Solver.problem_of


CLASSES = exported()
MINIMISERS = [kind(**_OPTIONS.get(kind.__name__, {})) for kind in CLASSES if of_objectives(kind)]
RESIDUAL_SOLVERS = [kind(**_OPTIONS.get(kind.__name__, {})) for kind in CLASSES if not of_objectives(kind)]
# Fixed rates and moving averages: they come near a minimum, slowly.
SLOW = frozenset({"Momentum", "Nesterov", "AdaGrad", "RMSProp", "Adam", "AdamW", "Lion", "Chain"})


def is_of_objectives(solver):
    """The same of a solver."""
    return of_objectives(type(solver))


def name_of(solver):
    return type(solver).__name__


def is_slow(solver):
    return name_of(solver) in SLOW


def each(solvers, name="solver"):
    """Parametrise a test over solvers, by their names."""
    return pytest.mark.parametrize(name, solvers, ids=name_of)
