"""NetCDF and Zarr files that somebody else wrote: looked at before the libraries that read them are let in.

NetCDF-4 is HDF5, which may keep its values in any other file: by a link, as external storage, or as a virtual dataset;
netCDF4 follows all three without a word. A Zarr array names the code that decodes it.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from poml_map.errors import RefusedFileError
from poml_map.limits import MOST_BLOCK, MOST_CELLS, MOST_JSON, size_text

_CLASSIC, _HDF5 = (b"CDF\x01", b"CDF\x02", b"CDF\x05"), b"\x89HDF\r\n\x1a\n"
_MOST_OBJECTS = 100_000
# More than one deflate would multiply: 5 MB for 5 TB.
_HDF5_FILTERS = {
    h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_SZIP,
    h5py.h5z.FILTER_NBIT, h5py.h5z.FILTER_SCALEOFFSET,
}  # fmt: skip
_REPACK = "Write the file again: `nccopy -d 1 OLD NEW`."
#: Compressors of Zarr whose chunks tell how large they become, or can be decoded piece by piece.
COMPRESSORS = ("blosc", "zstd", "lz4", "zlib", "gzip")
_FILTERS = ("delta", "fixedscaleoffset", "shuffle", "bitround", "quantize", "astype", "crc32", "crc32c")
_CODECS = ("bytes", "transpose", "crc32c", *COMPRESSORS)
_REWRITE = "Write the store again with xarray: plain numbers, no shards, zstd or blosc."
_CHUNKS = "Write it in smaller chunks."


def check_netcdf(path: Path) -> list[str]:
    """Refuse a NetCDF whose values lie elsewhere, or whose chunks need too much memory or code that is not at hand.

    Returns
    -------
    list of str
        Variables of one dimension in chunks, which may be read whole as axes.

    Raises
    ------
    RefusedFileError
    OSError
        If it is no NetCDF.
    """
    with path.open("rb") as stream:
        start = stream.read(8)
    if start[:4] in _CLASSIC:
        return []
    if start != _HDF5:
        raise OSError("no NetCDF: the first bytes are of another format")
    with h5py.File(path, "r", locking=False) as file:
        axes: list[str] = []
        # A link is shown, not followed; what is raised inside would not get through HDF5, so it is returned.
        refused = file.visititems_links(partial(_visit, file, axes, itertools.count(1)))
    if refused is not None:
        raise refused
    return axes


def _visit(file: h5py.File, axes: list[str], number: Iterator[int], name: str, link) -> Exception | None:
    try:
        if next(number) > _MOST_OBJECTS:
            raise RefusedFileError(f"more than {_MOST_OBJECTS} variables and groups", "fewer", _REPACK)
        if isinstance(link, h5py.ExternalLink):
            raise RefusedFileError(f"{name}, a link to {link.filename}", "values in the file itself", _REPACK)
        if isinstance(link, h5py.HardLink) and file.get(name, getclass=True) is h5py.Dataset:
            data = file[name]
            _check_dataset(name, data)
            if data.chunks is not None and data.ndim == 1:
                axes.append(name)
    except Exception as error:
        return error
    return None


def _check_dataset(name: str, data: h5py.Dataset) -> None:
    made = data.id.get_create_plist()
    if made.get_layout() == h5py.h5d.VIRTUAL or made.get_external_count():
        raise RefusedFileError(f"{name}, which lies in other files", "values in the file itself", _REPACK)
    if made.get_layout() != h5py.h5d.CHUNKED:
        return
    filters = [made.get_filter(at)[0] for at in range(made.get_nfilters())]
    if not set(filters) <= _HDF5_FILTERS or len(set(filters)) < len(filters):
        found = f"{name}, packed by the filters {', '.join(map(str, filters))} of HDF5"
        raise RefusedFileError(found, "zlib or none", _REPACK)
    _check_size(name, made.get_chunk(), data.dtype.itemsize)


def _check_size(name: str, chunk, itemsize: int) -> None:
    size = math.prod(map(int, chunk)) * itemsize
    if size > MOST_BLOCK:
        found = f"{name} in chunks of {' x '.join(map(str, chunk))}, {size_text(size)} each when decoded"
        raise RefusedFileError(found, f"at most {size_text(MOST_BLOCK)}", _CHUNKS)


def check_zarr(path: Path) -> list[str]:
    """Refuse a Zarr group whose arrays hold other things than numbers, or need too much memory or unknown code.

    Returns
    -------
    list of str
        Arrays of one dimension, which xarray reads whole as soon as it opens the group.

    Raises
    ------
    RefusedFileError
    ValueError, KeyError, OSError
        If its descriptions are not those of Zarr.
    """
    axes = []
    for folder in sorted(each for each in path.iterdir() if each.is_dir()):
        array = read_array(folder)
        if array is None:
            continue
        _check_size(folder.name, array["chunks"], array["itemsize"])
        if len(array["shape"]) == 1:
            axes.append(folder.name)
            if array["shape"][0] > MOST_CELLS:
                found = f"the axis {folder.name} of {array['shape'][0]} cells"
                raise RefusedFileError(found, f"at most {MOST_CELLS}", "Cut the store to the region.")
    return axes


def read_array(folder: Path) -> dict | None:
    """What a Zarr array says of itself, of version 2 or 3; None for a folder that is no array.

    Returns
    -------
    dict
        ``shape`` and ``chunks`` (lists of int), ``itemsize``, ``compressor`` (name or None) and ``key``, which
        makes the name of a chunk's file from its place.
    """
    if (folder / ".zarray").exists():
        return _version_2(folder.name, _json(folder / ".zarray"))
    said = _json(folder / "zarr.json") if (folder / "zarr.json").exists() else {}
    return _version_3(folder.name, said) if said.get("node_type") == "array" else None


def _version_2(name: str, said: dict) -> dict:
    filters = [each["id"] for each in said.get("filters") or []]
    packed = [said["compressor"]["id"]] if said.get("compressor") else []
    separator = said.get("dimension_separator", ".")
    dtype = said["dtype"]
    if not isinstance(dtype, str):
        raise RefusedFileError(f"{name} of type {dtype}", "numbers", _REWRITE)
    return _array(
        name, said, said["chunks"], dtype, filters, packed, _FILTERS,
        lambda place: separator.join(map(str, place)) if place else "0",
    )  # fmt: skip


def _version_3(name: str, said: dict) -> dict:
    codecs = [each if isinstance(each, str) else each["name"] for each in said["codecs"]]
    packed = [codec for codec in codecs if codec in COMPRESSORS]
    key = said["chunk_key_encoding"]
    old, start = key["name"] == "v2", [] if key["name"] == "v2" else ["c"]
    separator = key.get("configuration", {}).get("separator", "." if old else "/")
    if said.get("storage_transformers"):
        raise RefusedFileError(f"{name} with storage transformers", "none", _REWRITE)
    if said["chunk_grid"]["name"] != "regular":
        raise RefusedFileError(f"{name} in uneven chunks", "chunks of one size", _REWRITE)
    return _array(
        name, said, said["chunk_grid"]["configuration"]["chunk_shape"], said["data_type"],
        [codec for codec in codecs if codec not in packed], packed, _CODECS,
        lambda place: separator.join(map(str, [*start, *place])) or "0",
    )  # fmt: skip


def _array(name: str, said: dict, chunks, dtype, filters, packed, allowed, key) -> dict:
    unknown = [each for each in filters if each not in allowed]
    unknown += [each for each in packed if each not in COMPRESSORS]
    if unknown or len(packed) > 1:
        what = ", ".join(map(str, unknown or packed))
        raise RefusedFileError(f"{name}, packed by {what}", f"one of {', '.join(COMPRESSORS)}", _REWRITE)
    kind = np.dtype(dtype) if isinstance(dtype, str) else np.dtype(object)
    if kind.kind not in "biufMm":
        raise RefusedFileError(f"{name} of type {dtype}", "numbers", _REWRITE)
    return {
        "shape": [int(each) for each in said["shape"]],
        "chunks": [int(each) for each in chunks],
        "itemsize": kind.itemsize,
        "compressor": packed[0] if packed else None,
        "key": key,
    }


def _json(path: Path) -> dict:
    size = path.stat().st_size
    if size > MOST_JSON:
        raise RefusedFileError(
            f"{path.name} of {size_text(size)}", f"at most {size_text(MOST_JSON)}", _REWRITE
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError(f"{path.name} is nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} is no description of an array")
    return found
