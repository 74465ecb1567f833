"""What hodiff.jit shows and refuses: counts, text of programs, options, bounds, pickles, copies, threads."""

import copy
import functools
import inspect
import pickle
import threading
import warnings

import numpy as np
import pytest

import hodiff as hd
from hodiff.errors import ArgumentError, EagerWarning, HodiffError, NotStagedError

pytestmark = pytest.mark.usefixtures("backend")

X = np.array([0.5, -1.0, 2.0])


def rosenbrock(x):
    """Rosenbrock's function."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def branching(x, threshold=0.0):
    if x > threshold:
        return x**2
    return -x


compiled_at_the_top = hd.jit(rosenbrock)


# --- counts -----------------------------------------------------------------------------------------------------------


def test_a_plain_loop_hits():
    f = hd.jit(rosenbrock)
    for i in range(100):
        assert f(X + i) == pytest.approx(rosenbrock(X + i), rel=1e-14)
    info = f.cache_info()
    assert (info.specialisations, info.hits, info.guard_misses, info.eager_calls) == (1, 99, 0, 0)
    assert 0 < info.compile_seconds < 10
    assert info._fields == ("specialisations", "hits", "guard_misses", "eager_calls", "compile_seconds")
    assert f.eager_reason is None


def test_branches_are_specialisations():
    f = hd.jit(branching)
    for x in (1.0, 2.0, -1.0, -2.0, 3.0, -4.0):
        assert f(x) == branching(x)
    info = f.cache_info()
    assert (info.specialisations, info.hits, info.eager_calls) == (2, 4, 0)
    assert info.guard_misses == 3  # at -1.0, where nothing fits, at 3.0 and at -4.0


def test_shapes_dtypes_and_layouts_are_specialisations():
    f = hd.jit(lambda x: x * 2)
    kinds = [np.ones(3), np.ones(4), np.ones((3, 1)), np.ones(3, np.float32), np.ones(6)[::2], 1.0, np.float64(1.0), 1]
    for x in kinds * 2:
        np.testing.assert_array_equal(f(x), x * 2)
    info = f.cache_info()
    assert (info.specialisations, info.hits) == (len(kinds), len(kinds))


def test_calls_that_cannot_be_compiled_are_counted_and_say_why():
    f = hd.jit(lambda x: x + np.random.default_rng().normal())
    for _ in range(3):
        f(1.0)
    assert f.cache_info().eager_calls == 3
    assert f.cache_info().specialisations == 0
    assert "random" in f.eager_reason
    with pytest.raises(NotStagedError, match="random"):
        f.lower(1.0)


def test_derivatives_of_a_compiled_function_hit_too():
    f = hd.jit(rosenbrock)
    for i in range(10):
        hd.grad(f)(X + i)
        hd.hessian(f)(X + i)
    assert f.cache_info().specialisations == 1
    assert f.cache_info().eager_calls == 0


# --- the bound --------------------------------------------------------------------------------------------------------


def test_a_function_that_keeps_branching_warns_once_and_names_the_line():
    def f(x):
        total = x
        for _ in range(int(x)):  # another trip count at each call
            total = total + 1.0
        return total

    line = inspect.getsourcelines(f)[1] + 2
    g = hd.jit(f)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            for n in range(50):
                assert g(n + 0.5) == f(n + 0.5)
    assert [w.category for w in caught] == [EagerWarning]
    message = str(caught[0].message)
    assert f"{__file__}:{line}" in message
    assert "f runs eagerly" in message
    info = g.cache_info()
    assert info.specialisations < 50
    assert info.eager_calls > 50
    assert str(line) in g.eager_reason


def test_a_function_of_ever_new_shapes_warns_once():
    f = hd.jit(lambda x: np.sum(x) * 2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for n in range(400):
            assert f(np.ones(n)) == 2 * n
    assert [w.category for w in caught] in ([], [EagerWarning])


def test_a_global_that_always_differs_warns_once():
    rate = 0.0
    f = hd.jit(lambda x: x * rate)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for n in range(200):
            rate = float(n)
            assert f(2.0) == 2.0 * n
    assert [w.category for w in caught] == [EagerWarning]


def test_static_arguments_are_hashed():
    f = hd.jit(lambda x, n: x * n[0], static_argnums=1)
    assert f(X, (2,))[0] == 1.0
    assert f(X, (3,))[0] == 1.5
    with pytest.raises(ArgumentError, match="hashable"):
        f(X, [2])


# --- text -------------------------------------------------------------------------------------------------------------


def test_lower_shows_program_and_code():
    text = hd.jit(rosenbrock).lower(X)
    assert "program rosenbrock(" in text
    assert "def rosenbrock(" in text
    assert "test_jit_surface.py:" in text  # the user's lines


def test_a_program_can_be_read_and_run():
    program = hd.make_program(rosenbrock)(X)
    assert "float64[3]" in str(program)
    assert program.evaluate(X + 1)[0] == pytest.approx(rosenbrock(X + 1), rel=1e-14)
    gradient = hd.make_program(hd.grad(rosenbrock))(X)
    np.testing.assert_allclose(gradient.evaluate(X + 1)[0], hd.grad(rosenbrock)(X + 1), rtol=1e-13)
    with pytest.raises(NotStagedError):
        hd.make_program(lambda x: np.asarray(x).tolist())(X)


def test_names_and_docstrings_are_those_of_the_function():
    f = hd.jit(rosenbrock)
    assert f.__name__ == "rosenbrock"
    assert f.__doc__ == rosenbrock.__doc__
    assert f.__wrapped__ is rosenbrock
    assert inspect.signature(hd.jit(branching)) == inspect.signature(branching)


# --- options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: hd.jit(3), "function"),
        (lambda: hd.jit("f"), "function"),
        (lambda: hd.jit(rosenbrock, static_argnums="x"), "static_argnums"),
        (lambda: hd.jit(rosenbrock, static_argnums=1.5), "static_argnums"),
        (lambda: hd.jit(rosenbrock, static_argnames=1), "static_argnames"),
        (lambda: hd.jit(rosenbrock, backend="cuda"), "backend"),
        (lambda: hd.jit(rosenbrock, backend=None), "backend"),
        (lambda: hd.make_program(3), "function"),
    ],
)
def test_bad_options_say_what_is_wrong(make, text):
    with pytest.raises(HodiffError, match=text):
        make()


def test_options_that_do_not_exist_are_refused():
    with pytest.raises(TypeError):
        hd.jit(rosenbrock, donate=True)


def test_as_a_decorator_with_options():
    @hd.jit(static_argnames="n", backend="numpy")
    def f(x, n=2):
        return x**n

    assert f(3.0) == 9.0
    assert f(3.0, n=3) == 27.0

    @hd.jit
    def g(x):
        return x + 1

    assert g(1.0) == 2.0


def test_over_wrapped_functions():
    @functools.wraps(rosenbrock)
    def wrapped(*args):
        return rosenbrock(*args)

    f = hd.jit(functools.lru_cache(None)(lambda x: x * 2))
    assert f(2.0) == f(2.0) == 4.0
    assert hd.jit(wrapped)(X) == rosenbrock(X)
    assert hd.jit(np.sin)(1.0) == hd.jit(np.sin)(1.0) == np.sin(1.0)
    assert hd.jit(max)(1.0, 2.0) == 2.0


# --- pickles, copies, threads -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [compiled_at_the_top, hd.jit(hd.grad(rosenbrock)), hd.grad(hd.jit(rosenbrock))])
def test_pickles_and_copies_compute_the_same(f):
    f(X)
    for twin in (pickle.loads(pickle.dumps(f)), copy.copy(f), copy.deepcopy(f)):
        np.testing.assert_allclose(twin(X + 1), f(X + 1), rtol=1e-14)
        np.testing.assert_allclose(twin(X), f(X), rtol=1e-14)


def _run(threads):
    errors = []

    def guarded(work):
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is raised again by the main thread
            errors.append(error)

    running = [threading.Thread(target=guarded, args=(work,)) for work in threads]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    if errors:
        raise errors[0]


def test_threads_call_one_function_while_it_specialises():
    def f(x):
        for i in range(4):
            if x[i] > 0:
                x = np.sin(x) + i
            else:
                x = x * 0.5 - np.cumsum(x) * 0.1
        return x, np.sum(x**2)

    generator = np.random.default_rng(0)
    points = generator.uniform(-1, 1, (8, 500, 5))
    expected = [[f(x) for x in rows] for rows in points]
    compiled = hd.jit(f)
    start = threading.Barrier(8)

    def work(i):
        start.wait()
        for x, (vector, total) in zip(points[i], expected[i], strict=True):
            found = compiled(x)
            np.testing.assert_allclose(found[0], vector, rtol=1e-13, atol=1e-14)
            np.testing.assert_allclose(found[1], total, rtol=1e-13)

    _run([functools.partial(work, i) for i in range(8)])
    assert compiled.cache_info().hits > 3000


def test_threads_differentiate_one_function_at_once():
    f = hd.jit(rosenbrock)
    both = hd.jit(hd.value_and_grad(rosenbrock))
    points = np.random.default_rng(1).normal(size=(4, 60, 6))
    gradients = [[hd.grad(rosenbrock)(x) for x in rows] for rows in points]

    def work(i):
        for x, gradient in zip(points[i], gradients[i], strict=True):
            np.testing.assert_allclose(hd.grad(f)(x), gradient, rtol=1e-12, atol=1e-9)
            np.testing.assert_allclose(both(x)[1], gradient, rtol=1e-12, atol=1e-9)
            np.testing.assert_allclose(hd.hvp(f)(x, x), hd.hvp(rosenbrock)(x, x), rtol=1e-11, atol=1e-8)

    _run([functools.partial(work, i) for i in range(4)])


def test_threads_with_shapes_and_globals_of_their_own():
    data = [np.ones(3)]
    f = hd.jit(lambda x, scale: np.sum(x * data[0][0]) * scale)

    def work(i):
        for n in range(1, 40):
            assert f(np.ones(n), float(i)) == n * i

    _run([functools.partial(work, i) for i in range(8)])
