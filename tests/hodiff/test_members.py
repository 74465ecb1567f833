"""Batches whose members differ widely: each must get its own answer, where the operation is constant, too.

The members that ``test_modes.py`` batches are close together, so that all of them are where a case is smooth. There
what is constant (a mask, an order, a rank) is the same for all, and nobody sees who gets which. Here a case is batched
with its elements in other orders, of the other sign, far away, zero, and with NaN and inf among them, and compared with
the members one by one; each second case, `pytest -m exhaustive` the others.
"""

import warnings

import numpy as np
import pytest
from backends import rest
from cases import collect, linalg, linalg_factors, linalg_solvers, polynomials
from cases.table import Case

import hodiff as hd

# Nodes and edges must stay in order; what is refused has nothing to compare.
_ORDERED = ("interp", "histogram-weights-edges", "histogram-edges-alone", "refused", "lstsq")
CASES = [case for case in collect()[0] if case.batch and not case.name.startswith(_ORDERED)]
# Sums of infinities depend on the order in which they are added, and so does interpolation between them.
_SUMS = ("einsum", "unwrap", "quantile-averaged", "nanquantile-averaged")
# LAPACK does not return from a decomposition of matrices with NaN, nor SciPy from some series.
_NUMBERS_ONLY = {row.name for topic in (linalg, linalg_factors, linalg_solvers, polynomials) for row in topic.CASES}


def _variants(args):
    """The arguments changed; whatever a function does not take is left out later."""
    yield [np.asarray(a) for a in args]
    yield [np.roll(a, 1) for a in args]
    yield [np.flip(a) for a in args]
    yield [-np.asarray(a) for a in args]
    yield [np.asarray(a) * (1.9 if i % 2 else 0.4) for i, a in enumerate(args)]
    yield [np.zeros(np.shape(a)) for a in args]


def _spoilt(args):
    for value in (np.nan, np.inf, -np.inf):
        yield [np.where(np.arange(np.size(a)).reshape(np.shape(a)) == 0, value, a) for a in args]


def _flat(f):
    def flat(*args):
        out = f(*args)
        parts = out if isinstance(out, tuple) else (out,)
        return np.concatenate([np.reshape(p, (-1,)) for p in parts])

    return flat


def _answered(f, variants, like, finite):
    """The variants with an answer like that of the case, and the answers."""
    members, answers = [], []
    for args in variants:
        try:
            answer = f(*args)
        except Exception:  # noqa: BLE001 - outside the domain, whatever the error
            continue
        if answer.shape == like.shape and answer.dtype == like.dtype and (not finite or np.all(np.isfinite(answer))):
            members.append(args)
            answers.append(answer)
    return members, answers


def _compare(found, expected, rtol, what):
    size = np.max(np.abs(expected), where=np.isfinite(expected), initial=1.0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=rtol * size, err_msg=what)


@pytest.mark.parametrize("case", [*CASES[::2], *rest(CASES[1::2])], ids=lambda case: case.name)
def test_distant_members(case: Case):
    f = _flat(case.function)
    every = tuple(range(len(case.args)))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        like = f(*case.args)
        members, answers = _answered(f, _variants(case.args), like, finite=True)
        batch = [np.stack([m[i] for m in members]) for i in every]
        _compare(hd.vmap(f)(*batch), np.stack(answers), 1e-12, "vmap")
        gradient = hd.grad(lambda *args: np.sum(np.arange(1.0, like.size + 1) * f(*args)), argnums=every)
        batched = hd.vmap(gradient)(*batch)
        single = [gradient(*m) for m in members]
        for i in every:
            _compare(batched[i], np.stack([row[i] for row in single]), 1e-10, "vmap of grad")
        if case.name in _NUMBERS_ONLY or case.name.startswith(_SUMS) or "special" in case.name:
            return
        members, answers = _answered(f, [members[0], *_spoilt(case.args)], like, finite=False)
        batch = [np.stack([m[i] for m in members]) for i in every]
        _compare(hd.vmap(f)(*batch), np.stack(answers), 1e-12, "vmap with NaN and inf")
