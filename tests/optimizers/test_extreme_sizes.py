"""Methods that use curvature where sizes are extreme: of the objective, of the first region, of a step to nowhere."""

import numpy as np
import pytest

import optimizers as opt
from optimizers.errors import OptionError
from optimizers.linesearch.searching import FAILED, Searched
from optimizers.quasi_newton.advancing import advance
from optimizers.subproblems import cubic, cubic_krylov, gltr, moresorensen, steihaug, truncated_cg

REGIONS = [
    *(opt.TrustRegion(name) for name in ("moresorensen", "dogleg", "gltr", "steihaug")),
    opt.ProjectedNewton("dense"),
    opt.ProjectedNewton("products"),
    opt.SR1(),
]
CURVATURE = [*REGIONS[:-1], opt.ARC("factor"), opt.ARC("krylov"), opt.Newton(), opt.NewtonCG()]
GRADIENTS = [opt.BFGS(), opt.DFP(), opt.SR1(), opt.LBFGS(), opt.LBFGSB()]


def label(value):
    kind = getattr(value, "subproblem", "") or getattr(value, "hessian", "")
    return f"{type(value).__name__}-{kind}" if isinstance(value, opt.Solver) else str(value)


def rosen(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def bowl(x):
    return x[0] ** 2 + 4.0 * (x[1] - 1.0) ** 2 + x[0] * x[1]


@pytest.mark.parametrize("radius", [1e10, 1e40, 1e80, 1e200])
@pytest.mark.parametrize("solver", REGIONS, ids=label)
def test_a_region_may_be_as_large_as_none(solver, radius):
    """A rejected trial makes it as small as need be; that it then is small beside the first ends nothing."""
    result = solver.with_options(radius=radius).run(rosen, [-1.2, 1.0], jit=False)
    assert result.success
    np.testing.assert_allclose(result.x, 1.0, atol=1e-5)


@pytest.mark.parametrize("radius", [1e40, 1e80, 1e200])
@pytest.mark.parametrize("hessian", ["dense", "products"])
def test_a_region_as_large_as_none_within_bounds(hessian, radius):
    solver = opt.ProjectedNewton(hessian, radius=radius)
    result = solver.run(rosen, [-1.2, 1.0], bounds=[(-5.0, 0.5), (-4.0, 9.0)], jit=False)
    assert result.success
    assert result.nit < 30
    np.testing.assert_allclose(result.x, [0.5, 0.25], atol=1e-6)


@pytest.mark.parametrize("make", [opt.TrustRegion, opt.ProjectedNewton, opt.SR1])
def test_a_first_region_is_finite(make):
    with pytest.raises(OptionError, match=r"radius must be .*a finite number > 0, not inf"):
        make(radius=np.inf)
    with pytest.raises(OptionError, match=r"sigma must be .*a finite number > 0, not inf"):
        opt.ARC(sigma=np.inf)


@pytest.mark.parametrize("exponent", [-600, 600])
@pytest.mark.parametrize("solver", CURVATURE, ids=label)
def test_objectives_of_any_size(solver, exponent):
    """The gradient test is absolute: it asks for what no float gives where the objective is large."""
    size = 2.0**exponent
    result = solver.with_options(gtol=1e-8 * size).run(lambda x: size * bowl(x), [2.0, 3.0], jit=False)
    assert result.success
    assert result.nit <= 6
    np.testing.assert_allclose(result.x, [-8.0 / 15.0, 16.0 / 15.0], atol=1e-7)


@pytest.mark.parametrize("solver", [*CURVATURE, opt.ARC("factor", scaling=True)], ids=label)
def test_a_start_where_squares_of_the_gradient_overflow(solver):
    """Newton's method takes steps of one down a cosine of imaginary argument, whose gradient begins at 1e173."""
    result = solver.run(lambda x: np.sum(np.cosh(x)), [400.0, 3.0], jit=False)
    assert result.success
    assert 300 < result.nit < 700
    np.testing.assert_allclose(result.x, 0.0, atol=1e-6)


@pytest.mark.parametrize("solver", [*CURVATURE, *GRADIENTS], ids=label)
@pytest.mark.parametrize("bounds", [None, [(-1.0, 1.0)] * 2])
def test_a_step_from_the_minimiser_goes_nowhere(solver, bounds):
    """In a user's own loop, which no gradient test ends."""
    if bounds is not None and "bounds" not in solver.uses:
        pytest.skip("takes no bounds")
    problem = opt.Problem(lambda x: x @ x, jit=False, bounds=bounds)
    state = solver.step(problem, solver.init(problem, [0.0, 0.0]))
    assert state.x.tolist() == [0.0, 0.0]
    state = solver.step(problem, state)
    assert state.ending is opt.Status.ROUND_OFF


@pytest.mark.parametrize("solver", GRADIENTS, ids=label)
def test_what_was_learnt_where_curvature_was_huge_is_dropped(solver):
    """At 1e-9 the barrier curves by 1e18, which makes steps along the other unknown too short to be seen."""

    def barrier(x):
        return -np.log(x[0]) - np.log(1.0 - x[0]) + (x[1] - 3.0) ** 2 * x[0]

    result = solver.run(barrier, [1e-9, 50.0], jit=False)
    assert result.success
    np.testing.assert_allclose(result.x, [0.5, 3.0], atol=1e-5)


def test_a_search_whose_gain_drowned_ends_by_round_off():
    """Also where the next, along the gradient, fails for another reason."""
    problem = opt.Problem(lambda x: x @ x, jit=False)
    state = opt.BFGS().init(problem, [3.0])

    def searches(problem, point, memory):
        return Searched(1e-20, point) if memory else FAILED, -point.g

    assert advance(problem, state, "learnt", "", searches) == (None, 0.0, "", opt.Status.ROUND_OFF)
    assert advance(problem, state, "", "", searches) == (None, 0.0, "", opt.Status.LINE_SEARCH)


H, G = np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([1.0, -2.0])


@pytest.mark.parametrize("curvature", [-600, 0, 600])
@pytest.mark.parametrize("slope", [-600, 0, 600])
@pytest.mark.parametrize("inside", [True, False])
def test_regions_by_products_at_any_scale(curvature, slope, inside):
    """Powers of two: the step is that of moderate units, scaled."""
    unit = slope - curvature
    if abs(unit) > 1000:
        pytest.skip("the step itself is no float")
    radius = 10.0 if inside else 0.1
    bent, steep = np.ldexp(H, curvature), np.ldexp(G, slope)
    for solve in (steihaug, gltr):
        expected = solve(H.__matmul__, G, radius)
        with np.errstate(over="ignore"):  # what the step promises may be infinite
            step = solve(bent.__matmul__, steep, float(np.ldexp(radius, unit)))
        np.testing.assert_allclose(np.ldexp(step.s, -unit), expected.s, rtol=1e-9)
        assert step.boundary is expected.boundary is not inside
    with np.errstate(over="ignore"):
        exact = moresorensen(steep, bent, float(np.ldexp(radius, unit)))
    np.testing.assert_allclose(np.ldexp(exact.s, -unit), moresorensen(G, H, radius).s, rtol=1e-9)
    newton = truncated_cg(bent.__matmul__, steep, 1e-8).s
    np.testing.assert_allclose(np.ldexp(newton, -unit), np.linalg.solve(H, -G), rtol=1e-9)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("curvature", [-600, 0, 600])
@pytest.mark.parametrize("slope", [-600, 0, 600])
@pytest.mark.parametrize("sigma", [-600, 0, 600])
def test_the_cubic_by_products_at_any_scale(sign, curvature, slope, sigma):
    bent, steep = sign * np.ldexp(H, curvature), np.ldexp(G, slope)
    weight = float(np.ldexp(1.0, sigma))
    with np.errstate(over="ignore"):  # what the step promises may be infinite
        expected = cubic(steep, bent, weight)
    if not (np.isfinite(expected.s).all() and np.abs(expected.s).max() < 1e300):
        pytest.skip("the step itself is no float")
    with np.errstate(over="ignore"):
        step = cubic_krylov(bent.__matmul__, steep, weight)
    # Where g is nothing beside H, either sign will do.
    sizes = np.abs(expected.s)
    np.testing.assert_allclose(np.abs(step.s), sizes, rtol=1e-6, atol=1e-9 * sizes.max())


def test_an_interior_step_promises_something_in_a_region_without_end():
    step = moresorensen(G, H, 1e300)
    assert step.predicted == moresorensen(G, H, 10.0).predicted > 0.0
    assert not step.boundary
