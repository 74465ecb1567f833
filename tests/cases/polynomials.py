"""Cases of ``hodiff/ops/polynomials.py``."""

CASES = []

SPECIALS = []
