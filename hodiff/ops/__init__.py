"""The operations, one file a NumPy topic. Importing them fills the tables that NumPy's hooks look up."""

from hodiff.ops import (
    comparison,
    contraction,
    diagonal,
    einsum,
    elementwise,
    indexing,
    joining,
    linalg,
    reductions,
    selection,
    shaping,
    special,
    spectral,
)

__all__ = [
    "comparison",
    "contraction",
    "diagonal",
    "einsum",
    "elementwise",
    "indexing",
    "joining",
    "linalg",
    "reductions",
    "selection",
    "shaping",
    "special",
    "spectral",
]
