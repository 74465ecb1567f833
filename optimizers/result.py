"""What a run gives back: ``Result`` and ``History``, the same fields for every method; imports ``errors``.

>>> history = History()
>>> history.append(Row(0, 2.0, 1.0, 0.0, 1.0, 1.0, 1, 1, 0, 0, 0.001))
>>> history.append(Row(1, 0.5, 0.1, 0.7, 0.4, 1.0, 2, 2, 0, 0, 0.002))
>>> len(history), history.to_dict()["f"]
(2, array([2. , 0.5]))
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import OptimizeResult

from optimizers.errors import MissingExtraError, OptionError

__all__ = ["History", "Result", "Row"]


class Row(NamedTuple):
    """One line of a history: the iterate `k` in numbers.

    Attributes
    ----------
    k : int
        Iterations done; 0 is the start.
    f, gnorm : float
        Objective and largest absolute entry of the gradient at the iterate.
    step, xnorm : float
        Euclidean norm of the last change of x (0 where the trial was rejected) and of x.
    length : float
        Step length of a line search or radius of a trust region; NaN where a method has neither.
    nfev, njev, nhev, nhvp : int
        Evaluations so far of the objective, its gradient, its Hessian, and Hessian-vector products.
    time : float
        Seconds since the start.

    Examples
    --------
    >>> Row(0, 2.0, 1.0, 0.0, 1.0, 1.0, 1, 1, 0, 0, 0.001).gnorm
    1.0
    """

    k: int
    f: float
    gnorm: float
    step: float
    xnorm: float
    length: float
    nfev: int
    njev: int
    nhev: int
    nhvp: int
    time: float


class History:
    """The rows of a run, one an iteration, with the same columns for every method.

    Rows hold numbers only, so nothing in a history aliases an iterate. Iteration and indexing give rows.

    Attributes
    ----------
    eager_reason : str or None
        Why the objective ran eagerly although it was to be compiled (see the `jit` of `Problem`); None where it did
        not. The message of the result says it too.

    Examples
    --------
    >>> import optimizers as opt
    >>> result = opt.Newton().run(lambda x: (x[0] - 1) ** 2 + x[1] ** 2, [3.0, 1.0])
    >>> [row.k for row in result.history], result.history[-1].nfev
    ([0, 1], 2)
    """

    __slots__ = ("_length", "_rows", "eager_reason")

    def __init__(self) -> None:
        self.eager_reason: str | None = None
        self._rows: list[Row] = []
        self._length: int | None = None

    def append(self, row: Row) -> None:
        """Add a row; the driver does this once an iteration.

        Examples
        --------
        >>> history = History()
        >>> history.append(Row(0, 2.0, 1.0, 0.0, 1.0, 1.0, 1, 1, 0, 0, 0.001))
        """
        if self._length is not None:
            self._rows, self._length = self._own(), None
        self._rows.append(row)

    def copy(self) -> "History":
        """The rows so far, without those to come: what a callback is given. The rows themselves are shared.

        Examples
        --------
        >>> len(History().copy())
        0
        """
        other = History()
        other._rows, other._length, other.eager_reason = self._rows, len(self), self.eager_reason
        return other

    @property
    def remark(self) -> str:
        """What is appended to the message of a result: `eager_reason` in parentheses, or nothing.

        Examples
        --------
        >>> History().remark
        ''
        """
        return "" if self.eager_reason is None else f" (the objective ran eagerly: {self.eager_reason})"

    def _own(self) -> list[Row]:
        return self._rows if self._length is None else self._rows[: self._length]

    def to_dict(self) -> dict[str, Any]:
        """One new NumPy array a column, by name: ready for plotting or a data frame.

        Examples
        --------
        >>> sorted(History().to_dict())
        ['f', 'gnorm', 'k', 'length', 'nfev', 'nhev', 'nhvp', 'njev', 'step', 'time', 'xnorm']
        """
        return {name: np.array([row[i] for row in self._own()]) for i, name in enumerate(Row._fields)}

    def plot(self, ax: Any = None, columns: Sequence[str] = ("f", "gnorm"), *, against: str = "k") -> list[Any]:
        """Draw columns with matplotlib, one panel a column; logarithmic where every number is positive or zero.

        Zeros, a gradient that vanishes for instance, are left out of a logarithmic panel.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or sequence of them, optional
            Where to draw: one for all columns, or one for each. By default a new figure, panels above one another.
        columns : sequence of str
            Names of columns; see `Row`.
        against : str
            The column along the horizontal axis, "k", "time" or "nfev" for instance.

        Returns
        -------
        list of matplotlib.axes.Axes
            The panel of each column.

        Raises
        ------
        OptionError
            When a name is not that of a column, or there are not as many axes as columns.
        MissingExtraError
            Where matplotlib is not installed.

        Examples
        --------
        >>> import optimizers as opt
        >>> result = opt.Newton().run(lambda x: x[0] ** 4 + x[1] ** 2, [3.0, 1.0])
        >>> [axes.get_yscale() for axes in result.history.plot(columns=("f", "step"))]
        ['log', 'log']
        """
        columns = (columns,) if isinstance(columns, str) else tuple(columns)
        for name in (*columns, against):
            if name not in Row._fields:
                raise OptionError(f"{name!r} is not a column of a history; those are {', '.join(Row._fields)}")
        panels = _panels(ax, len(columns))
        numbers = self.to_dict()
        for name, panel in zip(columns, panels, strict=True):
            _draw(panel, numbers[against], numbers[name], name)
        for panel in dict.fromkeys(panels):
            names = [name for name, own in zip(columns, panels, strict=True) if own is panel]
            panel.set_ylabel(", ".join(names))
            panel.set_xlabel(against)
            if len(names) > 1:
                panel.legend()
            if ax is None:
                panel.label_outer()
        return panels

    def __len__(self) -> int:
        return len(self._rows) if self._length is None else self._length

    def __iter__(self) -> Iterator[Row]:
        return iter(tuple(self._own()))

    def __getitem__(self, index: int) -> Row:
        return self._own()[index]

    def __repr__(self) -> str:
        if not len(self):
            return "History(empty)"
        last = self[-1]
        return f"History({len(self)} rows, last: k={last.k}, f={last.f:.6g}, gnorm={last.gnorm:.3g})"


class Result(OptimizeResult):  # type: ignore[misc]  # SciPy ships no types
    """The outcome of a run: a `scipy.optimize.OptimizeResult` with the same fields for every method.

    Attributes
    ----------
    x : tree
        The solution, shaped like ``x0``; a copy.
    fun : float
        Objective at `x`.
    jac : tree or None
        Gradient at `x`, shaped like `x`; None where a method of SciPy's never computed one.
    hess : ndarray, shape (n, n)
        Hessian at `x`, only where the method computed it.
    nit, nfev, njev, nhev, nhvp : int
        Iterations, and evaluations of the objective, gradient, Hessian and Hessian-vector products.
    status, success, message : int, bool, str
        The `Status`, whether it is ``Status.CONVERGED``, and the ending in words with its figures; and why the
        objective ran eagerly, where it was to be compiled and could not.
    history : History
        One row an iteration.

    Examples
    --------
    >>> import optimizers as opt
    >>> result = opt.TrustRegion().run(lambda x: (x[0] - 1) ** 2 + 4 * x[1] ** 2, [3.0, 1.0])
    >>> bool(result.success), result["status"], result.nit == len(result.history) - 1
    (True, <Status.CONVERGED: 0>, True)
    """


def _panels(ax: Any, count: int) -> list[Any]:
    """Axes for so many columns, new ones where none are given."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise MissingExtraError("History.plot needs matplotlib: pip install 'hodiff[plot]'") from None
    if ax is None:
        _, made = pyplot.subplots(
            count, 1, sharex=True, squeeze=False, layout="constrained", figsize=(6.0, 1.2 + 1.8 * count)
        )
        return list(made[:, 0])
    if hasattr(ax, "plot"):
        return [ax] * count
    panels = list(np.ravel(np.array(ax, dtype=object)))
    if len(panels) != count:
        raise OptionError(f"ax: one for all columns, or one for each of {count}, not {len(panels)}")
    return panels


def _draw(panel: Any, across: Any, values: Any, name: str) -> None:
    """One line with marks; a panel that several columns share is logarithmic as long as all of them can be."""
    known = values[np.isfinite(values)]
    logarithmic = bool((known >= 0.0).all() and (known > 0.0).any())
    first = not panel.lines
    if first:
        panel.set_yscale("log" if logarithmic else "linear")
    elif not logarithmic:
        panel.set_yscale("linear")
    shown = np.where(values > 0.0, values, np.nan) if panel.get_yscale() == "log" else values
    panel.plot(across, shown, marker=".", label=name)
    if first:
        panel.grid(True, alpha=0.3)
