"""What a batch tells: summary, table, page, lines of progress, time left."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import rasterio

from poml_map.batch.facts import Facts
from poml_map.batch.limits import Limits, limits_of
from poml_map.batch.page import IndexPage
from poml_map.batch.plan import Planned
from poml_map.batch.progress import JsonLines, PlainLines
from poml_map.batch.state import DONE, FAILED, KEPT, RUNNING, WAITING, State
from poml_map.batch.summary import Row, table, write_summary
from poml_map.batch.timeleft import seconds_left
from poml_map.errors import InputError

NASTY = '<script>alert("x")</script>'
MAP = {
    "driver": "GTiff",
    "width": 4,
    "height": 3,
    "count": 1,
    "dtype": "float32",
    "crs": "EPSG:32651",
    "nodata": -9999,
}


def _state(name, state=WAITING, **more):
    return State(Planned(name, f"{name}.yaml"), state=state, **more)


def _facts(**more):
    told = {
        "unit": "kg/m2",
        "pixels": 1234,
        "sites": 60,
        "files": 7,
        "years": (1980, 2000),
        "means": (4.0, 4.5),
    }
    return Facts(**{**told, "rmse": {"POML": 0.41}, "ccc": {"POML": 0.7}, **more})


@pytest.fixture
def rows():
    """One region in each of three states."""
    began = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    done = _state("a", DONE, code=0, started=began, finished=began + timedelta(hours=1), seconds=3600.0)
    failed = _state("b", FAILED, code=2, problems=["b.yaml:3, years: found this.", "b.yaml: and that."])
    return [
        Row(done, _facts(title="Åhus <north>", synthetic=True)),
        Row(failed, Facts()),
        Row(_state("c"), Facts()),
    ]


def test_the_summary_is_a_table_that_programs_read(rows, tmp_path):
    text = write_summary(rows, tmp_path).read_text(encoding="utf-8")

    a, b, c = csv.DictReader(io.StringIO(text))
    assert (a["state"], a["seconds"], a["pixels"], a["rmse_POML"], a["mean_last_year"]) == (
        "done",
        "3600",
        "1234",
        "0.41",
        "4.5",
    )
    assert datetime.fromisoformat(a["started"]) == rows[0].state.started
    assert (b["exit_code"], b["error"]) == ("2", "b.yaml:3, years: found this. (and 1 more)")
    assert (c["state"], c["exit_code"], c["folder"]) == ("waiting", "", "")
    assert len(text.splitlines()) == 4, "an error is one line"


def test_the_table_at_the_end_says_what_failed_and_why(rows):
    lines = table(rows)
    assert re.fullmatch(r"a +done +1 h 0 min +1,234 +60 +0\.410 +0\.700 +4\.00 > 4\.50 +7", lines[1])
    assert re.fullmatch(r"b +FAILED( +-)+", lines[2])
    assert lines[-1] == "b: b.yaml:3, years: found this. (and 1 more)"


def test_scores_of_a_model_from_elsewhere_are_not_taken_for_those_of_the_region(rows, tmp_path):
    assert "where the model was learned" not in table(rows)[-2]
    rows[0] = Row(rows[0].state, _facts(model_of="province"))
    assert table(rows)[-2].startswith(
        "sites, RMSE, CCC: POML at held-out sites of province, where the model was"
    )
    a, b, _ = csv.DictReader(io.StringIO(write_summary(rows, tmp_path).read_text(encoding="utf-8")))
    assert (a["scores_of"], b["scores_of"]) == ("province", "")


def test_of_one_campaign_the_scores_are_those_at_all_its_sites(tmp_path):
    """PO predicts nothing at a first campaign, so there is no site where all models do."""
    nowhere = [
        {"model": name, "campaign": "common", "n": 0, "rmse": None, "ccc": None}
        for name in ("PO", "ML", "POML")
    ]
    somewhere = [{"model": "POML", "campaign": "all", "n": 141, "rmse": 1.4, "ccc": 0.36}]
    manifest = {"region": "a", "settings": {}, "accuracy": [*nowhere, *somewhere]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert Facts.of(tmp_path).rmse == {"POML": 1.4}
    both = [{"model": "POML", "campaign": "common", "n": 60, "rmse": 0.5, "ccc": 0.6}]
    (tmp_path / "manifest.json").write_text(
        json.dumps(manifest | {"accuracy": [*somewhere, *both]}), encoding="utf-8"
    )
    assert Facts.of(tmp_path).rmse == {"POML": 0.5}


def test_what_is_a_stand_in_or_assumed_stands_on_the_page_and_in_the_table(rows, tmp_path):
    notes = ("Synthetic data", "Stand-in: <NDVI> of the month", "Model learned in: province")
    rows[0] = Row(rows[0].state, _facts(notes=notes))
    page = _draw(rows, tmp_path)
    assert "<strong>Stand-in: &lt;NDVI&gt; of the month</strong>" in page
    assert "Synthetic data" not in page
    first, *_ = csv.DictReader(io.StringIO(write_summary(rows, tmp_path).read_text(encoding="utf-8")))
    assert first["notes"] == "; ".join(notes)


def test_a_manifest_that_is_none_tells_nothing(tmp_path):
    assert Facts.of(tmp_path) == Facts()
    for text in ("[]", "{", '{"settings": 3}', '{"settings": {}, "region": "a", "accuracy": [1]}'):
        (tmp_path / "manifest.json").write_text(text)
        assert Facts.of(tmp_path) == Facts()


def _draw(rows, folder, **options):
    return IndexPage(folder, "Two <regions>", **options).write(rows).read_text(encoding="utf-8")


def test_the_page_shows_those_that_failed_first_and_links_relative_to_itself(rows, tmp_path):
    page = _draw(rows, tmp_path)
    assert re.findall(r'<tr class="(\w+)">', page) == ["failed", "waiting", "done"]
    assert set(re.findall(r'href="([^"]+)"', page)) == {
        "data:,",
        "a/report.html",
        "logs/b.log",
        "summary.csv",
    }
    assert "b.yaml:3, years: found this. (and 1 more)" in page
    assert "Synthetic data." in page
    assert "Synthetic data." not in _draw(rows[1:], tmp_path)
    assert "Mean 1980" in page


def test_nothing_that_a_file_of_the_user_says_becomes_part_of_the_page(rows, tmp_path):
    rows[0] = Row(rows[0].state, _facts(title=NASTY))
    rows[1].state.problems = [NASTY]
    page = _draw(rows, tmp_path)
    assert NASTY not in page
    assert page.count("<script") == 1
    assert "&lt;script&gt;" in page
    assert "Two &lt;regions&gt;" in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


def test_maps_are_shown_small_and_on_one_scale_and_a_broken_one_is_left_out(rows, tmp_path):
    for name in ("a", "d"):
        (tmp_path / name / "maps").mkdir(parents=True)
    transform = rasterio.Affine(500, 0, 0, 0, -500, 0)
    with rasterio.open(tmp_path / "a/maps/SOCS_POML_2000.tif", "w", **MAP, transform=transform) as file:
        file.write(np.linspace(2, 5, 12, dtype="float32").reshape(3, 4), 1)
    (tmp_path / "d/maps/SOCS_POML_2000.tif").write_bytes(b"no map")
    page = _draw([*rows, Row(_state("d", KEPT), _facts())], tmp_path)
    assert page.count('src="data:image/png;base64,') == 1
    low, high = re.search(
        r"last year, <span class=.nowrap.>(\S+) <svg .*?</svg> ([^<]+)</span>", page, re.DOTALL
    ).groups()
    assert (low, high) == ("2", "5 kg\u00a0C\u00a0m⁻²")


def test_plain_lines_name_the_region_and_tell_of_the_whole(rows):
    states, said = [row.state for row in rows], io.StringIO()
    lines = PlainLines(states, Limits(2, 2**33), said)
    states[2].pixels, states[2].expected, states[2].state = 12345, 90.0, RUNNING
    states[2].started, states[2].stage = datetime.now(UTC), "mapping"
    for event, state in [
        ("surveyed", states[2]),
        ("stage", states[2]),
        ("finished", states[1]),
        ("overall", None),
        ("again", states[2]),
    ]:
        lines(event, state, text="again: the maps, because the sky fell")
    told = [line[10:] for line in said.getvalue().splitlines()]
    assert told[0].startswith("c  about 12,345 pixels, 1 min 30 s, ")
    assert told[1] == "c  mapping"
    assert told[2].startswith("b  FAILED (exit code 2): b.yaml:3, years")
    assert told[3] == "1 of 3 regions done, 1 running, 1 failed, about 1 min 30 s left"
    assert told[4] == "c  again: the maps, because the sky fell"


def test_quiet_lines_tell_of_failures_alone(rows):
    states, said = [row.state for row in rows], io.StringIO()
    lines = PlainLines(states, Limits(2, 2**33), said, quiet=True)
    for state in states:
        lines("finished", state)
    lines("overall")
    assert len(said.getvalue().splitlines()) == 1


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        """It is."""
        return True


def test_a_terminal_has_one_line_of_status_that_is_written_over(rows, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    states, said = [row.state for row in rows], Terminal()
    lines = PlainLines(states, Limits(2, 2**33), said)
    states[2].state, states[2].started, states[2].stage = RUNNING, datetime.now(UTC), "mapping " * 20
    lines("stage", states[2])
    lines("finished", states[1])
    lines.close()
    text = said.getvalue()
    assert text.count("\n") == 1
    assert text.endswith("\r\x1b[K")
    assert all(len(part) < 120 for part in re.split(r"\r\x1b\[K|\n", text))


def test_json_lines_have_the_fields_that_the_documentation_lists(rows):
    states, said = [row.state for row in rows], []
    lines = JsonLines(states, Limits(2, 2**33), said.append)
    lines("finished", states[1])
    lines("progress", states[0], step="maps", done=1, total=2)
    first, second = map(json.loads, said)
    assert (first["event"], first["region"], first["state"], first["exit_code"]) == (
        "finished",
        "b",
        "failed",
        2,
    )
    assert first["states"] == {"done": 1, "failed": 1, "waiting": 1}
    assert (second["step"], second["done"], second["total"]) == ("maps", 1, 2)
    assert datetime.fromisoformat(second["time"]).tzinfo


def test_time_left_learns_from_the_regions_that_are_finished():
    now = datetime(2026, 1, 2, tzinfo=UTC)
    slow = _state("a", DONE, expected=100.0, seconds=300.0)
    half = _state("b", RUNNING, expected=100.0, started=now - timedelta(seconds=200))
    late = _state("c", RUNNING, expected=100.0, started=now - timedelta(seconds=900))
    assert seconds_left([slow, half], 1, now) == 100
    assert seconds_left([slow, late], 1, now) == 30, "it has outrun its estimate, and is not finished"
    assert seconds_left([slow, half, _state("d", expected=100.0)], 2, now) == 300, "the longest has to end"
    assert seconds_left([slow], 2, now) == 0


def test_limits_fit_what_waits_and_cores_are_shared_among_it():
    limits = Limits(4, 2**33, cores=8)
    assert str(limits.fitted([_state(name, memory=2**30) for name in "ab"])).startswith(
        "2 at a time with 4 cores"
    )
    assert limits.fitted([_state(name, memory=3 * 2**30) for name in "abcd"]).at_once == 2
    assert limits.fitted([]).at_once == 1


@pytest.mark.parametrize("memory", ["8", "much", "-3GiB", ""])
def test_a_memory_limit_that_is_none_is_refused(memory):
    with pytest.raises(
        InputError, match=r"--memory: found '.*', expected a size of 200MiB or more, such as 8GiB"
    ):
        limits_of(1, memory)
