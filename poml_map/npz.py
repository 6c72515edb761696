"""Files of plain arrays (NumPy ``.npz``) that somebody else wrote: their sizes are checked before memory is taken."""

from __future__ import annotations

import math
import zipfile
from typing import BinaryIO

import numpy as np

from poml_map.limits import MOST_MODEL, size_text

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
# Others pack a thousand times closer: 5 MB of LZMA hold 30 GB of zeros.
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_npz(stream: BinaryIO) -> dict[str, np.ndarray]:
    """All arrays of a file, and nothing but arrays.

    Parameters
    ----------
    stream : binary file object

    Returns
    -------
    dict of str -> ndarray

    Raises
    ------
    ValueError
        If a member is no array of numbers or text, is not as long as its own header says, or all together are larger
        than `poml_map.limits.MOST_MODEL`.
    zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError
        If the file is damaged.

    Examples
    --------
    >>> from io import BytesIO
    >>> file = BytesIO()
    >>> np.savez_compressed(file, a=np.arange(3))
    >>> read_npz(file)
    {'a': array([0, 1, 2])}
    """
    with zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
        total = sum(member.file_size for member in members)
        if total > MOST_MODEL:
            raise ValueError(
                f"it becomes {size_text(total)} when unpacked, at most {size_text(MOST_MODEL)} are read"
            )
        if len({member.filename for member in members}) < len(members):
            raise ValueError("it has two members of one name")
        return {member.filename.removesuffix(".npy"): _array(archive, member) for member in members}


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    if member.compress_type not in _PACKINGS or not member.filename.endswith(".npy"):
        raise ValueError(f"{member.filename} is not packed as plain arrays are")
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        if version not in _HEADERS:
            raise ValueError(f"{member.filename} is of version {version} of the format")
        shape, _, kind = _HEADERS[version](stream)
        if kind.hasobject:
            raise ValueError(f"{member.filename} holds objects, which only a pickle can")
        claimed = stream.tell() + math.prod(shape) * kind.itemsize
    if claimed != member.file_size:
        raise ValueError(f"{member.filename} says {claimed} bytes and has {member.file_size}")
    with archive.open(member) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)
