"""How well the data fix K_m: the best loss at every K_m, along the ridge on which mu_max makes up for it.

The ridge is followed by u = K_m / (K_m + typical BIO). It runs from 0 (constant mu) to 1 (mu proportional to
BIO), and mu = mu_typical b / (u + (1 - u) b), with b the BIO over its typical value, is smooth on all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import interpolate, optimize, special

from .fitting import LINEAR_RATIO

CONFIDENCE = 0.95

# Grid of u: K_m from nothing to infinity, the typical BIO in the middle.
_GRID = tuple(step / 20 for step in range(21))

_STEP = 1e-6  # of log mu in differences
_STILL = 1e-7  # step of log mu that no longer counts: it moves the loss by its square
_ROUNDING = 1e-16  # of the scaled loss of a perfect fit
_MOST_STEPS = 20
_REFINEMENTS = 2  # of the interval's ends; the signed root of the loss is nearly a straight line


class RidgePoint(NamedTuple):
    """Best fit with K_m held: k_m [kg/m2], mu_max [-], mu at the typical BIO [-], loss [(kg/m2)^2].

    At the linear limit `k_m` and `mu_max` are infinite, and mu is mu_typical BIO / typical BIO.
    """

    k_m: float
    mu_max: float
    mu_typical: float
    loss: float


@dataclass(frozen=True)
class RidgeProfile:
    """The ridge of the loss, and the K_m that the observations do not exclude.

    Attributes
    ----------
    typical_bio : float
        Median BIO of the sites at their start. [kg/m2]
    points : tuple of RidgePoint
        By rising K_m, from 0 to infinity, the fit among them.
    best : int
        Place of the fit in `points`.
    threshold : float
        Largest loss that is not excluded. [(kg/m2)^2]
    interval : tuple of 2 float
        K_m with a loss up to the threshold; 0 and infinity where even that limit is not excluded. [kg/m2]
    n_observations : int
        Later observations with a weight above 0.
    """

    typical_bio: float
    points: tuple[RidgePoint, ...]
    best: int
    threshold: float
    interval: tuple[float, float]
    n_observations: int


def profile_ridge(loss, point):
    """Profile of a fit.

    Parameters
    ----------
    loss : fitting.Loss
    point : array_like (2,)
        The fit: log mu at the typical BIO, log (K_m / typical BIO).

    Returns
    -------
    RidgeProfile
        The interval is that of the likelihood ratio with normal errors of unknown variance: loss / smallest
        loss up to exp(3.84 / n).

    References
    ----------
    Bates & Watts (1988), Nonlinear Regression Analysis and Its Applications, chapter 6: profiles and their
    signed roots.
    """
    ridge = _Ridge(loss, point)
    ridge.follow(_GRID)
    rise = np.expm1(special.chdtri(1, 1.0 - CONFIDENCE) / np.count_nonzero(loss.shares))
    limit = np.sqrt(ridge.smallest * rise + _ROUNDING)
    grid = ridge.u.copy()
    for _ in range(_REFINEMENTS):
        ridge.follow([end for end in ridge.ends(limit) if 0.0 < end < 1.0])
    ends = _k_m(ridge.ends(limit), loss.typical_bio)
    kept = [index for index, u in enumerate(ridge.u) if u in grid]
    points = ridge.points(kept)
    return RidgeProfile(
        typical_bio=loss.typical_bio,
        points=points,
        best=int(np.flatnonzero(ridge.u[kept] == ridge.best)[0]),
        threshold=float(ridge.smallest * (1.0 + rise) * loss.scale),
        interval=(float(ends[0]), float(ends[1])),
        n_observations=int(np.count_nonzero(loss.shares)),
    )


class _Ridge:
    """Places u on the ridge with the best log mu and the (scaled) loss there, by rising u."""

    def __init__(self, loss, point):
        self.loss = loss
        ratio = np.exp(np.clip(point[1], -np.log(LINEAR_RATIO), np.log(LINEAR_RATIO)))
        at_limit = {1.0 / LINEAR_RATIO: 0.0, LINEAR_RATIO: 1.0}
        self.best = next((u for end, u in at_limit.items() if np.isclose(ratio, end)), ratio / (1.0 + ratio))
        self.u, self.log_mu = np.array([self.best]), np.array([float(point[0])])
        self.values = loss.mean_square(loss.residuals(_points(self.u, self.log_mu)))
        self.smallest = float(self.values[0])

    def follow(self, places):
        """Add places, each with its best mu."""
        new = np.setdiff1d(places, self.u)
        if not new.size:
            return
        log_mu, values = _best_mu(self.loss, new, np.interp(new, self.u, self.log_mu))
        joined = np.concatenate([self.u, new])
        order = np.argsort(joined)
        self.u = joined[order]
        self.log_mu = np.concatenate([self.log_mu, log_mu])[order]
        self.values = np.concatenate([self.values, values])[order]

    def ends(self, limit):
        """The two u nearest to the fit at which the root of the loss's rise is `limit`; 0 and 1 where none is."""
        signed = np.sqrt(np.maximum(self.values - self.smallest, 0.0)) * np.sign(self.u - self.best)
        curve = interpolate.PchipInterpolator(self.u, signed)
        here = int(np.flatnonzero(self.u == self.best)[0])
        below = [index for index in range(here, -1, -1) if signed[index] < -limit]
        above = [index for index in range(here, len(signed)) if signed[index] > limit]
        low = high = None
        if below:
            low = optimize.brentq(lambda u: curve(u) + limit, self.u[below[0]], self.u[below[0] + 1])
        if above:
            high = optimize.brentq(lambda u: curve(u) - limit, self.u[above[0] - 1], self.u[above[0]])
        return np.array([0.0 if low is None else low, 1.0 if high is None else high])

    def points(self, kept):
        """The ridge at these places."""
        typical = np.exp(self.log_mu[kept])
        left = 1.0 - self.u[kept]
        with np.errstate(divide="ignore"):
            mu_max = typical / left
        k_m = _k_m(self.u[kept], self.loss.typical_bio)
        columns = (k_m, mu_max, typical, self.values[kept] * self.loss.scale)
        return tuple(RidgePoint(*(float(value) for value in row)) for row in zip(*columns, strict=True))


def _k_m(u, typical_bio):
    with np.errstate(divide="ignore"):
        return typical_bio * u / (1.0 - u)


def _points(u, log_mu):
    """Points (sets, 2) of the loss; the limits as the finite ratios that stand for them."""
    with np.errstate(divide="ignore"):
        ratio = np.clip(u / (1.0 - u), 1.0 / LINEAR_RATIO, LINEAR_RATIO)
    return np.column_stack([log_mu, np.log(ratio)])


def _best_mu(loss, u, log_mu):
    """Gauss-Newton in log mu at all places of u at once: the best log mu, and the loss there."""
    for _ in range(_MOST_STEPS):
        both = np.concatenate([log_mu, log_mu + _STEP])
        here, ahead = np.split(loss.residuals(_points(np.tile(u, 2), both)), 2)
        slope = (ahead - here) / _STEP
        step = -(slope * here * loss.shares).sum(axis=-1) / (slope**2 * loss.shares).sum(axis=-1)
        if np.abs(step).max() < _STILL:
            break
        log_mu = log_mu + np.clip(step, -0.5, 0.5)
    return log_mu, loss.mean_square(here)
