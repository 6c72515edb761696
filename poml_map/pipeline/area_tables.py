"""Tables of zones and region: mean, total and change with intervals, as CSV and as a vector file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from poml_map import schema
from poml_map.config import Region
from poml_map.cube import Cube, year_list
from poml_map.hybrid.space import AreaErrors
from poml_map.pipeline.area_errors import WITH_LIMITS, MeanErrors
from poml_map.pipeline.areas import WHOLE, Area, AreaMeans
from poml_map.sites import Samples
from poml_map.units import STOCK_LABELS, stock_factor
from poml_map.vectorfile import write_layer

_KG_IN_KT = 1e6

#: Level of the intervals where the region file has no `intervals:` block.
LEVEL = 0.9


def write_areas(
    region: Region,
    cube: Cube,
    folder: Path,
    wanted: range,
    samples: Samples,
    places,
    means: AreaMeans,
    held_out: pd.DataFrame,
) -> dict:
    """Write `zones.csv`, `zone_changes.csv`, `zones.gpkg` (if there are zones) and `samples.gpkg`.

    Parameters
    ----------
    region : Region
    cube : Cube
    folder : Path
    wanted : range
        Years of the tables.
    samples : Samples
    places : array_like (sites,) of int
        Place of each of ``samples.sites``.
    means : AreaMeans
        Of the maps of all years, in the unit of the region.
    held_out : pandas.DataFrame
        Observations and held-out predictions. [kg/m2]

    Returns
    -------
    dict
        For the manifest: level, what the intervals rest on, and notes.
    """
    factor = stock_factor(region.settings.units)
    errors = {model: MeanErrors.of(model, held_out, samples, places, cube, means) for model in WITH_LIMITS}
    intervals = region.settings.intervals
    tables = AreaTables(means, errors, region.years, LEVEL if intervals is None else intervals.level, factor)
    annual, changes = tables.annual(wanted), tables.changes(wanted)
    label = STOCK_LABELS[region.settings.units]
    for table, before in ((annual, "mean"), (changes, "change")):
        if len(table):
            table.insert(table.columns.get_loc(before), "unit", label)
    annual.to_csv(folder / "zones.csv", index=False, float_format="%.6g")
    if len(changes):
        changes.to_csv(folder / "zone_changes.csv", index=False, float_format="%.6g")
    zones = cube.zone_shapes()
    if len(zones):
        write_layer(_zone_file(annual, changes, zones), folder / "zones.gpkg", "zones")
    write_layer(_sample_file(samples, cube, factor, label), folder / "samples.gpkg", "samples")
    notes = sorted({f"{model}: {note}" for model, each in errors.items() for note in each.notes})
    found = {model: each.for_manifest() for model, each in errors.items()}
    return {"level": tables.level, "correlation": found, "notes": [*notes, *_without_limits(annual, changes)]}


def _without_limits(annual: pd.DataFrame, changes: pd.DataFrame) -> list[str]:
    """Which means have no limits, and why."""
    bare = annual[(annual["model"] == "POML") & annual["mean_low"].isna()]
    notes = []
    outside = bare[bare["zone"] == WHOLE[0]]["year"].tolist()
    if outside:
        notes.append(
            f"no limits in {year_list(outside)}: no site was sampled then, nor both before and after"
        )
    some = bare[~bare["year"].isin(outside)]
    for name, rows in some.groupby("name", sort=False):
        notes.append(
            f"no limits of {name} in {year_list(rows['year'].tolist())}: no site of its own tells them"
        )
    if len(changes):
        still = changes[(changes["model"] == "POML") & changes["change_low"].isna()]
        if len(still):
            listed = ", ".join(still["name"])
            notes.append(f"no limits of the change of {listed}: too few sites at both ends")
    return notes


class Limits(NamedTuple):
    """Of the means of all areas: what is to be added to the map's, half the width of the interval, sites that tell."""

    bias: np.ndarray
    half: np.ndarray
    n_sites: np.ndarray


class AreaTables:
    """Means, totals and changes of all areas, and their intervals.

    Parameters
    ----------
    means : AreaMeans
        In the unit of the region.
    errors : dict of str -> MeanErrors
        By model. [kg/m2]
    years : range
        Of the means.
    level : float
        Share of true means that lie inside.
    factor : float
        From kg/m2 to the unit of the region.
    """

    def __init__(
        self, means: AreaMeans, errors: dict[str, MeanErrors], years: range, level: float, factor: float
    ):
        self.level = level
        self._means, self._errors, self._years, self._factor = means, errors, years, factor
        self._course = {
            model: np.stack([means.means[model, year] for year in years]) for model in schema.MODELS
        }
        self._swings = {
            model: each.swings(self._course[model] / factor, years) ** 2 for model, each in errors.items()
        }

    def annual(self, wanted: range) -> pd.DataFrame:
        """One row for each area, model and year: mean of the map, of map and held-out residuals, limits, and totals."""
        return pd.DataFrame(list(self._annual(wanted)))

    def _annual(self, wanted: range) -> Iterator[dict]:
        limits = {(model, year): self._of_year(model, year) for model in schema.MODELS for year in wanted}
        for number in range(len(self._means.areas)):
            for (model, year), found in limits.items():
                means = self._course[model][self._years.index(year)]
                head = self._head(number) | {"model": model, "year": year} | self._size(number, found)
                yield head | self._row("mean", "total_kt", means, found, number)

    def changes(self, wanted: range) -> pd.DataFrame:
        """One row for each area and model: the change from the first to the last year, its rate a year, and totals."""
        return pd.DataFrame(list(self._changes(wanted)) if len(wanted) > 1 else [])

    def _changes(self, wanted: range) -> Iterator[dict]:
        first, last = wanted[0], wanted[-1]
        places = [self._years.index(year) for year in (first, last)]
        limits = {model: self._of_change(model, first, last) for model in schema.MODELS}
        for number in range(len(self._means.areas)):
            for model in schema.MODELS:
                before, after = self._course[model][places]
                head = (
                    self._head(number)
                    | {"model": model, "first": first, "last": last}
                    | self._size(number, limits[model])
                )
                row = self._row("change", "total_change_kt", after - before, limits[model], number)
                ends = ("", "_adjusted", "_low", "_high")
                yield head | row | {f"rate{end}": row[f"change{end}"] / (last - first) for end in ends}

    def _of_year(self, model: str, year: int) -> Limits:
        if model not in self._errors:
            return self._nothing()
        return self._in_unit(self._errors[model].at(year), self._swings[model][self._years.index(year)])

    def _of_change(self, model: str, first: int, last: int) -> Limits:
        if model not in self._errors:
            return self._nothing()
        more = sum(self._swings[model][self._years.index(year)] for year in (first, last))
        return self._in_unit(self._errors[model].between(first, last), more)

    def _in_unit(self, found: AreaErrors, more) -> Limits:
        half = found.half_width(self.level, more) * self._factor
        return Limits(found.bias * self._factor, half, found.n_sites)

    def _nothing(self) -> Limits:
        unknown = np.full(len(self._means.areas), np.nan)
        return Limits(unknown, unknown, np.zeros(len(unknown), int))

    def _head(self, number: int) -> dict:
        area = self._means.areas[number]
        return {"zone": area.key, "name": area.name}

    def _size(self, number: int, limits: Limits) -> dict:
        area, sites = self._means.areas[number], limits.n_sites[number]
        return {"area_km2": area.area_m2 / 1e6, "n_pixels": area.n_pixels, "n_sites": int(sites)}

    def _row(
        self, name: str, total: str, values: np.ndarray, limits: Limits, number: int
    ) -> dict[str, float]:
        bias, half = limits.bias[number], limits.half[number]
        value, kt = float(values[number]), _kt(self._means.areas[number], self._factor)
        found = {
            "": value,
            "_adjusted": value + bias,
            "_low": value + bias - half,
            "_high": value + bias + half,
        }
        plain = {f"{name}{end}": each for end, each in found.items()}
        return plain | {f"{total}{end}": each * kt for end, each in found.items()}


def _kt(area: Area, factor: float) -> float:
    """Kilotonnes of carbon for a mean of 1 in the unit of the region."""
    return area.area_m2 / factor / _KG_IN_KT


def _sample_file(samples: Samples, cube: Cube, factor: float, label: str) -> gpd.GeoDataFrame:
    table = samples.table
    points = gpd.points_from_xy(table["x"], table["y"], crs=cube.grid.crs)
    columns = {"site": table["site"], "year": table["year"], "stock": table["stock"] * factor}
    columns["unit"] = label
    return gpd.GeoDataFrame(columns, geometry=points).reset_index(drop=True)


def _zone_file(annual: pd.DataFrame, changes: pd.DataFrame, zones: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """One row a zone, of POML: first and last year, and the change between."""
    annual = annual[(annual["model"] == "POML") & (annual["zone"] != WHOLE[0])]
    wide = annual.drop_duplicates("zone").set_index("zone")[["area_km2", "n_pixels", "unit"]]
    for year in sorted({annual["year"].min(), annual["year"].max()}):
        part = annual[annual["year"] == year].set_index("zone")
        told = [name for name in part if name == "n_sites" or name.startswith(("mean", "total"))]
        wide = wide.join(part[told].add_suffix(f"_{year}"))
    if len(changes):
        of_poml = changes[changes["model"] == "POML"].set_index("zone")
        told = [name for name in of_poml if name.startswith(("change", "rate", "total"))]
        wide = wide.join(of_poml[told])
    joined = zones.join(wide, on="zone", how="inner")
    counts = [name for name in joined if name.startswith("n_")]
    joined[counts] = joined[counts].fillna(0).astype(int)
    return joined
