"""Choosing elements: choose, select, compress, extract, piecewise, nan_to_num."""
