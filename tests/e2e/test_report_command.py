"""`poml-map report`: page, project and catalog again from a finished run, without computing anew."""

import json
import shutil

import pytest

from poml_map.cli import main
from poml_map.files import sha256_of_file
from poml_map.pipeline.lock import hold
from poml_map.pipeline.run import run_region

MADE = ("report.html", "qgis/region.qgz", "stac/catalog.json")


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def _report(folder, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["report", str(folder)])
    return stop.value.code, capsys.readouterr()


def test_what_was_lost_is_made_again_with_the_same_bytes(run, finished, capsys):
    (run / "report.html").unlink()
    shutil.rmtree(run / "qgis")
    shutil.rmtree(run / "stac")
    code, said = _report(run, capsys)

    assert code == 0
    for name in MADE:
        assert (run / name).read_bytes() == (finished / name).read_bytes()
        assert name in said.out


def _validated(run):
    """A validation of the same inputs, as far as the page asks for it."""
    (run / "validation").mkdir()
    digest = json.loads((run / "manifest.json").read_text())["input_digest"]
    facts = {"input_digest": digest, "unit": "kg/m2"}
    (run / "validation" / "validation.json").write_text(json.dumps(facts))
    head = "time_weight,w_p,n,rmse,ccc,rmse_t1,rmse_t2,rmse_change\n"
    rows = "".join(f"constant,{w / 10},10,{0.4 + w / 100},0.6,0.4,0.4,0.3\n" for w in range(11))
    (run / "validation" / "w_p_curve.csv").write_text(head + rows)


def test_a_validation_in_the_run_comes_into_the_page(run, capsys):
    _validated(run)
    before = (run / "report.html").read_text()
    assert _report(run, capsys)[0] == 0

    assert "poml-map validate" in before
    assert "held-out sites over w_p" in (run / "report.html").read_text()


def test_a_validation_comes_into_the_page_of_the_next_run_too_and_all_else_has_the_same_bytes(
    run, demo, finished
):
    _validated(run)
    run_region(demo / "region.yaml", run)

    for name in ("zones.gpkg", "samples.gpkg", "stac/catalog.json", "SOCS_POML.gif", "zones.csv"):
        assert (run / name).read_bytes() == (finished / name).read_bytes()
    assert "held-out sites over w_p" in (run / "report.html").read_text()
    assert (run / "validation" / "w_p_curve.csv").is_file()


def test_the_manifest_knows_the_new_files_and_all_else_is_as_it_was(run, finished, capsys):
    (run / "maps" / "mine.txt").write_text("a note")
    _report(run, capsys)
    told, before = (json.loads((folder / "manifest.json").read_text()) for folder in (run, finished))

    assert told["outputs"]["report.html"] == sha256_of_file(run / "report.html")
    assert {name: told[name] for name in told if name != "outputs"} == {
        name: before[name] for name in before if name != "outputs"
    }
    assert set(told["outputs"]) - set(before["outputs"]) == {"maps/mine.txt"}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "found no such folder"),
        ("", "found no manifest.json"),
        ("{", "found a manifest.json that is none of a run"),
        ("[]", "found a manifest.json that is none of a run"),
        ('{"settings": {}}', "found a manifest.json that is none of a run"),
    ],
)
def test_another_folder_is_refused_in_one_line_and_left_alone(tmp_path, capsys, content, found):
    folder = tmp_path / "other"
    if content is not None:
        folder.mkdir()
        if content:
            (folder / "manifest.json").write_text(content)
    code, said = _report(folder, capsys)

    assert code == 2
    assert found in said.err
    assert "Mend" in said.err or "Make it with `poml-map run" in said.err
    assert said.err.count("\n") == 1
    assert not folder.exists() or {path.name for path in folder.iterdir()} <= {"manifest.json"}


def test_missing_damaged_and_foreign_maps_are_all_named_and_nothing_is_made_of_the_rest(
    run, finished, capsys
):
    (run / "maps" / "SOCS_ML_1990.tif").unlink()
    damaged = run / "maps" / "SOCS_POML_1985.tif"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    shutil.copy(run / "maps" / "SOCS_PO_1980.tif", run / "maps" / "SOCS_PO_1979.tif")
    (run / "maps" / "SOCS_PO_1981.tif").write_bytes((run / "maps" / "SOCS_PO_1982.tif").read_bytes())
    (run / "report.html").unlink()
    code, said = _report(run, capsys)

    assert code == 2
    lines = said.err.splitlines()
    assert len(lines) == 4
    for name, found in (
        ("SOCS_ML_1990", "no such file"),
        ("SOCS_POML_1985", "other content than the run wrote"),
        ("SOCS_PO_1979", "a map that the run did not make"),
        ("SOCS_PO_1981", "other content than the run wrote"),
    ):
        assert any(name in line and found in line for line in lines)
    assert not (run / "report.html").exists()


def test_a_run_that_was_moved_is_reported_on_where_it_is(run, finished, tmp_path, capsys):
    moved = tmp_path / "elsewhere" / "Ünï code 碳"
    moved.parent.mkdir()
    shutil.move(run, moved)
    shutil.rmtree(moved / "stac")
    (moved / "report.html").unlink()
    assert _report(moved, capsys)[0] == 0
    for name in MADE:
        assert (moved / name).read_bytes() == (finished / name).read_bytes()


def test_a_folder_that_is_being_written_is_refused(run, capsys):
    with hold(run):
        code, said = _report(run, capsys)

    assert code == 3
    assert "another run" in said.err
