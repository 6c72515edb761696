"""What RothC needs from a Dataset, by name: found, converted, checked, all problems together."""

from __future__ import annotations

import numpy as np
import xarray as xr

from poml_map.errors import InputError, Problem, Problems, nearest
from poml_map.process.labelled import GAPS, read
from poml_map.process.months import Months
from poml_map.process.quantities import POOLS, QUANTITIES
from poml_map.rothc import Options


class Inputs:
    """The variables of one Dataset on their way to RothC.

    Parameters
    ----------
    data : xarray.Dataset
    gaps : {"refuse", "nan"}
        What to do about a series that lacks some months.
    shown : str
        Name of the Dataset in messages.

    Attributes
    ----------
    months : Months
    values : dict of str -> xarray.DataArray
        What was taken so far, in the program's units.
    problems : Problems
    """

    def __init__(self, data: xr.Dataset, gaps: str = "refuse", shown: str = "data"):
        if not isinstance(data, xr.Dataset):
            found = f"a {type(data).__name__}"
            mend = "Give a Dataset; `sites_from_table` makes one of tables."
            raise InputError(Problem(shown, "", found, "an xarray.Dataset", mend))
        one_of("gaps", gaps, GAPS)
        self.data, self.gaps, self.shown = data, gaps, shown
        self.months = Months.of(data, shown)
        self.calendar = Months.of_mean_year(data, shown)
        self.values: dict[str, xr.DataArray] = {}
        self.problems = Problems()

    def require_dates(self, multiple_of: int = 1) -> None:
        """Refuse a mean year where a course of time is needed, and a number of months that is no multiple."""
        if self.months.dim != "time":
            found = "only a dimension `month`"
            mend = "Give dates: `month` stands for a mean year."
            raise InputError(Problem(self.shown, "", found, "a dimension `time` of monthly steps", mend))
        if len(self.months) % multiple_of:
            mend = "Cut the series: data.isel(time=slice(12 * years))."
            expected = f"a multiple of {multiple_of} months"
            raise InputError(Problem(self.shown, "time", f"{len(self.months)} months", expected, mend))

    def require_cycle(self, options: Options) -> None:
        """Refuse what cannot spin RothC up as the options say: no whole years, no real ones, no NDVI for the months."""
        self.months.require_years(self.shown)
        if options.spinup == "real_years" and self.months.dim != "time":
            mend = "Give dates, or leave options.spinup at 'mean_months'."
            self.problems.add(self.shown, "", "only a dimension `month`", "`time`, for real years", mend)
        if options.input_months == "ndvi" and "ndvi" not in self.data:
            mend = "Add it instead of `cover`, or give options.input_months twelve weights."
            self.problems.add(self.shown, "ndvi", "no such variable", "NDVI, by which input comes", mend)

    def weather(self) -> None:
        """Take air temperature, precipitation, evaporation and cover of every month."""
        self.monthly("air_temp")
        self.monthly("precip")
        self.monthly(self._either("pet", "pan_evaporation"))
        self.monthly(self._either("cover", "ndvi"))

    def soil(self, options: Options) -> None:
        """Take clay, depth and the DPM/RPM ratio of each place."""
        self.static("clay")
        self.static("depth", default=options.depth_cm)
        self.static("dpm_rpm", default=options.dpm_rpm)

    def monthly(self, name: str, default: float | None = None, optional: bool = False) -> None:
        """Take a variable of every month; without it the default, or a problem unless it is optional."""
        if name in self.data or not optional:
            self._take(name, name, default, self.months)

    def by_month(self, name: str, default: float) -> None:
        """Take a variable that is the same in every year: January to December."""
        if self._has_no("time", name) and self._has_no("year", name):
            self._take(name, name, default, self.calendar)

    def annual(self, name: str, years: range, default: float | None = None, kind: str | None = None) -> None:
        """Take a variable of every year, or one that is the same in all; without it nothing, or the default."""
        if (name not in self.data and default is None) or not self._has_no("time", name):
            return
        variable = self.data[name] if name in self.data else xr.DataArray(default)
        if "year" in variable.dims:
            known = variable.get_index("year")
            missing = [year for year in years if year not in known]
            if missing or not known.is_unique:
                found = f"no {missing[0]}" if missing else "a year twice"
                expected = f"every year of {years[0]}-{years[-1]} once"
                self.problems.add(
                    self.shown, f"{name}, coordinate year", found, expected, "Or choose other years."
                )
                return
            variable = variable.sel(year=list(years))
        else:
            variable = variable.expand_dims(year=list(years))
        variable = variable.chunk(year=-1) if variable.chunks else variable
        rules = {"series": "year", "gaps": self.gaps, "shown": self.shown}
        self.values[name] = read(variable, name, QUANTITIES[kind or name], self.problems, **rules)

    def static(self, name: str, default: float | None = None, optional: bool = False) -> None:
        """Take a variable that is the same at all times."""
        if optional and name not in self.data:
            return
        if all(self._has_no(dim, name) for dim in ("time", "month", "year")):
            self._take(name, name, default, None)

    def _has_no(self, dim, name) -> bool:
        if name not in self.data or dim not in self.data[name].dims:
            return True
        mend = f"Reduce it first, for example by .groupby('time.month').mean() or .mean({dim!r})."
        self.problems.add(self.shown, name, f"dimension {dim}", f"{name} without {dim}", mend)
        return False

    def _take(self, name, kind, default, months) -> None:
        if name not in self.data and default is None:
            self._missing(name, kind)
            return
        variable = self.data[name] if name in self.data else xr.DataArray(default)
        rules = {"months": months, "gaps": self.gaps, "shown": self.shown}
        self.values[name] = read(variable, name, QUANTITIES[kind], self.problems, **rules)

    def _either(self, first: str, second: str) -> str:
        """Which of two variables is there; both would leave open which one counts."""
        if first in self.data and second in self.data:
            mend = f"Drop one: data.drop_vars({second!r})."
            self.problems.add(self.shown, f"{first} and {second}", "both", "one of them", mend)
        return second if second in self.data and first not in self.data else first

    def _missing(self, name: str, kind: str) -> None:
        quantity = QUANTITIES[kind]
        found = f"only {', '.join(map(str, self.data.data_vars)) or 'no variables'}"
        other = {"pet": " (or `pan_evaporation`)", "cover": " (or `ndvi`)"}.get(name, "")
        expected = f"`{name}`{other}: {quantity.long_name} [{quantity.unit}]"
        mend = nearest(name, map(str, self.data.data_vars)) or f"Add it: data.assign({name}=...)."
        self.problems.add(self.shown, name, found, expected, mend)


def given(name: str, value, kind: str | None = None) -> xr.DataArray:
    """An argument of its own, such as `mu_max`, as a checked DataArray.

    Parameters
    ----------
    name : str
    value : float or xarray.DataArray
    kind : str, optional
        Its quantity, where that is another word.

    Raises
    ------
    InputError
        If it is neither, or a value is impossible.
    """
    problems = Problems()
    if not isinstance(value, xr.DataArray) and np.ndim(value):
        mend = "Say what its dimensions are: xarray.DataArray(values, dims='site')."
        raise InputError(Problem(name, "", f"a {type(value).__name__}", "a number or a DataArray", mend))
    value = timeless(xr.DataArray(value), name)
    values = read(value, name, QUANTITIES[kind or name], problems, shown="arguments")
    problems.raise_if_any()
    return values


def timeless(values, name: str):
    """What belongs to one moment, without the date of that moment; refused if there are several."""
    dates = ("time", "year", "month")
    for dim in (dim for dim in dates if dim in values.dims):
        mend = f"Choose one, for example .isel({dim}=-1)."
        raise InputError(Problem(name, "", f"dimension {dim}", "one moment", mend))
    return values.drop_vars([date for date in dates if date in values.coords])


def start_of(start) -> dict[str, xr.DataArray]:
    """The five pools and the water deficit that a run goes on from.

    Parameters
    ----------
    start : xarray.Dataset or xarray.DataArray
        One variable, or one step of a dimension ``pool``, for each pool. The deficit is 0 if not given.

    Raises
    ------
    InputError
        If a pool is missing or a value is impossible.
    """
    if isinstance(start, xr.DataArray) and "pool" in start.coords:
        start = xr.Dataset({str(name): start.sel(pool=name, drop=True) for name in start["pool"].values})
    missing = [name for name in POOLS if not isinstance(start, xr.Dataset) or name not in start]
    if missing:
        mend = "Take it from `equilibrium_rothc`, or assign each pool [kg/m2]; IOM may be 0."
        found = f"no {', '.join(missing)}"
        raise InputError(Problem("start", "", found, f"a Dataset of {', '.join(POOLS)}", mend))
    problems, start = Problems(), timeless(start, "start")
    if "deficit" not in start:
        start = start.assign(deficit=0.0)
    values = {
        name: read(start[name], name, QUANTITIES[name], problems, shown="start")
        for name in (*POOLS, "deficit")
    }
    problems.raise_if_any()
    return values


def one_of(name: str, value, choices) -> None:
    """Refuse a word that is not one of the choices."""
    if value not in choices:
        expected = f"one of {', '.join(map(repr, choices))}"
        raise InputError(
            Problem("arguments", name, repr(value), expected, nearest(str(value), map(str, choices)))
        )
