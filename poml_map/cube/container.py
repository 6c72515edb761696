"""NetCDF and Zarr behind one small face: dimensions, attributes and plain stored numbers of a variable."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import netCDF4
import numpy as np
import xarray as xr

# HDF5 is not thread-safe: one thread of the process is inside the library at any time.
_NETCDF_LOCK = threading.RLock()


class NetcdfVariables:
    """Variables of an open NetCDF file, as stored: no masking, no scaling."""

    def __init__(self, data: netCDF4.Dataset):
        self._data = data
        data.set_auto_maskandscale(False)

    @property
    def names(self) -> list[str]:
        """All variables."""
        return list(self._data.variables)

    def dims(self, name: str) -> tuple[str, ...]:
        """Names of the dimensions."""
        return self._data.variables[name].dimensions

    def shape(self, name: str) -> tuple[int, ...]:
        """Length of each dimension."""
        return self._data.variables[name].shape

    def attrs(self, name: str) -> dict:
        """Attributes of a variable; `_FillValue` also where the library's default counts."""
        variable = self._data.variables[name]
        attrs = {key: variable.getncattr(key) for key in variable.ncattrs()}
        kind = variable.dtype.str[1:] if isinstance(variable.dtype, np.dtype) else ""
        if kind in netCDF4.default_fillvals and kind[1:] != "1":  # one byte has no default
            attrs.setdefault("_FillValue", netCDF4.default_fillvals[kind])
        return attrs

    def read(self, name: str, index: tuple = ()) -> np.ndarray:
        """Stored numbers of a part, or of all."""
        return np.asarray(self._data.variables[name][index or ...])


class ZarrVariables:
    """The same for a Zarr group."""

    def __init__(self, data: xr.Dataset):
        self._data = data

    @property
    def names(self) -> list[str]:
        """All variables."""
        return list(self._data.variables)

    def dims(self, name: str) -> tuple[str, ...]:
        """Names of the dimensions."""
        return tuple(map(str, self._data.variables[name].dims))

    def shape(self, name: str) -> tuple[int, ...]:
        """Length of each dimension."""
        return self._data.variables[name].shape

    def attrs(self, name: str) -> dict:
        """Attributes of a variable."""
        return dict(self._data.variables[name].attrs)

    def read(self, name: str, index: tuple = ()) -> np.ndarray:
        """Stored numbers of a part, or of all."""
        return np.asarray(self._data.variables[name][index or ...].values)


#: What opening or reading a damaged file raises.
FAILURES = (OSError, RuntimeError, KeyError, ValueError, IndexError)


@contextmanager
def open_container(path: Path, driver: str) -> Iterator[NetcdfVariables | ZarrVariables]:
    """Open a file for one short read.

    Parameters
    ----------
    path : Path
    driver : {"netcdf", "zarr"}
    """
    if driver == "zarr":
        with xr.open_zarr(path, chunks=None, decode_cf=False, consolidated=False) as data:
            yield ZarrVariables(data)
        return
    with _NETCDF_LOCK, netCDF4.Dataset(path) as data:
        yield NetcdfVariables(data)
