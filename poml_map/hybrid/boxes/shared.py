"""What is left of the trees for a batch of windows: nodes at which all windows go the same way are taken out.

One walk over a tree serves up to 64 windows: at each node two comparisons tell which of them go left with all their
pixels, and which go right. Where no pixel can go to one side, the node and that side are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poml_map.compiling import compiled

from .flatten import FlatForest
from .vectors import LANES, above, as_float, at_most


@dataclass(frozen=True)
class SharedTrees:
    """Trees in preorder, as in `FlatForest`.

    Attributes
    ----------
    items : ndarray (items,) int64
    right : ndarray (items,) uint32
    first : ndarray (trees + 1,) int64
    waiting : tuple of ndarray (levels,)
        Right subtrees that are still to be walked: where they are, the windows that reach them, and whose they are.
    """

    items: np.ndarray
    right: np.ndarray
    first: np.ndarray
    waiting: tuple[np.ndarray, np.ndarray, np.ndarray]

    @classmethod
    def empty(cls, forest: FlatForest) -> SharedTrees:
        """Memory for the case that nothing can be taken out; what is never written costs nothing."""
        kinds = (np.int64, np.uint64, np.int64)
        return cls(
            np.empty(len(forest.items), np.int64),
            np.empty(len(forest.items), np.uint32),
            np.empty(len(forest.first), np.int64),
            tuple(np.empty(forest.depth + 1, kind) for kind in kinds),
        )


def share(forest: FlatForest, trees: SharedTrees, batch) -> None:
    """Fill `trees` with what the windows of a batch need of the forest."""
    windows = np.uint64(2 ** len(batch.usable) - 1)
    _share(
        forest.items, forest.right, forest.first, windows, batch.window_low, batch.window_high,
        trees.items, trees.right, trees.first, *trees.waiting,
    )  # fmt: skip


@compiled
def _share(
    items, right, first, windows, low, high, kept, kept_right, kept_first, waiting, waiting_windows, parents
):
    n = 0
    for tree in range(len(first) - 1):
        kept_first[tree] = n
        at, here, depth = first[tree], windows, 0
        while True:
            item = items[at]
            feature = item >> 32
            if feature < 0:
                kept[n] = item
                n += 1
                if depth == 0:
                    break
                depth -= 1
                at, here = waiting[depth], waiting_windows[depth]
                kept_right[parents[depth]] = n
                continue
            threshold = as_float(np.int32(item))
            to_left = here & ~above(low, feature * LANES, threshold)
            to_right = here & ~at_most(high, feature * LANES, threshold)
            if to_left and to_right:
                waiting[depth], waiting_windows[depth], parents[depth] = right[at], to_right, n
                depth += 1
                kept[n] = item
                n += 1
            at, here = (at + 1, to_left) if to_left else (right[at], to_right)
    kept_first[len(first) - 1] = n
