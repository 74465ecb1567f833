"""NumPy code that nobody adapted: the published-style functions in ``tests/programs``, against differences and JAX."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from backends import rest
from programs import ANOTHER_GRADIENT, ANOTHER_VALUE, PROGRAMS

import hodiff as hd
from hodiff.errors import ControlFlowError, ConversionError
from hodiff.tree import flatten, unflatten

TESTS = Path(__file__).resolve().parents[1]
every_program = pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)


def real_vector(tree):
    """All numbers of a tree as one vector, complex ones as their real and imaginary parts."""
    leaves = [np.ravel(leaf) for leaf in flatten(tree)[0]]
    return np.concatenate([np.concatenate([v.real, v.imag]) if np.iscomplexobj(v) else v for v in leaves])


def from_real_vector(vector, example):
    """The tree with the structure of ``example`` that `real_vector` made a vector of."""
    leaves, structure = flatten(example)
    made, at = [], 0
    for leaf in map(np.asarray, leaves):
        parts = [vector[at + k * leaf.size : at + (k + 1) * leaf.size] for k in range(1 + np.iscomplexobj(leaf))]
        at += len(parts) * leaf.size
        made.append(np.reshape(parts[0] + 1j * parts[1] if len(parts) == 2 else parts[0], leaf.shape)[()])
    return unflatten(structure, made)


def slopes(gradient):
    """A gradient as the partial derivatives by `real_vector`: that of u(x + iy) is ∂u/∂x − i ∂u/∂y."""
    leaves, structure = flatten(gradient)
    return real_vector(unflatten(structure, [np.conj(leaf) for leaf in leaves]))


def difference(f, x, direction):
    """Directional derivative of ``f`` by central differences, extrapolated to step zero; and an estimate of its error.

    Richardson's table for the steps h, h/2, …, from which the entry that differs least from its neighbours is taken
    (Ridders 1982).
    """
    best, least, above = None, np.inf, []
    for k in range(7):
        h = 2.0 ** -(7 + k)
        row = [(f(x + h * direction) - f(x - h * direction)) / (2 * h)]
        for j, corner in enumerate(above, 1):
            row.append(row[-1] + (row[-1] - corner) / (4.0**j - 1))
            error = max(np.abs(row[j] - row[j - 1]).max(), np.abs(row[j] - corner).max())
            if error < least:
                best, least = row[j], error
        above = row
    return best, least


def close(actual, expected, rtol):
    """Assert agreement relative to the largest element."""
    np.testing.assert_allclose(actual, expected, rtol=0.0, atol=rtol * max(np.abs(expected).max(), 1e-3))


@every_program
def test_value_and_gradient(program):
    """The traced value is the plain one; the gradient agrees with differences of the plain function."""
    f, x = program.function, real_vector(program.point)
    value, gradient = hd.value_and_grad(f)(program.point)
    np.testing.assert_allclose(value, f(program.point), rtol=1e-14)

    def plain(vector):
        return f(from_real_vector(vector, program.point))

    expected = [difference(plain, x, e * max(abs(xi), 0.25)) for e, xi in zip(np.eye(x.size), x, strict=True)]
    derivatives = np.array([value / max(abs(xi), 0.25) for (value, _), xi in zip(expected, x, strict=True)])
    close(slopes(gradient), derivatives, 1e-7)
    pushed = hd.jvp(f, (program.point,), (program.point,))[1]
    np.testing.assert_allclose(pushed, slopes(gradient) @ x, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("program", [p for p in PROGRAMS if p.smooth is True], ids=lambda p: p.name)
def test_hessian_vector_product(program):
    """Forward over reverse agrees with differences of the gradient, and so does reverse over forward."""
    f, x = program.function, real_vector(program.point)
    direction = np.cos(np.arange(1.0, x.size + 1.0)) * np.maximum(np.abs(x), 0.25)
    along = from_real_vector(direction, program.point)
    product = slopes(hd.hvp(f)(program.point, along))
    expected, _ = difference(lambda v: slopes(hd.grad(f)(from_real_vector(v, program.point))), x, direction)
    close(product, expected, 1e-7)
    reverse = hd.grad(lambda point: hd.jvp(f, (point,), (along,))[1])(program.point)
    close(slopes(reverse), product, 1e-9)


@every_program
def test_batch(program):
    """The gradient of a batch is that of each member, where the control flow does not depend on values."""
    leaves, structure = flatten(program.point)
    batch = unflatten(structure, [np.stack([leaf, leaf * (1.0 + 1e-3)]) for leaf in leaves])
    if program.batch is not True:
        with pytest.raises((ControlFlowError, ConversionError), match=r"batched|the members of the batch may differ"):
            hd.vmap(hd.grad(program.function))(batch)
        return
    together = flatten(hd.vmap(hd.grad(program.function))(batch))[0]
    for i in range(2):
        member = unflatten(structure, [leaf[i] for leaf in flatten(batch)[0]])
        alone = flatten(hd.grad(program.function)(member))[0]
        close(real_vector([leaf[i] for leaf in together]), real_vector(alone), 1e-11)


@every_program
def test_single_precision(program):
    """A gradient has the precision of the point."""
    leaves, structure = flatten(program.point)
    single = [np.asarray(leaf, "F" if np.iscomplexobj(leaf) else "f")[()] for leaf in leaves]
    value, gradient = hd.value_and_grad(program.function)(unflatten(structure, single))
    assert value.dtype == program.function(unflatten(structure, single)).dtype
    assert [leaf.dtype for leaf in flatten(gradient)[0]] == [leaf.dtype for leaf in single]
    if program.smooth is True:
        close(slopes(gradient), slopes(hd.grad(program.function)(program.point)), 2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("every", [3, *rest([1])])
def test_jax_agrees_where_it_runs_the_same_source(every):
    """JAX finds the same values and gradients; what is listed as beyond it, or as different there, still is."""
    command = [sys.executable, "-m", "programs.jax_peer", str(every)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONWARNINGS": ""}
    done = subprocess.run(command, cwd=TESTS, capture_output=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    answers = pickle.loads(done.stdout)
    verdicts = [(program, verdict(program, answers[program.name])) for program in PROGRAMS[::every]]
    assert [(program.name, said) for program, said in verdicts if not is_listed(program.jax, said)] == []


def is_listed(listed, said):
    return said is listed if True in (said, listed) else listed in said


def verdict(program, answer):
    """How JAX's answer compares with ours, in the words of the list."""
    if isinstance(answer, str):
        return answer
    value, gradient = hd.value_and_grad(program.function)(program.point)
    if not np.isclose(value, answer[0], rtol=1e-11):
        return f"{ANOTHER_VALUE}: {answer[0]}"
    ours, theirs = real_vector(flatten(gradient)[0]), real_vector(answer[1])
    error = np.abs(ours - theirs).max() / np.abs(ours).max()
    return True if error < 1e-9 else f"{ANOTHER_GRADIENT}: relative difference {error:.3g}"
