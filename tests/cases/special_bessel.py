"""Cases of ``hodiff/ops/special_bessel.py``."""

CASES = []

SPECIALS = []
