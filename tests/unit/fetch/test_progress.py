"""Lines about how far the downloads are."""

import logging

import pytest

from poml_map.fetch.progress import Meter


@pytest.mark.parametrize(("even", "foreseen"), [(True, " of about 8 MiB"), (False, "")])
def test_progress_is_said_when_something_came_and_foreseen_only_where_files_are_alike(caplog, even, foreseen):
    caplog.set_level(logging.INFO)
    seconds = iter(range(0, 100, 5))
    meter = Meter(4, lambda: next(seconds), even)

    meter.came(2**20)
    for _ in range(5):
        meter.came(0)  # an answer without a byte, again and again
    meter.came(2**20)
    meter.finished()

    lines = [record.getMessage() for record in caplog.records]
    assert [line.split(", ")[:2] for line in lines] == [
        ["  fetch: 0 of 4 files", "1 MiB"],
        ["  fetch: 0 of 4 files", "2 MiB"],
        ["  fetch: 1 of 4 files", f"2 MiB{foreseen}"],
    ]
    assert ("left" in lines[-1]) == even
