"""Functions on vectors against long doubles: accuracy, special values, errors, and the same bits at any width."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from native_kernels import WIDTHS, Case, compiled, raised, ulps
from scipy import special

from hodiff.compiled.native.functions import vecmath
from hodiff.compiled.native.functions.ufuncs import lowered
from hodiff.compiled.native.loading.machine import machine, reason

pytestmark = pytest.mark.skipif(reason() is not None, reason=str(reason()))

LONG = np.longdouble
DOUBLE, SINGLE = np.dtype("f8"), np.dtype("f4")
#: Where a long double is no longer than a double, its own error counts as well.
SLACK = 0.0 if np.finfo(LONG).nmant > 60 else 1.0

EVERYWHERE, POSITIVE = "everywhere", "positive"


def by_mpmath(function):
    """A function of mpmath's on arrays of long doubles."""

    def applied(x):
        with mpmath.workprec(120):
            values = [function(mpmath.mpf(float(number))) for number in x]
            high = np.array([float(value) for value in values])
            low = [float(value - number) for value, number in zip(values, high, strict=True)]
        return high.astype(LONG) + np.array(low, LONG)

    return applied


def logit(x):
    return np.where(np.abs(x - 0.5) < 0.2, 2 * np.arctanh(2 * x - 1), np.log(x) - np.log1p(-x))


def huber(delta, r):
    return np.where(abs(r) <= delta, r * r / 2, delta * (abs(r) - delta / 2))


#: By name: the ufunc, what computes it independently, ranges of its operands (the same for all, or one each), and the
#: greatest error in units in the last place.
TABLE = {
    "exp": (np.exp, None, [(-745, 709.78), (-1, 1), EVERYWHERE], 1.0),
    "exp2": (np.exp2, None, [(-1075, 1024), (-1, 1), EVERYWHERE], 1.2),
    "expm1": (np.expm1, None, [(-40, 709.78), (-1, 1), (-1e-3, 1e-3), EVERYWHERE], 2.5),
    "log": (np.log, None, [(0.5, 2), (0.99, 1.01), (0, 1e4), POSITIVE], 1.0),
    "log2": (np.log2, None, [(0.5, 2), (0.99, 1.01), (0, 1e4), POSITIVE], 1.0),
    "log10": (np.log10, None, [(0.5, 2), (0.99, 1.01), (0, 1e4), POSITIVE], 1.0),
    "log1p": (np.log1p, None, [(-1, 10), (-1e-3, 1e-3), (-0.5, 1), EVERYWHERE], 1.0),
    "power": (np.power, None, [(0, 4), [POSITIVE, (-1, 1)], [(0.9, 1.1), (-7e3, 7e3)], [(-9, 9), (-1e2, 1e2)]], 1.2),
    "sinh": (np.sinh, None, [(-711, 711), (-1, 1), EVERYWHERE], 2.5),
    "cosh": (np.cosh, None, [(-711, 711), (-1, 1), EVERYWHERE], 2.0),
    "tanh": (np.tanh, None, [(-25, 25), (-1, 1), (-1e-2, 1e-2), EVERYWHERE], 2.5),
    "arcsinh": (np.arcsinh, None, [(-9, 9), (-1, 1), EVERYWHERE], 3.0),
    "arccosh": (np.arccosh, None, [(1, 9), (1, 1.001), POSITIVE], 2.5),
    "arctanh": (np.arctanh, None, [(-1, 1), (-1e-3, 1e-3), EVERYWHERE], 2.5),
    "sin": (np.sin, None, [(-4, 4), (-0.8, 0.8), (-5e4, 5e4), (-1e9, 1e9), EVERYWHERE], 1.0),
    "cos": (np.cos, None, [(-4, 4), (-0.8, 0.8), (-5e4, 5e4), (-1e9, 1e9), EVERYWHERE], 1.0),
    "tan": (np.tan, None, [(-4, 4), (-0.8, 0.8), (-5e4, 5e4), (-1e9, 1e9), EVERYWHERE], 2.0),
    "arcsin": (np.arcsin, None, [(-1, 1), (-0.5, 0.5), (0.99, 1), EVERYWHERE], 2.0),
    "arccos": (np.arccos, None, [(-1, 1), (-0.5, 0.5), (0.99, 1), EVERYWHERE], 2.0),
    "arctan": (np.arctan, None, [(-1, 1), (-0.4, 0.4), (-9, 9), EVERYWHERE], 2.0),
    "arctan2": (np.arctan2, None, [(-1, 1), [(-1, 1), POSITIVE], EVERYWHERE], 2.5),
    "cbrt": (np.cbrt, None, [(-9, 9), POSITIVE], 2.5),  # as good as the C library where numbers are subnormal
    "hypot": (np.hypot, None, [(-9, 9), EVERYWHERE], 1.5),
    "logaddexp": (np.logaddexp, None, [(0, 50), (-1, 800), EVERYWHERE], 1.5),
    "logaddexp2": (np.logaddexp2, None, [(0, 50), (-1, 800), EVERYWHERE], 1.5),
    "expit": (special.expit, lambda x: 1 / (1 + np.exp(-x)), [(-709, 800), (-1, 1), EVERYWHERE], 2.0),
    "log_expit": (special.log_expit, lambda x: np.minimum(x, 0) - np.log1p(np.exp(-abs(x))), [(-99, 9), (-1, 1)], 2.0),
    "logit": (special.logit, logit, [(0, 1), (0.49, 0.51), (0, 1e-3)], 2.5),
    "xlogy": (special.xlogy, lambda x, y: x * np.log(y), [(0, 9), POSITIVE], 1.5),
    "xlog1py": (special.xlog1py, lambda x, y: x * np.log1p(y), [(-1, 9), POSITIVE], 1.5),
    "entr": (special.entr, lambda x: -x * np.log(x), [(0, 9), (0, 1)], 1.5),
    "huber": (special.huber, huber, [(0, 2), [(0, 1), (-9, 9)]], 2.0),
    "erf": (special.erf, by_mpmath(mpmath.erf), [(-6, 6), (-0.5, 0.5), (-1e-3, 1e-3)], 2.0),
    "erfc": (special.erfc, by_mpmath(mpmath.erfc), [(-6, 26), (-0.5, 0.6), (20, 27.3)], 4.0),
    "ndtr": (special.ndtr, by_mpmath(mpmath.ncdf), [(-4, 4), (-38.6, -30)], 4.0),
}
#: Those with formulas of single precision.
OF_SINGLES = ("exp", "expm1", "log", "log1p", "tanh", "expit", "sin", "cos")
#: Those of `scipy.special` report no errors, and may return 0 where the answer is a subnormal number.
OF_SCIPY = {name for name, entry in TABLE.items() if name in vars(special) and entry[0] is getattr(special, name)}

SPECIAL = np.array(
    [0.0, 1.0, 0.5, 2.0, 800.0, 5e-324, 1e-310, np.finfo(float).tiny, np.finfo(float).max, np.inf, np.nan]
)
SPECIAL = np.concatenate([SPECIAL, -SPECIAL])


@pytest.fixture(scope="module")
def kernels():
    cases = {
        (name, dtype.name): Case(lowered(entry[0], (dtype,) * entry[0].nin).write, (dtype,) * entry[0].nin, (dtype,))
        for name, entry in TABLE.items()
        for dtype in (DOUBLE, SINGLE)
    }
    return compiled(cases)


def sample(where, rng, length, dtype=DOUBLE):
    info = np.finfo(dtype)
    if where in (EVERYWHERE, POSITIVE):
        x = np.ldexp(rng.uniform(0.5, 1, length), rng.integers(info.minexp - info.nmant, info.maxexp, length))
        x = x if where == POSITIVE else x * rng.choice([-1, 1], length)
    else:
        x = rng.uniform(*where, length)
    return np.clip(x, info.min, info.max).astype(dtype)


def samples(name, dtype=DOUBLE, length=3000):
    rng = np.random.default_rng(0)
    function, independent, ranges, _ = TABLE[name]
    if independent is not None and "by_mpmath" in independent.__qualname__:
        length //= 6
    for where in ranges:
        places = where if isinstance(where, list) else [where] * function.nin
        yield where, [sample(place, rng, length, dtype) for place in places]


def special_values(function, dtype=DOUBLE):
    x = SPECIAL[np.abs(np.nan_to_num(SPECIAL)) <= np.finfo(dtype).max].astype(dtype)
    return [x] if function.nin == 1 else [a.ravel() for a in np.meshgrid(x, x)]


@pytest.mark.parametrize("name", TABLE)
def test_doubles_are_as_good_as_they_should_be(kernels, name):
    function, independent, _, most = TABLE[name]
    for where, operands in samples(name):
        with np.errstate(all="ignore"):
            expected = (independent or function)(*[operand.astype(LONG) for operand in operands])
        error = ulps(kernels[name, "float64"][8](*operands), expected)
        worst = int(np.argmax(error))
        assert error[worst] <= most + SLACK, (where, [operand[worst] for operand in operands], error[worst])


@pytest.mark.parametrize("name", TABLE)
def test_singles_are_rounded_doubles_or_nearly_so(kernels, name):
    function, independent, _, _ = TABLE[name]
    for where, operands in samples(name, SINGLE):
        with np.errstate(all="ignore"):
            expected = (independent or function)(*[operand.astype(LONG) for operand in operands])
        found = kernels[name, "float32"][8](*operands)
        error = ulps(found, expected)
        if name in OF_SCIPY:
            error = error[(found != 0) | (abs(expected) > np.finfo(SINGLE).tiny)]
        assert error.max(initial=0.0) <= (2.5 if name in OF_SINGLES else 0.51), where


@pytest.mark.parametrize("dtype", [DOUBLE, SINGLE], ids=str)
@pytest.mark.parametrize("name", TABLE)
def test_special_values_are_those_of_numpy(kernels, name, dtype):
    function = TABLE[name][0]
    operands = special_values(function, dtype)
    with np.errstate(all="ignore"):
        expected = function(*operands)
    found = kernels[name, dtype.name][4](*operands)
    exact = ~np.isfinite(expected) | (expected == 0)
    assert np.array_equal(found[exact], expected[exact], equal_nan=True)
    assert np.array_equal(
        np.signbit(found[exact & ~np.isnan(expected)]), np.signbit(expected[exact & ~np.isnan(expected)])
    )
    # The errors of NumPy and of SciPy are greater here.
    assert ulps(found, expected).max() <= (8 if name in ("logaddexp2", "ndtr") else 4)


@pytest.mark.parametrize("dtype", [DOUBLE, SINGLE], ids=str)
@pytest.mark.parametrize("name", TABLE)
def test_the_bits_of_an_element_do_not_depend_on_where_it_is(kernels, name, dtype):
    function = TABLE[name][0]
    operands = [
        np.concatenate(parts)
        for parts in zip(special_values(function, dtype), *(xs for _, xs in samples(name, dtype, 101)), strict=True)
    ]
    first = kernels[name, dtype.name][WIDTHS[0]](*operands)
    for lanes in WIDTHS[1:]:
        found = np.roll(kernels[name, dtype.name][lanes](*[np.roll(x, lanes // 2) for x in operands]), -(lanes // 2))
        integer = f"i{dtype.itemsize}"
        assert np.all((found.view(integer) == first.view(integer)) | (np.isnan(found) & np.isnan(first)))


@pytest.mark.skipif(reason() is None and not machine().x86, reason="flags are read on x86 only")
@pytest.mark.parametrize("name", TABLE)
def test_errors_are_those_of_numpy(kernels, name):
    function = TABLE[name][0]
    operands = special_values(function)
    few = [operand[::17] for operand in next(iter(samples(name)))[1]]
    for element in zip(*(np.concatenate(parts) for parts in zip(operands, few, strict=True)), strict=True):
        expected = set()
        with np.errstate(all="call", call=lambda kind, _, expected=expected: expected.add(kind)):
            function(*[np.array([x]) for x in element])
        words = {"divide by zero": "divide", "overflow": "over", "underflow": "under", "invalid value": "invalid"}
        expected = {words[kind] for kind in expected}
        for lanes in (1, 8):
            with raised() as errors:
                found = kernels[name, "float64"][lanes](*[np.array([x]) for x in element])
            # Of numbers that are not finite NumPy's own functions report more, which depends on the machine.
            if np.isfinite(element).all():
                assert expected - {"under"} <= errors, (element, lanes)
            # Functions of SciPy report nothing: there, a pole counts as one, and so does what is not chosen, if huge.
            if "invalid" not in errors and (
                name not in OF_SCIPY or (np.isfinite(found) and np.abs(element).max() < 1e300)
            ):
                assert errors <= expected | {"under"}, (element, lanes)
            if name not in OF_SCIPY or np.isfinite(element).all():
                assert "invalid" not in errors or np.isnan(found), (element, lanes)


def test_infinities_do_not_meet_in_logaddexp(kernels):
    infinity = np.array([math.inf, -math.inf])
    with raised() as errors:
        assert np.array_equal(kernels["logaddexp", "float64"][2](infinity, infinity), infinity)
    assert not errors


@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.0, 4.0, -1.0, -2.0, -3.0, 0.5, 1.5, -0.5, 2.5])
@pytest.mark.parametrize("dtype", [DOUBLE, SINGLE], ids=str)
def test_powers_with_constant_exponents_are_powers(exponent, dtype):
    def write(body, operands):
        return lowered(np.power, (dtype, dtype)).write(body, [operands[0], body.constant(operands[0].type, exponent)])

    (x,) = special_values(np.exp, dtype)
    rng = np.random.default_rng(0)
    x = np.concatenate([x, sample(EVERYWHERE, rng, 500, dtype), sample((-5, 5), rng, 500, dtype)])
    with np.errstate(all="ignore"):
        expected = np.power(x.astype(LONG), LONG(exponent))
    for kernel in compiled({"power": Case(write, (dtype,), (dtype,))}, (1, 4))["power"].values():
        found = kernel(x)
        assert ulps(found, expected).max() <= 3.0
        assert np.array_equal(np.signbit(found)[~np.isnan(found)], np.signbit(expected)[~np.isnan(found)])


def test_products_are_exact_without_fused_instructions(monkeypatch):
    # A number of 53 bits times one of 20, and what a product with 53 leaves.
    def write(body, operands):
        pair = vecmath.exact_product(*[vecmath.Lanes(body, operand) for operand in operands])
        return pair.high.value, pair.low.value

    case = Case(write, (DOUBLE, DOUBLE), (DOUBLE, DOUBLE))
    here = machine()
    monkeypatch.setattr(vecmath, "machine", lambda: here._replace(has_fma=False))
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, (2, 1000))
    high, low = compiled({"product": case}, (4,))["product"][4](x, y)
    for a, b, c, d in zip(x, y, high, low, strict=True):
        assert Fraction(a) * Fraction(b) == Fraction(c) + Fraction(d)


KERNELS = [special.gammaln, special.psi, special.gamma, special.betaln, special.beta, special.erfinv, special.erfcinv]
KERNELS += [special.ndtri, special.log_ndtr, special.j0, special.j1, special.i0, special.i1, special.gammainc]
KERNELS += [special.betainc, special.k0, special.y0, special.ellipk, special.jv, special.loggamma, special.rgamma]


@pytest.mark.parametrize("function", KERNELS, ids=lambda function: function.__name__)
def test_kernels_of_scipy_give_what_its_ufuncs_give(function):
    rng = np.random.default_rng(0)
    for dtype in (DOUBLE, SINGLE):
        operands = [rng.uniform(0.05, 0.95, 70).astype(dtype) for _ in range(function.nin)]
        lowering = lowered(function, (dtype,) * function.nin)
        case = Case(lowering.write, (dtype,) * function.nin, (dtype,))
        expected = function(*[operand.astype(DOUBLE) for operand in operands]).astype(dtype)
        for kernel in compiled({"f": case}, (1, 4, 32))["f"].values():
            with raised() as errors:
                found = kernel(*operands)
            assert np.array_equal(found, expected)
            assert not errors or not machine().x86
