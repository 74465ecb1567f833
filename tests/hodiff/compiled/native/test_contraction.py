"""Sums of products over letters, and elements at positions that are looked up, against NumPy."""

import numpy as np
import pytest
from backends import native_only

import hodiff as hd

pytestmark = native_only

SHAPES = dict(zip("abijkn", (3, 4, 5, 6, 7, 8), strict=True))
FORMS = [
    "ij,jk->ik",
    "ij,kj->ik",
    "ji,jk->ki",
    "i,j->ij",
    "i,i->",
    "aij,aj->ai",
    "abi,abj->ij",
    "i,ij->ij",
    "kij,nkj->nki",
    "nki,nkj->kij",
    "kij,nki->nkj",
    "ab,ab->a",
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("form", FORMS)
def test_contractions(form: str, dtype: type) -> None:
    rng = np.random.default_rng(len(form))
    x, y = (rng.normal(size=[SHAPES[c] for c in names]).astype(dtype) for names in form.split("->")[0].split(","))

    def f(x, y):
        return np.einsum(form, x, y)

    answer = hd.jit(f, backend="native")(x, y)
    np.testing.assert_allclose(answer, f(x, y), rtol=1e-13 if dtype == np.float64 else 1e-5, atol=1e-6)
    assert answer.dtype == dtype


@pytest.mark.parametrize(
    ("form", "shapes"),
    [
        ("abc,abc->ab", ((1, 2, 3), (2, 1, 3))),
        ("ab,ab->a", ((1, 3), (4, 3))),
        ("ab,ab->a", ((4, 1), (4, 3))),
        ("ab,bc->ac", ((4, 1), (3, 5))),
        ("ab,bc->ac", ((1, 4), (4, 3))),
        ("aij,ajk->aik", ((1, 4, 5), (3, 5, 2))),
        ("aij,ajk->aik", ((3, 4, 1), (3, 5, 2))),
    ],
)
def test_letters_of_length_one_are_broadcast(form: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    rng = np.random.default_rng(1)
    x, y = (rng.normal(size=shape) for shape in shapes)
    compiled = hd.jit(lambda x, y: 2.0 * np.einsum(form, x, y), backend="native")
    np.testing.assert_allclose(compiled(x, y), 2.0 * np.einsum(form, x, y), rtol=1e-13)


def test_positions_are_checked() -> None:
    """Those that count from the end are right, and those out of range raise NumPy's error."""
    compiled = hd.jit(lambda x, i: np.exp(x)[i] + 1.0, backend="native")
    x = np.linspace(0.0, 1.0, 20)
    for positions in (np.array([0, 3, -1, -20]), np.arange(17), np.array([[5], [6]])):
        np.testing.assert_allclose(compiled(x, positions), np.exp(x)[positions] + 1.0, rtol=1e-15)
    with pytest.raises(IndexError, match="index 20 is out of bounds"):
        compiled(x, np.array([0, 3, 20, 1]))
    with pytest.raises(IndexError, match="index -21 is out of bounds"):
        compiled(x, np.array([0, 3, -21, 1]))


def test_positions_along_several_axes() -> None:
    rng = np.random.default_rng(2)
    x, i, j = rng.normal(size=(4, 5, 6)), rng.integers(-4, 4, (3, 7)), rng.integers(0, 5, 7)

    def f(x, i, j):
        return x[i], x[:, j], (2 * x)[i, j], x[..., j] * x[0, 0, 0], x[1][j]

    for answer, expected in zip(hd.jit(f, backend="native")(x, i, j), f(x, i, j), strict=True):
        np.testing.assert_array_equal(answer, expected)
