"""One batch of windows from its covariates to its part of the maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poml_map.compiling import compiled

from .blocks import Batch, lay_out
from .flatten import TREES_AT_ONCE, FlatForest
from .order import PIXELS
from .rows import add_trees, note_trees, room_for_values, scratch
from .shared import SharedTrees, share
from .spread import TREES_NOTED, add_noted, add_spread, deviation, find_quantile, quantile_place
from .vectors import LANES

#: Windows that share one walk over the trees. More make the walk cheaper for each, and need more memory.
MOST_WINDOWS = 32
_ONE = np.uint64(1)


@dataclass(frozen=True)
class Work:
    """Memory of one thread.

    Attributes
    ----------
    batch : Batch
    trees : SharedTrees
    scratch : tuple of ndarray
        See `rows.scratch`.
    sums : ndarray (windows, pixels) int32
        Of the trees that are added at once.
    """

    batch: Batch
    trees: SharedTrees
    scratch: tuple
    sums: np.ndarray

    @classmethod
    def empty(cls, forest: FlatForest, windows: int = MOST_WINDOWS) -> Work:
        """Memory for so many windows."""
        sums = np.empty((windows, PIXELS), np.int32)
        return cls(Batch.empty(windows, forest.n_features), SharedTrees.empty(forest), scratch(forest), sums)


def map_batch(forest: FlatForest, work: Work, covariates, pixels, windows, maps, quantiles) -> int:
    """Fill the maps in some windows.

    Parameters
    ----------
    forest : FlatForest
    work : Work
    covariates : list of ndarray (years or 1, rows, cols) float32
    pixels, windows : ndarray
        Of a `PixelOrder`, some of its windows only.
    maps : dict of str -> ndarray (years, rows, cols) float32
        Filled where a pixel is usable: ``"mean"``, ``"tree_sd"`` if it is there, then one for each quantile.
    quantiles : list of float

    Returns
    -------
    int
        Pixels with a gap in a covariate.
    """
    batch = work.batch.first(len(windows))
    gaps = lay_out(batch, covariates, pixels, windows)
    share(forest, work.trees, batch)
    if quantiles:
        results = _with_quantiles(forest, work, batch, quantiles, "tree_sd" in maps)
    elif "tree_sd" in maps:
        results = _with_deviation(forest, work, batch)
    else:
        results = [_mean(forest, work, batch)]
    for values, into in zip(results, maps.values(), strict=True):
        put(values, batch.usable, pixels, windows, into.reshape(len(into), -1))
    return gaps


def _mean(forest, work, batch) -> np.ndarray:
    totals = np.zeros((len(batch.usable), PIXELS), np.int64)
    sums = work.sums[: len(totals)]
    for first in rounds(work.trees):
        sums[:] = 0
        add_trees(work.trees.items, work.trees.right, first, *_pixels(batch), sums, *work.scratch)
        totals += sums
    return _as_mean(forest, totals)


def _with_deviation(forest, work, batch) -> list[np.ndarray]:
    sums, squares = np.zeros((2, len(batch.usable), PIXELS), np.int64)
    noted = room_for_values(TREES_NOTED)
    for first in rounds(work.trees):
        add_spread(
            work.trees.items, work.trees.right, first, *_pixels(batch), sums, squares, noted, *work.scratch
        )
    return [_as_mean(forest, sums), forest.step * deviation(sums, squares, forest.n_trees)]


def _with_quantiles(forest, work, batch, quantiles, with_deviation) -> list[np.ndarray]:
    trees, windows = work.trees, len(batch.usable)
    noted = room_for_values(forest.n_trees)
    sums, squares = np.zeros((2, windows, PIXELS), np.int64)
    found = np.zeros((len(quantiles), windows, PIXELS))
    for window in range(windows):
        pixels = [part[window] for part in _pixels(batch)]
        note_trees(trees.items, trees.right, trees.first, *pixels, noted, *work.scratch)
        add_noted(noted, forest.n_trees, sums[window], squares[window])
        for number, quantile in enumerate(quantiles):
            place = quantile_place(quantile, forest.n_trees)
            find_quantile(noted, forest.n_trees, batch.usable[window], *place, found[number, window])
    spread = [forest.step * deviation(sums, squares, forest.n_trees)] if with_deviation else []
    return [_as_mean(forest, sums), *spread, *(forest.centre + forest.step * values for values in found)]


def rounds(trees: SharedTrees):
    """Where the trees begin that are added at once, round by round."""
    for begin in range(0, len(trees.first) - 1, TREES_AT_ONCE):
        yield trees.first[begin : begin + TREES_AT_ONCE + 1]


def _pixels(batch):
    return batch.rows, batch.usable, batch.low, batch.high


def _as_mean(forest, totals):
    return forest.centre + totals * (forest.step / forest.n_trees)


@compiled(fastmath=False)
def put(values, usable, pixels, windows, into):
    """Values (windows, pixels) to their places in the map, as float32."""
    for window in range(len(windows)):
        year, begin, end = windows[window]
        for place in range(end - begin):
            if usable[window, place // LANES] >> np.uint64(place % LANES) & _ONE:
                into[year, pixels[begin + place]] = values[window, place]
