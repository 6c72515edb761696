"""One GeoTIFF, here or on a server: its header, and the numbers under a window as they are stored."""

from __future__ import annotations

import logging
import math
import threading
import warnings
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import rasterio
from rasterio.enums import Compression, Interleaving, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from poml_map.deflate import check_stream
from poml_map.fetch.failures import DamagedError, RefusedError
from poml_map.fetch.remote import LocalFile, RemoteFile
from poml_map.grid import Tile
from poml_map.limits import MOST_BLOCK, size_text

#: What reading a damaged TIFF raises.
FAILURES = (RasterioError, OSError, ValueError)

#: Numbers of one file that are held at a time. [bytes]
MOST_READ = 4 * 2**30

_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# GDAL looks for files beside the one it opens; here is none.
_OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GTIFF_IGNORE_READ_ERRORS": "NO",
}


def check_size(shape: tuple[int, ...], dtype, what: str, address: str = "") -> None:
    """Refuse numbers that would take more memory at a time than `MOST_READ`: a header is a claim.

    Raises
    ------
    RefusedError
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size > MOST_READ:
        mend = "Bring the part that you need by hand."
        raise RefusedError(f"{what}, {size_text(size)}", f"at most {size_text(MOST_READ)}", mend, address)


def is_tiff(head: bytes) -> bool:
    """Whether first bytes are of a TIFF or BigTIFF."""
    return head[:4] in _STARTS


@dataclass(frozen=True)
class Kind:
    """What the numbers of a raster are, band by band: must be the same for all that are joined.

    Attributes
    ----------
    dtype : str
    count : int
    nodata : float or None
    scales, offsets : tuple of float
    descriptions, units : tuple of str or None
    point : bool
        Values are of points, not of areas.
    colormap : tuple, optional
        Of the first band: ``((number, (r, g, b, a)), ...)``.
    """

    dtype: str
    count: int
    nodata: float | None
    scales: tuple
    offsets: tuple
    descriptions: tuple
    units: tuple
    point: bool
    colormap: tuple | None = field(default=None, compare=False)

    def differs(self, other: Kind) -> str:
        """The first thing that another raster has differently, in words; empty if nothing."""
        for name in ("dtype", "count", "nodata", "scales", "offsets", "point"):
            one, two = getattr(self, name), getattr(other, name)
            if one != two and not (name == "nodata" and _both_nan(one, two)):
                return f"{name} {two}, not {one}"
        return ""


def _both_nan(one, two) -> bool:
    return one is not None and two is not None and np.isnan(one) and np.isnan(two)


@dataclass(frozen=True)
class Header:
    """A raster before a pixel is read.

    Attributes
    ----------
    crs : str
        WKT; empty if the file has none.
    transform : tuple of 6 float
    width, height : int
    kind : Kind
    """

    crs: str
    transform: tuple[float, ...]
    width: int
    height: int
    kind: Kind


class TiffFile:
    """A GeoTIFF in a `RemoteFile` or `LocalFile`.

    Parameters
    ----------
    file : RemoteFile or LocalFile

    Raises
    ------
    RefusedError
        If it is no TIFF, has a mask of its own, complex numbers, blocks beyond the limit, or leads elsewhere.
    FetchError
    """

    def __init__(self, file: RemoteFile | LocalFile):
        self.file, self._checked = file, set()
        self.header = self._ask(self._read_header)

    def _ask(self, question):
        def asked():
            with _quiet(), _open(self.file) as data:
                return question(data)

        try:
            return self.file.answer(asked, FAILURES)
        except FAILURES as error:
            found = f"a TIFF that cannot be read ({' '.join(str(error).split())[:120]})"
            raise DamagedError(
                found, "a whole GeoTIFF", "Try again later; tell the publisher.", self.file.address
            ) from error

    def _read_header(self, data) -> Header:
        self._check_safe(data)
        crs = data.crs.to_wkt() if data.crs else ""
        colormap = None
        if rasterio.enums.ColorInterp.palette in data.colorinterp[:1]:
            colormap = tuple(data.colormap(1).items())
        kind = Kind(
            data.dtypes[0], data.count, data.nodata, tuple(data.scales), tuple(data.offsets),
            tuple(data.descriptions), tuple(data.units), data.tags().get("AREA_OR_POINT") == "Point", colormap,
        )  # fmt: skip
        return Header(crs, tuple(data.transform)[:6], data.width, data.height, kind)

    def _check_safe(self, data) -> None:
        address, whole = self.file.address, "Bring the file by hand, with `whole: true`."
        if "OVERVIEW_FILE" in data.tags(ns="OVERVIEWS"):
            raise RefusedError("a tag OVERVIEW_FILE, which leads elsewhere", "a file of its own", "", address)
        if len(set(data.dtypes)) > 1 or "complex" in data.dtypes[0]:
            raise RefusedError(
                f"bands of {', '.join(data.dtypes)}", "one type of real numbers", whole, address
            )
        flags = {flag for band in data.mask_flag_enums for flag in band}
        if flags - {MaskFlags.nodata, MaskFlags.all_valid}:
            raise RefusedError("a mask beside the numbers", "a nodata value", whole, address)
        together = data.count if data.interleaving == Interleaving.pixel else 1
        height, width = data.block_shapes[0]
        size = math.prod((height, width, np.dtype(data.dtypes[0]).itemsize, together))
        if size > MOST_BLOCK:
            found = f"blocks of {height} x {width} pixels, {size_text(size)} each when decoded"
            raise RefusedError(found, f"at most {size_text(MOST_BLOCK)}", whole, address)

    def ranges(self, part: Tile) -> list[tuple[int, int]]:
        """Offset and length of every stored block under a window, in all bands. [byte]"""
        return self._ask(lambda data: [each for each, _ in _blocks(data, part)])

    def read(self, part: Tile) -> np.ndarray:
        """Stored numbers under a window, shape (bands, rows, columns); blocks are brought first, all together.

        Raises
        ------
        DamagedError
            If a block is cut off, or does not fit its checksum.
        FetchError
        """
        header = self.header
        check_size(
            (header.kind.count, *part.shape), header.kind.dtype, "rows in all bands", self.file.address
        )
        self.file.need(self.ranges(part))
        window = Window(part.col0, part.row0, part.shape[1], part.shape[0])

        def numbers(data):
            if data.compression == Compression.deflate:
                for (offset, length), name in _blocks(data, part):
                    self._check_deflate(offset, length, name)
            return data.read(window=window)

        return self._ask(numbers)

    def _check_deflate(self, offset: int, length: int, name: str) -> None:
        if offset in self._checked:
            return
        packed = self.file.read_at(offset, length)
        try:
            check_stream(packed or b"")
        except zlib.error as error:
            if packed is not None:  # else it is brought, and looked at again
                raise OSError(f"block {name} does not fit its checksum: {error}") from error
        else:
            self._checked.add(offset)


@contextmanager
def _quiet():
    """Let GDAL not complain in the log of what is not here *yet*; what is wrong in the end is an error of ours."""
    logger, own = logging.getLogger("rasterio._env"), threading.get_ident()

    def others(record: logging.LogRecord) -> bool:
        return record.thread != own

    logger.addFilter(others)
    try:
        yield
    finally:
        logger.removeFilter(others)


def _open(file: RemoteFile | LocalFile):
    name = "remote.tif"

    def opener(path, mode="rb"):
        if str(path).rpartition("/")[2] not in (name, "test"):  # rasterio tries an opener with this name
            raise FileNotFoundError(path)
        return file.view()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.Env(**_OPTIONS):
            return rasterio.open(name, driver="GTiff", opener=opener)


def _blocks(data, part: Tile) -> list[tuple[tuple[int, int], str]]:
    """Offset, length and name of the blocks under a window; an empty block is not in the file."""
    height, width = data.block_shapes[0]
    rows = range(part.row0 // height, (part.row1 - 1) // height + 1)
    cols = range(part.col0 // width, (part.col1 - 1) // width + 1)
    bands = [1] if data.interleaving == Interleaving.pixel else range(1, data.count + 1)
    found = []
    for band, row, col in product(bands, rows, cols):
        offset = data.get_tag_item(f"BLOCK_OFFSET_{col}_{row}", "TIFF", bidx=band)
        if offset is not None:
            length = int(data.get_tag_item(f"BLOCK_SIZE_{col}_{row}", "TIFF", bidx=band))
            found.append(((int(offset), length), f"{col}, {row} of band {band}"))
    return found


def check_all_blocks(file: LocalFile) -> None:
    """Refuse a TIFF of which any block lies beyond its end or does not fit its checksum.

    Raises
    ------
    DamagedError, RefusedError
    """
    tiff = TiffFile(file)
    header = tiff.header
    step = max(256, 2**24 // max(header.width, 1))
    for row in range(0, header.height, step):
        tiff.read(Tile(row, min(row + step, header.height), 0, header.width))
