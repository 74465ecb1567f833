"""How an operation is written as Python source: the part of a declaration that compiled mode reads.

Imports the standard library only. In a template ``{0}`` and ``{1}`` are operands, ``{operands}`` all of them,
``{out}`` an array to write into, ``{zeros}`` one that is zero, ``{shape}`` and ``{dtype}`` those of the answer, any
other name a parameter of the primitive, and ``np.…`` a function of NumPy, which is looked up once.

>>> roots = Code(into="np.sqrt({0}, {out})")
>>> roots.into.format("x", out="y")
'np.sqrt(x, y)'
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: A template, or what gives one for an equation.
Template = str | Callable[[Any], str | None]


@dataclass(frozen=True, slots=True)
class Code:
    """What compiled mode writes for an operation; without it, a call of its function.

    Attributes
    ----------
    value : str or callable
        An expression for a new array, a scalar or a view. For a ufunc, which has its own way to write into an array,
        it is used where the answer is a scalar.
    into : str or callable
        Statements that write the answer into the array ``{out}``, whose old elements mean nothing; of a ufunc, the
        expression that does so, where it is not the ufunc with one more argument.
    write : callable, optional
        ``(writer, equation)`` writes anything, with the methods of `hodiff.compiled.numpy_source.Writer`.
    shares : bool, optional
        Whether the answer shows the memory of operands, or is one of them; where the field ``view`` of the primitive is
        set it does. Without it nothing is known, and it may.
    nest : object, optional
        What it is to a compiler of loops: one of the declarations of ``lowering``. Of a ufunc this is known.
    """

    value: Template | None = None
    into: Template | None = None
    write: Callable[[Any, Any], None] | None = None
    shares: bool | None = None
    nest: Any = None


def is_unheard(equation: Any) -> bool:
    """Whether nobody hears of the floating-point errors of an equation, so that code may make others of them."""
    return equation.errstate is not None and set(equation.errstate) == {"ignore"}
