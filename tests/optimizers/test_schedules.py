"""Schedules: their values against formulas, at both ends and beyond; as values that compare and pickle."""

import pickle

import numpy as np
import pytest

import optimizers as opt
from optimizers.errors import OptionError

s = opt.schedules
EACH = {
    "constant": lambda: s.constant(0.3),
    "cosine": lambda: s.cosine(0.3, 7, end=0.1),
    "warm_up": lambda: s.warm_up(5, s.cosine(0.3, 7), start=0.05),
    "piecewise": lambda: s.piecewise([0.3, 0.2], [4]),
    "exponential": lambda: s.exponential(0.3, 0.9, 3, staircase=True),
}


def test_cosine():
    rate = s.cosine(2.0, 8, end=-1.0)
    k = np.arange(9)
    np.testing.assert_allclose([rate(i) for i in k], -1.0 + 1.5 * (1.0 + np.cos(np.pi * k / 8)), rtol=1e-15, atol=1e-15)
    assert rate(8) == rate(1000) == -1.0
    assert s.cosine(2.0, 8)(8) == 0.0


def test_warm_up_is_a_line_and_then_the_other_from_its_beginning():
    after = s.exponential(0.8, 0.5)
    rate = s.warm_up(4, after, start=0.4)
    np.testing.assert_allclose([rate(k) for k in range(7)], [0.4, 0.5, 0.6, 0.7, 0.8, 0.4, 0.2], rtol=1e-15)
    assert [s.warm_up(2, 1)(k) for k in range(4)] == [0.0, 0.5, 1.0, 1.0]
    assert s.warm_up(2, lambda k: 10.0 + k)(5) == 13.0


def test_piecewise():
    rate = s.piecewise((3, 2, 1), (2, 5))
    assert [rate(k) for k in range(7)] == [3, 3, 2, 2, 2, 1, 1]
    assert s.piecewise([0.1], [])(7) == 0.1


def test_exponential():
    smooth, stairs = (s.exponential(2.0, 0.25, 4, staircase=staircase) for staircase in (False, True))
    k = np.arange(12)
    np.testing.assert_allclose([smooth(i) for i in k], 2.0 * 0.25 ** (k / 4), rtol=1e-15)
    np.testing.assert_allclose([stairs(i) for i in k], 2.0 * 0.25 ** (k // 4), rtol=1e-15)
    assert s.exponential(1.0, 2.0)(3) == 8.0
    assert s.exponential(-1.0, 2.0)(5000) == -np.inf
    assert s.exponential(1.0, 0.5)(5000) == 0.0


@pytest.mark.parametrize("name", EACH)
def test_schedules_are_values(name):
    rate, same = EACH[name](), EACH[name]()
    assert rate == same
    assert hash(rate) == hash(same)
    assert pickle.loads(pickle.dumps(rate)) == rate
    assert all(type(rate(k)) is float for k in range(20))
    with pytest.raises(AttributeError):
        rate.anything = 1


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: s.constant("fast"), "constant: value must be a number, not 'fast'"),
        (lambda: s.cosine(0.1, 0), "cosine: steps must be a whole number >= 1, not 0"),
        (lambda: s.cosine(None, 5), "start must be a number"),
        (lambda: s.cosine(0.1, 5, end="0"), "end must be a number"),
        (lambda: s.warm_up(1.5, 0.1), "warm_up: steps must be"),
        (lambda: s.warm_up(5, "cosine"), "then must be a number or a schedule"),
        (lambda: s.warm_up(5, 0.1, start=[0.0]), "start must be a number"),
        (lambda: s.piecewise([1.0, 2.0], [5, 5]), "values must be numbers|boundaries must be whole numbers"),
        (lambda: s.piecewise([1.0, 2.0, 3.0], [7, 5]), "boundaries must be whole numbers >= 1 that increase"),
        (lambda: s.piecewise([1.0, 2.0], [2.5]), "boundaries must be whole numbers"),
        (lambda: s.piecewise([1.0], [5]), "values must be numbers, one more than boundaries"),
        (lambda: s.exponential(1.0, 0.0), "exponential: rate must be a number > 0"),
        (lambda: s.exponential(1.0, 0.5, 0), "steps must be a whole number >= 1"),
        (lambda: s.exponential(1.0, 0.5, 2, staircase=1), "staircase must be True or False"),
    ],
)
def test_arguments_are_checked(make, text):
    with pytest.raises(OptionError, match=text):
        make()
