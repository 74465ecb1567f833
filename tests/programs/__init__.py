"""Scientific functions as they are published: plain NumPy and scipy.special, written without a thought of derivatives.

Each module holds functions of one array, or of one tree of arrays, that return a real number, and points to
differentiate them at. They do what such code does: loops, assignment in place, masks, `out=`, table filling, `while`,
complex numbers, early returns. Data are literals, since JAX's namespace, which stands in for NumPy in one of the tests,
has no generators. The one concession is `like=` where an array that is made empty is filled with computed values.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from programs import (
    angular,
    attitude,
    bundle_adjustment,
    chaos,
    counts,
    finance,
    gaussian_process,
    heat,
    hidden_markov,
    images,
    ising,
    kalman,
    lotka_volterra,
    mixed_effects,
    mixture,
    molecules,
    neural_ode,
    optics,
    orbits,
    phylogenetics,
    robust,
    signals,
    spline,
    structures,
    survival,
    textbook,
    time_series,
    time_warping,
)

IN_PLACE = "JAX arrays are immutable"
LIKE = "{}() got an unexpected keyword argument 'like'"
# Not an error there: views are copies under JAX, so that a change to one is lost.
ANOTHER_VALUE = "another value"
# The derivative of abs at 0 is 1 there; ours is 0, as that of central differences.
ANOTHER_GRADIENT = "another gradient"


@dataclass(frozen=True)
class Program:
    """A function with a point; and for what cannot be done with it, the reason.

    jax     True where JAX agrees; or a part of its error, `ANOTHER_VALUE` or `ANOTHER_GRADIENT`
    batch   why a batch cannot run through it at once, or True
    smooth  why differences of the gradient are no second derivative at the point, or True
    note    what is special about the point, for the name
    """

    function: Callable[[Any], Any]
    point: Any
    jax: bool | str = True
    batch: bool | str = True
    smooth: bool | str = True
    note: str = ""

    @property
    def module(self) -> str:
        return self.function.__module__.rpartition(".")[2]

    @property
    def name(self) -> str:
        return f"{self.module}.{self.function.__name__}{self.note and f' ({self.note})'}"


PROGRAMS = [
    Program(angular.overlap, angular.EULER),
    Program(angular.quadrupole, angular.CHARGES),
    Program(angular.rabi, angular.PULSE),
    Program(attitude.drift, attitude.BIAS),
    Program(attitude.wahba, attitude.MEASURED, jax=IN_PLACE),
    Program(attitude.trilateration, attitude.PLACE),
    Program(attitude.spherical_excess, attitude.TRIANGLE),
    Program(bundle_adjustment.reprojection_error, bundle_adjustment.SCENE, batch="a test for small angles"),
    Program(
        bundle_adjustment.reprojection_error,
        bundle_adjustment.UNTURNED,
        batch="a test for small angles",
        smooth="the branch for small angles is right to first order",
        note="not turned",
    ),
    Program(chaos.sobol_indices, chaos.CHAOS, jax=LIKE.format("ones")),
    Program(chaos.chebyshev, chaos.COEFFICIENTS),
    Program(chaos.roots, chaos.POLYNOMIAL),
    Program(chaos.pade, chaos.GENERATOR, batch="a while loop over a norm"),
    Program(counts.poisson, counts.BETA),
    Program(counts.negative_binomial, counts.REGRESSION),
    Program(counts.beta_binomial, counts.REGRESSION),
    Program(counts.von_mises, counts.MISES),
    Program(counts.fisher, counts.FISHER),
    Program(finance.black_scholes, finance.MARKET),
    Program(finance.heston, finance.MODEL),
    Program(finance.american_put, finance.PUT),
    Program(
        gaussian_process.negative_log_marginal_likelihood,
        gaussian_process.THETA,
        jax="out argument",
    ),
    Program(gaussian_process.matern_log_likelihood, gaussian_process.MATERN),
    Program(heat.inverse_heat, heat.START, jax=IN_PLACE),
    Program(heat.shallow_water, heat.HEIGHT, jax=LIKE.format("zeros")),
    Program(heat.gray_scott, heat.FIELDS, jax=ANOTHER_VALUE),
    Program(hidden_markov.log_likelihood, hidden_markov.MODEL),
    Program(hidden_markov.scaled_log_likelihood, hidden_markov.MODEL),
    Program(hidden_markov.ctc_loss, hidden_markov.LOGITS, jax=LIKE.format("full")),
    Program(images.registration, images.WARP, batch="an array of data indexed with computed integers"),
    Program(images.edges, images.SMALL, jax="module 'jax.numpy' has no attribute 'lib'"),
    Program(ising.mean_field_energy, ising.LATTICE, batch="a while loop to convergence"),
    Program(ising.exact_free_energy, ising.LATTICE),
    Program(kalman.log_likelihood, kalman.POINT),
    Program(lotka_volterra.misfit, lotka_volterra.THETA, batch="a step by the error"),
    Program(mixed_effects.reml, mixed_effects.LOG_VARIANCES),
    Program(mixed_effects.by_groups, mixed_effects.PARAMETERS, jax=LIKE.format("zeros")),
    Program(mixture.negative_log_likelihood, mixture.MIXTURE, jax=LIKE.format("zeros")),
    Program(molecules.lennard_jones, molecules.CLUSTER),
    Program(molecules.lennard_jones_with_cutoff, molecules.CLUSTER, batch="a test of distances"),
    Program(molecules.butane, molecules.CHAIN),
    Program(neural_ode.loss, neural_ode.LAYERS),
    Program(optics.sharpness, optics.ZERNIKE, jax=LIKE.format("zeros")),
    Program(optics.contrast, optics.ZERNIKE, jax=LIKE.format("zeros")),
    Program(optics.focus, optics.PHASE),
    Program(orbits.radial_velocity_misfit, orbits.ORBIT, batch="a while loop to convergence"),
    Program(orbits.leapfrog, orbits.STATE),
    Program(orbits.perimeter, orbits.AXES, jax="module 'jax.scipy.special' has no attribute 'ellipe'"),
    Program(phylogenetics.negative_log_likelihood, phylogenetics.MODEL, jax=LIKE.format("zeros")),
    Program(robust.huber, robust.BETA, jax=IN_PLACE, batch="a mask by computed values"),
    Program(robust.trimmed, robust.BETA),
    Program(robust.pinball, robust.BETA),
    Program(robust.hinge, robust.SEPARATOR, smooth="four margins are exactly one"),
    Program(robust.total_variation, robust.SIGNAL, jax=ANOTHER_GRADIENT, smooth="two neighbours are equal"),
    Program(signals.pharmacokinetics, signals.RATES, jax=LIKE.format("zeros")),
    Program(signals.deconvolution, signals.PULSE),
    Program(signals.biquad, signals.DESIGN),
    Program(signals.beamformer, signals.ANTENNA),
    Program(spline.misfit, spline.HEIGHTS, jax=IN_PLACE),
    Program(spline.misfit_of_knots, spline.TABLE, jax=IN_PLACE),
    Program(structures.compliance, structures.DESIGN, jax=LIKE.format("zeros")),
    Program(structures.lowest_frequencies, structures.CHAIN),
    Program(structures.fundamental, structures.LESLIE, jax=IN_PLACE),
    Program(survival.negative_partial_likelihood, survival.BETA),
    Program(survival.concordance, survival.BETA),
    Program(survival.sorted_by_risk, survival.BETA),
    Program(survival.weibull, survival.PARAMETERS),
    Program(textbook.lu_log_determinant, textbook.SQUARE, jax="Using a non-tuple sequence", batch="pivots by size"),
    Program(textbook.gram_schmidt, textbook.MATRIX, jax=IN_PLACE),
    Program(textbook.householder, textbook.MATRIX, jax=IN_PLACE),
    Program(textbook.gauss_seidel, textbook.MATRIX, jax=LIKE.format("zeros"), batch="sweeps until convergence"),
    Program(textbook.jacobi_rotations, textbook.MATRIX, jax=LIKE.format("eye"), batch="a test for small elements"),
    Program(time_series.arma, time_series.ARMA),
    Program(time_series.garch, time_series.GARCH, jax=LIKE.format("zeros")),
    Program(time_series.whittle, time_series.AR2),
    Program(time_series.holt, time_series.SMOOTHING),
    Program(time_warping.soft_dtw, time_warping.INPUTS, jax=LIKE.format("full")),
    Program(time_warping.edit_distance, time_warping.COSTS),
]
