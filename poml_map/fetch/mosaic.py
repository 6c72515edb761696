"""Pieces of one raster put together under a window: their own CRS, cells and numbers, nothing resampled."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.errors import RasterioError
from rasterio.windows import Window as Part

from poml_map.fetch.failures import DamagedError, RefusedError
from poml_map.fetch.place import Window
from poml_map.fetch.tiff import Header, Kind, TiffFile, check_size
from poml_map.fetch.vrt import Member
from poml_map.grid import Tile

# Held at a time. [bytes]
_STRIP = 64 * 2**20
_BLOCK = 256
# Share of a cell by which pieces may be off through rounding of what their headers say.
_OFF = 0.02


@dataclass
class Piece:
    """A raster at its place in a larger one.

    Attributes
    ----------
    tiff : TiffFile
    name : str
        For messages.
    row, col : int
        In the larger raster, of the piece's first used cell.
    used : Tile
        The cells of the file that count.
    clear : float, optional
        Number of its cells through which later pieces are seen.
    """

    tiff: TiffFile
    name: str
    row: int
    col: int
    used: Tile
    clear: float | None = None


def piece_at(tiff: TiffFile, name: str, whole: Header) -> Piece:
    """A piece by its own header.

    Raises
    ------
    RefusedError
        If its CRS, cells or numbers are not those of the whole.
    """
    header, address = tiff.header, tiff.file.address
    differs = whole.kind.differs(header.kind)
    if differs:
        raise RefusedError(f"{name} with {differs}", "one kind of numbers in all tiles", _ONE_KIND, address)
    (a, b, c, d, e, f), (a1, b1, c1, d1, e1, f1) = whole.transform, header.transform
    same_cells = _near(a, a1, header.width) and _near(e, e1, header.height) and b == b1 and d == d1
    col, row = (c1 - c) / a, (f1 - f) / e
    fits = abs(col - round(col)) < _OFF and abs(row - round(row)) < _OFF
    if not (same_cells and fits and _same_crs(whole.crs, header.crs)):
        found = f"{name} with cells of {abs(a1):.9g} x {abs(e1):.9g} from {c1:.9g}, {f1:.9g}"
        expected = f"the cells of the other tiles, {abs(a):.9g} x {abs(e):.9g}"
        mend = (
            "Tiles are not resampled: take another source (for elevation merit_dem_elevation, whose cells are alike "
            "everywhere), map each part as a region of its own, or join them by gdalwarp."
        )
        raise RefusedError(found, expected, mend, address)
    return Piece(tiff, name, round(row), round(col), Tile(0, header.height, 0, header.width))


def member_bounds(whole: Header, member: Member) -> tuple[float, float, float, float]:
    """Box of a tile of a list, in the CRS of the list."""
    a, _, c, _, e, f = whole.transform
    (height, width), row, col = member.used.shape, member.row, member.col
    return c + a * col, f + e * (row + height), c + a * (col + width), f + e * row


def placed(tiff: TiffFile, member: Member, whole: Header) -> Piece:
    """A tile of a list where the list has it; its own header must agree."""
    header, address = tiff.header, tiff.file.address
    if (header.kind.dtype, header.kind.count) != (whole.kind.dtype, 1):
        found = f"{header.kind.count} bands of {header.kind.dtype} in {member.name}"
        raise RefusedError(found, f"one of {whole.kind.dtype}, as the list says", "", address)
    a, _, c, _, e, f = whole.transform
    col, row = (
        (header.transform[2] - c) / a + member.used.col0,
        (header.transform[5] - f) / e + member.used.row0,
    )
    inside = member.used.row1 <= header.height and member.used.col1 <= header.width
    if not inside or abs(col - member.col) > _OFF or abs(row - member.row) > _OFF:
        found = f"{member.name} at column {col:.2f} and row {row:.2f} of the whole"
        raise RefusedError(found, f"column {member.col} and row {member.row}, as the list says", "", address)
    return Piece(tiff, member.name, member.row, member.col, member.used, member.clear)


_ONE_KIND = "Bring the files by hand and join them."


def _near(one: float, other: float, cells: int) -> bool:
    return abs(one - other) * cells < _OFF * abs(one)


def _same_crs(one: str, other: str) -> bool:
    return one == other or (
        bool(one) and bool(other) and rasterio.CRS.from_wkt(one) == rasterio.CRS.from_wkt(other)
    )


def uncovered(window: Window, pieces: list[Piece]) -> list[Tile]:
    """Boxes of a window, in its own cells, that no piece covers."""
    parts = []
    for piece in pieces:
        for part, row, col in window.parts(piece.row, piece.col, *piece.used.shape):
            parts.append((row, row + part.shape[0], col, col + part.shape[1]))
    rows = sorted({0, window.tile.shape[0], *(edge for part in parts for edge in part[:2])})
    cols = sorted({0, window.tile.shape[1], *(edge for part in parts for edge in part[2:])})
    free = np.ones((len(rows) - 1, len(cols) - 1), bool)
    for row0, row1, col0, col1 in parts:
        free[rows.index(row0) : rows.index(row1), cols.index(col0) : cols.index(col1)] = False
    return [Tile(rows[i], rows[i + 1], cols[j], cols[j + 1]) for i, j in zip(*np.nonzero(free), strict=True)]


def box_of(whole: Header, window: Window, part: Tile) -> tuple[float, float, float, float]:
    """West, south, east, north of cells of a window, in the CRS of the whole."""
    a, b, c, d, e, f = tuple(_corner(whole, window))[:6]
    corners = ((part.col0, part.row0), (part.col1, part.row1))
    (x0, y0), (x1, y1) = ((a * col + b * row + c, d * col + e * row + f) for col, row in corners)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def write_mosaic(
    path: Path, whole: Header, window: Window, pieces: list[Piece], nodata: float | None
) -> list[Tile]:
    """Write the cells under a window as a GeoTIFF, and read them back.

    Parameters
    ----------
    path : Path
    whole : Header
        CRS, transform and kind of the raster that the pieces belong to.
    window : Window
    pieces : list of Piece
        Where two overlap, the first counts.
    nodata : float or None
        What cells get that no piece covers, where the files declare nothing; None for NaN, or a refusal of whole
        numbers.

    Returns
    -------
    list of Tile
        Cells that no piece covers, as `uncovered` gives them.

    Raises
    ------
    RefusedError
        If there are such cells and no number for them, or too many bands to hold a strip of.
    DamagedError, FetchError
    """
    kind, height, width = whole.kind, *window.tile.shape
    gaps = uncovered(window, pieces)
    if gaps and kind.nodata is None:
        if nodata is None and np.dtype(kind.dtype).kind != "f":
            mend = "Add `nodata:` to the entry: a number that no cell has."
            raise RefusedError(f"{cells_in(gaps)} cells without a tile", "a nodata value for them", mend)
        kind = replace(kind, nodata=float("nan") if nodata is None else nodata)
    rows = _strip_rows(kind, width)
    check_size((kind.count, min(rows, height), width), kind.dtype, "a strip of the window in all bands")
    sums = []
    with _create(path, whole, window, kind) as out:
        for row in range(0, height, rows):
            strip = (row, min(row + rows, height))
            numbers = _strip(kind, window, pieces, strip)
            out.write(numbers, window=Part(0, row, width, strip[1] - row))
            sums.append(hashlib.sha256(numbers.tobytes()).digest())
    _check(path, whole, window, rows, sums)
    return gaps


def cells_in(parts: list[Tile]) -> int:
    """How many cells boxes have together."""
    return sum(part.shape[0] * part.shape[1] for part in parts)


def _strip_rows(kind: Kind, width: int) -> int:
    row = width * kind.count * np.dtype(kind.dtype).itemsize
    return max(_STRIP // row // _BLOCK, 1) * _BLOCK


def _strip(kind: Kind, window: Window, pieces: list[Piece], strip: tuple[int, int]) -> np.ndarray:
    row0, row1 = strip
    width = window.tile.shape[1]
    numbers = np.full((kind.count, row1 - row0, width), 0 if kind.nodata is None else kind.nodata, kind.dtype)
    covered = np.zeros((row1 - row0, width), bool)
    shifted = Window(
        Tile(window.tile.row0 + row0, window.tile.row0 + row1, window.tile.col0, window.tile.col1),
        window.width, window.wraps,
    )  # fmt: skip
    for piece in pieces:
        used = piece.used
        for part, row, col in shifted.parts(piece.row, piece.col, *used.shape):
            at = (slice(row, row + part.shape[0]), slice(col, col + part.shape[1]))
            if covered[at].all():
                continue
            inside = Tile(
                part.row0 + used.row0, part.row1 + used.row0, part.col0 + used.col0, part.col1 + used.col0
            )
            found = piece.tiff.read(inside)
            free = ~covered[at]
            if piece.clear is not None:
                free &= ~_is_number(found[0], piece.clear)  # pieces of lists have one band
            numbers[:, at[0], at[1]][:, free] = found[:, free]
            covered[at] |= free
    return numbers


def _is_number(numbers: np.ndarray, number: float) -> np.ndarray:
    return np.isnan(numbers) if np.isnan(number) else numbers == number


def _corner(whole: Header, window: Window) -> Affine:
    (a, b, c, d, e, f), col, row = whole.transform, window.tile.col0, window.tile.row0
    return Affine(a, b, c + a * col + b * row, d, e, f + d * col + e * row)


def _create(path: Path, whole: Header, window: Window, kind: Kind):
    profile = {
        "driver": "GTiff", "dtype": kind.dtype, "count": kind.count, "crs": whole.crs or None,
        "transform": _corner(whole, window),
        "height": window.tile.shape[0], "width": window.tile.shape[1], "nodata": kind.nodata, "tiled": True,
        "blockxsize": _BLOCK, "blockysize": _BLOCK, "compress": "DEFLATE", "bigtiff": "IF_SAFER",
        "predictor": 3 if np.dtype(kind.dtype).kind == "f" else 2, "interleave": "band",
    }  # fmt: skip
    if np.dtype(kind.dtype).itemsize == 8 and profile["predictor"] == 2:
        del profile["predictor"]  # older GDAL knows none for 64-bit integers
    out = rasterio.open(path, "w", **profile)
    out.scales, out.offsets = kind.scales, kind.offsets
    for band, (text, unit) in enumerate(zip(kind.descriptions, kind.units, strict=True), start=1):
        if text:
            out.set_band_description(band, text)
        if unit:
            out.set_band_unit(band, unit)
    if kind.point:
        out.update_tags(AREA_OR_POINT="Point")
    if kind.colormap and kind.dtype in ("uint8", "uint16"):
        out.write_colormap(1, dict(kind.colormap))
    return out


def _check(path: Path, whole: Header, window: Window, rows: int, sums: list[bytes]) -> None:
    try:
        with rasterio.open(path, driver="GTiff") as data:
            same = data.scales == whole.kind.scales and data.offsets == whole.kind.offsets
            same = same and (data.height, data.width) == window.tile.shape
            same = same and data.transform.almost_equals(_corner(whole, window), 1e-9)
            for number, digest in enumerate(sums):
                row = number * rows
                found = data.read(window=Part(0, row, data.width, min(rows, data.height - row)))
                same = same and hashlib.sha256(found.tobytes()).digest() == digest
    except (RasterioError, OSError) as error:
        raise DamagedError(
            f"a cut that cannot be read back ({error})", "the numbers that were written"
        ) from error
    if not same:
        raise DamagedError("other numbers than were written", "the same", "Check the disk.")
