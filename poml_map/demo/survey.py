"""The soil survey: where it was sampled, and what the laboratory found in both years."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyproj

from poml_map.demo.fields import stream
from poml_map.demo.land import CROPLAND
from poml_map.demo.sizes import CAMPAIGNS, RUN_YEARS
from poml_map.demo.truth import PARAMETERS
from poml_map.demo.world import GRID_CRS, Places, World
from poml_map.grid import Grid

#: Depth of the sampled topsoil. [m]
DEPTH = 0.2

# Candidates tried for each site, and the distance they keep relative to an even spread.
_CANDIDATES = 40
_DISTANCE = 0.62
# Sites lie off their pixel's centre by up to this share of its side.
_JITTER = 0.3


def choose_sites(world: World, grid: Grid, places: Places) -> np.ndarray:
    """Positions in `places`, shape (sites,): at random, but not close to each other, as surveyors plan them."""
    rng = stream(world.seed, "sites")
    wanted = world.size.n_sites
    tried = rng.permutation(len(places.index))[: _CANDIDATES * wanted]
    x, y = grid.x[places.index[tried] % grid.width], grid.y[places.index[tried] // grid.width]
    apart = _DISTANCE * np.sqrt(len(places.index) / wanted) * grid.resolution[0]
    while True:
        kept = _keep_apart(x, y, apart, wanted)
        if len(kept) == wanted:
            return tried[kept]
        apart *= 0.95


def _keep_apart(x: np.ndarray, y: np.ndarray, apart: float, wanted: int) -> np.ndarray:
    free, kept = np.ones(len(x), bool), []
    while len(kept) < wanted and free.any():
        first = int(np.argmax(free))
        kept.append(first)
        free &= np.hypot(x - x[first], y - y[first]) > apart
    return np.array(kept)


def samples(world: World, grid: Grid, places: Places, chosen: np.ndarray, stock: np.ndarray) -> pd.DataFrame:
    """What the survey hands over: one row for each site and campaign.

    Parameters
    ----------
    world : World
    grid : Grid
    places : Places
    chosen : ndarray of int, shape (sites,)
        See `choose_sites`.
    stock : ndarray, shape (years 1980-2000, n places)
        True stock. [kg/m2]

    Returns
    -------
    pandas.DataFrame
        `site`, `lon`, `lat`, `year`, `soc_g_kg`: carbon content, rounded as laboratories report it.

    References
    ----------
    Zhang et al. (2024), doi 10.1016/j.scitotenv.2024.170778, Eq. 1, solved for the content.
    """
    error = stream(world.seed, "laboratory").normal(0, PARAMETERS["measurement_sd"], (2, len(chosen)))
    lon, lat = _positions(world, grid, places, chosen)
    centre = places.lon[chosen], places.lat[chosen]
    fine_soil = world.land.bulk_density(*centre) * (1.0 - world.land.coarse_fragments(*centre) / 100.0)
    frames = []
    for at, year in enumerate(CAMPAIGNS):
        measured = np.maximum(stock[RUN_YEARS.index(year), chosen] + error[at], 0.2)
        content = measured / (fine_soil * DEPTH)
        sites = [f"S{number:03d}" for number in range(1, len(chosen) + 1)]
        frames.append(
            pd.DataFrame(
                {
                    "site": sites,
                    "lon": lon,
                    "lat": lat,
                    "year": year,
                    "soc_g_kg": content.astype(float).round(2),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _positions(world: World, grid: Grid, places: Places, chosen: np.ndarray):
    """Longitude and latitude near the pixels' centres, on cropland too."""
    off = stream(world.seed, "positions").uniform(-_JITTER, _JITTER, (2, len(chosen))) * grid.resolution[0]
    row, col = np.divmod(places.index[chosen], grid.width)
    change = pyproj.Transformer.from_crs(GRID_CRS, "EPSG:4326", always_xy=True)
    lon, lat = change.transform(grid.x[col] + off[0], grid.y[row] + off[1])
    on_field = world.land.cover.at(lon, lat, order=0) == CROPLAND
    lon = np.where(on_field, lon, places.lon[chosen])
    lat = np.where(on_field, lat, places.lat[chosen])
    return lon.round(6), lat.round(6)


def true_table(chosen: np.ndarray, stock: np.ndarray) -> pd.DataFrame:
    """The true stock at each site and year: `site`, `year`, `stock_kg_m2`."""
    sites = [f"S{number:03d}" for number in range(1, len(chosen) + 1)]
    return pd.DataFrame(
        {
            "site": np.repeat(sites, len(RUN_YEARS)),
            "year": np.tile(np.array(RUN_YEARS), len(chosen)),
            "stock_kg_m2": stock[:, chosen].T.ravel().astype(float).round(4),
        }
    )
