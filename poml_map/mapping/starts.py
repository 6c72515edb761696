"""What RothC cannot be started from on the map: no carbon, a driver of 0 that every later year is divided by, a class
without a value.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from poml_map.errors import Problem, Problems
from poml_map.mapping.tiles import TileModel
from poml_map.rothc.columns import ByClass
from poml_map.tables import listed


def refuse_impossible_starts(tile: xr.Dataset, model: TileModel) -> None:
    """Refuse pixels of the mask whose first stock or input driver is not above 0, or whose class has no value.

    NaN is a gap and passes.

    Parameters
    ----------
    tile : xarray.Dataset
        From `mapped_pixels`; one that holds the mask alone has nothing to refuse.
    model : TileModel

    Raises
    ------
    InputError
        Naming the column, a pixel, how many there are, and the mend.
    """
    problems = Problems()
    if model.inputs.driver in tile:
        driver = tile[model.inputs.driver]
        first = driver.isel(year=0) if "year" in driver.dims else driver
        expected = f"above 0 in {model.years[0]}: the input of every later year is divided by it"
        mend = "Correct the source, leave these pixels out by the mask, or name another `rothc.input_driver`."
        problems.extend(_not_above_zero(tile, first, expected, mend))
    if model.first_map != "ml" and model.first_map in tile:
        mend = "Declare `nodata: 0` if that means no data, or leave these pixels out by the mask."
        problems.extend(_not_above_zero(tile, tile[model.first_map], "above 0: a soil with carbon", mend))
    ratio = model.inputs.dpm_rpm
    if isinstance(ratio, ByClass) and ratio.column in tile:
        codes = tile[ratio.column]
        expected = f"one of the classes {listed(sorted(map(str, ratio.values)))} of `rothc.dpm_rpm`"
        mend = "Give this class a ratio, or leave these pixels out by the mask."
        problems.extend(_bad_pixels(tile, codes, ratio.unlisted(codes.to_numpy()), expected, mend))
    problems.raise_if_any()


def _not_above_zero(tile: xr.Dataset, values: xr.DataArray, expected: str, mend: str) -> list[Problem]:
    return _bad_pixels(tile, values, values.to_numpy() <= 0, expected, mend)


def _bad_pixels(tile: xr.Dataset, values: xr.DataArray, bad, expected: str, mend: str) -> list[Problem]:
    where = np.flatnonzero(bad)
    if not len(where):
        return []
    row, col = (int(index) for index in np.argwhere(tile["mask"].to_numpy())[where[0]])
    value = values.to_numpy()[where[0]]
    found = f"{len(where)} pixels such as {value:g} {values.attrs.get('units', '')}".strip()
    place = f"x {float(tile['x'][col]):.10g}, y {float(tile['y'][row]):.10g}"
    return [Problem(f"column {values.name}", place, found, expected, mend)]
