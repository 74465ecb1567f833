"""Cases of every operation: Jacobians of Jacobians, and derivatives of partly batched functions.

Each second case is run; `pytest -m exhaustive` runs the others.

Batched Jacobians push a batch of tangents through operations whose primals are not batched; reverse mode over that,
and over ``vmap`` with some arguments fixed, meets rules with operands of unequal rank. References are forward over
forward with one pair of tangents at a time, and loops.
"""

import numpy as np
import pytest
from backends import rest
from cases import collect

import hodiff as hd

CASES, _ = collect()
MIXTURES = {
    "fwd-of-fwd": (hd.jacfwd, hd.jacfwd),
    "fwd-of-rev": (hd.jacfwd, hd.jacrev),
    "rev-of-fwd": (hd.jacrev, hd.jacfwd),
    "rev-of-rev": (hd.jacrev, hd.jacrev),
}


def cost(f):
    """A scalar with nonzero second derivatives whatever ``f`` is."""

    def scalar(*args):
        out = f(*args)
        parts = out if isinstance(out, tuple) else (out,)
        return sum(np.sum(np.sin(np.reshape(p, (-1,)) + 0.3) * np.cos(np.arange(p.size))) for p in parts)

    return scalar


def second_derivative(f, args, i, j, u, v):
    """u ∂²f/∂xᵢ∂xⱼ v, without batches."""

    def first(a):
        moved = (*args[:j], a, *args[j + 1 :])
        return hd.jvp(lambda b: f(*moved[:i], b, *moved[i + 1 :]), (moved[i],), (u,))[1]

    return hd.jvp(first, (args[j],), (v,))[1]


def close(actual, expected):
    assert np.shape(actual) == np.shape(expected)
    scale = max(np.max(np.abs(expected), initial=0.0), 1e-3)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-9 * scale)


def jacobians_of_jacobians(case):
    f = cost(case.function)
    rng = np.random.default_rng(0)
    args = tuple(np.asarray(a, float) for a in case.args)
    for i in range(len(args)):
        for j in range(i, len(args)):
            u, v = rng.normal(size=args[i].shape), rng.normal(size=args[j].shape)
            expected = second_derivative(f, args, i, j, u, v)
            found = {name: outer(inner(f, i), j)(*args) for name, (outer, inner) in MIXTURES.items()}
            for matrix in found.values():
                assert np.shape(matrix) == args[i].shape + args[j].shape
                close(matrix, found["fwd-of-fwd"])
                close(np.ravel(u) @ np.reshape(matrix, (u.size, v.size)) @ np.ravel(v), expected)


def gradients_of_partly_batched_functions(case):
    f = cost(case.function)
    args = tuple(np.asarray(a, float) for a in case.args)
    numbers = tuple(range(len(args)))
    weights = np.array([1.0, -2.0])
    gradient = hd.grad(f, numbers)
    for batched in numbers:
        in_axes = tuple(0 if k == batched else None for k in numbers)
        stacked = tuple(np.stack([a, a * 1.01]) if k == batched else a for k, a in enumerate(args))
        members = [tuple(a[n] if k == batched else a for k, a in enumerate(stacked)) for n in range(2)]
        found = hd.grad(lambda *a: weights @ hd.vmap(f, in_axes)(*a), numbers)(*stacked)  # noqa: B023
        parts = [gradient(*member) for member in members]
        for k in numbers:
            terms = [w * part[k] for w, part in zip(weights, parts, strict=True)]
            close(found[k], np.stack(terms) if k == batched else sum(terms))
        found = hd.vmap(hd.hessian(f, batched), in_axes)(*stacked)
        close(found, np.stack([hd.hessian(f, batched)(*member) for member in members]))


@pytest.mark.parametrize("case", [*CASES[::2], *rest(CASES[1::2])], ids=lambda c: c.name)
def test_mixtures(case):
    jacobians_of_jacobians(case)
    if case.batch and len(case.args) > 1:
        gradients_of_partly_batched_functions(case)
