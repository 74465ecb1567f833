"""Nesting: every mixture of transformations to order 3, perturbation confusion, high orders, threads, pickling."""

import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from threading import Barrier

import numpy as np
import pytest

import hodiff as hd

# --- all mixtures ----------------------------------------------------------------------------------------------------


def by_grad(f):
    return hd.grad(f)


def by_value_and_grad(f):
    return lambda x: hd.value_and_grad(f)(x)[1]


def by_jvp(f):
    return lambda x: hd.jvp(f, (x,), (1.0,))[1]


def by_vjp(f):
    return lambda x: hd.vjp(f, x)[1](1.0)[0]


def by_linearize(f):
    return lambda x: hd.linearize(f, x)[1](1.0)


def by_jacfwd(f):
    return hd.jacfwd(f)


def by_jacrev(f):
    return hd.jacrev(f)


def by_vmap(f):
    """The derivative of the batched function, of which one member is looked at."""
    return lambda x: hd.vmap(by_grad(f))(np.stack([x, x + 1.0]))[0]


def by_batched_direction(f):
    """Two directions at once."""
    return lambda x: hd.vmap(lambda v: hd.jvp(f, (x,), (v,))[1])(np.array([1.0, 2.0]))[1] / 2


WAYS = [by_grad, by_value_and_grad, by_jvp, by_vjp, by_linearize, by_jacfwd, by_jacrev, by_vmap, by_batched_direction]
X0 = 0.7

# Name: function, and its derivatives of order 0 to 3 at X0.
FUNCTIONS = {
    "product": (lambda x: x * x * x * x, [X0**4, 4 * X0**3, 12 * X0**2, 24 * X0]),
    "exp-sin": (
        lambda x: np.exp(np.sin(x)),
        [
            (e := np.exp(s := np.sin(X0))),
            (c := np.cos(X0)) * e,
            (c * c - s) * e,
            (c**3 - 3 * s * c - c) * e,
        ],
    ),
    "quotient": (lambda x: 1 / (1 + x), [1 / (1 + X0), -1 / (1 + X0) ** 2, 2 / (1 + X0) ** 3, -6 / (1 + X0) ** 4]),
    "array": (
        lambda x: np.sum(np.stack([x, x**2, x**3]) ** 2),
        [
            X0**2 + X0**4 + X0**6,
            2 * X0 + 4 * X0**3 + 6 * X0**5,
            2 + 12 * X0**2 + 30 * X0**4,
            24 * X0 + 120 * X0**3,
        ],
    ),
    "closure-of-outer": (lambda x: x * hd.grad(lambda y: x * y**2)(x), [2 * X0**3, 6 * X0**2, 12 * X0, 12.0]),
    "solve": (
        lambda x: np.linalg.solve(np.stack([np.stack([x, 1.0]), np.stack([0.0, x])]), np.ones(2))[1],
        [1 / X0, -1 / X0**2, 2 / X0**3, -6 / X0**4],
    ),
}


def names(ways):
    return "-".join(way.__name__.removeprefix("by_") for way in ways)


@pytest.mark.parametrize("ways", [w for n in (1, 2) for w in product(WAYS, repeat=n)], ids=names)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_mixtures_of_order_one_and_two(ways, name):
    check(ways, *FUNCTIONS[name])


@pytest.mark.parametrize("ways", list(product(WAYS[:5] + WAYS[7:8], repeat=3)), ids=names)
def test_mixtures_of_order_three(ways):
    for function, derivatives in FUNCTIONS.values():
        check(ways, function, derivatives)


def check(ways, function, derivatives):
    f = function
    for way in ways:
        f = way(f)
    np.testing.assert_allclose(f(X0), derivatives[len(ways)], rtol=1e-12)


@pytest.mark.parametrize(
    "chain", list(product([hd.jacfwd, hd.jacrev], repeat=3)), ids=lambda c: "-".join(t.__name__ for t in c)
)
def test_third_derivatives_of_a_function_of_vectors(chain):
    x = np.array([0.5, 1.5])
    f = lambda x: np.exp(x[0]) * x[1] ** 3 + np.sum(x) ** 3  # noqa: E731
    for transform in chain:
        f = transform(f)
    e, y = np.exp(0.5), 1.5
    expected = np.array(
        [[[e * y**3, e * 3 * y**2], [e * 3 * y**2, e * 6 * y]], [[e * 3 * y**2, e * 6 * y], [e * 6 * y, e * 6]]]
    )
    np.testing.assert_allclose(f(x), expected + 6, rtol=1e-12)


def test_vmap_between_derivatives():
    x = np.linspace(0.1, 1.0, 4)
    per_element = hd.vmap(hd.grad(np.sin))
    np.testing.assert_allclose(hd.grad(lambda x: np.sum(per_element(x)))(x), -np.sin(x), rtol=1e-14)
    np.testing.assert_allclose(hd.jacrev(per_element)(x), np.diag(-np.sin(x)), rtol=1e-14)
    np.testing.assert_allclose(hd.jacfwd(per_element)(x), np.diag(-np.sin(x)), rtol=1e-14)
    np.testing.assert_allclose(hd.vmap(hd.grad(hd.grad(np.sin)))(x), -np.sin(x), rtol=1e-14)
    np.testing.assert_allclose(hd.jvp(per_element, (x,), (x,))[1], -np.sin(x) * x, rtol=1e-14)


def test_a_pullback_may_be_differentiated_in_its_cotangent_and_in_the_point():
    def f(x, c):
        return hd.vjp(np.sin, x)[1](c)[0]

    np.testing.assert_allclose(hd.grad(f, (0, 1))(0.5, 2.0), (-2 * np.sin(0.5), np.cos(0.5)), rtol=1e-14)


def test_a_pushforward_may_be_differentiated_in_its_tangent_and_in_the_point():
    def f(x, v):
        return hd.linearize(np.sin, x)[1](v)

    np.testing.assert_allclose(hd.grad(f, (0, 1))(0.5, 2.0), (-2 * np.sin(0.5), np.cos(0.5)), rtol=1e-14)
    np.testing.assert_allclose(hd.vmap(lambda v: f(0.5, v))(np.arange(3.0)), np.cos(0.5) * np.arange(3.0), rtol=1e-14)


# --- perturbation confusion ------------------------------------------------------------------------------------------


def d_forward(f):
    return lambda x: hd.jvp(f, (x,), (1.0,))[1]


DIRECTIONS = {"rev": hd.grad, "fwd": d_forward}
MIXTURES = list(product(DIRECTIONS, repeat=2))


@pytest.mark.parametrize(("outer", "inner"), MIXTURES)
def test_perturbation_confusion_of_siskind_and_pearlmutter(outer, inner):
    # d/dx [x · d/dy (x + y)] at x = 1 is 1; a confused system says 2.
    d, e = DIRECTIONS[outer], DIRECTIONS[inner]
    assert d(lambda x: x * e(lambda y: x + y)(1.0))(1.0) == 1.0


@pytest.mark.parametrize(("outer", "inner"), MIXTURES)
def test_perturbation_confusion_of_a_product(outer, inner):
    # d/dx [x · d/dy (x y)] = d/dx x² = 2 x; a confused system says 3 x or more.
    d, e = DIRECTIONS[outer], DIRECTIONS[inner]
    assert d(lambda x: x * e(lambda y: x * y)(2.0))(3.0) == 6.0


@pytest.mark.parametrize(("outer", "inner"), MIXTURES)
def test_perturbation_confusion_through_a_returned_closure(outer, inner):
    # Manzyuk et al. 2019: the derivative of a curried function keeps its own perturbation.
    # D(s)(x) = d/dx f(x + s); the outer derivative in s, applied twice, must be f'''.
    d, e = DIRECTIONS[outer], DIRECTIONS[inner]

    def shifted_derivative(s):
        return lambda f: lambda x: e(lambda y: f(y + s))(x)

    def twice(s):
        once = shifted_derivative(s)
        return once(once(np.exp))(0.0)

    # d/ds f''(x + 2 s) = 2 f'''
    np.testing.assert_allclose(d(twice)(0.0), 2.0, rtol=1e-15)


def test_an_outer_value_captured_by_an_inner_function_is_a_constant_to_it():
    def f(x):
        return hd.grad(lambda y: x)(1.0) + hd.jvp(lambda y: x * x, (1.0,), (1.0,))[1] + x

    assert hd.grad(f)(2.0) == 1.0
    assert hd.jvp(f, (2.0,), (1.0,)) == (2.0, 1.0)


# --- high orders -----------------------------------------------------------------------------------------------------


def derivative(f, ways):
    for way in ways:
        f = DIRECTIONS[way](f)
    return f


@pytest.mark.parametrize(
    "ways", [["rev"] * 5, ["fwd"] * 5, ["rev", "fwd"] * 2 + ["rev"], ["rev", "rev", "fwd", "fwd", "fwd"]], ids="-".join
)
def test_order_five(ways):
    x = 0.3
    np.testing.assert_allclose(derivative(np.exp, ways)(x), np.exp(x), rtol=1e-13)
    np.testing.assert_allclose(derivative(np.sin, ways)(x), np.cos(x), rtol=1e-13)
    np.testing.assert_allclose(derivative(lambda x: x**7 - 2 * x**5 + x**4, ways)(x), 2520 * x**2 - 240, rtol=1e-12)
    np.testing.assert_allclose(derivative(lambda x: x * x * x, ways)(x), 0.0, atol=0)
    np.testing.assert_allclose(derivative(np.log, ways)(x), 24 / x**5, rtol=1e-12)
    np.testing.assert_allclose(derivative(np.tanh, ways)(0.0), 16.0, rtol=1e-12)


def test_order_eight_of_a_polynomial():
    np.testing.assert_allclose(derivative(lambda x: x**8 / 40320, ["fwd"] * 8)(2.0), 1.0, rtol=1e-12)


def test_polynomials_by_horner():
    coefficients = np.arange(1.0, 7.0)

    def horner(x):
        total = 0.0
        for c in coefficients:
            total = total * x + c
        return total

    for order in range(7):
        expected = np.polyval(np.polyder(coefficients, order), 1.5)
        np.testing.assert_allclose(
            derivative(horner, ["rev", "fwd"] * 3 if order == 6 else ["rev"] * order)(1.5), expected, rtol=1e-13
        )


# --- Python around the mathematics -----------------------------------------------------------------------------------


def recursive(x, n):
    return x if n == 0 else np.sin(recursive(x, n - 1)) * x


def test_recursion():
    x, h = 0.5, 1e-4
    numerical = (recursive(x + h, 4) - recursive(x - h, 4)) / (2 * h)
    np.testing.assert_allclose(hd.grad(recursive)(x, 4), numerical, rtol=1e-6)


def test_a_derivative_that_calls_itself():
    def factorial(f, n):
        return f if n == 0 else factorial(hd.grad(f), n - 1)

    assert factorial(lambda x: x**4, 4)(1.0) == 24.0


def test_generators_and_closures():
    def powers(x):
        value = 1.0
        while True:
            yield value
            value = value * x

    def f(x):
        terms = powers(x)
        return sum(next(terms) for _ in range(4))  # 1 + x + x² + x³

    assert hd.grad(f)(2.0) == 17.0
    assert hd.grad(hd.grad(f))(2.0) == 14.0
    scale = 3.0
    assert hd.grad(lambda x: scale * x**2)(1.0) == 6.0


def test_loops_branches_and_early_return():
    def newton_sqrt(a):
        x = a
        for _ in range(50):
            step = (x * x - a) / (2 * x)
            x = x - step
            if abs(step) < 1e-14:
                return x
        raise AssertionError

    np.testing.assert_allclose(hd.grad(newton_sqrt)(2.0), 0.5 / np.sqrt(2.0), rtol=1e-12)
    np.testing.assert_allclose(hd.grad(hd.grad(newton_sqrt))(2.0), -0.25 * 2.0**-1.5, rtol=1e-10)


def test_inner_minimisation():
    def best(a):
        x = 0.0
        for _ in range(3):
            x = x - hd.grad(lambda x: (x - a**2) ** 2)(x) / hd.hessian(lambda x: (x - a**2) ** 2)(x)
        return x

    np.testing.assert_allclose(hd.grad(best)(3.0), 6.0, rtol=1e-12)


def test_containers_and_comprehensions():
    def f(x):
        cache = {"a": x, "b": [x * i for i in range(3)]}
        first, *rest = cache["b"]
        return cache["a"] * sum(rest) + first

    assert hd.grad(f)(2.0) == 12.0


def test_iteration_unpacking_len_enumerate_zip():
    def f(x):
        a, b, c = x
        total = a * b + c * len(x)
        for i, value in enumerate(x):
            total = total + i * value
        return total + sum(u * v for u, v in zip(x, [1.0, 2.0, 3.0], strict=True)) + max(a, b) + sorted([a, b, c])[-1]

    np.testing.assert_array_equal(hd.grad(f)(np.array([1.0, 2.0, 3.0])), [2.0 + 0 + 1, 1 + 1 + 2 + 1, 3 + 2 + 3 + 1])


class Model:
    """A class whose methods are differentiated."""

    def __init__(self, scale):
        self.scale = scale

    def cost(self, x):
        return self.scale * np.sum(x**2)

    @hd.grad
    def gradient(self, x):
        raise AssertionError("self is the first argument")

    slope = hd.grad(cost, 1)
    curvature = hd.hessian(cost, 1)

    @partial(hd.value_and_grad, argnums=1)
    def both(self, x):
        return self.cost(x)

    @partial(hd.vmap, in_axes=(None, 0))
    def each(self, x):
        return self.cost(x)


def test_transformed_functions_are_methods():
    model = Model(3.0)
    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(model.slope(x), 6 * x)
    np.testing.assert_array_equal(model.curvature(x), 6 * np.eye(2))
    value, gradient = model.both(x)
    assert value == 15.0
    np.testing.assert_array_equal(gradient, 6 * x)
    np.testing.assert_array_equal(model.each(np.stack([x, 2 * x])), [15.0, 60.0])
    np.testing.assert_array_equal(hd.grad(model.cost)(x), 6 * x)
    np.testing.assert_array_equal(Model.slope(model, x), 6 * x)


def test_a_method_differentiated_with_respect_to_its_object_is_an_error():
    with pytest.raises(hd.errors.NonDifferentiableInputError, match="object of type Model"):
        Model(1.0).gradient(np.ones(2))


def test_partial_functions():
    f = partial(lambda a, x: a * x**2, 3.0)
    assert hd.grad(f)(2.0) == 12.0
    assert hd.grad(partial(lambda x, a: a * x**2, a=3.0))(2.0) == 12.0


# --- threads ---------------------------------------------------------------------------------------------------------


def test_eight_threads_of_nested_gradients():
    barrier = Barrier(8)

    def work(seed):
        rng = np.random.default_rng(seed)
        barrier.wait(timeout=30)
        wrong = 0
        for i in range(200):
            x, y = rng.uniform(0.5, 1.5, 2)
            if i % 4 == 0:
                found = hd.grad(lambda x: x * hd.grad(lambda y: x * y)(y))(x)  # noqa: B023
                expected = 2 * x
            elif i % 4 == 1:
                found = hd.grad(lambda x: hd.jvp(lambda y: np.sin(x * y), (y,), (1.0,))[1])(x)  # noqa: B023
                expected = np.cos(x * y) - x * y * np.sin(x * y)
            elif i % 4 == 2:
                found = np.sum(hd.vmap(hd.grad(hd.grad(lambda z: z**3 * x)))(np.stack([x, y])))  # noqa: B023
                expected = 6 * x * (x + y)
            else:
                found = hd.hessian(lambda z: np.sum(z**2) * np.exp(z[0]))(np.stack([x, y]))[1, 1]
                expected = 2 * np.exp(x)
            wrong += not np.isclose(found, expected, rtol=1e-12, atol=0)
        return wrong

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(work, range(8))) == [0] * 8
    finally:
        sys.setswitchinterval(interval)


def test_a_pullback_may_be_shared_between_threads():
    _, pullback = hd.vjp(lambda x: np.cumsum(np.sin(x) * x[::-1]), np.linspace(0, 1, 20))
    rows = np.eye(20)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda row: pullback(row)[0], rows))
    np.testing.assert_array_equal(np.stack(found), np.stack([pullback(row)[0] for row in rows]))


# --- pickling --------------------------------------------------------------------------------------------------------


def module_level(x, y=2.0):
    """A function that pickles by name."""
    return np.sum(x**2) * y


PICKLES = {
    "grad": (hd.grad(module_level), (np.ones(2),)),
    "grad-options": (hd.grad(module_level, (0, 1)), (np.ones(2), 3.0)),
    "value_and_grad": (hd.value_and_grad(module_level), (np.ones(2),)),
    "jacfwd": (hd.jacfwd(module_level), (np.ones(2),)),
    "jacrev": (hd.jacrev(module_level, chunk_size=1), (np.ones(2),)),
    "jacobian": (hd.jacobian(module_level, mode="rev"), (np.ones(2),)),
    "hessian": (hd.hessian(module_level), (np.ones(2),)),
    "hvp": (hd.hvp(module_level), (np.ones(2), np.ones(2))),
    "vmap": (hd.vmap(module_level), (np.ones((3, 2)), np.ones(3))),
    "nested": (hd.vmap(hd.grad(hd.grad(np.sin))), (np.ones(2),)),
}


@pytest.mark.parametrize("name", PICKLES)
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_transformed_functions_pickle(name, protocol):
    transformed, args = PICKLES[name]
    again = pickle.loads(pickle.dumps(transformed, protocol))
    expected, found = transformed(*args), again(*args)
    if isinstance(expected, tuple):
        for e, f in zip(expected, found, strict=True):
            np.testing.assert_array_equal(f, e)
    else:
        np.testing.assert_array_equal(found, expected)
    assert again.__name__ == transformed.__name__


def test_a_decorated_function_pickles_like_any_object_of_a_module():
    again = pickle.loads(pickle.dumps(hd.grad(Model(2.0).cost)))
    np.testing.assert_array_equal(again(np.ones(2)), [4.0, 4.0])


def test_what_cannot_be_pickled_says_so():
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        pickle.dumps(hd.grad(lambda x: x))
