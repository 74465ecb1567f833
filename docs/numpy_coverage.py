"""Write ``docs/numpy-coverage.md`` from the registry: what every function of NumPy and ``scipy.special`` is to hodiff.

``python docs/numpy_coverage.py`` writes the page. A test fails when the page is not what this makes, when NumPy or
SciPy has a function that is neither in the registry nor explained here, or when an explanation has become needless.
"""

import inspect
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import scipy.special

import hodiff.numpy
import hodiff.scipy.special
from hodiff.core import NUMPY_FUNCTIONS, NUMPY_UFUNCS, Primitive
from hodiff.errors import NoRuleError

PAGE = Path(__file__).with_name("numpy-coverage.md")

DIFFERENTIABLE = "differentiable"
ZERO = "zero"
NOT_DIFFERENTIABLE = "not differentiable"
NOT_YET = "not yet"
#: In hodiff under another name, since NumPy or SciPy does not hand the call over.
WRAPPED = "differentiable, as "

# Functions whose answer is text, a flag, an integer or a type: constants for every derivative.
_CONSTANT_MODULES = ("hodiff.ops.comparison", "hodiff.ops.queries")

_SETTINGS = "settings of NumPy, no arrays"
_FILES = "reads or writes files and text"
_TYPES = "about dtypes, no arrays"
_INTEGERS = "makes or takes integers only"
_DATES = "about dates"
_CONSTANTS = "of plain numbers only: makes a constant array"
_OLD = "matrix classes and object arrays carry no derivatives"

REASONS: dict[str, dict[str, str]] = {
    "numpy": {
        **dict.fromkeys(
            "errstate geterr seterr geterrcall seterrcall getbufsize setbufsize set_printoptions get_printoptions "
            "printoptions show_config show_runtime info get_include test".split(),
            _SETTINGS,
        ),
        **dict.fromkeys("load fromregex from_dlpack".split(), _FILES),
        **dict.fromkeys(
            "promote_types issubdtype isdtype mintypecode typename isscalar iterable broadcast_shapes".split(), _TYPES
        ),
        **dict.fromkeys(
            "indices tril_indices triu_indices diag_indices mask_indices base_repr binary_repr".split(), _INTEGERS
        ),
        **dict.fromkeys("busday_count busday_offset is_busday datetime_as_string datetime_data isnat".split(), _DATES),
        **dict.fromkeys("bartlett blackman hamming hanning kaiser".split(), _CONSTANTS),
        **dict.fromkeys("asmatrix bmat frompyfunc nested_iters".split(), _OLD),
        **dict.fromkeys("format_float_positional format_float_scientific".split(), "text of a plain number"),
        "isfortran": "about the layout in memory, which traced values do not have",
        "row_stack": "the deprecated name of `vstack`, to which it leads",
    },
    "numpy.linalg": {"LinAlgError": "an exception"},
    "numpy.fft": {**dict.fromkeys("fftfreq rfftfreq".split(), _CONSTANTS)},
    "scipy.special": {
        **dict.fromkeys("geterr seterr".split(), _SETTINGS),
        **dict.fromkeys(
            "ai_zeros bi_zeros bei_zeros beip_zeros ber_zeros berp_zeros erf_zeros fresnel_zeros fresnelc_zeros "
            "fresnels_zeros jn_zeros jnjnp_zeros jnp_zeros jnyn_zeros kei_zeros keip_zeros kelvin_zeros ker_zeros "
            "kerp_zeros y0_zeros y1_zeros y1p_zeros yn_zeros ynp_zeros bernoulli euler factorial2 factorialk "
            "stirling2".split(),
            "of integers",
        ),
        **dict.fromkeys(
            "chebyc chebys chebyt chebyu gegenbauer genlaguerre hermite hermitenorm jacobi laguerre legendre "
            "sh_chebyt sh_chebyu sh_jacobi sh_legendre".split(),
            "makes a plain polynomial of an integer degree; `eval_…` of the same name is differentiable",
        ),
        **dict.fromkeys(
            "roots_chebyc roots_chebys roots_chebyt roots_chebyu roots_gegenbauer roots_genlaguerre roots_hermite "
            "roots_hermitenorm roots_jacobi roots_laguerre roots_legendre roots_sh_chebyt roots_sh_chebyu "
            "roots_sh_jacobi roots_sh_legendre c_roots cg_roots h_roots he_roots j_roots js_roots l_roots la_roots "
            "p_roots ps_roots s_roots t_roots ts_roots u_roots us_roots".split(),
            "nodes and weights of a quadrature",
        ),
    },
}
_ALL_ORDERS = "returns every order at once through code that only takes plain numbers; differentiate one order"
NOT_YET_REASONS: dict[str, str] = {
    **dict.fromkeys(
        "assoc_legendre_p_all legendre_p_all sph_harm_y_all sph_legendre_p_all lqmn lqn lmbda pbdn_seq pbdv_seq "
        "pbvv_seq riccati_jn riccati_yn".split(),
        _ALL_ORDERS,
    ),
    "assoc_laguerre": "a plain function; `eval_genlaguerre(n, k, x)` is the same and differentiable",
    **dict.fromkeys(
        "ellip_harm ellip_harm_2 ellip_normal".split(), "Lamé functions: the derivative is no function of SciPy"
    ),
    **dict.fromkeys(
        "ncfdtr ncfdtri ncfdtridfd ncfdtridfn ncfdtrinc nctdtr nctdtridf nctdtrinc nctdtrit chndtridf".split(),
        "the derivative (a noncentral density, or one in the degrees of freedom) is no function of SciPy",
    ),
    **dict.fromkeys(
        "mathieu_a mathieu_b obl_cv pro_cv".split(),
        "a characteristic value: its derivative is an integral of the squared eigenfunction, which SciPy lacks",
    ),
    **dict.fromkeys(
        "mathieu_even_coef mathieu_odd_coef obl_cv_seq pro_cv_seq".split(), "derivatives of expansion coefficients"
    ),
}


@dataclass(frozen=True)
class Row:
    """One function and what it is to hodiff."""

    name: str
    status: str
    why: str = ""


def functions(module: Any) -> Iterator[tuple[str, Any]]:
    """The public functions of a module, by name."""
    for name in sorted(module.__all__):
        value = getattr(module, name)
        if callable(value) and not isinstance(value, type) and not name.startswith("_"):
            yield name, value


def classify(module: str, name: str, function: Any) -> Row | None:
    """Row of a function; None for one that nothing is known of."""
    table = NUMPY_UFUNCS if isinstance(function, np.ufunc) else NUMPY_FUNCTIONS
    operation = table.get(function) if getattr(function, "__hash__", None) else None
    if operation is not None:
        if _is_constant(operation):
            return Row(name, ZERO)
        refused = _refused(operation)
        if refused and len(refused) == len(operation.partials):
            return Row(name, NOT_YET, NOT_YET_REASONS[name])
        which = " and ".join(str(i + 1) for i in refused)
        return Row(name, DIFFERENTIABLE, f"not in argument {which}" if refused else "")
    if name in REASONS[module]:
        return Row(name, NOT_DIFFERENTIABLE, REASONS[module][name])
    if module == "scipy.special":
        if name in NOT_YET_REASONS:
            return Row(name, NOT_YET, NOT_YET_REASONS[name])
        if name in vars(hodiff.scipy.special):
            return Row(name, f"{WRAPPED}`hodiff.scipy.special.{name}`")
    if module == "numpy" and name in vars(hodiff.numpy):
        return Row(name, f"{WRAPPED}`hodiff.numpy.{name}`")
    return None


def _is_constant(operation: Any) -> bool:
    if isinstance(operation, Primitive):
        return operation.constant
    return getattr(operation, "__module__", "") in _CONSTANT_MODULES


def _refused(operation: Any) -> list[int]:
    """Operands of an elementwise operation whose partial derivative is a refusal."""
    found = []
    for slot, rule in enumerate(getattr(operation, "partials", None) or ()):
        operands = [0.5] * len(operation.partials)
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
                rule(operation.function(*operands), *operands)
        except NoRuleError:
            found.append(slot)
        except TypeError:
            continue  # a sign, no derivative, or an operand that has to be an integer
    return found


def tables() -> dict[str, list[Row]]:
    """All rows, by module; a function that is not explained has the status ``unknown``."""
    modules = {"numpy": np, "numpy.linalg": np.linalg, "numpy.fft": np.fft, "scipy.special": scipy.special}
    return {
        title: [classify(title, name, f) or Row(name, "unknown") for name, f in functions(module)]
        for title, module in modules.items()
    }


def unneeded() -> list[str]:
    """Explanations of functions that are in the registry, or no longer exist."""
    rows = {(title, row.name): row for title, part in tables().items() for row in part}
    explained = [(title, name) for title, names in REASONS.items() for name in names]
    explained += [("scipy.special", name) for name in NOT_YET_REASONS]
    return [f"{t}.{n}" for t, n in explained if (t, n) in rows and not rows[t, n].why]


def versions() -> str:
    """Of the libraries whose functions are listed."""
    return f"NumPy {np.__version__} and SciPy {scipy.__version__}"


def page() -> str:
    """The text of the page."""
    parts = [inspect.cleandoc(_HEAD).format(versions=versions())]
    for title, rows in tables().items():
        counts = {
            s: sum(r.status.startswith(s) for r in rows) for s in (DIFFERENTIABLE, ZERO, NOT_DIFFERENTIABLE, NOT_YET)
        }
        parts.append(f"## {title}\n\n" + ", ".join(f"{n} {s}" for s, n in counts.items() if n) + ".")
        lines = ["| function | |", "|---|---|"]
        lines += [f"| `{row.name}` | {row.status}{': ' + row.why if row.why else ''} |" for row in rows]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


_HEAD = """
    # Which functions of NumPy and SciPy have derivatives

    Made from the registry by `python docs/numpy_coverage.py`; a test holds the page to it, and fails when NumPy has a
    function that the page does not know.

    - *differentiable*: has a rule, in every mode and to every order. Where it is named `hodiff.numpy` or
      `hodiff.scipy.special`, NumPy or SciPy do not hand their own function over to other types, so call that one.
    - *zero*: its answer is constant wherever it has a derivative (`floor`), or is no float (`argmax`, `shape`).
    - *not differentiable*: there is nothing to differentiate, for the reason given.
    - *not yet*: has a derivative, and no rule; on traced values it raises `NoRuleError`.

    Every keyword is right or is refused by an error that names it. Types (`numpy.float64`), constants (`numpy.pi`) and
    modules are not listed. Made with {versions}.
    """

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
