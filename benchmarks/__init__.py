"""Speed of hodiff beside its peers: ``python -m benchmarks``, or ``make bench``.

All contenders run on one thread, unless BENCHMARK_THREADS is "all". The libraries read that from the environment when
they are imported, so it is set here.
"""

import os

_THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_THREADS["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

for _name, _value in _THREADS.items():
    if os.environ.get("BENCHMARK_THREADS") == "all":
        os.environ.pop(_name, None)
    else:
        os.environ[_name] = _value
os.environ.setdefault("JAX_PLATFORMS", "cpu")
