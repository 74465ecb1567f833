"""Small steps between a gradient and an update, to be chained; re-exports only.

>>> import numpy as np
>>> adamw = chain(scale_by_adam(), add_weight_decay(1e-2), scale_by_learning_rate(1e-3))
>>> params = {"w": np.ones((2, 2)), "b": np.zeros(2)}
>>> state = adamw.init(params)
>>> update, state = adamw.update(params, state, params)
>>> update["w"].round(8)
array([[-0.00101, -0.00101],
       [-0.00101, -0.00101]])
"""

from optimizers.first_order.transforms.adaptive import scale_by_adagrad, scale_by_adam, scale_by_rmsprop
from optimizers.first_order.transforms.base import PerLeaf, Transform, apply_updates, chain
from optimizers.first_order.transforms.momentum import scale_by_lion, scale_by_momentum, scale_by_nesterov
from optimizers.first_order.transforms.shaping import (
    add_weight_decay,
    clip_by_norm,
    clip_by_value,
    scale,
    scale_by_learning_rate,
    scale_by_schedule,
)

__all__ = [
    "PerLeaf",
    "Transform",
    "add_weight_decay",
    "apply_updates",
    "chain",
    "clip_by_norm",
    "clip_by_value",
    "scale",
    "scale_by_adagrad",
    "scale_by_adam",
    "scale_by_learning_rate",
    "scale_by_lion",
    "scale_by_momentum",
    "scale_by_nesterov",
    "scale_by_rmsprop",
    "scale_by_schedule",
]
