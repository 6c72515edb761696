"""Where a map lies on the ground and on the page: true lengths, north, and how pixels fill a box."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyproj
from matplotlib.ticker import MaxNLocator

from poml_map.grid import Grid


@dataclass(frozen=True)
class Fit:
    """How a grid is put into a box: `block` x `block` pixels become one, drawn `width` x `height` in all.

    Width and height are pixels of the picture.
    """

    block: int
    width: float
    height: float


def fit(grid: Grid, box_width: float, box_height: float) -> Fit:
    """Whole numbers of screen pixels per map pixel, or the other way round, nearest to filling the box.

    The result is between 0.7 and 1.42 of the box; whole numbers keep every map pixel equally large.

    Examples
    --------
    >>> fit(Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 300, 250), 620, 520)
    Fit(block=1, width=600, height=500)
    >>> fit(Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 1100, 1100), 620, 520)
    Fit(block=2, width=550, height=550)
    """
    aspect = pixel_aspect(grid)
    wish = min(box_width / grid.width, box_height / (grid.height * aspect))
    larger = [(1, count) for count in (int(wish), int(wish) + 1) if count]
    smaller = [(count, 1) for count in (int(1 / wish), int(1 / wish) + 1) if count]
    block, zoom = min(larger + smaller, key=lambda pair: abs(np.log(pair[1] / pair[0] / wish)))
    rows, columns = -(-grid.height // block), -(-grid.width // block)
    return Fit(block, columns * zoom, max(round(rows * zoom * aspect), 1))


def block_mean(values, block: int) -> np.ndarray:
    """Means of `block` x `block` pixels without the missing ones; NaN where all are missing.

    Parameters
    ----------
    values : array_like, shape (y, x)
    block : int

    Returns
    -------
    ndarray of float32, shape (ceil(y / block), ceil(x / block))

    Examples
    --------
    >>> block_mean([[1.0, 3.0, np.nan]], 2).tolist()
    [[2.0, nan]]
    """
    values = np.asarray(values, np.float32)
    if block == 1:
        return values
    rows, columns = (-(-length // block) for length in values.shape)
    total, count = np.zeros((rows, columns)), np.zeros((rows, columns), np.int32)
    for row in range(block):
        for column in range(block):
            part = values[row::block, column::block]
            valid = np.isfinite(part)
            there = np.s_[: part.shape[0], : part.shape[1]]  # one less where the edge cuts a block
            np.add(total[there], part, out=total[there], where=valid)
            count[there] += valid
    return np.where(count, total / np.maximum(count, 1), np.nan).astype(np.float32)


def weighted_mean(values, grid: Grid) -> float:
    """Mean over the area of all pixels that have a value; NaN when none has.

    In degrees, pixels get narrower towards the poles and count less.

    Parameters
    ----------
    values : array_like, shape (y, x)
    grid : Grid

    Examples
    --------
    >>> grid = Grid("EPSG:4326", (1.0, 0.0, 0.0, 0.0, -30.0, 75.0), 1, 2)     # rows at 60 and 30 degrees
    >>> round(weighted_mean([[1.0], [2.0]], grid), 3)
    1.634
    """
    values = np.asarray(values)
    valid = np.isfinite(values)
    weights = row_weights(grid)
    area = float(valid.sum(axis=1) @ weights)
    total = values.sum(axis=1, dtype=float, where=valid) @ weights
    return float(total / area) if area > 0 else math.nan


def row_weights(grid: Grid) -> np.ndarray:
    """Area of a pixel of each row, but for a factor; shape (y,)."""
    return np.maximum(np.cos(np.radians(grid.y)), 0) if _in_degrees(grid) else np.ones(grid.height)


def row_areas(grid: Grid) -> np.ndarray:
    """Area of a pixel of each row on the ellipsoid, in the middle column; shape (y,). [m2]

    Examples
    --------
    >>> grid = Grid("EPSG:32651", (500.0, 0.0, 5e5, 0.0, -500.0, 3.4e6), 2, 1)      # at the middle of its zone
    >>> (row_areas(grid) / 500.0**2).round(4)
    array([1.0008])
    """
    west, _, east, north = grid.bounds
    width, height = grid.resolution
    left = (west + east - width) / 2
    edges = north - height * np.arange(grid.height + 1)
    at_left, at_right = (
        np.column_stack(_to_degrees(grid).transform(np.full_like(edges, x), edges))
        for x in (left, left + width)
    )
    corners = np.stack(
        [at_left[:-1], at_right[:-1], at_right[1:], at_left[1:]], axis=1
    )  # row, corner, lon and lat
    geod = pyproj.Geod(ellps="WGS84")
    return np.array([abs(geod.polygon_area_perimeter(*corner.T)[0]) for corner in corners])


def pixel_aspect(grid: Grid) -> float:
    """Height of a pixel on the ground over its width, in the middle of the grid.

    Examples
    --------
    >>> grid = Grid("EPSG:4326", (1.0, 0.0, 0.0, 0.0, -1.0, 62.0), 3, 4)      # about 60 degrees north
    >>> round(pixel_aspect(grid), 6)
    2.0
    """
    width, height = grid.resolution
    if not _in_degrees(grid):
        return height / width
    middle = (grid.bounds[1] + grid.bounds[3]) / 2
    return height / (width * max(math.cos(math.radians(middle)), 0.05))


def pixel_metres(grid: Grid) -> float:
    """Width of a pixel on the ground in the middle of the grid, along the ellipsoid. [m]

    Not what the CRS says: in Web Mercator at 60 degrees north "1 m" is half a metre.

    Examples
    --------
    >>> grid = Grid("EPSG:3857", (100.0, 0.0, 0.0, 0.0, -100.0, 8400000.0), 10, 10)
    >>> round(pixel_metres(grid))
    50
    """
    x, y = _middle(grid)
    quarter = grid.resolution[0] * grid.width / 4
    lon, lat = _to_degrees(grid).transform([x - quarter, x + quarter], [y, y])
    return pyproj.Geod(ellps="WGS84").inv(lon[0], lat[0], lon[1], lat[1])[2] / (grid.width / 2)


def north_angle(grid: Grid) -> float:
    """Direction of true north in the middle of the grid, clockwise from up. [degree]

    Examples
    --------
    >>> grid = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 10, 10)   # west of the zone's middle
    >>> round(north_angle(grid), 1)
    1.6
    """
    to_degrees = _to_degrees(grid)
    x, y = _middle(grid)
    lon, lat = to_degrees.transform(x, y)
    north_x, north_y = to_degrees.transform(lon, lat + 0.001, direction="INVERSE")
    return math.degrees(math.atan2(north_x - x, north_y - y))


def round_length(longest: float) -> float:
    """The longest of 1, 2, 5, 10, 20 ... that is not above `longest`.

    Examples
    --------
    >>> [round_length(metres) for metres in (37.0, 99.9, 100.0)]
    [20.0, 50.0, 100.0]
    """
    power = 10.0 ** math.floor(math.log10(longest))
    return max(step * power for step in (1, 2, 5) if step * power <= longest)


def nice_limits(values, *, symmetric: bool = False) -> tuple[float, float]:
    """Ends of a colour scale: the 2nd and 98th percentile, rounded outwards to a tick.

    Parameters
    ----------
    values : array_like of float
        NaN is left out; when nothing is left the limits are 0 and 1.
    symmetric : bool
        Around zero, for differences.

    Examples
    --------
    >>> nice_limits(np.linspace(2.13, 5.88, 1001))
    (2.0, 6.0)
    >>> nice_limits([-0.31, 0.12], symmetric=True)
    (-0.4, 0.4)
    """
    values = np.asarray(values)
    values = values[np.isfinite(values)]
    low, high = np.percentile(values, [2, 98]) if values.size else (0.0, 1.0)
    if symmetric:
        high = max(abs(low), abs(high)) or 1.0
        low = -high
    elif high - low < 1e-6 * max(abs(high), 1e-6):  # one value everywhere: a scale needs a width
        low, high = low - max(0.1 * abs(low), 0.1), high + max(0.1 * abs(high), 0.1)
    ticks = MaxNLocator(nbins=8, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return float(f"{ticks[0]:.12g}"), float(f"{ticks[-1]:.12g}")


def _in_degrees(grid: Grid) -> bool:
    return pyproj.CRS.from_user_input(grid.crs).is_geographic


def _middle(grid: Grid) -> tuple[float, float]:
    left, bottom, right, top = grid.bounds
    return (left + right) / 2, (bottom + top) / 2


def _to_degrees(grid: Grid) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
