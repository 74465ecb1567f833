"""Casting: tangents to the shape and dtype of an answer, cotangents to those of an operand.

The one place where broadcasting is undone. May import ``shaped`` and ``errors``.

>>> unbroadcast(np.ones((2, 3)), (3,), np.dtype(float))
array([2., 2., 2.])
"""

from typing import Any

import numpy as np

from hodiff.errors import RuleError
from hodiff.shaped import Shape, broadcast_axes


def unbroadcast(value: Any, shape: Shape, dtype: "np.dtype[Any]", name: str = "a rule") -> Any:
    """Sum ``value`` over the axes along which an operand of ``shape`` was broadcast, and cast it to ``dtype``."""
    if value.shape != shape:
        try:
            full = np.broadcast_shapes(value.shape, shape)
            leading, stretched = broadcast_axes(shape, full)
        except ValueError:
            raise RuleError(
                f"{name}: a derivative rule returned a cotangent of shape {value.shape} for an operand of shape "
                f"{shape}; a transpose must return the shape of its operand, or one broadcast from it"
            ) from None
        if value.shape != full:
            value = np.broadcast_to(value, full)
        if leading or stretched:
            value = np.sum(value, axis=leading + stretched, keepdims=True) if stretched else value.sum(axis=leading)
        if stretched:
            value = np.reshape(value, shape)
    return convert(value, dtype)


def convert(value: Any, dtype: "np.dtype[Any]") -> Any:
    """Cast to ``dtype``; from complex to real numbers by the real part, which is the adjoint of the embedding."""
    if value.dtype == dtype:
        return value
    if value.dtype.kind == "c" and dtype.kind != "c":
        value = np.real(value)
    return value if value.dtype == dtype else value.astype(dtype)


def fit_tangent(tangent: Any, shape: Shape, dtype: "np.dtype[Any]") -> Any:
    """Broadcast and cast a tangent to the shape and dtype of the answer it belongs to."""
    if tangent.shape != shape:
        tangent = np.broadcast_to(tangent, shape)
    return tangent if tangent.dtype == dtype else convert(tangent, dtype)


def fit_coefficient(coefficient: Any, dtype: "np.dtype[Any]") -> Any:
    """Keep a coefficient in the precision of the answer, so that rules need not care: no float64 among float32."""
    found = getattr(coefficient, "dtype", None)
    if found is None or found.kind not in "fc" or dtype.kind not in "fc":
        return coefficient
    real = dtype.type(0).real.dtype
    wanted = np.result_type(real, np.complex64) if found.kind == "c" else real
    return coefficient if found == wanted else coefficient.astype(wanted)
