"""Blocks of large files that stay in memory for a while, so that neighbouring tiles decode each of them once.

They are kept as the file stores them, mostly two bytes a number: half of what the values would need.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from poml_map.grid import Tile

# Sides of what is kept as one: files of strips are read several strips at a time, huge blocks are split.
_LEAST_SIDE, _MOST_SIDE = 128, 1024
# Blocks that a tile may meet at once, at the corner of four.
_CORNER = 4
# For the blocks of one source: so much for each frame of it, and never more than this. [bytes]
_PER_FRAME, _MOST = 8 * 2**20, 128 * 2**20


def cache_limit(frames: int) -> int:
    """Bytes that the blocks of a source with so many frames may take."""
    return min(frames * _PER_FRAME, _MOST)


@dataclass(frozen=True)
class Stored:
    """Numbers of some bands as the file holds them.

    Attributes
    ----------
    numbers : ndarray, shape (bands, rows, columns)
    missing : ndarray of bool, same shape, or None
        Where a mask of the file's own says so.
    """

    numbers: np.ndarray
    missing: np.ndarray | None = None

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self.numbers.nbytes + (0 if self.missing is None else self.missing.nbytes)


class BlockCache:
    """The blocks that were used last, up to a limit; safe for threads.

    Parameters
    ----------
    limit : int
        [bytes] One block is kept even if it is larger.

    Examples
    --------
    >>> cache = BlockCache(20)
    >>> for name in ("a", "b", "a", "c", "a"):
    ...     _ = cache.get(name, lambda name=name: print("reads", name) or Stored(np.zeros((1, 1, 8), "uint8")))
    reads a
    reads b
    reads c
    """

    def __init__(self, limit: int):
        self.limit = limit
        self._entries: OrderedDict[object, _Entry] = OrderedDict()
        self._size, self._lock = 0, threading.Lock()

    def get(self, key, make: Callable[[], Stored]) -> Stored:
        """The block of `key`; `make` reads it, in one thread while others that want it wait."""
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
        with entry.lock:
            if entry.block is None:
                entry.block = make()
                with self._lock:
                    self._count(key, entry)
            return entry.block

    def _count(self, key, entry: _Entry) -> None:
        if self._entries.get(key) is entry:  # while it was read, others may have pushed it out
            self._size += entry.block.nbytes
        while self._size > self.limit and len(self._entries) > 1:
            oldest = self._entries.popitem(last=False)[1]
            self._size -= 0 if oldest.block is None else oldest.block.nbytes


class _Entry:
    def __init__(self):
        self.lock, self.block = threading.Lock(), None


def unit_shape(block: tuple[int, int], itemsize: int, frames: int) -> tuple[int, int]:
    """Rows and columns of what is kept as one.

    The units of all frames at a corner of four must fit into the cache together, or each tile would push out what it
    needs next.

    Parameters
    ----------
    block : (int, int)
        Rows and columns of the file's own blocks.
    itemsize : int
        [bytes]
    frames : int
        That a tile reads.

    Examples
    --------
    >>> unit_shape((256, 256), itemsize=2, frames=228)
    (256, 256)
    >>> unit_shape((1, 40000), itemsize=2, frames=228)          # strips
    (128, 512)
    """
    sides = [min(side * -(-_LEAST_SIDE // side), _MOST_SIDE) for side in block]
    while sides[0] * sides[1] * itemsize * frames * _CORNER > cache_limit(frames) and max(sides) > 1:
        longer = int(sides[1] >= sides[0])
        sides[longer] = -(-sides[longer] // 2)
    return sides[0], sides[1]


def assemble(
    window: Tile, unit: tuple[int, int], shape: tuple[int, int], get: Callable[[Tile], Stored]
) -> Stored:
    """A window from the units that it meets.

    Parameters
    ----------
    window : Tile
    unit : (int, int)
    shape : (int, int)
        Rows and columns of the file.
    get : callable
        Gives the block of a unit.
    """
    numbers = missing = None
    for part in units(window, unit, shape):
        block = get(part)
        rows = slice(max(part.row0, window.row0), min(part.row1, window.row1))
        cols = slice(max(part.col0, window.col0), min(part.col1, window.col1))
        there = np.s_[:, rows.start - window.row0 : rows.stop - window.row0,
                      cols.start - window.col0 : cols.stop - window.col0]  # fmt: skip
        here = np.s_[:, rows.start - part.row0 : rows.stop - part.row0,
                     cols.start - part.col0 : cols.stop - part.col0]  # fmt: skip
        if numbers is None:
            numbers = np.empty((len(block.numbers), *window.shape), block.numbers.dtype)
            missing = None if block.missing is None else np.empty(numbers.shape, bool)
        numbers[there] = block.numbers[here]
        if missing is not None:
            missing[there] = block.missing[here]
    return Stored(numbers, missing)


def units(window: Tile, unit: tuple[int, int], shape: tuple[int, int]) -> Iterator[Tile]:
    """The units that a window meets, cut at the edge of the file.

    Examples
    --------
    >>> [each.cols for each in units(Tile(0, 2, 3, 9), (4, 4), (4, 10))]
    [slice(0, 4, None), slice(4, 8, None), slice(8, 10, None)]
    """
    (height, width), (rows, cols) = shape, unit
    for row in range(window.row0 // rows * rows, window.row1, rows):
        for col in range(window.col0 // cols * cols, window.col1, cols):
            yield Tile(row, min(row + rows, height), col, min(col + cols, width))
