"""The time axis of monthly data: whole months in order, without a gap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from poml_map.errors import InputError, Problem
from poml_map.rothc.params import MONTHS_PER_YEAR

# Days of January to December in the mean of four years, for months that belong to no year.
_MEAN_DAYS = np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


@dataclass(frozen=True)
class Months:
    """Calendar of the steps of a series.

    Attributes
    ----------
    dim : {"time", "month"}
        "month" is a mean year, January to December.
    year, month : ndarray of int, shape (steps,)
        `year` is 0 in a mean year.
    days : ndarray of float, shape (steps,)
        Days of each month. [d]
    labels : ndarray, shape (steps,)
        Coordinate of the steps.
    """

    dim: str
    year: np.ndarray
    month: np.ndarray
    days: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.month)

    @classmethod
    def of(cls, data: xr.Dataset, shown: str = "data") -> Months:
        """Read and check the calendar of a Dataset.

        Parameters
        ----------
        data : xarray.Dataset
            With a dimension ``time`` of any dates (one a month, any day, any calendar), else one ``month`` of
            January to December.
        shown : str
            Name of the Dataset in messages.

        Returns
        -------
        Months

        Raises
        ------
        InputError
            If there is neither, the dates cannot be read, or a month is missing, repeated or out of order.

        Examples
        --------
        >>> dates = np.array(["1980-11", "1980-12", "1981-01"], "datetime64[ns]")
        >>> Months.of(xr.Dataset(coords={"time": dates})).days
        array([30., 31., 31.])
        """
        if "time" in data.dims:
            return cls._of_dates(data, shown)
        if "month" in data.dims:
            return cls.of_mean_year(data, shown)
        found = f"dimensions {', '.join(map(str, data.dims)) or 'none'}"
        mend = "Name the dimension of the months `time` and give it dates: data.assign_coords(time=...)."
        raise InputError(Problem(shown, "", found, "a dimension `time` of monthly steps", mend))

    @classmethod
    def _of_dates(cls, data: xr.Dataset, shown: str) -> Months:
        index = data.indexes.get("time")
        if not hasattr(index, "days_in_month") or len(index) == 0 or index.hasnans:
            found = "no dates" if index is None else f"{index.dtype} values {_some(index)}"
            mend = (
                "For example data.assign_coords(time=pandas.date_range('1980-01', periods=252, freq='MS'))."
            )
            raise InputError(Problem(shown, "coordinate time", found, "dates, one a month", mend))
        year, month = np.asarray(index.year), np.asarray(index.month)
        _refuse_disorder(year * MONTHS_PER_YEAR + month - 1, shown)
        return cls("time", year, month, np.asarray(index.days_in_month, float), data["time"].to_numpy())

    @classmethod
    def of_mean_year(cls, data: xr.Dataset, shown: str = "data") -> Months:
        """January to December of no particular year, as `data` has them in a dimension ``month``, if it has one."""
        calendar = np.arange(1, MONTHS_PER_YEAR + 1)
        size = data.sizes.get("month", MONTHS_PER_YEAR)
        found = data["month"].to_numpy() if "month" in data.coords else np.arange(1, size + 1)
        if not np.array_equal(np.atleast_1d(found), calendar) and "month" in data.dims:
            mend = "Sort by month: data.sortby('month')."
            raise InputError(Problem(shown, "coordinate month", str(found), "1 to 12 in order", mend))
        return cls("month", np.zeros(MONTHS_PER_YEAR, int), calendar, _MEAN_DAYS, calendar)

    def require_years(self, shown: str = "data") -> None:
        """Refuse a series that is not whole calendar years, January first."""
        if self.dim == "month" or (self.month[0] == 1 and len(self) % MONTHS_PER_YEAR == 0):
            return
        first, last = (f"{self.year[end]}-{self.month[end]:02d}" for end in (0, -1))
        found = f"{len(self)} months, {first} to {last}"
        mend = "Cut the series, for example data.sel(time=slice('1980', '2000'))."
        raise InputError(
            Problem(shown, "coordinate time", found, "whole years from January to December", mend)
        )

    @property
    def years(self) -> range:
        """Calendar years of a series of whole years."""
        return range(int(self.year[0]), int(self.year[-1]) + 1)


def _some(index) -> str:
    return ", ".join(str(value) for value in index[:3]) + (", ..." if len(index) > 3 else "")


def _refuse_disorder(number: np.ndarray, shown: str) -> None:
    """`number` counts months; each must be the one before plus 1."""
    steps = np.diff(number)
    if (steps == 1).all():
        return
    where = int(np.argmax(steps != 1))
    before, after = _text(number[where]), _text(number[where + 1])
    place = f"coordinate time, step {where + 1}"
    if steps[where] == 0:
        problem = Problem(shown, place, f"{after} twice", "every month once", "Drop or average the repeats.")
    elif steps[where] < 0:
        mend = "Sort the data: data.sortby('time')."
        problem = Problem(shown, place, f"{after} after {before}", "months in order", mend)
    else:
        missing = _text(number[where] + 1)
        mend = f"Add {missing}, or cut the series there."
        problem = Problem(shown, place, f"{after} after {before}", f"{missing}: months without a gap", mend)
    raise InputError(problem)


def _text(number: int) -> str:
    return f"{number // MONTHS_PER_YEAR}-{number % MONTHS_PER_YEAR + 1:02d}"
