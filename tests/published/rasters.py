"""GeoTIFFs of the size that is published, with values only where they are wanted: the rest takes no room."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj
import rasterio
from affine import Affine
from rasterio.windows import Window

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Layout:
    """A grid as it is published.

    Attributes
    ----------
    crs : str
        Anything that rasterio reads.
    west, north, step
        Outer corner and cell size, in units of the CRS.
    width, height : int
    dtype : str
    nodata : float or None
        As declared in the file.
    block : int
        Side of a tile within the file.
    across : float, optional
        Width of a cell, where it is not as high as wide.
    options : dict, optional
        Of the GeoTIFF: compression, predictor, tags.
    """

    crs: str
    west: float
    north: float
    step: float
    width: int
    height: int
    dtype: str
    nodata: float | None = None
    block: int = 512
    across: float | None = None
    options: dict | None = None

    @property
    def transform(self) -> Affine:
        """From cells to coordinates."""
        return Affine(self.across or self.step, 0, self.west, 0, -self.step, self.north)


def degrees_of(layout: Layout, cols: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude of cell centres, shape (rows, cols)."""
    across, down = layout.across or layout.step, layout.step
    x, y = np.meshgrid(layout.west + (cols + 0.5) * across, layout.north - (rows + 0.5) * down)
    if pyproj.CRS.from_user_input(layout.crs).is_geographic:
        return x, y
    change = pyproj.Transformer.from_crs(layout.crs, "EPSG:4326", always_xy=True)
    return change.transform(x, y)


def window_of(layout: Layout, bounds: Bounds, margin: float = 0.1) -> Window | None:
    """Cells under the bounds and `margin` degrees around them; None if the grid has none there."""
    west, south, east, north = (
        bounds[0] - margin,
        bounds[1] - margin,
        bounds[2] + margin,
        bounds[3] + margin,
    )
    change = pyproj.Transformer.from_crs("EPSG:4326", layout.crs, always_xy=True)
    left, bottom, right, top = change.transform_bounds(west, south, east, north, densify_pts=21)
    across, down = layout.across or layout.step, layout.step
    col0, col1 = (left - layout.west) / across, (right - layout.west) / across
    row0, row1 = (layout.north - top) / down, (layout.north - bottom) / down
    col0, row0 = max(math.floor(col0), 0), max(math.floor(row0), 0)
    col1, row1 = min(math.ceil(col1), layout.width), min(math.ceil(row1), layout.height)
    return Window(col0, row0, col1 - col0, row1 - row0) if col0 < col1 and row0 < row1 else None


def write_sparse(
    path: Path,
    layout: Layout,
    bounds: Bounds,
    values: Callable,
    *,
    coarse: int = 1,
    scale: float = 1.0,
    whole: bool = False,
) -> bool:
    """Write a GeoTIFF with ``values(lon, lat)`` under the bounds; whole blocks, none elsewhere.

    Parameters
    ----------
    path : Path
    layout : Layout
    bounds : tuple of 4 float
        West, south, east, north. [degree]
    values : callable
        Gives the stored numbers, before rounding for integers, divided by `scale`.
    coarse : int
        So many cells along a side share a value, for very fine grids.
    scale : float
        What one stored unit is worth.
    whole : bool
        Fill the whole grid.

    Returns
    -------
    bool
        Whether the grid has cells there; otherwise nothing is written.
    """
    window = Window(0, 0, layout.width, layout.height) if whole else window_of(layout, bounds)
    if window is None:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {
        "driver": "GTiff", "width": layout.width, "height": layout.height, "count": 1, "dtype": layout.dtype,
        "crs": layout.crs, "transform": layout.transform, "nodata": layout.nodata, "tiled": True,
        "blockxsize": layout.block, "blockysize": layout.block, "compress": "deflate", "sparse_ok": True,
        **(layout.options or {}),
    }  # fmt: skip
    tags = profile.pop("tags", None)
    with rasterio.open(path, "w", **profile) as data:
        if tags:
            data.update_tags(**tags)
        for part in _blocks(layout, window):
            left, above = part.col_off % coarse, part.row_off % coarse
            cols = np.arange(part.col_off - left, part.col_off + part.width, coarse) + (coarse - 1) / 2
            rows = np.arange(part.row_off - above, part.row_off + part.height, coarse) + (coarse - 1) / 2
            made = stored(values(*degrees_of(layout, cols, rows)), layout.dtype, scale)
            if coarse > 1:
                made = made.repeat(coarse, 0).repeat(coarse, 1)
                made = made[above : above + part.height, left : left + part.width]
            data.write(made, 1, window=part)
    return True


def stored(values: np.ndarray, dtype: str, scale: float = 1.0) -> np.ndarray:
    """Values as numbers of a file."""
    values = np.asarray(values) / scale if scale != 1.0 else np.asarray(values)
    return np.round(values).astype(dtype) if np.dtype(dtype).kind in "iu" else values.astype(dtype)


def _blocks(layout: Layout, window: Window):
    """The file's own blocks that the window touches, cut at the grid's edge."""
    size = layout.block
    for row in range(window.row_off // size * size, window.row_off + window.height, size):
        for col in range(window.col_off // size * size, window.col_off + window.width, size):
            yield Window(col, row, min(size, layout.width - col), min(size, layout.height - row))
