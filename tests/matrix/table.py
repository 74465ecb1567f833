"""The form of an entry of the matrix, and the operands that are made for it.

An entry is one NumPy function with its keywords. ``check.py`` runs it for every shape, layout, dtype and keyword
through every mode. What NumPy itself refuses, hodiff must refuse too; what hodiff alone refuses, the entry lists with a
reason.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Shapes = Mapping[str, tuple[tuple[int, ...], ...]]

#: Shapes of one operand, of two and of three that broadcast.
ONE: Shapes = {"0-d": ((),), "empty": ((0,),), "1-d": ((4,),), "3-d": ((2, 1, 3),)}
TWO: Shapes = {
    "0-d": ((), ()),
    "empty": ((0,), (1,)),
    "1-d": ((3,), (3,)),
    "broadcast": ((2, 1), (3,)),
    "3-d": ((2, 1, 2), (3, 1)),
}
THREE: Shapes = {
    "0-d": ((), (), ()),
    "empty": ((0,), (1,), ()),
    "1-d": ((3,), (3,), (3,)),
    "broadcast": ((2, 1), (3,), (1, 1)),
    "3-d": ((2, 1, 2), (2,), (3, 1)),
}
#: Shapes of an operand whose axes matter.
ARRAY: Shapes = {
    "0-d": ((),),
    "empty": ((0,),),
    "1-d": ((4,),),
    "2-d": ((2, 3),),
    "3-d": ((2, 3, 2),),
    "empty-3-d": ((2, 0, 2),),
}
#: Shapes of square matrices.
SQUARE: Shapes = {"2-d": ((3, 3),), "3-d": ((2, 2, 2),), "empty": ((0, 0),), "1-d": ((3,),), "one": ((1, 1),)}

LAYOUTS = ("scalar", "strided", "read-only", "big-endian")
DTYPES = ("float64", "float32", "complex128")


@dataclass(frozen=True)
class Per:
    """Value of a keyword that depends on the operands, such as a mask of their shape."""

    of: Callable[..., Any]

    def __repr__(self) -> str:
        return "per operand"


@dataclass(frozen=True)
class Also:
    """Value of a keyword that makes sense only with others."""

    value: Any
    more: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"{self.value!r} with {self.more}"


#: Value of ``out``: an array of the right shape and dtype, made for each call.
OUT = "a fresh array"


@dataclass(frozen=True, eq=False)
class Entry:
    """One function with what it is to be run on.

    Attributes
    ----------
    name : str
        Unique.
    call : callable
        ``call(*operands, **keywords)``.
    covers : tuple
        The NumPy functions that it exercises.
    shapes : mapping
        Shape class -> shapes of the operands. The last class that is not empty is the one laid out in other ways.
    keywords : mapping
        Keyword -> values to try, one at a time; the first ones also all together.
    low, high : float or tuple
        Range of the elements, of all operands or one each.
    scale : float
        Length over which the function changes.
    dtypes : tuple
        Those to run.
    prepare : callable or None
        Makes the operands suitable: ``(*operands) -> operands``.
    specials : tuple
        Points, each a tuple of operands, where only consistency can be asked for: zeros, ties, infinities, NaN.
    refused : mapping
        Keyword, ``keyword=value``, dtype, layout, shape class, or keyword and one of these, that hodiff alone refuses
        -> the reason.
    deviations : mapping
        Where the answer is not quite NumPy's -> in which way.
    lax : mapping
        Where NumPy raises for a reason that does not concern hodiff -> that reason.
    batch : bool or str
        Whether ``vmap`` can do it; else the reason, for example that the shape of the answer depends on values.
    ulps : float
        Agreement of the value with that of plain NumPy, in units of the spacing of its largest element.
    rtol : float
        Agreement of first derivatives with differences; second ones get a thousand times as much.
    single : float
        Agreement of float32 with float64.
    unlisted : tuple
        Keywords of NumPy's signature that are operands, or say nothing about numbers.
    order : int
        How many derivatives exist.
    slopes : bool
        Whether at a special point the derivative lies between the slopes on both sides. Not where elements that tie
        share it: the slopes of the median of equal numbers are 0, its derivatives 1/n.
    """

    name: str
    call: Callable[..., Any]
    covers: tuple[Any, ...]
    shapes: Shapes = field(default_factory=lambda: ONE)
    keywords: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    low: Any = -1.0
    high: Any = 1.0
    scale: float = 1.0
    dtypes: tuple[str, ...] = DTYPES
    prepare: Callable[..., Any] | None = None
    specials: tuple[Any, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    deviations: Mapping[str, str] = field(default_factory=dict)
    lax: Mapping[str, str] = field(default_factory=dict)
    batch: bool | str = True
    ulps: float = 1.0
    rtol: float = 1e-8
    single: float = 2e-3
    unlisted: tuple[str, ...] = ()
    order: int = 2
    slopes: bool = True

    def settings(self) -> list[tuple[str, dict[str, Any]]]:
        """The keywords of each run: none, one at a time, and the first values of all together."""
        rows: list[tuple[str, dict[str, Any]]] = [("", {})]
        rows += [
            (f"{name}={value!r}", _expanded({name: value}))
            for name, values in self.keywords.items()
            for value in values
        ]
        if len(self.keywords) > 1:
            rows.append(("all", _expanded({name: values[0] for name, values in self.keywords.items() if values})))
        return rows

    def laid_out(self) -> str:
        """The shape class that is laid out in other ways."""
        return [name for name, shapes in self.shapes.items() if all(0 not in shape for shape in shapes)][-1]

    def operands(self, shape: str, dtype: str) -> tuple[Any, ...]:
        """Operands of a shape class; those of float64 and float32 are the same numbers."""
        shapes = self.shapes[shape]
        reals = [_grid(s, *self._range(i), seed=i) for i, s in enumerate(shapes)]
        if dtype == "complex128":
            reals = [x + 1j * _grid(x.shape, -0.6, 0.7, seed=10 + i) for i, x in enumerate(reals)]
        if self.prepare is not None:
            prepared = self.prepare(*reals)
            reals = list(prepared) if isinstance(prepared, tuple) else [prepared]
        kind = np.complex64 if dtype == "complex128" else np.float32
        # Numbers of single precision in any dtype, so that all see the same.
        return tuple(np.asarray(x).astype(kind).astype(dtype) for x in reals)

    def _range(self, i: int) -> tuple[float, float]:
        low = self.low[i] if isinstance(self.low, tuple) else self.low
        high = self.high[i] if isinstance(self.high, tuple) else self.high
        return low, high


def entry(function: Any, *, name: str = "", call: Callable[..., Any] | None = None, **options: Any) -> Entry:
    """Make an entry of a NumPy function or of several with one signature (a tuple)."""
    covers = function if isinstance(function, tuple) else (function,)
    home = "special." if getattr(np, covers[0].__name__, None) is None else ""
    return Entry(name or f"{home}{covers[0].__name__}", call or covers[0], covers, **options)


def laid(x: Any, layout: str) -> Any:
    """The same numbers as a scalar, or in memory that is not contiguous, not writable, or of the other byte order."""
    if layout == "scalar":
        return x[()]
    if layout == "strided":
        if x.ndim == 0:
            return x
        turned = np.repeat(x[::-1][..., None], 2, axis=-1)[..., 0]
        return turned[::-1]
    if layout == "big-endian":
        return x.astype(x.dtype.newbyteorder(">"))
    x = x.copy()
    x.flags.writeable = False
    return x


def _expanded(keywords: dict[str, Any]) -> dict[str, Any]:
    full: dict[str, Any] = {}
    for name, value in keywords.items():
        if isinstance(value, Also):
            full |= value.more
            value = value.value
        full[name] = value
    return full


def around(*centres: float, by: float = 0.01) -> Callable[..., Any]:
    """For ``prepare``: points near ``centres`` in turn, where functions with steps have none."""

    def prepare(*operands: Any) -> tuple[Any, ...]:
        return tuple(np.resize(centres, x.shape) + by * x for x in operands)

    return prepare


def _grid(shape: tuple[int, ...], low: float, high: float, seed: int) -> Any:
    """Random numbers that keep away from each other, so that there are no ties and no kinks between them."""
    generator = np.random.default_rng([seed, *shape])
    count = int(np.prod(shape))
    steps = (generator.permutation(count) + 0.35 + 0.3 * generator.uniform(size=count)) / max(count, 1)
    return (low + (high - low) * steps).reshape(shape)
