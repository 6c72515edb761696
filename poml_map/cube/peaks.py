"""Numbers that are all too small: precipitation in metres lies within the range of millimetres."""

from __future__ import annotations

import xarray as xr

from poml_map import schema
from poml_map.catalog import Source
from poml_map.config import Region
from poml_map.cube.ranges import likely_unit
from poml_map.errors import Problem
from poml_map.units import conversion


def peak_problems(region: Region, points: xr.Dataset) -> list[Problem]:
    """Sources whose largest value, over all sites and months, is smaller than that of any region.

    A source that declares a `valid_range` is believed.

    Parameters
    ----------
    region : Region
    points : xarray.Dataset
        The cube at the sites, in the cube's units.

    Returns
    -------
    list of Problem
        In the order of the sources; empty where all is well.
    """
    found = []
    for source in region.sources.values():
        column = schema.COLUMNS.get(source.entry.cube_column or "")
        if column is None or column.name not in points or source.entry.valid_range:
            continue
        largest = float(points[column.name].max())
        if largest < column.peak:  # NaN where no site has a value, which was said elsewhere
            found.append(_problem(source, column, largest))
    return found


def _problem(source: Source, column: schema.Column, largest: float) -> Problem:
    unit = "" if column.unit == "1" else f" {column.unit}"
    found = f"no value above {largest:.3g}{unit} at any site" + (
        " in any month" if column.time == "monthly" else ""
    )
    expected = f"{column.long_name} of {column.peak:g}{unit} or more somewhere"
    return source.problem(found, expected, _mend(source, column, largest), f"column {column.name}")


def _mend(source: Source, column: schema.Column, largest: float) -> str:
    factor, offset = conversion(source.entry.unit or column.unit, column.unit)
    unit = likely_unit(source.entry, (largest - offset) / factor, column.peak, column.high)
    likely = (
        f"Declare `unit: {unit}` if that is the unit of the file" if unit else "Check `unit:` and `scale:`"
    )
    return f"{likely}; if the numbers are real, state their `valid_range:`."
