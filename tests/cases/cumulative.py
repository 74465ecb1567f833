"""Cases of ``hodiff/ops/cumulative.py``."""

CASES = []

SPECIALS = []
