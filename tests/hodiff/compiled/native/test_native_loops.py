"""Loops and branches as native code: against emitted NumPy code, whatever they carry, take, stack and choose."""

import re
import warnings

import numpy as np
import pytest
from control_programs import PAIRS, SIMPLE, TRANSFORMS, arguments
from hypothesis import given, settings
from hypothesis import strategies as st
from loop_models import MODELS, bodies, derived, interpret

import hodiff as hd
from hodiff.compiled import native
from hodiff.compiled.native import lengths
from hodiff.compiled.native.writing.kernel import write_kernel
from hodiff.compiled.numpy_source import Miss, emit
from hodiff.compiled.units import optimised
from hodiff.staging import stage

pytestmark = pytest.mark.skipif(native.reason() is not None, reason=str(native.reason()))

RNG = np.random.default_rng(7)
X, Y, M = RNG.normal(size=5), RNG.normal(size=(6, 5)), RNG.normal(size=(5, 5)) / 3
FUNCTIONS = {
    **{name: pair[0] for name, pair in SIMPLE.items()},
    **{f"{n} of {p[0].__name__}": p[0] for n, p in PAIRS.items()},
}


def compiled(function, *values):
    """Both executables of a function that returns a list."""

    def listed(*args):
        found = function(*args)
        return list(found) if isinstance(found, (tuple, list)) else [found]

    program = optimised(stage(listed, values)[1])
    fresh = (True,) * len(program.outputs)
    return native.compile(program, fresh=fresh), emit(program, fresh=fresh)


def assert_same(found, expected, rtol=1e-11, atol=1e-12):
    """The same outcome: values of the same types, or the same guard."""
    if isinstance(expected, Miss):
        assert (found.index, found.outcome) == (expected.index, expected.outcome)
        return
    assert len(found) == len(expected)
    for x, y in zip(found, expected, strict=True):
        assert type(x) is type(y)
        assert np.asarray(x).dtype == np.asarray(y).dtype
        np.testing.assert_allclose(x, y, rtol=rtol, atol=atol)


def check(function, *values, whole=True, others=(), **tolerance):
    """Compare; where ``whole``, nothing is left to NumPy. ``others`` are more arguments to call it with."""
    ours, theirs = compiled(function, *values)
    assert not whole or ours.notes == []
    for args in (values, *others):
        assert_same(ours.function(*args), theirs.function(*args), **tolerance)


# --- programs and their derivatives -----------------------------------------------------------------------------------


#: All derivatives with respect to the sequence, and to the others those that make other programs for them.
CASES = [
    pytest.param(t, n, marks=() if n == 2 or t == "grad" else pytest.mark.exhaustive)
    for t in TRANSFORMS
    for n in range(3)
]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("transform", "argnum"), CASES)
def test_programs_and_their_derivatives(name, transform, argnum):
    function = TRANSFORMS[transform](FUNCTIONS[name], argnum)
    w, h, xs = arguments(11, 5)
    ours, theirs = compiled(function, w, h, xs)
    for values in ((w, h, xs), (w * 0.9, h * 1.1, xs - 0.1), (w, -h, xs)):
        with np.errstate(all="ignore"):
            assert_same(ours.function(*values), theirs.function(*values), rtol=1e-9, atol=1e-10)
    if "while" not in name and "counter" not in name and name != "scan":
        assert [note for note in ours.notes if not note.startswith("hodiff.checkpoint")] == []


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("kind", ["value", "gradient", "curvature"])
def test_rolled_loops(model, kind):
    function, values = derived(model, kind, 20)
    check(function, *values, whole=False, rtol=1e-9, atol=1e-9)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(body=bodies(), turns=st.integers(9, 20), vector=st.booleans(), seed=st.integers(0, 100), slope=st.booleans())
def test_any_rolled_loop(body, turns, vector, seed, slope):
    rng = np.random.default_rng(seed)
    shape = (3,) if vector else ()
    values = [rng.normal(size=(81, *shape)), rng.normal(size=shape)[()], rng.normal(size=shape)[()]]

    def run(*args):
        return interpret(body, turns, False, [3], *args)

    def gradient(*args):
        return hd.grad(lambda *a: sum(np.sum(part) for part in run(*a)), argnums=(0, 1, 2))(*args)

    with np.errstate(all="ignore"):
        check(gradient if slope else run, *values, whole=False, rtol=1e-8, atol=1e-9)


# --- what is carried, taken and stacked -------------------------------------------------------------------------------

#: What a turn makes of what is carried and an element; and what is carried to begin with.
CARRIES = {
    "number": (lambda c, x: (c * 0.5 + x[0], c), lambda b: 1.0),
    "array": (lambda c, x: (c * 0.5 + x, c), lambda b: b[0]),
    "product": (lambda c, x: (np.tanh(M @ c + x), None), lambda b: b[0]),
    "of its own product": (lambda c, x: (c @ M, np.sum(c)), lambda b: M),
    "same": (lambda c, x: ((c[0], c[1] + x * c[0]), c[0] * x), lambda b: (b[1], b[0])),
    "swapped": (lambda c, x: ((c[1], c[0] + x), c[0]), lambda b: (b[0], b[1])),
    "swapped numbers": (lambda c, x: ((c[1], c[0] + x[0]), c[0]), lambda b: (1.0, 2.0)),
    "rotated": (lambda c, x: ((c[1], c[2], c[0]), x), lambda b: (b[0], b[1], b[2])),
    "an element": (lambda c, x: (x, c * x), lambda b: b[3]),
    "a constant": (lambda c, x: (M, c @ x), lambda b: M * 2),
    "a literal": (lambda c, x: (np.arange(5.0), c + x), lambda b: b[0]),
    "the same twice": (lambda c, x: ((c[0] + x, c[0] + x), c[1] * 2), lambda b: (b[0], b[1])),
    "what is stacked": (lambda c, x: (c + np.sin(x),) * 2, lambda b: b[0]),
    "what is stacked twice": (lambda c, x: (c + x, (c + x, c + x, c, x)), lambda b: b[0]),
    "a view": (lambda c, x: (c[::-1] + 0.0, c[::-1]), lambda b: b[0]),
    "two axes": (lambda c, x: (c.T * 0.5 + x, c[1]), lambda b: M),
    "one element": (lambda c, x: (c + x[:1], c), lambda b: b[0, :1]),
    "no axes": (lambda c, x: (c + x[0], c), lambda b: np.zeros(())),
    "float32": (lambda c, x: (c + x.astype(np.float32), c), lambda b: np.ones(5, np.float32)),
    "bits": (lambda c, x: (c ^ (x > 0), c), lambda b: b[0] > 0),
    "a bit": (lambda c, x: (c ^ (x[0] > 0), c), lambda b: b[0, 0] > 0),
    "integers": (lambda c, x: (c * 3 + (x > 0), c), lambda b: np.arange(5)),
    "small integers": (lambda c, x: (c * np.int8(3), c), lambda b: np.arange(5, dtype=np.int8)),
    "a counter": (lambda c, x: ((c[0] + 1, c[1] + c[0] * x), c[0]), lambda b: (0, b[0])),
    "many": (lambda c, x: ([v * 0.9 + x for v in c], sum(c)), lambda b: [b[i] for i in range(5)]),
    "nothing": (lambda c, x: (None, np.sin(x) @ x), lambda b: None),
}


@pytest.mark.parametrize("name", CARRIES)
@pytest.mark.parametrize("length", [1, 2, 3, 6])
def test_carries(name, length):
    step, start = CARRIES[name]
    check(lambda b, xs: hd.tree.flatten(hd.scan(step, start(b), xs))[0], Y, Y[::-1][:length].copy())


@pytest.mark.parametrize("name", CARRIES)
def test_carries_of_while_loops(name):
    """The same bodies, with an end that is found on the way: after some turns, or before the first."""
    step, start = CARRIES[name]

    def function(b, xs, turns):
        def turn(state):
            return state[0] + 1, step(state[1], xs[0] * 0.5)[0]

        return hd.tree.flatten(hd.while_loop(lambda state: state[0] < turns, turn, (0, start(b))))[0]

    ours, theirs = compiled(function, Y, Y, 3)
    assert ours.notes == []
    for turns in (3, 4, 1, 0):
        assert_same(ours.function(Y, Y, turns), theirs.function(Y, Y, turns))


SEQUENCES = {
    "a part": lambda y: y[1:5],
    "the other way round": lambda y: y[::-1],
    "every other": lambda y: y[::2],
    "turned": lambda y: y.T[:, :5],
    "broadcast": lambda y: np.broadcast_to(y[0], (4, 5)),
    "of what is computed": lambda y: np.sin(y)[2:],
    "in another shape": lambda y: np.reshape(y, (5, 6))[:, 1:],
    "one": lambda y: y[:1],
    "literal": lambda y: np.arange(15.0).reshape(3, 5) + 0.0 * y[0, 0],
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequences(name):
    def function(y):
        xs = SEQUENCES[name](y)
        last, stacked = hd.scan(lambda c, x: (c * 0.5 + x, (c[1] * x, x[2])), xs[0] * 2.0, xs)
        (total, numbers) = hd.scan(lambda c, x: (c * x + 1.0, c), 0.5, xs[:, 1])
        return last, *stacked, total, numbers

    check(function, Y)
    check(lambda y: hd.value_and_grad(lambda y: sum(np.sum(part**2) for part in function(y)))(y), Y)


def test_sequences_the_other_way():
    """What a reversed loop takes and stacks is at its place; reverse mode makes such loops."""

    def function(w, y):
        return hd.scan(lambda c, x: (np.tanh(w @ c + x),) * 2, y[0], y)[1]

    for length in (1, 2, 6):
        check(lambda w, y: hd.vjp(function, w, y)[1](np.cos(y)), M, Y[:length].copy())


def test_loops_within_loops_and_branches():
    def function(w, y):
        def row(c, x):
            def inner(d, i):
                d = np.tanh(w @ d + i * x)
                return hd.cond(d[0] > 0, lambda d: (d, d[1]), lambda d: (d[::-1] * 0.9, d[2]), d)

            c, picked = hd.scan(inner, c, np.arange(4.0))
            c = hd.cond(
                c[1] > 0,
                lambda: hd.fori_loop(0, 3, lambda i, d: d * 0.5 + i, c),
                lambda: hd.while_loop(lambda d: d @ d > 0.1, lambda d: d * 0.7, c),
            )
            return c, (picked, np.sum(c))

        return hd.tree.flatten(hd.scan(row, y[0], y))[0]

    check(function, M, Y, others=[(-M, Y), (M, -Y), (M * 2, Y * 3)])


INVARIANTS = {
    "computed": lambda w, c, x: (c @ np.exp(w) + x, None),
    "turned": lambda w, c, x: (np.tanh(w).T @ c + x, None),
    "a number": lambda w, c, x: (c * np.exp(w[0, 0]) + x * np.sum(w), np.sum(w**2)),
    "carried": lambda w, c, x: (np.exp(w)[0], c * x),
    "stacked": lambda w, c, x: (c + np.sin(w)[1], np.sin(w)),
    "of tasks": lambda w, c, x: (np.linalg.solve(w @ w.T + np.eye(5), c) + x, w @ w),
    "cheap": lambda w, c, x: (c * (w[0] + 1.0) + x, w + 1.0),
    "all": lambda w, c, x: (np.exp(w[1]), np.sum(np.sin(w[2]))),
}


@pytest.mark.parametrize("name", INVARIANTS)
@pytest.mark.parametrize("length", [1, 4])
def test_what_no_turn_changes(name, length):
    def function(w, y):
        return hd.tree.flatten(hd.scan(lambda c, x: INVARIANTS[name](w, c, x), y[0], y))[0]

    check(function, M, Y[:length].copy())
    check(lambda w, y: hd.grad(lambda w: sum(np.sum(part**2) for part in function(w, y)))(w), M, Y[:length].copy())


def test_what_no_turn_changes_is_computed_once():
    def function(w, y):
        return hd.scan(lambda c, x: (c @ np.exp(w) + x, None), y[0], y)[0]

    ours, _ = compiled(function, M, Y)
    assert "@hd.exp" in ours.llvm[: ours.llvm.index("define internal")]
    inside = re.search(r"^loop(\d+):(?:(?!^after\1:).)*@hd.exp.*?^after\1:", ours.llvm, re.MULTILINE | re.DOTALL)
    assert inside is None or "fmuladd" not in inside.group()


# --- what is changed in place -----------------------------------------------------------------------------------------


def put(y, index, value):
    y = y.copy()
    y[index] = value
    return y


#: Turns that change a few elements of what is carried.
CHANGES = {
    "from another element": lambda i, y: put(y, i, np.sin(y[i - 1]) + y[i]),
    "from all": lambda i, y: put(y, i, np.sum(y) * 0.1),
    "twice": lambda i, y: put(put(y, i, y[i - 1] * 0.5), i - 1, y[i] + 1.0),
    "what was just changed": lambda i, y: put(y, i - 1, put(y, i, y[i - 1] * 0.5)[i] + y[i]),
    "and read as it was": lambda i, y: put(y, i, 0.5) * np.cos(y[::-1]),
    "somewhere": lambda i, y: put(y, (i * 7) % 5, y[i] * 0.5),
    "by a choice": lambda i, y: hd.cond(y[i] > 0.5, lambda: put(y, i, y[i - 1]), lambda: y * 0.5),
    "by a loop": lambda i, y: hd.fori_loop(0, 3, lambda j, z: put(z, j, z[j + 1] * 0.5 + i), y),
    "rows": lambda i, y: put(y, 2, y[i]) if y.ndim == 1 else put(y, i, np.sin(y[i - 1]) + y[0]),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("axes", [1, 2])
def test_changes_in_place(name, axes):
    if axes == 2 and name in ("from all", "by a choice", "by a loop", "somewhere"):
        pytest.skip("of vectors only")
    turn = CHANGES[name]
    x = np.linspace(0.1, 1.0, 6) if axes == 1 else RNG.normal(size=(6, 5))

    def looped(x):
        return hd.fori_loop(1, 5, turn, x)

    def stacked(x):
        last, rows = hd.scan(lambda y, i: (turn(i, y), (y, np.sum(y[0]))), x, np.arange(1, 5))
        return [last, *rows]

    def changed(x):
        return hd.scan(lambda y, i: ((z := turn(i, y)), z), x, np.arange(1, 5))[1]

    def repeated(x, turns):
        return hd.while_loop(lambda c: c[0] < turns, lambda c: (c[0] + 1, turn(c[0], c[1])), (1, x))[1]

    def exchanged(x):
        return hd.fori_loop(1, 5, lambda i, c: (turn(i, c[1]), c[0]), (x, x * 2))

    for function in (looped, stacked, changed, exchanged):
        check(function, x, whole=False)
    check(repeated, x, 4, whole=False, others=[(x, 1), (x, 0), (x, 3)])
    check(hd.grad(lambda x: np.sum(looped(x) ** 2)), x, whole=False)
    check(hd.grad(lambda x: sum(np.sum(part**2) for part in stacked(x))), x, whole=False)


def test_what_is_changed_in_place_is_not_copied():
    def running(x):
        return hd.fori_loop(1, len(x), lambda i, y: put(y, i, y[i - 1] * 0.5 + y[i]), x)

    def neighbours(x):
        return hd.fori_loop(1, len(x), lambda i, s: s * 0.5 + x[i] * x[i - 1], 0.0)

    for function in (running, hd.grad(neighbours)):
        program = optimised(stage(lambda x: [function(x)], [np.ones(5000)])[1])  # noqa: B023
        kernel = write_kernel(program, (True,), width=4)
        inside = re.findall(r"^loop(\d+):(.*?)^after\1:", kernel.text, re.MULTILINE | re.DOTALL)
        assert inside
        for _, loop in inside:
            assert "memcpy" not in loop
            assert "memset" not in loop


# --- what is chosen ---------------------------------------------------------------------------------------------------

CHOICES = {
    "numbers": (lambda a, b: (a[0] + b[0], 1.0), lambda a, b: (a[1], 2.0)),
    "arrays": (lambda a, b: (a + b, a @ b), lambda a, b: (a * b, a[0])),
    "operands": (lambda a, b: (a, b), lambda a, b: (b, a)),
    "the same twice": (lambda a, b: (a + b,) * 2, lambda a, b: (a, np.sin(b))),
    "literals": (lambda a, b: (np.arange(5.0), 1.0), lambda a, b: (np.ones(5), a[0])),
    "views": (lambda a, b: (a[::-1], b[1:]), lambda a, b: (b, a[:4])),
    "bits": (lambda a, b: (a > b, a[0] > 0), lambda a, b: (a < b, True)),
}


@pytest.mark.parametrize("name", CHOICES)
def test_choices(name):
    true, false = CHOICES[name]
    for make in (lambda a: a[0] > a[1], lambda a: np.sum(a > 0), lambda a: a[2]):
        check(lambda a, b: hd.cond(make(a), true, false, a, b), X, Y[0], others=[(-X, Y[1]), (X * 0, X)])  # noqa: B023


# --- numbers of turns that are not known ------------------------------------------------------------------------------


def power(x, n):
    return hd.fori_loop(0, n, lambda i, y: y * x + i, 1.0)


def root(a, n):
    del n
    return hd.while_loop(lambda x: np.abs(x * x - a) > 1e-12, lambda x: 0.5 * (x + a / x), a)


@pytest.mark.parametrize("function", [power, root])
@pytest.mark.parametrize("derive", [lambda f: f, hd.grad, lambda f: hd.grad(hd.grad(f))])
def test_native_code_by_the_number_of_turns(function, derive, monkeypatch):
    """The first call for a number runs NumPy code, and the others native code where that pays."""
    made = []
    monkeypatch.setattr(lengths, "_COMPILING", 0.0)
    monkeypatch.setattr(lengths, "_KEPT", 3)
    compile_by_itself = native.compile
    monkeypatch.setattr(native, "compile", lambda *args, **kw: made.append(args) or compile_by_itself(*args, **kw))
    fast, plain = (hd.jit(derive(function), backend=backend) for backend in ("native", "numpy"))
    for n in (3, 5, 0, -2, 8, 3, 5, 20, 3):
        for x in np.array([1.1, 0.9]):
            np.testing.assert_allclose(plain(x, n), derive(function)(x, n), rtol=1e-12)
            expected = plain(x, n)
            for _ in range(2):
                found = fast(x, n)
                np.testing.assert_allclose(found, expected, rtol=1e-12)
                assert type(found) is type(expected)
    assert len(made) > 1 or derive(function) is root
    assert fast.cache_info().eager_calls == 0


# --- errors -----------------------------------------------------------------------------------------------------------


def test_only_what_is_run_raises_flags():
    """The side that is not taken, and turns that are not run, though what they compute never changes."""

    def chosen(x):
        return hd.cond(x > 0, lambda: np.log(x), lambda: x * 2.0)

    def repeated(x):
        return hd.while_loop(lambda c: c < 0, lambda c: c + np.log(x), -x)

    for function, value in ((chosen, -1.0), (repeated, -2.0)):
        fast = hd.jit(function, backend="native")
        with np.errstate(all="raise"):
            for _ in range(2):
                assert fast(np.float64(value)) == function(np.float64(value))


def test_loops_warn_as_numpy_does():
    def function(x):
        return hd.scan(lambda c, v: (c * v, np.log(v)), 1.0, x)

    fast = hd.jit(function, backend="native")
    x = np.array([1.0, 2.0, -1.0])
    for _ in range(3):
        with pytest.warns(RuntimeWarning, match="invalid value encountered in log"):
            fast(x)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fast(np.abs(x))


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, -0.0, 5e-324, 1e308])
def test_special_values(special):
    def function(x):
        last, stacked = hd.scan(lambda c, v: (c + v * 0.5, np.maximum(c, v)), x[0], x)
        return last, stacked, hd.while_loop(lambda c: c < 3.0, lambda c: c + np.abs(c) + 1.0, last)

    x = np.array([1.0, special, -2.0, special])
    with np.errstate(all="ignore"):
        ours, theirs = compiled(function, x)
        for mine, plain in zip(ours.function(x), theirs.function(x), strict=True):
            np.testing.assert_array_equal(np.asarray(mine).view(np.int64), np.asarray(plain).view(np.int64))


def test_integers_of_python_have_no_bounds():
    def power(x):
        return hd.fori_loop(0, 50, lambda i, c: c * 3 - i, x)

    def halves(x):
        return hd.while_loop(lambda c: c[0] > 3, lambda c: (c[0] // 3, c[1] + c[0] % 5, c[0] / 2), (x, 0, 0.5))

    for function, numbers in ((power, (1, -2, 7)), (halves, (10**6, 10**18, 3, -5, 2**60 + 1))):
        fast = hd.jit(function, backend="native")
        for number in (*numbers, *numbers):
            assert fast(number) == function(number)


@pytest.mark.parametrize("divisor", [2, -3, -1, 0])
def test_divisions_of_pythons_integers(divisor):
    def function(x, n):
        return hd.fori_loop(0, 2, lambda i, c: c + x // n + x % n - n, 0)

    fast = hd.jit(function, backend="native")
    for x in (7, -7, 0, 6, -(2**63), 2**63 - 1):
        for _ in range(2):
            if divisor:
                assert fast(x, divisor) == function(x, divisor)
            else:
                with pytest.raises(ZeroDivisionError):
                    fast(x, divisor)


def test_guards_behind_loops():
    def function(x):
        total = hd.scan(lambda c, v: (c + v, c), 0.0, x)[0]
        return np.sin(x) if total > 0 else x * total

    fast = hd.jit(function, backend="native")
    for x in (X, -X, X, -X, X * 2):
        np.testing.assert_allclose(fast(x), function(x), rtol=1e-14)
    assert fast.cache_info().specialisations == 2


def test_what_has_no_native_form_is_named():
    def function(x):
        return hd.scan(lambda c, v: (hd.checkpoint(np.sin)(c * v), c), x[0], x)

    with pytest.raises(native.Unsupported, match=r"loop: hodiff.checkpoint"):
        compiled(function, Y)
    assert "loop: hodiff.checkpoint" in str(hd.jit(function, backend="native").lower(Y))


def test_memory_is_planned():
    """A loop of any length takes no scratch memory but that of one turn."""
    sizes = []
    for length in (10, 1000):
        program = optimised(
            stage(
                lambda w, y: list(hd.scan(lambda c, x: (np.tanh(w @ c + x),) * 2, y[0], y)), [M, np.ones((length, 5))]
            )[1]
        )
        sizes.append(write_kernel(program, (True, True), width=4).arena)
    assert sizes[0] == sizes[1] <= 256
