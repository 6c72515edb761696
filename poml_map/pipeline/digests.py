"""Digests that were taken a moment ago: many regions that share their sources read each of them once."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from poml_map.files import sha256_of_file, write_text_atomic

# A file that was written just before it was read may be written again within the same tick of the file system's clock.
_OLD_ENOUGH_NS = 2 * 10**9


class KnownDigests:
    """SHA-256 by device, number, size and the times of last writing and last change of a file.

    A shortcut for one session: what is finished is never known by times, see `poml_map.pipeline.resume`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.txt"
    ...     _ = path.write_text("abc")
    ...     KnownDigests().of(path)[:16]
    'ba7816bf8f01cfea'
    """

    def __init__(self, known: dict[str, str] | None = None):
        self._known = {} if known is None else known

    @classmethod
    def load(cls, path: Path) -> KnownDigests:
        """Those that `save` wrote; none where there is no such file."""
        try:
            return cls(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return cls()

    def save(self, path: Path) -> None:
        """Write them for other processes of this session."""
        write_text_atomic(path, json.dumps(self._known))

    def of(self, path: Path) -> str:
        """SHA-256 of a file, in hexadecimal."""
        before = _stamp(path)
        if before in self._known:
            return self._known[before]
        digest, about = sha256_of_file(path), os.stat(path)
        newest = max(about.st_mtime_ns, about.st_ctime_ns)
        if _stamp(path) == before and newest < time.time_ns() - _OLD_ENOUGH_NS:
            self._known[before] = digest
        return digest


def _stamp(path: Path) -> str:
    about = os.stat(path)
    return f"{about.st_dev} {about.st_ino} {about.st_size} {about.st_mtime_ns} {about.st_ctime_ns}"
