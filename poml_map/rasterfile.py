"""Raster files that somebody else wrote: opened in few formats, and looked at before a pixel is read."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
from rasterio.env import ensure_env
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import DatasetReader

from poml_map import formats
from poml_map.errors import RefusedFileError
from poml_map.limits import MOST_BLOCK, size_text
from poml_map.paths import beside, is_inside

_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_TILED = "Write it in tiles: `gdal_translate -co TILED=YES -co COMPRESS=DEFLATE OLD NEW`."


@ensure_env
def open_raster(path: Path) -> DatasetReader:
    """Open a file in one of the formats that hold their own values; `rasterio.open` takes one driver or all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # the header check says it better
        return DatasetReader(str(path), driver=list(formats.RASTER))


def check_raster(data: DatasetReader, path: Path, roots: tuple[Path, ...]) -> None:
    """Refuse what a raster would open or take beyond its own numbers; first of all after it was opened.

    GDAL opens masks (``.msk``) and overviews (``.ovr``) beside a file in any format, so that one of them could be a
    text that leads elsewhere; it does so when it is asked for masks, not before.

    Parameters
    ----------
    data : rasterio.DatasetReader
    path : Path
        Its file.
    roots : tuple of Path
        Real folders that files may lie in.

    Raises
    ------
    RefusedFileError
        If a file beside it is no TIFF, it names a file or server for its overviews, one of its files lies outside
        `roots`, or a block of it or of its mask is larger than `poml_map.limits.MOST_BLOCK`.
    """
    if "OVERVIEW_FILE" in data.tags(ns="OVERVIEWS"):
        mend = "Remove that tag, or write the file again with gdal_translate."
        raise RefusedFileError("a tag OVERVIEW_FILE, which leads elsewhere", "a file of its own", mend)
    for other in beside(path):
        if other.suffix.lower() in (".msk", ".ovr"):
            _check_beside(other, roots)
    _check_blocks(data)
    for name in data.files:
        if not is_inside(Path(name), roots):
            found = f"values in another file, {Path(name).resolve()}"
            raise RefusedFileError(found, "a file of its own", "Write it as GeoTIFF with gdal_translate.")


def _check_beside(path: Path, roots: tuple[Path, ...]) -> None:
    """A mask or overviews: a TIFF, and one that keeps the same rules."""
    with path.open("rb") as stream:
        if stream.read(4) not in _TIFF_STARTS:
            found = f"{path.name} beside it, which is no TIFF and may lead elsewhere"
            raise RefusedFileError(found, "a TIFF or no such file", f"Remove {path.name}.")
    with open_raster(path) as data:
        check_raster(data, path, roots)


def _check_blocks(data: DatasetReader) -> None:
    together = data.count if data.profile.get("interleave") == "pixel" else 1
    for (height, width), dtype in zip(data.block_shapes, data.dtypes, strict=True):
        size = math.prod((height, width, np.dtype(dtype).itemsize, together))
        if size > MOST_BLOCK:
            found = f"blocks of {height} x {width} pixels, {size_text(size)} each when decoded"
            raise RefusedFileError(found, f"at most {size_text(MOST_BLOCK)}", _TILED)
