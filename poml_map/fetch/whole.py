"""Whole files: downloads that can be broken off and gone on with, and are checked to their last byte."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from poml_map.fetch.address import shown_address
from poml_map.fetch.answers import Stamp
from poml_map.fetch.cache import Cache, Kept, key_of
from poml_map.fetch.client import BrokenError, Client
from poml_map.fetch.content import ENDLESS, check_whole
from poml_map.fetch.failures import ChangedError, DamagedError
from poml_map.fetch.locks import no_link
from poml_map.fetch.patience import MOST_DAMAGED, MOST_VERSIONS
from poml_map.files import write_text_atomic

log = logging.getLogger(__name__)


def bring_whole(
    client: Client, cache: Cache, address: str, kind: str, sha256: str = "", refresh: bool = False
) -> Kept:
    """A whole file, from the cache if it is there.

    Parameters
    ----------
    client : Client
    cache : Cache
    address : str
    kind : str
        As for `content.check_head`.
    sha256 : str
        As the publisher states it; empty if he does not.
    refresh : bool
        Ask the server whether the file of the cache is still the one it has.

    Returns
    -------
    Kept
        Checked: of the right length, of its kind, whole.

    Raises
    ------
    FetchError
    ResourceError
        If the cache cannot be written to; what came so far stays, to go on from.
    """
    key = key_of({"whole": address})
    with cache.only_one(key, client.patience.go_on):
        kept = cache.find(key)
        if (
            kept
            and (not sha256 or kept.sha256 == sha256.lower())
            and (not refresh or is_current(client.look, kept))
        ):
            return kept
        download = _Download(client, cache, address, key)
        for more in reversed(range(MOST_DAMAGED)):
            stamp = download.finish()
            try:
                check_whole(download.part, kind, address, sha256)
                if kind in ENDLESS and not sha256:
                    _check_length(client, download.part, address)
            except DamagedError as error:
                download.forget()
                if not more:
                    raise
                log.info("%s: %s; once more", shown_address(address), error.found)
            except Exception:
                download.forget()
                raise
            else:
                with cache.room(f"parts/{download.part.name}"):
                    kept = cache.put(key, download.part, {address: stamp})
                download.forget()
                return kept
        raise AssertionError  # pragma: no cover - the last try raises


def _check_length(client: Client, part: Path, address: str) -> None:
    size, told = part.stat().st_size, client.look(address).size
    if told is not None and told != size:
        found = f"{size} bytes, of which the server says that they are {told}"
        raise DamagedError(found, "one length", "Try again later; tell the publisher.", address)


def is_current(look: Callable[[str], Stamp], kept: Kept) -> bool:
    """Whether the server still has the files that an object was made from; `look` tells what it says of each."""
    for address, stamp in kept.stamps.items():
        now = look(address)
        if not (stamp.known and now.known) or stamp.differs(now):
            return False
    return True


def is_here(cache_folder: Path, address: str) -> bool:
    """Whether the cache knows of a whole file; it is not counted, and may be asked of a folder that is not there."""
    return (cache_folder / "index" / f"{key_of({'whole': address})}.json").is_file()


class _Download:
    """A part file that grows to the whole."""

    def __init__(self, client: Client, cache: Cache, address: str, key: str):
        self.client, self.cache, self.address = client, cache, address
        self.part = cache.part(key)
        self._facts = self.part.with_suffix(".json")

    def forget(self) -> None:
        """Remove what came."""
        for path in (self.part, self._facts):
            path.unlink(missing_ok=True)

    def finish(self) -> Stamp:
        """Bring what is missing; returns what the server said of the file."""
        failures = versions = 0
        while True:
            first, known = self._begun()
            if known is not None and first == known.size:
                return known
            try:
                return self._go_on(first, known)
            except BrokenError as error:
                grown = known is not None and self._begun()[0] > first
                failures = 1 if grown else failures + 1
                self.client.after_failure(self.address, error.cause, failures)
            except ChangedError:
                self.forget()
                versions += 1
                if versions == MOST_VERSIONS:
                    raise

    def _begun(self) -> tuple[int, Stamp | None]:
        """How many bytes are here of which version; none where another version would not show."""
        with suppress(OSError, ValueError, TypeError):
            stamp = Stamp(**json.loads(self._facts.read_text(encoding="utf-8")))
            size = self.part.stat().st_size
            own = not self.part.is_symlink()  # who else can write to the cache might have put one there
            if own and stamp.known and stamp.size is not None and 0 < size <= stamp.size:
                return size, stamp
        self.forget()
        return 0, None

    def _go_on(self, first: int, known: Stamp | None) -> Stamp:
        try:
            with (
                self.cache.room(f"parts/{self.part.name}"),
                open(self.part, "r+b" if first else "wb", opener=no_link) as file,
            ):
                return self.client.stream(self.address, first, known, self._writer(file))
        finally:
            if not self._facts.exists():  # nothing came
                self.forget()

    def _writer(self, file) -> Callable[[Stamp, int, bytes], None]:
        def write(stamp: Stamp, at: int, piece: bytes) -> None:
            if at == 0:
                file.truncate(0)
                write_text_atomic(self._facts, json.dumps(asdict(stamp)))
            file.seek(at)
            file.write(piece)

        return write


def part_size(cache_folder: Path, address: str) -> int:
    """Bytes of a broken-off download that are here."""
    try:
        return (cache_folder / "parts" / f"{key_of({'whole': address})}.part").stat().st_size
    except OSError:
        return 0
