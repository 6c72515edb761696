"""The cube as a Dataset of dask arrays: each chunk evaluates its layer when it is asked for."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import dask.array as da
import numpy as np
import rioxarray  # noqa: F401 (makes `.rio` known)
import xarray as xr
from affine import Affine

from poml_map import schema
from poml_map.cube.positions import Points
from poml_map.cube.timeplan import month_starts
from poml_map.grid import Grid, Tile

if TYPE_CHECKING:
    from poml_map.cube.cube import Cube

# Months in one chunk: with 256 x 256 pixels 16 MiB.
_CHUNK_MONTHS = 60


def lazy_dataset(cube: Cube, chunk: int) -> xr.Dataset:
    """Every variable of the cube.

    Parameters
    ----------
    cube : Cube
    chunk : int
        Pixels along one side of a chunk.

    Returns
    -------
    xarray.Dataset
        Nothing is read before a value is asked for. The graph holds no values, only where to find them.
    """
    years = list(cube.region.years)
    data = {"mask": (("y", "x"), _array(cube, "mask", None, chunk))}
    for name, layer in cube.layers.items():
        if layer.time == "static":
            data[name] = (("y", "x"), _array(cube, name, None, chunk))
            continue
        annual = layer.time == "annual"
        dim, labels = ("year", years) if annual else ("time", cube.times)
        data[name] = ((dim, "y", "x"), _array(cube, name, labels, chunk))
        if not annual:
            labels = list(layer.plan.spinup)
            data[schema.spinup_name(name)] = ((cube.spinup_dim, "y", "x"), _array(cube, name, labels, chunk))
    coords = {
        "year": years,
        "time": month_starts(cube.times),
        **cube.spinup_coords,
        "y": cube.grid.y,
        "x": cube.grid.x,
    }
    order = ["mask", *cube.columns]
    return cube.described(xr.Dataset({name: data[name] for name in order}, coords=coords))


def with_crs(data: xr.Dataset, grid: Grid) -> xr.Dataset:
    """The same with its CRS where rioxarray and GDAL look for it; the transform too, if it has x and y."""
    whole = data.sizes.get("x") == grid.width and data.sizes.get("y") == grid.height
    data = data.assign_coords(spatial_ref=xr.Variable((), 0, _spatial_ref(grid, whole)))
    for name in data.data_vars:
        data[name].encoding["grid_mapping"] = "spatial_ref"
    return data


@lru_cache(maxsize=16)
def _spatial_ref(grid: Grid, with_transform: bool) -> dict:
    """Attributes of the CRS variable, written by rioxarray once.

    Not by ``data.rio`` each time: a Dataset and its accessor hold each other, so that the arrays of a tile would
    stay until the garbage collector comes by; measured, a gigabyte after a hundred tiles.
    """
    empty = xr.Dataset().rio.write_crs(grid.crs)
    if with_transform:
        empty = empty.rio.write_transform(Affine(*grid.transform))
    return dict(empty["spatial_ref"].attrs)


def _array(cube: Cube, name: str, labels: list | None, chunk: int) -> da.Array:
    """A dask array of one variable; `labels` are its first axis, None for a static one."""
    space = tuple(_sizes(length, chunk) for length in cube.grid.shape)
    chunks = space if labels is None else (_sizes(len(labels), _CHUNK_MONTHS), *space)
    dtype = bool if name == "mask" else np.dtype("float32")
    meta = np.empty((0,) * len(chunks), dtype)
    return da.map_blocks(_block, chunks=chunks, dtype=dtype, meta=meta, cube=cube, column=name, labels=labels)


def _sizes(length: int, chunk: int) -> tuple[int, ...]:
    return tuple(min(chunk, length - start) for start in range(0, length, chunk))


def _block(cube: Cube, column: str, labels: list | None, block_info=None) -> np.ndarray:
    """One chunk."""
    *time, rows, cols = block_info[None]["array-location"]
    tile = Tile(*rows, *cols)
    points = Points.of_tile(cube.grid, tile)
    if column == "mask":
        return cube.mask_at(points).reshape(tile.shape)
    if labels is None:
        return cube.layers[column].values(points, [None])[0].reshape(tile.shape)
    part = labels[slice(*time[0])]
    return cube.layers[column].values(points, part).reshape(len(part), *tile.shape)
