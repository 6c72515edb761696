"""What a NetCDF or Zarr file says about a variable before a value is read: axes, CRS, months, packing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyproj

from poml_map.catalog import Entry, Source
from poml_map.cube.frames import STATIC, Frame
from poml_map.cube.ownunit import unit_problem
from poml_map.cube.positions import SourceGrid, source_grid
from poml_map.cube.timeaxis import labels
from poml_map.errors import InputError
from poml_map.limits import MOST_CELLS, MOST_STEPS

_X_NAMES = ("lon", "longitude", "x", "easting", "rlon")
_Y_NAMES = ("lat", "latitude", "y", "northing", "rlat")
_TIME_NAMES = ("time", "t", "valid_time")
# An axis that strays further from even steps than this share of a step would put cells in the wrong place.
_EVEN = 0.01


@dataclass(frozen=True)
class Header:
    """One file's answer.

    Attributes
    ----------
    grid : SourceGrid
    roles : tuple of {"time", "y", "x", "one"}
        What each dimension is; "one" is a dimension of length 1 that says nothing.
    frames : tuple of Frame
        Label of each time step.
    packing : tuple of 2 float
        Scale and offset.
    """

    grid: SourceGrid
    roles: tuple[str, ...]
    frames: tuple[Frame, ...]
    packing: tuple[float, float]


def packing(attrs: dict, entry: Entry) -> tuple[float, float]:
    """Scale and offset: as the entry says, else as the file says.

    Examples
    --------
    >>> packing({"scale_factor": 0.1}, Entry(driver="netcdf", role="precipitation"))
    (0.1, 0.0)
    """
    scale = attrs.get("scale_factor", 1.0) if entry.scale is None else entry.scale
    offset = attrs.get("add_offset", 0.0) if entry.offset is None else entry.offset
    return float(np.asarray(scale).item()), float(np.asarray(offset).item())


class HeaderReader:
    """Reads the header of one open file.

    Parameters
    ----------
    source : Source
    data : NetcdfVariables or ZarrVariables
    variable : str
    shown : str
        The file as the user would write it.
    year : int, optional
        That the file's name tells, for time axes that do not.
    """

    def __init__(self, source: Source, data, variable: str, shown: str, year: int | None = None):
        self.source, self.data, self.variable, self.shown = source, data, variable, shown
        self.year = year

    def _refuse(self, found: str, expected: str, mend: str = "", where: str = "") -> InputError:
        return InputError(self.source.problem(found, expected, mend, where, self.shown))

    def header(self, near: float) -> Header:
        """The header; `near` is the longitude of the mapped area.

        Raises
        ------
        InputError
            If the variable or an axis is missing, an axis is uneven, no CRS is known, or the variable has another unit
            than the entry.
        """
        if self.variable not in self.data.names:
            known = ", ".join(name for name in self.data.names if len(self.data.dims(name)) > 1)
            raise self._refuse(f"no variable '{self.variable}'", f"one of {known}", "Set `variable:`.")
        self._check_unit()
        roles = tuple(self._role(dim) for dim in self.data.dims(self.variable))
        for role in ("y", "x"):
            if roles.count(role) != 1:
                dims = ", ".join(self.data.dims(self.variable))
                raise self._refuse(f"dimensions {dims}", f"one {role} axis", "", f"variable {self.variable}")
        names = dict(zip(roles, self.data.dims(self.variable), strict=True))
        crs, metres = self._crs(names["x"], names["y"])
        x, y = self._axis(names["x"]) * metres, self._axis(names["y"]) * metres
        if pyproj.CRS.from_user_input(crs).is_geographic:
            x = np.unwrap(x, period=360.0)  # 350, 355, 0, 5 is even
        (dx, x0), (dy, y0) = self._steps(names["x"], x), self._steps(names["y"], y)
        grid = source_grid(crs, (dx, 0.0, x0 - dx / 2, 0.0, dy, y0 - dy / 2), len(x), len(y), near)
        return Header(grid, roles, self._frames(names.get("time")), self._packing())

    def _check_unit(self) -> None:
        said = str(self.data.attrs(self.variable).get("units", ""))
        problem = unit_problem(self.source, said, f"variable {self.variable}", self.shown)
        if problem:
            raise InputError(problem)

    def _packing(self) -> tuple[float, float]:
        return packing(self.data.attrs(self.variable), self.source.entry)

    def _role(self, dim: str) -> str:
        attrs = self.data.attrs(dim) if dim in self.data.names else {}
        standard, axis, units = (
            str(attrs.get(key, "")).lower() for key in ("standard_name", "axis", "units")
        )
        if "longitude" in standard or "x_coordinate" in standard or axis == "x" or dim.lower() in _X_NAMES:
            return "x"
        if "latitude" in standard or "y_coordinate" in standard or axis == "y" or dim.lower() in _Y_NAMES:
            return "y"
        if standard == "time" or axis == "t" or " since " in units or dim.lower() in _TIME_NAMES:
            return "time"
        size = self.data.shape(self.variable)[self.data.dims(self.variable).index(dim)]
        if size != 1:
            expected = "time, y and x only"
            raise self._refuse(
                f"dimension '{dim}' of {size}", expected, "Cut it out first.", f"variable {self.variable}"
            )
        return "one"

    def _axis(self, dim: str) -> np.ndarray:
        if dim not in self.data.names:
            raise self._refuse(f"no coordinate '{dim}'", "the cell centres of every axis", "", f"axis {dim}")
        self._refuse_long(dim, MOST_CELLS)
        values = self.data.read(dim).astype(float)
        if len(values) < 2:
            raise self._refuse(f"{len(values)} cells", "at least 2, to know their size", "", f"axis {dim}")
        return values

    def _refuse_long(self, dim: str, most: int) -> None:
        length = math.prod(self.data.shape(dim))
        if length > most:
            raise self._refuse(f"{length} values", f"at most {most}", "Cut the file.", f"axis {dim}")

    def _steps(self, dim: str, values: np.ndarray) -> tuple[float, float]:
        step = (values[-1] - values[0]) / (len(values) - 1)
        strays = np.abs(values - (values[0] + step * np.arange(len(values))))
        worst = int(np.argmax(np.where(np.isfinite(strays), strays, np.inf)))
        if not strays[worst] <= _EVEN * abs(step):
            found = f"uneven steps (at {values[worst]:g}, cell {worst + 1})"
            mend = "Bring it to a regular grid; longitudes must follow each other."
            raise self._refuse(found, f"steps of {step:g} everywhere", mend, f"axis {dim}")
        return float(step), float(values[0])

    def _crs(self, x: str, y: str) -> tuple[str, float]:
        """The CRS, and metres per unit of the axes."""
        units = str(self.data.attrs(x).get("units", "")).lower() if x in self.data.names else ""
        metres = 1000.0 if units in ("km", "kilometer", "kilometre", "kilometers", "kilometres") else 1.0
        declared = self.source.entry.crs or self._grid_mapping()
        if declared:
            return declared, metres
        if self._degrees(x, "east", "longitude") and self._degrees(y, "north", "latitude"):
            return "EPSG:4326", 1.0
        mend = 'Add `crs: "EPSG:..."` to the entry: it is never guessed.'
        expected = "a CRS: in the entry, a grid mapping, or units degrees_north and degrees_east"
        raise self._refuse("no CRS", expected, mend)

    def _degrees(self, dim: str, direction: str, name: str) -> bool:
        attrs = self.data.attrs(dim) if dim in self.data.names else {}
        units = str(attrs.get("units", "")).lower().replace("_", "").replace("degrees", "degree")
        return units.startswith(f"degree{direction[0]}") or attrs.get("standard_name") == name

    def _grid_mapping(self) -> str:
        name = str(self.data.attrs(self.variable).get("grid_mapping", ""))
        if name not in self.data.names:
            return ""
        attrs = {key: value for key, value in self.data.attrs(name).items() if key != "_FillValue"}
        if "spatial_ref" in attrs:
            attrs.setdefault("crs_wkt", attrs.pop("spatial_ref"))
        try:
            return pyproj.CRS.from_cf(attrs).to_wkt()
        except (pyproj.exceptions.CRSError, KeyError, ValueError):
            return ""

    def _frames(self, time: str | None) -> tuple[Frame, ...]:
        entry = self.source.entry
        length = self.data.shape(self.variable)[self.data.dims(self.variable).index(time)] if time else 1
        if entry.steps_in_time == "static":
            if length != 1:
                mend = "Declare `time: monthly` or `time: annual`, or cut one step out."
                raise self._refuse(
                    f"{length} time steps", "1 of a static layer", mend, f"variable {self.variable}"
                )
            return (STATIC,)
        if time is None or time not in self.data.names:
            raise self._refuse(
                "no time coordinate", "the date of every step", "", f"variable {self.variable}"
            )
        self._refuse_long(time, MOST_STEPS)
        attrs = self.data.attrs(time)
        units, calendar = str(attrs.get("units", "")), str(attrs.get("calendar", ""))
        try:
            values, monthly = self.data.read(time).astype(float), entry.steps_in_time == "monthly"
            found = labels(values, units, calendar, monthly, self.year)
        except ValueError as error:
            mend = "Write the time axis as CF says, such as `days since 1900-01-01`."
            raise self._refuse(str(error), "dates", mend, f"coordinate {time}") from error
        return tuple(found)
