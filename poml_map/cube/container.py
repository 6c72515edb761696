"""NetCDF and Zarr behind one small face: dimensions, attributes and plain stored numbers of a variable."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import netCDF4
import numpy as np
import xarray as xr

from poml_map.cube.arraycheck import check_netcdf, check_zarr
from poml_map.cube.chunkcheck import check_netcdf_chunks, check_zarr_chunks

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


def check_container(path: Path, driver: str) -> None:
    """Refuse a file that leads elsewhere, needs unknown code or too much memory; before it is opened at all.

    Parameters
    ----------
    path : Path
    driver : {"netcdf", "zarr"}

    Raises
    ------
    RefusedFileError
    OSError, ValueError, KeyError
        If it is no file of this kind.
    """
    with _NETCDF_LOCK:
        for axis in check_zarr(path) if driver == "zarr" else check_netcdf(path):
            check_chunks(path, driver, axis, None, set())


def check_chunks(path: Path, driver: str, variable: str, index: tuple | None, checked: set) -> None:
    """Refuse compressed chunks under a window that would decode to too much; see `check_netcdf_chunks`."""
    if driver == "zarr":
        check_zarr_chunks(path, variable, index, checked)
        return
    with _NETCDF_LOCK:
        check_netcdf_chunks(path, variable, index, checked)


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
