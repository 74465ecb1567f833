"""How random programs end: what they return, and which transformation they go through, outside or inside of `jit`."""

import numpy as np

import hodiff as hd
from hodiff.extend import tree_flatten, tree_unflatten

#: Of a function, `jit` or what stands for it, and the number of an argument: the function that is called.
TRANSFORMS = {
    "jit": lambda f, jit, n: jit(f),
    "jit of grad": lambda f, jit, n: jit(hd.grad(f, argnums=n)),
    "jit of value_and_grad": lambda f, jit, n: jit(hd.value_and_grad(f, argnums=n)),
    "jit of hessian": lambda f, jit, n: jit(hd.hessian(f, argnums=n)),
    "jit of jvp": lambda f, jit, n: jit(_jvp(f, n)),
    "jit of jacfwd": lambda f, jit, n: jit(hd.jacfwd(f, argnums=n)),
    "jit of jacrev": lambda f, jit, n: jit(hd.jacrev(f, argnums=n)),
    "jit of vmap": lambda f, jit, n: _on_batch(lambda axes: jit(hd.vmap(f, in_axes=axes)), n),
    "jit of vmap of grad": lambda f, jit, n: _on_batch(
        lambda axes: jit(hd.vmap(hd.grad(f, argnums=n), in_axes=axes)), n
    ),
    "grad of jit": lambda f, jit, n: hd.grad(jit(f), argnums=n),
    "value_and_grad of jit": lambda f, jit, n: hd.value_and_grad(jit(f), argnums=n),
    "hessian of jit": lambda f, jit, n: hd.hessian(jit(f), argnums=n),
    "jvp of jit": lambda f, jit, n: _jvp(jit(f), n),
    "jacfwd of jit": lambda f, jit, n: hd.jacfwd(jit(f), argnums=n),
    "jacrev of jit": lambda f, jit, n: hd.jacrev(jit(f), argnums=n),
    "vmap of jit": lambda f, jit, n: _on_batch(lambda axes: hd.vmap(jit(f), in_axes=axes), n),
    "vmap of grad of jit": lambda f, jit, n: _on_batch(
        lambda axes: hd.vmap(hd.grad(jit(f), argnums=n), in_axes=axes), n
    ),
}
#: Larger arguments have no Hessian, nor Jacobian.
LARGEST = 12


def _jvp(f, n):
    def pushed(*args):
        def along(x):
            return f(*args[:n], x, *args[n + 1 :])

        return hd.jvp(along, (args[n],), (_ones(args[n]),))

    return pushed


def _ones(tree):
    leaves, structure = tree_flatten(tree)
    return tree_unflatten(structure, [np.ones_like(leaf)[()] for leaf in leaves])


def _on_batch(mapped, n):
    def of_batch(*args):
        batch = _batch(args[n])
        return mapped(tuple(0 if i == n else None for i in range(len(args))))(*args[:n], batch, *args[n + 1 :])

    return of_batch


def _batch(tree):
    leaves, structure = tree_flatten(tree)
    return tree_unflatten(structure, [_members(leaf) for leaf in leaves])


def _members(value):
    dtype = np.asarray(value).dtype
    return np.stack([value, value * dtype.type(0.875) if dtype.kind in "fc" else value, value])


def ending(writer, parameters):
    """Name of a transformation, number of an argument, and the expression that the function returns for them."""
    random = writer.random
    argnum = random.randrange(len(parameters))
    values = [writer.values[name] for name in parameters[argnum].inputs]
    result, name = tree_of_results(writer), "jit"
    roll = random.random()
    real = all(np.asarray(value).dtype.kind == "f" for value in values)
    if roll < 0.55 or (not real and roll < 0.85):
        pass
    elif roll < 0.63:
        name = random.choice(["jit of vmap", "vmap of jit"])
    elif real:
        small = sum(map(np.size, values)) <= LARGEST
        names = [n for n in TRANSFORMS if "grad" in n or "jvp" in n or (small and ("jac" in n or "hess" in n))]
        name = random.choice(names)
        result = array_result(writer) if "jac" in name or "jvp" in name else cost(writer)
        if result is None:
            name, result = "jit", tree_of_results(writer)
    return result, name, argnum


def _last(writer, kinds, count):
    names = [name for name, value in writer.values.items() if np.asarray(value).dtype.kind in kinds]
    return [writer.pick(kinds) for _ in range(min(count, len(names)))]


def array_result(writer):
    """A variable of floats; None where there is none."""
    return writer.pick("f", accept=lambda value: np.size(value) <= 40)


def cost(writer):
    """A real number that depends on some variables; None where there is none."""
    terms = []
    for name in _last(writer, "ffc", writer.random.randint(1, 3)):
        real = f"np.real({name})" if np.asarray(writer.values[name]).dtype.kind == "c" else name
        terms.append(
            writer.random.choice(["np.sum({})", "np.sum(np.sin({}))", "np.mean({})", "np.sum({} * {})"]).replace(
                "{}", real
            )
        )
    return " + ".join(terms) or None


def tree_of_results(writer):
    """Some variables, as one value or as a tree."""
    random = writer.random
    names = _last(writer, "ffffcib", random.choice([1, 1, 1, 2, 2, 3, 4]))
    if len(names) == 1:
        return random.choice([names[0]] * 6 + [f"({names[0]},)", f"[{names[0]}]", f"({names[0]}, None, 'text')"])
    joined = ", ".join(names)
    return random.choice(
        [
            f"({joined})",
            f"[{joined}]",
            "{" + ", ".join(f"'{chr(122 - i)}': {name}" for i, name in enumerate(names)) + "}",
            f"({names[0]}, [{', '.join(names[1:])}])",
            f"{{'a': ({joined}), 'b': {names[0]}}}",
        ]
    )
