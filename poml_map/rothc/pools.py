"""The four active pools of RothC, month by month: decay, partition, then input.

Months are on axis 0 of the driving series, pools on axis 0 of the start. Any unit of carbon per area may be
used throughout, but inert carbon and K_m are in kg C/m2, and so is everything else in this project.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import checks, params
from .engine import Run, humification, michaelis_menten

__all__ = [
    "CarbonBalance",
    "carbon_balance",
    "humification",
    "inert_carbon",
    "michaelis_menten",
    "simulate",
    "simulate_stock",
]


class CarbonBalance(NamedTuple):
    """Carbon of a run: what was added, what left as CO2, what the active pools gained. [unit of the pools]"""

    added: np.ndarray
    respired: np.ndarray
    stored: np.ndarray


def inert_carbon(stock):
    """Inert organic carbon of a soil with this stock.

    Parameters
    ----------
    stock : array_like, any shape
        Total organic carbon. NaN stays NaN. [kg/m2]

    Returns
    -------
    ndarray of float, shape of `stock`
        0.049 stock^1.139 with both sides in t/ha, converted. [kg/m2]

    Raises
    ------
    ValueError
        If a stock is negative or infinite.

    References
    ----------
    Zhang et al. (2024), Eq. 7 (no unit given there); Falloon et al. (1998), in t C/ha.

    Examples
    --------
    >>> inert_carbon(4.94).round(6)
    np.float64(0.416247)
    """
    tonnes = checks.not_negative("stock", stock, "kg/m2") * params.T_HA_PER_KG_M2
    return params.FALLOON_FACTOR * tonnes**params.FALLOON_EXPONENT / params.T_HA_PER_KG_M2


def simulate(start, rate, c_input, clay, *, dpm_rpm=params.DPM_RPM_CROPS, manure=None, mu_max=1.0, k_m=0.0):
    """All pools at the end of every month.

    In each month all pools decay from their values at its start, the decayed carbon is shared among CO2, BIO
    and HUM, and then the month's input comes in.

    Parameters
    ----------
    start : array_like (4, ...)
        DPM, RPM, BIO, HUM before the first month. [kg/m2]
    rate : array_like (months, ...)
        Rate modifier a * b * c, see `rates.rate_modifier`. [-]
    c_input : array_like (months, ...)
        Carbon that plants add in the month. [kg/m2]
    clay : array_like (...)
        Clay content. [%]
    dpm_rpm : array_like (...)
        DPM/RPM ratio of the plant input. [-]
    manure : array_like (months, ...), optional
        Carbon added as farmyard manure. [kg/m2]
    mu_max, k_m : array_like (...)
        Parameters of `michaelis_menten`, evaluated with BIO at the start of the month. 1 and 0 (the default)
        are plain RothC. With a leading axis, as in (parameters, 1), several sets run at once. [-], [kg/m2]

    Returns
    -------
    ndarray of float (months, 4, ...)
        Without inert carbon. A site with a missing value is NaN from there on; no other site is. [kg/m2]

    Raises
    ------
    ValueError
        If a value is out of its range, the months differ or the shapes do not fit together.

    References
    ----------
    Coleman & Jenkinson (1996); Zhang et al. (2024), Eq. 2-5, with exponential decay instead of the monthly
    Euler step printed there, which makes DPM negative when the modifier exceeds 1.2.

    Examples
    --------
    >>> start = [0.02, 0.6, 0.1, 4.0]
    >>> pools = simulate(start, rate=np.ones(12), c_input=np.full(12, 0.02), clay=23.4)
    >>> pools.shape, pools[-1].sum().round(3)
    ((12, 4), np.float64(4.611))
    """
    run = Run(start, rate, c_input, clay, dpm_rpm=dpm_rpm, manure=manure, mu_max=mu_max, k_m=k_m)
    pools = np.empty((run.months, 4, *run.shape))
    for month, state in enumerate(run.march()):
        pools[month] = state + 0.0 * state.sum(axis=0)  # a missing input reaches BIO and HUM a month later
    return pools


def simulate_stock(
    start,
    iom,
    rate,
    c_input,
    clay,
    *,
    record,
    dpm_rpm=params.DPM_RPM_CROPS,
    manure=None,
    mu_max=1.0,
    k_m=0.0,
):
    """Total stock after chosen numbers of months, without keeping the pools of the others.

    Parameters
    ----------
    start, rate, c_input, clay, dpm_rpm, manure, mu_max, k_m
        As in `simulate`.
    iom : array_like (...)
        Inert carbon, part of the total. [kg/m2]
    record : sequence of int
        Months run so far at each wanted stock: 0 is the start, 12 the end of the first year.

    Returns
    -------
    ndarray of float (len(record), ...)
        NaN for sites with a missing value. [kg/m2]

    Raises
    ------
    ValueError
        As `simulate`, or if a number in `record` is negative or beyond the last month.

    References
    ----------
    Zhang et al. (2024), Eq. 2-5; see `simulate`.

    Examples
    --------
    >>> start, clay = [0.02, 0.6, 0.1, 4.0], 23.4
    >>> simulate_stock(start, 0.4, np.ones(24), np.full(24, 0.02), clay, record=[0, 12, 24]).round(3)
    array([5.12 , 5.011, 4.922])
    """
    run = Run(start, rate, c_input, clay, dpm_rpm=dpm_rpm, manure=manure, mu_max=mu_max, k_m=k_m)
    iom = checks.not_negative("iom", iom, "kg/m2")
    checks.common_shape(iom=iom.shape, pools=run.shape)
    return run.stocks(record) + iom


def carbon_balance(
    start, rate, c_input, clay, *, dpm_rpm=params.DPM_RPM_CROPS, manure=None, mu_max=1.0, k_m=0.0
):
    """Carbon added, respired and stored over a whole run.

    The respired carbon is counted from the decay of each pool, not as the difference of the two others, so
    ``added - respired - stored`` shows how well carbon is conserved.

    Parameters
    ----------
    start, rate, c_input, clay, dpm_rpm, manure, mu_max, k_m
        As in `simulate`.

    Returns
    -------
    CarbonBalance of ndarray (...)
        NaN for sites with a missing value. [kg/m2]

    Raises
    ------
    ValueError
        As `simulate`.

    Examples
    --------
    >>> balance = carbon_balance([0.02, 0.6, 0.1, 4.0], np.ones(12), np.full(12, 0.02), clay=23.4)
    >>> [round(float(part), 4) for part in balance]
    [0.24, 0.3488, -0.1088]
    """
    run = Run(start, rate, c_input, clay, dpm_rpm=dpm_rpm, manure=manure, mu_max=mu_max, k_m=k_m)
    last, respired = run.first_state(), np.zeros(run.shape)
    for state, in_month in breathe(run):
        last, respired = state, respired + in_month
    added = np.zeros(run.shape) + run.c_input.sum(axis=0)
    if run.manure is not None:
        added = added + run.manure.sum(axis=0)
    stored = last.sum(axis=0) - run.first_state().sum(axis=0)
    missing = 0.0 * (added + stored)  # 0, or NaN where anything is missing
    return CarbonBalance(added + missing, respired + missing, stored + missing)


def breathe(run):
    """Yield the pools (4, ...) at the end of each month of a `Run`, and the carbon respired in it (...)."""
    rates = np.reshape(params.DECAY_RATES, (4,) + (1,) * len(run.shape)) / params.MONTHS_PER_YEAR
    respired_share = 1.0 - run.alpha - run.beta
    before = run.first_state()
    for month, after in enumerate(run.march()):
        modifier = run.rate[month] * michaelis_menten(before[2], run.mu_max, run.k_m)
        yield after, respired_share * (-np.expm1(-rates * modifier) * before).sum(axis=0)
        before = after.copy()
