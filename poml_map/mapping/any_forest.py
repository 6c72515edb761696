"""Any fitted forest over any stack of rasters: the engine of the annual maps, as a function of its own."""

from __future__ import annotations

from collections.abc import Sequence

import dask
import dask.array as da
import numpy as np
import xarray as xr
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from poml_map.errors import InputError, Problem
from poml_map.grid import Tile
from poml_map.hybrid import SavedForest
from poml_map.hybrid.arrays import differences
from poml_map.mapping.forests import ForestMapper, forest_mapper
from poml_map.mapping.stack import as_dataset, covariates_of, mask_of
from poml_map.mapping.windows import Windows
from poml_map.units import STOCK_LABELS

#: Pixels along one side of a window.
WINDOW = 256

_LONG_NAMES = {
    "mean": "mean of the trees",
    "tree_sd": "standard deviation of the values of the trees, no interval of prediction",
}
_MAP = "map"


def map_forest(
    forest,
    data,
    covariates: Sequence[str] | None = None,
    *,
    tree_sd: bool = False,
    quantiles: Sequence[float] = (),
    mask=None,
    tile_size: int = WINDOW,
    workers: int | None = None,
    engine: str = "auto",
) -> xr.Dataset:
    """Map a fitted forest: its mean, and how far its trees are apart.

    Parameters
    ----------
    forest : PomlForest, SavedForest, RandomForestRegressor, ExtraTreesRegressor, DecisionTreeRegressor
        Fitted. Other regressors of scikit-learn with one output are mapped by their own `predict`.
    data : xarray.Dataset, xarray.DataArray, sequence of path, or dict of str -> path
        Covariates on (y, x), some of them also along one dimension more, such as ``year``; see `as_dataset` for how
        bands and files are named. Files are opened lazily, their nodata and scale applied.
    covariates : sequence of str, optional
        Variables in the order of the forest's columns; default the names that it was fitted with.
    tree_sd : bool
        Also the standard deviation of the values of the trees. It is no interval of prediction.
    quantiles : sequence of float, 0 to 1
        Also these quantiles of the values of the trees.
    mask : xarray.DataArray or array_like of bool, shape of the map, optional
        Pixels to map; default all.
    tile_size : int
        Pixels along one side of what a thread computes at once. No value depends on it.
    workers : int, optional
        Threads, for data in memory; see `threads_to_start`. Lazy data is computed by dask's scheduler, as it is told:
        the engine then starts no threads of its own.
    engine : {"auto", "fast", "sklearn"}
        See `forest_mapper`.

    Returns
    -------
    xarray.Dataset
        ``mean``, where asked for ``tree_sd`` and, for the quantile 0.05, ``tree_q0.05``: float32 in the unit of the
        target, with the coordinates and the CRS of the data. NaN outside the mask, and where a covariate is NaN,
        infinite or its nodata value; the log says how many, and, of data in memory, ``attrs["gaps"]``. Lazy if any
        covariate is.

    Raises
    ------
    InputError
        If covariates are missing, in another unit or order than the forest learned them, or cannot be placed on one
        grid; or if the model is no regressor with one output.

    Notes
    -----
    Memory follows the chunks of lazy data, whatever the size of the region. Files are read through GDAL, whose own
    cache takes up to 5 % of the machine's memory (``GDAL_CACHEMAX``). A map is written chunk by chunk with
    ``maps.to_zarr(path)``, or ``maps["mean"].rio.to_raster(path, tiled=True, lock=threading.Lock())``.

    Examples
    --------
    >>> from poml_map.hybrid import PomlForest
    >>> import pandas as pd
    >>> table = pd.DataFrame({"ELEV": np.arange(20.0)})
    >>> forest = PomlForest(n_trees=20).fit(table, table["ELEV"] * 0.1)
    >>> data = xr.Dataset({"ELEV": (("y", "x"), [[5.0, np.nan], [12.0, 18.0]])})
    >>> map_forest(forest, data)["mean"].round(1).to_numpy()
    array([[0.5, nan],
           [1.2, 1.8]], dtype=float32)
    """
    saved = forest if isinstance(forest, SavedForest) else None
    model = saved.forest if saved else forest
    columns = _columns(model, saved, covariates)
    stack = as_dataset(data, columns)
    found = covariates_of(stack, columns, saved.units if saved else {})
    arrays = [*found.values(), mask_of(mask, found)]
    predict, names = _mapper(model, columns, engine, tree_sd, quantiles)
    windows = Windows(predict, columns, [values.rio.nodata for values in found.values()], names, tile_size)
    dims = max((each.dims for each in arrays), key=len)
    if any(dask.is_dask_collection(each) for each in arrays):
        maps, attrs = _lazy(windows, arrays, dims), {}
    else:
        maps, gaps = _in_memory(windows, arrays, dims, workers)
        attrs = {"gaps": gaps}
    result = xr.Dataset(dict(zip(names, ((dims, values) for values in maps), strict=True)), attrs=attrs)
    return _described(result, stack[columns], saved)


def _columns(forest, saved: SavedForest | None, covariates: Sequence[str] | None) -> list[str]:
    if isinstance(forest, BaseEstimator):
        try:
            check_is_fitted(forest)
        except NotFittedError as error:
            found = f"a {type(forest).__name__} that is not fitted"
            raise InputError(
                Problem("forest", "", found, "a fitted one", "Call its fit(X, y) first.")
            ) from error
    # A forest that was fitted without names may have them from its file.
    known = saved.columns if saved else getattr(forest, "feature_names_in_", None)
    if covariates is None and known is None:
        mend = "Give covariates=[...] in the order of the columns it was fitted with."
        raise InputError(Problem("forest", "", "no names of its columns", "", mend))
    names = list(known if covariates is None else covariates)
    wrong = differences(names, names if known is None else list(known))
    if wrong:
        raise InputError(Problem("covariates", "", wrong, "", "Give the forest those it was fitted with."))
    return names


def _mapper(
    forest, columns: list[str], engine: str, tree_sd: bool, quantiles: Sequence[float]
) -> tuple[ForestMapper, list[str]]:
    """What maps a window, and the names of its maps: those of a pixel that is not mapped."""
    nowhere = np.zeros((1, 1))
    try:
        predict = forest_mapper(forest, columns, engine, tree_sd=tree_sd, quantiles=quantiles)
        return predict, list(predict([nowhere] * len(columns), nowhere.astype(bool)))
    except ValueError as error:
        reason, _, mend = str(error).partition(". Mend: ")
        raise InputError(Problem("forest", "", reason, "", mend[:1].upper() + mend[1:])) from error


def _in_memory(windows: Windows, arrays: list[xr.DataArray], dims, workers: int | None):
    """Maps (maps, ...) and the number of gaps."""
    y, x = dims[-2:]
    shape = max((each.shape for each in arrays), key=len)

    def read(tile: Tile) -> list[np.ndarray]:
        return [each.isel({y: tile.rows, x: tile.cols}).to_numpy() for each in arrays]

    return windows.fill(read, shape, workers)


def _lazy(windows: Windows, arrays: list[xr.DataArray], dims) -> da.Array:
    """The same, to be computed chunk by chunk, each in one thread of dask's."""
    pairs = [part for each in arrays for part in (each.chunk().data, each.dims)]
    return da.blockwise(
        _fill_chunk,
        (_MAP, *dims),
        *pairs,
        # A key of its own in the graph: schedulers on several machines send the forest once, not with every chunk.
        windows=dask.delayed(windows, traverse=False),
        new_axes={_MAP: len(windows.maps)},
        concatenate=True,
        dtype=np.float32,
        meta=np.empty((0,) * (1 + len(dims)), np.float32),
    )


def _fill_chunk(*blocks: np.ndarray, windows: Windows) -> np.ndarray:
    shape = max((block.shape for block in blocks), key=len)

    def read(tile: Tile) -> list[np.ndarray]:
        return [block[..., tile.rows, tile.cols] for block in blocks]

    return windows.fill(read, shape, workers=1)[0]


def _described(maps: xr.Dataset, stack: xr.Dataset, saved: SavedForest | None) -> xr.Dataset:
    """With coordinates and CRS of the covariates, and what each map is."""
    for name in maps:
        quantile = name.removeprefix("tree_q")
        maps[name].attrs["long_name"] = _LONG_NAMES.get(
            name, f"quantile {quantile} of the values of the trees"
        )
        maps[name].encoding["_FillValue"] = np.float32(np.nan)  # GeoTIFFs tell it
        if saved:
            maps[name].attrs["units"] = STOCK_LABELS.get(saved.target_unit, saved.target_unit)
    kept = {name: values for name, values in stack.coords.items() if set(values.dims) <= set(maps.dims)}
    maps = maps.assign_coords(kept)
    crs = stack.rio.grid_mapping
    if crs in maps.coords:
        return maps.rio.write_grid_mapping(crs)
    return maps if stack.rio.crs is None else maps.rio.write_crs(stack.rio.crs, crs)
