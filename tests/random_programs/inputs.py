"""Values that random programs are called with: a recipe makes another value of one type for each point."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Recipe:
    """Values of one type and layout.

    Attributes
    ----------
    form : "array", "scalar" (of NumPy) or "number" (of Python)
    dtype : str
    shape : tuple of int
    layout : str
        A name in `LAYOUTS`.
    values : str
        A name in `VALUES`.
    """

    form: str
    dtype: str
    shape: tuple[int, ...]
    layout: str
    values: str

    def make(self, seed, point, number):
        """The value of the input of this number at a point; every call makes a new one."""
        rng = np.random.default_rng([seed, point, number])
        numbers = VALUES[self.values](rng, self.shape)
        if np.dtype(self.dtype).kind == "c" and self.values != "special":
            numbers = numbers + 1j * VALUES[self.values](rng, self.shape)
        if np.dtype(self.dtype).kind in "iu":
            numbers = np.rint(3 * np.clip(np.nan_to_num(numbers), -3, 3))
        elif self.dtype == "bool":
            numbers = numbers > 0
        with np.errstate(all="ignore"):
            array = np.asarray(numbers).astype(self.dtype)
        if self.form == "array":
            return LAYOUTS[self.layout](array)
        return array[()] if self.form == "scalar" else array.item()


@dataclass(frozen=True)
class Fixed:
    """The values that a variable had at each point: what an input is that a variable was made into."""

    values: tuple[Any, ...]

    def make(self, seed, point, number):
        """The value at a point, whatever the seed and the number."""
        value = self.values[point]
        return value.copy(order="K") if isinstance(value, np.ndarray) else value


def _special(rng, shape):
    """Normal numbers with some of what is special among them."""
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e300, -1e-300, 5e-324, 710.0, 1e16])
    return np.where(rng.random(shape) < 0.3, rng.choice(special, shape), rng.normal(size=shape))


VALUES = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "positive": lambda rng, shape: rng.uniform(0.2, 2.0, shape),
    "unit": lambda rng, shape: rng.uniform(-0.9, 0.9, shape),
    # Where comparisons and maxima have ties.
    "grid": lambda rng, shape: rng.integers(-4, 5, shape) / 4,
    "special": _special,
}


def _strided(array):
    wide = np.zeros(tuple(2 * n for n in array.shape), array.dtype)
    view = wide[(..., *(slice(None, None, 2) for _ in array.shape))]
    view[...] = array
    return view


def _reversed(array):
    steps = (..., *(slice(None, None, -1) for _ in array.shape))
    return array[steps].copy()[steps]


def _offset(array):
    wide = np.zeros(array.size + 1, array.dtype)
    wide[1:] = array.ravel()
    return wide[1:].reshape(array.shape)


def _read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def _broadcast(array):
    """Each row is the first one, in the same memory."""
    return np.broadcast_to(array[:1], array.shape) if array.ndim else array


LAYOUTS = {
    "C": lambda array: array,
    "F": np.asfortranarray,
    "strided": _strided,
    "reversed": _reversed,
    "offset": _offset,
    "read-only": _read_only,
    "broadcast": _broadcast,
}


def random_recipe(random, shapes, *, special=False):
    """A recipe of one of these shapes, most often of a C-contiguous array of float64."""
    dtype = random.choices(["float64", "float32", "int64", "bool", "complex128"], [16, 3, 3, 1, 1.5])[0]
    form = random.choices(["array", "scalar", "number"], [10, 1, 2])[0]
    if form == "number" and dtype == "float32":
        dtype = "float64"
    shape = random.choice(shapes) if form == "array" else ()
    layout = "C" if random.random() < 0.75 else random.choice(sorted(LAYOUTS))
    values = random.choices(["normal", "positive", "unit", "grid"], [5, 3, 3, 1])[0]
    if special and random.random() < 0.6:
        values = "special"
    return Recipe(form, dtype, shape, layout, values)
