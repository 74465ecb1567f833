"""NIST's certified regressions: every digit of parameters and standard deviations that the defaults find."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

import optimizers as opt

EXAMPLES = str(Path(__file__).resolve().parents[2] / "examples")
NAMES = ["Misra1a", "Chwirut2", "Gauss1", "Kirby2", "Hahn1", "Nelson", "Thurber", "MGH09", "Bennett5"]


@pytest.fixture(scope="module")
def nist():
    sys.path.insert(0, EXAMPLES)
    try:
        return importlib.import_module("nist")
    finally:
        sys.path.remove(EXAMPLES)


def digits(found, certified):
    """Agreement of the worst entry, 11 digits being all that is certified."""
    return -np.log10(np.maximum(np.abs(found / certified - 1.0), 1e-11).max())


def assert_certified(data, result):
    assert result.success
    assert data.digits(result.x) >= 8.0
    assert digits(result.std, data.deviations) >= 6.0
    assert 2.0 * result.cost == pytest.approx(data.rss, rel=1e-8)


@pytest.mark.parametrize("start", [2, 1])
@pytest.mark.parametrize("name", NAMES)
def test_levenberg_marquardt_as_it_is(nist, name, start):
    data = nist.load(name)
    result = opt.LevenbergMarquardt().run(data.residuals, data.starts[start - 1])
    assert_certified(data, result)
    np.testing.assert_array_equal(np.sqrt(np.diag(result.covariance)), result.std)


@pytest.mark.parametrize("name", NAMES)
def test_with_geodesic_acceleration_from_the_near_start(nist, name):
    data = nist.load(name)
    result = opt.LevenbergMarquardt(geodesic=True).run(data.residuals, data.starts[1])
    assert_certified(data, result)


@pytest.mark.parametrize("name", ["Misra1a", "Chwirut2", "Gauss1", "Kirby2", "Hahn1", "MGH09"])
@pytest.mark.parametrize("solver", [opt.GaussNewton(), opt.Dogleg()], ids=["GaussNewton", "Dogleg"])
def test_the_other_methods_from_the_near_start(nist, name, solver):
    data = nist.load(name)
    assert_certified(data, solver.run(data.residuals, data.starts[1]))


@pytest.mark.parametrize("name", ["Misra1a", "Thurber"])
def test_units_of_parameters_and_data_change_nothing(nist, name):
    """The same steps, and the same end, with parameters and residuals in units twelve orders of magnitude apart."""
    data = nist.load(name)
    unit = 10.0 ** np.linspace(-6, 6, data.certified.size)
    plain = opt.LevenbergMarquardt(gtol=0.0).run(data.residuals, data.starts[1])
    scaled = opt.LevenbergMarquardt(gtol=0.0).run(lambda u: 1e7 * data.residuals(u * unit), data.starts[1] / unit)
    assert plain.success
    assert scaled.success
    np.testing.assert_allclose(scaled.x * unit, plain.x, rtol=1e-8)
    np.testing.assert_allclose(scaled.std * unit, plain.std, rtol=1e-6)
