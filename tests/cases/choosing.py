"""Cases of ``hodiff/ops/choosing.py``."""

CASES = []

SPECIALS = []
