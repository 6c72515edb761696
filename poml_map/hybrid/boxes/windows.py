"""What the boxes of up to 64 windows leave open of every tree.

One walk over the whole tree serves all windows of a batch: at each node two comparisons tell for 64 windows at once
which of them go left with all their pixels, and which go right. A node that a window leaves open, and every leaf that
it may reach, is copied to the window's own tree, again in preorder. Subtrees that no window reaches are jumped over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poml_map.compiling import compiled

from .flatten import TREES_IN_INT32, FlatForest
from .vectors import LANES, above, as_float, at_most, lowest

_ONE = np.uint64(1)
# Memory for the trees of a batch of windows. [bytes]
_MOST_BYTES = 2**24


@dataclass(frozen=True)
class WindowTrees:
    """The trees of a batch of windows, as many trees of the forest at once as there is room for.

    Attributes
    ----------
    items : ndarray (windows, capacity) int64
        As in `FlatForest`.
    first : ndarray (trees, 64) int64
        Where each tree of each window begins in its row of `items`.
    waiting : ndarray (depth, ) int64, ndarray (depth,) uint64
        Right subtrees still to be walked, and the windows that reach them: at most one per level of the tree.
    """

    items: np.ndarray
    first: np.ndarray
    waiting: tuple[np.ndarray, np.ndarray]

    @classmethod
    def empty(cls, windows: int, forest: FlatForest) -> WindowTrees:
        """Memory for so many windows: enough for the largest tree, in each of them left open altogether."""
        capacity = max(_MOST_BYTES // 8 // windows, forest.most_items)
        levels = forest.depth + 1
        return cls(
            np.empty((windows, capacity), np.int64),
            np.empty((TREES_IN_INT32, LANES), np.int64),
            (np.empty(levels, np.int64), np.empty(levels, np.uint64)),
        )


def keep_open(forest: FlatForest, tree: int, batch, trees: WindowTrees) -> int:
    """Copy what the windows of the batch leave open, from this tree of the forest on.

    Returns
    -------
    int
        The tree to go on with: the first for which there was no room, or the number of trees.
    """
    windows = np.uint64(2 ** len(batch.places) - 1)
    return _keep_open(
        forest.items,
        forest.right,
        forest.first,
        tree,
        windows,
        batch.window_low,
        batch.window_high,
        trees.items,
        trees.first,
        *trees.waiting,
    )


@compiled
def _keep_open(items, right, first, tree, windows, low, high, kept, starts, waiting_items, waiting_windows):
    position = np.zeros(LANES, np.int64)
    begin = tree
    while tree < len(first) - 1 and tree - begin < len(starts):
        if position.max() + first[tree + 1] - first[tree] > kept.shape[1]:
            break
        starts[tree - begin] = position
        _walk(
            items, right, first[tree], windows, low, high, kept.ravel(), kept.shape[1], position, waiting_items,
            waiting_windows,
        )  # fmt: skip
        tree += 1
    return tree


@compiled(inline="always")
def _walk(items, right, root, windows, low, high, kept, capacity, position, waiting_items, waiting_windows):
    waiting, at, here = 0, root, windows
    while True:
        item = items[at]
        feature = item >> 32
        if feature < 0:
            _copy(item, here, kept, capacity, position)
            if waiting == 0:
                return
            waiting -= 1
            at, here = waiting_items[waiting], waiting_windows[waiting]
        else:
            threshold = as_float(np.int32(item))
            all_left = at_most(high, feature * LANES, threshold)
            all_right = above(low, feature * LANES, threshold)
            _copy(item, here & ~(all_left | all_right), kept, capacity, position)
            to_left, to_right = here & ~all_right, here & ~all_left
            if to_left and to_right:
                waiting_items[waiting], waiting_windows[waiting] = right[at], to_right
                waiting += 1
            if to_left:
                at, here = at + 1, to_left
            else:
                at, here = right[at], to_right


@compiled(inline="always")
def _copy(item, windows, kept, capacity, position):
    while windows:
        window = lowest(windows)
        windows &= windows - _ONE
        kept[window * capacity + position[window]] = item
        position[window] += 1
