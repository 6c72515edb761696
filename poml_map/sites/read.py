"""From the sample file to checked samples in the grid's CRS."""

from __future__ import annotations

import pandas as pd

from poml_map.config import Region
from poml_map.errors import Problems
from poml_map.grid import Grid
from poml_map.sites.position import check_any_inside, check_degrees, check_repeats, to_grid
from poml_map.sites.quantities import QUANTITIES, typed_table
from poml_map.sites.samples import Samples
from poml_map.sites.source import open_samples


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
        declared unit, coordinates look swapped, a site has two positions, a position two ids, a site and year
        two values (unless ``duplicates: mean``), or more rows would be dropped than ``max_dropped`` allows.
    """
    settings = region.settings.samples
    problems = Problems()
    raw = open_samples(region, list(QUANTITIES), problems)
    written = typed_table(region, raw, problems)
    check_degrees(settings.file, written, raw.crs, problems)
    problems.raise_if_any()
    table, off_grid = to_grid(written, raw.crs, grid)
    check_any_inside(settings.file, written, off_grid, problems)
    problems.raise_if_any()
    samples = Samples.of(table, settings.file).without(_reasons(region, table, off_grid))
    check_repeats(samples, settings.duplicates, grid.crs, problems)
    samples.check_dropped(settings.max_dropped, problems)
    problems.raise_if_any()
    return samples.merged() if settings.duplicates == "mean" else samples


def _reasons(region: Region, table: pd.DataFrame, off_grid: pd.Series) -> pd.Series:
    """Why a row cannot be used; empty text where it can. Where it lies comes first, then when, then what."""
    first, last = region.settings.years
    reasons = off_grid.copy()
    reasons[(reasons == "") & ~table["year"].between(first, last)] = f"year outside {first}-{last}"
    for name in QUANTITIES:
        if getattr(region.settings.samples.columns, name) is not None:
            reasons[(reasons == "") & table[name].isna()] = f"no value of {name.replace('_', ' ')}"
    return reasons
