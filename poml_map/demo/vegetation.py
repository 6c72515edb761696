"""Monthly NDVI of 1982-2000: two crops a year, forest, water and towns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from poml_map.demo.climate import Climate
from poml_map.demo.fields import Field, Lattice, stream
from poml_map.demo.land import BUILT_UP, CROPLAND, FOREST, OTHER, WATER, Land
from poml_map.demo.sizes import CLIMATE_YEARS, NDVI_YEARS, Size

#: What a stored number is multiplied by, and the number that means: no data.
SCALE = 0.0001
NODATA = -3000

# Steps that the numbers are stored in: a hundredth of NDVI is less than its error, and packs well.
_STORED_STEP = 50

# January to December. Cropland: winter wheat and rape until May, bare paddies in June, rice until October.
_CURVES = {
    CROPLAND: [0.34, 0.37, 0.48, 0.60, 0.49, 0.37, 0.58, 0.72, 0.68, 0.52, 0.38, 0.34],
    BUILT_UP: [0.20, 0.21, 0.23, 0.27, 0.29, 0.29, 0.30, 0.31, 0.29, 0.27, 0.24, 0.21],
    WATER: [-0.08, -0.08, -0.06, -0.04, -0.02, 0.00, 0.02, 0.03, 0.01, -0.02, -0.05, -0.07],
    FOREST: [0.55, 0.56, 0.61, 0.70, 0.77, 0.79, 0.82, 0.82, 0.79, 0.72, 0.64, 0.58],
    OTHER: [0.40, 0.42, 0.49, 0.56, 0.58, 0.57, 0.61, 0.63, 0.59, 0.53, 0.47, 0.42],
}
# How much a better place shows in each month, for one standard deviation of vigour.
_VIGOUR = 0.040
# More fertilizer, greener fields: over the run. [NDVI]
_GREENING = 0.035
_YEAR_SPREAD, _CELL_SPREAD, _MONTH_SPREAD = 0.018, 0.022, 0.012


@dataclass(frozen=True)
class Vegetation:
    """NDVI of any year on its own cells.

    Attributes
    ----------
    lattice : Lattice
    mean_year : ndarray, shape (12, rows, columns)
        The year as it is without weather and chance.
    season : ndarray, same shape
        How much of a good or bad year a month shows: most in full growth, nothing on water. [0-1]
    weather : ndarray, shape (years 1982-2000, 12)
        [NDVI]
    seed : int
    """

    lattice: Lattice
    mean_year: np.ndarray
    season: np.ndarray
    weather: np.ndarray
    seed: int

    def year(self, year: int) -> np.ndarray:
        """NDVI as stored, shape (12, rows, columns), int16: multiply by `SCALE`."""
        rng = stream(self.seed, f"ndvi {year}")
        at = NDVI_YEARS.index(year)
        cell = _CELL_SPREAD * ndimage.gaussian_filter(
            rng.standard_normal(self.lattice.shape, dtype=np.float32), 1.0, mode="nearest"
        ) * 2.0 * np.sqrt(np.pi)  # fmt: skip
        common = self.weather[at] + _GREENING * at / (len(NDVI_YEARS) - 1)
        stored = np.empty((12, *self.lattice.shape), np.int16)
        for month in range(12):
            noise = rng.standard_normal(self.lattice.shape, dtype=np.float32)
            ndvi = self.mean_year[month] + self.season[month] * (common[month] + cell) + _MONTH_SPREAD * noise
            steps = np.rint(np.clip(ndvi, -0.19, 0.95) / (SCALE * _STORED_STEP))
            stored[month] = steps.astype(np.int16) * _STORED_STEP
        return stored


def make_vegetation(size: Size, seed: int, land: Land, climate: Climate) -> Vegetation:
    """The vegetation of one size and seed."""
    border = 3 * size.ndvi_step
    lattice = Lattice.over(size.bounds, size.ndvi_step, border)
    shares = _shares(land.cover, lattice)
    curves = np.array([_CURVES[kind] for kind in shares], np.float32)
    mean_year = np.tensordot(curves.T, np.array(list(shares.values())), axes=1)
    season = np.clip(mean_year / 0.7, 0, 1.2)
    mean_year += _VIGOUR * season * land.vigour.at(*lattice.points)
    return Vegetation(lattice, mean_year, season, _weather(seed, climate), seed)


def _shares(cover: Field, lattice: Lattice) -> dict[int, np.ndarray]:
    """Share of each class around a cell's centre."""
    blur = 0.4 * lattice.step / cover.lattice.step
    shares = {}
    for kind in _CURVES:
        smooth = ndimage.gaussian_filter((cover.values == kind).astype(np.float32), blur, mode="nearest")
        shares[kind] = Field(cover.lattice, smooth).at(*lattice.points)
    return shares


def _weather(seed: int, climate: Climate) -> np.ndarray:
    """Greener after warm springs and in years without drought. [NDVI]"""
    first = CLIMATE_YEARS.index(NDVI_YEARS[0])
    heat = climate.mean[first:].mean(axis=(2, 3))
    rain = np.log(climate.rain[first:].mean(axis=(2, 3)))
    heat, rain = heat - heat.mean(axis=0), rain - rain.mean(axis=0)
    chance = stream(seed, "ndvi weather").normal(0, _YEAR_SPREAD, heat.shape)
    cool_half = np.cos((np.arange(12) - 0.5) / 6 * np.pi)
    return 0.009 * heat * np.clip(cool_half, 0, None) + 0.012 * rain * (cool_half < 0) + 0.6 * chance
