"""Cases of ``hodiff/ops/special_elliptic.py``."""

CASES = []

SPECIALS = []
