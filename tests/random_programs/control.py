"""Statements of random programs: assignment in place, Python's control flow, numbers, functions, `hd`'s own loops."""

import numpy as np

from random_programs.arithmetic import smooth


def new_array(writer):
    """An array of the function's own, which is then filled."""
    name = writer.array("fffi", least=1, most=2)
    if name is None:
        return False
    shape = writer.values[name].shape
    made = writer.random.choice([f"np.zeros({shape})", f"{name}.copy()", f"np.ones({shape})", f"{name} * 1.0"])
    if not writer.assign(made):
        return False
    for _ in range(writer.random.randint(1, 3)):
        _change(writer, writer.statements[-1].binds or name)
    return True


def change(writer):
    """A change of an array that the function has made."""
    name = writer.array("ffi", least=1, most=2, accept=lambda value: value.base is None and value.flags.writeable)
    if name is None or (name[0] != "v" and writer.random.random() < 0.9):
        return False
    return _change(writer, name)


def _change(writer, name):
    random = writer.random
    if name is None or not isinstance(writer.values[name], np.ndarray):
        return False
    shape = writer.values[name].shape
    if not shape or not shape[0]:
        return False
    place = random.choice(
        [
            f"{writer.index(shape[0])}",
            writer.part(shape[0]),
            "...",
            f"{name} > 0.5",
            f"[{writer.index(shape[0])}, 0]",
            ":",
        ]
    )
    if len(shape) > 1 and random.random() < 0.4 and shape[1]:
        place = random.choice([f":, {writer.index(shape[1])}", f"{writer.index(shape[0])}, {writer.part(shape[1])}"])
    other = writer.pick("f", accept=lambda value: np.ndim(value) == 0 or np.shape(value) == shape[1:])
    value = random.choice(
        [smooth(writer, f"{name}[{place}]"), writer.constant(), *([other, smooth(writer, other)] if other else [])]
    )
    operator = random.choice(["=", "=", "+=", "*=", "-="])
    roll = random.random()
    if roll < 0.1:
        return writer.change(f"np.tanh({name}, out={name})")
    if roll < 0.2:
        return writer.change(f"{name} {random.choice(['+=', '*=', '-='])} {writer.constant()}")
    if roll < 0.25:
        return writer.change(f"np.add.at({name}, [0, 0], {writer.constant()})")
    return writer.change(f"{name}[{place}] {operator} {value}")


def branch(writer):
    """A choice by Python, of which both sides give values of one type."""
    name, scalar = writer.pick("f"), writer.pick("fib", accept=lambda value: np.ndim(value) == 0)
    if name is None:
        return False
    random = writer.random
    question = f"{scalar} > {writer.constant()}" if scalar and random.random() < 0.6 else f"np.sum({name}) > 0.1"
    if random.random() < 0.2:
        question += f" and np.max({name}) < 1.0" if np.size(writer.values[name]) else ""
    one, other = smooth(writer, name), smooth(writer, name)
    if random.random() < 0.3:
        return writer.run(f"{{}} = {one} if {question} else {other}")
    return writer.run(f"if {question}:\n    {{}} = {one}\nelse:\n    {{}} = {other}")


def loop(writer):
    """A `for` loop over numbers, elements or rows."""
    name = writer.pick("f")
    rows = writer.array("ffi")
    if name is None:
        return False
    random, turns = writer.random, writer.random.choice([1, 2, 3, 4, 8, 12])
    step, row_at_i = smooth(writer, "{v}"), smooth(writer, f"{rows}[i]")
    found = [
        f"{{v}} = {name}\nfor i in range({turns}):\n    {{v}} = {step} + 0.1 * {name}",
        f"{{v}} = {name}\nfor i in range({turns}):\n    {{v}} = {step} + 0.1 * i",
    ]
    if rows:
        found += [
            f"{{v}} = 0.5\nfor row in {rows}:\n    {{v}} = {step} + row",
            f"{{v}} = []\nfor row in {rows}:\n    {{v}}.append({smooth(writer, 'row')})\n{{v}} = np.stack({{v}})",
            f"{{v}} = 0.0\nfor i in range({rows}.shape[0]):\n    {{v}} = {{v}} + {row_at_i} * {rows}[i - 1]",
            f"{{v}} = np.zeros({rows}.shape)\nfor i in range(len({rows})):\n    {{v}}[i] = {row_at_i}",
            f"{{v}} = np.array([{smooth(writer, 'row')} for row in {rows}])",
            f"{{v}} = {rows}.copy()\nfor i in range(1, len({{v}})):\n    {{v}}[i] = {{v}}[i - 1] * 0.5 + {{v}}[i]",
            f"{{v}} = sum([{smooth(writer, 'row')} for row in {rows}])",
            f"{{v}} = 1.0\nfor i, row in enumerate({rows}):\n    if np.sum(row) > 0:\n        {{v}} = {step} + row",
        ]
    return writer.run(random.choice(found).replace("{v}", "{}"))


def while_loop(writer):
    name = writer.pick("f", accept=lambda value: np.ndim(value) == 0)
    if name is None:
        return False
    least = writer.random.choice(["0.3", "0.9"])
    return writer.run(f"{{}} = np.abs({name}) + 1.0\nwhile {least} < {{}} < 1e9:\n    {{}} = {{}} * 0.5")


def number(writer):
    """Numbers of Python's and its built-in functions."""
    name = writer.pick("fi", accept=lambda value: np.ndim(value) == 0)
    rows = writer.array("fi", most=1, accept=lambda value: value.size)
    if name is None:
        return False
    found = [
        f"abs({name})",
        f"int(np.floor(np.clip({name}, -9, 9)))",
        f"float({name})",
        f"pow({name}, 2)",
        f"round(float({name}), 1)",
    ]
    if rows:
        found += [
            f"max({name}, {rows}[0])",
            f"min({rows})",
            f"sum({rows})",
            f"len({rows}) * {name}",
            f"{rows}[0].item() * 2.0",
            f"sorted({rows})[0]",
            f"{rows}[int(np.abs({name})) % {rows}.size]",
            f"{rows}.shape[0] + {rows}.size * 0.5 * {name}",
            f"np.array({rows}.tolist())",
        ]
    return writer.assign(writer.random.choice(found))


def function(writer):
    """A function of the program's own, called twice, or transformed."""
    name = writer.pick("f")
    other = name and writer.like(name)
    if name is None:
        return False
    random = writer.random
    body = f"{smooth(writer, 'x')} * y + {smooth(writer, 'y')}"
    calls = [f"g({name}, {other}) + g({other}, 0.5)", f"np.sum(g({name}, 0.3)) * {other}"]
    calls += [
        f"hd.grad(lambda x: np.sum(g(x, {other})))({name})",
        f"hd.jvp(lambda x: g(x, {other}), ({name},), (np.ones_like({name}),))[1]",
        f"hd.value_and_grad(lambda x: np.sum(g(x, {name})))(0.5)[1]",
    ]
    if np.ndim(writer.values[name]) and np.shape(writer.values[name])[0]:
        calls += [
            f"hd.vmap(lambda x: g(x, 0.5))({name})",
            f"hd.vmap(hd.grad(lambda x: np.sum(g(x, x))))({name})",
            f"hd.jit(g)({name}, {name})",
        ]
    if 0 < np.size(writer.values[name]) < 7:
        calls += [f"hd.jacfwd(lambda x: g(x, 2.0))({name})", f"hd.hessian(lambda x: np.sum(g(x, x)))({name})"]
    return writer.run(f"def g(x, y):\n    return {body}\n{{}} = {random.choice(calls)}")


def staged_loop(writer):
    """`hd.scan` and its kin."""
    name = writer.pick("f")
    rows = writer.array("f", accept=lambda value: len(value) > 0)
    scalar = writer.pick("f", accept=lambda value: np.ndim(value) == 0)
    if name is None:
        return False
    random, turns = writer.random, writer.random.choice([0, 1, 3, 10])
    one, other = smooth(writer, "x"), smooth(writer, "x")
    found = [
        f"{{}} = hd.fori_loop(0, {turns}, lambda i, x: {one} + 0.1 * {name}, {name})",
        f"{{}} = hd.cond(np.sum({name}) > 0.2, lambda x: {one}, lambda x: {other}, {name})",
    ]
    if rows:
        part = random.choice([0, 1])
        body = f"new = {smooth(writer, 'carry')} + row"
        found += [
            f"def step(carry, row):\n    {body}\n    return new, {smooth(writer, 'new')}\n"
            f"{{}} = hd.scan(step, np.zeros({rows}.shape[1:]), {rows})[{part}]"
        ] * 3
    if scalar:
        found.append(
            f"{{}} = hd.while_loop(lambda x: (x > 0.4) & (x < 1e9), lambda x: 0.6 * x - 0.01, np.abs({scalar}) + 1.0)",
        )
    return writer.run(random.choice(found))


def refusal(writer):
    """An error, at some points or at all of them."""
    name = writer.pick("f", accept=lambda value: np.size(value) > 0)
    if name is None or writer.random.random() < 0.5:
        return False
    return writer.change(
        f"if np.max({name}) > {writer.random.choice(['0.5', '1.5', '3.0'])}:\n    raise ValueError('too large')"
    )


FAMILIES = {
    new_array: 3,
    change: 3,
    branch: 4,
    loop: 4,
    while_loop: 0.7,
    number: 3,
    function: 2.5,
    staged_loop: 2,
    refusal: 0.7,
}
