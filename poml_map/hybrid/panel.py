"""All that is known at the sites: covariates of every run year, and the observations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import arrays
from .training import TrainingRows, training_rows


@dataclass(frozen=True)
class SitePanel:
    """Sites x years with covariates, and observed stocks at some of them. Build it with `site_panel`.

    Attributes
    ----------
    sites : ndarray (sites,)
        Ids, sorted.
    years : ndarray (years,) of int
        Run years, ascending without a gap.
    X : ndarray (years, sites, features) float32
    observed : ndarray (years, sites) float64
        Stock; NaN where there is no observation. [kg/m2]
    """

    sites: np.ndarray
    years: np.ndarray
    X: np.ndarray
    observed: np.ndarray

    @property
    def has_observation(self) -> np.ndarray:
        """(years, sites) of bool."""
        return ~np.isnan(self.observed)

    @property
    def first_campaign(self) -> np.ndarray:
        """(years, sites) of bool: the first observation of each site."""
        return self.has_observation & (np.cumsum(self.has_observation, axis=0) == 1)

    @property
    def later_campaign(self) -> np.ndarray:
        """(years, sites) of bool: observations after a site's first."""
        return self.has_observation & ~self.first_campaign

    @property
    def without_observation(self) -> np.ndarray:
        """(years, sites) of bool: after a site's first campaign, without an observation; to be simulated."""
        return (np.cumsum(self.has_observation, axis=0) > 0) & ~self.has_observation

    def training_rows(
        self, stocks, w_p: float, use_sites=None, time_weight: str = "constant"
    ) -> TrainingRows:
        """Observed rows, and simulated rows where there is no observation, of all or some sites.

        Parameters
        ----------
        stocks : array_like (years, sites) or None
            Simulated stocks in the order of `sites` and `years`; NaN where there is none, such as before a
            site's first campaign. None: no simulated row. [kg/m2]
        w_p : float
            0 to 1.
        use_sites : array_like (sites,) of bool, optional
            Sites to take; default all.
        time_weight : {"constant", "distance"}
            How simulated rows share `w_p`, as in `training.training_rows`.

        Returns
        -------
        TrainingRows
            Site-years whose simulated stock is NaN, or whose covariates have a gap, give no simulated row.
            An observation with a gap in its covariates is refused when the panel is built.
        """
        chosen = np.ones(len(self.sites), bool) if use_sites is None else np.asarray(use_sites, bool)
        observed = self.has_observation & chosen
        stocks = np.full(observed.shape, np.nan) if stocks is None else self.checked_stocks(stocks)
        simulated = self.without_observation & chosen & ~np.isnan(stocks) & np.isfinite(self.X).all(axis=-1)
        year, site = np.nonzero(observed | simulated)
        is_simulated = simulated[year, site]
        return training_rows(
            self.X[year, site],
            np.where(is_simulated, stocks[year, site], self.observed[year, site]),
            self.sites[site],
            self.years[year],
            is_simulated,
            w_p,
            time_weight,
        )

    def checked_stocks(self, stocks) -> np.ndarray:
        """`stocks` as float64 (years, sites); another shape or an infinite value is refused."""
        stocks = np.asarray(stocks, dtype=np.float64)
        if stocks.shape != self.observed.shape:
            raise ValueError(
                f"stocks has shape {stocks.shape}, expected {self.observed.shape}: (years, sites). "
                "Mend: simulate every site of the panel, in its order; NaN where there is no stock."
            )
        if np.isinf(stocks).any():
            year, site = (int(i) for i in np.argwhere(np.isinf(stocks))[0])
            raise ValueError(
                f"stocks[{year}, {site}] (year {self.years[year]}, site {self.sites[site]}) is infinite, "
                "expected a finite stock or NaN. Mend: check the drivers of the process model there."
            )
        return stocks


def site_panel(sites, years, X, observed_site, observed_year, observed_stock) -> SitePanel:
    """Put covariates and observations on one grid of years and sites.

    Parameters
    ----------
    sites : array_like (sites,)
        Unique ids, in the order of axis 1 of `X`; the panel sorts them.
    years : array_like (years,) of int
        Run years, ascending without a gap: axis 0 of `X`.
    X : array_like (years, sites, features)
        Covariates, used as float32. May be NaN where nothing is observed.
    observed_site, observed_year : array_like (observations,)
        Site id and year of each observation; any order.
    observed_stock : array_like (observations,)
        Finite. [kg/m2]

    Returns
    -------
    SitePanel
        The same for every order of sites and observations.

    Raises
    ------
    ValueError
        If ids repeat, a site and year has two observations, one is outside the run, is not finite, or has a gap
        in its covariates.

    Examples
    --------
    >>> panel = site_panel(["b", "a"], [1980, 1981, 1982], np.zeros((3, 2, 1)), ["a", "a", "b"],
    ...                    [1980, 1982, 1981], [2.0, 2.4, 3.0])
    >>> panel.sites, panel.observed[:, 0]
    (array(['a', 'b'], dtype='<U1'), array([2. , nan, 2.4]))
    """
    sites, years = np.asarray(sites), np.asarray(years)
    with np.errstate(over="ignore"):
        X = np.asarray(X, dtype=np.float32)
    _refuse_axes(sites, years, X)
    order = np.argsort(sites, kind="stable")
    sites, X = sites[order], X[:, order]
    site, year = np.asarray(observed_site), np.asarray(observed_year)
    stock = arrays.as_vector("observed_stock", observed_stock, len(site))
    _refuse_unknown("observed_site", site, sites, "one of the sites of the panel")
    _refuse_unknown("observed_year", year, years, f"a run year, {years[0]} to {years[-1]}")
    at = year - years[0], np.searchsorted(sites, site)
    _refuse_repeated(site, year, at)
    _refuse_gap(site, year, X[at])
    observed = np.full(X.shape[:2], np.nan)
    observed[at] = stock
    return SitePanel(sites, years, X, observed)


def _refuse_axes(sites, years, X):
    if sites.ndim != 1 or len(np.unique(sites)) != len(sites) or len(sites) == 0:
        raise ValueError(
            f"sites has {sites.size} ids, {len(np.unique(sites))} of them different, expected (sites,) without "
            "repetition. Mend: give each site once."
        )
    if years.ndim != 1 or len(years) == 0 or years.dtype.kind not in "iu" or (np.diff(years) != 1).any():
        raise ValueError(
            f"years is {years.tolist()}, expected whole years, ascending without a gap. Mend: give every run year."
        )
    if X.ndim != 3 or X.shape[:2] != (len(years), len(sites)):
        raise ValueError(
            f"X has shape {X.shape}, expected ({len(years)}, {len(sites)}, features). "
            "Mend: years on axis 0, sites on axis 1."
        )


def _refuse_unknown(name, values, known, expected):
    bad = ~np.isin(values, known)
    if bad.any():
        first = int(np.argmax(bad))
        raise ValueError(
            f"{name}[{first}] is {values[first]} ({int(bad.sum())} such values), expected {expected}. "
            "Mend: drop these observations, or extend the run."
        )


def _refuse_repeated(site, year, at):
    cell, count = np.unique(np.stack(at), axis=1, return_counts=True)
    if (count > 1).any():
        twice = cell[:, int(np.argmax(count))]
        first = int(np.argmax((at[0] == twice[0]) & (at[1] == twice[1])))
        raise ValueError(
            f"observed_stock has {int(count.max())} values for site {site[first]} in {year[first]}, expected one. "
            "Mend: average or drop repeated samples."
        )


def _refuse_gap(site, year, X):
    bad = ~np.isfinite(X)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"X of observation {row} (site {site[row]}, year {year[row]}), column {column} is {X[row, column]:g} "
            f"({int(bad.any(axis=1).sum())} such observations), expected finite float32 numbers. "
            "Mend: drop these observations."
        )
