"""The whole run on the tiny demo region: what a user finds in the run folder."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
import rasterio
import yaml
from PIL import Image

from poml_map import cli
from poml_map.hybrid import load_forest
from poml_map.mapping import open_store
from poml_map.pipeline.run import run_region
from poml_map.products import read_map
from poml_map.schema import MODELS

YEARS = range(1980, 2001)


def _maps(out, model):
    stack = []
    for year in YEARS:
        with rasterio.open(out / "maps" / f"SOCS_{model}_{year}.tif") as file:
            stack.append(file.read(1, masked=True).filled(np.nan))
    return np.stack(stack)


def test_everything_that_is_promised_is_there(finished):
    names = {path.name for path in finished.iterdir()}
    assert names == {
        "SOCS_POML.gif",
        "accuracy.csv",
        "calibration.png",
        "cross_validation.csv",
        "first_and_last_year.png",
        "forest_ml.npz",
        "forest_poml.npz",
        "log.txt",
        "manifest.json",
        "maps",
        "maps.zarr",
        "model.npz",
        "qgis",
        "report.html",
        "report.md",
        "rothc_params.json",
        "samples.gpkg",
        "site_simulations.csv",
        "sites.csv",
        "sites_not_used.csv",
        "stac",
        "tiles.jsonl",
        "training.csv",
        "zone_changes.csv",
        "zones.csv",
        "zones.gpkg",
    }
    assert len(list((finished / "maps").iterdir())) == (21 + 2) * len(MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_a_map_says_what_it_is(finished, model):
    with rasterio.open(finished / "maps" / f"SOCS_{model}_1987.tif") as file:
        tags = file.tags()
        assert file.crs.to_epsg() == 32651
        assert file.nodata == -9999
        assert file.units == ("kg m-2",)
        assert file.descriptions == (f"SOCS 1987 {model}",)
        assert file.profile["tiled"]
        assert file.compression
    assert tags["TIFFTAG_DATETIME"] == "1987:12:31 00:00:00"
    assert tags["POML_MAP_MODEL"] == model
    assert tags["POML_MAP_YEAR"] == "1987"
    assert tags["POML_MAP_DEPTH_CM"] == "20"
    assert tags["POML_MAP_SYNTHETIC"] == "YES"
    assert "1980, 1981" in tags["POML_MAP_FILLED_NDVI"]
    assert (
        tags["POML_MAP_INPUT_DIGEST"] == json.loads((finished / "manifest.json").read_text())["input_digest"]
    )


def test_all_maps_have_the_mask_of_the_manifest_and_sane_values(finished):
    pixels = json.loads((finished / "manifest.json").read_text())["pixels"]
    masks = []
    for model in MODELS:
        stack = _maps(finished, model)
        masks.append(np.isfinite(stack))
        assert 1 < np.nanmin(stack) < np.nanmax(stack) < 12
    assert (np.stack(masks) == masks[0][0]).all()
    assert masks[0][0].sum() == pixels["mapped"]


def test_the_store_holds_the_same_values_as_the_maps(finished):
    with open_store(finished / "maps.zarr") as store:
        for model in MODELS:
            np.testing.assert_array_equal(store[model].to_numpy(), _maps(finished, model))


def test_the_process_map_starts_from_the_ml_map(finished):
    np.testing.assert_allclose(_maps(finished, "PO")[0], _maps(finished, "ML")[0], rtol=1e-6)


def test_maps_show_pattern_and_trend_of_the_truth(demo, finished):
    """The truth comes from other laws than the models; likeness, not equality, is asked for."""
    truth = np.stack([read_map(demo / "truth" / f"SOCS_TRUTH_{year}.tif") for year in YEARS])
    poml = _maps(finished, "POML")
    here = np.isfinite(poml[0]) & np.isfinite(truth[0])
    assert np.corrcoef(poml[0][here], truth[0][here])[0, 1] > 0.4
    risen = np.nanmean(poml[-1][here] / poml[0][here]) - 1
    assert 0.02 < risen < 0.2
    assert abs(poml[:, here].mean() - truth[:, here].mean()) < 0.5


def test_one_frame_a_year_in_the_animation(finished):
    with Image.open(finished / "SOCS_POML.gif") as gif:
        assert gif.n_frames == 21
        assert "Synthetic" in gif.info["comment"].decode()


def test_accuracy_table_has_all_models_and_no_score_of_po_where_it_knows_the_stock(finished):
    table = pd.read_csv(finished / "accuracy.csv").set_index(["model", "campaign"])
    assert set(table.index.get_level_values("model")) == {"PO", "ML", "POML"}
    assert table.loc[("PO", "1980"), "n"] == 0
    assert table.loc[("PO", "2000"), "n"] == table.loc[("ML", "2000"), "n"] == 60
    held_out = pd.read_csv(finished / "cross_validation.csv", dtype={"site": str})
    rmse = np.sqrt(((held_out["ML"] - held_out["observed"]) ** 2).mean())
    assert rmse == pytest.approx(table.loc[("ML", "all"), "rmse"], rel=1e-4)


def test_training_rows_are_observations_and_the_years_between(finished):
    rows = pd.read_csv(finished / "training.csv", dtype={"site": str})
    observed, simulated = rows[~rows["is_simulated"]], rows[rows["is_simulated"]]
    assert len(observed) == 120
    assert len(simulated) == 60 * 19
    assert sorted(simulated["year"].unique()) == list(range(1981, 2000))
    assert simulated["weight"].sum() / rows["weight"].sum() == pytest.approx(0.5)


def test_the_saved_forest_predicts_the_training_rows_again(finished):
    saved = load_forest(str(finished / "forest_poml.npz"))
    rows = pd.read_csv(finished / "training.csv", dtype={"site": str})
    predicted = saved.forest.predict(rows[list(saved.columns)].to_numpy())
    assert np.corrcoef(predicted, rows["stock"])[0, 1] > 0.9


def test_manifest_tells_inputs_choices_counts_and_outputs(finished, demo):
    manifest = json.loads((finished / "manifest.json").read_text())
    assert manifest["synthetic"] is True
    assert manifest["samples"]["n_in"] == 120
    assert manifest["settings"]["rothc"]["cover_ndvi"] == 0.4
    assert manifest["versions"]["scikit-learn"]
    assert manifest["fills"][0]["years"] == [1980, 1981]
    assert manifest["spinup"]["ndvi"] == "mean of 1982-1986"
    assert "mean of 1982-1986" in (finished / "report.md").read_text()
    assert "Filled: ndvi of 1980, 1981" in (finished / "log.txt").read_text()
    digest = hashlib.sha256((demo / "samples.csv").read_bytes()).hexdigest()
    assert manifest["inputs"]["samples.csv"] == digest
    for name, digest in manifest["outputs"].items():
        assert hashlib.sha256((finished / name).read_bytes()).hexdigest() == digest


def test_the_report_says_synthetic_shows_accuracy_and_the_effect_of_choices(finished):
    text = (finished / "report.md").read_text()
    for part in (
        "SYNTHETIC",
        "RMSE",
        "soil covered from NDVI 0.5",
        "sampling month",
        "weihermueller",
        "- mu = ",
    ):
        assert part in text


@pytest.mark.slow
def test_tiles_and_threads_change_no_byte_of_a_map(finished, demo, tmp_path):
    run_region(demo / "region.yaml", tmp_path / "run", workers=1, tile_size=17)
    for model in MODELS:
        np.testing.assert_array_equal(_maps(tmp_path / "run", model), _maps(finished, model))


def _edit(folder, **changes):
    path = folder / "region.yaml"
    settings = yaml.safe_load(path.read_text())
    settings |= changes
    path.write_text(yaml.safe_dump(settings, sort_keys=False))


def test_tonnes_per_hectare_everywhere_and_chosen_years_only(own, tmp_path):
    _edit(own, units="t/ha", hybrid={"n_trees": 5})
    lines = run_region(own / "region.yaml", tmp_path / "run", years=(1985, 1986))
    assert {path.name for path in (tmp_path / "run" / "maps").iterdir()} == {
        name
        for model in MODELS
        for name in (
            f"SOCS_{model}_1985.tif",
            f"SOCS_{model}_1986.tif",
            f"CHANGE_{model}_1985_1986.tif",
            f"RATE_{model}_1985_1986.tif",
        )
    }
    with rasterio.open(tmp_path / "run" / "maps" / "SOCS_POML_1985.tif") as file:
        assert file.units == ("t ha-1",)
        assert 20 < np.nanmean(file.read(1, masked=True).filled(np.nan)) < 80
    assert any("t C ha-1" in line for line in lines)


def test_one_campaign_needs_an_assumption_and_is_called_assumed(own, tmp_path, capsys):
    table = pd.read_csv(own / "samples.csv", dtype=str)
    table[table["year"] == "1980"].to_csv(own / "samples.csv", index=False)
    _edit(own, hybrid={"n_trees": 5})
    with pytest.raises(SystemExit) as stop:
        cli.main(["run", str(own / "region.yaml"), "--out", str(tmp_path / "run")])
    assert stop.value.code == 2
    assert "expected_change" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    _edit(own, rothc={"expected_change": 0.1})
    run_region(own / "region.yaml", tmp_path / "run", years=(2000, 2000))
    with rasterio.open(tmp_path / "run" / "maps" / "SOCS_PO_2000.tif") as file:
        assert "mu" in file.tags()["POML_MAP_ASSUMED"]
    stocks = pd.read_csv(tmp_path / "run" / "site_simulations.csv", index_col="year").mean(axis=1)
    assert stocks[2000] / stocks[1980] == pytest.approx(1.1, abs=1e-4)
    details = json.loads((tmp_path / "run" / "rothc_params.json").read_text())
    assert details["origin"] == "assumed"
    assert details["change_with_mu_1"] != pytest.approx(0.1, abs=1e-3)
    assert "assumed" in (tmp_path / "run" / "log.txt").read_text().lower()
    told = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert sum(text.startswith("ML learned from one campaign (1980)") for text in told["warnings"]) == 1
    assert "ML learned from one campaign (1980)" in (tmp_path / "run" / "log.txt").read_text()
    assert {each["licence"] for each in told["sources"]} == {"CC0-1.0"}


@pytest.mark.slow
def test_a_second_run_replaces_the_first_and_a_dead_ones_leftovers(own, tmp_path):
    out = tmp_path / "run"
    (out / ".unfinished").mkdir(parents=True)
    (out / ".unfinished" / "half.tif").write_bytes(b"II*")
    _edit(own, hybrid={"n_trees": 3})
    run_region(own / "region.yaml", out, years=(1980, 1981))
    run_region(own / "region.yaml", out, years=(1982, 1982))
    assert not list(out.glob(".unfinished*"))
    assert {path.name for path in (out / "maps").iterdir()} == {f"SOCS_{model}_1982.tif" for model in MODELS}
    assert (
        (out / "report.md")
        .read_text()
        .startswith("# Synthetic demo region (tiny): soil organic carbon stock 1982\n")
    )
    assert not list((out / "stac").glob("*198[01]*"))
