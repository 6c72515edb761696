"""The whole validation on the tiny demo region: tables, figures, words, and what is left out."""

import json
import re
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import yaml
from PIL import Image

from poml_map import cli
from poml_map.demo import write_demo
from poml_map.pipeline.validation.run import validate_region

FIGURES = {
    "histograms",
    "scatter",
    "courses",
    "zone_trends",
    "differences",
    "weights",
    "importance",
    "drivers",
    "foldings",
    "distances",
    "applicability",
    "gain",
    "intervals",
    "maps",
    "truth",
}


def small(folder, **changes):
    """A tiny demo region whose forests take no time."""
    write_demo(folder, size="tiny")
    file = folder / "region.yaml"
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    settings["hybrid"] |= {"n_trees": 4}
    settings["validation"] |= {"folds": 3, "repeats": 2}
    for name, value in changes.items():
        settings[name] = value
    file.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def region_file(tmp_path_factory):
    return small(tmp_path_factory.mktemp("validate") / "demo")


@pytest.fixture(scope="module")
def out(region_file):
    folder = region_file.parent.parent / "validation"
    validate_region(region_file, folder)
    return folder


def table(out, name):
    return pd.read_csv(out / f"{name}.csv")


def test_every_figure_is_there_as_png_and_as_svg_and_says_that_data_are_synthetic(out):
    assert {path.stem for path in out.glob("*.png")} == FIGURES
    assert {path.stem for path in out.glob("*.svg")} == FIGURES
    for path in out.glob("*.png"):
        with Image.open(path) as picture:
            assert picture.size[0] >= 1000
    for path in out.glob("*.svg"):
        assert "Synthetic data" in path.read_text(encoding="utf-8"), path.name


def test_every_table_is_in_the_json_too_but_those_of_single_sites(out):
    content = json.loads((out / "validation.json").read_text(encoding="utf-8"))
    names = {path.stem for path in out.glob("*.csv")}
    assert set(content["tables"]) == names - {"held_out", "folds", "interval_sites"}
    assert content["synthetic"] is True
    assert content["fits"]["forests"]["random folds"] == 2 * 3 * 3
    # w_p of 0 and of the region file are forests that were scored already: nothing is grown twice.
    assert content["fits"]["forests"]["curve over w_p"] == 3 * (21 - 2)
    assert content["fits"]["forests"]["nested choice of w_p"] == 3 * 21
    assert content["versions"]["scikit-learn"]


def test_all_models_are_scored_on_all_targets_with_their_spread(out):
    scores = table(out, "scores")
    of_random = scores[scores["folding"] == "random"]
    assert len(of_random) == 6 * 4
    ml = of_random[(of_random["model"] == "ML") & (of_random["target"] == "pooled")].iloc[0]
    held_out = table(out, "held_out")
    first = held_out[held_out["repeat"] == 0]
    both = [np.sqrt(np.mean((rows["ML"] - rows["observed"]) ** 2)) for _, rows in held_out.groupby("repeat")]
    assert ml["rmse"] == pytest.approx(np.mean(both), rel=1e-4)
    assert ml["rmse_repeat_sd"] == pytest.approx(np.std(both, ddof=1), rel=1e-3)
    assert ml["n"] == len(first)
    po = of_random[(of_random["model"] == "PO") & (of_random["target"] == "t1")].iloc[0]
    assert po["n"] == 0
    assert po["knows_first"]


def test_a_site_is_in_one_fold_of_each_folding(out):
    folds = table(out, "folds")
    held_out = table(out, "held_out").merge(folds, on="site")
    assert (held_out[held_out["repeat"] == 1]["fold"] == held_out[held_out["repeat"] == 1]["random_1"]).all()
    assert {"random_0", "random_1"} <= set(folds)


def test_the_page_names_the_best_model_and_says_who_knows_the_first_stock(out):
    text = (out / "validation.md").read_text(encoding="utf-8")
    assert text.startswith("# Which model to believe: Synthetic demo region")
    assert "**Synthetic data.**" in text
    assert re.search(r"\| change \| 60 \| [+-]?\d", text), "table S1"
    assert "PO and persistence start from the measured first stock" in text
    assert "the smallest w_p that nested folds cannot tell from the best" in text
    assert "mu_max and K_m from the training sites of each fold" in text
    assert "against the known truth" in text
    assert "no leak: other later stocks at held-out sites change no simulated stock" in text.lower()
    for name in FIGURES:
        assert f"({name}.png)" in text


def test_maps_of_the_dissimilarity_index_know_their_threshold(out):
    rows = table(out, "applicability").set_index("year")
    assert list(rows.index) == list(range(1980, 2001))
    assert len(list((out / "maps").iterdir())) == 3 * 21
    with rasterio.open(out / "maps" / "DI_OBSERVED_1990.tif") as file:
        values = file.read(1, masked=True).compressed()
        threshold = float(file.tags()["POML_MAP_THRESHOLD_DI_OBSERVED"])
    assert np.mean(values <= threshold) == pytest.approx(rows.loc[1990, "inside_observed"], abs=1e-4)
    with rasterio.open(out / "maps" / "AOA_1990.tif") as file:
        area = file.read(1, masked=True).compressed()
    assert set(np.unique(area)) <= {0, 1, 2}
    assert np.mean(area == 2) == pytest.approx(rows.loc[1990, "inside_observed"], abs=1e-4)


def test_the_truth_is_compared_where_it_is_known(out):
    assert set(table(out, "truth_best")["question"]) >= {"level, unsampled years", "trend"}


@pytest.mark.slow
def test_the_truth_is_read_by_no_method(out, region_file, tmp_path):
    away = region_file.parent / "truth"
    away.rename(region_file.parent / "elsewhere")
    try:
        validate_region(region_file, tmp_path / "again", repeats=1)
    finally:
        (region_file.parent / "elsewhere").rename(away)
    assert not (tmp_path / "again" / "truth_best.csv").exists()
    assert "the known truth" not in (tmp_path / "again" / "validation.md").read_text(encoding="utf-8")
    once = table(out, "held_out")
    again = table(tmp_path / "again", "held_out")
    pd.testing.assert_frame_equal(again, once[once["repeat"] == 0].reset_index(drop=True))


def test_nothing_of_the_maps_is_left_behind(out):
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def test_a_quick_look_has_one_folding_and_says_so(region_file, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["validate", str(region_file), "--out", str(tmp_path / "quick"), "--quick", "--quiet"])
    assert not stop.value.code
    said = capsys.readouterr().out
    assert "RMSE change" in said
    assert "PO and persistence start from" in said
    text = (tmp_path / "quick" / "validation.md").read_text(encoding="utf-8")
    assert "A quick look: 4 trees, one folding" in text
    assert not (tmp_path / "quick" / "maps").exists()
    assert {"scatter.png", "weights.png"} <= {path.name for path in (tmp_path / "quick").iterdir()}


@pytest.mark.slow
def test_stocks_are_in_the_unit_of_the_region(region_file, tmp_path):
    file = small(tmp_path / "demo", units="t/ha")
    validate_region(file, tmp_path / "quick", quick=True)
    campaigns = table(tmp_path / "quick", "campaigns").set_index("what")
    assert 30 < campaigns.loc["1980", "mean"] < 60
    text = (tmp_path / "quick" / "validation.md").read_text(encoding="utf-8")
    assert "t C ha-1" in text
    assert "kg C" not in text
    curve = table(tmp_path / "quick", "w_p_curve")
    assert (curve["rmse"] > 1).all()
    assert (curve["ccc"] <= 1).all()


@pytest.mark.slow
def test_simulations_alone_and_given_parameters_are_validated_and_told(tmp_path):
    """With w_p = 1 no observed row trains, yet where observations were is what the area of applicability asks."""
    file = small(tmp_path / "demo", rothc={"mu_max": 1.2, "k_m": 0.05}, hybrid={"w_p": 1.0, "n_trees": 4})
    validate_region(file, tmp_path / "out", repeats=1)
    assert table(tmp_path / "out", "applicability").set_index("year").loc[1980, "inside_observed"] > 0.5
    text = (tmp_path / "out" / "validation.md").read_text(encoding="utf-8")
    assert "mu_max and K_m as given" in text
    assert "but none of mu_max and K_m, which are given" in text
    assert "training sites of each fold" not in text


def test_intervals_are_judged_in_the_folds_that_calibrate_maps(out):
    content = json.loads((out / "validation.json").read_text(encoding="utf-8"))
    assert content["fits"]["forests"]["intervals"] == 2 * 10
    pit = table(out, "interval_pit").set_index("subset").loc["all"]
    assert pit["n"] == 120
    assert pit.filter(like="pit_").sum() == pytest.approx(120)


@pytest.mark.slow
def test_the_order_of_the_samples_changes_no_number(region_file, out, tmp_path):
    file = small(tmp_path / "demo")
    samples = pd.read_csv(file.parent / "samples.csv", dtype=str)
    samples.sample(frac=1, random_state=3).to_csv(file.parent / "samples.csv", index=False)
    validate_region(file, tmp_path / "again", repeats=1)
    for name in ("interval_sites", "w_p_curve", "truth_by_year", "importance"):
        pd.testing.assert_frame_equal(table(tmp_path / "again", name), table(out, name), check_exact=True)


@pytest.mark.slow
def test_few_sites_get_no_limits_no_sure_verdict_and_the_reasons(tmp_path):
    file = small(tmp_path / "demo")
    samples = pd.read_csv(file.parent / "samples.csv", dtype=str)
    samples[samples["site"].isin(samples["site"].unique()[:15])].to_csv(
        file.parent / "samples.csv", index=False
    )
    (file.parent / "truth" / "SOCS_TRUTH_1990.tif").unlink()
    validate_region(file, tmp_path / "out", repeats=1)
    text = (tmp_path / "out" / "validation.md").read_text(encoding="utf-8")
    assert "At 90 %: 13 sites are too few for limits at a level of 90 %: 19 are needed." in text
    assert "nan" not in text
    assert "With 15 sites these intervals are too narrow" in text
    assert "the known truth: truth/ lacks SOCS_TRUTH_1990.tif" in text


@pytest.mark.slow
def test_zones_of_one_name_stay_apart(tmp_path):
    file = small(tmp_path / "demo")
    counties = file.parent / "sources" / "counties.gpkg"
    table = gpd.read_file(counties)
    table.assign(name="Anhe").to_file(counties, layer="counties", driver="GPKG")
    validate_region(file, tmp_path / "quick", quick=True)
    rows = pd.read_csv(tmp_path / "quick" / "zone_trends.csv", dtype={"key": str})
    assert set(rows["zone"]) == {"Anhe"}
    assert rows["key"].nunique() > 1
    assert not rows.duplicated(["key", "model", "year"]).any()
    words = (tmp_path / "quick" / "zone_trends.svg").read_text(encoding="utf-8")
    assert f"Anhe ({rows['key'].iloc[0]})" in words


@pytest.mark.slow
def test_the_readme_shows_what_the_command_prints_and_intervals_hold_on_the_demo(tmp_path):
    write_demo(tmp_path / "demo", size="small")
    lines = validate_region(tmp_path / "demo" / "region.yaml", tmp_path / "out")
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    for line in lines[:7]:
        assert line.rstrip() in readme
    rows = table(tmp_path / "out", "intervals").set_index(["subject", "subset", "level"])["picp"]
    assert 0.88 < rows["observations", "all", 0.9] < 0.92
    assert 0.85 < rows["true stock, unsampled years", "all", 0.9] < 0.95
