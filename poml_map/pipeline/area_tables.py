"""Tables of zones and region: mean, total and change with intervals, as CSV and as a vector file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
from scipy.stats import norm

from poml_map import schema
from poml_map.config import Region
from poml_map.cube import Cube
from poml_map.hybrid.space import ErrorCorrelation, deviation_of_mean
from poml_map.mapping import read_flat
from poml_map.pipeline.areas import WHOLE, AreaMeans
from poml_map.pipeline.intervals import Intervals
from poml_map.pipeline.places import metres
from poml_map.sites import Samples
from poml_map.units import stock_factor

_KG_IN_KT = 1e6


@dataclass(frozen=True)
class AreaErrors:
    """What is known of the errors of means.

    Attributes
    ----------
    level, change : ErrorCorrelation or None
        Of errors of the stock, and of its change; None where too few sites tell.
    notes : list of str
        Why there is none.
    """

    level: ErrorCorrelation | None = None
    change: ErrorCorrelation | None = None
    notes: tuple[str, ...] = ("means of areas have no interval: the region file has no `intervals:` block",)

    @classmethod
    def of(cls, intervals: Intervals | None, samples: Samples, crs: str) -> AreaErrors:
        """From residuals at held-out sites.

        Parameters
        ----------
        intervals : Intervals or None
        samples : Samples
        crs : str
            Of the samples' positions.
        """
        if intervals is None:
            return cls()
        table = intervals.at_sites
        deviation = table[list(schema.interval_maps(intervals.maps.level))[-1]]
        level = table.assign(z=(table["observed"] - table["POML"]) / deviation)
        level = level.pivot_table(index="year", columns="site", values="z", dropna=False)
        sites = samples.sites.set_index("site").loc[level.columns]
        positions = np.column_stack(metres(sites["x"], sites["y"], crs))
        held = intervals.changes.held_out
        change = (held.observed - held.mean) / held.sd
        found, notes = {}, []
        for what, residuals in (("level", level.to_numpy()), ("change", change)):
            try:
                found[what] = ErrorCorrelation.of(positions, residuals)
            except ValueError as error:
                notes.append(f"means of areas have no interval of their {what}: {error}")
        return cls(found.get("level"), found.get("change"), tuple(notes))

    def for_manifest(self) -> dict:
        """The correlations that were fitted."""
        known = {"level": self.level, "change": self.change}
        fitted = {
            what: {
                "share": each.share,
                "range_km": each.range_m / 1000,
                "n_sites": each.n_sites,
                "distance_km": each.distance / 1000,
                "semivariance": each.semivariance,
            }
            for what, each in known.items()
            if each is not None
        }
        return fitted | {"notes": list(self.notes)}


@dataclass(frozen=True)
class AreaTables:
    """Make it with `area_tables`.

    Attributes
    ----------
    annual : pandas.DataFrame
        ``zone``, ``name``, ``model``, ``year``, ``area_km2``, ``n_pixels``, ``mean`` with ``_low`` and ``_high``
        [unit of the region], ``total_kt`` likewise [kt C].
    changes : pandas.DataFrame
        ``zone``, ``name``, ``model``, ``first``, ``last``, ``change`` with ``_low`` and ``_high`` and ``rate`` a year
        [unit of the region], ``total_change_kt`` likewise [kt C]; empty where one year is mapped.
    """

    annual: pd.DataFrame
    changes: pd.DataFrame


def area_tables(
    means: AreaMeans,
    change_deviations: list[np.ndarray] | None,
    errors: AreaErrors,
    cube: Cube,
    wanted: range,
    level: float,
    factor: float,
) -> AreaTables:
    """Means, totals and changes of all areas; those of POML with their interval.

    Parameters
    ----------
    means : AreaMeans
    change_deviations : list of ndarray (n,) or None
        Standard deviation of the change at the pixels of each area. [unit of the maps]
    errors : AreaErrors
    cube : Cube
    wanted : range
        Years of the tables.
    level : float
        Of the intervals.
    factor : float
        What kg/m2 was multiplied by for the unit of the maps.

    Returns
    -------
    AreaTables
    """
    reach = float(norm.ppf((1 + level) / 2))
    positions = [np.column_stack(metres(x, y, cube.grid.crs)) for x, y in means.positions(cube.grid)]
    annual, changes = [], []
    for number, area in enumerate(means.areas):
        sds = {year: each[number] for year, each in means.deviations.items()}
        of_level = _half_widths(sds, positions[number], errors.level, area.n_pixels, reach)
        annual += _annual_rows(means, number, wanted, of_level, area.area_m2 / factor / _KG_IN_KT)
        if len(wanted) > 1:
            sds = {} if change_deviations is None else {"change": change_deviations[number]}
            of_change = _half_widths(sds, positions[number], errors.change, area.n_pixels, reach)
            half = of_change.get("change", np.nan)
            changes += _change_rows(means, number, wanted, half, area.area_m2 / factor / _KG_IN_KT)
    return AreaTables(pd.DataFrame(annual), pd.DataFrame(changes))


def _half_widths(
    sds: dict, positions, correlation: ErrorCorrelation | None, count: int, reach: float
) -> dict:
    """Half the width of the interval of the mean of an area, by year; empty where it is not known."""
    if not sds or correlation is None:
        return {}
    deviations = deviation_of_mean(positions, np.stack(list(sds.values())), correlation, count)
    return dict(zip(sds, reach * deviations, strict=True))


def _annual_rows(
    means: AreaMeans, number: int, wanted: range, half_widths: dict, kt: float
) -> Iterator[dict]:
    area = means.areas[number]
    for model in schema.MODELS:
        for year in wanted:
            mean = float(means.means[model, year][number])
            half = half_widths.get(year, np.nan) if model == "POML" else np.nan
            yield {
                "zone": area.key,
                "name": area.name,
                "model": model,
                "year": year,
                "area_km2": area.area_m2 / 1e6,
                "n_pixels": area.n_pixels,
                **_with_limits("mean", mean, half),
                **_with_limits("total_kt", mean * kt, half * kt),
            }


def _change_rows(means: AreaMeans, number: int, wanted: range, half: float, kt: float) -> Iterator[dict]:
    area, first, last = means.areas[number], wanted[0], wanted[-1]
    for model in schema.MODELS:
        change = float(means.means[model, last][number] - means.means[model, first][number])
        reach = half if model == "POML" else np.nan
        yield {
            "zone": area.key,
            "name": area.name,
            "model": model,
            "first": first,
            "last": last,
            **_with_limits("change", change, reach),
            "rate": change / (last - first),
            **_with_limits("total_change_kt", change * kt, reach * kt),
        }


def _with_limits(name: str, value: float, half: float) -> dict[str, float]:
    return {name: value, f"{name}_low": value - half, f"{name}_high": value + half}


def write_areas(
    region: Region,
    cube: Cube,
    store: Path,
    folder: Path,
    wanted: range,
    samples: Samples,
    means: AreaMeans,
    intervals: Intervals | None,
) -> AreaErrors:
    """Write `zones.csv`, `zone_changes.csv`, `zones.gpkg` (if there are zones) and `samples.gpkg`.

    Parameters
    ----------
    region : Region
    cube : Cube
    store : Path
        Finished store.
    folder : Path
    wanted : range
        Years of the tables.
    samples : Samples
    means : AreaMeans
        Of the maps, in the unit of the region.
    intervals : Intervals, optional
        If the store has them.

    Returns
    -------
    AreaErrors
        What the intervals rest on.
    """
    factor, changes = stock_factor(region.settings.units), None
    errors = AreaErrors.of(intervals, samples, cube.grid.crs)
    if intervals is not None and len(wanted) > 1:
        deviation = list(schema.change_interval_maps(intervals.maps.level))[-1]
        changes = [each * factor for each in means.at_pixels(read_flat(store, deviation))]
    level = 0.9 if intervals is None else intervals.maps.level
    tables = area_tables(means, changes, errors, cube, wanted, level, factor)
    tables.annual.to_csv(folder / "zones.csv", index=False, float_format="%.6g")
    if len(tables.changes):
        tables.changes.to_csv(folder / "zone_changes.csv", index=False, float_format="%.6g")
    zones = cube.zone_shapes()
    if len(zones):
        _write_layer(_zone_file(tables, zones), folder, "zones")
    table = samples.table
    points = gpd.points_from_xy(table["x"], table["y"], crs=cube.grid.crs)
    columns = {"site": table["site"], "year": table["year"], "stock": table["stock"] * factor}
    _write_layer(gpd.GeoDataFrame(columns, geometry=points), folder, "samples")
    return errors


def _write_layer(frame: gpd.GeoDataFrame, folder: Path, name: str) -> None:
    """A GeoPackage of one layer; without the time of writing, which would make every run's bytes differ."""
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "1970-01-01T00:00:00.000Z"})
    try:
        frame.to_file(folder / f"{name}.gpkg", layer=name, driver="GPKG", engine="pyogrio")
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _zone_file(tables: AreaTables, zones: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """One row a zone, of POML: first and last year, and the change between."""
    annual = tables.annual[(tables.annual["model"] == "POML") & (tables.annual["zone"] != WHOLE[0])]
    years = sorted({annual["year"].min(), annual["year"].max()})
    wide = annual.drop_duplicates("zone").set_index("zone")[["area_km2", "n_pixels"]]
    for year in years:
        part = annual[annual["year"] == year].set_index("zone")
        for name in ("mean", "mean_low", "mean_high", "total_kt"):
            wide[f"{name}_{year}"] = part[name]
    if len(tables.changes):
        changes = tables.changes[tables.changes["model"] == "POML"].set_index("zone")
        wide = wide.join(changes.drop(columns=["name", "model", "first", "last"]))
    joined = zones.join(wide, on="zone")
    joined["n_pixels"] = joined["n_pixels"].fillna(0).astype(int)
    return joined
