"""Histories drawn: panels, logarithmic axes where they can be, the extra `plot`."""

import builtins

import numpy as np
import pytest

import optimizers as opt
from optimizers.errors import MissingExtraError, OptionError

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402


@pytest.fixture(autouse=True)
def _closed_figures():
    yield
    pyplot.close("all")


def run(shift=0.0, solver=None):
    solver = opt.TrustRegion() if solver is None else solver
    return solver.run(lambda x: (x[0] - 1.0) ** 4 + x[1] ** 2 + shift, [3.0, 1.0], jit=False).history


def test_a_panel_a_column_above_one_another():
    history = run()
    panels = history.plot(columns=("f", "gnorm", "step"))
    assert [panel.get_ylabel() for panel in panels] == ["f", "gnorm", "step"]
    assert [panel.get_yscale() for panel in panels] == ["log"] * 3
    assert len({panel.figure for panel in panels}) == 1
    assert panels[2].get_xlabel() == "k"
    (line,) = panels[1].lines
    np.testing.assert_array_equal(line.get_xdata(), history.to_dict()["k"])
    np.testing.assert_array_equal(line.get_ydata(), history.to_dict()["gnorm"])


def test_what_is_negative_is_linear_and_zeros_are_left_out():
    f, gnorm = run(shift=-5.0).plot()
    assert (f.get_yscale(), gnorm.get_yscale()) == ("linear", "log")
    (step,) = run().plot(columns="step")
    assert step.get_yscale() == "log"
    assert np.isnan(step.lines[0].get_ydata()[0])  # the start
    (nhvp,) = run().plot(columns=["nhvp"])
    assert nhvp.get_yscale() == "linear"  # all zero
    (length,) = run(solver=opt.LBFGS()).plot(columns=["length"])
    assert length.get_yscale() == "log"  # NaN at the start


def test_axes_of_ones_own():
    figure, axes = pyplot.subplots(2)
    assert run().plot(axes[0]) == [axes[0], axes[0]]
    assert [line.get_label() for line in axes[0].lines] == ["f", "gnorm"]
    assert axes[0].get_legend() is not None
    run(shift=-5.0).plot(axes[0])
    assert axes[0].get_yscale() == "linear"
    assert run().plot(axes, against="nfev") == list(axes)
    assert axes[1].get_xlabel() == "nfev"
    figure.canvas.draw()


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"columns": ("f", "loss")}, "'loss' is not a column of a history; those are k, f, gnorm"),
        ({"against": "seconds"}, "'seconds' is not a column"),
        ({"ax": [None, None, None]}, "ax: one for all columns, or one for each of 2, not 3"),
    ],
)
def test_wrong_names_and_numbers(arguments, text):
    with pytest.raises(OptionError, match=text):
        run().plot(**arguments)


def test_without_matplotlib(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    history = run()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"History.plot needs matplotlib: pip install 'hodiff\[plot\]'"):
        history.plot()


def test_histories_of_scipys_methods_are_drawn_too():
    history = opt.minimize(lambda x: x @ x, [3.0, 1.0], method="Nelder-Mead", jit=False).history
    assert [panel.get_yscale() for panel in history.plot()] == ["log", "linear"]  # it has no gradients
