"""The trees of one window, walked once for its 64 blocks; open nodes compare the 64 pixels of a block at once.

Every block carries the pixels that are on their way as a mask. At a node, two comparisons with the boxes tell which
blocks go left or right with all their pixels: nothing has to be done for them. Blocks that stay open compare their
pixels: the mask is split, one part goes on, the other waits. In a leaf the pixels of the mask get its value. A block
of which no pixel is left on a side is not looked at there again, and subtrees without any block are passed over.

Notes
-----
Why no access leaves its array:

* A tree of a window is a whole binary tree in preorder, so that a walk over it ends at its last leaf.
* Right subtrees that wait have different depths: there are at most as many as levels.
* Masks of a block that wait are not empty and have no pixel in common: 64 at most, and there is a place for each, one
  more for an empty mask that is written and given up at once, and one below them.
* Features are below the number of covariates, blocks below 64.
"""

from __future__ import annotations

import numpy as np

from poml_map.compiling import compiled

from .vectors import LANES, above, add_where, as_float, at_most, lowest, set_where

#: Pixels of a window.
PIXELS = LANES * LANES
_ONE = np.uint64(1)
_PLACES = LANES + 2


def scratch(forest) -> tuple:
    """Memory of a walk: masks of every block that wait and the place of the last one, right subtrees that wait."""
    return (
        np.empty(LANES * _PLACES, np.uint64),
        np.empty(LANES, np.int64),
        np.empty(forest.depth + 1, np.uint64),
    )


@compiled
def add_trees(items, first, n_trees, rows, usable, low, high, sums, masks, last, waiting):
    """Add the values of the trees for every pixel of the windows to `sums` (windows, pixels) int32."""
    for window in range(len(usable)):
        blocks = _start(usable[window])
        constant = 0
        for tree in range(n_trees):
            at = first[tree, window]
            if items[window, at] < 0:
                constant += np.int32(items[window, at])
            else:
                _walk(
                    items[window], at, rows[window], usable[window], blocks, low[window], high[window],
                    sums[window], 0, False, masks, last, waiting,
                )  # fmt: skip
        sums[window] += np.int32(constant)


@compiled
def note_trees(items, first, begin, end, rows, usable, low, high, values, masks, last, waiting):
    """Put the value of each tree for every pixel of one window into `values` (trees * pixels,) int32."""
    blocks = _start(usable)
    for tree in range(begin, end):
        base = (tree - begin) * PIXELS
        at = first[tree]
        if items[at] < 0:
            values[base : base + PIXELS] = np.int32(items[at])
        else:
            _walk(items, at, rows, usable, blocks, low, high, values, base, True, masks, last, waiting)


@compiled(inline="always")
def _start(usable):
    blocks = np.uint64(0)
    for block in range(LANES):
        if usable[block]:
            blocks |= _ONE << np.uint64(block)
    return blocks


@compiled(inline="always")
def _walk(items, at, rows, usable, here, low, high, values, base, each, masks, last, waiting):
    for block in range(LANES):
        last[block] = block * _PLACES + 1
        masks[block * _PLACES + 1] = usable[block]
    depth = 0
    while True:
        item = items[at]
        at += 1
        feature = item >> 32
        if feature < 0:
            _reach_leaf(np.int32(item), here, values, base, each, masks, last)
        else:
            threshold = as_float(np.int32(item))
            box = feature * LANES
            all_left, all_right = at_most(high, box, threshold), above(low, box, threshold)
            to_left, to_right = here & all_left, here & all_right
            still_open = here & ~(all_left | all_right)
            while still_open:
                block = lowest(still_open)
                still_open &= still_open - _ONE
                place = last[block]
                mask = masks[place]
                below = at_most(rows, (box + block) * LANES, threshold)
                left, right = mask & below, mask & ~below
                some_left, some_right = np.int64(left != 0), np.int64(right != 0)
                masks[place] = right
                masks[place + some_right] = left
                last[block] = place + some_right + some_left - 1
                to_left |= np.uint64(some_left) << np.uint64(block)
                to_right |= np.uint64(some_right) << np.uint64(block)
            waiting[depth] = to_right
            depth += 1
            here = to_left
            if here:
                continue
            at = _pass_over(items, at)
        while True:  # to the next right subtree that some block reaches
            if depth == 0:
                return
            depth -= 1
            here = waiting[depth]
            if here:
                break
            at = _pass_over(items, at)


@compiled(inline="always")
def _reach_leaf(value, blocks, values, base, each, masks, last):
    while blocks:
        block = lowest(blocks)
        blocks &= blocks - _ONE
        place = last[block]
        last[block] = place - 1
        if each:
            set_where(values, base + block * LANES, masks[place], value)
        else:
            add_where(values, base + block * LANES, masks[place], value)


@compiled(inline="always")
def _pass_over(items, at):
    """End of the subtree that begins at `at`."""
    missing = 1
    while missing > 0:
        missing += 1 if items[at] >= 0 else -1
        at += 1
    return at
