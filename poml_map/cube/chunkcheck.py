"""How large a compressed chunk becomes, known before it is decoded in memory.

A library decodes a chunk to its end, however small the file says it is: 5 MB of zstd can become 150 GiB.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import h5py

from poml_map.cube.arraycheck import read_array
from poml_map.deflate import inflated_size
from poml_map.errors import RefusedFileError
from poml_map.limits import MOST_BLOCK, size_text

# Deflate makes one byte of 1032 at best, so that a smaller chunk need not be looked at.
_HARMLESS = MOST_BLOCK // 1032
_ZSTD = b"\x28\xb5\x2f\xfd"


def check_netcdf_chunks(path: Path, variable: str, window: tuple | None, checked: set) -> None:
    """Refuse a chunk of a NetCDF variable that would decode to more than `poml_map.limits.MOST_BLOCK`.

    Parameters
    ----------
    path : Path
        Passed `check_netcdf`.
    variable : str
    window : tuple of slice or int, or None
        What will be read, an item for each dimension; None for all.
    checked : set
        Chunks that were looked at before; new ones are added.

    Raises
    ------
    RefusedFileError
    """
    with path.open("rb") as stream:
        if not stream.read(4).startswith(b"\x89HDF"):
            return
    with h5py.File(path, "r", locking=False) as file:
        data = file[variable]
        if data.chunks is None or data.compression != "gzip" or not data.size:
            return
        for place in _places(window, data.shape, data.chunks):
            key = (path, variable, place)
            offset = tuple(at * side for at, side in zip(place, data.chunks, strict=True))
            if key in checked or data.id.get_chunk_info_by_coord(offset).size <= _HARMLESS:
                continue
            _refuse_large(f"{variable}, chunk {place}", inflated_size(data.id.read_direct_chunk(offset)[1]))
            checked.add(key)


def check_zarr_chunks(path: Path, variable: str, window: tuple | None, checked: set) -> None:
    """The same for a Zarr array of a group that passed `check_zarr`."""
    array = read_array(path / variable)
    if array is None or array["compressor"] is None:
        return
    for place in _places(window, array["shape"], array["chunks"]):
        file = path / variable / array["key"](place)
        if (file, None) in checked or not file.is_file():  # an empty chunk has no file
            continue
        _refuse_large(f"{variable}, chunk {place}", _decoded_size(file, array["compressor"]))
        checked.add((file, None))


def _places(window: tuple | None, shape, chunks) -> itertools.product:
    """Numbers of the chunks under a window, or of all."""
    ranges = []
    window = tuple(slice(0, length) for length in shape) if window is None else window
    for part, side in zip(window, chunks, strict=True):
        first, last = (part.start, part.stop) if isinstance(part, slice) else (part, part + 1)
        ranges.append(range(first // side, -(-last // side)))
    return itertools.product(*ranges)


def _refuse_large(what: str, size: int) -> None:
    if size > MOST_BLOCK:
        found = f"{what}, which becomes larger than {size_text(MOST_BLOCK)} when decoded"
        raise RefusedFileError(found, "chunks of the size that the header says", "Bring the file again.")


def _decoded_size(file: Path, compressor: str) -> int:
    with file.open("rb") as stream:
        head = stream.read(18)
    if compressor == "blosc":
        return int.from_bytes(head[4:8], "little")
    if compressor == "lz4":
        return int.from_bytes(head[:4], "little")
    if compressor == "zstd":
        return _zstd_size(head)
    return inflated_size(file.read_bytes()) if file.stat().st_size > _HARMLESS else 0


def _zstd_size(head: bytes) -> int:
    """Content size of the first frame (RFC 8878, 3.1.1.1); a frame that does not tell counts as too large."""
    if head[:4] != _ZSTD or len(head) < 6:
        return MOST_BLOCK + 1
    flags = head[4]
    single = flags >> 5 & 1
    at = 5 + (0 if single else 1) + (0, 1, 2, 4)[flags & 3]
    width = (1 if single else 0, 2, 4, 8)[flags >> 6]
    size = int.from_bytes(head[at : at + width], "little") + (256 if width == 2 else 0)
    return size if width else MOST_BLOCK + 1
