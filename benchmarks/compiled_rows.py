"""The rows of the page on compiled mode: what each contender makes of each function."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import autograd
import autograd.numpy as anp
import jax
import jax.numpy as jnp
import numpy as np

import hodiff as hd
from benchmarks import by_hand, problems

jax.config.update("jax_enable_x64", True)

Function = Callable[..., Any]


@dataclass
class Row:
    """One line of the table.

    Attributes
    ----------
    name : str
    contenders : dict
        Functions without arguments that make the contender anew; "jit" and "eager" are ours.
    arguments : tuple of tuples
        The first are timed, all are checked.
    targets : dict
        Least ratio of the peer's time to ours.
    """

    name: str
    contenders: dict[str, Callable[[], Function]]
    arguments: tuple[tuple[Any, ...], ...]
    targets: dict[str, float] = field(default_factory=dict)


def through_jax(transformed: Function) -> Function:
    """A function compiled by JAX, from NumPy to NumPy."""
    compiled = jax.jit(transformed)

    def call(*arguments: Any) -> Any:
        return jax.tree.map(np.asarray, compiled(*arguments))

    return call


def row(
    name: str,
    make: Callable[[Any], Function],
    *arguments: tuple[Any, ...],
    transform: str = "value_and_grad",
    hand: Function | None = None,
    jax_make: Callable[[Any], Function] | None = None,
    **targets: float,
) -> Row:
    """A row of a function that is written once for all modules of NumPy's names."""
    contenders: dict[str, Callable[[], Function]] = {
        "jit": lambda: hd.jit(getattr(hd, transform)(make(np))),
        "eager": lambda: getattr(hd, transform)(make(np)),
        "autograd": lambda: getattr(autograd, transform)(make(anp)),
        "jax": lambda: through_jax(
            getattr(jax, {"jacobian": "jacfwd"}.get(transform, transform))((jax_make or make)(jnp))
        ),
    }
    if hand is not None:
        contenders["by hand"] = lambda: hand
    return Row(name, contenders, arguments, targets)


def rows() -> list[Row]:
    """The table."""
    return [*_rosenbrock(), *_elementwise(), *_models(), *_loops()]


def _rosenbrock() -> list[Row]:
    table = []
    for n in (2, 10, 100, 1_000, 10_000):
        points = (np.linspace(-1.0, 1.0, n),), (np.linspace(2.0, 0.5, n),)
        targets = {"jax": 1.2} if n <= 1_000 else {}
        if n == 100:
            targets |= {"eager": 4.0, "autograd": 15.0}
        name = f"Rosenbrock n={n}"
        table.append(row(name, problems.rosenbrock, *points, hand=by_hand.rosenbrock, **targets))
    points = (np.linspace(-1.0, 1.0, 100),), (np.linspace(2.0, 0.5, 100),)
    name = "Rosenbrock n=100, Hessian"
    hand = by_hand.rosenbrock_hessian
    table.append(row(name, problems.rosenbrock, *points, transform="hessian", hand=hand, autograd=80.0))
    return table


def _elementwise() -> list[Row]:
    table = []
    for n in (10, 1_000, 100_000):
        points = (np.linspace(-2.0, 2.0, n),), (np.linspace(1.0, 0.5, n),)
        table.append(row(f"transcendental chain n={n}", problems.chain, *points, hand=by_hand.chain))
    points = (np.linspace(-20.0, 20.0, 1_000) ** 2,), (np.linspace(1.0, 0.5, 1_000),)
    table.append(row("log-sum-exp n=1000", problems.log_sum_exp, *points, hand=by_hand.log_sum_exp))
    return table


def _models() -> list[Row]:
    inputs, signs, weights = problems.logistic_data()
    images, labels, parameters = problems.network_data()
    squared, observed, logarithms = problems.gaussian_process_data()
    times = np.linspace(0.0, 10.0, 250)
    peaks = np.array([2.0, 3.0, 0.7, 1.0, 6.0, 1.1, 0.3, 0.05])
    return [
        row(
            "logistic regression 1000×50",
            lambda m: problems.logistic(m, inputs, signs),
            (weights,),
            (2 * weights,),
            hand=lambda w: by_hand.logistic(w, inputs, signs),
        ),
        row(
            "MLP 784-128-10, batch 128",
            lambda m: problems.network(m, images, labels),
            (parameters,),
            ([2 * p for p in parameters],),
        ),
        row(
            "Gaussian process n=200",
            lambda m: problems.gaussian_process(m, squared, observed),
            (logarithms,),
            (logarithms + 0.5,),
        ),
        row(
            "two peaks m=250 p=8, Jacobian",
            lambda m: problems.peaks(m, times),
            (peaks,),
            (1.1 * peaks,),
            transform="jacobian",
        ),
    ]


def _loops() -> list[Row]:
    scalars = (0.7, 0.3), (0.2, 0.9), (-1.5, 0.4)
    table = [row("scalar code with Python branches", problems.branches, *scalars)]
    del table[0].contenders["jax"]  # which refuses branches that depend on values
    for steps in (200, 2_000):
        table.append(_by_scan(steps))
        inputs, parameters = problems.recurrence_data(steps)
        table.append(
            row(
                f"recurrent network, {steps} steps of Python",
                lambda m, x=inputs: problems.recurrence(m, x),
                (parameters,),
                ([2 * p for p in parameters],),
                jax_make=lambda m, x=inputs: problems.recurrence_by_scan(jax, x),
                **({"eager": 5.0} if steps == 2_000 else {}),
            )
        )
    table.append(row("scalar recurrence, 2000 steps", lambda m: problems.scalar_loop(m, 2_000), (0.5,), (1.5,)))
    del table[-1].contenders["jax"]  # which would compile 2 000 steps
    return table


def _by_scan(steps: int) -> Row:
    """The recurrent network with the same loop for JAX and for us."""
    inputs, parameters = problems.recurrence_data(steps)
    libraries = {np: hd, jnp: jax}
    found = row(
        f"recurrent network, {steps} steps of scan",
        lambda m: problems.recurrence_by_scan(libraries[m], inputs),
        (parameters,),
        ([2 * p for p in parameters],),
    )
    del found.contenders["autograd"]  # which has no such loop
    return found


def unrolled(steps: int) -> Row:
    """The recurrent network as a Python loop for JAX too."""
    inputs, parameters = problems.recurrence_data(steps)
    return row(f"recurrent network, {steps} steps", lambda m: problems.recurrence(m, inputs), (parameters,))
