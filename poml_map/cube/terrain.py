"""Slope and stream power index from a DEM, on the DEM's own cells, once for the whole area.

Slope is Horn's (1981). The stream power index is the specific catchment area times the tangent of the slope
(Moore et al. 1991); water runs by D8 after pits are filled. Catchments are counted within the area and a
buffer around it, so large rivers that come from outside are cut there.

References
----------
Horn (1981), doi:10.1109/PROC.1981.11918. Moore, Grayson & Ladson (1991), doi:10.1002/hyp.3360050103.
"""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pyflwdir
import pyproj

from poml_map.catalog import Source
from poml_map.cube.blocks import BlockCache
from poml_map.cube.frames import STATIC, Frame
from poml_map.cube.positions import SourceGrid
from poml_map.cube.series import Series
from poml_map.grid import Tile

# Flat land still drains: with a slope of exactly 0 the index would lose the catchment area. [m/m]
LEAST_TANGENT = 0.001
# Cells around the area whose water is counted too: at least so many, or this share of the area's size.
_BUFFER_CELLS = 32
_BUFFER_SHARE = 0.1
_NODATA = -9999.0
_ROLES = {"SLP": ("slope", "degree"), "SPI": ("spi", "1")}


def with_buffer(grid: SourceGrid, area: Tile) -> Tile:
    """The window of a DEM whose cells count for the terrain of `area`."""
    margin = max(_BUFFER_CELLS, int(_BUFFER_SHARE * max(area.shape)))
    return grid.cut(area.col0, area.col1, area.row0, area.row1, margin)


class Terrain:
    """Terrain of one DEM; computed at first use and kept.

    Parameters
    ----------
    elevation : Series
    """

    def __init__(self, elevation: Series):
        self.elevation = elevation
        self.window = with_buffer(elevation.reader.grid, elevation.area)
        self._lock, self._maps = threading.Lock(), None

    def __getstate__(self):
        return self.__dict__ | {"_lock": None, "_maps": None}

    def __setstate__(self, state):
        self.__dict__.update(state, _lock=threading.Lock())

    def maps(self) -> dict[str, np.ndarray]:
        """SLP [degree] and SPI [1] of the window, shape (rows, columns), NaN where the DEM is."""
        with self._lock:
            if self._maps is None:
                static = ((None,), None)
                cells, window = self.elevation.cells([static], self.window)
                self._maps = terrain(cells[0].reshape(window.shape), self.elevation.reader.grid, window)
            return self._maps


class TerrainReader:
    """A terrain map as if it were a file; see `frames.Reader`."""

    frames = frozenset([STATIC])
    packing = (1.0, 0.0)

    def __init__(self, terrain: Terrain, column: str):
        self._terrain, self._column = terrain, column
        self.grid = terrain.elevation.reader.grid

    def place(self, frame: Frame) -> tuple[str, str]:
        """The DEM, and what was made from it."""
        file, band = self._terrain.elevation.reader.place(frame)
        return file, f"{band}, {self._column} made from it"

    def read(self, frames: list[Frame], window: Tile, blocks: BlockCache | None = None) -> np.ndarray:
        """Values, shape (len(frames), rows, columns), NaN where missing; all of them are in memory."""
        whole = self._terrain.window
        rows = slice(window.row0 - whole.row0, window.row1 - whole.row0)
        cols = slice(window.col0 - whole.col0, window.col1 - whole.col0)
        part = self._terrain.maps()[self._column][rows, cols].astype(float)
        return np.repeat(part[None], len(frames), axis=0)


def terrain_source(source: Source, column: str) -> Source:
    """The DEM's entry as the entry of a column made from it."""
    role, unit = _ROLES[column]
    changes = {
        "role": role, "column": None, "unit": unit, "derive": [], "scale": None, "offset": None, "nodata": None,
        "valid_range": None, "long_name": None,
    }  # fmt: skip
    return replace(source, entry=source.entry.model_copy(update=changes))


def terrain(elevation: np.ndarray, grid: SourceGrid, window: Tile) -> dict[str, np.ndarray]:
    """Slope and stream power index.

    Parameters
    ----------
    elevation : ndarray, shape (rows, columns)
        [m] NaN where missing; a missing neighbour counts as level ground.
    grid : SourceGrid
    window : Tile
        What part of `grid` it is.

    Returns
    -------
    dict of str -> ndarray of float32
        ``SLP`` [degree] and ``SPI`` [1], NaN where `elevation` is, finite elsewhere.
    """
    width, height = cell_size(grid, window)
    tangent = horn_tangent(elevation, width, height)
    upstream = _upstream_area(elevation, grid, window, width * height)
    # Specific catchment area: upstream area [m2] over the width of a cell [m].
    index = upstream / np.sqrt(width * height) * np.maximum(tangent, LEAST_TANGENT)
    return {"SLP": np.degrees(np.arctan(tangent)).astype("float32"), "SPI": index.astype("float32")}


def cell_size(grid: SourceGrid, window: Tile) -> tuple[np.ndarray, np.ndarray]:
    """Width and height of the cells of each row in metres, shape (rows, 1) each."""
    a, _, _, _, e, f = grid.transform
    crs = pyproj.CRS.from_user_input(grid.crs)
    if not crs.is_geographic:
        metres = crs.axis_info[0].unit_conversion_factor
        size = np.ones((window.shape[0], 1))
        return size * abs(a) * metres, size * abs(e) * metres
    latitude = np.radians(f + e * (np.arange(window.row0, window.row1) + 0.5))[:, None]
    ellipsoid = crs.ellipsoid
    axis, second = ellipsoid.semi_major_metre, ellipsoid.semi_minor_metre
    eccentric = 1 - (second / axis) ** 2
    bent = 1 - eccentric * np.sin(latitude) ** 2
    across = axis / np.sqrt(bent)  # radius of curvature east-west
    along = axis * (1 - eccentric) / bent**1.5  # and north-south
    return np.radians(abs(a)) * across * np.cos(latitude), np.radians(abs(e)) * along


def horn_tangent(elevation: np.ndarray, width, height) -> np.ndarray:
    """Tangent of the slope after Horn (1981).

    Parameters
    ----------
    elevation : ndarray, shape (rows, columns)
        [m]
    width, height : ndarray, shape (rows, 1)
        Size of the cells. [m]

    Returns
    -------
    ndarray, shape (rows, columns)
        [m/m] NaN where `elevation` is.

    Examples
    --------
    >>> plane = np.array([[0.0, 10.0, 20.0]] * 3)
    >>> size = np.full((3, 1), 100.0)
    >>> horn_tangent(plane, size, size)[1, 1].round(6)
    np.float64(0.1)
    """
    z = np.asarray(elevation, float)
    wide = np.pad(z, 1, mode="edge")

    def near(row: int, col: int) -> np.ndarray:
        part = wide[1 + row : 1 + row + z.shape[0], 1 + col : 1 + col + z.shape[1]]
        return np.where(np.isnan(part), z, part)

    east = near(-1, 1) + 2 * near(0, 1) + near(1, 1) - near(-1, -1) - 2 * near(0, -1) - near(1, -1)
    south = near(1, -1) + 2 * near(1, 0) + near(1, 1) - near(-1, -1) - 2 * near(-1, 0) - near(-1, 1)
    return np.hypot(east / (8 * width), south / (8 * height))


def _upstream_area(elevation, grid: SourceGrid, window: Tile, cell_area) -> np.ndarray:
    """Area that drains through each cell, itself included. [m2]"""
    missing = np.isnan(elevation)
    if missing.all():
        return np.full(elevation.shape, np.nan)
    filled = np.where(missing, _NODATA, elevation).astype("float32")
    a, _, c, _, e, f = grid.transform
    corner = (a, 0.0, c + a * window.col0, 0.0, e, f + e * window.row0)
    flow = pyflwdir.from_dem(filled, nodata=_NODATA, transform=corner, outlets="edge")
    area = np.broadcast_to(cell_area, elevation.shape).astype("float64")
    upstream = flow.accuflux(np.where(missing, 0.0, area), nodata=_NODATA)
    return np.where(missing, np.nan, np.maximum(upstream, area))
