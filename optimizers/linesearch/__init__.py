"""Line searches: frozen objects from a point and a direction to an evaluated point; re-exports only."""

from optimizers.linesearch.armijo import Armijo
from optimizers.linesearch.fixed_step import FixedStep
from optimizers.linesearch.hager_zhang import HagerZhang
from optimizers.linesearch.more_thuente import MoreThuente
from optimizers.linesearch.searching import LineSearch, Searched, round_off, stalled
from optimizers.linesearch.strong_wolfe import StrongWolfe

__all__ = [
    "Armijo",
    "FixedStep",
    "HagerZhang",
    "LineSearch",
    "MoreThuente",
    "Searched",
    "StrongWolfe",
    "round_off",
    "stalled",
]
