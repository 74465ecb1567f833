"""Print hodiff beside its peers: NumPy in and out, in one run, on one thread unless it says otherwise.

    python -m benchmarks               all pages
    python -m benchmarks eager         eager mode beside autograd and torch
    python -m benchmarks compiled      compiled mode beside eager mode, autograd, JAX and NumPy by hand
    python -m benchmarks native        native code beside JAX, CasADi and numba, on one thread and on all
    python -m benchmarks fitting       least squares: certified digits, a thousand fits beside SciPy
    python -m benchmarks profiles      performance profiles of solvers, ours and SciPy's
    python -m benchmarks mgh           what our solvers and SciPy's solve, in how many evaluations
    python -m benchmarks second_order  second-order methods beside SciPy's and scikit-learn's
    python -m benchmarks quasi_newton  quasi-Newton methods beside SciPy's
    python -m benchmarks --quick       fewer rounds
    python -m benchmarks compiled --only Rosenbrock

    BENCHMARK_BACKEND=numpy python -m benchmarks native      the same page for NumPy code

Each row first checks that all contenders agree to 1e-8.
"""

import argparse
import sys
from importlib import import_module

PAGES = ("eager", "compiled", "native", "fitting", "profiles", "mgh", "second_order", "quasi_newton")
# Where a page has another name than its module.
MODULES = {"mgh": "mgh_table"}


def main() -> None:
    """Run the pages that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", help=f"of {', '.join(PAGES)}; without any, all")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--only", default="", metavar="TEXT", help="only rows that have this in their name")
    options = parser.parse_args()
    unknown = set(options.pages) - set(PAGES)
    if unknown:
        parser.error(f"no page {', '.join(sorted(unknown))}: there are {', '.join(PAGES)}")
    for number, page in enumerate(options.pages or PAGES):
        print("\n" if number else "", end="")
        try:
            module = import_module(f"benchmarks.{MODULES.get(page, page)}")
        except ImportError as error:
            sys.exit(
                f"{error}: the peers come with the extra `bench`: run `make bench`, or pip install 'hodiff[bench]'"
            )
        module.run(quick=options.quick, only=options.only)


if __name__ == "__main__":
    main()
