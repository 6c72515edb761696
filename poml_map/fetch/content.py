"""Whether what came is what was asked for: servers send pages where files should be, and files that are cut off."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import h5py

from poml_map.fetch.failures import DamagedError, RefusedError
from poml_map.fetch.remote import LocalFile
from poml_map.fetch.tiff import check_all_blocks, is_tiff
from poml_map.fetch.vrt import MOST_LIST, parse_list
from poml_map.fetch.zips import check_sums, check_zip
from poml_map.files import sha256_of_file
from poml_map.notdata import HEAD, instead

_HDF, _GZIP, _ZIP = b"\x89HDF\r\n\x1a\n", b"\x1f\x8b", b"PK\x03\x04"
_SQLITE = b"SQLite format 3\0"
_NETCDF = (b"CDF\x01", b"CDF\x02", b"CDF\x05", _HDF)
#: Kinds whose bytes do not tell where they end: what the server says of their length is asked twice.
ENDLESS = ("table", "vector")
_KINDS = {
    "raster": "a TIFF",
    "netcdf": "a NetCDF file",
    "archive": "a tar archive",
    "zip": "a zip archive",
    "vrt": "a list of tiles (VRT)",
    "vector": "a file of polygons",
    "table": "a text table",
}


def check_head(head: bytes, kind: str, address: str) -> None:
    """Refuse first bytes that are of something else than `kind`.

    Parameters
    ----------
    head : bytes
    kind : {"raster", "netcdf", "archive", "zip", "vrt", "vector", "table"}
    address : str

    Raises
    ------
    RefusedError
        Naming what it is instead: a web page by its title, an XML error by its message, JSON, nothing.

    Examples
    --------
    >>> check_head(b"<html><title>Log in</title>", "netcdf", "https://example.org/a.nc")
    Traceback (most recent call last):
    ...
    poml_map.fetch.failures.RefusedError: a web page, "Log in", expected a NetCDF file
    """
    if _fits(head, kind):
        return
    mend = "Open the address in a browser: the server may ask for an account, or have moved the file."
    raise RefusedError(_called(head), _KINDS[kind], mend, address)


def _fits(head: bytes, kind: str) -> bool:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if kind == "raster":
        return is_tiff(head)
    if kind == "netcdf":
        return head.startswith(_NETCDF)
    if kind == "archive":
        return head.startswith(_GZIP) or head[257:262] == b"ustar"
    if kind == "zip":
        return head.startswith(_ZIP)
    if kind == "vrt":
        return text.startswith((b"<VRTDataset", b"<?xml")) and b"<VRTDataset" in text
    if kind == "vector":
        return head.startswith((_SQLITE, b"fgb", _ZIP)) or text.startswith(b"{")
    return bool(text) and not text.startswith((b"<", b"{")) and b"\0" not in text


def _called(head: bytes) -> str:
    """What first bytes are of that are not of the kind that was asked for."""
    told, text = instead(head), head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if told:
        return told[0]
    if not text:
        return "nothing, an empty file"
    return "an XML text" if text.startswith(b"<") else f"a file that begins with {head[:8]!r}"


def check_whole(path: Path, kind: str, address: str, sha256: str = "") -> None:
    """Refuse a file that is cut off, damaged, of another format, or not the one that the catalog names.

    Parameters
    ----------
    path : Path
    kind : str
        As for `check_head`.
    address : str
    sha256 : str
        As the publisher states it; empty if he does not.

    Raises
    ------
    RefusedError, DamagedError
    """
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    check_head(head, kind, address)
    if sha256 and sha256_of_file(path) != sha256.lower():
        found = f"a file whose SHA-256 is {sha256_of_file(path)[:16]}..."
        mend = "It is damaged, or another version than the catalog names: correct `sha256:` if you trust it."
        raise DamagedError(found, f"{sha256[:16]}..., as the catalog says", mend, address)
    try:
        _check_to_the_end(path, head, kind, address)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, ValueError, RuntimeError) as error:
        found = f"a file that is cut off or damaged ({' '.join(str(error).split())[:100]})"
        raise DamagedError(found, _KINDS[kind], "Try again later; tell the publisher.", address) from error


def _check_to_the_end(path: Path, head: bytes, kind: str, address: str) -> None:
    if head.startswith(_HDF):
        with h5py.File(path, "r", locking=False):  # HDF5 compares the file's end with what its beginning says
            return
    if kind == "raster":
        check_all_blocks(LocalFile(path, None, address))
    elif kind == "vrt":
        parse_list(path.read_bytes()[: MOST_LIST + 1], address)
    elif kind == "vector" and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        _check_last_brace(path)
    elif head.startswith(_GZIP):
        _check_gzip(path)
    elif head.startswith(_ZIP):
        if kind == "zip":
            check_zip(path, address)
        check_sums(path)
    elif head.startswith(_SQLITE):
        page = int.from_bytes(head[16:18], "big")
        expected = (65536 if page == 1 else page) * int.from_bytes(head[28:32], "big")
        if path.stat().st_size < expected:
            raise EOFError(f"{path.stat().st_size} of {expected} bytes")


def _check_last_brace(path: Path) -> None:
    """GeoJSON ends as it began."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - HEAD, 0))
        if not file.read().rstrip().endswith(b"}"):
            raise EOFError("its last brace is missing")


def _check_gzip(path: Path) -> None:
    """Each member's checksum, without keeping what is unpacked."""
    with path.open("rb") as file:
        stream, fresh = zlib.decompressobj(16 + zlib.MAX_WBITS), True
        rest = file.read(2**20)
        while rest:
            stream.decompress(rest, 2**20)
            fresh = False
            rest = stream.unconsumed_tail or (b"" if stream.eof else file.read(2**20))
            if stream.eof:
                rest = (stream.unused_data or file.read(2**20)).lstrip(b"\0")
                stream, fresh = zlib.decompressobj(16 + zlib.MAX_WBITS), True
        if not fresh:
            raise EOFError("the packed stream ends too early")
