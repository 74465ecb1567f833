"""Cases of ``hodiff/ops/linalg_solvers.py``."""

CASES = []

SPECIALS = []
