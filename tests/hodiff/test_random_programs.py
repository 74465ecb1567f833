"""Properties of derivatives of random programs: modes agree, Hessians are symmetric, vmap is a loop, calculus holds."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import hodiff as hd

N = 3
M = np.array([[0.5, -0.25, 1.0], [0.75, 0.5, -0.5], [-1.0, 0.25, 0.5]])

# Smooth operations that stay within a moderate range, so that no random program overflows.
UNARY = {
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "exp-tanh": lambda x: np.exp(np.tanh(x)),
    "log1p-square": lambda x: np.log1p(x * x),
    "sqrt": lambda x: np.sqrt(1.5 + np.sin(x)),
    "reciprocal": lambda x: 1 / (2 + np.cos(x)),
    "arctan": np.arctan,
    "negative": lambda x: -x,
    "reverse": lambda x: x[::-1],
    "gather": lambda x: x[[2, 0, 0]],
    "cumsum": lambda x: np.cumsum(x) / N,
    "matvec": lambda x: M @ x,
    "vecmat": lambda x: x @ M,
    "roll-by-concatenate": lambda x: np.concatenate([x[1:], x[:1]]),
    "stack-and-sum": lambda x: np.sum(np.stack([x, np.sin(x)]), axis=0) / 2,
    "mean": lambda x: x - np.mean(x),
    "outer": lambda x: np.outer(np.tanh(x), np.cos(x)).sum(axis=1),
    "reshape": lambda x: np.reshape(np.broadcast_to(x, (2, N)), (2 * N,))[1 : N + 1],
    "where": lambda x: np.where(np.array([True, False, True]), x, 0.5 * x * x / (1 + x * x)),
    "product": lambda x: np.sin(x) * np.prod(np.cos(x)),
    "norm": lambda x: x / np.sqrt(1 + x @ x),
    "einsum": lambda x: np.einsum("i,ij,j->i", np.sin(x), M, np.cos(x)),
    "std": lambda x: np.cos(x) * np.var(x) / (1 + np.var(x)),
    "python-loop": lambda x: np.stack([np.sin(x[i] * x[i - 1]) for i in range(N)]),
}
BINARY = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: np.sin(x) * np.cos(y),
    "divide": lambda x, y: x / (2 + np.sin(y)),
    "power": lambda x, y: (1.5 + np.sin(x)) ** np.cos(y),
    "hypot": lambda x, y: np.hypot(1.0 + np.tanh(x) ** 2, np.sin(y)),
    "logaddexp": lambda x, y: np.logaddexp(np.sin(x), np.cos(y)),
    "dot": lambda x, y: np.tanh(x) * np.dot(np.sin(x), np.sin(y)),
    "arctan2": lambda x, y: np.arctan2(np.sin(x), 2 + np.cos(y)),
}

programs = st.recursive(
    st.just("x"),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(sorted(UNARY)), inner), st.tuples(st.sampled_from(sorted(BINARY)), inner, inner)
    ),
    max_leaves=6,
).filter(lambda program: program != "x")
points = st.lists(st.floats(-1.5, 1.5, allow_subnormal=False), min_size=N, max_size=N).map(np.array)
directions = st.integers(0, 10_000).map(lambda seed: np.random.default_rng(seed).uniform(-1, 1, N))


def evaluate(program, x):
    if program == "x":
        return x
    name, *arguments = program
    values = [evaluate(argument, x) for argument in arguments]
    return (UNARY if len(values) == 1 else BINARY)[name](*values)


def as_function(program):
    return lambda x: evaluate(program, x)


def as_cost(program):
    return lambda x: np.sum(np.sin(evaluate(program, x)))


def close(actual, expected, rtol=1e-9):
    scale = max(np.max(np.abs(expected), initial=0.0), 1.0)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=rtol * scale)


few = settings(max_examples=150, deadline=None, derandomize=True, database=None)


@few
@given(programs, points, directions, directions)
def test_forward_and_reverse_agree(program, x, v, w):
    f = as_function(program)
    out, tangent = hd.jvp(f, (x,), (v,))
    _, pullback = hd.vjp(f, x)
    _, pushforward = hd.linearize(f, x)
    close(out, f(x))
    close(w @ tangent, pullback(w)[0] @ v)
    close(pushforward(v), tangent)
    close(hd.jacfwd(f)(x), hd.jacrev(f)(x))
    close(hd.jacfwd(f)(x) @ v, tangent)


@few
@given(programs, points, directions)
def test_derivatives_agree_with_differences(program, x, v):
    f = as_function(program)
    # Central differences of order 4; the programs are smooth on a scale of about 1/8.
    h = 1e-3
    difference = (8 * (f(x + h * v) - f(x - h * v)) - (f(x + 2 * h * v) - f(x - 2 * h * v))) / (12 * h)
    close(hd.jvp(f, (x,), (v,))[1], difference, rtol=1e-6)


@few
@given(programs, points, directions)
def test_hessians_are_symmetric_and_all_mixtures_agree(program, x, v):
    f = as_cost(program)
    hessian = hd.hessian(f)(x)
    close(hessian, hessian.T)
    close(hd.jacrev(hd.grad(f))(x), hessian)
    close(hd.jacfwd(hd.jacfwd(f))(x), hessian)
    close(hd.hvp(f)(x, v), hessian @ v)
    close(hd.grad(lambda x: hd.jvp(f, (x,), (v,))[1])(x), hessian @ v)
    close(hd.grad(lambda x: hd.grad(f)(x) @ v)(x), hessian @ v)
    close(hd.jvp(lambda x: hd.jvp(f, (x,), (v,))[1], (x,), (v,))[1], v @ hessian @ v)


@few
@given(programs, points)
def test_third_derivatives_are_symmetric(program, x):
    third = hd.jacrev(hd.hessian(as_cost(program)))(x)
    for axes in ((1, 0, 2), (0, 2, 1), (2, 1, 0)):
        close(third, np.transpose(third, axes), rtol=1e-8)


@few
@given(programs, st.lists(points, min_size=1, max_size=4).map(np.stack))
def test_vmap_is_a_loop(program, xs):
    f, cost = as_function(program), as_cost(program)
    close(hd.vmap(f)(xs), np.stack([f(x) for x in xs]))
    close(hd.vmap(f, in_axes=1, out_axes=1)(xs.T), np.stack([f(x) for x in xs], axis=1))
    close(hd.vmap(hd.grad(cost))(xs), np.stack([hd.grad(cost)(x) for x in xs]))
    close(hd.vmap(hd.hessian(cost))(xs), np.stack([hd.hessian(cost)(x) for x in xs]))
    close(hd.grad(lambda xs: np.sum(hd.vmap(cost)(xs)))(xs), np.stack([hd.grad(cost)(x) for x in xs]))


@few
@given(programs, programs, points)
def test_product_rule_and_chain_rule(first, second, x):
    f, g = as_cost(first), as_cost(second)
    close(hd.grad(lambda x: f(x) * g(x))(x), hd.grad(f)(x) * g(x) + f(x) * hd.grad(g)(x))
    inner, outer = as_function(first), as_cost(second)
    close(hd.grad(lambda x: outer(inner(x)))(x), hd.grad(outer)(inner(x)) @ hd.jacrev(inner)(x))


@few
@given(programs, points, st.integers(1, 4))
def test_chunks_do_not_matter(program, x, chunk_size):
    f = as_function(program)
    close(hd.jacfwd(f, chunk_size=chunk_size)(x), hd.jacfwd(f)(x))
    close(hd.jacrev(f, chunk_size=chunk_size)(x), hd.jacrev(f)(x))


@few
@given(programs, points)
def test_single_precision_gives_the_same_to_its_accuracy(program, x):
    gradient = hd.grad(as_cost(program))
    single = gradient(x.astype(np.float32))
    assert single.dtype == np.float32
    close(single, gradient(x.astype(np.float32).astype(float)), rtol=2e-3)
