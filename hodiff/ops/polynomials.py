"""Polynomials by their coefficients: NumPy's ``poly`` functions."""
