"""Labelled inputs of RothC: one site, three sites, a small cube."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

YEARS = 3


@pytest.fixture
def site():
    """Three years of one site in the program's own units, 23.4 % clay."""
    time = pd.date_range("2000-01-01", periods=12 * YEARS, freq="MS")
    month = np.arange(12 * YEARS) % 12
    season = np.sin((month - 3) * np.pi / 6)
    rain = 60 * np.random.default_rng(1).uniform(0.2, 1.5, month.size)
    return xr.Dataset(
        {
            "air_temp": ("time", 12 + 10 * season),
            "precip": ("time", rain),
            "pet": ("time", 60 + 50 * season),
            "cover": ("time", (season > -0.5).astype(float)),
            "c_input": ("time", 0.03 + 0.02 * season),
            "clay": 23.4,
        },
        coords={"time": time},
    )


@pytest.fixture
def start():
    """Pools before the first month. [kg/m2]"""
    return xr.Dataset({"DPM": 0.02, "RPM": 0.6, "BIO": 0.1, "HUM": 4.0, "IOM": 0.4})


@pytest.fixture
def sites(site):
    """Three sites that differ in temperature, clay and depth."""
    by_site = {"site": ["A", "B", "C"]}
    warmer = xr.DataArray([0.0, 1.5, -2.0], by_site)
    data = site.assign(air_temp=site.air_temp + warmer)
    data = data.transpose("time", ...)
    return data.assign(clay=("site", [10.0, 25.0, 40.0]), depth=("site", [20.0, 30.0, 20.0]))


@pytest.fixture
def cube(site):
    """4 x 5 pixels, one of them without clay and one without rain."""
    places = {"y": [3.5, 2.5, 1.5, 0.5], "x": [0.5, 1.5, 2.5, 3.5, 4.5]}
    random = np.random.default_rng(2)
    shift = xr.DataArray(random.normal(0, 2, (4, 5)), places)
    clay = xr.DataArray(random.uniform(2, 60, (4, 5)), places)
    clay[1, 2] = np.nan
    data = site.assign(
        air_temp=site.air_temp + shift, precip=site.precip * (1 + 0.1 * shift), clay=clay
    ).transpose("time", ...)
    data["precip"][:, 3, 0] = np.nan
    return data
