"""Cases of ``hodiff/ops/fourier.py``."""

CASES = []

SPECIALS = []
