"""The six kinds of primitive as a user declares them: every mode of each, and an error for every broken contract."""

import pickle
import re

import numpy as np
import pytest

import hodiff as hd
from hodiff.core import NUMPY_FUNCTIONS, NUMPY_UFUNCS
from hodiff.errors import HodiffError, NoRuleError, NotLinearError, RuleError, UnsupportedKeywordError
from hodiff.extend import Primitive, Shaped, composite, constant, elementwise, general, linear, multilinear, reject
from hodiff.testing import check_grads

ALL = ("fwd", "rev", "batch")


def rows(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape)


X = rows(3)
M = rows(3, 3)

# --- one primitive of each kind --------------------------------------------------------------------------------------

softplus = elementwise(
    lambda x: np.logaddexp(0.0, x), lambda ans, x: 1 / (1 + np.exp(-x)), name="softplus", smooth=True
)
ratio = elementwise(
    lambda x, y: x / (x + y), lambda ans, x, y: y / (x + y) ** 2, lambda ans, x, y: -x / (x + y) ** 2, name="ratio"
)
signed_sum = elementwise(lambda x, y: x - y, 1, -1, name="signed_sum")
shift = linear(lambda x, by: np.roll(x, by, axis=-1), lambda ct, x, by: shift(ct, by=-by), name="shift", leading=True)
shift_by_loop = linear(lambda x: np.roll(x, 1), lambda ct, x: np.concatenate([ct[1:], ct[:1]]), name="shift_by_loop")
weave = linear(
    lambda x, y: np.stack([x, y], axis=-1).reshape(*x.shape[:-1], -1),
    lambda ct, x, y: ct[..., ::2],
    lambda ct, x, y: ct[..., 1::2],
    name="weave",
    leading=True,
)
total_of = linear(lambda *xs: sum(xs[1:], xs[0]), lambda slot, ct, xs: ct, name="total_of", variadic=True, leading=True)
put_first = linear(
    lambda x, n: np.concatenate([x, np.zeros((*x.shape[:-1], n - x.shape[-1]))], axis=-1),
    lambda ct, x, n: ct[..., : x.shape[-1]],
    name="put_first",
    leading=lambda size, n: {"n": n},
    shape=lambda x, n: Shaped((*x.shape[:-1], n), x.dtype),
)
pick = linear(
    lambda x, i: x[..., i],
    lambda ct, x, i: put_at(ct, i=i, n=x.shape[-1]),
    name="pick",
    leading=True,
    accumulate=lambda buffer, ct, i: np.add.at(buffer, (..., i), ct),
)
put_at = linear(
    lambda ct, i, n: np.concatenate(
        [np.zeros((*ct.shape, i)), ct[..., None], np.zeros((*ct.shape, n - i - 1))], axis=-1
    ),
    lambda ct, x, i, n: pick(ct, i=i),
    name="put_at",
    leading=True,
)
mix = multilinear(
    lambda x, y: x * y[..., ::-1],
    lambda ct, x, y: ct * y[..., ::-1],
    lambda ct, x, y: (ct * x)[..., ::-1],
    name="mix",
    core=1,
)
triple = multilinear(
    lambda x, y, z: x * y * z,
    lambda ct, x, y, z: ct * y * z,
    lambda ct, x, y, z: ct * x * z,
    lambda ct, x, y, z: ct * x * y,
    name="triple",
    core=0,
)
chain_product = multilinear(
    lambda *ms: np.linalg.multi_dot(ms),
    lambda slot, ct, ms: _chain_transpose(slot, ct, ms),
    name="chain_product",
    variadic=True,
)


def _chain_transpose(slot, ct, ms):
    for m in ms[:slot]:
        ct = m.T @ ct
    for m in reversed(ms[slot + 1 :]):
        ct = ct @ m.T
    return ct


grade = constant(lambda x: np.digitize(x, [0.0, 1.0]).astype(float), name="grade", core=0)
rank = constant(lambda x: np.argsort(np.argsort(x, axis=-1), axis=-1), name="rank", leading=True)
inverse = general(np.linalg.inv, lambda t, ans, a: -ans @ t @ ans, name="inverse", core=2)
solve_with = general(
    lambda a, b: np.linalg.solve(a, b[..., None])[..., 0],
    lambda t, ans, a, b: -solve_with(a, (t @ ans[..., None])[..., 0]),
    None,
    name="solve_with",
    shape=lambda a, b: Shaped(b.shape, b.dtype),
    transposes=(None, lambda ct, a, b: solve_with(a.mT, ct)),
    batch=lambda primitive, size, operands, batched, parameters: primitive(
        *(v if flag else np.broadcast_to(v, (size, *np.shape(v))) for v, flag in zip(operands, batched, strict=True))
    ),
)
polar = general(
    lambda x, y: (np.hypot(x, y), np.arctan2(y, x)),
    lambda t, ans, x, y: (t * x / ans[0], -t * y / ans[0] ** 2),
    lambda t, ans, x, y: (t * y / ans[0], t * x / ans[0] ** 2),
    name="polar",
    core=0,
)
half_polar = general(
    lambda x, y: (np.hypot(x, y), np.floor(x + 0 * y)),
    lambda t, ans, x, y: (t * x / ans[0], None),
    lambda t, ans, x, y: (t * y / ans[0], None),
    name="half_polar",
    core=0,
)
cube_by_loop = general(lambda x: x**3, lambda t, ans, x: 3 * x**2 * t, name="cube_by_loop")


def geometric(x, n):
    """A composite needs no declaration unless a NumPy name is to lead to it."""
    return sum(x**k for k in range(n))


EACH = {
    "elementwise": (softplus, (X,), lambda x: np.log1p(np.exp(x))),
    "elementwise-two": (ratio, (X, rows(3, seed=1)), lambda x, y: 1 / (1 + y / x)),
    "elementwise-broadcast": (ratio, (rows(2, 1), rows(3)), lambda x, y: 1 / (1 + y / x)),
    "elementwise-signs": (lambda x, y: signed_sum(x, y) ** 2, (X, 0.5), lambda x, y: (x - y) ** 2),
    "linear": (lambda x: shift(x, by=2) * x, (X,), lambda x: np.concatenate([x[1:], x[:1]]) * x),
    "linear-loop": (lambda x: shift_by_loop(x) * x, (X,), lambda x: np.concatenate([x[2:], x[:2]]) * x),
    "linear-two": (
        lambda x, y: weave(x, y) ** 2,
        (X, rows(3, seed=1)),
        lambda x, y: np.reshape(np.stack([x, y], axis=1) ** 2, (6,)),
    ),
    "linear-variadic": (lambda x, y: total_of(x, y, x) ** 2, (X, rows(3, seed=1)), lambda x, y: (2 * x + y) ** 2),
    "linear-leading-shape": (
        lambda x: put_first(x**2, n=5),
        (X,),
        lambda x: np.concatenate([x**2, np.zeros(2)]),
    ),
    "linear-accumulate": (lambda x: pick(x, i=1) * pick(x, i=0) ** 2, (X,), lambda x: x[1] * x[0] ** 2),
    "multilinear": (mix, (X, rows(3, seed=1)), lambda x, y: x * y[::-1]),
    "multilinear-same": (lambda x: mix(x, x), (X,), lambda x: x * x[::-1]),
    "multilinear-three": (triple, (X, rows(2, 3), 0.5), lambda x, y, z: x * y * z),
    "multilinear-variadic": (chain_product, (M, rows(3, 2), rows(2, 3)), lambda a, b, c: a @ b @ c),
    "constant": (lambda x: grade(x) * x, (X,), lambda x: np.where(x < 1.0, 1.0, 2.0) * x),
    "constant-integer": (lambda x: rank(x) * x, (X,), lambda x: np.argsort(np.argsort(x)) * x),
    "general": (inverse, (M + 2 * np.eye(3),), np.linalg.inv),
    "general-transposes": (solve_with, (M + 2 * np.eye(3), X), np.linalg.solve),
    "general-tuple": (polar, (X, rows(3, seed=1)), lambda x, y: (np.sqrt(x * x + y * y), np.arctan(y / x))),
    "general-part-of-tuple": (
        lambda x, y: half_polar(x, y)[0] * half_polar(x, y)[1],
        (X + 1, rows(3, seed=1)),
        lambda x, y: np.sqrt(x * x + y * y) * np.floor(x),
    ),
    "general-loop": (cube_by_loop, (X,), lambda x: x**3),
    "composite": (lambda x: geometric(x, 4), (X,), lambda x: 1 + x + x**2 + x**3),
}


def leaves(tree):
    return list(tree) if isinstance(tree, tuple) else [tree]


def same(actual, expected):
    for a, e in zip(leaves(actual), leaves(expected), strict=True):
        assert np.shape(a) == np.shape(e)
        np.testing.assert_allclose(a, e, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", EACH)
def test_derivatives_of_each_kind_are_right_in_every_mode(name):
    function, args, _ = EACH[name]
    check_grads(function, args, modes=ALL)


@pytest.mark.parametrize("name", EACH)
def test_each_kind_agrees_with_plain_numpy(name):
    function, args, plain = EACH[name]
    numbers = tuple(range(len(args)))
    same(function(*args), plain(*args))

    def scalar(f):
        return lambda *a: sum(np.sum(np.sin(part)) for part in leaves(f(*a)))

    same(hd.grad(scalar(function), numbers)(*args), hd.grad(scalar(plain), numbers)(*args))
    tangents = tuple(np.ones_like(a) for a in args)
    for a, e in zip(hd.jvp(function, args, tangents), hd.jvp(plain, args, tangents), strict=True):
        same(a, e)
    for i in numbers:
        same(hd.hessian(scalar(function), i)(*args), hd.hessian(scalar(plain), i)(*args))
        for jacobian in (hd.jacfwd, hd.jacrev):
            same(jacobian(function, i)(*args), jacobian(plain, i)(*args))
    stacked = [np.stack([a, a * 1.1]) for a in args]
    expected = [leaves(function(*(s[i] for s in stacked))) for i in range(2)]
    same(hd.vmap(function)(*stacked), tuple(np.stack(parts) for parts in zip(*expected, strict=True)))
    third = hd.grad(lambda a: np.sum(hd.hessian(scalar(function))(a, *args[1:])))
    same(third(args[0]), hd.grad(lambda a: np.sum(hd.hessian(scalar(plain))(a, *args[1:])))(args[0]))


# These make float64 of float32 by themselves.
WIDENING = {"linear-leading-shape", "constant", "constant-integer", "linear-accumulate"}


@pytest.mark.parametrize("name", [n for n in EACH if n not in WIDENING])
def test_each_kind_keeps_single_precision(name):
    function, args, _ = EACH[name]
    args = tuple(np.asarray(a).astype(np.float32)[()] for a in args)
    gradient = hd.grad(lambda *a: sum(np.sum(part) for part in leaves(function(*a))), tuple(range(len(args))))
    assert all(g.dtype == np.float32 for g in gradient(*args))


@pytest.mark.parametrize("name", sorted(WIDENING))
def test_the_gradient_of_single_precision_is_single_even_where_the_answer_is_not(name):
    function, args, _ = EACH[name]
    args = tuple(np.asarray(a).astype(np.float32) for a in args)
    assert hd.grad(lambda *a: np.sum(function(*a)))(*args).dtype == np.float32


def test_a_primitive_is_a_function_of_plain_arrays_too():
    assert isinstance(softplus, Primitive)
    assert softplus(0.0) == np.log(2.0)
    assert repr(softplus) == "<primitive softplus>"


def test_a_primitive_of_integers_is_a_constant():
    assert hd.grad(lambda x: softplus(3) * x)(2.0) == softplus(3)


def test_the_name_defaults_to_that_of_the_function():
    def named(x):
        return x

    assert elementwise(named, 1).name == "named"
    assert elementwise(np.vectorize(named), 1, name="given").name == "given"


# --- accumulate and batch rules --------------------------------------------------------------------------------------


def test_accumulate_is_used_and_agrees_with_the_transpose():
    plain = linear(lambda x, i: x[..., i], lambda ct, x, i: put_at(ct, i=i, n=x.shape[-1]), name="plain", leading=True)

    def f(operation):
        return lambda x: operation(x, i=0) * operation(x, i=2) + operation(x, i=0) ** 2

    for transform in (hd.grad, hd.hessian, lambda f: hd.grad(lambda x: np.sum(hd.grad(f)(x) ** 2))):
        same(transform(f(pick))(X), transform(f(plain))(X))


def test_a_batching_rule_takes_precedence():
    calls = []

    def batch(primitive, size, operands, batched, parameters):
        calls.append((size, tuple(batched), parameters))
        return operands[0] * 2

    double = linear(lambda x, k: x * 2, lambda ct, x, k: ct * 2, name="double", batch=batch)
    same(hd.vmap(lambda x: double(x, k=1))(M), M * 2)
    assert calls == [(3, (True,), {"k": 1})]


def test_batching_without_a_rule_is_a_loop():
    calls = []

    def function(x):
        calls.append(x.shape)
        return x**3

    slow = general(function, lambda t, ans, x: 3 * x**2 * t, name="slow")
    same(hd.vmap(slow)(M), M**3)
    assert calls == [(3,)] * 3


def test_leading_changes_the_parameters():
    total = linear(
        lambda x, axis: x.sum(axis=axis),
        lambda ct, x, axis: np.broadcast_to(np.expand_dims(ct, axis), x.shape),
        name="total",
        leading=lambda size, axis: {"axis": axis + 1},
    )
    x = rows(2, 3, 4)
    same(hd.vmap(lambda a: total(a, axis=0))(x), x.sum(axis=1))
    check_grads(lambda a: total(a**2, axis=0), (M,), modes=ALL)


# --- claiming NumPy names --------------------------------------------------------------------------------------------


@pytest.fixture
def tables():
    """Take back what a test claims."""
    functions, ufuncs = dict(NUMPY_FUNCTIONS), dict(NUMPY_UFUNCS)
    yield
    for table, before in ((NUMPY_FUNCTIONS, functions), (NUMPY_UFUNCS, ufuncs)):
        table.clear()
        table.update(before)


def test_a_numpy_function_can_be_claimed(tables):
    del NUMPY_FUNCTIONS[np.interp]
    with pytest.raises(NoRuleError, match=r"numpy\.interp has no derivative rule"):
        hd.grad(lambda x: np.interp(x, [0.0, 1.0, 3.0], [0.0, 1.0, 5.0]))(2.0)

    @composite(np.interp)
    def interp(x, xp, fp, left=None, right=None, period=None):
        reject("numpy.interp", left=(left, None), right=(right, None), period=(period, None))
        xp, fp = np.asarray(xp), np.asarray(fp)
        i = np.clip(np.searchsorted(xp, hd.stop_gradient(x)) - 1, 0, len(xp) - 2)
        slope = (fp[i + 1] - fp[i]) / (xp[i + 1] - xp[i])
        return fp[i] + slope * (x - xp[i])

    assert hd.grad(lambda x: np.interp(x, [0.0, 1.0, 3.0], [0.0, 1.0, 5.0]))(2.0) == 2.0
    with pytest.raises(UnsupportedKeywordError, match=r"numpy\.interp: the keyword 'left' is not supported"):
        hd.grad(lambda x: np.interp(x, [0.0, 1.0], [0.0, 1.0], left=0.0))(0.5)


@pytest.mark.parametrize(
    "declare",
    [
        lambda target: elementwise(target, lambda ans, x: 1.0),
        lambda target: elementwise(lambda x: target(x), lambda ans, x: 1.0, name="mine", numpy=target),
        lambda target: constant(target),
    ],
)
def test_a_ufunc_is_claimed_once(tables, declare):
    ufunc = np.frompyfunc(lambda x: x, 1, 1)
    declare(ufunc)
    with pytest.raises(RuleError, match="already has a derivative rule"):
        declare(ufunc)


@pytest.mark.parametrize(
    "declare",
    [
        lambda: elementwise(np.sin, lambda ans, x: np.cos(x)),
        lambda: constant(np.floor),
        lambda: linear(lambda x: x, lambda ct, x: ct, name="mine", numpy=np.sum),
        lambda: multilinear(np.matmul, lambda ct, x, y: ct, lambda ct, x, y: ct, name="mine", numpy=np.matmul),
        lambda: general(np.linalg.inv, lambda t, ans, a: t, name="mine", numpy=np.linalg.inv),
        lambda: composite(np.reshape)(lambda x, shape: x),
    ],
    ids=["elementwise", "constant", "linear", "multilinear", "general", "composite"],
)
def test_what_numpy_name_has_a_rule_cannot_be_claimed_again(tables, declare):
    before = dict(NUMPY_FUNCTIONS), dict(NUMPY_UFUNCS)
    with pytest.raises(RuleError, match=r"already has a derivative rule, .*; it can have only one"):
        declare()
    assert before == (NUMPY_FUNCTIONS, NUMPY_UFUNCS)


def test_a_composite_may_be_a_method(tables):
    @composite(method="sum_of_squares")
    def sum_of_squares(x):
        return np.sum(x**2)

    from hodiff.core import Tracer

    try:
        same(hd.grad(lambda x: x.sum_of_squares())(X), 2 * X)
    finally:
        del Tracer.sum_of_squares


# --- missing rules ---------------------------------------------------------------------------------------------------

FEWER = {
    "elementwise": elementwise(lambda x, y: x * y, lambda ans, x, y: y, name="fewer"),
    "linear": linear(lambda x, y: x + y, lambda ct, x, y: ct, name="fewer", leading=True),
    "multilinear": multilinear(lambda x, y: x * y, lambda ct, x, y: ct * y, name="fewer", core=0),
    "general": general(lambda x, y: x * y, lambda t, ans, x, y: t * y, name="fewer", core=0),
}
MODES = {
    "grad": lambda f: hd.grad(lambda x: np.sum(f(x)))(X),
    "jvp": lambda f: hd.jvp(f, (X,), (X,)),
    "linearize": lambda f: hd.linearize(f, X),
    "jacfwd": lambda f: hd.jacfwd(f)(X),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", FEWER)
def test_an_operand_that_the_author_forgot_is_an_error_not_a_zero(kind, mode):
    with pytest.raises(
        NoRuleError, match=r"fewer has .*rules? for 1 operand\(s\) and was differentiated with respect to operand 1"
    ):
        MODES[mode](lambda x: FEWER[kind](X, x))


@pytest.mark.parametrize("kind", FEWER)
def test_the_operands_with_rules_still_work(kind):
    same(hd.grad(lambda x: np.sum(FEWER[kind](x, X)))(X), np.ones(3) if kind == "linear" else X)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "nothing",
    [
        elementwise(lambda x: x * 2, name="nothing"),
        linear(lambda x: x * 2, name="nothing", leading=True),
        multilinear(lambda x: x * 2, name="nothing", core=0),
        general(lambda x: x * 2, name="nothing", core=0),
    ],
    ids=["elementwise", "linear", "multilinear", "general"],
)
def test_no_rule_at_all_is_an_error(nothing, mode):
    with pytest.raises(HodiffError, match="nothing"):
        MODES[mode](nothing)


@pytest.mark.parametrize("mode", MODES)
def test_none_in_the_place_of_a_rule_is_a_zero(mode):
    frozen = [
        elementwise(lambda x, y: x * y, lambda ans, x, y: y, None, name="frozen"),
        linear(lambda x, y: x + np.floor(y), lambda ct, x, y: ct, None, name="frozen", leading=True),
        general(lambda x, y: x * y, lambda t, ans, x, y: t * y, None, name="frozen", core=0),
    ]
    for primitive in frozen:
        result = MODES[mode](lambda x: primitive(X, x) + 0.0 * x)  # noqa: B023
        derivative = {"grad": lambda r: r, "jvp": lambda r: r[1], "linearize": lambda r: r[1](X), "jacfwd": lambda r: r}
        assert not np.any(derivative[mode](result))


def test_no_batching_rule_for_an_empty_batch():
    with pytest.raises(
        RuleError, match=r"cube_by_loop has no batching rule.*axis of length 0; give .*`leading`, `core` or `batch`"
    ):
        hd.vmap(cube_by_loop)(np.ones((0, 3)))


# --- wrong shapes and wrong types ------------------------------------------------------------------------------------


WRONG_REVERSE = {
    "elementwise-short": elementwise(lambda x: x * 2, lambda ans, x: np.ones(2), name="wrong"),
    "elementwise-deep": elementwise(lambda x: x * 2, lambda ans, x: np.ones((2, 3)), name="wrong"),
    "elementwise-stretched": elementwise(lambda x: x * 2, lambda ans, x: np.ones((4, 1)), name="wrong"),
    "elementwise-none": elementwise(lambda x: x * 2, lambda ans, x: None, name="wrong"),
    "linear-short": linear(lambda x: x * 2, lambda ct, x: ct[:2], name="wrong", leading=True),
    "linear-number": linear(lambda x: x * 2, lambda ct, x: 2.0, name="wrong", leading=True),
    "linear-none": linear(lambda x: x * 2, lambda ct, x: None, name="wrong", leading=True),
    "linear-list": linear(lambda x: x * 2, lambda ct, x: [ct], name="wrong", leading=True),
    "multilinear-short": multilinear(
        lambda x, y: x * y, lambda ct, x, y: (ct * y)[:2], lambda ct, x, y: (ct * x)[:2], name="wrong", core=0
    ),
    "general-short": general(lambda x: x * 2, lambda t, ans, x: t[:2], name="wrong", core=0),
    "general-deep": general(lambda x: x * 2, lambda t, ans, x: np.stack([t, t]), name="wrong", core=0),
    "general-number": general(lambda x: x * 2, lambda t, ans, x: 1.0, name="wrong", core=0),
    "general-list": general(lambda x: x * 2, lambda t, ans, x: [t], name="wrong", core=0),
    "general-one-of-two": general(lambda x: (x * 2, x), lambda t, ans, x: (t,), name="wrong", core=0),
    "general-no-tuple": general(lambda x: (x * 2, x), lambda t, ans, x: t, name="wrong", core=0),
    "answer-list": elementwise(lambda x: [1.0, 2.0, 3.0], lambda ans, x: 1.0, name="wrong"),
    "answer-number": elementwise(lambda x: 1.0, lambda ans, x: 1.0, name="wrong"),
    "general-answer-number": general(lambda x: 1.0, lambda t, ans, x: np.sum(t), name="wrong", core=0),
}
WRONG_FORWARD = {k: v for k, v in WRONG_REVERSE.items() if not k.startswith(("linear", "multilinear"))}


def apply(primitive, x):
    answer = primitive(x, x) if "multilinear" in _kind_of(primitive) else primitive(x)
    return answer[0] if isinstance(answer, tuple) else answer


def _kind_of(primitive):
    return next(name for name, value in WRONG_REVERSE.items() if value is primitive)


@pytest.mark.parametrize("name", WRONG_REVERSE)
def test_a_rule_of_the_wrong_shape_is_named_in_reverse_mode(name):
    with pytest.raises(HodiffError, match=r"^wrong\b"):
        hd.grad(lambda x: np.sum(apply(WRONG_REVERSE[name], x * 1.5)))(X)


@pytest.mark.parametrize("name", WRONG_FORWARD)
def test_a_rule_of_the_wrong_shape_is_named_in_forward_mode(name):
    with pytest.raises(HodiffError, match=r"^wrong\b"):
        hd.jvp(lambda x: apply(WRONG_FORWARD[name], x * 1.5), (X,), (X,))


def test_the_message_gives_both_shapes():
    with pytest.raises(
        RuleError, match=r"wrong: .* cotangent of shape \(2,\) for an operand of shape \(3,\); a transpose must return"
    ):
        hd.grad(lambda x: np.sum(WRONG_REVERSE["linear-short"](x)))(X)
    with pytest.raises(RuleError, match=r"wrong: .* tangent of shape \(2,\) for an answer of shape \(3,\)"):
        hd.jvp(WRONG_REVERSE["general-short"], (X,), (X,))


def test_an_unknown_parameter_is_an_error():
    with pytest.raises(TypeError, match="axis"):
        hd.grad(lambda x: np.sum(shift(x, by=1, axis=0)))(X)
    with pytest.raises(TypeError, match="axis"):
        shift(X, by=1, axis=0)


# --- rules that are not linear ---------------------------------------------------------------------------------------

NOT_LINEAR = {
    "square": lambda t, ans, x: t * t,
    "exponential": lambda t, ans, x: np.exp(t),
    "affine": lambda t, ans, x: t + 1.0,
    "affine-other-side": lambda t, ans, x: 1.0 - t,
    "reciprocal": lambda t, ans, x: x / t,
    "constant": lambda t, ans, x: np.ones(3),
    "branch": lambda t, ans, x: t if t[0] > 0 else -t,
    "absolute": lambda t, ans, x: np.abs(t),
    "maximum": lambda t, ans, x: np.maximum(t, 0.0),
    "norm": lambda t, ans, x: x * np.linalg.norm(t),
    "product-with-itself": lambda t, ans, x: (t @ t) * x,
    "comparison": lambda t, ans, x: np.where(t > 0, t, 2 * t),
    "converted": lambda t, ans, x: np.asarray(t),
    "concatenated-with-constant": lambda t, ans, x: np.concatenate([t[:2], x[2:]]),
}


@pytest.mark.parametrize("name", NOT_LINEAR)
def test_a_jvp_that_is_not_linear_is_an_error_in_reverse_mode(name):
    bent = general(lambda x: x * 2, NOT_LINEAR[name], name="bent", core=0)
    with pytest.raises(HodiffError, match=r"linear|plain NumPy array|does not depend on the tangent"):
        hd.grad(lambda x: np.sum(bent(x)))(X)


def test_the_message_says_what_is_not_linear():
    bent = general(lambda x: x * 2, lambda t, ans, x: np.exp(t), name="bent", core=0)
    with pytest.raises(NotLinearError, match=r"exp is not linear .*a jvp or transpose must be linear in its tangent"):
        hd.linearize(bent, X)
    fixed = general(lambda x: x * 2, lambda t, ans, x: np.ones(3), name="fixed", core=0)
    with pytest.raises(NotLinearError, match=r"fixed: .*does not depend on the tangent it was given; return None"):
        hd.linearize(fixed, X)


# --- pickling --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("primitive", [softplus, shift, mix, grade, inverse], ids=lambda p: p.name)
def test_primitives_of_a_module_pickle_by_reference(primitive):
    assert pickle.loads(pickle.dumps(primitive)) is primitive
    again = pickle.loads(pickle.dumps(hd.grad(primitive)))
    assert again.function is primitive


def test_a_local_primitive_says_why_it_cannot_be_pickled():
    local = elementwise(lambda x: x, 1, name="local_one")
    with pytest.raises(
        pickle.PicklingError, match=r"local_one can be pickled only as a module-level variable of the same name"
    ):
        pickle.dumps(local)


def test_reject_compares_with_the_default():
    reject("f", a=(None, None), b=(0, 0), c=("K", "K"))
    for value, default in [(1, None), (0, None), (np.ones(2), None), (np.ones(2), 1), ("C", "K")]:
        with pytest.raises(UnsupportedKeywordError, match=re.escape("f: the keyword 'a' is not supported")):
            reject("f", a=(value, default))
