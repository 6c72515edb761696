"""A tile cut into windows and blocks, and the box of each: the smallest and largest value of every covariate.

A window has 64 x 64 pixels and is made of 64 blocks of 8 x 8 pixels, row by row. The pixels of a block are the 64
lanes of one operation, the blocks of a window those of another. Blocks at the edge of a tile are not full: which
lanes count is in one mask per block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poml_map.compiling import compiled

from .vectors import LANES, finite, largest, size, smallest

#: Pixels along one side of a block and of a window.
BLOCK = 8
WINDOW = 64
_ONE = np.uint64(1)


@dataclass(frozen=True)
class Batch:
    """Up to 64 windows, each in one year, with their covariates laid out for the kernels.

    Attributes
    ----------
    places : ndarray (windows, 3) int64
        Year, first row and first column of each window in its tile.
    rows : ndarray (windows, covariates * blocks * lanes) float32
        Every covariate of every pixel; arbitrary where a lane does not count.
    usable : ndarray (windows, blocks) uint64
        Lanes that count in each block.
    low, high : ndarray (windows, covariates * blocks) float32
        Boxes of the blocks: infinity and minus infinity where no lane counts.
    window_low, window_high : ndarray (covariates * 64,) float32
        Boxes of the windows, one lane each.
    """

    places: np.ndarray
    rows: np.ndarray
    usable: np.ndarray
    low: np.ndarray
    high: np.ndarray
    window_low: np.ndarray
    window_high: np.ndarray

    @classmethod
    def empty(cls, windows: int, covariates: int) -> Batch:
        """Memory for so many windows."""
        values = [np.empty((windows, covariates * LANES * n), np.float32) for n in (LANES, 1, 1)]
        boxes = [np.empty(covariates * LANES, np.float32) for _ in range(2)]
        return cls(
            np.empty((windows, 3), np.int64),
            values[0],
            np.empty((windows, LANES), np.uint64),
            *values[1:],
            *boxes,
        )

    def first(self, windows: int) -> Batch:
        """The memory of the first windows."""
        parts = (self.places, self.rows, self.usable, self.low, self.high)
        return Batch(*(part[:windows] for part in parts), self.window_low, self.window_high)


def windows_of(usable) -> np.ndarray:
    """Year, first row and first column of every window with a pixel to map, year by year.

    Parameters
    ----------
    usable : ndarray (years, rows, cols) of bool

    Returns
    -------
    ndarray (windows, 3) int64
    """
    starts = [range(0, length, WINDOW) for length in usable.shape[1:]]
    if not usable.size:
        return np.empty((0, 3), np.int64)
    some = np.logical_or.reduceat(np.logical_or.reduceat(usable, starts[0], axis=1), starts[1], axis=2)
    return np.argwhere(some) * [1, WINDOW, WINDOW]


def lay_out(batch: Batch, covariates, usable) -> int:
    """Fill a batch whose `places` are set.

    Parameters
    ----------
    batch : Batch
    covariates : list of ndarray (years or 1, rows, cols) float32
        Of the tile.
    usable : ndarray (years or 1, rows, cols) of bool

    Returns
    -------
    int
        Usable pixels with a covariate that is NaN or infinite; they do not count as usable any more.
    """
    _mark_usable(usable, batch.places, batch.usable)
    before = _count(batch.usable)
    for number, values in enumerate(covariates):
        _lay_out_one(values, batch.places, number, batch.rows, batch.usable, batch.low, batch.high)
    _join_boxes(batch.usable, batch.low, batch.high, batch.window_low, batch.window_high)
    return before - _count(batch.usable)


@compiled
def _mark_usable(usable, places, masks):
    for window in range(len(places)):
        year, first_row, first_col = places[window]
        year = min(year, usable.shape[0] - 1)
        masks[window] = 0
        for row in range(first_row, min(first_row + WINDOW, usable.shape[1])):
            for col in range(first_col, min(first_col + WINDOW, usable.shape[2])):
                if usable[year, row, col]:
                    y, x = row - first_row, col - first_col
                    lane = y % BLOCK * BLOCK + x % BLOCK
                    masks[window, y // BLOCK * BLOCK + x // BLOCK] |= _ONE << np.uint64(lane)


@compiled
def _count(masks):
    total = 0
    for mask in masks.flat:
        total += size(mask)
    return total


@compiled
def _lay_out_one(values, places, number, rows, usable, low, high):
    """One covariate of all windows: its pixels block by block, and its share of the boxes."""
    for window in range(len(places)):
        year, first_row, first_col = places[window]
        year = min(year, values.shape[0] - 1)
        kept = rows[window]
        for block in range(LANES):
            box = number * LANES + block
            if usable[window, block]:
                row, col = first_row + block // BLOCK * BLOCK, first_col + block % BLOCK * BLOCK
                _copy_block(values[year], row, col, kept, box * LANES)
                usable[window, block] &= finite(kept, box * LANES)
            low[window, box] = smallest(kept, box * LANES, usable[window, block])
            high[window, box] = largest(kept, box * LANES, usable[window, block])


@compiled(inline="always")
def _copy_block(values, first_row, first_col, kept, offset):
    if first_row + BLOCK <= values.shape[0] and first_col + BLOCK <= values.shape[1]:
        for y in range(BLOCK):
            for x in range(BLOCK):
                kept[offset + y * BLOCK + x] = values[first_row + y, first_col + x]
    else:  # at the edge of the tile: the lanes beyond it do not count
        for y in range(min(BLOCK, values.shape[0] - first_row)):
            for x in range(min(BLOCK, values.shape[1] - first_col)):
                kept[offset + y * BLOCK + x] = values[first_row + y, first_col + x]


@compiled
def _join_boxes(usable, low, high, window_low, window_high):
    """Boxes of the windows from those of their blocks."""
    for window in range(LANES):
        for number in range(len(window_low) // LANES):
            box = number * LANES + window
            if window < len(usable):
                some = _blocks_in_use(usable[window])
                window_low[box] = smallest(low[window], number * LANES, some)
                window_high[box] = largest(high[window], number * LANES, some)
            else:
                window_low[box], window_high[box] = np.inf, -np.inf


@compiled(inline="always")
def _blocks_in_use(masks):
    some = np.uint64(0)
    for block in range(LANES):
        if masks[block]:
            some |= _ONE << np.uint64(block)
    return some
