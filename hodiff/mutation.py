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

from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from hodiff.core import SEALED, Primitive, Trace, Tracer, bind
from hodiff.errors import InPlaceError

# --- views ------------------------------------------------------------------------------------------------------------


class ViewPrimitive(Primitive):
    """An operation whose answer is a view: one that the user sees, not the inner workings of a mode, is linked."""

    __slots__ = ()

    def __call__(self, *operands: Any, **parameters: Any) -> Any:
        """Apply the operation, and note of which array the answer is a view."""
        answer = super().__call__(*operands, **parameters)
        x = operands[0]
        if not isinstance(answer, Tracer) or (self.partials is not None and not x.shape and not is_array(x)):
            return answer  # the real part of a scalar is a scalar
        return link(answer, x, self, parameters)


class Placed(NamedTuple):
    """A view that no primitive makes of its array alone, since the place of it is a traced value.

    Attributes
    ----------
    read : callable
        ``read(x, **parameters)``: what the view shows of an array.
    view : callable
        As of a primitive: ``view(x, value, **parameters)`` is the array with other values there.
    """

    read: Callable[..., Any]
    view: Callable[..., Any]


def is_array(value: Any) -> bool:
    """Whether a traced value of shape () stands for an array, which is modified in place, not for a scalar."""
    while isinstance(value, Tracer):
        if value.owner.arrays_only or getattr(value, "alias", None) is not None:
            return True
        parts = value.components()
        if not parts or parts[0].shape:
            return False
        value = parts[0]
    return isinstance(value, np.ndarray)


def link(answer: Any, operand: Any, primitive: Primitive | Placed, parameters: dict[str, Any]) -> Any:
    """Note that ``answer`` is a view of ``operand``, so that a change of one can be made in both."""
    if isinstance(answer, Tracer):
        try:
            views = operand.views
        except AttributeError:
            if not operand.shape and not is_array(operand):
                operand = operand.fork()  # NumPy makes an array of a scalar, and a view of that
            views = operand.views = []
        if views is SEALED:
            answer.views = SEALED
        else:
            count = len(views)
            if count >= 64 and not count & (count - 1):
                views = operand.views = [reference for reference in views if reference() is not None]
            views.append(ref(answer))
            answer.alias = (operand, primitive, parameters)
    return answer


def view_of(primitive: Primitive, x: Any, parameters: dict[str, Any]) -> Any:
    """As ``primitive(x, **parameters)``, for a view that is known to need no checks."""
    if not isinstance(x, Tracer):
        return primitive.function(x, **parameters)
    return link(x.owner.linear(primitive, x, parameters), x, primitive, parameters)


# --- buffers ----------------------------------------------------------------------------------------------------------


class BufferTrace(Trace):
    """Unwraps buffers: operations see what they contain."""

    __slots__ = ()
    transformation = "an array made for assignment"
    arrays_only = True

    def __init__(self) -> None:
        super().__init__()
        self.level = inf  # type: ignore[assignment]  # above every transformation, since a buffer may hold its values

    def process(self, primitive: Primitive, operands: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
        """Apply the operation to the contents; a view of a buffer is a buffer again."""
        values = [v.content() if v.__class__ is Buffer else v for v in operands]
        answer = bind(primitive, *values, **parameters)
        if answer.__class__ is np.ndarray:
            return Buffer(answer) if answer.dtype.kind in "fc" else answer
        return Buffer(answer) if primitive.view is not None and (answer.shape or is_array(answer)) else answer


class _Memory:
    """What plain arrays and all their views keep alive that share the memory of a buffer."""

    __slots__ = ("__array_interface__", "__weakref__", "array")

    def __init__(self, array: Any) -> None:
        self.array = array
        self.__array_interface__ = array.__array_interface__


class Buffer(Tracer):
    """An array to assign into: a plain array, or a traced value that is replaced by another at each assignment.

    Assignments to elements ``y[i]`` wait in ``waiting`` until the whole is asked for, so that a loop over them takes
    linear time; ``merge`` is the operation that then makes one array of them.
    """

    __slots__ = ("_value", "known", "shared", "waiting")
    owner = BufferTrace()
    merge: Any = None

    def __init__(self, value: Any) -> None:
        self._value = value
        self.waiting: dict[tuple[int, ...], Any] = {}
        #: Weak reference to what keeps plain arrays alive that share the memory.
        self.shared: Any = None
        #: The list of views as far as it has been looked through: rows by their places, others, how many.
        self.known: Any = None

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
            # Nothing is forgotten before all of it is in its place: the merge may raise, or another thread may read.
            self._value = self.merge(self._value, self.waiting)
            self.waiting = {}
        return self._value

    def place_of(self, key: Any) -> tuple[int, ...] | None:
        """The key of an element or a row as integers that are not negative; None for any other key."""
        entries = key if key.__class__ is tuple else (key,)
        if not entries or len(entries) > len(self.shape):
            return None
        place = []
        for entry, length in zip(entries, self.shape, strict=False):
            if not (entry.__class__ is int or isinstance(entry, np.integer)) or not -length <= entry < length:
                return None
            place.append(int(entry) % length)
        return tuple(place)

    def at(self, place: tuple[int, ...]) -> Any:
        """The element or row at a place that `place_of` gives, with as little merging as can be."""
        if self.waiting and len(next(iter(self.waiting))) == len(place):
            found = self.waiting.get(place)
            return self._value[place] if found is None else found
        return self.content()[place]

    def wait(self, place: tuple[int, ...], values: Any) -> bool:
        """Put off an assignment to one element, or one row, until the array is read as a whole, where that can be."""
        if getattr(self, "alias", None) is not None:
            return False
        if self.waiting and len(next(iter(self.waiting))) != len(place):
            return False
        if values.shape != self.shape[len(place) :] or values.dtype != self.dtype:
            return False
        self.check_sharing()
        values = snapshot(values)
        if getattr(self, "views", None) and not self._reach_views(place, values):
            return False
        self.waiting[place] = values
        return True

    def _reach_views(self, place: tuple[int, ...], values: Any) -> bool:
        """Bring views into step with an assignment to a row, where all of them are such rows."""
        if self.known is None or self.known[0] is not self.views:
            self.known = (self.views, {}, [], 0)
        views, rows, others, count = self.known
        for reference in views[count:]:
            view = reference()
            if view is not None:
                index = view.alias[2].get("index")
                whole = index is not None and len(index) == len(place) and all(e.__class__ is int for e in index)
                where = self.place_of(index) if whole else None
                (others if where is None else rows.setdefault(where, [])).append(reference)
        self.known = (views, rows, others, len(views))
        if any(reference() is not None for reference in others) or (rows and len(next(iter(rows))) != len(place)):
            return False
        for reference in rows.get(place, ()):
            view = reference()
            if view is not None:
                view.become(values)
                refresh(view)
        return True

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
        if isinstance(value, Tracer):
            self.check_sharing()
        self.waiting = {}
        self._value = value.content() if isinstance(value, Tracer) else value

    def check_sharing(self) -> None:
        """Refuse a traced value while plain arrays show the memory, which could not follow."""
        if self.shared is not None and self.shared() is not None and not isinstance(self._value, Tracer):
            raise InPlaceError(
                "a value that carries derivatives was assigned to an array that shares its memory with a plain one, by "
                "np.asarray(y) or np.asarray(array, like=x), which cannot hold it; copy it: np.array(y, like=x)"
            )

    def __float__(self) -> float:
        return float(self.content())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        value = self.content()
        if isinstance(value, Tracer):
            return value.__array__(dtype, copy)
        if copy or (dtype is not None and dtype != value.dtype):
            return np.array(value, dtype)
        memory = None if self.shared is None else self.shared()
        if not isinstance(memory, _Memory):
            memory = _Memory(value)
            self.shared = ref(memory)
        return np.asarray(memory)

    def __reduce__(self) -> Any:
        value = self.content()
        return value.__reduce__() if isinstance(value, Tracer) else (Buffer, (value,))

    def __repr__(self) -> str:
        value = self.content()
        return f"Buffer({value!r})" if isinstance(value, Tracer) else repr(value)


# --- changes ----------------------------------------------------------------------------------------------------------


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
        if base.__class__ is Buffer and isinstance(value, Tracer) and "index" in parameters:
            place = base.place_of(parameters["index"])
            if place is not None and base.wait(place, value.alive().content()):
                return
        if isinstance(primitive, Placed):
            # What this view shows then is known.
            base.views = [reference for reference in base.views if reference() is not array]
        update(base, primitive.view(base, value, **parameters), action)
        if isinstance(primitive, Placed):
            base.views.append(ref(array))
            array.become(value)
            refresh(array)
        return
    if getattr(array, "views", None) is SEALED:
        raise InPlaceError(
            f"{action} would modify an argument of the function being transformed, or the array that one is a view of; "
            f"modify a copy instead: x = x.copy()"
        )
    if not array.shape and not is_array(array):
        raise InPlaceError(f"{action}: a scalar cannot be changed in place; make an array of it: np.array(s, like=x)")
    plain = array._value if array.__class__ is Buffer else None
    if isinstance(plain, np.ndarray) and not array.waiting and not isinstance(value, Tracer):  # type: ignore[attr-defined]
        plain[...] = value  # in memory, so that plain views of it follow
        refresh(array)
        return
    if len(array.shape) > 1 and not _same_layout(array, value):
        value = Buffer.merge(array.content(), {(Ellipsis,): value})
    array.become(value)
    refresh(array)


def _same_layout(a: Any, b: Any) -> bool:
    """Whether two dense arrays have their axes in the same order in memory, of which it depends what is a view."""
    ndim, shape = a.ndim, a.shape
    orders = []
    for value in (a, b):
        while isinstance(value, Tracer):
            parts = value.components()
            if not parts:
                return True
            value = parts[0]
        strides = value.strides[value.ndim - ndim :]
        orders.append([i for _, i in sorted((-abs(strides[i]), i) for i in range(ndim) if shape[i] > 1)])
    return orders[0] == orders[1]


def refresh(array: Tracer) -> None:
    """Bring the views of ``array`` into step with it."""
    views = getattr(array, "views", None)
    if not views:
        return
    alive = [(reference, view) for reference in views if (view := reference()) is not None]
    array.views = [reference for reference, _ in alive]
    for _, view in alive:
        _, primitive, parameters = view.alias
        if isinstance(primitive, Placed):
            view.become(primitive.read(array, **parameters))
        else:
            view.become(array.owner.process(primitive, (array,), parameters))
        refresh(view)


def pinned(view: Any, base: Any, name: str) -> Any:
    """``view``, which does not change when ``base`` does, and may not: a change of either while both exist is an error.

    For what NumPy makes a view of in a way that is not followed here, or depending on the layout in memory.
    """

    def refuse(*operands: Any, **parameters: Any) -> Any:
        raise InPlaceError(
            f"an array was changed of which {name} had made another that may share its memory; make a copy first, of "
            f"the one ({name}(x.copy())) or of the other"
        )

    if base.__class__ is Buffer and not isinstance(view, Tracer):
        view = Buffer(view)
    return link(view, base, Primitive(name, refuse, batch=refuse, view=refuse), {})


def root(array: Any) -> Any:
    """The array that ``array`` is a view of, or of a view of; itself, where it is none."""
    while (alias := getattr(array, "alias", None)) is not None:
        array = alias[0]
    return array


def snapshot(value: Any) -> Any:
    """``value`` as it is now, whatever is assigned to it later."""
    if isinstance(value, Tracer):
        return value.alive().fork().content()
    return value.copy() if isinstance(value, np.ndarray) else value
