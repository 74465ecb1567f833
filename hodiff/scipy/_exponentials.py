"""Sums of exponentials: logsumexp, softmax, log_softmax, softplus.

May import ``core``, ``errors``, ``kinds`` and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(logsumexp)(np.array([0.0, 0.0]))
array([0.5, 0.5])
"""

from typing import Any

import numpy as np
from scipy import special as _scipy

from hodiff.core import Tracer, as_operand
from hodiff.errors import NoRuleError
from hodiff.kinds import general
from hodiff.shaped import negative_axes

# --- sums of exponentials ---------------------------------------------------------------------------------------------


def _log_sum_weight(ans: Any, sign: Any, a: Any, b: Any, axis: tuple[int, ...]) -> Any:
    """exp(a) over the signed sum of b·exp(a); equal shares for the entries that are as infinite as the answer."""
    equal = np.isinf(ans) & np.equal(a, ans) & np.not_equal(b, 0)
    count = np.sum(equal, axis=axis, keepdims=True)
    ties = np.greater(count, 0)
    large = np.exp(np.where(ties, 0.0, a) - np.where(ties, 0.0, ans))
    # The sum is ±1 up to the rounding of the answer, which is divided out.
    sum_of_all = np.sum(np.where(np.equal(b, 0), 0.0, b * large), axis=axis, keepdims=True)
    shares = np.where(equal, 1.0, 0.0) / (np.maximum(count, 1) * np.where(np.equal(sign, 0), 1.0, sign))
    return np.where(ties, shares, large / np.where(ties | np.equal(sign, 0), 1.0, sum_of_all))


def _log_sum_jvp(slot: int) -> Any:
    def jvp(t: Any, answers: Any, a: Any, b: Any, axis: tuple[int, ...]) -> Any:
        ans, sign = answers
        weight = _log_sum_weight(ans, sign, a, b, axis)
        if slot == 0:
            weight = np.where(np.equal(b, 0), 0.0, np.where(np.isinf(ans), np.sign(b), b) * weight)
        return np.sum(weight * t, axis=axis, keepdims=True), None

    return jvp


_log_sum = general(
    lambda a, b, axis: tuple(_scipy.logsumexp(a, axis=axis, b=b, keepdims=True, return_sign=True)),
    _log_sum_jvp(0),
    _log_sum_jvp(1),
    name="_log_sum",
    leading=True,
)


def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """Logarithm of the sum of b·exp(a).

    Parameters
    ----------
    a, axis, b, keepdims, return_sign
        As for ``scipy.special.logsumexp``; on traced values ``a`` and ``b`` are real.

    Returns
    -------
    array, or two with ``return_sign``
        Entries that tie at infinity share the gradient equally.

    Examples
    --------
    >>> import hodiff as hd
    >>> hd.grad(logsumexp)(np.array([-np.inf, 3.0]))
    array([0., 1.])
    """
    a, b = as_operand(a), None if b is None else as_operand(b)
    if not isinstance(a, Tracer) and not isinstance(b, Tracer):
        return _scipy.logsumexp(a, axis=axis, b=b, keepdims=keepdims, return_sign=return_sign)
    if np.iscomplexobj(a) or np.iscomplexobj(b):
        raise NoRuleError.for_function("scipy.special.logsumexp of complex numbers")
    dtype = np.result_type(np.result_type(a), np.float32 if b is None else np.result_type(b))
    weights = np.ones(np.shape(a), dtype) if b is None else b
    shape = np.broadcast_shapes(np.shape(a), np.shape(weights))
    axes = negative_axes(axis, len(shape), "scipy.special.logsumexp")
    if not shape:
        # SciPy's function would make an axis of length 1 for a number.
        return logsumexp(np.reshape(a, (1,)), b=np.reshape(weights, (1,)), return_sign=return_sign)
    out, sign = _log_sum(np.broadcast_to(a, shape), np.broadcast_to(weights, shape), axis=axes)
    if not return_sign:
        out = np.where(np.less(sign, 0), np.nan, out)
    if not keepdims:
        out, sign = np.squeeze(out, axes), np.squeeze(sign, axes)
    return (out, sign) if return_sign else out


_softmax = general(
    lambda x, axis: _scipy.softmax(x, axis=axis),
    lambda t, ans, x, axis: ans * (t - np.sum(ans * t, axis=axis, keepdims=True)),
    name="_softmax",
    leading=True,
)
_log_softmax = general(
    lambda x, axis: _scipy.log_softmax(x, axis=axis),
    lambda t, ans, x, axis: t - np.sum(np.exp(ans) * t, axis=axis, keepdims=True),
    name="_log_softmax",
    leading=True,
)


def softmax(x: Any, axis: Any = None) -> Any:
    """Exponentials over their sum along ``axis``, as ``scipy.special.softmax``.

    Examples
    --------
    >>> import hodiff as hd
    >>> hd.grad(lambda x: softmax(x)[0])(np.zeros(2))
    array([ 0.25, -0.25])
    """
    x = as_operand(x)
    return _softmax(x, axis=negative_axes(axis, np.ndim(x), "scipy.special.softmax"))


def log_softmax(x: Any, axis: Any = None) -> Any:
    """Logarithm of `softmax`, as ``scipy.special.log_softmax``.

    Examples
    --------
    >>> import hodiff as hd
    >>> hd.grad(lambda x: log_softmax(x)[0])(np.zeros(2))
    array([ 0.5, -0.5])
    """
    x = as_operand(x)
    return _log_softmax(x, axis=negative_axes(axis, np.ndim(x), "scipy.special.log_softmax"))


def softplus(x: Any) -> Any:
    """log(1 + exp(x)), as ``scipy.special.softplus``.

    Examples
    --------
    >>> import hodiff as hd
    >>> float(hd.grad(softplus)(1000.0))
    1.0
    """
    return np.logaddexp(0.0, as_operand(x))
