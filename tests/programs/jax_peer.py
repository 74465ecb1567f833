"""Runs the programs under JAX: the same source, with ``jax.numpy`` in the place of NumPy. Writes a pickle to stdout.

A process of its own, since JAX starts threads, warns about forks and keeps its memory. Start it in ``tests`` with
``python -m programs.jax_peer 3``, for each third program. The pickle is a dict from the name of a program to its value
and the leaves of its gradient, or to what JAX says where it cannot run it.
"""

import os
import pickle
import sys
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np

from programs import PROGRAMS

# One core; and each program runs once, so that compiling it well would only take time.
XLA_FLAGS = (
    "--xla_cpu_multi_thread_eigen=false",
    "--xla_backend_optimization_level=0",
    "--xla_llvm_disable_expensive_passes=true",
)


def under_jax(module):
    """The module executed again, with JAX's namespaces instead of NumPy's and SciPy's."""
    source = Path(sys.modules[f"programs.{module}"].__file__).read_text(encoding="utf-8")
    source = source.replace("import numpy as np", "import jax.numpy as np").replace("from scipy", "from jax.scipy")
    copy = ModuleType(module)
    exec(compile(source, f"{module} under JAX", "exec"), vars(copy))
    return copy


def main(chosen):
    os.environ.update(JAX_PLATFORMS="cpu", XLA_FLAGS=" ".join(XLA_FLAGS))
    import jax
    from jax.errors import ConcretizationTypeError, NonConcreteBooleanIndexError

    jax.config.update("jax_enable_x64", True)
    modules = {name: under_jax(name) for name in dict.fromkeys(program.module for program in chosen)}
    answers = {}
    for program in chosen:
        f = jax.value_and_grad(getattr(modules[program.module], program.function.__name__))
        point = jax.tree.map(jax.numpy.asarray, program.point)
        try:
            try:
                value, gradient = jax.jit(f)(point)  # compiled as one program: much less to compile
            except (ConcretizationTypeError, NonConcreteBooleanIndexError):
                value, gradient = f(point)  # control flow by values
            answers[program.name] = (float(value), [np.asarray(leaf) for leaf in jax.tree.leaves(gradient)])
        except (TypeError, NotImplementedError, AttributeError) as error:
            answers[program.name] = f"{type(error).__name__}: {error}"
    sys.stdout.buffer.write(pickle.dumps(answers))


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main(PROGRAMS[:: int(sys.argv[1])])
