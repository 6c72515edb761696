"""Who maps the tiles: what --scheduler and DASK_SCHEDULER_ADDRESS mean, and tiles that a worker can hold."""

import json
import socket
from types import SimpleNamespace

import pytest

from poml_map.errors import InputError, ResourceError
from poml_map.mapping import TileModel, tile_bytes
from poml_map.mapping.tasks import ThreadExecutor
from poml_map.mapping.workers import WorkerState
from poml_map.pipeline import scheduler
from poml_map.pipeline.scheduler import chosen_scheduler, executor_for, fitting_tile_size
from poml_map.rothc import Options
from poml_map.rothc.columns import ProcessInputs

GIB = 2**30


@pytest.fixture(autouse=True)
def no_scheduler_around(monkeypatch):
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (None, "threads"),
        ("threads", "threads"),
        ("local", "local"),
        ("tcp://10.0.0.1:8786", "tcp://10.0.0.1:8786"),
        ("tls://10.0.0.1:8786", "tls://10.0.0.1:8786"),
        ("node-3.cluster:8786", "tcp://node-3.cluster:8786"),
        ("[::1]:8786", "tcp://[::1]:8786"),
    ],
)
def test_the_scheduler_that_is_meant(given, meant):
    assert chosen_scheduler(given) == meant


def test_the_environment_counts_where_nothing_is_said(monkeypatch):
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "10.0.0.1:8786")

    assert chosen_scheduler() == "tcp://10.0.0.1:8786"
    assert chosen_scheduler("threads") == "threads"


def test_the_file_of_a_scheduler(tmp_path):
    file = tmp_path / "scheduler.json"
    file.write_text(json.dumps({"address": "tcp://10.0.0.1:8786"}))

    assert chosen_scheduler(str(file)) == str(file)


@pytest.mark.parametrize("text", ["[]", "{}", "not json", "3"])
def test_a_file_that_no_scheduler_wrote_is_refused(tmp_path, text):
    file = tmp_path / "scheduler.json"
    file.write_text(text)

    with pytest.raises(
        InputError, match=r"scheduler.json: found no address of a scheduler, .*scheduler-file"
    ):
        chosen_scheduler(str(file))


def test_a_file_that_is_not_there_is_refused_with_how_to_make_it():
    with pytest.raises(InputError, match=r"--scheduler, no\.json: found No such file .*dask scheduler"):
        chosen_scheduler("no.json")


@pytest.mark.parametrize("text", ["thread", "8786", "cluster", "tcp:", "10.0.0.1:"])
def test_anything_else_is_refused_with_what_is_expected(text):
    with pytest.raises(InputError, match=r"expected threads, local, an address .*, or the JSON file"):
        chosen_scheduler(text)


def test_a_wrong_word_of_the_environment_is_named_as_such(monkeypatch):
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "nowhere")

    with pytest.raises(InputError, match=r"^DASK_SCHEDULER_ADDRESS: found 'nowhere'"):
        chosen_scheduler()


def test_without_a_word_threads_map(tmp_path):
    with executor_for(None, 3, tmp_path) as executor:
        assert executor == ThreadExecutor(3)


def test_an_address_where_nobody_answers_is_one_line(tmp_path, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(scheduler, "_TIMEOUT", 0.5)

    with pytest.raises(ResourceError) as refused, executor_for(f"127.0.0.1:{port}", None, tmp_path):
        pass
    text = str(refused.value)
    assert text.startswith(f"--scheduler tcp://127.0.0.1:{port}: no dask scheduler answers there")
    assert "\n" not in text
    assert "Start it" in text


def model():
    return TileModel(
        poml=None, ml=None, covariates=("ELEV", "TMP"), years=range(1980, 2001), options=Options(),
        inputs=ProcessInputs(), mu_max=4.0, k_m=0.1,
    )  # fmt: skip


def cluster(**workers):
    return SimpleNamespace(workers=lambda: workers)


def test_a_tile_takes_four_times_the_memory_of_one_of_half_the_side():
    assert tile_bytes(model(), 128) == 4 * tile_bytes(model(), 64)
    assert 0.08 * GIB < tile_bytes(model(), 128) < 0.2 * GIB


def test_threads_take_the_tiles_that_are_wanted():
    assert fitting_tile_size(ThreadExecutor(), model(), 512) == 512


def test_workers_with_memory_enough_take_them_too():
    roomy, unlimited = WorkerState(2, 4 * GIB, GIB), WorkerState(64, 0, GIB)

    assert fitting_tile_size(cluster(roomy=roomy, unlimited=unlimited), model(), 128) == 128
    assert fitting_tile_size(cluster(unlimited=unlimited), model(), 128) == 128


def test_the_worker_with_the_least_memory_a_thread_decides_and_is_named(caplog):
    many_threads = WorkerState(20, 2 * GIB, GIB)

    size = fitting_tile_size(cluster(roomy=WorkerState(1, 4 * GIB, GIB), busy=many_threads), model(), 128)

    assert size == 64
    assert "tiles of 64 pixels instead of 128: worker busy has no memory for more" in caplog.text


def test_what_a_worker_keeps_beside_its_tiles_counts():
    worker = WorkerState(1, GIB, GIB // 2)

    assert fitting_tile_size(cluster(a=worker), model(), 128) == 128
    assert fitting_tile_size(cluster(a=worker), model(), 128, shared=GIB // 4) == 64


def test_where_no_tile_fits_the_mend_is_told():
    with pytest.raises(ResourceError, match=r"worker a: has 0.40 GiB .* Start workers with more memory"):
        fitting_tile_size(cluster(a=WorkerState(4, int(0.4 * GIB), int(0.35 * GIB))), model(), 128)
