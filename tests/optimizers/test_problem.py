"""Problem and Point: what is evaluated, how often, and what is refused."""

import pickle

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg

import optimizers as opt
from optimizers.errors import InputTypeError, NonFiniteError, OptionError, ShapeError


def cubic(x):
    return x[0] ** 3 * x[1] + np.sin(x[1])


def cubic_grad(x):
    return np.array([3 * x[0] ** 2 * x[1], x[0] ** 3 + np.cos(x[1])])


def cubic_hess(x):
    return np.array([[6 * x[0] * x[1], 3 * x[0] ** 2], [3 * x[0] ** 2, -np.sin(x[1])]])


X = np.array([1.5, -0.5])
V, W = np.array([1.0, 2.0]), np.array([-1.0, 0.5])


class Counted:
    """A function that counts its calls."""

    def __init__(self, fun):
        self.fun, self.calls = fun, 0

    def __call__(self, *args):
        self.calls += 1
        return self.fun(*args)


def test_derivatives_from_hodiff():
    point = opt.Problem(cubic).at(X)
    assert point.f == cubic(X)
    np.testing.assert_allclose(point.g, cubic_grad(X), rtol=1e-14)
    np.testing.assert_allclose(point.H, cubic_hess(X), rtol=1e-14)
    np.testing.assert_allclose(point.hvp(V), cubic_hess(X) @ V, rtol=1e-14)
    third = np.zeros((2, 2, 2))
    third[0, 0, 0], third[1, 1, 1] = 6 * X[1], -np.cos(X[1])
    third[0, 0, 1] = third[0, 1, 0] = third[1, 0, 0] = 6 * X[0]
    np.testing.assert_allclose(point.d3(V, W), np.einsum("ijk,j,k", third, V, W), rtol=1e-14)
    series = [point.f, point.g @ V, V @ point.H @ V, np.einsum("ijk,i,j,k", third, V, V, V)]
    np.testing.assert_allclose(point.taylor(V, 3), series, rtol=1e-13)


def test_each_quantity_is_computed_once():
    fun = Counted(cubic)
    problem = opt.Problem(fun)
    point = problem.at(X)
    for _ in range(2):
        _ = point.f, point.g, point.finite, point.hvp(V), point.hvp(V), point.d3(V, W), point.taylor(V, 2)
    assert vars(problem.counts) == {
        "nfev": 1,
        "njev": 1,
        "nhev": 0,
        "nhvp": 1,
        "nd3": 1,
        "ntaylor": 1,
        "njvp": 0,
        "nvjp": 0,
        "nd2": 0,
    }
    calls = fun.calls
    point.hvp(W)
    assert (problem.counts.nhvp, fun.calls) == (2, calls)  # one linearisation serves every v
    assert point.H is point.H
    assert problem.counts.nhev == 1
    point.hvp(X)
    assert problem.counts.nhvp == 2  # known from H


def test_value_and_gradient_come_from_one_call():
    fun = Counted(cubic)
    point = opt.Problem(fun).at(X)
    _ = point.g, point.f
    assert fun.calls == 1


def test_last_point_is_remembered_bitwise():
    problem = opt.Problem(lambda x: x @ x)
    assert problem.at([0.0]) is problem.at(np.zeros(1))
    assert problem.at([0.0]) is not problem.at([-0.0])


@pytest.mark.parametrize("hessian", [cubic_hess, lambda x: scipy.sparse.csr_array(cubic_hess(x))])
def test_derivatives_of_ones_own(hessian):
    fun, grad, hess = Counted(cubic), Counted(cubic_grad), Counted(hessian)
    problem = opt.Problem(fun, grad, hess)
    point = problem.at(X)
    assert point.f == cubic(X)
    assert grad.calls == 0
    np.testing.assert_array_equal(point.g, cubic_grad(X))
    np.testing.assert_array_equal(point.H, cubic_hess(X))
    np.testing.assert_array_equal(point.hvp(V), cubic_hess(X) @ V)
    assert (fun.calls, grad.calls, hess.calls) == (1, 1, 1)
    assert problem.counts.main() == {"nfev": 1, "njev": 1, "nhev": 1, "nhvp": 0}


def test_pair_valued_function():
    pair = Counted(lambda x: (cubic(x), cubic_grad(x)))
    point = opt.Problem(pair, True).at(X)
    assert point.f == cubic(X)
    np.testing.assert_array_equal(point.g, cubic_grad(X))
    assert pair.calls == 1


def test_hessian_is_assembled_from_products():
    product = Counted(lambda x, v: cubic_hess(x) @ v)
    problem = opt.Problem(cubic, hvp=product)
    np.testing.assert_allclose(problem.at(X).H, cubic_hess(X))
    assert product.calls == problem.counts.nhvp == 2
    assert problem.counts.nhev == 0


def test_args_reach_every_callable():
    problem = opt.Problem(
        lambda x, a, b: a * x @ x + b,
        lambda x, a, b: 2 * a * x,
        lambda x, a, b: 2 * a * np.eye(1),
        lambda x, v, a, b: 2 * a * v,
        args=(3.0, 1.0),
    )
    point = problem.at([2.0])
    assert (point.f, point.g[0], point.hvp([1.0])[0], point.H[0, 0]) == (13.0, 12.0, 6.0, 6.0)
    assert opt.Problem(lambda x, a: a * x[0], args=5.0).at([2.0]).g[0] == 5.0


def test_trees():
    start = {"w": np.ones((2, 2)), "b": [0.5, None], "c": 2.0}

    def fun(p):
        return np.sum(p["w"] @ p["w"]) + p["b"][0] ** 2 * p["c"]

    problem = opt.Problem(fun, like=start)
    point = problem.at(start)
    assert point.x.shape == (6,)
    assert point.f == fun(start)
    tree = problem.unravel(point.g)
    assert tree["b"] == [2.0, None]
    assert tree["c"] == 0.25
    np.testing.assert_array_equal(tree["w"], np.full((2, 2), 4.0))
    assert point.H.shape == (6, 6)
    grad = {"w": tree["w"], "b": [2.0, None], "c": 0.25}
    np.testing.assert_array_equal(opt.Problem(fun, lambda p: grad, like=start).at(start).g, point.g)


def test_arrays_of_any_shape_and_numbers():
    matrix = np.arange(6.0).reshape(2, 3)
    assert opt.Problem(lambda x: np.sum(x[0] * x[1]), like=matrix).at(matrix).g.tolist() == [3, 4, 5, 0, 1, 2]
    assert opt.Problem(lambda x: x**2, like=1.0).at(3.0).g.tolist() == [6.0]


def test_points_own_their_arrays():
    x, out = np.array([1.0, 2.0]), np.zeros(2)

    def grad(y):
        out[:] = 2 * y
        y[:] = np.nan  # a copy, which the user may spoil
        return out

    problem = opt.Problem(lambda y: y @ y, grad)
    point = problem.at(x)
    g = point.g
    x[:] = out[:] = 7.0
    assert (point.x.tolist(), g.tolist()) == ([1.0, 2.0], [2.0, 4.0])
    for array in (point.x, point.g, point.H):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0


def test_known_values_are_not_counted():
    problem = opt.Problem(cubic)
    point = problem.at(X, f=1.0, g=V, H=np.eye(2))
    assert (point.f, point.g is V, point.hvp(W).tolist()) == (1.0, True, W.tolist())
    assert problem.counts.main() == {"nfev": 0, "njev": 0, "nhev": 0, "nhvp": 0}


def test_numpy_warns_of_no_trial_but_may_raise():
    problem = opt.Problem(lambda x: np.log(x[0]))
    assert not problem.at([-1.0]).finite
    with np.errstate(invalid="raise"), pytest.raises(FloatingPointError):
        opt.Problem(lambda x: np.log(x[0])).plain_value(np.array([-1.0]))


@pytest.mark.parametrize(
    "make, ask, error, text",
    [
        (lambda: opt.Problem(lambda x: x), "f", ShapeError, r"fun <lambda> returned an array of shape \(2,\)"),
        (lambda: opt.Problem(lambda x: x[:1]), "f", ShapeError, "one real number, a scalar"),
        (lambda: opt.Problem(lambda x: None, cubic_grad), "f", InputTypeError, "returned a NoneType"),
        (lambda: opt.Problem(lambda x: 1j, cubic_grad), "f", InputTypeError, "a complex number"),
        (lambda: opt.Problem(cubic, lambda x: x[:, None]), "g", ShapeError, r"grad <lambda> has shape \(2, 1\)"),
        (lambda: opt.Problem(cubic, lambda x: 1.0), "g", ShapeError, r"must be that of x, \(2,\)"),
        (lambda: opt.Problem(cubic, lambda x: "no"), "g", InputTypeError, "grad <lambda> must hold real numbers"),
        (lambda: opt.Problem(cubic, hess=lambda x: np.eye(3)), "H", ShapeError, r"hess <lambda> has shape \(3, 3\)"),
        (lambda: opt.Problem(cubic, hvp=lambda x, v: np.eye(2)), "H", ShapeError, "hvp <lambda> has shape"),
        (lambda: opt.Problem(lambda x: (1, 2, 3), True), "f", InputTypeError, r"jac=True it returns \(value, gradient"),
    ],
)
def test_wrong_returns_are_named(make, ask, error, text):
    with pytest.raises(error, match=text):
        getattr(make().at(X), ask)


def seen(problem):
    """A problem whose structure a first point has fixed."""
    problem.at(X)
    return problem


def test_the_first_point_fixes_the_structure():
    assert opt.Problem(lambda x: x**2).at(3.0).g.tolist() == [6.0]
    assert opt.Problem(lambda x: np.sum(x**2)).at([[1.0, 2.0]]).g.tolist() == [2.0, 4.0]
    problem = opt.Problem(lambda p: p["a"] ** 2)
    state = opt.Newton().init(problem, {"a": 3.0})
    assert problem.unravel(opt.Newton().step(problem, state).x)["a"] == pytest.approx(0.0, abs=1e-12)


def test_a_hessian_of_ones_own_is_evaluated_once_for_products_and_matrix():
    hess = Counted(lambda x: scipy.sparse.linalg.aslinearoperator(cubic_hess(x)))
    point = opt.Problem(cubic, cubic_grad, hess).at(X)
    np.testing.assert_array_equal(point.hvp(V), cubic_hess(X) @ V)
    np.testing.assert_array_equal(point.H, cubic_hess(X))
    assert hess.calls == 1


def test_answers_are_remembered_for_every_direction():
    problem = opt.Problem(cubic)
    point = problem.at(X)
    for _ in range(2):
        for v in (V, W):
            _ = point.hvp(v), point.d3(v, W), point.taylor(v, 3), point.taylor(v, 2)
    assert (problem.counts.nhvp, problem.counts.nd3, problem.counts.ntaylor) == (2, 2, 2)
    assert point.taylor(V, 1).shape == (2,)


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: opt.Problem(3), InputTypeError, "fun must be callable, not int"),
        (lambda: opt.Problem(cubic, "2-point"), InputTypeError, "grad must be a callable or None, not '2-point'"),
        (lambda: opt.Problem(cubic, hess=np.eye(2)), InputTypeError, "hess must be a callable"),
        (lambda: opt.Problem(cubic, jit=1), OptionError, "jit must be"),
        (lambda: opt.Problem(cubic, jit="yes"), OptionError, "jit must be"),
        (lambda: opt.Problem(cubic, like={}), ShapeError, "x0 is empty"),
        (lambda: opt.Problem(cubic).at([]), ShapeError, "x is empty"),
        (lambda: seen(opt.Problem(cubic)).at([[1.0]]), ShapeError, r"say its structure, Problem\(fun, like=x0\)"),
        (lambda: seen(opt.Problem(cubic)).at({"a": 1.0}), InputTypeError, "x is a tree"),
        (lambda: opt.scipy_kwargs(opt.Problem(cubic), "BFGS")["jac"](X, 1.0), OptionError, "a Problem has its own"),
        (lambda: opt.Problem(cubic).at([1.0, np.inf]), NonFiniteError, "x has a NaN or infinite entry at position 1"),
        (lambda: opt.Problem(cubic).at([1j, 1.0]), InputTypeError, "x is complex"),
        (lambda: opt.Problem(cubic).at(["a"]), InputTypeError, "x must hold real numbers"),
        (lambda: opt.Problem(cubic).at([[1.0], [1.0, 2.0]]), InputTypeError, "x is not an array of numbers"),
        (lambda: opt.Problem(cubic, like={"a": 1.0}).at({"b": 1.0}), ShapeError, "tree structure"),
        (lambda: opt.Problem(cubic, like={"a": 1.0}).at({"a": X}), ShapeError, r"x has shape \(2,\)"),
        (lambda: opt.Problem(cubic).at(X).hvp([1.0]), ShapeError, r"v has shape \(1,\)"),
        (lambda: opt.Problem(cubic).at(X).taylor(V, -1), OptionError, "order must be >= 0"),
    ],
)
def test_bad_arguments_are_named(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_errors_are_builtin_errors_too():
    assert issubclass(OptionError, ValueError)
    assert issubclass(ShapeError, ValueError)
    assert issubclass(NonFiniteError, ValueError)
    assert issubclass(InputTypeError, TypeError)


def test_problem_of_a_module_function_is_picklable_by_its_parts():
    state = opt.TrustRegion().init(opt.Problem(cubic), X)
    copy = pickle.loads(pickle.dumps(state))
    np.testing.assert_array_equal(copy.H, state.H)


@pytest.mark.parametrize("paired", [False, True])
def test_second_derivatives_are_those_of_the_users_gradient(paired):
    objective = Counted(lambda x: (cubic(x), np.stack([3 * x[0] ** 2 * x[1], x[0] ** 3 + np.cos(x[1])])))
    fun = objective if paired else lambda x: pytest.fail("not needed")
    point = opt.Problem(fun, True if paired else lambda x: objective(x)[1]).at(X)
    np.testing.assert_allclose(point.hvp(V), cubic_hess(X) @ V, rtol=1e-14)
    np.testing.assert_allclose(point.H, cubic_hess(X), rtol=1e-14)


def test_a_gradient_that_cannot_be_traced_leaves_the_objective():
    kept = cubic_grad(X)
    for grad in (lambda x: kept, lambda x: np.array([float(a) for a in cubic_grad(x)])):
        np.testing.assert_allclose(opt.Problem(cubic, grad).at(X).H, cubic_hess(X), rtol=1e-14)


@pytest.mark.parametrize("jit", ["auto", True, False])
@pytest.mark.parametrize(
    "fun, wrong, text",
    [
        (lambda x: x, ShapeError, r"fun <lambda> returned an array of shape \(2,\)"),
        (lambda x: [np.sum(x)], ShapeError, r"fun <lambda> returned an array of shape \(1,\)"),
        (lambda x: 1j * np.sum(x), InputTypeError, "fun <lambda> returned a complex number"),
        (lambda x: None, InputTypeError, "fun <lambda> returned a NoneType"),
        (lambda x: (np.sum(x), x), InputTypeError, "fun <lambda> returned a tuple"),
        (lambda x: 3, TypeError, "of dtype int64"),
    ],
)
def test_what_is_no_real_scalar_is_refused_by_name(fun, wrong, text, jit):
    with pytest.raises(wrong, match=text):
        opt.Problem(fun, jit=jit).at(np.ones(2)).f  # noqa: B018
