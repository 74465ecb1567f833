"""Nine nonlinear regression data sets of NIST with certified solutions: the parser and the models.

The files in ``data/`` are unchanged copies from the NIST Statistical Reference Datasets (StRD, public domain;
``data/README.md`` describes the format). Each holds measurements, a model with two starts, and parameters certified
to 11 digits. The models below are plain NumPy: nothing in them knows of derivatives.

>>> data = load("Misra1a")
>>> data.starts[1], data.certified
(array([2.5e+02, 5.0e-04]), array([2.38942129e+02, 5.50156432e-04]))
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parent / "data"

#: Digits of agreement are counted up to here: certified values have 11.
MAX_DIGITS = 11.0


def misra1a(b, x):
    """Saturating exponential."""
    return b[0] * (1.0 - np.exp(-b[1] * x))


def chwirut2(b, x):
    """Exponential over a line."""
    return np.exp(-b[0] * x) / (b[1] + b[2] * x)


def gauss1(b, x):
    """Two Gaussians on a decaying exponential."""
    peaks = b[2] * np.exp(-(((x - b[3]) / b[4]) ** 2)) + b[5] * np.exp(-(((x - b[6]) / b[7]) ** 2))
    return b[0] * np.exp(-b[1] * x) + peaks


def kirby2(b, x):
    """Quadratic over quadratic."""
    return (b[0] + x * (b[1] + x * b[2])) / (1.0 + x * (b[3] + x * b[4]))


def cubic_ratio(b, x):
    """Cubic over cubic: Hahn1 and Thurber."""
    return (b[0] + x * (b[1] + x * (b[2] + x * b[3]))) / (1.0 + x * (b[4] + x * (b[5] + x * b[6])))


def nelson(b, x):
    """Logarithm of a strength that falls with time x[0], the faster the higher the temperature x[1]."""
    return b[0] - b[1] * x[0] * np.exp(-b[2] * x[1])


def mgh09(b, x):
    """Quadratic over quadratic, after Kowalik and Osborne."""
    return b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3])


def bennett5(b, x):
    """Power law with an offset."""
    return b[0] * (b[1] + x) ** (-1.0 / b[2])


@dataclass(frozen=True)
class Model:
    """A model function ``(parameters, predictors) -> responses`` and what the axes of a plot show."""

    function: Callable
    predictor: str
    response: str


MODELS = {
    "Misra1a": Model(misra1a, "pressure", "adsorbed volume"),
    "Chwirut2": Model(chwirut2, "metal distance", "ultrasonic response"),
    "Gauss1": Model(gauss1, "x", "y (generated)"),
    "Kirby2": Model(kirby2, "x", "y (line width standards)"),
    "Hahn1": Model(cubic_ratio, "temperature (K)", "thermal expansion of Cu"),
    "Nelson": Model(nelson, "time (weeks)", "log breakdown strength (kV)"),
    "Thurber": Model(cubic_ratio, "log density", "electron mobility"),
    "MGH09": Model(mgh09, "x", "y (generated)"),
    "Bennett5": Model(bennett5, "log time (minutes)", "magnetism"),
}


@dataclass(frozen=True)
class Dataset:
    """One data set.

    Attributes
    ----------
    name, level : str
        As in the file; the level of difficulty is lower, average or higher.
    model : Model
    y : ndarray, shape (m,)
        Responses, in the scale that the model predicts: for Nelson, logarithms.
    x : ndarray, shape (m,) or (2, m)
        Predictors.
    starts : ndarray, shape (2, p)
        The far start and the near one.
    certified, deviations : ndarray, shape (p,)
        Certified parameters and their standard deviations.
    rss : float
        Certified residual sum of squares.
    """

    name: str
    level: str
    model: Model
    y: np.ndarray
    x: np.ndarray
    starts: np.ndarray
    certified: np.ndarray
    deviations: np.ndarray
    rss: float

    def residuals(self, b):
        """Residuals of the model at parameters `b`, shape (m,)."""
        return self.model.function(b, self.x) - self.y

    def digits(self, b):
        """Certified digits found: the smallest over the parameters, between 0 and `MAX_DIGITS`."""
        error = np.abs(np.asarray(b) - self.certified) / np.abs(self.certified)
        if not np.isfinite(error).all():
            return 0.0
        # Any two numbers that agree to all 11 certified digits count as equal.
        return float(np.clip(-np.log10(np.maximum(error, 10.0**-MAX_DIGITS)), 0.0, MAX_DIGITS).min())


def load(name):
    """Read ``data/<name>.dat``."""
    lines = (DATA / f"{name}.dat").read_text(encoding="ascii").splitlines()
    head = "\n".join(lines[:60])
    first, last = map(int, _found(r"Data\s+\(lines\s+(\d+)\s+to\s+(\d+)\)", head).groups())
    rows = [list(map(float, line.split())) for line in lines[first - 1 : last]]
    table = np.array(rows).T
    parameters = [list(map(float, match)) for match in re.findall(_PARAMETER, head, re.MULTILINE)]
    start1, start2, certified, deviations = np.array(parameters).T
    return Dataset(
        name=name,
        level=_found(r"(\w+) Level of Difficulty", head).group(1).lower(),
        model=MODELS[name],
        y=np.log(table[0]) if name == "Nelson" else table[0],
        x=table[1] if len(table) == 2 else table[1:],
        starts=np.stack([start1, start2]),
        certified=certified,
        deviations=deviations,
        rss=float(_found(r"Residual Sum of Squares:\s+(\S+)", head).group(1)),
    )


def load_all():
    """Every data set, the easy ones first."""
    return [load(name) for name in MODELS]


_PARAMETER = r"^\s*b\d+ =\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s*$"


def _found(pattern, text):
    match = re.search(pattern, text)
    if match is None:
        raise ValueError(f"not a file of the StRD format: nothing matches {pattern!r}")
    return match
