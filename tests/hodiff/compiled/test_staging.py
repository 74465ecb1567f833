"""Staging: one run gives the result of the plain function and a program that gives it again."""

import contextlib
import warnings

import numpy as np
import pytest
from cases import collect
from cases.table import Case

import hodiff as hd
from hodiff.errors import LeakedTracerError, NotStagedError
from hodiff.program import QUIET, Equation, Guard, check
from hodiff.staging import current_stage, stage, stage_part

CASES, _ = collect()
X = np.linspace(-1.0, 2.0, 4)


def staged(f, *values):
    return stage(lambda *args: [f(*args)], values)


def kinds(program):
    return [("guard" if isinstance(s, Guard) else s.primitive.name) for s in program.steps]


@pytest.mark.parametrize("case", [c for c in CASES if not c.name.startswith("refused")], ids=lambda c: c.name)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_programs_of_all_operations_are_well_typed(case: Case):
    def flat(*args):
        out = case.function(*args)
        return list(out) if isinstance(out, tuple) else [out]

    values = [np.asarray(a)[()] for a in case.args]
    try:
        results, program = stage(flat, values)
    except NotStagedError as error:
        # A shape that depends on the elements.
        assert "the elements of an array are asked for" in str(error)  # noqa: PT017
        return
    check(program, *values)
    for found, expected, again in zip(results, flat(*values), program.evaluate(*values), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-300)
        np.testing.assert_array_equal(again, found)


def test_a_comparison_is_an_equation_and_its_truth_a_guard():
    _, program = staged(lambda x: x if x > 0 else -x, np.float64(2.0))
    assert kinds(program) == ["greater", "guard"]
    assert program.guards[0].expected is True


@pytest.mark.parametrize("ask", [int, float, lambda x: range(5)[int(x)], round, bool, complex, lambda x: f"{x:.1f}"])
def test_what_python_asks_for_is_guarded(ask):
    def f(x):
        ask(x)
        return x

    result, program = staged(f, np.float64(2.0))
    assert result == [2.0]
    assert "guard" in kinds(program)


def test_the_index_of_a_plain_list_is_guarded():
    _, program = staged(lambda n: [1.0, 2.0, 3.0][n] * n, 1)
    assert kinds(program) == ["guard", "number *"]


@pytest.mark.parametrize("ask", [np.asarray, np.nonzero, lambda x: [float(v) for v in np.array(x)]])
def test_elements_of_a_float_array_are_not_guarded_but_refused(ask):
    with pytest.raises(NotStagedError, match="elements of an array"):
        staged(lambda x: (ask(x), x)[1], X)


def test_a_mask_is_guarded_in_its_elements():
    results, program = staged(lambda x, mask: np.sum(x[mask]), X, X > 0)
    assert results == [np.sum(X[X > 0])]
    np.testing.assert_array_equal(program.guards[0].expected, X > 0)


def test_a_refusal_that_the_function_catches_is_still_a_refusal():
    def f(x):
        with contextlib.suppress(RuntimeError):
            np.asarray(x)
        return x

    with pytest.raises(NotStagedError):
        staged(f, X)


def test_closures_over_outer_traces_are_refused():
    def outer(y):
        return stage(lambda x: [x * y], [np.float64(2.0)])[0][0]

    with pytest.raises(NotStagedError, match="closure"):
        hd.grad(outer)(3.0)


def test_tracers_do_not_outlive_the_run():
    kept = []
    staged(lambda x: (kept.append(x), x)[1], np.float64(2.0))
    with pytest.raises(LeakedTracerError):
        kept[0] + 1
    assert current_stage.get() is None


def test_plain_arrays_are_copied_into_the_program():
    table = np.arange(4.0)
    _, program = staged(lambda x: x * table, X)
    table[:] = np.nan
    np.testing.assert_array_equal(program.evaluate(X)[0], X * np.arange(4.0))


def test_an_array_that_changes_during_the_run_has_its_values_of_the_time():
    work = np.zeros(4)

    def f(x):
        work[:] = 1.0
        first = x * work
        work[:] = 2.0
        return first + x * work

    results, program = staged(f, X)
    np.testing.assert_array_equal(results[0], 3 * X)
    np.testing.assert_array_equal(program.evaluate(X)[0], 3 * X)


class TestNumbers:
    """Python's own numbers keep their lack of precision, their exactness, and their errors."""

    def test_precision_of_arrays_wins(self):
        results, program = staged(lambda x, t: x * (2 * t) ** 2, X.astype(np.float32), 0.1)
        assert results[0].dtype == np.float32
        assert program.evaluate(X.astype(np.float32), 0.3)[0].dtype == np.float32

    @pytest.mark.parametrize(
        "f",
        [
            lambda n, t: n + t,
            lambda n, t: 1 / (1 + n),
            lambda n, t: n // 2 - n % 2,
            lambda n, t: -n + abs(-t),
            lambda n, t: 2**n,
            lambda n, t: t**0.5 + t**2,
            lambda n, t: (n & 1) | (n << 2) ^ 5,
            lambda n, t: 10**30 + n,
        ],
    )
    def test_python_computes_between_them(self, f):
        (found,), program = staged(f, 3, 0.25)
        expected = f(3, 0.25)
        assert found == expected
        assert type(found) is type(expected)
        again = program.evaluate(6, 0.75)[0]
        assert again == f(6, 0.75)
        assert type(again) is type(f(6, 0.75))

    def test_division_by_zero_is_pythons(self):
        with pytest.raises(ZeroDivisionError):
            staged(lambda t: 1.0 / t, 0.0)
        _, program = staged(lambda t: 1.0 / t, 2.0)
        with pytest.raises(ZeroDivisionError):
            program.evaluate(0.0)

    def test_numpy_functions_give_numpy_scalars(self):
        (found,), program = staged(lambda t: np.sin(t), 0.5)
        assert type(found) is type(np.sin(0.5))
        assert type(program.evaluate(0.5)[0]) is np.float64

    def test_item_gives_numbers(self):
        (found,), program = staged(lambda x: x[0].item() * 2, X)
        assert type(found) is float
        assert type(program.evaluate(X + 1)[0]) is float

    @pytest.mark.parametrize("f", [np.reshape, np.broadcast_to])
    def test_numpy_makes_arrays_of_them(self, f):
        (found,), program = staged(lambda t: f(t, (1, 1)), 0.5)
        assert found.shape == (1, 1)
        np.testing.assert_array_equal(program.evaluate(1.5)[0], [[1.5]])


class TestFloatingPointErrors:
    def test_rules_are_quiet_and_the_function_is_not(self):
        _, program = stage(lambda x: list(hd.value_and_grad(lambda x: np.sum(np.log(x)))(x)), [X + 2.0])
        states = {s.primitive.name: s.errstate for s in program.steps if isinstance(s, Equation)}
        assert states["log"] is None
        assert states["divide"] == QUIET

    def test_what_the_function_sets_itself_is_kept_and_the_rest_is_the_callers(self):
        def f(x):
            with np.errstate(divide="ignore"):
                return 1 / x

        _, program = staged(f, X)
        assert program.equations[0].errstate == ("ignore", None, None, None)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            program.evaluate(np.zeros(4))
        with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="invalid"):
            staged(lambda x: f(x) * 0.0, X)[1].evaluate(np.zeros(4))

    def test_a_quiet_caller_does_not_make_the_function_quiet(self):
        with np.errstate(all="ignore"):
            _, program = stage(lambda x: list(hd.value_and_grad(lambda x: np.sum(np.log(x)))(x)), [X + 2.0])
        states = {s.primitive.name: s.errstate for s in program.steps if isinstance(s, Equation)}
        assert states["log"] is None
        assert states["divide"] == QUIET


class TestParts:
    """Bodies of loops: outer values become inputs, and control flow on values is refused."""

    def test_outer_values_are_inputs(self):
        def outer(w):
            program, lifted = stage_part(lambda s: [np.tanh(w * s)], [np.float64(0.5)])
            assert len(program.inputs) == 2
            assert lifted[0] is w
            return w

        stage(lambda w: [outer(w)], [np.float64(2.0)])

    def test_control_flow_is_refused(self):
        with pytest.raises(NotStagedError, match="inside a loop"):
            stage_part(lambda s: [s if s > 0 else -s], [np.float64(0.5)])

    def test_equations_are_the_callers_in_floating_point_errors(self):
        program, _ = stage_part(lambda s: [np.log(s)], [np.float64(0.5)])
        assert program.equations[0].errstate is None
