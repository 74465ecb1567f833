"""Cases of ``hodiff/ops/sorting.py``."""

CASES = []

SPECIALS = []
