"""Every catalog source on one grid, in one unit, lazily."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from poml_map.catalog import file_problems
from poml_map.config import Region, load_region
from poml_map.cube.area import region_grid
from poml_map.cube.build import Builder
from poml_map.cube.check import check_cube
from poml_map.cube.cube import Cube
from poml_map.cube.frames import year_list
from poml_map.cube.peaks import peak_problems
from poml_map.cube.timeplan import wanted_years
from poml_map.errors import InputError

__all__ = [
    "Cube",
    "check_cube",
    "open_cube",
    "open_layers",
    "peak_problems",
    "region_grid",
    "wanted_years",
    "year_list",
]


def open_layers(region: Region) -> Cube:
    """Open every source of a region; headers and tables only, no pixel.

    Parameters
    ----------
    region : Region

    Returns
    -------
    Cube

    Raises
    ------
    InputError
        With everything that headers and tables show to be wrong, of all sources at once.
    """
    try:
        builder = Builder(region)
    except InputError as error:  # no area: say at least which other files are missing
        files = [file_problems(source, wanted_years(source, region)) for source in region.sources.values()]
        others = [each for problems in files for each in problems if each not in error.problems]
        raise InputError([*error.problems, *others]) from error
    return Cube(region, builder.build())


def open_cube(region: Region | str | Path, chunk: int = 256) -> xr.Dataset:
    """The cube of a region as a lazy Dataset.

    Parameters
    ----------
    region : Region, str or Path
        A region file, or what `load_region` made of it.
    chunk : int
        Pixels along one side of a chunk.

    Returns
    -------
    xarray.Dataset
        ``mask`` (y, x), static (y, x), annual (year, y, x) and monthly (time, y, x) columns, and the months that
        spin the process model up, with units: twelve mean months (month, y, x), or with ``spinup: real_years``
        those of the spin-up years (spinup_time, y, x). Nothing is read before it is asked for; with the CRS. NaN where
        a source has no value.

    Raises
    ------
    InputError
        As `open_layers`; where a value is impossible, when it is read.

    Examples
    --------
    >>> import poml_map
    >>> cube = poml_map.open_cube("demo/region.yaml")
    >>> cube["TMP"].dims, cube["TMP"].units, cube["TMP"].chunks is not None, cube.rio.crs.to_epsg()
    (('year', 'y', 'x'), 'degC', True, 32651)
    """
    region = region if isinstance(region, Region) else load_region(region)
    return open_layers(region).dataset(chunk)
