"""The doors to least squares: names, arguments, SciPy's methods, curves by SciPy's signature, Jacobians for SciPy."""

import warnings

import numpy as np
import pytest
import scipy.optimize

import hodiff as hd
import optimizers as opt
from optimizers.errors import InputTypeError, NonFiniteError, OptionError, ShapeError

RNG = np.random.default_rng(5)
T = np.linspace(0.0, 4.0, 30)
Y = 2.5 * np.exp(-1.3 * T) + 0.5 + 0.05 * RNG.normal(size=T.size)
START = np.array([1.0, 1.0, 0.0])


def decay(t, a, k, c):
    return a * np.exp(-k * t) + c


def gap(p, y=Y):
    return decay(T, *p) - y


BEST = scipy.optimize.least_squares(gap, START, xtol=1e-15, ftol=1e-15, gtol=1e-15).x


# -- least_squares ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method",
    [
        *("auto", None, "levenberg_marquardt", "Levenberg-Marquardt", "gauss newton", "DOGLEG", "trf", "dogbox", "lm"),
        *(opt.LevenbergMarquardt(geodesic=True), opt.GaussNewton),
    ],
)
def test_every_method_by_every_spelling(method):
    result = opt.least_squares(gap, START, method=method)
    assert result.success
    np.testing.assert_allclose(result.x, BEST, rtol=1e-7)
    for name in ("fun", "jac", "cost", "grad", "optimality", "active_mask", "covariance", "std", "note", "cosine"):
        assert name in result
    assert len(result.history) >= 2
    assert result.history[-1].f == pytest.approx(result.cost, rel=1e-12)


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_scipys_methods_evaluate_once_a_point(method):
    calls = []

    def counted(p):
        calls.append(1)
        return gap(p)

    result = opt.least_squares(counted, START, method=method, jit=False)
    assert len(calls) == result.nfev == result.njev
    assert result.nfev == result.scipy_result.nfev


@pytest.mark.parametrize("method", ["auto", "trf", "dogbox"])
def test_bounds_in_all_forms(method):
    low, high = [0.0, 1.5, 0.0], [9.0, 9.0, 9.0]
    pairs = list(zip(low, high, strict=True))
    start = np.array([1.0, 2.0, 0.0]) + 0.1
    for bounds in ((low, high), pairs, scipy.optimize.Bounds(low, high)):
        result = opt.least_squares(gap, start, method=method, bounds=bounds)
        assert result.success
        assert result.x[1] == pytest.approx(1.5, abs=1e-6)
        assert result.active_mask.tolist() == [0, -1, 0]
    assert opt.least_squares(gap, start, method=method, bounds=(-np.inf, np.inf)).success


@pytest.mark.parametrize("method", ["auto", "dogleg", "trf"])
def test_losses_and_arguments_get_there(method):
    y = np.where(np.arange(30) == 7, 9.0, Y)
    robust = opt.least_squares(gap, START, (y,), method=method, loss="soft_l1", f_scale=0.1)
    theirs = scipy.optimize.least_squares(gap, START, args=(y,), loss="soft_l1", f_scale=0.1, xtol=1e-15, ftol=1e-15)
    np.testing.assert_allclose(robust.x, theirs.x, rtol=1e-5)
    assert robust.cost == pytest.approx(theirs.cost, rel=1e-10)
    own = opt.least_squares(gap, START, (y,), method=opt.LevenbergMarquardt(loss="soft_l1", f_scale=0.1))
    np.testing.assert_allclose(own.x, robust.x, rtol=1e-5)
    chosen = opt.least_squares(gap, START, (y,), method=method, options={"loss": "soft_l1", "f_scale": 0.1})
    np.testing.assert_array_equal(chosen.x, robust.x)


def test_a_solver_keeps_the_size_of_outliers_where_only_the_loss_is_given():
    def spread(x):
        return x - np.array([1.0, 1.0, 7.0])

    solver = opt.LevenbergMarquardt(f_scale=3.0)
    assert opt.least_squares(spread, [0.0], method=solver, loss="huber").x == pytest.approx(2.5)
    assert opt.least_squares(spread, [0.0], method=solver, loss="huber", f_scale=2.0).x == pytest.approx(2.0)


@pytest.mark.parametrize("method", ["auto", "trf"])
def test_callbacks_of_both_kinds(method):
    seen = []
    opt.least_squares(gap, START, method=method, callback=seen.append)
    assert len(seen) >= 3
    assert seen[0].shape == (3,)

    def stop(intermediate_result):
        return intermediate_result.cost < 1.0

    result = opt.least_squares(gap, START, method=method, callback=stop)
    assert result["status"] == opt.Status.CALLBACK
    assert not result.success
    assert result.cost < 1.0


def test_iterations_of_lm_are_its_jacobians():
    result = opt.least_squares(gap, START, method="lm")
    assert 2 < result.nit == len(result.history) - 1 <= result.njev
    assert (np.diff(result.history.to_dict()["f"]) <= 0.0).all()
    np.testing.assert_allclose(result.history[-1].xnorm, np.linalg.norm(result.x))


def test_tol_and_options():
    loose = opt.least_squares(gap, START, tol=1e-2, options={"ctol": 0.0})
    assert 1e-12 < loose.optimality <= 1e-2
    assert opt.least_squares(gap, START, options={"maxiter": 2}).nit == 2
    assert opt.least_squares(gap, START, method="trf", options={"max_nfev": 2}).status == opt.Status.MAXFUN
    assert opt.least_squares(gap, START, method="trf", tol=1e-2).nfev < opt.least_squares(gap, START, method="trf").nfev


def test_what_cannot_be_used_is_named():
    with pytest.raises(OptionError, match="unknown method 'newton'; ours are auto, levenberg_marquardt"):
        opt.least_squares(gap, START, method="newton")
    with pytest.raises(InputTypeError, match="method must be a solver of least squares"):
        opt.least_squares(gap, START, method=opt.Newton())
    with pytest.raises(OptionError, match="GaussNewton cannot use bounds"):
        opt.least_squares(gap, START, method="gauss_newton", bounds=(0.0, 1.0))
    with pytest.raises(OptionError, match="Dogleg has no option 'max_nfev'"):
        opt.least_squares(gap, START, method="dogleg", options={"max_nfev": 3})
    for name in ("nonsense", "jac", "bounds", "method", "callback", "args", "diff_step"):
        with pytest.raises(OptionError, match=rf"trf has no option '{name}'; it has ftol, gtol"):
            opt.least_squares(gap, START, method="trf", options={name: 3})
    for name, value in (("tol", -1.0), ("f_scale", -1.0), ("f_scale", "x")):
        with pytest.raises(OptionError, match=f"trf: {name} must be a number >"):
            opt.least_squares(gap, START, method="trf", loss="huber", **{name: value})
    for name, value in (("bounds", (0.0, 1.0)), ("callback", print), ("loss", "huber")):
        with pytest.raises(OptionError, match=f"lm cannot use {name}"):
            opt.least_squares(gap, START, method="lm", **{name: value})
    with pytest.raises(InputTypeError, match="options must be a dict"):
        opt.least_squares(gap, START, options=3)
    with pytest.raises(NonFiniteError, match="fun <lambda> is not finite at the start"):
        opt.least_squares(lambda x: np.log(x), [-1.0], method="trf")
    with pytest.raises(OptionError, match=r"x0\[0\] = 5.0 is not within its bounds"):
        opt.least_squares(lambda x: x, [5.0], method="trf", bounds=(0.0, 1.0))


def test_a_claim_of_scipys_that_does_not_hold_is_contradicted():
    """With a loose tolerance trf claims success far from a minimum."""
    result = opt.least_squares(gap, START, method="trf", tol=0.5)
    assert result.scipy_result.success
    assert not result.success
    assert result["status"] == opt.Status.CONTRADICTED


# -- curve_fit ---------------------------------------------------------------------------------------------------------

SIGMA = RNG.uniform(0.5, 2.0, T.size)
MATRIX = np.diag(SIGMA**2) + 0.1


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("sigma", [None, 0.3, SIGMA, MATRIX], ids=["none", "number", "vector", "matrix"])
def test_curves_as_scipy_fits_them(sigma, absolute):
    ours = opt.curve_fit(decay, T, Y, START, sigma, absolute)
    theirs = scipy.optimize.curve_fit(decay, T, Y, START, sigma, absolute, ftol=1e-14, xtol=1e-14)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("method", [None, "trf", "dogbox", opt.LevenbergMarquardt(geodesic=True)])
def test_curves_with_bounds(method):
    bounds = ([0.0, 0.0, 0.6], [3.0, 3.0, 3.0])
    ours, _ = opt.curve_fit(decay, T, Y, bounds=bounds, method=method)
    theirs, _ = scipy.optimize.curve_fit(decay, T, Y, bounds=bounds)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_start_is_made_of_the_signature_and_of_the_bounds():
    popt, _ = opt.curve_fit(decay, T, Y)
    np.testing.assert_allclose(popt, BEST, rtol=1e-7)
    for bounds in (([0.0, 0.0, -np.inf], np.inf), ([-np.inf] * 3, [5.0, 5.0, 5.0])):
        popt, _ = opt.curve_fit(decay, T, Y, bounds=bounds)
        np.testing.assert_allclose(popt, BEST, rtol=1e-6)
    with pytest.raises(OptionError, match="p0: the number of parameters cannot be read off"):
        opt.curve_fit(lambda t, *p: p[0] * t, T, Y)


def test_full_output():
    popt, _, information, message, number = opt.curve_fit(decay, T, Y, full_output=True)
    np.testing.assert_allclose(information["fvec"], decay(T, *popt) - Y)
    assert information["nfev"] > 3
    assert number == 1
    assert "the gradient test holds" in message


def test_a_jacobian_of_ones_own_and_a_loss():
    def jac(t, a, k, c):
        return np.stack([np.exp(-k * t), -a * t * np.exp(-k * t), np.ones_like(t)], axis=1)

    for sigma in (None, SIGMA, MATRIX):
        own, own_covariance = opt.curve_fit(decay, T, Y, sigma=sigma, jac=jac)
        ours, covariance = opt.curve_fit(decay, T, Y, sigma=sigma)
        np.testing.assert_allclose(own, ours, rtol=1e-8)
        np.testing.assert_allclose(own_covariance, covariance, rtol=1e-6)
    robust, _ = opt.curve_fit(decay, T, np.where(T[3] == T, 50.0, Y), loss="cauchy", f_scale=0.05)
    np.testing.assert_allclose(robust, BEST, atol=0.2)


def test_missing_data():
    y = np.where(np.arange(30) % 9 == 4, np.nan, Y)
    for given in ({}, {"nan_policy": "raise"}):
        with pytest.raises(NonFiniteError, match="ydata has NaN or infinite entries"):
            opt.curve_fit(decay, T, y, **given)
    for sigma in (None, SIGMA, MATRIX):
        kept = ~np.isnan(y)
        part = None if sigma is None else sigma[kept] if sigma.ndim == 1 else sigma[np.ix_(kept, kept)]
        popt, _ = opt.curve_fit(decay, T, y, sigma=sigma, nan_policy="omit")
        np.testing.assert_allclose(popt, opt.curve_fit(decay, T[kept], Y[kept], sigma=part)[0], rtol=1e-8)
    with pytest.raises(OptionError, match="nan_policy must be None, 'raise' or 'omit'"):
        opt.curve_fit(decay, T, Y, nan_policy="propagate")


def test_covariances_that_cannot_be_estimated_warn_as_scipys():
    with pytest.warns(scipy.optimize.OptimizeWarning, match="Covariance of the parameters could not be estimated"):
        _, pcov = opt.curve_fit(lambda t, a, b: a + b * t, T[:2], Y[:2])
    assert np.isinf(pcov).all()
    with pytest.warns(scipy.optimize.OptimizeWarning, match="has rank 1 of 2"):
        _, pcov = opt.curve_fit(lambda t, a, b: (a + b) * t, T, Y)
    assert np.isinf(pcov).all()


def test_failures_are_errors_as_scipys():
    with pytest.raises(RuntimeError, match="Optimal parameters not found: the limit on function evaluations"):
        opt.curve_fit(decay, T, Y, maxfev=2)
    with pytest.raises(OptionError, match="has no option 'epsfcn'"):
        opt.curve_fit(decay, T, Y, epsfcn=1e-3)
    with pytest.raises(ShapeError, match=r"sigma has shape \(3,\)"):
        opt.curve_fit(decay, T, Y, sigma=np.ones(3))
    with pytest.raises(OptionError, match="sigma must be positive definite"):
        opt.curve_fit(decay, T, Y, sigma=-np.eye(30))
    with pytest.raises(ShapeError, match="ydata is empty"):
        opt.curve_fit(decay, [], [])
    with pytest.raises(InputTypeError, match="jac must be a callable or None, not '3-point'"):
        opt.curve_fit(decay, T, Y, jac="3-point")
    with pytest.raises(OptionError, match="sigma has zeros"):
        opt.curve_fit(decay, T, Y, sigma=np.arange(30.0))
    for sigma in (np.full(30, np.nan), np.full((30, 30), np.inf)):
        with pytest.raises(NonFiniteError, match="sigma has NaN, or infinite covariances"):
            opt.curve_fit(decay, T, Y, sigma=sigma)
    with pytest.raises(ShapeError, match="<lambda> returned 5 values for 30 data"):
        opt.curve_fit(lambda t, a: a * t[:5], T, Y, jit=False)
    with pytest.raises(OptionError, match="maxfun must be a whole number >= 0, not 'many'"):
        opt.curve_fit(decay, T, Y, maxfev="many")
    with pytest.raises(OptionError, match="curve_fit takes numbers: for many fits"):
        hd.vmap(lambda y: opt.curve_fit(decay, T, y)[0])(np.stack([Y, Y]))


@pytest.mark.parametrize("unit", [1e-6, 1e-9, 1e-12])
def test_data_in_small_units_are_fitted_all_the_same(unit):
    """Of amperes that are picoamperes the gradient is below any tolerance in amperes, wherever the parameters are."""
    popt, pcov = opt.curve_fit(decay, T, unit * Y, p0=[unit, 1.0, 0.0])
    expected, covariance = opt.curve_fit(decay, T, Y, p0=START)
    units = np.array([unit, 1.0, unit])
    np.testing.assert_allclose(popt / units, expected, rtol=1e-7)
    np.testing.assert_allclose(np.sqrt(np.diag(pcov)) / units, np.sqrt(np.diag(covariance)), rtol=1e-5)


def test_gtol_of_a_curve_fit_is_what_is_asked_for():
    loose = opt.curve_fit(decay, T, Y, p0=START, gtol=1e-1, ctol=0.0, full_output=True)[2]
    assert loose["nit"] < opt.curve_fit(decay, T, Y, p0=START, full_output=True)[2]["nit"]
    solver = opt.LevenbergMarquardt(gtol=1e-1, ctol=0.0)
    assert opt.curve_fit(decay, T, Y, p0=START, method=solver, full_output=True)[2]["nit"] == loose["nit"]


def test_an_infinite_standard_deviation_leaves_a_datum_out():
    kept = np.arange(30) != 7
    popt, _ = opt.curve_fit(decay, T, np.where(kept, Y, 99.0), sigma=np.where(kept, 1.0, np.inf))
    np.testing.assert_allclose(popt, opt.curve_fit(decay, T[kept], Y[kept])[0], rtol=1e-8)


@pytest.mark.parametrize("method", ["trf", "lm", "auto"])
def test_batches_are_solved_by_every_method(method):
    data = np.stack([Y, 2.0 * Y])
    found = hd.vmap(lambda y: opt.least_squares(gap, START, (y,), method=method))(data)
    assert found.success.all()
    for y, x in zip(data, found.x, strict=True):
        np.testing.assert_allclose(x, opt.least_squares(gap, START, (y,), method=method).x, rtol=1e-7)


def test_a_model_is_compiled_once_for_all_data():
    def model(t, a, k):
        return a * np.exp(-k * t)

    opt.curve_fit(model, T, Y)
    residuals = model.__dict__["_optimizers_curve_residuals"][1][0]
    (found,) = residuals.__dict__["_optimizers_derivatives"].made.values()
    before = found.programs
    opt.curve_fit(model, T, 2.0 * Y + 1.0)
    assert found.programs == before
    assert residuals is model.__dict__["_optimizers_curve_residuals"][1][0]


def test_many_predictors_and_objects_as_data():
    x = np.stack([T, T**2])
    popt, _ = opt.curve_fit(lambda x, a, b: a * x[0] + b * x[1], x, 2.0 * T - 0.5 * T**2)
    np.testing.assert_allclose(popt, [2.0, -0.5], rtol=1e-9)


# -- for SciPy's own ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_jacobians_for_scipy(method):
    found = scipy.optimize.least_squares(gap, START, method=method, **opt.least_squares_kwargs(gap))
    np.testing.assert_allclose(found.x, BEST, rtol=1e-4)
    np.testing.assert_allclose(found.jac.T @ found.fun, found.grad)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        popt, _ = scipy.optimize.curve_fit(decay, T, Y, START, SIGMA, method=method, **opt.curve_fit_kwargs(decay))
    np.testing.assert_allclose(popt, opt.curve_fit(decay, T, Y, START, SIGMA)[0], rtol=1e-4)
