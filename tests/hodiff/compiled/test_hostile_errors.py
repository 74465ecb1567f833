"""Hostile programs: floating-point errors as the caller wants them, warnings, and errors of every kind."""

import warnings

import numpy as np
import pytest
from hostile import check

pytestmark = pytest.mark.usefixtures("backend")

X = np.array([0.5, -1.0, 2.0])

PROGRAMS = []


def hostile(program):
    PROGRAMS.append(program)
    return program


@hostile
def the_callers_errstate(jit, call):
    functions = [
        jit(lambda x: np.log(x)),
        jit(lambda x: 1 / x),
        jit(lambda x: np.exp(x * 1000)),
        jit(lambda x: np.sqrt(x[0])),
    ]
    for state in (
        {},
        {"all": "ignore"},
        {"all": "raise"},
        {"all": "warn"},
        {"divide": "raise"},
        {"over": "ignore"},
        {},
    ):
        with np.errstate(**state):
            for f in functions:
                call(f, X)
                call(f, X * 0)
                call(f, -X)
                call(f, np.abs(X))


@hostile
def handlers_of_floating_point_errors(jit, call):
    seen = []
    f = jit(lambda x: np.log(x))
    with np.errstate(all="call", call=lambda kind, flag: seen.append((kind, flag))):
        for x in (X, X * 0, X):
            call(f, x)
            call.note(list(seen))


@hostile
def warnings_as_errors(jit, call):
    f = jit(lambda x: np.log(x) + 1)

    def strictly(x):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return f(x)

    def silently(x):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return f(x)

    for g in (f, strictly, silently, strictly, f):
        call(g, X)
        call(g, X * 0)
        call(g, np.abs(X))


@hostile
def warnings_of_its_own(jit, call):
    def f(x):
        if x[0] > 0:
            warnings.warn("positive", UserWarning, stacklevel=2)
        return x * 2

    def always(x):
        warnings.warn(f"shape {x.shape}", DeprecationWarning, stacklevel=1)
        return x * 2

    for g in (jit(f), jit(always)):
        for x in (X, -X, X, X, -X):
            call(g, x)


@hostile
def errors_of_numpy(jit, call):
    functions = [
        jit(lambda x: x + np.ones(5)),
        jit(lambda x: np.linalg.inv(np.outer(x, x))),
        jit(lambda x: np.linalg.cholesky(np.diag(x))),
        jit(lambda x: x[7]),
        jit(lambda x: np.reshape(x, (2, 2))),
        jit(lambda x: np.concatenate([])),
        jit(lambda x: x.no_such_attribute),
        jit(lambda x: undefined_name),  # noqa: F821
        jit(lambda x: {}["key"]),
        jit(lambda x, y: x),
        jit(lambda x: np.sum(x, axis=3)),
        jit(lambda x: next(iter(()))),
        jit(lambda x: 1 // 0),
        jit(lambda x: x + "text"),
    ]
    for f in functions:
        for x in (X, np.abs(X), X):
            call(f, x)


@hostile
def singular_only_sometimes(jit, call):
    def f(x):
        try:
            return np.linalg.inv(x)
        except np.linalg.LinAlgError:
            return x * 0

    for g in (jit(f), jit(np.linalg.inv), jit(np.linalg.cholesky)):
        for x in (np.eye(2), np.ones((2, 2)), np.eye(2) * 2, np.zeros((2, 2)), -np.eye(2)):
            call(g, x)


@hostile
def unhashable_and_odd_arguments(jit, call):
    f = jit(lambda x, extra: x * 2 if extra is not None else x)
    for extra in ([1, 2], {"a": 1}, {1, 2}, object, slice(None), np.array(["a"]), print, ..., NotImplemented, range(3)):
        call(f, X, extra)
        call(f, X, extra)


@pytest.mark.parametrize("way", ["value", "jit of jit"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_errors(program, way):
    check(program, way)


# Those that look at the results themselves, or count floating-point errors, are of values only.
DIFFERENTIABLE = [program for program in PROGRAMS if program not in (handlers_of_floating_point_errors,)]


@pytest.mark.parametrize("way", ["grad", "grad of jit"])
@pytest.mark.parametrize("program", DIFFERENTIABLE, ids=lambda program: program.__name__)
def test_errors_with_derivatives(program, way):
    check(program, way)
