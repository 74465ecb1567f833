"""Every case of every operation compiled: values and all derivative modes are those of the function that is not.

For each mode, both the compiled derivative, ``jit(mode(f))``, and that of the compiled function, ``mode(jit(f))``, are
called three times: at a point, where the function is staged; there again, where the program runs; and at another.

What is compared is a sample, of values a twelfth, of derivatives less, another one for each back end;
`pytest -m exhaustive` compares the rest.
"""

import warnings

import numpy as np
import pytest
from backends import NATIVE, sampled
from cases import collect
from cases.table import Case, Special

import hodiff as hd
from hodiff.compiled import units
from hodiff.compiled.native import NativeExecutable
from hodiff.extend import tree_flatten

pytestmark = pytest.mark.usefixtures("backend")

CASES, SPECIALS = collect()
# Those that check that traced values are refused tell traced values from others.
CASES = [case for case in CASES if not case.name.startswith("refused-")]

#: Whose sum depends on the order of its terms, the largest numbers and their negatives.
CANCELLING = ("nan-to-num-values",)
#: Cases whose value is of another kind than NumPy's, compiled or differentiated -> what hodiff's operation gives.
DEVIATIONS = {
    "piecewise-scalar": "a scalar of a scalar, NumPy an array of shape ()",
    "piecewise-scalar-condition": "a scalar of a scalar, NumPy an array of shape ()",
    "rank-scalar": "a NumPy scalar where the plain function returns Python's number",
    "reduce-where": "an array of shape (), NumPy a scalar",
    "ufunc-out-where-scalar": "a scalar, NumPy an array of shape ()",
}


def _flat(f):
    """The results of ``f`` as one vector."""

    def flat(*args):
        out = f(*args)
        parts = out if isinstance(out, tuple) else (out,)
        return np.concatenate([np.reshape(p, (-1,)) for p in parts])

    return flat


def _moved(args, scale, generator):
    return tuple(
        a + (0.01 * scale * generator.uniform(-1, 1, np.shape(a))).astype(np.asarray(a).dtype)
        if np.asarray(a).dtype.kind in "fc"
        else a
        for a in args
    )


def _outcome(f, args):
    """What a call returns or raises, and what it warns."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = f(*args)
        except Exception as error:  # noqa: BLE001 - it has to be raised again
            result = error
    return result, {(w.category, str(w.message).replace(" scalar ", " ")) for w in caught}


def _same(found, expected, rtol, where, kinds):
    if isinstance(expected, Exception):
        assert (type(found), str(found)) == (type(expected), str(expected)), where
        return
    assert not isinstance(found, Exception), f"{where}: {found!r}"
    a, a_tree = tree_flatten(found)
    b, b_tree = tree_flatten(expected)
    assert a_tree == b_tree, where
    for x, y in zip(a, b, strict=True):
        # To the transformations around it, a compiled function gives scalars in the place of arrays of shape ().
        alike = type(x) is type(y) or (where.endswith("(jit)") and np.shape(y) == ())
        assert alike or not kinds, f"{where}: {type(x)}, must be {type(y)}"
        if not isinstance(y, (np.ndarray, np.generic, bool, int, float, complex)):
            assert x == y, where
            continue
        assert np.shape(x) == np.shape(y), f"{where}: {np.shape(x)}, must be {np.shape(y)}"
        x, y = np.asarray(x), np.asarray(y)
        assert x.dtype == y.dtype or not kinds, f"{where}: {x.dtype}, must be {y.dtype}"
        if y.dtype.kind not in "fc":
            np.testing.assert_array_equal(x, y, where)
            continue
        size = np.max(np.abs(y), where=np.isfinite(y), initial=1.0)
        np.testing.assert_allclose(x, y, rtol=0, atol=rtol * size, err_msg=where)


def _compare(ways, plain, points, rtol=1e-12, *, values=False, kinds=True):
    """Call each way at a point, there again, and at other points; compare with the plain function."""
    first, *others = points
    for point in (first, first, *others):
        expected, warned = _outcome(plain, point)
        for name, way in ways.items():
            found, caught = _outcome(way, point)
            _same(found, expected, rtol, name, kinds)
            # Compiled derivative rules are quiet.
            assert caught == warned if values else caught <= warned, f"{name}: warns {caught}, plainly {warned}"


@pytest.fixture
def generator():
    return np.random.default_rng(2024)


def _both(f, c, v):
    """Both modes of first order, the same for ``f`` and for what is compiled of it."""

    def modes(*args):
        out, pullback = hd.vjp(f, *args)
        tangents = tuple(d.astype(np.asarray(a).dtype) for a, d in zip(args, v, strict=True))
        return out, pullback(c.astype(out.dtype)), hd.jvp(f, args, tangents)[1]

    return modes


def _directions(args, generator):
    return tuple(generator.uniform(-1, 1, np.shape(a)) for a in args)


def _in_single_precision(points):
    return [tuple(np.asarray(a, dtype=np.float32)[()] for a in args) for args in points]


@pytest.mark.parametrize("case, backend", sampled(CASES, 12), indirect=["backend"])
def test_values(case: Case, generator):
    points = (case.args, _moved(case.args, case.scale, generator))
    strict = case.name not in DEVIATIONS
    _compare({"jit": hd.jit(case.function)}, case.function, points, values=True, kinds=strict)


@pytest.mark.parametrize("backend", [NATIVE], indirect=True)
def test_most_cases_have_native_code(backend, monkeypatch):
    """Tests that the comparisons of the native back end are not between NumPy code and NumPy."""
    compiled, native_code = units.compiled, []

    def counted(program, fresh, asked):
        executable, reason = compiled(program, fresh, asked)
        native_code.append(isinstance(executable, NativeExecutable))
        return executable, reason

    monkeypatch.setattr(units, "compiled", counted)
    with np.errstate(all="ignore"):
        for case in CASES[::20]:
            _outcome(hd.jit(case.function, backend=backend, quiet=True), case.args)
    assert len(native_code) > 75
    assert np.mean(native_code) > 0.8


@pytest.mark.parametrize("name", DEVIATIONS)
def test_deviations_are_listed_for_a_reason(name):
    (case,) = (case for case in CASES if case.name == name)
    points = [case.args, *_in_single_precision([case.args])]
    with pytest.raises(AssertionError, match="must be"):
        _compare({"jit": hd.jit(case.function)}, case.function, points, values=True, rtol=1e-5)


# NumPy divides polynomials in double precision, hodiff in that of the operands: the shape, without zeros, may differ.
SINGLE = [case for case in CASES if case.single and not case.name.startswith("polydiv")]


@pytest.mark.parametrize("case, backend", sampled(SINGLE, 48), indirect=["backend"])
def test_single_precision(case: Case, generator):
    f = _flat(case.function)
    c, v = generator.uniform(-1, 1, np.shape(f(*case.args))), _directions(case.args, generator)
    points = _in_single_precision((case.args, _moved(case.args, case.scale, generator)))
    strict = case.name not in DEVIATIONS
    _compare({"jit": hd.jit(case.function)}, case.function, points, rtol=1e-5, values=True, kinds=strict)
    ways = {"jit(mode)": hd.jit(_both(f, c, v)), "mode(jit)": _both(hd.jit(f), c, v)}
    _compare(ways, _both(f, c, v), points, rtol=1e-4, kinds=strict)


@pytest.mark.parametrize("case, backend", sampled(CASES, 36), indirect=["backend"])
def test_first_order(case: Case, generator):
    f = _flat(case.function)
    c, v = generator.uniform(-1, 1, np.shape(f(*case.args))), _directions(case.args, generator)
    points = (case.args, _moved(case.args, case.scale, generator))
    ways = {"jit(mode)": hd.jit(_both(f, c, v)), "mode(jit)": _both(hd.jit(f), c, v)}
    _compare(ways, _both(f, c, v), points)


@pytest.mark.parametrize("case, backend", sampled(CASES, 72), indirect=["backend"])
def test_second_order(case: Case, generator):
    f = _flat(case.function)
    every = tuple(range(len(case.args)))
    c = generator.uniform(-1, 1, np.shape(f(*case.args)))
    v = _directions(case.args, generator)
    points = (case.args, _moved(case.args, case.scale, generator))

    def both(g):
        gradient = hd.grad(lambda *args: np.sum(c * g(*args)), argnums=every)

        def modes(*args):
            along = hd.grad(
                lambda *xs: sum(np.sum(a * b) for a, b in zip(gradient(*xs), v, strict=True)), argnums=every
            )
            return hd.jvp(gradient, args, v)[1], along(*args)

        return modes

    _compare({"jit(mode)": hd.jit(both(f)), "mode(jit)": both(hd.jit(f))}, both(f), points, rtol=1e-11)


@pytest.mark.parametrize("case, backend", sampled([case for case in CASES if case.batch], 48), indirect=["backend"])
def test_batching(case: Case, generator):
    f = _flat(case.function)
    every = tuple(range(len(case.args)))
    c = generator.uniform(-1, 1, np.shape(f(*case.args)))
    points = []
    for _ in range(2):
        members = [_moved(case.args, case.scale, generator) for _ in range(3)]
        points.append(tuple(np.stack([m[i] for m in members]) for i in every))

    def both(g):
        return lambda *xs: (hd.vmap(g)(*xs), hd.vmap(hd.grad(lambda *args: np.sum(c * g(*args)), argnums=every))(*xs))

    _compare({"jit(vmap)": hd.jit(both(f)), "vmap(jit)": both(hd.jit(f))}, both(f), points)


@pytest.mark.parametrize("row, backend", sampled(SPECIALS, 8), indirect=["backend"])
def test_special_values(row: Special):
    every = tuple(range(len(row.args)))

    def total(*args):
        parts = row.function(*args)
        return sum(np.sum(p) for p in (parts if isinstance(parts, tuple) else (parts,)))

    def modes(g):
        def all_modes(*args):
            found = [(hd.grad if row.name in CANCELLING else hd.value_and_grad)(g, argnums=every)(*args)]
            if row.forward and not any(np.iscomplexobj(a) for a in args):
                found.append(hd.jacfwd(g, argnums=every)(*args))
            if row.second is not None:
                found.append(hd.hessian(g, argnums=every)(*args))
            return found

        return all_modes

    with np.errstate(all="ignore"):
        _compare({"jit(mode)": hd.jit(modes(total)), "mode(jit)": modes(hd.jit(total))}, modes(total), [row.args])
