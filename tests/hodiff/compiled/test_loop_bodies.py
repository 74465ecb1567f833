"""What may stand in the functions that loops and branches take: all of it is one operation, as it is plainly."""

import numpy as np
import pytest
from backends import alternating

import hodiff as hd
from hodiff.errors import ControlFlowError
from hodiff.program import Program

RNG = np.random.default_rng(3)
W, H, XS = RNG.normal(size=(3, 3)), RNG.normal(size=3), RNG.normal(size=(6, 3))


@hd.custom_jvp
def sine(x):
    return np.sin(x)


sine.defjvp(lambda primals, tangents: (np.sin(primals[0]), np.cos(primals[0]) * tangents[0]))


def scanned(step):
    """A function of the initial value that carries it through `XS`."""
    return lambda h: np.sum(hd.scan(step, h, XS)[0] ** 2)


def assigning(h):
    def step(c, x):
        y = np.zeros_like(c)
        y[0] = c[1] * x[0]
        y[1:] = c[:2]
        y += x
        return y, y[0]

    c, ys = hd.scan(step, h, XS)
    return np.sum(c**2) + np.sum(ys)


def changing_copies(h):
    def step(c, x):
        c = c.copy()
        c[0] = np.sin(c[1])
        c[1] *= x[1]
        return c, c

    c, ys = hd.scan(step, h, XS)
    return np.sum(c**2) + np.sum(ys)


def updating(h):
    def body(i, y):
        y = y.copy()
        y[i] = np.sin(h[i]) * i
        return y

    return np.sum(hd.fori_loop(0, 3, body, h) ** 2)


def indexing(h):
    a = np.outer(h, h)
    return np.sum(hd.fori_loop(0, 3, lambda i, c: c * 0.5 + a[i] * a[i, i] + a[2 - i, 0], h))


def counting(h):
    c, n = hd.fori_loop(0, 4, lambda i, c: (c[0] * 0.5 + c[1] * h, c[1] + i), (h, 1))
    return np.sum(c**2) * n


def complex_numbers(h):
    return np.sum(np.abs(hd.scan(lambda c, x: (c * np.exp(1j * x), None), h + 0j, XS)[0] * (1 + 2j) + h))


def lengths_carried(h):
    def step(c, x):
        n, a = c
        return (n + 1, hd.fori_loop(0, n, lambda i, a: np.sin(a) + i * x, a)), None

    return np.sum(hd.scan(step, (0, h), XS)[0][1] ** 2)


def unchanged(h):
    (a, b), ys = hd.scan(lambda c, x: ((c[0], c[1] * x), c[0]), (h, h), XS)
    return np.sum(a * b) + np.sum(ys)


def constant_parts(h):
    c, ys = hd.scan(lambda c, x: (c * 2.0, 1.0), h, XS)
    return np.sum(c) * np.sum(ys)


def swapping(h):
    a, b = hd.fori_loop(0, 5, lambda i, c: (c[1], np.sin(c[0])), (h, 2.0 * h))
    return np.sum(a * b**2)


FUNCTIONS = {
    "custom rule": scanned(lambda c, x: (sine(W @ c + x), None)),
    "solve": scanned(lambda c, x: (np.linalg.solve(W + np.diag(c) * 0.1, x), None)),
    "sort": scanned(lambda c, x: (np.sort(c + x) * 0.5, np.max(c))),
    "vmap": scanned(lambda c, x: (hd.vmap(lambda a, b: np.sin(a) * b)(c, x), None)),
    "grad": scanned(lambda c, x: (c - 0.1 * hd.grad(lambda c: np.sum(np.cos(c) * x * c))(c), None)),
    "jvp": scanned(lambda c, x: (c - 0.1 * hd.jvp(lambda c: np.cos(c) * x * c, (c,), (x,))[1], None)),
    "newton": scanned(lambda c, x: (c - 0.1 * hd.hessian(lambda c: np.sum(np.cos(c) * x * c))(c) @ c, None)),
    "descent": lambda h: np.sum(
        hd.while_loop(
            lambda c: c[1] < 5, lambda c: (c[0] - 0.1 * hd.grad(lambda a: np.sum(a**4))(c[0]), c[1] + 1), (h, 0)
        )[0]
    ),
    "grad in cond": scanned(
        lambda c, x: (hd.cond(XS[0, 0] < 9, lambda: hd.grad(lambda a: np.sum(np.sin(a) * x))(c), lambda: c), None)
    ),
    "grad in loops": scanned(
        lambda c, x: (hd.fori_loop(0, 2, lambda i, a: hd.grad(lambda a: np.sum(np.sin(a) * x))(a), c), None)
    ),
    "scan": scanned(lambda c, x: (hd.scan(lambda a, b: (a * 0.9 + b, None), c, np.stack([x, c]))[0], None)),
    "while_loop": scanned(
        lambda c, x: (hd.while_loop(lambda a: np.sum(a * a) > 0.5, lambda a: a * 0.7 + 0.01 * x, c + x), None)
    ),
    "cond": scanned(lambda c, x: (hd.cond(np.sum(c) > 0, lambda: c * 0.5, lambda: np.sin(c) + x), None)),
    "captured array": lambda h: np.sum(hd.fori_loop(0, 3, lambda i, c: c * 0.5 + XS[i] * h, h)),
    "assigning": assigning,
    "changing copies": changing_copies,
    "updating": updating,
    "indexing": indexing,
    "counting": counting,
    "complex numbers": complex_numbers,
    "lengths carried": lengths_carried,
    "unchanged": unchanged,
    "constant parts": constant_parts,
    "swapping": swapping,
}
#: What the members of a batch would decide differently.
DECIDING = {"while_loop", "cond"}
TRANSFORMS = {
    "value": lambda f: f,
    "grad": hd.grad,
    "hessian": hd.hessian,
    "forward over forward": lambda f: hd.jacfwd(hd.jacfwd(f)),
    "reverse over reverse": lambda f: hd.jacrev(hd.jacrev(f)),
    "linearize": lambda f: lambda h: hd.linearize(f, h)[1](h),
    "batch of gradients": lambda f: lambda h: hd.vmap(hd.grad(f))(np.stack([h, -h])),
}


@pytest.mark.parametrize("name, transform, backend", alternating(FUNCTIONS, TRANSFORMS), indirect=["backend"])
@pytest.mark.usefixtures("backend")
def test_compiled_as_plainly(name, transform):
    """Within and under `jit`, at the point of staging and at another."""
    f, derive = FUNCTIONS[name], TRANSFORMS[transform]
    if name in DECIDING and transform == "batch of gradients":
        for compiled in (hd.jit(derive(f)), derive(hd.jit(f))):
            with pytest.raises(ControlFlowError):
                compiled(H)
        return
    around, inside = hd.jit(derive(f)), derive(hd.jit(f))
    for point in (H, H * 0.7, H):
        expected = derive(f)(point)
        for compiled in (around, inside):
            found = compiled(point)
            assert found.dtype == expected.dtype
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-11)
    assert around.cache_info().eager_calls == 0


def loops(program):
    """Number of loops in a program, those in other loops left out."""
    return sum(any(isinstance(v, Program) for v in e.parameters.values()) for e in program.equations)


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - {"captured array"}))
def test_one_operation(name):
    program = hd.make_program(FUNCTIONS[name])(H)
    assert loops(program) == 1 or name == "lengths carried"
    assert len(program.steps) <= 8
