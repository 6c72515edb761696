"""What the machine does to a run: a full disk, a folder that goes, a second run in the same folder."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from poml_map.pipeline.run import run_region

PROGRAM = [sys.executable, "-m", "poml_map"]
OPTIONS = ["--years", "1980-1983", "--tile-size", "16"]
YEARS = (1980, 1983)


def _begin(demo, out, pause: str = "", **options) -> subprocess.Popen:
    return subprocess.Popen(
        [*PROGRAM, "run", "demo/region.yaml", "--out", out, *OPTIONS],
        cwd=demo.folder.parent, env=os.environ | {"POML_MAP_PAUSE": pause},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


def _error(said: str) -> str:
    """The one line of the error."""
    assert "Traceback" not in said
    (line,) = (line for line in said.splitlines() if line.startswith("Error: "))
    return line


def _wait_for(path: Path, running: subprocess.Popen) -> None:
    while not path.exists():
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.02)


@pytest.fixture(scope="module")
def undisturbed(still, tmp_path_factory, checker) -> dict[str, str]:
    """Digests of the maps of a run that nothing happens to."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    run_region(still / "region.yaml", out, years=YEARS, tile_size=16)
    return checker.digest_of_pixels(out)


# ---- a full disk --------------------------------------------------------------------------------------------------


def _small_files(limit: int):
    """For the child: no file may be larger, and the signal that says so is ignored, as on a full disk."""

    def apply() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    return apply


_SLOW = [pytest.param(size, marks=pytest.mark.slow) for size in (30_000, 200_000)]


@pytest.mark.parametrize("limit", [4_000, *_SLOW], ids=["tiles", "model", "pictures"])
def test_a_file_that_cannot_grow_is_a_full_disk_and_what_is_finished_is_gone_on_with(
    demo, undisturbed, checker, limit
):
    running = _begin(demo, "run", preexec_fn=_small_files(limit))
    _, said = running.communicate()
    assert running.returncode == 3, said
    assert "bytes free" in _error(said)
    assert "run" in _error(said)
    assert not (demo.out.exists() and checker.whole_files_only(demo.out))
    assert not list(demo.out.glob("[!.]*"))
    assert not list(demo.out.rglob(".part-*"))
    run_region(demo.region_file, demo.out, years=YEARS, tile_size=16)
    assert not checker.check_run(demo.out)
    assert checker.digest_of_pixels(demo.out) == undisturbed


@contextmanager
def _tmpfs(folder: Path, size: str):
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only who may mount can make a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
def test_a_small_disk_that_is_full_keeps_finished_years_and_can_be_made_larger(
    demo, tmp_path, undisturbed, checker
):
    with _tmpfs(tmp_path / "disk", "1m") as disk:
        running = _begin(demo, disk / "run")
        _, said = running.communicate()
        assert running.returncode == 3, said
        assert str(disk) in _error(said)
        assert "0 bytes free" in _error(said) or "bytes free" in _error(said)
        work = disk / "run" / ".unfinished"
        assert not list((disk / "run").glob("[!.]*"))
        whole = [path for path in work.glob("maps/*.tif") if path.name[0] != "."]
        assert not [line for line in checker.whole_files_only(work) if "maps/" in line], whole
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        again = _begin(demo, disk / "run")
        _, said = again.communicate()
        assert again.returncode == 0, said
        assert not checker.check_run(disk / "run")
        assert checker.digest_of_pixels(disk / "run") == undisturbed


def test_a_disk_that_takes_no_writing_is_exit_code_3_before_anything_is_computed(demo, tmp_path):
    with _tmpfs(tmp_path / "disk", "1m") as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        running = _begin(demo, disk / "run")
        _, said = running.communicate()
    assert running.returncode == 3, said
    assert "Read-only file system" in _error(said)
    assert "RothC" not in said


# ---- a folder that goes, and one that somebody holds -------------------------------------------------------------


@pytest.mark.parametrize("gone", [pytest.param("run", marks=pytest.mark.slow), "run/.unfinished"])
def test_a_folder_that_vanishes_ends_the_run_within_a_tile(demo, gone):
    running = _begin(demo, "run", "tile=0.3")
    _wait_for(demo.out / ".unfinished" / "tiles.jsonl", running)
    shutil.move(demo.folder.parent / gone, demo.folder.parent / "elsewhere")
    begun = time.monotonic()
    _, said = running.communicate(timeout=60)
    assert time.monotonic() - begun < 20
    assert running.returncode == 3, said
    assert "run" in _error(said)
    assert not list(demo.out.glob("[!.]*"))


def test_of_two_runs_in_one_folder_the_second_is_told_of_the_first_and_a_killed_one_holds_nothing(demo, call):
    first = _begin(demo, "run", "tile=0.5")
    _wait_for(demo.out / ".unfinished" / "tiles.jsonl", first)
    begun = time.monotonic()
    second = call(demo, "run", "--out", "run", "--quiet")
    assert second.code == 3
    assert f"process {first.pid} on " in second.err
    assert "since 20" in second.err
    assert len(second.err.splitlines()) == 1
    assert time.monotonic() - begun < 10
    first.kill()
    first.communicate()
    assert (demo.out / ".lock").exists()
    third = call(demo, "run", "--out", "run", "--quiet", *OPTIONS)
    assert third.code == 0, third.err
    assert not list(demo.out.glob(".*"))
