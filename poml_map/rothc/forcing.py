"""From monthly weather, cover and a yearly input driver to what the pools feel.

One place turns drivers into rates and inputs, so that sites and maps cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poml_map.rothc.rates import cover_from_ndvi, periodic_deficit, rate_modifier


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
        NDVI from which soil counts as covered.
    input_months : tuple of 12 float
        Share of the yearly input in January to December; scaled to sum 1.
    dpm_rpm : float
        DPM/RPM ratio of the input.
    pools : {"equilibrium", "weihermueller"}
    """

    depth_cm: float = 20.0
    sampling_month: int = 12
    cover_ndvi: float = 0.4
    input_months: tuple[float, ...] = (1.0,) * 12
    dpm_rpm: float = 1.44
    pools: str = "equilibrium"

    @property
    def month_shares(self) -> np.ndarray:
        """Input shares of January to December, sum 1."""
        weights = np.asarray(self.input_months, float)
        return weights / weights.sum()


@dataclass(frozen=True)
class Forcing:
    """What drives the pools of n sites or pixels.

    Attributes
    ----------
    spinup_rate : ndarray, shape (12, n)
        a*b*c of the mean year, the sampling month last. [-]
    spinup_shares : ndarray, shape (12,)
        Share of the yearly input in these months. [1]
    rate : ndarray, shape (months, n)
        a*b*c of the months after t1. [-]
    relative_input : ndarray, shape (months, n)
        Input of the month over the yearly input of the driver's first year. [1]
    clay : ndarray, shape (n,)
        [%]
    """

    spinup_rate: np.ndarray
    spinup_shares: np.ndarray
    rate: np.ndarray
    relative_input: np.ndarray
    clay: np.ndarray

    @property
    def record(self) -> np.ndarray:
        """Months run at each year's stock, from 0 (t1) to the last year."""
        return np.arange(0, len(self.rate) + 1, 12)


def build_forcing(run, spinup, clay, driver, options: Options) -> Forcing:
    """Rates and inputs of the mean spin-up year and of every month after t1.

    Parameters
    ----------
    run : dict of str -> ndarray, shape (12 * years, n)
        ``air_temp`` [degC], ``precip`` [mm/month], ``pet`` [mm/month], ``ndvi`` [1] from January of the first
        run year to December of the last.
    spinup : dict of str -> ndarray, shape (12, n)
        The same four, mean January to December of the spin-up years.
    clay : array_like, shape (n,)
        [%]
    driver : ndarray, shape (years, n)
        What the yearly input follows, for example fertilizer; only ratios to its first year count.
    options : Options

    Returns
    -------
    Forcing

    Notes
    -----
    The water bucket is periodic in the mean year and runs on from its state at the end of the sampling month;
    it is not emptied in January. NaN in any driver gives NaN for that site alone.
    """
    clay = np.asarray(clay, float)
    start = options.sampling_month  # months before it belong to the year of t1
    rotated = {name: np.roll(np.asarray(values, float), -start, axis=0) for name, values in spinup.items()}
    cover = cover_from_ndvi(rotated["ndvi"], options.cover_ndvi)
    at_start = periodic_deficit(rotated["precip"], rotated["pet"], clay, options.depth_cm, cover)[-1]
    spinup_rate = _rate(rotated, cover, clay, options, at_start)
    last = 12 * len(driver) - (12 - start)
    forward = {name: np.asarray(values[start:last], float) for name, values in run.items()}
    cover = cover_from_ndvi(forward["ndvi"], options.cover_ndvi)
    rate = _rate(forward, cover, clay, options, at_start)
    ratio = np.asarray(driver, float) / np.asarray(driver[0], float)
    shares = options.month_shares
    months = np.arange(start, last)
    relative = ratio[months // 12] * shares[months % 12][:, None]
    return Forcing(spinup_rate, np.roll(shares, -start), rate, relative, clay)


def _rate(drivers, cover, clay, options: Options, deficit):
    return rate_modifier(
        drivers["air_temp"],
        drivers["precip"],
        drivers["pet"],
        clay,
        options.depth_cm,
        cover,
        initial_deficit=deficit,
    )[0]
