"""Functions of numbers as instructions: NumPy's ufuncs, vector mathematics, Python's numbers."""
