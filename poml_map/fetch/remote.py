"""A file on a server that looks like one on the disk: what was read of it lies in a nameless file of the cache.

GDAL and HDF5 hide what went wrong behind words of their own, and HDF5 holds a lock while it reads. So neither waits for
a server: reading what is not here yet fails at once and is noted, the parts are brought, and the question is put again
(`RemoteFile.answer`). Errors of the network never pass through a library.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from poml_map.fetch.answers import Stamp
from poml_map.fetch.client import Client
from poml_map.fetch.failures import ChangedError, DamagedError

# What is brought at least. [bytes]
BLOCK = 64 * 1024
# Blocks with a gap of so many between them are brought by one request: a gap costs less than a request.
_SMALL_GAP = 2
# The largest request; a broken one is repeated as a whole.
_MOST_BLOCKS = 128
# Headers that lie far apart, one behind the other, end sometime.
_MOST_QUESTIONS = 500
# Each time a header leads to something new, more is read ahead, up to this.
_MOST_AHEAD = 16


class NoRangesError(Exception):
    """The server hands out whole files only; `stamp` is what it said."""

    def __init__(self, stamp: Stamp):
        self.stamp = stamp
        super().__init__("no ranges")


class RemoteFile:
    """See the module. Not for two threads at once.

    Parameters
    ----------
    client : Client
    address : str
    folder : Path
        Where the nameless file is made.

    Attributes
    ----------
    stamp : Stamp
        Of the first answer; later ones must agree.
    size : int
    beyond : bool
        Whether a library read on behind the end: GDAL takes it for a tag that is not there.

    Raises
    ------
    NoRangesError
    FetchError
    """

    def __init__(self, client: Client, address: str, folder: Path):
        self._client, self.address = client, address
        first = client.read(address, 0, BLOCK - 1)
        self.stamp = first.stamp
        if first.whole or first.stamp.size is None:
            raise NoRangesError(first.stamp)
        if not first.body:
            raise DamagedError("an empty file", "data", "Try again later.", address)
        self.size = first.stamp.size
        self._kept = tempfile.TemporaryFile(dir=folder, prefix="remote-")  # noqa: SIM115 - lives as long as we do
        self._have: set[int] = set()
        self._missed: set[int] = set()
        self._ahead, self.beyond = 1, False
        self._keep(0, first.body)

    def close(self) -> None:
        """Forget what was brought."""
        self._kept.close()

    def _keep(self, block: int, body: bytes) -> None:
        self._kept.seek(block * BLOCK)
        self._kept.write(body)
        self._have.update(range(block, block + -(-len(body) // BLOCK)))

    def need(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Bring parts of the file.

        Parameters
        ----------
        ranges : iterable of (int, int)
            Offset and length. [byte]

        Raises
        ------
        DamagedError
            If a part lies beyond the end of the file: it is cut off, on the server.
        """
        blocks: set[int] = set()
        for offset, length in ranges:
            _check_inside(offset, length, self)
            blocks.update(range(offset // BLOCK, -(-(offset + length) // BLOCK)))
        self._bring(blocks)

    def _bring(self, blocks: set[int]) -> None:
        for first, last in _runs(sorted(blocks - self._have)):
            end = min((last + 1) * BLOCK, self.size)
            answer = self._client.read(self.address, first * BLOCK, end - 1, self.stamp)
            if answer.whole:
                raise ChangedError("no part of the file, as a moment ago", "", "Try again.", self.address)
            self._keep(first, answer.body)

    def answer(self, question: Callable, failures: tuple[type[Exception], ...]):
        """What `question` returns, asked until nothing was missing.

        Parameters
        ----------
        question : callable
            Without arguments; opens the file anew and reads what it wants.
        failures : tuple of exception types
            What the library raises when a read fails. Raised only when nothing was missing.
        """
        for _ in range(_MOST_QUESTIONS):
            self._missed, self.beyond = set(), False
            try:
                found = question()
            except failures:
                if not self._missed:
                    raise
            else:
                if not self._missed:
                    return _whole(self, found)
            last = -(-self.size // BLOCK)
            wanted = {b + more for b in self._missed for more in range(self._ahead) if b + more < last}
            self._ahead = min(2 * self._ahead, _MOST_AHEAD)
            self._bring(wanted | self._missed)
        raise DamagedError("a header without end", "a file that can be read", "", self.address)

    def view(self) -> View:
        """What a library reads, from the file's beginning."""
        return View(self)

    def read_at(self, offset: int, length: int) -> bytes | None:
        """Bytes that were brought; None and a note if one of them is not here."""
        self.beyond |= _is_beyond(offset, length, self.size)
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        missing = set(range(offset // BLOCK, (offset + length - 1) // BLOCK + 1)) - self._have
        if missing:
            self._missed |= missing
            return None
        self._kept.seek(offset)
        return self._kept.read(length)


class View(io.RawIOBase):
    """A position in a `RemoteFile`, with the methods that libraries call."""

    def __init__(self, remote: RemoteFile):
        super().__init__()
        self._remote, self._at = remote, 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Position. [byte]"""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._remote.size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Bytes; none where some are missing: GDAL calls it, which no exception may pass."""
        left = max(self._remote.size - self._at, 0)
        found = self._remote.read_at(self._at, left if size is None or size < 0 else size) or b""
        self._at += len(found)
        return found

    def readinto(self, buffer) -> int:
        """The same for HDF5, which an exception stops at once."""
        found = self._remote.read_at(self._at, len(buffer))
        if found is None:
            raise OSError("not here yet")
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


def _check_inside(offset: int, length: int, file: RemoteFile | LocalFile) -> None:
    if offset < 0 or offset + length > file.size:
        found = f"a file of {file.size} bytes whose data go on to byte {offset + length}: it is cut off"
        raise DamagedError(found, "a whole file", "Tell the publisher; try again later.", file.address)


def _is_beyond(offset: int, length: int, size: int) -> bool:
    """Whether a read goes on behind the end; from the beginning every library takes more than there may be."""
    return offset > 0 and offset + length > size


def _whole(file: RemoteFile | LocalFile, found):
    """An answer, unless it was made from what is not there."""
    if file.beyond:
        found = f"a file of {file.size} bytes that says it is longer: it is cut off"
        raise DamagedError(found, "a whole file", "Tell the publisher; try again later.", file.address)
    return found


def _runs(blocks: list[int]) -> list[tuple[int, int]]:
    """First and last block of each request."""
    runs: list[list[int]] = []
    for block in blocks:
        near = runs and block - runs[-1][1] <= 1 + _SMALL_GAP
        if near and block - runs[-1][0] < _MOST_BLOCKS:
            runs[-1][1] = block
        else:
            runs.append([block, block])
    return [(first, last) for first, last in runs]


class LocalFile:
    """A whole file of the cache behind the same face.

    Parameters
    ----------
    path : Path
    stamp : Stamp
    address : str
        Where it came from.
    """

    def __init__(self, path: Path, stamp: Stamp, address: str):
        self.path, self.stamp, self.address = path, stamp, address
        self.size, self.beyond = path.stat().st_size, False

    def need(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Nothing is missing, unless the file is cut off."""
        for offset, length in ranges:
            _check_inside(offset, length, self)

    def answer(self, question: Callable, failures: tuple[type[Exception], ...]):
        """What `question` returns."""
        self.beyond = False
        return _whole(self, question())

    def close(self) -> None:
        """Nothing is open."""

    def view(self):
        """What a library reads, from the file's beginning."""
        return _LocalView(self)

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes of the file."""
        with self.path.open("rb") as stream:
            stream.seek(offset)
            return stream.read(length)


class _LocalView(io.FileIO):
    """An open file that notes reads behind its end."""

    def __init__(self, local: LocalFile):
        super().__init__(local.path, "rb")
        self._local = local

    def read(self, size: int = -1) -> bytes:
        """As of a file."""
        if size is not None and size > 0:
            self._local.beyond |= _is_beyond(self.tell(), size, self._local.size)
        return super().read(size)
