"""Cases of ``hodiff/ops/special_orthogonal.py``."""

CASES = []

SPECIALS = []
