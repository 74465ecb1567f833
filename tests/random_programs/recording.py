"""Errors of compiled mode that it hides, since the function can always be run or traced instead."""

from contextlib import contextmanager

from hodiff.compiled import units


@contextmanager
def hidden_errors():
    """A list of the errors that back ends raise in the block."""
    errors, plain = [], (units.compiled, units.emit)

    def recording(function):
        def recorded(*args, **options):
            try:
                return function(*args, **options)
            except Exception as error:
                errors.append(error)
                raise

        return recorded

    units.compiled, units.emit = map(recording, plain)
    try:
        yield errors
    finally:
        units.compiled, units.emit = plain
