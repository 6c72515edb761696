"""How little memory a run takes from the system, as far as the C library lets itself be told."""

from __future__ import annotations

import ctypes
from contextlib import suppress

# M_ARENA_MAX of glibc's malloc.h.
_ARENA_MAX = -8
# Likewise M_TRIM_THRESHOLD and M_MMAP_THRESHOLD: free memory that is kept, and pieces that come from the system alone.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT, _LARGE_PIECE = 64 * 2**20, 32 * 2**20


def share_heaps() -> None:
    """Let all threads share two heaps, where the C library can.

    glibc gives each new thread a heap of its own, up to eight a core, and what one has freed the others cannot use:
    measured, 0.2 GiB more at the peak of a run. Large arrays are few, so nobody waits.

    Examples
    --------
    >>> share_heaps()
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


def keep_memory() -> None:
    """Let the C library keep some of the memory that was freed, as it does by itself, in a worker of dask too.

    Dask tells it to give all back at once (MALLOC_TRIM_THRESHOLD_). Arrays of a tile then come from the system and go
    back to it again and again: measured, 90,000 page faults and 0.2 s a tile, a fifth of its time.

    Examples
    --------
    >>> keep_memory()
    """
    with suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(_TRIM_THRESHOLD, _KEPT)
        library.mallopt(_MMAP_THRESHOLD, _LARGE_PIECE)


def give_back() -> None:
    """Hand memory that was freed, but is kept for later by the C library, back to the system.

    After the forests have grown that is some 0.3 GiB in small pieces, which the maps could not use. Only glibc can do
    it; elsewhere nothing happens.

    Examples
    --------
    >>> give_back()
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
