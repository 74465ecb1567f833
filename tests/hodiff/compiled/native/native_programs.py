"""What tests of operations share: functions as native code, compared with NumPy in all that can be seen."""

import warnings

import numpy as np
import pytest

from hodiff.compiled import native
from hodiff.compiled.native.executable import Fallback
from hodiff.compiled.units import optimised
from hodiff.staging import stage


def quietly(function, *arguments):
    """The result, or the error, and the warnings of a call."""
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="warn"):
        warnings.simplefilter("always")
        try:
            result = function(*arguments)
        except Exception as error:  # noqa: BLE001 - to compare it
            result = error
    return result, sorted({(w.category, str(w.message).split(" encountered")[0]) for w in caught}, key=str)


class Compiled:
    """A function that returns a list, as native code without anything left to NumPy.

    Attributes
    ----------
    ran_elsewhere : bool
        NumPy code has taken over in some call.
    """

    def __init__(self, function, *values):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            _, program = stage(function, list(values))
        self._slow = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(native, "Fallback", self._fallback)
            self.executable = native.compile(optimised(program), fresh=(True,) * len(program.outputs))
        assert not self.executable.notes, self.executable.notes

    def _fallback(self, *arguments):
        self._slow.append(Fallback(*arguments))
        return self._slow[-1]

    def __call__(self, *values):
        return self.executable.function(*values)

    @property
    def ran_elsewhere(self):
        return any(slow._executable is not None for slow in self._slow)


def check(function, *values, others=(), bits=True, elsewhere=False, ulps=4):
    """Check that native code of a function does what the function does.

    Parameters
    ----------
    function : callable
        Of arrays, returns a list of them.
    *values
        To compile it for, and to call it with.
    others : sequence of tuple
        More values to call it with.
    bits : bool
        Whether all bits have to agree; else all but the last ``ulps``.
    elsewhere : bool
        Whether NumPy code is expected to take over, because of errors or warnings.
    """
    compiled = Compiled(function, *values)
    for arguments in (values, *others):
        kept = [np.copy(v) for v in arguments]
        found, found_warnings = quietly(compiled, *arguments)
        wanted, wanted_warnings = quietly(function, *arguments)
        assert found_warnings == wanted_warnings
        if isinstance(wanted, Exception):
            assert type(found) is type(wanted)
            continue
        if isinstance(found, Exception):
            raise found
        for one, other in zip(found, wanted, strict=True):
            same(one, other, bits, ulps)
        for before, after in zip(kept, arguments, strict=True):
            np.testing.assert_array_equal(before, after)
    assert compiled.ran_elsewhere == elsewhere
    return compiled


def same(found, wanted, bits=True, ulps=4):
    """Assert that two values are the same, of the same type."""
    assert type(found) is type(wanted)
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
    if bits or wanted.dtype.kind not in "fc":
        np.testing.assert_array_equal(found, wanted)
        if wanted.dtype.kind == "f":
            number = ~np.isnan(wanted)
            np.testing.assert_array_equal(np.signbit(found)[number], np.signbit(wanted)[number])
        return
    eps = np.finfo(wanted.dtype).eps
    scale = np.max(np.abs(wanted[np.isfinite(wanted)]), initial=0.0)
    np.testing.assert_allclose(found, wanted, rtol=ulps * eps, atol=ulps * eps * scale)
