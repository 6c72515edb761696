"""The areas that tables speak of, zones and whole region: means of the maps, and pixels that stand for each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from poml_map.cube import Cube
from poml_map.grid import Grid
from poml_map.hybrid.space import pixels_that_stand_for
from poml_map.products import row_areas, row_weights

#: Key and name of the area that holds all mapped pixels.
WHOLE = ("", "whole region")


@dataclass(frozen=True)
class Area:
    """A zone, or the whole region.

    Attributes
    ----------
    key, name : str
    n_pixels : int
        That are mapped.
    area_m2 : float
        Of these, on the ellipsoid.
    pixels : ndarray (n,) of int
        Positions among all pixels of the grid, row by row, of some that stand for all.
    """

    key: str
    name: str
    n_pixels: int
    area_m2: float
    pixels: np.ndarray


@dataclass
class AreaMeans:
    """What is kept of the maps for the tables of areas. Make it with `AreaMeans.of`.

    Attributes
    ----------
    areas : list of Area
        Zones with a mapped pixel in the order of their file, then the whole region.
    codes : ndarray (zones,) of int
        Positions of these zones among all of the cube.
    means : dict of (str, int) -> ndarray (areas,)
        By model and year, weighted by area. [unit of the maps]
    """

    areas: list[Area]
    codes: np.ndarray
    _mapped: np.ndarray
    _code: np.ndarray
    _share: np.ndarray
    means: dict[tuple[str, int], np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, cube: Cube, mapped: np.ndarray) -> AreaMeans:
        """The zones of the cube, if it has any, and the whole region.

        Parameters
        ----------
        cube : Cube
        mapped : ndarray (y, x) of bool
            Pixels that have a value in every map.
        """
        grid, here = cube.grid, np.flatnonzero(mapped)
        row, col = here // grid.width, here % grid.width
        size = row_areas(grid)[row]
        code = cube.zone_codes_at(grid.x[col], grid.y[row])
        with_pixels = np.unique(code[code >= 0])
        keys, names = cube.zone_keys(), cube.zone_names()
        zones = [_area(keys[each], names[each], here, code == each, size) for each in with_pixels]
        whole = _area(*WHOLE, here, np.ones(len(here), bool), size)
        outside = len(zones)
        place = np.where(code >= 0, np.searchsorted(with_pixels, code), outside)
        return cls([*zones, whole], with_pixels, here, place, row_weights(grid)[row])

    def look_at(self, model: str, year: int, values: np.ndarray) -> None:
        """Take the map (y, x) of a model."""
        shares = values.ravel()[self._mapped].astype(np.float64) * self._share
        self.means[model, year] = self._summed(shares) / self._summed(self._share)

    def _summed(self, values: np.ndarray) -> np.ndarray:
        n_zones = len(self.areas) - 1
        return np.append(np.bincount(self._code, values, n_zones + 1)[:n_zones], values.sum())

    def positions(self, grid: Grid) -> list[tuple[np.ndarray, np.ndarray]]:
        """x and y of the pixels that stand for each area, in the CRS of the grid."""
        return [(grid.x[area.pixels % grid.width], grid.y[area.pixels // grid.width]) for area in self.areas]


def _area(key: str, name: str, here: np.ndarray, inside: np.ndarray, size: np.ndarray) -> Area:
    pixels = here[inside]
    chosen = pixels[pixels_that_stand_for(len(pixels))]
    return Area(key, name, len(pixels), float(size[inside].sum()), chosen)
