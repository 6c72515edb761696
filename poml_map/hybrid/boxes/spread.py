"""Deviation and quantiles of the values that the single trees give for one pixel.

Trees put their whole numbers into a list per pixel. Sums of whole numbers and of their squares are exact, so that the
deviation is 0 where all trees agree; quantiles are found by halving the range of the numbers until one is left.
"""

from __future__ import annotations

import math

import numpy as np

from poml_map.compiling import compiled

from .order import PIXELS
from .rows import note_trees
from .vectors import LANES, count_at_most

#: Trees whose values are noted before they are added up: with 64 x 64 pixels they stay in a processor's second cache.
TREES_NOTED = 16


@compiled
def add_spread(items, right, first, rows, usable, low, high, sums, squares, noted, *scratch):
    """Add values and squares of the trees to `sums` and `squares` (windows, pixels) int64.

    `noted` (TREES_NOTED * pixels,) int32 is memory.
    """
    for window in range(len(usable)):
        for begin in range(0, len(first) - 1, TREES_NOTED):
            some = first[begin : begin + TREES_NOTED + 1]
            note_trees(
                items, right, some, rows[window], usable[window], low[window], high[window], noted, *scratch
            )
            add_noted(noted, len(some) - 1, sums[window], squares[window])


@compiled
def add_noted(noted, n_trees, sums, squares):
    """Add noted values of one window, and their squares, pixel by pixel."""
    for block in range(0, PIXELS, LANES):
        for tree in range(n_trees):
            for lane in range(LANES):
                value = np.int64(noted[tree * PIXELS + block + lane])
                sums[block + lane] += value
                squares[block + lane] += value * value


def deviation(sums, squares, n_trees: int) -> np.ndarray:
    """Standard deviation of whole numbers from their exact sums, divided by their number and not by one less.

    Examples
    --------
    >>> deviation(np.array([8, 30]), np.array([34, 300]), 3).round(3)
    array([2.055, 0.   ])
    """
    # The mean is split off as a whole number first: what is left loses no digit, whatever the squares are.
    whole = sums // n_trees
    about_whole = squares - 2 * whole * sums + n_trees * whole * whole
    rest = sums / n_trees - whole
    return np.sqrt(np.maximum(about_whole / n_trees - rest * rest, 0.0))


def quantile_place(quantile: float, n_trees: int) -> tuple[int, float]:
    """Which value in ascending order a quantile is, and its share of the way to the next (numpy's "linear").

    Examples
    --------
    >>> quantile_place(0.5, 4), quantile_place(1.0, 4)
    ((1, 0.5), (3, 0.0))
    """
    place = quantile * (n_trees - 1)
    return math.floor(place), place - math.floor(place)


@compiled
def find_quantile(noted, n_trees, usable, rank, share, found):
    """Quantile of the noted values (trees * pixels,) int32 of one window; `found` is (pixels,) float64."""
    lower, upper = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    middle, count = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    for block in range(LANES):
        if usable[block]:
            offset = block * LANES
            _range(noted, n_trees, offset, lower, upper)
            _halve(noted, n_trees, offset, rank, lower, upper, middle, count)
            count_at_most(noted, offset, lower, 0, count, 0, n_trees)
            _next_above(noted, n_trees, offset, lower, upper)
            for lane in range(LANES):
                this = np.float64(lower[lane])
                following = this if count[lane] > rank + 1 else np.float64(upper[lane])
                found[offset + lane] = this + share * (following - this)


@compiled
def _range(noted, n_trees, offset, lower, upper):
    for lane in range(LANES):
        lower[lane] = upper[lane] = noted[offset + lane]
    for tree in range(1, n_trees):
        for lane in range(LANES):
            value = noted[tree * PIXELS + offset + lane]
            lower[lane] = min(lower[lane], value)
            upper[lane] = max(upper[lane], value)


@compiled
def _halve(noted, n_trees, offset, rank, lower, upper, middle, count):
    """Narrow the range until `lower` is the smallest number that more than `rank` of the values do not exceed."""
    while True:
        open_lanes = 0
        for lane in range(LANES):
            width = upper[lane] - lower[lane]
            middle[lane] = lower[lane] + width // 2
            open_lanes += width > 0
        if open_lanes == 0:
            return
        count_at_most(noted, offset, middle, 0, count, 0, n_trees)
        for lane in range(LANES):
            enough = count[lane] > rank
            upper[lane] = middle[lane] if enough else upper[lane]
            lower[lane] = lower[lane] if enough else min(middle[lane] + 1, upper[lane])


@compiled
def _next_above(noted, n_trees, offset, lower, upper):
    """Smallest value above `lower` into `upper`, or `lower` itself where there is none."""
    for lane in range(LANES):
        upper[lane] = lower[lane]
    for tree in range(n_trees):
        for lane in range(LANES):
            value = noted[tree * PIXELS + offset + lane]
            nearer = value > lower[lane] and (upper[lane] == lower[lane] or value < upper[lane])
            upper[lane] = value if nearer else upper[lane]
