"""Comparisons that say what is wrong."""

from typing import Any

import numpy as np


class Disagreement(AssertionError):
    """What is wrong with a combination."""


def fine(*values: Any) -> bool:
    """Whether all floats are of double precision."""
    return all(np.asarray(v).dtype.kind not in "fc" or np.asarray(v).real.dtype.itemsize >= 8 for v in values)


def same_value(found: Any, expected: list[Any], ulps: float, what: str, written: bool = False) -> None:
    for a, b in zip(found, expected, strict=True):
        if not isinstance(b, (np.ndarray, np.generic)):
            a, b = np.asarray(a)[()] if type(a) is type(b) else a, np.asarray(b)[()]
        # An array without axes that was written into is returned as a number.
        kinds = type(a) is type(b) or (written and b.shape == ())
        if not kinds or a.dtype.newbyteorder("=") != b.dtype.newbyteorder("=") or a.shape != b.shape:
            raise Disagreement(
                f"{what}: {type(a).__name__} {a.dtype} {a.shape}, NumPy gives {type(b).__name__} {b.dtype} {b.shape}"
            )
        if a.dtype.kind not in "fc":
            if not np.array_equal(a, b):
                raise Disagreement(f"{what}: {a}, NumPy gives {b}")
            continue
        size = np.max(np.abs(b), where=np.isfinite(b), initial=0.0)
        with np.errstate(all="ignore"):
            same = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= ulps * np.spacing(size))
        if not np.all(same):
            raise Disagreement(
                f"{what}: {a!r}, NumPy gives {b!r}, {np.nanmax(np.abs(a - b)) / np.spacing(size):.3g} ulp"
            )


def same_kind(found: Any, expected: Any, what: str) -> None:
    expected = np.asarray(expected)
    if found.shape != expected.shape or found.dtype.newbyteorder("=") != expected.dtype.newbyteorder("="):
        raise Disagreement(f"{what}: {found.dtype} {found.shape}, must be {expected.dtype} {expected.shape}")


def close(found: Any, expected: Any, rtol: float, what: str) -> None:
    """Elementwise, relative to the largest element; infinities and NaN must be the same."""
    for a, b in zip(found, expected, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        if b.dtype.kind == "b":
            a, b = a.astype(int), b.astype(int)
        size = np.max(np.abs(b), where=np.isfinite(b), initial=1.0)
        with np.errstate(all="ignore"):
            same = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= rtol * size)
        if not np.all(same):
            at = np.unravel_index(int(np.argmin(same)), same.shape)
            raise Disagreement(f"{what}: at {tuple(map(int, at))} {a[at]} where {b[at]} is expected")
