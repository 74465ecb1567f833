"""NumPy's ``einsum``: every string form and the form with lists of integers.

A call is brought into one form, explicit and without ellipses, in which no operand repeats a letter (repeated ones
are diagonals). In that form the operation is multilinear, its transpose is an einsum again, with the cotangent in the
place of the operand, and a batch is one more letter. May import ``code``, ``core``, ``kinds``,
``lowering``, ``operands`` and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(lambda x: np.einsum("ii->", x))(np.ones((2, 2)))
array([[1., 0.],
       [0., 1.]])
"""

from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase
from typing import Any, NamedTuple

import numpy as np

from hodiff.code import Code
from hodiff.core import Primitive, Tracer
from hodiff.kinds import composite, multilinear, reject
from hodiff.lowering import Contracted
from hodiff.operands import as_array
from hodiff.shaped import Shape, Shaped

#: In the order in which NumPy sorts the letters of an implicit output, which is also that of the integer labels.
_LETTERS = ascii_uppercase + ascii_lowercase


# --- the operation ----------------------------------------------------------------------------------------------------


def _letters(subscripts: str) -> tuple[list[str], str]:
    inputs, output = subscripts.split("->")
    return inputs.split(","), output


def _new_letters(subscripts: str, count: int) -> str:
    spare = "".join(letter for letter in _LETTERS if letter not in subscripts)
    if len(spare) < count:
        raise ValueError(f"numpy.einsum: {subscripts!r} and {count} more axes need more than the 52 letters there are")
    return spare[:count]


def _contract_shape(*operands: Any, subscripts: str, optimize: Any) -> Shaped:
    del optimize
    inputs, output = _letters(subscripts)
    lengths: dict[str, int] = {}
    for letters, operand in zip(inputs, operands, strict=True):
        for letter, length in zip(letters, operand.shape, strict=True):
            if lengths.get(letter, 1) == 1:
                lengths[letter] = length
    return Shaped(tuple(lengths[letter] for letter in output), np.result_type(*(v.dtype for v in operands)))


def _contract_transpose(slot: int, ct: Any, operands: Any, *, subscripts: str, optimize: Any) -> Any:
    inputs, output = _letters(subscripts)
    letters, shape = inputs[slot], operands[slot].shape
    others = [*inputs[:slot], output, *inputs[slot + 1 :]]
    values = [*operands[:slot], ct, *operands[slot + 1 :]]
    found = "".join(letter for letter in letters if any(letter in other for other in others))
    # A path belongs to the operands it was given for; any other value of `optimize` is a way to find one.
    way = optimize if isinstance(optimize, (bool, str)) else True
    value = contract(*values, subscripts=f"{','.join(others)}->{found}", optimize=way)
    # Letters that only this operand has, and those that have length 1 in all others, were summed over it.
    lengths = dict(zip(found, value.shape, strict=True))
    kept = tuple(lengths.get(letter, 1) for letter in letters)
    full = tuple(n if m == 1 else m for m, n in zip(kept, shape, strict=True))
    value = value if kept == value.shape else np.reshape(value, kept)
    return value if full == kept else np.broadcast_to(value, full)


def _batch_contract(primitive: Primitive, size: int, operands: Any, batched: Any, parameters: dict[str, Any]) -> Any:
    inputs, output = _letters(parameters["subscripts"])
    new = _new_letters(parameters["subscripts"], 1)
    inputs = [new + letters if flag else letters for letters, flag in zip(inputs, batched, strict=True)]
    return primitive(*operands, subscripts=f"{','.join(inputs)}->{new}{output}", optimize=parameters["optimize"])


#: ``einsum`` with explicit subscripts in which no operand repeats a letter.
contract = multilinear(
    lambda *operands, subscripts, optimize: np.einsum(subscripts, *operands, optimize=optimize),
    _contract_transpose,
    name="contract",
    variadic=True,
    batch=_batch_contract,
    shape=_contract_shape,
    code=Code(nest=Contracted()),
)


# --- NumPy's function -------------------------------------------------------------------------------------------------


@composite(np.einsum)
def einsum(
    *operands: Any,
    out: Any = None,
    dtype: Any = None,
    order: str = "K",
    casting: str = "safe",
    optimize: Any = False,
) -> Any:
    """NumPy's ``einsum``; repeated letters, ellipses, lengths of 1 that broadcast, and lists of integers included."""
    reject("numpy.einsum", out=(out, None), dtype=(dtype, None), order=(order, "K"), casting=(casting, "safe"))
    subscripts, values = _arguments(operands)
    values = [as_array(v) for v in values]
    form = _canonical(subscripts, tuple(v.ndim for v in values))
    for i, pairs in enumerate(form.diagonals):
        for first, second in pairs:
            _check_square(subscripts, values[i].shape, first, second)
            values[i] = np.diagonal(values[i], axis1=first, axis2=second)
    inputs, output = _letters(form.subscripts)
    if len(inputs) == 1 and output and sorted(inputs[0]) == sorted(output):
        return np.transpose(values[0], [inputs[0].index(letter) for letter in output])  # a view, as NumPy has it
    return contract(*values, subscripts=form.subscripts, optimize=optimize)


@composite(np.einsum_path)
def einsum_path(*operands: Any, optimize: Any = "greedy", einsum_call: Any = False) -> Any:
    """NumPy's ``einsum_path``, which depends on shapes alone."""
    values = [np.broadcast_to(0.0, v.shape) if isinstance(v, Tracer) else v for v in operands]
    return np.einsum_path(*values, optimize=optimize, einsum_call=einsum_call)


class _Form(NamedTuple):
    """Explicit subscripts, and the pairs of axes of each operand to replace by their diagonal, one after another."""

    subscripts: str
    diagonals: tuple[tuple[tuple[int, int], ...], ...]


def _arguments(operands: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """Subscripts as a string, and the operands, from either form of the call."""
    if not operands:
        raise ValueError("must specify the einstein sum subscripts string and at least one operand")
    if isinstance(operands[0], str):
        return operands[0], list(operands[1:])
    values, labels = list(operands[: len(operands) // 2 * 2 : 2]), operands[1::2]
    subscripts = ",".join(_string(label) for label in labels)
    return f"{subscripts}->{_string(operands[-1])}" if len(operands) % 2 else subscripts, values


def _string(labels: Any) -> str:
    return "".join("..." if label is Ellipsis else _LETTERS[label] for label in labels)


@lru_cache(maxsize=1024)
def _canonical(subscripts: str, ndims: tuple[int, ...]) -> _Form:
    # NumPy itself words the errors of malformed subscripts.
    np.einsum(subscripts, *(np.zeros((1,) * n) for n in ndims))
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    extra = [n - len(term.replace("...", "")) for term, n in zip(terms, ndims, strict=True)]
    most = max((n for term, n in zip(terms, extra, strict=True) if "..." in term), default=0)
    dots = _new_letters(subscripts, most)
    terms = [term.replace("...", dots[most - n :]) for term, n in zip(terms, extra, strict=True)]
    if arrow:
        output = output.replace("...", dots)
    else:
        named = "".join(terms)
        output = dots + "".join(c for c in _LETTERS if c not in dots and named.count(c) == 1)
    merged = [_without_repeats(term) for term in terms]
    return _Form(",".join(term for term, _ in merged) + "->" + output, tuple(pairs for _, pairs in merged))


def _without_repeats(term: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Letters of an operand after diagonals of repeated ones were taken: each moves its letter to the end."""
    pairs: list[tuple[int, int]] = []
    while len(set(term)) < len(term):
        letter = next(c for c in term if term.count(c) > 1)
        first = term.index(letter)
        second = term.index(letter, first + 1)
        pairs.append((first, second))
        term = term[:first] + term[first + 1 : second] + term[second + 1 :] + letter
    return term, tuple(pairs)


def _check_square(subscripts: str, shape: Shape, first: int, second: int) -> None:
    if shape[first] != shape[second]:
        raise ValueError(
            f"numpy.einsum: in {subscripts!r} a letter stands for axes of lengths {shape[first]} and {shape[second]} "
            f"of the same operand"
        )
