"""Arrays that change: buffers, which hold plain or traced values, and changes in place that reach every view.

A traced array is never written to in memory: what is on a tape must stay as it is. To change one in place is to let it
stand for another value, and with it the array it is a view of, and all views of that. A `Buffer` is an array made for
this, such as ``np.zeros_like(x)``: a plain array until a traced value is assigned to it, then a value of that trace.
It belongs to no transformation, so it may be made anywhere. May import ``core`` and ``errors``.

>>> import hodiff as hd
>>> def running(x):
...     y = np.zeros_like(x)
...     for i in range(len(x)):
...         y[i] = x[i] ** 2 + (y[i - 1] if i else 0.0)
...     return y[-1]
>>> hd.grad(running)(np.array([1.0, 2.0, 3.0]))
array([2., 4., 6.])
"""

from math import inf
from typing import Any

import numpy as np

from hodiff.core import SEALED, Primitive, Trace, Tracer
from hodiff.errors import InPlaceError


class BufferTrace(Trace):
    """Unwraps buffers: operations see what they contain."""

    __slots__ = ()
    transformation = "an array made for assignment"

    def __init__(self) -> None:
        super().__init__()
        self.level = inf  # type: ignore[assignment]  # above every transformation, since a buffer may hold its values

    def process(self, primitive: Primitive, operands: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
        """Apply the operation to the contents; a view of a buffer is a buffer again."""
        values = [v.content() if v.__class__ is Buffer else v for v in operands]
        answer = primitive(*values, **parameters)
        return Buffer(answer) if primitive.view is not None and answer.shape else answer


class Buffer(Tracer):
    """An array to assign into: a plain array, or a traced value that is replaced by another at each assignment.

    Assignments to elements ``y[i]`` wait in ``waiting`` until the whole is asked for, so that a loop over them takes
    linear time; ``merge`` is the operation that then makes one array of them.
    """

    __slots__ = ("_value", "merge", "waiting")
    owner = BufferTrace()

    def __init__(self, value: Any) -> None:
        self._value = value
        self.waiting: dict[tuple[int, ...], Any] = {}
        self.merge: Any = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self._value.shape

    @property
    def dtype(self) -> Any:
        """NumPy dtype of the array."""
        return self._value.dtype

    def content(self) -> Any:
        """The plain array or the tracer that holds the current values."""
        if self.waiting:
            waiting, self.waiting = self.waiting, {}
            self._value = self.merge(self._value, waiting)
        return self._value

    def place_of(self, key: Any) -> tuple[int, ...] | None:
        """The key of an element or a row as integers that are not negative; None for any other key."""
        entries = key if key.__class__ is tuple else (key,)
        if not entries or len(entries) > len(self.shape):
            return None
        for entry, length in zip(entries, self.shape, strict=False):
            if entry.__class__ is not int or not -length <= entry < length:
                return None
        return tuple(e % n for e, n in zip(entries, self.shape, strict=False))

    def components(self) -> tuple[Any, ...]:
        """The content."""
        return (self.content(),)

    def truth(self) -> Any:
        """The plain values."""
        value = self.content()
        return value.alive().truth() if isinstance(value, Tracer) else value

    def fork(self) -> Any:
        """A buffer with a copy of the values."""
        value = self.content()
        return Buffer(value.fork() if isinstance(value, Tracer) else value.copy())

    def become(self, value: Any) -> None:
        """Contain other values, of whatever trace."""
        self.waiting = {}
        self._value = value.content() if isinstance(value, Tracer) else value

    def __float__(self) -> float:
        return float(self.content())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        value = self.content()
        if isinstance(value, Tracer):
            return value.__array__(dtype, copy)
        return np.array(value, dtype) if copy else np.asarray(value, dtype)

    def __reduce__(self) -> Any:
        value = self.content()
        return value.__reduce__() if isinstance(value, Tracer) else (Buffer, (value,))

    def __repr__(self) -> str:
        value = self.content()
        return f"Buffer({value!r})" if isinstance(value, Tracer) else repr(value)


def update(array: Tracer, value: Any, action: str = "assignment to elements") -> None:
    """Let ``array`` have the values ``value`` under every name and in every view that it has.

    Parameters
    ----------
    array : Tracer
    value : array or Tracer
        Of the same shape and dtype.
    action : str
        For the message: what is being done.

    Raises
    ------
    InPlaceError
        For an argument of a function being transformed.
    ValueError
        For a view that cannot be written to, such as that of ``np.broadcast_to``.
    """
    alias = getattr(array, "alias", None)
    if alias is not None:
        base, primitive, parameters = alias
        update(base, primitive.view(base, value, **parameters), action)
        return
    if getattr(array, "views", None) is SEALED:
        raise InPlaceError(
            f"{action} would modify an argument of the function being transformed, or the array that one is a view of; "
            f"modify a copy instead: x = x.copy()"
        )
    plain = array._value if array.__class__ is Buffer else None
    if isinstance(plain, np.ndarray) and not isinstance(value, Tracer):
        plain[...] = value  # in memory, so that plain views of it follow
        return
    array.become(value)
    refresh(array)


def refresh(array: Tracer) -> None:
    """Bring the views of ``array`` into step with it."""
    views = getattr(array, "views", None)
    if not views:
        return
    alive = [(reference, view) for reference in views if (view := reference()) is not None]
    array.views = [reference for reference, _ in alive]
    for _, view in alive:
        _, primitive, parameters = view.alias
        view.become(array.owner.process(primitive, (array,), parameters))
        refresh(view)


def snapshot(value: Any) -> Any:
    """``value`` as it is now, whatever is assigned to it later."""
    if isinstance(value, Tracer):
        return value.alive().fork().content()
    return value.copy() if isinstance(value, np.ndarray) else value
