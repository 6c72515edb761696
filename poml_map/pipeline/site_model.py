"""RothC at the sample sites: spin-up to the first stock of each, and its forward run."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import xarray as xr

from poml_map import schema
from poml_map.config import Region
from poml_map.errors import InputError, Problem, Problems
from poml_map.pipeline.process_choices import process_inputs
from poml_map.rothc.columns import ProcessInputs
from poml_map.rothc.draws import Spinup
from poml_map.rothc.engine import michaelis_menten
from poml_map.rothc.forcing import Forcing, Options, build_forcing
from poml_map.rothc.pools import CarbonBalance
from poml_map.rothc.problem import CalibrationProblem, forward
from poml_map.rothc.spinup import start_from, unit_equilibria
from poml_map.sites import Samples
from poml_map.tables import listed


@dataclass(frozen=True)
class SiteModel:
    """RothC at n sites.

    Attributes
    ----------
    problem : CalibrationProblem
    years : range
        Run years; the first is month 0 of the problem.
    start_year : ndarray of int, shape (n,)
        A site's first campaign.
    annual_input : ndarray, shape (n,)
        Input that holds a site at its first stock, Eq. 6. [kg/m2/year]
    rate_jump : ndarray, shape (n,)
        Mean a*b*c from a site's first campaign on over that of the spin-up; NaN without a later month. [-]
    classes : ndarray, shape (n,), or None
        Class of each site, by which its parameters are fitted apart.
    spinup : Spinup, or None
        What starts the sites from other first stocks, for draws.
    """

    problem: CalibrationProblem
    years: range
    start_year: np.ndarray
    annual_input: np.ndarray
    rate_jump: np.ndarray
    classes: np.ndarray | None = None
    spinup: Spinup | None = None

    def simulate(self, mu_max, k_m) -> np.ndarray:
        """Stock of every run year and site, shape (years, n). [kg/m2] NaN before a site's first campaign."""
        return forward(self.problem, mu_max, k_m, 12 * np.arange(len(self.years)))

    def mu_at_start(self, mu_max, k_m) -> np.ndarray:
        """mu of each site at its first campaign; the spin-up has 1. [-]"""
        return michaelis_menten(self.problem.start[2], mu_max, k_m)

    def balance(self, mu_max, k_m) -> CarbonBalance:
        """Carbon added, respired and stored from each site's first campaign to the last year. [kg/m2]"""
        return self.problem.balance(mu_max, k_m)


def build_site_model(
    region: Region,
    samples: Samples,
    points: xr.Dataset,
    options: Options,
    inputs: ProcessInputs | None = None,
) -> SiteModel:
    """Spin every site up to its first campaign and set up its forward run.

    Parameters
    ----------
    region : Region
    samples : Samples
        With stocks.
    points : xarray.Dataset
        The cube at ``samples.sites``, in that order.
    options : Options
    inputs : ProcessInputs, optional
        Columns that feed the process model; by default those of the region file.

    Returns
    -------
    SiteModel

    Raises
    ------
    InputError
        If a stock has no equilibrium (at or below zero or its inert carbon), the input driver is not above zero
        in a year that the input is scaled by, or a driver is impossible; names the site.
    """
    sites = samples.sites["site"].to_numpy()
    table = samples.table.sort_values(["year"], kind="stable")
    first = table.drop_duplicates("site").set_index("site").loc[sites]
    later = table[table.duplicated("site")]
    start_year = first["year"].to_numpy()
    begin = start_year - region.years[0]
    try:
        feeds = inputs or process_inputs(region)
        forcing, scale = _forcing(region, samples, points, options, feeds, begin)
        months = forcing.spinup_rate, forcing.spinup_shares
        equilibria = unit_equilibria(*months, forcing.clay, forcing.dpm_rpm, forcing.spinup_manure)
        stock, relative = first["stock"].to_numpy(float), forcing.relative_input * scale
        spinup = Spinup(*equilibria, stock, forcing.clay, options.pools, relative)
        start = start_from(equilibria, stock, forcing.clay, pools=options.pools)
        index = {site: position for position, site in enumerate(sites)}
        problem = CalibrationProblem(
            start.pools,
            start.iom,
            forcing.rate,
            forcing.relative_input * (start.annual_input * scale),
            forcing.clay,
            site_index=np.array([index[site] for site in later["site"]], int),
            month_index=12 * (later["year"].to_numpy(int) - region.years[0]),
            stock=later["stock"].to_numpy(float),
            dpm_rpm=forcing.dpm_rpm,
            start_month=12 * begin,
            manure=forcing.manure,
        )
    except ValueError as error:
        where = f"RothC at the sites{_site_of(error, sites)}"
        raise InputError(Problem(samples.file, where, str(error).rstrip("."))) from error
    groups = region.settings.rothc.groups
    return SiteModel(
        problem,
        region.years,
        start_year,
        np.asarray(start.annual_input),
        rate_jump=_rate_jump(forcing, 12 * begin),
        classes=None if groups is None else points[groups].to_numpy().astype(float),
        spinup=spinup,
    )


def _forcing(region: Region, samples, points: xr.Dataset, options: Options, inputs: ProcessInputs, begin):
    """What drives the pools, and what the input that holds a site at its first stock is scaled by."""
    years, sites = len(region.years), np.arange(len(begin))
    run = {name: points[name].to_numpy()[-12 * years :] for name in schema.MONTHLY}
    spinup = {name: points[schema.spinup_name(name)].to_numpy() for name in schema.MONTHLY}
    arguments = inputs.arguments(lambda name: points[name].to_numpy(), years)
    driver = np.broadcast_to(arguments.pop("driver"), (years, len(begin)))
    _refuse_impossible(region, samples, driver, begin)
    manure = arguments.pop("manure")
    if manure is not None:
        # A site runs from its own first campaign on, so the first year's manure is that of its spin-up alone.
        manure = np.concatenate([[manure[begin, sites]], manure[1:]])
    forcing = build_forcing(
        run, spinup, points["CLAY"].to_numpy(), driver, options, manure=manure, **arguments
    )
    # The equilibrium input belongs to the site's own first campaign, so the driver is scaled to that year.
    return forcing, driver[0] / driver[begin, sites]


def _refuse_impossible(region: Region, samples: Samples, driver: np.ndarray, begin: np.ndarray) -> None:
    """Stocks and drivers without which no site can be started, by site and year."""
    problems, table, name = Problems(), samples.table, region.settings.rothc.input_column
    bad = table[~((table["stock"] > 0) & (table["stock"] < np.inf))]
    if len(bad):
        rows = zip(bad["stock"], bad["site"], bad["year"], strict=True)
        found = "stocks of " + listed([f"{stock:.4g} (site {site}, {year})" for stock, site, year in rows])
        problems.add(samples.file, "stock", found, "above 0 kg/m2", "Correct the samples, or leave them out.")
    used = np.stack([np.zeros_like(begin), begin]), np.arange(len(begin))
    years, at = np.nonzero(~(driver[used] > 0) & ~np.isnan(driver[used]))
    if len(at):
        cells = sorted({(int(site), int(used[0][row, site])) for row, site in zip(years, at, strict=True)})
        ids = samples.sites["site"]
        texts = [f"{driver[year, site]:g} (site {ids[site]}, {region.years[year]})" for site, year in cells]
        expected = "above 0 in the first year and at the first campaign: the carbon input is scaled by it"
        mend = "Correct the source, or name another `rothc.input_driver`."
        problems.extend(
            [region.document.problem(("rothc", "input_driver"), f"{name} of {listed(texts)}", expected, mend)]
        )
    problems.raise_if_any()


def _site_of(error: ValueError, sites: np.ndarray) -> str:
    """The id of the site that a refusal counts from 0 in the last place of its brackets; empty if it names none."""
    place = re.search(r"\[(?:\d+, )*(\d+)\] is", str(error))
    return f", site {sites[int(place[1])]}" if place else ""


def _rate_jump(forcing: Forcing, start_month: np.ndarray) -> np.ndarray:
    running = np.arange(len(forcing.rate))[:, None] >= start_month
    months = running.sum(axis=0).astype(float)
    total = np.where(running, forcing.rate, 0.0).sum(axis=0)
    mean = np.divide(total, months, out=np.full(len(months), np.nan), where=months > 0)
    return mean / forcing.spinup_rate.mean(axis=0)
