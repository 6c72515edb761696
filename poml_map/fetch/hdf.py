"""One NetCDF-4 file, here or on a server: names, dimensions, attributes and stored numbers of its variables."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import h5py
import numpy as np

from poml_map.deflate import inflated_size
from poml_map.fetch.failures import DamagedError, RefusedError
from poml_map.fetch.remote import LocalFile, RemoteFile
from poml_map.fetch.tiff import check_size
from poml_map.limits import MOST_BLOCK, size_text

#: What reading a damaged or unfinished file raises.
FAILURES = (OSError, RuntimeError, KeyError, ValueError)

# What HDF5 and the NetCDF library note for themselves.
_INTERNAL = {
    "CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", "DIMENSION_LABELS", "_Netcdf4Dimid", "_Netcdf4Coordinates",
    "_NCProperties", "_nc3_strict",
}  # fmt: skip
# Deflate, shuffle, checksum, szip, offset of integers: what the HDF5 library decodes by itself.
_FILTERS = {1, 2, 3, 4, 5, 6}
# Deflate makes one byte of 1032 at best, so that a smaller chunk need not be looked at.
_HARMLESS = MOST_BLOCK // 1032
_WHOLE = "Bring the file by hand, or with `whole: true`."


class HdfFile:
    """A NetCDF-4 file in a `RemoteFile` or `LocalFile`; the face that `poml_map.cube.header` reads.

    Parameters
    ----------
    file : RemoteFile or LocalFile
    """

    def __init__(self, file: RemoteFile | LocalFile):
        self.file = file
        self._facts: dict[str, dict] = {}
        self.names: list[str] = self.ask(self._names)

    def ask(self, question: Callable[[h5py.File], object]):
        """What a question to the open file returns; what is missing of it is brought.

        Raises
        ------
        DamagedError
            If HDF5 cannot read the file though nothing is missing.
        FetchError
        """

        def asked():
            with self.file.view() as stream, h5py.File(stream, "r", locking=False) as data:
                return question(data)

        try:
            return self.file.answer(asked, FAILURES)
        except FAILURES as error:
            found = f"a NetCDF file that cannot be read ({' '.join(str(error).split())[:120]})"
            mend = "It is cut off or damaged on the server: try again later; tell the publisher."
            raise DamagedError(found, "a whole file", mend, self.file.address) from error

    @staticmethod
    def _names(data: h5py.File) -> list[str]:
        """Variables of the root group; links to other files are not followed."""
        own = [name for name in data if isinstance(data.get(name, getlink=True), h5py.HardLink)]
        return [name for name in own if isinstance(data[name], h5py.Dataset)]

    def _of(self, name: str) -> dict:
        if name not in self._facts:
            self._facts[name] = self.ask(lambda data: self._read_facts(data, name))
        return self._facts[name]

    def _read_facts(self, data: h5py.File, name: str) -> dict:
        variable = data[name]
        self._check_safe(name, variable)
        is_scale = variable.attrs.get("CLASS") == b"DIMENSION_SCALE"
        dims = [dim[0].name.rpartition("/")[2] if len(dim) else "" for dim in variable.dims]
        if is_scale and variable.ndim == 1:
            dims = [name]
        return {
            "dims": tuple(dim or f"{name}_{number}" for number, dim in enumerate(dims)),
            "shape": variable.shape,
            "dtype": variable.dtype,
            "attrs": {key: _plain(variable.attrs[key]) for key in variable.attrs if key not in _INTERNAL},
            "bare": is_scale and b"This is a netCDF dimension" in np.bytes_(variable.attrs.get("NAME", b"")),
        }

    def _check_safe(self, name: str, variable: h5py.Dataset) -> None:
        found = ""
        if variable.external or variable.is_virtual:
            found = f"variable {name} with values in other files"
        create = variable.id.get_create_plist()
        filters = {create.get_filter(number)[0] for number in range(create.get_nfilters())}
        if filters - _FILTERS:
            found = f"variable {name} packed by filter {min(filters - _FILTERS)}"
        size = math.prod(variable.chunks or (1,)) * max(variable.dtype.itemsize, 1)
        if size > MOST_BLOCK:
            found = f"variable {name} in chunks of {size_text(size)}"
        if found:
            expected = f"values in the file itself, by deflate, in chunks of at most {size_text(MOST_BLOCK)}"
            raise RefusedError(found, expected, _WHOLE, self.file.address)

    def dims(self, name: str) -> tuple[str, ...]:
        """Names of a variable's dimensions."""
        return self._of(name)["dims"]

    def shape(self, name: str) -> tuple[int, ...]:
        """Length of each dimension."""
        return self._of(name)["shape"]

    def dtype(self, name: str) -> np.dtype:
        """Type of the stored numbers, with their byte order."""
        return self._of(name)["dtype"]

    def attrs(self, name: str) -> dict:
        """Attributes of a variable."""
        return self._of(name)["attrs"]

    def is_bare(self, name: str) -> bool:
        """Whether a name is of a dimension without coordinates."""
        return self._of(name)["bare"]

    def global_attrs(self) -> dict:
        """Attributes of the file."""
        return self.ask(
            lambda data: {key: _plain(data.attrs[key]) for key in data.attrs if key not in _INTERNAL}
        )

    def read(self, name: str, index: tuple = ()) -> np.ndarray:
        """Stored numbers of a part, or of all; its chunks are brought first, all together.

        Parameters
        ----------
        name : str
        index : tuple of slice or int
            One for each dimension.
        """
        index = index or tuple(slice(0, length) for length in self.shape(name))
        shape = tuple(each.stop - each.start for each in index if isinstance(each, slice))
        check_size(shape, self.dtype(name), f"variable {name} under the window", self.file.address)
        self.file.need(self.ranges(name, index))

        def numbers(data):
            self._check_chunks(data[name], index)
            return np.asarray(data[name][index])

        return self.ask(numbers)

    def ranges(self, name: str, index: tuple) -> list[tuple[int, int]]:
        """Offset and length of what is stored of a part. [byte]"""
        self._of(name)
        return self.ask(lambda data: list(_stored(data[name], index)))

    def _check_chunks(self, variable: h5py.Dataset, index: tuple) -> None:
        if variable.chunks is None or variable.compression != "gzip":
            return
        for offset in _chunks(variable, index):
            if variable.id.get_chunk_info_by_coord(offset).size <= _HARMLESS:
                continue
            if inflated_size(variable.id.read_direct_chunk(offset)[1]) > MOST_BLOCK:
                found = f"a chunk that becomes larger than {size_text(MOST_BLOCK)}"
                raise RefusedError(
                    found, "chunks of the size that the header says", _WHOLE, self.file.address
                )


def _chunks(variable: h5py.Dataset, index: tuple):
    """First cell of every chunk under a part."""
    ranges = []
    for part, side in zip(index, variable.chunks, strict=True):
        first, last = (part.start, part.stop) if isinstance(part, slice) else (part, part + 1)
        ranges.append(range(first // side * side, last, side))
    return itertools.product(*ranges)


def _stored(variable: h5py.Dataset, index: tuple):
    if not variable.size:
        return
    if variable.chunks is not None:
        for offset in _chunks(variable, index):
            chunk = variable.id.get_chunk_info_by_coord(offset)
            if chunk.byte_offset is not None:
                yield int(chunk.byte_offset), int(chunk.size)
        return
    start = variable.id.get_offset()
    if start is None:  # compact, or never written
        return
    item = variable.dtype.itemsize
    spans = [(part.start, part.stop - 1) if isinstance(part, slice) else (part, part) for part in index]
    if len(spans) < 2:
        first, last = spans[0] if spans else (0, 0)
        yield start + first * item, (last - first + 1) * item
        return
    for outer in itertools.product(*(range(first, last + 1) for first, last in spans[:-2])):
        at = [
            np.ravel_multi_index((*outer, *[span[end] for span in spans[-2:]]), variable.shape)
            for end in (0, 1)
        ]
        yield start + int(at[0]) * item, int(at[1] - at[0] + 1) * item


def _plain(value):
    """An attribute as numpy numbers or text."""
    if isinstance(value, h5py.Empty):
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray) and value.dtype.kind == "S":
        texts = [each.decode("utf-8", "replace") for each in value.ravel()]
        return texts[0] if len(texts) == 1 else texts
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        texts = [
            each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each)
            for each in value.ravel()
        ]
        return texts[0] if len(texts) == 1 else texts
    if isinstance(value, np.ndarray) and value.shape == (1,):
        return value[0]
    return value
