"""Tables of a run folder: every stock in the unit that was asked for, in a form that reads back."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from poml_map.hybrid import load_forest
from poml_map.pipeline.heard import Heard
from poml_map.pipeline.outputs import write_calibration, write_tables
from poml_map.pipeline.parameters import find_parameters
from poml_map.pipeline.process_choices import process_options
from poml_map.pipeline.progress import Stopwatch
from poml_map.pipeline.site_model import build_site_model
from poml_map.pipeline.trained import save_trained, train_at

STOCKS = {
    "sites": ["stock"],
    "training": ["stock"],
    "cross_validation": ["observed", "PO", "ML", "POML"],
    "accuracy": ["rmse", "mean_error"],
    "site_simulations": [f"s{number}" for number in range(12)],
}


def _trained(region, points, samples):
    for name in region.settings.covariates:
        points[name].attrs["units"] = "1"
    return train_at(region, "EPSG:32651", samples, points, Stopwatch(), Heard())


def _written(folder, unit, region, points, samples):
    folder.mkdir()
    trained = _trained(region, points, samples)
    save_trained(trained, folder)
    write_tables(folder, unit, trained)
    return {name: pd.read_csv(folder / f"{name}.csv", dtype={"site": str}) for name in STOCKS}


def test_tonnes_per_hectare_are_ten_times_the_numbers_and_nothing_else_changes(region, twice, tmp_path):
    _, points, samples = twice
    where = region(rothc="  mu_max: 1.4\n  k_m: 0.06\n")
    plain = _written(tmp_path / "kg", "kg/m2", where, points, samples)
    tonnes = _written(tmp_path / "t", "t/ha", where, points, samples)
    for name, columns in STOCKS.items():
        rest = [column for column in plain[name] if column not in [*columns, "unit"]]
        pd.testing.assert_frame_equal(tonnes[name][rest], plain[name][rest])
        np.testing.assert_allclose(tonnes[name][columns], 10 * plain[name][columns], rtol=2e-5)
    assert plain["sites"]["stock"].to_numpy() == pytest.approx(samples.table["stock"].to_numpy())
    assert [set(each["sites"]["unit"]) for each in (plain, tonnes)] == [{"kg C m-2"}, {"t C ha-1"}]
    details = json.loads((tmp_path / "t" / "rothc_params.json").read_text())
    assert details["k_m_kg_m2"] == 0.06
    assert load_forest(str(tmp_path / "t" / "forest_poml.npz")).target_unit == "kg/m2"
    for name in ("poml", "ml"):
        saved = [load_forest(str(tmp_path / each / f"forest_{name}.npz")).forest for each in ("kg", "t")]
        probe = np.full((1, 12), 20.0)
        assert saved[0].predict(probe) == saved[1].predict(probe)


def test_a_fit_is_drawn_and_given_parameters_are_not(region, twice, tmp_path):
    where, points, samples = twice
    model = build_site_model(where, samples, points, process_options(where))
    write_calibration(tmp_path, where.settings, find_parameters(where, model), ["Synthetic data"])
    with Image.open(tmp_path / "calibration.png") as picture:
        assert picture.text["Title"] == "small: calibration of RothC"
        assert "Synthetic data" in picture.text["Comment"]
    other = region(rothc="  mu_max: 1.4\n  k_m: 0.06\n")
    (tmp_path / "given").mkdir()
    write_calibration(tmp_path / "given", other.settings, find_parameters(other, model), [])
    assert not list((tmp_path / "given").iterdir())


def test_the_parameter_file_holds_the_ridge_with_null_for_infinity(twice, tmp_path):
    where, points, samples = twice
    _written(tmp_path / "run", "kg/m2", where, points, samples)
    details = json.loads((tmp_path / "run" / "rothc_params.json").read_text())
    assert details["profile"]["points"][-1]["mu_max"] is None
    assert details["profile"]["points"][0]["k_m_kg_m2"] == 0
    assert details["profile"]["k_m_95_percent_kg_m2"][0] == pytest.approx(0.06, rel=1e-3)
    assert details["n_observations"] == 12


def test_simulations_of_a_site_are_those_of_its_class(by_class, tmp_path):
    where, here, samples = by_class({1: (1.4, 0.06), 2: (0.9, 0.03)})
    write_tables(tmp_path, "kg/m2", _trained(where, here, samples))
    stocks = pd.read_csv(tmp_path / "site_simulations.csv", index_col="year")
    later = samples.table[samples.table["year"] == 1986].set_index("site")["stock"]
    np.testing.assert_allclose(stocks.loc[1986, later.index], later, rtol=1e-5)
    classes = json.loads((tmp_path / "rothc_params.json").read_text())["groups"]["classes"]
    assert classes["2"]["mu_max"] == pytest.approx(0.9, rel=1e-4)
