"""Hostile programs: what they are, how they are run, and how two runs are compared.

A hostile program is a function of ``jit`` and ``call``. It makes functions, hands them to ``jit``, and calls them with
``call(f, *args)`` in changing circumstances. It is run twice, with a ``jit`` that does nothing and with the real one.
What each call returned, raised, warned and printed, and what it did to its arguments, must be the same both times.
``call.note(value)`` enters what else must be the same.
"""

import contextlib
import dataclasses
import io
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import hodiff as hd
from hodiff.errors import EagerWarning

#: How a function is made of the user's, without compilation and with it.
WAYS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "value": (lambda f: f, hd.jit),
    "grad": (hd.value_and_grad, lambda f: hd.jit(hd.value_and_grad(f))),
    "grad of jit": (hd.value_and_grad, lambda f: hd.value_and_grad(hd.jit(f))),
    "jvp of jit": (lambda f: _along(f), lambda f: _along(hd.jit(f))),
    "vmap": (lambda f: hd.vmap(f), lambda f: hd.jit(hd.vmap(f))),
    "vmap of jit": (lambda f: hd.vmap(f), lambda f: hd.vmap(hd.jit(f))),
    "jit of jit": (lambda f: f, lambda f: hd.jit(hd.jit(f))),
}

#: Those that make no derivatives.
VALUES = ("value", "vmap", "vmap of jit", "jit of jit")


def _along(f: Any) -> Any:
    def along(*args: Any, **keywords: Any) -> Any:
        return hd.jvp(lambda *xs: f(*xs, **keywords), args, tuple(np.ones_like(x) for x in args))

    return along


@dataclasses.dataclass
class Outcome:
    """What came of one call."""

    result: Any
    raised: tuple[Any, ...] | None
    warned: list[tuple[Any, str]]
    printed: str
    arguments: Any


class Call:
    """Makes calls and keeps what comes of them."""

    def __init__(self) -> None:
        self.outcomes: list[Any] = []
        self.eager_warnings: list[str] = []
        self.functions: list[Any] = []

    @property
    def hits(self) -> int:
        """Calls that were answered by programs."""
        return sum(f.cache_info().hits for f in self.functions)

    def __call__(self, f: Any, *args: Any, **keywords: Any) -> Any:
        """The result of the call, None if it raises."""
        result, raised = None, None
        printed = io.StringIO()
        with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(printed):
            warnings.simplefilter("always")
            try:
                result = f(*args, **keywords)
            except Exception as error:  # noqa: BLE001 - whatever is raised has to be raised again by the compiled function
                raised = (type(error), str(error), _noted(error))
        self.eager_warnings += [str(w.message) for w in caught if w.category is EagerWarning]
        warned = [(w.category, str(w.message)) for w in caught if w.category is not EagerWarning]
        self.outcomes.append(Outcome(frozen(result), raised, warned, printed.getvalue(), frozen([args, keywords])))
        return result

    def note(self, value: Any) -> None:
        """Enter a value that has to be the same."""
        self.outcomes.append(frozen(value))


def _noted(error: BaseException) -> tuple[str, ...]:
    return tuple(getattr(error, "__notes__", ()))


def check(program: Callable[[Any, Call], None], way: str = "value", *, derivatives: bool = False) -> Call:
    """Run a hostile program without compilation and with it, and compare.

    Parameters
    ----------
    program : callable
        ``program(jit, call)``.
    way : str
        One of `WAYS`.
    derivatives : bool
        Whether the program itself computes derivatives.

    Returns
    -------
    Call
        That of the compiled run.
    """
    derivatives = derivatives or way not in VALUES
    # A derivative that is exactly zero is none at all at the edge of a compiled call, whatever its sign; and compiled
    # batches leave sums over no axes out, of which NumPy makes 0.0 from -0.0.
    zeros = derivatives or "vmap" in way
    plain_way, compiled_way = WAYS[way]
    plain, compiled = Call(), Call()
    program(_decorator(plain_way, plain), plain)
    program(_decorator(compiled_way, compiled), compiled)
    assert len(plain.outcomes) == len(compiled.outcomes), "another number of calls"
    for number, (expected, found) in enumerate(zip(plain.outcomes, compiled.outcomes, strict=True)):
        if not isinstance(expected, Outcome):
            same(found, expected, f"note {number}", zeros=zeros)
            continue
        where = f"call {number}"
        assert found.raised == expected.raised, f"{where}: raised {found.raised}, plainly {expected.raised}"
        same(found.result, expected.result, f"{where}: result", zeros=zeros)
        same(found.arguments, expected.arguments, f"{where}: arguments afterwards")
        assert found.printed == expected.printed, f"{where}: printed {found.printed!r}, plainly {expected.printed!r}"
        same_warnings(found, expected, where, derivatives=derivatives)
    assert len(compiled.eager_warnings) <= 1, compiled.eager_warnings
    return compiled


def _decorator(way: Callable[[Any], Any], call: Call) -> Callable[..., Any]:
    """The way as something that, like hodiff.jit, can be given options alone; compiled functions are noted."""

    def jit(f: Any = None, **options: Any) -> Any:
        if f is None:
            return lambda function: jit(function, **options)
        made = hd.jit(f, **options) if way is hd.jit else way(f)
        if hasattr(made, "cache_info"):
            call.functions.append(made)
        return made

    return jit


def same_warnings(found: Outcome, expected: Outcome, where: str, derivatives: bool) -> None:
    """Compare what was warned, each once: a common subexpression does not warn again.

    Under derivatives, compiled rules are quiet, since coefficients may turn out not to be needed; and of the two names
    that NumPy has for an operation, "divide" and (an operator between scalars) "scalar divide", the other may appear.
    """
    a, b = (
        {(category, name) for category, text in outcome.warned for name in (_names(text, plain=derivatives))}
        for outcome in (found, expected)
    )
    assert a <= b if derivatives else a == b, f"{where}: warned {a}, plainly {b}"


def _names(text: str, plain: bool) -> list[str]:
    """The texts that a warning comes to: two for ``divmod``, which is a floor_divide and a remainder."""
    if plain:
        text = text.replace(" scalar ", " ")
    text = text.replace(" in dot", " in matmul")  # which hodiff's dot is
    return [text.replace("divmod", name) for name in ("floor_divide", "remainder")] if "divmod" in text else [text]


# --- values -----------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class FrozenArray:
    """An array as it was."""

    value: Any
    writeable: bool


def frozen(value: Any) -> Any:
    """A copy that later changes cannot reach, of everything that has a meaning of its own."""
    if isinstance(value, np.ndarray):
        return FrozenArray(np.array(value, subok=True, copy=True, order="K"), value.flags.writeable)
    if value is None or isinstance(value, (np.generic, bool, int, float, complex, str, bytes)):
        return value
    if isinstance(value, dict):
        return (type(value), [(key, frozen(part)) for key, part in value.items()])
    if isinstance(value, (list, tuple)):
        return (type(value), [frozen(part) for part in value])
    if isinstance(value, (set, frozenset)):
        return (type(value), sorted(value))
    if isinstance(value, types.GeneratorType):
        return (types.GeneratorType, frozen(list(value)))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return (type(value), [frozen(getattr(value, f.name)) for f in dataclasses.fields(value)])
    return (type(value).__name__, None)


def same(found: Any, expected: Any, where: str, rtol: float = 1e-12, *, zeros: bool = False) -> None:
    """Compare frozen values: types, dtypes, shapes; numbers to rounding, NaN, infinities and signs of zero exactly.

    With ``zeros``, the two zeros are one.
    """
    assert type(found) is type(expected), f"{where}: {found!r}, plainly {expected!r}"
    if isinstance(expected, FrozenArray):
        # Where NumPy returns a view that must not be written into, a new array does no harm.
        assert found.writeable or not expected.writeable, f"{where}: it cannot be written into"
        same_numbers(found.value, expected.value, where, rtol, zeros=zeros)
    elif isinstance(expected, (np.generic, bool, int, float, complex)):
        same_numbers(found, expected, where, rtol, zeros=zeros)
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected), f"{where}: {found!r}, plainly {expected!r}"
        for i, (a, b) in enumerate(zip(found, expected, strict=True)):
            same(a, b, f"{where}[{i}]", rtol, zeros=zeros)
    else:
        assert found == expected, f"{where}: {found!r}, plainly {expected!r}"


def same_numbers(found: Any, expected: Any, where: str, rtol: float = 1e-12, *, zeros: bool = False) -> None:
    """Compare arrays or numbers of one type."""
    assert type(found) is type(expected), f"{where}: {type(found)}, plainly {type(expected)}"
    a, b = np.asarray(found), np.asarray(expected)
    assert a.dtype == b.dtype, f"{where}: {a.dtype}, plainly {b.dtype}"
    assert a.shape == b.shape, f"{where}: {a.shape}, plainly {b.shape}"
    if b.dtype.kind not in "fc":
        assert np.array_equal(a, b), f"{where}: {found!r}, plainly {expected!r}"
        return
    if b.dtype.kind == "c":
        same_numbers(a.real.copy(), b.real.copy(), f"{where}, real part", rtol, zeros=zeros)
        same_numbers(a.imag.copy(), b.imag.copy(), f"{where}, imaginary part", rtol, zeros=zeros)
        return
    # A number in single precision that has become Python's has no more digits than before.
    single = type(expected) is float and all(_in_single_precision(number) for number in (expected, found))
    rtol = max(rtol, 8 * float(np.finfo(np.float32 if single else b.dtype).eps))
    with np.errstate(all="ignore"):
        size = np.max(np.abs(b), where=np.isfinite(b), initial=0.0)
        equal = (a == b) & ((np.signbit(a) == np.signbit(b)) | zeros) | (np.isnan(a) & np.isnan(b))
        near = np.isfinite(a) & np.isfinite(b) & (np.abs(a - b) <= rtol * size)
    # Zeros of the two signs are not near each other where the others are exact.
    assert np.all(equal | (near & ((a != 0) | (b != 0)))), f"{where}: {found!r}, plainly {expected!r}"


def _in_single_precision(number: float) -> bool:
    """Whether single precision holds a number exactly."""
    with np.errstate(all="ignore"):
        return float(np.float32(number)) == number
