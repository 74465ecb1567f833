"""Loops and branches written with control functions and with statements, and what to derive from them, for tests."""

import numpy as np

import hodiff as hd
from hodiff.control.branches import branch
from hodiff.control.loops import loop
from hodiff.control.repeats import repeat


def arguments(seed, length):
    """A square matrix, a vector, and a sequence of vectors."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=(length, 3))


def with_scan(w, h, xs):
    def step(carry, x):
        h = np.tanh(w @ carry["h"] + x)
        return {"h": h, "n": carry["n"] + 1}, (h @ h, h[0])

    carry, (norms, firsts) = hd.scan(step, {"h": h, "n": 0}, xs)
    return np.sum(carry["h"]) * carry["n"] + np.sum(norms**2) + firsts @ np.arange(len(xs))


def by_hand(w, h, xs):
    norms, firsts, n = [], [], 0
    for x in xs:
        h = np.tanh(w @ h + x)
        n += 1
        norms.append(h @ h)
        firsts.append(h[0])
    return np.sum(h) * n + np.sum(np.stack(norms) ** 2) + np.stack(firsts) @ np.arange(len(xs))


def with_fori(w, h, xs):
    return np.sum(hd.fori_loop(0, len(xs), lambda i, h: np.sin(w @ h + i * xs[i]), h))


def fori_by_hand(w, h, xs):
    for i in range(len(xs)):
        h = np.sin(w @ h + i * xs[i])
    return np.sum(h)


def with_while(w, h, xs):
    return np.sum(hd.while_loop(lambda h: h @ h < 50.0, lambda h: 1.5 * h + np.sin(w @ h) + xs[0] ** 2, h))


def while_by_hand(w, h, xs):
    while h @ h < 50.0:
        h = 1.5 * h + np.sin(w @ h) + xs[0] ** 2
    return np.sum(h)


def with_cond(w, h, xs):
    return np.sum(hd.cond(h[0] > xs[0, 0], lambda a: np.sin(a) @ w, lambda a: a**2 * xs[1], h))


def cond_by_hand(w, h, xs):
    return np.sum(np.sin(h) @ w if h[0] > xs[0, 0] else h**2 * xs[1])


#: Each with a control function, and with statements.
SIMPLE = {
    "scan": (with_scan, by_hand),
    "fori_loop": (with_fori, fori_by_hand),
    "while_loop": (with_while, while_by_hand),
    "cond": (with_cond, cond_by_hand),
}


def scan_closure(w, h, xs):
    scale = np.sum(xs)

    def step(h, x):
        h = np.tanh(w @ h + x * scale)
        return h, h @ h

    h, norms = hd.scan(step, h, xs)
    return np.sum(h) + np.sum(norms**2)


def scan_closure_by_hand(w, h, xs):
    scale, total = np.sum(xs), 0.0
    for x in xs:
        h = np.tanh(w @ h + x * scale)
        total = total + (h @ h) ** 2
    return np.sum(h) + total


def fori_index(w, h, xs):
    return hd.fori_loop(1, 5, lambda i, s: s * 0.5 + i * xs[i] @ h, 0.0) + np.sum(w**3)


def fori_index_by_hand(w, h, xs):
    s = 0.0
    for i in range(1, 5):
        s = s * 0.5 + i * xs[i] @ h
    return s + np.sum(w**3)


def while_norm(w, h, xs):
    return np.sum(hd.while_loop(lambda h: h @ h < 50.0, lambda h: 1.5 * h + np.sin(w @ h) + xs[0] ** 2, h))


def while_norm_by_hand(w, h, xs):
    while h @ h < 50.0:
        h = 1.5 * h + np.sin(w @ h) + xs[0] ** 2
    return np.sum(h)


def counted(w, h, xs):
    def condition(c):
        return c[0] < 4

    def body(c):
        n, total, h = c
        return n + 1, total + n * np.sum(h**2), np.sin(w @ h) * xs[0, 0]

    n, total, h = hd.while_loop(condition, body, (1, 0.0, h))
    return total * n + np.sum(h)


def counted_by_hand(w, h, xs):
    n, total = 1, 0.0
    while n < 4:
        n, total, h = n + 1, total + n * np.sum(h**2), np.sin(w @ h) * xs[0, 0]
    return total * n + np.sum(h)


def nested(w, h, xs):
    def row(h, x):
        def inner(i, h):
            return np.cos(w @ h) + i * x + h[0]

        h = hd.fori_loop(0, 3, inner, h)
        return h, hd.cond(h[0] > 0.3, lambda: np.sin(h), lambda: h * x)

    h, ys = hd.scan(row, h, xs)
    return np.sum(h * ys) + np.sum(ys[::2] ** 3)


def nested_by_hand(w, h, xs):
    ys = []
    for x in xs:
        for i in range(3):
            h = np.cos(w @ h) + i * x + h[0]
        ys.append(np.sin(h) if h[0] > 0.3 else h * x)
    ys = np.stack(ys)
    return np.sum(h * ys) + np.sum(ys[::2] ** 3)


def chosen(w, h, xs):
    squares = h**2
    return np.sum(hd.cond(h[0] > xs[0, 0], lambda a: np.sin(a) @ w, lambda a: squares * xs[1] * a, h))


def chosen_by_hand(w, h, xs):
    return np.sum(np.sin(h) @ w if h[0] > xs[0, 0] else h**2 * xs[1] * h)


#: Each with a control function, with statements, and the operation that it is.
PAIRS = {
    "scan": (scan_closure, scan_closure_by_hand, loop),
    "fori_loop": (fori_index, fori_index_by_hand, loop),
    "while_loop": (while_norm, while_norm_by_hand, repeat),
    "counter": (counted, counted_by_hand, repeat),
    "nested": (nested, nested_by_hand, loop),
    "cond": (chosen, chosen_by_hand, branch),
}


# --- derivatives ------------------------------------------------------------------------------------------------------


def along(f, n):
    def pushed(*args):
        return hd.jvp(lambda x: f(*args[:n], x, *args[n + 1 :]), (args[n],), (np.cos(args[n]),))[1]

    return pushed


TRANSFORMS = {
    "value": lambda f, n: f,
    "grad": lambda f, n: hd.grad(f, argnums=n),
    "jvp": along,
    "hessian": lambda f, n: hd.hessian(f, argnums=n),
    "reverse over reverse": lambda f, n: hd.jacrev(hd.jacrev(f, argnums=n), argnums=n),
    "reverse over forward": lambda f, n: hd.grad(along(f, n), argnums=n),
    "forward over forward": lambda f, n: along(along(f, n), n),
    "third": lambda f, n: along(hd.hessian(f, argnums=n), n),
}
