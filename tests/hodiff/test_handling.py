"""Floating-point errors are ignored in derivative rules and nowhere else, whatever NumPy keeps its settings in."""

import warnings

import numpy as np
import pytest

import hodiff as hd
from hodiff import handling, staging
from hodiff.compiled.numpy_source import writer


@pytest.fixture(params=["as NumPy keeps it", "by numpy.seterr"])
def settings(request, monkeypatch):
    if request.param == "by numpy.seterr":
        for module in (handling, staging, writer):
            monkeypatch.setattr(module, "HANDLING", None)


@pytest.mark.usefixtures("settings")
def test_what_was_set_is_set_again():
    with np.errstate(divide="raise", over="warn", under="ignore", invalid="print"):
        before = np.geterr()
        with handling.quiet():
            assert set(np.geterr().values()) == {"ignore"}
            with handling.quiet():
                np.log(np.zeros(2))
            assert set(np.geterr().values()) == {"ignore"}
        assert np.geterr() == before
        with pytest.raises(ValueError, match="inside"), handling.quiet():
            raise ValueError("inside")
        assert np.geterr() == before


def logarithm(x):
    return np.sum(np.log(x))


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("make", [lambda f: f, hd.jit], ids=["eager", "compiled"])
def test_the_function_warns_and_its_derivative_does_not(make):
    function = make(hd.value_and_grad(logarithm))
    for x in (np.ones(3), 2.0 * np.ones(3), np.array([1.0, 0.0, 2.0])):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            value, gradient = function(x)
        with np.errstate(divide="ignore"):
            assert value == np.sum(np.log(x))
            np.testing.assert_array_equal(gradient, 1 / x)
        assert {str(w.message) for w in caught} == ({"divide by zero encountered in log"} if 0 in x else set())
