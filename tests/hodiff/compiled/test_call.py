"""Compiled functions inside transformations: compiled at every order, and zeros that win as they do eagerly."""

import numpy as np
import pytest

import hodiff as hd

pytestmark = pytest.mark.usefixtures("backend")

X = np.array([0.5, 1.5, -2.0])
HOLES = np.array([np.nan, 0.0, 0.0])


def masked(x):
    return np.sum(np.where(np.isnan(HOLES), 0.0, (x + HOLES) ** 3))


def second(gradient):
    return hd.grad(lambda x: np.sum(gradient(x)))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_zero_cotangents_annihilate_at_every_order(order):
    compiled, plain = hd.grad(hd.jit(masked)), hd.grad(masked)
    for _ in range(order - 1):
        compiled, plain = second(compiled), second(plain)
    np.testing.assert_array_equal(compiled(X), plain(X))
    assert np.isfinite(plain(X)).all()


def test_zeros_of_outputs_that_nobody_uses_annihilate_too():
    @hd.custom_vjp
    def pair(x):
        return np.sqrt(x), 2.0 * x

    pair.defvjp(lambda x: (pair(x), x), lambda x, ct: (ct[0] / (2.0 * np.sqrt(x)) + 2.0 * ct[1],))
    with np.errstate(divide="ignore", invalid="ignore"):
        assert hd.grad(lambda x: pair(x)[1])(0.0) == 2.0
        assert hd.grad(hd.jit(lambda x: pair(x)[1]))(0.0) == 2.0
        assert hd.grad(lambda x: hd.jit(pair)(x)[1])(0.0) == 2.0


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


MODES = {
    "grad": hd.grad,
    "hessian": hd.hessian,
    "jacfwd of grad": lambda f: hd.jacfwd(hd.grad(f)),
    "grad of grad": lambda f: hd.jacrev(hd.grad(f)),
    "third": lambda f: hd.jacfwd(hd.hessian(f)),
    "jvp": lambda f: lambda x: hd.jvp(f, (x,), (x[::-1].copy(),))[1],
    "linearize": lambda f: lambda x: hd.linearize(hd.grad(f), x)[1](x + 1.0),
}


@pytest.mark.parametrize("mode", MODES)
def test_derivatives_never_walk_through_the_function_again(mode):
    calls = []

    def counted(x):
        calls.append(1)
        return rosenbrock(x)

    jitted = hd.jit(rosenbrock)
    jitted(X)
    expected = MODES[mode](counted)(X + 0.5)
    assert calls
    np.testing.assert_allclose(MODES[mode](jitted)(X + 0.5), expected, rtol=1e-13)
    info = jitted.cache_info()
    MODES[mode](jitted)(X)
    assert jitted.cache_info().eager_calls == info.eager_calls == 0
    assert jitted.cache_info().specialisations == 1


@pytest.mark.parametrize("outer", ["grad", "hessian"])
def test_batches_of_derivatives(outer):
    batch = np.stack([X, X + 1.0, X - 1.0])
    found = hd.vmap(MODES[outer](hd.jit(rosenbrock)))(batch)
    np.testing.assert_allclose(found, np.stack([MODES[outer](rosenbrock)(x) for x in batch]), rtol=1e-13)
    through = hd.grad(lambda b: np.sum(hd.vmap(hd.jit(rosenbrock))(b)))(batch)
    np.testing.assert_allclose(through, np.stack([hd.grad(rosenbrock)(x) for x in batch]), rtol=1e-13)


def test_branches_are_chosen_by_the_values_behind():
    def f(x):
        return x**2 if x > 0 else -3.0 * x

    jitted = hd.jit(f)
    for x in (2.0, -2.0, 3.0, -3.0):
        assert hd.grad(jitted)(x) == hd.grad(f)(x)
        assert hd.grad(hd.grad(jitted))(x) == hd.grad(hd.grad(f))(x)
        assert hd.jvp(jitted, (x,), (1.0,)) == hd.jvp(f, (x,), (1.0,))
    with pytest.raises(hd.errors.ControlFlowError):
        hd.vmap(jitted)(np.array([1.0, -1.0]))


def test_captured_arrays_of_compiled_functions_are_constants_of_derivatives():
    data = np.arange(3.0)
    jitted = hd.jit(lambda x: np.sum(data * x**2))
    np.testing.assert_array_equal(hd.grad(jitted)(X), 2.0 * data * X)
    data[0] = 5.0
    np.testing.assert_array_equal(hd.grad(jitted)(X), 2.0 * data * X)
    np.testing.assert_array_equal(hd.grad(jitted)(data), 2.0 * data**2)


def test_questions_about_a_batch_of_tangents_are_asked_of_the_batch():
    @hd.custom_vjp
    def triple(x):
        return np.sin(x)

    triple.defvjp(lambda x: (np.sin(x), x), lambda x, ct: (3.0 * np.cos(x) * ct,))

    def f(x):
        return np.sum(triple(x) * x)

    np.testing.assert_allclose(hd.jacfwd(hd.jit(f))(X), hd.jacfwd(f)(X), rtol=1e-14)
    np.testing.assert_allclose(hd.hessian(hd.jit(f))(X), hd.hessian(f)(X), rtol=1e-14)


def test_what_cannot_be_derived_as_a_program_is_traced():
    def f(x):
        return np.pad(x, 2, mode="median")

    np.testing.assert_allclose(hd.vjp(hd.jit(f), X)[1](np.ones(7))[0], hd.vjp(f, X)[1](np.ones(7))[0])
