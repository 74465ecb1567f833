"""checkpoint: the same derivatives in every mode, less memory, closures, trees, pickling."""

import pickle
import tracemalloc
from itertools import product

import numpy as np
import pytest

import hodiff as hd
from hodiff import errors
from hodiff.testing import check_grads


@hd.checkpoint
def block(x, scale=1.0):
    y = np.sin(scale * x)
    return y * np.exp(-(y**2)) + 0.1 * x


def plain(x, scale=1.0):
    return block.function(x, scale)


WAYS = {
    "grad": hd.grad,
    "jvp": lambda f: lambda x: hd.jvp(f, (x,), (1.0,))[1],
    "linearize": lambda f: lambda x: hd.linearize(f, x)[1](1.0),
    "jacfwd": hd.jacfwd,
    "jacrev": hd.jacrev,
    "vmap": lambda f: lambda x: hd.vmap(hd.grad(f))(np.stack([x, x + 1.0]))[0],
    "of-vmap": lambda f: lambda x: hd.grad(lambda v: hd.vmap(f)(v)[0])(np.stack([x, x + 1.0]))[0],
}


@pytest.mark.parametrize("ways", [w for n in (1, 2, 3) for w in product(WAYS, repeat=n)][: 7 + 49 + 100], ids="-".join)
def test_derivatives_are_those_of_the_function(ways):
    def chain(f):
        return lambda x: f(f(x), scale=x)

    found, expected = chain(block), chain(plain)
    for way in ways:
        found, expected = WAYS[way](found), hd.grad(expected)
    np.testing.assert_allclose(found(0.7), expected(0.7), rtol=1e-11)


def test_numerically():
    check_grads(lambda x: block(block(x)), (np.array([0.3, 1.2]),), order=2, modes=("fwd", "rev", "batch"))


def test_nested_checkpoints():
    outer = hd.checkpoint(lambda x: block(block(x)))
    np.testing.assert_allclose(hd.grad(lambda x: outer(outer(x)))(0.4), _chain(0.4), rtol=1e-13)


def _chain(x):
    return hd.grad(lambda x: plain(plain(plain(plain(x)))))(x)


def test_the_function_runs_again_for_each_pullback():
    calls = []

    @hd.checkpoint
    def f(x):
        calls.append(1)
        return x**2

    _, pullback = hd.vjp(f, 3.0)
    assert len(calls) == 1
    assert pullback(1.0) == (6.0,)
    assert pullback(2.0) == (12.0,)
    assert len(calls) == 3
    calls.clear()
    hd.jvp(f, (3.0,), (1.0,))
    assert len(calls) == 1


def test_trees_keywords_aux_and_integers():
    @hd.checkpoint
    def f(parameters, x, *, power=2):
        y = parameters["w"] @ x**power
        return {"loss": np.sum(y**2), "power": power}, ("text", y)

    def loss(f):
        def run(parameters, x):
            out, (text, y) = f(parameters, x, power=3)
            assert text == "text"
            return out["loss"] * out["power"], {"y": y}

        return run

    parameters, x = {"w": np.arange(6.0).reshape(2, 3)}, np.array([0.5, 1.0, 2.0])
    found, aux = hd.grad(loss(f), (0, 1), has_aux=True)(parameters, x)
    expected, aux_expected = hd.grad(loss(f.function), (0, 1), has_aux=True)(parameters, x)
    np.testing.assert_allclose(found[0]["w"], expected[0]["w"])
    np.testing.assert_allclose(found[1], expected[1])
    np.testing.assert_array_equal(aux["y"], aux_expected["y"])


def test_batches():
    x = np.linspace(0.1, 1.0, 6).reshape(2, 3)
    batched = hd.vmap(block, in_axes=(0, None))
    np.testing.assert_allclose(batched(x, 2.0), plain(x, 2.0), rtol=1e-15)
    found = hd.grad(lambda x, s: np.sum(batched(x, s)), (0, 1))(x, 2.0)
    expected = hd.grad(lambda x, s: np.sum(plain(x, s)), (0, 1))(x, 2.0)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-13)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-13)


# --- closures ---------------------------------------------------------------------------------------------------------


def closing(w, x):
    return hd.checkpoint(lambda x: w * x**2)(x)


@pytest.mark.parametrize("transform", [hd.grad, hd.jacrev, lambda f, n: lambda *a: hd.jvp(f, a, (1.0, 1.0))])
def test_a_traced_value_of_the_same_transformation_in_a_closure_is_an_error(transform):
    with pytest.raises(errors.RuleError, match=r"not among its operands; pass it as a positional operand"):
        transform(closing, (0, 1))(2.0, 3.0)


def test_a_traced_value_of_an_outer_transformation_in_a_closure_is_differentiated():
    assert hd.grad(lambda w: closing(w, 3.0))(2.0) == 9.0
    assert hd.grad(lambda w: hd.grad(lambda x: closing(w, x))(3.0))(2.0) == 6.0
    assert hd.jvp(lambda w: hd.grad(lambda x: closing(w, x))(3.0), (2.0,), (1.0,)) == (12.0, 6.0)
    assert hd.vmap(lambda w: hd.grad(lambda x: closing(w, x))(3.0))(np.arange(2.0)).tolist() == [0.0, 6.0]


# --- memory, safety ---------------------------------------------------------------------------------------------------


def peak(f, x):
    tracemalloc.start()
    try:
        gradient = hd.grad(f)(x)
        return gradient, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_of_a_long_chain_is_that_of_the_arguments():
    def long(f):
        def run(x):
            for _ in range(100):
                x = f(x)
            return np.sum(x)

        return run

    x = np.linspace(0.0, 1.0, 20_000)
    remembered, much = peak(long(plain), x)
    again, little = peak(long(block), x)
    np.testing.assert_allclose(again, remembered, rtol=1e-12)
    assert little < 1.3 * 100 * x.nbytes
    assert much > 3 * little


def test_constants_cannot_go_stale():
    c = np.array([2.0])
    f = hd.checkpoint(lambda x, c: x * c)

    def run(x):
        y = f(x, c)
        c[0] = 100.0
        return y[0]

    assert hd.grad(run)(np.ones(1)).tolist() == [2.0]


def test_a_function_may_not_change_its_arguments():
    @hd.checkpoint
    def f(x):
        x[0] = x[0] ** 2
        return x

    def outer(x):
        z = x * 1.0
        return np.sum(f(z)) + np.sum(z)

    x = np.array([2.0, 3.0])
    for run in (
        lambda: hd.grad(outer)(x),
        lambda: hd.jvp(outer, (x,), (x,)),
        lambda: hd.vmap(outer)(np.stack([x, x])),
        lambda: hd.hessian(outer)(x),
        lambda: hd.grad(lambda x: np.sum(hd.vmap(outer)(np.stack([x, x]))))(x),
    ):
        with pytest.raises((errors.InPlaceError, ValueError), match=r"read-only|would modify an argument"):
            run()


def test_a_value_of_an_outer_transformation_cannot_go_stale():
    f = hd.checkpoint(lambda x, c: x * c)

    def run(c):
        c = c * 1.0

        def inner(x):
            y = f(x, c)
            c[0] = 100.0
            return y[0]

        return hd.grad(inner)(np.ones(1))[0]

    c = np.array([2.0])
    assert hd.grad(run)(c).tolist() == [1.0]
    assert hd.jvp(run, (c,), (c,)) == (2.0, 2.0)
    assert hd.vmap(run)(np.array([[2.0], [3.0]])).tolist() == [2.0, 3.0]


def test_zero_cotangents_annihilate():
    f = hd.checkpoint(np.sqrt)
    x = np.array([0.0, 4.0])
    assert hd.grad(lambda x: np.sum(np.where(x > 0, f(x), 0.0)))(x).tolist() == [0.0, 0.25]
    assert hd.jvp(lambda x: np.where(x > 0, f(x), 0.0), (x,), (np.ones(2),))[1].tolist() == [0.0, 0.25]


def test_pickling():
    assert pickle.loads(pickle.dumps(block)) is block
    assert hd.grad(pickle.loads(pickle.dumps(hd.checkpoint(np.sin))))(0.0) == 1.0


def test_what_is_no_function():
    with pytest.raises(errors.ArgumentError, match="must be a function"):
        hd.checkpoint(3)
