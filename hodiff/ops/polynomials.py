"""Polynomials by their coefficients, the highest power first: NumPy's ``poly`` functions.

Where NumPy drops leading zeros, the length of its answer depends on values and the derivative in what is dropped would
be lost, so coefficients that are traced keep them: ``polymul`` and the remainder of ``polydiv`` may have zeros in front
that NumPy's answer lacks, and are the same polynomials. ``np.roots`` of traced coefficients are differentiated
implicitly: dr = -dp(r)/p′(r), infinite or NaN at multiple roots, where there is no derivative.
May import ``core``, ``errors``, ``kinds`` and ``operands``.

>>> import hodiff as hd
>>> hd.grad(lambda p: np.roots(p)[0])(np.array([1.0, -3.0, 2.0]))
array([-4., -2., -1.])
"""

import warnings
from typing import Any

import numpy as np

from hodiff.core import Tracer
from hodiff.errors import ConversionError
from hodiff.kinds import composite, constant, general
from hodiff.operands import as_array


def _coefficients(p: Any) -> Any:
    """Coefficients as an array with one axis at least."""
    p = as_array(p.coeffs if isinstance(p, np.poly1d) else p)
    return p if p.ndim else np.reshape(p, (1,))


def _refuse_objects(name: str, *polynomials: Any) -> None:
    """NumPy would answer a ``poly1d``, which drops leading zeros and with them their derivatives."""
    if any(isinstance(p, np.poly1d) for p in polynomials):
        raise ConversionError(
            f"numpy.{name}: np.poly1d and traced values do not mix; pass arrays of coefficients (p.coeffs) instead"
        )


# --- values, sums and products ----------------------------------------------------------------------------------------


@composite(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """NumPy's ``polyval``, by Horner's scheme."""
    _refuse_objects("polyval", x)
    p, x = as_array(p.coeffs if isinstance(p, np.poly1d) else p), as_array(x)
    answer = np.zeros_like(x)
    for coefficient in p:
        answer = answer * x + coefficient
    return answer


def _sum(a1: Any, a2: Any) -> tuple[Any, Any]:
    """Coefficients of both with zeros in front of the shorter ones."""
    a1, a2 = _coefficients(a1), _coefficients(a2)
    missing = a2.shape[0] - a1.shape[0]
    if missing > 0:
        a1 = np.concatenate((np.zeros(missing, a1.dtype), a1))
    if missing < 0:
        a2 = np.concatenate((np.zeros(-missing, a2.dtype), a2))
    return a1, a2


@composite(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Any:
    """NumPy's ``polyadd``."""
    _refuse_objects("polyadd", a1, a2)
    a1, a2 = _sum(a1, a2)
    return a1 + a2


@composite(np.polysub)
def polysub(a1: Any, a2: Any) -> Any:
    """NumPy's ``polysub``."""
    _refuse_objects("polysub", a1, a2)
    a1, a2 = _sum(a1, a2)
    return a1 - a2


@composite(np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    """NumPy's ``polymul``; traced coefficients keep leading zeros."""
    _refuse_objects("polymul", a1, a2)
    return np.convolve(_factor(a1), _factor(a2))


def _factor(p: Any) -> Any:
    """Coefficients of a polynomial, of which a plain one loses leading zeros; none stand for 0."""
    if isinstance(p, Tracer):
        return p if p.size else np.zeros(1, p.dtype)
    return np.poly1d(p).coeffs


@composite(np.polydiv)
def polydiv(u: Any, v: Any) -> tuple[Any, Any]:
    """NumPy's ``polydiv``; the remainder keeps leading zeros."""
    _refuse_objects("polydiv", u, v)
    u, v = _coefficients(u) + 0.0, _coefficients(v) + 0.0
    if not u.size or not v.size:
        raise IndexError("numpy.polydiv: a polynomial needs at least one coefficient")
    dtype = np.result_type(u.dtype, v.dtype)
    rest, v = (x if x.dtype == dtype else x.astype(dtype) for x in (u, v))
    steps = u.shape[0] - v.shape[0] + 1
    if steps <= 0:
        return np.zeros(1, dtype), np.positive(rest)
    quotient = []
    for _ in range(steps):
        factor = rest[0] / v[0]
        quotient.append(factor)
        # What remains of the first element is 0 by construction.
        rest = np.concatenate((rest[1 : v.shape[0]] - factor * v[1:], rest[v.shape[0] :]))
    return np.stack(quotient), rest if rest.shape[0] else np.zeros(1, dtype)


# --- derivatives and integrals ----------------------------------------------------------------------------------------


@composite(np.polyder)
def polyder(p: Any, m: int = 1) -> Any:
    """NumPy's ``polyder``."""
    m = int(m)
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    for _ in range(m):
        p = p[:-1] * np.arange(p.shape[0] - 1, 0, -1)
    return p


@composite(np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """NumPy's ``polyint``; the constants of integration may be traced too."""
    _refuse_objects("polyint", p)
    m = int(m)
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    k = _coefficients(np.zeros(m) if k is None else k)
    if k.shape[0] == 1 and m > 1:
        k = np.broadcast_to(k, (m,))
    if k.shape[0] < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    p = as_array(p)
    for i in range(m):
        p = np.concatenate((p / np.arange(p.shape[0], 0, -1), k[i : i + 1]))
    return p


# --- roots ------------------------------------------------------------------------------------------------------------


def _roots_jvp(t: Any, ans: Any, p: Any) -> Any:
    return -np.polyval(t, ans) / np.polyval(np.polyder(p), ans)


def _characteristic_jvp(t: Any, ans: Any, a: Any) -> Any:
    """dcₖ = -tr(Mₖ₋₁ dA), where adj(λ - A) = Σ Mₖ λⁿ⁻¹⁻ᵏ with M₀ = 1, Mₖ = A Mₖ₋₁ + cₖ (Faddeev and LeVerrier)."""
    n = a.shape[0]
    one = np.eye(n, dtype=a.dtype)
    matrix, parts = one, [np.zeros_like(ans[0])]
    for k in range(1, n + 1):
        parts.append(-np.sum(np.transpose(matrix) * t))
        matrix = a @ matrix + ans[k] * one
    return np.stack(parts)


polynomial_roots = general(np.roots, _roots_jvp, name="polynomial_roots")
#: Characteristic polynomial of a square matrix; smooth, also where eigenvalues meet.
characteristic = general(np.poly, _characteristic_jvp, name="characteristic")


@composite(np.roots)
def roots(p: Any) -> Any:
    """NumPy's ``roots``: of degree 1 and more, complex where NumPy's are."""
    if p.ndim > 1:
        raise ValueError("Input must be a rank-1 array.")
    return polynomial_roots(_coefficients(p))


@composite(np.poly)
def poly(seq_of_zeros: Any) -> Any:
    """NumPy's ``poly``: of roots, or of a square matrix."""
    # NumPy looks for traced values among the elements, so it may be a list of them.
    zeros = np.stack(list(seq_of_zeros)) if isinstance(seq_of_zeros, (list, tuple)) else seq_of_zeros
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1] != 0:
        return characteristic(zeros)
    if zeros.ndim != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    zeros = zeros.astype(np.mintypecode(zeros.dtype.char))
    one = np.ones(1, zeros.dtype)
    answer: Any = one
    for i in range(zeros.shape[0]):
        answer = np.convolve(answer, np.concatenate((one, -zeros[i : i + 1])))
    if zeros.dtype.kind == "c" and np.all(np.equal(np.sort(zeros), np.sort(np.conjugate(zeros)))):
        return np.real(answer)
    return answer if zeros.shape[0] else 1.0


# --- fitting ----------------------------------------------------------------------------------------------------------


def _samples(x: Any, y: Any, w: Any, deg: int) -> tuple[Any, Any, Any]:
    """The arguments of ``polyfit`` as arrays, checked as NumPy does."""
    x, y = as_array(x) + 0.0, as_array(y) + 0.0
    if deg < 0:
        raise ValueError("expected deg >= 0")
    if x.ndim != 1:
        raise TypeError("expected 1D vector for x")
    if x.size == 0:
        raise TypeError("expected non-empty vector for x")
    if y.ndim not in (1, 2):
        raise TypeError("expected 1D or 2D array for y")
    if x.shape[0] != y.shape[0]:
        raise TypeError("expected x and y to have same length")
    if w is not None:
        w = as_array(w) + 0.0
        if w.ndim != 1:
            raise TypeError("expected a 1-d array for weights")
        if w.shape[0] != y.shape[0]:
            raise TypeError("expected w and y to have the same length")
    return x, y, w


def _check_rank(rank: Any, order: int) -> Any:
    if np.any(np.not_equal(rank, order)):
        warnings.warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=2)
    return np.asarray(rank)


#: The rank, plain or batched, after a warning where it is not full.
rank_checked = constant(_check_rank, name="rank_checked", core=0)


@composite(np.polyfit)
def polyfit(x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False) -> Any:
    """NumPy's ``polyfit``, differentiable in the points, the values and the weights."""
    order = int(deg) + 1
    x, y, w = _samples(x, y, w, int(deg))
    rcond = x.shape[0] * np.finfo(x.dtype).eps if rcond is None else rcond
    left, right = np.vander(x, order), y
    if w is not None:
        left = left * w[:, None]
        right = right * (w[:, None] if y.ndim == 2 else w)
    scale = np.sqrt(np.sum(left * left, axis=0))
    left = left / scale
    solution, residuals, rank, singular = np.linalg.lstsq(left, right, rcond)
    solution = solution / (scale[:, None] if y.ndim == 2 else scale)
    if full:
        return solution, residuals, rank, singular, rcond
    rank_checked(rank, order=order)
    if not cov:
        return solution
    base = np.linalg.inv(left.T @ left) / (scale[:, None] * scale)
    factor: Any = 1
    if cov != "unscaled":
        if x.shape[0] <= order:
            raise ValueError("the number of data points must exceed order to scale the covariance matrix")
        factor = residuals / (x.shape[0] - order)
    return solution, (base if y.ndim == 1 else base[:, :, None]) * factor
