"""The tiny demo run composed from public names alone: the same maps, bit by bit, as `poml_map.run` writes."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal
from PIL import Image

import poml_map


@pytest.fixture(scope="module")
def composed(demo):
    """What a notebook does, without the pipeline."""
    region = poml_map.load_region(demo / "region.yaml")
    cube, samples = poml_map.open_cube(region), poml_map.read_samples(region)
    parameters = poml_map.calibrate(samples, region)
    course = poml_map.simulate(samples, samples["stock"], region, parameters=parameters)
    covariates = region.settings.covariates
    rows = poml_map.training_table(samples, covariates, course["stock"])
    forest = {"n_trees": region.settings.hybrid.n_trees, "seed": region.settings.hybrid.seed, "n_jobs": -1}
    poml = poml_map.PomlRegressor(w_p=region.settings.hybrid.w_p, **forest)
    poml.fit(rows[covariates], rows["stock"], rows["is_simulated"])
    observed = rows[~rows["is_simulated"]]
    ml = poml_map.PomlRegressor(**forest).fit(observed[covariates], observed["stock"])
    maps = poml_map.map_years(cube, {"POML": poml, "ML": ml}).compute()
    first = maps["ML"].sel(year=region.years[0])
    law = {"parameters": parameters, "dtype": "float32"}
    process = poml_map.simulate(cube, first, region, **law)
    maps["PO"] = process["stock"].compute()
    return {"region": region, "samples": samples, "rows": rows, "maps": maps, "course": course}


def test_the_maps_of_all_three_models_are_those_of_the_run_bit_by_bit(composed, finished):
    maps, store = composed["maps"], poml_map.open_store(finished).load()
    # A run has one mask for its three models: the pixels where RothC has all it needs.
    complete = np.isfinite(maps["PO"])
    for model in ("PO", "ML", "POML"):
        values = maps[model].where(complete)
        assert values.dtype == store[model].dtype == "float32"
        assert_array_equal(values.transpose("year", "y", "x"), store[model])
        assert values.attrs["units"] in ("kg/m2", "kg C m-2")
    assert maps.rio.crs == store.rio.crs


def test_rows_and_courses_at_the_sites_are_those_of_the_run(composed, finished):
    written = pd.read_csv(finished / "training.csv", dtype={"site": str})
    rows = composed["rows"].astype({"site": str})
    assert_frame_equal(rows, written.drop(columns="weight"), check_dtype=False, rtol=1e-6)
    stocks = pd.read_csv(finished / "site_simulations.csv", index_col="year").rename_axis(columns="site")
    assert_frame_equal(composed["course"]["stock"].to_pandas(), stocks, rtol=1e-5)


@pytest.mark.slow  # forests of every fold, the second time
def test_scores_at_held_out_sites_are_those_of_the_run(composed, finished):
    found = poml_map.cross_validate(composed["samples"], composed["region"])
    written = pd.read_csv(finished / "accuracy.csv").fillna({"note": ""})
    assert_frame_equal(found.scores, written, check_dtype=False, atol=1e-6)
    assert found.held_out.groupby("site")["fold"].nunique().max() == 1


def test_the_maps_become_a_gif_that_says_they_are_synthetic(composed, tmp_path):
    maps = composed["maps"]
    path = poml_map.animate(maps, tmp_path / "SOCS.gif", layer="ML", dpi=50)
    with Image.open(path) as gif:
        assert gif.n_frames == maps.sizes["year"]
        assert b"Synthetic data" in gif.info["comment"]
        assert b"soil organic carbon stock" in gif.info["comment"]
