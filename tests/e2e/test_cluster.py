"""A scheduler and two workers as processes of their own, found by address, make the maps of threads, bit for bit."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import dask
import pytest
import yaml
from distributed import Client, LocalCluster

from poml_map.demo import write_demo
from poml_map.errors import ResourceError
from poml_map.grid import Tile
from poml_map.mapping import MapTask
from poml_map.mapping.cluster import ClusterExecutor
from poml_map.pipeline.run import run_region
from poml_map.pipeline.scheduler import executor_for

QUICK = {
    "spinup_years": "1978-1979",
    "hybrid": {"w_p": 0.5, "n_trees": 3, "seed": 0},
    "validation": {"folds": 2},
    "rothc": {"mu_max": 4.5, "k_m": 0.13},
}
TILE = 16


class Cluster:
    """A scheduler and workers on the loopback.

    Parameters
    ----------
    folder : Path
        Gets ``scheduler.json`` and what the processes say.
    """

    def __init__(self, folder: Path):
        folder.mkdir(exist_ok=True)
        self.file, self._folder, self._processes = folder / "scheduler.json", folder, []
        self.scheduler = self._start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        self.workers: list[subprocess.Popen] = []

    def _start(self, module: str, *options: str) -> subprocess.Popen:
        command = [sys.executable, "-m", f"distributed.cli.{module}", "--scheduler-file", self.file, *options]
        environment = {key: value for key, value in os.environ.items() if key != "DASK_SCHEDULER_ADDRESS"}
        with open(self._folder / f"{module}-{len(self._processes)}.txt", "wb") as said:
            process = subprocess.Popen(
                command, stdout=said, stderr=said, env=environment, cwd=self._folder, start_new_session=True
            )
        self._processes.append(process)
        return process

    def add_workers(self, count: int, *options: str) -> None:
        """Start workers of one thread; they look for the scheduler themselves."""
        usual = ("--nthreads", "1", "--no-dashboard", "--no-nanny", "--local-directory", str(self._folder))
        self.workers += [self._start("dask_worker", *usual, *options) for _ in range(count)]

    @property
    def address(self) -> str:
        """Of the scheduler, as it wrote it into its file."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                return json.loads(self.file.read_text())["address"]
            except (OSError, ValueError):
                time.sleep(0.05)
        raise AssertionError("the scheduler did not start")

    def stop(self) -> None:
        """End every process, and wait for it."""
        for process in self._processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def region(tmp_path_factory) -> Path:
    """A tiny region that is learned in a moment."""
    folder = tmp_path_factory.mktemp("cluster") / "demo"
    write_demo(folder, size="tiny")
    file = folder / "region.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | QUICK, sort_keys=False))
    return file


@pytest.fixture(scope="module")
def by_threads(region, tmp_path_factory) -> dict[str, str]:
    """Digests of the maps that threads of one process make."""
    out = tmp_path_factory.mktemp("threads") / "run"
    run_region(region, out, years=(1980, 1981), tile_size=TILE)
    return digests(out)


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("two"))
    cluster.add_workers(2)
    yield cluster
    cluster.stop()


@pytest.fixture
def cluster(tmp_path):
    """One that a test may break."""
    cluster = Cluster(tmp_path / "cluster")
    yield cluster
    cluster.stop()


def digests(out: Path) -> dict[str, str]:
    """SHA-256 of every chunk of the store and of every GeoTIFF."""
    files = [
        path for name in ("maps.zarr", "maps") for path in sorted((out / name).rglob("*")) if path.is_file()
    ]
    assert len(files) > 20
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_two_workers_found_by_address_make_the_maps_of_threads(
    region, by_threads, two_workers, tmp_path, monkeypatch
):
    def not_here(*_):
        raise AssertionError("the client maps a tile itself")

    monkeypatch.setattr(MapTask, "__call__", not_here)

    run_region(region, tmp_path / "run", years=(1980, 1981), tile_size=TILE, scheduler=two_workers.address)

    assert digests(tmp_path / "run") == by_threads
    assert not [path.name for path in tmp_path.rglob(".seen-by-workers*")]


def test_the_scheduler_is_found_by_its_file_and_by_the_environment(two_workers, tmp_path, monkeypatch):
    address = two_workers.address
    with executor_for(str(two_workers.file), None, tmp_path) as executor:
        assert executor.address == address

    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", address)
    with executor_for(None, None, tmp_path) as executor:
        assert executor.address == address


@pytest.mark.slow
def test_a_worker_that_is_killed_changes_nothing(region, by_threads, cluster, tmp_path):
    cluster.add_workers(2)
    out, size = tmp_path / "run", 8
    killer = threading.Thread(target=kill_after, args=(cluster.workers[0], out, 3))
    killer.start()

    run_region(region, out, years=(1980, 1981), tile_size=size, scheduler=cluster.address)

    killer.join()
    assert cluster.workers[0].wait() == -signal.SIGKILL
    of_threads = tmp_path / "threads"
    run_region(region, of_threads, years=(1980, 1981), tile_size=size)
    assert digests(out) == digests(of_threads)
    maps = {name: digest for name, digest in digests(out).items() if name.startswith("maps/")}
    assert maps.items() <= by_threads.items()  # nor does the size of the tiles


@pytest.mark.slow
def test_a_scheduler_that_is_killed_is_told_and_threads_finish_the_run(
    region, by_threads, cluster, tmp_path, monkeypatch
):
    cluster.add_workers(2)
    out = tmp_path / "run"
    killer = threading.Thread(target=kill_after, args=(cluster.scheduler, out, 2))
    monkeypatch.setattr("poml_map.mapping.cluster._LOOK", 0.5)
    monkeypatch.setenv("POML_MAP_PAUSE", "tile=0.3")
    killer.start()

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "3s"}),
        pytest.raises(ResourceError, match="scheduler or the connection to it is lost"),
    ):
        run_region(region, out, years=(1980, 1981), tile_size=TILE, scheduler=cluster.address)

    killer.join()
    monkeypatch.delenv("POML_MAP_PAUSE")
    run_region(region, out, years=(1980, 1981), tile_size=TILE)
    assert digests(out) == by_threads


def kill_after(process: subprocess.Popen, out: Path, tiles: int) -> None:
    """SIGKILL when so many tiles are done."""
    journal, until = out / ".unfinished" / "tiles.jsonl", time.monotonic() + 120
    while time.monotonic() < until:
        if journal.is_file() and len(journal.read_text().splitlines()) >= tiles:
            break
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.slow
def test_a_worker_without_memory_for_a_tile_is_refused_with_the_mend(region, cluster, tmp_path):
    cluster.add_workers(1, "--memory-limit", "400 MB")

    with pytest.raises(
        ResourceError, match=r"worker tcp://.*: has 0\.37 GiB of memory for 1 threads; .*--memory-limit"
    ):
        run_region(region, tmp_path / "run", scheduler=cluster.address)


@pytest.mark.slow
def test_a_tile_that_kills_its_workers_is_named_with_the_mend(tmp_path):
    def eats(tile):
        block = bytearray(b"1") * 3_000_000_000
        time.sleep(60)
        return block

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(
            n_workers=1, threads_per_worker=1, memory_limit="600 MB", dashboard_address="127.0.0.1:0",
            silence_logs=50,
        ) as local,
        Client(local, set_as_default=False) as client,
        pytest.raises(ResourceError, match=r"tile of rows 0-127, columns 0-127: 2 workers died .*`--tile-size 64`"),
    ):  # fmt: skip
        ClusterExecutor(client, tmp_path).run(eats, [Tile(0, 128, 0, 128)], lambda _: None)


@pytest.mark.slow
def test_processes_of_this_machine_make_the_maps_of_threads_and_are_silent(region, by_threads, tmp_path):
    command = [
        sys.executable, "-m", "poml_map", "run", region, "--out", "run", "--years", "1980-1981", "--quiet",
        "--scheduler", "local", "--workers", "2", "--tile-size", str(TILE),
    ]  # fmt: skip

    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert digests(tmp_path / "run") == by_threads
    said = [line for line in found.stderr.splitlines() if "warning" not in line and line[:2] != "  "]
    assert said == []
