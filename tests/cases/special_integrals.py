"""Cases of ``hodiff/ops/special_integrals.py``."""

CASES = []

SPECIALS = []
