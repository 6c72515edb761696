"""From monthly weather, cover and a yearly input driver to what the pools feel.

One place turns drivers into rates and inputs, so that sites and maps cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import params
from .drivers import Drivers, Weather
from .inputs import crop_calendar_shares, shares_from_ndvi, shares_from_weights
from .moisture import periodic_deficit
from .rates import cover_fraction_from_ndvi, cover_from_ndvi, rate_modifier

__all__ = ["Forcing", "Options", "build_forcing", "crop_calendar_shares", "derive", "prepare"]


@dataclass(frozen=True)
class Options:
    """Choices of the process model that the drivers do not settle.

    Parameters
    ----------
    depth_cm : float
        [cm]
    sampling_month : int
        A year's stock is that at the end of this month, 1-12.
    cover_ndvi : float
        With ``cover="threshold"``: NDVI from which soil counts as covered. [1]
    input_months : tuple of 12 float, or "ndvi"
        Weights of January to December in the yearly input, or shares by the NDVI of the mean spin-up year, see
        `inputs.shares_from_ndvi`.
    dpm_rpm : float
        DPM/RPM ratio of the input where none is given. [1]
    pools : {"equilibrium", "weihermueller"}
        See `spinup.start_state`.
    spinup : {"mean_months", "real_years"}
        Spin-up weather: the mean January to December, or the real years in a cycle.
    cover : {"threshold", "fraction"}
        Cover from NDVI: all or nothing, or a share.
    cover_ndvi_range : tuple of 2 float
        With ``cover="fraction"``: NDVI of bare and of fully covered soil. [1]
    manure_months : tuple of 12 float
        Weights of January to December in the yearly manure.
    """

    depth_cm: float = 20.0
    sampling_month: int = 12
    cover_ndvi: float = 0.4
    input_months: tuple[float, ...] | str = (1.0,) * 12
    dpm_rpm: float = params.DPM_RPM_CROPS
    pools: str = "equilibrium"
    spinup: str = "mean_months"
    cover: str = "threshold"
    cover_ndvi_range: tuple[float, float] = (0.1, 0.7)
    manure_months: tuple[float, ...] = (1.0,) * 12


@dataclass(frozen=True)
class Forcing:
    """What drives the pools of n sites or pixels.

    Attributes
    ----------
    spinup_rate : ndarray, shape (12 or 12 N, n)
        a*b*c of the spin-up months, the sampling month last. [-]
    spinup_shares : ndarray, shape (12 or 12 N, n) or (12 or 12 N, 1)
        Share of the yearly input in these months. [1]
    rate : ndarray, shape (months, n)
        a*b*c of the months after t1. [-]
    relative_input : ndarray, shape (months, n) or (months, 1)
        Input of the month over the yearly input of the driver's first year. [1]
    clay : ndarray, shape (n,)
        [%]
    dpm_rpm : ndarray, shape (n,) or ()
        DPM/RPM ratio of the plant input. [1]
    spinup_manure, manure : ndarray, shape (months, n) or (months, 1), or None
        Manure carbon of each month. [kg/m2]
    """

    spinup_rate: np.ndarray
    spinup_shares: np.ndarray
    rate: np.ndarray
    relative_input: np.ndarray
    clay: np.ndarray
    dpm_rpm: np.ndarray
    spinup_manure: np.ndarray | None = None
    manure: np.ndarray | None = None

    @property
    def record(self) -> np.ndarray:
        """Months run at each year's stock, from 0 (t1) to the last year."""
        return np.arange(0, len(self.rate) + 1, params.MONTHS_PER_YEAR)


def prepare(
    run, spinup, clay, driver, options: Options, *, dpm_rpm=None, rate_factor=None, manure=None
) -> Drivers:
    """Bring drivers by calendar into run order: the spin-up ends, and the run begins, with the sampling month.

    Parameters
    ----------
    run : dict of str -> ndarray, shape (12 * years, n)
        ``air_temp`` [degC], ``precip`` [mm/month], ``pet`` [mm/month], ``ndvi`` [1] from January of the first
        run year to December of the last.
    spinup : dict of str -> ndarray, shape (12, n) or (12 N, n)
        The same four: mean January to December of the spin-up years, or N real years from January.
    clay : array_like, shape (n,)
        [%]
    driver : ndarray, shape (years, n) or (years, 1)
        What the yearly input follows, for example fertilizer; only ratios to its first year count.
    options : Options
    dpm_rpm : array_like, shape (n,), optional
        DPM/RPM ratio of the plant input; by default that of the options. [1]
    rate_factor : array_like, shape (12, n) or (12, 1), optional
        Further factor on all decay rates in January to December, for example 0.2 in flooded months; 1 by
        default. It holds in the spin-up too. [1]
    manure : array_like, shape (years, n) or (years, 1), optional
        Manure carbon of each year; the spin-up has that of the first. [kg/m2/year]

    Returns
    -------
    Drivers
    """
    driver = np.asarray(driver, float)
    first = options.sampling_month  # months of the first year up to it belong to the time before t1
    months = np.arange(first, 12 * (len(driver) - 1) + first)
    cycle = {name: _spinup_months(values, options) for name, values in spinup.items()}
    shares = _input_shares(cycle["ndvi"], options)
    cycle = {name: np.roll(values, 12 - first, axis=0) for name, values in cycle.items()}
    cycle_months = np.arange(len(cycle["air_temp"])) - (12 - first)
    factor = np.ones((12, 1)) if rate_factor is None else np.asarray(rate_factor, float)
    forward = {name: np.asarray(values, float)[months] for name, values in run.items()}
    manure_shares = shares_from_weights("manure_months", options.manure_months)[:, np.newaxis]
    manure = None if manure is None else np.asarray(manure, float)
    return Drivers(
        spinup=_weather(cycle, factor[cycle_months % 12], options),
        run=_weather(forward, factor[months % 12], options),
        clay=np.asarray(clay, float),
        depth_cm=options.depth_cm,
        dpm_rpm=np.asarray(options.dpm_rpm if dpm_rpm is None else dpm_rpm, float),
        spinup_shares=shares[cycle_months % 12],
        relative_input=(driver / driver[0])[months // 12] * shares[months % 12],
        spinup_manure=None if manure is None else manure[0] * manure_shares[cycle_months % 12],
        manure=None if manure is None else manure[months // 12] * manure_shares[months % 12],
        pools=options.pools,
    )


def _spinup_months(values, options):
    values = np.asarray(values, float)
    if options.spinup == "real_years":
        return values
    return values.reshape(-1, 12, *values.shape[1:]).mean(axis=0)


def _input_shares(ndvi, options):
    """Shares of January to December (12, n) or (12, 1)."""
    if options.input_months == "ndvi":
        return shares_from_ndvi(ndvi.reshape(-1, 12, *ndvi.shape[1:]).mean(axis=0))
    return shares_from_weights("input_months", options.input_months)[:, np.newaxis]


def _weather(months, factor, options):
    if options.cover == "fraction":
        cover = cover_fraction_from_ndvi(months["ndvi"], options.cover_ndvi_range)
    else:
        cover = cover_from_ndvi(months["ndvi"], options.cover_ndvi)
    return Weather(months["air_temp"], months["precip"], months["pet"], cover, factor)


def build_forcing(
    run, spinup, clay, driver, options: Options, *, dpm_rpm=None, rate_factor=None, manure=None
) -> Forcing:
    """Rates and inputs of the spin-up and of every month after t1: `derive` of what `prepare` returns.

    Parameters
    ----------
    run, spinup, clay, driver, options, dpm_rpm, rate_factor, manure
        As in `prepare`.

    Returns
    -------
    Forcing
    """
    return derive(
        prepare(run, spinup, clay, driver, options, dpm_rpm=dpm_rpm, rate_factor=rate_factor, manure=manure)
    )


def derive(drivers: Drivers) -> Forcing:
    """Rates of the spin-up and of the run from their weather.

    Parameters
    ----------
    drivers : Drivers

    Returns
    -------
    Forcing

    Notes
    -----
    The water bucket is periodic in the spin-up months and runs on from its state at the end of the sampling
    month; it is not emptied in January. NaN in any driver gives NaN for that site alone.
    """
    spinup = drivers.spinup
    water = _columns(spinup.precip, drivers.cell), _columns(spinup.evaporation, drivers.cell)
    soil = drivers.clay, drivers.depth_cm
    at_start = periodic_deficit(*water, *soil, spinup.cover)[-1]
    return Forcing(
        spinup_rate=_rate(spinup, drivers, at_start),
        spinup_shares=drivers.spinup_shares,
        rate=_rate(drivers.run, drivers, at_start),
        relative_input=_columns(drivers.relative_input, drivers.zone),
        clay=drivers.clay,
        dpm_rpm=drivers.dpm_rpm,
        spinup_manure=drivers.spinup_manure,
        manure=drivers.manure,
    )


def _columns(values, index):
    return values if index is None else values[:, index]


def _rate(weather, drivers, deficit):
    return rate_modifier(
        _columns(weather.air_temp, drivers.cell),
        _columns(weather.precip, drivers.cell),
        _columns(weather.evaporation, drivers.cell),
        drivers.clay,
        drivers.depth_cm,
        weather.cover,
        initial_deficit=deficit,
        rate_factor=weather.rate_factor,
    )[0]
