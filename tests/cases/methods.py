"""Cases of ``hodiff/ops/methods.py``."""

CASES = []

SPECIALS = []
