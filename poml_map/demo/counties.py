"""Counties as polygons without gaps or overlaps, and what their farmers spread on the fields."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas
import numpy as np
import pandas as pd
import shapely

from poml_map.demo.fields import KM_PER_DEGREE, random_field, spread, stream
from poml_map.demo.sizes import RUN_YEARS, Size
from poml_map.demo.terrain import Terrain, frame

# Invented; no place of the real region is meant.
_NAMES = (
    "Anhe", "Beilan", "Chunxi", "Dongmei", "Fengqu", "Guyan", "Hetang", "Jinlu", "Lianpu", "Mingsha",
    "Qingdai", "Yunkou",
)  # fmt: skip
_LLOYD_PASSES = 20
# How far the county borders leave the straight line. [km]
_BORDER_WIGGLE = 4.0
# Fertilizer of 1980 and by how much it grew until 2000, lowest and highest county. [kg/ha, -]
_RATE_1980 = (130.0, 220.0)
_GROWTH = (1.75, 2.4)


@dataclass(frozen=True)
class Counties:
    """Polygons and their yearly fertilizer.

    Attributes
    ----------
    table : geopandas.GeoDataFrame
        `code`, `name`, `geometry`, EPSG:4326.
    fertilizer : ndarray, shape (counties, years 1980-2000)
        [kg/ha]
    seats : ndarray, shape (counties, 2)
        Longitude and latitude of the largest town.
    """

    table: geopandas.GeoDataFrame
    fertilizer: np.ndarray
    seats: np.ndarray

    def fertilizer_table(self) -> pd.DataFrame:
        """One row for each county and year, as a yearbook has it."""
        codes = np.repeat(self.table["code"].to_numpy(), len(RUN_YEARS))
        years = np.tile(np.array(RUN_YEARS), len(self.table))
        return pd.DataFrame({"code": codes, "year": years, "fert_kg_ha": self.fertilizer.ravel()})


def make_counties(size: Size, seed: int, terrain: Terrain) -> Counties:
    """The counties of one size and seed."""
    plots = _plots(size, seed)
    centres = np.array([[point.x, point.y] for point in shapely.centroid(plots)])
    chosen = _territory(size, seed, terrain, plots, centres)
    plots, centres = plots[chosen], centres[chosen]
    owner = _owners(size, seed, centres)
    shapes = [shapely.coverage_union_all(plots[owner == county]) for county in range(size.n_counties)]
    seats = np.array([_seat(centres[owner == county]) for county in range(size.n_counties)])
    codes = [f"{33_05_01 + county:07d}" for county in range(size.n_counties)]
    table = geopandas.GeoDataFrame(
        {"code": codes, "name": list(_NAMES[: size.n_counties])}, geometry=shapes, crs="EPSG:4326"
    )
    return Counties(table, _fertilizer(size, seed), seats)


def _plots(size: Size, seed: int) -> np.ndarray:
    """Small polygons that fill the frame: those at its edge, which reach far out, are left away."""
    west, south, east, north = size.bounds
    places = stream(seed, "plots").uniform((west, south), (east, north), (size.n_plots, 2)).round(6)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(places)))
    return cells[shapely.within(cells, shapely.box(*size.bounds))]


def _territory(size: Size, seed: int, terrain: Terrain, plots: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Which plots belong to the counties: land, around the middle, until the area is reached."""
    lon, lat = centres.T
    u, v = frame(size, lon, lat)
    ragged = random_field(stream(seed, "outline"), size.bounds, 30 * size.stretch).at(lon, lat)
    score = np.abs(2 * u - 1.06) ** 2.4 + np.abs(2 * v - 1.02) ** 2.6 + 0.16 * ragged
    shore = terrain.shore.at(lon, lat)
    beyond_bay = (u > 0.44) & (v < 0.16 + 0.1 * np.clip(u - 0.5, 0, None))
    score += 9.0 * ((shore < 0.006) | beyond_bay) + 0.12 * terrain.hills.at(lon, lat)
    square_km = shapely.area(plots) * KM_PER_DEGREE**2 * np.cos(np.deg2rad(lat))
    order = np.argsort(score, kind="stable")
    chosen = np.zeros(len(plots), bool)
    chosen[order[np.cumsum(square_km[order]) <= size.territory]] = True
    return chosen


def _owners(size: Size, seed: int, centres: np.ndarray) -> np.ndarray:
    """The county of each plot: the nearest of evenly spread middles, by a way that is not straight."""
    rng = stream(seed, "counties")
    bent = centres * [np.cos(np.deg2rad(centres[:, 1].mean())), 1.0] * KM_PER_DEGREE
    for axis in range(2):
        field = random_field(stream(seed, f"border {axis}"), size.bounds, 22 * size.stretch)
        bent[:, axis] += _BORDER_WIGGLE * size.stretch * field.at(*centres.T)
    middles = bent[rng.choice(len(bent), size.n_counties, replace=False)]
    for _ in range(_LLOYD_PASSES):
        owner = np.argmin(((bent[:, None] - middles) ** 2).sum(axis=2), axis=1)
        middles = np.array([bent[owner == county].mean(axis=0) for county in range(len(middles))])
    # Numbered from the north-west, row by row, as lists of counties often are.
    order = np.argsort(middles[:, 0] - 2.0 * middles[:, 1], kind="stable")
    return np.argsort(order)[owner]


def _seat(centres: np.ndarray) -> np.ndarray:
    return centres[np.argmin(((centres - centres.mean(axis=0)) ** 2).sum(axis=1))]


def _fertilizer(size: Size, seed: int) -> np.ndarray:
    rng = stream(seed, "fertilizer")
    years = np.arange(len(RUN_YEARS)) / (len(RUN_YEARS) - 1)
    count = size.n_counties
    start = spread(rng, *_RATE_1980, count)
    growth = np.log(spread(rng, *_GROWTH, count))
    # Fast in the eighties, slower when most fields have what they can use.
    bend = spread(rng, 1.0, 2.4, count)
    shape = np.expm1(-bend * years) / np.expm1(-bend)
    wiggle = rng.normal(0, 0.03, (size.n_counties, len(years)))
    return (start * np.exp(growth * shape + wiggle)).round(1)
