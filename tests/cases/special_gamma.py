"""Cases of ``hodiff/ops/special_gamma.py``."""

CASES = []

SPECIALS = []
