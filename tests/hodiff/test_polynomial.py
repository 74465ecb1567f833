"""``hodiff.numpy.polynomial``: NumPy's values, numerical derivatives, batches, shapes, dtypes and errors."""

import inspect
import warnings

import numpy as np
import pytest

import hodiff as hd
import hodiff.numpy as hnp
from hodiff.errors import ConversionError
from hodiff.testing import check_grads

PREFIXES = {
    "polynomial": "poly",
    "chebyshev": "cheb",
    "legendre": "leg",
    "laguerre": "lag",
    "hermite": "herm",
    "hermite_e": "herme",
}
C1, C2 = np.array([0.7, -1.2, 0.4, 1.5]), np.array([1.1, 0.3, -0.8])
C22, C222 = np.linspace(-1.0, 1.3, 6).reshape(3, 2), np.linspace(-0.9, 1.4, 8).reshape(2, 2, 2)
X, Y, Z = np.array([-0.8, -0.1, 0.5, 0.9]), np.array([0.3, 0.7, -0.6, 0.2]), np.array([0.1, -0.4, 0.6, 1.1])
U, S = np.float64(0.3), np.float64(1.5)

# Name without prefix, traced arguments, those after them, keywords.
CALLS = [
    ("val", (X, C1), (), {}),
    ("val", (U, C1), (), {}),
    ("val", (X.reshape(2, 2), C22), (), {}),
    ("val", (X[:2], C22), (), {"tensor": False}),
    ("val", (X, C1[:1]), (), {}),
    ("val", (X, C1[:2]), (), {}),
    ("val2d", (X, Y, C22), (), {}),
    ("val3d", (X, Y, Z, C222), (), {}),
    ("grid2d", (X, Y[:2], C22), (), {}),
    ("grid3d", (X[:2], Y[:2], Z[:3], C222), (), {}),
    ("der", (C1,), (), {}),
    ("der", (C1,), (2,), {"scl": 1.5}),
    ("der", (C1,), (0,), {}),
    ("der", (C1,), (5,), {}),
    ("der", (C22,), (), {"axis": 1}),
    ("int", (C1,), (), {}),
    ("int", (C1,), (0,), {}),
    ("int", (C1[:1],), (), {}),
    ("int", (C22,), (2,), {"k": [1.0, 2.0], "lbnd": 0.3, "scl": 1.5, "axis": 1}),
    ("add", (C1, C2), (), {}),
    ("sub", (C2, C1), (), {}),
    ("mulx", (C1,), (), {}),
    ("mul", (C1, C2), (), {}),
    ("div", (C1, C2), (), {}),
    ("div", (C2, C1), (), {}),
    ("div", (C1, C2[:1]), (), {}),
    ("pow", (C2,), (3,), {}),
    ("pow", (C2,), (1,), {}),
    ("pow", (C2,), (0,), {}),
    ("vander", (X,), (3,), {}),
    ("vander", (U,), (0,), {}),
    ("vander2d", (X, Y), ([2, 1],), {}),
    ("vander3d", (X, Y, Z), ([1, 1, 2],), {}),
    ("line", (U, S), (), {}),
    ("fromroots", (np.array([-0.5, 0.4, 1.3]),), (), {}),
    ("companion", (C1,), (), {}),
    ("companion", (C1[:2],), (), {}),
    ("roots", (C1[:2],), (), {}),
    ("roots", (C1[:1],), (), {}),
    ("fit", (X, Y), (2,), {}),
    ("fit", (X, np.stack([Y, Z], axis=1)), ([0, 2],), {}),
]
CASES = [pytest.param(m, *call, id=f"{m}-{call[0]}-{i}") for m in PREFIXES for i, call in enumerate(CALLS)]


def both(module: str, name: str):
    """Our function and NumPy's."""
    full = name if "poly2" in name else PREFIXES[module] + name
    return getattr(getattr(hnp.polynomial, module), full), getattr(getattr(np.polynomial, module), full)


def assert_same(got, want, tolerance=1e-11):
    if isinstance(want, tuple):
        for a, b in zip(got, want, strict=True):
            assert_same(a, b, tolerance)
        return
    assert np.shape(got) == np.shape(want)
    assert np.asarray(got).dtype == np.asarray(want).dtype
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


def traced_value(f, args):
    return hd.jvp(f, args, tuple(np.ones_like(a) for a in args))[0]


def check(module, name, args, rest=(), keywords=None):
    ours, theirs = both(module, name)

    def f(*traced):
        return ours(*traced, *rest, **(keywords or {}))

    want = theirs(*args, *rest, **(keywords or {}))
    assert_same(traced_value(f, args), want)
    check_grads(f, args)
    batch = tuple(np.stack([a, 1.1 * a, 0.9 * a]) for a in args)
    rows = [theirs(*(b[i] for b in batch), *rest, **(keywords or {})) for i in range(3)]
    assert_same(
        hd.vmap(f)(*batch), tuple(map(np.stack, zip(*rows, strict=True))) if isinstance(want, tuple) else np.stack(rows)
    )
    return f


@pytest.mark.parametrize(("module", "name", "args", "rest", "keywords"), CASES)
def test_values_derivatives_and_batches(module, name, args, rest, keywords):
    check(module, name, args, rest, keywords)


@pytest.mark.parametrize("module", PREFIXES)
def test_each_argument_traced_alone(module):
    for name, args in [("val", (X, C1)), ("mul", (C1, C2)), ("div", (C1, C2)), ("add", (C1, C2)), ("line", (U, S))]:
        ours, theirs = both(module, name)
        for i in range(2):
            fixed = list(args)

            def f(a, i=i, fixed=fixed, ours=ours):
                return ours(*fixed[:i], a, *fixed[i + 1 :])

            assert_same(traced_value(f, (args[i],)), theirs(*args))
            check_grads(f, (args[i],))


@pytest.mark.parametrize("module", PREFIXES)
def test_constants_of_integration_and_scales_traced(module):
    integral, plain = both(module, "int")
    derivative, _ = both(module, "der")

    def f(k, lbnd, scl):
        return integral(C1, 2, [k, 2.0 * k], lbnd, scl)

    assert_same(traced_value(f, (U, S, U)), plain(C1, 2, [U, 2.0 * U], S, U))
    check_grads(f, (U, S, U))
    check_grads(lambda scl: derivative(C1, 2, scl), (S,))


@pytest.mark.parametrize("module", [m for m in PREFIXES if m != "polynomial"])
def test_changes_of_basis(module):
    check(module, "2poly", (C1,))
    check(module, "poly2" + PREFIXES[module], (C1,))
    check(module, "poly2" + PREFIXES[module], (C1[:1],))


@pytest.mark.parametrize("module", PREFIXES)
def test_roots(module):
    roots, _ = both(module, "roots")
    _, from_roots = both(module, "fromroots")
    c = from_roots([-1.0, 0.3, 0.8, 2.0])
    assert_same(hd.jvp(roots, (c,), (c,))[0], roots(c))
    np.testing.assert_allclose(hd.jvp(roots, (c,), (c,))[1], 0.0, atol=1e-9)  # scaling moves no root
    check_grads(roots, (c,))
    complex_c = np.array([3.0, 0.2, 1.2, 0.1])
    assert_same(hd.jvp(roots, (complex_c,), (complex_c,))[0], roots(complex_c))
    check_grads(lambda c: (np.real(roots(c)), np.imag(roots(c))), (complex_c,))
    # Implicit differentiation: dr = -p_k(r) / p'(r).
    r = roots(c)
    slope = both(module, "val")[1](r, both(module, "der")[1](c))
    np.testing.assert_allclose(hd.jacrev(roots)(c), -both(module, "vander")[1](r, 4) / slope[:, None], 1e-7, 1e-12)


@pytest.mark.parametrize("module", PREFIXES)
def test_fit_with_weights_and_everything(module):
    fit, plain = both(module, "fit")
    w = np.array([1.0, 0.5, 2.0, 1.5])
    check_grads(lambda x, y, w: fit(x, y, 1, w=w), (X, Y, w))
    got = hd.jvp(lambda w: (lambda c, more: (c, *more[:3]))(*fit(X, Y, 2, full=True, w=w)), (w,), (w,))[0]
    c, more = plain(X, Y, 2, full=True, w=w)
    for a, b in zip(got, (c, *more[:3]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)
    with pytest.warns(np.exceptions.RankWarning, match="poorly conditioned"):
        hd.jvp(lambda y: fit(np.ones(4), y, 2), (Y,), (Y,))


@pytest.mark.parametrize("module", PREFIXES)
def test_single_precision_is_kept(module):
    c, x = C1.astype(np.float32), X.astype(np.float32)
    calls = [("val", (x, c)), ("der", (c,)), ("int", (c,)), ("mul", (c, c)), ("mulx", (c,)), ("add", (c, c))]
    for name, args in [*calls, ("roots", (c,)), ("companion", (c,)), ("fromroots", (x,)), ("div", (c, c[:2]))]:
        ours, theirs = both(module, name)
        assert_same(traced_value(ours, args), theirs(*args), 1e-5)
    vander, _ = both(module, "vander")
    assert traced_value(lambda x: vander(x, 3), (x,)).dtype == np.float32
    fit, _ = both(module, "fit")
    assert traced_value(lambda x, y: fit(x, y, 2), (x, x)).dtype == np.float32


@pytest.mark.parametrize("module", PREFIXES)
def test_complex_coefficients(module):
    c, d = C1 + 1j * C1[::-1], C2 - 0.5j
    for name, args in [("val", (X + 0j, c)), ("mul", (c, d)), ("div", (c, d)), ("der", (c,)), ("int", (c,))]:
        ours, theirs = both(module, name)
        assert_same(traced_value(ours, args), theirs(*args))
        check_grads(lambda *a, ours=ours: ours(*a), args)
    roots, plain = both(module, "roots")
    np.testing.assert_allclose(traced_value(roots, (d,)), plain(d), rtol=1e-10)


@pytest.mark.parametrize("module", PREFIXES)
def test_lists_of_traced_values_and_integers(module):
    val, plain = both(module, "val")
    assert float(hd.grad(lambda a: val(2, [1, a, 2]))(3.0)) == plain(2, [0, 1])
    from_roots, _ = both(module, "fromroots")
    assert hd.jacfwd(lambda a: from_roots([a, 2 * a]))(1.0).shape == (3,)
    integral, _ = both(module, "int")
    assert float(hd.jacfwd(lambda k: integral([1, 2], 1, k))(3.0)[0]) == 1.0


@pytest.mark.parametrize("module", PREFIXES)
def test_trailing_zeros_that_are_traced_stay(module):
    add, _ = both(module, "add")
    jacobian = hd.jacfwd(lambda c: add(c, -C1))(C1)
    np.testing.assert_array_equal(jacobian, np.eye(4))
    trim, plain = both(module, "trim")
    with pytest.raises(ConversionError, match="trim"):
        hd.grad(lambda c: np.sum(trim(c)))(C1)
    np.testing.assert_array_equal(trim([1, 0]), plain([1, 0]))


@pytest.mark.parametrize("module", PREFIXES)
def test_empty_arguments(module):
    val, _ = both(module, "val")
    vander, _ = both(module, "vander")
    assert hd.grad(lambda x: np.sum(val(x, C1)))(np.zeros(0)).shape == (0,)
    assert hd.jacfwd(lambda x: vander(x, 2))(np.zeros(0)).shape == (0, 3, 0)


@pytest.mark.parametrize("module", PREFIXES)
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("vander", lambda c: (c, -1)),
        ("vander", lambda c: (c, 1.5)),
        ("der", lambda c: (c, -1)),
        ("der", lambda c: (c, 1, 1, 2)),
        ("int", lambda c: (c, -1)),
        ("int", lambda c: (c, 1, [1, 2])),
        ("int", lambda c: (c, 1, [], [1, 2])),
        ("int", lambda c: (c, 1, [], 0, [1, 2])),
        ("pow", lambda c: (c, -1)),
        ("pow", lambda c: (c, 5, 4)),
        ("mul", lambda c: (c, [[1.0]])),
        ("mul", lambda c: (c, [])),
        ("div", lambda c: (c, [0.0])),
        ("companion", lambda c: (c[:1],)),
        ("val2d", lambda c: (c, c[:2], C22)),
        ("fit", lambda c: (c, c[:2], 1)),
        ("fit", lambda c: (c, c, -1)),
        ("fit", lambda c: (c, c, 1.5)),
        ("fit", lambda c: (c, c, 1, None, False, [[1.0]])),
        ("val", lambda c: (c,)),
    ],
)
def test_errors_are_numpys(module, name, make):
    ours, theirs = both(module, name)
    with pytest.raises(Exception) as expected:  # noqa: PT011
        theirs(*make(C1))
    with pytest.raises(expected.type):
        hd.jvp(lambda c: ours(*make(c)), (C1,), (C1,))


@pytest.mark.parametrize("module", PREFIXES)
def test_plain_arguments_and_other_names_are_numpys(module):
    ours, theirs = getattr(hnp.polynomial, module), getattr(np.polynomial, module)
    for name in theirs.__all__:
        if inspect.isroutine(getattr(theirs, name)):
            assert inspect.signature(getattr(ours, name)) == inspect.signature(getattr(theirs, name))
        else:
            assert getattr(ours, name) is getattr(theirs, name)
    for name, args in [("val", (X, C1)), ("mul", (C1, C2)), ("roots", (C1,)), ("fit", (X, Y, 2))]:
        f, plain = both(module, name)
        np.testing.assert_array_equal(f(*args), plain(*args))


@pytest.mark.parametrize("name", ["pow", "vander", "der", "int", "fit"])
def test_degrees_orders_and_powers_are_static(name):
    ours, _ = both("chebyshev", name)
    args = (X, Y) if name == "fit" else (X,)
    with pytest.raises(TypeError):
        hd.grad(lambda n: np.sum(ours(*args, n)))(2.0)


def test_points_with_several_series():
    val, plain = both("chebyshev", "val")
    np.testing.assert_allclose(hd.vmap(lambda x: val(x, C22))(X), plain(X, C22).T)


def test_what_is_assigned_into_a_result_stays_there():
    chebyshev = hnp.polynomial.chebyshev

    def f(c):
        for copy in (chebyshev.chebder(c, 0), chebyshev.chebpow(c, 1), chebyshev.chebint(c, 0)):
            copy[0] = 3.0
        return np.sum(c)

    np.testing.assert_array_equal(hd.grad(f)(C1), np.ones(4))


def test_classes_refuse_traced_coefficients():
    for name in ("Polynomial", "Chebyshev", "Legendre", "Laguerre", "Hermite", "HermiteE"):
        assert getattr(hnp.polynomial, name) is getattr(np.polynomial, name)
        with pytest.raises(ConversionError, match="plain NumPy array"):
            hd.grad(lambda c, name=name: getattr(hnp.polynomial, name)(c)(0.5))(C1)


def test_values_from_roots():
    check("polynomial", "valfromroots", (X, C1))
    check("polynomial", "valfromroots", (X[:2], C22), (), {"tensor": False})
    ours, theirs = both("polynomial", "valfromroots")
    assert_same(traced_value(ours, (U, C1)), theirs(U, C1))
    with pytest.raises(ValueError, match=r"x\.ndim must be"):
        hd.jvp(lambda r: ours(X, r, tensor=False), (C1,), (C1,))


def test_interpolation_of_a_function_that_holds_traced_values():
    interpolate, plain = both("chebyshev", "interpolate")
    assert_same(
        traced_value(lambda a: interpolate(lambda x: np.sin(a * x), 4), (U,)), plain(lambda x: np.sin(U * x), 4)
    )
    check_grads(lambda a: interpolate(lambda x, b: np.sin(b * x), 3, (a,)), (U,))
    np.testing.assert_array_equal(interpolate(np.sin, 4), plain(np.sin, 4))


def test_derivatives_raise_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for module in PREFIXES:
            hd.grad(lambda c, module=module: np.sum(both(module, "val")[0](X, c)))(C1)
