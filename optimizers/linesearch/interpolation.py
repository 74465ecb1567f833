"""Trials along a line, and where a parabola or a cubic through two of them is least; imports ``point``.

Each answer is NaN where there is none, or where a value is not finite, so that a comparison with it says "no".

>>> low, high = Trial(0.0, 1.0, -2.0, None), Trial(3.0, 4.0, 4.0, None)     # (t - 1)²
>>> quadratic(low, high), secant(low, high), cubic(low, high)
(1.0, 1.0, 1.0)
"""

import math
from typing import NamedTuple

from optimizers.point import Point

__all__ = ["Trial", "cubic", "quadratic", "secant"]


class Trial(NamedTuple):
    """A length with what is known there; `point` is None at the start and where the trial was not finite.

    Examples
    --------
    >>> Trial(0.0, 1.0, -2.0, None).slope
    -2.0
    """

    length: float
    f: float
    slope: float
    point: Point | None


def quadratic(a: Trial, b: Trial) -> float:
    """Stationary point of the parabola through both values and the slope at `a`.

    Examples
    --------
    >>> quadratic(Trial(0.0, 0.0, -1.0, None), Trial(1.0, 0.0, math.nan, None))
    0.5
    """
    width = b.length - a.length
    bend = 2.0 * (b.f - a.f - width * a.slope)
    return a.length - width * (a.slope * width / bend) if 0.0 < abs(bend) < math.inf else math.nan


def secant(a: Trial, b: Trial) -> float:
    """Zero of the line through both slopes.

    Examples
    --------
    >>> secant(Trial(0.0, 0.0, -1.0, None), Trial(1.0, 0.0, 3.0, None))
    0.25
    """
    rise = b.slope - a.slope
    return a.length - (b.length - a.length) * (a.slope / rise) if rise != 0.0 else math.nan


def cubic(a: Trial, b: Trial) -> float:
    """Minimiser of the cubic through both values and slopes.

    With u = 0 at `a` and 1 at `b` the slope is a parabola, whose root with a rising slope is wanted; of its two forms
    the one without cancellation is used. J. Nocedal and S. J. Wright, "Numerical Optimization" (2nd ed. 2006),
    equation (3.59), has one of them.

    Examples
    --------
    >>> cubic(Trial(0.0, 0.0, -1.0, None), Trial(2.0, -2.0, -1.0, None))     # a line
    nan
    >>> cubic(Trial(-2.0, -2.0, 9.0, None), Trial(0.0, 0.0, -3.0, None))     # t³ - 3 t
    1.0
    """
    width = b.length - a.length
    if width == 0.0:
        return math.nan
    middle = a.slope + b.slope - 3.0 * ((b.f - a.f) / width)
    # Slopes are squared below: in units of the largest they cannot overflow.
    unit = max(abs(middle), abs(a.slope), abs(b.slope))
    if not 0.0 < unit < math.inf:
        return math.nan
    first, last, middle = a.slope / unit, b.slope / unit, middle / unit
    square = middle * middle - first * last
    if not square >= 0.0:
        return math.nan
    half, root = middle + first, math.copysign(math.sqrt(square), width)
    above, below = (half + root, first + last + 2.0 * middle) if half * root > 0.0 else (first, half - root)
    return a.length + width * (above / below) if below != 0.0 else math.nan
