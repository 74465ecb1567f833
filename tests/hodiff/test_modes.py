"""Every case of every operation through every mode and every pair of modes.

The reference is finite differences: central, of eighth order, along random directions, which know nothing of hodiff.
Let g(x) = ⟨c, f(x)⟩ with random c. Checked are the Jacobian-vector product, the pullback, the Hessian by forward over
reverse, reverse over reverse and reverse over forward, the batched Jacobians in both directions, vmap over all and over
some arguments, and the precision of float32.
"""

import numpy as np
import pytest
from cases import collect
from cases.table import Case, Special

import hodiff as hd
from hodiff.core import NUMPY_FUNCTIONS, NUMPY_UFUNCS, Primitive
from hodiff.refusing import refused

CASES, SPECIALS = collect()

# Central differences of eighth order for the first and second derivative.
_FIRST = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
_SECOND = {0: -205 / 72, 1: 8 / 5, 2: -1 / 5, 3: 8 / 315, 4: -1 / 560}


def _flat(f):
    """The results of ``f`` as one vector, traced or not."""

    def flat(*args):
        out = f(*args)
        parts = out if isinstance(out, tuple) else (out,)
        return np.concatenate([np.reshape(p, (-1,)) for p in parts])

    return flat


def _move(args, directions, step):
    return tuple(a + step * d for a, d in zip(args, directions, strict=True))


def _first_difference(f, args, directions, scale):
    h = 0.02 * scale
    return (
        sum(w * (f(*_move(args, directions, k * h)) - f(*_move(args, directions, -k * h))) for k, w in _FIRST.items())
        / h
    )


def _second_difference(f, args, directions, scale):
    h = 0.06 * scale
    total = _SECOND[0] * f(*args)
    for k in range(1, 5):
        total = total + _SECOND[k] * (f(*_move(args, directions, k * h)) + f(*_move(args, directions, -k * h)))
    return total / h**2


def _directions(args, rng):
    return tuple(rng.uniform(-1, 1, np.shape(a)) for a in args)


def _inner(xs, ys):
    return sum(np.sum(x * y) for x, y in zip(xs, ys, strict=True))


def _close(found, expected, rtol, what):
    size = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=rtol * size, err_msg=what)


def _ids(rows):
    return [row.name for row in rows]


def _first_order(case: Case, rng):
    f = _flat(case.function)
    v = _directions(case.args, rng)
    numerical = _first_difference(f, case.args, v, case.scale)
    out, tangent = hd.jvp(f, case.args, v)
    np.testing.assert_allclose(out, f(*case.args), rtol=1e-14, err_msg="value under jvp")
    _close(tangent, numerical, case.rtol / 100, "forward")

    out, pullback = hd.vjp(f, *case.args)
    np.testing.assert_allclose(out, f(*case.args), rtol=1e-14, err_msg="value under vjp")
    c = rng.uniform(-1, 1, np.shape(out))
    _close(_inner(pullback(c), v), np.sum(c * numerical), case.rtol / 100, "reverse")
    _close(hd.linearize(f, *case.args)[1](*v), tangent, 1e-13, "linearize")


def _second_order(case: Case, rng):
    f = _flat(case.function)
    c = rng.uniform(-1, 1, np.shape(f(*case.args)))
    every = tuple(range(len(case.args)))

    def g(*args):
        return np.sum(c * f(*args))

    v = _directions(case.args, rng)
    w = _directions(case.args, rng)
    plus, minus = _move(v, w, 1.0), _move(v, w, -1.0)
    numerical = (
        _second_difference(g, case.args, plus, case.scale) - _second_difference(g, case.args, minus, case.scale)
    ) / 4
    gradient = hd.grad(g, argnums=every)

    forward_reverse = hd.jvp(gradient, case.args, v)[1]
    _close(_inner(forward_reverse, w), numerical, case.rtol, "forward over reverse, against differences")
    reverse_reverse = hd.grad(lambda *args: _inner(gradient(*args), v), argnums=every)(*case.args)
    reverse_forward = hd.grad(lambda *args: np.sum(c * hd.jvp(f, args, v)[1]), argnums=every)(*case.args)
    forward_forward = hd.jvp(lambda *args: hd.jvp(g, args, v)[1], case.args, w)[1]
    for name, other in (("reverse over reverse", reverse_reverse), ("reverse over forward", reverse_forward)):
        for a, b in zip(other, forward_reverse, strict=True):
            _close(a, b, 1e-10, f"{name} against forward over reverse")
    _close(forward_forward, _inner(forward_reverse, w), 1e-10, "forward over forward")


def _jacobians(case: Case, rng):
    f = _flat(case.function)
    every = tuple(range(len(case.args)))
    forward = hd.jacfwd(f, argnums=every)(*case.args)
    reverse = hd.jacrev(f, argnums=every, chunk_size=3)(*case.args)
    v = _directions(case.args, rng)
    tangent = hd.jvp(f, case.args, v)[1]
    total = 0.0
    for a, b, arg, d in zip(forward, reverse, case.args, v, strict=True):
        assert a.shape == b.shape == (tangent.size, *np.shape(arg))
        _close(a, b, 1e-12, "jacfwd against jacrev")
        total = total + np.tensordot(a, d, np.ndim(arg))
    _close(total, tangent, 1e-12, "Jacobian against jvp")
    if sum(np.size(a) for a in case.args) <= 12:
        c = rng.uniform(-1, 1, tangent.size)
        hessian = hd.hessian(lambda *args: np.sum(c * f(*args)), argnums=every)(*case.args)
        product = hd.jvp(hd.grad(lambda *args: np.sum(c * f(*args)), argnums=every), case.args, v)[1]
        for row, expected in zip(hessian, product, strict=True):
            found = sum(np.tensordot(h, d, np.ndim(d)) for h, d in zip(row, v, strict=True))
            _close(found, expected, 1e-10, "hessian against hvp")


def _batching(case: Case, rng):
    f = _flat(case.function)
    every = tuple(range(len(case.args)))
    moves = [_directions(case.args, rng) for _ in range(3)]
    members = [_move(case.args, d, 0.02 * case.scale) for d in moves]
    axes_choices = [tuple(0 for _ in every)]
    if len(every) > 1:
        axes_choices += [tuple(0 if i == k else None for i in every) for k in every]
    for axes in axes_choices:
        batch = [np.stack([m[i] for m in members]) if axis == 0 else case.args[i] for i, axis in enumerate(axes)]
        rows = [tuple(m[i] if axes[i] == 0 else case.args[i] for i in every) for m in members]
        expected = np.stack([f(*row) for row in rows])
        _close(hd.vmap(f, in_axes=axes)(*batch), expected, 1e-13, f"vmap {axes}")
        c = rng.uniform(-1, 1, expected[0].shape)
        gradient = hd.grad(lambda *args, c=c: np.sum(c * f(*args)), argnums=every)
        batched = hd.vmap(gradient, in_axes=axes)(*batch)
        for i in every:
            _close(batched[i], np.stack([gradient(*row)[i] for row in rows]), 1e-12, f"vmap of grad {axes}")


def _single_precision(case: Case, rng):
    args = tuple(np.asarray(a, dtype=np.float32)[()] for a in case.args)
    f = _flat(case.function)
    out, pullback = hd.vjp(f, *args)
    assert out.dtype == f(*args).dtype
    c = rng.uniform(-1, 1, out.shape).astype(out.dtype)
    exact = hd.vjp(f, *case.args)[1](c.astype(float))
    for found, arg, expected in zip(pullback(c), args, exact, strict=True):
        assert found.dtype == np.float32
        assert found.shape == arg.shape
        _close(found, expected, 2e-3, "float32 gradient")
    tangents = tuple(np.float32(1) * np.ones_like(a) for a in args)
    assert hd.jvp(f, args, tangents)[1].dtype == out.dtype


def checks(case: Case):
    """What is checked of a case, functions of it and of a generator."""
    found = [_first_order, _second_order, _jacobians]
    found += [_batching] if case.batch else []
    return found + ([_single_precision] if case.single else [])


@pytest.mark.parametrize("case", CASES, ids=_ids(CASES))
def test_every_mode(case: Case):
    """One test a case: to hand out one for each mode takes half a minute longer."""
    for check in checks(case):
        check(case, np.random.default_rng(2024))


@pytest.mark.parametrize("row", SPECIALS, ids=_ids(SPECIALS))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_special_values(row: Special):
    every = tuple(range(len(row.args)))

    def total(*args):
        parts = row.function(*args)
        return sum(np.sum(p) for p in (parts if isinstance(parts, tuple) else (parts,)))

    gradients = hd.grad(total, argnums=every)(*row.args)
    for found, expected in zip(gradients, row.gradients, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-300, err_msg="grad")
        assert found.shape == np.shape(expected)
    if row.forward and not any(np.iscomplexobj(a) for a in row.args):
        columns = hd.jacfwd(total, argnums=every)(*row.args)
        for found, expected in zip(columns, row.gradients, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-300, err_msg="jacfwd")
        batched = hd.vmap(hd.grad(total, argnums=every))(*(np.stack([a, a]) for a in row.args))
        for found, expected in zip(batched, row.gradients, strict=True):
            np.testing.assert_allclose(found[1], expected, rtol=1e-12, atol=1e-300, err_msg="vmap of grad")
    if row.second is not None:
        expected = np.asarray(row.second)
        size = sum(np.size(a) for a in row.args)
        blocks = hd.hessian(total, argnums=every)(*row.args)
        full = np.block(
            [
                [np.reshape(b, (np.size(x), np.size(y))) for b, y in zip(r, row.args, strict=True)]
                for r, x in zip(blocks, row.args, strict=True)
            ]
        )
        np.testing.assert_allclose(full, expected.reshape(size, size), rtol=1e-12, atol=1e-300, err_msg="hessian")

        def along(*args):
            return _inner(hd.grad(total, argnums=every)(*args), [np.ones(np.shape(a)) for a in row.args])

        ones = hd.grad(along, argnums=every)(*row.args)
        found = np.concatenate([np.ravel(g) for g in ones])
        np.testing.assert_allclose(
            found, expected.reshape(size, size).sum(0), rtol=1e-12, atol=1e-300, err_msg="reverse over reverse"
        )


def test_every_operation_has_a_case():
    import hodiff.ops as ops

    covered = {id(item) for row in CASES for item in row.covers}
    covered.add(id(refused))  # a check inside functions that others are composed of
    covered |= {
        id(table[item])
        for row in CASES
        for item in row.covers
        for table in (NUMPY_FUNCTIONS, NUMPY_UFUNCS)
        if _in(item, table)
    }
    missing = set()
    for topic in ops.__all__:
        for name, value in vars(getattr(ops, topic)).items():
            if isinstance(value, Primitive) and id(value) not in covered:
                missing.add(f"hodiff.ops.{topic}.{name}")
    for table in (NUMPY_FUNCTIONS, NUMPY_UFUNCS):
        for target, operation in table.items():
            home = getattr(operation, "__module__", "hodiff.core")
            if home.startswith("hodiff") and id(target) not in covered and id(operation) not in covered:
                missing.add(f"numpy function {target.__name__}")
    assert not missing, f"operations without a case in tests/cases: {sorted(missing)}"


def _in(item, table):
    try:
        return item in table
    except TypeError:
        return False
