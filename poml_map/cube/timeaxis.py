"""Time axes of NetCDF and Zarr files, read as calendar months whatever the calendar."""

from __future__ import annotations

from collections import Counter

import numpy as np
from netCDF4 import num2date

from poml_map.cube.frames import STATIC, Frame, frame_name


def labels(values: np.ndarray, units: str, calendar: str, monthly: bool) -> list[Frame]:
    """Year and month of each time step, in the order of the file.

    Parameters
    ----------
    values : ndarray, shape (t,)
        Numbers of the time coordinate.
    units : str
        Such as ``days since 1900-01-01``.
    calendar : str
        Any CF calendar. Mid-month and first-of-month stamps give the same month.
    monthly : bool
        Otherwise the month is left out.

    Returns
    -------
    list of Frame

    Raises
    ------
    ValueError
        If the units cannot be read, or a step has no date.

    Examples
    --------
    >>> labels(np.array([15, 45]), "days since 1980-01-01", "360_day", monthly=True)
    [(1980, 1), (1980, 2)]
    """
    if not np.isfinite(values).all():
        raise ValueError("a time step without a value")
    try:
        dates = num2date(values, units, calendar or "standard")
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(
            f"time units {units!r}, calendar {calendar!r}, that cannot be read ({error})"
        ) from error
    return [(date.year, date.month if monthly else None) for date in np.atleast_1d(dates)]


def repeated(frames: list[Frame]) -> str:
    """Which months or years come more than once; empty when none does.

    Examples
    --------
    >>> repeated([(1980, 1), (1980, 1), (1980, 2)])
    '2 time steps in 1980-01'
    """
    twice = [(frame, count) for frame, count in Counter(frames).items() if count > 1 and frame != STATIC]
    text = ", ".join(f"{count} time steps in {frame_name(frame)}" for frame, count in sorted(twice)[:5])
    return text + (f" and {len(twice) - 5} more" if len(twice) > 5 else "")
