"""Methods that follow the gradient alone, and what they are made of; re-exports only."""

from optimizers.first_order import schedules, transforms
from optimizers.first_order.chained import Chain
from optimizers.first_order.chains import AdaGrad, Adam, AdamW, Lion, Momentum, Nesterov, RMSProp
from optimizers.first_order.gradient_descent import GradientDescent

__all__ = [
    "AdaGrad",
    "Adam",
    "AdamW",
    "Chain",
    "GradientDescent",
    "Lion",
    "Momentum",
    "Nesterov",
    "RMSProp",
    "schedules",
    "transforms",
]
