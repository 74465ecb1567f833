"""The rows of the page on the native back end: what each contender makes of each function."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import hodiff as hd
from benchmarks import native_casadi, native_problems, problems
from benchmarks.by_hand_loops import LOOPS
from benchmarks.compiled_rows import Function, Row, through_jax
from hodiff.errors import ArgumentError

#: Least ratios of CasADi's time to ours, and of the loop's time to ours.
CASADI, LOOP = 3.0, 1 / 1.2

symbols = native_casadi.Names


def best_backend() -> str:
    """The back end that is timed: that of BENCHMARK_BACKEND, or else native code, where this version has it."""
    if chosen := os.environ.get("BENCHMARK_BACKEND"):
        return chosen
    try:
        hd.jit(np.sin, backend="native")
    except ArgumentError:
        return "numpy"
    return "native"


def row(
    name: str,
    ours: Callable[[], Function],
    theirs: Callable[[], Function],
    *arguments: tuple[Any, ...],
    symbolic: Callable[[], Function] | None = None,
    loops: Sequence[Function] = (),
    **targets: float,
) -> Row:
    """A row; ``ours`` and ``theirs`` make what ``hodiff.jit`` and ``jax.jit`` compile, anew each time."""
    contenders: dict[str, Callable[[], Function]] = {
        "hodiff": lambda: hd.jit(ours(), backend=best_backend()),
        "jax": lambda: through_jax(theirs()),
    }
    if symbolic is not None:
        contenders["casadi"] = symbolic
    for number, loop in enumerate(loops):
        contenders[f"loop {number}"] = partial(lambda f: f, loop)
    return Row(name, contenders, arguments, targets)


def gradient_row(name: str, make: Callable[[Any], Function], *arguments: tuple[Any, ...], **options: Any) -> Row:
    """A row of value and gradient of a function that is written once for NumPy and JAX."""
    peers = (lambda: hd.value_and_grad(make(np))), (lambda: jax.value_and_grad(make(jnp)))
    return row(name, *peers, *arguments, **options)


def rows() -> list[Row]:
    """The table."""
    return [*_rosenbrock(), *_elementwise(), *_models(), *_clusters(), *_loops(), *_jacobians()]


def _rosenbrock() -> list[Row]:
    table = []
    for n, target in ((2, 10.0), (100, 12.0), (10_000, 3.0)):
        points = (np.linspace(-1.0, 1.0, n),), (np.linspace(2.0, 0.5, n),)
        options: dict[str, Any] = {"jax": target}
        if n <= 100:
            make = problems.rosenbrock(symbols)
            options |= {"symbolic": partial(native_casadi.value_and_gradient, make, n), "casadi": CASADI}
        else:
            options |= {"loops": LOOPS["rosenbrock"], "loop": LOOP}
        table.append(gradient_row(f"Rosenbrock n={n}", problems.rosenbrock, *points, **options))
    return table


def _elementwise() -> list[Row]:
    table = []
    for n, target in ((10, 10.0), (1_000, 4.0), (100_000, 3.0), (1_000_000, 3.0)):
        points = (np.linspace(-2.0, 2.0, n),), (np.linspace(1.0, 0.5, n),)
        options: dict[str, Any] = {"jax": target}
        if n <= 100:
            make = problems.chain(symbols)
            options |= {"symbolic": partial(native_casadi.value_and_gradient, make, n), "casadi": CASADI}
        else:
            options |= {"loops": LOOPS["chain"], "loop": LOOP}
        table.append(gradient_row(f"transcendental chain n={n}", problems.chain, *points, **options))
    n = 1_280_000
    points = (np.linspace(-20.0, 20.0, n),), (np.linspace(1.0, 0.5, n),)
    options = {"jax": 1.5, "loops": LOOPS["log_sum_exp"], "loop": LOOP}
    table.append(gradient_row(f"log-sum-exp n={n}", problems.log_sum_exp, *points, **options))
    return table


def _models() -> list[Row]:
    inputs, signs, weights = problems.logistic_data()
    images, labels, parameters = problems.network_data()
    squared, observed, logarithms = problems.gaussian_process_data()
    triangular = partial(jax.scipy.linalg.solve_triangular, lower=True)
    return [
        gradient_row(
            "logistic regression 1000×50",
            lambda m: problems.logistic(m, inputs, signs),
            (weights,),
            (2 * weights,),
            jax=1.3,
        ),
        row(
            "logistic regression, Hessian × vector",
            lambda: native_problems.curvature(hd, problems.logistic(np, inputs, signs)),
            lambda: native_problems.curvature(jax, problems.logistic(jnp, inputs, signs)),
            (weights, weights[::-1].copy()),
            (2 * weights, weights**2),
            jax=2.0,
        ),
        row(
            "Gaussian process n=200, by Cholesky",
            lambda: hd.value_and_grad(native_problems.marginal_likelihood(np, np.linalg.solve, squared, observed)),
            lambda: jax.value_and_grad(native_problems.marginal_likelihood(jnp, triangular, squared, observed)),
            (logarithms,),
            (logarithms + 0.5,),
            jax=1.5,
        ),
        gradient_row(
            "MLP 784-128-10, batch 128",
            lambda m: problems.network(m, images, labels),
            (parameters,),
            ([2 * p for p in parameters],),
            jax=1.0,
        ),
    ]


def _clusters() -> list[Row]:
    points, parameters = native_problems.mixture_data()
    others, centres = native_problems.k_means_data()
    return [
        gradient_row(
            "Gaussian mixture d=10 k=25 n=1000",
            lambda m: native_problems.mixture(m, points),
            (parameters,),
            ([0.5 * p for p in parameters],),
            jax=1.3,
        ),
        row(
            "k-means n=10000, diagonal Hessian too",
            lambda: native_problems.with_diagonal(hd, native_problems.k_means(np, others)),
            lambda: native_problems.with_diagonal(jax, native_problems.k_means(jnp, others)),
            (centres,),
            (0.5 * centres,),
            jax=2.0,
        ),
    ]


def _loops() -> list[Row]:
    inputs, parameters = problems.recurrence_data(200)
    rates = np.array([1.1, 0.4, 0.1, 0.4, 2.0, 1.0])
    by_loop = [partial(lambda f, p: f(inputs, *p), loop) for loop in LOOPS["recurrence"]]
    branching = native_problems.branches(native_casadi.select, native_casadi.casadi.sin)
    return [
        row(
            "recurrent network, 200 steps",
            lambda: hd.value_and_grad(problems.recurrence(np, inputs)),
            lambda: jax.value_and_grad(problems.recurrence_by_scan(jax, inputs)),
            (parameters,),
            ([2 * p for p in parameters],),
            loops=by_loop,
            jax=1.5,
            loop=LOOP,
        ),
        row(
            "Runge-Kutta, 1000 steps",
            lambda: hd.value_and_grad(native_problems.predator_and_prey(np, hd.scan)),
            lambda: jax.value_and_grad(native_problems.predator_and_prey(jnp, jax.lax.scan)),
            (rates,),
            (0.5 * rates,),
            jax=2.0,
        ),
        row(
            "scalar code with Python branches",
            lambda: hd.value_and_grad(problems.branches(np)),
            lambda: jax.value_and_grad(native_problems.branches(jax.lax.cond, jnp.sin)),
            (0.7, 0.3),
            (0.2, 0.9),
            (-1.5, 0.4),
            symbolic=partial(native_casadi.value_and_gradient, branching, 0, 0),
            jax=10.0,
            casadi=CASADI,
        ),
    ]


def _jacobians() -> list[Row]:
    parameters, features = native_problems.projection_data()
    observed, other = (native_problems.projection(m) for m in (np, jnp))
    times = np.linspace(0.0, 10.0, 250)
    peaks = np.array([2.0, 3.0, 0.7, 1.0, 6.0, 1.1, 0.3, 0.05])
    drawn = native_problems.projection(symbols)
    return [
        row(
            "bundle adjustment, 5000 Jacobians 2×15",
            lambda: hd.vmap(hd.jacfwd(observed)),
            lambda: jax.vmap(jax.jacfwd(other)),
            (parameters, features),
            (parameters[::-1].copy(), features),
            symbolic=partial(native_casadi.jacobian_blocks, drawn, (15, 2), 2, len(features)),
            jax=4.0,
        ),
        row(
            "curve fit m=250 p=8, Jacobian",
            lambda: hd.jacobian(problems.peaks(np, times)),
            lambda: jax.jacfwd(problems.peaks(jnp, times)),
            (peaks,),
            (1.1 * peaks,),
            symbolic=partial(native_casadi.jacobian, problems.peaks(symbols, times), 8, 250),
            jax=4.0,
            casadi=CASADI,
        ),
    ]
