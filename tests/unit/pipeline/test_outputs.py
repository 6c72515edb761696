"""Tables of a run folder: every stock in the unit that was asked for, in a form that reads back."""

import json

import numpy as np
import pandas as pd
import pytest

from poml_map.hybrid import load_forest
from poml_map.pipeline.learning import learn
from poml_map.pipeline.outputs import write_tables
from poml_map.pipeline.parameters import find_parameters
from poml_map.pipeline.site_model import build_site_model, process_options

STOCKS = {
    "sites": ["stock"],
    "training": ["stock"],
    "cross_validation": ["observed", "PO", "ML", "POML"],
    "accuracy": ["rmse", "mean_error"],
    "site_simulations": [f"s{number}" for number in range(12)],
}


def _written(folder, unit, region, points, samples):
    folder.mkdir()
    model = build_site_model(region, samples, points, process_options(region))
    parameters = find_parameters(region, model)
    learned = learn(region, samples, points, model, parameters)
    units = dict.fromkeys(region.settings.covariates, "1")
    write_tables(folder, unit, samples, model, parameters, learned, units)
    return {name: pd.read_csv(folder / f"{name}.csv", dtype={"site": str}) for name in STOCKS}


def test_tonnes_per_hectare_are_ten_times_the_numbers_and_nothing_else_changes(region, twice, tmp_path):
    _, points, samples = twice
    where = region(rothc="  mu_max: 1.4\n  k_m: 0.06\n")
    plain = _written(tmp_path / "kg", "kg/m2", where, points, samples)
    tonnes = _written(tmp_path / "t", "t/ha", where, points, samples)
    for name, columns in STOCKS.items():
        rest = [column for column in plain[name] if column not in columns]
        pd.testing.assert_frame_equal(tonnes[name][rest], plain[name][rest])
        np.testing.assert_allclose(tonnes[name][columns], 10 * plain[name][columns], rtol=2e-5)
    assert plain["sites"]["stock"].to_numpy() == pytest.approx(samples.table["stock"].to_numpy())
    details = json.loads((tmp_path / "t" / "rothc_params.json").read_text())
    assert details["k_m_kg_m2"] == 0.06
    assert load_forest(str(tmp_path / "t" / "forest_poml.npz")).target_unit == "kg/m2"
    for name in ("poml", "ml"):
        saved = [load_forest(str(tmp_path / each / f"forest_{name}.npz")).forest for each in ("kg", "t")]
        probe = np.full((1, 12), 20.0)
        assert saved[0].predict(probe) == saved[1].predict(probe)
