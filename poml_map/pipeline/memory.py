"""Freed memory back to the system between the stages of a run."""

from __future__ import annotations

import ctypes
from contextlib import suppress


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
