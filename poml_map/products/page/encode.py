"""Maps as whole numbers of a stated step, small enough to travel inside a page.

A layer is the values of its pixels that have any, frame after frame (a frame is a year): less the layer's `offset`,
from 0 to 65534, and 65535 where this frame has none. Of each frame but the first, the one before is taken away; the
differences (modulo 65536, signs folded into the lowest bit so that small ones have small codes) are written as all high
bytes, then all low bytes, deflated (zlib) and put into base64. `page.js` undoes it.
"""

from __future__ import annotations

import base64
import zlib

import numpy as np

#: Code of a pixel without a value.
MISSING = 65535


def quantised(values, digits: int) -> np.ndarray:
    """Values in whole steps of ``10**-digits``, as text with so many digits has them.

    Parameters
    ----------
    values : array_like of float
        NaN becomes the lowest number of int64.
    digits : int

    Returns
    -------
    ndarray of int64

    Examples
    --------
    >>> quantised([1.23449, -0.5004], 3).tolist()
    [1234, -500]
    """
    steps = np.rint(np.asarray(values, np.float64) * 10.0**digits)
    return np.where(np.isfinite(steps), steps, NOTHING).astype(np.int64)


#: What `quantised` gives for NaN.
NOTHING = np.iinfo(np.int64).min


# Level 9 takes five times as long for one or two per cent.
_LEVEL = 6


def span(steps: np.ndarray) -> tuple[int, int]:
    """Least and largest of the steps that are there; 0 and 0 when none is."""
    there = steps[steps != NOTHING]
    return (int(there.min()), int(there.max())) if there.size else (0, 0)


def packed(steps: np.ndarray) -> tuple[int, str]:
    """Offset and base64 text of a layer; the form is told at the top of this module.

    Parameters
    ----------
    steps : ndarray of int64, shape (frame, pixel)
        From `quantised`; largest minus least at most 65534.

    Returns
    -------
    offset : int
    text : str

    Examples
    --------
    >>> offset, text = packed(np.array([[7, 9], [8, 9]]))
    >>> offset, list(zlib.decompress(base64.b64decode(text)))
    (7, [0, 0, 0, 0, 0, 4, 2, 0])
    """
    least, largest = span(steps)
    if largest - least >= MISSING:
        raise ValueError(f"steps: {largest - least} from least to largest, at most {MISSING - 1} fit")
    codes = np.where(steps == NOTHING, MISSING, steps - least)
    codes[1:] -= codes[:-1].copy()
    signed = (codes + 32768) % 65536 - 32768
    folded = np.where(signed < 0, -2 * signed - 1, 2 * signed).astype("<u2").ravel()
    halves = folded.view(np.uint8).reshape(-1, 2)
    return least, text_of(halves[:, 1].tobytes() + halves[:, 0].tobytes())


def packed_mask(mask: np.ndarray) -> str:
    """Which pixels have values, row by row, eight to a byte, highest bit first; deflated, base64."""
    return text_of(np.packbits(mask.ravel()).tobytes())


def text_of(content: bytes) -> str:
    """Bytes deflated (zlib), as base64."""
    return base64.b64encode(zlib.compress(content, _LEVEL)).decode("ascii")
