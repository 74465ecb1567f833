"""Random programs that assign in place: every named array ends as in plain NumPy, in every mode, or there is an error.

A program is a list of statements, drawn by a seeded generator from templates; what plain NumPy refuses is drawn anew.
Where hodiff refuses, it must be by an error of its own, and that must be rare.
"""

import copy
import random
import re
import warnings

import numpy as np
import pytest

import hodiff as hd
from hodiff.errors import HodiffError

X = np.array([0.7, -1.2, 2.1, 0.4, -0.35, 1.3])

# a and b are names of arrays, k a key, v a value.
FIRST = ("np.zeros_like(x)", "np.zeros((2, 3), like=x)", "x.reshape(2, 3) * 1.0", "np.ones((2, 2), complex, like=x)")
FRESH = """np.zeros_like(a); np.zeros(a.shape, like=x); np.ones_like(a) * 0.5; np.full(a.shape, x[1], like=x); a.copy();
np.array(a, like=x); a * 0.7; a + b; np.sin(a); +a; np.outer(a.ravel()[:3], x[:4]); x * (1 + 0.5j); x[:0] * 1;
x.astype(np.float32); np.zeros((), like=x); np.zeros((3, 3), dtype=complex, like=x); np.array(x[0], like=x)"""
VIEWS = """a; a[...]; a[1:]; a[::-1]; a[::2]; a[None]; a[0]; a[-1]; a[..., 0]; a[..., 1:]; a[:, 1]; a[0, 1, ...]; a.T;
a.mT; a.reshape(-1); a.ravel(); np.ravel(a, 'F'); np.reshape(a, (2, -1)); np.reshape(a, (-1, 2), order='F');
np.squeeze(a); np.expand_dims(a, 0); np.swapaxes(a, 0, 1); np.moveaxis(a, 0, -1); np.atleast_2d(a); np.diagonal(a);
np.diag(a); a.real; a.imag; np.real(a); np.broadcast_to(a, (2, *a.shape)); np.broadcast_arrays(a, a)[0];
np.split(a, [1, 3])[1]; np.array_split(a, 2)[0]; np.hsplit(a, [1])[1]; np.flip(a); np.rot90(a); np.rot90(a, 0);
np.unstack(a)[0]; list(a)[0]; a.view(); np.asarray(a, like=x); np.trim_zeros(a); np.nan_to_num(a, copy=False);
a.astype(a.dtype, copy=False); a.conj(); np.einsum('ij->ji', a); np.einsum('i->i', a); np.einsum('ii->i', a);
np.lib.stride_tricks.sliding_window_view(a, 2, axis=0); np.require(a, like=x);
np.array(a, ndmin=2, copy=None, like=x)"""
COPIES = """a.flatten(); np.sort(a); np.roll(a, 0); np.tile(a, 1); np.repeat(a, 1, axis=0); np.concatenate([a]);
a.astype(a.dtype); np.take(a, [0, 1], axis=0); np.take(a, 0); np.clip(a, None, None); np.where(True, a, a);
np.positive(a); a[[0, 1]]; a[[1, 0], [0, 1]]; a[a > 0.1]; a[:, [0, 1]]; np.conjugate(a); np.sum(a, axis=()); a[0, 1];
np.hypot.reduce(a[None]); np.logaddexp.reduce(a[:1], axis=0); np.hypot.reduceat(a, [0, 1]); a.T.flatten();
np.logaddexp.accumulate(a[:1], axis=0); a.T.reshape(-1); a[::-1].reshape(2, -1); copy.deepcopy(a); np.triu(a);
np.reshape(a, a.shape, copy=True); np.cumsum(a); np.diff(a, n=0); np.pad(a, 0); np.add.reduce(a, axis=())"""
KEYS = """0; -1; 1; ...; :; 1:; ::2; ::-1; 0, 1; -1, 0; ..., 0; :, 1; None, 0; [0, 1]; [1, 1, 0]; [0, 1], [1, 0];
[0], :; a > 0.1; np.array([True, False] * 3); np.array([[True, False, True], [False, True, True]]); ();
np.int64(0); []; 0:0;
:, [0, 1]; 1, ...; np.ix_([0, 1], [1]); np.array(1); 1, [0, 1]; ..., [0]; 0, np.int64(1); [0, 1], :, [0, 1]"""
SOURCES = """0.5; x[0]; x[1] * x[2]; b; b * 0.5; np.sin(b); np.float64(2.0); [0.1, 0.2]; [x[0], 0.3]; a[::-1]; b[::-1];
x[:2]; x[:3]; x; x * 1j; a[k] * 0.9; a[k]; np.sum(b); x[2].astype(np.float32); 1; b[:1]; a.T; a[0]; b[-1]"""
CHANGES = """a[k] = v; a[k] = v; a[k] = v; a[k] += v; a[k] += v; a[k] -= v; a[k] *= v; a += v; a -= v; a *= v; a /= v;
a **= 2; np.add(b, v, out=a); np.sin(b, out=a[k]); np.add(a, v, out=a, where=a > 0); np.sum(b, axis=0, out=a);
np.clip(b, -0.5, 0.5, out=a); np.add(a[::-1], a, out=a); np.take(b, [0, 1], out=a); np.modf(b * 1.37, None, a);
np.add.reduce(b, out=a); np.concatenate([b, b], out=a); np.add.at(a, [0, 0, 1], v); np.multiply.at(a, [1, 1], v);
np.negative.at(a, [0, 0]); np.sin.at(a, [0, 1, 0]); np.add.at(a, (slice(None), [0, 0]), v); np.add.at(a, ..., v);
np.put(a, [0, -1, 1], v); np.put(a, [0, 7], v, mode='wrap'); np.place(a, a > 0, v); np.putmask(a, a > 0, v);
np.copyto(a, v); np.copyto(a, v, where=a > 0); np.fill_diagonal(a, v); a.sort(); a.sort(axis=0); a.partition(1);
a.fill(v); a.put([0, 1], v); a.real = v; a.imag = v; a.flat = v; a.flat[1] = v; a.T[k] = v; a.ravel()[k] = v;
a.reshape(-1)[k] += v; np.put_along_axis(a, np.array([[0], [1]]), v, axis=1); a = b; a, b = b, a; a[1:] = a[:-1];
s = a[0]; s = a[0, 1]; s *= 0.5; a[0] = a[0] + np.sum(a); np.flip(a)[k] = v; np.split(a, 2)[1][k] = v;
np.rot90(a)[k] = v; np.expand_dims(a, 1)[k] = v; a[[0, 1]] = a[[1, 0]]; np.squeeze(a)[k] = v"""
LOOPS = (
    "for r in {a}: r *= 0.9",
    "for r in {a}: r[...] = r * 1.1",
    "for i in range({a}.shape[0]): {a}[i] = {v}",
    "for i in range({a}.shape[0]): {a}[i] += {v}",
    "for i in np.arange({a}.shape[0]): {a}[i] = {a}[i - 1] * 0.5 + x[0]",
    "for i in np.ndindex({a}.shape): {a}[i] = {a}[i] * 0.8 + x[1]",
)


def _templates(text):
    """Templates of a list, in which the names that are single letters are fields."""
    return [
        re.sub(r"(?<![\w.'])([abkv])(?![\w'])", r"{\1}", part.strip()) for part in text.replace("\n", " ").split(";")
    ]


MAKERS = [t for text in (FRESH, VIEWS, VIEWS, COPIES) for t in _templates(text)]
WRITERS = [*_templates(CHANGES), *LOOPS]
VALUES = _templates(SOURCES)
PLACES = _templates(KEYS)


def _filled(rng, template, names):
    """A statement: the template with names, a key and a value put in."""
    a, b = rng.choice(names), rng.choice(names)
    key = rng.choice(PLACES).format(a=a)
    return template.format(a=a, b=b, k=key, v=rng.choice(VALUES).format(a=a, b=b, k=key))


def _run(lines, x):
    """The named arrays that a program ends with."""
    space = {"np": np, "x": x, "copy": copy}
    exec("\n".join(lines), space)
    return {name: value for name, value in sorted(space.items()) if name[0] in "sv"}


def _runs(lines):
    """Whether plain NumPy runs the program, to an end with moderate floats that the argument shares no memory with."""
    x = X.copy()
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error")
            values = [np.asanyarray(value) for value in _run(lines, x).values()]
    except (ValueError, TypeError, IndexError, AttributeError, NameError, Warning):
        return False
    fine = all(v.dtype.kind in "fc" and v.size <= 40 and np.all(np.abs(v) < 50) for v in values)
    return fine and np.array_equal(x, X) and not any(np.may_share_memory(v, x) for v in values)


def _program(seed):
    """Lines of a random program of 5 to 22 statements."""
    rng = random.Random(seed)
    lines, names = ["v0 = x * 0.8", f"v1 = {rng.choice(FIRST)}"], ["v0", "v1"]
    length = rng.randint(5, 22)
    for _ in range(300):
        if len(lines) >= length:
            break
        make = rng.random() < (0.5 if len(names) < 6 else 0.1)
        new = f"v{len(names)}"
        line = _filled(rng, rng.choice(MAKERS if make else WRITERS), names)
        line = f"{new} = {line}" if make else line
        if _runs([*lines, line]):
            lines.append(line)
            names += [new] if make else []
    return lines


def _scalar(lines):
    """One smooth number from all arrays that a program ends with."""

    def f(x):
        total = 0.0
        for value in _run(lines, x).values():
            weights = np.cos(np.arange(1.0, np.size(value) + 1.0))
            flat = np.reshape(np.copy(value), (-1,))
            total = total + np.sum(np.sin(np.real(flat) * weights)) + np.sum(np.cos(np.imag(flat) * weights))
        return total

    return f


MODES = {
    "reverse": lambda f: hd.vjp(f, X)[0],
    "forward": lambda f: hd.jvp(f, (X,), (np.ones(6),))[0],
    "nested": lambda f: hd.jvp(lambda x: hd.vjp(f, x)[0], (X,), (np.ones(6),))[0],
    "batched": lambda f: {name: v[1] for name, v in hd.vmap(f)(np.stack([X * 1.01, X, X * 0.99])).items()},
}
# What NumPy does without a word, and is refused in NumPy's words.
REFUSED = r"out= has shape|read-only|Cannot cast|setting an array element|matmul|0d|boolean scalar"


def _check(lines):
    """Compare all modes with NumPy; the number of modes that ran."""
    count = 0
    single = any("float32" in line for line in lines)
    expected = _run(lines, X.copy())
    for mode, evaluate in MODES.items():
        try:
            found = evaluate(lambda x: _run(lines, x))
        except HodiffError:
            continue
        except (ValueError, TypeError, IndexError) as error:
            if not re.search(REFUSED, str(error)):
                raise AssertionError("\n".join([mode, *lines])) from error
            continue
        count += 1
        for name, value in expected.items():
            message = "\n".join([f"{name} in mode {mode}", *lines])
            np.testing.assert_allclose(found[name], value, *[1e-5 if single else 1e-10] * 2, err_msg=message)
    return count


@pytest.mark.parametrize("first", range(0, 300, 30))
@pytest.mark.filterwarnings("ignore")
def test_every_array_ends_as_in_numpy(first):
    with np.errstate(all="ignore"):
        ran = sum(_check(_program(seed)) for seed in range(first, first + 30))
    assert ran >= 60  # of 120


@pytest.mark.parametrize("first", range(300, 450, 30))
@pytest.mark.filterwarnings("ignore")
def test_derivatives(first):
    for seed in range(first, first + 30):
        lines = _program(seed)
        f = _scalar(lines)
        try:
            with np.errstate(all="ignore"):
                gradient = hd.grad(f)(X)
                pushed = hd.jacfwd(f)(X)
        except (HodiffError, ValueError, TypeError):
            continue  # which of them is the business of the other test
        message = "\n".join(lines)
        single = "float32" in message
        np.testing.assert_allclose(pushed, gradient, *[1e-4 if single else 1e-9] * 2, err_msg=message)
        if not single:
            step = 1e-5 * np.eye(6)
            with np.errstate(all="ignore"):
                slope = [8 * (f(X + h) - f(X - h)) - (f(X + 2 * h) - f(X - 2 * h)) for h in step]
            np.testing.assert_allclose(np.array(slope) / 12e-5, gradient, rtol=1e-5, atol=1e-5, err_msg=message)
