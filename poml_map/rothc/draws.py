"""Draws of the forward run that carry its error: parameters, first stocks and inputs.

Random numbers come in as standard normal ones, so that the same places of a draw can be used with every fit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import checks
from .calibrate import CalibrationResult
from .engine import Run
from .pools import inert_carbon
from .problem import CalibrationProblem
from .spinup import StartState, start_from

#: log K_m is moved by no more than this. Beyond, one of the two models with one parameter is reached whatever K_m is,
#: and the quadratic error law of the fit has long ceased to hold.
_FARTHEST = np.log(100.0)

_AT_ONCE = 2**17  # values of one array of pools while draws run: they stay in a processor's cache


class Spinup(NamedTuple):
    """What starts sites from any first stock.

    of_plants, of_manure (4, n): equilibria from `spinup.unit_equilibria` [years], [kg/m2]; stock (n,) first stock
    [kg/m2]; clay (n,) [%]; pools: rule of `spinup.start_state`; relative_input (months, n): plant input of each month
    over the yearly one that holds the site at its first stock [1].
    """

    of_plants: np.ndarray
    of_manure: np.ndarray
    stock: np.ndarray
    clay: np.ndarray
    pools: str
    relative_input: np.ndarray


def draw_law(fit: CalibrationResult, normal) -> tuple[np.ndarray, np.ndarray]:
    """mu_max and K_m from the error law of their fit.

    Parameters
    ----------
    fit : CalibrationResult
    normal : array_like (draws, 2)
        Standard normal numbers.

    Returns
    -------
    mu_max, k_m : ndarray (draws,)
        Log mu at the typical biomass and log K_m are normal with the covariance of the fit. At a limit mu alone
        varies, and K_m is that of the fit. Without a covariance all draws are the fit. [-], [kg/m2]

    Notes
    -----
    K_m alone is hardly known, and mu_max alone as little, but any pair has a mu at the typical biomass that the data
    allow. A draw whose K_m is more than 100 times off is moved back along its own line.

    Examples
    --------
    >>> from poml_map.rothc import CalibrationProblem, calibrate, forward
    >>> bio = np.linspace(0.05, 0.2, 40)
    >>> sites = dict(start=np.stack([0.2 * bio, 6 * bio, bio, 40 * bio]), iom=np.full(40, 0.4), clay=23.4)
    >>> sites |= dict(rate=np.ones((120, 40)), c_input=np.full((120, 40), 0.02))
    >>> stock = forward(CalibrationProblem(**sites), 1.5, 0.1, [120])[0] + np.tile([-0.1, 0.1], 20)
    >>> observed = dict(site_index=np.arange(40), month_index=np.full(40, 120), stock=stock)
    >>> fit = calibrate(CalibrationProblem(**sites, **observed))
    >>> mu_max, k_m = draw_law(fit, np.random.default_rng(0).normal(size=(5000, 2)))
    >>> mu = mu_max * fit.typical_bio / (k_m + fit.typical_bio)
    >>> bool(abs(np.log(mu).std() / np.sqrt(fit.covariance[0][0]) - 1) < 0.1)
    True
    """
    normal = np.asarray(normal, dtype=np.float64)
    covariance = np.asarray(fit.covariance)
    moves = np.zeros((len(normal), 2))
    if np.isfinite(covariance).all():
        moves[:, : len(covariance)] = normal[:, : len(covariance)] @ np.linalg.cholesky(covariance).T
    moves *= np.minimum(1.0, _FARTHEST / np.maximum(np.abs(moves[:, 1:]), _FARTHEST))
    k_m = fit.k_m * np.exp(moves[:, 1])
    return fit.mu_typical * np.exp(moves[:, 0]) * (1.0 + k_m / fit.typical_bio), k_m


def draw_starts(spinup: Spinup, error: float, normal) -> StartState:
    """Pools and inputs from first stocks with an error.

    Parameters
    ----------
    spinup : Spinup
    error : float
        Relative standard deviation of a site's first stock. [1]
    normal : array_like (draws, n)
        Standard normal numbers.

    Returns
    -------
    StartState
        pools (4, draws, n), iom and annual_input (draws, n). The drawn stock is log-normal with the measured one as
        its mean; where it is less than inert carbon and manure need, the measured one is taken.
    """
    checks.in_range("stock_error", error, 0.0, 1.0, "1", "0.05 is 5 %")
    stock = spinup.stock * np.exp(error * np.asarray(normal) - error**2 / 2.0)
    least = inert_carbon(stock) + spinup.of_manure.sum(axis=0)
    stock = np.where(stock > least, stock, spinup.stock)
    with checks.part_of_map():  # the clay was checked with the first start
        return start_from((spinup.of_plants, spinup.of_manure), stock, spinup.clay, pools=spinup.pools)


def input_factors(months: int, start_month, error: float, common, own) -> np.ndarray:
    """Factor on the plant input of each month, from an error of the driver that grows with time.

    Parameters
    ----------
    months : int
        Of the run.
    start_month : array_like of int (n,)
        Month at which each site starts: the driver counts from there, so that nothing is wrong with it yet.
    error : float
        Relative standard deviation after all months. [1]
    common : array_like (draws, 1)
        Standard normal numbers of an error that all sites share: half of the variance.
    own : array_like (draws, n)
        Standard normal numbers of the error of each site: the other half.

    Returns
    -------
    ndarray (draws, months, n)
        ``exp(error * z * t)`` with ``t`` from 0 at the start of a site, 1 after all months of the run. [1]

    Examples
    --------
    >>> input_factors(24, [0, 12], 0.1, [[1.0]], [[1.0, 1.0]])[0, ::8].round(3)
    array([[1.003, 1.   ],
           [1.051, 1.   ],
           [1.102, 1.027]])
    """
    checks.in_range("driver_error", error, 0.0, 1.0, "1", "0.1 is 10 %")
    z = (np.asarray(common) + np.asarray(own)) / np.sqrt(2.0)
    middle = np.arange(months)[:, np.newaxis] + 0.5
    since = np.maximum(middle - np.asarray(start_month), 0.0) / max(months, 1)
    return np.exp(error * z[:, np.newaxis, :] * since)


def forward_draws(
    problem: CalibrationProblem, spinup: Spinup, starts: StartState, factors, mu_max, k_m, record_months
) -> np.ndarray:
    """Total stocks of all sites in each draw: `problem.forward` with other starts, inputs and parameters.

    Parameters
    ----------
    problem : CalibrationProblem
        Rates, soil, manure and start months; its start and plant input are not used.
    spinup : Spinup
    starts : StartState
        From `draw_starts`.
    factors : array_like (draws, months, n)
        On the plant input, from `input_factors`. [1]
    mu_max, k_m : array_like (draws, 1) or (draws, n)
        [-], [kg/m2]
    record_months : sequence of int

    Returns
    -------
    ndarray (draws, len(record_months), n)
        NaN before the start of a site, and for sites with a missing value. [kg/m2]
    """
    resting = problem.resting()
    running = np.arange(problem.n_months)[:, np.newaxis] >= problem.start_month
    relative = np.where(running, spinup.relative_input, 0.0)
    draws, sites = starts.iom.shape
    found = np.empty((draws, len(record_months), sites))
    step = max(1, _AT_ONCE // (4 * max(sites, 1)))
    for first in range(0, draws, step):
        part = slice(first, first + step)
        plants = relative[:, np.newaxis] * np.swapaxes(factors[part], 0, 1) * starts.annual_input[part]
        with checks.part_of_map():
            run = Run(
                starts.pools[:, part],
                **{**resting, "rate": resting["rate"][:, np.newaxis], "c_input": plants}
                | ({} if problem.manure is None else {"manure": resting["manure"][:, np.newaxis]}),
                mu_max=mu_max[part],
                k_m=k_m[part],
            )
        found[part] = np.swapaxes(run.stocks(record_months) + starts.iom[part], 0, 1)
    before = np.asarray(record_months)[:, np.newaxis] < problem.start_month
    return np.where(before, np.nan, found)
