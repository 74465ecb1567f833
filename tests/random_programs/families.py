"""All families of statements, and the program of a seed."""

from random_programs import arithmetic, arranging, control, reducing, transforms
from random_programs.writer import write

#: At most so many statements.
LONGEST = 14
_FAMILIES = {**arithmetic.FAMILIES, **arranging.FAMILIES, **reducing.FAMILIES, **control.FAMILIES}


def random_program(seed):
    """The program of this seed."""
    return write(seed, LONGEST, _FAMILIES, transforms.ending)
