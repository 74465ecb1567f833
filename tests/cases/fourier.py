"""Cases of ``hodiff/ops/fourier.py``."""

import numpy as np

from cases.table import array, case, refused, special
from hodiff.ops import fourier as ops

ft = np.fft

_X = array(5)
_Y = array(3, 4)
_Z = array(2, 3, 2)


def _complex(x):
    return x + 1j * np.sin(x + 0.3)


def _parts(z):
    return np.real(z), np.imag(z)


def _squares(z):
    """Real and imaginary part in a way that is not linear."""
    return np.real(z) ** 2, np.real(z) * np.imag(z)


# Name, function, whether it takes real signals only.
_ONE = [(f, f.__name__ in ("rfft", "ihfft")) for f in (ft.fft, ft.ifft, ft.rfft, ft.irfft, ft.hfft, ft.ihfft)]
_SEVERAL = [
    (f, f.__name__.startswith("rfft"))
    for f in (ft.fft2, ft.ifft2, ft.fftn, ft.ifftn, ft.rfft2, ft.rfftn, ft.irfft2, ft.irfftn)
]


def _apply(f, real, *args, **keywords):
    return lambda x: _squares(f(x if real else _complex(x), *args, **keywords))


CASES = [
    *(
        case(f"{f.__name__}-{norm}", _apply(f, real, norm=norm), _X, covers=f)
        for f, real in _ONE
        for norm in (None, "backward", "ortho", "forward")
    ),
    *(
        case(f"{f.__name__}-{n}", _apply(f, real, n, norm="ortho" if n == 8 else None), _X, covers=f)
        for f, real in _ONE
        for n in (1, 2, 3, 4, 8, 9)
    ),
    *(case(f"{f.__name__}-axis", _apply(f, real, 3, 0), _Y, covers=f) for f, real in _ONE),
    *(case(f"{f.__name__}-even", _apply(f, real, axis=-1), _Y, covers=f) for f, real in _ONE),
    *(case(f"{f.__name__}-strided", lambda x, f=f: _squares(f(x.T[::-1, ::2], 4, 0)), _Y, covers=f) for f, _ in _ONE),
    *(case(f"{f.__name__}-of-real", lambda x, f=f: _squares(f(x)), _X, covers=f) for f, _ in _ONE),
    *(case(f"{f.__name__}-all", _apply(f, real), _Z, covers=f) for f, real in _SEVERAL),
    *(
        case(f"{f.__name__}-s-{norm}", _apply(f, real, (4, 3), (1, 0), norm=norm), _Z, covers=f)
        for f, real in _SEVERAL
        for norm in ("ortho", "forward")
    ),
    *(case(f"{f.__name__}-repeated", _apply(f, real, axes=(0, 1, 1)), _Y, covers=f) for f, real in _SEVERAL),
    *(case(f"{f.__name__}-repeated-s", _apply(f, real, (4, 3, 5), (1, 0, 1)), _Y, covers=f) for f, real in _SEVERAL),
    *(case(f"{f.__name__}-whole", _apply(f, real, (-1, 5), (-2, -1)), _Y, covers=f) for f, real in _SEVERAL),
    case("fftn-no-axes", lambda x: ft.fftn(x, axes=()) ** 2, _Y, covers=ft.fftn),
    refused("rfftn-no-axes", IndexError, lambda x: ft.rfftn(x, axes=()), _Y),
    case("fft-primitives", lambda x: _squares(ft.fft(x, 7)), _X, covers=(ops.transform, ops.resized)),
    case("rfft-primitive", lambda x: _squares(ft.rfft(x)), _X, covers=(ops.real_transform,)),
    case("irfft-primitive", lambda x: ft.irfft(_complex(x)) ** 2, _X, covers=(ops.hermitian_inverse,)),
    case("fft-power-spectrum", lambda x: np.abs(ft.rfft(x * x)) ** 2, _X, covers=ft.rfft),
    case(
        "fft-convolution",
        lambda x, k: ft.irfft(ft.rfft(x, 9) * ft.rfft(k, 9), 9),
        _X,
        array(5, seed=1),
        covers=ft.irfft,
    ),
    *(
        case(f"{f.__name__}-{axes}", lambda x, f=f, axes=axes: f(x, axes) ** 2, _Z, covers=f)
        for f in (ft.fftshift, ft.ifftshift)
        for axes in (None, 1, (0, 1), (1, -2, 0))
    ),
    *(refused(f"{f.__name__}-norm", ValueError, lambda x, f=f: f(x, norm="both"), _Y) for f, _ in _ONE + _SEVERAL),
    *(refused(f"{f.__name__}-no-points", ValueError, lambda x, f=f: f(x, 0), _X) for f, _ in _ONE),
    *(refused(f"{f.__name__}-lengths", ValueError, lambda x, f=f: f(x, (3,), (0, 1)), _Y) for f, _ in _SEVERAL),
    *(refused(f"{f.__name__}-none", TypeError, lambda x, f=f: f(x, (3, None), (0, 1)), _Y) for f, _ in _SEVERAL),
    *(refused(f"{f.__name__}-complex", TypeError, lambda x, f=f: f(x + 1j), _X) for f in (ft.rfft, ft.ihfft, ft.rfftn)),
    refused("fft-axis", np.exceptions.AxisError, lambda x: ft.fft(x, axis=1), _X),
]

SPECIALS = [
    special("fft-parseval", lambda x: np.sum(np.abs(ft.fft(x)) ** 2), _X, 10 * _X),
    special("rfft-zero-frequency", lambda x: np.real(ft.rfft(x))[0], _X, np.ones(5)),
    special("irfft-imaginary-ignored", lambda x: ft.irfft(1j * x, 4)[0], np.ones(3), np.zeros(3)),
    special("irfft-hermitian", lambda x: ft.irfft(x + 0j, 4)[0], np.ones(3), np.array([0.25, 0.5, 0.25])),
    special("fft-complex-gradient", lambda z: np.real(ft.fft(z)[1]), np.ones(4, complex), np.array([1, -1j, -1, 1j])),
    special("fft-no-rows", lambda x: np.real(ft.fft(x)), np.zeros((0, 3)), np.zeros((0, 3))),
    special("fft-big-endian", lambda x: np.real(ft.fft(x))[0], np.ones(3, ">f8"), np.ones(3)),
]
