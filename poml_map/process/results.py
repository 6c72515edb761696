"""What a user gets back: units and names on every variable, coordinates as they were."""

from __future__ import annotations

import xarray as xr

from poml_map.process.quantities import QUANTITIES

#: Types of number that results come in.
DTYPES = ("float64", "float32")


def finished(result: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
    """A result with attributes.

    Parameters
    ----------
    result : xarray.Dataset
        Variables named as in `QUANTITIES`.
    data : xarray.Dataset
        What it was computed from: its coordinates keep their attributes, such as those of a CRS.
    """
    for name in result.data_vars:
        quantity = QUANTITIES[str(name)]
        result[name].attrs = {"units": quantity.unit, "long_name": quantity.long_name}
    for name in result.coords:
        if name in data.coords:
            result[name].attrs = dict(data[name].attrs)
    return result
