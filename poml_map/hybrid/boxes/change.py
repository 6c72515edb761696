"""The change from one year to another, tree by tree: its mean, and how far the trees are apart on it.

Errors of the two years are alike in each tree, because the tree has the same rows for both, and cancel in its
difference; the spread of the differences is therefore no sum of the spreads of the two years.
"""

from __future__ import annotations

import numpy as np

from poml_map.compiling import compiled

from .batch import MOST_WINDOWS, Work, put, rounds
from .blocks import lay_out
from .order import PIXELS, PixelOrder
from .rows import note_trees, room_for_values
from .shared import share
from .spread import TREES_NOTED, deviation
from .vectors import LANES


def pairs_of_windows(order: PixelOrder) -> list[np.ndarray]:
    """Windows of both years side by side, as many pairs at once as a batch holds.

    Examples
    --------
    >>> windows = np.array([[0, 0, 64], [0, 64, 90], [1, 0, 64], [1, 64, 90]])
    >>> pairs_of_windows(PixelOrder(np.arange(90), windows))[0][:, :2]
    array([[ 0,  0],
           [ 1,  0],
           [ 0, 64],
           [ 1, 64]])
    """
    pairs = order.windows.reshape(2, -1, 3).swapaxes(0, 1).reshape(-1, 3)
    return [pairs[begin : begin + MOST_WINDOWS] for begin in range(0, len(pairs), MOST_WINDOWS)]


def map_change(forest, work: Work, covariates, pixels, windows, maps) -> int:
    """Fill the maps in some windows.

    Parameters
    ----------
    forest : FlatForest
    work : Work
    covariates : list of ndarray (2 or 1, rows, cols) float32
    pixels : ndarray
    windows : ndarray
        One of `pairs_of_windows`.
    maps : sequence of 2 ndarray (1, rows, cols) float32
        Mean and deviation of the differences, filled where a pixel is usable.

    Returns
    -------
    int
        Pixels with a gap in a covariate of one of the years.
    """
    batch = work.batch.first(len(windows))
    lay_out(batch, covariates, pixels, windows)
    both = batch.usable[0::2] & batch.usable[1::2]
    batch.usable[0::2], batch.usable[1::2] = both, both  # boxes may hold more than the pixels that count
    share(forest, work.trees, batch)
    sums, squares = np.zeros((2, len(both), PIXELS), np.int64)
    early, late = room_for_values(TREES_NOTED), room_for_values(TREES_NOTED)
    for first in rounds(work.trees):
        _add_changes(
            work.trees.items, work.trees.right, first, batch.rows, batch.usable, batch.low, batch.high,
            early, late, sums, squares, *work.scratch,
        )  # fmt: skip
    mean = sums * (forest.step / forest.n_trees)
    spread = forest.step * deviation(sums, squares, forest.n_trees)
    here = windows[0::2] * np.array([0, 1, 1])  # the map has one layer for the two years
    for values, into in zip((mean, spread), maps, strict=True):
        put(values, both, pixels, here, into.reshape(len(into), -1))
    counted = int(np.unpackbits(both.view(np.uint8)).sum())
    return int((here[:, 2] - here[:, 1]).sum()) - counted


@compiled
def _add_changes(items, right, first, rows, usable, low, high, early, late, sums, squares, *scratch):
    """Add differences and their squares of some trees to `sums` and `squares` (pairs, pixels) int64."""
    for pair in range(len(sums)):
        one, two = 2 * pair, 2 * pair + 1
        for begin in range(0, len(first) - 1, TREES_NOTED):
            some = first[begin : begin + TREES_NOTED + 1]
            note_trees(items, right, some, rows[one], usable[one], low[one], high[one], early, *scratch)
            note_trees(items, right, some, rows[two], usable[two], low[two], high[two], late, *scratch)
            _add_noted_changes(early, late, len(some) - 1, sums[pair], squares[pair])


@compiled
def _add_noted_changes(early, late, n_trees, sums, squares):
    """As `spread.add_noted`; in int64 throughout, since differences may be twice as large as values."""
    step = len(early) // LANES
    for block in range(LANES):
        for tree in range(n_trees):
            begin = block * step + tree * LANES
            for lane in range(LANES):
                change = np.int64(late[begin + lane]) - np.int64(early[begin + lane])
                sums[block * LANES + lane] += change
                squares[block * LANES + lane] += change * change
