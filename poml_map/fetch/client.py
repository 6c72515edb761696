"""The only place of the program that opens the network: fsspec's HTTP filesystem, asked with patience.

fsspec brings the session, the loop and the thread it runs in. What it leaves open is decided here: an answer counts
only if it is the part that was asked for, whole, of the same file as before.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import yarl
from fsspec.implementations.http import HTTPFileSystem

from poml_map._version import __version__
from poml_map.fetch.address import asked_at, check_address, shown_address
from poml_map.fetch.failures import (
    AbsentError,
    ChangedError,
    DamagedError,
    FetchError,
    NetworkError,
    RefusedError,
    StoppedError,
)
from poml_map.fetch.patience import PASSING, Patience

#: Connections at a time: of one server, and of all.
EACH_HOST, ALL_HOSTS = 2, 4

# Without any byte for so long, a connection counts as broken. [s]
_CONNECT, _SILENCE = 30.0, 60.0
_REDIRECTS = 5
_PIECE = 2**18
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


class _PassingError(Exception):
    """Worth another try."""

    def __init__(self, found: str, retry_after: str = "", unreachable: bool = False):
        self.found, self.retry_after, self.unreachable = found, retry_after, unreachable
        super().__init__(found)


class Client:
    """Asks servers; may be used by several threads at once.

    Parameters
    ----------
    mirror : str, optional
        Every ``https://HOST/PATH`` is asked at ``MIRROR/HOST/PATH``.
    patience : Patience, optional
    count : callable, optional
        Told the number of bytes that came.
    silence : float
        Seconds without a byte after which a connection counts as broken.
    """

    def __init__(
        self,
        mirror: str | None = None,
        patience: Patience | None = None,
        count: Callable[[int], None] | None = None,
        silence: float = _SILENCE,
    ):
        self.mirror, self.patience = mirror and check_address(mirror), patience or Patience()
        self._count, self._silence = count or (lambda size: None), silence
        self._files = HTTPFileSystem(get_client=self._session, skip_instance_cache=True)
        self._unreachable: set[str] = set()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_) -> None:
        session = self._files._session
        if session is not None:
            asyncio.run_coroutine_threadsafe(session.close(), self._files.loop).result(5)

    async def _session(self, **_) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=ALL_HOSTS, limit_per_host=EACH_HOST),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=self._silence),
            headers={"User-Agent": f"poml-map/{__version__}", "Accept-Encoding": "identity"},
            auto_decompress=False,
            trust_env=True,  # proxies of the environment, ~/.netrc
        )

    def look(self, address: str) -> Stamp:
        """What the server says of a file, without its bytes; as much of it as it tells.

        Raises
        ------
        FetchError
        """
        return self._patiently(address, lambda: self._head(address))

    def read(self, address: str, first: int, last: int, known: Stamp | None = None) -> Answer:
        """Bytes `first` to `last` (included) of a file; fewer only at its end.

        Parameters
        ----------
        address : str
        first, last : int
        known : Stamp, optional
            Of an earlier answer.

        Raises
        ------
        ChangedError
            If the file is another one than `known` says.
        FetchError
        """
        return self._patiently(address, lambda: self._part(address, first, last, known))

    def stream(self, address: str, first: int, known: Stamp | None, write: Callable) -> Stamp:
        """One try to bring a file from byte `first` to its end.

        Parameters
        ----------
        address : str
        first : int
        known : Stamp or None
        write : callable
            Takes ``(stamp, position, bytes)`` for each piece. A first piece at position 0 though `first` is not 0
            means that the server began again.

        Raises
        ------
        BrokenError
            If the connection broke: what was written so far is good, and may be gone on from.
        FetchError
        """
        self.patience.go_on()
        try:
            return self._wait(self._stream(address, first, known, write))
        except _PassingError as error:
            raise BrokenError(error) from error

    def give_up(self, address: str, found: str) -> NetworkError:
        """The error of a server that was asked often enough."""
        mend = "Check the network and proxy; the same command goes on where this one stopped."
        return NetworkError(found, f"an answer within {self.patience.tries} tries", mend, address)

    def _patiently(self, address: str, ask: Callable):
        for failures in range(1, self.patience.tries + 1):
            self.patience.go_on()
            try:
                found = self._wait(ask())
            except _PassingError as error:
                self.after_failure(address, error, failures)
            else:
                self._unreachable.discard(urlsplit(address).netloc)
                return found
        raise AssertionError  # pragma: no cover - the last failure raises

    def after_failure(self, address: str, error: _PassingError, failures: int) -> None:
        """Wait for the next try; raise `NetworkError` when there is none.

        A server that could not be reached at all is not waited for again by each of a hundred files.
        """
        host = urlsplit(address).netloc
        pause = self.patience.pause(failures, error.retry_after)
        if pause is None:
            raise self.give_up(address, f"{error.found}, and come back in {error.retry_after[:30]} s")
        if failures >= self.patience.tries or (error.unreachable and host in self._unreachable):
            if error.unreachable:
                self._unreachable.add(host)
            raise self.give_up(address, error.found)
        self.patience.wait(pause)

    def _wait(self, coroutine):
        """Run in fsspec's loop; a stop of the command does not wait for a silent server."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._files.loop)
        while True:
            try:
                return future.result(0.2)
            except concurrent.futures.TimeoutError:
                if future.done():
                    raise
                if self.patience.stop.is_set():
                    future.cancel()
                    raise StoppedError("stopped") from None
            except concurrent.futures.CancelledError:
                raise StoppedError("stopped") from None
            except BaseException:
                future.cancel()
                raise

    async def _ask(self, method: str, address: str, headers: dict, use: Callable):
        check_address(address)
        place = asked_at(address, self.mirror)
        session = await self._files.set_session()
        try:
            async with session.request(
                method, yarl.URL(place), headers=headers, max_redirects=_REDIRECTS, allow_redirects=True
            ) as response:
                self._check_end(place, response)
                _check_status(address, response)
                return await use(response)
        except FetchError:
            raise
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, aiohttp.TooManyRedirects) as error:
            found = "redirects without end" if isinstance(error, aiohttp.TooManyRedirects) else "no address"
            raise RefusedError(
                f"{found} ({_said(error)})", "a file", "Check `fetch: url:`.", address
            ) from error
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError) as error:
            mend = "Check the clock of this machine and its certificates (SSL_CERT_FILE)."
            raise NetworkError(
                f"a certificate that is not trusted ({_said(error)})", "", mend, address
            ) from error
        except aiohttp.ClientConnectorError as error:
            raise _PassingError(f"no connection ({_said(error)})", unreachable=True) from error
        except (TimeoutError, aiohttp.ClientError, ConnectionError) as error:
            raise _PassingError(f"a broken answer ({_said(error)})") from error

    def _check_end(self, place: str, response: aiohttp.ClientResponse) -> None:
        """Redirects may lead to another host (a bucket, a mirror), not away from encryption."""
        way = [each.url for each in (*response.history[1:], response)]
        open_ones = [url for url in way if url.scheme != "https"]
        if urlsplit(place).scheme == "https" and open_ones:
            found = f"a redirect to {shown_address(str(open_ones[0]))}, which is not encrypted"
            raise RefusedError(found, "https:// to the end", "Check `fetch: url:` of the entry.", place)

    async def _head(self, address: str) -> Stamp:
        async def use(response):
            return _stamp(response)

        try:
            return await self._ask("HEAD", address, {}, use)
        except AbsentError:
            raise
        except RefusedError:  # some servers sign or allow GET only
            return (await self._part(address, 0, 0, None)).stamp

    async def _part(self, address: str, first: int, last: int, known: Stamp | None) -> Answer:
        async def use(response):
            stamp = _stamp(response)
            _check_same(address, known, stamp)
            if response.status == 200:
                response.close()  # a whole file may be large: it has a way of its own
                return Answer(b"", stamp, whole=True)
            start, end = _content_range(response)
            wanted = min(last, (stamp.size or last + 1) - 1) - first + 1
            body = await _at_most(response, wanted)
            self._count(len(body))
            if start != first or len(body) != wanted or end - start + 1 != len(body):
                found = f"bytes {start} to {start + len(body) - 1} where {first} to {last} were asked for"
                raise _PassingError(found)
            return Answer(body, stamp)

        return await self._ask("GET", address, {"Range": f"bytes={first}-{last}"}, use)

    async def _stream(self, address: str, first: int, known: Stamp | None, write: Callable) -> Stamp:
        async def use(response):
            stamp, at = _stamp(response), 0
            _check_same(address, known, stamp)
            if response.status == 206:
                at, _ = _content_range(response)
                if at != first:
                    raise _PassingError(f"bytes from {at} where bytes from {first} were asked for")
            began = at
            async for piece in response.content.iter_chunked(_PIECE):
                write(stamp, at, piece)
                at += len(piece)
                self._count(len(piece))
            if stamp.size is not None and at != stamp.size:
                raise _PassingError(f"{at} of {stamp.size} bytes")
            if at == began == 0:
                write(stamp, 0, b"")
            return stamp

        headers = {"Range": f"bytes={first}-"} if first else {}
        return await self._ask("GET", address, headers, use)


async def _at_most(response: aiohttp.ClientResponse, size: int) -> bytes:
    """The body, of which one byte more than `size` is read at most: a server may send without end."""
    body = bytearray()
    while len(body) <= size and (piece := await response.content.read(size + 1 - len(body))):
        body += piece
    if len(body) > size:
        response.close()
    return bytes(body)


class BrokenError(Exception):
    """A stream that ended too early; `cause` tells how to go on."""

    def __init__(self, cause: _PassingError):
        self.cause = cause
        super().__init__(cause.found)


def _check_status(address: str, response: aiohttp.ClientResponse) -> None:
    status, said = response.status, f"{response.status} {response.reason or ''}".strip()
    if status in (200, 206):
        return
    if status in (404, 410):
        mend = "Check `fetch: url:`, `names:` and `years:` of the entry: the server may have moved the file."
        raise AbsentError(f"{said}: no such file on the server", "", mend, address)
    if status in PASSING:
        raise _PassingError(said, response.headers.get("Retry-After", ""))
    if status == 416 and response.headers.get("Content-Range", "").strip() == "bytes */0":
        raise DamagedError("an empty file", "data", "Try again later; tell the publisher.", address)
    if status == 416:
        raise ChangedError("a file that is shorter than before", "", "Run the same command again.", address)
    mend = "Check `fetch: url:` of the entry."
    if status in (401, 403, 407):
        mend = "An account may be needed (~/.netrc is read), or a proxy refuses: see `steps:` of the entry."
    raise RefusedError(f"{said} from the server", "a file", mend, address)


def _check_same(address: str, known: Stamp | None, stamp: Stamp) -> None:
    if known is not None and known.differs(stamp):
        mend = "Run the same command again when the server is quiet."
        raise ChangedError("another file than a moment ago", "one version of it", mend, address)


def _stamp(response: aiohttp.ClientResponse) -> Stamp:
    headers, size = response.headers, None
    if response.status == 206:
        total = headers.get("Content-Range", "").rpartition("/")[2]
        size = int(total) if _NUMBER.fullmatch(total) else None
    elif _NUMBER.fullmatch(headers.get("Content-Length", "")):  # of what comes: nothing is decoded on the way
        size = int(headers["Content-Length"])
    ranges = response.status == 206 or headers.get("Accept-Ranges", "").lower() == "bytes"
    return Stamp(size, headers.get("ETag", ""), headers.get("Last-Modified", ""), ranges)


def _content_range(response: aiohttp.ClientResponse) -> tuple[int, int]:
    match = re.fullmatch(
        r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)",
        response.headers.get("Content-Range", "").strip(),
    )
    if match is None:
        raise _PassingError("an answer 206 that does not say which part it is")
    return int(match[1]), int(match[2])


def _said(error: BaseException) -> str:
    """What a library says, in one line, never an address with its query."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = re.sub(r" ssl:\w+ \[.*", "", text)
    return re.sub(r"\?\S+", "?...", text)[:160]
