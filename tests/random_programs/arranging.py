"""Statements of random programs: shapes, views, indexing, joining, sorting."""

import numpy as np


def view(writer):
    """A slice, new axes, an element, a row."""
    name = writer.array("ffffibc")
    if name is None:
        return False
    random, shape = writer.random, writer.values[name].shape
    items = []
    for length in shape:
        roll = random.random()
        if roll < 0.2 and length:
            items.append(str(writer.index(length)))
        elif roll < 0.8:
            items.append(writer.part(length))
        else:
            items.append(":")
        if random.random() < 0.1:
            items.append("None")
    if random.random() < 0.15:
        items = ["...", *items[-1:]]
    elif random.random() < 0.2:
        items = items[:1]
    return writer.assign(f"{name}[{', '.join(items)}]")


def gather(writer):
    """Elements by arrays of integers, masks, or other arrays."""
    name = writer.array("ffffib", accept=lambda value: value.shape[0] > 0)
    if name is None:
        return False
    random, shape = writer.random, writer.values[name].shape
    places = [writer.index(shape[0]) for _ in range(random.randint(1, 5))]
    mask = [random.random() < 0.6 for _ in range(shape[0])]
    rows = len(shape) > 1 and shape[1] > 0
    second = [writer.index(shape[1]) for _ in places] if rows else places
    axis = writer.axis(name)
    found = [
        f"{name}[np.array({places})]",
        f"{name}[{places}]",
        f"{name}[np.array({mask})]",
        f"{name}[{name} > 0]",
        f"{name}[np.array([{places}, {places}])]",
        f"np.take({name}, {[p % shape[axis] if shape[axis] else 0 for p in places]}, axis={axis})",
        f"np.take_along_axis({name}, np.argsort({name}, axis={axis}), axis={axis})",
        f"np.compress({mask}, {name}, axis=0)",
        f"{name}[np.arange({shape[0]}) % {max(shape[0] // 2, 1)}]",
        f"{name}[np.argmax({name}, axis=0)]" if len(shape) == 1 else f"{name}[np.argmax({name}[:, 0])]",
        f"np.take({name}, {places[:1]}, axis=0, mode='wrap')",
    ]
    if rows:
        found += [
            f"{name}[np.array({places}), np.array({second})]",
            f"{name}[:, np.array({second})]",
            f"{name}[np.array({places})[:, None], np.array({second})]",
            f"{name}[np.ix_({places}, {second})]",
            f"{name}[1:, np.array({second})]",
            f"{name}[..., {writer.index(shape[-1]) if shape[-1] else ':'}]",
        ]
    return writer.assign(random.choice(found))


def gather_by_values(writer):
    """Elements at places that are computed."""
    name = writer.array("f", most=1, accept=lambda value: value.size)
    places = name and writer.array("i", most=2)
    if places is None:
        return False
    return writer.assign(f"{name}[{places} % {writer.values[name].size}]")


def reshape(writer):
    name = writer.array("ffffibc")
    if name is None:
        return False
    random, value = writer.random, writer.values[name]
    axes = list(range(value.ndim))
    random.shuffle(axes)
    axis, other = writer.axis(name), writer.axis(name)
    divisors = [k for k in range(1, value.size + 1) if value.size and value.size % k == 0]
    rows = random.choice(divisors) if divisors else 1
    return writer.assign(
        random.choice(
            [
                f"np.reshape({name}, ({rows}, -1))",
                f"{name}.reshape(-1, {rows})",
                f"{name}.reshape(-1, {rows}, order='F')",
                f"{name}.ravel()",
                f"{name}.T",
                f"np.transpose({name}, {tuple(axes)})",
                f"np.swapaxes({name}, {axis}, {other})",
                f"np.moveaxis({name}, {axis}, {other})",
                f"np.squeeze({name})",
                f"np.expand_dims({name}, {axis})",
                f"np.broadcast_to({name}, (2, {', '.join(map(str, value.shape))})) * 1.5",
                f"np.flip({name}, {axis})",
                f"np.flip({name})",
                f"np.roll({name}, {random.choice([1, -1, 2, 7])}, axis={axis})",
                f"np.roll({name}, 1)",
                f"np.rot90(np.atleast_2d({name}))",
                f"np.tile({name}, {random.choice(['2', '(2, 1)'])})",
                f"np.repeat({name}, {random.choice([1, 2, 3])}, axis={random.choice([axis, None])})",
                f"np.atleast_2d({name})",
                f"np.ascontiguousarray({name})",
                f"{name}.copy()",
                f"{name}.flatten()",
                f"np.array({name})",
            ]
        )
    )


def diagonals(writer):
    name = writer.array("f", most=2)
    if name is None:
        return False
    k = writer.random.choice([0, 0, 1, -1])
    if writer.values[name].ndim == 1:
        return writer.assign(f"np.diag({name}, {k})" if writer.values[name].size < 10 else f"np.diff({name})")
    return writer.assign(
        writer.random.choice(
            [
                f"np.tril({name}, {k})",
                f"np.triu({name}, {k})",
                f"np.diag({name}, {k})",
                f"np.trace({name})",
                f"np.diagonal({name}, {k})",
            ]
        )
    )


def join(writer):
    first = writer.array("fffic")
    if first is None:
        return False
    random, axis = writer.random, writer.axis(first)
    shape = writer.values[first].shape
    other = writer.array("fffic", accept=lambda value: value.shape == shape)
    flat = f"{first}.ravel(), {other}.ravel()"
    return writer.assign(
        random.choice(
            [
                f"np.concatenate([{first}, {other}], axis={axis})",
                f"np.concatenate(({first}, {first}, {other}), axis={axis})",
                f"np.stack([{first}, {other}], axis={axis})",
                f"np.stack([{first}, {other}, {other}])",
                f"np.vstack([{first}, {other}])",
                f"np.hstack([{first}, {other}])",
                f"np.column_stack([{flat}])",
                f"np.append({first}, {other})",
                f"np.concatenate([np.zeros(2), {first}.ravel(), np.ones(1)])",
                f"np.array([{first}.sum(), {other}.sum(), 0.5])",
                f"np.concatenate([{first}[1:], {other}[:1]])",
                f"np.block([{flat}])",
                f"np.insert({first}.ravel(), 1, 0.5)",
                f"np.delete({first}, 0, axis={axis})",
            ]
        )
    )


def pad(writer):
    name = writer.array("fffi")
    if name is None:
        return False
    random = writer.random
    width = random.choice(["1", "2", "(1, 0)", "(0, 2)"])
    mode = random.choice(["constant", "constant", "edge", "wrap", "reflect", "symmetric", "linear_ramp", "mean"])
    value = ", constant_values=0.5" if mode == "constant" and random.random() < 0.5 else ""
    return writer.assign(f"np.pad({name}, {width}, mode={mode!r}{value})")


def split(writer):
    name = writer.array("f")
    if name is None:
        return False
    random = writer.random
    count = random.choice([1, 2, 3])
    call = random.choice(
        [f"np.array_split({name}, {count})", f"np.split({name}, [1, 2])", f"np.split({name}, {count}, axis=-1)"]
    )
    return writer.assign(f"{call}[{random.randrange(count)}]")


def sort(writer):
    name = writer.array("fffi")
    if name is None:
        return False
    axis = writer.axis(name)
    return writer.assign(
        writer.random.choice(
            [
                f"np.sort({name}, axis={axis})",
                f"np.argsort({name}, axis={axis}, kind='stable')",
                f"np.argmax({name}, axis={axis})",
                f"np.argmin({name})",
                f"np.sort({name}, axis=None)[::-1]",
                f"np.searchsorted(np.sort({name}.ravel()), {name})",
                f"np.partition({name}, 0, axis={axis})",
                f"np.digitize({name}, np.array([-0.5, 0.1, 0.7]))",
                f"np.median({name}, axis={axis})",
                f"np.quantile({name}, 0.3, axis={axis})",
                f"np.percentile({name}, 75)",
                f"np.nonzero({name} > 0.1)[0]",
                f"np.lexsort(({name},), axis={axis})",
            ]
        )
    )


def made(writer):
    """New arrays of constants and ranges, of the shape of others."""
    name = writer.pick("f")
    if name is None:
        return False
    length = np.shape(writer.values[name])[-1] if np.ndim(writer.values[name]) else 3
    return writer.assign(
        writer.random.choice(
            [
                f"np.arange({length}) * 0.5",
                f"np.linspace(0.0, 1.0, {length})",
                f"np.linspace(np.sum({name}), 1.0, {length})",
                f"np.full({length}, np.sum({name}))",
                f"np.zeros_like({name}) + 0.5",
                f"np.ones({np.shape(writer.values[name])})",
                f"np.full_like({name}, 0.25)",
                f"np.eye({length})",
                f"np.arange({length}, 0, -1)",
                f"np.geomspace(1.0, 2.0 + np.abs(np.sum({name})), 4)",
                f"np.meshgrid(np.arange(2.0), {name})[1]",
                f"np.vander(np.ravel({name})[:3], 3)",
            ]
        )
    )


FAMILIES = {
    view: 9,
    gather: 5,
    gather_by_values: 1,
    reshape: 7,
    diagonals: 2,
    join: 5,
    pad: 2,
    split: 1,
    sort: 3,
    made: 3,
}
