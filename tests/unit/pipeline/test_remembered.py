"""What a run folder says of an earlier run counts only as far as a run can have said it."""

import json
from pathlib import Path

import pytest

from poml_map.files import sha256_of_file
from poml_map.pipeline.remembered import read_json
from poml_map.pipeline.resume import Progressed, RasterJournal, spoiled
from poml_map.pipeline.staging import STEPS, staging

PARTS = {"setting hybrid.seed": "0"}
FILES = ("model.npz", "forest_ml.npz")


@pytest.fixture
def out(tmp_path) -> Path:
    """A run folder with a model, and an empty hidden folder in it."""
    (tmp_path / "run" / ".unfinished").mkdir(parents=True)
    for name in FILES:
        (tmp_path / "run" / name).write_text(name)
    return tmp_path / "run"


def _look(out, hidden=None, **manifest) -> Progressed:
    (out / "manifest.json").write_text(json.dumps(manifest))
    if hidden is not None:
        (out / ".unfinished" / STEPS).write_text(json.dumps(hidden))
    return Progressed.look(out / ".unfinished", out)


def _model(out, **other) -> dict:
    return {"model": {"parts": PARTS, "files": {name: sha256_of_file(out / name) for name in FILES}} | other}


def test_a_model_of_the_finished_run_comes_in_though_a_kill_left_it_there_already(out):
    for name in FILES:
        (out / ".unfinished" / name).hardlink_to(out / name)
    assert _look(out, steps=_model(out)).model(PARTS, FILES)
    assert all((out / ".unfinished" / name).read_text() == name for name in FILES)


@pytest.mark.parametrize(
    "other",
    [
        {"files": {}},
        {"files": {"model.npz": "12"}},
        {"files": [1]},
        {"files": None},
        {"parts": "all"},
        {"parts": [7]},
    ],
    ids=str,
)
def test_a_model_without_true_checksums_is_none(out, other):
    for name in FILES:
        (out / ".unfinished" / name).write_text(name)
    steps = _model(out, **other)
    assert not _look(out, steps, steps=steps).model(PARTS, FILES)
    assert [(out / name).read_text() for name in FILES] == list(FILES)
    assert not (out / ".unfinished" / FILES[0]).exists()


@pytest.mark.parametrize("steps", [None, [], "all", 7, {"maps": None}, {"maps": []}, {"maps": {"parts": PARTS}},
                                   {"maps": {"parts": PARTS, "layers": ["../x"], "tile_size": 16, "frame": "a"}},
                                   {"maps": {"parts": PARTS, "layers": ["PO"], "tile_size": "a", "frame": "a"}}],
                         ids=str)  # fmt: skip
def test_steps_of_another_kind_are_none(out, steps):
    found = _look(out, steps, steps=steps)
    assert found.tile_size(PARTS) is None
    assert not found.model(PARTS, FILES)
    assert found.close() == {}


def test_names_that_lead_out_of_the_folder_are_never_let_go(out):
    names = [
        "../mine.txt",
        "/etc/hosts",
        "",
        ".",
        "maps/../../mine.txt",
        ".unfinished/a",
        ".lock",
        "zones.csv",
    ]
    assert _look(out, outputs=dict.fromkeys(names, "12") | {"a.csv": 7}).outdated() == ["zones.csv"]
    assert spoiled(out, {"outputs": {"../mine.txt": "12"}}) == ["manifest.json"]


def test_geotiffs_come_in_from_the_maps_of_the_run_alone(out):
    (out.parent / "mine.tif").write_text("mine")
    (out / "maps").mkdir()
    (out / "maps" / "a.tif").write_text("a")
    outputs = {name: sha256_of_file(out / name) for name in ("maps/a.tif", "maps/../../mine.tif")}
    found = _look(out, outputs=outputs, steps={"rasters": {"parts": PARTS}})
    assert found.rasters(PARTS).whole == {"a.tif"}
    assert not (out / "mine.tif").exists()


def test_a_list_of_geotiffs_that_no_run_wrote_is_none(tmp_path):
    maps = tmp_path / "maps"
    maps.mkdir()
    for path in (maps / "a.tif", tmp_path / "mine.tif"):
        path.write_text("a")
    digest = sha256_of_file(maps / "a.tif")
    lines = ["7", "null", '["a"]', '[["a.tif"], 1]', json.dumps(["../mine.tif", digest]), '{"a": 1}', "\xff"]
    journal = tmp_path / "list.jsonl"
    journal.write_bytes("\n".join([*lines, json.dumps(["a.tif", digest])]).encode("latin-1"))
    assert RasterJournal.open(journal, maps).whole == {"a.tif"}


@pytest.mark.parametrize("text", ["", "[]", "null", '{"a": ', "[" * 100_000, "\udcff"], ids=repr)
def test_what_is_no_dict_of_json_is_nothing(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text, errors="surrogateescape")
    assert read_json(path) == {}


def test_products_that_a_killed_run_had_begun_go_for_the_next_may_make_no_such_file(out):
    hidden = out / ".unfinished"
    for name in ("fao", "validation", "maps"):
        (hidden / name).mkdir()
    for name in ("coverage.csv", "manifest.json", "model.npz", ".rasters.jsonl", "log.txt"):
        (hidden / name).write_text("a")
    (hidden / "tiles.jsonl").mkdir()
    _look(out, {})
    left = {path.name for path in hidden.iterdir()}
    assert left == {"maps", "model.npz", ".rasters.jsonl", "log.txt", STEPS}


def test_what_only_resuming_needs_stays_until_the_files_are_moved(out):
    found = _look(out, {})
    found.note_model(PARTS, {name: sha256_of_file(out / name) for name in FILES})
    assert "model" in found.close({"validation": "12"})
    assert (out / ".unfinished" / STEPS).is_file()
    with staging(out, resumable=True):
        pass
    assert not list(out.glob(".*"))
