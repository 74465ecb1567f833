"""Cases of ``hodiff/ops/special_distributions.py``."""

CASES = []

SPECIALS = []
