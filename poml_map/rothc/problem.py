"""The forward run of all sites that calibration repeats, and the runs that need no fit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy import optimize

from . import checks, params
from .engine import Run
from .pools import carbon_balance

MU_BOUNDS = (0.01, 100.0)
"""mu outside this range means that the inputs cannot explain the stocks. [-]"""


@dataclass(eq=False)
class CalibrationProblem:
    """Sites from their start to their later observations.

    Months are counted from the common month 0: row t of `rate` and `c_input` takes the pools from t to t + 1
    months. A site with ``start_month`` s begins with `start` at month s; rows before s are not used for it.

    Parameters
    ----------
    start : array_like (4, n)
        Pools of each site at its start, see `spinup.start_state`. [kg/m2]
    iom : array_like (n,)
        Inert carbon. [kg/m2]
    rate : array_like (months, n)
        Rate modifier a * b * c. [-]
    c_input : array_like (months, n)
        Plant carbon of each month. [kg/m2]
    clay : array_like (n,) or float
        Clay content. [%]
    site_index, month_index : array_like of int (m,)
        Site of each later observation, and the months run when it was taken: 240 is 20 years after month 0.
    stock : array_like (m,)
        Observed stocks. [kg/m2]
    dpm_rpm : array_like (n,) or float
        DPM/RPM ratio of the input. [-]
    start_month : array_like of int (n,) or int
        Month at which each site starts.
    manure : array_like (months, n), optional
        Farmyard manure carbon of each month. [kg/m2]

    Raises
    ------
    ValueError
        If shapes do not fit, an index is out of range, an observation is not later than its site's start, or
        an observation or the drivers it needs are missing.

    Examples
    --------
    >>> start = np.array([[0.02], [0.6], [0.1], [4.0]])
    >>> drivers = dict(rate=np.ones((12, 1)), c_input=np.full((12, 1), 0.02), clay=23.4)
    >>> problem = CalibrationProblem(start, [0.4], **drivers, site_index=[0], month_index=[12], stock=[5.0])
    >>> problem.n_sites, problem.n_months
    (1, 12)
    """

    start: np.ndarray
    iom: np.ndarray
    rate: np.ndarray
    c_input: np.ndarray
    clay: np.ndarray
    site_index: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    month_index: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    stock: np.ndarray = field(default_factory=lambda: np.zeros(0))
    dpm_rpm: np.ndarray = params.DPM_RPM_CROPS
    start_month: np.ndarray = 0
    manure: np.ndarray | None = None

    def __post_init__(self):
        self.start = checks.pool_array("start", self.start)
        sites = self.start.shape[1:]
        if len(sites) != 1:
            raise ValueError(
                f"start has shape {self.start.shape}, expected (4, n). Mend: one column per site."
            )
        self.clay = checks.percent_clay(self.clay)
        for name, unit in (("iom", "kg/m2"), ("clay", "%"), ("dpm_rpm", "1")):
            values = checks.not_negative(name, getattr(self, name), unit)
            setattr(self, name, _for_sites(name, values, sites))
        for name, unit in (("rate", "1"), ("c_input", "kg/m2"), ("manure", "kg/m2")):
            if getattr(self, name) is not None:
                values = checks.not_negative(name, getattr(self, name), unit)
                setattr(self, name, _for_sites(name, values, (*values.shape[:1], *sites)))
        checks.same_months(rate=self.rate, c_input=self.c_input, manure=self.manure)
        self.start_month = _for_sites("start_month", _whole_numbers("start_month", self.start_month), sites)
        outside = (self.start_month < 0) | (self.start_month > self.n_months)
        checks.refuse(
            "start_month", self.start_month, outside, f"0 to {self.n_months} months", "give more months"
        )
        self._check_observations()

    def _check_observations(self):
        self.stock = checks.not_negative("stock", self.stock, "kg/m2")
        self.site_index = _whole_numbers("site_index", self.site_index)
        self.month_index = _whole_numbers("month_index", self.month_index)
        shapes = [self.site_index.shape, self.month_index.shape, self.stock.shape]
        if shapes != [(self.stock.size,)] * 3:
            raise ValueError(
                f"site_index, month_index, stock have shapes {shapes}, expected three of one length. "
                "Mend: give one of each per observation."
            )
        bad = (self.site_index < 0) | (self.site_index >= self.n_sites)
        checks.refuse("site_index", self.site_index, bad, f"0 to {self.n_sites - 1}", "count sites from 0")
        begin = self.start_month[self.site_index]
        bad = (self.month_index <= begin) | (self.month_index > self.n_months)
        expected = f"later than the start of its site and at most {self.n_months} months"
        checks.refuse(
            "month_index", self.month_index, bad, expected, "give observations after the first one only"
        )
        checks.refuse("stock", self.stock, np.isnan(self.stock), "a number", "leave out missing observations")

    @property
    def n_sites(self):
        """Number of sites."""
        return self.start.shape[1]

    @property
    def n_months(self):
        """Number of months of the drivers."""
        return self.rate.shape[0]

    def subset(self, site_mask):
        """The problem of some sites, with their observations only.

        Parameters
        ----------
        site_mask : array_like of bool (n,)
            True for the sites to keep, such as those of the training folds.

        Returns
        -------
        CalibrationProblem
            Sites keep their order and are counted from 0 again.

        Raises
        ------
        ValueError
            If the mask has another length, is not boolean, or keeps no site.
        """
        mask = np.asarray(site_mask)
        if mask.dtype != bool or mask.shape != (self.n_sites,) or not mask.any():
            raise ValueError(
                f"site_mask has type {mask.dtype}, shape {mask.shape} and {np.count_nonzero(mask)} sites, "
                f"expected bool, ({self.n_sites},) and at least 1. Mend: give one True or False per site."
            )
        seen = mask[self.site_index]
        with checks.part_of_map():  # some sites of a sound whole: a fold may hold nothing but sand
            return replace(
                self,
                start=self.start[:, mask],
                iom=self.iom[mask],
                rate=self.rate[:, mask],
                c_input=self.c_input[:, mask],
                manure=None if self.manure is None else self.manure[:, mask],
                clay=self.clay[mask],
                dpm_rpm=self.dpm_rpm[mask],
                start_month=self.start_month[mask],
                site_index=(np.cumsum(mask) - 1)[self.site_index[seen]],
                month_index=self.month_index[seen],
                stock=self.stock[seen],
            )

    def run(self):
        """The forward run, in which sites rest until their start month (plain RothC until `set_mu`)."""
        with checks.part_of_map():  # clay was checked when the problem was made
            return Run(self.start, **self.resting(), mu_max=1.0, k_m=0.0)

    def resting(self):
        """Rates, inputs and soil; no decay and no input where a site rests, so it keeps its pools to the last bit."""
        resting = np.arange(self.n_months)[:, np.newaxis] < self.start_month
        series = {
            name: None if values is None else np.where(resting, 0.0, values)
            for name, values in (("rate", self.rate), ("c_input", self.c_input), ("manure", self.manure))
        }
        return {**series, "clay": self.clay, "dpm_rpm": self.dpm_rpm}

    def balance(self, mu_max, k_m):
        """Carbon added, respired and stored by each site from its start to the last month.

        Parameters
        ----------
        mu_max, k_m : float or array_like (n,)
            As in `forward`.

        Returns
        -------
        pools.CarbonBalance of ndarray (n,)
            The respired carbon is counted from the decay of each pool, so added - respired - stored is the
            error of the run. NaN for sites with a missing value. [kg/m2]
        """
        with checks.part_of_map():
            return carbon_balance(self.start, **self.resting(), mu_max=mu_max, k_m=k_m)


def forward(problem, mu_max, k_m, record_months):
    """Total stock of all sites after chosen numbers of months.

    Parameters
    ----------
    problem : CalibrationProblem
        Sites and drivers; its observations are not used.
    mu_max, k_m : float or array_like (n,)
        Parameters of `engine.michaelis_menten`. [-], [kg/m2]
    record_months : sequence of int
        Months from month 0; 0 is the start, 12 the end of the first year.

    Returns
    -------
    ndarray of float (len(record_months), n)
        NaN before the start of a site, and for sites with a missing value. [kg/m2]

    Raises
    ------
    ValueError
        If a month lies outside the drivers, or a parameter is negative or missing.

    References
    ----------
    Zhang et al. (2024), Eq. 2-5.

    Examples
    --------
    >>> start = np.array([[0.02], [0.6], [0.1], [4.0]])
    >>> drivers = dict(rate=np.ones((24, 1)), c_input=np.full((24, 1), 0.02), clay=23.4)
    >>> problem = CalibrationProblem(start, [0.4], **drivers, start_month=12)
    >>> forward(problem, 1.0, 0.0, [0, 12, 24])[:, 0].round(3)
    array([  nan, 5.12 , 5.011])
    """
    run = problem.run()
    run.set_mu(mu_max, k_m)
    stocks = run.stocks(record_months) + problem.iom
    before = np.asarray(record_months)[:, np.newaxis] < problem.start_month
    return np.where(before, np.nan, stocks)


def solve_constant_mu(problem, expected_change):
    """Constant mu with which the mean stock changes by a given share, when only one campaign exists.

    Parameters
    ----------
    problem : CalibrationProblem
        Sites and drivers; its observations are not used.
    expected_change : float
        Change of the mean stock over all sites, from their start to the last month, relative to the mean at
        the start: 0.1 is a gain of 10 %. [-]

    Returns
    -------
    float
        mu_max to be used with K_m = 0. Sites with a missing value do not count. [-]

    Raises
    ------
    ValueError
        If no mu from 0.01 to 100 gives the change; the message tells what can be attained.

    Examples
    --------
    >>> start = np.array([[0.02], [0.6], [0.1], [4.0]])
    >>> problem = CalibrationProblem(start, [0.4], np.ones((24, 1)), np.full((24, 1), 0.02), 23.4)
    >>> mu = solve_constant_mu(problem, -0.02)
    >>> before, after = forward(problem, mu, 0.0, [0, 24])[:, 0]
    >>> round(after / before - 1, 9)
    np.float64(-0.02)
    """
    expected_change = float(
        checks.in_range("expected_change", expected_change, -1.0, np.inf, "1", "0.1 is +10 %")
    )
    run = problem.run()
    last = [problem.n_months]
    first = problem.start.sum(axis=0) + problem.iom
    used = np.isfinite(run.stocks(last)[0])
    if not used.any():
        raise ValueError("every site has a missing value. Mend: fill the drivers of at least one site.")

    def change(log_mu):
        run.set_mu(np.exp(log_mu), 0.0)
        return (run.stocks(last)[0] + problem.iom)[used].mean() / first[used].mean() - 1.0

    low, high = np.log(MU_BOUNDS)
    smallest, largest = change(high), change(low)
    if not smallest <= expected_change <= largest:
        raise ValueError(
            f"expected_change is {expected_change:.6g}, expected {smallest:.6g} to {largest:.6g}, which mu "
            f"from {MU_BOUNDS[0]:g} to {MU_BOUNDS[1]:g} gives. Mend: give a change within, or other inputs."
        )
    return float(
        np.exp(optimize.brentq(lambda log_mu: change(log_mu) - expected_change, low, high, xtol=1e-13))
    )


def _for_sites(name, values, shape):
    try:
        return np.broadcast_to(values, shape)
    except ValueError:
        raise ValueError(
            f"{name} has shape {values.shape}, expected {shape} as `start` has {shape[-1]} sites. "
            "Mend: give one value per site, months first."
        ) from None


def _whole_numbers(name, values):
    values = np.asarray(values)
    if values.size == 0:
        return values.astype(int)
    if not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f"{name} has type {values.dtype}, expected whole numbers. Mend: convert it to int.")
    return values
