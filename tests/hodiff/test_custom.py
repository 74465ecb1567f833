"""custom_jvp and custom_vjp: every mode and nesting, batches, trees, static arguments, closures, broken rules."""

import pickle
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hodiff as hd
from hodiff import errors
from hodiff.testing import check_grads

# --- one function in both forms, which is exp(a) * sin(b) -------------------------------------------------------------


def plain(a, b):
    return np.exp(a) * np.sin(b)


def _opaque(a, b):
    """The same, of plain numbers only."""
    return np.float64(float(np.exp(a) * np.sin(b)))


@hd.custom_jvp
def by_jvp(a, b):
    return np.exp(a) * np.sin(b)


@by_jvp.defjvp
def _rule(primals, tangents):
    (a, b), (s, t) = primals, tangents
    y = by_jvp(a, b)
    return y, y * s + np.exp(a) * np.cos(b) * t


@hd.custom_vjp
def by_vjp(a, b):
    return np.exp(a) * np.sin(b)


def _fwd(a, b):
    y = by_vjp(a, b)
    return y, {"y": y, "slope": np.exp(a) * np.cos(b)}


def _bwd(res, ct):
    return res["y"] * ct, res["slope"] * ct


by_vjp.defvjp(_fwd, _bwd)


@hd.custom_jvp
def opaque_jvp(a, b):
    return _opaque(a, b)


@opaque_jvp.defjvp
def _opaque_rule(primals, tangents):
    (a, b), (s, t) = primals, tangents
    y = opaque_jvp(a, b)
    return y, y * s + opaque_jvp(a, b + np.pi / 2) * t


@hd.custom_vjp
def opaque_vjp(a, b):
    return _opaque(a, b)


opaque_vjp.defvjp(
    lambda a, b: (opaque_vjp(a, b), (a, b)),
    lambda res, ct: (ct * opaque_vjp(*res), ct * opaque_vjp(res[0], res[1] + np.pi / 2)),
)

FORMS = {"jvp": by_jvp, "vjp": by_vjp, "opaque-jvp": opaque_jvp, "opaque-vjp": opaque_vjp}
forms = pytest.mark.parametrize("f", FORMS.values(), ids=FORMS)
WAYS = {
    "grad": lambda f: hd.grad(f),
    "jvp": lambda f: lambda x: hd.jvp(f, (x,), (1.0,))[1],
    "linearize": lambda f: lambda x: hd.linearize(f, x)[1](1.0),
    "jacfwd": hd.jacfwd,
    "jacrev": hd.jacrev,
    "vmap": lambda f: lambda x: hd.vmap(hd.grad(f))(np.stack([x, x + 1.0]))[0],
    "of-vmap": lambda f: lambda x: hd.grad(lambda v: hd.vmap(f)(v)[0])(np.stack([x, x + 1.0]))[0],
    "jvp-of-vmap": lambda f: lambda x: hd.jvp(hd.vmap(f), (np.stack([x, x]),), (np.ones(2),))[1][0],
}


PAIRS = list(product(WAYS, repeat=2))
TRIPLES = [(a, b, list(WAYS)[(i + j) % len(WAYS)]) for i, a in enumerate(WAYS) for j, b in enumerate(WAYS)]


@forms
@pytest.mark.parametrize("ways", [*((way,) for way in WAYS), *PAIRS], ids="-".join)
def test_every_mixture_of_order_one_and_two(f, ways):
    check(f, ways)


@pytest.mark.parametrize("f", [by_jvp, by_vjp], ids=["jvp", "vjp"])
@pytest.mark.parametrize("ways", TRIPLES, ids="-".join)
def test_mixtures_of_order_three(f, ways):
    check(f, ways)


def check(f, ways):

    def h(x):
        return f(0.3 * x, x) * x

    def reference(x):
        return plain(0.3 * x, x) * x

    derivative, expected = h, reference
    for way in ways:
        derivative = WAYS[way](derivative)
        expected = hd.grad(expected)
    np.testing.assert_allclose(derivative(0.7), expected(0.7), rtol=1e-12)


@pytest.mark.parametrize("f", [by_jvp, by_vjp])
def test_numerically(f):
    check_grads(f, (0.3, 0.8), order=3, modes=("fwd", "rev", "batch"))


def test_the_rule_is_what_counts():
    @hd.custom_jvp
    def f(x):
        return x**2

    f.defjvp(lambda primals, tangents: (primals[0] ** 2, 10.0 * tangents[0]))
    assert hd.grad(f)(3.0) == 10.0
    assert hd.jvp(f, (3.0,), (1.0,)) == (9.0, 10.0)
    # The value that an outer transformation sees is the function again, not the code of the rule.
    assert hd.grad(lambda x: hd.vjp(f, x)[0])(3.0) == 10.0

    @hd.custom_vjp
    def g(x):
        return x**2

    g.defvjp(lambda x: (x**2, None), lambda res, ct: (10.0 * ct,))
    assert hd.grad(g)(3.0) == 10.0
    assert hd.jvp(g, (3.0,), (1.0,)) == (9.0, 10.0)
    assert hd.grad(lambda x: hd.vjp(g, x)[0])(3.0) == 10.0
    assert hd.vmap(hd.grad(g))(np.arange(3.0)).tolist() == [10.0] * 3


def test_one_evaluation_of_the_rule_serves_all_operands():
    calls = []

    @hd.custom_jvp
    def f(a, b, c):
        calls.append("function")
        return a + b + c

    @f.defjvp
    def rule(primals, tangents):
        calls.append("rule")
        return sum(primals), sum(tangents)

    assert hd.grad(f, (0, 1, 2))(1.0, 2.0, 3.0) == (1.0, 1.0, 1.0)
    assert calls == ["rule"]


# --- trees, static arguments, keywords --------------------------------------------------------------------------------


@hd.custom_vjp
def layer(parameters, x, n=2):
    return {"y": parameters["w"] * x**n, "size": (np.sum(parameters["b"]), n)}


layer.defvjp(
    lambda p, x, n: (layer(p, x, n), (p, x, n)),
    lambda res, ct: (
        {"b": ct["size"][0] * np.ones(2), "w": np.sum(ct["y"] * res[1] ** res[2])},
        ct["y"] * res[0]["w"] * res[2] * res[1] ** (res[2] - 1),
        None,
    ),
)


@hd.custom_jvp
def layer_jvp(parameters, x, n=2):
    return {"y": parameters["w"] * x**n, "size": (np.sum(parameters["b"]), n)}


@layer_jvp.defjvp
def _layer_rule(primals, tangents):
    (p, x, n), (dp, dx, _) = primals, tangents
    y = dp["w"] * x**n + p["w"] * n * x ** (n - 1) * dx
    return layer_jvp(p, x, n), {"y": y, "size": (np.sum(dp["b"]), 0)}


@pytest.mark.parametrize("f", [layer, layer_jvp])
@pytest.mark.parametrize("keywords", [{}, {"n": 3}])
def test_trees_integers_defaults_and_keywords(f, keywords):
    def loss(f, p, x):
        out = f(p, x=x, **keywords)
        return np.sum(out["y"] ** 2) + out["size"][0] ** 2 * out["size"][1]

    point = ({"w": 2.0, "b": np.array([1.0, 3.0])}, np.array([0.5, 1.5, 2.0]))
    raw = f.function
    for transform in (hd.grad, hd.hessian):
        found = transform(lambda p: loss(f, p, point[1]))(point[0])
        expected = transform(lambda p: loss(raw, p, point[1]))(point[0])
        _compare(found, expected)
        _compare(
            transform(lambda x: loss(f, point[0], x))(point[1]), transform(lambda x: loss(raw, point[0], x))(point[1])
        )
    batched = hd.vmap(lambda w: hd.grad(lambda p: loss(f, p, point[1]))({"w": w, "b": point[0]["b"]}))
    expected = hd.vmap(lambda w: hd.grad(lambda p: loss(raw, p, point[1]))({"w": w, "b": point[0]["b"]}))
    _compare(batched(np.arange(3.0)), expected(np.arange(3.0)))


def _compare(found, expected):
    assert hd.stop_gradient(found).keys() == expected.keys() if isinstance(expected, dict) else True
    if isinstance(expected, dict):
        for key in expected:
            _compare(found[key], expected[key])
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_static_arguments():
    @hd.custom_jvp
    def power(x, n):
        return x**n

    power = hd.custom_jvp(power.function, nondiff_argnums=1)

    @power.defjvp
    def rule(n, primals, tangents):
        (x,), (t,) = primals, tangents
        return power(x, n), n * power(x, n - 1) * t

    assert hd.grad(power)(2.0, 3) == 12.0
    assert hd.grad(hd.grad(power))(2.0, n=3) == 12.0
    with pytest.raises(errors.ArgumentError, match="argument 1 is declared static"):
        hd.grad(power, (0, 1))(2.0, 3.0)

    scaled = hd.custom_vjp(lambda f, x: f(x), nondiff_argnums=(0,))
    scaled.defvjp(lambda f, x: (f(x), x), lambda f, x, ct: (ct * hd.grad(f)(x),))
    assert hd.grad(lambda x: scaled(np.sin, x))(0.0) == 1.0
    assert hd.jvp(lambda x: scaled(np.sin, x), (0.0,), (2.0,))[1] == 2.0


def test_strings_are_static_by_themselves():
    @hd.custom_jvp
    def f(x, how):
        return 2.0 * x if how == "twice" else x

    @f.defjvp
    def rule(primals, tangents):
        assert tangents[1] is None
        return f(*primals), (2.0 if primals[1] == "twice" else 1.0) * tangents[0]

    assert hd.grad(f)(1.0, "twice") == 2.0


def test_keyword_only_arguments_are_refused():
    f = hd.custom_jvp(lambda x, *, n=2: x**n)
    with pytest.raises(errors.ArgumentError, match="by keyword only"):
        hd.grad(lambda x: f(x, n=3))(1.0)


def test_methods():
    class Model:
        scale = 3.0

        @hd.custom_jvp
        def __call__(self, x):
            return self.scale * x

    Model.__dict__["__call__"].defjvp(lambda p, t: (p[0].scale * p[1], 7.0 * t[1]))
    assert hd.grad(Model())(1.0) == 7.0


def test_float32_stays_float32_and_complex_works():
    f = hd.custom_vjp(lambda x: x * x)
    f.defvjp(lambda x: (x * x, x), lambda x, ct: (2 * x * ct,))
    gradient = hd.grad(f)(np.float32(3.0))
    assert gradient.dtype == np.float32
    assert gradient == 6.0
    assert hd.grad(lambda z: np.real(f(z)))(1.0 + 2.0j) == 2.0 + 4.0j
    assert hd.grad(f, holomorphic=True)(1.0 + 2.0j) == 2.0 + 4.0j


def test_bwd_need_not_be_linear_in_reverse_mode():
    f = hd.custom_vjp(lambda x: x)
    f.defvjp(lambda x: (x, None), lambda res, ct: (np.clip(ct, -1.0, 1.0),))
    assert hd.grad(lambda x: 5.0 * f(x))(1.0) == 1.0
    assert hd.vmap(hd.grad(lambda x: 5.0 * f(x)))(np.ones(2)).tolist() == [1.0, 1.0]
    assert hd.grad(lambda x: np.sum(5.0 * hd.vmap(f)(x)))(np.ones(2)).tolist() == [1.0, 1.0]
    with pytest.raises(errors.NotLinearError):
        hd.jvp(lambda x: 5.0 * f(x), (1.0,), (1.0,))


def test_a_rule_may_apply_the_function_to_tangents():
    @hd.custom_jvp
    def solve(a, b):
        return np.linalg.solve(a, b)

    @solve.defjvp
    def rule(primals, tangents):
        (a, b), (da, db) = primals, tangents
        x = solve(a, b)
        return x, solve(a, db - da @ x)

    a, b = np.array([[2.0, 1.0], [0.5, 3.0]]), np.array([1.0, 2.0])
    check_grads(solve, (a, b), order=2, modes=("fwd", "rev", "batch"))


# --- zeros, integers --------------------------------------------------------------------------------------------------


def test_integer_results_and_zero_tangents():
    @hd.custom_jvp
    def f(x):
        return {"value": x**2, "count": 3, "flat": np.floor(x)}

    @f.defjvp
    def rule(primals, tangents):
        return f(*primals), {"value": 2 * primals[0] * tangents[0], "count": 0, "flat": np.zeros(())}

    assert hd.grad(lambda x: f(x)["value"] * f(x)["count"] + f(x)["flat"])(2.5) == 15.0
    assert hd.jvp(lambda x: f(x)["flat"], (2.5,), (1.0,)) == (2.0, 0.0)
    # At 0 the tangent 2 x t is zero, and its derivative is not.
    assert hd.grad(lambda v: hd.jvp(lambda x: f(x)["value"], (v,), (1.0,))[1])(0.0) == 2.0
    assert hd.jvp(hd.grad(lambda x: f(x)["value"]), (0.0,), (1.0,))[1] == 2.0


def test_a_part_of_the_result_without_cotangent():
    f = hd.custom_vjp(lambda x: (x**2, x**3))
    f.defvjp(lambda x: (f(x), x), lambda x, ct: (2 * x * ct[0] + 3 * x**2 * ct[1],))
    assert hd.grad(lambda x: f(x)[1])(2.0) == 12.0
    assert hd.jacrev(lambda x: np.stack(f(x)))(2.0).tolist() == [4.0, 12.0]
    assert hd.jacfwd(lambda x: np.stack(f(x)))(2.0).tolist() == [4.0, 12.0]


# --- batches ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [by_jvp, by_vjp, opaque_jvp, opaque_vjp])
def test_batches_of_some_arguments(f):
    a, b = np.array([0.1, 0.2, 0.3]), 0.7
    np.testing.assert_allclose(hd.vmap(f, in_axes=(0, None))(a, b), plain(a, b), rtol=1e-14)
    total = hd.grad(lambda b: np.sum(hd.vmap(f, in_axes=(0, None))(a, b)))(b)
    np.testing.assert_allclose(total, np.sum(np.exp(a) * np.cos(b)), rtol=1e-13)
    nested = hd.vmap(lambda b: hd.vmap(lambda a: hd.grad(f, 1)(a, b))(a))(np.array([b, 2 * b]))
    np.testing.assert_allclose(nested, np.exp(a) * np.cos([[b], [2 * b]]), rtol=1e-13)
    hessian = hd.hessian(lambda b: np.sum(hd.vmap(f, in_axes=(0, None))(a, b)))(b)
    np.testing.assert_allclose(hessian, -np.sum(plain(a, b)), rtol=1e-13)


def test_an_empty_batch():
    assert hd.vmap(by_jvp)(np.zeros(0), np.zeros(0)).shape == (0,)
    with pytest.raises(errors.RuleError, match="length 0"):
        hd.vmap(opaque_jvp)(np.zeros(0), np.zeros(0))


# --- closures ---------------------------------------------------------------------------------------------------------


def closing(kind):
    def outer(w, x):
        if kind == "jvp":
            f = hd.custom_jvp(lambda x: w * x)
            f.defjvp(lambda p, t: (w * p[0], w * t[0]))
        else:
            f = hd.custom_vjp(lambda x: w * x)
            f.defvjp(lambda x: (w * x, None), lambda res, ct: (w * ct,))
        return f(x)

    return outer


@pytest.mark.parametrize("kind", ["jvp", "vjp"])
@pytest.mark.parametrize("transform", [hd.grad, hd.jacfwd, lambda f, n: lambda *a: hd.jvp(f, a, (1.0, 1.0))])
def test_a_traced_value_of_the_same_transformation_in_a_closure_is_an_error(kind, transform):
    with pytest.raises(errors.RuleError, match=r"not among its (arguments|operands)"):
        transform(closing(kind), (0, 1))(2.0, 3.0)


def test_a_traced_value_of_an_outer_transformation_in_a_closure():
    def slope(kind):
        return lambda w: hd.grad(lambda x: closing(kind)(w, x) ** 2)(3.0)

    assert hd.grad(slope("jvp"))(2.0) == 24.0
    assert hd.grad(lambda w: closing("jvp")(w, 3.0))(2.0) == 3.0
    for f in (slope("vjp"), lambda w: closing("vjp")(w, 3.0)):
        with pytest.raises(errors.RuleError, match=r"closure.*pass it as an argument, or use hodiff\.stop_gradient"):
            hd.grad(f)(2.0)
    with pytest.raises(errors.RuleError, match="closure"):
        hd.vmap(lambda w: closing("vjp")(w, 3.0))(np.ones(2))


# --- broken rules -----------------------------------------------------------------------------------------------------


def with_jvp(rule):
    f = hd.custom_jvp(lambda x: {"a": x**2})
    f.defjvp(rule)
    return f


BROKEN_JVP = {
    "no-pair": (lambda p, t: t[0], r"must return the pair \(out, tangent_out\), got"),
    "tree": (lambda p, t: ({"a": p[0] ** 2}, t[0]), "must have the tree structure of the result"),
    "shape": (lambda p, t: ({"a": p[0] ** 2}, {"a": np.sum(t[0])}), r"leaf \['a'\] shape \(\) where .* shape \(2,\)"),
    "dtype": (lambda p, t: ({"a": p[0] ** 2}, {"a": t[0] * 1j}), r"leaf \['a'\] dtype complex128 where .* float64"),
    "object": (lambda p, t: ({"a": p[0] ** 2}, {"a": "text"}), r"leaf \['a'\] an object of type str"),
}


@pytest.mark.parametrize("kind", BROKEN_JVP)
@pytest.mark.parametrize("transform", ["jvp", "vjp"])
def test_broken_jvp_rules(kind, transform):
    rule, message = BROKEN_JVP[kind]
    f = with_jvp(rule)
    x = np.ones(2)
    with pytest.raises(errors.RuleError, match=message) as caught:
        hd.jvp(f, (x,), (x,)) if transform == "jvp" else hd.vjp(f, x)
    assert "hodiff.custom_jvp" in str(caught.value)
    assert "<lambda>" in str(caught.value)


def test_a_rule_with_another_result_than_the_function():
    # Seen where both run; elsewhere the result of the rule is the value.
    f = with_jvp(lambda p, t: ((p[0] ** 2,), (t[0],)))
    with pytest.raises(errors.RuleError, match="the function or another of its rules returned"):
        hd.vmap(lambda x: hd.jvp(f, (x,), (x,)))(np.ones(3))
    f = with_jvp(lambda p, t: ({"a": p[0] ** 2 * np.ones(2)}, {"a": t[0] * np.ones(2)}))
    with pytest.raises(errors.RuleError, match=r"returned shape \(2,\) .* where the function returns shape \(\)"):
        hd.vmap(lambda x: hd.jvp(f, (x,), (x,)))(np.ones(3))


BROKEN_VJP = {
    "count": (lambda res, ct: (ct, ct), r"one entry for each of 1 argument\(s\), got a tuple of 2"),
    "no-tuple": (lambda res, ct: ct, r"one entry for each of 1 argument\(s\), got (ndarray|BatchTracer|TapeVariable)"),
    "tree": (lambda res, ct: ({"b": ct},), "must have the tree structure of the arguments"),
    "shape": (lambda res, ct: ({"a": np.sum(ct)},), r"leaf \[0\]\['a'\] shape \(\) where .* shape \(2,\)"),
    "dtype": (lambda res, ct: ({"a": ct.astype(np.float32)},), r"leaf \[0\]\['a'\] dtype float32 where"),
}


@pytest.mark.parametrize("kind", BROKEN_VJP)
@pytest.mark.parametrize("transform", ["jvp", "grad", "vmap"])
def test_broken_vjp_rules(kind, transform):
    rule, message = BROKEN_VJP[kind]
    f = hd.custom_vjp(lambda tree: 2.0 * tree["a"])
    f.defvjp(lambda tree: (2.0 * tree["a"], None), rule)
    x, batch = {"a": np.ones(2)}, {"a": np.ones((3, 2))}
    run = {
        "jvp": lambda: hd.jvp(f, (x,), (x,)),
        "grad": lambda: hd.grad(lambda x: np.sum(f(x)))(x),
        "vmap": lambda: hd.vmap(hd.grad(lambda x: np.sum(f(x))))(batch),
    }
    with pytest.raises(errors.RuleError, match=message):
        run[transform]()


def test_none_is_zero_for_everything_below_it():
    f = hd.custom_vjp(lambda tree, x: tree["a"] * x + tree["b"][0])
    f.defvjp(lambda tree, x: (f(tree, x), None), lambda res, ct: ({"a": ct, "b": None}, None))
    assert hd.grad(f)({"a": 1.0, "b": (2.0, 3.0)}, 4.0) == {"a": 1.0, "b": (0.0, 0.0)}
    assert hd.grad(f, 1)({"a": 1.0, "b": (2.0, 3.0)}, 4.0) == 0.0


def test_a_missing_rule():
    f, g = hd.custom_jvp(np.sin), hd.custom_vjp(np.sin)
    assert f(0.0) == g(0.0) == 0.0
    assert hd.vmap(f)(np.zeros(2)).tolist() == [0.0, 0.0]
    for transform in (hd.grad, hd.jacfwd, lambda h: lambda x: hd.jvp(h, (x,), (x,))):
        with pytest.raises(errors.NoRuleError, match=r"custom_jvp sin has no derivative rule: .*\.defjvp\(rule\)"):
            transform(f)(1.0)
        with pytest.raises(errors.NoRuleError, match=r"custom_vjp sin has no derivative rule: .*\.defvjp\(fwd, bwd\)"):
            transform(g)(1.0)


def test_what_is_not_linear_in_the_tangent_is_an_error():
    f = hd.custom_jvp(lambda x: x)
    f.defjvp(lambda p, t: (p[0], t[0] ** 2))
    with pytest.raises(errors.NotLinearError):
        hd.grad(f)(1.0)
    f.defjvp(lambda p, t: (p[0], np.ones(())))
    with pytest.raises(errors.NotLinearError):
        hd.grad(f)(1.0)


@pytest.mark.parametrize("bad", [-1, (0, 0), "x", 1.5])
def test_bad_declarations(bad):
    with pytest.raises(errors.ArgumentError, match="nondiff_argnums"):
        hd.custom_jvp(np.sin, nondiff_argnums=bad)
    with pytest.raises(errors.ArgumentError, match="rule must be a function"):
        hd.custom_jvp(np.sin).defjvp(3)
    with pytest.raises(errors.ArgumentError, match="rules must be functions"):
        hd.custom_vjp(np.sin).defvjp(3, 4)


# --- safety -----------------------------------------------------------------------------------------------------------


def test_decorated_functions_pickle():
    for f in (by_jvp, by_vjp):
        again = pickle.loads(pickle.dumps(f))
        assert again is f
        assert hd.grad(pickle.loads(pickle.dumps(hd.grad(f))))(0.1, 0.2) == hd.grad(hd.grad(f))(0.1, 0.2)


def test_zero_cotangents_annihilate():
    f = hd.custom_vjp(lambda x: np.sqrt(x))
    f.defvjp(lambda x: (np.sqrt(x), x), lambda x, ct: (ct * 0.5 / np.sqrt(x),))
    x = np.array([0.0, 4.0])
    assert hd.grad(lambda x: np.sum(np.where(x > 0, f(x), 0.0)))(x).tolist() == [0.0, 0.25]
    assert hd.jvp(lambda x: np.where(x > 0, f(x), 0.0), (x,), (np.ones(2),))[1].tolist() == [0.0, 0.25]


def test_constants_cannot_go_stale():
    f = hd.custom_vjp(lambda x, c: x * c)
    f.defvjp(lambda x, c: (x * c, c), lambda c, ct: (ct * c, None))
    c = np.array([2.0])

    def run(x):
        y = f(x, c)
        c[0] = 100.0
        return y[0]

    assert hd.grad(run)(np.ones(1)).tolist() == [2.0]


def test_results_are_no_views_of_the_arguments():
    f = hd.custom_jvp(lambda x: x)
    f.defjvp(lambda p, t: (p[0], t[0]))
    x = np.ones(2)
    out, tangent = hd.jvp(f, (x,), (x,))
    out[0] = tangent[0] = 5.0
    assert x.tolist() == [1.0, 1.0]

    def alias(x):
        y = f(x * 1.0)
        y[0] = 5.0 * y[0]
        return np.sum(y)

    assert hd.grad(alias)(x).tolist() == [5.0, 1.0]


def test_rules_may_assign_to_arrays_of_their_own():
    f = hd.custom_jvp(lambda x: x[::-1] ** 2)

    @f.defjvp
    def rule(primals, tangents):
        (x,), (t,) = primals, tangents
        out = np.zeros_like(t)
        for i in range(3):
            out[i] = 2 * x[2 - i] * t[2 - i]
        return f(x), out

    g = hd.custom_vjp(lambda x: x[::-1] ** 2)

    def bwd(x, ct):
        out = np.zeros_like(ct)
        for i in range(3):
            out[i] = 2 * x[i] * ct[2 - i]
        return (out,)

    g.defvjp(lambda x: (g(x), x), bwd)
    for h in (f, g):
        check_grads(h, (np.array([1.0, 2.0, 3.0]),), order=2, modes=("fwd", "rev", "batch"))


def test_a_rule_may_not_change_what_it_is_given():
    f = hd.custom_vjp(lambda x: 2.0 * x)

    def bwd(res, ct):
        ct *= 2.0
        return (ct,)

    f.defvjp(lambda x: (2.0 * x, None), bwd)
    with pytest.raises(ValueError, match="read-only"):
        hd.vjp(f, np.ones(2))[1](np.ones(2))


@given(st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=4))
def test_both_forms_agree_with_the_code(values):
    x = np.array(values)
    for f in (by_jvp, by_vjp):
        np.testing.assert_allclose(
            hd.hessian(lambda x: np.sum(hd.vmap(f)(x, x**2)))(x),  # noqa: B023
            hd.hessian(lambda x: np.sum(plain(x, x**2)))(x),
            rtol=1e-12,
            atol=1e-12,
        )


def test_a_bwd_rule_that_needs_plain_numbers_is_run_member_by_member():
    f = hd.custom_vjp(lambda x, y: np.sin(x) * y)
    f.defvjp(
        lambda x, y: (np.sin(x) * y, (x, y)),
        lambda residuals, ct: (
            ct * residuals[1] * (np.cos(residuals[0]) if residuals[0] > 0 else 2.0 * np.cos(residuals[0])),
            ct * np.sin(residuals[0]),
        ),
    )
    x = np.array([-1.0, 1.0, 2.0])

    def total(x, y):
        return np.sum(hd.vmap(f, in_axes=(0, None))(x, y))

    expected = 2.0 * np.cos(x) * [2.0, 1.0, 1.0]
    np.testing.assert_allclose(hd.grad(total)(x, 2.0), expected)
    np.testing.assert_allclose(hd.grad(total, 1)(x, 2.0), np.sum(np.sin(x)))
    np.testing.assert_allclose(hd.jacobian(lambda x: hd.vmap(f, (0, None))(x, 2.0))(x), np.diag(expected))
    np.testing.assert_allclose(np.diag(hd.hessian(total)(x, 2.0)), -2.0 * np.sin(x) * [2.0, 1.0, 1.0])
