"""Soil samples: read, checked, brought to the grid, turned into stocks (Eq. 1).

Nothing is dropped in silence: every row that is not used is listed with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import xarray as xr

from poml_map import schema
from poml_map.config import Region
from poml_map.errors import InputError, Problem, Problems
from poml_map.grid import Grid
from poml_map.rothc.stock import carbon_stock
from poml_map.tables import numbers, read_table
from poml_map.units import conversion

_TABLES = (".csv", ".txt", ".tsv")
# Plausible field values; outside them a unit is wrong. Carbon content: pure organic matter is about 580 g/kg.
_RANGES = {
    "soc": ("g/kg", 0.0, 600.0),
    "bulk_density": ("g/cm3", schema.COLUMNS["BD"].low, schema.COLUMNS["BD"].high),
    "coarse_fragments": ("1", 0.0, 1.0),
    "stock": ("kg/m2", 0.0, schema.COLUMNS["STOCK"].high),
}
# Two positions of one site that differ by less are the same place written twice. [m]
_SAME_PLACE = 1.0
_MERGED = "merged into a mean"


@dataclass(frozen=True)
class Samples:
    """Samples that are used and rows that are not.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a sample: ``site`` (text), ``year``, ``x``, ``y`` (grid CRS), ``soc`` [g/kg],
        ``bulk_density`` [g/cm3], ``coarse_fragments`` [1], ``stock`` [kg/m2] (NaN until `with_stock`).
    dropped : pandas.DataFrame
        ``line``, ``site``, ``year``, ``reason`` of every row that is not used.
    n_in : int
        Rows of the file.
    file : str
        As the user wrote it.
    """

    table: pd.DataFrame
    dropped: pd.DataFrame
    n_in: int
    file: str

    @property
    def sites(self) -> pd.DataFrame:
        """One row a site, in order of first appearance: ``site``, ``x``, ``y``."""
        return self.table.drop_duplicates("site")[["site", "x", "y"]].reset_index(drop=True)

    @property
    def campaigns(self) -> list[int]:
        """The sampling years."""
        return sorted(int(year) for year in self.table["year"].unique())

    def counts(self) -> dict:
        """Rows in, used and dropped by reason; sites and samples by year."""
        return {
            "n_in": self.n_in,
            "n_used": len(self.table),
            "n_dropped": {str(k): int(v) for k, v in self.dropped["reason"].value_counts().items()},
            "n_sites": int(self.table["site"].nunique()),
            "samples_by_year": {
                str(k): int(v) for k, v in self.table["year"].value_counts().sort_index().items()
            },
            "sites_with_one_campaign": int((self.table.groupby("site")["year"].nunique() == 1).sum()),
            "sites_outside_mask": int((~self.table.drop_duplicates("site")["in_mask"]).sum())
            if "in_mask" in self.table
            else 0,
        }


def read_samples(region: Region, grid: Grid) -> Samples:
    """The samples of the region file, checked, in the grid's CRS.

    Parameters
    ----------
    region : Region
    grid : Grid

    Returns
    -------
    Samples
        Rows outside the grid, outside the run's years or without a value are in `dropped`.

    Raises
    ------
    InputError
        If the file or a column is missing, a cell is no number, a value is physically impossible in the
        declared unit, coordinates look swapped, a site has two positions, a site and year two values (unless
        ``duplicates: mean``), or more rows would be dropped than ``max_dropped`` allows.
    """
    settings = region.settings.samples
    frame, x, y, crs = _read(region)
    problems = Problems()
    table = _table(region, frame, x, y, problems)
    problems.raise_if_any()
    _check_lonlat(settings.file, table, crs, problems)
    problems.raise_if_any()
    transformer = pyproj.Transformer.from_crs(crs, grid.crs, always_xy=True)
    table["x"], table["y"] = transformer.transform(table["x"].to_numpy(), table["y"].to_numpy())
    _, _, inside = grid.index(table["x"], table["y"])
    _check_swap(settings.file, table, inside, crs, grid, problems)
    problems.raise_if_any()
    reasons = _reasons(table, inside, region)
    samples = Samples(table, _no_rows(), len(table), settings.file)
    samples = _drop(samples, reasons)
    _check_repeats(samples, settings.duplicates, problems)
    problems.raise_if_any()
    if settings.duplicates == "mean":
        samples = _merge_repeats(samples)
    _check_dropped(samples, settings.max_dropped)
    return samples


def with_stock(samples: Samples, points: xr.Dataset, region: Region, needed: list[str]) -> Samples:
    """Samples with their stock, less the sites whose pixel lacks a covariate or driver.

    Parameters
    ----------
    samples : Samples
    points : xarray.Dataset
        The cube's values at ``samples.sites``, in that order, dimension ``site``.
    region : Region
    needed : list of str
        Variables of `points` that must have a value in every year or month.

    Returns
    -------
    Samples
    """
    settings = region.settings.samples
    sites = samples.sites
    position = samples.table["site"].map(pd.Series(np.arange(len(sites)), index=sites["site"])).to_numpy()
    table = samples.table.copy()
    for name, column in (
        ("bulk_density", settings.bulk_density),
        ("coarse_fragments", settings.coarse_fragments),
    ):
        if isinstance(column, str):
            table[name] = points[column].to_numpy()[position]
        elif column is not None:
            table[name] = float(column)
    if region.settings.samples.columns.stock is None:
        table["stock"] = carbon_stock(
            table["soc"], table["bulk_density"], table["coarse_fragments"], region.settings.depth_cm
        )
    table["in_mask"] = points["in_mask"].to_numpy()[position]
    gaps = _gaps(points, needed)
    reasons = pd.Series([gaps[index] for index in position], index=table.index)
    reasons[(reasons == "") & table["stock"].isna()] = "no bulk density or coarse fragments at its pixel"
    kept = _drop(replace(samples, table=table), reasons)
    _check_dropped(kept, settings.max_dropped)
    if kept.table.empty:
        found = f"no usable sample of {samples.n_in}"
        raise InputError(
            Problem(samples.file, "", found, "samples on pixels with data", _reasons_text(kept.dropped))
        )
    return kept


def _read(region: Region):
    """The raw table, x, y and their CRS, from text or from any vector file."""
    settings, columns = region.settings.samples, region.settings.samples.columns
    path, shown = region.samples_path, settings.file
    if not path.is_file():
        raise InputError(Problem(shown, "", "no such file", "a CSV or vector file", "Check `samples.file`."))
    named = [getattr(columns, name) for name in ("site", "year", *_RANGES)]
    named = [name for name in named if name is not None]
    if path.suffix.lower() in _TABLES:
        if columns.x is None or columns.y is None:
            mend = "For example `columns: {x: lon, y: lat}`."
            raise InputError(
                Problem(region.file, "samples.columns", "no x or y", "the coordinate columns", mend)
            )
        frame = read_table(path, shown, settings.table, [*named, columns.x, columns.y])
        problems = Problems()
        x, y = (numbers(frame, name, shown, settings.table, problems) for name in (columns.x, columns.y))
        problems.raise_if_any()
        return frame, x, y, _crs(settings.crs, region)
    try:
        frame = gpd.read_file(path)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise InputError(Problem(shown, "", str(error), "a CSV or vector file")) from error
    missing = [name for name in named if name not in frame.columns]
    if missing:
        found = f"only {', '.join(map(str, frame.columns))}"
        raise InputError([Problem(shown, f"column '{name}'", found, "this column") for name in missing])
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    points = frame.geometry
    if not (points.geom_type == "Point").all():
        raise InputError(Problem(shown, "geometry", "other shapes than points", "one point a sample"))
    return frame, points.x.to_numpy(), points.y.to_numpy(), frame.crs or _crs(settings.crs, region)


def _crs(text: str, region: Region) -> pyproj.CRS:
    try:
        return pyproj.CRS.from_user_input(text)
    except pyproj.exceptions.CRSError as error:
        problem = region.document.problem(("samples", "crs"), repr(text), "a CRS", 'For example "EPSG:4326".')
        raise InputError(problem) from error


def _table(region: Region, frame: pd.DataFrame, x, y, problems: Problems) -> pd.DataFrame:
    settings = region.settings.samples
    columns, shown = settings.columns, settings.file
    table = pd.DataFrame(
        {"site": frame[columns.site].astype(str).str.strip(), "x": x, "y": y}, index=frame.index
    )
    empty = table.index[table["site"].isin(["", "None", "nan"])]
    if len(empty):
        problems.add(shown, f"column '{columns.site}'", f"no id in line {empty[0]}", "an id in every row")
    table["year"] = _years(settings, frame, problems)
    for name, (target, low, high) in _RANGES.items():
        column = getattr(columns, name)
        if column is None:
            table[name] = np.nan
            continue
        factor, offset = conversion(getattr(settings.units, name), target)
        values = numbers(frame, column, shown, settings.table, problems) * factor + offset
        values = values * settings.soc_factor if name == "soc" else values
        _check_range(
            shown, column, getattr(settings.units, name), table, values, (target, low, high), problems
        )
        table[name] = values
    return table


def _years(settings, frame: pd.DataFrame, problems: Problems):
    if settings.year is not None:
        return settings.year
    years = numbers(frame, settings.columns.year, settings.file, settings.table, problems)
    broken = np.flatnonzero(~np.isfinite(years) | (years != np.round(years)))
    if len(broken):
        found = f"{frame[settings.columns.year].iloc[broken[0]]!r} in line {frame.index[broken[0]]}"
        problems.add(settings.file, f"column '{settings.columns.year}'", found, "a year in every row")
        return 0
    return years.astype(int)


def _check_range(shown, column, unit, table, values, limits, problems: Problems) -> None:
    target, low, high = limits
    # A stock or content of exactly zero has no logarithm, no equilibrium and no meaning as a measurement.
    positive = column is not None and target in ("g/kg", "kg/m2", "g/cm3")
    bad = np.flatnonzero((values < low) | (values > high) | (positive & (values == 0)))
    if len(bad):
        first = bad[0]
        found = f"{len(bad)} values such as {values[first]:g} {target} (site {table['site'].iloc[first]}, "
        found += f"line {table.index[first]}) from unit {unit!r}"
        mend = "Check the unit in `samples.units`."
        problems.add(shown, f"column '{column}'", found, f"{low:g} to {high:g} {target}", mend)


def _check_lonlat(shown: str, table: pd.DataFrame, crs, problems: Problems) -> None:
    if not pyproj.CRS(crs).is_geographic:
        return
    wrong = table[(table["y"].abs() > 90) | (table["x"].abs() > 360)]
    if len(wrong):
        found = f"latitude {wrong['y'].iloc[0]:g} of site {wrong['site'].iloc[0]} ({len(wrong)} rows)"
        mend = "x and y look swapped: exchange them in `samples.columns`, or give their projected `crs`."
        problems.add(shown, "coordinates", found, "-90 to 90", mend)


def _check_swap(shown, table, inside, crs, grid: Grid, problems: Problems) -> None:
    """All points outside, but inside when x and y change places: say so."""
    if inside.any() or table.empty:
        return
    back = pyproj.Transformer.from_crs(grid.crs, crs, always_xy=True)
    x, y = back.transform(table["x"].to_numpy(), table["y"].to_numpy())
    swapped = pyproj.Transformer.from_crs(crs, grid.crs, always_xy=True).transform(y, x)
    mend = "Check `samples.crs` and the area."
    if grid.index(*swapped)[2].any():
        mend = "x and y look swapped: exchange them in `samples.columns`."
    found = f"all {len(table)} samples outside the area (first at {x[0]:g}, {y[0]:g})"
    problems.add(shown, "coordinates", found, "samples inside the area", mend)


def _reasons(table: pd.DataFrame, inside, region: Region) -> pd.Series:
    """Why a row cannot be used; empty text where it can."""
    first, last = region.settings.years
    reasons = pd.Series("", index=table.index)
    value = table["stock"] if region.settings.samples.columns.stock else table["soc"]
    reasons[value.isna()] = "no value"
    for name in ("bulk_density", "coarse_fragments"):
        if getattr(region.settings.samples.columns, name) is not None:
            reasons[table[name].isna() & (reasons == "")] = f"no value of {name}"
    reasons[(table["year"] < first) | (table["year"] > last)] = f"year outside {first}-{last}"
    reasons[~inside] = "outside the grid"
    return reasons


def _gaps(points: xr.Dataset, needed: list[str]) -> list[str]:
    """For each site the variables without a value, as a reason; empty text if complete."""
    names = {}
    for name in needed:
        values = points[name]
        missing = values.isnull().any([dim for dim in values.dims if dim != "site"]).to_numpy()
        for index in np.flatnonzero(missing):
            names.setdefault(index, []).append(name)
    listed = [", ".join(names.get(index, [])) for index in range(points.sizes["site"])]
    return [f"no data at its pixel for {text}" if text else "" for text in listed]


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame({"line": [], "site": [], "year": [], "reason": []})


def _drop(samples: Samples, reasons: pd.Series) -> Samples:
    out = reasons != ""
    if not out.any():
        return samples
    rows = samples.table[out]
    dropped = pd.DataFrame(
        {"line": rows.index, "site": rows["site"], "year": rows["year"], "reason": reasons[out]}
    )
    kept = [part for part in (samples.dropped, dropped) if len(part)]
    return replace(samples, table=samples.table[~out], dropped=pd.concat(kept, ignore_index=True))


def _reasons_text(dropped: pd.DataFrame) -> str:
    parts = []
    for reason, rows in dropped.groupby("reason"):
        ids = ", ".join(rows["site"].astype(str).head(5)) + (" ..." if len(rows) > 5 else "")
        parts.append(f"{len(rows)} rows {reason} (sites {ids})")
    return "; ".join(parts)


def _check_dropped(samples: Samples, limit: float) -> None:
    lost = samples.dropped[samples.dropped["reason"] != _MERGED]
    if len(lost) / max(samples.n_in, 1) > limit:
        found = f"{len(lost)} of {samples.n_in} rows unusable: {_reasons_text(lost)}"
        mend = "Mend the rows, or raise `samples.max_dropped`."
        raise InputError(Problem(samples.file, "", found, f"at most {limit:.0%}", mend))


def _check_repeats(samples: Samples, duplicates: str, problems: Problems) -> None:
    table = samples.table
    spread = table.groupby("site")[["x", "y"]].agg(lambda values: values.max() - values.min()).max(axis=1)
    moved = list(spread.index[spread > _SAME_PLACE])
    if moved:
        found = f"two positions of {_ids(moved)}"
        problems.add(
            samples.file, "coordinates", found, "one position a site", "Give each position its own id."
        )
    repeats = table[table.duplicated(["site", "year"], keep=False)]
    place = table.assign(px=table["x"].round(1), py=table["y"].round(1))
    shared = place.groupby(["px", "py"])["site"].nunique()
    if (shared > 1).any():
        at = place.set_index(["px", "py"]).loc[shared.index[shared > 1], "site"].unique()
        mend = "Give samples of one place one id: folds are drawn over ids, and a place under two ids leaks."
        problems.add(
            samples.file, "coordinates", f"one position under several ids: {_ids(at)}", "one id", mend
        )
    if len(repeats) and duplicates == "refuse":
        keys = [f"{site} in {year}" for site, year in repeats[["site", "year"]].drop_duplicates().to_numpy()]
        mend = "Remove them, or set `samples.duplicates: mean`."
        problems.add(
            samples.file, "rows", f"several values of {_ids(keys)}", "one value a site and year", mend
        )


def _ids(names) -> str:
    names = [str(name) for name in names]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _merge_repeats(samples: Samples) -> Samples:
    repeated = samples.table.duplicated(["site", "year"])
    if not repeated.any():
        return samples
    merged = samples.table.groupby(["site", "year"], sort=False, as_index=False).mean()
    rows = samples.table[repeated]
    dropped = pd.DataFrame(
        {"line": rows.index, "site": rows["site"], "year": rows["year"], "reason": _MERGED}
    )
    parts = [part for part in (samples.dropped, dropped) if len(part)]
    return replace(samples, table=merged, dropped=pd.concat(parts, ignore_index=True))
