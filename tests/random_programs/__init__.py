"""Random NumPy programs, and whether they do compiled what they do plainly.

A program is source text that a seed stands for (``families.random_program``). ``checking.check`` calls it compiled, at
two points, and compares results, types, warnings, errors and what became of the arguments; a difference that noise of
the size of roundings makes too is none. ``shrinking.shrink`` finds a small program with the same failure. From the
command line:

    python -m tests.random_programs --count 100000 --backend native --seed 0
"""
