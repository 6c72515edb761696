"""What a worker of a cluster must be: of the same versions, and with the folder of the run under the same path."""

from __future__ import annotations

import os
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from distributed import Client, Worker

from poml_map.errors import ResourceError

# Tiles that the threads of this worker are at, by the folder of their run; a client that is gone may have left some.
_at_work: Counter[str] = Counter()
_lock = threading.Lock()


@dataclass(frozen=True)
class WorkerState:
    """One worker.

    Attributes
    ----------
    threads : int
    limit : int
        Memory that it may take; 0 where it has no limit. [bytes]
    memory : int
        That it takes already. [bytes]
    problem : str
        Why it cannot be used, with the mend; mostly empty.
    """

    threads: int
    limit: int
    memory: int
    problem: str = ""


@contextmanager
def at_work(folder: str) -> Iterator[None]:
    """While a worker is at a tile of this folder."""
    with _lock:
        _at_work[folder] += 1
    try:
        yield
    finally:
        with _lock:
            _at_work[folder] -= 1


def still_at_work(client: Client, folder: Path) -> int:
    """Tiles of this folder that workers are at."""
    counts = client.run(_tiles_of, str(folder.absolute()), on_error="ignore")
    return sum(counts.values())


def look_at_workers(
    client: Client, folder: Path, facts: Callable[[], dict[str, str]] | None
) -> dict[str, WorkerState]:
    """Every worker by its address.

    Parameters
    ----------
    client : Client
    folder : Path
        In which a worker must find what this process writes, and write itself.
    facts : callable, optional
        Versions that must be the same everywhere.
    """
    token = folder / f".seen-by-workers-{secrets.token_hex(4)}"
    token.write_text(token.name, encoding="utf-8")
    try:
        wanted = {} if facts is None else facts()
        found = client.run(_state, str(token.absolute()), facts, wanted, on_error="return")
    finally:
        token.unlink(missing_ok=True)
    return {address: _as_state(state) for address, state in found.items()}


def refuse_unfit(workers: dict[str, WorkerState]) -> None:
    """Raise ResourceError with a line for each worker that cannot be used, ten at most."""
    lines = [f"worker {address}: {state.problem}" for address, state in workers.items() if state.problem]
    if lines:
        more = [f"and {len(lines) - 10} more workers"] if len(lines) > 10 else []
        raise ResourceError("\n".join([*lines[:10], *more]))


def _as_state(found: WorkerState | Exception) -> WorkerState:
    if isinstance(found, WorkerState):
        return found
    if isinstance(found, ImportError):
        mend = "Scheduler and workers need the environment of this process, poml_map included."
        return WorkerState(0, 0, 0, f"cannot import what it needs ({found}). {mend}")
    return WorkerState(0, 0, 0, f"does not answer ({type(found).__name__}: {found}). Start it again.")


def _tiles_of(folder: str) -> int:
    """On a worker."""
    return _at_work[folder]


def _state(
    token: str, facts: Callable[[], dict[str, str]] | None, wanted: dict[str, str], dask_worker: Worker
) -> WorkerState:
    """On a worker, which dask gives to a parameter of this name."""
    problem = _other_versions({} if facts is None else facts(), wanted) or _unseen(Path(token))
    limit = dask_worker.memory_manager.memory_limit or 0
    return WorkerState(dask_worker.state.nthreads, int(limit), psutil.Process().memory_info().rss, problem)


def _other_versions(found: dict[str, str], wanted: dict[str, str]) -> str:
    other = [name for name in wanted if found.get(name) != wanted[name]]
    if not other:
        return ""
    texts = ", ".join(f"{name} {found.get(name, 'missing')}" for name in other)
    expected = ", ".join(f"{name} {wanted[name]}" for name in other)
    return f"found {texts}, expected {expected} as here. Give workers and this process one environment."


def _unseen(token: Path) -> str:
    """Why the folder of a token is of no use here; empty where it is."""
    mend = "Put the run and its sources on a file system that all workers have under the same absolute path."
    try:
        seen = token.read_text(encoding="utf-8") == token.name
    except OSError:
        seen = False
    if not seen:
        return f"does not see {token.parent} as this process does. {mend}"
    own = token.with_name(f"{token.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        own.write_text("", encoding="utf-8")
        own.unlink()
    except OSError as error:
        return (
            f"cannot write into {token.parent} ({error.strerror}). Let the user that it runs as write there."
        )
    return ""
