"""Cases of ``hodiff/ops/queries.py``."""

CASES = []

SPECIALS = []
