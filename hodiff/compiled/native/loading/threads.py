"""How many threads native code runs big loops in, and the address of what splits them.

A loop is split into chunks that depend on the loop alone, and each chunk leaves its results in a place of its own, so
the bits are the same for any number of threads. The number is of the whole process: it is the one setting that hodiff
has. May import ``errors``, ``ir``, ``machine``, ``modules`` and ``pool_code``.

>>> before = num_threads()
>>> set_num_threads(1)
>>> num_threads()
1
>>> set_num_threads(before)
"""

import ctypes
import operator
import os
import signal
from collections.abc import Mapping
from threading import RLock
from types import MappingProxyType

from hodiff.compiled.native.ir import RUN_CHUNKS
from hodiff.compiled.native.loading.machine import machine
from hodiff.compiled.native.loading.modules import Loaded, load
from hodiff.compiled.native.loading.pool_code import CALLED, EXPORTED, pool_text, serial_text
from hodiff.errors import ArgumentError


def num_threads() -> int:
    """The number of threads in which compiled functions may run at most.

    By default, it is the number of cores that the process may use.

    Returns
    -------
    int

    Examples
    --------
    >>> num_threads() >= 1
    True
    """
    return _pool.wanted


def set_num_threads(n: int) -> None:
    """Set the number of threads in which compiled functions may run at most, in the whole process.

    At first, it is the number of cores that the process may use. It is about the loops of native code (``pip install
    hodiff[native]``) that take 20 µs and more. Their results are the same, bit for bit, for any number: a loop is
    split into chunks that depend on shapes alone. One call at a time has the threads; others that run at the same time,
    in threads of Python, run each in its own.

    Products of large matrices and LAPACK have the threads of OpenBLAS, whose number is not changed here: the
    environment variable ``OPENBLAS_NUM_THREADS`` sets it, or the package ``threadpoolctl``.

    Parameters
    ----------
    n : int
        At least 1.

    Raises
    ------
    ArgumentError
        Where it is not a positive integer.

    Examples
    --------
    >>> import hodiff as hd
    >>> before = num_threads()
    >>> hd.set_num_threads(2)
    >>> num_threads()
    2
    >>> hd.set_num_threads(before)
    """
    try:
        number = operator.index(n)
    except TypeError:
        number = 0
    if number < 1 or isinstance(n, bool):
        raise ArgumentError(f"set_num_threads: the number of threads must be a positive integer, got {n!r}")
    _pool.set_wanted(number)


def addresses() -> Mapping[str, int]:
    """The address of `RUN_CHUNKS`, for modules that call it; there is one where native code can be made."""
    return _pool.addresses()


class _Pool:
    """The threads of this process, or rather the code that starts and runs them."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._wanted: int | None = None
        self._addresses: Mapping[str, int] | None = None
        self._loaded: Loaded | None = None
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._lock.acquire, after_in_parent=self._lock.release, after_in_child=self._after_fork
            )

    @property
    def wanted(self) -> int:
        if self._wanted is None:
            self._wanted = _usable_cores()
        return self._wanted

    def set_wanted(self, number: int) -> None:
        with self._lock:
            self._wanted = number
            self._pass_on()

    def addresses(self) -> Mapping[str, int]:
        if self._addresses is None:
            with self._lock:
                if self._addresses is None:
                    self._loaded = _load()
                    self._reset()
                    self._pass_on()
                    self._addresses = MappingProxyType({RUN_CHUNKS: self._loaded.address("run_chunks")})
        return self._addresses

    def _pass_on(self) -> None:
        if self._loaded is not None:
            # No more threads than chunks are ever made, so any number will do that the pool can count.
            number = min(self.wanted, 2**31)
            ctypes.c_int64.from_address(self._loaded.address("wanted")).value = number

    def _after_fork(self) -> None:
        self._lock.release()
        self._reset()

    def _reset(self) -> None:
        if self._loaded is not None:
            ctypes.PYFUNCTYPE(None)(self._loaded.address("reset"))()


def _load() -> Loaded:
    library = ctypes.CDLL(None) if os.name == "posix" else None
    if library is not None and all(hasattr(library, name) for name in CALLED):
        text = pool_text("x86" if machine().x86 else "arm", signals=int(signal.SIG_SETMASK))
        called = {name: ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0 for name in CALLED}
    else:
        text, called = serial_text(), {}
    loaded = load(text, called, exported=EXPORTED, size=200)
    # Its threads sleep in this code to the end of the process, so it must not be freed when the interpreter ends.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(loaded))
    return loaded


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_pool = _Pool()
