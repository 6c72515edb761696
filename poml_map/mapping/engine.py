"""Tile by tile over the region: what is in memory never grows with the region."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from poml_map.grid import Grid, Tile
from poml_map.mapping.balance import Balance
from poml_map.mapping.journal import TileJournal
from poml_map.mapping.tasks import Executor, MapTask, ThreadExecutor, TileDone
from poml_map.mapping.tiles import TileModel

log = logging.getLogger(__name__)

#: Pixels along one side of a tile. With 21 years of 12 covariates and 252 months of four drivers a tile of 128 takes
#: 0.1 GiB of a thread, one of 256 takes 0.3 GiB in the same time a pixel, and one of 64 a fifth more time.
TILE_SIZE = 128

# Tiles along one side of a neighbourhood.
_NEIGHBOURS = 4


@dataclass(frozen=True)
class MapSummary:
    """What the mapping did.

    Attributes
    ----------
    pixels : dict of str -> int
        Mapped pixels, and those of the mask that are not, by reason.
    balance : dict of str -> float
        Carbon of the process model from the first to the last year, see `Balance.means`. [kg/m2]
    seconds : float
    """

    pixels: dict[str, int]
    balance: dict[str, float]
    seconds: float


def map_region(
    read_tile: Callable[[Tile], xr.Dataset],
    grid: Grid,
    model: TileModel,
    store: Path,
    *,
    tile_size: int = TILE_SIZE,
    workers: int | None = None,
    executor: Executor | None = None,
    journal: TileJournal | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> MapSummary:
    """Fill the store with the maps of every model and year.

    Parameters
    ----------
    read_tile : callable
        Gives the covariates and drivers of a tile, in memory, over (y, x) or over its mapped pixels.
    grid : Grid
    model : TileModel
    store : Path
        From `create_store`, with chunks of `tile_size`.
    tile_size : int
        [pixels]
    workers : int, optional
        Threads, where no `executor` is given; default see `poml_map.mapping.threads.threads_to_start`.
    executor : Executor, optional
        What has the tiles done; default threads of this process.
    journal : TileJournal, optional
        Of the store: tiles that it found are not mapped again, finished ones are noted.
    progress : callable, optional
        Called with the number of finished and of all tiles.

    Returns
    -------
    MapSummary

    Raises
    ------
    InputError
        If RothC cannot be started on a pixel, or as `read_tile`.
    """
    started = time.monotonic()
    tiles = _by_neighbourhood(grid.tiles(tile_size), tile_size)
    finished: dict[Tile, TileDone] = {} if journal is None else dict(journal.found)

    def done(each: TileDone) -> None:
        finished[each.tile] = each
        if journal is not None:
            journal.add(each)
        if progress:
            progress(len(finished), len(tiles))

    missing = [tile for tile in tiles if tile not in finished]
    if missing:
        executor = executor or ThreadExecutor(workers)
        executor.run(MapTask(read_tile, model, store), missing, done)
    # In the order of the tiles, whichever was ready first: the last digit of a sum depends on its order.
    in_order = [finished[tile] for tile in tiles]
    pixels = sum((Counter(each.counts) for each in in_order), Counter())
    balance = sum((each.balance for each in in_order), Balance()).means()
    seconds = time.monotonic() - started
    log.info("mapped %s pixels in %d tiles in %.1f s", f"{pixels['mapped']:,}", len(missing), seconds)
    return MapSummary({name: int(pixels[name]) for name in pixels}, balance, seconds)


def _by_neighbourhood(tiles: Iterable[Tile], size: int) -> list[Tile]:
    """Tiles in squares of some by some: neighbours follow each other, so that what was read for one is still at hand.

    Row by row, a wide region would come back to each block of a source only when it has left the cache.
    """
    side = size * _NEIGHBOURS
    return sorted(tiles, key=lambda tile: (tile.row0 // side, tile.col0 // side))
