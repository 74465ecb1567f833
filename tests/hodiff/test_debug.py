"""debug_nans: what is reported and what not, with the user's line; threads; no cost when off."""

import asyncio
import importlib
import inspect
import pickle
import pkgutil
import time
from concurrent.futures import ThreadPoolExecutor

import cases
import numpy as np
import pytest
import scipy.special

import hodiff as hd
from hodiff import errors
from hodiff.reverse import ReverseTrace

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def caught(run):
    with hd.debug_nans(), pytest.raises(errors.NonFiniteError) as info:
        run()
    return info.value


def line_of(function, text):
    lines, start = inspect.getsourcelines(function)
    return start + next(i for i, line in enumerate(lines) if text in line)


def bad_log(x):
    y = x**2
    z = np.log(y)
    return z + 1.0


def bad_slope(x):
    y = np.sqrt(x)
    return 3.0 * y + x


def directional(f):
    return lambda x: hd.jvp(f, (x,), (np.ones_like(x),))[1]


MODES = {
    "grad": hd.grad,
    "jvp": directional,
    "linearize": lambda f: lambda x: hd.linearize(f, x)[1](1.0),
    "vjp": lambda f: lambda x: hd.vjp(f, x)[1](1.0),
    "jacfwd": hd.jacfwd,
    "jacrev": hd.jacrev,
    "hessian": hd.hessian,
    "grad-of-grad": lambda f: hd.grad(hd.grad(f)),
    "jvp-of-jvp": lambda f: directional(directional(f)),
    "vmap": lambda f: lambda x: hd.vmap(f)(np.stack([x, 1.0])),
    "vmap-grad": lambda f: lambda x: hd.vmap(hd.grad(f))(np.stack([x, 1.0])),
    "grad-vmap": lambda f: lambda x: hd.grad(lambda x: np.sum(hd.vmap(f)(x)))(np.stack([x, 1.0])),
    "checkpoint": lambda f: hd.grad(hd.checkpoint(f)),
}


@pytest.mark.parametrize("mode", MODES)
def test_a_value(mode):
    error = caught(lambda: MODES[mode](bad_log)(0.0))
    assert error.kind == "value"
    assert error.filename == __file__
    if mode == "checkpoint":
        # What is not traced is one operation, until it runs again.
        assert error.operation == "hodiff.checkpoint of bad_log"
        return
    assert error.operation == "log"
    assert error.line == line_of(bad_log, "np.log")
    assert error.text == "z = np.log(y)"
    assert f"log made an inf in its value; {__file__}, line {error.line}: z = np.log(y)." in str(error)


@pytest.mark.parametrize("mode", [m for m in MODES if m not in ("vmap", "hessian", "grad-of-grad", "jvp-of-jvp")])
def test_a_derivative(mode):
    error = caught(lambda: MODES[mode](bad_slope)(0.0))
    assert error.operation == "sqrt"
    assert error.kind == ("tangent" if mode in ("jvp", "linearize", "jacfwd") else "cotangent")
    assert error.line == line_of(bad_slope, "np.sqrt")
    assert error.text == "y = np.sqrt(x)"


@pytest.mark.parametrize("mode", ["hessian", "grad-of-grad", "jvp-of-jvp"])
def test_a_derivative_of_higher_order(mode):
    def f(x):
        return x**1.5

    error = caught(lambda: MODES[mode](f)(0.0))
    assert error.filename == __file__
    assert error.text == "return x**1.5"


def test_nothing_is_reported_where_everything_is_finite():
    def f(x):
        y = np.stack([x, x**2, np.sin(x)])
        return np.sum(np.linalg.solve(np.eye(3) + np.outer(y, y), y)) * scipy.special.gammaln(2.0 + x) + y[0]

    for name, mode in MODES.items():
        plain = mode(f)(0.7)
        with hd.debug_nans():
            np.testing.assert_allclose(mode(f)(0.7), plain, rtol=1e-12, err_msg=name)


def sampled_cases():
    for module in pkgutil.iter_modules(cases.__path__):
        found = getattr(importlib.import_module(f"cases.{module.name}"), "CASES", [])
        # The condition number makes a NaN on purpose, which it drops where the matrix is regular.
        yield from (case for case in found[::8] if not case.name.startswith("cond"))


def test_no_derivative_of_an_operation_changes():
    for case in sampled_cases():
        args = tuple(np.asarray(a, float)[()] for a in case.args)

        def total(*args, case=case):
            out = case.function(*args)
            return sum(np.sum(np.real(part)) for part in (out if isinstance(out, tuple) else (out,)))

        for derivative in (
            lambda args, f=total: hd.grad(f, tuple(range(len(args))))(*args),
            lambda args, f=total: hd.jvp(f, args, tuple(np.ones_like(a) for a in args))[1:],
        ):
            expected = derivative(args)
            with hd.debug_nans():
                found = derivative(args)
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12, err_msg=case.name)


def test_zeros_that_win_leave_real_values_real():
    def f(x):
        return np.imag((1.0 + 2.0j) * x) + np.where(x > 0, np.sqrt(x), 0.0)

    assert hd.jvp(f, (np.zeros(2),), (np.array([0.0, 3.0]),))[1].tolist() == [0.0, 6.0]
    with hd.debug_nans():
        assert hd.jvp(f, (np.zeros(2),), (np.array([0.0, 0.0]),))[1].tolist() == [0.0, 0.0]
        assert hd.jvp(lambda x: np.imag((1.0 + 2.0j) * x), (1.0,), (3.0,))[1] == 6.0


def test_what_is_in_the_operands_is_not_reported_again():
    data = np.array([1.0, np.nan, np.inf])

    def missing(x):
        return np.sum(np.where(np.isfinite(data), x - data, 0.0) ** 2)

    with hd.debug_nans():
        assert hd.grad(missing)(np.zeros(3)).tolist() == [-2.0, 0.0, 0.0]
        assert directional(missing)(np.zeros(3)) == -2.0
        assert hd.grad(lambda x: 2.0 * x)(np.inf) == 2.0
        assert hd.grad(lambda x: x * x)(np.inf) == np.inf
        assert np.isnan(hd.vjp(lambda x: 2.0 * x, 1.0)[1](np.nan)[0])


def test_a_nan_made_of_an_inf_is_reported():
    error = caught(lambda: hd.grad(lambda x: x - x)(np.inf))
    assert (error.operation, error.kind) == ("subtract", "value")
    assert "a NaN" in str(error)


def test_another_element_than_the_one_that_was_nan_before():
    error = caught(lambda: hd.grad(lambda x: np.sum(np.log(x)))(np.array([np.nan, 0.0])))
    assert error.operation == "log"


def test_what_zeros_annihilate_is_not_reported_and_values_that_where_drops_are():
    with hd.debug_nans():
        x = np.array([0.0, 4.0])
        assert hd.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)))(x).tolist() == [0.0, 0.25]
        assert hd.jvp(lambda x: np.where(x > 0, np.sqrt(x), 0.0), (x,), (np.array([0.0, 1.0]),))[1].tolist() == [
            0,
            0.25,
        ]
        guarded = hd.vmap(hd.grad(lambda x: np.where(x > 0, np.sqrt(x), 0.0)))
        assert guarded(x).tolist() == [0.0, 0.25]
        assert hd.jvp(lambda x, y: np.sqrt(x) + y, (0.0, 1.0), (0.0, 1.0))[1] == 1.0
        assert hd.grad(lambda x: np.sum(np.log(np.where(x > 0, x, 1.0))))(x).tolist() == [0.0, 0.25]
    assert caught(lambda: hd.grad(lambda x: np.sum(np.where(x > 0, np.log(x), 0.0)))(x)).kind == "value"


def test_custom_rules():
    f = hd.custom_vjp(lambda x: np.sqrt(x))
    f.defvjp(lambda x: (np.sqrt(x), x), lambda x, ct: (0.5 * ct / np.sqrt(x),))
    g = hd.custom_jvp(lambda x: np.sqrt(x))
    g.defjvp(lambda p, t: (np.sqrt(p[0]), 0.5 * t[0] / np.sqrt(p[0])))
    for h in (f, g):
        with hd.debug_nans():
            np.testing.assert_allclose(hd.grad(lambda x: h(x) ** 2)(4.0), 1.0)  # noqa: B023
        for mode in ("grad", "jvp", "linearize", "vmap-grad"):
            error = caught(lambda: MODES[mode](lambda x: 3.0 * h(x))(0.0))  # noqa: B023
            assert error.kind == ("cotangent" if "grad" in mode else "tangent")
            assert "3.0 * h(x)" in error.text


def test_in_an_assignment_in_place():
    def f(x):
        y = np.zeros_like(x)
        y[0] = np.log(x[0])
        return np.sum(y)

    assert caught(lambda: hd.grad(f)(np.zeros(2))).text == "y[0] = np.log(x[0])"


def test_a_pullback_that_is_called_later():
    with hd.debug_nans():
        _, pullback = hd.vjp(bad_slope, 0.0)
    with pytest.raises(errors.NonFiniteError):
        pullback(1.0)
    assert pullback(0.0)[0] == 0.0


def test_it_ends_with_the_block_also_by_an_exception():
    caught(lambda: hd.grad(bad_log)(0.0))
    assert hd.grad(bad_slope)(0.0) == np.inf
    with hd.debug_nans():
        with hd.debug_nans():
            pass
        with pytest.raises(errors.NonFiniteError):
            hd.grad(bad_log)(0.0)


def test_threads_and_tasks_are_their_own():
    def work(debug):
        def run():
            if not debug:
                return [hd.grad(bad_slope)(0.0) == np.inf for _ in range(50)]
            with hd.debug_nans():
                return [isinstance(attempt(), errors.NonFiniteError) for _ in range(50)]

        return run()

    def attempt():
        try:
            return hd.grad(bad_slope)(0.0)
        except errors.NonFiniteError as error:
            return error

    with ThreadPoolExecutor(4) as pool:
        assert all(all(found) for found in pool.map(work, [True, False] * 4))

    async def task(debug):
        if debug:
            with hd.debug_nans():
                await asyncio.sleep(0.01)
                return isinstance(attempt(), errors.NonFiniteError)
        await asyncio.sleep(0.005)
        return hd.grad(bad_slope)(0.0) == np.inf

    async def both():
        return await asyncio.gather(task(True), task(False))

    assert all(asyncio.run(both()))


def test_the_error_is_a_floating_point_error_and_pickles():
    error = caught(lambda: hd.grad(bad_log)(0.0))
    assert isinstance(error, FloatingPointError)
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert again.line == error.line


def test_nothing_is_paid_when_it_is_off():
    # The trace is the plain one, with the plain methods: there is nothing to measure.
    seen = []
    hd.grad(lambda x: seen.append(type(x.owner)) or x + 1.0)(1.0)
    with hd.debug_nans():
        hd.grad(lambda x: seen.append(type(x.owner)) or x + 1.0)(1.0)
    hd.grad(lambda x: seen.append(type(x.owner)) or x + 1.0)(1.0)
    assert seen[0] is seen[2] is ReverseTrace
    assert issubclass(seen[1], ReverseTrace)
    assert seen[1] is not ReverseTrace


def test_it_is_fast_enough_to_use():
    def f(x):
        for _ in range(200):
            x = np.sin(x) + 0.1
        return x

    start = time.perf_counter()
    with hd.debug_nans():
        hd.grad(f)(1.0)
    assert time.perf_counter() - start < 2.0


def test_blocks_of_generators_may_end_in_any_order():
    def block():
        with hd.debug_nans():
            yield

    first, second = block(), block()
    next(first), next(second)
    first.close()
    with pytest.raises(FloatingPointError):
        hd.grad(np.sqrt)(0.0)
    second.close()
    assert hd.grad(np.sqrt)(0.0) == np.inf
