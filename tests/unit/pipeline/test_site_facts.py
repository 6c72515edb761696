"""Carbon of the sites is accounted for, and a jump of decay at the start of the run is told and mended."""

import logging

import numpy as np
import pytest
from numpy.testing import assert_allclose

from poml_map.pipeline.parameters import find_parameters
from poml_map.pipeline.process_choices import process_options
from poml_map.pipeline.site_facts import averaging_effect, site_facts
from poml_map.pipeline.site_model import build_site_model

GIVEN = "  mu_max: 1.4\n  k_m: 0.06\n"
PLAIN = "  mu_max: 1.0\n  k_m: 0\n"
DRIVERS = ("air_temp", "precip", "pet", "ndvi")


def _facts(region, samples, points):
    model = build_site_model(region, samples, points, process_options(region))
    return site_facts(region, points, model, find_parameters(region, model)), model


@pytest.fixture
def sites(points, samples_of):
    return points(3), samples_of([("a", 1980, 4.0), ("b", 1983, 5.0), ("c", 1980, 3.0)])


def test_carbon_is_conserved_and_the_balance_is_in_the_log(region, sites, caplog):
    points, samples = sites
    where = region(rothc=GIVEN + "  manure: MANURE\n", land_use=True)
    with caplog.at_level(logging.INFO, "poml_map"):
        facts, model = _facts(where, samples, points)
    stocks = model.simulate(1.4, 0.06)
    first = np.array([4.0, 5.0, 3.0])
    added = [
        model.problem.c_input[start:, site].sum() + model.problem.manure[start:, site].sum()
        for site, start in enumerate((0, 36, 0))
    ]
    assert_allclose(facts.balance["added_kg_m2"], np.mean(added), rtol=1e-12)
    assert_allclose(facts.balance["stored_kg_m2"], np.mean(stocks[-1] - first), rtol=1e-9)
    parts = [facts.balance[f"{name}_kg_m2"] for name in ("added", "respired", "stored")]
    assert abs(parts[0] - parts[1] - parts[2]) <= facts.balance["largest_error_kg_m2"] < 1e-10
    assert any(text.strip().startswith("carbon of a site to 1986, mean:") for text in caplog.messages)


def test_years_that_are_all_the_same_lose_nothing_by_averaging(region, sites):
    points, _ = sites
    for name in DRIVERS:
        points[name][:] = np.tile(points[f"{name}_spinup"].to_numpy(), (7, 1))
    assert_allclose(averaging_effect(region(), points), 1.0, rtol=1e-6)  # drivers are float32


def test_rain_that_comes_in_some_years_only_is_seen_by_averaging_alone(region, sites):
    """Means hide the dry years, whatever the spin-up had."""
    points, _ = sites
    points["precip"][:36] = 0.0
    points["precip"][36:] *= 2
    effect = averaging_effect(region(), points)
    assert (effect < 0.95).all()
    points["precip_spinup"][:] = 300.0
    assert_allclose(averaging_effect(region(), points), effect)


def _dry_and_wet_years(points):
    """The years of the run: half without rain. Their mean year spins up."""
    points["precip"] = points["precip"].copy()
    rain = np.tile(np.repeat([0.0, 2.0], 12), 4)[:84, None] * np.float32(150.0)
    points["precip"][:] = np.broadcast_to(rain, points["precip"].shape)
    points["precip_spinup"][:] = points["precip"].to_numpy().reshape(7, 12, -1).mean(axis=0)
    return points


def test_a_large_jump_on_mean_months_brings_the_advice_to_spin_up_on_real_years(region, sites, caplog):
    points, samples = sites
    facts, _ = _facts(region(rothc=PLAIN), samples, _dry_and_wet_years(points))
    (warning,) = facts.warnings
    assert "spinup: real_years" in warning
    assert f"real months give {facts.averaging['median']:.2f} times" in warning
    assert "mu jumps" not in warning
    assert any(warning in text for text in caplog.messages)


def test_no_advice_on_real_years_and_none_for_a_small_jump(region, sites):
    points, samples = sites
    real = _dry_and_wet_years(points.copy(deep=True))
    for name in DRIVERS:
        real[f"{name}_spinup"] = ("spinup_time", "site"), real[name].to_numpy()
    assert _facts(region(rothc=GIVEN + "  spinup: real_years\n"), samples, real)[0].warnings == []
    for name in DRIVERS:
        points[name][:] = np.tile(points[f"{name}_spinup"].to_numpy(), (7, 1))
    assert _facts(region(rothc=PLAIN), samples, points)[0].warnings == []


def test_a_jump_of_mu_alone_brings_it_too(region, sites):
    points, samples = sites
    for name in DRIVERS:
        points[name][:] = np.tile(points[f"{name}_spinup"].to_numpy(), (7, 1))
    (warning,) = _facts(region(rothc="  mu_max: 1.3\n  k_m: 0\n"), samples, points)[0].warnings
    assert warning.startswith("spin-up on mean months: mu jumps from 1 to 1.30 (median).")


def test_a_run_of_one_year_has_no_jump_to_warn_of(region, points, samples_of):
    where = region(("years: 1980-1986", "years: 1980-1980"), rothc=PLAIN)
    facts, _ = _facts(where, samples_of([("a", 1980, 4.0)]), points(1, years=range(1980, 1981)))
    assert facts.balance["added_kg_m2"] == 0
    assert facts.warnings == []


def test_the_balance_is_that_of_each_sites_own_class(by_class):
    where, here, samples = by_class({1: (1.4, 0.06), 2: (0.9, 0.03)})
    facts, _ = _facts(where, samples, here)
    stock = samples.table.pivot(index="site", columns="year", values="stock")
    assert_allclose(facts.balance["stored_kg_m2"], (stock[1986] - stock[1980]).mean(), rtol=1e-4)
