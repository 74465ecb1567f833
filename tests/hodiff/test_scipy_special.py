"""``hodiff.scipy.special``: the values of SciPy, and the derivatives that differences give."""

import numpy as np
import pytest
import scipy.special as sp

import hodiff as hd
import hodiff.scipy.special as hs
from hodiff.errors import NoRuleError, UnsupportedKeywordError
from hodiff.testing import check_grads

X = np.array([[0.4, 1.3, 2.1], [0.7, -0.5, 0.2]])
POSITIVE = np.abs(X) + 1.2
B = np.array([1.0, -0.3, 2.0])

# Each: our function and SciPy's with the same arguments, and the point.
CASES = {
    "logsumexp": (lambda m, x: m.logsumexp(x), X),
    "logsumexp-axis": (lambda m, x: m.logsumexp(x, axis=0), X),
    "logsumexp-axes": (lambda m, x: m.logsumexp(x, axis=(0, -1), keepdims=True), X),
    "logsumexp-b": (lambda m, x: m.logsumexp(x, axis=-1, b=B, keepdims=True), X),
    "logsumexp-sign": (lambda m, x: m.logsumexp(x, axis=1, b=-B, return_sign=True)[0], X),
    "softmax": (lambda m, x: m.softmax(x), X),
    "softmax-axis": (lambda m, x: m.softmax(x, axis=0), X),
    "log_softmax": (lambda m, x: m.log_softmax(x), X),
    "log_softmax-axis": (lambda m, x: m.log_softmax(x, axis=-1), X),
    "softplus": (lambda m, x: m.softplus(x), X),
    "polygamma": (lambda m, x: m.polygamma(2, x), POSITIVE),
    "zeta": (lambda m, x: m.zeta(2.5, x), POSITIVE),
    "zeta-order": (lambda m, x: m.zeta(x + 1.0, 1.5), POSITIVE),
    "zeta-riemann": (lambda m, x: m.zeta(x + 1.0), POSITIVE),
    "zeta-riemann-left": (lambda m, x: m.zeta(-x - 0.6), POSITIVE),
    "multigammaln": (lambda m, x: m.multigammaln(x, 3), POSITIVE),
    "factorial": (lambda m, x: m.factorial(x), POSITIVE),
    "comb": (lambda m, x: m.comb(x + 3.0, x), POSITIVE),
    "perm": (lambda m, x: m.perm(x + 3.0, 2), POSITIVE),
    "sinc": (lambda m, x: m.sinc(x), X),
    "diric-odd": (lambda m, x: m.diric(x, 5), X),
    "diric-even": (lambda m, x: m.diric(x, 4), X),
    "lambertw": (lambda m, x: np.real(m.lambertw(x)), POSITIVE),
    "legendre_p": (lambda m, x: m.legendre_p(4, x), X / 3),
    "assoc_legendre_p": (lambda m, x: m.assoc_legendre_p(4, 2, x), X / 3),
    "assoc_legendre_p-norm": (lambda m, x: m.assoc_legendre_p(4, 1, x, norm=True), X / 3),
    "sph_legendre_p": (lambda m, x: m.sph_legendre_p(4, 2, x), X),
    "sph_harm_y-theta": (lambda m, x: np.real(m.sph_harm_y(4, 2, x, 0.3)), X),
    "sph_harm_y-phi": (lambda m, x: np.imag(m.sph_harm_y(4, 2, 0.7, x)), X),
    **{
        f"{name}-{n}": (lambda m, x, name=name, n=n: np.real(getattr(m, name)(1, x, n)), POSITIVE)
        for name in ("jvp", "yvp", "ivp", "kvp", "h1vp", "h2vp")
        for n in (0, 1, 3)
    },
    **{
        f"spherical-{name}-{n}-{d}": (lambda m, x, f=f"spherical_{name}", n=n, d=d: getattr(m, f)(n, x, d), POSITIVE)
        for name in ("jn", "yn", "in", "kn")
        for n in (0, 2)
        for d in (False, True)
    },
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_derivatives(name):
    f, x = CASES[name]
    expected = f(sp, x)
    np.testing.assert_allclose(f(hs, x), expected, rtol=1e-14)
    np.testing.assert_allclose(hd.jvp(lambda x: f(hs, x), (x,), (x,))[0], expected, rtol=1e-12)
    check_grads(lambda x: f(hs, x), (x,), order=2, modes=("fwd", "rev", "batch"))


def test_weights_of_logsumexp_are_differentiated():
    check_grads(lambda a, b: hs.logsumexp(a, axis=-1, b=b), (X, np.abs(B)), order=2, modes=("fwd", "rev", "batch"))


@pytest.mark.parametrize(
    ("a", "expected"),
    [
        ([-np.inf, 3.0], [0.0, 1.0]),
        ([np.inf, 3.0], [1.0, 0.0]),
        ([np.inf, np.inf, 0.0], [0.5, 0.5, 0.0]),
        ([-np.inf, -np.inf], [0.5, 0.5]),
        ([1e4, 1e4], [0.5, 0.5]),
    ],
)
def test_infinite_entries_of_logsumexp(a, expected):
    np.testing.assert_array_equal(hd.grad(hs.logsumexp)(np.array(a)), expected)
    np.testing.assert_array_equal(hd.jacfwd(hs.logsumexp)(np.array(a)), expected)


def test_a_sum_of_zero_has_an_infinite_slope():
    gradient = hd.grad(lambda a: hs.logsumexp(a, b=np.array([1.0, -1.0]), return_sign=True)[0])(np.zeros(2))
    np.testing.assert_array_equal(gradient, [np.inf, -np.inf])


def test_a_weight_of_zero_drops_its_entry():
    gradient = hd.grad(lambda a: hs.logsumexp(a, b=np.array([0.0, 1.0])))
    np.testing.assert_array_equal(gradient(np.array([np.inf, 3.0])), [0.0, 1.0])


def test_single_precision_stays():
    for f in (hs.logsumexp, lambda x: np.sum(hs.softmax(x)), lambda x: np.sum(hs.log_softmax(x, axis=0))):
        value, gradient = hd.value_and_grad(f)(X.astype(np.float32))
        assert value.dtype == gradient.dtype == np.float32


@pytest.mark.parametrize("f", [hs.logsumexp, hs.softmax, hs.log_softmax])
def test_numbers_stay_numbers(f):
    value, gradient = hd.value_and_grad(f)(2.0)
    assert np.shape(value) == np.shape(gradient) == ()
    assert (value, gradient) == ((2.0, 1.0) if f is hs.logsumexp else (f(2.0), 0.0))
    assert hd.vmap(f)(np.ones(2)).shape == (2,)


def test_removable_singularities():
    assert hd.grad(lambda z: hs.spherical_jn(1, z))(0.0) == pytest.approx(1 / 3)
    assert hd.grad(hd.grad(lambda x: hs.diric(x, 3)))(0.0) == pytest.approx(-2 / 3)


def test_combinations():
    assert hd.jvp(lambda n: hs.comb(n, 2, repetition=True), (4.0,), (0.0,))[0] == 10.0
    assert hd.grad(hs.factorial)(-2.0) == 0.0
    assert hs.comb(5, 2, exact=True) == 10


def test_what_is_refused():
    with pytest.raises(NoRuleError, match="zeta function of complex numbers"):
        hd.grad(lambda x: np.real(hs.zeta(x + 1j)))(2.0)
    with pytest.raises(NoRuleError, match="third derivative"):
        hd.grad(hd.grad(hd.grad(lambda z: hs.legendre_p(3, z)[0])))(0.3)
    with pytest.raises(UnsupportedKeywordError, match="exact"):
        hd.grad(lambda x: hs.factorial(x, exact=True))(2.0)


def test_ufuncs_are_forwarded():
    assert hs.erf is sp.erf
    with pytest.raises(AttributeError, match="nonsense is no function"):
        _ = hs.nonsense
    with pytest.raises(AttributeError, match="no version for traced values"):
        _ = hs.ellip_harm
