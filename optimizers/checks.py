"""What users may pass and what their functions may return; imports ``errors``.

>>> scalar(np.zeros(3), "fun cost")
Traceback (most recent call last):
    ...
optimizers.errors.ShapeError: fun cost returned an array of shape (3,): it must return one real number, a scalar
"""

from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar, Token
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizers.errors import InputTypeError, OptionError, ShapeError

__all__ = [
    "check_callables",
    "check_jit",
    "is_number",
    "is_quiet",
    "is_whole",
    "label",
    "pair",
    "quiet",
    "real_numbers",
    "scalar",
    "symmetric_part",
]

# What of a user's Hessian may be asymmetric, relative to its largest entry.
_ASYMMETRY = 1e-6
_QUIET_ALREADY = nullcontext()
# Whether the code that asks runs within `quiet`: an answer in a tenth of the time that NumPy's takes.
_WITHIN: ContextVar[bool] = ContextVar("within quiet", default=False)


def scalar(out: Any, name: str) -> Any:
    """`out`, traced or not, when it is one real number.

    Raises
    ------
    ShapeError, InputTypeError
        Naming the callable `name`, when it is an array, a complex number or not a number.

    Examples
    --------
    >>> scalar(2.0, "fun f")
    2.0
    """
    # Compiled mode reads this code, and compiles twice what asks for types: only the message does.
    try:
        shape = np.shape(out)
    except ValueError:  # of unlike parts
        what = "a {.__class__.__name__}".format(out)  # noqa: UP032
        raise InputTypeError(f"{name} returned {what}: it must return one real number, a scalar") from None
    if shape != ():
        raise ShapeError(f"{name} returned an array of shape {shape}: it must return one real number, a scalar")
    try:
        kind = out.dtype.kind
    except AttributeError:
        kind = np.asarray(out).dtype.kind
    if kind not in "fiub":
        what = "a complex number" if kind == "c" else "a {.__class__.__name__}".format(out)  # noqa: UP032
        raise InputTypeError(f"{name} returned {what}: it must return one real number, a scalar")
    return out


def real_numbers(out: Any, name: str) -> Any:
    """`out`, traced or not, when it is real numbers of any shape.

    Raises
    ------
    InputTypeError
        Naming the callable `name`, when they are complex or not numbers.

    Examples
    --------
    >>> real_numbers(2.0, "fun f")
    2.0
    """
    try:
        kind = out.dtype.kind
    except AttributeError:
        kind = np.asarray(out).dtype.kind
    if kind not in "fiub":
        what = "complex numbers" if kind == "c" else "a {.__class__.__name__}".format(out)  # noqa: UP032
        raise InputTypeError(f"{name} returned {what}: it must return real numbers")
    return out


def pair(out: Any, name: str) -> tuple[Any, Any]:
    """The two parts of `out`, of a function that returns value and gradient.

    Examples
    --------
    >>> pair((1.0, [2.0]), "fun f")
    (1.0, [2.0])
    """
    if not isinstance(out, (tuple, list)) or len(out) != 2:
        raise InputTypeError(f"{name} returned a {type(out).__name__}: with jac=True it returns (value, gradient)")
    return out[0], out[1]


def symmetric_part(H: NDArray[np.float64], name: str | None) -> NDArray[np.float64]:
    """The symmetric part; where `name` is given, what is lost must be rounding, for a user's mistake looks the same.

    Raises
    ------
    ShapeError
        Naming the callable `name`, when more than rounding is lost.

    Examples
    --------
    >>> symmetric_part(np.array([[0.0, 1.0], [0.0, 0.0]]), None)
    array([[0. , 0.5],
           [0.5, 0. ]])
    """
    with quiet():
        if name is not None and (gap := np.abs(H - H.T).max()) > _ASYMMETRY * np.abs(H).max():
            raise ShapeError(f"the {name} is not symmetric: entries (i, j) and (j, i) differ by up to {gap:.3g}")
        H = H + H.T
        H *= 0.5
    H.setflags(write=False)
    return H


def label(role: str, function: Any) -> str:
    """What errors call a callable: its role and its name.

    Examples
    --------
    >>> label("fun", len)
    'fun len'
    """
    return f"{role} {getattr(function, '__name__', type(function).__name__)}"


def check_callables(fun: Any, grad: Any, hess: Any, hvp: Any) -> None:
    """Raise `InputTypeError` for what should be a callable and is not.

    Examples
    --------
    >>> check_callables(len, None, None, None)
    """
    if not callable(fun):
        raise InputTypeError(f"fun must be callable, not {type(fun).__name__}")
    for name, function in (("grad", grad), ("hess", hess), ("hvp", hvp)):
        if function is None or callable(function) or (name == "grad" and function is True):
            continue
        raise InputTypeError(
            f"{name} must be a callable or None, not {function!r}: finite differences and approximations "
            "are not needed, leave it out and hodiff supplies the exact derivative"
        )


def check_jit(jit: bool | str) -> None:
    """Raise `OptionError` unless `jit` is "auto", True or False.

    Examples
    --------
    >>> check_jit("auto")
    """
    if jit is not False and jit is not True and not (isinstance(jit, str) and jit == "auto"):
        raise OptionError(f'jit must be "auto", True or False, not {jit!r}')


def is_number(value: Any) -> bool:
    """Whether `value` is a real number, and not a bool.

    Examples
    --------
    >>> is_number(1.5), is_number(True), is_number("1.5")
    (True, False, False)
    """
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def is_whole(value: Any, least: int) -> bool:
    """Whether `value` is an integer of at least `least`, and not a bool.

    Examples
    --------
    >>> is_whole(3, 1), is_whole(0, 1), is_whole(2.0, 1)
    (True, False, False)
    """
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= least)


def quiet() -> AbstractContextManager[Any]:
    """A trial outside the objective's domain is ordinary and is checked for, so NumPy need not warn of it.

    Where the caller asked NumPy to raise or to call back, that stands.

    Examples
    --------
    >>> with quiet():
    ...     print(np.log(-np.ones(1)))
    [nan]
    """
    if _WITHIN.get():
        return _QUIET_ALREADY
    loud: dict[str, Any] = {kind: "ignore" for kind, how in np.geterr().items() if how == "warn"}
    return _Quiet(np.errstate(**loud))


def is_quiet() -> bool:
    """Whether the code that asks runs within `quiet`.

    Examples
    --------
    >>> with quiet():
    ...     print(is_quiet())
    True
    """
    return _WITHIN.get()


class _Quiet(AbstractContextManager[None]):
    """An error state that what runs within it knows of."""

    def __init__(self, state: np.errstate) -> None:
        self._state = state
        self._token: Token[bool] | None = None

    def __enter__(self) -> None:
        self._state.__enter__()
        self._token = _WITHIN.set(True)

    def __exit__(self, *exception: Any) -> None:
        assert self._token is not None
        _WITHIN.reset(self._token)
        self._state.__exit__(*exception)
