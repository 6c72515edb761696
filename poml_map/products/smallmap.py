"""A map as a picture needs it: no larger than it will be drawn, with the mean of all its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poml_map.grid import Grid
from poml_map.products.place import block_mean, fit, weighted_mean

# Room for the map on a sheet of its own, and for a panel among others. [layout pixel, 100 an inch]
MAP_BOX, PANEL_BOX = (620, 540), (280, 240)


@dataclass(frozen=True)
class SmallMap:
    """A reduced map.

    Attributes
    ----------
    values : ndarray of float32
        Means of blocks of pixels, NaN where none of them has a value.
    mean : float
        Of the region, from all pixels; NaN when none has a value.
    """

    values: np.ndarray
    mean: float


def small_map(values, grid: Grid, dpi: int = 100, box: tuple[int, int] = MAP_BOX) -> SmallMap:
    """Reduce a map for a picture; what is reduced already stays as it is.

    Parameters
    ----------
    values : array_like, shape (y, x), or SmallMap
    grid : Grid
    dpi : int
        Of the picture: that of `animate` is 100 unless told, that of `draw_comparison` 150.
    box : tuple of 2 int
        `MAP_BOX` or `PANEL_BOX`.

    Raises
    ------
    ValueError
        If the shape is not the grid's.

    Examples
    --------
    >>> grid = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 1200, 1000)
    >>> reduced = small_map(np.ones(grid.shape), grid)
    >>> reduced.values.shape, reduced.mean
    ((500, 600), 1.0)
    """
    if isinstance(values, SmallMap):
        return values
    values = np.asarray(values)
    if values.shape != grid.shape:
        raise ValueError(f"maps: shape {values.shape}, but the grid has {grid.shape} (rows, columns)")
    block = fit(grid, *(side * dpi / 100 for side in box)).block
    return SmallMap(block_mean(values, block), weighted_mean(values, grid))


@dataclass(frozen=True)
class PanelRow:
    """A row of `draw_comparison`, reduced, so that the maps themselves need not stay in memory.

    Attributes
    ----------
    maps : tuple of SmallMap
    change : SmallMap
        The last minus the first, pixel by pixel.
    """

    maps: tuple[SmallMap, ...]
    change: SmallMap


def panel_row(maps: Sequence[np.ndarray], grid: Grid, dpi: int = 150) -> PanelRow:
    """Reduce the maps of a row of `draw_comparison`.

    Parameters
    ----------
    maps : sequence of array_like, shape (y, x)
    grid, dpi
        As in `draw_comparison`.

    Raises
    ------
    ValueError
        If a shape is not the grid's.
    """
    reduced = tuple(small_map(values, grid, dpi, PANEL_BOX) for values in maps)
    change = np.subtract(maps[-1], maps[0])
    return PanelRow(reduced, small_map(change, grid, dpi, PANEL_BOX))
