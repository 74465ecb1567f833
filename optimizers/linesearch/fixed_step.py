"""A step of the same length each time; imports ``searching`` and the layers below.

>>> import numpy as np, optimizers as opt
>>> problem = opt.Problem(lambda x: x @ x)
>>> FixedStep(0.25).search(problem, problem.at([1.0]), np.array([-2.0])).length
0.25
"""

from dataclasses import dataclass

from optimizers.flatten import Array
from optimizers.linesearch.searching import FAILED, Searched, along, require, same
from optimizers.point import Point
from optimizers.problem import Problem

__all__ = ["FixedStep"]


@dataclass(frozen=True)
class FixedStep:
    """The same length at every step, whatever the objective does; halved only while the trial is not finite.

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
        require("FixedStep", "length", self.length > 0.0, "> 0", self.length)

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
        while problem.left() > 0 and not same(point.x, x := along(point, direction, length)):
            trial = problem.trial(x)
            if trial is not None and trial.finite:
                return Searched(length, trial)
            length *= 0.5
        return FAILED
