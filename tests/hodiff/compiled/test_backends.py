"""The choice of the back end reaches all that is compiled, and where there is no native code, the reason is told."""

import pickle

import numpy as np
import pytest

import hodiff as hd
from hodiff.compiled import native
from hodiff.compiled.native.executable import Fallback
from hodiff.errors import ArgumentError
from hodiff.forms import Form
from hodiff.program import exact

X = np.array([0.5, -1.0, 2.0])


def cost(x):
    return np.sum(np.sin(x) * x)


@pytest.fixture
def compiled(monkeypatch):
    """A native back end that is NumPy's; the names of the programs that it was given."""
    names = []

    def compile(program, *, fresh):
        assert len(fresh) == len(program.outputs)
        source = Fallback(program, fresh)
        if any(equation.primitive.name == "cosh" for equation in program.equations):
            raise native.Unsupported("there is no cosh")
        names.append(program.name)
        return native.NativeExecutable(source, source, "define i32 @kernel", ["sin is a call back"])

    monkeypatch.setattr(native, "reason", lambda: None)
    monkeypatch.setattr(native, "compile", compile)
    return names


@pytest.fixture
def without_native(monkeypatch):
    monkeypatch.setattr(native, "reason", lambda: "no such processor")


DERIVED = {
    "value": lambda f: f(X),
    "grad": lambda f: hd.grad(f)(X),
    "jvp": lambda f: hd.jvp(f, (X,), (X,)),
    "hessian": lambda f: hd.hessian(f)(X),
    "vmap": lambda f: hd.vmap(f)(np.stack([X, X + 1])),
    "vmap of grad": lambda f: hd.vmap(hd.grad(f))(np.stack([X, X + 1])),
}


@pytest.mark.parametrize("mode", DERIVED)
@pytest.mark.parametrize("backend", ["native", "auto"])
def test_all_that_is_derived_is_native_too(compiled, mode, backend, monkeypatch):
    made = hd.jit(cost, backend=backend)
    found = DERIVED[mode](made)
    assert compiled
    # Nothing fell to the other back end.
    monkeypatch.setattr("hodiff.compiled.units.emit", None)
    again = DERIVED[mode](hd.jit(cost, backend=backend))
    for a, b in zip(np.ravel(found), np.ravel(again), strict=True):
        np.testing.assert_array_equal(a, b)
    assert made.cache_info().eager_calls == 0


@pytest.mark.parametrize("mode", DERIVED)
def test_numpy_code_is_made_where_it_was_asked_for(compiled, mode):
    made = hd.jit(cost, backend="numpy")
    DERIVED[mode](made)
    assert not compiled
    assert "native" not in made.lower(X)


def test_a_compiled_function_within_another_is_a_part_of_it(compiled):
    inner = hd.jit(cost, backend="native")
    hd.jit(lambda x: inner(x) + 1, backend="numpy")(X)
    assert not compiled


def test_a_program_without_native_code_is_numpy_code(compiled):
    made = hd.jit(lambda x: np.cosh(x), backend="native")
    np.testing.assert_allclose(made(X), np.cosh(X))
    assert not compiled
    assert made.cache_info().specialisations == 1
    assert "# This is no native code: there is no cosh." in made.lower(X).splitlines()


def test_lower_shows_the_code_and_the_calls_back(compiled):
    text = hd.jit(cost, backend="native").lower(X)
    for part in ("program cost(", "def cost(", "define i32 @kernel", "; sin is a call back"):
        assert part in text


def test_without_native_code_numpy_code_is_taken_and_the_reason_told(without_native):
    with pytest.raises(ArgumentError, match="no such processor"):
        hd.jit(cost, backend="native")
    made = hd.jit(cost)
    assert made(X) == pytest.approx(cost(X))
    assert made.cache_info().specialisations == 1
    assert made.lower(X).rstrip().endswith("# This is no native code: no such processor.")
    assert "native" not in hd.jit(cost, backend="numpy").lower(X)


@pytest.mark.parametrize("backend", ["auto", "numpy", "native"])
def test_the_back_end_is_kept_by_pickling(compiled, backend):
    made = pickle.loads(pickle.dumps(hd.jit(cost, backend=backend)))
    assert made.backend == backend
    made(X)
    assert bool(compiled) == (backend != "numpy")


def test_what_was_pickled_elsewhere_runs_where_there_is_no_native_code(compiled, monkeypatch):
    data = pickle.dumps(hd.jit(cost, backend="native"))
    monkeypatch.setattr(native, "reason", lambda: "no such processor")
    made = pickle.loads(data)
    assert made(X) == pytest.approx(cost(X))
    assert "no such processor" in made.lower(X)


# --- NumPy code is made at the second call ----------------------------------------------------------------------------


def test_one_call_makes_no_numpy_code(monkeypatch):
    monkeypatch.setattr("hodiff.compiled.units.emit", None)
    made = hd.jit(hd.value_and_grad(cost), backend="numpy")
    value, gradient = made(X)
    np.testing.assert_allclose(value, cost(X), rtol=1e-14)
    np.testing.assert_allclose(gradient, hd.grad(cost)(X), rtol=1e-14)
    assert made.cache_info().specialisations == 1


def test_a_mistake_at_the_second_call_leaves_the_function_to_python(monkeypatch):
    def mistaken(program, **options):
        raise KeyError("mistake")

    monkeypatch.setattr("hodiff.compiled.units.emit", mistaken)
    made = hd.jit(cost, backend="numpy")
    for _ in range(4):
        assert made(X) == pytest.approx(cost(X), rel=1e-14)
    assert made.eager_reason == "its program cannot be compiled (KeyError: 'mistake')"
    assert made.cache_info().eager_calls == 3


KEPT = np.arange(3.0)
RETURNED = {
    "the argument": lambda x: x,
    "a view of it": lambda x: x[::-1],
    "a constant": lambda x: np.array([1.0, 2.0, 3.0]),
    "a captured array": lambda x: KEPT,
    "a view of a new array": lambda x: (x * 2.0)[1:],
    "the same twice": lambda x: 2 * (x + 1.0,),
    "an array and a view of it": lambda x: [(y := x + 1.0), y[:2], y[None]],
    "what cannot be written to": lambda x: np.broadcast_to(x * 2.0, (2, 3)),
    "a copy of the argument": lambda x: (x.copy(), x + 0.0, x),
    "numbers": lambda x: (x[0], x[0] * 2, len(x), x.sum().item(), 3),
    "a loop": lambda x: hd.scan(lambda carry, v: (carry * v, carry + v), x[0], x),
}


@pytest.mark.parametrize("name", RETURNED)
def test_the_first_call_gives_what_later_ones_give(name, backend):
    """The same bits and types, and arrays that show the memory of the arguments that the plain function's show."""
    function = RETURNED[name]
    made = hd.jit(function)
    calls = []
    for called in (made, made, made, function):
        x = np.array([0.1, 0.2, 0.7])
        leaves = Form.of(called(x))[1]
        shown = [[isinstance(v, np.ndarray) and np.may_share_memory(v, a) for a in (x, KEPT)] for v in leaves]
        flags = [isinstance(v, np.ndarray) and v.flags.writeable for v in leaves]
        calls.append([shown, [(type(v), exact(v)) for v in leaves], flags])
    assert made.eager_reason is None
    assert calls[0] == calls[1] == calls[2]
    assert calls[0][0] == calls[3][0]


@pytest.mark.parametrize("dtype", [bool, int, float, complex])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.copy(),
        lambda x: x.flatten(),
        lambda x: np.nan_to_num(x),
        lambda x: x.copy()[1:],
        lambda x: (x[1:].copy(), x.copy()),
        lambda x: x[:, 1],
        lambda x: (x, x.T.copy()),
    ],
)
def test_copies_of_an_argument_show_none_of_its_memory(function, dtype, backend):
    made = hd.jit(function)
    for _ in range(3):
        x = np.arange(6).reshape(2, 3).astype(dtype)
        found, expected = (Form.of(called(x))[1] for called in (made, function))
        assert [np.shares_memory(v, x) for v in found] == [np.shares_memory(v, x) for v in expected]
        np.testing.assert_equal(found, expected)
    assert made.eager_reason is None
