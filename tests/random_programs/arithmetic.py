"""Statements of random programs: elementwise operations of every dtype."""

words = str.split
FLOAT = words(
    "sin cos tan exp expm1 log log1p log2 log10 sqrt cbrt square abs fabs sign floor ceil rint trunc tanh sinh cosh "
    "arcsin arccos arctan arcsinh arccosh arctanh reciprocal negative positive exp2 deg2rad rad2deg isnan isfinite "
    "isinf signbit logical_not real imag conj nan_to_num sinc fix"
)
COMPLEX = words("sin cos exp sqrt abs square conj real imag angle negative tanh reciprocal isnan isfinite log")
INTEGER = words("abs negative square sign invert sqrt exp sin isnan logical_not tanh cbrt positive")
SPECIAL = words("expit gammaln erf digamma log_ndtr ndtr erfc logit entr j0 i0e exprel xlogy")
BINARY = words(
    "add subtract multiply divide maximum minimum fmax fmin hypot arctan2 logaddexp logaddexp2 copysign power fmod "
    "remainder floor_divide heaviside true_divide nextafter"
)
OPERATORS = ["+", "-", "*", "/", "**", "//", "%"]
COMPARISONS = ["<", "<=", ">", ">=", "==", "!="]
LOGICAL = ["logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor"]

#: Functions of any real number that stay within a moderate range.
SMOOTH = [
    "np.sin({})",
    "np.cos({})",
    "np.tanh({})",
    "np.exp(-{} * {})",
    "np.log1p({} * {})",
    "np.sqrt(1.0 + {} * {})",
    "1.0 / (1.0 + {} * {})",
    "np.arctan({})",
    "special.expit({})",
    "0.5 * {} + 0.1",
    "np.abs({})",
    "np.maximum({}, 0.0)",
    "np.where({} > 0, {}, 0.1 * {})",
    "np.logaddexp({}, 0.0)",
]


def smooth(writer, text):
    """A function of an expression that stays within a moderate range."""
    return writer.random.choice(SMOOTH).replace("{}", text)


def unary(writer):
    name = writer.pick("f")
    function = writer.random.choice(FLOAT)
    if name and writer.random.random() < 0.3:
        return writer.assign(smooth(writer, name))
    return writer.assign(name and f"np.{function}({name})")


def unary_of_others(writer):
    name = writer.pick("cib")
    if name is None:
        return False
    kind = writer.values[name].dtype.kind if hasattr(writer.values[name], "dtype") else "i"
    return writer.assign(f"np.{writer.random.choice(COMPLEX if kind == 'c' else INTEGER)}({name})")


def special_function(writer):
    name = writer.pick("f")
    function = writer.random.choice(SPECIAL)
    return writer.assign(name and f"special.{function}({name}{', ' + name if function == 'xlogy' else ''})")


def binary(writer):
    first = writer.pick("ffffibc")
    other = first and writer.like(first, "ffffibc")
    if other is None:
        return False
    random = writer.random
    if random.random() < 0.5:
        return writer.assign(f"{first} {random.choice(OPERATORS)} {other}")
    return writer.assign(f"np.{random.choice(BINARY)}({first}, {other})")


def with_number(writer):
    name = writer.pick("fffic")
    if name is None:
        return False
    random, number = writer.random, writer.constant()
    operator = random.choice(OPERATORS)
    return writer.assign(f"{name} {operator} {number}" if random.random() < 0.6 else f"{number} {operator} {name}")


def comparison(writer):
    first = writer.pick("fi")
    other = first and (writer.like(first, "fi") if writer.random.random() < 0.6 else writer.constant())
    return writer.assign(first and other and f"{first} {writer.random.choice(COMPARISONS)} {other}")


def logical(writer):
    first = writer.pick("b")
    other = first and writer.like(first, "b")
    if other is None:
        return False
    if writer.random.random() < 0.3:
        return writer.assign(f"~{first}")
    return writer.assign(f"np.{writer.random.choice(LOGICAL)}({first}, {other})")


def choice(writer):
    first = writer.pick("fffi")
    other = first and writer.like(first, "fffi")
    condition = first and writer.like(first, "b")
    if other is None:
        return False
    condition = condition or f"{first} > {other}"
    return writer.assign(
        writer.random.choice(
            [
                f"np.where({condition}, {first}, {other})",
                f"np.where({condition}, {first}, {writer.constant()})",
                f"np.clip({first}, -0.5, 0.75)",
                f"np.clip({first}, {other}, None)",
                f"np.select([{first} > 0.5, {first} < -0.5], [{other}, {first} * 2], 0.25)",
                f"np.minimum(np.maximum({first}, {other}), 1.0)",
            ]
        )
    )


def conversion(writer):
    name = writer.pick("fib")
    if name is None or not hasattr(writer.values[name], "astype"):
        return writer.assign(name and f"np.float64({name})")
    dtype = writer.random.choice(["np.float32", "np.float64", "np.int64", "bool", "complex", "np.int32"])
    if writer.values[name].dtype.kind == "f" and dtype in ("np.int64", "np.int32"):
        return writer.assign(f"np.rint({name}).astype({dtype})")
    return writer.assign(f"{name}.astype({dtype})")


def complex_number(writer):
    name = writer.pick("f")
    return writer.assign(
        name
        and writer.random.choice(
            [
                f"{name} + 1j * np.cos({name})",
                f"np.exp(1j * {name})",
                f"{name} * (0.5 - 2j)",
                f"np.abs({name} + 1j) ** 2",
            ]
        )
    )


def ufunc_method(writer):
    name = writer.array("f")
    if name is None:
        return False
    axis = writer.axis(name)
    return writer.assign(
        writer.random.choice(
            [
                f"np.add.reduce({name}, axis={axis})",
                f"np.maximum.reduce({name}, axis={axis})",
                f"np.multiply.reduce({name}, axis={axis})",
                f"np.add.accumulate({name}, axis={axis})",
                f"np.maximum.accumulate({name}, axis={axis})",
                f"np.multiply.outer({name}, {name}[..., :2])",
                f"np.subtract.outer({name}.ravel()[:3], {name}.ravel())",
                f"np.sin({name}, dtype=np.float64)",
                f"np.add({name}, 1.0, where={name} > 0, out=np.zeros_like({name}))",
                f"np.minimum.reduce({name}, axis=None)",
            ]
        )
    )


def floor_and_rest(writer):
    name = writer.pick("fi")
    number = writer.random.choice(["2", "0.75", "-1.5"])
    return writer.assign(name and f"np.divmod({name}, {number})[{writer.random.randrange(2)}]")


def rounding(writer):
    name = writer.pick("f")
    return writer.assign(name and f"np.round({name}, {writer.random.choice([0, 1, 2, -1])})")


FAMILIES = {
    unary: 14,
    unary_of_others: 4,
    special_function: 2,
    binary: 14,
    with_number: 10,
    comparison: 4,
    logical: 2,
    choice: 6,
    conversion: 2,
    complex_number: 1,
    ufunc_method: 2,
    floor_and_rest: 0.5,
    rounding: 0.5,
}
