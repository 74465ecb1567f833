"""Entries of ``hodiff/ops/fourier.py``."""

import numpy as np

from matrix.table import ARRAY, OUT, entry

_NORMS = ("ortho", "forward", "backward")
_SHAPES = {"1-d": ((4,),), "2-d": ((3, 4),), "3-d": ((2, 3, 4),), "0-d": ((),), "empty": ((0,),)}

_NUMBER = {"0-d": "a number where NumPy gives an array without axes"}
_F = np.fft


def _one(f):
    keywords = {"n": (3, 6, 5), "axis": (0, -2, -1), "norm": _NORMS, "out": (OUT,)}
    # irfft and hfft of nothing give whatever memory holds.
    shapes = {k: v for k, v in _SHAPES.items() if k != "empty" or f.__name__ not in ("irfft", "hfft")}
    return entry(f, name=f"fft.{f.__name__}", shapes=shapes, keywords=keywords, ulps=4)


def _several(f):
    keywords = {"s": ((3, 5), (2, 2), (4, 3)), "axes": ((0, 1), (-1, -2), (-1,)), "norm": _NORMS, "out": (OUT,)}
    lax = {"all": "out= of NumPy must fit the steps on the way, too"}
    return entry(
        f,
        name=f"fft.{f.__name__}",
        shapes=_SHAPES,
        keywords=keywords,
        ulps=4,
        lax=lax,
        deviations=_NUMBER if f in (_F.fftn, _F.ifftn) else {},
    )


ENTRIES = [
    *(_one(f) for f in (_F.fft, _F.ifft, _F.rfft, _F.irfft, _F.hfft, _F.ihfft)),
    *(_several(f) for f in (_F.fft2, _F.ifft2, _F.fftn, _F.ifftn, _F.rfft2, _F.rfftn, _F.irfft2, _F.irfftn)),
    *(
        entry(f, name=f"fft.{f.__name__}", shapes=ARRAY, keywords={"axes": (0, -1, (0, 1), None)})
        for f in (_F.fftshift, _F.ifftshift)
    ),
]
