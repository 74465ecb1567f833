"""What tests of compiled functions share: each back end in turn, see ``backends.py``."""

from collections.abc import Iterator
from typing import Any

import pytest
from backends import BACKENDS, MAKING

from hodiff.compiled import units


def pytest_configure(config: pytest.Config) -> None:
    """Say whether anybody asks for what is marked exhaustive."""
    MAKING["exhaustive"] = "not exhaustive" not in config.option.markexpr


@pytest.fixture(params=BACKENDS)
def backend(request: Any, monkeypatch: Any) -> Iterator[str]:
    """The back end that "auto" is during the test, which fails if a mistake of it leaves a program uncompiled.

    Such a program is NumPy code or runs eagerly, and is right, so that nobody would notice.
    """
    chosen: str = request.param
    compiled, emit = units.compiled, units.emit
    errors: list[str] = []

    def chosen_compiled(program: Any, fresh: Any, asked: str) -> Any:
        try:
            executable, reason = compiled(program, fresh, chosen if asked == "auto" else asked)
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}\n{program}")
            raise
        if reason is not None and reason.startswith(units.MISTAKE):
            errors.append(f"{reason}\n{program}")
        return executable, reason

    def checked_emit(program: Any, **options: Any) -> Any:
        try:
            return emit(program, **options)
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}\n{program}")
            raise

    monkeypatch.setattr(units, "compiled", chosen_compiled)
    monkeypatch.setattr(units, "emit", checked_emit)
    yield chosen
    if errors:
        pytest.fail(f"{len(errors)} programs could not be compiled to {chosen} code:\n\n{errors[0]}")
