"""Hostile programs are compiled, all but those of which nothing can be: being right by never compiling is no art."""

import pytest
import test_hostile_arguments as arguments
import test_hostile_control as control
import test_hostile_effects as effects
import test_hostile_errors as errors
import test_hostile_results as results
import test_hostile_state as state
from hostile import check

pytestmark = pytest.mark.usefixtures("backend")

#: Programs that no call is answered for by a compiled function -> why.
EAGER = {
    "a_generator": "what it returns runs later",
    "chained_exception": "always raises",
    "truth_of_an_array": "always raises",
    "an_index_out_of_bounds": "always raises",
    "errors_of_numpy": "always raises",
    "integers": "raises for floats",
    "repetitions": "raises for arrays of another shape",
    "is_integer": "raises for arrays",
    "an_assertion": "rewritten by pytest, it calls what is not known",
    "kinds_of_it": "asks for types",
    "type_of_it": "asks for types",
    "layout": "asks for the layout in memory",
    "raveled": "asks for the order in memory",
    "unique": "computes with the elements in code of NumPy's",
    "errstate_that_raises_inside": "catches a floating-point error, at the first call",
    "bytes_of_the_array": "the bytes of an array",
    "asarray_of_it": "np.asarray asks for the elements",
    "numpys_global_generator": "random numbers",
    "pythons_random_numbers": "random numbers",
    "generators_of_random_numbers": "random numbers",
    "random_numbers_in_one_branch_only": "random numbers",
    "counters": "an effect",
    "a_global_that_is_counted": "an effect",
    "a_history_that_is_appended": "an effect",
    "printing": "an effect",
    "an_array_outside_is_written": "an effect",
    "an_attribute_is_assigned": "an effect",
    "getattr_and_slots": "an effect, in __getattr__",
    "time_and_dates": "the clock",
    "an_argument_is_changed_in_place": "an effect",
    "warnings_of_its_own": "an effect",
    "a_container_argument_is_changed": "an effect",
    "a_scalar_is_changed_in_place": "another type at each call",
    # In doubt, programs are confirmed by a second run first, and these change before a third.
    "a_global_scalar_is_rebound": "differs at each call",
    "arrays_inside_containers": "in doubt, and differs at each call",
    "a_cell_that_is_empty": "differs at each call",
    "a_partial": "in doubt, and differs at each call",
    "an_attribute_by_getattr": "in doubt",
    "a_descriptor_and_a_getattribute": "in doubt",
    "a_deep_copy_and_an_array_of_a_captured_list": "differs at each call",
}


def _hits(program):
    hits = check(program).hits
    assert (hits == 0) == (program.__name__ in EAGER), f"{program.__name__}: {hits} hits"


@pytest.mark.parametrize(
    "program",
    [*state.PROGRAMS, *effects.PROGRAMS, *results.PROGRAMS, *errors.PROGRAMS],
    ids=lambda program: program.__name__,
)
def test_programs(program):
    _hits(program)


@pytest.mark.parametrize("name", [*control.SCALARS, *control.ARRAYS])
def test_control_flow(name):
    def program(jit, call):
        f = jit({**control.SCALARS, **control.ARRAYS}[name])
        for x in (2.5, 2.5, 2.5, 0.5) if name in control.SCALARS else (control.X, control.X, control.X, -control.X):
            call(f, x)

    program.__name__ = name
    _hits(program)


@pytest.mark.parametrize("f", [*arguments.FUNCTIONS, *arguments.ARRAY_FUNCTIONS], ids=lambda f: f.__name__)
def test_arguments(f):
    def program(jit, call):
        g = jit(f)
        for x in (arguments.M + 10, arguments.M + 11, arguments.M + 10):
            call(g, x)

    program.__name__ = f.__name__
    _hits(program)
