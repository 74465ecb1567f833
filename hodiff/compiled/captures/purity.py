"""Which code is trusted to be a function of its arguments, and which certainly is not: tables by module and name.

May import NumPy and the standard library only.

>>> standing("numpy.linalg"), standing("mypackage.model")
('trusted', 'foreign')
>>> standing("random"), effect_of("random", "random.gauss")
('impure', 'draws random numbers (random.gauss)')
"""

import builtins
import sys
from collections import deque
from functools import lru_cache
from typing import Any

import numpy as np


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


#: Packages and modules of the standard library that do not change, and whose functions depend on their arguments alone.
TRUSTED = words(
    """
    numpy scipy hodiff optree builtins math cmath operator _operator functools _functools itertools collections
    _collections _collections_abc dataclasses typing types copy copyreg fractions numbers decimal _decimal enum abc _abc
    string _string re sre_compile sre_parse sre_constants _sre warnings _warnings contextlib bisect _bisect heapq _heapq
    statistics _statistics struct _struct keyword reprlib textwrap __future__ typing_extensions
    """
)
#: What a use of these modules means.
_IMPURE = {
    "draws random numbers": "random _random secrets uuid numpy.random",
    "reads the clock": "time datetime _datetime zoneinfo calendar sched",
    "uses threads or processes": "threading _thread multiprocessing concurrent asyncio _asyncio queue _queue "
    "subprocess signal",
    "depends on the context that it runs in": "contextvars _contextvars",
    "uses the network": "socket _socket ssl http urllib ftplib smtplib",
    "uses files or the state of the process": "os posix nt sys io _io _pyio pathlib shutil tempfile glob fileinput "
    "mmap logging syslog sqlite3 pickle _pickle shelve json csv gzip bz2 lzma zipfile tarfile gc atexit locale "
    "tracemalloc resource platform getpass builtins.open",
    "runs code by name or inspects it": "importlib runpy code codeop inspect traceback pdb ctypes _ctypes",
    "follows weak references": "weakref _weakref _weakrefset",
    "records its calls": "unittest.mock",
}
IMPURE = {module: phrase for phrase, modules in _IMPURE.items() for module in modules.split()}
#: Members of impure modules that are constants.
CONSTANT_MEMBERS = frozenset(
    {("sys", "float_info"), ("sys", "int_info"), ("sys", "maxsize"), ("sys", "version_info"), ("sys", "byteorder")}
)
#: Members of trusted modules that are not functions of their arguments.
IMPURE_MEMBERS = {
    (module, name): phrase
    for module, phrase, names in (
        (
            "numpy",
            "uses files",
            "load loadtxt genfromtxt fromfile memmap save savez savez_compressed savetxt fromregex",
        ),
        ("numpy", "changes settings of NumPy", "seterr seterrcall setbufsize set_printoptions"),
        ("warnings", "warns", "warn warn_explicit"),
        ("warnings", "changes the filters of warnings", "filterwarnings simplefilter resetwarnings catch_warnings"),
        ("contextlib", "redirects output", "redirect_stdout redirect_stderr"),
        ("scipy", "uses files", "loadmat savemat"),
    )
    for name in words(names)
}
#: Functions that read attributes whose names the code does not say.
READS_ALL = frozenset(
    {
        ("dataclasses", "asdict"),
        ("dataclasses", "astuple"),
        ("dataclasses", "fields"),
        ("dataclasses", "replace"),
        ("copy", "copy"),
        ("copy", "deepcopy"),
        ("copy", "replace"),
        ("operator", "attrgetter"),
        ("operator", "methodcaller"),
    }
)
#: Attributes whose use means a draw, on whatever they are found.
DRAWS = frozenset({"rvs", "default_rng"})

#: Attributes that lead to others by names that the code does not say.
REFLECTION = words("__dict__ __getattribute__ __getattr__ __globals__ __closure__ __code__ __subclasses__ __builtins__")

BUILTIN_EFFECTS: dict[Any, str] = {
    builtins.print: "prints",
    builtins.open: "opens a file",
    builtins.input: "asks for input",
    builtins.exec: "runs generated code (exec)",
    builtins.eval: "runs generated code (eval)",
    builtins.compile: "runs generated code (compile)",
    builtins.globals: "reads or changes its globals by name",
    builtins.setattr: "sets attributes by name (setattr)",
    builtins.delattr: "deletes attributes by name (delattr)",
    builtins.__import__: "imports by name",
    builtins.breakpoint: "stops for the debugger",
}
#: Builtins whose answer can differ between a traced value and a plain one.
BUILTIN_DOUBTS: dict[Any, str] = {
    function: f"looks at what values are, not only at their numbers ({function.__name__})"
    for function in (
        *(isinstance, issubclass, type, id, hash, callable, hasattr, getattr, vars, dir, locals, repr, memoryview),
    )
}
BUILTIN_READS_ALL: tuple[Any, ...] = (getattr, vars, dir, repr)

#: Methods that change a builtin container or an array in place.
MUTATORS: dict[type, frozenset[str]] = {
    list: words("append extend insert remove pop clear sort reverse"),
    dict: words("update setdefault pop popitem clear"),
    set: words("add remove discard pop clear update intersection_update difference_update symmetric_difference_update"),
    deque: words("append appendleft extend extendleft insert remove pop popleft clear reverse rotate"),
    bytearray: words("append extend insert remove pop clear reverse"),
    np.ndarray: words("fill sort put partition itemset resize setflags setfield"),
}


@lru_cache(maxsize=1024)
def standing(module: str | None) -> str:
    """How far a module is trusted: trusted, impure, doubtful (the rest of the standard library), or foreign.

    The code of foreign modules is walked.
    """
    if not module:
        return "foreign"
    if _impure_name(module) is not None:
        return "impure"
    top = module.partition(".")[0]
    if top in TRUSTED:
        return "trusted"
    return "doubtful" if top in sys.stdlib_module_names else "foreign"


def effect_of(module: str, shown: str) -> str:
    """What the use of an impure module means, for a message."""
    return f"{IMPURE[_impure_name(module) or module]} ({shown})"


def mutates(container: Any, method: str) -> bool:
    """Whether a method changes the container or array it belongs to."""
    return any(issubclass(type(container), kind) and method in names for kind, names in MUTATORS.items())


def _impure_name(module: str) -> str | None:
    if module in IMPURE:
        return module
    parts = module.split(".")
    prefixes = (".".join(parts[:n]) for n in range(len(parts) - 1, 0, -1))
    return next((prefix for prefix in prefixes if prefix in IMPURE), None)
