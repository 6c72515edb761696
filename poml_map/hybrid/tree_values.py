"""What the single trees of a forest say of some rows, put together the same way whatever the number of threads."""

from __future__ import annotations

import numpy as np

# So that the values of all trees for them stay small.
_ROWS_AT_ONCE = 4096


def mean_of_trees(trees, rows):
    """Mean of the trees, (1, rows), added one after the other."""
    total = np.zeros(len(rows))
    for tree in trees:
        total += tree.predict(rows)[:, 0]
    return (total / len(trees))[np.newaxis]


def spread_of_trees(trees, rows, later=None):
    """Mean and deviation, (2, rows), of values or of differences, by parts that stay small with all trees at once."""
    found = np.empty((2, len(rows)))
    for begin in range(0, len(rows), _ROWS_AT_ONCE):
        here = slice(begin, begin + _ROWS_AT_ONCE)
        values = _side_by_side(trees, rows[here])
        if later is not None:
            values = _side_by_side(trees, later[here]) - values
        mean = _sum_in_order(values) / len(trees)
        found[0, here] = mean
        values -= mean
        found[1, here] = np.sqrt(_sum_in_order(values * values) / len(trees))
    return found


def _side_by_side(trees, rows):
    """Values of all trees, (trees, rows)."""
    rows = np.ascontiguousarray(rows)
    return np.stack([tree.predict(rows)[:, 0] for tree in trees])


def _sum_in_order(values):
    """Sum over axis 0, one after the other as `mean_of_trees` adds, whatever the shape."""
    total = np.zeros(values.shape[1])
    for each in values:
        total += each
    return total
