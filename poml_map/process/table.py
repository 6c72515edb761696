"""From tables of sites to the Dataset that RothC takes: one value for every site and month, or a refusal by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from poml_map.catalog import TableDialect
from poml_map.errors import InputError, Problem, Problems, nearest
from poml_map.process.quantities import QUANTITIES
from poml_map.rothc.params import MONTHS_PER_YEAR
from poml_map.tables import key_text, listed, missing_column, numbers, whole_years


def sites_from_table(
    monthly: pd.DataFrame,
    static: pd.DataFrame | None = None,
    annual: pd.DataFrame | None = None,
    *,
    site: str | None = "site",
    year: str = "year",
    month: str = "month",
    units: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """Tables of sites as the Dataset that `simulate_rothc`, `run_rothc` and `equilibrium_rothc` take.

    Parameters
    ----------
    monthly : pandas.DataFrame
        One row for each site and month, in any order: `site`, `year`, `month` (1-12) and columns of numbers. The
        columns become variables of the same name, so give them the names that RothC reads, such as ``air_temp``.
    static : pandas.DataFrame, optional
        One row for each site: `site` (a column or the index) and, for example, ``clay``. Numbers become
        variables, texts become coordinates. Sites without months are left out.
    annual : pandas.DataFrame, optional
        One row for each site and year, such as ``input_driver`` or ``manure`` of `run_rothc`.
    site : str or None
        Column of the site's id; None if all rows are of one site, which then has no dimension.
    year, month : str
        Columns of the date.
    units : dict of str -> str, optional
        Unit of a column, where it is not the one that RothC takes by default: kept as its attribute ``units``.

    Returns
    -------
    xarray.Dataset
        Monthly columns over (time, site), annual ones over (year, site), static ones over site; sites in the order in
        which they first appear.

    Raises
    ------
    InputError
        If a column is missing, a cell is empty or no number, a site, month or year comes twice, or a site lacks one
        that another has: each by site, year and month.

    Examples
    --------
    >>> rows = [(name, 2001, month, 9.0) for name in ("Long Field", "Park") for month in range(1, 13)]
    >>> monthly = pd.DataFrame(rows, columns=["site", "year", "month", "air_temp"])
    >>> static = pd.DataFrame({"site": ["Park", "Long Field"], "clay": [0.2, 0.3]})
    >>> data = sites_from_table(monthly, static, units={"clay": "1"})
    >>> dict(data.sizes), data.clay.sel(site="Park").item(), data.clay.units
    ({'time': 12, 'site': 2}, 0.2, '1')
    >>> sites_from_table(monthly.drop(index=3))
    Traceback (most recent call last):
    ...
    poml_map.errors.InputError: monthly, site Long Field: found no row of 2001-04, expected every month from
    2001-01 to 2001-12. Add the rows, or cut the others to the same time.
    """
    by_month = _read("monthly", monthly, site, {"year": year, "month": month})
    names = list(by_month.labels)
    variables = _variables(by_month, names)
    if annual is not None:
        variables |= _variables(_read("annual", annual, site, {"year": year}), names)
    if static is not None:
        variables |= _variables(_read("static", static, site, {}), names)
    data = xr.Dataset(variables)
    data = data.isel(site=0) if site is None else data.assign_coords(site=list(by_month.labels.values()))
    texts = [name for name, values in data.data_vars.items() if values.dtype.kind not in "fiub"]
    return _described(data.set_coords(texts), units or {})


@dataclass(frozen=True)
class _Rows:
    """A table whose rows are known by site and step: ``time`` counted in months, ``year``, or none."""

    shown: str
    frame: pd.DataFrame
    dim: str | None
    place: np.ndarray
    step: np.ndarray
    labels: dict[str, object]

    def text(self, name: str, step: int | None = None) -> str:
        """What a message calls a site, or a row of it."""
        parts = [f"site {name}"] if name else []
        if step is not None and self.dim:
            parts.append(self.date(step))
        return ", ".join(parts)

    def date(self, step: int) -> str:
        """A month or year as people write it."""
        return (
            f"{step // MONTHS_PER_YEAR}-{step % MONTHS_PER_YEAR + 1:02d}" if self.dim == "time" else str(step)
        )

    @property
    def steps(self) -> np.ndarray:
        """All steps from the first to the last."""
        return np.arange(self.step.min(), self.step.max() + 1)


def _read(shown: str, frame: pd.DataFrame, site: str | None, dates: dict[str, str]) -> _Rows:
    """Find the site and the step of each row."""
    keys = [key for key in (site, *dates.values()) if key is not None]
    frame = frame.reset_index() if set(frame.index.names) & set(keys) else frame
    absent = [missing_column(key, frame.columns, shown) for key in keys if key not in frame.columns]
    if absent or frame.empty:
        raise InputError(absent or Problem(shown, "", "no rows", "a row for each value"))
    frame, problems = frame.rename_axis("row"), Problems()
    place = np.array([key_text(cell) for cell in frame[site]] if site else [""] * len(frame), object)
    nameless = frame.index[place == ""] if site else []
    if len(nameless):
        problems.add(shown, f"column '{site}'", f"no id in row {listed(nameless)}", "an id in every row")
    step = np.zeros(len(frame), int)
    if "year" in dates:
        step = whole_years(frame, dates["year"], shown, TableDialect(), problems)
    if "month" in dates:
        step = step * MONTHS_PER_YEAR + _month(frame, dates["month"], shown, problems) - 1
    problems.raise_if_any()
    dim = {0: None, 1: "year", 2: "time"}[len(dates)]
    labels = dict(zip(place[::-1], frame[site][::-1], strict=True)) if site else {"": ""}
    labels = {name: labels[name] for name in dict.fromkeys(place)}
    return _Rows(shown, frame.drop(columns=keys), dim, place, step, labels)


def _month(frame, column, shown, problems) -> np.ndarray:
    months = numbers(frame, column, shown, TableDialect(), Problems())
    bad = ~np.isin(months, np.arange(1, MONTHS_PER_YEAR + 1))
    if bad.any():
        found = listed(f"{cell!r} in row {row}" for row, cell in frame[column][bad].items())
        problems.add(shown, f"column '{column}'", found, "a month from 1 to 12 in every row")
    return np.where(bad, 1, months).astype(int)


def _variables(rows: _Rows, names: list[str]) -> dict:
    """The columns of a table over its steps and the sites."""
    order = _order(rows, names)
    dims = ("site",) if rows.dim is None else (rows.dim, "site")
    problems, variables = Problems(), {}
    for column in rows.frame.columns:
        values = _values(rows, column, problems)
        variables[str(column)] = (dims, values[order[0] if rows.dim is None else order])
    problems.raise_if_any()
    if rows.dim == "time":
        variables["time"] = (
            (rows.steps - 1970 * MONTHS_PER_YEAR).astype("datetime64[M]").astype("datetime64[s]")
        )
    elif rows.dim == "year":
        variables["year"] = rows.steps
    return variables


def _order(rows: _Rows, names: list[str]) -> np.ndarray:
    """Row number of each step and site (steps, sites)."""
    problems, steps = Problems(), rows.steps
    column = {name: index for index, name in enumerate(names)}
    order = np.full((len(steps), len(names)), -1)
    twice = []
    for row, (name, step) in enumerate(zip(rows.place, rows.step - steps[0], strict=True)):
        if name not in column:
            continue
        if order[step, column[name]] >= 0:
            twice.append(f"{rows.text(name, steps[step])} (row {rows.frame.index[row]})")
        order[step, column[name]] = row
    if twice:
        problems.add(
            rows.shown, "", f"a second row of {listed(twice)}", "one row of each", "Remove the repeats."
        )
    for name, found in zip(names, (order >= 0).T, strict=True):
        _note_missing(rows, name, steps[~found], problems)
    problems.raise_if_any()
    return order


def _note_missing(rows: _Rows, name: str, missing: np.ndarray, problems: Problems) -> None:
    if not len(missing):
        return
    if rows.dim is None:
        problems.add(rows.shown, rows.text(name), "no row", "a row of each site", "Add it.")
        return
    span = f"every {'month' if rows.dim == 'time' else 'year'} from {rows.date(rows.steps[0])} to "
    found = f"no row of {listed(rows.date(step) for step in missing)}"
    mend = "Add the rows, or cut the others to the same time."
    problems.add(rows.shown, rows.text(name), found, span + rows.date(rows.steps[-1]), mend)


def _values(rows: _Rows, column, problems: Problems) -> np.ndarray:
    """One column: numbers without an empty cell; in a static table also texts."""
    cells = rows.frame[column]
    if pd.api.types.is_numeric_dtype(cells):
        values = cells.to_numpy(float, na_value=np.nan)
    elif rows.dim is None:
        return np.array([key_text(cell) for cell in cells], object)
    else:
        values = numbers(rows.frame, column, rows.shown, TableDialect(), problems)
        if len(problems):
            return values
    empty = np.flatnonzero(np.isnan(values))
    if len(empty):
        found = f"no value of {listed(rows.text(rows.place[row], rows.step[row]) for row in empty)}"
        problems.add(
            rows.shown, f"column '{column}'", found, "a value in every row", "Fill it or drop the site."
        )
    return values


def _described(data: xr.Dataset, units: Mapping[str, str]) -> xr.Dataset:
    for name, unit in units.items():
        if name not in data.data_vars:
            known = list(map(str, data.data_vars))
            problem = Problem("arguments", "units", name, f"one of {listed(known)}", nearest(name, known))
            raise InputError(problem)
        data[name].attrs["units"] = unit
    for name in data.data_vars:
        if name in QUANTITIES:
            data[name].attrs["long_name"] = QUANTITIES[str(name)].long_name
    return data
