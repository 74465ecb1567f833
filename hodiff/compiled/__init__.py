"""Compiled mode: programs are improved, and written as NumPy code (see ``staging`` for how they come about)."""
