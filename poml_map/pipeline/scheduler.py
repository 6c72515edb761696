"""`--scheduler`: who maps the tiles. Threads of this process, processes of this machine, or a dask cluster."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path

import poml_map
from poml_map.errors import InputError, Problem, ResourceError
from poml_map.mapping import TILE_SIZE, Executor, ThreadExecutor, TileModel, threads_to_start, tile_bytes
from poml_map.pipeline.manifest import code_digest, versions
from poml_map.pipeline.memory import keep_memory

log = logging.getLogger(__name__)

THREADS, LOCAL = "threads", "local"
_EXPECTED = "threads, local, an address such as tcp://10.0.0.1:8786, or the JSON file of a scheduler"

# For the first answer of a scheduler. [s]
_TIMEOUT = 10.0
# Of a worker's limit: at 80 % dask gives it no further tile, at 95 % it is killed.
_SHARE = 0.8
_SMALLEST_TILE = 32


def chosen_scheduler(scheduler: str | None = None) -> str:
    """The scheduler that is meant: ``threads``, ``local``, an address, or the path of a file.

    Parameters
    ----------
    scheduler : str, optional
        As the user gave it; else the environment variable DASK_SCHEDULER_ADDRESS (or ``scheduler-address`` of dask's
        configuration), else threads.

    Raises
    ------
    InputError
        If it is nothing of the kind.

    Examples
    --------
    >>> chosen_scheduler("localhost:8786")
    'tcp://localhost:8786'
    """
    given, text = ("--scheduler", scheduler) if scheduler else ("DASK_SCHEDULER_ADDRESS", _of_environment())
    if not text:
        return THREADS
    if text in (THREADS, LOCAL) or re.fullmatch(r"[a-z]+://\S+", text):
        return text
    if re.fullmatch(r"[\w.-]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}", text):
        return f"tcp://{text}"
    if text.endswith(".json") or Path(text).exists():
        _check_file(given, text)
        return text
    raise InputError(Problem(given, "", repr(text), _EXPECTED, "Leave it out for threads."))


def _of_environment() -> str:
    import dask

    return os.environ.get("DASK_SCHEDULER_ADDRESS") or dask.config.get("scheduler-address", None) or ""


def _check_file(given: str, text: str) -> None:
    mend = "Start the scheduler with `dask scheduler --scheduler-file FILE` first."
    expected = "the JSON file that a dask scheduler wrote"
    try:
        known = "address" in json.loads(Path(text).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(Problem(given, text, error.strerror or str(error), expected, mend)) from error
    except (ValueError, TypeError):
        known = False
    if not known:
        raise InputError(Problem(given, text, "no address of a scheduler", expected, mend))


def check_scheduler(scheduler: str | None) -> None:
    """Refuse a scheduler that is misspelt or does not answer, before anything is computed.

    Parameters
    ----------
    scheduler : str, optional
        See `chosen_scheduler`.

    Raises
    ------
    InputError, ResourceError
    """
    where = chosen_scheduler(scheduler)
    if where not in (THREADS, LOCAL):
        with _quiet_libraries(), ExitStack() as stack:
            _connected(where, stack)


@contextmanager
def executor_for(scheduler: str | None, workers: int | None, folder: Path) -> Iterator[Executor]:
    """What maps the tiles of one run, for `poml_map.mapping.map_region`.

    Parameters
    ----------
    scheduler : str, optional
        See `chosen_scheduler`.
    workers : int, optional
        Threads, or, with ``local``, processes; default see `poml_map.mapping.threads.threads_to_start`. A cluster
        that was started elsewhere has its own.
    folder : Path
        Of the run, there already; all workers must see it under the same absolute path.

    Yields
    ------
    Executor
        Processes of ``local`` end with the block, whatever ends it.

    Raises
    ------
    InputError
        If `scheduler` is nothing of the kind.
    ResourceError
        If the scheduler does not answer within ten seconds.
    """
    where = chosen_scheduler(scheduler)
    if where == THREADS:
        yield ThreadExecutor(workers)
        return
    from poml_map.mapping.cluster import ClusterExecutor

    with _quiet_libraries(), ExitStack() as stack:
        if where == LOCAL:  # of the same program, so nothing to compare
            client, same = _local(threads_to_start(workers), stack), None
        else:
            client, same = _connected(where, stack), facts
        yield ClusterExecutor(client, folder, same, prepare=keep_memory)


def _connected(where: str, stack: ExitStack):
    from distributed import Client

    place = {"scheduler_file": where} if Path(where).is_file() else {"address": where}
    try:
        return stack.enter_context(Client(**place, timeout=_TIMEOUT, set_as_default=False))
    except (OSError, ValueError, RuntimeError) as error:
        why = " ".join(str(error).split())[:200]
        raise ResourceError(
            f"--scheduler {where}: no dask scheduler answers there within {_TIMEOUT:.0f} s ({why}). Start it (`dask "
            "scheduler`), or leave out --scheduler and DASK_SCHEDULER_ADDRESS for threads of this machine."
        ) from error


def _local(processes: int, stack: ExitStack):
    from distributed import Client, LocalCluster

    cluster = LocalCluster(
        n_workers=processes,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",  # a free port: another run may have the usual one
        silence_logs=logging.CRITICAL,
    )
    stack.enter_context(cluster)
    return stack.enter_context(Client(cluster, set_as_default=False))


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """What dask tells of workers that come and go stays off the terminal: what matters becomes an error of ours."""
    import distributed  # noqa: F401  (gives its loggers their levels)

    before = {}
    for name in (
        "distributed",
        *(name for name in logging.root.manager.loggerDict if name[:12] == "distributed."),
    ):
        before[name] = logging.getLogger(name).level
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def facts() -> dict[str, str]:
    """Versions of all that moves a number or must understand what is sent, in this process.

    Examples
    --------
    >>> facts()["poml_map"] == poml_map.__version__
    True
    """
    more = {name: version(name) for name in ("numba", "distributed")}
    return {"poml_map": poml_map.__version__, "poml_map's code": code_digest(), **versions(), **more}


def fitting_tile_size(
    executor: Executor,
    model: TileModel,
    tile_size: int = TILE_SIZE,
    *,
    spinup_months: int = 12,
    shared: int = 0,
) -> int:
    """Pixels along one side of a tile that the smallest worker can hold, one for each of its threads.

    Parameters
    ----------
    executor : Executor
    model : TileModel
    tile_size : int
        The largest that is wanted. [pixels]
    spinup_months : int
        Months of the spin-up in a tile.
    shared : int
        What a worker keeps beside its tiles, such as blocks of the sources. [bytes]

    Returns
    -------
    int
        `tile_size`, halved as often as needed, which the log tells.

    Raises
    ------
    ResourceError
        If not even the smallest tile fits, naming the worker and the mend. Also as `ClusterExecutor.workers`.
    """
    if isinstance(executor, ThreadExecutor):
        return tile_size
    limited = {address: state for address, state in executor.workers().items() if state.limit}
    rooms = {
        address: (_SHARE * state.limit - state.memory - shared) / state.threads
        for address, state in limited.items()
    }
    if not rooms:
        return tile_size
    worst = min(rooms, key=rooms.get)
    sizes = [tile_size]
    while sizes[-1] // 2 >= _SMALLEST_TILE:
        sizes.append(sizes[-1] // 2)
    for size in sizes:
        if tile_bytes(model, size, spinup_months=spinup_months) <= rooms[worst]:
            if size != tile_size:
                log.warning(
                    "  tiles of %d pixels instead of %d: worker %s has no memory for more",
                    size,
                    tile_size,
                    worst,
                )
            return size
    state, gib = limited[worst], 2**30
    needed = state.memory + shared + state.threads * tile_bytes(model, sizes[-1], spinup_months=spinup_months)
    raise ResourceError(
        f"worker {worst}: has {state.limit / gib:.2f} GiB of memory for {state.threads} threads; tiles of {sizes[-1]} "
        f"pixels need {needed / _SHARE / gib:.2f} GiB. Start workers with more memory (`--memory-limit`) or fewer "
        f"threads (`--nthreads`){', or use --tile-size 16' if sizes[-1] > 16 else ''}."
    )
