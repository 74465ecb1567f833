"""Orthogonal polynomials and hypergeometric functions."""
