"""What an answer of a server says before its bytes count: its status, of which file it is, and which part."""

from __future__ import annotations

import re
from dataclasses import dataclass

import aiohttp

from poml_map.fetch.failures import AbsentError, ChangedError, DamagedError, RefusedError
from poml_map.fetch.patience import PASSING

# Of bytes; more digits are no size.
_NUMBER = re.compile("[0-9]{1,18}")


@dataclass(frozen=True)
class Stamp:
    """What a server says of a file, by which a later answer is known to be of the same file.

    Attributes
    ----------
    size : int or None
        [byte]
    etag, modified : str
    ranges : bool
        Whether parts of it can be had.
    """

    size: int | None = None
    etag: str = ""
    modified: str = ""
    ranges: bool = False

    @property
    def known(self) -> bool:
        """Whether another version of the file would show."""
        return bool(self.etag or self.modified)

    def differs(self, later: Stamp) -> bool:
        """Whether a later answer is of another file: as far as both say something."""
        pairs = [(self.size, later.size), (self.etag, later.etag)]
        if not (self.etag and later.etag):  # of several machines behind one name, the dates may differ
            pairs.append((self.modified, later.modified))
        return any(one and other and one != other for one, other in pairs)


@dataclass(frozen=True)
class Answer:
    """A part of a file.

    Attributes
    ----------
    body : bytes
    stamp : Stamp
    whole : bool
        The server ignored the range: nothing was read.
    """

    body: bytes
    stamp: Stamp
    whole: bool = False


class PassingError(Exception):
    """Worth another try."""

    def __init__(self, found: str, retry_after: str = "", unreachable: bool = False):
        self.found, self.retry_after, self.unreachable = found, retry_after, unreachable
        super().__init__(found)


async def read_at_most(response: aiohttp.ClientResponse, size: int) -> bytes:
    """The body, of which one byte more than `size` is read at most: a server may send without end."""
    body = bytearray()
    while len(body) <= size and (piece := await response.content.read(size + 1 - len(body))):
        body += piece
    if len(body) > size:
        response.close()
    return bytes(body)


def check_status(address: str, response: aiohttp.ClientResponse) -> None:
    """Raise what a status other than 200 and 206 means: refused, absent, or worth another try."""
    status, said = response.status, f"{response.status} {response.reason or ''}".strip()
    if status in (200, 206):
        return
    if status in (404, 410):
        mend = "Check `fetch: url:`, `names:` and `years:` of the entry: the server may have moved the file."
        raise AbsentError(f"{said}: no such file on the server", "", mend, address)
    if status in PASSING:
        raise PassingError(said, response.headers.get("Retry-After", ""))
    if status == 416 and response.headers.get("Content-Range", "").strip() == "bytes */0":
        raise DamagedError("an empty file", "data", "Try again later; tell the publisher.", address)
    if status == 416:
        raise ChangedError("a file that is shorter than before", "", "Run the same command again.", address)
    mend = "Check `fetch: url:` of the entry."
    if status in (401, 403, 407):
        mend = "An account may be needed (~/.netrc is read), or a proxy refuses: see `steps:` of the entry."
    raise RefusedError(f"{said} from the server", "a file", mend, address)


def check_same(address: str, known: Stamp | None, stamp: Stamp) -> None:
    """Raise `ChangedError` if an answer is of another file than `known`."""
    if known is not None and known.differs(stamp):
        mend = "Run the same command again when the server is quiet."
        raise ChangedError("another file than a moment ago", "one version of it", mend, address)


def stamp_of(response: aiohttp.ClientResponse) -> Stamp:
    """What an answer says of its file."""
    headers, size = response.headers, None
    if response.status == 206:
        total = headers.get("Content-Range", "").rpartition("/")[2]
        size = int(total) if _NUMBER.fullmatch(total) else None
    elif _NUMBER.fullmatch(headers.get("Content-Length", "")):  # of what comes: nothing is decoded on the way
        size = int(headers["Content-Length"])
    ranges = response.status == 206 or headers.get("Accept-Ranges", "").lower() == "bytes"
    return Stamp(size, headers.get("ETag", ""), headers.get("Last-Modified", ""), ranges)


def content_range(response: aiohttp.ClientResponse) -> tuple[int, int]:
    """First and last byte of an answer 206."""
    match = re.fullmatch(
        r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)",
        response.headers.get("Content-Range", "").strip(),
    )
    if match is None:
        raise PassingError("an answer 206 that does not say which part it is")
    return int(match[1]), int(match[2])
