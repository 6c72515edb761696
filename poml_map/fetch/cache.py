"""The cache of downloads: objects named by what is in them, found by where they came from.

```
objects/ab/abcdef...   bytes, named by their SHA-256; never changed
index/<key>.json       address and window -> object, with what the server said of it
parts/<key>.part       a download that was broken off, with a .json that says of which version it is
work/                  files that are being made
```
An object is counted anew before every use. One that differs from its name is removed, and brought again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from poml_map.errors import ResourceError
from poml_map.fetch.answers import Stamp
from poml_map.fetch.locks import only_one
from poml_map.files import resource_error, sha256_of_file, write_text_atomic

# Half-made files of a killed command are of no use to anybody after so long. [s]
_STALE = 24 * 3600.0


def cache_folder(given: Path | None) -> Path:
    """The folder of all downloads: as given, else ``POML_MAP_CACHE``, else the cache of this user."""
    if given is not None:
        return Path(given)
    named = os.environ.get("POML_MAP_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("poml-map", appauthor=False))


def key_of(facts: dict) -> str:
    """A name for facts: the same facts, the same name.

    Examples
    --------
    >>> key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1}), len(key_of({}))
    (True, 32)
    """
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def object_path(folder: Path, sha256: str) -> Path:
    """Where the object of a checksum lies in a cache.

    Raises
    ------
    ValueError
        If it is no SHA-256 in hexadecimal.
    """
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError("no SHA-256")
    return folder / "objects" / sha256[:2] / sha256


@dataclass(frozen=True)
class Kept:
    """An object of the cache.

    Attributes
    ----------
    path : Path
    sha256 : str
    bytes : int
    stamps : dict of str -> Stamp
        By address, of all files that it was made from.
    date : str
        When it came.
    notes : tuple of str
        What to tell of it: gaps, for example.
    """

    path: Path
    sha256: str
    bytes: int
    stamps: dict[str, Stamp]
    date: str
    notes: tuple[str, ...] = ()


class Cache:
    """See the module.

    Parameters
    ----------
    folder : Path
        Made if it is not there.

    Raises
    ------
    ResourceError
        If it cannot be made or written to.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        try:
            for name in ("objects", "index", "parts", "work"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise resource_error(self.folder, error) from error
        self._remove_stale()

    def _remove_stale(self) -> None:
        now = datetime.now(UTC).timestamp()
        for path in (self.folder / "work").iterdir():
            with suppress(OSError):
                if now - path.stat().st_mtime > _STALE:
                    path.unlink()

    def find(self, key: str) -> Kept | None:
        """The object of a key, if it is here and whole."""
        index = self.folder / "index" / f"{key}.json"
        try:
            facts = json.loads(index.read_text(encoding="utf-8"))
            stamps = {address: Stamp(**stamp) for address, stamp in facts["stamps"].items()}
            path = object_path(self.folder, facts["sha256"])
            kept = Kept(path, facts["sha256"], facts["bytes"], stamps, facts["date"], tuple(facts["notes"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        if self._is_whole(kept):
            return kept
        for each in (path, index):
            with suppress(OSError):  # of a cache that is shared, or may only be read
                each.unlink(missing_ok=True)
        return None

    @staticmethod
    def _is_whole(kept: Kept) -> bool:
        try:
            return kept.path.stat().st_size == kept.bytes and sha256_of_file(kept.path) == kept.sha256
        except OSError:
            return False

    def put(self, key: str, made: Path, stamps: dict[str, Stamp], notes: tuple[str, ...] = ()) -> Kept:
        """Take a file of `work` or `parts` that was checked; its name is gone afterwards."""
        sha256, size = sha256_of_file(made), made.stat().st_size
        kept = Kept(object_path(self.folder, sha256), sha256, size, stamps, now_text(), notes)
        with open(made, "rb+") as file:
            os.fsync(file.fileno())
        os.chmod(made, 0o644)  # a cache may be shared; temporary files are for their maker only
        kept.path.parent.mkdir(exist_ok=True)
        os.replace(made, kept.path)
        self.note(key, kept)
        return kept

    def note(self, key: str, kept: Kept) -> None:
        """Let `find` give this object for this key, too."""
        facts = {"sha256": kept.sha256, "bytes": kept.bytes, "date": kept.date, "notes": list(kept.notes)}
        facts["stamps"] = {address: asdict(stamp) for address, stamp in kept.stamps.items()}
        write_text_atomic(self.folder / "index" / f"{key}.json", json.dumps(facts, indent=1) + "\n")

    def part(self, key: str) -> Path:
        """Where a download of this key grows."""
        return self.folder / "parts" / f"{key}.part"

    @contextmanager
    def only_one(self, key: str, go_on: Callable[[], None]) -> Iterator[None]:
        """Be the only process and thread that makes what this key names; others wait for it.

        Parameters
        ----------
        key : str
        go_on : callable
            Called while waiting; raises when there is no more reason to.
        """
        with ExitStack() as stack:
            with self.room(f"parts/{key}.lock"):
                stack.enter_context(only_one(self.folder / "parts" / f"{key}.lock", go_on))
            yield

    @contextmanager
    def work_file(self, suffix: str) -> Iterator[Path]:
        """A name for a file in the making; nothing is left of it unless it was moved away."""
        handle, name = tempfile.mkstemp(suffix, dir=self.folder / "work")
        os.close(handle)
        path = Path(name)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def room(self, what: str) -> Iterator[None]:
        """Let a full disk or a folder that refuses be told as such."""
        try:
            yield
        except OSError as error:
            if error.errno is None:
                raise
            raise resource_error(self.folder / what, error) from error

    def cannot_write(self, work: Path, error: Exception) -> ResourceError:
        """What a library said about writing a file, in words of its own, as an error of the machine."""
        text = " ".join(str(error).split())[:120]
        free = shutil.disk_usage(self.folder).free
        mend = "Free some space or choose another folder with --cache, then run the same command again."
        return ResourceError(
            f"{work}: cannot be written ({text}); {free} bytes free in {self.folder}. {mend}"
        )


def now_text() -> str:
    """This second, in UTC.

    Examples
    --------
    >>> len(now_text())
    20
    """
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
