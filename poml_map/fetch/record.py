"""`fetched.jsonl`: which files below a catalog's root `poml-map fetch` brought, from where, for which window.

One line a file; of several lines of a file the last counts. By it a later command knows what is here without asking any
server, and what somebody else put there, which it leaves alone.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from poml_map.fetch.locks import only_one
from poml_map.files import sha256_of_file, write_text_atomic

#: Its name.
RECORD = "fetched.jsonl"


@dataclass(frozen=True)
class Line:
    """One file that was brought.

    Attributes
    ----------
    file : str
        Below the catalog's root.
    entry : str
    address : str
    sha256 : str
    bytes : int
    etag, modified : str
        As the server said; of a file made of several, of the first.
    date : str
        In UTC.
    window : str
        Name of the window and of all else that the file was cut by.
    grid : str
        The window in words.
    """

    file: str
    entry: str
    address: str
    sha256: str
    bytes: int
    etag: str
    modified: str
    date: str
    window: str
    grid: str


class Record:
    """The record of one catalog's root.

    Parameters
    ----------
    root : Path
    """

    def __init__(self, root: Path):
        self.root, self.path = root, root / RECORD

    def read(self) -> dict[str, Line]:
        """Last line of each file; a line that is torn or of another version counts as not written."""
        found: dict[str, Line] = {}
        try:
            text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return found
        for row in text.splitlines():
            try:
                line = Line(**json.loads(row))
            except (ValueError, TypeError):
                continue
            found[line.file] = line
        return found

    def add(self, line: Line) -> None:
        """Write a line; several processes may do so at once."""
        with only_one(self.root / f".{RECORD}.lock"):
            lines = self.read() | {line.file: line}
            rows = (json.dumps(asdict(each), ensure_ascii=False) for each in lines.values())
            write_text_atomic(self.path, "".join(f"{row}\n" for row in rows))

    def has(self, path: Path, line: Line | None) -> bool:
        """Whether a file is the one that was brought, byte by byte."""
        try:
            return (
                line is not None and path.stat().st_size == line.bytes and sha256_of_file(path) == line.sha256
            )
        except OSError:
            return False
