"""Where llvmlite is not installed, compiled functions are NumPy code, and say so."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
REASON = "llvmlite is not installed; pip install hodiff[native]"

SCRIPT = f'''
import sys
import warnings

warnings.simplefilter("error")
sys.modules["llvmlite"] = None  # importing it raises ImportError

import numpy as np

import hodiff as hd
import optimizers as opt


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def branching(x):
    return np.sum(np.exp(x)) if x[0] > 0.0 else np.sum(x**2)


def scanned(x):
    return hd.scan(lambda carry, v: (np.tanh(carry + v), carry), 0.5, x)[0]


x = np.array([0.5, -1.0, 2.0, 0.3])
batch = lambda f: lambda v: hd.vmap(f)(np.stack([v, 2.0 * v]))
for f in (rosenbrock, branching, scanned):
    for make in (lambda f: f, hd.value_and_grad, hd.hessian, *((batch,) if f is not branching else ())):
        compiled, within = hd.jit(make(f)), make(hd.jit(f))
        for point in (x, x, -x, x):
            for found in (compiled(point), within(point)):
                for a, b in zip(*(v if type(v) is tuple else (v,) for v in (found, make(f)(point))), strict=True):
                    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
        assert compiled.eager_reason is None, compiled.eager_reason
        assert compiled.cache_info().hits > 0
text = hd.jit(rosenbrock).lower(x)
assert "def rosenbrock(" in text and "define i32" not in text, text
assert text.rstrip().endswith("# This is no native code: {REASON}."), text
assert "native" not in hd.jit(rosenbrock, backend="numpy").lower(x)
try:
    hd.jit(rosenbrock, backend="native")
except hd.errors.ArgumentError as error:
    assert "{REASON}" in str(error), error
else:
    raise AssertionError("native code was promised")
assert opt.minimize(rosenbrock, x).success
hd.set_num_threads(2)
assert not any(name.startswith("llvmlite.") for name in sys.modules)
'''


def test_compiled_functions_without_llvmlite():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
