"""Subproblems of trust regions: pure functions; re-exports only."""

from optimizers.subproblems.moresorensen import TrustStep, moresorensen

__all__ = ["TrustStep", "moresorensen"]
