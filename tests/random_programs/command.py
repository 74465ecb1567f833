"""The command line of random programs."""

import argparse
import os
import sys
import time
from collections import Counter

from random_programs.checking import Report, check
from random_programs.families import random_program
from random_programs.shrinking import kind_of, shrink


def main(arguments=None):
    """Check many programs; the number of failures."""
    options = _parser().parse_args(arguments)
    os.environ["HODIFF_CACHE_DIR"] = ""  # no program comes again
    report, kinds, began = Report(), Counter(), time.perf_counter()
    for seed in range(options.seed, options.seed + options.count):
        if time.perf_counter() - began > options.seconds:
            print(f"out of time; the next seed is {seed}")
            break
        program = random_program(seed)
        if options.show:
            print(program.listing(), end="\n\n")
            continue
        wrong = check(program, options.backend, report)
        if wrong is not None:
            kinds[kind_of(wrong)] += 1
            if kinds[kind_of(wrong)] <= options.each:
                print(explanation(program, options.backend, wrong), flush=True)
            if kinds.total() >= options.failures:
                break
    if options.open:
        for seed, wrong in report.open:
            print(f"--- left open: seed {seed}\n{random_program(seed).listing()}\n{wrong}\n")
    print(f"{kinds.total()} failures, {time.perf_counter() - began:.0f} s")
    for table in (kinds, report.counts, report.reasons):
        for name, count in table.most_common(30):
            print(f"{count:8} {name}")
    return kinds.total()


def _parser():
    parser = argparse.ArgumentParser(prog="python -m tests.random_programs", description=main.__doc__)
    parser.add_argument("--count", type=int, default=1000, help="how many programs")
    parser.add_argument("--seed", type=int, default=0, help="of the first one")
    parser.add_argument("--backend", choices=["auto", "numpy", "native"], default="auto")
    parser.add_argument("--failures", type=int, default=20, help="stop after so many")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many")
    parser.add_argument("--each", type=int, default=3, help="of each kind of failure, show so many")
    parser.add_argument("--open", action="store_true", help="show also what rounding decides")
    parser.add_argument("--show", action="store_true", help="print the programs instead")
    return parser


def explanation(program, backend, wrong):
    """A failure, with the smallest program that shows it."""
    small = shrink(program, backend)
    found = check(small, backend) or wrong
    return f"--- seed {program.seed}, backend {backend}\n{small.listing()}\n{found}\n"


if __name__ == "__main__":
    sys.exit(min(main(), 1))
