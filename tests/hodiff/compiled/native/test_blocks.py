"""Nests of batches that go block by block: the same results as without, whatever the length, with sums and threads."""

import numpy as np
import pytest

import hodiff as hd
from hodiff.compiled import native
from hodiff.compiled.native.loading import threads
from hodiff.compiled.native.plans import blocking, planning, storage
from hodiff.compiled.native.plans.steps import Blocks
from hodiff.compiled.native.writing import parallel
from hodiff.compiled.native.writing.kernel import write_kernel
from hodiff.compiled.units import optimised
from hodiff.staging import stage

pytestmark = pytest.mark.skipif(native.reason() is not None, reason=str(native.reason()))

#: One less than a few blocks, as many, one more, and lengths between.
LENGTHS = (65, 79, 80, 81, 2003)


@pytest.fixture
def groups(monkeypatch):
    """Loops so short that all functions here have several, and small blocks; the groups that are made."""
    monkeypatch.setattr(storage, "LONGEST", 30)
    monkeypatch.setattr(planning, "LONGEST", 30)
    monkeypatch.setattr(blocking, "MOST", 16)
    found = []
    blocked = planning.blocked

    def noted(*arguments):
        steps = blocked(*arguments)
        found.extend(step for step in steps if isinstance(step, Blocks))
        return steps

    monkeypatch.setattr(planning, "blocked", noted)
    return found


def turned(p):
    """A point turned by the length of a vector, along it, and how far it is from where it was."""
    vector, point = p[:3], p[3:6]
    angle = np.sqrt(np.sum(vector * vector))
    axis = vector / angle
    along = axis * np.sum(axis * point)
    across = np.stack(
        [
            axis[1] * point[2] - axis[2] * point[1],
            axis[2] * point[0] - axis[0] * point[2],
            axis[0] * point[1] - axis[1] * point[0],
        ]
    )
    there = along + (point - along) * np.cos(angle) + across * np.sin(angle)
    return np.concatenate([there, np.exp(-there[:2])])


def loss(ps):
    return np.sum(hd.vmap(turned)(ps) ** 2)


def joined(ps):
    """Joined in ways for which it matters, and does not, how often an element is; and of a sum, each row again."""
    there = hd.vmap(turned)(ps)
    again = hd.vmap(turned)(ps / np.sum(there))
    return np.sum(there, axis=0), np.any(there > 3), np.max(there), np.prod(1 + 1e-3 * there), again


def others(ps):
    """Rows that are read elsewhere, too."""
    there = hd.vmap(turned)(ps)
    return there[1:] * there[:-1], np.cumsum(there, axis=0), there[::-1] + hd.vmap(turned)(there[::-1, :1] + ps)


FUNCTIONS = {
    "each": hd.vmap(turned),
    "Jacobians": hd.vmap(hd.jacfwd(turned)),
    "gradient of the sum": hd.value_and_grad(loss),
    "what joins all rows": joined,
    "other rows": others,
}


def flat(results):
    return [np.asarray(value) for value in (results if isinstance(results, tuple) else (results,))]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_blocks_change_nothing(name, groups, monkeypatch):
    function = FUNCTIONS[name]
    generator = np.random.default_rng(3)
    for length in LENGTHS if name == "what joins all rows" else LENGTHS[3:4]:
        x = generator.normal(size=(length, 6))
        found = flat(hd.jit(function, backend="native")(x))
        for value, expected in zip(found, flat(function(x)), strict=True):
            np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-11)
    assert groups
    monkeypatch.setattr(parallel, "WORTH", 0.0)
    monkeypatch.setattr(parallel, "SMALLEST", 100.0)
    before = threads.num_threads()
    split = hd.jit(function, backend="native")
    results = []
    for number in (1, 3):
        threads.set_num_threads(number)
        results.append([value.tobytes() for value in flat(split(x))])
    threads.set_num_threads(before)
    assert results[0] == results[1]
    for value, expected in zip(flat(split(x)), found, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-11, atol=1e-12)


def test_what_only_a_block_needs_is_no_buffer(groups, monkeypatch):
    x = np.random.default_rng(4).normal(size=(5000, 6))
    program = optimised(stage(lambda ps: [FUNCTIONS["Jacobians"](ps)], (x,), name="f")[1])
    arena = write_kernel(program, (True,), width=4).arena
    (group,) = groups
    assert group.memory <= 1 << 16
    monkeypatch.setattr(planning, "blocked", lambda steps, *_: steps)
    assert write_kernel(program, (True,), width=4).arena > 20 * arena


def test_short_batches_have_no_blocks(groups):
    hd.jit(FUNCTIONS["Jacobians"], backend="native")(np.random.default_rng(4).normal(size=(40, 6)))
    assert not groups
