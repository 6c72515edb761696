"""Time axes of NetCDF and Zarr files, read as calendar months whatever the calendar."""

from __future__ import annotations

from collections import Counter

import numpy as np
from netCDF4 import num2date

from poml_map.cube.frames import STATIC, Frame, frame_name

# February's share of a month of 31 days is 0.903.
_ALL_OF_A_MONTH = 0.9


def labels(
    values: np.ndarray, units: str, calendar: str, monthly: bool, year: int | None = None
) -> list[Frame]:
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
    year : int, optional
        Of the file, by its name. GIMMS NDVI3g.v1 counts the months of that year, 1, 1.5, 2 ... 6.5, in units that
        name no date.

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
    >>> labels(np.array([7, 7.5, 8]), "", "", monthly=True, year=1982)
    [(1982, 7), (1982, 7), (1982, 8)]
    """
    if not np.isfinite(values).all():
        raise ValueError("a time step without a value")
    if year is not None and " since " not in units and ((values >= 1) & (values < 13)).all():
        return [(year, int(value) if monthly else None) for value in np.atleast_1d(values)]
    try:
        dates = num2date(values, units, calendar or "standard")
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(
            f"time units {units!r}, calendar {calendar!r}, that cannot be read ({error})"
        ) from error
    return [(date.year, date.month if monthly else None) for date in np.atleast_1d(dates)]


def uneven(steps: Counter[Frame]) -> str:
    """Which months have more or fewer time steps than most; empty when none does.

    Parameters
    ----------
    steps : Counter of Frame
        How many time steps each month has. A day more or less is no difference: 28 of 31 days are all of a month.

    Examples
    --------
    >>> uneven(Counter({(1982, 1): 2, (1982, 2): 1, (1982, 3): 2}))
    '1 time step in 1982-02, where most months have 2'
    """
    if not steps:
        return ""
    usual = Counter(steps.values()).most_common(1)[0][0]
    odd = [
        frame for frame in sorted(steps) if not _ALL_OF_A_MONTH <= steps[frame] / usual <= 1 / _ALL_OF_A_MONTH
    ]
    named = [
        f"{steps[frame]} time step{'s' * (steps[frame] > 1)} in {frame_name(frame)}" for frame in odd[:5]
    ]
    more = f" and {len(odd) - 5} more" if len(odd) > 5 else ""
    return f"{', '.join(named)}{more}, where most months have {usual}" if odd else ""


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
