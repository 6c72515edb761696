"""Fit of mu_max and K_m to the later observations of many sites.

The fit works on two logarithms that are nearly independent: that of mu at a typical biomass B (the median BIO
of the sites at their start), and that of K_m / B. The stocks fix the first well, the second hardly; on mu_max
and K_m themselves the same loss is a narrow ridge. Both ends of the second one are models with one parameter:
K_m -> 0 gives a constant mu, K_m -> infinity gives mu proportional to BIO.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import checks
from .engine import michaelis_menten
from .fitting import AS_GOOD, SCREEN_MU, SCREEN_RATIO, Family, Loss, is_minimum
from .problem import MU_BOUNDS
from .profile import RidgeProfile, profile_ridge


class CalibrationError(ValueError):
    """No trustworthy mu_max and K_m; the message holds the optimiser's words, starts and losses."""


@dataclass(frozen=True)
class CalibrationResult:
    """Fitted parameters and how far to trust them.

    Attributes
    ----------
    mu_max, k_m : float
        Parameters for `problem.forward`. Only mu at a typical BIO is well determined: do not interpret k_m
        alone. [-], [kg/m2]
    loss : float
        Weighted mean squared error of the later observations. [(kg/m2)^2]
    converged : bool
        Always True: what did not converge raises `CalibrationError`.
    limit : {"none", "k_m_zero", "linear"}
        Limit the data point to. "k_m_zero": mu is the constant `mu_max`, `k_m` is 0. "linear": mu is
        BIO mu_max / k_m, expressed by a very large k_m; only the ratio has a meaning.
    n_starts : int
        Starts of BFGS.
    gradient : tuple of float
        Derivatives of the loss by log mu_max and log K_m at the optimum (one at a limit).
    condition_number : float
        Of the matrix of second derivatives by log mu_max and log K_m (1 at a limit): large means that many
        pairs fit about as well.
    mu_at_start : tuple of 3 float
        5 %, 50 % and 95 % quantile over the sites of mu at their start; away from 1 it is a jump in decay
        there.
    end_points : tuple of (mu_max, k_m, loss)
        Where each start of BFGS ended.
    messages : tuple of str
        The optimiser's words, one for each start.
    n_observations : int
        Later observations with a weight above 0.
    typical_bio, mu_typical : float
        Median BIO of the fitted sites at their start, and mu there: what the data determine. [kg/m2], [-]
    covariance : tuple of tuple of float
        Of the errors of log `mu_typical` and log `k_m` (of the first alone at a limit), from the second
        derivatives, with independent normal errors; NaN without an observation more than parameters.
    profile : RidgeProfile or None
        The best fit at other K_m, and the K_m that are not excluded.
    """

    mu_max: float
    k_m: float
    loss: float
    converged: bool
    limit: str
    n_starts: int
    gradient: tuple[float, ...]
    condition_number: float
    mu_at_start: tuple[float, float, float]
    end_points: tuple[tuple[float, float, float], ...]
    messages: tuple[str, ...]
    n_observations: int
    typical_bio: float
    mu_typical: float
    covariance: tuple[tuple[float, ...], ...]
    profile: RidgeProfile | None


def calibrate(problem, n_starts=5, weights=None, *, starts=None, profile=True, max_iterations=200):
    """Fit mu_max and K_m to all later observations by BFGS from several starts.

    24 points are tried at once; BFGS goes on from the best `n_starts` of them, or from `starts`. A fit that
    runs to a limit of K_m is replaced by the fit of the one parameter of that limit.

    Parameters
    ----------
    problem : CalibrationProblem
        Sites, drivers and later observations.
    n_starts : int
        Starts of BFGS, 1 to 24.
    weights : array_like (m,), optional
        Weight of each observation; only ratios count. [-]
    starts : array_like (k, 2), optional
        Pairs of mu_max and K_m, all above 0, to start from instead; `n_starts` has no meaning then. [-], [kg/m2]
    profile : bool
        Follow the ridge too, see `RidgeProfile`.
    max_iterations : int
        Iterations of BFGS after which a start counts as failed.

    Returns
    -------
    CalibrationResult

    Raises
    ------
    CalibrationError
        If no start converges, mu runs away from what inputs can explain, or the end is no minimum.
    ValueError
        If there is no observation, a site with observations has missing drivers, or an argument is out of
        range.

    References
    ----------
    Zhang et al. (2024), section 2.2: BFGS on the mean squared error of the last campaign.

    Examples
    --------
    >>> from poml_map.rothc import CalibrationProblem, forward
    >>> bio = np.linspace(0.05, 0.2, 8)
    >>> sites = dict(start=np.stack([0.2 * bio, 6 * bio, bio, 40 * bio]), iom=np.full(8, 0.4), clay=23.4)
    >>> sites |= dict(rate=np.ones((120, 8)), c_input=np.full((120, 8), 0.02))
    >>> stock = forward(CalibrationProblem(**sites), 1.5, 0.1, [120])[0]
    >>> observed = dict(site_index=np.arange(8), month_index=np.full(8, 120), stock=stock)
    >>> fit = calibrate(CalibrationProblem(**sites, **observed))
    >>> round(fit.mu_max, 4), round(fit.k_m, 4), fit.limit
    (1.5, 0.1, 'none')
    """
    most = len(SCREEN_MU) * len(SCREEN_RATIO)
    checks.in_range("n_starts", n_starts, 1, most, "1", "give a few starts, such as 5")
    both = Family("none", Loss(problem, weights))
    points = both.best_starts(int(n_starts))
    if starts is not None:
        points = both.loss.points_of(_checked_starts(starts))
    ends = [both.minimise(point, max_iterations) for point in points]
    _require_success(ends, both)
    best = min((end for end in ends if end.success), key=lambda end: end.fun)
    family, point = _limit_of(best, both.loss, max_iterations) or (both, best.x)
    return _report(problem, family, point, ends, both, profile)


def _checked_starts(starts):
    starts = checks.not_negative("starts", starts, "1 and kg/m2")
    if starts.ndim != 2 or starts.shape[1] != 2 or not starts.size:
        raise ValueError(
            f"starts has shape {starts.shape}, expected (k, 2). Mend: give pairs of mu_max and K_m."
        )
    mend = "K_m = 0 is a limit, which is found from any start"
    checks.refuse("starts", starts, ~(starts > 0), "above 0", mend)
    return starts


def _limit_of(best, loss, max_iterations):
    """The limit that fits as well as the best end with both parameters free, and its point; or None.

    A limit that is no worse is taken: it says the same with one parameter less.
    """
    no_worse_than = (
        best.fun * (1.0 + AS_GOOD) + 1e-16
    )  # the loss is scaled: 1e-16 is rounding of a perfect fit
    taken = []
    for limit in (Family("k_m_zero", loss), Family("linear", loss)):
        end = limit.minimise(limit.best_starts(1)[0], max_iterations)
        if end.success and (end.fun <= no_worse_than or limit.is_near(best.x)):
            taken.append((end.fun, limit, end.x))
    return min(taken, key=lambda candidate: candidate[0])[1:] if taken else None


def _require_success(ends, family):
    if any(end.success for end in ends):
        return
    listed = "; ".join(family.describe(end) for end in ends)
    raise CalibrationError(f"mu_max and K_m were not found, no start of BFGS converged. {listed}")


def _report(problem, family, point, ends, both, with_profile):
    point, hessian, step = family.polish(point)
    listed = tuple(both.describe(end) for end in ends)
    mu_max, k_m = family.natural(point)
    if not np.log(MU_BOUNDS[0]) < point[0] < np.log(MU_BOUNDS[1]):
        raise CalibrationError(
            f"mu runs to {'zero' if point[0] < 0 else 'infinity'}: inputs cannot explain the stocks; check the "
            f"input driver, stocks and units. {'; '.join(listed)}"
        )
    value, gradient = family.value_and_gradient(point)
    if not is_minimum(value, hessian, step):
        raise CalibrationError(
            f"the end at mu_max {mu_max:.6g}, K_m {k_m:.6g} kg/m2 is no minimum (curvatures "
            f"{np.linalg.eigvalsh(hessian)}, remaining step {step}). {'; '.join(listed)}"
        )
    chain = family.chain(point)
    mu = michaelis_menten(problem.start[2][np.isfinite(problem.start[2])], mu_max, k_m)
    return CalibrationResult(
        mu_max=mu_max,
        k_m=k_m,
        loss=float(value * family.loss.scale),
        converged=True,
        limit=family.name,
        n_starts=len(ends),
        gradient=tuple(float(g) for g in chain.T @ gradient * family.loss.scale),
        condition_number=float(np.linalg.cond(chain.T @ hessian @ chain)),
        mu_at_start=tuple(float(q) for q in np.quantile(mu, [0.05, 0.5, 0.95])),
        end_points=tuple((*both.natural(end.x), float(end.fun * both.loss.scale)) for end in ends),
        messages=listed,
        n_observations=int(np.count_nonzero(family.loss.shares)),
        typical_bio=family.loss.typical_bio,
        mu_typical=float(np.exp(point[0])),
        covariance=_covariance(family.loss, value, hessian),
        profile=profile_ridge(family.loss, family.embed(point[np.newaxis])[0]) if with_profile else None,
    )


def _covariance(loss, value, hessian):
    """Of the log parameters: 2 loss / (n - p) times the inverse of the second derivatives of the loss.

    With errors of unknown variance, estimated as n loss / (n - p); Bates & Watts (1988), chapter 2.
    """
    left = np.count_nonzero(loss.shares) - len(hessian)
    if left < 1:
        return tuple((float("nan"),) * len(hessian) for _ in hessian)
    return tuple(tuple(float(c) for c in row) for row in 2.0 * value / left * np.linalg.inv(hessian))
