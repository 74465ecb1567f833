"""A step of the same length each time; imports ``searching`` and the layers below.

>>> import numpy as np, optimizers as opt
>>> problem = opt.Problem(lambda x: x @ x)
>>> FixedStep(0.25).search(problem, problem.at([1.0]), np.array([-2.0])).length
0.25
"""

import math
from dataclasses import dataclass

from optimizers.flatten import Array
from optimizers.linesearch.searching import FAILED, Searched, along, require, require_numbers, same
from optimizers.point import Point
from optimizers.problem import Problem

__all__ = ["FixedStep"]

_HALVINGS = 60


@dataclass(frozen=True)
class FixedStep:
    """The same length at every step, whatever the objective does; halved only while the trial is not finite.

    Sixty halvings are the most: an iteration that has left for infinity ends.

    Parameters
    ----------
    length : float
        Positive; what methods propose as first length is no concern of this one.

    Examples
    --------
    >>> import numpy as np, optimizers as opt
    >>> problem = opt.Problem(lambda x: x @ x)
    >>> FixedStep(0.25).search(problem, problem.at([1.0]), np.array([-2.0])).point.x
    array([0.5])
    """

    length: float

    def __post_init__(self) -> None:
        require_numbers(self, "length")
        require("FixedStep", "length", 0.0 < self.length < math.inf, "> 0 and finite", self.length)

    def search(self, problem: Problem, point: Point, direction: Array, first: float = 1.0) -> Searched:
        """The point at the fixed length.

        Examples
        --------
        >>> import numpy as np, optimizers as opt
        >>> problem = opt.Problem(lambda x: x @ x)
        >>> FixedStep(0.5).search(problem, problem.at([1.0]), np.array([-2.0])).length
        0.5
        """
        length = self.length
        for _ in range(_HALVINGS):
            x = along(point, direction, length)
            if same(point.x, x) or not problem.left() > 0:
                break
            trial = problem.trial(x)
            if trial is not None and trial.finite:
                return Searched(length, trial)
            length *= 0.5
        return FAILED
