"""The only place of the program that opens the network: fsspec's HTTP filesystem, asked with patience.

fsspec brings the session, the loop and the thread it runs in. What it leaves open is decided here: an answer counts
only if it is the part that was asked for, whole, of the same file as before.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import re
from collections.abc import Callable
from urllib.parse import urlsplit

import aiohttp
import yarl
from fsspec.implementations.http import HTTPFileSystem

from poml_map._version import __version__
from poml_map.fetch.address import asked_at, check_address, shown_address
from poml_map.fetch.answers import (
    Answer,
    PassingError,
    Stamp,
    check_same,
    check_status,
    content_range,
    read_at_most,
    stamp_of,
)
from poml_map.fetch.failures import (
    AbsentError,
    FetchError,
    NetworkError,
    RefusedError,
    StoppedError,
)
from poml_map.fetch.patience import Patience

#: Connections at a time: of one server, and of all.
EACH_HOST, ALL_HOSTS = 2, 4

# Without any byte for so long, a connection counts as broken. [s]
_CONNECT, _SILENCE = 30.0, 60.0
_REDIRECTS = 5
_PIECE = 2**18


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
        except PassingError as error:
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
            except PassingError as error:
                self.after_failure(address, error, failures)
            else:
                self._unreachable.discard(urlsplit(address).netloc)
                return found
        raise AssertionError  # pragma: no cover - the last failure raises

    def after_failure(self, address: str, error: PassingError, failures: int) -> None:
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
                check_status(address, response)
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
            raise PassingError(f"no connection ({_said(error)})", unreachable=True) from error
        except (TimeoutError, aiohttp.ClientError, ConnectionError) as error:
            raise PassingError(f"a broken answer ({_said(error)})") from error

    def _check_end(self, place: str, response: aiohttp.ClientResponse) -> None:
        """Redirects may lead to another host (a bucket, a mirror), not away from encryption."""
        way = [each.url for each in (*response.history[1:], response)]
        open_ones = [url for url in way if url.scheme != "https"]
        if urlsplit(place).scheme == "https" and open_ones:
            found = f"a redirect to {shown_address(str(open_ones[0]))}, which is not encrypted"
            raise RefusedError(found, "https:// to the end", "Check `fetch: url:` of the entry.", place)

    async def _head(self, address: str) -> Stamp:
        async def use(response):
            return stamp_of(response)

        try:
            return await self._ask("HEAD", address, {}, use)
        except AbsentError:
            raise
        except RefusedError:  # some servers sign or allow GET only
            return (await self._part(address, 0, 0, None)).stamp

    async def _part(self, address: str, first: int, last: int, known: Stamp | None) -> Answer:
        async def use(response):
            stamp = stamp_of(response)
            check_same(address, known, stamp)
            if response.status == 200:
                response.close()  # a whole file may be large: it has a way of its own
                return Answer(b"", stamp, whole=True)
            start, end = content_range(response)
            wanted = min(last, (stamp.size or last + 1) - 1) - first + 1
            body = await read_at_most(response, wanted)
            self._count(len(body))
            if start != first or len(body) != wanted or end - start + 1 != len(body):
                found = f"bytes {start} to {start + len(body) - 1} where {first} to {last} were asked for"
                raise PassingError(found)
            return Answer(body, stamp)

        return await self._ask("GET", address, {"Range": f"bytes={first}-{last}"}, use)

    async def _stream(self, address: str, first: int, known: Stamp | None, write: Callable) -> Stamp:
        async def use(response):
            stamp, at = stamp_of(response), 0
            check_same(address, known, stamp)
            if response.status == 206:
                at, _ = content_range(response)
                if at != first:
                    raise PassingError(f"bytes from {at} where bytes from {first} were asked for")
            began = at
            async for piece in response.content.iter_chunked(_PIECE):
                write(stamp, at, piece)
                at += len(piece)
                self._count(len(piece))
            if stamp.size is not None and at != stamp.size:
                raise PassingError(f"{at} of {stamp.size} bytes")
            if at == began == 0:
                write(stamp, 0, b"")
            return stamp

        headers = {"Range": f"bytes={first}-"} if first else {}
        return await self._ask("GET", address, headers, use)


class BrokenError(Exception):
    """A stream that ended too early; `cause` tells how to go on."""

    def __init__(self, cause: PassingError):
        self.cause = cause
        super().__init__(cause.found)


def _said(error: BaseException) -> str:
    """What a library says, in one line, never an address with its query."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = re.sub(r" ssl:\w+ \[.*", "", text)
    return re.sub(r"\?\S+", "?...", text)[:160]
