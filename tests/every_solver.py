"""Every solver that `optimizers` exports, found and not listed: what all have to do is asked of new ones too."""

import dataclasses
import inspect

import pytest

import optimizers as opt


def exported():
    """The classes of solvers among the public names."""
    names = [getattr(opt, name) for name in opt.__all__]
    return [kind for kind in names if inspect.isclass(kind) and issubclass(kind, opt.Solver) and kind is not opt.Solver]


def of_objectives(kind):
    """Whether a class minimises an objective; the others are for residuals and roots."""
    return kind.problem_of is opt.Solver.problem_of


CLASSES = exported()
MINIMISERS = [kind() for kind in CLASSES if of_objectives(kind)]
RESIDUAL_SOLVERS = [kind() for kind in CLASSES if not of_objectives(kind)]
# Fixed rates and moving averages: they come near a minimum, slowly.
SLOW = frozenset({"Momentum", "Nesterov", "AdaGrad", "RMSProp", "Adam", "AdamW", "Lion", "Chain"})


def is_of_objectives(solver):
    """The same of a solver."""
    return of_objectives(type(solver))


def name_of(solver):
    return type(solver).__name__


# Values of options that are tried one at a time, where a class has such an option and takes the value.
_VALUES = {
    "linesearch": [opt.Armijo(), opt.StrongWolfe(), opt.HagerZhang(), opt.MoreThuente(), "bb1", "bb2"],
    "beta": ["PR+", "FR", "HS", "DY", "HZ"],
    "subproblem": ["moresorensen", "dogleg", "steihaug", "gltr", "factor", "krylov"],
    "hessian": ["dense", "products"],
    "scaling": [True, False],
    "geodesic": [True],
    "loss": ["soft_l1", "huber", "cauchy", "arctan"],
    "monotone": ["residual", "natural"],
    "update": ["good", "bad"],
    "jacobian": ["exact", "identity"],
    "memory": [2],
    "nesterov": [True],
    "amsgrad": [True],
    "centered": [True],
    "restart": ["function", 0.5],
    "weight_decay": [0.01],
    "radius": [0.1],
    "sigma": [10.0],
}


def variants():
    """Solvers with one option changed, and what they are called."""
    found = {}
    for kind in CLASSES:
        default = kind()
        for name in {field.name for field in dataclasses.fields(kind)} & set(_VALUES):
            for value in _VALUES[name]:
                if value == getattr(default, name):
                    continue
                try:
                    solver = dataclasses.replace(default, **{name: value})
                except opt.errors.OptionError:
                    continue
                said = value if isinstance(value, (str, int, float)) else type(value).__name__
                found[f"{kind.__name__}-{name}={said}"] = solver
    return dict(sorted(found.items()))


VARIANTS = variants()


def unused_values():
    """Pairs of an option and a value to be tried that no class takes."""
    found = []
    for name, values in _VALUES.items():
        solvers = [s for s in (*VARIANTS.values(), *MINIMISERS, *RESIDUAL_SOLVERS) if hasattr(s, name)]
        found += [(name, value) for value in values if all(getattr(s, name) != value for s in solvers)]
    return found


def each_variant(keep=lambda solver: True):
    """Parametrise a test over `VARIANTS`."""
    kept = {name: solver for name, solver in VARIANTS.items() if keep(solver)}
    return pytest.mark.parametrize("solver", kept.values(), ids=kept.keys())


def is_slow(solver):
    return name_of(solver) in SLOW


def each(solvers, name="solver"):
    """Parametrise a test over solvers, by their names."""
    return pytest.mark.parametrize(name, solvers, ids=name_of)
