"""RothC at the sample sites: spin-up to the first stock, calibration, forward run, effect of the choices."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from poml_map import schema
from poml_map.config import Region
from poml_map.errors import InputError, Problem
from poml_map.pipeline.checks import one_campaign
from poml_map.rothc.calibrate import CalibrationError, CalibrationResult, calibrate
from poml_map.rothc.engine import michaelis_menten
from poml_map.rothc.forcing import Options, build_forcing
from poml_map.rothc.problem import CalibrationProblem, forward, solve_constant_mu
from poml_map.rothc.spinup import start_state
from poml_map.sites import Samples

log = logging.getLogger(__name__)

# Starts of BFGS for the whole sample and for each fold, which needs fewer: its optimum lies close by.
_STARTS, _STARTS_IN_FOLD = 5, 2


@dataclass(frozen=True)
class Parameters:
    """mu_max and K_m, and where they come from.

    Attributes
    ----------
    mu_max : float
        [-]
    k_m : float
        [kg/m2]
    origin : {"calibrated", "given", "assumed"}
    details : dict
        What the manifest and `rothc_params.json` say about them.
    warnings : list of str
    """

    mu_max: float
    k_m: float
    origin: str
    details: dict
    warnings: list


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
        Mean a*b*c of the forward run over that of the spin-up. [-]
    """

    problem: CalibrationProblem
    years: range
    start_year: np.ndarray
    annual_input: np.ndarray
    rate_jump: np.ndarray

    def simulate(self, mu_max: float, k_m: float) -> np.ndarray:
        """Stock of every run year and site, shape (years, n). [kg/m2] NaN before a site's first campaign."""
        return forward(self.problem, mu_max, k_m, 12 * np.arange(len(self.years)))

    def mu_at_start(self, mu_max: float, k_m: float) -> np.ndarray:
        """mu of each site at its first campaign; the spin-up has 1. [-]"""
        return michaelis_menten(self.problem.start[2], mu_max, k_m)


def process_options(region: Region) -> Options:
    """The process model's options as the region file states them."""
    settings = region.settings
    return Options(
        depth_cm=settings.depth_cm,
        sampling_month=settings.sampling_month,
        cover_ndvi=settings.rothc.cover_ndvi,
        input_months=tuple(settings.rothc.input_months),
        dpm_rpm=settings.rothc.dpm_rpm,
        pools=settings.rothc.pools,
    )


def build_site_model(region: Region, samples: Samples, points: xr.Dataset, options: Options) -> SiteModel:
    """Spin every site up to its first campaign and set up its forward run.

    Parameters
    ----------
    region : Region
    samples : Samples
        With stocks.
    points : xarray.Dataset
        The cube at ``samples.sites``, in that order.
    options : Options

    Returns
    -------
    SiteModel

    Raises
    ------
    InputError
        If a site's stock has no equilibrium (at or below its inert carbon) or a driver is impossible.
    """
    sites = samples.sites["site"].to_numpy()
    table = samples.table.sort_values(["year"], kind="stable")
    first = table.drop_duplicates("site").set_index("site").loc[sites]
    later = table[table.duplicated("site")]
    start_year = first["year"].to_numpy()
    run = {name: points[name].to_numpy()[-12 * len(region.years) :] for name in schema.MONTHLY}
    spinup = {name: points[schema.spinup_name(name)].to_numpy() for name in schema.MONTHLY}
    driver = points[region.settings.rothc.input_driver].to_numpy()
    driver = driver if driver.ndim == 2 else np.broadcast_to(driver, (len(region.years), driver.size))
    try:
        forcing = build_forcing(run, spinup, points["CLAY"].to_numpy(), driver, options)
        start = start_state(
            first["stock"].to_numpy(),
            forcing.spinup_rate,
            forcing.spinup_shares,
            forcing.clay,
            dpm_rpm=options.dpm_rpm,
            pools=options.pools,
        )
        begin = start_year - region.years[0]
        # The equilibrium input belongs to the site's own first campaign, so the driver is scaled to that year.
        scale = driver[0] / driver[begin, np.arange(len(sites))]
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
            dpm_rpm=options.dpm_rpm,
            start_month=12 * begin,
        )
    except ValueError as error:
        found = f"{error} (sites are counted from 0 in the order of the file)"
        raise InputError(Problem(samples.file, "RothC at the sites", found)) from error
    jump = forcing.rate.mean(axis=0) / forcing.spinup_rate.mean(axis=0)
    return SiteModel(problem, region.years, start_year, np.asarray(start.annual_input), jump)


def find_parameters(region: Region, model: SiteModel) -> Parameters:
    """mu_max and K_m: given, assumed from an expected change, or calibrated.

    Raises
    ------
    InputError
        If there is one campaign only and nothing is given or assumed, or the calibration does not converge.
    """
    rothc = region.settings.rothc
    if rothc.mu_max is not None:
        return _given(model, rothc.mu_max, rothc.k_m, "given", [])
    if rothc.expected_change is not None:
        return _assumed(region, model, rothc.expected_change)
    if model.problem.stock.size == 0:
        raise InputError(one_campaign(region))
    return _calibrated(region, model)


def _calibrated(region: Region, model: SiteModel) -> Parameters:
    try:
        result = calibrate(model.problem, n_starts=_STARTS)
    except CalibrationError as error:
        mend = "Check stocks, units and the input driver, or give `mu_max` and `k_m`."
        problem = region.document.problem(("rothc",), f"a calibration that fails: {error}", "a minimum", mend)
        raise InputError(problem) from error
    warnings = _limit_warning(result)
    details = {
        "loss_kg2_m4": result.loss,
        "rmse_kg_m2": float(np.sqrt(result.loss)),
        "limit": result.limit,
        "n_starts": result.n_starts,
        "gradient": result.gradient,
        "condition_number": result.condition_number,
        "messages": list(result.messages),
    }
    return _given(model, result.mu_max, result.k_m, "calibrated", warnings, details)


def _limit_warning(result: CalibrationResult) -> list[str]:
    texts = {
        "k_m_zero": "K_m runs to 0, so mu is the constant mu_max",
        "linear": "K_m runs to infinity, so mu is proportional to BIO",
    }
    if result.limit == "none":
        return []
    return [f"calibration: {texts[result.limit]}; that one-parameter limit was fitted. Do not interpret K_m."]


def _law(mu_max: float, k_m: float, limit: str) -> str:
    """The microbial factor in words; at a limit only what the data determine."""
    if limit == "linear":
        return f"mu = {mu_max / k_m:.4g} m2/kg x BIO"
    return f"mu = {mu_max:.4g}" if k_m == 0 else f"mu = {mu_max:.4g} BIO / ({k_m:.4g} kg/m2 + BIO)"


def _assumed(region: Region, model: SiteModel, change: float) -> Parameters:
    if len(set(model.start_year)) > 1 or model.start_year[0] != region.years[0]:
        found = f"first campaigns {sorted(set(model.start_year.tolist()))}"
        expected = f"all in the first run year {region.years[0]}"
        mend = "Let `years` begin with the campaign, or give `mu_max` and `k_m`."
        raise InputError(region.document.problem(("rothc", "expected_change"), found, expected, mend))
    try:
        mu = solve_constant_mu(model.problem, change)
    except ValueError as error:
        raise InputError(region.document.problem(("rothc", "expected_change"), str(error))) from error
    plain = model.simulate(1.0, 0.0)
    unassumed = float(np.nanmean(plain[-1]) / np.nanmean(plain[0]) - 1)
    text = (
        f"mu is assumed, not fitted: the constant mu = {mu:.4g} makes the mean stock of the sites change by "
        f"{change:+.1%} from {region.years[0]} to {region.years[-1]}; with mu = 1 it would be {unassumed:+.1%}"
    )
    details = {"expected_change": change, "change_with_mu_1": unassumed}
    return _given(model, mu, 0.0, "assumed", [text], details)


def _given(model, mu_max, k_m, origin, warnings, details=None) -> Parameters:
    mu = model.mu_at_start(mu_max, k_m)
    quantiles = dict(zip(("q05", "median", "q95"), np.nanquantile(mu, [0.05, 0.5, 0.95]), strict=True))
    more = {
        "mu_max": mu_max,
        "k_m_kg_m2": k_m,
        "origin": origin,
        "mu_at_first_campaign": quantiles,
        "rate_jump_at_first_campaign": dict(
            zip(("q05", "median", "q95"), np.nanquantile(model.rate_jump, [0.05, 0.5, 0.95]), strict=True)
        ),
        **(details or {}),
    }
    more["law"] = _law(mu_max, k_m, more.get("limit", "none"))
    log.info("  %s (%s); median mu at the first campaign %.3g", more["law"], origin, quantiles["median"])
    for text in warnings:
        log.warning("  warning: %s", text)
    return Parameters(float(mu_max), float(k_m), origin, more, warnings)


def fold_parameters(region: Region, model: SiteModel, training: np.ndarray) -> tuple[float, float]:
    """mu_max and K_m from the sites of the training folds only.

    Parameters
    ----------
    region : Region
    model : SiteModel
    training : ndarray of bool, shape (n,)

    Returns
    -------
    mu_max, k_m : float
    """
    rothc = region.settings.rothc
    part = model.problem.subset(training)
    if rothc.mu_max is not None:
        return rothc.mu_max, rothc.k_m
    if rothc.expected_change is not None:
        return solve_constant_mu(part, rothc.expected_change), 0.0
    result = calibrate(part, n_starts=_STARTS_IN_FOLD)
    return result.mu_max, result.k_m


def effects_of_choices(
    region: Region, samples: Samples, points: xr.Dataset, parameters: Parameters
) -> list[tuple[str, float]]:
    """How the mean simulated stock of the last year moves when one choice is another.

    Parameters are kept, so that a line shows the choice alone.

    Returns
    -------
    list of (text, difference)
        [kg/m2]
    """
    options = process_options(region)
    harvest = tuple(1.0 if month == options.sampling_month - 1 else 0.0 for month in range(12))
    months = (options.sampling_month + 5) % 12 + 1
    pools = "weihermueller" if options.pools == "equilibrium" else "equilibrium"
    others = {
        f"soil covered from NDVI {options.cover_ndvi - 0.1:g} instead of {options.cover_ndvi:g}": replace(
            options, cover_ndvi=options.cover_ndvi - 0.1
        ),
        f"soil covered from NDVI {options.cover_ndvi + 0.1:g} instead of {options.cover_ndvi:g}": replace(
            options, cover_ndvi=options.cover_ndvi + 0.1
        ),
        "the year's input all in the sampling month instead of as stated": replace(
            options, input_months=harvest
        ),
        f"stocks at the end of month {months} instead of {options.sampling_month}": replace(
            options, sampling_month=months
        ),
        f"starting pools by {pools} instead of {options.pools}": replace(options, pools=pools),
    }

    def last_mean(choice: Options) -> float:
        model = build_site_model(region, samples, points, choice)
        return float(np.nanmean(model.simulate(parameters.mu_max, parameters.k_m)[-1]))

    reference = last_mean(options)
    return [(text, last_mean(choice) - reference) for text, choice in others.items()]
