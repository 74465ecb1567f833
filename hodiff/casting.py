"""Casting: tangents to the shape and dtype of an answer, cotangents to those of an operand.

The one place where broadcasting is undone. May import ``shaped`` and ``errors``.

>>> unbroadcast(np.ones((2, 3)), (3,), np.dtype(float))
array([2., 2., 2.])
"""

from typing import Any

import numpy as np

from hodiff.errors import RuleError
from hodiff.shaped import Shape, broadcast_axes


def check_coefficient(coefficient: Any, shape: Shape, name: str) -> None:
    """Refuse what an elementwise rule must not return: anything that does not broadcast to the shape of the answer."""
    found = getattr(coefficient, "shape", None)
    if found in (shape, ()) or isinstance(coefficient, (float, int, complex)):
        return
    if found is None:
        raise RuleError(
            f"{name}: a partial derivative returned an object of type {type(coefficient).__name__}; it must return an "
            f"array or a number (give None in the place of the rule for a derivative that is zero)"
        )
    if len(found) > len(shape) or any(m not in (1, n) for m, n in zip(found[::-1], shape[::-1], strict=False)):
        raise RuleError(
            f"{name}: a partial derivative returned an array of shape {found} for an answer of shape {shape}; it must "
            f"have the shape of the answer, or one that broadcasts to it"
        )


def check_tangent(answer: Any, tangent: Any, name: str) -> None:
    """Refuse an answer that is no array, and a tangent of another structure or shape than the answer."""
    if not hasattr(answer, "shape"):
        raise RuleError(f"{name} must return an array or a NumPy scalar, got {type(answer).__name__}")
    if not hasattr(tangent, "shape"):
        raise RuleError(
            f"{name}: a derivative rule returned a tangent of type {type(tangent).__name__} for an answer of shape "
            f"{answer.shape}; it must return an array, or None for a derivative that is zero"
        )
    if tangent.shape != answer.shape:
        raise RuleError(
            f"{name}: a derivative rule returned a tangent of shape {tangent.shape} for an answer of shape "
            f"{answer.shape}"
        )


def paired(answers: tuple[Any, ...], tangents: Any, name: str) -> list[tuple[Any, Any]]:
    """Answers of an operation that has several, each with its tangent."""
    if not isinstance(tangents, tuple) or len(tangents) != len(answers):
        found = f"{len(tangents)} tangents" if isinstance(tangents, tuple) else f"a {type(tangents).__name__}"
        raise RuleError(
            f"{name} has {len(answers)} answers, and a derivative rule returned {found}; it must return a tuple with "
            f"one tangent an answer (None for a derivative that is zero)"
        )
    return list(zip(answers, tangents, strict=True))


def unbroadcast(value: Any, shape: Shape, dtype: "np.dtype[Any]", name: str = "a rule") -> Any:
    """Sum ``value`` over the axes along which an operand of ``shape`` was broadcast, and cast it to ``dtype``."""
    if not hasattr(value, "shape"):
        raise RuleError(
            f"{name}: a derivative rule returned a cotangent of type {type(value).__name__} for an operand of shape "
            f"{shape}; it must return an array"
        )
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
