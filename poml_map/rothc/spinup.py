"""Equilibrium of RothC under a repeated year or cycle of years, and the start of a run from an observed stock.

The months come in run order: the last one is the month in which soil is sampled, so every state here is the
state at the end of the sampling month.

With N real years in a cycle the stock swings from year to year, and one moment of the cycle has to be the one
that equals the observation. It is the end of the last month: the state from which the run goes on must be the state
that was observed, and the cycle's last sampling month is the one next to it in time.
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

    pools (4, ...) and iom (...) at the end of the sampling month [kg/m2], annual_input (...) of plants that keeps
    the observed stock in balance [kg/m2/year].
    """

    pools: np.ndarray
    iom: np.ndarray
    annual_input: np.ndarray


def equilibrium(rate, c_input, clay, *, dpm_rpm=params.DPM_RPM_CROPS, manure=None):
    """Pools that a repeated year, or a repeated cycle of years, leads to after infinite time, at its last month's end.

    A cycle maps the pools linearly: C -> P C + q. P and q are found by running one cycle from each pool alone
    and from nothing, and C = P C + q is solved: exact where thousands of repeated years only come near.

    Parameters
    ----------
    rate : array_like (12 or 12 N, ...)
        Rate modifier a * b * c of each month; mu is 1 here. [-]
    c_input : array_like (12 or 12 N, ...)
        Plant carbon of each month; 12 months stand for every year of a longer cycle. [kg/m2]
    clay : array_like (...)
        Clay content. [%]
    dpm_rpm : array_like (...)
        DPM/RPM ratio of the plant input. [-]
    manure : array_like (12 or 12 N, ...), optional
        Farmyard manure carbon of each month; 12 months stand for every year of a longer cycle. [kg/m2]

    Returns
    -------
    ndarray of float (4, ...)
        DPM, RPM, BIO, HUM; linear in the input. Sites with a missing value are NaN, no others. [kg/m2]

    Raises
    ------
    ValueError
        If the months are no whole years, nothing decays in the whole cycle, or as `pools.simulate`.

    References
    ----------
    Spin-up of Zhang et al. (2024), section 2.2, solved instead of iterated for 10,000 years.

    Examples
    --------
    >>> equilibrium(np.ones(12), np.full(12, 1 / 12), clay=23.4).round(6)
    array([0.086983, 1.383268, 0.203835, 7.689556])
    """
    cycle = _Cycle(rate, clay)
    return cycle.equilibrium(c_input, dpm_rpm, manure)


class _Cycle:
    """The linear map of the pools over one cycle of months: P once, q for each input."""

    def __init__(self, rate, clay):
        self.rate, self.clay = checks.not_negative("rate", rate, "1"), checks.percent_clay(clay)
        self.months = checks.whole_years(rate=self.rate)["rate"]
        total = refuse_frozen(np.asarray(self.rate.sum(axis=0)))
        shape = checks.common_shape(rate=total.shape, clay=self.clay.shape)
        units = np.eye(4).reshape(4, 4, *(1,) * len(shape))
        # An axis of length 1 before the sites, on which the four unit pools run side by side.
        beside = self.rate.reshape(self.months, *(1,) * (1 + len(shape) - total.ndim), *total.shape)
        self.kept = _last(units, beside, np.zeros(self.months), self.clay)

    def equilibrium(self, c_input, dpm_rpm, manure):
        """Pools (4, ...) at the end of the cycle under these inputs."""
        c_input, manure = self.in_every_year("c_input", c_input), self.in_every_year("manure", manure)
        carried = _last(np.zeros(4), self.rate, c_input, self.clay, dpm_rpm=dpm_rpm, manure=manure)
        return _fixed_point(self.kept, carried)

    def in_every_year(self, name, values):
        """`values` of one year repeated over the cycle; those of a whole cycle, and None, as they are."""
        if values is None:
            return None
        values = checks.not_negative(name, values, "kg/m2")
        if checks.whole_years(**{name: values})[name] != params.MONTHS_PER_YEAR:
            return values
        return np.concatenate([values] * (self.months // params.MONTHS_PER_YEAR))


def refuse_frozen(total_rate):
    """Rates summed over the whole cycle, refused where nothing decays: such a soil has no equilibrium."""
    mend = "leave out places that are frozen all year or have a rate factor of 0 in every month"
    checks.refuse("rate (sum of the cycle)", total_rate, total_rate <= 0, "above 0", mend)
    return total_rate


def _last(start, rate, c_input, clay, *, dpm_rpm=params.DPM_RPM_CROPS, manure=None):
    """Pools (4, ...) at the end of a run of plain RothC."""
    run = Run(start, rate, c_input, clay, dpm_rpm=dpm_rpm, manure=manure, mu_max=1.0, k_m=0.0)
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


def required_input(stock, iom, rate, monthly_fractions, clay, *, dpm_rpm=params.DPM_RPM_CROPS, manure=None):
    """Yearly plant input that keeps a soil at its observed stock.

    Parameters
    ----------
    stock : array_like (...)
        Observed total stock at the end of the sampling month. [kg/m2]
    iom : array_like (...)
        Inert carbon in it. [kg/m2]
    rate : array_like (12 or 12 N, ...)
        Rate modifier a * b * c of the mean spin-up year, or of N real years in a cycle. [-]
    monthly_fractions : array_like (12 or 12 N, ...)
        Share of a year's input that comes in each month; every 12 of them sum to 1, and 12 stand for every year
        of a longer cycle. [-]
    clay, dpm_rpm : array_like (...)
        As in `equilibrium`.
    manure : array_like (12 or 12 N, ...), optional
        Farmyard manure carbon of each month. It is what it is: only the plant input is solved for. [kg/m2]

    Returns
    -------
    ndarray of float (...)
        The same in every year of the cycle. NaN for sites with a missing value. [kg/m2/year]

    Raises
    ------
    ValueError
        If a stock is not above 0 and above `iom`, the manure alone keeps more than the active stock, the
        fractions do not sum to 1, or as `equilibrium`.

    References
    ----------
    Zhang et al. (2024), Eq. 6, after Smith et al. (2005); exact in one step, as the equilibrium is linear
    in the input. Eq. 6 as printed scales all inputs by one factor, which without manure is the same. With manure,
    whose amount is known, it would change the manure too; here the equilibrium of the manure is taken off the active
    stock first and the plant input scaled to the rest.

    Examples
    --------
    >>> fractions = np.full(12, 1 / 12)
    >>> required_input(4.94, 0.416247, np.ones(12), fractions, clay=23.4).round(4)
    np.float64(0.4831)
    >>> required_input(4.94, 0.416247, np.ones(12), fractions, clay=23.4, manure=0.1 * fractions).round(4)
    np.float64(0.3697)
    """
    equilibria = unit_equilibria(rate, monthly_fractions, clay, dpm_rpm, manure)
    return _balance(_active_carbon(stock, iom), *equilibria)[1]


def unit_equilibria(rate, monthly_fractions, clay, dpm_rpm, manure):
    """Equilibrium pools (4, ...) of a plant input of 1 kg/m2/year, and of the manure: all that `start_from` needs."""
    cycle = _Cycle(rate, clay)
    per_unit_input = cycle.equilibrium(shares_of_years(monthly_fractions), dpm_rpm, None)
    if manure is None:
        return per_unit_input, np.zeros(4)
    return per_unit_input, cycle.equilibrium(np.zeros(params.MONTHS_PER_YEAR), dpm_rpm, manure)


def _balance(active, per_unit_input, of_manure):
    """Equilibrium pools that sum to the active carbon, and the yearly plant input that holds them there."""
    shapes = {"sites": per_unit_input.shape[1:], "manure": of_manure.shape[1:]}
    dimensions = len(checks.common_shape(stock=active.shape, **shapes))
    of_plants = active - of_manure.sum(axis=0)
    mend = "lower the manure of the spin-up or correct the stock, else the plant input would be negative"
    expected = "at least 0 [kg/m2]: the manure alone keeps more than the active stock"
    checks.refuse("stock - iom - equilibrium of manure", of_plants, of_plants < 0, expected, mend)
    annual_input = of_plants / per_unit_input.sum(axis=0)
    pools = _before_sites(per_unit_input, dimensions) * annual_input + _before_sites(of_manure, dimensions)
    return pools, annual_input


def _before_sites(pools, dimensions):
    """`pools` (4, ...) with the pool axis kept before that many site axes."""
    return pools.reshape(4, *(1,) * (dimensions + 1 - pools.ndim), *pools.shape[1:])


def start_state(
    stock,
    rate,
    monthly_fractions,
    clay,
    *,
    dpm_rpm=params.DPM_RPM_CROPS,
    iom=None,
    pools="equilibrium",
    manure=None,
):
    """Pools, inert carbon and yearly plant input at the first observation of each site.

    Parameters
    ----------
    stock, rate, monthly_fractions, clay, dpm_rpm, manure
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
    equilibria = unit_equilibria(rate, monthly_fractions, clay, dpm_rpm, manure)
    return start_from(equilibria, stock, clay, iom=iom, pools=pools)


def start_from(equilibria, stock, clay, *, iom=None, pools="equilibrium"):
    """`start_state` from two equilibria (4, ...): of 1 kg/m2/year of plant input, and of the manure (0 for none)."""
    checks.one_of("pools", pools, POOL_RULES)
    if iom is None:
        iom = inert_carbon(_above_zero(stock))
    iom = checks.not_negative("iom", iom, "kg/m2")
    balanced, annual_input = _balance(_active_carbon(stock, iom), *equilibria)
    if pools == "weihermueller":
        shared = _before_sites(weihermueller(stock, clay, iom=iom), annual_input.ndim)
        balanced = np.where(np.isnan(annual_input), np.nan, shared)
    return StartState(balanced, np.where(np.isnan(annual_input), np.nan, iom)[()], annual_input)


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
    clay = checks.percent_clay(clay)
    iom = inert_carbon(stock) if iom is None else checks.not_negative("iom", iom, "kg/m2")
    active = _active_carbon(stock, iom)
    checks.common_shape(stock=active.shape, clay=clay.shape)
    rpm, bio, hum = (_transfer(stock, clay, *params.WEIHERMUELLER[pool]) for pool in ("RPM", "BIO", "HUM"))
    dpm = np.maximum(active - rpm - bio - hum, 0.0)
    pools = np.stack(np.broadcast_arrays(dpm, rpm, bio, hum))
    return pools * (active / pools.sum(axis=0))


def _transfer(stock, clay, slope, intercept, shift, exponent):
    tonnes = slope * stock * params.T_HA_PER_KG_M2 + intercept
    return tonnes * (clay + shift) ** exponent / params.T_HA_PER_KG_M2


def _above_zero(stock):
    stock = checks.numbers("stock", stock)
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


def shares_of_years(monthly_fractions):
    """Months' shares of a year's input as float64, refused unless every 12 of them sum to 1."""
    fractions = checks.not_negative("monthly_fractions", monthly_fractions, "1")
    checks.whole_years(monthly_fractions=fractions)
    years = len(fractions) // params.MONTHS_PER_YEAR
    total = fractions.reshape(years, params.MONTHS_PER_YEAR, *fractions.shape[1:]).sum(axis=1)
    mend = "divide the 12 values of each year by their sum"
    checks.refuse("monthly_fractions (sum of the year)", total, np.abs(total - 1.0) > 1e-9, "1", mend)
    return fractions
