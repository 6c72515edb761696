"""The region's raster grid: CRS, transform and size travel together, so that no order can be mixed up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

# Share of a pixel by which a position may be off through rounding.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Tile:
    """A rectangle of pixels: rows ``row0:row1`` and columns ``col0:col1``."""

    row0: int
    row1: int
    col0: int
    col1: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.row1 - self.row0, self.col1 - self.col0

    @property
    def rows(self) -> slice:
        """Rows as a slice."""
        return slice(self.row0, self.row1)

    @property
    def cols(self) -> slice:
        """Columns as a slice."""
        return slice(self.col0, self.col1)


@dataclass(frozen=True)
class Grid:
    """A north-up raster grid.

    Parameters
    ----------
    crs : str
        Anything pyproj reads; written to files as it stands.
    transform : tuple of 6 float
        ``(a, b, c, d, e, f)`` in rasterio's order: ``x = a col + b row + c``, ``y = d col + e row + f`` for
        the upper left corner of a pixel. ``b`` and ``d`` are 0, ``e`` is negative.
    width, height : int
        Number of columns and rows.

    Examples
    --------
    >>> grid = Grid("EPSG:32651", (500.0, 0.0, 200000.0, 0.0, -500.0, 3400000.0), 4, 3)
    >>> grid.shape, grid.bounds
    ((3, 4), (200000.0, 3398500.0, 202000.0, 3400000.0))
    >>> grid.x
    array([200250., 200750., 201250., 201750.])
    """

    crs: str
    transform: tuple[float, float, float, float, float, float]
    width: int
    height: int

    @classmethod
    def from_bounds(cls, bounds, resolution: float, crs: str) -> Grid:
        """The grid that covers `bounds`, snapped outwards to multiples of `resolution` (units of `crs`).

        Examples
        --------
        >>> Grid.from_bounds((10.0, 20.0, 1490.0, 990.0), 500.0, "EPSG:32651").bounds
        (0.0, 0.0, 1500.0, 1000.0)
        """
        left, bottom = (math.floor(value / resolution + 1e-9) for value in bounds[:2])
        right, top = (math.ceil(value / resolution - 1e-9) for value in bounds[2:])
        transform = (resolution, 0.0, left * resolution, 0.0, -resolution, top * resolution)
        return cls(crs, transform, max(right - left, 1), max(top - bottom, 1))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @property
    def resolution(self) -> tuple[float, float]:
        """Pixel width and height, both positive, in units of the CRS."""
        return self.transform[0], -self.transform[4]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Outer edges: x minimum, y minimum, x maximum, y maximum."""
        a, _, c, _, e, f = self.transform
        return c, f + e * self.height, c + a * self.width, f

    @cached_property
    def x(self) -> np.ndarray:
        """Pixel centres from west to east, shape (width,)."""
        return self.transform[2] + (np.arange(self.width) + 0.5) * self.transform[0]

    @cached_property
    def y(self) -> np.ndarray:
        """Pixel centres from north to south, shape (height,)."""
        return self.transform[5] + (np.arange(self.height) + 0.5) * self.transform[4]

    def index(self, x, y) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row and column of the pixel that holds each point, and whether there is one.

        Parameters
        ----------
        x, y : array_like, shape (n,)
            Coordinates in the grid's CRS. NaN is outside.

        Returns
        -------
        row, col : ndarray of int
            -1 outside the grid. A point on the outer edge of the last pixel belongs to that pixel.
        inside : ndarray of bool
        """
        a, _, c, _, e, f = self.transform
        col = (np.asarray(x, float) - c) / a
        row = (np.asarray(y, float) - f) / e
        # The edge itself, computed from corner and size, is off by rounding as often as not.
        inside = (col >= -_ROUNDING) & (col <= self.width + _ROUNDING)
        inside &= (row >= -_ROUNDING) & (row <= self.height + _ROUNDING)
        col = np.where(inside, np.clip(np.floor(col), 0, self.width - 1), -1).astype(int)
        row = np.where(inside, np.clip(np.floor(row), 0, self.height - 1), -1).astype(int)
        return row, col, inside

    def window(self, tile: Tile) -> Grid:
        """The part of the grid under `tile`, as a grid of its own."""
        a, b, c, d, e, f = self.transform
        corner = (a, b, c + a * tile.col0, d, e, f + e * tile.row0)
        return Grid(self.crs, corner, tile.shape[1], tile.shape[0])

    def tiles(self, size: int) -> Iterator[Tile]:
        """Squares of `size` pixels from the upper left, row by row; those at the edges are smaller.

        Examples
        --------
        >>> [tile.shape for tile in Grid("EPSG:4326", (1.0, 0.0, 0.0, 0.0, -1.0, 5.0), 5, 3).tiles(3)]
        [(3, 3), (3, 2)]
        """
        for row in range(0, self.height, size):
            for col in range(0, self.width, size):
                yield Tile(row, min(row + size, self.height), col, min(col + size, self.width))
