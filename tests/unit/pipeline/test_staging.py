"""A run folder holds a whole run or what it held before, whatever stops the run."""

import errno
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from poml_map.errors import InputError, Problem, ResourceError
from poml_map.pipeline.heard import listening, log_file
from poml_map.pipeline.lock import hold
from poml_map.pipeline.staging import STEPS, staging

INPUT = InputError(Problem("a.tif", "", "no CRS"))
FULL = OSError(errno.ENOSPC, "No space left on device", "maps/a.tif")


def _make(folder: Path, text: str) -> None:
    (folder / "maps").mkdir()
    (folder / "maps" / "a.tif").write_text(text)
    (folder / "manifest.json").write_text(text)


def _fail(out: Path, error: BaseException, **options) -> None:
    with listening() as heard, staging(out, **options) as folder, log_file(folder / "log.txt", heard):
        logging.getLogger("poml_map").info("started")
        _make(folder, "half")
        raise error


def _content(out: Path) -> dict[str, str]:
    return {str(path.relative_to(out)): path.read_text() for path in sorted(out.rglob("*")) if path.is_file()}


@pytest.fixture
def out(tmp_path):
    """A folder with a finished run and a file of the user's own."""
    folder = tmp_path / "run"
    with staging(folder) as made:
        _make(made, "first")
    (folder / "notes.txt").write_text("mine")
    return folder


def test_files_appear_at_their_names_only_at_the_end(tmp_path):
    with staging(tmp_path / "run") as folder:
        _make(folder, "first")
        assert not list((tmp_path / "run").glob("[!.]*"))
    assert _content(tmp_path / "run") == {"manifest.json": "first", "maps/a.tif": "first"}
    assert not list((tmp_path / "run").glob(".*"))


def test_a_new_run_replaces_the_old_one_and_leaves_other_files_alone(out):
    with staging(out) as folder:
        (folder / "maps").mkdir()
        (folder / "maps" / "b.tif").write_text("second")
        (folder / "manifest.json").write_text("second")
    assert _content(out) == {"manifest.json": "second", "maps/b.tif": "second", "notes.txt": "mine"}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (INPUT, InputError),
        (FULL, ResourceError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (MemoryError(), ResourceError),
    ],
    ids=["input", "disk", "ctrl-c", "memory"],
)
def test_whatever_stops_a_run_leaves_nothing_new(tmp_path, out, error, expected):
    before = _content(out)
    for folder in (out, tmp_path / "a" / "b" / "new"):
        with pytest.raises(expected):
            _fail(folder, error)
    assert _content(out) == before
    assert not list(out.glob(".*"))
    assert not (tmp_path / "a").exists()


def test_a_full_disk_is_a_resource_error_with_file_and_free_space(tmp_path):
    with pytest.raises(ResourceError) as failure:
        _fail(tmp_path / "run", FULL)
    assert re.match(
        r"maps/a\.tif: cannot be written: No space left on device; \d+ bytes free", str(failure.value)
    )
    assert failure.value.exit_code == 3
    assert "choose another folder" in str(failure.value)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), FULL])
@pytest.mark.parametrize("after", range(4))
def test_an_earlier_run_is_whole_when_the_last_moves_fail(out, monkeypatch, error, after):
    before, rename, calls = _content(out), Path.rename, []

    def failing(self, target):
        if len(calls) == after:
            calls.append("failed")
            raise error
        calls.append(target)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises((KeyboardInterrupt, ResourceError)), staging(out) as folder:
        _make(folder, "second")
    assert "failed" in calls
    assert _content(out) == before
    assert not list(out.glob(".*"))


def test_what_a_killed_run_left_goes_or_is_gone_on_with(out):
    leftover = out / ".unfinished"
    for resumable in (True, False):
        leftover.mkdir()
        (leftover / "old.tif").write_text("old")
        with staging(out, resumable=resumable) as folder:
            assert [path.name for path in folder.iterdir()] == ["old.tif"] * resumable
            (folder / "old.tif").unlink(missing_ok=True)
    assert not list(out.glob(".*"))


@pytest.mark.parametrize(("error", "kept"), [(INPUT, False), (FULL, True), (KeyboardInterrupt(), True)])
def test_steps_that_a_stopped_run_did_stay_for_the_next_unless_the_input_was_wrong(tmp_path, error, kept):
    out = tmp_path / "run"
    (out / ".unfinished").mkdir(parents=True)
    (out / ".unfinished" / STEPS).write_text("{}")
    with pytest.raises((InputError, ResourceError, KeyboardInterrupt)):
        _fail(out, error, resumable=True)
    assert (out / ".unfinished" / "manifest.json").exists() == kept
    assert not list(out.glob("[!.]*"))


def test_no_step_done_is_nothing_left(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        _fail(tmp_path / "run", KeyboardInterrupt(), resumable=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("after", range(6))
def test_a_kill_between_the_last_moves_is_made_good_by_the_next_run(out, after):
    (out / "old.txt").write_text("first")
    code = f"""
import os
from pathlib import Path
from poml_map.pipeline.staging import staging
rename, calls = Path.rename, []
def dying(self, target):
    if len(calls) == {after}:
        os._exit(9)
    calls.append(target)
    return rename(self, target)
with staging(Path({str(out)!r}), outdated=["old.txt"]) as folder:
    (folder / "maps").mkdir()
    (folder / "maps" / "a.tif").write_text("second")
    (folder / "manifest.json").write_text("second")
    Path.rename = dying
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == (9 if after < 5 else 0)
    with staging(out, resumable=True) as folder:
        assert not list(folder.iterdir())
    assert _content(out) == {"manifest.json": "second", "maps/a.tif": "second", "notes.txt": "mine"}
    assert not list(out.glob(".*"))


def test_a_folder_that_another_run_writes_to_is_refused_with_its_process(out):
    code = f"""
from pathlib import Path
from poml_map.pipeline.lock import hold
with hold(Path({str(out)!r})):
    print("held", flush=True)
    input()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        holder.stdout.readline()
        with pytest.raises(ResourceError) as refusal, staging(out):
            pass
    finally:
        holder.kill()
        holder.communicate()
    assert re.search(
        rf"another run \(process {holder.pid} on \S+, since 20\S+\) is writing", str(refusal.value)
    )
    assert refusal.value.exit_code == 3
    assert _content(out)["manifest.json"] == "first"
    # The holder was killed: nobody needs to remove its lock by hand.
    with staging(out):
        pass
    assert not list(out.glob(".*"))


@pytest.mark.parametrize("name", ["run", "run/below"])
def test_a_file_is_no_folder_for_a_run(tmp_path, name):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(InputError, match="found a file, expected a folder"), staging(tmp_path / name):
        pass
    assert (tmp_path / "run").read_text() == "mine"


def test_the_log_holds_what_was_said_and_the_logger_is_as_before(tmp_path, caplog):
    logger = logging.getLogger("poml_map")
    before = logger.level, list(logger.handlers)
    with listening() as heard:
        logging.getLogger("poml_map.sites").warning("odd units")
        with log_file(tmp_path / "log.txt", heard):
            logging.getLogger("poml_map.cube").info("reading")
            logging.getLogger("poml_map.cube").debug("not this")
            logging.getLogger("other").warning("nor this")
        logging.getLogger("poml_map.cube").warning("too late")
    first, second = (tmp_path / "log.txt").read_text().splitlines()
    assert first.endswith("WARNING odd units")
    assert second.endswith("INFO reading")
    assert heard.warnings("sites") == ["odd units"]
    assert (logger.level, logger.handlers) == before


def test_nothing_is_left_of_the_log_of_a_run_that_fails(tmp_path):
    logger = logging.getLogger("poml_map")
    before = logger.level, list(logger.handlers)
    with pytest.raises(InputError):
        _fail(tmp_path / "run", INPUT)
    assert not (tmp_path / "run").exists()
    assert (logger.level, logger.handlers) == before


# ---- a folder that somebody else sent --------------------------------------------------------------------------------


@pytest.fixture
def mine(tmp_path):
    """Files of the user outside the run folder."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    return folder


def _links_itself(out, mine):
    (out / ".unfinished").symlink_to(mine, target_is_directory=True)


def _links_inside(out, mine):
    (out / ".unfinished").mkdir()
    (out / ".unfinished" / "maps").symlink_to(mine, target_is_directory=True)


def _links_the_lock(out, mine):
    (out / ".lock").symlink_to(mine / "thesis.txt")


def _pipe(out, mine):
    (out / ".unfinished").mkdir()
    os.mkfifo(out / ".unfinished" / "model.npz")


@pytest.mark.parametrize("plant", [_links_itself, _links_inside, _links_the_lock, _pipe])
def test_nothing_outside_is_emptied_moved_or_waited_for(out, mine, plant):
    plant(out, mine)
    with staging(out, resumable=True) as folder:
        assert not list(folder.iterdir())
        (folder / "manifest.json").write_text("second")
    assert _content(mine) == {"thesis.txt": "years of work"}
    assert _content(out)["manifest.json"] == "second"
    assert not list(out.glob(".*"))


@pytest.mark.parametrize(
    "moving",
    [
        {"items": [], "gone": ["../mine"]},
        {"items": ["../../mine"], "gone": []},
        {"items": ["maps", "/etc"], "gone": []},
        {"items": [".lock"], "gone": ["."]},
        {"items": None, "gone": [7]},
        {"items": []},
        [],
        None,
        "half",
    ],
)
def test_a_list_of_moves_that_no_run_wrote_moves_nothing(tmp_path, out, mine, moving, caplog):
    before = _content(out)
    (out / ".unfinished").mkdir()
    text = json.dumps(moving) if moving != "half" else '{"items": ['
    (out / ".unfinished" / ".moving").write_text(text)
    with staging(out, resumable=True) as folder:
        assert not list(folder.iterdir())
    assert _content(mine) == {"thesis.txt": "years of work"}
    assert _content(out) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "run"]
    assert "none of a run" in caplog.text


def test_the_lock_of_a_folder_that_was_removed_and_made_again_is_another_run_s(tmp_path):
    out = tmp_path / "run"
    with hold(out):
        shutil.rmtree(out)
        with hold(out):
            theirs = (out / ".lock").stat().st_ino
            (tmp_path / "kept").hardlink_to(out / ".lock")
            (out / ".lock").rename(tmp_path / "old")  # as if the second lasted longer than the first
        (tmp_path / "kept").rename(out / ".lock")
    assert (out / ".lock").stat().st_ino == theirs
