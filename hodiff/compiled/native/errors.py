"""What the native back end raises where it leaves a program to the NumPy back end. Imports the standard library only.

>>> str(Unsupported("dtype float16"))
'dtype float16'
"""


class Unsupported(Exception):  # noqa: N818 - no error: the NumPy back end takes the program
    """There is no native code for a program; the message is the reason, in one line."""
