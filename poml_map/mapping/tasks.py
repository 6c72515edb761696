"""What is done with one tile, wherever it is done: read, map, write, and tell in a few numbers what was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import xarray as xr

from poml_map.grid import Tile
from poml_map.mapping.balance import Balance
from poml_map.mapping.pixels import mapped_pixels
from poml_map.mapping.starts import refuse_impossible_starts
from poml_map.mapping.store import chunk_digests, write_tile
from poml_map.mapping.threads import in_threads
from poml_map.mapping.tiles import TileModel, map_tile


@dataclass(frozen=True)
class TileDone:
    """What is told of a tile that lies in the store.

    Attributes
    ----------
    tile : Tile
    counts : dict of str -> int
        Pixels, see `TileMaps`.
    balance : Balance
    chunks : dict of str -> str or None
        SHA-256 of its chunk of each layer; None where nothing was written, for no pixel has a value.
    """

    tile: Tile
    counts: dict[str, int]
    balance: Balance
    chunks: dict[str, str | None]


@dataclass(frozen=True)
class MapTask:
    """Maps a tile. It can be sent to another process, which must see the same files.

    Attributes
    ----------
    read_tile : callable
        Gives the covariates and drivers of a tile, in memory, over (y, x) or over its mapped pixels.
    model : TileModel
    store : Path
        From `create_store`; the chunk of a tile is the task's alone.
    """

    read_tile: Callable[[Tile], xr.Dataset]
    model: TileModel
    store: Path

    def __call__(self, tile: Tile) -> TileDone:
        """Read, map and write one tile.

        Raises
        ------
        InputError
            If RothC cannot be started on a pixel, or as `read_tile`.
        """
        data = mapped_pixels(self.read_tile(tile))
        refuse_impossible_starts(data, self.model)
        found = map_tile(data, self.model)
        write_tile(self.store, tile, found.maps)
        counts: Counter = found.counts
        return TileDone(tile, dict(counts), found.balance, chunk_digests(self.store, tile, list(found.maps)))


class Executor(Protocol):
    """Has tasks done, here or elsewhere."""

    def run(
        self, task: Callable[[Tile], TileDone], tiles: Sequence[Tile], done: Callable[[TileDone], None]
    ) -> None:
        """Do the task for each tile and call `done` once for each, in any order; raise the first error."""
        ...


@dataclass(frozen=True)
class ThreadExecutor:
    """Threads of this process.

    Attributes
    ----------
    workers : int, optional
        Default see `poml_map.mapping.threads.threads_to_start`.
    """

    workers: int | None = None

    def run(
        self, task: Callable[[Tile], TileDone], tiles: Sequence[Tile], done: Callable[[TileDone], None]
    ) -> None:
        """See `Executor`; `done` is called in the threads."""
        in_threads(lambda tile: done(task(tile)), tiles, self.workers)
