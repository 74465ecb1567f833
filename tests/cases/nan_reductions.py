"""Cases of ``hodiff/ops/nan_reductions.py``."""

CASES = []

SPECIALS = []
