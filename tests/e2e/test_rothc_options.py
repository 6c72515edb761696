"""RothC's options and its calibration through the command line: what a user gets, and what is refused."""

import json

import numpy as np
import pandas as pd
import pytest
import rasterio
import yaml

from poml_map import cli
from poml_map.pipeline.run import run_region


def _edit(folder, **changes):
    path = folder / "region.yaml"
    settings = yaml.safe_load(path.read_text()) | {"hybrid": {"n_trees": 3}} | changes
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return path


def _add_land_use(folder):
    """Two classes by clay."""
    with rasterio.open(folder / "sources" / "clay.tif") as file:
        clay, profile = file.read(1, masked=True), file.profile
    classes = np.where(clay.filled(0) > np.ma.median(clay), 2, 1).astype("uint8")
    profile |= {"dtype": "uint8", "nodata": 0}
    for name in ("predictor", "scale", "offset"):
        profile.pop(name, None)
    with rasterio.open(folder / "sources" / "use.tif", "w", **profile) as file:
        file.write(classes, 1)
    catalog = folder / "data_catalog.yaml"
    entry = "  use: {driver: raster, role: land_use, uri: sources/use.tif}\n"
    catalog.write_text(catalog.read_text().replace("sources:\n", f"sources:\n{entry}", 1))
    return [*yaml.safe_load((folder / "region.yaml").read_text())["sources"], "use"]


def _scaled_later_stocks(folder, factor):
    table = pd.read_csv(folder / "samples.csv", dtype={"site": str})
    table.loc[table["year"] == 2000, "soc_g_kg"] *= factor
    table.to_csv(folder / "samples.csv", index=False)


def _command(*words):
    with pytest.raises(SystemExit) as stop:
        cli.main([str(word) for word in words])
    return stop.value.code


def test_a_calibration_that_finds_no_minimum_is_exit_code_2_and_never_a_map(own, tmp_path, capsys):
    _scaled_later_stocks(own, 3.0)
    assert _command("run", _edit(own), "--out", tmp_path / "run") == 2
    said = capsys.readouterr().err
    assert "a calibration that fails: mu runs to zero" in said
    assert "give `mu_max` and `k_m`" in said
    assert not (tmp_path / "run").exists()


def test_a_calibration_at_a_limit_makes_the_map_and_warns_everywhere(own, tmp_path):
    """Later stocks that fall the more the larger they were ask for a mu that rises steeply with BIO."""
    table = pd.read_csv(own / "samples.csv", dtype={"site": str})
    first = table[table["year"] == 1980].set_index("site")["soc_g_kg"]
    later = table["year"] == 2000
    before = table["site"].map(first)[later]
    table.loc[later, "soc_g_kg"] = before * (1.3 - 0.3 * before / before.mean())
    table.to_csv(own / "samples.csv", index=False)
    assert not _command("run", _edit(own), "--out", tmp_path / "run", "--years", "2000-2000")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["rothc"]["limit"] == "linear"
    assert manifest["rothc"]["profile"]["points"][-1]["mu_max"] is None
    words = "that one-parameter limit was fitted. Do not interpret K_m"
    assert any(words in warning for warning in manifest["warnings"])
    for name in ("log.txt", "report.md"):
        assert words in (tmp_path / "run" / name).read_text()
    assert (tmp_path / "run" / "maps" / "SOCS_PO_2000.tif").exists()


def test_real_years_take_the_jump_out_of_the_run(own, finished, tmp_path):
    run_region(_edit(own, rothc={"spinup": "real_years"}), tmp_path / "run", years=(2000, 2000))
    mean, real = (json.loads((out / "manifest.json").read_text()) for out in (finished, tmp_path / "run"))
    jumps = [abs(np.log(each["rothc"]["rate_jump_at_first_campaign"]["median"])) for each in (mean, real)]
    assert jumps[1] < 0.5 * jumps[0]
    advice = "Compare a run with `rothc: {spinup: real_years}`"
    assert any(advice in warning for warning in mean["warnings"])
    assert advice in (finished / "report.md").read_text()
    assert not any(advice in warning for warning in real["warnings"])
    assert "spin-up on mean months instead of real years" in (tmp_path / "run" / "report.md").read_text()
    assert real["spinup"]["precip"] == "real months of 1960-1979"


@pytest.mark.slow
def test_parameters_by_land_use_reach_tables_manifest_and_maps(own, tmp_path):
    sources = _add_land_use(own)
    ratios = {"column": "LAND_USE", "values": {"1": 1.44, "2": 0.67}}
    path = _edit(own, sources=sources, rothc={"groups": "LAND_USE", "dpm_rpm": ratios})
    run_region(path, tmp_path / "run", years=(1980, 2000))
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    classes = manifest["rothc"]["groups"]["classes"]
    assert set(classes) == {"1", "2"}
    assert sum(each["n_observations"] for each in classes.values()) == 60
    text = (tmp_path / "run" / "report.md").read_text()
    assert f"LAND_USE 1, {classes['1']['n_observations']} later observations: {classes['1']['law']}" in text
    assert "sources/use.tif" in manifest["inputs"]
    assert manifest["carbon_balance"]["sites"]["largest_error_kg_m2"] < 1e-10
    assert (tmp_path / "run" / "calibration.png").stat().st_size > 10_000


def test_all_options_together_make_a_run(own, tmp_path):
    rothc = {
        "spinup": "real_years", "cover": "fraction", "input_months": "crop_calendar", "input_driver": "constant",
        "crop_calendar": [{"sow": 11, "harvest": 5}, {"sow": 6, "harvest": 10, "weight": 2}],
        "rate_factor": {"column": "LAND_USE", "values": {"2": "paddy_rice_season"}}, "pools": "weihermueller",
    }  # fmt: skip
    path = _edit(own, sources=_add_land_use(own), rothc=rothc)
    lines = run_region(path, tmp_path / "run", years=(2000, 2000))
    text = (tmp_path / "run" / "report.md").read_text()
    for part in (
        "soil covered from NDVI 0.4 instead of as a share",
        "no rate factor instead of the one stated",
        "starting pools by equilibrium instead of weihermueller",
    ):
        assert part in text
    assert any(line.startswith("POML") for line in lines)


def test_a_word_that_is_no_preset_is_refused_by_check(own, capsys):
    assert _command("check", _edit(own, rothc={"rate_factor": "paddy"})) == 2
    assert "expected twelve factors, or one of none, paddy_all_year" in capsys.readouterr().err
