"""Equilibrium of RothC under a repeated year, and the start of a run from an observed stock.

The 12 months come in run order: the last one is the month in which soil is sampled, so every state here is
the state at the end of the sampling month.
"""

from __future__ import annotations

import collections
from typing import NamedTuple

import numpy as np

from . import checks, params
from .engine import Run
from .pools import inert_carbon

POOL_RULES = ("equilibrium", "weihermueller")


class StartState(NamedTuple):
    """Start of a forward run.

    pools (4, ...) and iom (...) at the end of the sampling month [kg/m2], annual_input (...) that keeps the
    observed stock in balance [kg/m2/year].
    """

    pools: np.ndarray
    iom: np.ndarray
    annual_input: np.ndarray


def equilibrium(rate, c_input, clay, *, dpm_rpm=params.DPM_RPM_CROPS, manure=None):
    """Pools that a repeated year leads to after infinite time, at the end of its 12th month.

    A year maps the pools linearly: C -> P C + q. P and q are found by running one year from each pool alone
    and from nothing, and C = P C + q is solved: exact where thousands of repeated years only come near.

    Parameters
    ----------
    rate : array_like (12, ...)
        Rate modifier a * b * c of each month; mu is 1 here. [-]
    c_input : array_like (12, ...)
        Plant carbon of each month. [kg/m2]
    clay : array_like (...)
        Clay content. [%]
    dpm_rpm : array_like (...)
        DPM/RPM ratio of the plant input. [-]
    manure : array_like (12, ...), optional
        Farmyard manure carbon of each month. [kg/m2]

    Returns
    -------
    ndarray of float (4, ...)
        DPM, RPM, BIO, HUM; linear in the input. Sites with a missing value are NaN, no others. [kg/m2]

    Raises
    ------
    ValueError
        If there are not 12 months, nothing decays in the whole year, or as `pools.simulate`.

    References
    ----------
    Spin-up of Zhang et al. (2024), section 2.2, solved instead of iterated for 10,000 years.

    Examples
    --------
    >>> equilibrium(np.ones(12), np.full(12, 1 / 12), clay=23.4).round(6)
    array([0.086983, 1.383268, 0.203835, 7.689556])
    """
    checks.one_year(rate=rate, c_input=c_input)
    plain = {"dpm_rpm": dpm_rpm, "mu_max": 1.0, "k_m": 0.0}
    empty = Run(np.zeros(4), rate, c_input, clay, manure=manure, **plain)
    yearly = np.asarray(empty.rate.sum(axis=0))
    mend = "leave out places that are frozen all year"
    checks.refuse("rate (sum of the year)", yearly, yearly <= 0, "above 0", mend)
    units = np.eye(4).reshape(4, 4, *(1,) * len(empty.shape))
    no_input = np.zeros((params.MONTHS_PER_YEAR,) + (1,) * len(empty.shape))
    carried = _last(empty)
    kept = _last(Run(units, _with_probe_axis(empty), no_input, clay, manure=None, **plain))
    return _fixed_point(kept, carried)


def _with_probe_axis(run):
    """Rates (12, 1, ...), so that the four unit pools run side by side on the axis of length 1."""
    full = np.broadcast_to(
        run.rate.reshape(run.months, *_padded(run.rate.shape[1:], run.shape)),
        (
            run.months,
            *run.shape,
        ),
    )
    return full[:, np.newaxis]


def _padded(shape, full):
    """`shape` with leading ones, as long as `full`."""
    return (1,) * (len(full) - len(shape)) + tuple(shape)


def _last(run):
    """Pools (4, ...) at the end of the run."""
    return collections.deque(run.march(), maxlen=1)[0]


def _fixed_point(kept, carried):
    """Solve C = P C + q with P = kept (to, from, ...): DPM and RPM alone, then BIO and HUM together."""
    dpm = carried[0] / (1.0 - kept[0, 0])
    rpm = carried[1] / (1.0 - kept[1, 1])
    bio_in = carried[2] + kept[2, 0] * dpm + kept[2, 1] * rpm
    hum_in = carried[3] + kept[3, 0] * dpm + kept[3, 1] * rpm
    bio_left, hum_left = 1.0 - kept[2, 2], 1.0 - kept[3, 3]
    determinant = bio_left * hum_left - kept[2, 3] * kept[3, 2]
    bio = (hum_left * bio_in + kept[2, 3] * hum_in) / determinant
    hum = (bio_left * hum_in + kept[3, 2] * bio_in) / determinant
    return np.stack([dpm, rpm, bio, hum])


def required_input(stock, iom, rate, monthly_fractions, clay, *, dpm_rpm=params.DPM_RPM_CROPS):
    """Yearly plant input that keeps a soil at its observed stock.

    Parameters
    ----------
    stock : array_like (...)
        Observed total stock at the end of the sampling month. [kg/m2]
    iom : array_like (...)
        Inert carbon in it. [kg/m2]
    rate : array_like (12, ...)
        Rate modifier a * b * c of the mean spin-up year. [-]
    monthly_fractions : array_like (12, ...)
        Share of the year's input that comes in each month; sums to 1. [-]
    clay, dpm_rpm : array_like (...)
        As in `equilibrium`.

    Returns
    -------
    ndarray of float (...)
        NaN for sites with a missing value. [kg/m2/year]

    Raises
    ------
    ValueError
        If a stock is not above 0 and above `iom`, the fractions do not sum to 1, or as `equilibrium`.

    References
    ----------
    Zhang et al. (2024), Eq. 6, after Smith et al. (2005); exact in one step, as the equilibrium is linear
    in the input.

    Examples
    --------
    >>> required_input(4.94, 0.416247, np.ones(12), np.full(12, 1 / 12), clay=23.4).round(4)
    np.float64(0.4831)
    """
    return _balance(stock, iom, rate, monthly_fractions, clay, dpm_rpm)[1]


def _balance(stock, iom, rate, monthly_fractions, clay, dpm_rpm):
    """Equilibrium pools that sum to stock - iom, and the yearly input that holds them there."""
    active = _active_carbon(stock, iom)
    per_unit_input = equilibrium(rate, _fractions(monthly_fractions), clay, dpm_rpm=dpm_rpm)
    total = per_unit_input.sum(axis=0)
    checks.common_shape(stock=active.shape, sites=total.shape)
    annual_input = active / total
    return per_unit_input * annual_input, annual_input


def start_state(
    stock,
    rate,
    monthly_fractions,
    clay,
    *,
    dpm_rpm=params.DPM_RPM_CROPS,
    iom=None,
    pools="equilibrium",
):
    """Pools, inert carbon and yearly input at the first observation of each site.

    Parameters
    ----------
    stock, rate, monthly_fractions, clay, dpm_rpm
        As in `required_input`.
    iom : array_like (...), optional
        Inert carbon; by default `inert_carbon(stock)`. [kg/m2]
    pools : {"equilibrium", "weihermueller"}
        Share the active carbon as in the equilibrium, or by the functions of Weihermueller et al. (2013).
        The yearly input is that of the equilibrium either way, so the second one drifts from the start.

    Returns
    -------
    StartState
        ``pools.sum(axis=0) + iom`` is `stock`. NaN for sites with a missing value. [kg/m2], [kg/m2/year]

    Raises
    ------
    ValueError
        As `required_input`, or if `pools` is another word.

    References
    ----------
    Zhang et al. (2024), section 2.2, Eq. 6 and 7.

    Examples
    --------
    >>> start = start_state([4.94, np.nan], np.ones((12, 2)), np.full(12, 1 / 12), clay=23.4)
    >>> (start.pools.sum(axis=0) + start.iom).round(9)
    array([4.94,  nan])
    >>> start.annual_input.round(4)
    array([0.4831,    nan])
    """
    if pools not in POOL_RULES:
        raise ValueError(f"pools is {pools!r}, expected one of {POOL_RULES}. Mend: choose one of them.")
    if iom is None:
        iom = inert_carbon(_above_zero(stock))
    iom = checks.not_negative("iom", iom, "kg/m2")
    balanced, annual_input = _balance(stock, iom, rate, monthly_fractions, clay, dpm_rpm)
    if pools == "weihermueller":
        shared = weihermueller(stock, clay, iom=iom)
        balanced = np.where(np.isnan(annual_input), np.nan, shared)
    return StartState(balanced, np.broadcast_to(iom, annual_input.shape).copy()[()], annual_input)


def weihermueller(stock, clay, *, iom=None):
    """Active pools by the functions of Weihermueller et al. (2013), made to sum to the active carbon.

    DPM is what RPM, BIO, HUM and inert carbon leave of the stock. That is negative nearly everywhere, so it
    is clipped at 0 and the four pools are then scaled to `stock` - `iom`.

    Parameters
    ----------
    stock : array_like (...)
        Total stock. [kg/m2]
    clay : array_like (...)
        Clay content. [%]
    iom : array_like (...), optional
        Inert carbon; by default `inert_carbon(stock)`. [kg/m2]

    Returns
    -------
    ndarray of float (4, ...)
        DPM, RPM, BIO, HUM. NaN stays NaN. [kg/m2]

    Raises
    ------
    ValueError
        If a stock is not above 0 and above `iom`, or `clay` is not a percentage.

    References
    ----------
    Weihermueller et al. (2013); coefficients for t C/ha, converted inside.

    Examples
    --------
    >>> weihermueller(4.0, 20.0).round(4)
    array([0.    , 0.5293, 0.0686, 3.0748])
    """
    stock = _above_zero(stock)
    clay = checks.clay_range(clay)
    iom = inert_carbon(stock) if iom is None else checks.not_negative("iom", iom, "kg/m2")
    active = _active_carbon(stock, iom)
    rpm, bio, hum = (_transfer(stock, clay, *params.WEIHERMUELLER[pool]) for pool in ("RPM", "BIO", "HUM"))
    dpm = np.maximum(active - rpm - bio - hum, 0.0)
    pools = np.stack(np.broadcast_arrays(dpm, rpm, bio, hum))
    return pools * (active / pools.sum(axis=0))


def _transfer(stock, clay, slope, intercept, shift, exponent):
    tonnes = slope * stock * params.T_HA_PER_KG_M2 + intercept
    return tonnes * (clay + shift) ** exponent / params.T_HA_PER_KG_M2


def _above_zero(stock):
    stock = np.asarray(stock, dtype=np.float64)
    mend = "correct the sample, or leave it out"
    checks.refuse("stock", stock, (stock <= 0) | np.isinf(stock), "a finite number above 0 [kg/m2]", mend)
    return stock


def _active_carbon(stock, iom):
    stock, iom = _above_zero(stock), checks.not_negative("iom", iom, "kg/m2")
    checks.common_shape(stock=stock.shape, iom=iom.shape)
    stock, iom = np.broadcast_arrays(stock, iom)
    mend = "give both in kg/m2; a soil without active carbon cannot be started"
    checks.refuse("stock", stock, stock <= iom, "more than its inert carbon (iom) [kg/m2]", mend)
    return stock - iom


def _fractions(monthly_fractions):
    fractions = checks.not_negative("monthly_fractions", monthly_fractions, "1")
    checks.one_year(monthly_fractions=fractions)
    total = np.asarray(fractions.sum(axis=0))
    mend = "divide the 12 values by their sum"
    checks.refuse("monthly_fractions (sum of the year)", total, np.abs(total - 1.0) > 1e-9, "1", mend)
    return fractions
