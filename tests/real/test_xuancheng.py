"""The example of examples/xuancheng from end to end: real terrain, climate and samples of one date."""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from PIL import Image

from poml_map.pipeline.run import run_region
from poml_map.pipeline.validation.run import validate_region

PREPARE = Path(__file__).parents[2] / "examples" / "xuancheng" / "prepare.py"
YEARS = range(1980, 2001)
MODELS = ("POML", "ML", "PO")
STAND_INS = {"CLAY", "ndvi", "precip", "FER"}


def _example():
    spec = importlib.util.spec_from_file_location("prepare_xuancheng", PREPARE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session", params=[2000, pytest.param(200, marks=pytest.mark.slow)])
def run(request, data_root, tmp_path_factory):
    """A finished run at 2 km, and at the 200 m of the layers when slow tests run."""
    folder = tmp_path_factory.mktemp(f"xuancheng_{request.param}")
    _example().prepare(data_root, folder / "region", request.param)
    region_file, out = folder / "region" / "region.yaml", folder / "run"
    if request.param != 200:  # as many trees as a quick look needs
        text = region_file.read_text(encoding="utf-8").replace("{seed: 0}", "{seed: 0, n_trees: 50}", 1)
        region_file.write_text(text, encoding="utf-8")
    run_region(region_file, out)
    maps = {model: np.stack([_read(out, model, year) for year in YEARS]) for model in MODELS}
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    return SimpleNamespace(out=out, maps=maps, manifest=manifest, resolution=request.param)


def _read(out: Path, model: str, year: int) -> np.ndarray:
    with rasterio.open(out / "maps" / f"SOCS_{model}_{year}.tif") as raster:
        return raster.read(1, masked=True).filled(np.nan)


def test_every_model_has_a_map_of_every_year_and_the_gif_shows_them(run):
    assert len(list((run.out / "maps").glob("SOCS_*.tif"))) == len(YEARS) * len(MODELS)
    assert len(list((run.out / "maps").glob("*.tif"))) == (len(YEARS) + 2) * len(MODELS)  # change and rate
    with Image.open(run.out / "SOCS_POML.gif") as gif:
        assert gif.n_frames == len(YEARS)


def test_every_geotiff_says_what_is_assumed_and_what_stands_in(run):
    for path in (run.out / "maps").glob("*.tif"):
        with rasterio.open(path) as raster:
            tags = raster.tags()
            assert raster.crs.to_epsg() == 32650
            assert raster.res == (run.resolution, run.resolution)
        assert set(tags["POML_MAP_STAND_IN"].split(", ")) == STAND_INS
        assert "mu = " in tags["POML_MAP_ASSUMED"]
        assert "sampling year 1980" in tags["POML_MAP_ASSUMED"]
        assert "coarse fragments 0" in tags["POML_MAP_ASSUMED"]


def test_manifest_and_log_say_what_is_assumed_and_what_stands_in(run):
    assert set(run.manifest["stand_ins"]) == STAND_INS
    assert run.manifest["rothc"]["origin"] == "assumed"
    log = (run.out / "log.txt").read_text(encoding="utf-8")
    for text in (json.dumps(run.manifest["notes"]), log):
        assert "Assumed: mu = " in text
        assert "sampling year 1980" in text
        assert "Stand-in: " in text
        stand_ins = text.partition("Stand-in: ")[2].partition("\n")[0].lower()
        assert all(name in stand_ins for name in ("precipitation", "ndvi", "clay", "fertilizer"))


def test_rothc_at_the_sites_changes_by_what_is_assumed(run):
    stocks = pd.read_csv(run.out / "site_simulations.csv", index_col="year").mean(axis=1)
    assert stocks.loc[2000] / stocks.loc[1980] - 1 == pytest.approx(0.10, abs=1e-4)  # six digits in the table


def test_the_change_without_the_assumption_stands_beside_it(run):
    """The fertilizer, and with it the input, grows by 113 %: far more carbon than anyone would expect."""
    assert run.manifest["rothc"]["expected_change"] == 0.10
    assert 0.25 < run.manifest["rothc"]["change_with_mu_1"] < 0.45
    assert f"with mu = 1 it would be {run.manifest['rothc']['change_with_mu_1']:+.1%}" in (
        run.out / "log.txt"
    ).read_text(encoding="utf-8")


def test_samples_in_empty_cells_are_counted_and_listed(run):
    """43 of the 183 points lie in cells of 200 m that the rasters leave empty; of 2 km it is 42."""
    dropped = {200: 43, 2000: 42}[run.resolution]
    assert run.manifest["samples"]["n_in"] == 183
    assert run.manifest["samples"]["n_used"] == 183 - dropped
    assert len(pd.read_csv(run.out / "sites_not_used.csv")) == dropped


def test_all_maps_cover_the_same_pixels(run):
    first = np.isfinite(run.maps["POML"][0])
    assert first.any()
    for maps in run.maps.values():
        assert (np.isfinite(maps) == first).all()


def test_the_rasters_holes_and_the_county_border_are_all_that_is_left_out(run):
    """111,445 cells of 200 m hold data inside the three counties."""
    pixels = np.isfinite(run.maps["POML"][0]).sum() * (run.resolution / 200) ** 2
    assert pixels == pytest.approx(111_445, rel=0.001 if run.resolution == 200 else 0.05)


def test_stocks_are_those_of_mineral_topsoils(run):
    """A horizons of these samples hold 0.9 to 11.2 kg/m2, 3.7 in the mean."""
    for maps in run.maps.values():
        assert np.nanmin(maps) > 0.5
        assert np.nanmax(maps) < 13
        assert 3 < np.nanmean(maps) < 5


def test_cool_high_land_holds_more_carbon_than_the_plain(run, data_root):
    with rasterio.open(data_root / "xuancheng" / "dem.tif") as dem:
        rows, cols = np.nonzero(np.isfinite(run.maps["ML"][0]))
        with rasterio.open(run.out / "maps" / "SOCS_ML_1980.tif") as raster:
            x, y = raster.xy(rows, cols)
        elevation = np.array([value[0] for value in dem.sample(zip(x, y, strict=True))])
    for model in MODELS:
        stock = run.maps[model][0][rows, cols]
        assert stock[elevation > 300].mean() > 1.2 * stock[elevation < 50].mean()


def test_poml_follows_rothc_in_time_and_ml_only_the_weather(run):
    """ML has one date to learn from: it takes a warm year for a warm place, which holds less carbon."""
    means = {model: np.nanmean(maps, axis=(1, 2)) for model, maps in run.maps.items()}
    change = {model: mean[-1] / mean[0] - 1 for model, mean in means.items()}
    assert 0.05 < change["PO"] < 0.15
    assert 0.02 < change["POML"] < 0.15
    assert np.corrcoef(means["POML"], means["PO"])[0, 1] > 0.9
    assert np.corrcoef(means["ML"], _mean_temperature(run.out.parent / "region" / "derived"))[0, 1] < -0.7


def _mean_temperature(folder: Path) -> list[float]:
    means = []
    for year in YEARS:
        with xr.open_dataset(folder / f"tmean_{year}.nc") as data:
            means.append(float(data["tmean"].mean()))
    return means


@pytest.mark.slow
def test_what_one_campaign_can_tell_is_told(data_root, tmp_path):
    """Samples of one date: levels are scored, change is left out with the reason, and later years are unlike them."""
    _example().prepare(data_root, tmp_path / "region", 2000)
    region_file = tmp_path / "region" / "region.yaml"
    text = region_file.read_text(encoding="utf-8").replace("{seed: 0}", "{seed: 0, n_trees: 10}", 1)
    region_file.write_text(text, encoding="utf-8")
    validate_region(region_file, tmp_path / "out", repeats=1)
    scores = pd.read_csv(tmp_path / "out" / "scores.csv").set_index(["folding", "model", "target"])
    assert scores.loc[("random", "ML", "t1"), "n"] == 141
    assert scores.loc[("random", "ML", "change"), "note"] == "no site has a later campaign"
    page = (tmp_path / "out" / "validation.md").read_text(encoding="utf-8")
    assert "Change from the first to the later campaign**: nothing to score it with" in page
    assert "Stand-in: " in page
    inside = pd.read_csv(tmp_path / "out" / "applicability.csv").set_index("year")
    assert inside.loc[1980, "inside_observed"] > 0.9 > 0.1 > inside.loc[2000, "inside_observed"]
