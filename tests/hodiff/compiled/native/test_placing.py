"""Places in memory: what lives at the same time has places of its own, and places are used again."""

from hypothesis import given
from hypothesis import strategies as st

from hodiff.compiled.native.plans.placing import place

SPANS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 12), st.integers(0, 8)), max_size=30)


@given(SPANS)
def test_what_lives_at_the_same_time_does_not_overlap(drawn):
    spans = sorted(((64 * size, (first, first + more)) for size, first, more in drawn), key=lambda span: span[1][0])
    offsets, memory = place((key, length, span) for key, (length, span) in enumerate(spans))
    assert memory == max((offsets[key] + length for key, (length, _) in enumerate(spans)), default=0)
    for a, (long, (first, last)) in enumerate(spans):
        for b, (other, (begin, end)) in enumerate(spans[:a]):
            apart = offsets[a] + long <= offsets[b] or offsets[b] + other <= offsets[a]
            assert apart or last < begin or end < first or not long or not other


@given(SPANS)
def test_first_fit_is_the_lowest_place(drawn):
    """Each gets the lowest offset at which nothing lives that overlaps, found by trying them all."""
    spans = sorted(((64 * size, (first, first + more)) for size, first, more in drawn), key=lambda span: span[1][0])
    offsets, _ = place((key, length, span) for key, (length, span) in enumerate(spans))
    for key, (length, (first, _)) in enumerate(spans):
        held = [(offsets[b], offsets[b] + spans[b][0]) for b in range(key) if spans[b][1][1] >= first and spans[b][0]]
        free = next(
            at for at in range(0, 64 * 200, 64) if all(at + length <= begin or end <= at for begin, end in held)
        )
        if length:
            assert offsets[key] == free


def test_a_thousand_one_after_another_need_the_memory_of_two():
    offsets, memory = place((number, 64, (number, number + 1)) for number in range(1000))
    assert memory == 128
    assert set(offsets.values()) == {0, 64}
