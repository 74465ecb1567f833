"""The operations, one file a NumPy topic. Importing them fills the tables that NumPy's hooks look up."""

from hodiff.ops import comparison, elementwise, indexing, joining, reductions, selection, shaping

__all__ = ["comparison", "elementwise", "indexing", "joining", "reductions", "selection", "shaping"]
