"""Where the samples lie: swapped coordinates, points off the grid, one id at two places, two ids at one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyproj
from scipy.spatial import cKDTree

from poml_map.errors import Problems
from poml_map.grid import Grid
from poml_map.sites.samples import Samples
from poml_map.tables import listed

# Two positions that differ by less are the same place written twice. [m]
_SAME_PLACE = 1.0
_EARTH_RADIUS = 6_371_000.0  # [m], good enough to tell 1 m from 10 m


def check_degrees(shown: str, table: pd.DataFrame, crs: pyproj.CRS, problems: Problems) -> None:
    """Note a problem if coordinates of a geographic CRS are no degrees.

    Parameters
    ----------
    shown : str
    table : pandas.DataFrame
        With ``x`` and ``y`` in `crs`.
    crs : pyproj.CRS
    problems : Problems
    """
    if not crs.is_geographic:
        return
    wrong = table[(table["y"].abs() > 90) | (table["x"].abs() > 360)]
    if wrong.empty:
        return
    first = wrong.iloc[0]
    rows = f"{len(wrong)} row{'s'[: len(wrong) > 1]} such as {table.index.name} {wrong.index[0]}"
    found = f"x {first['x']:g} and y {first['y']:g} of site {first['site']} ({rows})"
    swapped = bool(((wrong["x"].abs() <= 90) & (wrong["y"].abs() <= 360)).all())
    mend = "These look projected: state their `samples.crs`."
    if swapped:
        mend = "x and y look swapped: exchange them in `samples.columns` (x is longitude), or in these rows."
    problems.add(shown, "coordinates", found, "longitude -180 to 180 and latitude -90 to 90 degrees", mend)


def to_grid(table: pd.DataFrame, crs: pyproj.CRS, grid: Grid) -> tuple[pd.DataFrame, pd.Series]:
    """The table with positions in the grid's CRS, and why rows are off the grid (empty text if they are not).

    A row that would lie on the grid if its x and y changed places says so.
    """
    transformer = pyproj.Transformer.from_crs(crs, grid.crs, always_xy=True)
    x, y = table["x"].to_numpy(), table["y"].to_numpy()
    _, _, inside = grid.index(*transformer.transform(x, y))
    _, _, exchanged = grid.index(*transformer.transform(y, x))
    nowhere = np.isnan(x) | np.isnan(y)
    reasons = np.select(
        [nowhere, inside, exchanged], ["no coordinates", "", _SWAPPED], "outside the grid"
    ).astype(object)
    moved = table.copy()
    moved["x"], moved["y"] = transformer.transform(x, y)
    return moved, pd.Series(reasons, index=table.index)


_SWAPPED = "outside the grid, but inside with x and y exchanged"


def check_any_inside(shown: str, table: pd.DataFrame, reasons: pd.Series, problems: Problems) -> None:
    """Note a problem if no sample lies on the grid; `table` has the coordinates of the file."""
    if not (reasons.str.startswith("outside").all() and len(table)):
        return
    found = f"all {len(table)} samples outside the grid (the first at x {table['x'].iloc[0]:g}, "
    found += f"y {table['y'].iloc[0]:g})"
    mend = "Check `samples.crs`, the order of x and y, and the area."
    if (reasons == _SWAPPED).any():
        mend = "x and y look swapped: exchange them in `samples.columns`."
    problems.add(shown, "coordinates", found, "samples inside the area", mend)


def check_repeats(samples: Samples, duplicates: str, grid_crs: str, problems: Problems) -> None:
    """Note sites at two positions, positions with two ids, and, unless `duplicates` is "mean", two values a year.

    Parameters
    ----------
    samples : Samples
        Positions in `grid_crs`, all finite.
    duplicates : {"refuse", "mean"}
    grid_crs : str
    problems : Problems
    """
    table, shown = samples.table, samples.file
    places = _metres(table, pyproj.CRS.from_user_input(grid_crs))
    by_site = places.groupby(table["site"], sort=False)
    width = by_site.max() - by_site.min()
    apart = np.hypot(width["x"], width["y"])
    moved = apart[apart > _SAME_PLACE]
    if len(moved):
        sites = listed(f"{site} ({distance:.0f} m apart)" for site, distance in moved.items())
        mend = "Write the same coordinates in all rows of a place, or give each place its own id."
        problems.add(shown, "coordinates", f"several positions of {sites}", "one position a site", mend)
    pairs = _neighbours(by_site.first())
    if pairs:
        mend = (
            "Give all samples of a place one id, in every year: folds are drawn over ids, so that a place under two "
            "ids would be tested with what it was trained on."
        )
        problems.add(shown, "coordinates", f"one position under two ids: {listed(pairs)}", "one id", mend)
    repeats = table[table.duplicated(["site", "year"], keep=False)]
    if len(repeats) and duplicates == "refuse":
        groups = repeats.groupby(["site", "year"], sort=False).indices.items()
        rows = table.index.name
        found = listed(
            f"{site} in {year} ({rows}s {listed(repeats.index[at])})" for (site, year), at in groups
        )
        mend = "Remove them; make layers of depth one row; for repeats of one depth set `samples.duplicates: mean`."
        problems.add(shown, "", f"several values of {found}", "one value a site and year", mend)


def _metres(table: pd.DataFrame, crs: pyproj.CRS) -> pd.DataFrame:
    """Positions in metres, good enough for distances of a few metres."""
    to_base = crs.axis_info[0].unit_conversion_factor  # metres, or radians
    x, y = table["x"] * to_base, table["y"] * to_base
    if crs.is_geographic:
        # One latitude for the rows of a site, or two of them would seem apart in x too.
        lowest = y.groupby(table["site"]).transform("first")
        x, y = x * np.cos(lowest) * _EARTH_RADIUS, y * _EARTH_RADIUS
    return pd.DataFrame({"x": x, "y": y})


def _neighbours(first: pd.DataFrame) -> list[str]:
    """Pairs of ids whose positions are the same place."""
    if len(first) < 2:
        return []
    distance, nearest = cKDTree(first.to_numpy()).query(first.to_numpy(), k=2)
    own = np.arange(len(first))
    # At the very same position either of the two comes first.
    other = np.where(nearest[:, 0] == own, nearest[:, 1], nearest[:, 0])
    close = own[distance[:, 1] <= _SAME_PLACE]
    pairs = dict.fromkeys((min(i, other[i]), max(i, other[i])) for i in close)
    return [f"{first.index[a]} and {first.index[b]}" for a, b in pairs]
