"""Cases of ``hodiff/ops/linalg_factors.py``."""

CASES = []

SPECIALS = []
