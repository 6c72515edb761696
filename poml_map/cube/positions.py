"""Where a pixel centre lies on a source's own raster, exactly, for any CRS.

Every position comes from pyproj for its own point. Nothing is approximated over a block, so a value never
depends on the block, tile or list of sites in which its pixel was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyproj

from poml_map.crs import known_crs
from poml_map.errors import InputError, Problem
from poml_map.grid import Grid, Tile

# Cells around what the outermost pixel centres need: bilinear weights reach one cell further.
_MARGIN = 2


@cache
def transformer(source: str, target: str) -> pyproj.Transformer | None:
    """From one CRS to another, x before y; None when they are the same and coordinates stay as they are."""
    try:
        a, b = known_crs(source), known_crs(target)
    except pyproj.exceptions.CRSError as error:
        mend = 'Write `crs: "EPSG:..."` in the entry whose file says so.'
        raise InputError(
            Problem("the CRS of a file", "", str(error), "a CRS that PROJ knows", mend)
        ) from error
    if a.equals(b, ignore_axis_order=True):
        return None
    return pyproj.Transformer.from_crs(a, b, always_xy=True)


@cache
def steps_between(source: str, target: str) -> str:
    """What PROJ computes on the way: CRSs that are only spelled differently have the same steps."""
    change = transformer(source, target)
    if change is None:
        return ""
    known = change.definition.startswith("proj=")  # else it chooses by place, among several ways
    return change.definition if known else target


def moved(x, y, source: str, target: str) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates in another CRS.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
    source, target : str
        Anything pyproj reads.

    Returns
    -------
    x, y : ndarray of float, shape (n,)
        Infinite where the target CRS does not reach.

    Examples
    --------
    >>> x, y = moved(np.array([500000.0]), np.array([0.0]), "EPSG:32651", "EPSG:4326")
    >>> x.round(6), y.round(6)
    (array([123.]), array([0.]))
    """
    change = transformer(source, target)
    return (np.asarray(x, float), np.asarray(y, float)) if change is None else change.transform(x, y)


class Points:
    """Pixel centres of the region's grid that are evaluated together.

    Positions on a source are worked out once and shared by all layers that lie on the same source grid.

    Parameters
    ----------
    x, y : ndarray of float, shape (n,)
        In `crs`.
    size : tuple of 2 float
        Pixel width and height.
    crs : str
    """

    def __init__(self, x, y, size: tuple[float, float], crs: str):
        self.x, self.y = np.asarray(x, float), np.asarray(y, float)
        self.size, self.crs = size, crs
        self._known: dict = {}

    def __len__(self) -> int:
        return len(self.x)

    @classmethod
    def of_tile(cls, grid: Grid, tile: Tile) -> Points:
        """Centres of a tile, row by row."""
        y, x = np.meshgrid(grid.y[tile.rows], grid.x[tile.cols], indexing="ij")
        return cls(x.ravel(), y.ravel(), grid.resolution, grid.crs)

    @classmethod
    def of_pixels(cls, grid: Grid, row, col) -> Points:
        """Centres of single pixels."""
        return cls(grid.x[col], grid.y[row], grid.resolution, grid.crs)

    def chosen(self, wanted: np.ndarray) -> Points:
        """Those of which `wanted`, shape (n,), is true; what is known of each point goes along."""
        part = Points(self.x[wanted], self.y[wanted], self.size, self.crs)
        for key, known in self._known.items():
            if isinstance(known, np.ndarray):
                part._known[key] = known[wanted]
            elif isinstance(known, tuple):
                part._known[key] = tuple(each[wanted] for each in known)
        return part

    def once(self, key, make: Callable):
        """What `make` returns, remembered under `key`; arrays and tuples of arrays have a value for each point."""
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    def coordinates(self, crs: str, right: float = 0.0, up: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates in `crs` of the centres, or of points `right` and `up` of them. [pixels]"""

        def make():
            x = self.x + right * self.size[0] if right else self.x
            y = self.y + up * self.size[1] if up else self.y
            return moved(x, y, self.crs, crs)

        return self.once(("coordinates", steps_between(self.crs, crs), right, up), make)


@dataclass(frozen=True)
class SourceGrid:
    """Raster of a source, in its own CRS and row order.

    Parameters
    ----------
    crs : str
    transform : tuple of 6 float
        As `poml_map.grid.Grid`, but any affine map will do: rows may run north, and axes may be turned.
    width, height : int
    centre : float, optional
        Geographic CRS only: the longitude about which longitudes are counted, so that 0-360 and -180-180
        are the same place.
    """

    crs: str
    transform: tuple[float, float, float, float, float, float]
    width: int
    height: int
    centre: float | None = None

    @property
    def wraps(self) -> bool:
        """Whether the last column touches the first: a raster around the whole globe."""
        return self.centre is not None and abs(self.width * abs(self.transform[0]) - 360.0) < 1e-3

    def position(self, x, y) -> tuple[np.ndarray, np.ndarray]:
        """Column and row, with fractions, of points in the source's CRS; 0.5 is the centre of the first."""
        a, b, c, d, e, f = self.transform
        if self.centre is not None:
            x = x - 360.0 * np.floor(np.where(np.isfinite(x), x - self.centre, 0.0) / 360.0 + 0.5)
        x, y, det = x - c, y - f, a * e - b * d
        return (e * x - b * y) / det, (a * y - d * x) / det

    def cell(self, col, row) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Whole column and row of the cell that holds each position, and whether the raster has it."""
        inside = np.isfinite(col) & np.isfinite(row) & (row >= 0) & (row <= self.height)
        if not self.wraps:
            inside &= (col >= 0) & (col <= self.width)
        col, row = np.where(inside, col, 0.0), np.where(inside, row, 0.0)
        return self.column(np.floor(col)), self.row(np.floor(row)), inside

    def column(self, col) -> np.ndarray:
        """Whole column; beyond the edge the edge itself, or round the globe."""
        return (col if self.wraps else np.clip(col, 0, self.width - 1)).astype(np.int64)

    def row(self, row) -> np.ndarray:
        """Whole row; beyond the edge the edge itself."""
        return np.clip(row, 0, self.height - 1).astype(np.int64)

    def window(self, grid: Grid) -> Tile | None:
        """The part of the source that `grid` can touch, with a margin; None when they do not meet."""
        x = grid.transform[2] + np.arange(grid.width + 1) * grid.transform[0]
        y = grid.transform[5] + np.arange(grid.height + 1) * grid.transform[4]
        edge_x = np.concatenate([x, x, np.full(len(y), x[0]), np.full(len(y), x[-1])])
        edge_y = np.concatenate([np.full(len(x), y[0]), np.full(len(x), y[-1]), y, y])
        col, row = self.position(*moved(edge_x, edge_y, grid.crs, self.crs))
        good = np.isfinite(col) & np.isfinite(row)
        if not good.any():
            return None
        return self.cut(col[good].min(), col[good].max(), row[good].min(), row[good].max(), _MARGIN)

    def cut(self, col0, col1, row0, row1, margin: int) -> Tile | None:
        """Window around positions, cut at the edges of the raster; None when nothing is left."""
        row0, row1 = max(int(np.floor(row0)) - margin, 0), min(int(np.ceil(row1)) + margin, self.height)
        col0, col1 = int(np.floor(col0)) - margin, int(np.ceil(col1)) + margin
        if not self.wraps:
            col0, col1 = max(col0, 0), min(col1, self.width)
        return Tile(row0, row1, col0, col1) if row0 < row1 and col0 < col1 else None

    def pieces(self, window: Tile) -> list[slice]:
        """Columns of the file, from left to right, that make up a window that may cross the globe's seam."""
        if not self.wraps:
            return [window.cols]
        found, col = [], window.col0
        while col < window.col1:
            start = col % self.width
            length = min(self.width - start, window.col1 - col)
            found.append(slice(start, start + length))
            col += length
        return found

    def covers(self, points: Points) -> np.ndarray:
        """Whether each point lies on the raster, shape (n,)."""
        return self.cell(*self.position(*points.coordinates(self.crs)))[2]

    def describe(self) -> str:
        """Extent for messages, in degrees where that can be said."""
        a, b, c, d, e, f = self.transform
        steps = np.linspace(0, 1, 21)
        cols = np.concatenate([steps, steps, 0 * steps, 0 * steps + 1]) * self.width
        rows = np.concatenate([0 * steps, 0 * steps + 1, steps, steps]) * self.height
        x, y = moved(a * cols + b * rows + c, d * cols + e * rows + f, self.crs, "EPSG:4326")
        return extent_text(x, y)


def extent_text(x, y) -> str:
    """Longitudes and latitudes as text.

    Examples
    --------
    >>> extent_text(np.array([119.2, 121.25]), np.array([30.0, 31.5]))
    '119.2 to 121.25 degrees E, 30 to 31.5 degrees N'
    """
    x, y = x[np.isfinite(x)], y[np.isfinite(y)]
    if not len(x):
        return "no place that has a longitude"
    lon0, lon1, lat0, lat1 = (f"{float(v):.7g}" for v in (x.min(), x.max(), y.min(), y.max()))
    return f"{lon0} to {lon1} degrees E, {lat0} to {lat1} degrees N"


def source_grid(crs: str, transform, width: int, height: int, near: float) -> SourceGrid:
    """A `SourceGrid`; `near` is the longitude of the mapped area, where a global raster must not be cut."""
    if not pyproj.CRS.from_user_input(crs).is_geographic:
        return SourceGrid(crs, tuple(transform), width, height)
    middle = transform[2] + transform[0] * width / 2
    whole = abs(width * abs(transform[0]) - 360.0) < 1e-3
    return SourceGrid(crs, tuple(transform), width, height, float(near if whole else middle))
