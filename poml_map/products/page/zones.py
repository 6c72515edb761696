"""Zones, such as counties: which one a pixel lies in, their outlines on the map, and what the tables say of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from rasterio.features import rasterize

from poml_map.grid import Grid
from poml_map.products.runfolder import RunFolder

#: Key of the row that stands for the whole region in `zones.csv` and `zone_changes.csv`.
WHOLE = ""
# What a chart shows of a zone, and its columns in zones.csv.
_COLUMNS = (("mean", "mean"), ("middle", "mean_adjusted"), ("low", "mean_low"), ("high", "mean_high"))
# Outlines are drawn in tenths of a pixel and may be off by so much of one.
_TENTHS, _OFF = 10, 0.35


@dataclass(frozen=True)
class Zones:
    """Zones of a run as the page shows them.

    Attributes
    ----------
    names : dict of str -> str
        Key -> name; the whole region, where a table has it, under `WHOLE`.
    courses : pandas.DataFrame or None
        `zones.csv`.
    changes : pandas.DataFrame or None
        `zone_changes.csv`.
    index : ndarray of int, shape (y, x), or None
        1 for the first of `mapped`, 0 outside all zones; None without `zones.gpkg`.
    mapped : list of str
        Keys in the order of `index`.
    outlines : list of list of int
        x, y, x, y ... in tenths of a pixel from the upper left corner.
    """

    names: dict[str, str]
    courses: pd.DataFrame | None
    changes: pd.DataFrame | None
    index: np.ndarray | None
    mapped: list[str]
    outlines: list[list[int]]

    def series(self, key: str, years: list[int]) -> dict[str, dict[str, list]]:
        """Mean by model at `years`; of POML the corrected one and its limits, too; None where the tables are silent.

        The limits of several models would hide each other.
        """
        if self.courses is None:
            return {}
        rows = self.courses[self.courses["zone"] == key]
        return {
            model: {
                name: [_plain(value) for value in table.set_index("year")[column].reindex(years)]
                for name, column in _COLUMNS
                if column in table and (name == "mean" or model == "POML")
            }
            for model, table in rows.groupby("model", sort=False)
        }

    def corrected(self, key: str, model: str, year: int) -> tuple[float, float, float] | None:
        """Mean of a zone that held-out sites correct, and its limits; None where `zones.csv` has no such."""
        rows = self.courses
        if rows is not None:
            rows = rows[(rows["zone"] == key) & (rows["model"] == model) & (rows["year"] == year)]
        return _three(rows, "mean")

    def corrected_change(
        self, key: str, model: str, first: int, last: int
    ) -> tuple[float, float, float] | None:
        """The same of the change between two years, from `zone_changes.csv`."""
        rows = self.changes
        if rows is not None:
            rows = rows[(rows["zone"] == key) & (rows["model"] == model)]
            rows = rows[(rows["first"] == first) & (rows["last"] == last)]
        return _three(rows, "change")

    def for_script(self, years: list[int]) -> list[dict]:
        """Name and courses of the zones of `index`, in its order."""
        return [{"name": self.names.get(key, key), "models": self.series(key, years)} for key in self.mapped]


def read_zones(run: RunFolder, grid: Grid) -> Zones:
    """Zones of a run on the grid of the page."""
    courses, changes = run.table("zones.csv"), run.table("zone_changes.csv")
    names: dict[str, str] = {}
    for table in (courses, changes):
        if table is not None:
            names |= dict(zip(table["zone"], table["name"], strict=True))
    path = run.path / "zones.gpkg"
    if not path.is_file():
        return Zones(names, courses, changes, None, [], [])
    polygons = gpd.read_file(path, layer="zones")
    keys = [str(key) for key in polygons["zone"]]
    if "name" in polygons:
        names = {key: str(name) for key, name in zip(keys, polygons["name"], strict=True)} | names
    shapes = [
        (shape, place)
        for place, shape in enumerate(polygons.geometry, 1)
        if shape is not None and not shape.is_empty
    ]
    affine = rasterio.Affine(*grid.transform)
    index = rasterize(shapes, grid.shape, fill=0, transform=affine, dtype="int32") if shapes else None
    return Zones(names, courses, changes, index, keys, _outlines(polygons, grid))


def _outlines(polygons: gpd.GeoDataFrame, grid: Grid) -> list[list[int]]:
    a, _, c, _, e, f = grid.transform
    width, height = grid.resolution
    simple = polygons.geometry.simplify(_OFF * min(width, height))
    lines = []
    for shape in simple[simple.notna()].boundary.explode(index_parts=False):
        if shape is None or shape.is_empty or shape.geom_type not in ("LineString", "LinearRing"):
            continue
        points = np.asarray(shape.coords)[:, :2]
        places = np.rint((points - (c, f)) / (a, e) * _TENTHS).astype(int)
        lines.append(places.ravel().tolist())
    return lines


def _three(rows: pd.DataFrame | None, name: str) -> tuple[float, float, float] | None:
    columns = [f"{name}_adjusted", f"{name}_low", f"{name}_high"]
    if rows is None or rows.empty or not set(columns) <= set(rows.columns):
        return None
    value, low, high = (float(rows[column].iloc[0]) for column in columns)
    return (value, low, high) if all(map(math.isfinite, (value, low, high))) else None


def _plain(value) -> float | None:
    value = float(value)
    return round(value, 6) if math.isfinite(value) else None
