"""Functions that must not be compiled, captured arrays as inputs, and what the walk must not do."""
# ruff: noqa: E501 - the programs of the tables stand on one line each

import dis
import gc
import inspect
import sys
import textwrap
import threading
import types
import typing
import weakref
from collections import Counter, OrderedDict, defaultdict, deque
from functools import partial

import numpy as np
import pytest

import hodiff as hd
import hodiff.extend
from hodiff.compiled.captures import Captures, Memory, bytecode
from hodiff.compiled.captures.bytecode import scan_code


def module_of(source, name="captured_by_a_test", **names):
    """A module of the user's, made from source."""
    module = types.ModuleType(name)
    module.__dict__.update(names)
    exec(textwrap.dedent(source), module.__dict__)
    return module


# --- reasons ---------------------------------------------------------------------------------------------------------

REASONS = {
    "np.random by name": ("import numpy as np\ndef f(x): return x + np.random.normal()", "draws random numbers (np.random)"),
    "np.random under a name": ("import numpy as np\ndef f(x):\n m = np\n return x + m.random.normal()", "draws random"),
    "np.random, imported": ("from numpy.random import normal\ndef f(x): return x + normal()", "draws random numbers"),
    "np.random, imported inside": ("def f(x):\n from numpy.random import normal\n return x + normal()", "draws random"),
    "np.random, imported with as": ("def f(x):\n import numpy.random as r\n return x + r.normal()", "draws random"),
    "np.random, imported whole": ("def f(x):\n import numpy.random\n return x + numpy.random.normal()", "draws random"),
    "np.random, from numpy": ("def f(x):\n from numpy import random\n return x + random.normal()", "draws random"),
    "random": ("import random\ndef f(x): return x + random.random()", "draws random numbers (random.random)"),
    "random, imported": ("from random import gauss\ndef f(x): return x + gauss(0, 1)", "draws random numbers"),
    "a generator of random numbers": ("import numpy as np\nrng = np.random.default_rng(0)\ndef f(x): return x + rng.normal()", "draws random numbers (`rng`)"),
    "a RandomState": ("import numpy as np\nrng = np.random.RandomState(0)\ndef f(x): return x + rng.rand()", "draws random"),
    "random.Random": ("import random\nr = random.Random(0)\ndef f(x): return x + r.random()", "draws random"),
    "a bound draw": ("import numpy as np\ndraw = np.random.default_rng(0).normal\ndef f(x): return x + draw()", "draws random"),
    "rvs of scipy.stats": ("from scipy import stats\ndef f(x): return x + stats.norm.rvs()", "draws random"),
    "in a helper": ("import random\ndef g(x): return x + random.random()\ndef f(x): return g(x)", "draws random"),
    "in a lambda inside": ("import random\ndef f(x): return (lambda y: y + random.random())(x)", "draws random"),
    "in a comprehension": ("import random\ndef f(x): return sum([random.random() for _ in range(2)])", "draws random"),
    "in a default": ("import random\ndef f(x, draw=random.random): return x + draw()", "draws random"),
    "in a dict": ("import random\nt = {'a': random.random}\ndef f(x): return x + t['a']()", "draws random"),
    "in a partial": ("import random, functools\ng = functools.partial(random.gauss, 0)\ndef f(x): return x + g(1)", "draws random"),
    "in a method": ("import random\nclass A:\n def g(self): return random.random()\na = A()\ndef f(x): return x + a.g()", "draws random"),
    "in a property": ("import random\nclass A:\n @property\n def g(self): return random.random()\na = A()\ndef f(x): return x + a.g", "draws random"),
    "in an operator": ("import random\nclass A:\n def __add__(self, x): return x + random.random()\na = A()\ndef f(x): return a + x", "draws random"),
    "in a constructor": ("import random\nclass A:\n def __init__(self): self.g = random.random()\ndef f(x): return x + A().g", "draws random"),
    "in a static method": ("import random\nclass A:\n @staticmethod\n def g(): return random.random()\ndef f(x): return x + A.g()", "draws random"),
    "in a wrapper": ("import random, functools\ndef deco(g):\n @functools.wraps(g)\n def w(x): return g(x) + random.random()\n return w\n@deco\ndef f(x): return x", "draws random"),
    "under lru_cache": ("import random, functools\n@functools.lru_cache\ndef g(n): return random.random()\ndef f(x): return x + g(1)", "draws random"),
    "time": ("import time\ndef f(x): return x + time.time()", "reads the clock (time.time)"),
    "time, imported": ("from time import perf_counter as now\ndef f(x): return x + now()", "reads the clock"),
    "datetime": ("from datetime import datetime\ndef f(x): return x + datetime.now().second", "reads the clock"),
    "os": ("import os\ndef f(x): return x + len(os.environ)", "uses files or the state of the process"),
    "os.path": ("import os.path\ndef f(x): return x + os.path.exists('a')", "uses files"),
    "sys.argv": ("import sys\ndef f(x): return x + len(sys.argv)", "uses files or the state of the process"),
    "pathlib": ("from pathlib import Path\ndef f(x): return x + len(Path('a').read_text())", "uses files"),
    "np.load": ("import numpy as np\ndef f(x): return x + np.load('a.npy')", "uses files (np.load)"),
    "np.seterr": ("import numpy as np\ndef f(x):\n np.seterr(all='ignore')\n return x", "changes settings of NumPy"),
    "logging": ("import logging\nlog = logging.getLogger('a')\ndef f(x):\n log.info('a')\n return x", "uses files"),
    "print": ("def f(x):\n print(x)\n return x", "prints"),
    "print under a name": ("show = print\ndef f(x):\n show(x)\n return x", "prints"),
    "open": ("def f(x):\n with open('a') as s: return x + len(s.read())", "opens a file"),
    "input": ("def f(x): return x + float(input())", "asks for input"),
    "eval": ("def f(x): return eval('x + 1')", "runs generated code"),
    "exec": ("def f(x):\n exec('y = 1')\n return x", "runs generated code"),
    "globals": ("def f(x): return x + len(globals())", "globals"),
    "setattr": ("class A: pass\na = A()\ndef f(x):\n setattr(a, 'b', x)\n return x", "setattr"),
    "global": ("count = 0\ndef f(x):\n global count\n count += 1\n return x", "assigns to the global `count`"),
    "del global": ("count = 0\ndef f(x):\n global count\n del count\n return x", "assigns to the global `count`"),
    "nonlocal": ("def make():\n n = 0\n def f(x):\n  nonlocal n\n  n += 1\n  return x + n\n return f\nf = make()", "assigns to the outer variable `n`"),
    "nonlocal in a helper": ("def make():\n n = 0\n def g():\n  nonlocal n\n  n += 1\n  return n\n return g\ng = make()\ndef f(x): return x + g()", "assigns to the outer variable `n`"),
    "nonlocal of a lambda's parent": ("def make():\n n = 0\n def f(x):\n  def inner():\n   nonlocal n\n   n += 1\n  inner()\n  return x + n\n return f\nf = make()", "assigns to the outer variable `n`"),
    "append": ("history = []\ndef f(x):\n history.append(x)\n return x", "changes `history`"),
    "append in a method": ("class A:\n def __init__(self): self.history = []\n def f(self, x):\n  self.history.append(x)\n  return x\nf = A().f", "changes `self.history`"),
    "append, bound": ("history = []\npush = history.append\ndef f(x):\n push(x)\n return x", "changes what `push` belongs to"),
    "an element of a list": ("cache = [0]\ndef f(x):\n cache[0] = x\n return x", "changes `cache`"),
    "an element of an element": ("cache = {'a': [0]}\ndef f(x):\n cache['a'][0] += x\n return x", "changes `cache`"),
    "an element of a dict": ("cache = {}\ndef f(x):\n cache['a'] = x\n return x", "changes `cache`"),
    "del of an element": ("cache = {'a': 1}\ndef f(x):\n del cache['a']\n return x", "changes `cache`"),
    "an element of an array": ("import numpy as np\nbuffer = np.zeros(3)\ndef f(x):\n buffer[0] = x\n return x", "changes `buffer`"),
    "a slice of an array": ("import numpy as np\nbuffer = np.zeros(3)\ndef f(x):\n buffer[1:] += x\n return x", "changes `buffer`"),
    "fill": ("import numpy as np\nbuffer = np.zeros(3)\ndef f(x):\n buffer.fill(1.0)\n return x", "changes `buffer`"),
    "update of a dict": ("cache = {}\ndef f(x):\n cache.update(a=x)\n return x", "changes `cache`"),
    "an attribute": ("class A: n = 0\na = A()\ndef f(x):\n a.n += 1\n return x", "changes `a.n`"),
    "an attribute of self": ("class A:\n n = 0\n def f(self, x):\n  self.n += 1\n  return x\nf = A().f", "changes `self.n`"),
    "an attribute of self, in a helper": ("class A:\n n = 0\n def g(self): self.n += 1\n def f(self, x):\n  self.g()\n  return x\nf = A().f", "changes `self.n`"),
    "an attribute of self, by call": ("class A:\n n = 0\n def __call__(self, x):\n  self.n += 1\n  return x\nf = A()", "changes `self.n`"),
    "an attribute of a class": ("class A: n = 0\ndef f(x):\n A.n += 1\n return x", "changes `A.n`"),
    "an attribute of a function": ("def f(x):\n f.calls = 1\n return x", "changes `f.calls`"),
    "an attribute of a module": ("import captured_for_reasons as m\ndef f(x):\n m.n = 1\n return x", "changes `m.n`"),
    "an iterator": ("it = iter([1.0, 2.0, 3.0])\ndef f(x): return x + next(it)", "advances the iterator `it`"),
    "itertools.count": ("import itertools\nit = itertools.count()\ndef f(x): return x + next(it)", "advances the iterator `it`"),
    "a generator": ("g = (i for i in range(5))\ndef f(x): return x + next(g)", "advances the iterator `g`"),
    "a lock": ("import threading\nlock = threading.Lock()\ndef f(x):\n with lock: return x", "uses threads"),
    "threading.local": ("import threading\nlocal = threading.local()\ndef f(x): return x + local.a", "uses threads"),
    "a context variable": ("import contextvars\nv = contextvars.ContextVar('v')\ndef f(x): return x + v.get(1.0)", "depends on the context"),
    "a weak reference": ("import weakref\nclass A: a = 1.0\na = A()\nr = weakref.ref(a)\ndef f(x): return x + r().a", "weak references"),
    "a masked array": ("import numpy as np\nm = np.ma.array([1.0])\ndef f(x): return x + m", "captures `m`"),
    "a matrix": ("import numpy as np\nm = np.ones(2).view(np.matrix)\ndef f(x): return x + m", "captures `m`"),
    "an array of objects": ("import numpy as np\nm = np.array([None, 1])\ndef f(x): return x + m[1]", "captures `m`"),
    "an array.array": ("import array\nm = array.array('d', [1.0])\ndef f(x): return x + m[0]", "captures `m`"),
    "a module that is not loaded": ("def f(x):\n import captured_but_not_there\n return x", "imports the module captured_but_not_there"),
    "a container that contains itself": ("a = []\na.append(a)\ndef f(x): return x + len(a)", "contains itself"),
    "too much": ("a = [[] for _ in range(6000)]\ndef f(x): return x + len(a)", "reaches too much"),
    "too deep": ("a = ()\nfor _ in range(3000): a = (a,)\ndef f(x): return x + len(a)", "reaches too much"),
    "append in a function inside a method": ("class A:\n def __init__(self): self.history = []\n def f(self, x):\n  def g(): self.history.append(x)\n  g()\n  return x\nf = A().f", "changes `self.history`"),
    "a warning": ("import warnings\ndef f(x):\n if x > 100: warnings.warn('large')\n return x", "warns (warnings.warn)"),
    "catch_warnings": ("import warnings\ndef f(x):\n with warnings.catch_warnings():\n  warnings.simplefilter('ignore')\n  return x", "filters of warnings"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _modules(monkeypatch):
    monkeypatch.setitem(sys.modules, "captured_for_reasons", types.ModuleType("captured_for_reasons"))


@pytest.mark.parametrize("name", REASONS)
def test_functions_that_must_not_be_compiled(name):
    source, reason = REASONS[name]
    captures = Captures.of(module_of(source).f)
    assert captures.reason is not None
    assert reason in captures.reason
    assert captures.arrays() == ()


HARMLESS = {
    "local state": "def f(x):\n a = []\n a.append(x)\n d = {}\n d['a'] = x\n d.update(b=1)\n n = 0\n n += 1\n return a[0]",
    "a nonlocal of its own": "def f(x):\n n = 0\n def g():\n  nonlocal n\n  n += 1\n g()\n return x + n",
    "a nonlocal argument": "def f(x):\n def g():\n  nonlocal x\n  x = x + 1\n g()\n return x",
    "a nonlocal self": "class A:\n n = 0\n def f(self, x):\n  def g():\n   nonlocal self\n   self = A()\n  g()\n  self.n = x\n  return self.n\nf = A().f",
    "local arrays": "import numpy as np\ndef f(x):\n a = np.zeros(3)\n a[0] = x\n a += 1\n a.fill(2)\n a.sort()\n return a",
    "a local object": "class A:\n def __init__(self): self.n = 0\n def add(self, x):\n  self.n += x\n  return self\ndef f(x): return A().add(x).n",
    "try and raise": "def f(x):\n try:\n  if x > 100: raise ValueError('large')\n  return x\n except ValueError: return 0.0\n finally: pass",
    "errstate": "import numpy as np\ndef f(x):\n with np.errstate(divide='ignore'): return 1 / x",
    "math": "import math, operator, itertools, functools\ndef f(x): return functools.reduce(operator.add, [x, math.pi])",
    "sys.float_info": "import sys\ndef f(x): return x + sys.float_info.epsilon + sys.maxsize",
    "a distribution": "from scipy import stats\nfrom scipy.stats import norm\ndef f(x): return stats.norm.cdf(float(x)) + norm.cdf(1.0)",
    "an inner generator": "def f(x):\n it = iter([x, x])\n return next(it) + sum(y for y in [x])",
    "an assertion": "def f(x):\n assert x > 0, 'small'\n return x",
    "annotations": "import typing\nT = typing.TypeVar('T')\ndef f(x: 'T') -> typing.Any:\n y: float = x\n return typing.cast(float, y)",
    "scipy": "from scipy import special\nimport scipy.linalg as la\ndef f(x): return special.expit(x) + la.norm([x, x])",
    "hodiff": "import hodiff as hd\ndef f(x): return hd.grad(lambda y: y * y)(x) + hd.stop_gradient(x)",
    "hodiff inside numpy": "import hodiff.numpy as hnp\ndef f(x): return hnp.sum(hnp.array([x, x]))",
    "recursion": "def f(x, n=3): return x if n == 0 else f(2 * x, n - 1)",
    "a constructor that is not called": "class A:\n def __init__(self): print('made')\n def f(self, x): return x\n def __repr__(self): return str(print)\nf = A().f",
    "a constructor beside super()": "class B:\n def f(self, x): return x\nclass A(B):\n def __init__(self): print('made')\n def f(self, x): return super().f(x)\nf = A().f",
    "attributes that are not read": "import threading\nclass A:\n def __init__(self):\n  self.lock = threading.Lock()\n  self.it = iter([1])\n def f(self, x): return x\nf = A().f",
    "string methods": "fmt = 'a {}'\ndef f(x):\n if fmt.format(1) == 'a 1' and f'{fmt!r}': return x\n return 0.0",
}  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS)
def test_what_stays_inside_the_function_is_no_reason(name):
    module = module_of(HARMLESS[name])
    captures = Captures.of(module.f)
    assert captures.reason is None
    assert captures.doubt is None
    assert captures.unchanged()
    module.f(1.5)
    assert captures.changed_by_run() is None


DOUBTS = {
    "isinstance": "def f(x): return x if isinstance(x, float) else 2 * x",
    "type": "def f(x): return x if type(x) is float else 2 * x",
    "id": "def f(x): return x + (id(x) > 0)",
    "hasattr": "def f(x): return x if hasattr(x, 'real') else 0.0",
    "getattr by a computed name": "def f(x): return getattr(x, 'real')",
    "vars": "class A: pass\na = A()\ndef f(x): return x + len(vars(a))",
    "a class pattern": "def f(x):\n match x:\n  case float(y): return y\n return 2 * x",
    "the class of a value": "def f(x): return x if x.__class__ is float else 2 * x",
    "in a helper": "def g(x): return isinstance(x, float)\ndef f(x): return x + g(x)",
    "lru_cache": "import functools\n@functools.lru_cache\ndef g(n): return n\ndef f(x): return x + g(1)",
    "a ufunc of Python code": "import numpy as np\ng = np.frompyfunc(lambda a: a, 1, 1)\ndef f(x): return x + float(g(1.0))",
    "another module of the standard library": "import zlib\ndef f(x): return x + zlib.crc32(b'a')",
}  # fmt: skip


@pytest.mark.parametrize("name", DOUBTS)
def test_functions_that_are_doubtful(name):
    captures = Captures.of(module_of(DOUBTS[name]).f)
    assert captures.reason is None
    assert captures.doubt


# --- what does not matter --------------------------------------------------------------------------------------------


def test_rebinding_to_the_same_content_is_no_change():
    module = module_of(
        """
        def f(x):
            return x * rate * settings["a"][0] + pair[1] + nan + complex_one.real
        """,
        rate=1234.5,
        settings={"a": [1.0, (2.0, "b")]},
        pair=(1, 1e10),
        nan=float("nan"),
        complex_one=1 + 1j,
    )
    captures = Captures.of(module.f)
    module.rate = float("1234.5")
    module.settings = {"a": [float("1.0"), (float("2.0"), "".join("b"))]}
    module.pair = (1, float("1e10"))
    module.nan = float("nan")
    module.complex_one = complex("1+1j")
    assert captures.unchanged()
    module.unrelated = 1
    module.settings["a"].append(1)
    assert not captures.unchanged()


@pytest.mark.parametrize(
    "before, after",
    [
        (1, 1.0), (1, True), (0.0, -0.0), (1.0, np.float64(1.0)), (np.float32(1), np.float64(1)), (1.0, np.ones(())),
        (1.0, np.ones(3)), ("a", b"a"), ((1,), [1]), ([1], [1.0]), ({"a": 1}, {"a": True}), ({1: 0}, {1.0: 0}), (None, 0),
        (complex(0.0, 0.0), complex(0.0, -0.0)), (np.float64("nan"), -np.float64("nan")), (np.arange(3), (0, 1, 2)),
        (np.dtype("f4"), np.dtype("f8")), (range(3), range(4)), (slice(1), slice(1.0)), (np.sin, np.cos), (int, float),
        ({1, 2}, frozenset({1, 2})), (np.datetime64("2020-01-01"), np.datetime64("2021-01-01")), ((), ([],)),
    ],
)  # fmt: skip
def test_types_and_bits_matter(before, after):
    module = module_of("def f(x): return (x, value)", value=before)
    captures = Captures.of(module.f)
    assert captures.unchanged()
    module.value = after
    assert not captures.unchanged()
    module.value = before
    assert captures.unchanged()
    del module.value
    assert not captures.unchanged()


def test_attributes_that_no_code_names_do_not_matter():
    module = module_of(
        """
        class A:
            def __init__(self):
                self.rate, self.calls = 1.0, 0
            def f(self, x):
                return self.rate * x
        a = A()
        """
    )
    captures = Captures.of(module.a.f)
    module.a.calls += 1
    module.a.new = 1
    assert captures.unchanged()
    module.a.rate = 2.0
    assert not captures.unchanged()


# --- captured arrays -------------------------------------------------------------------------------------------------


def rebuilt(function, *replacements):
    """The result with other values for the captured arrays, and the number of those."""
    captures = Captures.of(function)
    assert captures.reason is None
    return captures.rebuild(replacements)


def test_arrays_by_bare_names_are_inputs():
    A, B = np.array([1.0, 2.0]), np.array([3.0, 4.0])

    def f(x):
        return x * A + B + A

    captures = Captures.of(f)
    assert [id(v) for v in captures.arrays()] == [id(A), id(B)]
    np.testing.assert_array_equal(captures.rebuild([np.ones(2), np.zeros(2)])(5.0), [6.0, 6.0])
    A = np.array([7.0])
    assert captures.unchanged()
    assert captures.arrays()[0] is A
    A[0] = 8.0
    assert captures.unchanged()
    assert f(1.0)[0] == 8.0 + 3.0 + 8.0, "the function itself is as it was"
    A = [1.0]
    assert not captures.unchanged()
    A = np.ma.array([1.0])
    assert not captures.unchanged()
    A = np.array([None])
    assert Captures.of(f).reason


def test_globals_helpers_and_nested_functions_are_made_anew():
    module = module_of(
        """
        def helper(x):
            return x * TABLE.sum() + K
        def untouched(x):
            return x
        def f(x):
            def inner(y):
                return [helper(y) + TABLE[0] for _ in range(1)][0]
            return untouched(inner(x)) + (lambda: TABLE[1])()
        """,
        TABLE=np.array([1.0, 2.0]),
        K=0.5,
    )
    new = rebuilt(module.f, np.array([10.0, 20.0]))
    assert new(1.0) == 30.0 + 0.5 + 10.0 + 20.0
    assert module.f(1.0) == 3.0 + 0.5 + 1.0 + 2.0
    assert new.__globals__["untouched"] is module.untouched
    assert module.helper.__globals__ is vars(module)
    assert new.__globals__["TABLE"] is not module.TABLE


def test_recursion_and_mutual_recursion_stay_inside_the_new_functions():
    W = np.array([2.0])

    def even(x, n):
        return x if n == 0 else W * odd(x, n - 1)

    def odd(x, n):
        return W * even(x, n - 1)

    new = rebuilt(even, np.array([3.0]))
    assert new(1.0, 4) == 81.0
    assert even(1.0, 4) == 16.0
    module = module_of("def f(x, n=2): return x * W[0] if n == 0 else f(x, n - 1) + W[0]", W=np.array([1.0]))
    assert rebuilt(module.f, np.array([10.0]))(1.0) == 30.0


def test_partials_methods_wrappers_and_transformed_functions_are_made_anew():
    W = np.array([2.0, 3.0])

    def base(a, x):
        return a * np.sum(W * x)

    bound = partial(base, 10.0)

    class Model:
        def run(self, x):
            return np.sum(W) * x

    def decorate(function):
        def wrapper(x):
            return function(x) + 1.0

        return wrapper

    wrapped = decorate(decorate(lambda x: bound(x)))
    gradient = hd.grad(lambda x: wrapped(x * x))

    def f(x):
        return gradient(x) + bound(x)

    model = Model()
    other = np.ones(2)
    assert rebuilt(bound, other)(1.0) == 20.0
    assert rebuilt(wrapped, other)(1.0) == 22.0
    assert rebuilt(gradient, other)(1.0) == 40.0
    assert isinstance(rebuilt(gradient, other), type(gradient))
    assert rebuilt(f, other)(1.0) == 60.0
    assert rebuilt(model.run, other)(1.0) == 2.0
    assert rebuilt(model.run, other).__self__ is model
    assert (bound(1.0), wrapped(1.0), gradient(1.0), f(1.0), model.run(1.0)) == (50.0, 52.0, 100.0, 150.0, 5.0)


def test_rules_are_made_anew():
    W = np.array([2.0])

    @hd.custom_vjp
    def g(x):
        return x * W[0]

    g.defvjp(lambda x: (g(x), None), lambda res, ct: (ct * W[0],))

    @hd.custom_jvp
    def h(x):
        return x * W[0]

    @h.defjvp
    def rule(primals, tangents):
        return h(primals[0]), tangents[0] * W[0]

    def f(x):
        return hd.grad(g)(x) + hd.grad(h)(x) + g(x) + h(x)

    assert f(1.0) == 8.0
    assert rebuilt(f, np.array([5.0]))(1.0) == 20.0


def test_arrays_that_are_reached_in_two_ways_are_inputs_and_compared():
    W = np.array([1.0, 2.0])
    table = {"w": W}

    def f(x):
        return x * W + table["w"]

    captures = Captures.of(f)
    assert len(captures.arrays()) == 1
    W[0] = 5.0
    assert not captures.unchanged()
    assert captures.changed_by_run()


def test_a_primitive_is_never_made_anew_so_the_arrays_of_its_rules_are_compared():
    W = np.ones(3)
    scaled = hodiff.extend.linear(lambda x: x * W, lambda ct, x: ct * W, name="scaled")
    gradient = hd.grad(lambda x: np.sum(scaled(x)))
    captures = Captures.of(gradient)
    assert captures.arrays() == ()
    compiled = hd.jit(gradient, quiet=True)
    for W in (np.ones(3), np.full(3, 2.0), np.full(3, 3.0)):
        for _ in range(3):
            np.testing.assert_array_equal(compiled(np.ones(3)), W)
    assert not captures.unchanged()


def test_a_helper_reached_through_a_dict_has_its_arrays_compared():
    W = np.array([1.0, 2.0])
    table = {"g": lambda x: x * W}

    def f(x):
        return table["g"](x)

    captures = Captures.of(f)
    assert captures.arrays() == ()
    assert captures.unchanged()
    W[1] = 3.0
    assert not captures.unchanged()


def test_signatures_and_attributes_of_new_functions():
    W = np.ones(1)

    def f(x, a=2.0, *, b=3.0):
        """Documented."""
        return x * W[0] * a * b

    f.note = "kept"
    new = rebuilt(f, np.array([10.0]))
    assert (new.__name__, new.__qualname__, new.__doc__, new.__module__) == (
        f.__name__, f.__qualname__, f.__doc__, f.__module__,
    )  # fmt: skip
    assert (new.note, new(1.0), new(1.0, 1.0, b=1.0)) == ("kept", 60.0, 10.0)


def test_empty_and_self_referring_cells_are_kept():
    W = np.ones(1)

    def f(x, n=1):
        return x * W[0] if n == 0 else g(x, n - 1)

    def g(x, n):
        return f(x, n) + (later if n > 5 else 0.0)

    assert rebuilt(f, np.array([4.0]))(1.0) == 4.0
    later = 1.0


def test_arrays_with_other_content_than_numbers_are_compared():
    names = np.array(["a", "b"])

    def f(x):
        return x if names[0] == "a" else 2 * x

    captures = Captures.of(f)
    assert captures.arrays() == ()
    names[0] = "c"
    assert not captures.unchanged()


# --- static arguments ------------------------------------------------------------------------------------------------


def test_what_static_arguments_contain_is_guarded():
    rate = 1.0
    options = {"k": [1.0]}
    captures = Captures.of(lambda x, f, o: f(x) * o["k"][0], (lambda x: rate * x, options))
    assert captures.reason is None
    assert captures.unchanged()
    options["k"][0] = 2.0
    assert not captures.unchanged()
    options["k"][0] = 1.0
    assert captures.unchanged()
    rate = 2.0
    assert not captures.unchanged()
    assert "draws" in Captures.of(lambda x, rng: x, (np.random.default_rng(0),)).reason


# --- effects of a run ------------------------------------------------------------------------------------------------


def test_effects_that_the_code_does_not_show_are_seen_after_a_run():
    history, counts, buffer = [], {"n": 0}, {"b": np.zeros(2)}

    class State:
        calls = 0

    state = State()

    def push(items, x):
        items.append(x)

    def count(table):
        table["n"] += 1

    def write(b):
        b["b"][0] = 1.0

    def mark(s):
        s.calls += 1

    functions = {
        "history": lambda x: push(history, x),
        "counts": lambda x: count(counts),
        "buffer": lambda x: write(buffer),
        "state.calls": lambda x: mark(state),
    }
    for label, function in functions.items():
        captures = Captures.of(function)
        assert captures.reason is None
        memory = captures.memory()
        function(1.0)
        assert captures.changed_by_run() == f"changes `{label}`"
        assert memory.restore()
        assert captures.unchanged()
        assert not memory.restore()
    assert (history, counts, buffer["b"].tolist(), state.calls) == ([], {"n": 0}, [0.0, 0.0], 0)


def test_memory_of_containers_of_every_kind():
    class Stack(list):
        pass

    items = [
        [1],
        {"a": 1},
        {1},
        deque([1]),
        OrderedDict(a=1),
        defaultdict(int, a=1),
        Counter("a"),
        Stack([1]),
        np.ones(2),
    ]
    memory = Memory(items)
    assert not memory.restore()
    for item in items[:-1]:
        item.clear()
    items[-1][0] = 3.0
    items[-2].attribute = 1
    assert memory.restore()
    assert items[:-1] == [[1], {"a": 1}, {1}, deque([1]), OrderedDict(a=1), {"a": 1}, Counter("a"), [1]]
    assert items[-1].tolist() == [1.0, 1.0]
    assert not hasattr(items[-2], "attribute")


def test_what_the_code_does_not_name_is_not_put_back():
    class State:
        rate, other = 1.0, 0

    state = State()
    state.calls = 0

    def mark(s):
        s.calls += s.rate

    captures = Captures.of(lambda x: mark(state))
    memory = captures.memory()
    state.other, state.calls, state.rate = 5, 7, 2.0  # `other` by somebody else
    assert memory.restore()
    assert (state.other, state.calls, state.rate) == (5, 0, 1.0)
    assert "rate" not in vars(state)


# --- the walk itself -------------------------------------------------------------------------------------------------


def refuse(*arguments):
    raise AssertionError("the user's code was run")


def test_no_code_of_the_user_runs():
    class Loud:
        def __init__(self):
            object.__setattr__(self, "value", 1.0)

        shown = property(refuse)

        def __getattr__(self, name):
            return refuse()

    for name in ("getattribute", "setattr", "eq", "hash", "repr", "bool", "len", "iter", "contains", "call", "float"):
        setattr(Loud, f"__{name}__", lambda *arguments: refuse())

    class List(list):
        __iter__ = __len__ = __eq__ = __getitem__ = refuse

    class Dict(dict):
        __iter__ = __len__ = __eq__ = __getitem__ = items = keys = values = copy = refuse

    loud, items, entries = Loud(), List([1.0]), Dict(a=1.0)
    table = {"loud": loud, "again": (loud, items)}
    names = {"a": 1.0, "b": 2.0}

    def f(x, y=loud):
        return x * loud.shown * loud.value * items[0] * table["loud"].value * entries["a"] * len(names) * y.value

    def g(x):
        return loud(x)

    for function, extra in ((f, ()), (g, ()), (loud, ()), (lambda x: x, (loud, items, entries))):
        captures = Captures.of(function, extra)
        assert captures.reason is None
        assert captures.unchanged()
        assert captures.arrays() == ()
        assert not captures.memory().restore()
        assert captures.changed_by_run() is None
    assert Captures.of(f).unchanged()
    vars_of = object.__getattribute__(loud, "__dict__")
    captures = Captures.of(f)
    vars_of["value"] = 2.0
    assert not captures.unchanged()


def test_nothing_big_is_kept_alive():
    class Data:
        def __init__(self):
            self.big = np.zeros(1000)

    module = module_of("def f(x): return x * np.sum(A)", np=np, A=np.zeros(1000), data=Data())
    captures = Captures.of(module.f)
    watch = weakref.ref(module.A)
    module.A = np.zeros(2)
    gc.collect()
    assert watch() is None
    assert captures.unchanged()
    refused = module_of("def f(x):\n print(x)\n return data.big", data=Data())
    captures = Captures.of(refused.f)
    watch = weakref.ref(refused.data)
    refused.data = None
    gc.collect()
    assert watch() is None
    assert captures.reason == "prints"


def test_threads_may_look_at_once():
    module = module_of("def g(x): return x * K\ndef f(x): return g(x) * np.sum(A)", np=np, A=np.ones(3), K=1.0)
    found, errors = [], []

    def work():
        try:
            for _ in range(50):
                captures = Captures.of(module.f)
                found.append(captures.unchanged() and captures.rebuild(captures.arrays())(1.0) == 3.0)
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert found == [True] * 200


def test_traced_values_are_refused():
    seen = []

    def outer(w):
        seen.append(Captures.of(lambda x: w * x).reason)
        return w * w

    hd.grad(outer)(1.0)
    assert seen == ["captures the traced value `w`"]


def test_what_cannot_be_looked_at_is_not_compiled(monkeypatch):
    def broken(*arguments, **keywords):
        raise KeyError("broken")

    monkeypatch.setattr("hodiff.compiled.captures.reachable.Walk.load", broken)
    captures = Captures.of(lambda x: refuse(x))
    assert captures.reason == "cannot be looked at (KeyError: 'broken')"
    assert captures.unchanged()


def test_callables_without_code():
    for function in (np.sin, np.sum, abs, hd.grad(np.sin), partial(np.sum, axis=0), np.ufunc.reduce, float):
        captures = Captures.of(function)
        assert captures.reason is None
        assert captures.unchanged()
    assert Captures.of(print).reason == "prints"
    assert "draws" in Captures.of(np.random.normal).reason


def test_paths_survive_branches_and_copies():
    source = """
    def f(x, c):
        (a if c else b).attribute.value = 1
        table[c][0] += x
        return np.linalg.norm(x), (first if c else second)(x)
    """
    scan = scan_code(module_of(source).f.__code__)
    assert [str(path) for path in scan.stores] == ["table[][]"]
    loads = {str(path) for path in scan.loads}
    assert {"a", "b", "table", "np.linalg.norm", "first", "second"} <= loads


def test_a_compiled_function_inside_is_made_anew_without_what_it_has_compiled():
    W = np.array([2.0])
    inner = hd.jit(lambda x: x * W[0])
    assert inner(1.0) == 2.0

    def f(x):
        return inner(x) + inner(x)

    captures = Captures.of(f)
    assert len(captures.arrays()) == 1
    assert captures.rebuild([np.array([5.0])])(1.0) == 10.0
    assert inner(1.0) == 2.0
    assert captures.changed_by_run() is None


def code_objects():
    """All code of some large modules, with branches, exceptions, closures, patterns and long arguments."""
    waiting = [f.__code__ for m in (dis, inspect, textwrap, typing, np.lib._function_base_impl, hd.custom, hd.calls)
               for f in vars(m).values() if isinstance(f, types.FunctionType)]  # fmt: skip
    names = ", ".join(f"n{i}" for i in range(300))
    waiting.append(
        module_of(f"def f({names}):\n    n7 = lambda: n299\n    return n7() + n280 if g299 else n7").f.__code__
    )
    while waiting:
        code = waiting.pop()
        waiting += [c for c in code.co_consts if isinstance(c, types.CodeType)]
        yield code


def test_instructions_are_those_that_dis_tells():
    count = 0
    for code in code_objects():
        shown = [i for i in dis.get_instructions(code) if i.opname not in bytecode._NO_EFFECT]
        own = bytecode.instructions_of(code)
        assert [i.opname for i in own] == [i.opname for i in shown]
        relevant = {*dis.hasname, *dis.haslocal, *dis.hasfree, *dis.hasconst}
        pairs = [(a, b) for a, b in zip(own, shown, strict=True) if b.opcode in relevant]
        assert all(a.argval is b.argval or a.argval == b.argval for a, b in pairs)
        jumps = {i.argval for i in shown if i.opcode in dis.hasjrel}
        assert all(a.is_jump_target for a, b in zip(own, shown, strict=True) if b.offset in jumps)
        count += len(own)
    assert count > 10_000


def test_every_instruction_of_large_code_is_followed():
    names = [f"name{i}" for i in range(700)]
    body = "\n".join(f"    total = total + {name} * {name}.real" for name in names)
    module = module_of(f"def f(x):\n    total = x\n{body}\n    return total", **dict.fromkeys(names, 2.0))
    captures = Captures.of(module.f)
    assert captures.reason is None
    assert captures.unchanged()
    module.name699 = 3.0
    assert not captures.unchanged()
