"""The pixels of a tile in an order in which neighbours stay together, cut into windows and blocks.

Along a Hilbert curve through the tile any stretch of pixels lies in a small patch, and pixels that are not mapped are
just left out: 64 usable pixels in a row are a block, up to 64 blocks in a row are a window. Blocks are full whatever
the mask and the edges of the tile look like; only the last block of a tile may have fewer pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from poml_map.compiling import compiled

from .vectors import LANES

#: Pixels of a window at most: 64 blocks of 64.
PIXELS = LANES * LANES


@dataclass(frozen=True)
class PixelOrder:
    """Usable pixels of a tile.

    Attributes
    ----------
    pixels : ndarray (n,) uint32
        Number of each pixel in its tile, row by row; year after year where years differ in their usable pixels.
    windows : ndarray (windows, 3) int64
        Year, and where the window's pixels begin and end in `pixels`.
    """

    pixels: np.ndarray
    windows: np.ndarray


def order_pixels(usable, years: int) -> PixelOrder:
    """Order the usable pixels and cut them into windows.

    Parameters
    ----------
    usable : ndarray (years or 1, rows, cols) of bool
    years : int

    Examples
    --------
    >>> order = order_pixels(np.array([[[True, True], [False, True]]]), years=2)
    >>> order.pixels, order.windows
    (array([0, 1, 3], dtype=uint32), array([[0, 0, 3], [1, 0, 3]]))
    """
    lists = [_along_curve(mask) for mask in usable]
    ends = np.cumsum([0, *map(len, lists)])
    windows = []
    for year in range(years):
        number = min(year, len(lists) - 1)
        cuts = ends[number] + _cuts(len(lists[number]))
        windows += [(year, begin, end) for begin, end in pairwise(cuts)]
    return PixelOrder(np.concatenate(lists), np.array(windows, np.int64).reshape(-1, 3))


def _along_curve(mask) -> np.ndarray:
    rows, cols = np.nonzero(mask)
    bits = max(mask.shape).bit_length()
    along = np.argsort(_place_on_curve(rows, cols, bits))
    return (rows * mask.shape[1] + cols)[along].astype(np.uint32)


@compiled
def _place_on_curve(rows, cols, bits):
    """How far along the Hilbert curve through a square of ``2**bits`` pixels each pixel lies."""
    places = np.zeros(len(rows), np.int64)
    for pixel in range(len(rows)):
        y, x = rows[pixel], cols[pixel]
        for bit in range(bits - 1, -1, -1):
            right, below = x >> bit & 1, y >> bit & 1
            places[pixel] = places[pixel] << 2 | (3 * right ^ below)
            if not below:  # the curve enters and leaves a quarter turned or mirrored
                if right:
                    x, y = ~x, ~y
                x, y = y, x
    return places


def _cuts(n_pixels: int) -> np.ndarray:
    """Ends of windows of as many blocks each as possible, but for the last."""
    blocks = -(-n_pixels // LANES)
    windows = max(1, -(-blocks // LANES))
    size = max(1, -(-blocks // windows)) * LANES
    return np.minimum(np.arange(0, n_pixels + size, size), n_pixels)
