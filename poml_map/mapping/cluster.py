"""Tiles on the workers of a dask cluster. The task travels once to each worker, its tiles follow a few at a time.

What is known of the region, at the client and at the scheduler, never grows with it: only the tiles that are under way
are there. Workers read the sources and write the chunks of the store themselves; what comes back is a `TileDone`.

`distributed` takes half a second to import, so nothing that is always imported may import this module.
"""

from __future__ import annotations

import logging
import queue
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from distributed import CancelledError, Client, Future, KilledWorker, WorkerPlugin, get_worker
from distributed.comm import CommClosedError

from poml_map.errors import PomlError, ResourceError
from poml_map.grid import Tile
from poml_map.mapping.tasks import TileDone
from poml_map.mapping.workers import (
    WorkerState,
    at_work,
    look_at_workers,
    refuse_unfit,
    still_at_work,
)

log = logging.getLogger(__name__)

#: Under this name the dashboard shows the tiles; a single one is ``map-tile-ROW-COLUMN-RUN``.
TASK_NAME = "map-tile"

# Tiles under way for each thread: one at work, two that wait, so that no thread waits for the client. A cluster that
# grows by itself goes by what waits, so there are always some.
_AHEAD, _LEAST_AHEAD = 3, 64
# Of a tile that failed for another reason than its data: a network file system may hiccup.
_RETRIES = 2
# How often to see whether there are workers at all, and for how long to wait for the first one, or for another one
# when all are gone. [s]
_LOOK, _PATIENCE = 5.0, 600.0
# After an error: how long for the tiles that are at work, whose folder may be removed next. [s]
_REST = 60.0


@dataclass
class ClusterExecutor:
    """Has the tiles of a region done by the workers of a cluster; see `poml_map.mapping.tasks.Executor`.

    Attributes
    ----------
    client : distributed.Client
    folder : Path
        Of the run, there already: every worker must see it under the same path, and write into it.
    facts : callable, optional
        Picklable, gives the versions of what computes, in any process: those of a worker must be those of this one.
    prepare : callable, optional
        Picklable, called once in each worker.
    patience : float
        How long to wait for a worker. [s]

    Raises
    ------
    ResourceError
        By its methods: no worker, or one that has other versions or does not see the folder; a tile that takes more
        memory than a worker has; a scheduler that is lost. Each with the mend.
    """

    client: Client
    folder: Path
    facts: Callable[[], dict[str, str]] | None = None
    prepare: Callable[[], None] | None = None
    patience: float = _PATIENCE
    _threads: int = field(default=0, init=False)
    _alone_since: float | None = field(default=None, init=False)

    @property
    def address(self) -> str:
        """Of the scheduler."""
        return self.client.scheduler.address

    def workers(self) -> dict[str, WorkerState]:
        """What each worker is, by address; waits for the first one, and for tiles of an earlier run in the folder.

        Raises
        ------
        ResourceError
            If none comes, or one does not fit.
        """
        self._wait_for_workers()
        found = self._asked(lambda: look_at_workers(self.client, self.folder, self.facts))
        refuse_unfit(found)
        self._wait_until_quiet(self.patience)
        return found

    def run(
        self, task: Callable[[Tile], TileDone], tiles: Sequence[Tile], done: Callable[[TileDone], None]
    ) -> None:
        """See `poml_map.mapping.tasks.Executor`; `done` is called in this thread."""
        workers = self.workers()
        threads = sum(state.threads for state in workers.values())
        log.info("  %d workers with %d threads at %s", len(workers), threads, self.address)
        with self._sent(task) as name:
            self._do(name, tiles, done)

    def _do(self, name: str, tiles: Sequence[Tile], done: Callable[[TileDone], None]) -> None:
        waiting, under_way, ready = iter(tiles), {}, queue.SimpleQueue()
        try:
            while True:
                room = max(_AHEAD * self._threads, _LEAST_AHEAD) - len(under_way)
                for future, tile in self._submitted(name, list(islice(waiting, max(room, 0)))):
                    under_way[future.key] = future, tile
                    future.add_done_callback(ready.put)
                if not under_way:
                    return
                for future in self._next(ready):
                    if (result := self._result(future, under_way[future.key][1])) is None:
                        future.add_done_callback(ready.put)
                        continue
                    del under_way[future.key]
                    done(result)
        except BaseException as error:
            with suppress(Exception):  # what went wrong first is what counts
                self.client.cancel([future for future, _ in under_way.values()], force=True)
                if isinstance(error, Exception):  # a signal does not wait: the next run in the folder does
                    self._wait_until_quiet(_REST)
            raise

    def _submitted(self, name: str, tiles: list[Tile]) -> list[tuple[Future, Tile]]:
        if not tiles:
            return []
        run = name.rpartition("-")[2]
        keys = [f"{TASK_NAME}-{tile.row0:05d}-{tile.col0:05d}-{run}" for tile in tiles]
        map_ = self.client.map
        futures = self._asked(lambda: map_(_map_tile, tiles, key=keys, retries=_RETRIES, sent=name))
        return list(zip(futures, tiles, strict=True))

    def _next(self, ready: queue.SimpleQueue) -> list[Future]:
        """Those that ended, one at least."""
        while True:
            try:
                first = ready.get(timeout=_LOOK)
            except queue.Empty:
                self._look_around()
                continue
            return [first, *(ready.get_nowait() for _ in range(ready.qsize()))]

    def _look_around(self) -> None:
        """When nothing happens: is anybody there?"""
        self._threads = sum(self._asked(self.client.nthreads).values())
        if self._threads:
            self._alone_since = None
            return
        if self._alone_since is None:
            log.warning("  no worker is left at %s: waiting for another one", self.address)
            self._alone_since = time.monotonic()
        if time.monotonic() - self._alone_since > self.patience:
            raise self._no_workers()

    def _result(self, future: Future, tile: Tile) -> TileDone | None:
        """What a tile gave; None where its worker was lost with it, so that it is done again."""
        try:
            result = self._asked(lambda: future.result(timeout=_LOOK))
        except TimeoutError:
            self._look_around()
            return None
        except (KilledWorker, MemoryError) as error:
            raise self._too_large(tile, error) from error
        if isinstance(result, PomlError):
            raise result
        return result

    def _asked(self, ask: Callable):
        """What the scheduler answers; lost connections become one line."""
        try:
            return ask()
        except (CommClosedError, CancelledError) as error:
            raise self._lost(error) from error
        except (OSError, RuntimeError) as error:
            if self.client.status != "running" and not isinstance(error, TimeoutError):
                raise self._lost(error) from error
            raise

    @contextmanager
    def _sent(self, task: Callable[[Tile], TileDone]) -> Iterator[str]:
        """Have the task at every worker, those that join later too; gives its name there."""
        name = f"{TASK_NAME}-{secrets.token_hex(4)}"
        plugin = _Sent(task, str(self.folder.absolute()), self.prepare)
        self._asked(lambda: self.client.register_plugin(plugin, name=name))
        try:
            yield name
        finally:
            with suppress(Exception):  # workers or scheduler may be gone
                self.client.unregister_worker_plugin(name)

    def _wait_for_workers(self) -> None:
        self._threads = sum(self._asked(self.client.nthreads).values())
        if self._threads:
            return
        log.info("  waiting for workers at %s, %.0f minutes at most", self.address, self.patience / 60)
        try:
            self._asked(lambda: self.client.wait_for_workers(1, timeout=self.patience))
        except TimeoutError:
            raise self._no_workers() from None
        self._threads = sum(self._asked(self.client.nthreads).values())

    def _wait_until_quiet(self, seconds: float) -> None:
        """Until no worker is at a tile of this folder, be it of a run that was killed."""
        until, told = time.monotonic() + seconds, False
        while still_at_work(self.client, self.folder) and time.monotonic() < until:
            if not told:
                log.info("  waiting for workers that are still at tiles of this folder")
            told = True
            time.sleep(0.2)

    def _no_workers(self) -> ResourceError:
        return ResourceError(
            f"--scheduler {self.address}: no worker for {self.patience:.0f} s. Start workers there (`dask worker "
            f"{self.address}`, or more jobs), then run the same command again: it goes on."
        )

    def _lost(self, error: Exception) -> ResourceError:
        return ResourceError(
            f"--scheduler {self.address}: the scheduler or the connection to it is lost ({_line(error)}). Start it "
            "again, with workers, then run the same command again: it goes on."
        )

    def _too_large(self, tile: Tile, error: Exception) -> ResourceError:
        place = f"rows {tile.row0}-{tile.row1 - 1}, columns {tile.col0}-{tile.col1 - 1}"
        size = max(tile.shape)
        smaller = f"`--tile-size {size // 2}`, " if size > 32 else ""
        if isinstance(error, MemoryError):
            found = "took more memory than a worker could get"
        else:
            worker = error.last_worker
            limit = f"{worker.memory_limit / 2**30:.2g} GiB" if worker.memory_limit else "no limit"
            found = (
                f"{error.allowed_failures + 1} workers died while they mapped it, the last one {worker.address} "
                f"({worker.nthreads} threads, {limit} of memory), most likely for want of memory"
            )
        return ResourceError(
            f"tile of {place}: {found}. Use smaller tiles ({smaller}`--memory-limit` of `dask worker` for more memory, "
            "or fewer threads a worker), then run the same command again."
        )


class _Sent(WorkerPlugin):
    """A task at a worker. The scheduler keeps it, and gives it to workers that join later."""

    def __init__(self, task: Callable[[Tile], TileDone], folder: str, prepare: Callable[[], None] | None):
        self.task, self.folder, self.prepare = task, folder, prepare

    def setup(self, worker) -> None:
        """Called by dask when the worker has the task."""
        if self.prepare is not None:
            self.prepare()


def _map_tile(tile: Tile, *, sent: str) -> TileDone | PomlError:
    """On a worker. Errors that the program explains come back as they are: to try them again is no use."""
    plugin = get_worker().plugins[sent]
    try:
        with at_work(plugin.folder):
            return plugin.task(tile)
    except PomlError as error:
        return error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
