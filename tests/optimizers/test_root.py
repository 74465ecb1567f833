"""The door `root`: names, trees, callbacks, and arguments that are wrong."""

import numpy as np
import pytest
import scipy.optimize
from root_systems import cubic_system, rosenbrock, size

import hodiff as hd
import optimizers as opt
from optimizers.errors import InputTypeError, NonFiniteError, OptionError


@pytest.mark.parametrize("method", ["auto", None, "newton", "Newton-Krylov", "broyden", opt.NewtonRoot, opt.Broyden()])
def test_root_takes_names_classes_and_solvers(method):
    assert opt.root(rosenbrock, [-0.5, 1.0], method=method, jit=False).x == pytest.approx([1.0, 1.0], abs=1e-6)


def test_auto_is_krylov_for_many_unknowns():
    result = opt.root(lambda x: x + 0.1 * x**3 - 1.0, np.zeros(501), jit=False)
    assert (result.njev, result.success) == (0, True)
    assert opt.root(lambda x: x + 0.1 * x**3 - 1.0, np.zeros(500), jit=False).njev > 0


def test_trees_and_arrays_of_any_shape():
    def fun(p, a):
        return {"u": p["u"] ** 2 - a, "v": [p["v"][0] - p["u"], p["v"][1] * 2.0 - 1.0]}

    start = {"u": np.array([[1.0, 2.0]]), "v": [np.zeros((1, 2)), np.array(1.0)]}
    for method in ("auto", "newton_krylov", "broyden", "hybr"):
        result = opt.root(fun, start, (4.0,), method=method, jit=False)
        np.testing.assert_allclose(result.x["v"][0], [[2.0, 2.0]], atol=1e-7)
        assert result.fun["u"].shape == (1, 2)
    matrix = opt.root(lambda X: X @ X - np.array([[2.0, 1.0], [1.0, 2.0]]), np.eye(2), jit=False)
    np.testing.assert_allclose(matrix.x @ matrix.x, [[2.0, 1.0], [1.0, 2.0]], atol=1e-10)


@pytest.mark.parametrize("method", ["newton", "krylov", "hybr"])
def test_callbacks_of_each_signature(method):
    seen = []
    opt.root(cubic_system, [0.6, 0.4, 1.5], method=method, callback=lambda x, f: seen.append((x, f)), jit=False)
    for x, f in seen:
        np.testing.assert_array_equal(cubic_system(x), f)
    assert len(seen) > 1

    def enough(intermediate_result):
        return np.abs(intermediate_result.fun).max() < 1e-2

    result = opt.root(cubic_system, [0.6, 0.4, 1.5], method=method, callback=enough, jit=False)
    assert (result.status.name, result.success) == ("CALLBACK", False)
    assert size(cubic_system, result.x) < 1e-2


@pytest.mark.parametrize("method", ["newton", "newton_krylov", "broyden", "anderson_mixing", "hybr", "krylov"])
def test_batches_by_vmap(method):
    """Each member of a batch is what a loop would find, over starts and over data."""
    data, starts = np.array([2.0, 3.0, 5.0]), np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 3.0]])
    batch = hd.vmap(lambda x0, a: opt.root(lambda x: x**2 - a, x0, method=method))(starts, data)
    for i, (x0, a) in enumerate(zip(starts, data, strict=True)):
        member = opt.root(lambda x, a: x**2 - a, x0, (a,), method=method)
        np.testing.assert_allclose(batch.x[i], member.x, rtol=1e-12)
        assert batch.nit[i] == member.nit
    assert batch.success.all()
    fixed = hd.vmap(lambda a: opt.fixed_point(lambda x: np.cos(a * x), 1.0).x)(np.array([0.5, 1.0]))
    assert fixed[1] == pytest.approx(0.7390851332)


def test_a_jacobian_that_is_not_finite_at_the_start_is_named():
    with pytest.raises(NonFiniteError, match="the Jacobian of fun <lambda> is not finite at the start, where x"):
        opt.root(lambda x: np.sqrt(x) - 1.0, [0.0], jit=False)
    with pytest.raises(NonFiniteError, match="the jac <lambda> is not finite at the start"):
        opt.root(lambda x: x - 1.0, [0.0], jac=lambda x: np.full((1, 1), np.inf), jit=False)
    assert opt.root(lambda x: np.sqrt(x) - 1.0, [0.0], method="anderson_mixing", jit=False).status != 0


def test_compiled_and_eager_agree():
    eager, compiled = (opt.root(rosenbrock, [-1.2, 1.0], jit=jit) for jit in (False, True))
    np.testing.assert_allclose(compiled.x, eager.x, rtol=1e-12)
    assert compiled.nit == eager.nit


@pytest.mark.parametrize(
    "keywords, error, text",
    [
        ({"method": "foo"}, OptionError, "unknown method 'foo'; ours are auto, newton, .*SciPy's are hybr, lm"),
        ({"method": 3}, InputTypeError, "method must be a solver for roots or a name, not int"),
        ({"method": opt.LBFGS()}, InputTypeError, "method must be a solver for roots or a name, not LBFGS"),
        ({"options": [1]}, InputTypeError, "options must be a dict of names and values, not list"),
        ({"options": {"foo": 1}}, OptionError, "NewtonRoot has no option 'foo'"),
        ({"jac": "2-point"}, InputTypeError, "jac must be a callable or None, not '2-point'"),
        ({"jac": True}, InputTypeError, "jac must be a callable or None, not True"),
        ({"callback": 3}, InputTypeError, "callback must be callable, not int"),
        ({"jit": "yes"}, OptionError, 'jit must be "auto", True or False'),
        ({"tol": -1.0}, OptionError, "NewtonRoot: gtol must be a number >= 0"),
    ],
)
def test_arguments_that_are_wrong_are_named(keywords, error, text):
    with pytest.raises(error, match=text):
        opt.root(rosenbrock, [-1.2, 1.0], **keywords)


def test_solvers_for_roots_do_not_minimise():
    for solver in (opt.NewtonRoot(), opt.FixedPoint()):
        with pytest.raises(OptionError, match=f"{type(solver).__name__} minimises no objective: use root"):
            opt.minimize(lambda x: x @ x, [1.0], method=solver)
        with pytest.raises(OptionError, match=f"{type(solver).__name__} solves F"):
            scipy.optimize.minimize(lambda x: x @ x, [1.0], method=solver)
    with pytest.raises(InputTypeError, match="needs a RootProblem or a FixedPointProblem, not a Problem"):
        opt.NewtonRoot().init(opt.Problem(lambda x: x @ x), [1.0])
