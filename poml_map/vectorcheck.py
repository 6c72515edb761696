"""Vector files that somebody else wrote: looked at before GDAL opens them.

GDAL guesses the format from the content.
A guess can be wrong on purpose: a text named ``counties.gpkg`` may send GDAL to another file or to a server. So the
first bytes must be those of a format that holds its own values, and what such a format can still name is refused.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from poml_map import formats
from poml_map.errors import RefusedFileError
from poml_map.limits import MOST_GEOJSON, MOST_VECTOR, size_text

_SQLITE, _SHAPEFILE, _FLATGEOBUF = b"SQLite format 3\0", b"\0\0\x27\x0a", b"fgb\x03fgb"
_RECORD_SEPARATOR = "\x1e"
_FORMATS = "a GeoPackage, GeoJSON, FlatGeobuf or shapefile"
_EXPORT = "Save the layer as a GeoPackage of its own."
_GEOJSON_TYPES = {
    "FeatureCollection", "Feature", "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon",
    "GeometryCollection",
}  # fmt: skip
# A link or url as the CRS of a GeoJSON is fetched by GDAL while it opens the file.
_CRS_TYPES = ("name", "epsg")
# Triggers run when something is written, which nobody does here.
_PLAIN_SQL = re.compile(
    r"\s*create\s+((unique\s+)?index|table|trigger|virtual\s+table\s+(\"[^\"]*\"|\w+)\s+using\s+rtree)\b",
    re.IGNORECASE,
)
# No feature takes fewer.
_LEAST_BYTES = 4


def check_vector(path: Path) -> None:
    """Refuse a file that is not what it says, or that would lead GDAL to another file, a server or code.

    Parameters
    ----------
    path : Path
        An existing file.

    Raises
    ------
    RefusedFileError
        If the first bytes are of no format of `poml_map.formats.VECTOR`, the file is too large, a GeoJSON takes its CRS
        from a link, or a GeoPackage has views or virtual tables, which are programs in SQL.
    OSError
        If it is no vector file.
    """
    if any(sign in str(path) for sign in "!;") or path.suffix.lower() == ".zip":
        found = "a path with '!' or ';', or of an archive"
        raise RefusedFileError(found, "a plain file", "Rename the file or its folder, or unpack it.")
    with path.open("rb") as stream:
        head = stream.read(64)
    size = path.stat().st_size
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    is_json = text.startswith((b"{", _RECORD_SEPARATOR.encode()))
    most = MOST_GEOJSON if is_json else MOST_VECTOR
    if size > most:
        raise RefusedFileError(f"a vector file of {size_text(size)}", f"at most {size_text(most)}", _EXPORT)
    if is_json:
        _check_geojson(path)
    elif head.startswith(_SQLITE):
        _check_sqlite(path)
    elif text.startswith(b"<"):
        raise RefusedFileError("XML, a file that leads to other files or may", _FORMATS, _EXPORT)
    elif path.suffix.lower() in (".csv", ".txt", ".tsv"):
        raise RefusedFileError("a table without shapes", _FORMATS, _EXPORT)
    elif not head.startswith((_SHAPEFILE, _FLATGEOBUF)):
        raise OSError(f"the first bytes are not those of {_FORMATS}")


def check_layer(info: dict, path: Path) -> None:
    """Refuse what `pyogrio.read_info` says of a layer if it cannot be true of a file of this size.

    Raises
    ------
    RefusedFileError
        If GDAL took it for a format that is not read, or it claims more features than it has room for.
    """
    if info["driver"] not in formats.VECTOR:
        raise RefusedFileError(f"a file of format {info['driver']}", _FORMATS, _EXPORT)
    size = path.stat().st_size
    if info["features"] * _LEAST_BYTES > size:
        found = f"{info['features']} features in {size_text(size)}"
        raise RefusedFileError(found, "a count that fits the file", _EXPORT)


def _check_geojson(path: Path) -> None:
    try:
        for document in _documents(path.read_text(encoding="utf-8-sig")):
            if not isinstance(document, dict) or document.get("type") not in _GEOJSON_TYPES:
                raise RefusedFileError("JSON that is no GeoJSON", _FORMATS, _EXPORT)
    except (ValueError, RecursionError) as error:
        raise RefusedFileError(f"a GeoJSON that cannot be read ({error})", _FORMATS, _EXPORT) from None


def _documents(text: str) -> Iterator[object]:
    """One document, or one a line: a sequence of features."""
    decoder = json.JSONDecoder(object_pairs_hook=_checked_object)
    text = text.replace(_RECORD_SEPARATOR, " ").strip()
    at = 0
    while at < len(text):
        document, at = decoder.raw_decode(text, at)
        yield document
        while at < len(text) and text[at].isspace():
            at += 1


def _checked_object(pairs: list[tuple[str, object]]) -> dict:
    for key, value in pairs:
        kind = value.get("type") if key == "crs" and isinstance(value, dict) else _CRS_TYPES[0]
        if str(kind).lower() not in _CRS_TYPES:
            mend = "Remove `crs`, or name it: GeoJSON is in EPSG:4326."
            raise RefusedFileError(f"a CRS of type {kind!r}, which leads elsewhere", "a name", mend)
    types = [value for key, value in pairs if key == "type"]
    return dict(pairs) if len(types) < 2 else {**dict(pairs), "type": types}


def _check_sqlite(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as data:
            data.execute("PRAGMA trusted_schema = OFF")
            found = data.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    except sqlite3.Error as error:
        raise RefusedFileError(f"a GeoPackage that cannot be read ({error})", _FORMATS, _EXPORT) from error
    for name, sql in found:
        if not _PLAIN_SQL.match(str(sql)):
            raise RefusedFileError(f"{name!r}, a view or virtual table", "tables only", _EXPORT)
