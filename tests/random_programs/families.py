"""All families of statements, and the program of a seed."""

from random_programs import arithmetic, arranging, control, reducing, transforms
from random_programs.writer import write

#: At most so many statements.
LONGEST = 14
_ALL = {**arithmetic.FAMILIES, **arranging.FAMILIES, **reducing.FAMILIES, **control.FAMILIES}
_OF_LONG_VECTORS = {
    **{family: weight for family, weight in arithmetic.FAMILIES.items() if family is not arithmetic.ufunc_method},
    arranging.view: 9,
    arranging.gather_by_values: 1,
    arranging.join: 4,
    arranging.pad: 2,
    arranging.split: 1,
    reducing.reduction: 12,
    reducing.logical_reduction: 3,
    reducing.cumulative: 3,
    control.change: 2,
    control.branch: 2,
}


def random_program(seed):
    """The program of this seed."""
    return write(seed, LONGEST, lambda writer: _OF_LONG_VECTORS if writer.long else _ALL, transforms.ending)
