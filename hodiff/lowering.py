"""What an operation is to a compiler of loops: the part of a declaration that the native back end reads.

An array is a function of its index. A declaration says which elements of its operands an element of the answer is made
of; then chains of operations need no arrays in between. Imports the standard library only.

>>> i, j = Axis(3), Axis(4)
>>> Affine.of(i) * 2 + 1
1+2*i0
>>> (Affine.of(i) * 2 + 1).span()
(1, 5)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple


class Axis:
    """An axis of a space that is run through; its range is that of the part that is looked at just now."""

    __slots__ = ("length", "number", "start", "stop")
    _numbers = count()

    def __init__(self, length: int) -> None:
        self.length = length
        self.start = 0
        self.stop = length
        self.number = next(self._numbers)

    def __repr__(self) -> str:
        return f"<Axis of {self.length}>"


class Affine:
    """A constant plus multiples of places on axes; never changed."""

    __slots__ = ("_hash", "constant", "terms")

    def __init__(self, constant: int, terms: tuple[tuple[Axis, int], ...] = ()) -> None:
        self.constant = constant
        self.terms = terms
        self._hash = hash((constant, terms))

    @classmethod
    def of(cls, axis: Axis) -> "Affine":
        """The place on an axis."""
        return cls(0, ((axis, 1),))

    def __add__(self, other: "Affine | int") -> "Affine":
        if isinstance(other, int):
            return Affine(self.constant + other, self.terms)
        if not self.terms:
            return Affine(self.constant + other.constant, other.terms)
        sums = dict(self.terms)
        for axis, factor in other.terms:
            sums[axis] = sums.get(axis, 0) + factor
        terms = sorted(((a, f) for a, f in sums.items() if f), key=lambda term: term[0].number)
        return Affine(self.constant + other.constant, tuple(terms))

    def __mul__(self, factor: int) -> "Affine":
        if not factor:
            return ZERO
        return Affine(self.constant * factor, tuple([(axis, f * factor) for axis, f in self.terms]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Affine) and self.constant == other.constant and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def span(self) -> tuple[int, int]:
        """The least and the largest value within the ranges of the axes."""
        low = high = self.constant
        for axis, factor in self.terms:
            ends = axis.start * factor, (axis.stop - 1) * factor
            low, high = low + min(ends), high + max(ends)
        return low, high

    def __repr__(self) -> str:
        names = {axis: f"i{n}" for n, (axis, _) in enumerate(self.terms)}
        parts = [str(self.constant)] if self.constant or not self.terms else []
        return "+".join([*parts, *(names[a] if f == 1 else f"{f}*{names[a]}" for a, f in self.terms)])


ZERO = Affine(0)
Index = tuple[Affine, ...]


@dataclass(frozen=True, slots=True)
class Rearranged:
    """Each element of the answer is one of operand 0: ``read(equation, index)`` is its index there."""

    read: Callable[[Any, Index], Index]


@dataclass(frozen=True, slots=True)
class Reshaped:
    """The elements of operand 0, in their order, in another shape."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """Each element is computed from the elements at the same place of all operands, which are broadcast.

    Attributes
    ----------
    name : str
        "select", "convert" (to the dtype of the answer), "clamp", "real", "imaginary", "sign", "complex" (of
        its parts) or "same".
    """

    name: str


@dataclass(frozen=True, slots=True)
class Reduced:
    """Elements along some axes are joined by an operator.

    Attributes
    ----------
    operator : str
        "add", "multiply", "maximum", "minimum", "or" or "and".
    axes : callable
        ``axes(equation)``: those of the broadcast operands, not negative.
    mean : bool
        The sum is divided by the number of elements.
    test : str
        What is asked of each element first: "isnan" or "nonzero"; nothing where it is empty.
    """

    operator: str
    axes: Callable[[Any], Sequence[int]]
    mean: bool = False
    test: str = ""


class Piece(NamedTuple):
    """A part of an answer that an operand fills.

    Attributes
    ----------
    slot : int
        Number of the operand.
    places : tuple of range
        Where it is, along each axis of the answer.
    read : callable
        ``read(index)``: index in the operand for an index within the part.
    """

    slot: int
    places: tuple[range, ...]
    read: Callable[[Index], Index]


@dataclass(frozen=True, slots=True)
class Pieces:
    """Parts of the answer are operands.

    Attributes
    ----------
    pieces : callable
        ``pieces(equation)``: a list of `Piece`, or None where it is none of that kind. A later one covers earlier ones.
    adds : bool
        Overlapping parts are added, to zero.
    spots : callable, optional
        ``spots(equation)``: the same as a list of `Spot`, where there are no pieces.
    """

    pieces: Callable[[Any], Sequence[Piece] | None]
    adds: bool = False
    spots: "Callable[[Any], Sequence[Spot] | None] | None" = None


class Lookup(NamedTuple):
    """Positions in an answer that an array of integers holds.

    Attributes
    ----------
    positions : int or array
        Number of the operand, or the array itself.
    read : callable
        ``read(index)``: index in the array for an index in the space.
    axis : int
        The axis of the answer that the positions are on.
    axes : int
        That axis and so many less one behind it are counted as one.
    way : str
        What positions out of range are: "error", and negative ones count from the end; "count", where they are errors
        too; "wrap", where they begin again.
    """

    positions: Any
    read: Callable[[Index], Index]
    axis: int
    axes: int = 1
    way: str = "error"


class Spot(NamedTuple):
    """Where elements of an operand go: one after another, in the order of a space.

    Attributes
    ----------
    slot : int
        Number of the operand.
    shape : tuple of int
        Of the space.
    read : callable
        ``read(index)``: index in the operand for an index in the space.
    place : callable
        ``place(index)``: index in the answer, 0 on axes with positions.
    lookups : tuple of Lookup
    """

    slot: int
    shape: tuple[int, ...]
    read: Callable[[Index], Index]
    place: Callable[[Index], Index]
    lookups: tuple[Lookup, ...] = ()


@dataclass(frozen=True, slots=True)
class Spots:
    """Elements of operands go to places of the answer, which need not be known before it is computed.

    Attributes
    ----------
    spots : callable
        ``spots(equation)``: a list of `Spot`, or None where it is none of that kind. What comes later counts.
    adds : bool
        What comes to one place is added, to zero.
    onto : bool
        The first one covers the answer, and the others are added to it.
    """

    spots: Callable[[Any], Sequence[Spot] | None]
    adds: bool = False
    onto: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """A product of matrices, as ``numpy.matmul``."""


@dataclass(frozen=True, slots=True)
class Contracted:
    """A sum of products over letters of ``parameters["subscripts"]``, as ``numpy.einsum``."""


@dataclass(frozen=True, slots=True)
class Running:
    """Running values along ``parameters["axis"]``, from the end where there is ``parameters["reverse"]``.

    Attributes
    ----------
    operator : str
        "add" or "multiply", of one operand; "recurrence" for h = a h + b with the operands a and b.
    """

    operator: str = "add"


@dataclass(frozen=True, slots=True)
class Picked:
    """Elements of operand 0 at positions that the other operands hold, as ``gather`` declares them."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Operand 0, of which no element may be true: else there is an error, or a warning, that code knows nothing of."""


@dataclass(frozen=True, slots=True)
class Composed:
    """Other operations, one after another.

    Attributes
    ----------
    function : callable, optional
        Does the same with NumPy's functions, of which each is an operation; without it, that of the primitive. Raises
        `NotStagedError` for operands of which it does not.
    """

    function: Callable[..., Any] | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """The real and the imaginary part of the operand."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Complex numbers of a real and an imaginary part."""


@dataclass(frozen=True, slots=True)
class Halved:
    """A ufunc of complex numbers, whose operands are the parts of each, one after the other.

    Attributes
    ----------
    function : ufunc
    dtype : dtype
        Of the parts that it is computed for.
    which : int or None
        The part of the answer: 0 is the real one, 1 the imaginary one; None of real answers.
    """

    function: Any
    dtype: Any
    which: int | None


@dataclass(frozen=True, slots=True)
class Searched:
    """Where the elements of operand 1 belong in the sorted vector operand 0, on ``parameters["side"]`` of equals."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """The places of elements in their order along ``parameters["axis"]``, of equal ones in that of ``"kind"``."""


@dataclass(frozen=True, slots=True)
class Convolved:
    """Sums of products of operand 1 with pieces of operand 0, along the last axis.

    Attributes
    ----------
    full : bool
        A convolution, of all terms; else pieces as long as operand 1, which is read forwards.
    """

    full: bool


@dataclass(frozen=True, slots=True)
class Factored:
    """A task of linear algebra on the last two axes.

    Attributes
    ----------
    task : str
        Its name among those of ``native.linear``.
    triangle : str
        What the answer is known to be where it is one: "lower", "upper", or "same", which is that what operand 0 is.
    """

    task: str
    triangle: str = ""


@dataclass(frozen=True, slots=True)
class Looped:
    """A program run for a number of turns, as ``control.loops`` declares it."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """A program run as long as another one says so, as ``control.repeats`` declares it."""


@dataclass(frozen=True, slots=True)
class Lengthwise:
    """What a program does that is another one for each value of operand 0.

    Attributes
    ----------
    program : callable
        ``program(equation, values)``: the program for plain values of the operands, of which it takes those from the
        second on.
    """

    program: Callable[[Any, Sequence[Any]], Any]


@dataclass(frozen=True, slots=True)
class Chosen:
    """One of two programs, as ``control.branches`` declares it."""


# --- how declarations describe places ---------------------------------------------------------------------------------


def basic_read(index: Sequence[Any], shape: Sequence[int], at: Index) -> Index:
    """Index in an array of ``shape`` of the element of ``x[index]`` that is at ``at``."""
    found: list[Affine] = []
    rest = list(at)
    for entry in spelled(index, len(shape)):
        if entry is None:
            rest.pop(0)
        elif isinstance(entry, slice):
            start, _, step = entry.indices(shape[len(found)])
            found.append(rest.pop(0) * step + start)
        else:
            found.append(Affine(int(entry) % shape[len(found)]))
    return tuple(found)


def basic_piece(slot: int, index: Sequence[Any], shape: Sequence[int], operand: Sequence[int]) -> Piece:
    """The part ``index`` of an array of ``shape``, filled by an operand that is broadcast."""
    places: list[range] = []
    axes: list[int | None] = []  # of the part, as axes of the array
    for entry in spelled(index, len(shape)):
        if entry is None:
            axes.append(None)
        elif isinstance(entry, slice):
            axes.append(len(places))
            places.append(range(*entry.indices(shape[len(places)])))
        else:
            first = int(entry) % shape[len(places)]
            places.append(range(first, first + 1))
    used = axes[len(axes) - len(operand) :]

    def read(at: Index) -> Index:
        return tuple(
            [ZERO if axis is None or length == 1 else at[axis] for axis, length in zip(used, operand, strict=True)]
        )

    return Piece(slot, tuple(places), read)


def spelled(index: Sequence[Any], ndim: int) -> list[Any]:
    """A basic index with slices in the place of the ellipsis, and for the axes that it leaves out."""
    taken = sum(entry is not None and entry is not Ellipsis for entry in index)
    rest = [slice(None)] * (ndim - taken)
    found = list(index)
    for i, entry in enumerate(found):
        if entry is Ellipsis:
            return [*found[:i], *rest, *found[i + 1 :]]
    return [*found, *rest]


def aligned(at: Index, shape: Sequence[int]) -> Index:
    """Index in an operand of ``shape`` that is broadcast to a space."""
    return tuple([ZERO if n == 1 else a for a, n in zip(at[len(at) - len(shape) :], shape, strict=True)])


def reduced_axes(equation: Any) -> list[int]:
    """The axes of ``parameters["axis"]``, counted from the first of all operands."""
    ndim = max(len(operand.shape) for operand in equation.operands)
    return [ndim + axis for axis in equation.parameters["axis"]]


def piece_spot(piece: Piece) -> Spot:
    """A part of an answer as the places of its elements."""

    def place(at: Index) -> Index:
        return tuple([a * r.step + r.start for a, r in zip(at, piece.places, strict=True)])

    return Spot(piece.slot, tuple(map(len, piece.places)), piece.read, place)


def picked_spot(slot: int, shape: Sequence[int], arrays: Sequence[Any], axis: int, whole: Sequence[int]) -> Spot:
    """Where the elements that ``gather`` picks from an array of shape ``whole`` come from.

    Parameters
    ----------
    slot : int
        The operand that has them, of ``shape``.
    arrays : sequence of (int or array, tuple of int)
        The positions, as `Lookup` has them, and their shapes.
    axis : int
        As a parameter of ``gather``.
    """
    first = len(whole) + axis
    places = len(shape) - len(whole) + len(arrays)

    def place(at: Index) -> Index:
        return (*at[:first], *(ZERO,) * len(arrays), *at[first + places :])

    def reader(lengths: Sequence[int]) -> Callable[[Index], Index]:
        return lambda at: aligned(at[first : first + places], lengths)

    lookups = [Lookup(positions, reader(lengths), first + i) for i, (positions, lengths) in enumerate(arrays)]
    return Spot(slot, tuple(shape), lambda at: at, place, tuple(lookups))
