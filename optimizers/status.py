"""Why a run ended: one number and one sentence for every ending of every method; imports nothing of ours.

>>> Status(0).name, Status.CALLBACK.value, Status.MAXITER.message
('CONVERGED', 99, 'the limit on iterations, maxiter, was reached')
"""

from enum import IntEnum

__all__ = ["Status"]


class Status(IntEnum):
    """The ending of a run. Only ``CONVERGED`` is a success: the first-order test holds at ``x``.

    Attributes
    ----------
    message : str
        One sentence that says the same as the name.

    Examples
    --------
    >>> [status.value for status in Status if status.name.startswith("MAX")]
    [1, 2, 3]
    >>> Status.ROUND_OFF == 6
    True
    """

    message: str

    def __new__(cls, value: int, message: str) -> "Status":
        member = int.__new__(cls, value)
        member._value_ = value
        member.message = message
        return member

    CONVERGED = 0, "the gradient test holds"
    MAXITER = 1, "the limit on iterations, maxiter, was reached"
    MAXFUN = 2, "the limit on function evaluations, maxfun, was reached"
    MAXTIME = 3, "the limit on seconds, maxtime, was reached"
    XTOL = 4, "the step fell below xtol, but the gradient test does not hold"
    FTOL = 5, "the decrease of fun fell below ftol, but the gradient test does not hold"
    ROUND_OFF = 6, "no further decrease of fun is visible above round-off, but the gradient test does not hold"
    LINE_SEARCH = 7, "the line search found no acceptable point along a descent direction"
    RADIUS = 8, "the trust region shrank to nothing without an acceptable point"
    SCIPY = 9, "SciPy's method stopped without success"
    CONTRADICTED = 10, "SciPy's method claimed success, but the first-order test fails at x"
    UNVERIFIED = 11, "SciPy's method claimed success, but the first-order test could not be made"
    STOPPED = 12, "the rule `stop` was satisfied, but the gradient test does not hold"
    UNBOUNDED = 13, "the objective falls without bound"
    NOT_A_ROOT = 14, "the norm of F has a minimum here that is no root"
    CALLBACK = 99, "`callback` ended the run"
