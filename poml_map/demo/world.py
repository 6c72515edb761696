"""Everything in the demo region that the truth depends on, and its cropland on the target grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyproj
import shapely

from poml_map.demo.climate import Climate, make_climate
from poml_map.demo.counties import Counties, make_counties
from poml_map.demo.fields import Field, random_field, stream
from poml_map.demo.land import CROPLAND, Land, make_land
from poml_map.demo.sizes import Size
from poml_map.demo.terrain import make_terrain
from poml_map.grid import Grid

#: CRS of the target grid.
GRID_CRS = "EPSG:32651"

_EDGE_POINTS = 101


@dataclass(frozen=True)
class World:
    """One size and seed of the region."""

    size: Size
    seed: int
    land: Land
    counties: Counties
    climate: Climate

    def random(self, purpose: str, km: float, power: float = 2.5) -> Field:
        """A random field of its own, mean 0 and standard deviation 1."""
        bounds = self.land.cover.lattice.bounds
        return random_field(stream(self.seed, purpose), bounds, km * self.size.stretch, power)


@dataclass(frozen=True)
class Places:
    """Cropland pixels.

    Attributes
    ----------
    index : ndarray of int, shape (n,)
        In the flattened grid.
    lon, lat : ndarray, shape (n,)
        Of the centre. [degree]
    county : ndarray of int, shape (n,)
        Row of the county table.
    """

    index: np.ndarray
    lon: np.ndarray
    lat: np.ndarray
    county: np.ndarray


def make_world(size: Size, seed: int) -> World:
    """The region of one size and seed."""
    terrain = make_terrain(size, seed)
    counties = make_counties(size, seed, terrain)
    land = make_land(size, seed, terrain, counties)
    return World(size, seed, land, counties, make_climate(size, seed, terrain))


def target_grid(world: World) -> Grid:
    """The grid over all counties."""
    change = pyproj.Transformer.from_crs("EPSG:4326", GRID_CRS, always_xy=True)
    bounds = change.transform_bounds(*world.counties.table.total_bounds, densify_pts=_EDGE_POINTS)
    return Grid.from_bounds(bounds, float(world.size.resolution), GRID_CRS)


def cropland_places(world: World, grid: Grid) -> Places:
    """Pixels whose centre is cropland inside a county."""
    change = pyproj.Transformer.from_crs(GRID_CRS, "EPSG:4326", always_xy=True)
    lon, lat = change.transform(*(each.ravel() for each in np.meshgrid(grid.x, grid.y)))
    index = np.flatnonzero(world.land.cover.at(lon, lat, order=0) == CROPLAND)
    lon, lat = lon[index], lat[index]
    county = _counties_at(world.counties, lon, lat)
    inside = county >= 0
    return Places(index[inside], lon[inside], lat[inside], county[inside])


def _counties_at(counties: Counties, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    owner = np.full(lon.shape, -1)
    for row, shape in enumerate(counties.table.geometry):
        west, south, east, north = shape.bounds
        near = np.flatnonzero((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))
        owner[near[shapely.contains_xy(shape, lon[near], lat[near])]] = row
    return owner
