"""Tiles on a cluster: here its workers are threads of this process that talk over the loopback."""

import logging
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from distributed import Client, LocalCluster
from distributed.scheduler import KilledWorker, WorkerState

from poml_map.errors import InputError, Problem, ResourceError
from poml_map.grid import Grid, Tile
from poml_map.mapping import cluster as module
from poml_map.mapping.balance import Balance
from poml_map.mapping.cluster import TASK_NAME, ClusterExecutor
from poml_map.mapping.tasks import TileDone
from poml_map.mapping.workers import _unseen

# What the tasks of the tests do is counted here, for their workers are in this process.
SEEN = Counter()


@pytest.fixture(scope="module")
def cluster():
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    ) as cluster:  # fmt: skip
        yield cluster


@pytest.fixture
def client(cluster):
    SEEN.clear()
    with Client(cluster, set_as_default=False) as client:
        yield client


@pytest.fixture
def executor(client, tmp_path):
    return ClusterExecutor(client, tmp_path)


def tiles(count):
    return list(Grid("", (1, 0, 0, 0, -1, 0), 4 * count, 4).tiles(4))


def mapped(tile):
    SEEN[tile] += 1
    return TileDone(tile, {"mapped": tile.col0}, Balance(), {})


class Weighed:
    """Counts how often it is packed and unpacked."""

    def __getstate__(self):
        SEEN["packed"] += 1
        return {"ballast": b"0" * 100_000}

    def __setstate__(self, state):
        SEEN["unpacked"] += 1

    def __call__(self, tile):
        return mapped(tile)


def refuses_the_third(tile):
    SEEN[tile] += 1
    if tile.col0 == 8:
        raise InputError(Problem("clay.tif", "row 3", "101 %", "0-100 %", "Mend it."))
    time.sleep(0.02)
    return TileDone(tile, {}, Balance(), {})


def fails_once(tile):
    SEEN[tile] += 1
    if SEEN[tile] == 1:
        raise OSError(5, "Input/output error", "clay.tif")
    return TileDone(tile, {}, Balance(), {})


def has_no_memory(tile):
    raise MemoryError


def has_a_bug(tile):
    raise ZeroDivisionError("a bug")


def name_of_the_thread():
    return {"thread": threading.current_thread().name}


def test_every_tile_is_done_once_and_told_in_the_thread_that_asked(executor):
    told = []

    executor.run(mapped, tiles(100), lambda done: told.append((done, threading.current_thread())))

    assert {done.tile: done.counts["mapped"] for done, _ in told} == {tile: tile.col0 for tile in tiles(100)}
    assert len(told) == 100
    assert {thread for _, thread in told} == {threading.current_thread()}
    assert set(SEEN.values()) == {1}


def test_without_tiles_nothing_is_done(executor):
    executor.run(mapped, [], lambda done: pytest.fail("nothing was asked for"))


def test_what_is_known_of_the_region_does_not_grow_with_it(executor, client, cluster):
    at_once = []

    executor.run(
        mapped, tiles(400), lambda _: at_once.append(max(len(client.futures), len(cluster.scheduler.tasks)))
    )

    assert max(at_once) <= 2 * module._LEAST_AHEAD  # some are let go a little later, on a busy machine many
    assert len(at_once) == 400


def test_the_task_travels_once_to_each_worker(executor, client):
    executor.run(Weighed(), tiles(50), lambda _: None)

    assert SEEN["packed"] == 1
    assert SEEN["unpacked"] == 2


def test_the_dashboard_shows_one_kind_of_task_and_each_run_its_own(executor, cluster):
    names = set()

    def note(_):
        names.update(cluster.scheduler.tasks)

    executor.run(mapped, tiles(20), note)
    executor.run(mapped, tiles(20), note)

    assert set(SEEN.values()) == {2}  # the second run did not get the results of the first
    assert {name.rpartition("-")[0] for name in names} <= {f"map-tile-00000-{4 * i:05d}" for i in range(20)}
    kinds = {
        name for name, kind in cluster.scheduler.task_prefixes.items() if sum(kind.state_counts.values())
    }
    assert kinds == {TASK_NAME}


def test_bad_input_is_told_as_it_is_and_stops_the_rest(executor, client):
    with pytest.raises(InputError, match=r"clay.tif, row 3: found 101 %, expected 0-100 %"):
        executor.run(refuses_the_third, tiles(100), lambda _: None)

    begun = sum(SEEN.values())
    assert SEEN[tiles(100)[2]] == 1  # that is not tried again
    assert begun < 60
    time.sleep(0.2)
    assert sum(SEEN.values()) == begun  # nothing is at work in the folder any more


def test_a_disk_that_fails_is_tried_again(executor):
    told = []

    executor.run(fails_once, tiles(5), told.append)

    assert len(told) == 5
    assert set(SEEN.values()) == {2}


def test_a_bug_stays_a_bug(executor):
    with pytest.raises(ZeroDivisionError, match="a bug"):
        executor.run(has_a_bug, tiles(3), lambda _: None)


def test_want_of_memory_names_the_tile_and_the_mend(executor):
    with pytest.raises(ResourceError, match=r"rows 0-3, columns \d+-\d+: took more .*memory-limit"):
        executor.run(has_no_memory, tiles(2), lambda _: None)


def test_workers_that_died_are_named_with_their_memory(executor):
    worker = WorkerState(
        address="tcp://10.0.0.7:4000", status="running", pid=1, name="w", nthreads=4, memory_limit=2 * 2**30,
        local_directory="", nanny="", server_id="w",
    )  # fmt: skip

    text = str(
        executor._too_large(
            Tile(0, 128, 128, 256), KilledWorker(task="t", last_worker=worker, allowed_failures=3)
        )
    )

    assert "4 workers died" in text
    assert "tcp://10.0.0.7:4000 (4 threads, 2 GiB of memory)" in text
    assert "`--tile-size 64`" in text


def test_a_stop_from_outside_takes_back_what_is_submitted(executor, client):
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        executor.run(mapped, tiles(200), stop)

    until = time.monotonic() + 5
    while client.futures and time.monotonic() < until:
        time.sleep(0.02)
    assert not client.futures


def test_other_versions_at_a_worker_are_refused_by_name(client, tmp_path):
    executor = ClusterExecutor(client, tmp_path, name_of_the_thread)

    with pytest.raises(
        ResourceError, match=r"worker tcp://127.*: found thread .*, expected thread MainThread"
    ):
        executor.run(mapped, tiles(2), lambda _: None)
    assert not SEEN
    assert not list(tmp_path.iterdir())


def test_a_worker_must_see_the_folder_and_write_there(tmp_path, monkeypatch):
    token = tmp_path / "token"
    assert "does not see" in _unseen(token)
    token.write_text("token")
    assert _unseen(token) == ""

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refuse)
    assert "cannot write" in _unseen(token)
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


@pytest.fixture
def empty_cluster():
    with (
        LocalCluster(
            n_workers=0, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):  # fmt: skip
        yield cluster, client


def test_without_a_worker_it_waits_a_while_and_says_how_to_start_one(empty_cluster, tmp_path, caplog):
    caplog.set_level(logging.INFO, "poml_map")

    with pytest.raises(ResourceError, match=r"no worker for 0 s\. Start workers there .`dask worker tcp://"):
        ClusterExecutor(empty_cluster[1], tmp_path, patience=0.3).run(mapped, tiles(2), lambda _: None)
    assert "waiting for workers at tcp://" in caplog.text


def test_workers_that_join_later_are_used_and_have_the_task(empty_cluster, tmp_path):
    cluster, client = empty_cluster
    told = []

    def more(done):
        told.append(done)
        if len(told) == 1:
            cluster.scale(2)
            client.wait_for_workers(2)

    cluster.scale(1)
    SEEN.clear()
    ClusterExecutor(client, tmp_path).run(Weighed(), tiles(150), more)

    assert len(told) == 150
    assert SEEN["unpacked"] == 2


def test_when_all_workers_are_gone_it_does_not_wait_for_ever(empty_cluster, tmp_path, monkeypatch):
    cluster, client = empty_cluster
    monkeypatch.setattr(module, "_LOOK", 0.1)
    cluster.scale(1)
    client.wait_for_workers(1)
    executor = ClusterExecutor(client, tmp_path, patience=0.3)

    with pytest.raises(ResourceError, match="no worker for 0 s"):
        executor.run(mapped, tiles(150), lambda _: cluster.scale(0))
