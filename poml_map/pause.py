"""A documented way to hold the program at a named point, so that faults can be tried there."""

from __future__ import annotations

import os
import time

#: Environment variable, such as ``POML_MAP_PAUSE=tile=0.5``: seconds to wait whenever that point is passed.
VARIABLE = "POML_MAP_PAUSE"

#: Where it can be held: when the model is saved, after each tile, after each GeoTIFF, between the moves of files to
#: their final names.
POINTS = ("model", "tile", "map", "publish")


def pause(point: str) -> None:
    """Wait here if the environment asks for it; otherwise nothing happens.

    Parameters
    ----------
    point : str
        One of `POINTS`.

    Examples
    --------
    >>> pause("tile")
    """
    asked, _, seconds = os.environ.get(VARIABLE, "").partition("=")
    if asked == point:
        time.sleep(float(seconds or 1))
