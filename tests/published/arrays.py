"""NetCDF files of TerraClimate and GIMMS NDVI3g in full size, with values only where they are wanted."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np

from tests.published import world
from tests.published.rasters import Bounds

#: Cells around the bounds that get values.
_MARGIN = 4
_TERRACLIMATE_STEP, _GIMMS_STEP = 1 / 24, 1 / 12

#: dtype, scale, offset, fill, unit and the world's field of each variable. The packing is not confirmed for the real
#: files, which declare theirs; that it differs from variable to variable is what the reader must cope with.
TERRACLIMATE = {
    "tmin": ("i2", 0.01, -99.0, -32768, "degC", lambda *at: world.air_temp_limits(*at)[0]),
    "tmax": ("i2", 0.01, -99.0, -32768, "degC", lambda *at: world.air_temp_limits(*at)[1]),
    "ppt": ("i4", 0.1, 0.0, -2147483648, "mm", world.precipitation),
    "pet": ("i2", 0.1, 0.0, -32768, "mm", world.evapotranspiration),
}


def write_terraclimate(path: Path, bounds: Bounds, variable: str, year: int) -> None:
    """One variable of one year: dimensions time, lat (from the north), lon; months of the year in order."""
    dtype, scale, offset, fill, unit, field = TERRACLIMATE[variable]
    path.parent.mkdir(parents=True, exist_ok=True)
    with netCDF4.Dataset(path, "w") as data:
        lat, lon = _axes(data, _TERRACLIMATE_STEP)
        times = [(np.datetime64(f"{year}-{month:02d}-01") - np.datetime64("1900-01-01")).astype(int)
                 for month in range(1, 13)]  # fmt: skip
        _time(data, times, "days since 1900-01-01 00:00:00", "gregorian")
        crs = data.createVariable("crs", "i2", ())
        crs.grid_mapping_name, crs.semi_major_axis, crs.inverse_flattening = (
            "latitude_longitude",
            6378137.0,
            298.257223563,
        )
        made = _variable(data, variable, dtype, fill)
        made.units, made.grid_mapping = unit, "crs"
        made.scale_factor, made.add_offset = scale, offset
        rows, cols = _part(lat, bounds[1], bounds[3]), _part(lon, bounds[0], bounds[2])
        place = lon[cols][None], lat[rows][:, None]
        made[:, rows, cols] = np.stack([field(*place, year, month) for month in range(1, 13)])


def write_gimms(path: Path, bounds: Bounds, year: int, first: int, version: str = "3g+") -> None:
    """Half a year, two time steps a month: NDVI x 10000 without a declared scale, and the percentile with its flag.

    With `version` ``v1`` as the older files are: time in months of the year (1, 1.5, 2 ...), fill -3000.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    months = range(first, first + 6)
    with netCDF4.Dataset(path, "w") as data:
        lat, lon = _axes(data, _GIMMS_STEP)
        if version == "v1":
            _time(data, [month + half for month in months for half in (0, 0.5)], None, None)
            data.Year = str(year)
            data.RangeSemester = "Jan 1 - Jun 30 (1:0.5:6.5)" if first == 1 else "Jul 1 - Dec 31 (7:0.5:12.5)"
            made = _variable(data, "ndvi", "i2", None)
        else:
            _time(data, *_half_months(year, months))
            made = _variable(data, "ndvi", "i2", -5000)
            made.units, made.valid_range = "1", np.array([-3000, 10000], "i2")
        percentile = _variable(data, "percentile", "i2", None)
        satellites = data.createVariable("satellites", "i2", ("time",))
        satellites[:] = np.full(12, 7, "i2")
        rows, cols = _part(lat, bounds[1], bounds[3]), _part(lon, bounds[0], bounds[2])
        place = lon[cols][None], lat[rows][:, None]
        maps = [world.ndvi(*place, year, month, half) for month in months for half in (1, 2)]
        made[:, rows, cols] = np.round(np.stack(maps) * 1e4).astype("i2")
        percentile[:, rows, cols] = np.full((12, len(lat[rows]), len(lon[cols])), 500, "i2")


def _half_months(year: int, months: range) -> tuple[list[float], str, str]:
    """Middle of each half of each month, as days since 1980."""
    origin = np.datetime64("1980-01-01")
    days = []
    for month in months:
        start = np.datetime64(f"{year}-{month:02d}-01")
        days += [(start - origin).astype(float) + 7.0, (start - origin).astype(float) + 22.0]
    return days, "days since 1980-01-01 00:00:00", "standard"


def _axes(data, step: float) -> tuple[np.ndarray, np.ndarray]:
    lat = 90 - (np.arange(round(180 / step)) + 0.5) * step
    lon = -180 + (np.arange(round(360 / step)) + 0.5) * step
    for name, values, unit in (("lat", lat, "degrees_north"), ("lon", lon, "degrees_east")):
        data.createDimension(name, len(values))
        variable = data.createVariable(name, "f8", (name,), zlib=True)
        variable.units = unit
        variable[:] = values
    return lat, lon


def _time(data, values: list, units: str | None, calendar: str | None) -> None:
    data.createDimension("time", len(values))
    variable = data.createVariable("time", "f8", ("time",))
    if units:
        variable.units, variable.calendar = units, calendar
    variable[:] = values


def _variable(data, name: str, dtype: str, fill):
    return data.createVariable(
        name, dtype, ("time", "lat", "lon"), zlib=True, complevel=4, chunksizes=(12, 60, 60), fill_value=fill
    )


def _part(axis: np.ndarray, low: float, high: float) -> slice:
    """Cells from `low` to `high`, and some around."""
    step = abs(axis[1] - axis[0])
    inside = np.flatnonzero((axis > low - _MARGIN * step) & (axis < high + _MARGIN * step))
    return slice(int(inside[0]), int(inside[-1]) + 1)
