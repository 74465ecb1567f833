"""Least squares, pseudo-inverses and products of many matrices."""
