"""Lists of tiles as GDAL's virtual rasters (VRT), as SoilGrids publishes them; read here, never by GDAL.

GDAL would follow whatever such a list names. Here only tiles below the list's own folder are, on the same server.
"""

from __future__ import annotations

import re
import xml.parsers.expat
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
import rasterio
from rasterio.errors import CRSError

from poml_map.fetch.address import beside
from poml_map.fetch.failures import DamagedError, RefusedError
from poml_map.fetch.tiff import Header, Kind
from poml_map.grid import Tile

#: The largest list that is read: one of 100,000 tiles has some 40 MB. [bytes]
MOST_LIST = 64 * 2**20

# Cells along a side: GDAL counts them in 31 bits.
_MOST_SIDE = 2**31

_TYPES = {
    "Byte": "uint8", "Int8": "int8", "UInt16": "uint16", "Int16": "int16", "UInt32": "uint32", "Int32": "int32",
    "UInt64": "uint64", "Int64": "int64", "Float32": "float32", "Float64": "float64",
}  # fmt: skip
_SOURCES = ("SimpleSource", "ComplexSource")
_PASSED_OVER = {
    "NoDataValue", "ColorInterp", "Metadata", "Description", "UnitType", "Offset", "Scale", "CategoryNames",
    "Histograms", "HideNoDataValue", "ColorTable", "GDALRasterAttributeTable", "Overview",
}  # fmt: skip
_HANDS = "Bring the files by hand and join them with gdalwarp."


@dataclass(frozen=True)
class Member:
    """A tile of the list.

    Attributes
    ----------
    address, name : str
    used : Tile
        Its own cells that count.
    row, col : int
        Where the first of them lies in the whole.
    clear : float, optional
        Number of its cells through which earlier tiles of the list are seen.
    """

    address: str
    name: str
    used: Tile
    row: int
    col: int
    clear: float | None = None


def read_list(text: bytes, address: str) -> tuple[Header, list[Member]]:
    """The raster that a list describes, and its tiles.

    Parameters
    ----------
    text : bytes
    address : str
        Of the list.

    Returns
    -------
    whole : Header
    members : list of Member
        Where two overlap, the later counts.

    Raises
    ------
    RefusedError
        If it is no plain list: entities, several bands, other sources than whole cells of tiles below its folder.
    """
    root = parse_list(text, address)

    def refuse(found: str, expected: str) -> RefusedError:
        return RefusedError(found, expected, _HANDS, address)

    if root.tag != "VRTDataset" or root.get("subClass"):
        raise refuse(f"a list of kind {root.get('subClass') or root.tag}", "a plain VRT of tiles")
    bands = root.findall("VRTRasterBand")
    if len(bands) != 1 or bands[0].get("subClass"):
        raise refuse(f"{len(bands)} bands, or one that is computed", "one band made of tiles")
    band = bands[0]
    try:
        width, height = int(root.get("rasterXSize", "")), int(root.get("rasterYSize", ""))
        c, a, b, f, d, e = (float(word) for word in root.findtext("GeoTransform", "").split(","))
        if not (0 < min(width, height) <= max(width, height) < _MOST_SIDE):
            raise ValueError(f"{width} x {height} cells")
        if not (np.isfinite([a, b, c, d, e, f]).all() and a * e - b * d):
            raise ValueError("cells without a size")
        nodata, dtype = band.findtext("NoDataValue"), _TYPES[band.get("dataType", "Byte")]
        if nodata is not None and not _can_hold(dtype, float(nodata)):
            raise ValueError(f"nodata {nodata} in {dtype}")
        kind = Kind(
            dtype, 1, None if nodata is None else float(nodata),
            (float(band.findtext("Scale", "1")),), (float(band.findtext("Offset", "0")),),
            (band.findtext("Description"),), (band.findtext("UnitType"),), False,
        )  # fmt: skip
        crs = rasterio.CRS.from_user_input(root.findtext("SRS", "")).to_wkt()
    except (ValueError, KeyError, CRSError) as error:
        raise refuse(
            f"a list that lacks size, position, type or CRS ({error})", "a plain VRT of tiles"
        ) from error
    strange = {each.tag for each in band} - set(_SOURCES) - _PASSED_OVER
    if strange:
        raise refuse(f"<{sorted(strange)[0]}>", "SimpleSource or ComplexSource only")
    members = [_member(each, address, refuse) for each in band if each.tag in _SOURCES]
    if not members:
        raise refuse("a list without tiles", "tiles")
    return Header(crs, (a, b, c, d, e, f), width, height, kind), members


def _can_hold(dtype: str, number: float) -> bool:
    if np.dtype(dtype).kind == "f":
        return True
    limits = np.iinfo(dtype)
    return float(number).is_integer() and limits.min <= number <= limits.max


def parse_list(text: bytes, address: str) -> ElementTree.Element:
    """The XML of a list, without whatever could name other files.

    Raises
    ------
    RefusedError
        If it is too large or has a DOCTYPE.
    DamagedError
        If it is cut off, or no XML.
    """
    if len(text) > MOST_LIST:
        raise RefusedError(f"a list of {len(text)} bytes", f"at most {MOST_LIST}", _HANDS, address)
    if re.search(rb"<!(DOCTYPE|ENTITY)", text):
        raise RefusedError(
            "a list with a DOCTYPE, which can name other files", "a plain VRT", _HANDS, address
        )
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, xml.parsers.expat.ExpatError, ValueError, LookupError) as error:
        raise DamagedError(
            f"a list that is no XML ({error})", "a VRT", "It may be cut off: try again.", address
        ) from error


def _member(source: ElementTree.Element, address: str, refuse) -> Member:
    name = source.find("SourceFilename")
    if name is None or not name.text or name.get("relativeToVRT") != "1":
        raise refuse(f"the tile {name.text if name is not None else None!r}", "a name relative to the list")
    if source.findtext("SourceBand", "1") != "1" or source.find("LUT") is not None:
        raise refuse(
            f"band {source.findtext('SourceBand')} of {name.text}, or a table of values", "band 1 as it is"
        )
    if (source.findtext("ScaleRatio", "1"), source.findtext("ScaleOffset", "0")) not in (
        ("1", "0"),
        ("1.0", "0.0"),
    ):
        raise refuse(f"{name.text} with numbers that are rescaled", "numbers as they are")
    try:
        clear = source.findtext("NODATA") if source.tag == "ComplexSource" else None
        clear = None if clear is None else float(clear)
        (x, y, wide, high), (col, row, dst_wide, dst_high) = _box(source, "SrcRect"), _box(source, "DstRect")
    except (TypeError, ValueError) as error:
        raise refuse(
            f"{name.text} without a place", "SrcRect, DstRect in whole cells, NODATA a number"
        ) from error
    if (wide, high) != (dst_wide, dst_high) or min(x, y, wide, high) < 0:
        raise refuse(
            f"{name.text} of {wide} x {high} cells, shown in {dst_wide} x {dst_high}", "cells as they are"
        )
    return Member(beside(address, name.text), name.text, Tile(y, y + high, x, x + wide), row, col, clear)


def _box(source: ElementTree.Element, tag: str) -> tuple[int, int, int, int]:
    found = source.find(tag)
    if found is None:
        raise ValueError(f"no {tag}")
    values = [float(found.get(key)) for key in ("xOff", "yOff", "xSize", "ySize")]
    if not all(abs(value) < _MOST_SIDE for value in values):
        raise ValueError("cells beyond any raster")
    whole = [round(value) for value in values]
    if any(abs(value - number) > 1e-3 for value, number in zip(values, whole, strict=True)):
        raise ValueError("parts of cells")
    return tuple(whole)
