"""Runs that are killed, stopped or asked again: what is finished is kept, and the pixels are those of one run."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import geopandas as gpd
import pytest
import rasterio

from poml_map.config import load_region
from poml_map.errors import InputError
from poml_map.mapping import frame_digest
from poml_map.pipeline.run import run_region
from poml_map.pipeline.train import train_region

PROGRAM = [sys.executable, "-m", "poml_map"]
# Several tiles in a tiny region.
TILES = ("--tile-size", "16")
YEARS = (1980, 1983)
RANDOM_KILLS = 20


def _begin(demo, pause: str = "", *options) -> subprocess.Popen:
    """The run as a user starts it, in a process group of its own."""
    return subprocess.Popen(
        [*PROGRAM, "run", "demo/region.yaml", "--out", "run", "--years", "1980-1983", *TILES, *options],
        cwd=demo.folder.parent, env=os.environ | {"POML_MAP_PAUSE": pause}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _wait_for(running: subprocess.Popen, there) -> None:
    """Until something is on the disk; the run must not end before."""
    while not there():
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.02)


def _kill(running: subprocess.Popen) -> None:
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()


def _lines(path: Path) -> int:
    return path.read_text(encoding="utf-8").count("\n") if path.is_file() else 0


@pytest.fixture(scope="module")
def undisturbed(still, tmp_path_factory, checker) -> dict[str, str]:
    """Digests of the maps of a run that nobody stops."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    run_region(still / "region.yaml", out, years=YEARS, tile_size=16)
    assert not checker.check_run(out)
    return checker.digest_of_pixels(out)


def _finish(demo, undisturbed, checker) -> str:
    """Run the same command to its end; what it said."""
    last = _begin(demo)
    _, said = last.communicate()
    assert last.returncode == 0, said
    assert not checker.check_run(demo.out)
    assert checker.digest_of_pixels(demo.out) == undisturbed
    return said


def test_a_run_that_is_killed_at_each_of_its_steps_goes_on_from_there(demo, undisturbed, checker):
    work = demo.out / ".unfinished"
    moments = {
        "model=60": lambda: (work / "forest_poml.npz").is_file() and (work / "model.npz").is_file(),
        "tile=0.3": lambda: _lines(work / "tiles.jsonl") >= 3,
        "map=0.3": lambda: _lines(work / ".rasters.jsonl") >= 3,
        "publish=0.3": lambda: (demo.out / "manifest.json").is_file(),
    }
    for pause, there in moments.items():
        running = _begin(demo, pause)
        _wait_for(running, there)
        _kill(running)
        assert not checker.whole_files_only(demo.out)
    said = _finish(demo, undisturbed, checker)
    assert said.splitlines()[-1].strip() != ""
    history = (demo.out / "log.txt").read_text(encoding="utf-8")
    assert re.search(r"kept: \d+ tiles of the maps", history)
    assert re.search(r"kept: \d+ GeoTIFFs", history)
    # The list of tiles is moved last but not least: all was done when the last kill came.
    assert "kept: the model" in history


@pytest.mark.slow
def test_twenty_kills_at_random_moments_leave_whole_files_and_the_same_pixels(demo, undisturbed, checker):
    dice = random.Random(7)
    started = time.monotonic()
    _finish(demo, undisturbed, checker)
    whole, survived = time.monotonic() - started, 0
    shutil.rmtree(demo.out)
    for _ in range(RANDOM_KILLS):
        running = _begin(demo, dice.choice(["", "tile=0.2", "map=0.1", "publish=0.1"]))
        try:
            running.communicate(timeout=dice.uniform(0.3, 1.3) * whole)
            survived += 1
        except subprocess.TimeoutExpired:
            _kill(running)
        assert not (demo.out.exists() and checker.whole_files_only(demo.out))
        if survived and (demo.out / "manifest.json").is_file():  # begin another one from the beginning
            assert checker.digest_of_pixels(demo.out) == undisturbed
            shutil.rmtree(demo.out)
            survived = 0
    _finish(demo, undisturbed, checker)


@pytest.mark.parametrize(
    ("number", "code"), [pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow), (signal.SIGTERM, 143)]
)
def test_a_stopped_run_ends_soon_and_goes_on_later(demo, undisturbed, checker, number, code):
    running = _begin(demo, "tile=0.3")
    _wait_for(running, lambda: _lines(demo.out / ".unfinished" / "tiles.jsonl") >= 2)
    begun = time.monotonic()
    running.send_signal(number)
    _, said = running.communicate(timeout=20)
    assert time.monotonic() - begun < 10
    assert running.returncode == code
    assert "Traceback" not in said
    assert "the same command goes on from here" in said
    assert not list(demo.out.glob("[!.]*"))
    assert "kept: the model" in _finish(demo, undisturbed, checker)


# ---- the same command, and others, on a finished run -------------------------------------------------------------


@pytest.fixture
def mine(demo, still_run) -> Path:
    """A finished run of the region to break: a copy."""
    shutil.copytree(still_run, demo.out)
    return demo.out


@pytest.fixture(scope="module")
def still_run(still, tmp_path_factory) -> Path:
    """A finished run with several tiles, of the region as it stands."""
    out = tmp_path_factory.mktemp("still") / "run"
    run_region(still / "region.yaml", out, years=YEARS, tile_size=16)
    return out


def _again(demo, caplog, checker, **options) -> str:
    """What a run says, in this process."""
    caplog.clear()
    caplog.set_level("INFO", logger="poml_map")
    lines = run_region(demo.region_file, demo.out, years=YEARS, **options)
    assert not checker.check_run(demo.out)
    return "\n".join([*caplog.messages, *lines])


def _stamps(out: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(out.rglob("*")) if path.is_file()}


def test_a_finished_run_has_nothing_to_do_and_no_file_is_touched(demo, mine, caplog, checker):
    before = _stamps(mine)
    assert "Nothing to do" in _again(demo, caplog, checker)
    assert _stamps(mine) == before
    # Other time stamps are no other content.
    for path in demo.folder.rglob("*"):
        os.utime(path)
    assert "Nothing to do" in _again(demo, caplog, checker)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_damaged_chunk_and_a_lost_map_are_made_again_and_nothing_else(demo, mine, caplog, checker):
    pixels = checker.digest_of_pixels(mine)
    _flip(next(path for path in sorted((mine / "maps.zarr" / "POML").iterdir()) if path.name[0] != "."))
    (mine / "maps" / "SOCS_ML_1982.tif").unlink()
    said = _again(demo, caplog, checker)
    assert "missing or damaged: run/maps/SOCS_ML_1982.tif" in said.replace(f"{demo.out.parent}/", "")
    assert re.search(r"1 of \d+ finished tiles are damaged", said)
    assert "kept: the model" in said
    assert re.search(r"mapped [\d,]+ pixels in 1 tiles", said)
    assert re.search(rf"kept: {len(pixels) - 1} GeoTIFFs", said)
    assert checker.digest_of_pixels(mine) == pixels


@pytest.mark.parametrize(
    ("change", "kept", "because"),
    [
        (lambda demo: demo.settings(title="Another"), ["the model", "tiles"], "setting title"),
        (lambda demo: demo.append("region.yaml", "\n# a word\n"), ["the model", "tiles"], "input region.yaml"),
        (lambda demo: demo.settings(hybrid={"seed": 3}), [], "setting hybrid.seed was 0 and is 3"),
        (lambda demo: demo.pixel("clay.tif", 20.0, 3), [], "input sources/clay.tif has other content"),
        (lambda demo: demo.entry("clay", resampling="nearest"), [], "source clay: resampling"),
        (lambda demo: demo.settings(rothc={"map_outputs": ["co2"]}), ["the model"], "map_outputs"),
        (lambda demo: demo.settings(validation={"repeats": 4}), ["the model", "tiles"], "validation.repeats"),
    ],
    ids=["title", "comment", "seed", "clay", "resampling", "map_outputs", "of validate alone"],
)  # fmt: skip
def test_what_depends_on_a_change_is_made_again_and_says_so(
    demo, mine, caplog, checker, change, kept, because
):
    change(demo)
    said = _again(demo, caplog, checker)
    assert because in said
    assert [name for name in ("the model", "tiles") if re.search(f"kept: .*{name}", said)] == kept
    # Chunks may be kept, words never.
    words = json.loads((mine / "maps.zarr" / ".zattrs").read_text(encoding="utf-8"))
    assert words["title"] == load_region(demo.region_file).settings.title


def test_another_version_makes_everything_again(demo, mine, caplog, checker, monkeypatch):
    from poml_map.pipeline import steps

    monkeypatch.setattr(steps, "code_digest", lambda: "0" * 12)
    steps._code.cache_clear()
    try:
        said = _again(demo, caplog, checker)
    finally:
        steps._code.cache_clear()
    assert "again: the model, because poml_map was" in said
    assert "kept" not in said


def _link(source, target) -> None:
    Path(target).hardlink_to(source)


def test_a_kill_while_a_finished_run_is_linked_is_made_good(demo, mine, caplog, checker):
    """Its files lie in the hidden folder already, under the same inode, and nothing is written down of them."""
    pixels = checker.digest_of_pixels(mine)
    work = mine / ".unfinished"
    shutil.copytree(mine / "maps.zarr", work / "maps.zarr", copy_function=_link)
    for name in ("model.npz", "forest_poml.npz", "tiles.jsonl"):
        _link(mine / name, work / name)
    demo.settings(title="Another")
    said = _again(demo, caplog, checker)
    assert "kept: the model" in said
    assert re.search(r"kept: \d+ tiles of the maps", said)
    assert checker.digest_of_pixels(mine) == pixels


def test_what_a_stranger_wrote_of_a_run_is_not_believed_and_ends_in_no_traceback(demo, mine, caplog, checker):
    pixels = checker.digest_of_pixels(mine)
    manifest = json.loads((mine / "manifest.json").read_text(encoding="utf-8"))
    manifest["steps"]["model"]["files"] = None
    manifest["outputs"] = {"../demo/region.yaml": "00", "/etc/hosts": "00", "zones.csv": 1}
    # Python objects, as zarr would load them.
    frame = json.loads((mine / "maps.zarr" / "POML" / ".zarray").read_text(encoding="utf-8"))
    frame |= {"dtype": "|O", "filters": [{"id": "pickle"}]}
    (mine / "maps.zarr" / "POML" / ".zarray").write_text(json.dumps(frame), encoding="utf-8")
    manifest["steps"]["maps"]["frame"] = frame_digest(mine / "maps.zarr", manifest["steps"]["maps"]["layers"])
    (mine / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    said = _again(demo, caplog, checker)
    assert "kept: the model" not in said
    assert Path(demo.region_file).is_file()
    assert checker.digest_of_pixels(mine) == pixels


def test_files_that_a_run_makes_no_more_go_and_those_of_the_user_stay(demo, mine):
    (mine / "notes.txt").write_text("mine")
    manifest = json.loads((mine / "manifest.json").read_text())
    manifest["outputs"]["old.csv"] = "00"
    (mine / "manifest.json").write_text(json.dumps(manifest))
    (mine / "old.csv").write_text("a\n")
    run_region(demo.region_file, mine, years=YEARS)
    assert (mine / "notes.txt").read_text() == "mine"
    assert not (mine / "old.csv").exists()


def test_an_input_that_changes_while_it_is_read_is_refused_and_the_earlier_run_stays(demo, mine, call):
    before = _stamps(mine)
    demo.settings(hybrid={"seed": 3})
    running = _begin(demo, "tile=0.3")
    _wait_for(running, lambda: _lines(demo.out / ".unfinished" / "tiles.jsonl") >= 1)
    demo.append("samples.csv", "\n")
    _, said = running.communicate()
    assert running.returncode == 2
    assert "samples.csv: found other content than when the run began" in said
    assert _stamps(mine) == before


# ---- a model of another run -----------------------------------------------------------------------------------------


def test_a_model_of_another_run_makes_the_same_maps_without_samples(demo, still_run, checker):
    (demo.folder / "samples.csv").unlink()
    run_region(demo.region_file, demo.out, years=YEARS, model=still_run)
    assert not checker.check_run(demo.out)
    assert checker.digest_of_pixels(demo.out) == checker.digest_of_pixels(still_run)
    words = (demo.out / "report.md").read_text(encoding="utf-8")
    assert "Model learned in: demo" in words
    assert "these are its scores at the sites there, not those of this region" in words
    with rasterio.open(demo.out / "maps" / "SOCS_POML_1980.tif") as file:
        assert file.tags()["POML_MAP_MODEL_OF_REGION"] == "demo"


def test_a_model_is_trained_once_kept_and_maps_what_another_region_file_asks_for(demo, call, checker, caplog):
    caplog.set_level("INFO", logger="poml_map")
    said = call(demo, "train", "--out", "model", "--quiet")
    assert said.code == 0, said.err
    assert "POML  all" in said.out
    assert not list((demo.folder.parent / "model").glob("*.tif"))
    forest = demo.folder.parent / "model" / "forest_poml.npz"
    before = forest.stat().st_mtime_ns
    assert call(demo, "train", "--out", "model", "--quiet").code == 0
    assert "kept: the model" in caplog.text
    assert forest.stat().st_mtime_ns == before
    codes = gpd.read_file(demo.sources / "counties.gpkg")["code"].tolist()
    demo.settings(name="one", area={"polygons": "counties", "where": {"code": [codes[0]]}})
    said = call(demo, "run", "--out", "run", "--model", "model", "--years", "1980-1981", "--quiet")
    assert said.code == 0, said.err
    assert not checker.check_run(demo.out)
    zones = (demo.out / "zones.csv").read_text(encoding="utf-8")
    assert codes[0] in zones
    assert codes[1] not in zones


def test_a_finished_run_is_not_taken_for_a_place_to_train_in(demo, mine):
    before = _stamps(mine)
    with pytest.raises(InputError, match="found a finished run with its maps"):
        train_region(demo.region_file, mine)
    assert _stamps(mine) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda demo: demo.settings(depth_cm=30), ("depth_cm", "30", "expected 20")),
        (lambda demo: demo.settings(rothc={"cover_ndvi": 0.5}), ("rothc.cover_ndvi", "0.5", "0.4")),
        (lambda demo: demo.settings(covariates=["ELEV", "CLAY"]), ("covariates", "ELEV [m], CLAY", "SLP")),
        (lambda demo: demo.settings(intervals={"level": 0.9}), ("intervals", "no intervals")),
    ],
    ids=["depth", "cover", "covariates", "intervals"],
)
def test_a_model_for_other_stocks_or_covariates_is_refused(demo, still_run, call, change, words):
    change(demo)
    call(demo, "run", "--out", "run", "--model", still_run).assert_explained(*words)
    assert not demo.out.exists()


def _cut(folder: Path) -> None:
    whole = (folder / "model.npz").read_bytes()
    (folder / "model.npz").write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: shutil.rmtree(folder), "no such folder"),
        (lambda folder: (folder / "forest_ml.npz").unlink(), "no forest_ml.npz"),
        (lambda folder: (folder / "model.npz").write_bytes(b"\x80\x04K\x01."), "no file that poml_map wrote"),
        (_cut, "no file that poml_map wrote"),
    ],
    ids=["folder", "forest", "pickle", "cut"],
)
def test_what_is_no_model_is_refused(demo, still_run, tmp_path, call, spoil, words):
    folder = shutil.copytree(still_run, tmp_path / "model")
    spoil(folder)
    call(demo, "run", "--out", "run", "--model", folder).assert_explained("--model", words)
