"""Whether a compiled program does what the plain one does; where results differ, whether rounding explains it."""

import re
import warnings
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import hodiff as hd
from hodiff.compiled.units import MISTAKE
from hodiff.errors import HodiffError
from hodiff.extend import tree_flatten, tree_unflatten
from random_programs.program import NAMES
from random_programs.recording import hidden_errors
from random_programs.transforms import TRANSFORMS

#: Roundings that two results may be apart without a question.
CLOSE = 40
#: Where only types and shapes are compared.
ANY = None
#: What the caller writes into results.
SPOILED = 1
#: Of each noise that is tried.
NOISE = 8
DRAWS = 8
#: Functions whose flags differ without being wrong: BLAS and LAPACK add up in another order, quantiles and their kin
#: are programs of other steps than NumPy's, and an array of Python's numbers is a constant.
_UNSURE = re.compile(
    r"@|matmul|dot|linalg|einsum|inner|kron|cov|corr|conv|nanmean|median|quantile|percentile|logaddexp"
    r"|np\.array\(\[\w+[.\[( ]"
)
#: What adds up, or whose derivative does.
_SUMS = re.compile(r"sum|mean|average|std|var|norm|trace|grad|jvp|vjp|jac|hess")
_PRODUCTS = re.compile(r"prod|multiply\.reduce")
#: What asks for the sign of NaN, which is that of one or the other operand, or of the processor.
_SIGNS = re.compile(r"signbit|copysign")
#: What puts 0.0 and -0.0, which are equal, in an order that NumPy leaves open.
_ORDERS = re.compile(r"sort|partition|median|quantile|percentile|unique")
#: What asks for the value of a Python number, so that it is a constant from there on; what asks for those of any array.
_ASKS = re.compile(r"np\.float64\((\w+)\)$")
_ASKS_ARRAYS = re.compile(r"^\w+ = np\.nonzero\(")
#: What integers have the answer to, whatever they are.
_SAME = re.compile(r"= (\w+) (?:[<>]|[<>=!]=) \1$")
#: Where noise changes more than this part of a result, it says nothing.
CHAOTIC = 1e-3


@dataclass
class Outcome:
    """What came of a call.

    Attributes
    ----------
    value : object
    error : Exception or None
    warned : set
        Kinds of floating-point errors.
    arguments : tuple
        As the call has left them.
    """

    value: Any
    error: Exception | None
    warned: set[str]
    arguments: Any


@dataclass
class Report:
    """Of many checks.

    Attributes
    ----------
    counts : Counter
        Programs, and what has become of them.
    reasons : Counter
        Why functions ran eagerly, or were not native.
    open : list
        Seeds of programs that rounding decides, and how they differ.
    """

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    open: list[tuple[int, str]] = field(default_factory=list)


def check(program, backend, report=None):
    """What is wrong with a compiled program; None where nothing is.

    Parameters
    ----------
    program : RandomProgram
    backend : str
    report : Report, optional
        Which is written into.
    """
    with hidden_errors() as errors:
        wrong = _check(program, backend, Report() if report is None else report)
    if wrong is None and errors:
        return f"all calls: back end: {errors[0]!r}"
    return wrong


def _check(program, backend, report):
    made = []

    def jit(function):
        made.append(hd.jit(function, backend=backend, quiet=True))
        return made[-1]

    transform = TRANSFORMS[program.transform]
    points = [program.values(0), program.values(1)]
    # What is captured is the same for all calls of one function, until it is changed in between.
    function = program.function(points[0])
    called = transform(function, jit, program.argnum)
    plain = [call(program, transform, values) for values in points]
    given = []
    for turn, point in enumerate((0, 0, 1, 0)):
        values = program.values(point)
        function.__globals__.update({name: values[name] for name in program.captured})
        found = outcome(called, program.arguments(values))
        derived = program.transform != "jit"
        wrong = difference(plain[point], found, derived=derived)
        if wrong is not None and wrong.startswith("warned"):
            once = found.warned < plain[point].warned <= found.warned | heard_once(program, values)
            wrong = None if once or _UNSURE.search(program.source()) else wrong
        if wrong is not None:
            if is_sensitive(program, transform, points[point], plain[point], found, derived=derived):
                report.counts["left open: rounding decides"] += 1
                report.open.append((program.seed, wrong))
                break
            return f"call {turn + 1} at point {point}: {wrong}"
        if any(np.any(array != SPOILED) for array in given):
            return f"call {turn + 1} at point {point}: wrote into an earlier result"
        given += _spoiled(found.value)
    _count(report, made, plain)
    return silent(made, plain)


def heard_once(program, values):
    """The errors of what is made of captured numbers alone, or of values that are asked for.

    Such are constants, computed at the first call; so is what is made of an integer that is compared with itself.
    """
    numbers = {name for name, value in values.items() if type(value) in (bool, int, float)}
    known = {name for name in program.captured if not isinstance(values[name], np.ndarray)}
    names = {**NAMES, **{name: _copied(value) for name, value in values.items()}}
    heard = set()
    for statement in program.statements:
        asked = _ASKS.search(statement.text)
        same = _SAME.search(statement.text) is not None
        constant = same or statement.uses <= known or (asked is not None and asked[1] in numbers)
        numbers.discard(statement.binds)
        warned = outcome(exec, (statement.text, names)).warned
        if constant and statement.binds is not None:
            heard |= warned
        if statement.binds is not None and (constant or _ASKS_ARRAYS.search(statement.text)):
            known.add(statement.binds)
        else:
            known.discard(statement.binds)
    return heard


def silent(made, plain):
    """What has gone wrong where the results are right, since the plain function ran instead; None where nothing has."""
    for function in made:
        reason = function.eager_reason
        for mistake in (reason, *_not_native(function)):
            if mistake is not None and MISTAKE in mistake:
                return f"all calls: {mistake}"
        if reason is None and function.cache_info().eager_calls and not any(outcome.error for outcome in plain):
            return "all calls: eager: for no reason"
    return None


def _spoiled(tree):
    """The arrays of a result, which belong to the caller: he writes into them."""
    arrays = [leaf for leaf in _leaves(tree) if isinstance(leaf, np.ndarray) and leaf.flags.writeable]
    for array in arrays:
        array[...] = SPOILED
    return arrays


def call(program, transform, values, noise=None, *, uses=False):
    """The outcome of the plain program."""
    function = transform(program.function(values, noise=noise, uses=uses), lambda f: f, program.argnum)
    return outcome(function, program.arguments({name: _copied(value) for name, value in values.items()}))


def _copied(value):
    if not isinstance(value, np.ndarray) or not value.flags.writeable:
        return value
    return value.copy() if value.flags.c_contiguous else value.copy(order="K")


def outcome(function, arguments):
    """What comes of a call."""
    value = error = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = function(*arguments)
        except Exception as raised:  # noqa: BLE001 - whatever it is, it is compared
            error = raised
    texts = {str(warning.message) for warning in caught if warning.category is RuntimeWarning}
    return Outcome(
        value, error, {text.partition(" encountered")[0] for text in texts if "encountered" in text}, arguments
    )


# --- comparing --------------------------------------------------------------------------------------------------------


def difference(plain, found, *, derived=False, roundings=CLOSE):
    """How two outcomes differ; None where they do not, but for some roundings."""
    if plain.error is not None or found.error is not None:
        if type(plain.error) is type(found.error) and str(plain.error) == str(found.error):
            return None
        if derived and found.error is None and str(plain.error) == "setting an array element with a sequence.":
            return None  # the same, in NumPy's words
        # A program may be there where the plain function refuses, say, to write traced values into a plain array; or
        # what it returns may be refused.
        if isinstance(plain.error, HodiffError) and (found.error is None or isinstance(found.error, HodiffError)):
            return None
        return f"raised {found.error!r}, plainly {plain.error!r}"
    value = found.value
    if derived:
        # Derivatives of scalars are scalars, or arrays of shape ().
        plain, value = replace(plain, value=_weak(plain.value)), _weak(value)
    wrong = unlike(plain.value, value, "result", roundings)
    wrong = wrong or unlike(plain.arguments, found.arguments, "arguments afterwards", roundings)
    if wrong is not None:
        return wrong
    # Derivative rules warn less when they are compiled, and never more.
    if found.warned - plain.warned or (plain.warned - found.warned and not derived):
        return f"warned {sorted(found.warned)}, plainly {sorted(plain.warned)}"
    return None


def _weak(tree):
    leaves, structure = tree_flatten(tree)
    return tree_unflatten(
        structure, [np.asarray(leaf) if isinstance(leaf, (np.generic, float)) else leaf for leaf in leaves]
    )


def unlike(plain, found, where, roundings):
    """How two trees differ."""
    if type(plain) is not type(found):
        return f"{where} is a {type(found).__name__}, plainly a {type(plain).__name__}"
    if isinstance(plain, dict):
        if list(plain) != list(found):
            return f"{where} has keys {list(found)}, plainly {list(plain)}"
        pairs = [(plain[key], found[key], f"{where}[{key!r}]") for key in plain]
    elif isinstance(plain, (list, tuple)):
        if len(plain) != len(found):
            return f"{where} has {len(found)} parts, plainly {len(plain)}"
        pairs = [(a, b, f"{where}[{i}]") for i, (a, b) in enumerate(zip(plain, found, strict=True))]
    elif isinstance(plain, (np.ndarray, np.generic, bool, int, float, complex)):
        return _unlike_numbers(plain, found, where, roundings)
    else:
        return None if plain == found else f"{where} is {found!r}, plainly {plain!r}"
    return next((wrong for pair in pairs if (wrong := unlike(*pair, roundings)) is not None), None)


def _unlike_numbers(plain, found, where, roundings):
    a, b = np.asarray(plain), np.asarray(found)
    if a.dtype != b.dtype or a.shape != b.shape:
        return f"{where} is {b.dtype}{list(b.shape)}, plainly {a.dtype}{list(a.shape)}"
    if roundings is ANY:
        return None
    places = np.argwhere(_apart(a, b, roundings=roundings))
    if not len(places):
        return None
    first = tuple(places[0].tolist())
    return f"{where} has {b[first]} at {first}, plainly {a[first]}; {len(places)} of {a.size} elements differ"


def _apart(a, b, *, roundings=0, allowed=0.0):
    """Which elements differ by more than is allowed."""
    if a.dtype.kind not in "fc":
        return a != b
    with np.errstate(all="ignore"):
        alike = (a == b) | (np.isnan(a) & np.isnan(b))
        tiny = np.finfo(a.dtype)
        bound = roundings * tiny.eps * np.abs(a) + roundings * tiny.smallest_subnormal + allowed
        return ~alike & ~(np.abs(a - b) <= bound)


# --- rounding ---------------------------------------------------------------------------------------------------------


def is_sensitive(program, transform, values, plain, found, *, derived):
    """Whether rounding explains how two outcomes differ: noise in each step of the plain one does as much."""
    if order_decides(program, transform, values, plain.warned ^ found.warned):
        return True
    if asks_for_signs_of_nan(program, transform, values) or orders_zeros(program, transform, values):
        return True
    rng = np.random.default_rng(program.seed)
    coarse = _coarsest(precisions(program, transform, values))
    runs = [call(program, transform, values, noise=_noise(rng, coarse)) for _ in range(DRAWS)]
    if any(type(run.error) is not type(plain.error) for run in runs):
        return True
    if plain.error is not None or found.error is not None:
        return False
    if any(run.warned != plain.warned for run in runs):
        return True
    leaves, of_found, *of_runs = [list(_leaves((run.value, run.arguments))) for run in (plain, found, *runs)]
    if any([np.shape(leaf) for leaf in run] != [np.shape(leaf) for leaf in leaves] for run in of_runs):
        return True
    if difference(plain, found, derived=derived, roundings=ANY) is not None:
        return False
    # A sum of many may be rounded as often as it has terms, if not always to one side.
    longest = max(np.size(value) for value in values.values())
    roundings = CLOSE + longest / 8
    cancelled = _cancelled(program, transform, values, rng, leaves) if derived else [0.0] * len(leaves)

    def explained(of_runs):
        return all(
            _is_explained(
                np.asarray(a), np.asarray(b), list(map(np.asarray, noisy)), roundings, coarse, c, derived=derived
            )
            for a, b, c, *noisy in zip(leaves, of_found, cancelled, *of_runs, strict=True)
        )

    if explained(of_runs):
        return True
    # Of many elements that jump, some happen not to do so in a few draws.
    more = [call(program, transform, values, noise=_noise(rng, coarse)) for _ in range(4 * DRAWS)]
    return explained(of_runs + [list(_leaves((run.value, run.arguments))) for run in more if run.error is None])


def _cancelled(program, transform, values, rng, leaves):
    """How far noise at each use of a variable moves each leaf: the terms of a derivative, which may cancel exactly."""
    moved = [0.0] * len(leaves)
    for _ in range(DRAWS):
        run = call(program, transform, values, noise=_noise(rng, 0.0), uses=True)
        noisy = list(_leaves((run.value, run.arguments)))
        if run.error is not None or [np.shape(leaf) for leaf in noisy] != [np.shape(leaf) for leaf in leaves]:
            continue
        for i, (leaf, other) in enumerate(zip(leaves, noisy, strict=True)):
            if np.asarray(leaf).dtype.kind in "fc":
                with np.errstate(all="ignore"):
                    apart = np.abs(np.asarray(other) - np.asarray(leaf))
                moved[i] = max(moved[i], np.max(apart, initial=0.0, where=np.isfinite(apart)))
    return moved


def asks_for_signs_of_nan(program, transform, values):
    """Whether a result may depend on the signs of NaN."""
    if not _SIGNS.search(program.source()):
        return False
    return any(np.any(np.isnan(value)) for value in seen(program, transform, values) if value.dtype.kind in "fc")


def orders_zeros(program, transform, values):
    """Whether a result may depend on the order of zeros of both signs."""
    if not _ORDERS.search(program.source()):
        return False
    zeros = [np.signbit(value[value == 0]) for value in seen(program, transform, values) if value.dtype.kind == "f"]
    return any(np.any(signs) and not np.all(signs) for signs in zeros)


def precisions(program, transform, values):
    """The dtypes of inputs and of what statements compute, also of what `hodiff.vmap` and derivatives hand on."""
    found = set()

    def see(value, **_):
        found.add(getattr(value, "dtype", np.dtype(object)))
        return value

    call(program, transform, values, noise=see)
    return found


def seen(program, transform, values):
    """The arrays and scalars of NumPy that are inputs, or that statements compute."""
    found = []

    def see(value, **_):
        if isinstance(value, (np.ndarray, np.generic)):
            found.append(value)
        return value

    call(program, transform, values, noise=see)
    return found


def _coarsest(dtypes):
    """The largest rounding of some dtypes: what is computed in single precision may be a double at last."""
    return max([np.finfo(dtype).eps for dtype in dtypes if dtype.kind in "fc"], default=0.0)


def order_decides(program, transform, values, differing):
    """Whether the order of a sum or a product decides what is heard.

    Both infinities may meet before NaN comes, or not; large factors may come before small ones, or zero.
    """
    sums = differing == {"invalid value"} and _SUMS.search(program.source())
    products = differing <= {"invalid value", "overflow", "underflow"} and _PRODUCTS.search(program.source())
    if not sums and not products:
        return False
    parts = [
        part
        for value in seen(program, transform, values)
        if value.dtype.kind in "fc"
        for part in ((value.real, value.imag) if value.dtype.kind == "c" else (value,))
    ]
    both = any(np.any(np.isnan(part)) and np.all(np.isin([np.inf, -np.inf], part)) for part in parts)
    with np.errstate(all="ignore"):
        large = any(np.isinf(np.prod(part, where=np.abs(part) > 1)) for part in parts)
    return bool((sums and both) or (products and large))


def _is_explained(plain, found, noisy, roundings, coarse, cancelled, *, derived):
    """Whether noise moves an array as far as another is away from it; ``coarse`` is the largest rounding."""
    if plain.dtype != found.dtype:
        return False
    if plain.dtype.kind not in "fc":
        return bool(np.all((plain == found) | np.any([run != plain for run in noisy], axis=0)))
    with np.errstate(all="ignore"):
        moved = np.max([np.abs(run - plain) for run in noisy], axis=0)
    scale = np.max(moved, initial=0.0, where=np.isfinite(moved))
    # Within a statement, or a derivative rule, there is no noise: large terms may cancel, as they do in the plain one.
    coarse = max(coarse, np.finfo(plain.dtype).eps)
    within = 4 * coarse * np.max(np.abs(plain), initial=0.0, where=np.isfinite(plain))
    if derived:
        within = max(10 * within, CLOSE * coarse) + 4 * cancelled
    unsure = ~np.isfinite(moved) | (moved > CHAOTIC * np.abs(plain))
    # Where one element is moved, so may be its neighbours, which noise happens to have left in their place.
    allowed = np.where(unsure, np.inf, 4 * moved + 0.01 * scale + within)
    return not np.any(_apart(plain, found, roundings=roundings, allowed=allowed))


def _noise(rng, coarse):
    """Another value by some roundings.

    Where much has been computed ``within`` one statement, they are those of the largest element, in the coarsest
    precision that went into it.
    """

    def noise(value, *, within=False):
        if isinstance(value, bool) or not (isinstance(value, (float, complex)) or hasattr(value, "dtype")):
            return value
        dtype = np.dtype(getattr(value, "dtype", float))
        if dtype.kind not in "fc":
            return value
        draw = NOISE * rng.uniform(-1, 1, np.shape(value))
        if within and isinstance(value, (np.ndarray, np.generic)):
            largest = np.max(np.abs(value), initial=0.0, where=np.isfinite(value))
            return value + np.asarray(coarse * largest * draw, np.finfo(dtype).dtype)[()]
        factor = 1 + np.finfo(dtype).eps * draw
        if not hasattr(value, "dtype"):
            return value * float(factor)
        with np.errstate(all="ignore"):
            return value * np.asarray(factor, np.finfo(dtype).dtype)[()]

    return noise


def _leaves(tree):
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, (list, tuple)):
        for part in tree:
            yield from _leaves(part)
    elif isinstance(tree, (np.ndarray, np.generic, bool, int, float, complex)):
        yield tree


# --- counting ---------------------------------------------------------------------------------------------------------


def _count(report, made, plain):
    report.counts["programs"] += 1
    for outcome_ in plain:
        report.counts["calls that raise"] += outcome_.error is not None
        report.counts["calls that warn"] += bool(outcome_.warned)
    for function in made:
        if function.eager_reason is not None:
            report.counts["eager"] += 1
            report.reasons[f"eager: {function.eager_reason}"] += 1
        else:
            report.counts["compiled"] += 1
        for reason in _not_native(function):
            report.counts["not native"] += 1
            report.reasons[f"not native: {reason}"] += 1


def _not_native(function):
    for worlds in function._worlds.values():
        for world in worlds:
            for compiled in world.compiled.values():
                for table in compiled.tables.values():
                    if table.entry is not None and table.entry.not_native is not None:
                        yield table.entry.not_native
