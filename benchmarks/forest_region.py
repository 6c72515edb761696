"""A synthetic region for the forest's benchmark: as large as the paper's, as smooth and as rough as real covariates.

1,100 x 1,100 pixels of 90 m, 77 % of them cropland (0.93 million), 21 years, the 12 covariates of the paper:
hills in the west and a plain in the east, clay of several scales, annual climate in cells of about 4 km, seasonal NDVI
in cells of 250 m with noise from cell to cell and year to year, fertilizer by county. Climate and NDVI come either
bilinear at every pixel, so that all values differ, or as their native cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from poml_map.hybrid import PomlForest, poml_weights

SIDE = 1100
PIXEL = 90.0
YEARS = 21
N_SITES = 428
CLIMATE_CELL = (4630.0, 3990.0)
NDVI_CELL = (250.0, 250.0)
N_COUNTIES = 12
CROPLAND = 0.7686
COVARIATES = [
    "ELEV", "SLP", "SPI", "TMP", "PRE", "PET", "NDVI_DJF", "NDVI_MAM", "NDVI_JJA", "NDVI_SON", "CLAY", "FER",
]  # fmt: skip


def _field(random, shape, width):
    """Smooth noise of mean 0 and deviation 1; features about `width` cells wide."""
    noise = gaussian_filter(random.standard_normal(shape), width, mode="wrap")
    return (noise - noise.mean()) / noise.std()


@dataclass(frozen=True)
class Region:
    """Covariates by what they are made of; a tile of them is made when it is asked for.

    Attributes
    ----------
    static : dict of str -> ndarray (rows, cols) float32
    climate, ndvi : ndarray (covariates, years, cells, cells)
    county : ndarray (rows, cols) of int
    fertilizer : ndarray (years, counties)
    mask : ndarray (rows, cols) of bool
    nearest : bool
        Climate and NDVI as native cells instead of bilinear.
    """

    static: dict[str, np.ndarray]
    climate: np.ndarray
    ndvi: np.ndarray
    county: np.ndarray
    fertilizer: np.ndarray
    mask: np.ndarray
    nearest: bool = False

    def tile(self, rows: slice, cols: slice) -> list[np.ndarray]:
        """Covariates in the order of `COVARIATES`, (rows, cols) or (years, rows, cols) float32."""
        layers = {name: values[rows, cols] for name, values in self.static.items()}
        for names, values, cell in (
            (COVARIATES[3:6], self.climate, CLIMATE_CELL),
            (COVARIATES[6:10], self.ndvi, NDVI_CELL),
        ):
            places = self._cells(rows, cols, cell)
            for name, years in zip(names, values, strict=True):
                layers[name] = np.stack(
                    [
                        map_coordinates(year, places, order=0 if self.nearest else 1, mode="nearest")
                        for year in years
                    ]
                ).astype(np.float32)
        layers["FER"] = self.fertilizer[:, self.county[rows, cols]].astype(np.float32)
        return [layers[name] for name in COVARIATES]

    def _cells(self, rows, cols, cell):
        """Position of every pixel in cells."""
        axes = [
            (np.arange(part.start, part.stop) + 0.5) * PIXEL / size - 0.5
            for part, size in zip((rows, cols), cell, strict=True)
        ]
        return np.meshgrid(*axes, indexing="ij")


def make_region(seed: int = 0) -> Region:
    """The region, the same for a seed."""
    random = np.random.default_rng(seed)
    square = (SIDE, SIDE)
    west = np.clip(np.linspace(1.6, -1.2, SIDE)[None, :] + 0.6 * _field(random, square, 120), 0, None)
    rugged = np.exp(0.3 * _field(random, square, 8))
    elevation = 4 + 2 * _field(random, square, 25) + _field(random, square, 4) + 60 * west**2 * rugged
    elevation = elevation.round(1)
    slope = np.degrees(np.arctan(np.hypot(*np.gradient(elevation, PIXEL))))
    upstream = np.exp(1.2 * _field(random, square, 6) + 2)
    clay = 24 + 5 * _field(random, square, 30) + 2 * _field(random, square, 6) - 2 * west
    static = {
        "ELEV": elevation,
        "SLP": slope,
        "SPI": upstream * np.tan(np.radians(slope)) * PIXEL,
        "CLAY": clay.round(2),
    }
    town = _field(random, square, 10) + 0.7 * _field(random, square, 3) + 0.8 * west
    centres = random.uniform(0, SIDE, (N_COUNTIES, 2))
    place = np.indices(square)
    county = np.argmin([np.hypot(place[0] - y, place[1] - x) for y, x in centres], axis=0)
    growth = np.arange(YEARS) * (1 - 0.012 * np.arange(YEARS))
    fertilizer = (
        random.uniform(180, 260, N_COUNTIES)
        + growth[:, None] * random.uniform(6, 13, N_COUNTIES)
        + 6 * random.standard_normal((YEARS, N_COUNTIES))
    )
    return Region(
        {name: values.astype(np.float32) for name, values in static.items()},
        _climate(random, elevation),
        _ndvi(random),
        county,
        fertilizer.round(1),
        town < np.quantile(town, CROPLAND),
    )


def _cell_counts(cell):
    return tuple(int(np.ceil(SIDE * PIXEL / size)) for size in cell)


def _climate(random, elevation) -> np.ndarray:
    shape = _cell_counts(CLIMATE_CELL)
    row, col = np.indices(shape)
    steps = [
        np.minimum((np.array([row, col][axis]) * CLIMATE_CELL[axis] / PIXEL).astype(int), SIDE - 1)
        for axis in (0, 1)
    ]
    height = elevation[steps[0], steps[1]]
    year = np.arange(YEARS)[:, None, None]
    warm, wet, dry = random.standard_normal((3, YEARS, 1, 1))
    noise = random.standard_normal((3, YEARS, *shape))
    temperature = 16.2 - 0.03 * row - 0.006 * height + 0.45 * warm + 0.03 * (year - 10) + 0.05 * noise[0]
    rain = 1250 + 6 * row + 1.2 * height - 4 * col + 140 * wet * (1 + 0.01 * col) + 15 * noise[1]
    demand = 960 - 2 * row - 0.4 * height + 35 * dry + 4.5 * warm + 6 * noise[2]
    return np.stack([temperature.round(2), rain.round(), demand.round()]).astype(np.float32)


def _ndvi(random) -> np.ndarray:
    shape = _cell_counts(NDVI_CELL)
    values = np.empty((4, YEARS, *shape), np.float32)
    for season, level in enumerate((0.32, 0.48, 0.62, 0.45)):
        lasting = 0.06 * _field(random, shape, 12) + 0.03 * _field(random, shape, 2)
        for year in range(YEARS):
            passing = 0.015 * (
                random.standard_normal() + _field(random, shape, 8) + random.standard_normal(shape)
            )
            values[season, year] = (level + lasting + passing + 0.002 * (year - 10)).round(4)
    return values


def training_rows(region: Region, seed: int = 0):
    """Covariates, stocks [kg/m2] and Eq. 8 weights of 428 sites in 21 years, the middle 19 of them simulated."""
    random = np.random.default_rng(seed)
    at = random.choice(np.flatnonzero(region.mask), N_SITES, replace=False)
    row, col = np.divmod(np.sort(at), SIDE)
    table = np.empty((N_SITES, YEARS, len(COVARIATES)), np.float32)
    for site, (y, x) in enumerate(zip(row, col, strict=True)):
        for number, values in enumerate(region.tile(slice(y, y + 1), slice(x, x + 1))):
            table[site, :, number] = values.reshape(-1)
    clay, elevation = table[:, 0, COVARIATES.index("CLAY")], table[:, 0, 0]
    start = 3.9 + 0.025 * (clay - 24) - 0.003 * elevation + 0.6 * random.standard_normal(N_SITES)
    gain = np.clip(0.5 + 0.25 * random.standard_normal(N_SITES), -0.3, 1.4)
    path = (1 - np.exp(-np.arange(YEARS) / 12)) / (1 - np.exp(-(YEARS - 1) / 12))
    stock = start[:, None] + gain[:, None] * path + 0.01 * random.standard_normal((N_SITES, YEARS))
    seen = np.zeros((N_SITES, YEARS), bool)
    seen[:, [0, -1]] = True
    stock[seen] += 0.15 * random.standard_normal(seen.sum())
    weights = poml_weights(int(seen.sum()), int((~seen).sum()), 0.5)
    return table.reshape(-1, len(COVARIATES)), stock.ravel(), np.where(seen, *weights).ravel()


def canonical_forest(region: Region, n_trees: int = 200) -> PomlForest:
    """The forest of the paper: fully grown trees on even draws, weights in the loss."""
    return PomlForest(n_trees=n_trees, n_jobs=2).fit(*training_rows(region))
