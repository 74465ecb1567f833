"""Entries of ``hodiff/ops/linalg.py``, ``spectral.py``, ``linalg_factors.py`` and ``linalg_solvers.py``."""

import numpy as np

from matrix.table import SQUARE, entry

_L = np.linalg
_TALL = {
    "2-d": ((3, 2),),
    "3-d": ((2, 3, 2),),
    "wide": ((2, 3),),
    "square": ((2, 2),),
    "empty": ((0, 2),),
    "1-d": ((3,),),
}
_REAL = ("float64", "float32")
_SINGULAR = (np.zeros((2, 2)), np.ones((2, 2)))

_SIGNS = {"UPLO='U'": "eigenvectors of the other sign"}


def _regular(a, *rest):
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        return (a, *rest)
    return (a + 2.0 * np.diag(np.arange(1.0, a.shape[-1] + 1)), *rest)


def _spread(a, *rest):
    """Matrices whose singular values keep away from each other and from zero."""
    if a.ndim < 2:
        return (a, *rest)
    n, m = a.shape[-2:]
    return (0.5 * a + 2.0 * np.eye(n, m) * np.arange(1.0, m + 1), *rest)


def _hermitian(f):
    def call(a, **keywords):
        return f(a + np.conj(np.swapaxes(a, -1, -2)), **keywords)

    return call


def _definite(a):
    return a + np.conj(np.swapaxes(a, -1, -2)) + 8.0 * np.eye(a.shape[-1])


def linalg(f, **options):
    options.setdefault("shapes", SQUARE)
    options.setdefault("prepare", _regular)
    options.setdefault("ulps", 16)
    options.setdefault("scale", 0.3)
    options.setdefault("single", 5e-3)
    return entry(f, **{"name": f"linalg.{f.__name__}", **options})


def _projectors(a, **keywords):
    """Eigenvalues, and of the eigenvectors what does not depend on their phases, which are free."""
    w, v = _hermitian(_L.eigh)(a, **keywords)
    return w, v[..., :, None, :] * np.conj(v)[..., None, :, :]


def _both_projectors(a, **keywords):
    u, s, vh = _L.svd(a, **keywords)
    k = s.shape[-1]
    u, vh = u[..., :, :k], vh[..., :k, :]
    return s, u[..., :, None, :] * np.conj(u)[..., None, :, :], vh[..., :, None] * np.conj(vh)[..., None, :]


_NORM_ORDERS = (None, 2, 1, np.inf, -np.inf, -1, -2, "fro", "nuc", 3, 0.5, 0)

ENTRIES = [
    linalg(
        _L.solve,
        shapes={
            "2-d": ((3, 3), (3, 2)),
            "vector": ((2, 2), (2,)),
            "3-d": ((2, 2, 2), (2, 2, 1)),
            "empty": ((0, 0), (0, 2)),
        },
    ),
    linalg(_L.inv, specials=_SINGULAR),
    linalg(_L.det, specials=(*_SINGULAR, np.eye(2))),
    linalg(_L.slogdet, specials=(np.eye(2),)),
    linalg(
        _L.cholesky,
        call=lambda a, **kw: _L.cholesky(_definite(a) if a.ndim > 1 else a, **kw),
        keywords={"upper": (True, False)},
        specials=(-9.0 * np.eye(2),),
    ),
    linalg(_L.eigh, call=_hermitian(_L.eigh), dtypes=_REAL, keywords={"UPLO": ("U", "L")}, deviations=_SIGNS),
    linalg(_L.eigh, name="linalg.eigh projectors", call=_projectors, keywords={"UPLO": ("U", "L")}),
    linalg(_L.eigvalsh, call=_hermitian(_L.eigvalsh), keywords={"UPLO": ("U", "L")}),
    linalg(_L.eig, dtypes=("float64", "float32")),
    linalg(_L.eigvals),
    linalg(
        _L.svd,
        shapes=_TALL,
        prepare=_spread,
        dtypes=_REAL,
        keywords={"full_matrices": (False, True), "compute_uv": (False, True), "hermitian": (False,)},
    ),
    linalg(
        _L.svd,
        name="linalg.svd projectors",
        call=_both_projectors,
        shapes=_TALL,
        prepare=_spread,
        keywords={"full_matrices": (False, True)},
        unlisted=("compute_uv", "hermitian"),
    ),
    linalg(_L.svdvals, shapes=_TALL, prepare=_spread),
    linalg(
        _L.qr,
        shapes=_TALL,
        prepare=_spread,
        keywords={"mode": ("reduced", "r", "raw")},
        refused={"mode='raw'": "it shows how LAPACK stores reflections"},
    ),
    # The phases of the columns that complete the basis are free, so complex ones have no second derivative.
    linalg(
        _L.qr, name="linalg.qr complete", shapes=_TALL, prepare=_spread, dtypes=_REAL, keywords={"mode": ("complete",)}
    ),
    linalg(
        _L.pinv, shapes=_TALL, prepare=_spread, keywords={"rcond": (1e-10,), "rtol": (1e-10,)}, unlisted=("hermitian",)
    ),
    linalg(
        _L.pinv,
        name="linalg.pinv hermitian",
        call=_hermitian(lambda a, **kw: _L.pinv(a, hermitian=True, **kw)),
        keywords={"rcond": (1e-10,), "rtol": (1e-10,)},
    ),
    linalg(
        _L.lstsq,
        shapes={"2-d": ((3, 2), (3, 2)), "vector": ((3, 2), (3,)), "square": ((2, 2), (2,)), "wide": ((2, 3), (2,))},
        prepare=_spread,
        keywords={"rcond": (1e-10, None, -1)},
        deviations=dict.fromkeys(
            ("2-d", "vector", "square", "wide"), "the rank is an array without axes, not a number"
        ),
    ),
    linalg(_L.matrix_rank, order=1, keywords={"tol": (1e-8,), "rtol": (1e-8,)}, unlisted=("hermitian",)),
    linalg(_L.cond, prepare=_spread, keywords={"p": (2, 1, np.inf, -np.inf, -1, -2, "fro", "nuc")}),
    linalg(
        _L.matrix_power,
        call=lambda a, n=2: _L.matrix_power(a, n),
        keywords={"n": (3, 0, 1, -1, -2)},
        ulps=32,
    ),
    linalg(
        _L.multi_dot,
        call=lambda a, b, c, **kw: _L.multi_dot([a, b, c], **kw),
        prepare=None,
        shapes={"2-d": ((2, 3), (3, 1), (1, 2)), "vector": ((3,), (3, 2), (2,)), "empty": ((2, 0), (0, 2), (2, 2))},
        unlisted=("arrays", "out"),
    ),
    linalg(
        _L.tensorsolve,
        prepare=lambda a, b: (a + 4 * np.eye(int(np.prod(b.shape))).reshape(a.shape), b),
        shapes={"2-d": ((2, 2), (2,)), "4-d": ((2, 2, 2, 2), (2, 2))},
        keywords={"axes": ((0,),)},
    ),
    linalg(
        _L.tensorinv,
        call=lambda a, ind=1: _L.tensorinv(a, ind),
        prepare=lambda a: a + 4 * np.eye(int(np.sqrt(a.size))).reshape(a.shape),
        shapes={"2-d": ((2, 2),), "4-d": ((2, 2, 2, 2),)},
        keywords={"ind": (2,)},
    ),
    linalg(
        _L.norm,
        shapes={"1-d": ((3,),), "0-d": ((),), "empty": ((0,),), "3-d": ((2, 3, 2),), "2-d": ((3, 2),)},
        low=0.2,
        prepare=_spread,
        keywords={"ord": _NORM_ORDERS[1:], "axis": (-1, 0, (0, 1), (-1, 0)), "keepdims": (True, False)},
        specials=(np.zeros(3), np.zeros((2, 2)), np.array([0.0, 1.0, 0.0]), np.array([1.0, np.nan])),
    ),
    linalg(
        _L.matrix_norm,
        shapes={"2-d": ((3, 2),), "3-d": ((2, 3, 2),), "1-d": ((3,),)},
        prepare=_spread,
        keywords={"ord": ("nuc", 2, 1, np.inf, -np.inf, -1, -2, "fro"), "keepdims": (True, False)},
        specials=(np.zeros((2, 2)),),
    ),
    linalg(
        _L.vector_norm,
        shapes={"1-d": ((3,),), "0-d": ((),), "2-d": ((2, 2),), "empty": ((0,),), "3-d": ((2, 3, 2),)},
        low=0.2,
        prepare=None,
        keywords={"ord": (1, 3, np.inf, -np.inf, 0, -1, 0.5), "axis": (-1, (0, 1), 0, None), "keepdims": (True, False)},
        specials=(np.zeros(3), np.array([0.0, 1.0, 0.0])),
    ),
]
