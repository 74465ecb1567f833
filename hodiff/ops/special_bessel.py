"""Bessel functions, scaled, of all kinds, and their relatives."""
