"""The loss of a calibration as a function of log parameters, and its minimisation.

Points are (log mu at the typical BIO, log (K_m / typical BIO)), or only the first at a limit of K_m.
"""

from __future__ import annotations

import numpy as np
from scipy import optimize

from . import checks

LINEAR_RATIO = 1e9
"""K_m / typical BIO that stands for the linear limit: within 1e-9 of mu = mu_max BIO / K_m."""

LIMIT_RATIO = 1e4
"""K_m / typical BIO beyond this, or below its inverse, cannot be told from the limit."""

STEP_TOLERANCE = 1e-6
"""Newton step, in units of the log parameters, below which a point is a minimum."""

AS_GOOD = 1e-6
"""Two losses that differ by less than this part say the same: to tell parameters apart takes a part of about 1 / n."""

ROUNDING = 1e-12
"""Part of the loss that a step has to be worth: less is rounding, along a ridge that is flat there."""

SCREEN_MU = (0.2, 0.4, 0.7, 1.0, 1.5, 2.5)
SCREEN_RATIO = (0.05, 0.3, 1.0, 4.0)

_GRADIENT_STEP, _HESSIAN_STEP = 1e-4, 1e-3
_GRADIENT_TOLERANCE = 1e-6  # of BFGS; the loss is scaled to a curvature of about 1


class Loss:
    """Residuals of all observations for many parameter sets at once."""

    def __init__(self, problem, weights):
        if problem.stock.size == 0:
            raise ValueError(
                "the problem has no later observation to calibrate on. Mend: give sites of two campaigns, "
                "or fix mu with `solve_constant_mu`."
            )
        weights = (
            np.ones(problem.stock.size) if weights is None else checks.not_negative("weights", weights, "1")
        )
        if weights.shape != problem.stock.shape or not weights.sum() > 0:
            raise ValueError(
                f"weights have shape {weights.shape} and sum {weights.sum():.6g}, expected "
                f"{problem.stock.shape} and a sum above 0. Mend: give one weight per observation."
            )
        self.shares = weights / weights.sum()
        observed = np.zeros(problem.n_sites, bool)
        observed[problem.site_index] = True
        self.problem = problem.subset(observed)
        self.record, self.row = np.unique(self.problem.month_index, return_inverse=True)
        self.engine = self.problem.run()
        self.scale = 1.0
        self.typical_bio = float(np.median(self.problem.start[2]))
        self._check_complete()

    def _check_complete(self):
        stocks = self.engine.stocks(self.record)[self.row, self.problem.site_index]
        mend = "fill its drivers, or leave out sites with missing values"
        checks.refuse("simulated stock of observation", stocks, np.isnan(stocks), "a number", mend)
        if not self.typical_bio > 0:
            raise ValueError(
                f"start: the median BIO is {self.typical_bio:.6g}, expected above 0 [kg/m2]. "
                "Mend: give the pools of a spin-up."
            )

    def residuals(self, points):
        """Simulated - observed (sets, m) [kg/m2] for points (sets, 2)."""
        mu_max, k_m = natural_parameters(points, self.typical_bio)
        self.engine.set_mu(mu_max[:, np.newaxis], k_m[:, np.newaxis])
        stocks = self.engine.stocks(self.record) + self.problem.iom
        return (stocks[self.row, :, self.problem.site_index] - self.problem.stock[:, np.newaxis]).T

    def mean_square(self, residuals):
        """Scaled loss of residuals (..., m)."""
        return (residuals**2 * self.shares).sum(axis=-1) / self.scale

    def points_of(self, parameters):
        """Points (sets, 2) of pairs of mu_max [-] and K_m [kg/m2], shape (sets, 2), all above 0."""
        mu_max, k_m = np.asarray(parameters, dtype=np.float64).T
        ratio = k_m / self.typical_bio
        return np.log(np.column_stack([mu_max / (1.0 + ratio), ratio]))


def natural_parameters(points, typical_bio):
    """mu_max [-] and K_m [kg/m2] of points (..., 2)."""
    # A line search may try anything: these bounds lie far outside every accepted fit and keep it finite.
    mu = np.exp(np.clip(points[..., 0], -25.0, 25.0))
    ratio = np.exp(np.clip(points[..., 1], -np.log(LINEAR_RATIO), np.log(LINEAR_RATIO)))
    return mu * (1.0 + ratio), typical_bio * ratio


class Family:
    """Models to choose from: both parameters free ("none"), or one limit of K_m with mu free."""

    def __init__(self, name, loss):
        self.name, self.loss = name, loss
        self.fixed = {"none": None, "k_m_zero": -np.log(LINEAR_RATIO), "linear": np.log(LINEAR_RATIO)}[name]

    def embed(self, points):
        """Points (sets, 1 or 2) as (sets, 2)."""
        if self.fixed is None:
            return points
        return np.column_stack([points[:, 0], np.full(len(points), self.fixed)])

    def natural(self, point):
        """mu_max [-] and K_m [kg/m2] of one point; K_m is exactly 0 at that limit."""
        mu_max, k_m = natural_parameters(self.embed(np.atleast_2d(point))[0], self.loss.typical_bio)
        if self.name == "k_m_zero":
            return float(mu_max) / (1.0 + 1.0 / LINEAR_RATIO), 0.0
        return float(mu_max), float(k_m)

    def is_near(self, point):
        """Whether a point with both parameters free lies where it cannot be told from this limit."""
        return np.sign(self.fixed) * point[1] > np.log(LIMIT_RATIO)

    def best_starts(self, n_starts):
        """The `n_starts` best points of a fixed set; with both parameters free, sets the loss scale."""
        grid = np.log([(mu, ratio) for mu in SCREEN_MU for ratio in SCREEN_RATIO])
        if self.fixed is not None:
            grid = grid[:: len(SCREEN_RATIO), :1]
        losses = self.loss.mean_square(self.loss.residuals(self.embed(grid)))
        starts = grid[np.argsort(losses, kind="stable")[:n_starts]]
        if self.fixed is None:
            _, jacobian = self._residuals_and_jacobian(starts[0])
            self.loss.scale *= max(2.0 * self.loss.mean_square(jacobian[0]), np.finfo(float).tiny)
        return starts

    def minimise(self, start, max_iterations):
        """Scipy's BFGS from one start; `success` also where rounding stopped it at a flat place."""
        options = {"gtol": _GRADIENT_TOLERANCE, "maxiter": max_iterations}
        end = optimize.minimize(self.value_and_gradient, start, jac=True, method="BFGS", options=options)
        flat = np.abs(end.jac).max() < 100 * _GRADIENT_TOLERANCE
        end.start, end.success = start, bool(end.success or (end.status == 2 and flat))
        return end

    def describe(self, end):
        """One line on where a start of BFGS went."""
        (mu, k_m), (mu_end, k_m_end) = self.natural(end.start), self.natural(end.x)
        return (
            f"from mu_max {mu:.4g}, K_m {k_m:.4g} to {mu_end:.6g}, {k_m_end:.6g}: loss "
            f"{end.fun * self.loss.scale:.6g}, {end.nit} iterations, {end.message}"
        )

    def value_and_gradient(self, point):
        """Scaled loss and its gradient, from one batched run: central differences of the residuals.

        Differences of the residuals, not of the loss: near a perfect fit the loss itself is lost in rounding.
        """
        residuals, jacobian = self._residuals_and_jacobian(point)
        gradient = 2.0 * (jacobian * residuals * self.loss.shares).sum(axis=-1) / self.loss.scale
        return float(self.loss.mean_square(residuals)), gradient

    def _residuals_and_jacobian(self, point):
        steps = _GRADIENT_STEP * np.eye(len(point))
        sets = np.concatenate([[point], point + steps, point - steps])
        residuals = self.loss.residuals(self.embed(sets))
        up, down = np.split(residuals[1:], 2)
        return residuals[0], (up - down) / (2.0 * _GRADIENT_STEP)

    def polish(self, point):
        """Newton steps to the bottom: the point, the second derivatives there, the last step."""
        for _ in range(4):
            hessian = self.hessian(point)
            step = -np.linalg.lstsq(hessian, self.value_and_gradient(point)[1], rcond=None)[0]
            size = np.abs(step).max()
            if np.linalg.eigvalsh(hessian)[0] <= 0:
                break
            point = point + step * min(1.0, 0.5 / size)
            if size < STEP_TOLERANCE:
                break
        return point, hessian, step

    def hessian(self, point):
        """Second derivatives of the scaled loss: central differences of the gradient."""
        rows = [
            self.value_and_gradient(point + step)[1] - self.value_and_gradient(point - step)[1]
            for step in _HESSIAN_STEP * np.eye(len(point))
        ]
        hessian = np.array(rows) / (2.0 * _HESSIAN_STEP)
        return (hessian + hessian.T) / 2.0

    def chain(self, point):
        """Derivatives of the point by log mu_max and log K_m."""
        if self.fixed is not None:
            return np.ones((1, 1))
        saturation = self.natural(point)[1] / (self.natural(point)[1] + self.loss.typical_bio)
        return np.array([[1.0, -saturation], [0.0, 1.0]])


def is_minimum(value, hessian, step):
    """Whether a loss, its second derivatives and the Newton step that remains (p,) are those of a minimum.

    Along the ridge of K_m the loss is so flat far out that rounding alone moves the step by more than
    `STEP_TOLERANCE`; what the step would gain then tells.

    Examples
    --------
    >>> flat = np.diag([0.8, 7.6e-8])
    >>> is_minimum(0.03, flat, np.array([0.0, 5e-6])), is_minimum(0.03, flat, np.array([0.0, 0.1]))
    (True, False)
    """
    if np.linalg.eigvalsh(hessian)[0] <= 0:
        return False
    gain = 0.5 * step @ hessian @ step
    return bool(np.abs(step).max() < STEP_TOLERANCE or gain < ROUNDING * value)
