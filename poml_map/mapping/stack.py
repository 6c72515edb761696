"""A stack of rasters as users have it, as a Dataset with one variable for each covariate."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path

import numpy as np
import rioxarray
import xarray as xr

from poml_map.errors import InputError, Problem, Problems, nearest
from poml_map.tables import listed
from poml_map.units import conversion

#: Pixels along one side of what is read of a file at once: whole blocks of most GeoTIFFs.
CHUNK = 512

#: Dimensions of a DataArray that hold one covariate after the other.
BAND_DIMS = ("band", "variable", "covariate", "feature")

# Shares of a pixel by which the corners of two files may differ.
_SAME_CORNER = 1e-3


def as_dataset(data, columns: Sequence[str]) -> xr.Dataset:
    """One variable a covariate, from whatever form the user has.

    Parameters
    ----------
    data : xarray.Dataset, xarray.DataArray, sequence of path, or dict of str -> path
        A DataArray holds the covariates along one of `BAND_DIMS`: labels of text name them, else rioxarray's band
        descriptions (``long_name``), else they are `columns`, one by one. A file of one band is called like the file,
        ``ELEV.tif`` is ELEV; with several bands they are called as the file describes them.
    columns : sequence of str
        Covariates that are looked for.

    Raises
    ------
    InputError
        If it is none of these, bands have no names, or files lie on different grids.

    Examples
    --------
    >>> bands = xr.DataArray(np.ones((2, 3, 3)), dims=("band", "y", "x"), attrs={"long_name": ("ELEV", "SLP")})
    >>> list(as_dataset(bands, ["ELEV", "SLP"]))
    ['ELEV', 'SLP']
    """
    if isinstance(data, xr.Dataset):
        return data
    if isinstance(data, xr.DataArray):
        return _bands_apart(data, columns)
    if isinstance(data, str | os.PathLike):
        data = [data]
    if isinstance(data, Mapping) and all(isinstance(path, str | os.PathLike) for path in data.values()):
        return _together({str(name): _only_band(path) for name, path in data.items()})
    if isinstance(data, Sequence) and data and all(isinstance(path, str | os.PathLike) for path in data):
        return _together({name: band for path in data for name, band in _bands_of(path).items()})
    expected = "a Dataset, a DataArray with a dimension `band`, or paths of GeoTIFFs"
    raise InputError(Problem("data", "", f"a {type(data).__name__}", expected))


def _bands_apart(data: xr.DataArray, columns: Sequence[str]) -> xr.Dataset:
    dim = next((name for name in BAND_DIMS if name in data.dims), None)
    if dim is None:
        found, mend = (
            f"dimensions {listed(map(str, data.dims))}",
            "data.to_dataset(name=...) makes a Dataset.",
        )
        raise InputError(Problem("data", "", found, f"one of {listed(BAND_DIMS)} among them", mend))
    names, units = _band_names(data, dim, columns), data.attrs.get("units")
    bands = {}
    for number, name in enumerate(names):
        band = data.isel({dim: number}, drop=True)
        # rioxarray notes what holds for single bands as a tuple.
        own = {"long_name": name, "units": units[number] if isinstance(units, tuple | list) else units}
        bands[name] = band.assign_attrs({key: value for key, value in own.items() if value is not None})
    return xr.Dataset(bands)


def _band_names(data: xr.DataArray, dim: str, columns: Sequence[str]) -> list[str]:
    labels = data[dim].values.tolist() if dim in data.coords else []
    described = data.attrs.get("long_name", ())
    for names in (labels, list(described) if isinstance(described, tuple | list) else []):
        if len(names) == data.sizes[dim] and all(isinstance(name, str) for name in names):
            return names
    if data.sizes[dim] != len(columns):
        found, expected = f"{data.sizes[dim]} bands without names", f"{len(columns)}: {listed(columns)}"
        mend = f"data.assign_coords({dim}=[...]) names them."
        raise InputError(Problem("data", f"dimension {dim}", found, expected, mend))
    return list(columns)


def _open(path) -> xr.Dataset:
    # Without a lock each thread reads through a handle of its own.
    chunks = {"x": CHUNK, "y": CHUNK}
    return rioxarray.open_rasterio(
        path, chunks=chunks, mask_and_scale=True, lock=False, band_as_variable=True
    )


def _bands_of(path) -> dict[str, xr.DataArray]:
    opened = _open(path)
    if len(opened) == 1:
        return {Path(path).stem: next(iter(opened.values()))}
    names = [band.attrs.get("long_name") for band in opened.values()]
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        mend = 'Describe them (`gdal_edit.py`), or give one file a covariate as {"ELEV": path}.'
        raise InputError(
            Problem(str(path), "", f"{len(names)} bands", "a description of its own on each", mend)
        )
    return dict(zip(names, opened.values(), strict=True))


def _only_band(path) -> xr.DataArray:
    opened = _open(path)
    if len(opened) > 1:
        mend = "Give files of several bands as a list of paths: their descriptions name them."
        raise InputError(Problem(str(path), "", f"{len(opened)} bands", "one", mend))
    return next(iter(opened.values()))


def _together(bands: dict[str, xr.DataArray]) -> xr.Dataset:
    """Bands of files on one grid; corners that differ by rounding are those of the first."""
    (first_name, first), *others = bands.items()
    problems = Problems()
    for name, band in others:
        if not _same_grid(band, first):
            mend = f"Bring it onto the grid of {first_name}: band.rio.reproject_match(first)."
            problems.add(
                f"data[{name!r}]", "", _grid_text(band), f"{_grid_text(first)} as {first_name}", mend
            )
    problems.raise_if_any()
    coords = {"y": first["y"], "x": first["x"]}
    return xr.Dataset({name: band.assign_coords(coords) for name, band in bands.items()})


def _same_grid(one: xr.DataArray, other: xr.DataArray) -> bool:
    if one.shape != other.shape or one.rio.crs != other.rio.crs:
        return False
    here, there = (np.array(each.rio.transform())[:6] for each in (one, other))
    # In pixels: what the two transforms make of the far corner.
    corner = np.array([other.rio.width, other.rio.height, 1.0])
    apart = (here - there).reshape(2, 3)
    return bool(np.abs([apart @ corner, apart[:, 2]]).max() <= _SAME_CORNER * abs(there[0]))


def _grid_text(band: xr.DataArray) -> str:
    transform = band.rio.transform()
    width, height = band.rio.width, band.rio.height
    return f"{width} x {height} pixels of {transform.a:g} from {transform.c:.10g}, {transform.f:.10g} in {band.rio.crs}"


def covariates_of(
    data: xr.Dataset, columns: Sequence[str], units: Mapping[str, str]
) -> dict[str, xr.DataArray]:
    """The covariates, each over (y, x) or (time, y, x), whatever these dimensions are called.

    Parameters
    ----------
    data : xarray.Dataset
    columns : sequence of str
    units : dict of str -> str
        Of columns where they are known; what a variable says in ``attrs["units"]`` is compared with them.

    Raises
    ------
    InputError
        Naming every covariate that is missing, has other dimensions or units, is packed, or holds no numbers.

    Examples
    --------
    >>> data = xr.Dataset({"ELEV": (("x", "y"), np.ones((3, 2)), {"units": "km"})})
    >>> covariates_of(data, ["ELEV"], {})["ELEV"].dims
    ('y', 'x')
    >>> covariates_of(data, ["ELEV"], {"ELEV": "m"})
    Traceback (most recent call last):
    ...
    poml_map.errors.InputError: data, covariate ELEV: found units km, expected m, as the forest learned it. ...
    """
    problems = Problems()
    for name in columns:
        if name not in data:
            mend = nearest(name, map(str, data.data_vars))
            problems.add("data", f"covariate {name}", "nothing", "a variable of that name", mend)
    problems.raise_if_any()
    space = _spatial_dims(data)
    found = {name: _squeezed(data[name]) for name in columns}
    for name, values in found.items():
        problems.extend(_flaws(name, values, space, units.get(name)))
    further = sorted({str(dim) for values in found.values() for dim in values.dims if dim not in space})
    if len(further) > 1:
        expected = "at most one beside those of space"
        problems.add("data", "dimensions", listed(further), expected, "Choose with .isel first.")
    problems.raise_if_any()
    return {name: values.transpose(..., *space) for name, values in found.items()}


def mask_of(mask, covariates: Mapping[str, xr.DataArray]) -> xr.DataArray:
    """Which pixels to map, over the dimensions of the covariates.

    Parameters
    ----------
    mask : xarray.DataArray, array_like of bool, or None
        None maps all.
    covariates : dict of str -> DataArray
        From `covariates_of`.

    Raises
    ------
    InputError
        If it is not of bool, or lies elsewhere.
    """
    like = max(covariates.values(), key=lambda values: values.ndim)
    sizes, space = dict(like.sizes), like.dims[-2:]
    if mask is None:
        return xr.DataArray(np.ones([sizes[dim] for dim in space], bool), dims=space)
    if not isinstance(mask, xr.DataArray):
        values = np.asarray(mask)
        mask = xr.DataArray(
            values, dims=like.dims[like.ndim - values.ndim :] if values.ndim <= like.ndim else None
        )
    mask, expected = (
        _squeezed(mask),
        f"bool over {', '.join(f'{dim} ({size})' for dim, size in sizes.items())}",
    )
    found = f"{mask.dtype} over {', '.join(f'{dim} ({size})' for dim, size in mask.sizes.items())}"
    fits = set(space) <= set(mask.dims) and all(sizes.get(dim) == size for dim, size in mask.sizes.items())
    if mask.dtype != bool or not fits:
        raise InputError(Problem("mask", "", found, expected, "For classes: mask=(land == 1)."))
    moved = [dim for dim in mask.dims if not _same_places(mask, like, dim)]
    if moved:
        mend = "Bring it onto their grid: mask.rio.reproject_match(data)."
        raise InputError(
            Problem("mask", f"coordinate {listed(moved)}", "other places", "those of the covariates", mend)
        )
    return mask.transpose(..., *space)


def _same_places(one: xr.DataArray, other: xr.DataArray, dim: Hashable) -> bool:
    if dim not in one.coords or dim not in other.coords:
        return True
    here, there = one[dim].to_numpy(), other[dim].to_numpy()
    if here.dtype.kind not in "fiu" or len(here) < 2:
        return bool((here == there).all())
    return bool(np.abs(here - there).max() <= _SAME_CORNER * np.abs(np.diff(there)).min())


def _spatial_dims(data: xr.Dataset) -> tuple[Hashable, Hashable]:
    try:
        return data.rio.y_dim, data.rio.x_dim
    except rioxarray.exceptions.MissingSpatialDimensionError as error:
        found, mend = f"dimensions {listed(map(str, data.dims))}", 'data.rename({"lat": "y", "lon": "x"})'
        raise InputError(Problem("data", "", found, "y and x", f"{mend} names them.")) from error


def _squeezed(values: xr.DataArray) -> xr.DataArray:
    """Without the dimension of the single band that rioxarray puts in front."""
    alone = [dim for dim in BAND_DIMS if values.sizes.get(dim) == 1]
    return values.isel(dict.fromkeys(alone, 0), drop=True)


def _flaws(name: str, values: xr.DataArray, space: tuple, unit: str | None) -> list[Problem]:
    where, problems = f"covariate {name}", Problems()
    if not set(space) <= set(values.dims):
        problems.add(
            "data", where, f"dimensions {listed(map(str, values.dims))}", f"{space[0]} and {space[1]}"
        )
    if values.dtype.kind not in "fiub":
        problems.add("data", where, f"{values.dtype}", "numbers")
    factor, offset = values.attrs.get("scale_factor", 1), values.attrs.get("add_offset", 0)
    if (factor, offset) != (1, 0):
        mend = "Open it with rioxarray.open_rasterio(path, mask_and_scale=True)."
        problems.add(
            "data", where, f"a scale of {factor:g} and an offset of {offset:g}", "values unpacked", mend
        )
    said = values.attrs.get("units")
    if unit and said and not _same_unit(said, unit):
        mend = "Convert it, or correct its attrs."
        problems.add("data", where, f"units {said}", f"{unit}, as the forest learned it", mend)
    return list(problems)


def _same_unit(one: str, other: str) -> bool:
    """Whether two spellings mean one unit; what cannot be read is compared letter by letter."""
    try:
        return one == other or conversion(one, other) == (1.0, 0.0)
    except ValueError:
        return False
