"""Bad input: each is a typed error whose text says what to do. Wrong derivative rules are in test_extend.py."""

import copy
import math
import pickle
import re

import numpy as np
import pytest

import hodiff as hd
from hodiff import errors

X = np.array([0.5, 1.0, 2.0])


def jvp_of(f):
    return lambda x: hd.jvp(f, (x,), (np.ones_like(x),))[1]


DIFFERENTIATE = {"grad": hd.grad, "jvp": jvp_of}


def each_mode(function):
    """Run a test under a gradient, a jvp, and a gradient inside each."""
    modes = {
        "grad": lambda f: hd.grad(f),
        "jvp": jvp_of,
        "vjp": lambda f: lambda x: hd.vjp(f, x),
        "linearize": lambda f: lambda x: hd.linearize(f, x),
        "grad-of-jvp": lambda f: hd.grad(lambda x: np.sum(jvp_of(f)(x))),
        "jvp-of-grad": lambda f: jvp_of(hd.grad(f)),
        "hessian": lambda f: hd.hessian(f),
    }
    return pytest.mark.parametrize("mode", modes.values(), ids=modes)(function)


# --- the classes -----------------------------------------------------------------------------------------------------


def test_every_exception_is_ours_and_a_builtin_one():
    for name, value in vars(errors).items():
        if not isinstance(value, type) or not issubclass(value, Exception) or value is errors.HodiffError:
            continue
        if issubclass(value, Warning):
            assert issubclass(value, UserWarning), name
            assert value.__doc__, name
        else:
            assert issubclass(value, errors.HodiffError), name
            assert issubclass(value, (TypeError, ValueError, RuntimeError, ArithmeticError)), name
            assert value.__doc__, name


# --- arguments that cannot be differentiated -------------------------------------------------------------------------

ADVICE = r"integers and booleans have no derivative; pass a float \(x = 2\.0, or x\.astype\(float\)\)"
PASS_FLOATS = r"pass floats, arrays of floats, or a tree of them"
# Name: the argument, what the message calls it, where it says the leaf is, what it advises.
NO_FLOATS = {
    "int": (3, "int64 value", "", ADVICE),
    "int-array": (np.arange(3), "int64 value", "", ADVICE),
    "uint8": (np.uint8(3), "uint8 value", "", ADVICE),
    "bool": (True, "bool value", "", ADVICE),
    "bool-array": (np.array([True, False]), "bool value", "", ADVICE),
    "string": ("text", "object of type str", "", PASS_FLOATS),
    "string-array": (np.array(["a"]), "object of type ndarray", "", PASS_FLOATS),
    "object-array": (np.array([1.0, None], dtype=object), "object of type ndarray", "", PASS_FLOATS),
    "datetime": (np.datetime64("2024-01-01"), "object of type datetime64", "", PASS_FLOATS),
    "set": ({1.0}, "object of type set", "", PASS_FLOATS),
    "leaf": ({"a": [1.0, 2]}, "int64 value", "['a'][1]", ADVICE),
    "deep-leaf": ((1.0, {"b": (None, "s")}), "object of type str", "[1]['b'][1]", PASS_FLOATS),
}
TAKE_ARGUMENT = {
    "grad": lambda x: hd.grad(lambda x: np.float64(1.0))(x),
    "value_and_grad": lambda x: hd.value_and_grad(lambda x: np.float64(1.0))(x),
    "vjp": lambda x: hd.vjp(lambda x: x, x),
    "linearize": lambda x: hd.linearize(lambda x: x, x),
    "jvp": lambda x: hd.jvp(lambda x: x, (x,), (x,)),
    "jacfwd": lambda x: hd.jacfwd(lambda x: x)(x),
    "jacrev": lambda x: hd.jacrev(lambda x: x)(x),
    "jacobian": lambda x: hd.jacobian(lambda x: x)(x),
    "hessian": lambda x: hd.hessian(lambda x: np.float64(1.0))(x),
    "linear_transpose": lambda x: hd.linear_transpose(lambda x: x, x),
}


@pytest.mark.parametrize("kind", NO_FLOATS)
@pytest.mark.parametrize("transformation", TAKE_ARGUMENT)
def test_arguments_without_derivatives(transformation, kind):
    value, what, leaf, advice = NO_FLOATS[kind]
    # Transformations of all arguments put the position in front.
    leaf = rf".*{re.escape(leaf)}\)" if leaf else ""
    message = rf"hodiff\.{transformation}: cannot differentiate with respect to an? {what}( \(leaf .*)?{leaf}: {advice}"
    with pytest.raises(errors.NonDifferentiableInputError, match=message):
        TAKE_ARGUMENT[transformation](value)


def test_integers_elsewhere_are_fine():
    assert hd.grad(lambda x, n, flag: x**n * flag)(2.0, 3, True) == 12.0


def test_holomorphic_needs_complex_arguments():
    with pytest.raises(
        errors.NonDifferentiableInputError, match=r"a float64 value: holomorphic=True .*pass complex128"
    ):
        hd.grad(lambda z: z, holomorphic=True)(2.0)


# --- results that have no gradient -----------------------------------------------------------------------------------

RESULTS = {
    "array": (
        lambda x: x * 2,
        errors.NonScalarOutputError,
        r"must return a scalar \(shape \(\)\), got a result of shape \(3,\)",
    ),
    "one-element": (
        lambda x: x[:1],
        errors.NonScalarOutputError,
        r"got a result of shape \(1,\); reduce it \(np\.sum, or \[0\] for shape \(1,\)\), use hodiff\.jacobian",
    ),
    "matrix": (lambda x: np.outer(x, x), errors.NonScalarOutputError, r"got a result of shape \(3, 3\)"),
    "constant-array": (lambda x: np.ones(3), errors.NonScalarOutputError, r"got a result of shape \(3,\)"),
    "tuple": (lambda x: (x[0], 1.0), errors.NonScalarOutputError, r"tree structure .*has_aux=True"),
    "dict": (lambda x: {"a": x[0]}, errors.NonScalarOutputError, r"tree structure .*has_aux=True"),
    "none": (lambda x: None, errors.NonScalarOutputError, r"returned None .*is a `return` missing"),
    "string": (lambda x: "text", errors.NonDifferentiableOutputError, r"got an object of type str; .*has_aux=True"),
    "object": (lambda x: object(), errors.NonDifferentiableOutputError, r"got an object of type object"),
    "integer": (lambda x: np.argmax(x), errors.NonDifferentiableOutputError, r"of dtype int64; .*must return floats"),
    "boolean": (lambda x: x[0] > 0, errors.NonDifferentiableOutputError, r"of dtype bool; .*must return floats"),
    "complex": (
        lambda x: x[0] * 1j,
        errors.ComplexOutputError,
        r"the result is complex \(complex128\); take its real part or abs\(\), or pass holomorphic=True",
    ),
}


@pytest.mark.parametrize("kind", RESULTS)
@pytest.mark.parametrize("transformation", ["grad", "value_and_grad"])
def test_results_without_a_gradient(transformation, kind):
    function, error, message = RESULTS[kind]
    with pytest.raises(error, match=rf"hodiff\.{transformation}: .*{message}"):
        getattr(hd, transformation)(function)(X)


def test_holomorphic_needs_a_complex_result():
    with pytest.raises(
        errors.ComplexOutputError, match=r"holomorphic=True needs a complex result, got float64; leave it out"
    ):
        hd.grad(np.abs, holomorphic=True)(1 + 1j)


@pytest.mark.parametrize("call", [hd.vjp, hd.linearize, lambda f, x: hd.jvp(f, (x,), (x,))])
def test_results_that_are_no_numbers(call):
    with pytest.raises(
        errors.NonDifferentiableOutputError, match=r"an object of type str \(leaf \['a'\]\); return extra data"
    ):
        call(lambda x: {"a": "text"}, X)


@pytest.mark.parametrize("transform", [hd.grad, hd.value_and_grad, hd.jacfwd, hd.jacrev])
@pytest.mark.parametrize("result", [lambda x: np.sum(x), lambda x: (np.sum(x), 1, 2), lambda x: [np.sum(x), 1]])
def test_has_aux_needs_a_pair(transform, result):
    with pytest.raises(
        errors.StructureError, match=r"with has_aux=True the function must return a pair \(result, aux\), got"
    ):
        transform(result, has_aux=True)(X)


# --- argnums and argnames --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transform", [hd.grad, hd.value_and_grad, hd.jacfwd, hd.jacrev, hd.jacobian, hd.hessian])
class TestSelection:
    """What does not select an argument."""

    @pytest.mark.parametrize(("argnums", "count"), [(2, 3), (-3, 3), ((0, 5), 6)])
    def test_out_of_range(self, transform, argnums, count):
        with pytest.raises(
            errors.ArgumentError, match=rf"argnums=.* needs at least {count} positional .*called with 2"
        ):
            transform(lambda x, y: np.sum(x * y), argnums)(X, X)

    @pytest.mark.parametrize("argnums", [1.0, "x", None, (0, "y")])
    def test_no_integer(self, transform, argnums):
        with pytest.raises(errors.ArgumentError, match=r"argnums must be an integer or a tuple of integers, got"):
            transform(lambda x, y: np.sum(x * y), argnums)

    @pytest.mark.parametrize("argnames", [(), (1,), 3])
    def test_no_name(self, transform, argnames):
        with pytest.raises(
            (errors.ArgumentError, TypeError), match=r"argnames must be a name or a tuple of names, got"
        ):
            transform(lambda x, y: np.sum(x * y), argnames=argnames)

    def test_a_name_that_was_not_passed(self, transform):
        with pytest.raises(
            errors.ArgumentError, match=r"argnames names 'y', which was not passed as a keyword .*argnums"
        ):
            transform(lambda x, y: np.sum(x * y), argnames="y")(X, X)

    def test_no_argument_at_all(self, transform):
        with pytest.raises(errors.ArgumentError, match=r"argnums=0 needs at least 1 positional .*called with 0"):
            transform(lambda: 1.0)()

    def test_duplicates(self, transform):
        with pytest.raises(errors.ArgumentError, match=r"argnums"):
            transform(lambda x, y: np.sum(x * y), (0, 0))(X, X)


# --- tangents and cotangents -----------------------------------------------------------------------------------------

TREE = {"a": X, "b": 2.0}


@pytest.mark.parametrize(
    ("tangents", "message"),
    [
        ((X,), r"tangents must have the tree structure of primals"),
        (({"a": X},), r"tangents must have the tree structure of primals: expected .*'b'.*, got"),
        (({"a": X, "b": [1.0]},), r"tangents must have the tree structure of primals"),
        (({"a": X, "b": 1.0}, 1.0), r"tangents must have the tree structure of primals"),
        (({"a": X[:2], "b": 1.0},), r"tangents must have the shape of primals: expected \(3,\), got \(2,\)"),
        (({"a": 1.0, "b": 1.0},), r"tangents must have the shape of primals: expected \(3,\), got \(\)"),
        (({"a": X * 1j, "b": 1.0},), r"tangents must be real where primals is: expected float64, got complex128"),
        (({"a": X, "b": "text"},), r"tangents must hold numbers or arrays, got str"),
    ],
)
def test_tangents_that_do_not_fit(tangents, message):
    def f(t, *more):
        return t["a"] * t["b"]

    with pytest.raises(errors.StructureError, match=rf"hodiff\.jvp: {message}"):
        hd.jvp(f, (TREE,), tangents)
    with pytest.raises(errors.StructureError, match=r"hodiff\.linearize: the tangents"):
        hd.linearize(f, TREE)[1](*tangents)


@pytest.mark.parametrize(("primals", "tangents"), [(X, X), ((X,), X), (X, (X,)), ({"a": X}, {"a": X})])
def test_jvp_wants_tuples(primals, tangents):
    with pytest.raises(
        errors.HodiffError, match=r"primals and tangents must be tuples of arguments, such as \(x,\) and \(v,\)"
    ):
        hd.jvp(np.sum, primals, tangents)


@pytest.mark.parametrize(
    ("cotangent", "message"),
    [
        (1.0, r"the cotangent must have the tree structure of the result"),
        ((1.0, X, X), r"the cotangent must have the tree structure of the result"),
        ([1.0, X], r"the cotangent must have the tree structure of the result"),
        ((X, X), r"the cotangent must have the shape of the result: expected \(\), got \(3,\)"),
        ((1.0, np.ones((1, 3))), r"the cotangent must have the shape of the result: expected \(3,\), got \(1, 3\)"),
        ((1j, X), r"the cotangent must be real where the result is"),
        ((None, X), r"the cotangent must have the tree structure of the result"),
        (("a", X), r"the cotangent must hold numbers or arrays, got str"),
    ],
)
def test_cotangents_that_do_not_fit(cotangent, message):
    _, pullback = hd.vjp(lambda x: (np.sum(x), x), X)
    with pytest.raises(errors.StructureError, match=rf"hodiff\.vjp: {message}"):
        pullback(cotangent)


# --- functions without a rule, keywords without support --------------------------------------------------------------

NO_RULE = {
    "numpy.isnat": np.isnat,
    "numpy.datetime_as_string": np.datetime_as_string,
    "numpy.is_busday": np.is_busday,
    "numpy.busday_count": lambda x: np.busday_count(x, x),
}


@pytest.mark.parametrize("name", NO_RULE)
@each_mode
def test_a_function_without_a_rule_is_named(mode, name):
    message = rf"{re.escape(name)} has no derivative rule; register one with hodiff\.extend .*hodiff\.stop_gradient"
    with pytest.raises(errors.NoRuleError, match=message):
        mode(lambda x: np.sum(NO_RULE[name](x)))(X)


@pytest.mark.parametrize("name", ["numpy.isnat", "numpy.is_busday"])
def test_a_function_without_a_rule_is_named_under_vmap(name):
    with pytest.raises(errors.NoRuleError, match=rf"{re.escape(name)} has no derivative rule"):
        hd.vmap(NO_RULE[name])(np.ones((2, 3)))


def test_stop_gradient_lets_any_function_through():
    days = np.array(["2020-01-01", "2020-01-04", "2020-01-06"], dtype="datetime64[D]")
    gradient = hd.grad(lambda x: np.sum(np.is_busday(days) * np.where(np.isnat(days), 0.0, hd.stop_gradient(x)) * x))(X)
    np.testing.assert_array_equal(gradient, np.is_busday(days) * X)


KEYWORDS = {
    "sum-out": (lambda x: np.sum(x, 0, None, np.zeros(())), r"numpy\.sum: the keyword 'out' is not supported"),
    "max-out": (lambda x: np.max(x, 0, np.zeros(())), r"numpy\.max: the keyword 'out' is not supported"),
    "clip-out": (
        lambda x: np.sum(np.clip(x, 0, 1, np.zeros(3))),
        r"numpy\.clip: the keyword 'out' is not supported",
    ),
    "ufunc-dtype": (lambda x: np.sum(np.sin(x, dtype=int)), r"numpy\.sin: the keyword 'dtype' is not supported"),
    "ufunc-casting": (
        lambda x: np.sum(np.add(x, x, casting="no")),
        r"numpy\.add: the keyword 'casting' is not supported",
    ),
    "ufunc-signature": (
        lambda x: np.sum(np.exp(x, signature="d->d")),
        r"numpy\.exp: the keyword 'signature' is not supported",
    ),
    "dot-out": (lambda x: np.dot(x, x, np.zeros(())), r"numpy\.dot: the keyword 'out' is not supported"),
    "concatenate-out": (
        lambda x: np.sum(np.concatenate([x, x], 0, np.zeros(6))),
        r"numpy\.concatenate: the keyword 'out' is not supported",
    ),
}


@each_mode
def test_where_needs_out(mode):
    with pytest.raises(errors.UnsupportedKeywordError, match=r"numpy\.sin: with where= .* unless out= is given"):
        mode(lambda x: np.sum(np.sin(x, where=x > 1)))(X)


@pytest.mark.parametrize("name", KEYWORDS)
@each_mode
def test_an_unsupported_keyword_is_named(mode, name):
    function, message = KEYWORDS[name]
    with pytest.raises(
        errors.UnsupportedKeywordError, match=rf"{message} on values that carry derivatives; leave it out"
    ):
        mode(function)(X)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.sum(x, foo=1),
        lambda x: x.sum(foo=1),
        lambda x: np.reshape(x, (3,), foo=1)[0],
        lambda x: np.concatenate([x, x], foo=1)[0],
        lambda x: np.max(x, foo=1),
        lambda x: np.sin(x, foo=1)[0],
        lambda x: np.matmul(x, x, foo=1),
        lambda x: x.mean(foo=1),
    ],
)
@each_mode
def test_an_unknown_keyword_is_an_error(mode, function):
    with pytest.raises(TypeError, match=r"'?foo'?"):
        mode(function)(X)


def test_keywords_at_their_defaults_are_fine():
    np.testing.assert_array_equal(hd.grad(lambda x: np.sum(x, out=None, dtype=None, axis=None))(X), np.ones(3))
    np.testing.assert_array_equal(hd.grad(lambda x: np.sum(np.positive(x, where=True)))(X), np.ones(3))


# --- leaks -----------------------------------------------------------------------------------------------------------

LEAKED = (
    r"traced value of .* was used after that transformation had returned; return it from the function .*has_aux=True"
)

LEAKING = {
    "grad": lambda f: hd.grad(lambda x: np.sum(f(x)))(X),
    "jvp": lambda f: hd.jvp(f, (X,), (X,)),
    "vjp": lambda f: hd.vjp(f, X),
    "linearize": lambda f: hd.linearize(f, X),
    "jacfwd": lambda f: hd.jacfwd(f)(X),
    "hessian": lambda f: hd.hessian(lambda x: np.sum(f(x)))(X),
    "vmap": lambda f: hd.vmap(f)(np.stack([X, X])),
    "linear_transpose": lambda f: hd.linear_transpose(f, X),
    "grad-inside-vmap": lambda f: hd.vmap(hd.grad(lambda x: np.sum(f(x))))(np.stack([X, X])),
    "vmap-inside-grad": lambda f: hd.grad(lambda x: np.sum(hd.vmap(f)(x)))(np.stack([X, X])),
    "jvp-inside-jvp": lambda f: hd.jvp(lambda x: hd.jvp(f, (x,), (x,))[1], (X,), (X,)),
}
USES = {
    "operator": lambda x: x * 2.0,
    "reflected": lambda x: np.ones(3) - x,
    "negative": lambda x: -x,
    "ufunc": lambda x: np.sin(x),
    "function": lambda x: np.sum(x),
    "method": lambda x: x.sum(),
    "index": lambda x: x[0],
    "iteration": lambda x: list(x),
    "comparison": lambda x: x > 0,
    "reshape": lambda x: x.reshape(3, 1),
    "matmul": lambda x: x @ np.eye(3),
    "truth": lambda x: bool(np.sum(x > 0)),
    "inside-grad": lambda x: hd.grad(lambda y: np.sum(x * y))(X),
    "inside-jvp": lambda x: hd.jvp(lambda y: x * y, (X,), (X,)),
    "inside-vmap": lambda x: hd.vmap(lambda y: x * y)(np.stack([X, X])),
}


def leak(transformation, function=lambda x: x * 3.0):
    kept = []

    def f(x):
        kept.append(function(x))
        return x * 2.0

    LEAKING[transformation](f)
    return kept[0]


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("transformation", LEAKING)
def test_a_leaked_value_cannot_be_used(transformation, use):
    value = leak(transformation)
    with pytest.raises(errors.LeakedTracerError, match=LEAKED):
        USES[use](value)


@pytest.mark.parametrize("transformation", ["grad", "jvp", "linearize"])
def test_a_leaked_scalar_has_no_truth(transformation):
    value = leak(transformation, lambda x: np.sum(x))
    with pytest.raises(errors.LeakedTracerError, match=LEAKED):
        bool(value)


@pytest.mark.parametrize("transformation", ["grad", "jvp", "vmap"])
@pytest.mark.parametrize(
    "call",
    [
        lambda v: hd.grad(lambda x: v)(1.0),
        lambda v: hd.value_and_grad(lambda x: v)(1.0),
        lambda v: hd.grad(lambda x: (x, v), has_aux=True)(1.0),
        lambda v: hd.jvp(lambda x: v, (1.0,), (1.0,)),
        lambda v: hd.vjp(lambda x: v, 1.0),
        lambda v: hd.linearize(lambda x: v, 1.0),
        lambda v: hd.vmap(lambda x: v)(X),
        lambda v: hd.grad(lambda x: np.sum(x))(v),
        lambda v: hd.jvp(lambda x: x, (v,), (1.0,)),
        lambda v: hd.jvp(lambda x: x, (1.0,), (v,)),
        lambda v: hd.vjp(lambda x: x, 1.0)[1](v),
    ],
    ids=[
        "grad",
        "value_and_grad",
        "aux",
        "jvp",
        "vjp",
        "linearize",
        "vmap",
        "argument",
        "primal",
        "tangent",
        "cotangent",
    ],
)
def test_a_leaked_value_cannot_pass_through_a_transformation(transformation, call):
    value = leak(transformation, lambda x: np.sum(x))
    with pytest.raises(errors.LeakedTracerError, match=LEAKED):
        call(value)


def test_a_leak_of_an_inner_transformation_into_the_outer_one():
    def f(x):
        kept = []
        hd.grad(lambda y: kept.append(y) or y**2)(x)
        return kept[0] * x

    with pytest.raises(errors.LeakedTracerError, match=LEAKED):
        hd.grad(f)(2.0)


def test_a_leak_after_an_error_in_the_function():
    kept = []

    def f(x):
        kept.append(x)
        raise ZeroDivisionError

    for transformation in ("grad", "jvp", "vmap"):
        with pytest.raises(ZeroDivisionError):
            LEAKING[transformation](f)
        with pytest.raises(errors.LeakedTracerError, match=LEAKED):
            kept[-1] + 1.0


def test_the_message_names_the_transformation():
    for transformation, name in (("grad", "hodiff.grad"), ("jvp", "hodiff.jvp"), ("vmap", "hodiff.vmap")):
        with pytest.raises(errors.LeakedTracerError, match=rf"a traced value of {re.escape(name)}"):
            leak(transformation) + 1.0


def test_what_was_returned_properly_is_no_leak():
    value, gradient = hd.value_and_grad(lambda x: np.sum(x))(X)
    assert value + gradient[0] == 4.5
    kept = []
    hd.grad(lambda x: kept.append(hd.stop_gradient(x)) or np.sum(x))(X)
    assert isinstance(kept[0] * 2.0, np.ndarray)


# --- conversion to plain numbers and arrays --------------------------------------------------------------------------


def assign_slice(x):
    raw = np.zeros(3)
    raw[1:3] = x[1:]
    return np.sum(raw)


def assign_all(x):
    raw = np.zeros(3)
    raw[:] = x
    return np.sum(raw)


def assign_mask(x):
    raw = np.zeros(3)
    raw[x > 0] = x[x > 0]
    return np.sum(raw)


def assign_list(x):
    raw = np.zeros(2)
    raw[:] = [x[0], x[1]]
    return np.sum(raw)


CONVERSIONS = {
    "array-of-list": (lambda x: np.sum(np.array([x[0], x[1]])), r"Use np\.stack\(\[\.\.\.\]\) instead of np\.array"),
    "array-of-nested-list": (
        lambda x: np.sum(np.array([[x[0], 1.0], [0.0, x[1]]])),
        r"Use np\.stack\(\[\.\.\.\]\) instead",
    ),
    "array": (lambda x: np.sum(np.array(x)), r"Use np\.stack\(\[\.\.\.\]\) instead of np\.array"),
    "asarray": (lambda x: np.sum(np.asarray(x)), r"instead of np\.array\(\[\.\.\.\]\) or np\.asarray\(\[\.\.\.\]\)"),
    "asarray-dtype": (lambda x: np.sum(np.asarray([x[0], 1.0], dtype=float)), r"cannot become a plain NumPy array"),
    "object-array": (lambda x: np.array([x[0], None], dtype=object)[0], r"cannot become a plain NumPy array"),
    "full": (lambda x: np.sum(np.full(3, x[0])), r"np\.full\(n, x, like=x\) instead of np\.full\(n, x\)"),
    "assign-slice": (assign_slice, r"np\.zeros\(n, like=x\) or hodiff\.numpy\.zeros\(n\) for an array to assign into"),
    "assign-all": (assign_all, r"for an array to assign into"),
    "assign-mask": (assign_mask, r"for an array to assign into"),
    "assign-list": (assign_list, r"for an array to assign into"),
    "math": (lambda x: math.sin(x[0]), r"float\(x\) would drop the derivative.*use NumPy functions \(np\.sin\)"),
    "float": (lambda x: float(x[0]), r"float\(x\) would drop the derivative.*float\(hodiff\.stop_gradient\(x\)\)"),
    "complex": (lambda x: complex(x[0]), r"would drop the derivative"),
    "numpy-scalar-type": (
        lambda x: np.float64(x[0]),
        r"cannot become a plain NumPy array without losing its derivative",
    ),
    "vectorize": (lambda x: np.sum(np.vectorize(lambda t: t * t)(x)), r"cannot become a plain NumPy array"),
    "pickle": (lambda x: pickle.dumps(x), r"cannot be pickled or copied out of its transformation"),
}


@pytest.mark.parametrize("name", CONVERSIONS)
@each_mode
def test_a_traced_value_does_not_become_a_plain_one(mode, name):
    function, message = CONVERSIONS[name]
    with pytest.raises(errors.ConversionError, match=message):
        mode(function)(X)


@pytest.mark.parametrize("name", ["array", "full", "assign-all", "math", "float", "object-array"])
def test_a_batched_value_does_not_become_a_plain_one(name):
    with pytest.raises(errors.ConversionError):
        hd.vmap(CONVERSIONS[name][0])(np.stack([X, X]))


def assign_element(x):
    raw = np.zeros(3)
    raw[0] = x[0]
    return np.sum(raw)


def assign_corner(x):
    raw = np.zeros((3, 3))
    raw[0, 1] = x[0]
    return np.sum(raw)


def fill(x):
    raw = np.zeros(3)
    raw.fill(x[0])
    return np.sum(raw)


@pytest.mark.parametrize("function", [assign_element, assign_corner, fill])
@each_mode
def test_assignment_to_one_element_of_a_plain_array(mode, function):
    # NumPy raises its own error here, and keeps ours as its cause.
    with pytest.raises(ValueError, match="setting an array element with a sequence") as caught:
        mode(function)(X)
    assert isinstance(caught.value.__cause__, errors.ConversionError)
    text = str(caught.value.__cause__)
    assert "assigning it to an element of a plain NumPy array (raw_array[i] = x)" in text
    assert "make the array with np.zeros(n, like=x) or hodiff.numpy.zeros(n)" in text


def test_integers_may_be_converted():
    def f(x):
        i = np.argmax(x)
        return x[i] * float(i) + sum(x[0] for _ in range(i)) + x[int(i)] + [1.0, 2.0, 3.0][i] * x[0]

    np.testing.assert_array_equal(hd.grad(f)(X), [2.0 + 3.0, 0.0, 2.0 + 1.0])


@each_mode
def test_a_float_is_no_index(mode):
    for function in (lambda x: sum(x[0] for _ in range(x[1])), lambda x: [1.0, 2.0][x[1]], lambda x: x[x[1]]):
        with pytest.raises((TypeError, IndexError), match=r"only integer scalar arrays|must be of integer"):
            mode(function)(X)


def test_copies_of_a_traced_value_stay_traced():
    for duplicate in (copy.copy, copy.deepcopy, lambda x: x.copy(), np.copy):
        np.testing.assert_array_equal(hd.grad(lambda x: np.sum(duplicate(x) ** 2))(X), 2 * X)  # noqa: B023


def test_traced_values_are_not_hashable():
    with pytest.raises(TypeError, match="unhashable"):
        hd.grad(lambda x: {x: 1}[x])(1.0)


def test_an_unknown_attribute():
    with pytest.raises(AttributeError, match="no_such_attribute"):
        hd.grad(lambda x: x.no_such_attribute)(1.0)


def test_printing_is_allowed():
    texts = []
    hd.grad(lambda x: texts.append(f"{x} {x!r}") or np.sum(x))(X)
    assert "shape=(3,)" in texts[0]
    assert "float64" in texts[0]


# --- in place --------------------------------------------------------------------------------------------------------


def set_item(x):
    x[0] = 1.0
    return np.sum(x)


def add_to_plain(x):
    total = np.zeros(3)
    total += x
    return np.sum(total)


def multiply_plain(x):
    total = np.ones(3)
    total *= x
    return np.sum(total)


def out_keyword(x):
    return np.sum(np.sin(x, out=np.zeros(3)))


def out_positional(x):
    return np.sum(np.multiply(x, x, np.zeros(3)))


IN_PLACE = {
    "x[i] = v": (set_item, r"would modify an argument of the function being transformed.*x = x\.copy\(\)"),
    "array += x": (
        add_to_plain,
        r"numpy\.add: .*plain array \(out=, or `array \+= x`\) would drop them.*array = array \+ x",
    ),
    "array *= x": (multiply_plain, r"numpy\.multiply: .*would drop them; use the returned value"),
    "out=": (out_keyword, r"numpy\.sin: .*use the returned value \(y = np\.sin\(\.\.\.\)"),
    "third argument": (out_positional, r"numpy\.multiply: .*use the returned value"),
}


@pytest.mark.parametrize("name", IN_PLACE)
@each_mode
def test_a_change_in_place_is_never_dropped(mode, name):
    function, message = IN_PLACE[name]
    with pytest.raises(errors.InPlaceError, match=message):
        mode(function)(X)


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_change_in_place_is_never_dropped_under_vmap(name):
    function, message = IN_PLACE[name]
    with pytest.raises(errors.InPlaceError, match=message):
        hd.vmap(function)(np.stack([X, X]))


def accumulate(x):
    total = 0.0
    for i in range(3):
        total += x[i] * x[i]
    s = x[0]
    s += x[1]
    s *= 2.0
    s -= 1
    s /= 4.0
    s **= 2
    return total + s


@pytest.mark.parametrize("transform", DIFFERENTIATE)
def test_scalars_are_rebound_as_python_does(transform):
    x0, x1, _ = X
    slope = 2 * (2 * (x0 + x1) - 1) / 4 * 2 / 4
    expected = 2 * X + np.array([slope, slope, 0.0])
    found = DIFFERENTIATE[transform](accumulate)(X)
    np.testing.assert_allclose(found, expected if transform == "grad" else np.sum(expected), rtol=1e-14)


def test_rebinding_a_scalar_leaves_its_other_names_alone():
    def f(x):
        a = b = x[0]
        a += x[1]
        return a * b

    np.testing.assert_array_equal(hd.grad(f)(X), [2 * X[0] + X[1], X[0], 0.0])


# --- other array libraries -------------------------------------------------------------------------------------------


class Foreign:
    """An operand with its own protocol."""

    __array_ufunc__ = None

    def __radd__(self, other):
        return "foreign"

    def __rmul__(self, other):
        return "foreign"


def test_unknown_operands_are_left_to_their_own_protocol():
    seen = []
    hd.grad(lambda x: seen.append(x + Foreign()) or np.sum(x))(X)
    assert seen == ["foreign"]
    with pytest.raises(TypeError):
        hd.grad(lambda x: np.sum(x + {}))(X)
    with pytest.raises(TypeError):
        hd.grad(lambda x: np.sum(x + None))(X)
    with pytest.raises(TypeError):
        hd.grad(lambda x: np.sum("a" * x))(X)
