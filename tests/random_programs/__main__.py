"""``python -m tests.random_programs``, from the directory above, wherever the package is found otherwise."""

import sys
from pathlib import Path
from runpy import run_module

sys.path.insert(0, str(Path(__file__).parents[1]))
run_module("random_programs.command", run_name="__main__")
