"""Cases of ``hodiff/ops/building.py``."""

CASES = []

SPECIALS = []
