"""From monthly weather, cover and a yearly input driver to what the pools feel.

One place turns drivers into rates and inputs, so that sites and maps cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import params
from .drivers import Drivers, Weather
from .given import Given
from .inputs import crop_calendar_shares, shares_from_ndvi, shares_from_weights
from .moisture import periodic_deficit
from .options import Options
from .rates import cover_fraction_from_ndvi, cover_from_ndvi, rate_modifier

__all__ = ["Forcing", "Options", "build_forcing", "crop_calendar_shares", "derive", "prepare"]


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
    run,
    spinup,
    clay,
    driver,
    options: Options,
    *,
    dpm_rpm=None,
    rate_factor=None,
    manure=None,
    cell=None,
    zone=None,
) -> Drivers:
    """Drivers by calendar, brought into run order: the spin-up ends with the sampling month, then the run begins.

    Parameters
    ----------
    run : dict of str -> array_like, shape (12 * years, n)
        ``air_temp`` [degC], ``precip`` [mm/month], ``pet`` [mm/month], ``ndvi`` [1] from January of the first
        run year to December of the last.
    spinup : dict of str -> array_like, shape (12, n) or (12 N, n)
        The same four: mean January to December of the spin-up years, or N real years from January. With
        ``spinup="mean_months"`` real years are averaged by calendar month.
    clay : array_like, shape (n,)
        [%]
    driver : array_like, shape (years, n) or (years, 1)
        What the yearly input follows, for example fertilizer; only ratios to its first year count, so ones are the
        same input in every year.
    options : Options
    dpm_rpm : array_like, shape (n,), optional
        DPM/RPM ratio of the plant input; by default that of the options. [1]
    rate_factor : array_like, shape (12, n) or (12, 1), optional
        Further factor on all decay rates in January to December, as in `presets`; 1 by default. It holds in
        the spin-up too. [1]
    manure : array_like, shape (years, n) or (years, 1), optional
        Manure carbon of each year; the spin-up has that of the first. [kg/m2/year]
    cell : array_like of int, shape (n,), optional
        For weather of coarse cells: the column of ``air_temp``, ``precip`` and ``pet`` that a pixel reads.
    zone : array_like of int, shape (n,), optional
        For a driver by zone: the column of `driver` that a pixel reads.

    Returns
    -------
    Drivers
        Arrays are shared with the arguments where nothing had to be changed. A missing value stays one.

    Raises
    ------
    ValueError
        If a value is out of its range, the driver is 0 in the first year, months are no whole years, or shapes do
        not fit together.

    Notes
    -----
    With a sampling month before December the spin-up begins with the months after it: in the mean year, or in a cycle
    of real years with the end of the last year, so that the cycle ends with the sampling month of its last year.

    Examples
    --------
    >>> weather = {"air_temp": 10.0, "precip": 60.0, "pet": 50.0, "ndvi": 0.6}
    >>> year = {name: np.full((12, 1), value) for name, value in weather.items()}
    >>> run = {name: np.tile(values, (3, 1)) for name, values in year.items()}
    >>> drivers = prepare(run, year, [20.0], [[80.0], [120.0], [160.0]], Options(sampling_month=9))
    >>> len(drivers.spinup.air_temp), len(drivers.run.air_temp), drivers.record.tolist()
    (12, 24, [0, 12, 24])
    >>> (12 * drivers.relative_input[::6, 0]).round(3)
    array([1. , 1.5, 1.5, 2. ])
    """
    given = Given(run, spinup, clay, driver, dpm_rpm, rate_factor, manure, cell, zone)
    first = options.sampling_month  # months of the first year up to it belong to the time before t1
    after_t1 = slice(first, params.MONTHS_PER_YEAR * (given.years - 1) + first)
    months = np.arange(after_t1.start, after_t1.stop)
    year, month = months // params.MONTHS_PER_YEAR, months % params.MONTHS_PER_YEAR
    cycle = {name: _spinup_months(values, options) for name, values in given.spinup.items()}
    shares = _input_shares(cycle["ndvi"], options, given)
    cycle = {name: _ending_with(values, first) for name, values in cycle.items()}
    cycle_month = (np.arange(len(cycle["ndvi"])) + first) % params.MONTHS_PER_YEAR
    by_pixel = given.zone is not None and shares.shape[1:] == given.shape
    ratio = given.ratio[:, given.zone] if by_pixel else given.ratio
    manure_shares = given.beside_sites(shares_from_weights("manure_months", options.manure_months))
    return Drivers(
        spinup=_weather(cycle, given.rate_factor[cycle_month], options),
        run=_weather(
            {name: values[after_t1] for name, values in given.run.items()}, given.rate_factor[month], options
        ),
        clay=given.clay,
        depth_cm=options.depth_cm,
        dpm_rpm=np.asarray(options.dpm_rpm, float) if given.dpm_rpm is None else given.dpm_rpm,
        spinup_shares=shares[cycle_month],
        relative_input=ratio[year] * shares[month],
        spinup_manure=None if manure is None else given.manure[0] * manure_shares[cycle_month],
        manure=None if manure is None else given.manure[year] * manure_shares[month],
        cell=given.cell,
        zone=None if by_pixel else given.zone,
        pools=options.pools,
    )


def _spinup_months(values, options):
    if options.spinup == "real_years":
        return values
    return values.reshape(-1, params.MONTHS_PER_YEAR, *values.shape[1:]).mean(axis=0)


def _ending_with(values, month):
    """Months from January turned so that the last one is `month` (1-12) of the last year."""
    return (
        values if month == params.MONTHS_PER_YEAR else np.roll(values, params.MONTHS_PER_YEAR - month, axis=0)
    )


def _input_shares(ndvi, options, given):
    """Shares of January to December (12, n) or (12, 1)."""
    if options.input_months == "ndvi":
        return shares_from_ndvi(ndvi)
    return given.beside_sites(shares_from_weights("input_months", options.input_months))


def _weather(months, factor, options):
    if options.cover == "fraction":
        cover = cover_fraction_from_ndvi(months["ndvi"], options.cover_ndvi_range)
    else:
        cover = cover_from_ndvi(months["ndvi"], options.cover_ndvi)
    return Weather(months["air_temp"], months["precip"], months["pet"], cover, factor)


def build_forcing(run, spinup, clay, driver, options: Options, **others) -> Forcing:
    """Rates and inputs of the spin-up and of every month after t1: `derive` of what `prepare` returns.

    Parameters
    ----------
    run, spinup, clay, driver, options, **others
        As in `prepare`.

    Returns
    -------
    Forcing

    Raises
    ------
    ValueError
        As `prepare`.

    Examples
    --------
    >>> weather = {"air_temp": 9.25, "precip": 60.0, "pet": 50.0, "ndvi": 0.6}
    >>> year = {name: np.full((12, 1), value) for name, value in weather.items()}
    >>> build_forcing(year, year, [20.0], [[80.0]], Options()).spinup_rate[0].round(3)
    array([0.597])
    """
    return derive(prepare(run, spinup, clay, driver, options, **others))


def derive(drivers: Drivers) -> Forcing:
    """Rates of the spin-up and of the run from their weather.

    Parameters
    ----------
    drivers : Drivers

    Returns
    -------
    Forcing
        NaN in any driver gives NaN for that site alone: in the month without a temperature or rate factor, and
        from the month on in which the state of the water bucket is lost.

    Raises
    ------
    ValueError
        If a value is out of its range or shapes do not fit together.

    Notes
    -----
    The water bucket is periodic in the spin-up months and runs on from its state at the end of the sampling
    month; it is not emptied in January.
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
