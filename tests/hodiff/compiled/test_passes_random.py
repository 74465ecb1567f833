"""Random programs before and after all passes: every bit and every warning where they are loud, else the values."""

from functools import partial

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from program_writer import Writer, assert_close, assert_same_bits, messages

from hodiff.compiled.passes import simplify
from hodiff.ops.elementwise import (
    absolute,
    add,
    divide,
    exp,
    multiply,
    negative,
    positive,
    square,
    subtract,
)
from hodiff.ops.indexing import getitem
from hodiff.ops.reductions import average, spread, total
from hodiff.ops.shaping import broadcasted, permuted, reshaped
from hodiff.program import check

MOVES = [
    partial(reshaped, shape=(6,)),
    partial(reshaped, shape=(2, 3)),
    partial(reshaped, shape=(3, 2)),
    partial(broadcasted, shape=(2, 3)),
    partial(permuted, axes=(-1, -2)),
    partial(total, axis=(-1,), keepdims=True),
    partial(total, axis=(-1,), keepdims=False),
    partial(average, axis=(-2,), keepdims=False),
    partial(spread, axis=(-1,), keepdims=False, shape=(2, 3)),
    partial(getitem, index=(slice(None, None, -1),)),
    partial(getitem, index=(slice(0, 2),)),
    partial(getitem, index=(0,)),
]
NUMBERS = [1.0, -1.0, 0.0, -0.0, 2.0, 0.5, -3.0, 1, 2, np.float64(1.0), np.float64(-2.0)]


@st.composite
def writers(draw, quiet, divisors):
    """A random program; in a quiet one no sum is divided by, whose zero may have another sign."""
    elements = st.sampled_from([-2.0, -1.0, -0.5, 0.0, -0.0, 0.5, 1.0, 3.0, np.inf, np.nan])
    shapes = [(), (3,), (2, 3), (2, 1)]
    examples = [
        np.array(draw(st.lists(elements, min_size=int(np.prod(s)), max_size=int(np.prod(s))))).reshape(s)
        for s in shapes
    ]
    w = Writer(*(e if e.shape else e[()] for e in examples), quiet=quiet)
    known = list(w.inputs)
    for _ in range(draw(st.integers(1, 12))):
        x = draw(st.sampled_from(known))
        kind = draw(st.integers(0, 4))
        if kind == 0:
            move = draw(st.sampled_from(MOVES))
            primitive, parameters, operands = move.func, move.keywords, (x,)
        elif kind == 1:
            operations = [negative, positive, square, *((exp, absolute) if not quiet else ())]
            primitive, parameters, operands = draw(st.sampled_from(operations)), {}, (x,)
        else:
            y = draw(st.one_of(st.sampled_from(known), st.sampled_from(NUMBERS)))
            primitive = draw(st.sampled_from([add, subtract, multiply, multiply, divide]))
            if primitive is divide and quiet and y not in divisors(w):
                y = draw(st.sampled_from([1.0, 2.0, 4.0, -1.0]))
            parameters, operands = {}, (x, y) if primitive is divide or draw(st.booleans()) else (y, x)
        try:
            known.append(w(primitive, *operands, **parameters))
        except (ValueError, IndexError, np.exceptions.AxisError):
            continue  # shapes that do not fit
    chosen = draw(st.lists(st.sampled_from(known), min_size=1, max_size=3))
    return w, w.program(*chosen)


@settings(max_examples=300, deadline=None)
@given(writers(quiet=False, divisors=lambda w: w.inputs))
def test_random_loud_programs_keep_every_bit_and_every_warning(case):
    w, before = case
    after = simplify(before, check=True)
    check(after, *w.examples)
    assert_same_bits(before, after, *w.examples)
    assert messages(before, *w.examples) == messages(after, *w.examples)
    assert_same_bits(before, simplify(before), *w.examples)


@settings(max_examples=300, deadline=None)
@given(writers(quiet=True, divisors=lambda w: w.inputs))
def test_random_quiet_programs_keep_their_values(case):
    w, before = case
    after = simplify(before, check=True)
    check(after, *w.examples)
    assert len(after.equations) <= len(before.equations)
    assert_close(before, after, *w.examples, rtol=1e-9)
    assert_close(before, simplify(before), *w.examples, rtol=1e-9)
    assert messages(after, *w.examples) == set()
