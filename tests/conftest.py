"""What tests of compiled functions share: each back end in turn, see ``backends.py``."""

from collections.abc import Iterator
from typing import Any

import pytest
from backends import BACKENDS

from hodiff.compiled import units


@pytest.fixture(params=BACKENDS)
def backend(request: Any, monkeypatch: Any) -> Iterator[str]:
    """The back end that "auto" is during the test, which fails if any program is not compiled for an error of it.

    Such a program runs eagerly, and is right, so that nobody would notice.
    """
    chosen: str = request.param
    compiled = units.compiled
    errors: list[str] = []

    def chosen_compiled(program: Any, fresh: Any, asked: str) -> Any:
        try:
            return compiled(program, fresh, chosen if asked == "auto" else asked)
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}\n{program}")
            raise

    monkeypatch.setattr(units, "compiled", chosen_compiled)
    yield chosen
    if errors:
        pytest.fail(f"{len(errors)} programs could not be compiled to {chosen} code:\n\n{errors[0]}")
