"""What forward and reverse mode share: tracers that stand for a primal.

May import ``core``.

>>> PrimalTracer.__slots__
('primal',)
"""

from typing import Any

from hodiff.core import Tracer


class PrimalTracer(Tracer):
    """A tracer that stands for a primal, beside which a derivative travels: what forward and reverse mode share."""

    __slots__ = ("primal",)
    primal: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the primal."""
        return self.primal.shape

    @property
    def dtype(self) -> Any:
        """NumPy dtype of the primal."""
        return self.primal.dtype

    def truth(self) -> Any:
        """The primal."""
        return self.primal
