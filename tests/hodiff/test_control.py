"""Control flow as functions, eagerly: against Python's own statements, under every transformation, and its errors."""

import numpy as np
import pytest
from control_programs import SIMPLE, arguments, with_cond, with_while
from control_programs import TRANSFORMS as COMMON

import hodiff as hd
from hodiff.errors import ControlFlowError, StructureError

W, H, XS = arguments(5, 4)
PAIRS = list(SIMPLE.values())
TRANSFORMS = {
    **COMMON,
    "third": lambda f, n: hd.jacfwd(hd.hessian(f, argnums=n), argnums=n),
    "checkpoint": lambda f, n: hd.grad(hd.checkpoint(f), argnums=n),
}
every_pair = pytest.mark.parametrize(("controlled", "plain"), PAIRS, ids=list(SIMPLE))


@every_pair
@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("argnum", [0, 1, 2])
def test_what_statements_give(controlled, plain, name, argnum):
    transform = TRANSFORMS[name]
    np.testing.assert_allclose(
        transform(controlled, argnum)(W, H, XS), transform(plain, argnum)(W, H, XS), rtol=1e-13, atol=1e-14
    )


@pytest.mark.parametrize(("controlled", "plain"), PAIRS[:2], ids=["scan", "fori_loop"])
@pytest.mark.parametrize("argnum", [0, 1, 2])
def test_batches(controlled, plain, argnum):
    args = [W, H, XS]
    args[argnum] = np.stack([args[argnum], args[argnum] ** 2, np.cos(args[argnum])])
    axes = tuple(0 if i == argnum else None for i in range(3))
    for derive in (lambda f: f, lambda f: hd.grad(f, argnums=argnum), lambda f: hd.hessian(f, argnums=argnum)):
        expected = hd.vmap(derive(plain), in_axes=axes)(*args)
        np.testing.assert_allclose(hd.vmap(derive(controlled), in_axes=axes)(*args), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("controlled", [with_while, with_cond])
def test_what_differs_in_a_batch_cannot_decide(controlled):
    with pytest.raises(ControlFlowError, match="members of the batch may differ"):
        hd.vmap(controlled, in_axes=(None, 0, None))(W, np.stack([H, 2 * H]), XS)


def test_a_condition_that_is_the_same_in_a_batch_decides():
    def f(x):
        return hd.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * x), (0, x))[1]

    np.testing.assert_allclose(hd.vmap(f)(np.arange(4.0)), np.arange(4.0) ** 4)
    np.testing.assert_allclose(hd.vmap(lambda x: hd.cond(XS[0, 0] > 9, np.sin, np.cos, x))(H), np.cos(H))


# --- forms ------------------------------------------------------------------------------------------------------------


def test_numbers_stay_numbers_where_they_meet_nothing_else():
    assert hd.fori_loop(0, 3, lambda i, c: c + i, 10) == 13
    assert type(hd.fori_loop(0, 3, lambda i, c: c + i, 10)) is int
    assert type(hd.fori_loop(0, 3, lambda i, c: c * 2, 1.0)) is float
    count, total = hd.fori_loop(0, 3, lambda i, c: (c[0] + 1, c[1] + np.float32(0.5)), (0, 0.0))
    assert count == 3
    assert total == np.float32(1.5)
    assert type(total) is np.float32


def test_stacked_numbers_take_the_precision_of_what_follows():
    _, ys = hd.scan(lambda c, x: (c + x, c), 0.1, np.ones(3, np.float32))
    assert ys.dtype == np.float32
    np.testing.assert_array_equal(ys, np.array([0.1, 1.1, 2.1], np.float32))


@pytest.mark.parametrize("init", [2.0, 1, np.float32(2.0), np.ones(3), [np.ones(2), 1.0]])
def test_without_turns_what_is_carried_is_returned_as_it_is(init):
    xs = np.ones((0, 2))

    def same(result):
        assert result is init or (type(result) is type(init) and repr(result) == repr(init))

    same(hd.fori_loop(3, 3, lambda i, c: None, init))
    same(hd.fori_loop(3, 0, lambda i, c: None, init))
    same(hd.while_loop(lambda c: False, lambda c: None, init))
    carry, (sums, flags) = hd.scan(lambda c, x: (c, (np.sum(x), x > 1.0)), init, xs)
    same(carry)
    assert (sums.shape, sums.dtype, flags.shape, flags.dtype) == ((0,), float, (0, 2), bool)


def test_scan_without_sequences():
    carry, ys = hd.scan(lambda c, x: (2 * c, (c, x)), 1, None, length=5)
    assert carry == 32
    assert ys[1] is None
    np.testing.assert_array_equal(ys[0], [1, 2, 4, 8, 16])
    assert hd.scan(lambda c, x: (c + 1, None), 0, (), 4) == (4, None)


def test_trees_of_sequences():
    xs = {"a": np.arange(3.0), "b": (np.arange(6).reshape(3, 2),)}
    carry, ys = hd.scan(lambda c, x: (c + x["a"] * x["b"][0].sum(), {"a": x["a"], "c": c}), 0.0, xs)
    assert carry == 0 * 1 + 1 * 5 + 2 * 9
    np.testing.assert_array_equal(ys["a"], xs["a"])
    np.testing.assert_array_equal(ys["c"], [0.0, 0.0, 5.0])


def test_what_is_stacked_is_stacked_as_it_was():
    def step(c, x):
        c = c.copy()
        c += x
        y = c
        c = c * 1.0
        y[0] += 10.0
        return c, y

    def twice(c, x):
        buffer[0] = x
        return c, buffer

    buffer = np.zeros(2)
    np.testing.assert_array_equal(hd.scan(twice, 0, np.array([1.0, 2.0]))[1], [[1.0, 0.0], [2.0, 0.0]])
    assert hd.scan(step, np.zeros(2), np.ones(2))[1].shape == (2, 2)


# --- errors -----------------------------------------------------------------------------------------------------------


def grown(c, x):
    return np.append(c, x), None


ERRORS = {
    "shape": (lambda: hd.scan(grown, np.ones(2), np.ones(3)), r"was float64\[2\] and became float64\[3\]"),
    "dtype": (lambda: hd.fori_loop(0, 2, lambda i, c: c * 0.5, np.int64(1)), r"was int64\[\] and became float64\[\]"),
    "leaf": (
        lambda: hd.fori_loop(0, 2, lambda i, c: {"a": c["a"], "b": c["b"][1:]}, {"a": 1.0, "b": H}),
        r"leaf \['b'\]",
    ),
    "tree": (lambda: hd.while_loop(lambda c: True, lambda c: (c, c), 1.0), "same tree structure"),
    "text": (lambda: hd.fori_loop(0, 2, lambda i, c: c, (1.0, "a")), r"got str \(leaf \[1\]\)"),
    "number to array": (
        lambda: hd.fori_loop(0, 2, lambda i, c: c + H, 0.0),
        r"was a Python float and became float64\[3\]",
    ),
    "no pair": (lambda: hd.scan(lambda c, x: c, 1.0, H), r"pair \(carry, y\), got float"),
    "lengths": (
        lambda: hd.scan(lambda c, x: (c, x), 1.0, {"a": H, "b": XS}),
        "leaf .'a'. of xs: 3|3: leaf|lengths differ",
    ),
    "length": (lambda: hd.scan(lambda c, x: (c, x), 1.0, H, length=7), "lengths differ: xs: 3, length: 7"),
    "no axis": (lambda: hd.scan(lambda c, x: (c, x), 1.0, [1.0, 2.0]), r"leaf \[0\] of xs has no axis"),
    "no length": (lambda: hd.scan(lambda c, x: (c, x), 1.0, None), "pass length="),
    "negative": (lambda: hd.scan(lambda c, x: (c, x), 1.0, None, length=-1), "must not be negative"),
    "stacked": (lambda: hd.scan(lambda c, x: (c + 1, np.ones(c)), 1, H), r"was float64\[1\] and became float64\[2\]"),
    "stacked tree": (lambda: hd.scan(lambda c, x: (c + 1, [c] * c), 1, H), "same tree in each turn"),
    "array decides": (lambda: hd.cond(H > 0, np.sin, np.cos, H), r"shape \(3,\); use np.any"),
    "unknown": (
        lambda: hd.scan(lambda c, x: (c, np.ones(3)[: int(x)]), 1.0, np.ones(0)),
        "with no turns, it is not known",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_does_not_fit(name):
    call, message = ERRORS[name]
    with pytest.raises(StructureError, match=message):
        call()


@every_pair
def test_errors_of_the_function_arrive(controlled, plain):
    with pytest.raises(ValueError, match=r"matmul|broadcast"):
        controlled(np.ones((2, 2)), np.full(3, 3.0), XS)


def test_bounds_are_integers():
    with pytest.raises(TypeError, match="integer"):
        hd.fori_loop(0, 2.5, lambda i, c: c, 1.0)
