"""Loops and branches as operations: one equation whatever the length, with derivatives and batches of every order."""

import numpy as np
import pytest
from backends import alternating
from control_programs import PAIRS, TRANSFORMS, arguments, scan_closure

import hodiff as hd
from hodiff.comparing import same_program
from hodiff.control.loops import loop
from hodiff.control.repeats import by_length
from hodiff.errors import ControlFlowError
from hodiff.program import Program, check
from hodiff.staging import stage

each_back_end = pytest.mark.usefixtures("backend")

ARGUMENTS = W, H, XS = arguments(11, 5)
every_pair = pytest.mark.parametrize("name", PAIRS)


def staged(f, args):
    """Value and program of a function of these arguments, whose types are checked."""
    (value,), program = stage(lambda *values: [f(*values)], args)
    check(program, *args)
    return value, program


def uses(program, primitive):
    """How many equations of a program, and of those inside, are of a primitive."""
    count = 0
    for equation in program.equations:
        count += equation.primitive is primitive
        count += sum(uses(inner, primitive) for inner in equation.parameters.values() if isinstance(inner, Program))
    return count


@every_pair
@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("argnum", [0, 1, 2])
def test_programs_and_their_derivatives(name, transform, argnum):
    """The staged run, and the program on other values, give what statements give."""
    controlled, by_hand, primitive = PAIRS[name]
    derive = TRANSFORMS[transform]
    value, program = staged(derive(controlled, argnum), ARGUMENTS)
    assert uses(program, primitive) > 0 or (name == "fori_loop" and argnum == 0)
    np.testing.assert_allclose(value, derive(by_hand, argnum)(*ARGUMENTS), rtol=1e-12, atol=1e-13)
    others = (W * 0.9, H * 1.1, XS - 0.1)
    np.testing.assert_allclose(program.evaluate(*others)[0], derive(by_hand, argnum)(*others), rtol=1e-11, atol=1e-12)


def assert_near(found, expected, rtol):
    """Compare relative to the largest element: the others are sums of terms of that size."""
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * max(0.1, np.max(np.abs(expected))))


@pytest.mark.parametrize("name, argnum, backend", alternating(PAIRS, range(3)), indirect=["backend"])
@each_back_end
def test_compiled_and_batched(name, argnum):
    """Under `jit`, in all orders of transformations, batches included."""
    controlled, by_hand, _ = PAIRS[name]
    derived = hd.grad(by_hand, argnums=argnum)(*ARGUMENTS)
    for f in (hd.jit(hd.grad(controlled, argnums=argnum)), hd.grad(hd.jit(controlled), argnums=argnum)):
        for _ in range(2):
            assert_near(f(*ARGUMENTS), derived, 1e-12)
    twice = hd.hessian(by_hand, argnums=argnum)(*ARGUMENTS)
    for f in (hd.jit(hd.hessian(controlled, argnums=argnum)), hd.hessian(hd.jit(controlled), argnums=argnum)):
        assert_near(f(*ARGUMENTS), twice, 1e-11)
    if name in ("while_loop", "cond", "nested"):
        return
    args = list(ARGUMENTS)
    args[argnum] = np.stack([args[argnum], np.cos(args[argnum])])
    axes = tuple(0 if i == argnum else None for i in range(3))
    for derive in (lambda f: f, lambda f: hd.grad(f, argnums=argnum), lambda f: hd.hessian(f, argnums=argnum)):
        expected = hd.vmap(derive(by_hand), in_axes=axes)(*args)
        for f in (hd.jit(hd.vmap(derive(controlled), in_axes=axes)), hd.vmap(hd.jit(derive(controlled)), in_axes=axes)):
            assert_near(f(*args), expected, 1e-11)


def test_a_program_does_not_grow_with_the_number_of_turns():
    programs = []
    for n in (5, 500):
        xs = np.ones((n, 3))
        _, program = staged(hd.grad(scan_closure, argnums=(0)), (W, H, xs))
        programs.append(program)
    assert len(programs[0].steps) == len(programs[1].steps)
    assert uses(programs[1], loop) == 2


def test_no_stacking_of_what_is_the_same_in_each_turn():
    """Residuals that depend on constants alone are constants of the loop back."""

    def f(w, xs):
        return hd.scan(lambda c, x: (c * np.exp(w) + x, None), 0.0, xs)[0]

    _, program = staged(hd.grad(f), (0.3, XS[0]))
    forward, back = (e for e in program.equations if e.primitive is loop)
    stacked = [var.shape for var in forward.answers[1:]]
    assert stacked == [(3,)]  # what is carried
    assert back.parameters["constants"] == 1


# --- lengths ----------------------------------------------------------------------------------------------------------


def power(x, n):
    return hd.fori_loop(0, n, lambda i, y: y * x + i, 1.0)


@each_back_end
def test_bounds_that_are_arguments():
    """One program for any number of turns, negative ones included, with derivatives in both directions."""
    f, gradient, curvature = hd.jit(power), hd.jit(hd.grad(power)), hd.jit(hd.grad(hd.grad(power)))
    pushed = hd.jit(lambda x, n: hd.jvp(lambda x: power(x, n), (x,), (1.0,)))
    for n in (3, 5, 0, -2, 8):
        assert f(1.1, n) == power(1.1, n)
        assert type(f(1.1, n)) is type(power(1.1, n))
        np.testing.assert_allclose(gradient(1.1, n), hd.grad(power)(1.1, n), rtol=1e-14)
        np.testing.assert_allclose(pushed(1.1, n), (power(1.1, n), hd.grad(power)(1.1, n)), rtol=1e-14)
        np.testing.assert_allclose(curvature(1.1, n), hd.grad(hd.grad(power))(1.1, n), rtol=1e-14)
    for compiled in (f, gradient, curvature, pushed):
        assert compiled.cache_info().specialisations == 1
        assert compiled.cache_info().eager_calls == 0
    _, program = staged(power, (1.1, 3))
    assert uses(program, by_length) == 1
    batch = np.array([1.1, 0.7])
    for derive in (lambda f: f, hd.grad, lambda f: hd.grad(hd.grad(f))):
        compiled = hd.jit(hd.vmap(derive(power), in_axes=(0, None)))
        for n in (2, 4):
            np.testing.assert_allclose(compiled(batch, n), hd.vmap(derive(power), in_axes=(0, None))(batch, n))


@each_back_end
def test_bounds_that_differ_in_a_batch_are_refused():
    f = hd.jit(hd.vmap(power, in_axes=(None, 0)))
    with pytest.raises(ControlFlowError, match="members of the batch may differ"):
        f(1.1, np.array([1, 2]))


@each_back_end
def test_no_turns():
    def f(x, xs):
        a, ys = hd.scan(lambda c, v: (c * v, c + v), x, xs)
        return a, ys, hd.fori_loop(2, 2, lambda i, c: c * 2, x), hd.while_loop(lambda c: c > 1e9, lambda c: c * 2, x)

    compiled = hd.jit(f)
    for _ in range(2):
        for found, expected in zip(compiled(2.0, np.ones(0)), f(2.0, np.ones(0)), strict=True):
            assert type(found) is type(expected)
            np.testing.assert_array_equal(found, expected)
    assert hd.jit(hd.grad(lambda x, xs: sum(f(x, xs)[::2]) + f(x, xs)[3]))(2.0, np.ones(0)) == 3.0


@each_back_end
def test_a_while_loop_has_one_program_for_any_number_of_turns():
    def root(a):
        return hd.while_loop(lambda x: np.abs(x * x - a) > 1e-12, lambda x: 0.5 * (x + a / x), a)

    compiled, gradient = hd.jit(root), hd.jit(hd.grad(root))
    for a in np.array([2.0, 100.0, 1e6, 0.5]):
        assert compiled(a) == root(a)
        np.testing.assert_allclose(gradient(a), 0.5 / np.sqrt(a), rtol=1e-12)
        np.testing.assert_allclose(hd.grad(compiled)(a), hd.grad(root)(a), rtol=1e-15)
        np.testing.assert_allclose(hd.jvp(compiled, (a,), (1.0,))[1], hd.grad(root)(a), rtol=1e-14)
        np.testing.assert_allclose(hd.grad(hd.grad(compiled))(a), hd.grad(hd.grad(root))(a), rtol=1e-12)
    assert compiled.cache_info().specialisations == gradient.cache_info().specialisations == 1


# --- types ------------------------------------------------------------------------------------------------------------


FIRST_TURNS = {
    "number": lambda xs: hd.scan(lambda c, x: (c + x, c), 0.0, xs),
    "inexact number": lambda xs: hd.scan(lambda c, x: (c + x, c), 0.1, xs),
    "integer": lambda xs: hd.scan(lambda c, x: (c * 0.5 + x, c), 3, xs),
    "division": lambda xs: hd.scan(lambda c, x: (1 / c + x, c * 2), 3, xs),
    "flag": lambda xs: hd.scan(lambda c, x: (c + 1, x), True, xs),
    "array of no axes": lambda xs: hd.scan(lambda c, x: (c + x, c), np.zeros((), xs.dtype), xs),
    "counter": lambda xs: hd.scan(lambda c, x: ((c[0] + 1, c[1] * x), c[0]), (0, 1.0), xs),
    "two": lambda xs: hd.fori_loop(0, len(xs), lambda i, c: (c[0] + 1, c[1] + xs[i] * i), (5, 0)),
}


@each_back_end
@pytest.mark.parametrize("name", FIRST_TURNS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("length", [1, 4])
def test_what_the_first_turn_makes_of_a_number(name, dtype, length):
    f = FIRST_TURNS[name]
    xs = np.linspace(0.3, 1.7, length).astype(dtype)
    expected = hd.tree.flatten(f(xs))[0]
    compiled = hd.jit(f)
    for _ in range(2):
        found = hd.tree.flatten(compiled(xs))[0]
        for a, b in zip(found, expected, strict=True):
            assert type(a) is type(b)
            assert np.asarray(a).dtype == np.asarray(b).dtype
            np.testing.assert_array_equal(a, b)
    assert compiled.cache_info().eager_calls == 0


@each_back_end
def test_branches_with_other_types_are_guarded():
    def f(x):
        return hd.cond(x > 0.0, lambda: x, lambda: 1)

    compiled = hd.jit(f)
    for x in (2.0, -2.0, 3.0, -1.0):
        assert (compiled(np.float64(x)), type(compiled(np.float64(x)))) == (f(np.float64(x)), type(f(np.float64(x))))
    assert compiled.cache_info().specialisations == 2


@each_back_end
def test_only_the_chosen_side_is_computed():
    """No warnings, no errors and no derivatives of the other one, captured values included."""

    def f(x):
        return hd.cond(x > 0.0, lambda: np.log(x), lambda: x * 0.0)

    compiled, gradient = hd.jit(f), hd.jit(hd.grad(f))
    for x in np.array([2.0, -2.0, 0.0]):
        assert compiled(x) == f(x)
        assert gradient(x) == hd.grad(f)(x)
    assert compiled.cache_info().specialisations == gradient.cache_info().specialisations == 1

    def recursive(n, x):
        return hd.cond(n < 1, lambda: x, lambda: recursive(n - 1, x * 2.0))

    assert hd.jit(recursive)(3, 1.5) == recursive(3, 1.5) == 12.0


# --- what cannot be one program ---------------------------------------------------------------------------------------


@each_back_end
def test_python_control_flow_in_a_body_is_unrolled_and_guarded():
    def f(xs):
        def step(c, x):
            if x > 0:
                c = c * x
            return c, c

        return hd.scan(step, np.float64(1.0), xs)

    compiled = hd.jit(f)
    for xs in (np.array([2.0, -1.0, 3.0]), np.array([-2.0, -1.0, 3.0]), np.array([2.0, -1.0, 3.0])):
        for a, b in zip(compiled(xs), f(xs), strict=True):
            np.testing.assert_array_equal(a, b)
    assert compiled.cache_info().specialisations == 2


@each_back_end
def test_bodies_that_leave_something_behind():
    """A list filled by a body, an array that it writes to, a count: the result is that of the plain function."""

    def collecting(x):
        seen = []

        def body(i, c):
            seen.append(c)
            return c * 2.0

        return hd.fori_loop(0, 3, body, x) + sum(seen)

    def writing(x):
        y = np.zeros_like(x)

        def body(i, c):
            y[i] = c * x[i]
            return c + 1.0

        return hd.fori_loop(0, 3, body, 1.0) * np.sum(y)

    for f, x in ((collecting, np.float64(1.5)), (writing, np.array([1.0, 2.0, 3.0]))):
        compiled, gradient = hd.jit(f), hd.jit(hd.grad(f))
        for _ in range(3):
            np.testing.assert_allclose(compiled(x), f(x))
            np.testing.assert_allclose(gradient(x), hd.grad(f)(x))


@each_back_end
def test_errors_are_those_of_the_plain_function():
    compiled = hd.jit(lambda x: hd.fori_loop(0, 2, lambda i, c: c[:-1], x))
    with pytest.raises(hd.errors.StructureError, match=r"was float64\[3\] and became float64\[2\]"):
        compiled(H)


# --- zeros that win ---------------------------------------------------------------------------------------------------


@each_back_end
def test_zeros_win_inside_loops():
    """A branch that was not taken cannot spoil a gradient by 0 · ∞, in no turn and in no order."""

    def f(xs):
        def step(c, x):
            return c * 0.5 + np.where(x > 0.0, np.sqrt(np.abs(x)), 0.0), None

        return hd.scan(step, np.float64(1.0), xs)[0]

    def by_hand(xs):
        c = np.float64(1.0)
        for x in xs:
            c = c * 0.5 + np.where(x > 0.0, np.sqrt(np.abs(x)), 0.0)
        return c

    def until(xs):
        def body(c):
            return c[0] + 1, c[1] * 0.5 + np.sum(np.where(xs > 0.0, np.sqrt(np.abs(xs)), 0.0))

        return hd.while_loop(lambda c: c[0] < 3, body, (0, np.float64(1.0)))[1]

    def until_by_hand(xs):
        c = np.float64(1.0)
        for _ in range(3):
            c = c * 0.5 + np.sum(np.where(xs > 0.0, np.sqrt(np.abs(xs)), 0.0))
        return c

    xs = np.array([4.0, 0.0, 1.0])
    for controlled, plain in ((f, by_hand), (until, until_by_hand)):
        with np.errstate(all="ignore"):
            for derive in (hd.grad, hd.hessian, hd.jacfwd):
                expected = derive(plain)(xs)
                assert np.isfinite(expected).all()
                np.testing.assert_allclose(hd.jit(derive(controlled))(xs), expected)
                np.testing.assert_allclose(derive(hd.jit(controlled))(xs), expected)


def test_programs_of_two_stagings_are_the_same():
    for name in PAIRS:
        f = hd.hessian(PAIRS[name][0], argnums=1)
        assert same_program(staged(f, ARGUMENTS)[1], staged(f, ARGUMENTS)[1])


@each_back_end
def test_zeros_win_in_derivatives_that_a_turn_takes():
    """Whether they have to is asked of all turns together, behind the loop."""

    def f(xs):
        def step(c, x):
            slope = hd.grad(lambda a: np.sum(np.where(a > 0.0, np.sqrt(np.abs(a)), 0.0) * x))(c)
            return c + 0.1 * slope, slope

        return hd.scan(step, np.array([1.0, 0.0]), xs)

    compiled = hd.jit(f)
    with np.errstate(all="ignore"):
        for xs in (np.ones((3, 2)), np.zeros((3, 2)), np.array([[0.0, 1.0], [0.0, 0.0]])):
            for a, b in zip(compiled(xs), f(xs), strict=True):
                np.testing.assert_array_equal(a, b)
                assert np.isfinite(b).all()

    def sudden(x):
        def step(c, y):
            return c - hd.grad(lambda a: np.where(a > 0.0, np.sqrt(np.abs(a)), 0.0))(c) * y, None

        return hd.scan(step, x, np.array([1.0, 1.0, 1.0]))[0]

    compiled = hd.jit(sudden)
    with np.errstate(all="ignore"):
        for x in np.array([4.0, 0.5, 0.25, 0.0, 9.0]):  # 0.25 leads to zero in the first turn
            assert compiled(x) == sudden(x)


@each_back_end
def test_assignments_before_a_choice_that_is_no_operation():
    """A side that asks for a value is not staged; what it had read of an array until then is not forgotten."""

    def f(w, y, z):
        z = z.copy()
        z[2] = y[0]

        def other():
            doubled = z * 2.0
            return doubled if doubled[0] > 1e9 else doubled + 1.0

        return hd.cond(w > 0.2, lambda: y * 1.0, other)

    compiled = hd.jit(f)
    for w in (0.1, 0.3, 0.1):
        np.testing.assert_array_equal(compiled(w, H, XS[0]), f(w, H, XS[0]))
    assert compiled.cache_info().eager_calls == 0
