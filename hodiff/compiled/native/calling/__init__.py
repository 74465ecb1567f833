"""The fast-call entry: a kernel as a builtin function of Python."""
