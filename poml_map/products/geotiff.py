"""Annual maps as cloud-optimised GeoTIFFs that say in themselves what they are."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import rasterio
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.shutil import copy

from poml_map._version import __version__
from poml_map.errors import ResourceError
from poml_map.files import write_bytes_atomic
from poml_map.grid import Grid
from poml_map.products.words import (
    band_name,
    class_names,
    end_of_month,
    map_name,
    of_model,
    quantity,
    sentence,
    unit_label,
)

logger = logging.getLogger(__name__)

#: What stands in a file where the map has no value; arrays hold NaN there.
NODATA = -9999.0

# Of write_years: more would wait for the disk, and hold more maps in memory. Each holds about five, and all together
# no more than this if the maps are large. [bytes]
_MOST_WORKERS, _MOST_BYTES, _MAPS_EACH = 4, 2**30, 5

#: Before each of the project's own tags, so that they stand together and clash with nobody's.
TAG_PREFIX = "POML_MAP_"

# 512 pixels: the default of the COG driver. Deflate: not every program reads zstd, which takes 0.6 of the time.
# Level 1: after the predictor, level 6 takes 1.5 times as long for files that are 2 % smaller.
_BLOCK = 512
_COG_OPTIONS = {
    "driver": "COG",
    "compress": "DEFLATE",
    "predictor": "FLOATING_POINT",
    "level": 1,
    "blocksize": _BLOCK,
    "overviews": "FORCE_USE_EXISTING",
    "bigtiff": "IF_SAFER",
}


def write_map(
    path,
    values,
    grid: Grid,
    *,
    model: str,
    year: int,
    unit: str,
    depth_cm: float,
    tags: Mapping[str, object] | None = None,
    month: int = 12,
    first_year: int | None = None,
) -> Path:
    """Write one map: whole and checked at its final name, or not at all.

    The file is float32, tiled, compressed, with averaged overviews, statistics, unit, date and the tags
    below. The same arguments give the same bytes.

    Parameters
    ----------
    path : str or Path
        Final name; its folder must exist.
    values : array_like, shape (y, x)
        Carbon stock in `unit`, already converted. NaN is written as `NODATA`.
    grid : Grid
    model : str
        ``POML``, ``ML`` or ``PO``; a name of `poml_map.schema.interval_maps`; one of `poml_map.schema.PROCESS_MAPS`,
        such as ``BIO`` or ``CO2``; one of `poml_map.schema.INDEX_MAPS`, which have no unit; or a map of the change,
        see `poml_map.schema.change_text`.
    year, month : int
        The stock is that of the end of this month.
    unit : {"kg/m2", "t/ha"}
    depth_cm : float
        Lower end of the layer, from the surface. [cm]
    tags : mapping, optional
        More facts, such as ``INPUT_DIGEST``, ``SYNTHETIC``, ``STAND_IN``, ``ASSUMED``, ``FILLED``; written
        as ``POML_MAP_<NAME>``. True becomes ``YES``; None, False and "" are left out.
    first_year : int, optional
        Of a map of the change: where it begins, in the same month.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ValueError
        If shape, unit or month do not fit, or if a value is infinite, beyond float32, or equal to `NODATA`.
    ResourceError
        If the disk is full, the folder refuses, or what was written does not read back equal.

    Examples
    --------
    >>> import tempfile
    >>> grid = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 2, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_map(f"{folder}/{map_name('POML', 1980)}", [[3.5, np.nan]], grid,
    ...                      model="POML", year=1980, unit="kg/m2", depth_cm=20)
    ...     with rasterio.open(path) as file:
    ...         file.descriptions, file.units, file.read(1).tolist()
    (('SOCS 1980 POML',), ('kg m-2',), [[3.5, -9999.0]])
    """
    own = {"MODEL": model, "YEAR": year, "FIRST_YEAR": first_year, "DEPTH_CM": f"{depth_cm:g}"}
    own |= {"UNIT": unit_label(unit, model), "QUANTITY": quantity(model), "OF_MODEL": of_model(model)}
    dataset_tags = {
        "TIFFTAG_SOFTWARE": f"poml_map {__version__}",
        "TIFFTAG_DATETIME": end_of_month(year, month),
        "TIFFTAG_IMAGEDESCRIPTION": sentence(model, year, month, unit, depth_cm, first_year),
        **_prefixed({**own, "SOFTWARE": f"poml_map {__version__}", **(tags or {})}),
    }
    band, classes = band_name(model, year, first_year), class_names(model)
    return write_raster(path, values, grid, band=band, unit=own["UNIT"], tags=dataset_tags, classes=classes)


def write_raster(
    path,
    values,
    grid: Grid,
    *,
    band: str,
    unit: str,
    tags: Mapping[str, str],
    classes: Mapping[int, str] | None = None,
) -> Path:
    """Write one band with all that `write_map` gives a file, but for the words: those are the caller's.

    Parameters
    ----------
    path : str or Path
        Final name; its folder must exist.
    values : array_like, shape (y, x)
        NaN is written as `NODATA`.
    grid : Grid
    band : str
        Description of the band.
    unit : str
        As people write it; the band has it without the "C" of carbon, which programs read as coulomb.
    tags : mapping of str -> str
        Of the file, each under its full name.
    classes : mapping of int -> str, optional
        What the values mean if they have no mean: overviews then show one of the pixels below, and the band has a tag
        such as ``CLASS_1`` for each.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ValueError, ResourceError
        As `write_map`.
    """
    pixels = _pixels(values, grid)
    with MemoryFile() as memory, rasterio.open("", "w", driver="MEM", **_profile(grid)) as file:
        file.write(pixels, 1)
        file.set_band_description(1, band)
        file.units = [unit.replace(" C ", " ")]
        # Classes too: a colour table would need bytes, which have no -1 and another nodata than all other maps.
        file.colorinterp = [ColorInterp.gray]
        file.update_tags(**tags)
        names = {f"CLASS_{value}": text for value, text in (classes or {}).items()}
        file.update_tags(1, **_statistics(pixels), **names)
        del pixels  # the file has them: several maps may be in work at once
        # Averages keep the regional mean; a class has none.
        file.build_overviews(_overviews(grid), Resampling.nearest if classes else Resampling.average)
        copy(file, memory.name, **_COG_OPTIONS)
        # Python writes the bytes, not GDAL: a full disk then raises, with its errno, at the right place.
        data = memory.getbuffer()
        return write_bytes_atomic(path, data, lambda written: _check(written, path, data, grid))


def write_years(
    folder,
    maps,
    years: Sequence[int],
    grid: Grid,
    *,
    model: str,
    unit: str,
    depth_cm: float,
    tags: Mapping[str, object] | None = None,
    month: int = 12,
    workers: int | None = None,
    write: Callable[..., Path] = write_map,
) -> list[Path]:
    """Write all annual maps of one model, several at once.

    Parameters
    ----------
    folder : str or Path
        Must exist. The names are those of `map_name`.
    maps : array_like, shape (year, y, x)
        As in `write_map`. Only ``maps[i]`` is taken, when its turn comes, so it may be a store on disk.
    years : sequence of int, shape (year,)
    workers : int, optional
        Threads; default one a core, four at most, and fewer for maps of more than ten million pixels. Each holds
        about five maps in memory.
    write : callable
        `write_map`, or what stands for it.

    Returns
    -------
    list of Path
        In the order of `years`.

    Raises
    ------
    ValueError, ResourceError
        As in `write_map`; maps that were finished before stay.
    """
    if len(maps) != len(years):
        raise ValueError(f"maps: {len(maps)} maps for {len(years)} years; give one map for each year")
    facts = {"model": model, "unit": unit, "depth_cm": depth_cm, "tags": tags, "month": month}

    def write_year(index: int) -> Path:
        year = years[index]
        return write(Path(folder) / map_name(model, year), maps[index], grid, year=year, **facts)

    with ThreadPoolExecutor(workers or _threads(grid)) as pool:
        return list(pool.map(write_year, range(len(years))))  # after an error no further year is begun


def _threads(grid: Grid) -> int:
    """As many as the cores and the memory allow."""
    of_one = _MAPS_EACH * 4 * grid.width * grid.height
    return max(1, min(os.cpu_count() or 1, _MOST_WORKERS, _MOST_BYTES // of_one))


def read_map(path) -> np.ndarray:
    """Values of a map as float32, NaN where the file has none, shape (y, x)."""
    with rasterio.open(path) as file:
        return file.read(1, masked=True).filled(np.nan)


def _pixels(values, grid: Grid) -> np.ndarray:
    """The map as it is stored: float32, `NODATA` for NaN."""
    values = np.asarray(values)
    if values.shape != grid.shape:
        raise ValueError(f"values: shape {values.shape}, but the grid has {grid.shape} (rows, columns)")
    with np.errstate(over="ignore"):
        pixels = values.astype(np.float32)
    _refuse(pixels, np.isinf(pixels), "infinite, or too large for float32")
    _refuse(pixels, pixels == np.float32(NODATA), "the value that marks missing pixels in the file; use NaN")
    missing = np.isnan(pixels)
    if missing.all():
        logger.warning("The map has no value at all: every pixel is missing.")
    pixels[missing] = NODATA
    return pixels


def _refuse(pixels: np.ndarray, wrong: np.ndarray, why: str) -> None:
    if wrong.any():
        row, col = np.argwhere(wrong)[0]
        raise ValueError(f"values: {int(wrong.sum())} pixels, first at row {row}, column {col}: "
                         f"{pixels[row, col]} is {why}")  # fmt: skip


def _profile(grid: Grid) -> dict:
    return {
        "width": grid.width,
        "height": grid.height,
        "count": 1,
        "dtype": "float32",
        "crs": grid.crs,
        "transform": rasterio.Affine(*grid.transform),
        "nodata": NODATA,
    }


def _overviews(grid: Grid) -> list[int]:
    """Factors of the overviews, down to one block, as the COG driver would choose them."""
    factors, width, height = [], grid.width, grid.height
    while width > _BLOCK or height > _BLOCK:
        width, height = width // 2, height // 2
        factors.append(2 ** (len(factors) + 1))
    return factors


def _prefixed(tags: Mapping[str, object]) -> dict[str, str]:
    given = {name: value for name, value in tags.items() if value is not None and value is not False}
    texts = {name: "YES" if value is True else str(value) for name, value in given.items()}
    return {f"{TAG_PREFIX}{name.upper()}": text for name, text in texts.items() if text}


def _statistics(pixels: np.ndarray) -> dict[str, str]:
    """Band statistics under the names GDAL and QGIS look for; only the share of values when there is none."""
    valid = pixels[pixels != np.float32(NODATA)].astype(float)
    share = {"STATISTICS_VALID_PERCENT": f"{100 * valid.size / pixels.size:.4g}"}
    if not valid.size:
        return share
    numbers = {"MINIMUM": valid.min(), "MAXIMUM": valid.max(), "MEAN": valid.mean(), "STDDEV": valid.std()}
    return share | {f"STATISTICS_{name}": f"{number:.10g}" for name, number in numbers.items()}


def _check(written: Path, path, data, grid: Grid) -> None:
    """Open the temporary file again and compare it with what was meant: its header in words, all of it byte by byte."""
    try:
        with rasterio.open(written) as file:
            meant, found = _profile(grid), file.profile
            names = ("width", "height", "count", "dtype", "nodata")
            wrong = [name for name in names if found[name] != meant[name]]
            if file.crs != rasterio.crs.CRS.from_user_input(grid.crs):
                wrong.append("CRS")
            if not np.allclose(tuple(file.transform)[:6], grid.transform, rtol=1e-12, atol=0):
                wrong.append("transform")
        if not wrong and not np.array_equal(np.fromfile(written, np.uint8), np.frombuffer(data, np.uint8)):
            wrong.append("content")
    except RasterioError as error:
        wrong = [f"unreadable, {error}"]
    if wrong:
        raise ResourceError(
            f"{path}: what was written does not read back equal ({', '.join(wrong)}). "
            "The disk may be failing or full; run the same command again."
        )
