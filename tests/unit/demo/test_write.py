import hashlib
import json
from pathlib import Path

import geopandas
import netCDF4
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
import yaml

from poml_map.config import load_region
from poml_map.cube import open_layers
from poml_map.demo import write_demo
from poml_map.demo.write import MARKER, catalog_text
from poml_map.errors import InputError

REPOSITORY = Path(__file__).parents[3]


def digests(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def truth(demo, year):
    with rasterio.open(demo / f"truth/SOCS_TRUTH_{year}.tif") as file:
        return file.read(1), file


def test_the_same_seed_gives_the_same_files_to_the_last_byte(demo, tmp_path):
    write_demo(tmp_path, size="tiny")
    assert digests(tmp_path) == digests(demo)


def test_another_seed_gives_another_region(demo, tmp_path):
    write_demo(tmp_path, size="tiny", seed=2)
    first, second = digests(demo), digests(tmp_path)
    assert set(first) == set(second)
    same = {path for path in first if first[path] == second[path]}
    assert {path.name for path in same} <= {MARKER, "data_catalog.yaml", "region.yaml"}


def test_every_path_that_is_returned_exists_and_nothing_else_was_written(demo, tmp_path):
    paths = write_demo(tmp_path / "new" / "folder", size="tiny")
    written = {path for path in (tmp_path / "new" / "folder").rglob("*") if path.is_file()}
    assert {*paths, tmp_path / "new" / "folder" / MARKER} == written
    assert len(set(paths)) == len(paths)


def test_everything_says_that_it_is_synthetic(demo):
    for path in demo.rglob("*.tif"):
        with rasterio.open(path) as file:
            assert file.tags()["SYNTHETIC"] == "yes", path
    for path in demo.rglob("*.nc"):
        with netCDF4.Dataset(path) as file:
            assert "Synthetic" in file.title, path
    info = pyogrio.read_info(demo / "sources/counties.gpkg")
    assert "Synthetic" in str(info["layer_metadata"])
    assert yaml.safe_load((demo / "region.yaml").read_text(encoding="utf-8"))["synthetic"] is True
    assert "SYNTHETIC" in (demo / "README.txt").read_text(encoding="utf-8")
    assert json.loads((demo / "truth/truth.json").read_text(encoding="utf-8"))["synthetic"] is True


def test_the_catalog_is_the_one_at_the_top_of_the_repository(demo):
    expected = (REPOSITORY / "data_catalog.yaml").read_text(encoding="utf-8")
    assert (demo / "data_catalog.yaml").read_text(encoding="utf-8") == expected
    assert catalog_text() == expected


def test_the_program_reads_the_region_and_its_truth_lies_on_the_region_s_grid(demo):
    cube = open_layers(load_region(demo / "region.yaml"))
    stock, file = truth(demo, 1980)
    assert stock.shape == cube.grid.shape
    np.testing.assert_allclose(tuple(file.transform)[:6], cube.grid.transform)
    mask = cube.dataset(256)["mask"].to_numpy()
    np.testing.assert_array_equal(np.isfinite(stock), mask)


def test_each_site_was_sampled_twice_on_a_field_of_its_own_pixel(demo):
    table = pd.read_csv(demo / "samples.csv")
    assert list(table.columns) == ["site", "lon", "lat", "year", "soc_g_kg"]
    assert table.groupby("site")["year"].apply(sorted).map([1980, 2000].__eq__).all()
    assert table["site"].nunique() == 60
    sites = table.drop_duplicates("site")
    points = geopandas.points_from_xy(sites["lon"], sites["lat"], crs="EPSG:4326").to_crs("EPSG:32651")
    stock, file = truth(demo, 1980)
    cells = np.array(rasterio.transform.rowcol(file.transform, points.x, points.y))
    assert np.isfinite(stock[cells[0], cells[1]]).all()
    assert len(np.unique(cells, axis=1).T) == 60


def test_samples_are_the_truth_with_the_error_of_a_laboratory(demo):
    """Eq. 1 with the soil maps' density and fragments gives the true stock back, but for 0.15 kg/m2."""
    table = pd.read_csv(demo / "samples.csv")
    true = pd.read_csv(demo / "truth/site_stock.csv")
    joined = table.merge(true, on=["site", "year"])
    density, stones = (
        sampled(demo / f"sources/{name}.tif", joined) for name in ("bulk_density", "coarse_fragments")
    )
    stock = joined["soc_g_kg"] * density * (1 - stones / 100) * 0.2
    error = stock - joined["stock_kg_m2"]
    assert abs(error.mean()) < 0.05
    assert 0.11 < error.std() < 0.19


def sampled(path, table):
    with rasterio.open(path) as file:
        points = geopandas.points_from_xy(table["lon"], table["lat"], crs="EPSG:4326").to_crs(file.crs)
        values = [value[0] for value in file.sample(zip(points.x, points.y, strict=True))]
        return np.array(values, float) * file.scales[0]


def test_the_true_stock_dips_and_then_rises_unevenly(demo):
    result = json.loads((demo / "truth/truth.json").read_text(encoding="utf-8"))["result"]
    means = np.array(result["mean_by_year"])
    assert 4 < means[0] < 5
    assert means[:8].min() < means[0] - 0.01
    assert 0.05 < means[-1] / means[0] - 1 < 0.15
    line = np.linspace(means[0], means[-1], len(means))
    assert np.abs(means - line).max() > 0.08
    assert 0.2 < result["sd_change"] < 0.4
    assert 0.005 < result["share_of_pixels_that_lose"] < 0.3


def test_truth_at_sites_is_that_of_their_pixels(demo):
    true = pd.read_csv(demo / "truth/site_stock.csv")
    table = pd.read_csv(demo / "samples.csv").drop_duplicates("site")
    values = sampled(demo / "truth/SOCS_TRUTH_1990.tif", table)
    expected = true[true["year"] == 1990].set_index("site").loc[table["site"], "stock_kg_m2"]
    np.testing.assert_allclose(values, expected, atol=1e-4)


def test_the_truth_does_not_come_from_the_models_that_are_fitted_to_it():
    for path in (REPOSITORY / "poml_map/demo").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "poml_map.rothc" not in text
        assert "poml_map.hybrid" not in text


def test_an_earlier_demo_is_written_over(tmp_path):
    write_demo(tmp_path, size="tiny", seed=3)
    (tmp_path / "run").mkdir()
    before = digests(tmp_path)
    (tmp_path / "samples.csv").write_text("spoilt")
    write_demo(tmp_path, size="tiny", seed=3)
    assert digests(tmp_path) == before
    assert (tmp_path / "run").is_dir(), "what a user put beside the demo stays"


def test_a_folder_with_other_things_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"thesis\.txt.*nothing was written"):
        write_demo(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "demo").write_text("mine")
    with pytest.raises(InputError, match="a file"):
        write_demo(tmp_path / "demo")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "smal"}, "Did you mean `small`"),
        ({"seed": -1}, "whole number"),
        ({"seed": 1.5}, "whole number"),
    ],
)
def test_a_size_or_seed_that_is_none_is_refused_before_anything_is_written(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        write_demo(tmp_path / "demo", **options)
    assert not (tmp_path / "demo").exists()


@pytest.mark.slow
def test_the_small_region_has_the_size_and_spread_of_the_paper_s(tmp_path):
    write_demo(tmp_path)
    result = json.loads((tmp_path / "truth/truth.json").read_text(encoding="utf-8"))["result"]
    assert 29_000 < result["pixels"] < 31_000
    assert 0.35 < result["mean_change"] < 0.55
    assert 0.25 < result["sd_change"] < 0.35
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert size < 120e6
