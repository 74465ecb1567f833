"""Broken rules are noticed by the cases: see ``tests/mutations.py``.

``HODIFF_MUTATIONS=200`` in the environment breaks more of them than the few that every run does.
"""

import os

import pytest
from mutations import check, mutations

COUNT = int(os.environ.get("HODIFF_MUTATIONS", "40"))
SEED = int(os.environ.get("HODIFF_MUTATIONS_SEED", "0"))


@pytest.mark.slow
def test_broken_rules_are_noticed():
    result = check(COUNT, SEED)
    print(result)
    assert result.rate >= 0.99, str(result)


def test_mutations_are_undone():
    for mutation in mutations()[::50]:
        before = getattr(mutation.primitive, mutation.rule)
        with mutation.applied():
            assert getattr(mutation.primitive, mutation.rule) is not before
        assert getattr(mutation.primitive, mutation.rule) is before
