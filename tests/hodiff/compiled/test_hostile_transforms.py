"""Hostile programs: each transformation around a compiled function and inside one, nested, with closures, branches."""

import numpy as np
import pytest
from backends import alternating
from hostile import check

import hodiff as hd

pytestmark = pytest.mark.usefixtures("backend")

X = np.array([0.5, -1.0, 2.0])
POINTS = [X, X + 0.1, -X, X * 3, X]


def smooth(x):
    return np.sum(np.sin(x) * x**2) + x[0] * x[1]


def branching(x):
    y = np.sum(x**3)
    if y > 1:
        return y * np.sum(np.sin(x))
    n = 0
    while n < 3 and y < 0.5:
        y = y + np.sum(np.exp(x * 0.1))
        n += 1
    return np.sum(x**2) * y


def in_place(x):
    y = x * 1.0
    y[0] *= x[1]
    y[y > 0.3] = 0.5
    return np.sum(y**3)


def kinked(x):
    return (
        np.sum(np.maximum(x, 0) ** 3) + np.sum(np.abs(x)) * np.max(x) + np.sum(np.where(x > 0, np.sqrt(np.abs(x)), 0.0))
    )


def looping(x):
    s = x * 0.0
    for i in range(12):
        s = np.tanh(s + x * 0.1 * (i + 1))
    return np.sum(s**2)


def checkpointed(x):
    return np.sum(hd.checkpoint(lambda y: np.sin(y) * y)(x) ** 2)


def stopped(x):
    return np.sum(hd.stop_gradient(x**2) * x)


@hd.custom_jvp
def _rule_forward(x):
    return np.exp(x)


_rule_forward.defjvp(lambda primals, tangents: (np.exp(primals[0]), 2 * np.exp(primals[0]) * tangents[0]))


def custom_forward(x):
    return np.sum(_rule_forward(x) * x)


@hd.custom_vjp
def _rule_reverse(x):
    return np.sin(x)


_rule_reverse.defvjp(lambda x: (np.sin(x), x), lambda x, ct: (3 * np.cos(x) * ct,))


def custom_reverse(x):
    return np.sum(_rule_reverse(x) * x)


def gradient_inside(x):
    return np.sum(hd.grad(lambda y: np.sum(y**3))(x) * x)


def nested_closure(x):
    return hd.grad(lambda y: np.sum(x * y**2) * np.sum(hd.grad(lambda z: np.sum(z * y * x))(x)))(x * 2)[0]


def jitted_inside(x):
    inner = hd.jit(lambda y: np.sum(y * x) + np.sum(y**2))
    return inner(x) * inner(np.sin(x))


def batched_inside(x):
    return np.sum(hd.vmap(lambda a: np.sin(a) * np.sum(x) + a)(x) ** 2)


def controlled(x):
    y = hd.cond(x[0] > 0, lambda v: np.sum(v**2), lambda v: np.sum(v**3), x)
    return y * hd.fori_loop(0, 3, lambda i, s: s + np.sum(np.sin(s * x)), 0.1)


FUNCTIONS = [
    *(smooth, branching, in_place, kinked, looping, checkpointed, stopped, custom_forward, custom_reverse),
    *(gradient_inside, nested_closure, jitted_inside, batched_inside, controlled),
]

V = np.array([0.3, -0.2, 1.0])
TRANSFORMS = {
    "grad": hd.grad,
    "value_and_grad with aux": lambda f: hd.value_and_grad(
        lambda x: (f(x), {"x": x, "sum": np.sum(x), "n": 3, "s": "text"}), has_aux=True
    ),
    "jvp": lambda f: lambda x: hd.jvp(f, (x,), (V,)),
    "vjp": lambda f: (
        lambda x: (lambda out, pullback: (out, pullback(2.0 * out), pullback(np.ones_like(out))))(*hd.vjp(f, x))
    ),
    "linearize": lambda f: lambda x: (lambda out, push: (out, push(V), push(x)))(*hd.linearize(f, x)),
    "jacfwd": hd.jacfwd,
    "jacrev": hd.jacrev,
    "hessian": hd.hessian,
    "hvp": lambda f: lambda x: hd.hvp(f)(x, V),
    "vmap": lambda f: lambda x: hd.vmap(f)(np.stack([x, x, x])),
    "vmap of grad": lambda f: lambda x: hd.vmap(hd.grad(f))(np.stack([x, x, x])),
    "grad of vmap": lambda f: hd.grad(lambda x: np.sum(hd.vmap(lambda a: f(a * x))(np.stack([x, x])))),
    "third": lambda f: hd.grad(lambda x: np.sum(hd.hessian(f)(x) * V)),
    "forward three times": lambda f: (
        lambda x: hd.jvp(lambda y: hd.jvp(lambda z: hd.jvp(f, (z,), (V,))[1], (y,), (V,))[1], (x,), (V,))
    ),
    "hessian of vmap": lambda f: hd.hessian(lambda x: np.sum(hd.vmap(f)(np.stack([x, x**2])))),
    "checkpoint": lambda f: hd.grad(hd.checkpoint(f)),
}


@pytest.mark.parametrize("f, transform, backend", alternating(FUNCTIONS, TRANSFORMS), indirect=["backend"])
def test_transformations(f, transform):
    """The transformation of the compiled function, the compiled transformation, and both."""
    make = TRANSFORMS[transform]

    def program(jit, call):
        for g in (make(jit(f)), jit(make(f)), jit(make(jit(f)))):
            for x in POINTS:
                call(g, x)

    check(program, derivatives=True)


def test_compiled_derivatives_are_used():
    """Tests that the comparisons above are not between two eager functions."""
    for f in FUNCTIONS:
        compiled, inside = hd.jit(hd.hessian(f)), hd.jit(f)
        for x in (X, X, X + 0.1, X):
            compiled(x)
            hd.grad(inside)(x)
        assert compiled.cache_info().hits >= 1, (f.__name__, compiled.eager_reason)
        assert inside.eager_reason is None, (f.__name__, inside.eager_reason)


# --- closures ---------------------------------------------------------------------------------------------------------

PROGRAMS = []


def hostile(program):
    PROGRAMS.append(program)
    return program


@hostile
def a_traced_value_in_a_closure(jit, call):
    for y in (3.0, 4.0, 3.0):
        call(hd.grad(lambda y: jit(lambda x: x * y)(2.0)), y)
        call(hd.grad(lambda y: hd.grad(jit(lambda x: x**2 * y))(2.0)), y)
        call(hd.grad(lambda y: hd.grad(jit(lambda x: x**2 * y**3))(y)), y)
        call(lambda y: hd.jvp(lambda y: jit(lambda x: x * y)(y), (y,), (1.0,)), y)
        call(jit(hd.grad(lambda y: jit(lambda x: x * y)(2.0))), y)
    call(hd.vmap(lambda y: jit(lambda x: x * y)(2.0)), X)
    call(hd.hessian(lambda y: jit(lambda x: np.sum(x * y**2))(X)), X)


@hostile
def one_function_with_a_changing_traced_cell(jit, call):
    def outer(y):
        return f(2.0)

    y = 1.0
    f = jit(lambda x: x * y)

    def differentiated(value):
        nonlocal y
        y = value
        return outer(value)

    for value in (1.0, 2.0, 3.0):
        call(hd.grad(differentiated), value)
        y = value
        call(f, 2.0)


@hostile
def a_leaked_tracer(jit, call):
    kept = []

    def leak(x):
        kept.append(x)
        return x * 2

    def use(x):
        return x + kept[0]

    call(hd.grad(leak), 1.0)
    f = jit(use)
    call(f, 2.0)
    call(f, 2.0)
    kept[0] = 5.0
    call(f, 2.0)
    kept.clear()
    g = jit(leak)
    for x in (1.0, 2.0):
        call(g, x)
        call.note(kept)


@hostile
def a_compiled_function_keeps_an_argument_of_a_derivative(jit, call):
    kept = {}

    def f(x):
        kept["x"] = x
        return x * 2

    g = jit(f)
    call(hd.grad(g), 1.0)
    call(lambda: kept["x"] * 1.0)
    call(g, 3.0)
    call.note(kept)


@hostile
def reentrant_calls(jit, call):
    depth = [0]

    @jit
    def f(x, callback):
        return callback(x) + np.sum(x)

    def callback(x):
        if x[0] < 10:
            return f(x * 2, callback)
        return np.prod(x)

    for x in (X, X + 1, X):
        call(f, x, callback)
        call(f, x, np.sum)

    @jit
    def collatz(n, x):
        return x if n == 1 else collatz(n // 2 if n % 2 == 0 else 3 * n + 1, x * 1.5)

    for n in (1, 6, 7, 6, 1):
        call(collatz, n, 2.0)
        call(collatz, n, X)

    @jit
    def fibonacci(n):
        return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

    for n in (1, 5, 8, 5):
        call(fibonacci, n)
    call.note(depth)


@hostile
def mutual_recursion(jit, call):
    even = jit(lambda n, x: x if n == 0 else odd(n - 1, x * 2))
    odd = jit(lambda n, x: -x if n == 0 else even(n - 1, x + 1))
    for n in (0, 3, 4, 3):
        call(even, n, X)


@hostile
def debugging(jit, call):
    f = jit(lambda x: np.log(x) * 2)
    for x in (X, np.abs(X), X, np.abs(X)):
        call(f, x)
        with hd.debug_nans():
            call(f, np.abs(x))
            call(f, -np.abs(x))
        call(f, x)


@hostile
def several_arguments_and_argnums(jit, call):
    def f(a, b, c=2.0, *, scale=1.0):
        return np.sum(a * b["x"]) * c * scale + np.sum(b["y"] ** 2)

    b = {"x": X, "y": np.array([1.0, 2.0])}
    for argnums in (0, 1, 2, (0, 2), (1, 0)):
        for g in (hd.grad(jit(f), argnums), jit(hd.grad(f, argnums))):
            for factor in (1.0, 2.0):
                call(g, X * factor, b, 3.0)
                call(g, X, b, 3.0, scale=factor)
    for g in (hd.grad(jit(f), argnames="scale"), jit(hd.grad(f, argnames="scale"))):
        call(g, X, b, scale=2.0)
        call(g, X, b, scale=3.0)


@hostile
def wrong_arguments(jit, call):
    f = jit(smooth)
    for g in (hd.grad(f), jit(hd.grad(smooth)), hd.vmap(f), hd.jacobian(f)):
        for x in (1, "x", None, np.arange(3), X, [1.0, 2.0], X > 0):
            call(g, x)
    call(hd.grad(jit(lambda x: x * 2)), X)
    call(hd.grad(jit(lambda x: None)), X)
    call(hd.vmap(jit(lambda x, y: x + y)), X, np.ones(2))


@hostile
def complex_numbers(jit, call):
    z = X * (1 + 2j)
    f = jit(lambda z: np.sum(np.abs(z) ** 2) + np.real(np.sum(z)))
    g = jit(lambda z: z**2 * 1j)
    for w in (z, z + 1, z):
        call(hd.grad(f), w)
        call(jit(hd.grad(lambda z: np.sum(np.abs(z) ** 2))), w)
        call(hd.jacobian(g, holomorphic=True), w)
        call(f, w)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_closures_and_calls(program):
    check(program, derivatives=True)
