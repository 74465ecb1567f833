"""The examples run as scripts, and what they print is what they promise."""

import doctest
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
METHODS = ("LevenbergMarquardt", "TrustRegion", "Newton", "trust-exact", "least_squares", "lm, 2-point")
NUMBER = r" +(\d+|-)"
ROW = re.compile(rf"^(?:(\w+) +(lower|average|higher) +([12])| {{24}})  (.{{18}}) +([\d.]+){NUMBER * 4}$")


def run(name, *arguments):
    """Lines that an example prints; it must succeed without a display, and without a warning of its own."""
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    # Deprecations inside sympy or matplotlib, and matplotlib's notes about its font cache, are no business of ours.
    command = [sys.executable, "-W", "error::RuntimeWarning", EXAMPLES / name, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def is_png(path):
    """Whether a picture of some content was written."""
    return path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 20_000


def parse(lines):
    """Digits found by data set, start and method."""
    digits, where = {}, None
    for line in lines:
        if match := ROW.match(line):
            where = (match[1], int(match[3])) if match[1] else where
            digits[(*where, match[4].strip())] = float(match[5])
    return digits


def test_the_models_have_the_certified_residuals(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    nist = importlib.import_module("nist")
    for data in nist.load_all():
        assert data.starts.shape == (2, data.certified.size)
        assert data.residuals(data.certified).size == data.y.size
        assert np.sum(data.residuals(data.certified) ** 2) == pytest.approx(data.rss, rel=1e-8)
        assert data.digits(data.certified) == nist.MAX_DIGITS
        assert data.digits(data.certified * (1.0 + 1e-5)) == pytest.approx(5.0)
        assert data.digits(data.certified * np.nan) == 0.0
    assert doctest.testmod(nist).failed == 0


@pytest.fixture(scope="module")
def curve_fit(tmp_path_factory):
    output = tmp_path_factory.mktemp("curve_fit")
    return run("01_curve_fit.py", "--output", output), output


@pytest.mark.slow
def test_the_certified_digits_are_found(curve_fit):
    lines, _ = curve_fit
    digits = parse(lines)
    sets = {name for name, _, _ in digits}
    assert len(sets) == 9
    assert set(digits) == {(name, start, method) for name in sets for start in (1, 2) for method in METHODS}

    def reached(start, *methods):
        return sum(any(digits[name, start, method] >= 8.0 for method in methods) for name in sets)

    assert reached(2, "LevenbergMarquardt") == reached(1, "LevenbergMarquardt") == 9
    assert reached(2, "TrustRegion") == reached(1, "TrustRegion") == 9
    assert reached(2, "Newton") >= 7  # one of its runs turns on the last bit of a factorisation
    assert reached(2, "trust-exact", "least_squares") == 9
    assert reached(2, "lm, 2-point") < reached(2, "least_squares")


@pytest.mark.slow
def test_the_summary_agrees_with_the_table_and_explains_each_failure(curve_fit):
    lines, _ = curve_fit
    digits = parse(lines)
    for start, which in ((2, "near"), (1, "far")):
        at = lines.index(f"From start {start} ({which}), data sets of 9 with at least 8 digits:")
        for line, method in zip(lines[at + 1 :], METHODS, strict=False):
            reached = sum(found >= 8.0 for (_, s, m), found in digits.items() if (s, m) == (start, method))
            assert line.split() == [*method.split(), str(reached)]
    short = {key for key, found in digits.items() if found < 7.995 and key[2] != "lm, 2-point"}
    explained = re.findall(r"^  (\w+) from start ([12]), ([\w-]+): .{20,}$", "\n".join(lines), re.MULTILINE)
    assert short <= {(name, int(start), method) for name, start, method in explained}
    (deviations,) = re.findall(r"from the exact Jacobian: at least ([\d.]+) certified", "\n".join(lines))
    assert float(deviations) >= 7.0


@pytest.mark.slow
def test_the_figures_are_drawn(curve_fit):
    _, output = curve_fit
    assert is_png(output / "01_fits.png")
    assert is_png(output / "01_convergence.png")


def test_the_custom_primitives_are_right_and_a_wrong_one_is_caught():
    lines = run("02_custom_primitive.py")
    errors = [float(found) for line in lines for found in re.findall(r"relative error (\S+)$", line)]
    assert len(errors) == 6
    assert max(errors) < 1e-13
    assert any(line.startswith("check_grads: the rules of lambert_w") for line in lines)
    assert any(
        re.match(r"check_grads, of a rule with a mistake: order 1, mode fwd, argument 0", line) for line in lines
    )


@pytest.mark.slow
def test_automatic_derivatives_are_exact_and_difference_quotients_are_not(tmp_path):
    lines = run("03_four_ways.py", "--output", tmp_path)
    best = {line[:30].strip(): float(line[30:].split()[0]) for line in lines[1:8]}
    assert best["automatic"] <= 1e-15
    assert best["by hand"] <= 1e-15
    assert best["central differences"] > 1e4 * best["automatic"]
    assert best["forward differences"] > 1e6 * best["automatic"]
    assert best["Hessian, second differences"] > 1e9 * best["automatic"]
    # Milliseconds for a gradient: little more for n = 3000 than for n = 2, and differences cost much more.
    table = {line[:24].strip(): line[24:].split() for line in lines[8:15]}
    automatic, numerical = table["automatic"], table["numerical"]
    assert float(automatic[8]) < 10 * float(automatic[0])
    assert numerical[-1] == "-" or float(numerical[-1]) > 100 * float(automatic[-1])
    assert is_png(tmp_path / "03_accuracy.png")
    assert is_png(tmp_path / "03_time.png")


def test_every_example_is_run_by_make_demo_and_has_a_test():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    here = Path(__file__).read_text(encoding="utf-8")
    for path in EXAMPLES.glob("[0-9]*.py"):
        assert f"examples/{path.name}" in makefile
        assert f'run("{path.name}"' in here
