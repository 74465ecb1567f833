"""Cases of ``hodiff/ops/signal.py``."""

CASES = []

SPECIALS = []
