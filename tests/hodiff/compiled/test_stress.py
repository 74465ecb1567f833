"""Threads that compile and call at once, and the memory of programs without number; see ``tests/stress.py``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from backends import NATIVE, NUMPY

ROOT = Path(__file__).parents[3]


def run(*words):
    """Run the script as a process of its own, in which nothing else has memory or threads."""
    command = [sys.executable, str(ROOT / "tests" / "stress.py"), *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, f"{done.returncode}: {done.stdout}\n{done.stderr}"
    print(done.stdout)


long = pytest.mark.exhaustive


@pytest.mark.slow
@pytest.mark.parametrize(
    "back_end, seconds",
    [
        pytest.param("numpy", 2, marks=NUMPY.marks),
        pytest.param("native", 3, marks=NATIVE.marks),
        pytest.param("numpy", 60, marks=[*NUMPY.marks, long]),
        pytest.param("native", 60, marks=[*NATIVE.marks, long]),
    ],
)
def test_threads_call_and_compile_at_once(back_end, seconds):
    run("threads", back_end, seconds)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for the size of the process")
@pytest.mark.parametrize(
    "back_end, count",
    [
        pytest.param("native", 300, marks=NATIVE.marks),
        pytest.param("numpy", 10_000, marks=[*NUMPY.marks, long]),
        pytest.param("native", 10_000, marks=[*NATIVE.marks, long]),
    ],
)
def test_programs_that_nobody_needs_are_freed(back_end, count):
    run("compiles", back_end, count)
