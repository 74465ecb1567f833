"""Methods that follow the gradient alone, and what they are made of; re-exports only."""

from optimizers.first_order import schedules, transforms
from optimizers.first_order.gradient_descent import GradientDescent

__all__ = ["GradientDescent", "schedules", "transforms"]
