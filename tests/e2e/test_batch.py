"""`poml-map batch` as a user calls it, on tiny regions with few trees and a climate without files."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import rasterio
import yaml

from poml_map import cli, schema
from poml_map.demo import write_demo

QUICK = {
    "spinup_years": "1978-1979",
    "hybrid": {"n_trees": 3},
    "validation": {"folds": 2},
    "rothc": {"mu_max": 4.5, "k_m": 0.13},
}
CLIMATE = {
    "temperature": {"unit": "degC", "value": [4, 5, 9, 15, 20, 24, 28, 27, 23, 17, 11, 6]},
    "precipitation": {"unit": "mm/month", "value": [80, 90, 120, 120, 130, 200, 150, 150, 120, 80, 70, 50]},
    "pet": {"unit": "mm/month", "value": [30, 40, 60, 90, 110, 110, 140, 130, 90, 70, 50, 30]},
    "ndvi": {"unit": "1", "value": [0.3, 0.3, 0.4, 0.5, 0.4, 0.5, 0.7, 0.7, 0.6, 0.4, 0.3, 0.3]},
}
OF_FILES = ("uri", "variable", "variables", "expression", "crs", "years")
ONE_YEAR = ("--years", "2000")


def _edit(path, change):
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """The tiny demo region, quick, with constants for a climate."""
    folder = tmp_path_factory.mktemp("batch") / "demo"
    write_demo(folder, size="tiny", intervals=False)
    _edit(folder / "region.yaml", lambda data: data.update(QUICK, fill={}))

    def constants(data):
        for name, changes in CLIMATE.items():
            entry = data["sources"][name]
            for key in OF_FILES:
                entry.pop(key, None)
            entry.update(driver="constant", **changes)

    _edit(folder / "data_catalog.yaml", constants)
    for path in (folder / "sources").glob("*"):
        if path.name.startswith(("TerraClimate", "ndvi")):
            path.unlink()
    shutil.rmtree(folder / "truth")
    return folder


@pytest.fixture
def demo(still, tmp_path):
    """A copy to change."""
    return shutil.copytree(still, tmp_path / "demo")


def _command(*arguments):
    return [sys.executable, "-m", "poml_map", *map(str, arguments)]


def _call(*arguments, cwd):
    return subprocess.run(_command(*arguments), cwd=cwd, capture_output=True, text=True, check=False)


def _rows(out):
    with open(out / "summary.csv", encoding="utf-8", newline="") as file:
        return {row["region"]: row for row in csv.DictReader(file)}


def _states(out):
    return {name: row["state"] for name, row in _rows(out).items()}


def _stamps(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    """Run a command in this process: its children are processes of their own all the same."""

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        capsys.readouterr()
        code = 0
        try:
            cli.main([*arguments])
        except SystemExit as stop:
            code = stop.code or 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_broken_region_is_told_in_a_line_and_what_is_finished_is_kept(demo, tmp_path, call):
    text, out = (demo / "region.yaml").read_text(encoding="utf-8"), tmp_path / "batch"
    broken = text.replace("name: demo", "name: second").replace("n_trees: 3", "n_trees: none")
    (demo / "broken.yaml").write_text(broken, encoding="utf-8")

    code, table, said = call("batch", "demo", *ONE_YEAR)

    assert code == 2, said
    assert _states(out) == {"second": "failed", "demo": "done"}
    assert "hybrid.n_trees: found the text 'none'" in _rows(out)["second"]["error"]
    assert "second: demo/broken.yaml:" in table
    assert "Traceback" not in table + said
    assert not (out / "second").exists()
    assert "demo/data_catalog.yaml: a catalog, not a region file: left out" in said
    assert "demo    mapping" in said
    before = _stamps(out / "demo")

    code, lines, said = call("batch", "demo", "--json", *ONE_YEAR)

    assert code == 2, said
    assert _states(out) == {"second": "failed", "demo": "kept"}
    assert _stamps(out / "demo") == before
    events = [json.loads(line) for line in lines.splitlines()]
    assert events[-1]["event"] == "end"
    assert events[-1]["states"] == {"failed": 1, "kept": 1}


@pytest.mark.slow
def test_county_by_county_with_one_model_is_the_map_of_the_province(demo, tmp_path):
    """But for SPI: water that comes from far outside a county is not counted there, as docs/batch.md says."""
    columns = [name for name in schema.PAPER_COVARIATES if name != "SPI"]
    _edit(demo / "region.yaml", lambda data: data.update(covariates=columns))
    said = _call(
        "batch",
        "demo/region.yaml",
        "--by",
        "code",
        "--model",
        "shared",
        "--at-once",
        2,
        *ONE_YEAR,
        cwd=tmp_path,
    )
    assert said.returncode == 0, said.stderr
    whole = _call("run", "demo/region.yaml", "--out", "whole", *ONE_YEAR, cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr

    assert len(_states(tmp_path / "batch")) == 4
    for model in ("POML", "ML", "PO"):
        with rasterio.open(tmp_path / "batch" / "mosaic" / f"SOCS_{model}_2000.vrt") as joined:
            values, bounds = joined.read(1, masked=True), joined.bounds
        with rasterio.open(tmp_path / "whole" / "maps" / f"SOCS_{model}_2000.tif") as one:
            window = one.window(*bounds).round_offsets().round_lengths()
            expected = one.read(1, masked=True, window=window)
        np.testing.assert_array_equal(values.filled(-1), expected.filled(-1))


@pytest.mark.slow
def test_each_county_with_a_model_of_its_own(demo, tmp_path):
    said = _call("batch", "demo/region.yaml", "--by", "code", *ONE_YEAR, cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    rows = _rows(tmp_path / "batch")
    assert len({row["sites"] for row in rows.values()}) > 1
    assert all(0 < int(row["sites"]) < 60 for row in rows.values())


def _wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)


@pytest.mark.slow
def test_a_batch_whose_parent_is_killed_leaves_no_orphan_and_goes_on(demo, tmp_path):
    command = ["batch", "demo/region.yaml", "--by", "code", *ONE_YEAR]
    parent = subprocess.Popen(
        _command(*command), cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    out = tmp_path / "batch"
    _wait_for(lambda: (out / "demo-0330501" / "manifest.json").exists())
    _wait_for(lambda: (out / "demo-0330502").exists())
    children = psutil.Process(parent.pid).children(recursive=True)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    _, alive = psutil.wait_procs(children, 20)
    assert not alive, "children work on for nobody"
    before = _stamps(out / "demo-0330501")

    said = _call(*command, cwd=tmp_path)

    assert said.returncode == 0, said.stderr
    states = _states(out)
    assert states.pop("demo-0330501") == "kept"
    assert set(states.values()) == {"done"}
    assert _stamps(out / "demo-0330501") == before
    assert not list(out.rglob(".part-*"))
    assert not list(out.glob("*/.unfinished*"))


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_batch_that_is_stopped_says_so_and_goes_on(demo, tmp_path, sent, code):
    command = _command("batch", "demo/region.yaml", "--by", "code", *ONE_YEAR)
    parent = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    out = tmp_path / "batch"
    _wait_for(lambda: (out / "demo-0330501").exists())
    parent.send_signal(sent)
    _, said = parent.communicate(timeout=30)
    assert parent.returncode == code
    assert "the same command goes on" in said
    assert set(_states(out).values()) == {"stopped", "waiting"}
    assert not psutil.Process().children(recursive=True)


@pytest.mark.slow
def test_a_region_that_does_not_fit_is_refused_before_it_starts(demo, tmp_path):
    said = _call("batch", "demo/region.yaml", "--memory", "300MiB", cwd=tmp_path)
    assert said.returncode == 3
    assert "the limit is 300 MiB. Raise --memory" in said.stdout
    assert not (Path(tmp_path) / "batch" / "demo").exists()
