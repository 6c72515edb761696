"""A table of values by zone and year (fertilizer of each county), or one series by year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from poml_map.catalog import Source, require_files
from poml_map.cube.frames import year_list
from poml_map.cube.zones import Zones, alike
from poml_map.errors import InputError, Problems
from poml_map.tables import key_text, listed, numbers, read_table, refuse_repeats, whole_years

_NAMED = 8
# A single series is one zone that is everywhere.
_EVERYWHERE = ""


@dataclass(frozen=True)
class ZoneTable:
    """Values of a table, in the cube's unit.

    Attributes
    ----------
    years : tuple of int
    values : ndarray of float, shape (zones, years)
        NaN where the table has no row or no value. A single row if the table has no zones.
    names : tuple of str
        How each row is called in messages.
    """

    years: tuple[int, ...]
    values: np.ndarray
    names: tuple[str, ...]


def open_table(source: Source, zones: Zones | None) -> ZoneTable:
    """Read, check and join a table.

    Parameters
    ----------
    source : Source
        Driver table.
    zones : Zones, optional
        The polygons whose keys the table uses.

    Raises
    ------
    InputError
        If a column is missing, a cell is no number, a key and year come twice, a value is physically
        impossible, or keys of the table and of the polygons do not match on both sides.
    """
    entry, shown = source.entry, source.shown()
    require_files(source, [])
    columns = [entry.year, entry.value, *([entry.key] if entry.zones else [])]
    frame = read_table(source.path(), shown, entry.table, columns)
    problems = Problems()
    years = whole_years(frame, entry.year, shown, entry.table, problems)
    values = numbers(frame, entry.value, shown, entry.table, problems)
    problems.raise_if_any()
    keys = [key_text(key) for key in frame[entry.key]] if entry.zones else [_EVERYWHERE] * len(frame)
    table = pd.DataFrame({"key": keys, "year": years, "value": values}, index=frame.index)
    refuse_repeats(table, ["key", "year"] if entry.zones else ["year"], shown)
    factor, offset = entry.unit_conversion()
    table["value"] = table["value"] * factor + offset
    _check_range(source, table, shown)
    if zones is not None:
        _check_join(source, sorted(set(keys)), zones, table)
    return _pivot(table, zones)


def _check_range(source: Source, table: pd.DataFrame, shown: str) -> None:
    low, high = source.entry.physical_range
    bad = table[(table["value"] < low) | (table["value"] > high)]
    if len(bad):
        first, unit = bad.iloc[0], source.entry.cube_unit
        place = f"zone {first['key']}, " if first["key"] else ""
        found = f"{len(bad)} values such as {first['value']:g} {unit} ({place}{first['year']}, line {bad.index[0]})"
        mend = "Check `unit:`, or mend the cells."
        where = f"column '{source.entry.value}'"
        raise InputError(source.problem(found, f"{low:g} to {high:g} {unit}", mend, where, shown))


def _check_join(source: Source, keys: list[str], zones: Zones, table: pd.DataFrame) -> None:
    """Names that one side has and the other has not, with the number of rows behind each."""
    only_table = [key for key in keys if key not in zones.keys]
    only_zones = [key for key in zones.keys if key not in keys]
    if not (only_table or only_zones):
        return
    parts = []
    if only_table:
        rows = int(table["key"].isin(only_table).sum())
        parts.append(
            f"{len(only_table)} keys of the table without a polygon "
            f"({listed(map(repr, only_table), _NAMED)}; {rows} rows)"
        )
    if only_zones:
        parts.append(f"{len(only_zones)} polygons without a row ({listed(map(repr, only_zones), _NAMED)})")
    pairs = [(a, b) for a in only_table for b in only_zones if alike(a) == alike(b)]
    mend = "Write the keys alike on both sides, or use codes."
    if pairs:
        same = ", ".join(f"{a!r} and {b!r}" for a, b in pairs[:_NAMED])
        mend = f"These differ only in case, blanks or leading zeros: {same}."
    where = f"key '{source.entry.key}'"
    expected = f"the keys of '{zones.source.name}', all of them"
    raise InputError(source.problem(" and ".join(parts), expected, mend, where, source.shown()))


def _pivot(table: pd.DataFrame, zones: Zones | None) -> ZoneTable:
    wide = table.pivot_table(index="key", columns="year", values="value", aggfunc="first")
    if zones is None:
        return ZoneTable(tuple(map(int, wide.columns)), wide.to_numpy(), ("the whole area",))
    wide = wide.reindex(list(zones.keys))
    names = [
        f"{key} ({name})" if name != key else key for key, name in zip(zones.keys, zones.names, strict=True)
    ]
    return ZoneTable(tuple(map(int, wide.columns)), wide.to_numpy(), tuple(names))


def yearly_values(source: Source, table: ZoneTable, years: range, touched, fill: bool, problems: Problems):
    """Values of the run's years, gaps filled or refused.

    Parameters
    ----------
    source : Source
    table : ZoneTable
    years : range
    touched : ndarray of bool, shape (zones,)
        Zones that the area touches; gaps elsewhere do not matter.
    fill : bool
        Whether a missing year may be the mean of a zone's first five years with a value.
    problems : Problems

    Returns
    -------
    values : ndarray of float32, shape (zones, years)
    filled : list of int
        Years of which at least one touched zone was filled.
    """
    wide = pd.DataFrame(table.values, columns=list(table.years)).reindex(columns=list(years))
    values, filled = wide.to_numpy(float, copy=True), set()
    gaps = np.isnan(values) & touched[:, None]
    for zone in np.flatnonzero(gaps.any(axis=1)):
        held = table.values[zone][~np.isnan(table.values[zone])][:5]
        missing = [year for year, gap in zip(years, gaps[zone], strict=True) if gap]
        if fill and len(held):
            values[zone, gaps[zone]] = held.mean()
            filled |= set(missing)
            continue
        mend = f"Bring these years, or add `fill: {{{source.name}: climatology}}` to the region file."
        where = f"column '{source.entry.value}', {table.names[zone]}"
        found = f"no value in {year_list(missing)}"
        problems.extend(
            [source.problem(found, f"one in every year of {year_list(years)}", mend, where, source.shown())]
        )
    return values.astype("float32"), sorted(filled)


def check_base_year(source: Source, table: ZoneTable, values, touched, year: int, problems: Problems) -> None:
    """Refuse zones whose value of the first year is not above 0: every later year is divided by it.

    Parameters
    ----------
    source : Source
    table : ZoneTable
    values : ndarray, shape (zones, years)
        From `yearly_values`; the first column is the base year.
    touched : ndarray of bool, shape (zones,)
    year : int
    problems : Problems
    """
    for zone in np.flatnonzero(touched & (values[:, 0] <= 0)):
        found = f"{values[zone, 0]:g} {source.entry.cube_unit} in {year}, {table.names[zone]}"
        expected = "a value above 0 in the first year, which every later year is divided by"
        mend = "Mend the value, or name another `rothc.input_driver`."
        where = f"column '{source.entry.value}'"
        problems.extend([source.problem(found, expected, mend, where, source.shown())])
