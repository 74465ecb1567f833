"""All of ``numpy.fft``: transforms along one axis and along several, of complex, real and Hermitian signals.

A discrete Fourier matrix is symmetric, so a transform is its own transpose, with the same direction and the same norm.
The two transforms between real signals of length n and the n//2 + 1 coefficients that determine them are each other's
transposes up to weights: with mₖ = 1 for the coefficients that are real (k = 0, and k = n/2 for even n) and 2 for the
others, y = irfft(c) is (1/n) Σ mₖ Re(cₖ ωᵏʲ), so that c̄ₖ = (mₖ/n) conj(rfft(ȳ))ₖ, and x̄ = irfft(conj(c̄) n/m) for
c = rfft(x). Padding and cropping to n points is an operation of its own. Transforms along several axes
go one axis after another in NumPy's order, repeated axes included.
May import ``code``, ``core``, ``kinds``, ``lowering``, ``matrices`` and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(lambda x: np.abs(np.fft.fft(x)[1]) ** 2)(np.array([1.0, 0.0, 0.0, 0.0]))
array([ 2.,  0., -2.,  0.])
"""

from collections.abc import Callable, Sequence
from operator import index as as_index
from typing import Any

import numpy as np

from hodiff.code import Code
from hodiff.core import Primitive, as_operand
from hodiff.kinds import composite, linear, reject
from hodiff.lowering import Piece, Pieces
from hodiff.matrices import conjugate
from hodiff.shaped import Shaped, negative_axis

#: What a norm means for the transform in the other direction.
_OPPOSITE = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


# --- the operations ---------------------------------------------------------------------------------------------------


def _with_length(shape: Sequence[int], n: int, axis: int) -> tuple[int, ...]:
    lengths = list(shape)
    lengths[axis] = n
    return tuple(lengths)


def _resize(x: Any, n: int, axis: int) -> Any:
    answer = np.zeros(_with_length(x.shape, n, axis), x.dtype)
    part: tuple[Any, ...] = (..., slice(min(n, x.shape[axis])), *(slice(None),) * (-1 - axis))
    answer[part] = x[part]
    return answer


def _resized_pieces(equation: Any) -> list[Piece]:
    shape = equation.operands[0].shape
    places = tuple(range(min(n, m)) for n, m in zip(shape, equation.answers[0].shape, strict=True))
    return [Piece(0, places, lambda at: at)]


def _complex(dtype: Any) -> Any:
    return np.result_type(dtype, np.complex64)


def _transform(x: Any, axis: int, norm: Any, inverse: bool) -> Any:
    return (np.fft.ifft if inverse else np.fft.fft)(x, axis=axis, norm=norm)


def _weights(n: int, axis: int, dtype: Any) -> Any:
    """How many of the n coefficients each of the n//2 + 1 stands for."""
    weights = np.full(n // 2 + 1, 2.0, np.finfo(dtype).dtype)
    weights[0] = 1.0
    if n % 2 == 0:
        weights[-1] = 1.0
    return weights[(..., *(None,) * (-1 - axis))]


def _real_transform_transpose(ct: Any, x: Any, axis: int, norm: str | None) -> Any:
    n = x.shape[axis]
    scaled = np.conjugate(ct) / _weights(n, axis, ct.dtype)
    return hermitian_inverse(scaled, n=n, axis=axis, norm=_OPPOSITE[norm])


def _hermitian_inverse_transpose(ct: Any, c: Any, n: int, axis: int, norm: str | None) -> Any:
    return np.conjugate(real_transform(ct, axis=axis, norm=_OPPOSITE[norm])) * _weights(n, axis, ct.dtype)


#: The first n elements along an axis, zeros where there are fewer.
resized: Primitive = linear(
    _resize,
    lambda ct, x, n, axis: resized(ct, n=x.shape[axis], axis=axis),
    name="resized",
    leading=True,
    shape=lambda x, n, axis: Shaped(_with_length(x.shape, n, axis), x.dtype),
    code=Code(shares=False, nest=Pieces(_resized_pieces)),
)
#: ``fft`` and ``ifft`` of all elements along an axis.
transform: Primitive = linear(
    _transform,
    lambda ct, x, axis, norm, inverse: transform(ct, axis=axis, norm=norm, inverse=inverse),
    name="transform",
    leading=True,
    shape=lambda x, axis, norm, inverse: Shaped(x.shape, _complex(x.dtype)),
)
#: ``rfft`` of all elements along an axis.
real_transform: Primitive = linear(
    lambda x, axis, norm: np.fft.rfft(x, axis=axis, norm=norm),
    _real_transform_transpose,
    name="real_transform",
    leading=True,
    shape=lambda x, axis, norm: Shaped(_with_length(x.shape, x.shape[axis] // 2 + 1, axis), _complex(x.dtype)),
)
#: ``irfft`` to length n from n//2 + 1 coefficients.
hermitian_inverse: Primitive = linear(
    lambda c, n, axis, norm: np.fft.irfft(c, n, axis=axis, norm=norm),
    _hermitian_inverse_transpose,
    name="hermitian_inverse",
    leading=True,
    shape=lambda c, n, axis, norm: Shaped(_with_length(c.shape, n, axis), np.finfo(_complex(c.dtype)).dtype),
)


def _prepared(function: str, a: Any, n: Any, axis: int, norm: str | None, half: bool = False) -> tuple[Any, int, int]:
    """The operand with n elements (n//2 + 1 if ``half`` of a spectrum) along the axis; n; the axis from the end."""
    if norm not in _OPPOSITE:
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    a = as_operand(a)
    axis = negative_axis(axis, a.ndim, f"numpy.fft.{function}")
    if n is None:
        n = (a.shape[axis] - 1) * 2 if half else a.shape[axis]
    n = as_index(n)
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    wanted = n // 2 + 1 if half else n
    return (a if a.shape[axis] == wanted else resized(a, n=wanted, axis=axis)), n, axis


# --- along one axis ---------------------------------------------------------------------------------------------------


@composite(np.fft.fft)
def fft(a: Any, n: Any = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Any:
    """NumPy's ``fft.fft``."""
    reject("numpy.fft.fft", out=(out, None))
    a, _, axis = _prepared("fft", a, n, axis, norm)
    return transform(a, axis=axis, norm=norm, inverse=False)


@composite(np.fft.ifft)
def ifft(a: Any, n: Any = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Any:
    """NumPy's ``fft.ifft``."""
    reject("numpy.fft.ifft", out=(out, None))
    a, _, axis = _prepared("ifft", a, n, axis, norm)
    return transform(a, axis=axis, norm=norm, inverse=True)


@composite(np.fft.rfft)
def rfft(a: Any, n: Any = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Any:
    """NumPy's ``fft.rfft``, of real signals."""
    reject("numpy.fft.rfft", out=(out, None))
    a, _, axis = _prepared("rfft", a, n, axis, norm)
    if a.dtype.kind == "c":
        raise TypeError(f"numpy.fft.rfft: the signal must be real, got {a.dtype}; use numpy.fft.fft")
    return real_transform(a, axis=axis, norm=norm)


@composite(np.fft.irfft)
def irfft(a: Any, n: Any = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Any:
    """NumPy's ``fft.irfft``; of the coefficients that stand for themselves only the real part counts."""
    reject("numpy.fft.irfft", out=(out, None))
    a, n, axis = _prepared("irfft", a, n, axis, norm, half=True)
    return hermitian_inverse(a, n=n, axis=axis, norm=norm)


@composite(np.fft.hfft)
def hfft(a: Any, n: Any = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Any:
    """NumPy's ``fft.hfft``, of signals that are Hermitian in time."""
    reject("numpy.fft.hfft", out=(out, None))
    a, n, axis = _prepared("hfft", a, n, axis, norm, half=True)
    return hermitian_inverse(conjugate(a), n=n, axis=axis, norm=_OPPOSITE[norm])


@composite(np.fft.ihfft)
def ihfft(a: Any, n: Any = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Any:
    """NumPy's ``fft.ihfft``, of real spectra."""
    reject("numpy.fft.ihfft", out=(out, None))
    a, _, axis = _prepared("ihfft", a, n, axis, norm)
    if a.dtype.kind == "c":
        raise TypeError(f"numpy.fft.ihfft: the spectrum must be real, got {a.dtype}; use numpy.fft.ifft")
    return np.conjugate(real_transform(a, axis=axis, norm=_OPPOSITE[norm]))


# --- along several axes -----------------------------------------------------------------------------------------------


def _steps(a: Any, s: Any, axes: Any, half: bool = False) -> list[tuple[int, int]]:
    """Number of points and axis of each step, as NumPy reads ``s`` and ``axes``."""
    if s is None:
        axes = list(range(a.ndim)) if axes is None else list(axes)
        lengths = [a.shape[axis] for axis in axes]
        if half:
            lengths[-1] = (lengths[-1] - 1) * 2
    else:
        lengths = list(s)
        if None in lengths:
            raise TypeError("numpy.fft: `s` must hold integers, got None; -1 takes the whole axis")
        axes = list(range(-len(lengths), 0)) if axes is None else list(axes)
        if len(lengths) != len(axes):
            raise ValueError("Shape and axes have different lengths.")
        lengths = [a.shape[axis] if n == -1 else n for n, axis in zip(lengths, axes, strict=True)]
    return list(zip(lengths, axes, strict=True))


def _several(name: str, step: Callable[..., Any], default: tuple[int, int] | None) -> Callable[..., Any]:
    def complex_transform(a: Any, s: Any = None, axes: Any = default, norm: str | None = None, out: Any = None) -> Any:
        reject(f"numpy.fft.{name}", out=(out, None))
        a = as_operand(a)
        for n, axis in reversed(_steps(a, s, axes)):
            a = step(a, n, axis, norm)
        return a

    return complex_transform


def _several_real(name: str, default: tuple[int, int] | None) -> Callable[..., Any]:
    def from_real(a: Any, s: Any = None, axes: Any = default, norm: str | None = None, out: Any = None) -> Any:
        reject(f"numpy.fft.{name}", out=(out, None))
        a = as_operand(a)
        steps = _steps(a, s, axes)
        a = rfft(a, *steps[-1], norm)
        for n, axis in reversed(steps[:-1]):
            a = fft(a, n, axis, norm)
        return a

    return from_real


def _several_hermitian(name: str, default: tuple[int, int] | None) -> Callable[..., Any]:
    def to_real(a: Any, s: Any = None, axes: Any = default, norm: str | None = None, out: Any = None) -> Any:
        reject(f"numpy.fft.{name}", out=(out, None))
        a = as_operand(a)
        steps = _steps(a, s, axes, half=True)
        for n, axis in steps[:-1]:
            a = ifft(a, n, axis, norm)
        return irfft(a, *steps[-1], norm)

    return to_real


fft2 = composite(np.fft.fft2)(_several("fft2", fft, (-2, -1)))
ifft2 = composite(np.fft.ifft2)(_several("ifft2", ifft, (-2, -1)))
fftn = composite(np.fft.fftn)(_several("fftn", fft, None))
ifftn = composite(np.fft.ifftn)(_several("ifftn", ifft, None))
rfft2 = composite(np.fft.rfft2)(_several_real("rfft2", (-2, -1)))
rfftn = composite(np.fft.rfftn)(_several_real("rfftn", None))
irfft2 = composite(np.fft.irfft2)(_several_hermitian("irfft2", (-2, -1)))
irfftn = composite(np.fft.irfftn)(_several_hermitian("irfftn", None))


# --- shifts -----------------------------------------------------------------------------------------------------------


def _shifts(x: Any, axes: Any, sign: int) -> Any:
    """``x`` rolled along the axes by half of their lengths, rounded down; back again for sign -1."""
    if axes is None:
        axes = tuple(range(x.ndim))
    elif np.ndim(axes) == 0:
        axes = (as_index(axes),)
    shift = tuple(x.shape[axis] // 2 * sign for axis in axes)
    return np.roll(x, shift, tuple(axes))


@composite(np.fft.fftshift)
def fftshift(x: Any, axes: Any = None) -> Any:
    """NumPy's ``fft.fftshift``."""
    return _shifts(as_operand(x), axes, 1)


@composite(np.fft.ifftshift)
def ifftshift(x: Any, axes: Any = None) -> Any:
    """NumPy's ``fft.ifftshift``."""
    return _shifts(as_operand(x), axes, -1)
