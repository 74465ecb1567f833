"""Statements of random programs: reductions, cumulative operations, products of arrays, linear algebra."""

import numpy as np

#: The commonest more than once.
REDUCTIONS = str.split("sum sum sum mean mean prod max min std var amax nansum nanmax nanmean ptp")
LOGICAL = ["any", "all", "count_nonzero", "argmax"]


def reduction(writer):
    name = writer.array("ffffic", least=0)
    if name is None:
        return False
    random, ndim = writer.random, np.ndim(writer.values[name])
    function = random.choice(REDUCTIONS)
    keywords = []
    if ndim and random.random() < 0.6:
        axes = random.sample(range(ndim), random.randint(1, ndim))
        keywords.append(f"axis={axes[0] if len(axes) == 1 else tuple(axes)}")
    if random.random() < 0.25 and function != "ptp":
        keywords.append("keepdims=True")
    if function in ("std", "var") and random.random() < 0.3:
        keywords.append("ddof=1")
    if function == "sum" and random.random() < 0.1:
        keywords.append(random.choice(["initial=0.5", f"where={name} > 0", "dtype=np.float64"]))
    joined = "".join(f", {keyword}" for keyword in keywords)
    if random.random() < 0.3 and function in ("sum", "mean", "max", "min", "prod"):
        return writer.assign(f"{name}.{function}({', '.join(keywords)})")
    return writer.assign(f"np.{function}({name}{joined})")


def logical_reduction(writer):
    name = writer.array("bfi", least=0)
    if name is None:
        return False
    axis = "" if np.ndim(writer.values[name]) == 0 or writer.random.random() < 0.5 else f", axis={writer.axis(name)}"
    test = name if writer.values[name].dtype.kind == "b" else f"{name} > 0.25"
    return writer.assign(f"np.{writer.random.choice(LOGICAL)}({test}{axis})")


def cumulative(writer):
    name = writer.array("ffffi")
    if name is None:
        return False
    axis = writer.axis(name)
    return writer.assign(
        writer.random.choice(
            [
                f"np.cumsum({name}, axis={axis})",
                f"np.cumsum({name})",
                f"np.cumprod({name}, axis={axis})",
                f"np.diff({name}, axis={axis})",
                f"np.diff({name}, 2, axis={axis})",
                f"np.maximum.accumulate({name}, axis={axis})",
                f"np.cumsum({name}[::-1])[::-1]",
                f"np.gradient({name}, axis={axis})",
                f"np.trapezoid({name}, axis={axis})",
                f"np.ediff1d({name})",
            ]
        )
    )


def product(writer):
    """Products of matrices and vectors of shapes that fit."""
    first = writer.array("fffic")
    if first is None:
        return False
    length = writer.values[first].shape[-1]
    other = writer.array("fffic", accept=lambda value: value.shape[max(value.ndim - 2, 0)] == length)
    if other is None:
        return False
    function = writer.random.choice(["{} @ {}", "np.dot({}, {})", "np.matmul({}, {})"])
    return writer.assign(function.format(first, other))


def product_by_name(writer):
    first = writer.array("fffc", most=2)
    if first is None:
        return False
    shape = writer.values[first].shape
    other = writer.array("fffc", accept=lambda value: value.shape == shape)
    if len(shape) == 1:
        found = [
            f"np.outer({first}, {other})",
            f"np.inner({first}, {other})",
            f"np.vdot({first}, {other})",
            f"np.einsum('i,i->', {first}, {other})",
            f"np.einsum('i,j->ij', {first}, {other})",
            f"np.einsum('i,i->i', {first}, {other})",
            f"np.tensordot({first}, {other}, 1)",
            f"np.kron({first}[:3], {other}[:4])",
            f"np.convolve({first}, {other}, mode={writer.random.choice(['full', 'same', 'valid'])!r})",
            f"np.correlate({first}, {other})",
            f"np.cross(({first} * np.ones((3, 1)))[:, 0], ({other} - np.ones((3, 1)))[:, -1])",
            f"np.interp({first}, np.arange(3.0), np.array([0.5, -1.0, 2.0]))",
            f"np.polyval({first}[:4], np.tanh({other}))",
            f"np.multiply.outer({first}, {other})",
        ]
    else:
        found = [
            f"np.einsum('ij,ij->i', {first}, {other})",
            f"np.einsum('ij,kj->ik', {first}, {other})",
            f"np.einsum('ij,ij', {first}, {other})",
            f"np.einsum('ij->ji', {first})",
            f"np.einsum('ij->j', {first})",
            f"np.einsum('ij,ik,il->jkl', {first}, {other}, {first}[:, :2])",
            f"{first} @ {other}.T",
            f"{first}.T @ {other}",
            f"np.tensordot({first}, {other}, axes=([0], [0]))",
            f"np.inner({first}, {other})",
            f"np.kron({first}[:2, :2], {other}[:2])",
            f"({first}[:, :, None] * {other}[:, None, :]).sum(axis=0)",
            f"(({first}[:, None, :] - {other}[None, :, :]) ** 2).sum(-1)",
        ]
    return writer.assign(writer.random.choice(found))


def norm(writer):
    name = writer.array("fffc")
    if name is None:
        return False
    axis = writer.axis(name)
    weights = f"np.arange(1.0, {writer.values[name].shape[axis] + 1})"
    return writer.assign(
        writer.random.choice(
            [
                f"np.linalg.norm({name})",
                f"np.linalg.norm({name}, axis={axis})",
                f"np.linalg.norm({name}, 1, axis={axis})",
                f"np.average({name}, axis={axis}, weights={weights})",
                f"{name} / np.sqrt(1.0 + np.sum(np.abs({name}) ** 2, axis={axis}, keepdims=True))",
                f"np.log(np.sum(np.exp({name}), axis={axis}))",
                f"{name} - np.mean({name}, axis={axis}, keepdims=True)",
                f"np.exp({name} - np.max({name})) / np.sum(np.exp({name} - np.max({name})))",
            ]
        )
    )


def linear_algebra(writer):
    """Factors and solutions for a matrix that is made positive definite, or far from singular, first."""
    name = writer.array("f", most=2, accept=lambda value: value.size > 0 and max(value.shape) < 20)
    if name is None:
        return False
    random = writer.random
    rows = writer.values[name].shape[0]
    matrix = (
        f"np.atleast_2d(np.tanh({name}))" if np.ndim(writer.values[name]) == 2 else f"np.outer({name}, np.cos({name}))"
    )
    positive = f"({matrix} @ {matrix}.T + {random.choice(['1.0', '3.0'])} * np.eye({rows}))"
    right = f"np.sin({name})" if random.random() < 0.6 else f"np.ones(({rows}, 2))"
    return writer.assign(
        random.choice(
            [
                f"np.linalg.solve({positive}, {right})",
                f"np.linalg.cholesky({positive})",
                f"np.linalg.inv({positive})",
                f"np.linalg.det({positive} / 3.0)",
                f"np.linalg.slogdet({positive})[1]",
                f"np.linalg.eigvalsh({positive})",
                f"np.linalg.svd({matrix}, compute_uv=False)",
                f"np.linalg.qr({positive})[1]",
                f"np.linalg.pinv({positive})",
                f"np.linalg.matrix_power({positive} / 4.0, {random.choice([0, 2, 3, -1])})",
                f"np.linalg.lstsq({positive}, {right}, rcond=None)[0]",
                f"np.linalg.solve(np.tril({positive}), {right})",
                f"np.linalg.eigh({positive})[0]",
            ]
        )
    )


def statistics(writer):
    name = writer.array("f", most=2)
    if name is None:
        return False
    return writer.assign(
        writer.random.choice(
            [
                f"np.cov({name})",
                f"np.corrcoef(np.atleast_2d({name}))",
                f"np.bincount(np.abs(np.rint({name}.ravel())).astype(np.int64), weights={name}.ravel())",
                f"np.histogram({name}, bins=3, range=(-1.0, 1.0))[0]",
                f"np.add.at(np.zeros(3), np.array([0, 1, 0]), {name}.ravel()[:3])",
            ]
        )
    )


FAMILIES = {
    reduction: 12,
    logical_reduction: 3,
    cumulative: 4,
    product: 5,
    product_by_name: 4,
    norm: 4,
    linear_algebra: 2,
    statistics: 0.5,
}
