"""What drives RothC at n sites or pixels, month by month in run order: one form for the plain and the compiled path.

Weather may be held once per cell of a coarse source and the yearly input once per zone; `cell` and `zone` say which
column a pixel reads. Everything else has one column per pixel, or one for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Weather:
    """Months of a series.

    Attributes
    ----------
    air_temp : ndarray, shape (months, k)
        [degC]
    precip, evaporation : ndarray, shape (months, k)
        Rain, and what the water bucket loses (potential evapotranspiration as it is). [mm/month]
    cover : ndarray, shape (months, n)
        Covered share of the soil, 0 to 1. [1]
    rate_factor : ndarray, shape (months, n) or (months, 1)
        Further factor on all decay rates, 1 where nothing is known. [1]
    """

    air_temp: np.ndarray
    precip: np.ndarray
    evaporation: np.ndarray
    cover: np.ndarray
    rate_factor: np.ndarray


@dataclass(frozen=True)
class Drivers:
    """The spin-up and the run of n pixels.

    Attributes
    ----------
    spinup : Weather
        12 months (the mean year) or 12 N (N real years in a cycle), the sampling month last.
    run : Weather
        Months after t1, a multiple of 12.
    clay : ndarray, shape (n,)
        [%]
    depth_cm : float
        [cm]
    dpm_rpm : ndarray, shape (n,) or ()
        DPM/RPM ratio of the plant input. [1]
    spinup_shares : ndarray, shape (12 or 12 N, n) or (12 or 12 N, 1)
        Share of a year's plant input in each spin-up month; every 12 of them sum to 1. [1]
    relative_input : ndarray, shape (months, z)
        Plant input of a month after t1 over the yearly input at t1; z is n, 1 or the number of zones. [1]
    spinup_manure, manure : ndarray, shape (months, n), or None
        Manure carbon of each month, not scaled by anything. [kg/m2]
    cell : ndarray of int, shape (n,), optional
        Column of `air_temp`, `precip` and `evaporation` that a pixel reads; without it k is n.
    zone : ndarray of int, shape (n,), optional
        Column of `relative_input` that a pixel reads; without it z is n or 1.
    pools : {"equilibrium", "weihermueller"}
        Rule of the starting pools, see `spinup.start_state`.
    """

    spinup: Weather
    run: Weather
    clay: np.ndarray
    depth_cm: float
    dpm_rpm: np.ndarray
    spinup_shares: np.ndarray
    relative_input: np.ndarray
    spinup_manure: np.ndarray | None = None
    manure: np.ndarray | None = None
    cell: np.ndarray | None = None
    zone: np.ndarray | None = None
    pools: str = "equilibrium"

    @property
    def record(self) -> np.ndarray:
        """Months run at each year's stock, from 0 (t1) to the last year."""
        return np.arange(0, len(self.run.air_temp) + 1, 12)


@dataclass(frozen=True)
class Course:
    """How the carbon of n pixels went from t1 on.

    Attributes
    ----------
    stock : ndarray, shape (years, n)
        At the end of the sampling month, t1 first. [kg/m2]
    annual_input : ndarray, shape (n,)
        Plant input that holds the first stock in the spin-up, Eq. 6. [kg/m2/year]
    added, respired : ndarray, shape (n,)
        Carbon added and respired over the whole run; their difference is what the stock gained. [kg/m2]
    pools : ndarray, shape (years, 5, n), or None
        DPM, RPM, BIO, HUM, IOM; kept on demand. [kg/m2]
    yearly_respired : ndarray, shape (years - 1, n), or None
        CO2 of the 12 months before each stock but the first; kept on demand. [kg/m2/year]
    """

    stock: np.ndarray
    annual_input: np.ndarray
    added: np.ndarray
    respired: np.ndarray
    pools: np.ndarray | None = None
    yearly_respired: np.ndarray | None = None
