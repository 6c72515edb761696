"""How the kernels read a month of drivers: one value for each pixel, for each cell, or for all."""

from __future__ import annotations

from poml_map.compiling import compiled

BLOCK = 256
"""Pixels that go through all months together: long enough for vectors, short enough for the fastest caches.

Loops that compute always run over all of a block, also where fewer pixels are left: the processor then treats every
pixel in the same way, and a result does not depend in its last digit on how a map is cut.
"""


@compiled
def read(row, index, low, width, into):
    """Put the values of pixels `low` to `low + width` into `into`.

    Parameters
    ----------
    row : ndarray (n,), (1,) or (k,)
        One month.
    index : ndarray of uint32 (n,) or (0,)
        Column of `row` that a pixel reads; empty where that is its own or the only one.
    low, width : int
    into : ndarray (BLOCK,)
    """
    if index.size > 0:
        for j in range(width):
            into[j] = row[index[low + j]]
    elif row.size == 1:
        for_all = row[0]
        for j in range(width):
            into[j] = for_all
    else:
        for j in range(width):
            into[j] = row[low + j]
