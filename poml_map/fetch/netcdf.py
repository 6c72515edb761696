"""The cut of a NetCDF file: same names, dimensions, packing and numbers, fewer cells."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import netCDF4
import numpy as np

from poml_map.catalog import Source, uri_fields
from poml_map.fetch.address import shown_address
from poml_map.fetch.failures import DamagedError, RefusedError
from poml_map.fetch.hdf import HdfFile
from poml_map.fetch.place import Place, Window

# The NetCDF library is not made for threads; numbers are brought outside of this lock.
_ONE_AT_A_TIME = threading.Lock()
_PACKED = {"zlib": True, "complevel": 4, "shuffle": True}


@dataclass(frozen=True)
class Cut:
    """Which cells of which dimensions are kept.

    Attributes
    ----------
    variables : tuple of str
    x, y : str
        Names of these dimensions.
    window : Window
    """

    variables: tuple[str, ...]
    x: str
    y: str
    window: Window

    def index(self, dim: str, length: int) -> list[slice]:
        """Parts of a dimension, in their new order."""
        if dim == self.y:
            return [self.window.tile.rows]
        return self.window.columns() if dim == self.x else [slice(0, length)]


def plan_cut(source: Source, data: HdfFile, variable: str, place: Place) -> Cut:
    """The cut of one file of an entry.

    Raises
    ------
    InputError
        If the file has no such variable or axes (by the same words as when it is read).
    RefusedError
        If it lies beside the region.
    FetchError
    """
    entry = source.entry
    several = entry.variables and "variable" not in uri_fields(entry.uri)
    names = tuple(entry.variables) if several else (variable or entry.variable or "",)
    shown = shown_address(data.file.address)
    headers = [place.header(source, data, name, shown) for name in names]
    first = headers[0]
    window = place.array_window(source, first.grid)
    if window is None:
        found = f"{first.grid.describe()}, none of it under the region"
        raise RefusedError(found, "a file that covers the region", "Check `area:` and the entry.", shown)
    dims = data.dims(names[0])
    return Cut(names, dims[first.roles.index("x")], dims[first.roles.index("y")], window)


def ranges_of(data: HdfFile, cut: Cut) -> list[tuple[int, int]]:
    """Offset and length of all that the cut takes from the file. [byte]"""
    found = []
    for name in cut.variables:
        for index in _indexes(data, cut, name):
            found += data.ranges(name, index)
    return found


def _indexes(data: HdfFile, cut: Cut, name: str) -> list[tuple]:
    """Parts of a variable, from left to right: two where the window goes over the edge of the globe."""
    dims, shape = data.dims(name), data.shape(name)
    parts = [cut.index(dim, length) for dim, length in zip(dims, shape, strict=True)]
    several = max((len(each) for each in parts), default=1)
    return [tuple(each[number if len(each) > 1 else 0] for each in parts) for number in range(several)]


def write_cut(path: Path, data: HdfFile, cut: Cut) -> None:
    """Write the cut, and read it back.

    Parameters
    ----------
    path : Path
    data : HdfFile
    cut : Cut

    Raises
    ------
    DamagedError
        If other numbers are read back than were written.
    FetchError
    """
    data.file.need(ranges_of(data, cut))
    names = _with_companions(data, cut)
    numbers = {name: _numbers(data, cut, name) for name in names}
    attrs = {name: data.attrs(name) for name in names}
    told = data.global_attrs() | {"cut_from": shown_address(data.file.address)}
    dims = {name: data.dims(name) for name in names}
    with _ONE_AT_A_TIME:
        _write(path, numbers, dims, attrs, told)
        _check(path, numbers)


def _write(path: Path, numbers: dict, dims: dict, attrs: dict, told: dict) -> None:
    with netCDF4.Dataset(path, "w") as out:
        out.set_auto_maskandscale(False)
        for name, values in numbers.items():
            for dim, length in zip(dims[name], values.shape, strict=True):
                if dim not in out.dimensions:
                    out.createDimension(dim, length)
        for name, values in numbers.items():
            _write_variable(out, name, dims[name], values, dict(attrs[name]))
        _set_attrs(out, told)


def _check(path: Path, numbers: dict) -> None:
    with netCDF4.Dataset(path) as back:
        back.set_auto_maskandscale(False)
        for name, expected in numbers.items():
            found = np.asarray(back[name][...])
            if found.dtype != expected.dtype or found.tobytes() != expected.tobytes():
                raise DamagedError(
                    f"other numbers of {name} than were written", "the same", "Check the disk."
                )


def _with_companions(data: HdfFile, cut: Cut) -> list[str]:
    """The variables with their coordinates, the bounds of these, and grid mappings."""
    found = list(cut.variables)
    for name in found:  # it grows on the way
        attrs = data.attrs(name)
        more = [
            *data.dims(name),
            *(str(attrs.get(key, "")) for key in ("grid_mapping", "bounds", "climatology")),
        ]
        for other in more:
            usable = other in data.names and not data.is_bare(other) and _is_plain(data.dtype(other))
            if usable and other not in found:
                found.append(other)
    return found


def _is_plain(dtype: np.dtype) -> bool:
    return dtype.kind in "iuf" or dtype == np.dtype("S1")


def _numbers(data: HdfFile, cut: Cut, name: str) -> np.ndarray:
    dims = data.dims(name)
    parts = [data.read(name, index) for index in _indexes(data, cut, name)] if dims else [data.read(name)]
    if len(parts) == 1:
        return np.array(parts[0], order="C")  # a scalar stays one
    if dims == (cut.x,):  # over the edge of the globe longitudes go on, they do not jump back
        parts = _going_on(parts)
    return np.ascontiguousarray(np.concatenate(parts, axis=dims.index(cut.x)))


def _going_on(parts: list[np.ndarray]) -> list[np.ndarray]:
    found = [parts[0]]
    for part in parts[1:]:
        turn = 360 * round((float(found[-1][-1]) - float(part[0])) / 360)
        found.append(
            (part + np.asarray(turn, part.dtype)).astype(part.dtype) if part.dtype.kind == "f" else part
        )
    return found


def _write_variable(out: netCDF4.Dataset, name: str, dims: tuple, numbers: np.ndarray, attrs: dict) -> None:
    dtype = numbers.dtype
    fill = attrs.pop("_FillValue", None)
    endian = {">": "big", "<": "little"}.get(dtype.byteorder, "native")
    packed = _PACKED if numbers.ndim else {}
    variable = out.createVariable(
        name, dtype, dims, fill_value=False if fill is None else np.asarray(fill, dtype)[()],
        endian=endian, **packed,
    )  # fmt: skip
    variable.set_auto_maskandscale(False)
    _set_attrs(variable, attrs)
    variable[...] = numbers


def _set_attrs(target, attrs: dict) -> None:
    for key, value in attrs.items():
        if isinstance(value, list):
            target.setncattr_string(key, value)
        else:
            target.setncattr(key, value)
