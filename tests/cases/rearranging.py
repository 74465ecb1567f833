"""Cases of ``hodiff/ops/rearranging.py``."""

CASES = []

SPECIALS = []
