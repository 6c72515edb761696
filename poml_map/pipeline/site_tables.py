"""The tables of one site in the units of the program: monthly weather, monthly inputs, observed stocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from poml_map import schema
from poml_map.errors import InputError, Problems
from poml_map.pipeline.site_columns import Columns, Series
from poml_map.pipeline.site_file import EVAPORATIONS, INPUT_NAMES, INPUT_UNIT, Site, cube_unit, input_range
from poml_map.pipeline.site_observations import read_observations
from poml_map.pipeline.site_settings import WeatherColumns, WeatherUnits, month_number
from poml_map.rothc import evaporation_from_pan
from poml_map.tables import listed, numbers

# A winter month's evaporation can be slightly negative: dew. [mm/month]
_LOWEST_EVAPORATION = -50.0


@dataclass(frozen=True)
class SiteTables:
    """Everything that the tables hold.

    Attributes
    ----------
    weather : Series
        ``air_temp`` [degC], ``precip`` [mm/month], ``evaporation`` [mm/month] as it enters the water bucket.
    normals : dict of str -> ndarray, shape (12,), or None
        The same three, January to December.
    inputs : Series or None
        The columns that `inputs:` names, by the name of the input; carbon in kg/m2/month.
    observed : pandas.DataFrame or None
        See `read_observations`.
    dropped : dict of str -> int
        Rows that were not used, by reason.
    """

    weather: Series
    normals: dict[str, np.ndarray] | None
    inputs: Series | None
    observed: pd.DataFrame | None
    dropped: dict[str, int]


def read_site_tables(site: Site) -> SiteTables:
    """Read every table of a site.

    Parameters
    ----------
    site : Site

    Returns
    -------
    SiteTables

    Raises
    ------
    InputError
        With every problem of all tables.
    """
    problems, dropped = Problems(), {}

    def collected(read, *arguments):
        try:
            return read(*arguments)
        except InputError as error:
            problems.collect(error)
            return None

    weather = collected(_weather, site)
    normals = collected(_normals, site, weather)
    inputs = collected(_inputs, site)
    observed = collected(read_observations, site, dropped)
    problems.raise_if_any()
    return SiteTables(weather, normals, inputs, observed, dropped)


def whole_year_months(years: list[int]) -> np.ndarray:
    """Month numbers of the years from first to last.

    Examples
    --------
    >>> len(whole_year_months([1939, 1958]))
    240
    """
    return np.arange(month_number(years[0], 1), month_number(years[1], 12) + 1)


def mean_year(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Mean January to December of series (12 N,) that begin in January.

    Examples
    --------
    >>> mean_year({"precip": np.arange(24.0)})["precip"][:2].tolist()
    [6.0, 7.0]
    """
    return {name: series.reshape(-1, 12).mean(axis=0) for name, series in values.items()}


def _weather(site: Site) -> Series:
    weather = site.settings.weather
    columns = weather.columns
    needed = [columns.year, columns.month, *_named(columns).values()]
    rows = Columns(site, ("weather",), weather.file, weather.table, needed, weather.where)
    months = rows.month_numbers(columns.year, columns.month)
    return rows.series(months, _values(rows, columns, weather.units, "weather.units"))


def _named(columns: WeatherColumns) -> dict[str, str]:
    """The three variables and their columns."""
    kind = next(kind for kind in EVAPORATIONS if getattr(columns, kind) is not None)
    return {name: getattr(columns, name) for name in ("air_temp", "precip", kind)}


def _values(rows: Columns, columns: WeatherColumns, units: WeatherUnits, key: str) -> dict[str, np.ndarray]:
    found = {}
    for name, column in _named(columns).items():
        water = name in EVAPORATIONS
        known = schema.COLUMNS["pet" if water else name]
        limits = _LOWEST_EVAPORATION if water else known.low, known.high
        values = rows.quantity(column, getattr(units, name), cube_unit(name), limits, f"{key}.{name}")
        found["evaporation" if water else name] = (
            evaporation_from_pan(values) if name == "pan_evaporation" else values
        )
    return found


def _normals(site: Site, weather: Series | None) -> dict[str, np.ndarray] | None:
    normals = site.settings.weather.normals
    if normals is None or (weather is None and normals.years):
        return None
    if normals.file:
        return _normals_table(site, normals.file)
    months = whole_year_months(normals.years)
    if not weather.holds(months).all():
        found = f"{normals.years[0]}-{normals.years[1]}"
        expected = f"whole years of the weather table, {weather.text}"
        raise InputError(site.problem(("weather", "normals", "years"), found, expected))
    return mean_year(weather.at(months))


def _normals_table(site: Site, file: str) -> dict[str, np.ndarray]:
    columns, units = site.normals_layout()
    needed = [columns.month, *_named(columns).values()]
    rows = Columns(site, ("weather", "normals"), file, site.settings.weather.table, needed)
    months = numbers(rows.frame, columns.month, file, rows.dialect, rows.problems)
    if sorted(months.tolist()) != list(range(1, 13)):
        found = f"{len(months)} rows with the months {listed(f'{month:g}' for month in months)}"
        rows.problems.add(file, f"column '{columns.month}'", found, "each of 1 to 12 once")
    values = _values(rows, columns, units, "weather.normals.units")
    rows.problems.raise_if_any()
    return {name: column[np.argsort(months)] for name, column in values.items()}


def _inputs(site: Site) -> Series | None:
    inputs, weather = site.settings.inputs, site.settings.weather
    columns = {name: value for name in INPUT_NAMES if isinstance(value := getattr(inputs, name), str)}
    if not columns:
        return None
    own = inputs.file is not None
    year, month = (inputs.year, inputs.month) if own else (weather.columns.year, weather.columns.month)
    file, dialect, where = (
        (inputs.file, inputs.table, inputs.where) if own else (weather.file, weather.table, weather.where)
    )
    loc = ("inputs",) if own else ("weather",)
    rows = Columns(site, loc, file, dialect, [year, month, *columns.values()], where)
    values = {}
    for name, column in columns.items():
        unit, target = getattr(inputs.units, name, "1"), INPUT_UNIT if name in ("plant", "manure") else "1"
        values[name] = rows.quantity(column, unit, target, input_range(name)[:2], f"inputs.units.{name}")
    return rows.series(rows.month_numbers(year, month), values)
