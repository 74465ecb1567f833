"""The functions of ``numpy.polynomial`` for traced values: six modules of the same names, with the same functions.

NumPy's make arrays of their arguments, so it does not hand traced coefficients over. Plain arguments go to NumPy's
functions. A family is known by its three-term recurrence; whatever is linear in the coefficients takes its matrix from
NumPy's function, applied to unit vectors. Where NumPy drops trailing zeros, the length of its answer depends on values
and the derivative in what is dropped would be lost, so traced coefficients keep them; ``trim`` refuses them. Roots are
differentiated through the companion matrix and have no derivative where they are multiple. The classes (``Chebyshev``,
…), domains and quadrature nodes are NumPy's own. May import ``core``,
``errors`` and ``kinds``.

>>> import hodiff as hd
>>> from hodiff.numpy.polynomial import chebyshev
>>> hd.grad(lambda c: chebyshev.chebval(0.5, c))(np.zeros(3))
array([ 1. ,  0.5, -0.5])
>>> hd.grad(lambda c: chebyshev.chebroots(c)[1])(np.array([-1.0, 0.0, 1.0]))
array([-0.25, -0.25, -0.25])
"""

import functools
import inspect
import sys
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from hodiff.core import Tracer
from hodiff.errors import ConversionError
from hodiff.kinds import constant

Recurrence = Callable[[int], tuple[float, float, float]]

# Name, prefix and k ↦ (a, s, g) with p_{k+1} = (a x + s) p_k − g p_{k−1} (DLMF table 18.9.1; HermiteE is He).
_FAMILIES: dict[str, tuple[str, Recurrence]] = {
    "polynomial": ("poly", lambda k: (1.0, 0.0, 0.0)),
    "chebyshev": ("cheb", lambda k: (2.0 if k else 1.0, 0.0, 1.0)),
    "legendre": ("leg", lambda k: ((2 * k + 1) / (k + 1), 0.0, k / (k + 1))),
    "laguerre": ("lag", lambda k: (-1.0 / (k + 1), (2 * k + 1) / (k + 1), k / (k + 1))),
    "hermite": ("herm", lambda k: (2.0, 0.0, 2.0 * k)),
    "hermite_e": ("herme", lambda k: (1.0, 0.0, float(k))),
}


def _holds_traced(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_holds_traced(v) for v in value)
    return isinstance(value, Tracer)


def _array(value: Any, ndmin: int = 0) -> Any:
    """A floating-point array or traced value with as many axes at least; a list of traced values is stacked."""
    if isinstance(value, (list, tuple)) and _holds_traced(value):
        value = np.stack([_array(v) for v in value])
    if not isinstance(value, Tracer):
        value = np.asarray(value)
    if value.dtype.kind in "iub":
        value = value + 0.0
    return np.reshape(value, (1,)) if value.ndim < ndmin else value


def _series(*polynomials: Any) -> list[Any]:
    """Coefficients of polynomials as NumPy's ``as_series`` has them, but traced ones keep their trailing zeros."""
    arrays = [_array(c, 1) for c in polynomials]
    for c in arrays:
        if c.size == 0:
            raise ValueError("Coefficient array is empty")
        if c.ndim != 1:
            raise ValueError("Coefficient array is not 1-d")
    arrays = [c if isinstance(c, Tracer) else np.polynomial.polyutils.trimseq(c) for c in arrays]
    dtype = np.result_type(*(c.dtype for c in arrays))
    return [c if c.dtype == dtype else c.astype(dtype) for c in arrays]


def _padded(c: Any, length: int) -> Any:
    missing = length - c.shape[0]
    return np.concatenate([c, np.zeros(missing, c.dtype)]) if missing else c


def _constants(values: Any, dtype: Any) -> Any:
    """Real constants in the precision of a dtype."""
    return values.astype(np.finfo(dtype).dtype)


def _with_dtype(value: Any, dtype: Any) -> Any:
    """The value as in-place arithmetic on an array of the dtype would leave it."""
    if not np.can_cast(value.dtype, dtype, "same_kind"):
        raise TypeError(
            f"numpy.polynomial: cannot cast a result from {value.dtype} to {dtype}, that of the coefficients"
        )
    return value if value.dtype == dtype else value.astype(dtype)


def _check_rank(rank: Any, order: int) -> Any:
    if np.any(np.not_equal(rank, order)):
        warnings.warn("The fit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=2)
    return np.asarray(rank)


#: The rank, plain or batched, after a warning where it is not full.
_rank_checked = constant(_check_rank, name="fit_rank_checked", core=0)


class _Family:
    """The functions of one module of ``numpy.polynomial``, with NumPy's parameters by position."""

    def __init__(self, name: str) -> None:
        self.prefix, self.recurrence = _FAMILIES[name]
        self.plain = getattr(np.polynomial, name)
        # Matrices depend on lengths only.
        self.columns = functools.lru_cache(64)(self._columns)
        self.products = functools.lru_cache(8)(self._products)

    def numpy(self, name: str) -> Callable[..., Any]:
        """NumPy's function of this name without prefix."""
        function: Callable[..., Any] = getattr(self.plain, self.prefix + name)
        return function

    def _columns(self, name: str, n: int, rows: int) -> Any:
        """Matrix of NumPy's function of one series of n coefficients that answers another."""
        function = getattr(self.plain, name)
        return np.stack([_padded(function(e), rows) for e in np.eye(n)], axis=1)

    def _products(self, n: int, m: int) -> Any:
        """Tensor of the coefficients k of the product of polynomials i and j of the basis."""
        multiply = self.numpy("mul")
        return np.stack([[_padded(multiply(e, f), n + m - 1) for f in np.eye(m)] for e in np.eye(n)])

    # --- values -------------------------------------------------------------------------------------------------------

    def val(self, x: Any, c: Any, tensor: Any = True) -> Any:
        """Clenshaw's scheme."""
        c = _array(c, 1)
        if isinstance(x, (list, tuple)):
            x = _array(x)
        if tensor and isinstance(x, (np.ndarray, Tracer)):
            c = np.reshape(c, c.shape + (1,) * x.ndim)
        if len(c) == 1:
            return c[0] + x * 0
        after: Any = None
        answer = c[-1]
        for k in range(len(c) - 2, -1, -1):
            a, s, _ = self.recurrence(k)
            factor = x if a == 1.0 else a * x
            term = answer * (factor + s if s else factor) + c[k]
            g = self.recurrence(k + 1)[2]
            answer, after = (term - g * after if g and after is not None else term), answer
        return answer

    def _values(self, c: Any, *points: Any) -> Any:
        points = tuple(_array(p) for p in points)
        if any(p.shape != points[0].shape for p in points):
            raise ValueError(f"{', '.join('xyz'[: len(points)])} are incompatible")
        answer = self.val(points[0], c)
        for p in points[1:]:
            answer = self.val(p, answer, tensor=False)
        return answer

    def val2d(self, x: Any, y: Any, c: Any) -> Any:
        """At points (x, y)."""
        return self._values(c, x, y)

    def val3d(self, x: Any, y: Any, z: Any, c: Any) -> Any:
        """At points (x, y, z)."""
        return self._values(c, x, y, z)

    def grid2d(self, x: Any, y: Any, c: Any) -> Any:
        """At all pairs of x and y."""
        return self.val(y, self.val(x, c))

    def grid3d(self, x: Any, y: Any, z: Any, c: Any) -> Any:
        """At all triples of x, y and z."""
        return self.val(z, self.grid2d(x, y, c))

    def valfromroots(self, x: Any, r: Any, tensor: Any = True) -> Any:
        """Product of the differences from the roots."""
        r = _array(r, 1)
        if isinstance(x, (list, tuple)):
            x = _array(x)
        if isinstance(x, (np.ndarray, Tracer)):
            if tensor:
                r = np.reshape(r, r.shape + (1,) * x.ndim)
            elif x.ndim and x.ndim >= r.ndim:
                raise ValueError("x.ndim must be < r.ndim when tensor == False")
        return np.prod(x - r, axis=0)

    def vander(self, x: Any, deg: Any) -> Any:
        """The polynomials of the basis at x, by their recurrence."""
        self.numpy("vander")(np.zeros(1), deg)  # NumPy's errors
        x = _array(x, 1)
        columns = [x * 0 + 1]
        for k in range(int(deg)):
            a, s, g = self.recurrence(k)
            column = columns[-1] * (a * x + s if s else a * x)
            columns.append(column - g * columns[-2] if g and k else column)
        return np.stack(columns, axis=-1)

    def _vanders(self, degrees: Any, *points: Any) -> Any:
        if len(degrees) != len(points):
            raise ValueError(f"Expected {len(points)} dimensions of degrees, got {len(degrees)}")
        points = tuple(_array(p) for p in points)
        if any(p.shape != points[0].shape for p in points):
            raise ValueError(f"{', '.join('xyz'[: len(points)])} have different shapes")
        answer: Any = None
        for p, degree in zip(points, degrees, strict=True):
            matrix = self.vander(p, degree)
            if answer is not None:
                matrix = answer[..., :, None] * matrix[..., None, :]
                matrix = np.reshape(matrix, (*matrix.shape[:-2], matrix.shape[-2] * matrix.shape[-1]))
            answer = matrix
        return answer

    def vander2d(self, x: Any, y: Any, deg: Any) -> Any:
        """Products of the basis at points (x, y)."""
        return self._vanders(deg, x, y)

    def vander3d(self, x: Any, y: Any, z: Any, deg: Any) -> Any:
        """Products of the basis at points (x, y, z)."""
        return self._vanders(deg, x, y, z)

    # --- linear and bilinear in the coefficients ----------------------------------------------------------------------

    def _map(self, name: str, c: Any, growth: int) -> Any:
        [c] = _series(c)
        n = c.shape[0]
        return _constants(self.columns(name, n, n + growth), c.dtype) @ c

    def der(self, c: Any, m: Any, scl: Any, axis: Any) -> Any:
        """Derivative."""
        c = _array(c, 1)
        self.numpy("der")(np.ones(c.shape), m, 1, axis)  # NumPy's errors
        matrix = self.numpy("der")(np.eye(c.shape[axis]), m)
        answer = np.moveaxis(np.tensordot(_constants(matrix, c.dtype), c, (1, axis)), 0, axis)
        return _with_dtype(answer * scl ** int(m) if m else answer, c.dtype)

    def int(self, c: Any, m: Any, k: Any, lbnd: Any, scl: Any, axis: Any) -> Any:
        """Antiderivative; the constant follows from the value at ``lbnd``."""
        c = _array(c, 1)
        k = list(k) if np.iterable(k) else [k]
        self.numpy("int")(np.ones(c.shape), m, [0.0] * len(k), np.zeros(np.shape(lbnd)), np.ones(np.shape(scl)), axis)
        dtype, answer = c.dtype, np.positive(np.moveaxis(c, axis, 0))
        for added in [*k, *[0] * (int(m) - len(k))]:
            matrix = self.numpy("int")(np.eye(len(answer)))
            answer = np.tensordot(_constants(matrix, dtype), answer * scl, (1, 0))
            first = answer[:1] + (added - self.val(lbnd, answer))
            answer = _with_dtype(np.concatenate([first, answer[1:]]), dtype)
        return np.moveaxis(answer, 0, axis)

    def add(self, c1: Any, c2: Any) -> Any:
        """Sum."""
        c1, c2 = _series(c1, c2)
        n = max(len(c1), len(c2))
        return _padded(c1, n) + _padded(c2, n)

    def sub(self, c1: Any, c2: Any) -> Any:
        """Difference."""
        return self.add(c1, -_array(c2, 1))

    def mulx(self, c: Any) -> Any:
        """Product with x."""
        return self._map(self.prefix + "mulx", c, 1)

    def mul(self, c1: Any, c2: Any) -> Any:
        """Product."""
        c1, c2 = _series(c1, c2)
        if self.prefix == "poly":
            return np.convolve(c1, c2)
        return np.einsum("ijk,i,j->k", _constants(self.products(len(c1), len(c2)), c1.dtype), c1, c2)

    def div(self, c1: Any, c2: Any) -> tuple[Any, Any]:
        """Quotient and remainder, by long division."""
        c1, c2 = _series(c1, c2)
        if not isinstance(c2, Tracer) and c2[-1] == 0:
            raise ZeroDivisionError
        if len(c1) < len(c2):
            return c1[:1] * 0, np.positive(c1)
        if len(c2) == 1:
            return c1 / c2[-1], c1[:1] * 0
        # NumPy's remainder is in double precision but for these two.
        units = c2.dtype if self.prefix in ("poly", "cheb") else np.float64
        quotient, rest = [], c1
        for i in range(len(c1) - len(c2), -1, -1):
            product = self.mul(np.eye(i + 1, dtype=units)[i], c2)
            quotient.append(rest[-1] / product[-1])
            rest = rest[:-1] - quotient[-1] * product[:-1]
        return _with_dtype(np.stack(quotient[::-1]), c1.dtype), rest

    def pow(self, c: Any, power: Any, maxpower: Any) -> Any:
        """Power."""
        if isinstance(power, Tracer):
            raise TypeError(f"numpy.polynomial: the power of {self.prefix}pow is a static integer, not a traced value")
        self.numpy("pow")(np.ones(1), power, maxpower)  # NumPy's errors
        [c] = _series(c)
        answer = np.positive(c) if power else np.ones(1, c.dtype)
        for _ in range(int(power) - 1):
            answer = self.mul(answer, c)
        return answer

    def line(self, off: Any, scl: Any) -> Any:
        """The series of off + scl·x."""
        units = np.stack([_padded(self.numpy("line")(1.0, 0.0), 2), self.numpy("line")(0.0, 1.0)], axis=1)
        coefficients = np.stack([_array(off), _array(scl)])
        return _constants(units, coefficients.dtype) @ coefficients

    def basis(self, name: str, c: Any) -> Any:
        """Change of basis, from or to powers of x."""
        return self._map(name, c, 0)

    # --- roots --------------------------------------------------------------------------------------------------------

    def fromroots(self, roots: Any) -> Any:
        """The series that has these roots: products of pairs, then pairs of those."""
        roots = _array(roots)
        if len(roots) == 0:
            return np.ones(1)
        if roots.ndim != 1:
            raise ValueError("Coefficient array is not 1-d")
        slope = self.numpy("line")(0.0, 1.0).astype(
            np.result_type(roots.dtype, np.float64)
        )  # as NumPy's, always double
        factors = [np.concatenate([slope[:1] - r, slope[1:]]) for r in roots]
        while len(factors) > 1:
            half, odd = divmod(len(factors), 2)
            paired = [self.mul(factors[i], factors[i + half]) for i in range(half)]
            if odd:
                paired[0] = self.mul(paired[0], factors[-1])
            factors = paired
        return factors[0]

    def companion(self, c: Any) -> Any:
        """Companion matrix: only the last column depends on the coefficients, and is affine in their ratios."""
        [c] = _series(c)
        n = len(c) - 1
        if n < 1:
            raise ValueError("Series must have maximum degree of at least 1.")
        base = self.numpy("companion")(np.eye(n + 1)[n])
        weights = self.numpy("companion")(np.ones(n + 1))[:, -1] - base[:, -1]
        base, weights = _constants(base, c.dtype), _constants(weights, c.dtype)
        last = base[:, -1] + weights * (c[:-1] / c[-1])
        return np.concatenate([base[:, :-1].astype(c.dtype), last[:, None]], axis=1)

    def roots(self, c: Any) -> Any:
        """Roots in NumPy's order."""
        [c] = _series(c)
        if len(c) < 2:
            return np.array([], dtype=c.dtype)
        matrix = self.companion(c)
        if len(c) == 2:
            return matrix[0]
        return np.sort(np.linalg.eigvals(matrix if self.prefix == "poly" else matrix[::-1, ::-1]))

    # --- fits ---------------------------------------------------------------------------------------------------------

    def fit(self, x: Any, y: Any, deg: Any, rcond: Any, full: Any, w: Any) -> Any:
        """Least squares with columns of length one, as NumPy solves it."""
        x, y, w = _array(x), _array(y), None if w is None else _array(w)
        ones = None if w is None else np.ones(w.shape)
        sample = np.linspace(-1.0, 1.0, x.size).reshape(x.shape)
        self.numpy("fit")(sample, np.zeros(y.shape), deg, full=True, w=ones)  # NumPy's errors
        degrees = np.sort(np.asarray(deg)) if np.ndim(deg) else np.arange(deg + 1)
        left, right = self.vander(x, degrees[-1])[:, degrees], y
        if w is not None:
            left = left * w[:, None]
            right = right * (w[:, None] if y.ndim > 1 else w)
        if rcond is None:
            rcond = len(x) * np.finfo(x.dtype).eps
        squares = np.sum(np.real(left) ** 2 + np.imag(left) ** 2, axis=0)
        scale = np.sqrt(np.where(squares == 0, 1, squares))
        answer, residuals, rank, singular = np.linalg.lstsq(left / scale, right, rcond)
        answer = (answer.T / scale).T
        if np.ndim(deg):
            expand = _constants(np.eye(int(degrees[-1]) + 1)[:, degrees], answer.dtype)
            answer = expand @ answer
        if full:
            return answer, [residuals, rank, singular, rcond]
        _rank_checked(rank, order=len(degrees))
        return answer

    def interpolate(self, func: Any, deg: Any, args: Any) -> Any:
        """Interpolation of a function at Chebyshev's points; the function may hold traced values."""
        self.numpy("interpolate")(np.zeros_like, deg)  # NumPy's errors
        points = self.numpy("pts1")(deg + 1)
        values = func(points, *args)
        if not _holds_traced(values):
            return self.numpy("interpolate")(lambda _: values, deg)
        matrix = self.numpy("vander")(points, deg).T / (0.5 * (deg + 1))
        matrix[0] /= 2
        return matrix @ _array(values)

    def trim(self, c: Any, tol: Any) -> Any:
        """Refused: what is left would depend on values."""
        raise ConversionError(
            f"numpy.polynomial: {self.prefix}trim drops coefficients by their values, and with them their derivatives; "
            f"keep them, or slice traced coefficients yourself: c[:n]"
        )


def _function(family: _Family, name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's function of this name that takes traced values too."""
    plain = getattr(family.plain, name)
    signature = inspect.signature(plain)
    always = name.endswith("interpolate")

    def call(*args: Any, **keywords: Any) -> Any:
        if not always and not any(map(_holds_traced, (*args, *keywords.values()))):
            return plain(*args, **keywords)
        bound = signature.bind(*args, **keywords)
        bound.apply_defaults()
        return operation(*bound.arguments.values())

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"NumPy's ``{name}``; traced values may be among its arguments."
    call.__signature__ = signature  # type: ignore[attr-defined]
    return call


def _module(name: str) -> ModuleType:
    """The module of one family; what does not concern derivatives is NumPy's."""
    family = _Family(name)
    module = ModuleType(f"{__name__}.{name}", f"NumPy's ``numpy.polynomial.{name}`` for traced values too.")
    for full in family.plain.__all__:
        short = full.removeprefix(family.prefix)
        if full in (f"{family.prefix}2poly", f"poly2{family.prefix}"):
            operation: Any = functools.partial(family.basis, full)
        else:
            operation = vars(_Family).get(short) and getattr(family, short)
        traced = operation is not None
        setattr(module, full, _function(family, full, operation) if traced else getattr(family.plain, full))
    module.__dict__["__all__"] = list(family.plain.__all__)
    module.__dict__["__getattr__"] = functools.partial(getattr, family.plain)
    sys.modules[module.__name__] = module
    return module


polynomial, chebyshev, legendre, laguerre, hermite, hermite_e = map(_module, _FAMILIES)


def __getattr__(name: str) -> Any:
    """Every other name is NumPy's."""
    return getattr(np.polynomial, name)
