"""A check that code can make: where something is true, an operation may raise or warn, and NumPy's function is called.

``refused`` is used in the functions of `lowering.Composed` only. May import ``batch_rules``, ``code``, ``core`` and
``lowering``.

>>> refused(False)
False
"""

from hodiff.batch_rules import batch_aligned
from hodiff.code import Code
from hodiff.core import Primitive
from hodiff.lowering import Checked

#: Its operand, which must hold nowhere.
refused = Primitive("refused", lambda bad: bad, batch=batch_aligned, constant=True, code=Code(nest=Checked()))
