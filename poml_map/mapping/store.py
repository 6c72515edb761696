"""The Zarr store of a run: one array (year, y, x) a model or map of the process model, one chunk a tile."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import dask.array as da
import numpy as np
import rioxarray  # noqa: F401  (gives Datasets `.rio`)
import xarray as xr
import zarr

from poml_map import schema
from poml_map.errors import InputError, Problem
from poml_map.files import sha256_of_file
from poml_map.grid import Grid, Tile
from poml_map.mapping.intervals import P_VALUE
from poml_map.units import STOCK_LABELS, STOCK_UNIT


def create_store(path: Path, grid: Grid, years, layers, tile_size: int, attrs: dict, flat_layers=()) -> None:
    """Write the store with no data in it.

    Parameters
    ----------
    path : Path
        Folder of the store; an earlier one is replaced.
    grid : Grid
    years : sequence of int
    layers : sequence of str
        Names of the arrays: models, and maps of the process model.
    tile_size : int
        Chunk size along y and x; one task writes one chunk, so no two writers ever share one. [pixels]
    attrs : dict
        Attributes of the whole store.
    flat_layers : sequence of str
        Names of the arrays (y, x) that have no years: the change between two of them.
    """
    years = list(years)
    shape = (len(years), *grid.shape)
    # One piece for dask, which would make a task for each chunk, though none is ever computed.
    empty = da.full(shape, np.nan, dtype="float32", chunks=shape)
    annual = {name: (("year", "y", "x"), empty, layer_attributes(name)) for name in layers}
    flat = {name: (("y", "x"), empty[0], layer_attributes(name)) for name in flat_layers}
    template = xr.Dataset(
        annual | flat,
        coords={"year": years, "y": grid.y, "x": grid.x},
        attrs=attrs,
    ).rio.write_crs(grid.crs)
    chunks = (len(years), *(min(tile_size, side) for side in grid.shape))
    for name in (*layers, *flat_layers):
        template[name].encoding["chunks"] = chunks[-template[name].ndim :]
    # Version 2 of the format: read by every xarray and by GDAL, consolidated metadata included.
    template.to_zarr(path, mode="w", compute=False, zarr_format=2, consolidated=True)


def layer_attributes(name: str) -> dict[str, str]:
    """Unit and long name of one array of maps.

    Examples
    --------
    >>> layer_attributes("POML")
    {'units': 'kg C m-2', 'long_name': 'soil organic carbon stock, POML'}
    >>> layer_attributes("CO2")["units"]
    'kg C m-2 year-1'
    """
    for kind, maps in schema.PROCESS_MAPS.items():
        if name in maps:
            unit = STOCK_LABELS[STOCK_UNIT] + (" year-1" if kind == "co2" else "")
            return {"units": unit, "long_name": maps[name]}
    if name in schema.INDEX_MAPS:
        return {"units": "1", "long_name": schema.INDEX_MAPS[name]}
    if text := schema.change_text(name):
        unit = "1" if name == P_VALUE else STOCK_LABELS[STOCK_UNIT]
        return {"units": unit, "long_name": text}
    text = schema.interval_text(name)
    long_name = f"soil organic carbon stock, {f'POML: {text}' if text else name}"
    return {"units": STOCK_LABELS[STOCK_UNIT], "long_name": long_name}


def write_tile(path: Path, tile: Tile, maps: dict[str, np.ndarray]) -> None:
    """Put one tile's maps, each (year, rows, cols) in kg/m2, into the store."""
    arrays = _arrays(path)
    for name, values in maps.items():
        arrays[name][..., tile.rows, tile.cols] = values


def chunk_digests(path: Path, tile: Tile, layers: Iterable[str]) -> dict[str, str | None]:
    """SHA-256 of a tile's chunk of each layer; None where there is no such file, for no pixel has a value.

    Parameters
    ----------
    path : Path
        Folder of the store.
    tile : Tile
        A whole chunk.
    layers : iterable of str
    """
    return {layer: _digest(chunk) for layer, chunk in zip(layers, _chunks(path, tile, layers), strict=True)}


def _chunks(path: Path, tile: Tile, layers: Iterable[str]) -> list[Path]:
    arrays, found = _arrays(path), []
    for layer in layers:
        array = arrays[layer]
        *years, height, width = array.chunks
        place = (*(0 for _ in years), tile.row0 // height, tile.col0 // width)
        found.append(path / layer / array.metadata.encode_chunk_key(place))
    return found


def _digest(chunk: Path) -> str | None:
    try:
        return sha256_of_file(chunk)
    except FileNotFoundError:
        return None


def frame_digest(path: Path, layers: Iterable[str]) -> str:
    """SHA-256 of all files of a store but the chunks of these layers: its shape, coordinates and attributes."""
    digest, layers = hashlib.sha256(), set(layers)
    for file in sorted(path.rglob("*")):
        if file.is_file() and (file.name.startswith(".") or file.parent.name not in layers):
            digest.update(f"{file.relative_to(path).as_posix()} {sha256_of_file(file)}\n".encode())
    return digest.hexdigest()


def read_years(path: Path, layer: str, years: slice) -> np.ndarray:
    """Maps of some years, in memory.

    Parameters
    ----------
    path : Path
    layer : str
    years : slice
        Positions among the years of the store. A chunk holds all years of a tile, so each call unpacks all of them: ask
        for many years at once.

    Returns
    -------
    ndarray of float32, shape (years, y, x)
        In the unit of the store, NaN outside the map.
    """
    array = zarr.open_array(path / layer, mode="r", zarr_format=2)
    count, side = len(range(*years.indices(array.shape[0]))), array.chunks[1]
    maps = np.empty((count, *array.shape[1:]), array.dtype)
    # The chunks of a row at a time: zarr unpacks them all before it copies.
    for row in range(0, array.shape[1], side):
        maps[:, row : row + side] = array[years, row : row + side]
    return maps


def read_flat(path: Path, layer: str) -> np.ndarray:
    """A map without years, shape (y, x) float32, NaN outside the map."""
    return zarr.open_array(path / layer, mode="r", zarr_format=2)[...]


def _arrays(path: Path) -> dict[str, zarr.Array]:
    """The arrays of the store that is being written: to open them takes as long as to write a tile."""
    made = (path / ".zmetadata").stat()
    return _opened(path, (made.st_ino, made.st_mtime_ns))


@lru_cache(maxsize=1)
def _opened(path: Path, made: tuple) -> dict[str, zarr.Array]:
    """`made` tells the store from an earlier one at the same place: a worker of a cluster may have seen both."""
    return dict(zarr.open_group(path, mode="r+", zarr_format=2, use_consolidated=False).arrays())


def open_store(path: Path | str) -> xr.Dataset:
    """The maps of a finished run, lazily.

    Parameters
    ----------
    path : Path or str
        The run's folder, or ``maps.zarr`` in it.

    Returns
    -------
    xarray.Dataset
        ``POML``, ``ML`` and ``PO`` over (year, y, x) in kg/m2, whatever unit the products have, and what else the
        region asked for; NaN outside the map. With its CRS.

    Raises
    ------
    InputError
        If there is no such store.

    Examples
    --------
    >>> open_store("nowhere")
    Traceback (most recent call last):
    ...
    poml_map.errors.InputError: nowhere: found no such folder, expected the folder of a finished run or its
    maps.zarr. ...
    """
    store = Path(path)
    store = store if (store / ".zmetadata").exists() else store / "maps.zarr"
    if not (store / ".zmetadata").exists():
        found = "a folder without maps.zarr" if Path(path).is_dir() else "no such folder"
        expected = "the folder of a finished run or its maps.zarr"
        raise InputError(Problem(str(path), "", found, expected, "Check the path."))
    return xr.open_zarr(store, consolidated=True, decode_coords="all")
