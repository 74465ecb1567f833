"""Do the cases notice a wrong rule? Rules are broken one at a time, at random, and the cases have to fail.

A mutation replaces one rule of one primitive, in memory: a partial, a forward rule, a transpose, an accumulation or a
batching rule, which is scaled, negated, conjugated, exchanged with that of another operand, shifted along an axis, or
given to the wrong members of the batch. The cases of ``tests/cases`` that reach the primitive then run through the
tests of ``test_modes.py`` and ``test_members.py``, and after them the entries of the matrix, until one fails.
``python tests/mutations.py 200`` prints the survivors.
"""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matrix import collect as collect_entries
from matrix.check import function_of, run
from matrix.table import Entry

import hodiff as hd
import hodiff.ops as ops
from hodiff.batch import BatchTrace, new_batch_trace
from hodiff.core import Primitive, Sign, Tracer
from hodiff.errors import NoRuleError
from hodiff.forward import ForwardTrace, new_forward_trace

#: As many cases in which the broken rule is called are run before its mutation counts as a survivor.
_ENOUGH = 40
_AT_MOST = 400
#: As many entries of the matrix are tried, when no case fails.
_ENTRIES = 6
#: Rules for any number of operands are one function; how many are reached depends on the order of derivatives.
_FAMILY = 1
_SCALE = 1.001
#: Mutations that change nothing, by the beginning of their names -> why.
EXCUSED = {
    "indexing.getitem: transposes": "its accumulation stands for it",
    "indexing.place": "the transpose of getitem, for which its accumulation stands",
    "diagonal.diagonal_of: transposes": "its accumulation stands for it",
    "diagonal.on_diagonal": "the transpose of diagonal_of, for which its accumulation stands",
    "linalg_solvers.undefined": "its value is 0, and its partials are 0 or NaN, as is any multiple of them",
    "special_gamma.multigammaln_domain: batch": "it raises or not; its value is not used",
    "statistics.bin_total: batch": "a number of bins that differs from member to member is refused",
    "special_distributions.noncentral_density: partials of operand 0, conjugated": "it gets real numbers only",
}


@dataclass(eq=False)
class Mutation:
    """One broken rule.

    Attributes
    ----------
    primitive : Primitive
        Whose rule is broken.
    where : str
        Name of the topic and of the primitive.
    rule : str
        ``partials``, ``jvps``, ``transposes``, ``accumulate`` or ``batch``.
    slot : int or None
        Operand whose rule it is; None where there is one rule for all.
    kind : str
        What is done to it.
    calls, changes, complex_calls : int
        How often the broken rule was called, how often it gave something else than the right one, and how often it was
        called with complex numbers.
    """

    primitive: Primitive
    where: str
    rule: str
    slot: int | None
    kind: str
    calls: int = 0
    changes: int = 0
    complex_calls: int = 0

    def __str__(self) -> str:
        operand = "" if self.slot is None else f" of operand {self.slot}"
        return f"{self.where}: {self.rule}{operand}, {self.kind}"

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The primitive with the broken rule."""
        kept = getattr(self.primitive, self.rule)
        original = kept if self.slot is None else kept[self.slot]
        broken = self._broken(original, kept)
        if self.slot is None:
            changed: Any = broken
        else:
            changed = (*kept[: self.slot], broken, *kept[self.slot + 1 :])
        setattr(self.primitive, self.rule, changed)
        variant, self.primitive.annihilating = self.primitive.annihilating, None
        try:
            yield
        finally:
            setattr(self.primitive, self.rule, kept)
            self.primitive.annihilating = variant

    def _broken(self, rule: Any, rules: Any) -> Any:
        if self.rule == "accumulate":
            return lambda buffer, cotangent, *rest, **parameters: rule(
                buffer, self._noted(cotangent, cotangent * _SCALE), *rest, **parameters
            )
        if self.kind == "exchanged":
            other = rules[self._other(rules)]
            return lambda answer, *operands, **parameters: self._noted(
                _coefficient(rule, answer, operands, parameters), _coefficient(other, answer, operands, parameters)
            )

        def broken(*args: Any, **parameters: Any) -> Any:
            self.complex_calls += any(getattr(getattr(x, "dtype", None), "kind", "") == "c" for x in args)
            if self.rule == "partials":
                return self._changed(_coefficient(rule, args[0], args[1:], parameters))
            return self._changed(rule(*args, **parameters))

        return broken

    def _other(self, rules: Any) -> int:
        return next(i for i, rule in enumerate(rules) if rule is not None and rule is not rules[self.slot])

    def _changed(self, value: Any) -> Any:
        if value is None or isinstance(value, Sign):
            return value
        if isinstance(value, tuple):
            if self.rule == "jvps" and callable(self.primitive.jvps):
                return value[0], self._changed(value[1])
            return tuple(self._changed(part) for part in value)
        if self.kind == "scaled":
            return self._noted(value, value * _SCALE)
        if self.kind == "negated":
            return self._noted(value, -value)
        if self.kind == "conjugated":
            return self._noted(value, np.conj(value))
        axis = 0 if self.rule == "batch" else next((i for i, n in enumerate(np.shape(value)) if n > 1), None)
        if axis is None or np.shape(value)[axis] < 2:
            return self._noted(value, value if self.rule == "batch" else value * _SCALE)
        return self._noted(value, np.roll(value, 1, axis))

    def _noted(self, right: Any, wrong: Any) -> Any:
        self.calls += 1
        a, b = _plain(right), _plain(wrong)
        if a is None or b is None:
            # On a tape nothing can be seen; of a conjugate forward mode shows whether it is one.
            self.changes += self.kind != "conjugated"
        else:
            self.changes += not np.array_equal(a, b, equal_nan=True)
        return wrong


def _plain(value: Any) -> Any:
    """Value behind tracers; None where it cannot be seen."""
    while isinstance(value, Tracer):
        parts = value.content().components() if hasattr(value, "content") else value.components()
        if not parts:
            return None
        value = parts[0]
    return value


def _coefficient(rule: Any, answer: Any, operands: Any, parameters: Any) -> Any:
    if isinstance(rule, Sign):
        one = np.ones_like(answer) if answer is not None else 1.0
        return one * rule.value
    return rule(answer, *operands, **parameters)


# --- what can be broken -----------------------------------------------------------------------------------------------


def primitives() -> dict[Primitive, str]:
    """Every primitive of ``hodiff.ops`` that has a derivative, with its name."""
    found: dict[Primitive, str] = {}
    for topic in ops.__all__:
        for name, value in vars(getattr(ops, topic)).items():
            if isinstance(value, Primitive) and value not in found:
                found[value] = f"{topic}.{name}"
    return found


def mutations() -> list[Mutation]:
    """Everything that can be broken, in a fixed order."""
    found = []
    for primitive, where in primitives().items():
        complex_too = takes_complex(primitive)
        for rule, kinds in (
            ("partials", ("scaled", "negated", "conjugated", "exchanged")),
            ("jvps", ("scaled", "negated", "conjugated", "shifted")),
            ("transposes", ("scaled", "negated", "conjugated", "shifted")),
            ("accumulate", ("scaled",)),
            ("batch", ("shifted",)),
        ):
            for slot in _slots(getattr(primitive, rule)):
                if refuses(getattr(primitive, rule), slot):
                    continue
                for kind in kinds:
                    if kind == "conjugated" and not complex_too:
                        continue
                    rules = getattr(primitive, rule)
                    if kind == "exchanged" and not any(r is not None and r is not rules[slot] for r in rules):
                        continue
                    found.append(Mutation(primitive, where, rule, slot, kind))
    return found


def _slots(rules: Any) -> list[int | None]:
    if rules is None:
        return []
    if callable(rules):
        return [None]
    slots: list[int | None] = [i for i, rule in enumerate(rules) if rule is not None]
    family = {getattr(getattr(rule, "func", rule), "__code__", i) for i, rule in enumerate(rules) if rule is not None}
    return slots[:_FAMILY] if len(family) == 1 else slots


def takes_complex(primitive: Primitive) -> bool:
    """Whether the function takes complex numbers, if that can be known: the conjugate of real ones is no mistake."""
    function = primitive.function
    if isinstance(function, np.ufunc):
        return any("D" in types.split("->")[0] for types in function.types)
    if primitive.partials is None:
        return True
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(*(np.array([0.5 + 0.5j]),) * len(primitive.partials))
    except (TypeError, ValueError):
        return False
    return True


def refuses(rules: Any, slot: int | None) -> bool:
    """Whether a rule only says that there is none, so that there is nothing to break."""
    if slot is None or not callable(rules[slot]):
        return False
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rules[slot](*(np.float64(0.5),) * (len(rules) + 1))
    except NoRuleError:
        return True
    except Exception:  # noqa: BLE001 - a rule that wants other arguments is a rule
        return False
    return False


# --- who can notice ---------------------------------------------------------------------------------------------------


class _Recorder(ForwardTrace):
    """Notes which primitives a computation and its derivative go through."""

    __slots__ = ("names",)

    def __init__(self, names: dict[str, bool]) -> None:
        super().__init__()
        self.names = names

    def process(self, primitive: Primitive, operands: Any, parameters: Any) -> Any:
        is_complex = any(getattr(x, "dtype", None) is not None and x.dtype.kind == "c" for x in operands)
        self.names[primitive.name] = self.names.get(primitive.name, False) or is_complex
        return super().process(primitive, operands, parameters)


class _BatchRecorder(BatchTrace):
    """The same for what a case batches itself."""

    __slots__ = ("names",)

    def __init__(self, size: int, names: dict[str, bool]) -> None:
        super().__init__(size)
        self.names = names

    def process(self, primitive: Primitive, operands: Any, parameters: Any) -> Any:
        self.names.setdefault(primitive.name, False)
        return super().process(primitive, operands, parameters)


@dataclass
class Suite:
    """The cases, what each of them reaches, and the tests that they run through."""

    modes: Any
    members: Any
    distant: set[Any]
    reached: list[tuple[Any, dict[str, bool]]]
    entries: list[tuple[Any, dict[str, bool]]]
    sound: dict[Any, bool] = field(default_factory=dict)

    def rows(self, mutation: Mutation) -> list[Any]:
        """Cases and special values that reach a primitive; those that name it, and those that reach little, first.

        For a conjugate those with complex numbers come before all others.
        """
        primitive, name = mutation.primitive, mutation.primitive.name

        def order(item: tuple[Any, dict[str, bool]]) -> tuple[bool, bool, int]:
            row, names = item
            return (
                mutation.kind == "conjugated" and not names.get(name, False),
                not _names(row, primitive),
                len(names),
            )

        found: list[Any] = []
        for rows, count in ((self.reached, _AT_MOST), (self.entries, _ENTRIES)):
            mine = [(row, names) for row, names in rows if name in names or _names(row, primitive)]
            found += [row for row, _ in sorted(mine, key=order)[:count]]
        return found

    def fails(self, row: Any) -> bool:
        """Whether the case fails, in any test."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if isinstance(row, Entry):
                return bool(run(row).failures)
            return any(_raises(test, row) for test in self._tests(row))

    def _tests(self, row: Any) -> list[Callable[[Any], Any]]:
        modes = self.modes
        if not hasattr(row, "covers"):
            return [modes.test_special_values]
        tests = [_seeded(check) for check in modes.checks(row)]
        if row in self.distant:
            tests.append(self.members.test_distant_members)
        return tests

    def is_sound(self, row: Any) -> bool:
        """Whether the case passes while nothing is broken."""
        if row not in self.sound:
            self.sound[row] = not self.fails(row)
        return self.sound[row]


def suite() -> Suite:
    """Load the cases, and find out what each reaches."""
    modes, members = _module("test_modes"), _module("test_members")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        reached = [(row, _reach(modes._flat(row.function), row.args)) for row in (*modes.CASES, *modes.SPECIALS)]
        entries = [(entry, _reach_of_entry(entry)) for entry in collect_entries()]
    return Suite(modes, members, set(members.CASES), reached, entries)


def _reach_of_entry(entry: Entry) -> dict[str, bool]:
    names: dict[str, bool] = {}
    operands = entry.operands(entry.laid_out(), entry.dtypes[-1])
    for _, keywords in entry.settings():
        for name, complex_too in _reach(function_of(entry, operands, keywords), operands).items():
            names[name] = names.get(name, False) or complex_too
    return names


def _module(name: str) -> Any:
    """A test module, under a name of its own."""
    spec = spec_from_file_location(f"{name}_for_mutations", Path(__file__).parent / "hodiff" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _reach(f: Any, args: Any) -> dict[str, bool]:
    """The names of the primitives that a function goes through, with whether they meet complex numbers there."""
    names: dict[str, bool] = {}
    tokens = (
        (new_forward_trace, new_forward_trace.set(lambda: _Recorder(names))),
        (new_batch_trace, new_batch_trace.set(lambda size: _BatchRecorder(size, names))),
    )
    try:
        every = tuple(range(len(args)))

        def total(*xs: Any) -> Any:
            out = f(*xs)
            return sum(np.sum(np.real(part * part)) for part in (out if isinstance(out, tuple) else (out,)))

        gradient = hd.grad(total, argnums=every)
        ones = tuple(np.ones_like(a) for a in args)
        hd.jvp(gradient, args, ones)
        # Tangents that are traced themselves show what forward rules do with them.
        hd.jvp(lambda *xs: hd.jvp(total, xs, xs)[1], args, ones)
        hd.vmap(gradient)(*(np.stack([a, a]) for a in args))
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 - what it reaches before it fails is known all the same
        pass
    finally:
        for variable, token in tokens:
            variable.reset(token)
    return names


def _names(row: Any, primitive: Primitive) -> bool:
    covers = getattr(row, "covers", ())
    return any(item is primitive or item is primitive.function for item in covers)


def _seeded(test: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda case: test(case, np.random.default_rng(2024))


def _raises(test: Callable[[Any], Any], row: Any) -> bool:
    try:
        test(row)
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 - any failure is noticed
        return True
    return False


# --- the check --------------------------------------------------------------------------------------------------------


@dataclass
class Result:
    """Outcome of a run."""

    killed: int
    survivors: list[Mutation]
    equivalent: list[Mutation]

    @property
    def rate(self) -> float:
        """Share of the mutations that the cases notice."""
        return self.killed / max(self.killed + len(self.survivors), 1)

    def __str__(self) -> str:
        lines = [f"{self.killed} of {self.killed + len(self.survivors)} mutations were noticed, {self.rate:.1%}"]
        lines += [f"survived: {m} ({m.calls} calls, {m.changes} changes)" for m in self.survivors]
        lines += [f"changes nothing: {m}, {_excuse(m)}" for m in self.equivalent]
        return "\n".join(lines)


def _excuse(mutation: Mutation) -> str:
    reasons = [reason for name, reason in EXCUSED.items() if str(mutation).startswith(name)]
    return (*reasons, f"real in {mutation.complex_calls} calls with complex numbers")[0]


def check(count: int, seed: int = 0, rules: tuple[str, ...] = ()) -> Result:
    """Break ``count`` rules, chosen at random among those of the kinds ``rules``, and see who notices."""
    everything = [mutation for mutation in mutations() if not rules or mutation.rule in rules]
    chosen = np.random.default_rng(seed).permutation(len(everything))[:count]
    cases = suite()
    result = Result(0, [], [])
    for i in sorted(chosen):
        mutation = everything[i]
        if str(mutation).startswith(tuple(EXCUSED)):
            result.equivalent.append(mutation)
        elif _noticed(mutation, cases):
            result.killed += 1
        elif mutation.kind == "conjugated" and mutation.complex_calls and not mutation.changes:
            # The rule gives real numbers even where the operands are complex: a mask, a count.
            result.equivalent.append(mutation)
        else:
            result.survivors.append(mutation)
    return result


def _noticed(mutation: Mutation, cases: Suite) -> bool:
    called = 0
    for row in cases.rows(mutation):
        if (called >= _ENOUGH and not isinstance(row, Entry)) or not cases.is_sound(row):
            continue
        before = mutation.calls
        with mutation.applied():
            if cases.fails(row):
                return True
        called += mutation.calls > before
    return False


if __name__ == "__main__":
    print(check(int(sys.argv[1]) if len(sys.argv) > 1 else 200, int(sys.argv[2]) if len(sys.argv) > 2 else 0))
