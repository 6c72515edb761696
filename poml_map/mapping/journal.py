"""The tiles that lie in a store, with checksums: what a run that was stopped need not do again."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from poml_map.files import write_text_atomic
from poml_map.grid import Tile
from poml_map.mapping.balance import Balance
from poml_map.mapping.store import chunk_digests
from poml_map.mapping.tasks import TileDone
from poml_map.pause import pause

log = logging.getLogger(__name__)

# How zarr calls a chunk that it has not written to its end.
_BEGUN = "*.partial"


@dataclass
class TileJournal:
    """A text file with one line of JSON a tile, written after the tile's chunks. Make it with `TileJournal.open`.

    A line is believed only as far as the chunks of its tile still have the checksums that it names, so nothing depends
    on what a crash left in which order on the disk.

    Attributes
    ----------
    path : Path
    found : dict of Tile -> TileDone
        Tiles that were in the store, whole, when the journal was opened.
    """

    path: Path
    found: dict[Tile, TileDone] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def open(cls, path: Path, store: Path, layers: Sequence[str]) -> TileJournal:
        """Read what there is; damaged and unknown tiles are left out, and counted in the log.

        Parameters
        ----------
        path : Path
            Need not exist.
        store : Path
        layers : sequence of str
            Of the store; a line that names others is not believed.
        """
        for begun in (each for layer in layers for each in (store / layer).glob(_BEGUN)):
            begun.unlink()
        listed = _read(path)
        found = _true(listed, store, layers)
        if damaged := len(listed) - len(found):
            log.warning("  %d of %d finished tiles are damaged: they are mapped again", damaged, len(listed))
        # Without lines that are not believed, and without half a line at the end, which would spoil the next one.
        write_text_atomic(path, "".join(map(_line, found.values())))
        return cls(path, found)

    @staticmethod
    def damaged(path: Path, store: Path, layers: Sequence[str]) -> int:
        """How many tiles of a finished store are not as they were written."""
        listed = _read(path)
        return len(listed) - len(_true(listed, store, layers))

    def add(self, done: TileDone) -> None:
        """Note a tile that was written; may be called from any thread."""
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(_line(done))
        pause("tile")


def _line(done: TileDone) -> str:
    parts = {"tile": _corners(done.tile), "counts": done.counts, "balance": asdict(done.balance)}
    return json.dumps(parts | {"chunks": done.chunks}, ensure_ascii=False) + "\n"


def _corners(tile: Tile) -> list[int]:
    return [tile.row0, tile.row1, tile.col0, tile.col1]


def _true(listed: dict[Tile, TileDone], store: Path, layers: Sequence[str]) -> dict[Tile, TileDone]:
    """Tiles whose chunks are those that were written."""
    layers = list(layers)
    return {
        tile: done
        for tile, done in listed.items()
        if list(done.chunks) == layers and done.chunks == chunk_digests(store, tile, layers)
    }


def _read(path: Path) -> dict[Tile, TileDone]:
    if not path.is_file():
        return {}
    found = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            parts = json.loads(line)
            balance, tile = Balance(**parts["balance"]), Tile(*parts["tile"])
            done = TileDone(tile, parts["counts"], balance, parts["chunks"])
            if _is_meant(done):
                found[tile] = done
        except (ValueError, KeyError, TypeError, AttributeError):  # the last line of a run that was killed
            continue
    return found


def _is_meant(done: TileDone) -> bool:
    """Whether everything is of its kind, which sums and paths take for granted."""
    whole = [*_corners(done.tile), *done.counts.values()]
    return all(type(each) is int and each >= 0 for each in whole) and all(
        type(each) in (int, float) for each in asdict(done.balance).values()
    )
