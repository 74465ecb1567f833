"""Broken rules are noticed by the cases: see ``tests/mutations.py``.

Every run breaks a few, `pytest -m exhaustive` two hundred, and ``HODIFF_MUTATIONS=50`` in the environment fifty.
"""

import os

import pytest
from backends import rest
from mutations import check, mutations

COUNT = int(os.environ.get("HODIFF_MUTATIONS", "40"))
SEED = int(os.environ.get("HODIFF_MUTATIONS_SEED", "0"))


@pytest.mark.slow
@pytest.mark.parametrize("count", [COUNT, *rest([200])])
def test_broken_rules_are_noticed(count):
    result = check(count, SEED)
    print(result)
    assert result.rate >= 0.99, str(result)


def test_mutations_are_undone():
    for mutation in mutations()[::50]:
        before = getattr(mutation.primitive, mutation.rule)
        with mutation.applied():
            assert getattr(mutation.primitive, mutation.rule) is not before
        assert getattr(mutation.primitive, mutation.rule) is before
