"""Cases of ``hodiff/ops/statistics.py``."""

CASES = []

SPECIALS = []
