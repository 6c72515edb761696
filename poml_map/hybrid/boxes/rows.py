"""The trees, walked once for the 64 blocks of a window; open nodes compare the 64 pixels of a block at once.

Every block carries the pixels that are on their way as a mask. At a node, two comparisons with the boxes tell which
blocks go left or right with all their pixels: nothing has to be done for them. Blocks that stay open compare their
pixels: the mask is split, one part goes on, the other waits. In a leaf the pixels of the mask get its value. A block
of which no pixel is left on a side is not looked at there again, and where no block is left a subtree is not entered.

Notes
-----
Why no access leaves its array:

* `right` and ``at + 1`` stay inside a tree, because it is a whole binary tree in preorder.
* Right subtrees that wait have different depths: there are at most as many as levels.
* Masks of a block that wait are not empty and have no pixel in common: 64 at most, and there is a place for each, one
  more for an empty mask that is written and given up at once, and one below them all.
* Features are below the number of covariates, blocks below 64.
"""

from __future__ import annotations

import numpy as np

from poml_map.compiling import compiled

from .blocks import blocks_in_use
from .order import PIXELS
from .vectors import LANES, above, add_either, as_float, at_most, lowest, set_either

_ONE, _TWO, _ALL = np.uint64(1), np.uint64(2), np.uint64(2**LANES - 1)
_PLACES = LANES + 2


def scratch(forest) -> tuple:
    """Memory of a walk: masks of every block that wait and the place of the last, right subtrees and their blocks."""
    levels = forest.depth + 1
    return (
        np.empty(LANES * _PLACES, np.uint64),
        np.empty(LANES, np.uint64),
        np.empty(levels, np.uint64),
        np.empty(levels, np.uint64),
    )


@compiled
def add_trees(items, right, first, rows, usable, low, high, sums, masks, last, waiting, waiting_blocks):
    """Add the values of some trees for every pixel of the windows to `sums` (windows, pixels) int32."""
    for window in range(len(usable)):
        for tree in range(len(first) - 1):
            _walk(
                items, right, np.uint64(first[tree]), rows[window], usable[window], low[window], high[window],
                sums[window], 0, False, masks, last, waiting, waiting_blocks,
            )  # fmt: skip


@compiled
def note_trees(items, right, first, rows, usable, low, high, values, masks, last, waiting, waiting_blocks):
    """Put the value of each of some trees for every pixel of one window into `values` (trees * pixels,) int32."""
    for tree in range(len(first) - 1):
        _walk(
            items, right, np.uint64(first[tree]), rows, usable, low, high,
            values, tree * PIXELS, True, masks, last, waiting, waiting_blocks,
        )  # fmt: skip


@compiled(inline="always")
def _walk(
    items, right, at, rows, usable, low, high, values, base, each, masks, last, waiting, waiting_blocks
):
    """One tree: adds its values to `values` from `base` on, or puts them there where `each` tree is kept."""
    for block in range(LANES):
        last[block] = block * _PLACES + 1
        masks[block * _PLACES + 1] = usable[block]
    here, depth = blocks_in_use(usable), 0
    while True:
        item = items[at]
        feature = item >> 32
        threshold = as_float(np.int32(item))
        box = feature * LANES
        if feature < 0 or (items[at + _ONE] < 0 and items[at + _TWO] < 0):
            # A leaf, or a node of two: nothing is left to be decided for the subtree but the side of each pixel.
            while here:
                block = lowest(here)
                here &= here - _ONE
                place = last[block]
                last[block] = place - _ONE
                if feature < 0:
                    below, value, otherwise = _ALL, np.int32(item), np.int32(item)
                else:
                    below = at_most(rows, (box + block) * LANES, threshold)
                    value, otherwise = np.int32(items[at + _ONE]), np.int32(items[at + _TWO])
                if each:
                    set_either(values, base + block * LANES, masks[place], below, value, otherwise)
                else:
                    add_either(values, base + block * LANES, masks[place], below, value, otherwise)
            if depth == 0:
                break
            depth -= 1
            at, here = waiting[depth], waiting_blocks[depth]
            continue
        all_left, all_right = at_most(high, box, threshold), above(low, box, threshold)
        to_left, to_right = here & all_left, here & all_right
        still_open = here & ~(all_left | all_right)
        while still_open:
            block = lowest(still_open)
            still_open &= still_open - _ONE
            place = last[block]
            mask = masks[place]
            below = at_most(rows, (box + block) * LANES, threshold)
            left, right_part = mask & below, mask & ~below
            some_left, some_right = np.uint64(left != 0), np.uint64(right_part != 0)
            masks[place] = right_part
            masks[place + some_right] = left
            last[block] = place + some_right + some_left - _ONE
            to_left |= some_left << np.uint64(block)
            to_right |= some_right << np.uint64(block)
        if to_left:
            if to_right:
                waiting[depth], waiting_blocks[depth] = right[at], to_right
                depth += 1
            at, here = at + _ONE, to_left
        else:
            at, here = np.uint64(right[at]), to_right
