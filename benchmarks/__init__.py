"""Speed of hodiff beside its peers: ``python -m benchmarks``, or ``make bench``.

All contenders run on one thread. The libraries read that from the environment when they are imported, so it is set
here.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
