"""Deviation and quantiles of the values that the single trees give for one pixel.

Trees put their whole numbers into a list per pixel. Sums of whole numbers and of their squares are exact, so that the
deviation is 0 where all trees agree; quantiles are found by halving the range of the numbers until one is left.
"""

from __future__ import annotations

import math

import numpy as np

from poml_map.compiling import compiled

from .rows import note_trees
from .vectors import LANES, add_powers, divide

#: Trees whose values are noted before they are added up: for 64 x 64 pixels they stay in a processor's second cache.
TREES_NOTED = 16


@compiled
def add_spread(items, right, first, rows, usable, low, high, sums, squares, noted, *scratch):
    """Add values and squares of the trees to `sums` and `squares` (windows, pixels) int64; `noted` is memory."""
    for window in range(len(usable)):
        for begin in range(0, len(first) - 1, TREES_NOTED):
            some = first[begin : begin + TREES_NOTED + 1]
            note_trees(
                items, right, some, rows[window], usable[window], low[window], high[window], noted, *scratch
            )
            add_noted(noted, len(some) - 1, sums[window], squares[window])


@compiled
def add_noted(noted, n_trees, sums, squares):
    """Add the values that `rows.note_trees` noted for one window, and their squares, pixel by pixel."""
    step = len(noted) // LANES
    for block in range(LANES):
        for tree in range(0, n_trees, TREES_NOTED):
            begin = block * step + tree * LANES
            end = block * step + min(tree + TREES_NOTED, n_trees) * LANES
            here = slice(block * LANES, block * LANES + LANES)
            add_powers(noted[begin:end], sums[here], squares[here])


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
    """Quantile of the values that `rows.note_trees` noted for one window; `found` is (pixels,) float64."""
    memory = np.empty((7, LANES), np.int32)
    lower, upper, up_to_upper, above_upper = memory[0], memory[1], memory[2], memory[3]
    step = len(noted) // LANES
    for block in range(LANES):
        if usable[block]:
            values = noted[block * step : block * step + n_trees * LANES]
            _range(values, lower, upper)
            up_to_upper[:] = n_trees
            above_upper[:] = upper
            _narrow(values, rank, lower, upper, up_to_upper, above_upper, memory[4], memory[5], memory[6])
            for lane in range(LANES):
                this = np.float64(lower[lane])
                following = this if up_to_upper[lane] > rank + 1 else np.float64(above_upper[lane])
                found[block * LANES + lane] = this + share * (following - this)


@compiled
def _range(values, lower, upper):
    """Smallest and largest value of every lane."""
    lower[:] = values[:LANES]
    upper[:] = values[:LANES]
    for first in range(LANES, len(values), LANES):
        for lane in range(LANES):
            lower[lane] = min(lower[lane], values[first + lane])
            upper[lane] = max(upper[lane], values[first + lane])


@compiled
def _narrow(values, rank, lower, upper, up_to_upper, above_upper, middle, count, last):
    """Halve the range of every lane until `lower` and `upper` are its value of this rank.

    Both ends are values of the lane all the time, so that there are no more rounds than its distinct values need.
    Beside them are kept how many values there are up to `upper`, and the next one above it.
    """
    following = np.empty_like(last)
    while True:
        still_open = 0
        for lane in range(LANES):
            middle[lane] = lower[lane] + (upper[lane] - lower[lane]) // 2
            still_open += upper[lane] > lower[lane]
        if still_open == 0:
            return
        divide(values, middle, count, last, following)
        for lane in range(LANES):
            if upper[lane] > lower[lane]:
                if count[lane] > rank:
                    upper[lane], up_to_upper[lane], above_upper[lane] = (
                        last[lane],
                        count[lane],
                        following[lane],
                    )
                else:
                    lower[lane] = following[lane]
