"""An HTTP server on loopback for a folder of published files, which misbehaves where it is told to.

It serves ``FOLDER/HOST/PATH`` at ``http://127.0.0.1:PORT/HOST/PATH``: what `poml-map fetch --mirror` asks for.
Run it by hand: ``python -m tests.published.server FOLDER [PORT]``.
"""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

HTML = b"<!DOCTYPE html>\n<html><head><title>Service is down for maintenance</title></head><body>Sorry.</body></html>\n"
_PIECE = 64 * 1024


@dataclass
class Fault:
    """What goes wrong with one answer.

    Parameters
    ----------
    kind : str
        ``none``; ``break`` (connection cut after `after` bytes of the body); ``longer`` and ``shorter``
        (Content-Length off by `after`); ``truncated`` (the last `after` bytes of the file do not exist, as the headers
        say, too); ``status``; ``html`` (a page with status 200); ``no_ranges`` (200 and the whole file); ``slow``
        (`seconds` before the answer); ``trickle`` (`seconds` before every 64 KiB); ``changed`` (another file of the
        same size under a new ETag); ``flip`` (byte `after`, or the middle one, is another one, the ETag is the same);
        ``redirect`` (to `to`); ``wrong_range`` (206 with another part, and it says so);
        ``lying_range`` (206 with bytes from the file's beginning that says what was asked for).
    status : int
    after : int
    seconds : float
    headers : dict
    to : str
    """

    kind: str
    status: int = 500
    after: int = 0
    seconds: float = 0.0
    headers: dict = field(default_factory=dict)
    to: str = ""


@dataclass
class Asked:
    """One request that came: method, path and the Range header, and how many bytes of body went out."""

    method: str
    path: str
    range: str
    sent: int = 0


class PublishedServer:
    """A context that serves `folder`.

    Attributes
    ----------
    url : str
        Without a slash at its end.
    asked : list of Asked
        Every request, in order.
    """

    def __init__(self, folder: Path, port: int = 0):
        self.folder, self.asked = Path(folder), []
        self._queues: dict[str, deque[Fault]] = {}
        self._always: dict[str, Fault] = {}
        self._lock = threading.Lock()
        self._http = _Http(("127.0.0.1", port), _Handler)
        self._http.owner = self
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> PublishedServer:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def stop(self) -> None:
        """Unplug it: open connections are cut, new ones are refused."""
        if not self._thread.is_alive():
            return
        self._http.shutdown()
        self._http.cut_all()
        self._http.server_close()
        self._thread.join()

    def fault(self, path: str, kind: str, times: int | None = 1, **how) -> None:
        """Let the next `times` answers for ``HOST/PATH`` go wrong; None for all. An empty path means every file."""
        fault = Fault(kind, **how)
        if times is None:
            self._always[path] = fault
        else:
            self._queues.setdefault(path, deque()).extend([fault] * times)

    def mend(self) -> None:
        """Let everything go right from now on."""
        self._queues.clear()
        self._always.clear()

    @property
    def bytes_sent(self) -> int:
        """Of all bodies."""
        return sum(each.sent for each in self.asked)

    def take_fault(self, path: str) -> Fault | None:
        """The fault of the answer that is due."""
        with self._lock:
            for key in (path, ""):
                if self._queues.get(key):
                    return self._queues[key].popleft()
            return self._always.get(path) or self._always.get("")


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    owner: PublishedServer

    def __init__(self, *args):
        super().__init__(*args)
        self._open: set = set()

    def process_request(self, request, client_address):
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self._open.discard(request)
        super().shutdown_request(request)

    def cut_all(self) -> None:
        for request in list(self._open):
            self.shutdown_request(request)

    def handle_error(self, request, client_address):
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer waits 40 ms
    server: _Http

    def log_message(self, *_):
        """Quiet."""

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        owner, path = self.server.owner, unquote(urlsplit(self.path).path).lstrip("/")
        asked = Asked(self.command, path, self.headers.get("Range", ""))
        owner.asked.append(asked)
        fault = owner.take_fault(path) or Fault("none")
        if fault.kind == "slow":
            time.sleep(fault.seconds)
        file = owner.folder / path
        if fault.kind == "status":
            self._plain(fault.status, HTML if fault.status < 500 else b"busy", fault.headers, body)
        elif fault.kind == "redirect":
            self._plain(302, b"", {"Location": fault.to}, body)
        elif fault.kind == "html":
            self._plain(200, HTML, {"Content-Type": "text/html"}, body)
        elif ".." in path or not file.is_file():
            self._plain(404, HTML.replace(b"Service is down for maintenance", b"404 Not Found"), {}, body)
        else:
            self._file(file, fault, asked, body)

    def _plain(self, status: int, text: bytes, headers: dict, body: bool) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(text)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(text)

    def _file(self, file: Path, fault: Fault, asked: Asked, body: bool) -> None:
        data, stamp = file.read_bytes(), file.stat().st_mtime
        etag = hashlib.md5(f"{len(data)} {stamp}".encode(), usedforsecurity=False).hexdigest()
        if fault.kind == "changed":
            data, etag = bytes(255 - byte for byte in data), f"new-{etag}"
        elif fault.kind == "flip":
            at = fault.after or len(data) // 2
            data = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
        elif fault.kind == "truncated":
            data = data[: len(data) - (fault.after or len(data) // 2)]
        status, first, last = 200, 0, len(data) - 1
        wanted = None if fault.kind == "no_ranges" else _range(asked.range, len(data))
        if wanted == "unsatisfiable":
            self._plain(416, b"", {"Content-Range": f"bytes */{len(data)}"}, body)
            return
        headers = {"ETag": f'"{etag}"', "Last-Modified": formatdate(stamp, usegmt=True)}
        if wanted is not None:
            status, (first, last) = 206, wanted
            if fault.kind == "wrong_range":
                first, last = 0, min(last, len(data) // 2)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
            if fault.kind == "lying_range":
                first, last = 0, last - first
        part = data[first : last + 1]
        off = {"longer": fault.after or 10, "shorter": -(fault.after or 10)}.get(fault.kind, 0)
        headers |= {"Content-Length": str(max(len(part) + off, 0)), **fault.headers}
        if fault.kind != "no_ranges":
            headers["Accept-Ranges"] = "bytes"
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            pause = fault.seconds if fault.kind == "trickle" else 0.0
            self._send(part[: fault.after] if fault.kind == "break" else part, asked, pause)
        if fault.kind in ("break", "longer", "shorter"):
            self.close_connection = True

    def _send(self, part: bytes, asked: Asked, pause: float = 0.0) -> None:
        for at in range(0, len(part), _PIECE):
            time.sleep(pause)
            try:
                self.wfile.write(part[at : at + _PIECE])
            except OSError:  # the client has what it wants
                self.close_connection = True
                return
            asked.sent += len(part[at : at + _PIECE])


def _range(text: str, size: int):
    """First and last byte that a Range header asks for; None for the whole file."""
    if not text.startswith("bytes="):
        return None
    first, _, last = text.removeprefix("bytes=").partition("-")
    if not first:
        return max(size - int(last), 0), size - 1
    if int(first) >= size:
        return "unsatisfiable"
    return int(first), min(int(last), size - 1) if last else size - 1


if __name__ == "__main__":
    with PublishedServer(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0) as running:
        print(running.url, flush=True)
        threading.Event().wait()
