"""What gets a buffer, which loops go together, where they are cut: the rules that docs/native.md names."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from backends import native_only

import hodiff as hd
from hodiff.compiled.native.plans.planning import Plan
from hodiff.compiled.native.plans.steps import Copy, Nest, Rows, Work
from hodiff.compiled.native.plans.storage import CHEAP, FEW, LONGEST, VECTOR, Batches
from hodiff.compiled.units import optimised

pytestmark = native_only


def plan_of(f: Callable[..., Any], *args: Any) -> Plan:
    """The plan of a function whose operations all have a native form."""
    program = optimised(hd.make_program(f)(*args))
    return Plan(program.inputs, program.equations, program.outputs)


def spaces(plan: Plan) -> list[list[int]]:
    """The lengths of the loops of each nest."""
    return [[axis.length for axis in nest.axes] for nest in plan.nests]


def names_stored(plan: Plan) -> set[str]:
    """The operations whose answers have buffers."""
    return {plan.nodes[var].equation.primitive.name for var in plan.stored if var in plan.nodes}


X = np.linspace(0.1, 2.0, 40)
MATRIX = np.linspace(-1.0, 1.0, 40 * 30).reshape(40, 30)


def test_a_chain_is_one_loop_without_buffers() -> None:
    plan = plan_of(lambda x: np.exp(-(x**2)) * np.sin(3 * x) + x, X)
    assert spaces(plan) == [[40]]
    assert names_stored(plan) == {"add"}


def test_a_sum_is_made_where_its_terms_are() -> None:
    plan = plan_of(lambda x: (np.sum(np.exp(x)), np.max(np.exp(x) * 2)), X)
    assert spaces(plan) == [[40]]


def test_what_is_cheap_is_computed_where_it_is_read() -> None:
    def f(x: Any) -> Any:
        twice = x + x
        return np.sum(twice[1:] * twice[:-1])

    assert names_stored(plan_of(f, X)) == {"total"}
    assert CHEAP >= 1


def test_what_costs_more_than_that_is_stored_where_two_read_it() -> None:
    def f(x: Any) -> Any:
        costly = x * x * x * x * x * x * x * x + x / 3
        return np.sum(costly[1:] * costly[:-1])

    assert "total" in names_stored(plan_of(f, X))
    assert len(names_stored(plan_of(f, X))) > 1


def test_what_is_not_exact_is_never_computed_twice() -> None:
    """Else ``x == x.max()`` could be false everywhere."""

    def f(x: Any) -> Any:
        values = np.sin(x)
        return np.sum(values == np.max(values))

    assert "sin" in names_stored(plan_of(f, X))
    assert hd.jit(f)(X) == f(X) == 1


def test_what_is_broadcast_is_stored() -> None:
    plan = plan_of(lambda x, y: np.exp(x)[:, None] * y, X, MATRIX)
    assert names_stored(plan) == {"getitem", "multiply"}
    assert spaces(plan) == [[40], [40, 30]]
    plan = plan_of(lambda x, y: x[:, None] * y, X, MATRIX)
    assert names_stored(plan) == {"multiply"}


@pytest.mark.parametrize("count", [2, FEW, FEW + 1, 5 * FEW])
def test_a_short_sum_is_written_out(count: int) -> None:
    plan = plan_of(lambda x: 2.0 * np.sum(x * x, axis=1), np.ones((5, count)))
    assert ("total" in names_stored(plan)) == (count > FEW)


def test_one_element_needs_no_buffer() -> None:
    plan = plan_of(lambda x: np.log(np.sum(x)) * x, X)
    assert names_stored(plan) == {"total", "multiply"}


def test_statements_share_a_nest_only_if_what_they_read_is_known() -> None:
    def f(x: Any) -> Any:
        scaled = x / np.sum(np.exp(x))
        return scaled, np.sum(scaled)

    assert spaces(plan_of(f, X)) == [[40], [40]]


def test_rows_go_together() -> None:
    """A softmax of rows runs through them once."""

    def f(x: Any) -> Any:
        shifted = np.exp(x - np.max(x, axis=1, keepdims=True))
        return shifted / np.sum(shifted, axis=1, keepdims=True)

    plan = plan_of(f, MATRIX)
    assert [type(step) for step in plan.steps] == [Rows]
    assert plan.private, "the exponentials need memory for one row"
    assert MATRIX.shape[1] >= VECTOR


def test_rows_do_not_go_together_with_what_needs_them_all() -> None:
    def f(x: Any) -> Any:
        centred = x - np.mean(x, axis=0)
        return centred / np.sum(centred**2)

    assert all(isinstance(step, Nest) for step in plan_of(f, MATRIX).steps)


def test_what_only_its_own_nest_reads_is_not_stored() -> None:
    def f(x: Any) -> Any:
        waves = np.sin(x)
        return np.sum(waves * waves), np.sum(waves + 1.0)

    plan = plan_of(f, X)
    assert {plan.nodes[var].equation.primitive.name for var in plan.passing} == {"sin"}


def test_batches_are_written_out_along_short_axes() -> None:
    def norm(v: Any) -> Any:
        return np.sqrt(np.sum(v * v))

    plan = plan_of(hd.vmap(hd.grad(norm)), np.ones((50, 3)))
    assert all(lengths == [50] for lengths in spaces(plan))
    assert any(isinstance(step, Copy) for step in plan.steps), "columns are in one piece"


def test_a_row_of_vectors_is_a_batch_only_among_others() -> None:
    assert (50, VECTOR) not in Batches([(50, VECTOR)])
    assert (50, VECTOR) in Batches([(50, VECTOR), (50, 2, 3)])
    assert (50, 2) in Batches([])


def test_long_chains_are_cut() -> None:
    def f(x: Any) -> Any:
        for _ in range(5 * int(LONGEST)):
            x = x - 0.5 * np.abs(x)
        return x

    program = hd.make_program(f)(X)
    plan = Plan(program.inputs, program.equations, program.outputs)
    assert len(plan.nests) > 5
    assert max(nest.length for nest in plan.nests) < 10 * LONGEST


def test_parts_cut_loops() -> None:
    plan = plan_of(lambda x: np.concatenate([x[:3] * 2, x, np.zeros(4)]), X)
    ((nest,), (axis,)) = plan.nests, plan.nests[0].axes
    assert nest.cuts(axis) == [3, 43]


def test_products_of_matrices_are_tasks_that_read_transposes_where_they_lie() -> None:
    plan = plan_of(lambda x, y: x.T @ y, np.ones((200, 40)), np.ones((200, 30)))
    assert [type(step) for step in plan.steps] == [Work]
    assert not plan.stored - set(plan.tasks)
