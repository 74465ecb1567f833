"""Primitives of your own: a compiled special function and a compiled filter, each given its rule in one declaration.

The current of a solar cell with a series resistance is the solution of an implicit equation, and a closed formula
in Lambert's W. SciPy's ``lambertw`` is compiled code, so hodiff cannot see into it; but W' = exp(-W) / (1 + W), and
with that one line it is an operation like any other: under grad, hessian, vmap, and all their mixtures.

    python examples/02_custom_primitive.py
"""

import numpy as np
import scipy.ndimage
import scipy.special

import hodiff as hd
import optimizers as opt
from hodiff.extend import elementwise, linear
from hodiff.testing import check_grads

# An elementwise primitive: the function, and its derivative from the answer `w` and the operand `x`.
lambert_w = elementwise(lambda x: scipy.special.lambertw(x).real, lambda w, x: np.exp(-w) / (1.0 + w), name="lambert_w")


def _blur(x):
    return scipy.ndimage.gaussian_filter1d(x, 2.0, axis=-1, mode="constant")


# A linear primitive: the function and its transpose, here itself, for the kernel is symmetric. It acts on the last
# axis, so more axes may lead: batches need no loop.
blur = linear(_blur, lambda ct, x: blur(ct), name="blur", leading=True)


THERMAL = 0.02585  # kT/q at 300 K, in volts


def current(voltage, cell):
    """Current in ampere, I = I_light + I_dark - I_dark exp((V + I R) / a), solved for I."""
    a = cell["ideality"] * THERMAL
    dark, light, resistance = np.exp(cell["log_dark"]), cell["light"], cell["resistance"]
    w = lambert_w(dark * resistance / a * np.exp((voltage + resistance * (light + dark)) / a))
    return light + dark - a / resistance * w


def power(voltage, cell):
    """Power in watt."""
    return voltage * current(voltage, cell)


CELL = {"light": 3.0, "log_dark": np.log(1e-9), "resistance": 0.03, "ideality": 1.1}


def show(what, value, reference):
    """Print a value beside its reference."""
    error = np.max(np.abs(np.asarray(value) / np.asarray(reference) - 1.0))
    entry = "" if np.ndim(value) == 0 else ", first entry"
    print(f"  {what + entry:44} {np.ravel(value)[0]:20.15g}   relative error {error:.0e}")


def compare_derivatives():
    """Check first, second and third derivatives of W against closed formulas, at once over a batch."""
    x = np.array([-0.3, -1e-8, 0.0, 0.5, 3.0, 1e6])
    w = scipy.special.lambertw(x).real
    formulas = [
        np.exp(-w) / (1 + w),
        -np.exp(-2 * w) * (w + 2) / (1 + w) ** 3,
        np.exp(-3 * w) * (2 * w**2 + 8 * w + 9) / (1 + w) ** 5,
    ]
    print("Lambert's W at", x)
    derivative = lambert_w
    for order, formula in enumerate(formulas, start=1):
        derivative = hd.grad(derivative)
        show(f"derivative of order {order}, by grad under vmap", hd.vmap(derivative)(x), formula)


def use_in_a_model():
    """Differentiate a model that uses W: by grad, hessian and vmap."""
    print("Current of a solar cell at 0.5 V")
    residual = current(0.5, CELL)
    a = CELL["ideality"] * THERMAL
    growth = np.exp(CELL["log_dark"] + (0.5 + residual * CELL["resistance"]) / a)
    # From the implicit equation, without W at all: 0 = I_light + I_dark - I - growth(V, I).
    slope = -growth / a / (1.0 + growth * CELL["resistance"] / a)
    show("dI/dV, by grad", hd.grad(current)(0.5, CELL), slope)
    show("dI/dI_light, by grad", hd.grad(current, 1)(0.5, CELL)["light"], -slope * a / growth)

    def total(theta):
        cell = dict(zip(CELL, theta, strict=True))
        return np.sum(hd.vmap(current, in_axes=(0, None))(np.linspace(0.0, 0.6, 7), cell) ** 2)

    theta = np.array(list(CELL.values()))
    H = hd.hessian(total)(theta)
    step = 1e-5 * np.abs(theta)
    differences = np.stack([
        (hd.grad(total)(theta + e) - hd.grad(total)(theta - e)) / (2 * np.sum(e)) for e in np.diag(step)
    ])  # fmt: skip
    asymmetry, disagreement = (np.abs(H - other).max() / np.abs(H).max() for other in (H.T, differences))
    print(f"  Hessian in four parameters, by hessian over vmap: asymmetry {asymmetry:.0e},")
    print(f"  disagreement with differences of gradients {disagreement:.0e}")

    best = opt.Newton(gtol=1e-12).run(lambda v: -power(v, CELL), 0.5)
    print(f"  maximum power {-best.fun:.6f} W at {float(best.x):.6f} V, by Newton in {best.nit} iterations")


def use_a_linear_primitive():
    """Undo a blur: the objective is quadratic, so Newton needs one step."""
    print("A Gaussian filter as a linear primitive")
    truth = np.where(np.abs(np.arange(40) - 20) < 6, 1.0, 0.0)
    data = blur(truth)

    def misfit(x):
        return 0.5 * np.sum((blur(x) - data) ** 2) + 5e-7 * np.sum(x**2)

    rows = np.stack([_blur(e) for e in np.eye(40)])
    show("Hessian, entry (0, 0)", hd.hessian(misfit)(np.zeros(40))[0, 0], (rows @ rows.T + 1e-6 * np.eye(40))[0, 0])
    result = opt.Newton(gtol=1e-10).run(misfit, np.zeros(40))
    before, after = np.abs(data - truth).max(), np.abs(result.x - truth).max()
    print(f"  largest error of the signal: {before:.2f} blurred, {after:.2f} after {result.nit} Newton step(s)")


def test_the_rules():
    """Show that `check_grads` passes right rules and catches a wrong one."""
    check_grads(lambert_w, (np.array([-0.2, 0.5, 3.0]),), order=3)
    check_grads(blur, (np.linspace(0.0, 1.0, 12),), order=2)
    print("check_grads: the rules of lambert_w (to order 3) and of blur hold in forward and in reverse mode")
    wrong = elementwise(lambert_w.function, lambda w, x: np.exp(-w) / (2.0 + w), name="wrong")
    try:
        check_grads(wrong, (np.array([0.5, 3.0]),))
    except AssertionError as error:
        print(f"check_grads, of a rule with a mistake: {str(error).splitlines()[0]}")
    else:
        raise SystemExit("check_grads missed a wrong rule")


def main():
    """Run all of it."""
    compare_derivatives()
    use_in_a_model()
    use_a_linear_primitive()
    test_the_rules()


if __name__ == "__main__":
    main()
