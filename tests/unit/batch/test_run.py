"""What a batch does with regions that finish, fail, crash, grow and hang; the child only pretends."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from poml_map.batch.process import CHILD
from poml_map.batch.progress import Reporter
from poml_map.errors import InputError, ResourceError
from poml_map.pipeline.lock import hold

MIB = 2**20


def test_every_region_gets_a_folder_and_a_row(batch):
    result = batch({"name": "a"}, {"name": "b"})

    assert result.exit_code == 0
    assert batch.states == {"a": "done", "b": "done"}
    assert (batch.out / "a" / "manifest.json").exists()
    row = batch.rows["b"]
    assert (row["exit_code"], row["pixels"], row["sites"], row["rmse_POML"]) == ("0", "100", "12", "0.5")
    assert (row["mean_first_year"], row["mean_last_year"], row["unit"]) == ("4", "4.5", "kg/m2")
    assert row["folder"] == "b"
    assert not (batch.out / "logs").exists(), "nothing failed: no log is of use"
    assert (batch.out / "index.html").exists()
    told = [(name, facts["text"]) for event, name, _, facts in batch.reporter.events if event == "again"]
    assert sorted(told) == [(name, "again: the maps, because setting years was 1980-1990") for name in "ab"]


def test_the_same_command_again_does_only_what_is_missing(batch):
    regions = [{"name": "a"}, {"name": "b", "do": "break"}]
    assert batch(*regions).exit_code == 1
    before = (batch.out / "a" / "job.json").stat()
    regions[1]["do"] = "finish"

    assert batch(*regions).exit_code == 0
    assert batch.states == {"a": "kept", "b": "done"}
    assert (batch.out / "a" / "job.json").stat() == before
    assert not (batch.out / "logs").exists()


@pytest.mark.parametrize(
    ("how", "code", "words", "logged"),
    [
        ("refuse", 2, "a.yaml: found this, expected that. (and 1 more)", "Error: a.yaml: and more."),
        ("break", 1, "a fault of poml-map itself, KeyError: 'x'", "Traceback: here"),
        ("crash", 1, "its process crashed (signal 11)", "signal 11"),
        ("vanish", 3, "killed, most likely by the system because memory ran out", "memory ran out"),
    ],
)
def test_a_region_that_fails_stops_no_other_and_says_why_in_a_line(batch, how, code, words, logged):
    result = batch({"name": "bad", "do": how}, {"name": "good"}, {"name": "late"}, at_once=1)

    assert result.exit_code == code
    assert batch.states == {"bad": "failed", "good": "done", "late": "done"}
    assert words in batch.rows["bad"]["error"]
    assert batch.rows["bad"]["exit_code"] == str(code)
    assert logged in batch.log("bad")
    assert "mapping ..." in batch.log("bad")
    assert [line for line in result.lines if line.startswith("bad: ")]


def test_what_is_wrong_is_known_before_the_first_region_starts(batch):
    result = batch({"name": "a"}, {"name": "b", "survey": {"problems": ["b.yaml: wrong"]}})

    assert result.exit_code == 2
    told = [(event, name) for event, name, *_ in batch.reporter.events if name]
    assert told.index(("surveyed", "b")) < told.index(("started", "a"))
    assert batch.rows["b"]["error"] == "b.yaml: wrong"
    assert "b.yaml: wrong" in batch.log("b")
    assert not (batch.out / "b").exists()


def test_a_region_whose_headers_crash_the_survey_leaves_the_others_alone(batch):
    result = batch({"name": "a", "survey": {"die": signal.SIGSEGV}}, {"name": "b"})

    assert result.exit_code == 1
    assert batch.states == {"a": "failed", "b": "done"}


def test_the_worst_exit_code_counts(batch):
    assert batch({"name": "a", "do": "refuse"}, {"name": "b", "do": "vanish"}).exit_code == 3


def test_a_region_that_needs_more_than_all_memory_does_not_start(batch):
    result = batch({"name": "a", "survey": {"memory": 2 * 2**30}}, {"name": "b"})

    assert result.exit_code == 3
    assert batch.states == {"a": "failed", "b": "done"}
    assert "needs about 2.0 GiB of memory, and the limit is 1.0 GiB" in batch.rows["a"]["error"]
    assert "Raise --memory" in batch.rows["a"]["error"]
    assert not (batch.out / "a").exists()


def test_regions_start_while_their_estimates_fit_together(batch):
    large = {"survey": {"memory": 400 * MIB}, "seconds": 0.3}
    batch(*[{"name": name, **large} for name in "abc"], at_once=3)

    running = most = 0
    for event, *_ in batch.reporter.events:
        running += {"started": 1, "finished": -1}.get(event, 0)
        most = max(most, running)
    assert most == 2
    assert set(batch.states.values()) == {"done"}


def test_a_region_that_outgrows_its_share_tries_again_alone_and_then_fails(batch):
    result = batch({"name": "fat", "do": "eat"}, {"name": "lean"}, memory=250 * MIB)

    assert result.exit_code == 3
    assert batch.states == {"fat": "failed", "lean": "done"}
    assert "needed more than 3" in batch.rows["fat"]["error"]
    assert "the limit is 250 MiB" in batch.rows["fat"]["error"]
    assert [name for event, name, *_ in batch.reporter.events if event == "postponed"] == ["fat"]


def test_the_shared_model_is_trained_first_and_given_to_all(batch):
    assert (
        batch({"name": "a"}, model="shared", years=(1980, 1985)).exit_code == 1
    )  # the fake wants a name to train

    assert "shared model could not be trained" in batch.rows["a"]["error"]


class StopAtSecond(Reporter):
    """Ctrl-C as the second region starts."""

    def __call__(self, event, state=None, **facts):
        """Raise once."""
        if event == "started" and state.name == "b":
            raise KeyboardInterrupt


def test_ctrl_c_stops_the_children_and_tells_who_was_stopped(batch):
    regions = [{"name": "a", "do": "hang"}, {"name": "b", "do": "hang"}, {"name": "c"}]
    with pytest.raises(KeyboardInterrupt):
        batch(*regions, reporter=StopAtSecond)

    assert batch.states == {"a": "stopped", "b": "stopped", "c": "waiting"}
    assert "the same command goes on" in batch.rows["a"]["error"]
    assert batch.rows["a"]["finished"]
    assert not psutil.Process().children(recursive=True)


def test_a_child_that_does_not_hear_is_killed(batch, monkeypatch):
    from poml_map.batch import process

    monkeypatch.setattr(process, "GRACE", 0.5)
    with pytest.raises(KeyboardInterrupt):
        batch({"name": "b", "do": "hang"}, reporter=StopAtSecond, command=(*batch.fake, "stubborn"))
    assert not psutil.Process().children(recursive=True)


def test_two_batches_in_one_folder_are_one_too_many(batch):
    with hold(batch.out), pytest.raises(ResourceError, match="another run"):
        batch({"name": "a"})


def test_a_file_in_place_of_the_folder_is_refused(batch):
    batch.out.write_text("mine")
    with pytest.raises(InputError, match="--out: found a file"):
        batch({"name": "a"})


def test_a_summary_that_cannot_be_written_at_the_end_hides_no_result(batch, monkeypatch):
    def full(*_):
        raise ResourceError("index.html: cannot be written: No space left on device")

    monkeypatch.setattr("poml_map.batch.page.IndexPage.write", full)
    result = batch({"name": "a"})
    assert result.exit_code == 3
    assert any(line.startswith("a ") and "done" in line for line in result.lines)
    assert "No space left" in result.lines[-1]


def test_a_dry_run_looks_and_leaves_nothing(batch):
    result = batch({"name": "a"}, {"name": "b", "survey": {"problems": ["b.yaml: wrong"]}}, dry=True)

    assert result.exit_code == 2
    assert result.lines[0].startswith("1 failed, 1 waiting; about 1 s")
    assert "b: b.yaml: wrong" in result.lines
    assert not batch.out.exists()


def test_a_dry_run_waits_for_no_model_that_a_run_would_train_first(batch):
    result = batch({"name": "a"}, model="shared", dry=True)

    assert (result.exit_code, result.lines[0].split(";")[0]) == (0, "1 waiting")
    assert any("one model is trained on all samples of t.yaml" in facts.get("text", "")
               for *_, facts in batch.reporter.events)  # fmt: skip


def test_children_of_a_batch_that_was_killed_are_gone_before_their_regions_start_again(batch):
    logs = batch.out / "logs"
    logs.mkdir(parents=True)
    orphan = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1.5)"])
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    try:
        since = psutil.Process(orphan.pid).create_time()
        noted = [{"pid": orphan.pid, "since": since}, {"pid": other.pid, "since": since - 1000}]
        (logs / ".children.json").write_text(json.dumps(noted))
        started = time.monotonic()
        batch({"name": "a"})
        assert orphan.poll() is not None
        assert other.poll() is None, "a process that only has the number of an earlier one"
        assert time.monotonic() - started < 10
    finally:
        for each in (orphan, other):
            each.kill()
            each.wait()


SLEEPER = """
import os, time
from poml_map.batch import child
child._WORK["run"] = lambda job: (os.write(1, b"noise of a library\\n"), print("more"), time.sleep(60))
child.main()
"""


def _sleeper(stderr):
    child = subprocess.Popen(
        [sys.executable, "-c", SLEEPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
    )
    child.stdin.write(b'{"kind": "run", "file": "a.yaml", "out": "a"}\n')
    child.stdin.flush()
    return child


def test_a_child_stops_when_its_parent_is_gone_and_keeps_its_records_clean(tmp_path):
    with open(tmp_path / "log", "w+b") as log:
        child = _sleeper(log)
        deadline = time.monotonic() + 10
        while b"noise" not in (tmp_path / "log").read_bytes() and time.monotonic() < deadline:
            time.sleep(0.05)
        child.stdin.close()
        assert child.wait(10) == 143
        assert child.stdout.read() == b""
        child.stdout.close()


def test_a_child_without_work_ends_well_when_its_parent_is_gone():
    child = subprocess.run(CHILD, input=b"", capture_output=True, check=False)
    assert (child.returncode, child.stdout) == (0, b"")


def test_a_child_explains_what_was_wrong(tmp_path):
    job = {"kind": "run", "file": str(tmp_path / "no.yaml"), "out": "no"}
    child = subprocess.Popen(CHILD, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdin.write(json.dumps(job).encode() + b"\n")
    child.stdin.flush()  # and left open: a child whose parent is gone stops
    record = json.loads(child.stdout.readline())
    child.communicate()
    assert (record["kind"], record["code"]) == ("end", 2)
    assert "no such file" in record["problems"][0]


def test_a_log_file_that_cannot_be_written_stops_no_region(batch):
    (batch.out / "logs" / "a.log").mkdir(parents=True)  # in the way
    result = batch({"name": "a"}, {"name": "b"})
    assert batch.states["b"] == "done"
    assert batch.rows["a"]["exit_code"] == "3"
    assert result.exit_code == 3
    assert os.listdir(batch.out / "logs") == ["a.log"]
