"""The trees, walked once for the 64 blocks of a window; open nodes compare the 64 pixels of a block at once.

Every block carries the pixels that are on their way as a mask. At a node, two comparisons with the boxes tell which
blocks go left or right with all their pixels: nothing has to be done for them. Blocks that stay open compare their
pixels: the mask is split, one part goes on, the other waits. In a leaf the pixels of the mask get its value. A block
of which no pixel is left on a side is not looked at there again, and where no block is left a subtree is not entered.

Notes
-----
Why no access leaves its array:

* A tree is a whole binary tree in preorder: after a node come its left subtree and, from `right` on, its right one. A
  node whose left child is a leaf is followed by that leaf and by its right child.
* Right subtrees that wait have different depths: there are at most as many as levels.
* Masks of a block that wait are not empty and have no pixel in common: 64 at most, and there is a place for each, one
  more for an empty mask that is written and given up at once, and one below them all.
* Features are below the number of covariates, blocks below 64.
"""

from __future__ import annotations

import numpy as np

from poml_map.compiling import compiled

from .blocks import blocks_in_use
from .vectors import (
    LANES,
    above,
    add_either,
    add_where,
    as_float,
    at_most,
    lowest,
    set_either,
    set_where,
)

# Unsigned throughout: numba then does not ask each time whether an index is counted from the end.
_NONE, _ONE, _TWO = np.uint64(0), np.uint64(1), np.uint64(2)
_PLACES = LANES + 2


def scratch(forest) -> tuple:
    """Memory of a walk: masks of every block that wait and the place of the last, right subtrees and their blocks."""
    levels = forest.depth + 1
    return tuple(np.empty(n, np.uint64) for n in (LANES * _PLACES, LANES, levels, levels))


def room_for_values(n_trees: int) -> np.ndarray:
    """Memory for the values of some trees for the pixels of a window, flat: (blocks, trees, lanes) int32.

    One tree more than an even number: the values that a tree writes, and those of a block, are then spread over all
    places of a processor's cache, and not a power of two apart.
    """
    return np.empty(LANES * (n_trees | 1) * LANES, np.int32)


@compiled
def add_trees(items, right, first, rows, usable, low, high, sums, masks, last, waiting, waiting_blocks):
    """Add the values of some trees for every pixel of the windows to `sums` (windows, pixels) int32."""
    for window in range(len(usable)):
        for tree in range(len(first) - 1):
            _walk(
                items, right, np.uint64(first[tree]), rows[window], usable[window], low[window], high[window],
                sums[window], 0, LANES, True, masks, last, waiting, waiting_blocks,
            )  # fmt: skip


@compiled
def note_trees(items, right, first, rows, usable, low, high, noted, masks, last, waiting, waiting_blocks):
    """Note the value of each of some trees for every pixel of one window: ``noted[block, tree, lane]``, flat, int32.

    Its second dimension may be longer than there are trees, see `room_for_values`.
    """
    block_step = len(noted) // LANES
    for tree in range(len(first) - 1):
        _walk(
            items, right, np.uint64(first[tree]), rows, usable, low, high,
            noted, tree * LANES, block_step, False, masks, last, waiting, waiting_blocks,
        )  # fmt: skip


@compiled
def _walk(
    items, right, at, rows, usable, low, high, values, base, step, add, masks, last, waiting, waiting_blocks
):
    """One tree: adds its values to `values`, or puts them there; a block's are at ``base + block * step``."""
    for block in range(LANES):
        last[block] = block * _PLACES + 1
        masks[block * _PLACES + 1] = usable[block]
    here, depth = blocks_in_use(usable), 0
    while True:
        item = items[at]
        feature = item >> 32
        to_left = _NONE
        if feature < 0:
            _reach_leaf(here, np.int32(item), values, base, step, add, masks, last)
        else:
            threshold = as_float(np.int32(item))
            if items[at + _ONE] & items[at + _TWO] < 0:
                _choose_leaf(
                    here,
                    rows,
                    feature,
                    threshold,
                    np.int32(items[at + _ONE]),
                    np.int32(items[at + _TWO]),
                    values,
                    base,
                    step,
                    add,
                    masks,
                    last,
                )
            else:
                to_left, to_right = _split(here, rows, low, high, feature * LANES, threshold, masks, last)
                waiting[depth], waiting_blocks[depth] = right[at], to_right
                depth += to_right != 0
        if to_left:
            at, here = at + _ONE, to_left
        elif depth == 0:
            break
        else:
            depth -= 1
            at, here = waiting[depth], waiting_blocks[depth]


@compiled
def _reach_leaf(blocks, value, values, base, step, add, masks, last):
    while blocks:
        block = lowest(blocks)
        blocks &= blocks - _ONE
        place = last[block]
        last[block] = place - _ONE
        if add:
            add_where(values, base + block * step, masks[place], value)
        else:
            set_where(values, base + block * step, masks[place], value)


@compiled
def _choose_leaf(blocks, rows, feature, threshold, value, otherwise, values, base, step, add, masks, last):
    while blocks:
        block = lowest(blocks)
        blocks &= blocks - _ONE
        place = last[block]
        last[block] = place - _ONE
        below = at_most(rows, (feature * LANES + block) * LANES, threshold)
        if add:
            add_either(values, base + block * step, masks[place], below, value, otherwise)
        else:
            set_either(values, base + block * step, masks[place], below, value, otherwise)


@compiled
def _split(blocks, rows, low, high, box, threshold, masks, last):
    all_left, all_right = at_most(high, box, threshold), above(low, box, threshold)
    to_left, to_right = blocks & all_left, blocks & all_right
    still_open = blocks & ~(all_left | all_right)
    while still_open:
        block = lowest(still_open)
        still_open &= still_open - _ONE
        place = last[block]
        mask = masks[place]
        below = at_most(rows, (box + block) * LANES, threshold)
        left, right = mask & below, mask & ~below
        some_left, some_right = np.uint64(left != 0), np.uint64(right != 0)
        masks[place] = right
        masks[place + some_right] = left
        last[block] = place + some_right + some_left - _ONE
        to_left |= some_left << np.uint64(block)
        to_right |= some_right << np.uint64(block)
    return to_left, to_right
