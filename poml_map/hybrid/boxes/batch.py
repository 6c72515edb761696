"""One batch of windows from its covariates to its part of the maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poml_map.compiling import compiled

from .blocks import BLOCK, Batch, lay_out
from .flatten import FlatForest
from .rows import PIXELS, add_trees, note_trees, scratch
from .spread import TREES_AT_ONCE, add_noted, add_spread, deviation, find_quantile, quantile_place
from .tile import Tile
from .vectors import LANES
from .windows import WindowTrees, keep_open

#: Windows that share one walk over the trees. More make the walk cheaper for each, and need more memory.
MOST_WINDOWS = 32
# For the values of all trees. [bytes]
_MOST_BYTES = 2**25
_ONE = np.uint64(1)


@dataclass(frozen=True)
class Work:
    """Memory of one thread.

    Attributes
    ----------
    batch : Batch
    trees : WindowTrees
    scratch : tuple of ndarray
        See `rows.scratch`.
    sums : ndarray (windows, pixels) int32
        Of the trees that are walked at once.
    """

    batch: Batch
    trees: WindowTrees
    scratch: tuple
    sums: np.ndarray

    @classmethod
    def empty(cls, forest: FlatForest, windows: int = MOST_WINDOWS) -> Work:
        """Memory for so many windows."""
        return cls(
            Batch.empty(windows, forest.n_features),
            WindowTrees.empty(windows, forest),
            scratch(forest),
            np.empty((windows, PIXELS), np.int32),
        )


def map_batch(forest: FlatForest, work: Work, tile: Tile, places, maps, quantiles) -> int:
    """Fill the maps in some windows.

    Parameters
    ----------
    forest : FlatForest
    work : Work
    tile : Tile
    places : ndarray (windows, 3) int64
        Year, first row and column of each.
    maps : dict of str -> ndarray (years, rows, cols) float32
        Filled where a pixel is usable: ``"mean"`` and, if there, ``"tree_sd"`` and one for each quantile.
    quantiles : list of float

    Returns
    -------
    int
        Usable pixels with a gap in a covariate.
    """
    batch = work.batch.first(len(places))
    batch.places[:] = places
    gaps = lay_out(batch, tile.covariates, tile.usable)
    if quantiles:
        results = _with_quantiles(forest, work, batch, quantiles, "tree_sd" in maps)
    elif "tree_sd" in maps:
        results = _with_deviation(forest, work, batch)
    else:
        results = [_mean(forest, work, batch)]
    for values, into in zip(results, maps.values(), strict=True):
        _put(values, batch.usable, batch.places, into)
    return gaps


def _mean(forest, work, batch) -> np.ndarray:
    totals = np.zeros((len(batch.places), PIXELS), np.int64)
    sums = work.sums[: len(totals)]
    for _, n_trees in _rounds(forest, work, batch):
        sums[:] = 0
        add_trees(work.trees.items, work.trees.first, n_trees, *_pixels(batch), sums, *work.scratch)
        totals += sums
    return _as_mean(forest, totals)


def _with_deviation(forest, work, batch) -> list[np.ndarray]:
    sums, squares = np.zeros((2, len(batch.places), PIXELS), np.int64)
    noted = np.empty(TREES_AT_ONCE * PIXELS, np.int32)
    for _, n_trees in _rounds(forest, work, batch):
        add_spread(
            work.trees.items, work.trees.first, n_trees, *_pixels(batch), sums, squares, noted, *work.scratch
        )
    return [_as_mean(forest, sums), forest.step * deviation(sums, squares, forest.n_trees)]


def _with_quantiles(forest, work, batch, quantiles, with_deviation) -> list[np.ndarray]:
    windows = len(batch.places)
    noted = np.empty((windows, forest.n_trees * PIXELS), np.int32)
    for tree, n_trees in _rounds(forest, work, batch):
        for window in range(windows):
            note_trees(
                work.trees.items[window], work.trees.first[:, window], 0, n_trees,
                batch.rows[window], batch.usable[window], batch.low[window], batch.high[window],
                noted[window, tree * PIXELS :], *work.scratch,
            )  # fmt: skip
    sums, squares = np.zeros((2, windows, PIXELS), np.int64)
    found = np.zeros((len(quantiles), windows, PIXELS))
    for window in range(windows):
        add_noted(noted[window], forest.n_trees, sums[window], squares[window])
        for number, quantile in enumerate(quantiles):
            place = quantile_place(quantile, forest.n_trees)
            find_quantile(noted[window], forest.n_trees, batch.usable[window], *place, found[number, window])
    spread = [forest.step * deviation(sums, squares, forest.n_trees)] if with_deviation else []
    return [_as_mean(forest, sums), *spread, *(forest.centre + forest.step * values for values in found)]


def _rounds(forest, work, batch):
    """Walk the whole trees, as many at once as there is room for; yields the first and their number."""
    tree = 0
    while tree < forest.n_trees:
        stop = keep_open(forest, tree, batch, work.trees)
        yield tree, stop - tree
        tree = stop


def _pixels(batch):
    return batch.rows, batch.usable, batch.low, batch.high


def _as_mean(forest, totals):
    return forest.centre + totals * (forest.step / forest.n_trees)


def windows_at_once(forest: FlatForest, quantiles) -> int:
    """How many windows a batch may have: with quantiles, the values of all trees are held for each of its pixels."""
    if not quantiles:
        return MOST_WINDOWS
    return max(1, min(MOST_WINDOWS, _MOST_BYTES // (forest.n_trees * PIXELS * 4)))


@compiled(fastmath=False)
def _put(values, usable, places, into):
    """Values (windows, pixels) to their places in the map, as float32."""
    for window in range(len(places)):
        year, first_row, first_col = places[window]
        for block in range(LANES):
            mask = usable[window, block]
            row, col = first_row + block // BLOCK * BLOCK, first_col + block % BLOCK * BLOCK
            for lane in range(LANES):
                if mask >> np.uint64(lane) & _ONE:
                    into[year, row + lane // BLOCK, col + lane % BLOCK] = values[window, block * LANES + lane]
