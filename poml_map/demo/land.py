"""What grows where: classes of land cover, and the soil beneath them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import rasterio.features
import shapely

from poml_map.demo.counties import Counties
from poml_map.demo.fields import KM_PER_DEGREE, Field, Lattice, random_field, smoothstep, stream
from poml_map.demo.sizes import Size
from poml_map.demo.terrain import Terrain, frame

#: Classes of the land cover map.
CLASSES = {1: "cropland", 2: "built-up", 3: "water", 4: "forest", 5: "orchards, ponds and other land"}
CROPLAND, BUILT_UP, WATER, FOREST, OTHER = CLASSES

_TOWNS_PER_COUNTY = 14


@dataclass(frozen=True)
class Land:
    """Land cover and soil, readable at any place.

    Attributes
    ----------
    cover : Field of uint8
    terrain : Terrain
    vigour : Field
        How well plants grow for reasons that no map shows but the satellite sees. [standard deviations]
    patterns : dict of str -> Field
        Random patterns of the soil. [standard deviations]
    size : Size
    """

    cover: Field
    terrain: Terrain
    vigour: Field
    patterns: dict[str, Field]
    size: Size

    def clay(self, lon, lat) -> np.ndarray:
        """Clay: much beside the lake, little beside the bay, whose sediment is silt. [%]"""
        near, v = self._shore(lon, lat)
        silt = smoothstep((0.62 - v) / 0.3)
        lake_mud, bay_silt = 8.0 * near * (1.0 - silt), 11.0 * near * silt
        clay = 29.0 + lake_mud - bay_silt - 4.5 * self.terrain.hills.at(lon, lat)
        clay += 2.6 * self.patterns["clay"].at(lon, lat) + 1.2 * self.patterns["clay detail"].at(lon, lat)
        return np.clip(clay, 6.0, 58.0).astype(np.float32)

    def bulk_density(self, lon, lat) -> np.ndarray:
        """Bulk density: less with more clay. [g/cm3]"""
        detail = self.patterns["density"].at(lon, lat)
        density = 1.26 - 0.006 * (self.clay(lon, lat) - 29.0) + 0.035 * detail
        return np.clip(density, 0.95, 1.6).astype(np.float32)

    def coarse_fragments(self, lon, lat) -> np.ndarray:
        """Coarse fragments: hardly any in the plain, many on slopes. [%]"""
        steep = np.clip(self.terrain.slope.at(lon, lat) / 12.0, 0, 1)
        detail = self.patterns["stones"].at(lon, lat)
        share = 1.2 + 0.6 * detail + (16.0 + 4.0 * detail) * smoothstep(steep + 0.05)
        return np.clip(share, 0.0, 60.0).astype(np.float32)

    def _shore(self, lon, lat) -> tuple[np.ndarray, np.ndarray]:
        near = np.exp(-np.clip(self.terrain.shore.at(lon, lat), 0, None) / 0.11)
        return near, frame(self.size, lon, lat)[1]


def make_land(size: Size, seed: int, terrain: Terrain, counties: Counties) -> Land:
    """Land cover on the DEM's cells, and the soil."""
    bounds = terrain.height.lattice.bounds
    lengths = {"clay": 24, "clay detail": 6, "density": 9, "stones": 7}
    patterns = {
        name: random_field(stream(seed, name), bounds, km * size.stretch) for name, km in lengths.items()
    }
    vigour = random_field(stream(seed, "vigour"), bounds, 16 * size.stretch, 2.5)
    cover = Field(terrain.height.lattice, _cover(size, seed, terrain, counties))
    return Land(cover, terrain, vigour, patterns, size)


def county_index(counties: Counties, lattice: Lattice) -> np.ndarray:
    """Row of the county table at each cell's centre, -1 outside; shape of the lattice, int16."""
    shapes = [(shape, index) for index, shape in enumerate(counties.table.geometry)]
    return rasterio.features.rasterize(
        shapes, lattice.shape, fill=-1, transform=rasterio.Affine(*lattice.transform), dtype="int16"
    )


def _cover(size: Size, seed: int, terrain: Terrain, counties: Counties) -> np.ndarray:
    lattice = terrain.height.lattice
    points, height, slope = lattice.points, terrain.height.values, terrain.slope.values
    water = terrain.shore.at(*points) <= 0
    town = _towns(size, seed, lattice, counties) & ~water & (slope < 6)
    patches = {
        km: random_field(stream(seed, f"patches {km}"), lattice.bounds, km * size.stretch, 2.2).at(*points)
        for km in (14, 3)
    }
    fit = 0.45 * patches[14] + 0.7 * patches[3] - slope / 2.6 - np.clip(height - 40, 0, None) / 150.0
    fit[water | town] = -np.inf
    cover = np.where((slope > 4.5) | (height > 120 + 40 * patches[3]), FOREST, OTHER).astype(np.uint8)
    inside = county_index(counties, lattice) >= 0
    cover[fit >= _threshold(size, lattice, fit[inside])] = CROPLAND
    cover[water], cover[town] = WATER, BUILT_UP
    return cover


def _threshold(size: Size, lattice: Lattice, fit: np.ndarray) -> float:
    """The fitness that the wanted area of cropland reaches."""
    height_km, width_km = lattice.cell_km
    cells = min(int(size.cropland / (height_km * width_km)), int(np.isfinite(fit).sum()))
    return np.partition(fit, len(fit) - cells)[len(fit) - cells]


def _towns(size: Size, seed: int, lattice: Lattice, counties: Counties) -> np.ndarray:
    """A city in each county and small towns around, with ragged edges."""
    rng = stream(seed, "towns")
    cities = size.stretch * rng.uniform(2.6, 6.0, len(counties.seats))
    outline = shapely.union_all(counties.table.geometry.to_numpy())
    places = rng.uniform(outline.bounds[:2], outline.bounds[2:], (_TOWNS_PER_COUNTY * size.n_counties, 2))
    radii = np.r_[cities, size.stretch * rng.uniform(0.5, 1.6, len(places))]
    ragged = random_field(stream(seed, "town edges"), lattice.bounds, 5 * size.stretch, 2.2)
    edge = 1.0 + 0.35 * ragged.at(*lattice.points)
    town = np.zeros(lattice.shape, bool)
    for (lon, lat), radius in zip(np.r_[counties.seats, places], radii, strict=True):
        _add_disc(town, lattice, edge, (lon, lat), radius)
    return town


def _add_disc(town: np.ndarray, lattice: Lattice, edge: np.ndarray, centre, radius: float) -> None:
    lon, lat = centre
    reach = 2.5 * radius / KM_PER_DEGREE / np.cos(np.deg2rad(lat))
    cols = slice(*np.searchsorted(lattice.lon, [lon - reach, lon + reach]))
    rows = slice(*np.searchsorted(-lattice.lat, [-lat - reach, -lat + reach]))
    east = (lattice.lon[cols] - lon) * KM_PER_DEGREE * np.cos(np.deg2rad(lat))
    north = (lattice.lat[rows] - lat) * KM_PER_DEGREE
    town[rows, cols] |= np.hypot(east[None, :], north[:, None]) < radius * edge[rows, cols]
