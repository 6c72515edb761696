"""Annual maps of a cube as a Dataset: of fitted forests, or of all the models of a run, without a run folder."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from poml_map.errors import InputError, Problem
from poml_map.grid import Grid, Tile
from poml_map.mapping.any_forest import map_forest
from poml_map.mapping.engine import TILE_SIZE
from poml_map.mapping.pixels import mapped_pixels
from poml_map.mapping.starts import refuse_impossible_starts
from poml_map.mapping.store import layer_attributes
from poml_map.mapping.threads import in_threads
from poml_map.mapping.tiles import TileModel, map_tile

#: Name of the map of a forest that was given without a name.
STOCK = "stock"

# What a cube says of itself, and its maps after it.
_ABOUT = ("title", "synthetic", "stand_ins")


def map_years(
    cube: xr.Dataset, model, *, tile_size: int = TILE_SIZE, workers: int | None = None
) -> xr.Dataset:
    """Annual maps of a cube.

    Parameters
    ----------
    cube : xarray.Dataset
        From `poml_map.open_cube`: covariates over (y, x) and (year, y, x); ``mask`` (y, x) says what is mapped, default
        all.
    model : PomlRegressor, any forest that `map_forest` takes, dict of str -> forest, or TileModel
        Fitted on a table with the names of the covariates. Several forests by name give several maps. A `TileModel` is
        what a run maps with: both its forests and RothC.
    tile_size : int
        Pixels along one side of what is computed at once. No value depends on it. [pixels]
    workers : int, optional
        Threads, for data in memory; see `poml_map.mapping.threads.threads_to_start`.

    Returns
    -------
    xarray.Dataset
        Of a forest ``stock`` over (year, y, x), of several forests their names, float32 with units, the CRS of the
        cube and its title. Lazy where the cube is: `.compute()` it, write it with `.to_zarr`, or `animate` it. Of a
        `TileModel` its layers, in memory. NaN outside the mask and where a covariate is missing.

    Raises
    ------
    InputError
        If covariates are missing or in another order than the forest learned them, or as `map_forest`; with a
        `TileModel` if RothC cannot be started on a pixel.

    Examples
    --------
    >>> import pandas as pd
    >>> from poml_map.hybrid import PomlRegressor
    >>> rows = pd.DataFrame({"CLAY": [10.0, 20.0, 30.0], "TMP": [15.0, 16.0, 17.0]})
    >>> model = PomlRegressor(n_trees=20).fit(rows, [3.0, 3.5, 4.0])
    >>> cube = xr.Dataset(
    ...     {"CLAY": (("y", "x"), [[10.0, 30.0]]), "TMP": (("year", "y", "x"), [[[15.0, np.nan]], [[16.0, 17.0]]])},
    ...     coords={"year": [1980, 1981]},
    ... )
    >>> maps = map_years(cube, model)
    >>> maps["stock"].dims, maps["stock"].units, maps["stock"].isnull().sum().item()
    (('year', 'y', 'x'), 'kg C m-2', 1)
    """
    if isinstance(model, TileModel):
        return _of_tile_model(cube, model, tile_size, workers)
    if not isinstance(cube, xr.Dataset):
        mend = "Take the Dataset that `open_cube` returns."
        raise InputError(Problem("cube", "", f"a {type(cube).__name__}", "an xarray.Dataset", mend))
    forests = model if isinstance(model, Mapping) else {STOCK: model}
    options = {"mask": cube.get("mask"), "tile_size": tile_size, "workers": workers}
    maps = {name: _every_year(map_forest(forest, cube, **options), cube) for name, forest in forests.items()}
    result = xr.Dataset(maps)
    for name in maps:
        result[name].attrs = layer_attributes(name)
    result.attrs = {name: cube.attrs[name] for name in _ABOUT if name in cube.attrs}
    return result


def _every_year(found: xr.Dataset, cube: xr.Dataset) -> xr.DataArray:
    """A map of static covariates alone stands for every year."""
    mean = found["mean"]
    if "year" in mean.dims or "year" not in cube.coords:
        return mean
    return mean.expand_dims(year=cube["year"])


def _of_tile_model(cube: xr.Dataset, model: TileModel, tile_size: int, workers: int | None) -> xr.Dataset:
    rows, cols = cube.sizes["y"], cube.sizes["x"]
    shapes = model.shapes(rows, cols)
    maps = {name: np.full(shape, np.nan, "float32") for name, shape in shapes.items()}

    def task(tile: Tile) -> None:
        part = cube[model.variables].isel(y=tile.rows, x=tile.cols).load(scheduler="synchronous")
        part = mapped_pixels(part)
        refuse_impossible_starts(part, model)
        for name, values in map_tile(part, model).maps.items():
            maps[name][..., tile.rows, tile.cols] = values

    in_threads(task, Grid("", (1, 0, 0, 0, -1, 0), cols, rows).tiles(tile_size), workers)
    coords = {name: values for name, values in cube.coords.items() if values.dims in ((), ("y",), ("x",))}
    dims = ("year", "y", "x")
    data = {name: (dims[-values.ndim :], values, layer_attributes(name)) for name, values in maps.items()}
    return xr.Dataset(data, coords={"year": list(model.years), "y": cube["y"], "x": cube["x"], **coords})
