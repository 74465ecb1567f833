"""Methods that follow the gradient alone; re-exports only."""

from optimizers.first_order.gradient_descent import GradientDescent

__all__ = ["GradientDescent"]
