"""Restricted likelihood of a random-intercept model (Patterson & Thompson 1971), and Student's t by the same groups."""

import numpy as np

GROUPS = np.array([0, 0, 0, 1, 1, 2, 2, 2])
X = np.column_stack([np.ones(8), np.linspace(-1.0, 1.0, 8)])
Y = np.array([1.2, 1.5, 1.9, 0.4, 0.9, 2.2, 2.4, 3.0])


def reml(log_variances):
    between, within = np.exp(log_variances)
    same = (GROUPS[:, None] == GROUPS).astype(float)
    V = between * same + within * np.eye(len(Y))
    W = np.linalg.inv(V)
    A = X.T @ W @ X
    beta = np.linalg.solve(A, X.T @ W @ Y)
    r = Y - X @ beta
    return 0.5 * (np.linalg.slogdet(V)[1] + np.log(np.linalg.det(A)) + r @ W @ r)


def by_groups(parameters):
    """The likelihood group by group, with means by `np.add.at` and `np.bincount`."""
    beta, between, within = parameters["beta"], np.exp(parameters["between"]), np.exp(parameters["within"])
    r = Y - X @ beta
    sizes = np.bincount(GROUPS)
    means = np.zeros(len(sizes), like=r)
    np.add.at(means, GROUPS, r)
    means /= sizes
    inner = np.sum((r - means[GROUPS]) ** 2) / within + (len(Y) - len(sizes)) * np.log(within)
    spread = within / sizes + between
    return 0.5 * (inner + np.sum(means**2 / spread + np.log(spread)))


LOG_VARIANCES = np.array([-0.5, -1.5])
PARAMETERS = {"beta": np.array([1.6, 0.5]), "between": -0.5, "within": -1.5}
