"""The covariates of some windows block by block, and the box of each block and window.

A box is the smallest and the largest value of every covariate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poml_map.compiling import compiled

from .order import PIXELS
from .vectors import LANES, finite, largest, size, smallest

_ONE = np.uint64(1)
_ALL = np.uint64(2**LANES - 1)


@dataclass(frozen=True)
class Batch:
    """Up to 64 windows, each in one year, laid out for the kernels.

    Attributes
    ----------
    rows : ndarray (windows, covariates * blocks * lanes) float32
        Every covariate of every pixel; arbitrary where a lane does not count.
    usable : ndarray (windows, blocks) uint64
        Lanes that count in each block.
    low, high : ndarray (windows, covariates * blocks) float32
        Boxes of the blocks: infinity and minus infinity where no lane counts.
    window_low, window_high : ndarray (covariates * 64,) float32
        Boxes of the windows, one lane each; arbitrary in the lanes of no window.
    """

    rows: np.ndarray
    usable: np.ndarray
    low: np.ndarray
    high: np.ndarray
    window_low: np.ndarray
    window_high: np.ndarray

    @classmethod
    def empty(cls, windows: int, covariates: int) -> Batch:
        """Memory for so many windows."""
        rows, low, high = (
            np.empty((windows, covariates * LANES * lanes), np.float32) for lanes in (LANES, 1, 1)
        )
        boxes = [np.empty(covariates * LANES, np.float32) for _ in range(2)]
        return cls(rows, np.empty((windows, LANES), np.uint64), low, high, *boxes)

    def first(self, windows: int) -> Batch:
        """The memory of the first windows."""
        parts = (self.rows, self.usable, self.low, self.high)
        return Batch(*(part[:windows] for part in parts), self.window_low, self.window_high)


def lay_out(batch: Batch, covariates, pixels, windows) -> int:
    """Fill a batch.

    Parameters
    ----------
    batch : Batch
        Memory for as many windows as are given.
    covariates : list of ndarray (years or 1, rows, cols) float32
        Of the tile.
    pixels, windows : ndarray
        Of a `PixelOrder`, some of its windows only.

    Returns
    -------
    int
        Pixels with a covariate that is NaN or infinite; they do not count as usable.
    """
    _mark_usable(windows, batch.usable)
    for number, values in enumerate(covariates):
        flat = values.reshape(len(values), -1)
        _lay_out_one(flat, pixels, windows, number, batch.rows, batch.usable, batch.low, batch.high)
    _join_boxes(batch.usable, batch.low, batch.high, batch.window_low, batch.window_high)
    return int((windows[:, 2] - windows[:, 1]).sum()) - _count(batch.usable)


@compiled
def _mark_usable(windows, usable):
    for window in range(len(windows)):
        for block in range(LANES):
            left = windows[window, 2] - windows[window, 1] - block * LANES
            some = _ALL >> np.uint64(LANES - min(left, LANES)) if left > 0 else np.uint64(0)
            usable[window, block] = some


@compiled
def _count(usable):
    total = 0
    for mask in usable.flat:
        total += size(mask)
    return total


@compiled
def _lay_out_one(values, pixels, windows, number, rows, usable, low, high):
    """One covariate of all windows: its pixels block by block, and its share of the boxes."""
    for window in range(len(windows)):
        year, begin, end = windows[window]
        here, some = values[min(year, len(values) - 1)], pixels[begin:end]
        into = rows[window, number * PIXELS :]
        for place in range(len(some)):
            into[place] = here[some[place]]
        for block in range(LANES):
            usable[window, block] &= finite(into, block * LANES)
            low[window, number * LANES + block] = smallest(into, block * LANES, usable[window, block])
            high[window, number * LANES + block] = largest(into, block * LANES, usable[window, block])


@compiled
def _join_boxes(usable, low, high, window_low, window_high):
    """Boxes of the windows from those of their blocks."""
    for window in range(len(usable)):
        blocks = blocks_in_use(usable[window])
        for number in range(len(window_low) // LANES):
            window_low[number * LANES + window] = smallest(low[window], number * LANES, blocks)
            window_high[number * LANES + window] = largest(high[window], number * LANES, blocks)


@compiled
def blocks_in_use(usable):
    """Mask of the blocks of a window with a usable pixel."""
    blocks = np.uint64(0)
    for block in range(LANES):
        if usable[block]:
            blocks |= _ONE << np.uint64(block)
    return blocks
