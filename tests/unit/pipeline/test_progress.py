"""Progress: few lines, with the time left; stages with their seconds."""

import itertools
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from poml_map.pipeline import progress as module
from poml_map.pipeline.progress import Progress, Stopwatch, duration


@pytest.fixture
def clock(monkeypatch):
    """Sets what the clock says."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, 100.0 + seconds)


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, "poml_map")
    return lambda: [record.getMessage() for record in caplog.records]


def test_a_line_tells_how_far_and_how_long(clock, lines):
    progress = Progress("maps")
    clock(10)
    progress(2, 8)
    assert lines() == ["  maps: 2 of 8 (25 %), 30 s left"]


def test_a_line_at_most_every_five_seconds(clock, lines):
    progress = Progress("maps")
    for second in range(1, 21):
        clock(second)
        progress(second, 100)
    assert [line.split(" of")[0] for line in lines()] == [f"  maps: {done}" for done in (5, 10, 15, 20)]


@pytest.mark.parametrize(("done", "total"), [(0, 8), (8, 8), (0, 0)])
def test_nothing_is_said_before_the_first_step_or_after_the_last(clock, lines, done, total):
    progress = Progress("maps")
    clock(60)
    progress(done, total)
    assert lines() == []


def test_threads_that_finish_together_make_one_line(clock, lines):
    progress = Progress("maps")
    clock(10)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(progress, range(1, 50), itertools.repeat(100)))
    assert len(lines()) == 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 0 min"),
        (90000, "25 h 0 min"),
    ],
)
def test_durations_carry_over(seconds, text):
    assert duration(seconds) == text


def test_stages_have_their_seconds_in_order_and_one_that_fails_has_none(clock, lines):
    watch = Stopwatch()
    with watch.stage("samples"):
        clock(1.234)
    with pytest.raises(ValueError, match="broken"), watch.stage("maps"):
        raise ValueError("broken")
    assert watch.seconds == {"samples": 1.23}
    assert lines() == ["samples ...", "maps ..."]
