"""Monthly weather of 1960-2000 on the cells of a global climate data set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from poml_map.demo.fields import Field, Lattice, random_field, stream
from poml_map.demo.sizes import CLIMATE_YEARS, Size
from poml_map.demo.terrain import Terrain

#: Cell of the data set. [degree]
STEP = 1 / 24

# Months of a humid subtropical year: mean of the day, half of its range, rain, demand of the air.
_MEAN = np.array([4.1, 5.6, 9.7, 15.6, 20.8, 24.7, 28.8, 28.2, 23.7, 18.2, 12.3, 6.5])
_HALF_RANGE = np.array([3.6, 3.7, 4.1, 4.7, 4.7, 3.8, 4.0, 3.9, 3.7, 4.2, 4.4, 4.2])
_RAIN = np.array([64, 76, 122, 116, 132, 214, 142, 148, 118, 74, 62, 44.0])
_DEMAND = np.array([35, 41, 64, 91, 117, 119, 153, 144, 104, 79, 51, 37.0])
# Of a single month, from year to year.
_HEAT_SPREAD = np.array([1.5, 1.6, 1.3, 1.1, 0.9, 0.8, 1.0, 0.9, 0.9, 1.0, 1.2, 1.4])
_RAIN_SPREAD = 0.38

_LAPSE_PER_M = -0.0054
_RAIN_PER_M = 0.00032
_MIDDLE_LATITUDE = 30.55
_NORTHWARD = -0.55
_WARMING_START, _WARMING_PER_YEAR = 1985, 0.03
# Share of the spread that all cells have in common; the rest differs from place to place.
_COMMON = 0.93


@dataclass(frozen=True)
class Climate:
    """The weather, months of each year in order.

    Attributes
    ----------
    lattice : Lattice
    mean, half_range : ndarray, shape (years 1960-2000, 12, rows, columns)
        Temperature of the day and half of its range. [degC]
    rain, demand : ndarray, same shape
        Precipitation and potential evapotranspiration. [mm/month]
    """

    lattice: Lattice
    mean: np.ndarray
    half_range: np.ndarray
    rain: np.ndarray
    demand: np.ndarray

    def variable(self, name: str, year: int) -> np.ndarray:
        """A variable under its name in TerraClimate, shape (12, rows, columns)."""
        at = CLIMATE_YEARS.index(year)
        if name in ("tmin", "tmax"):
            return self.mean[at] + (self.half_range[at] if name == "tmax" else -self.half_range[at])
        return {"ppt": self.rain, "pet": self.demand}[name][at]


def make_climate(size: Size, seed: int, terrain: Terrain) -> Climate:
    """The weather over the frame and two cells around it."""
    lattice = Lattice.over(size.bounds, STEP, border=2 * STEP)
    height = _smooth_height(terrain, lattice)
    heat, wetness = _anomalies(size, seed, lattice)
    north = lattice.points[1] - _MIDDLE_LATITUDE
    mean = _by_month(_MEAN) + heat + _LAPSE_PER_M * height + _NORTHWARD * north
    # Rainy months are cloudy: days are less hot against the nights, and the air demands less.
    half_range = _by_month(_HALF_RANGE) * (1.0 - 0.12 * np.tanh(wetness)) * (1.0 + 1e-4 * height)
    rain = _by_month(_RAIN) * np.exp(_RAIN_SPREAD * wetness - _RAIN_SPREAD**2 / 2)
    rain = rain * (1.0 + _RAIN_PER_M * height - 0.05 * north)
    demand = _by_month(_DEMAND) * (1.0 + 0.028 * (mean - _by_month(_MEAN)) - 0.05 * np.tanh(wetness))
    return Climate(lattice, mean, half_range, rain, np.maximum(demand, 5.0))


def _by_month(values: np.ndarray) -> np.ndarray:
    return values[:, None, None]


def _smooth_height(terrain: Terrain, lattice: Lattice) -> np.ndarray:
    """Mean height around each cell's centre. [m]"""
    fine = terrain.height
    cells = 0.35 * lattice.step / fine.lattice.step
    smooth = ndimage.gaussian_filter(fine.values, cells, mode="nearest")
    return Field(fine.lattice, smooth).at(*lattice.points)


def _anomalies(size: Size, seed: int, lattice: Lattice) -> tuple[np.ndarray, np.ndarray]:
    """Heat [degC] and wetness [standard deviations], shape (years, 12, rows, columns)."""
    rng = stream(seed, "weather")
    years = np.array(CLIMATE_YEARS)
    months = (len(years), 12)
    wet_year = rng.normal(0, 0.3, (len(years), 1))
    wet = wet_year + rng.normal(0, 0.9, months)
    warm = 0.35 * rng.normal(0, 1.0, (len(years), 1)) + 0.9 * rng.normal(0, 1, months) - 0.25 * wet
    warming = _WARMING_PER_YEAR * np.clip(years - _WARMING_START, 0, None)
    heat = (_HEAT_SPREAD * warm * 0.8 + warming[:, None])[:, :, None, None]
    return heat + 0.12 * _local(size, rng, lattice), _COMMON * wet[:, :, None, None] + np.sqrt(
        1 - _COMMON**2
    ) * _local(size, rng, lattice)


def _local(size: Size, rng: np.random.Generator, lattice: Lattice) -> np.ndarray:
    """Weather that differs within the region: each month a mixture of a few broad patterns."""
    patterns = [random_field(rng, lattice.bounds, 90 * size.stretch, 4).at(*lattice.points) for _ in range(6)]
    mixture = rng.normal(0, 1 / np.sqrt(len(patterns)), (len(CLIMATE_YEARS), 12, len(patterns)))
    return np.tensordot(mixture, np.array(patterns), axes=1)
