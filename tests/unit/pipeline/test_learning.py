"""Forests of a run: each site keeps its own covariates and stocks, and held-out sites never train."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.hybrid import SitePanel
from poml_map.pipeline import fold_process
from poml_map.pipeline.learning import learn
from poml_map.pipeline.parameters import Law, find_parameters
from poml_map.pipeline.process_choices import process_options
from poml_map.pipeline.site_model import build_site_model

GIVEN = "  mu_max: 1.4\n  k_m: 0.06\n"
IDS = ["s10", "s2", "B", "a", "7", "s1", "Z", "10", "b"]  # sorted as text they stand elsewhere
FIRST = [1980, 1982, 1981, 1980, 1984, 1980, 1980, 1983, 1980]
LATER = [(0, 1985), (1, 1984), (3, 1983), (3, 1986), (6, 1986), (7, 1985), (8, 1982)]


def _learned(region, samples, points):
    model = build_site_model(region, samples, points, process_options(region))
    return learn(region, samples, points, model, find_parameters(region, model)), model


@pytest.fixture
def sites(region, points, observe):
    where, here = region(rothc=GIVEN), points(len(IDS))
    return where, here, observe(where, here, IDS, FIRST, LATER, noise=0.1)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(len(IDS))))
def test_the_order_of_the_sites_changes_no_prediction(sites, samples_of, order):
    where, here, samples = sites
    expected, _ = _learned(where, samples, here)
    by_site = dict(list(samples.table.groupby("site")))
    rows = pd.concat([by_site[IDS[index]] for index in order])[["site", "year", "stock"]]
    found, _ = _learned(where, samples_of(rows.to_numpy().tolist()), here.isel(site=list(order)))
    pd.testing.assert_frame_equal(found.held_out, expected.held_out, check_exact=True)
    pd.testing.assert_frame_equal(found.training, expected.training, check_exact=True)
    probe = np.random.default_rng(0).uniform(0, 30, (20, 12))
    assert_array_equal(found.poml.predict(probe), expected.poml.predict(probe))


def test_a_training_row_has_the_covariates_and_the_stock_of_its_own_site_and_year(sites):
    where, here, samples = sites
    learned, model = _learned(where, samples, here)
    simulated = model.simulate(1.4, 0.06)
    observed = samples.table.set_index(["site", "year"])["stock"]
    assert len(learned.training) > 40
    for row in learned.training.itertuples():
        site, year = IDS.index(row.site), row.year - 1980
        stock = simulated[year, site] if row.is_simulated else observed[row.site, row.year]
        assert row.stock == pytest.approx(stock, rel=1e-12)
        for name in where.settings.covariates:
            values = here[name].to_numpy()
            assert getattr(row, name) == (values[site] if values.ndim == 1 else values[year, site])


def test_simulated_rows_are_the_years_after_a_first_campaign_without_observation(sites):
    where, here, samples = sites
    learned, _ = _learned(where, samples, here)
    rows = learned.training[learned.training["is_simulated"]]
    found = set(zip(rows["site"], rows["year"], strict=True))
    seen = set(zip(samples.table["site"], samples.table["year"], strict=True))
    years = {(site, year) for site, first in zip(IDS, FIRST, strict=True) for year in range(first + 1, 1987)}
    assert found == years - seen
    assert len(rows) == len(found) == learned.details["n_simulated"]
    assert learned.details["n_observed"] == len(seen)


def test_process_only_is_scored_with_its_own_sites_run_at_later_campaigns(sites):
    where, here, samples = sites
    learned, model = _learned(where, samples, here)
    stocks = model.simulate(1.4, 0.06)
    for row in learned.held_out.itertuples():
        first = row.year == FIRST[IDS.index(row.site)]
        assert np.isnan(row.PO) == first
        if not first:
            assert_allclose(row.PO, stocks[row.year - 1980, IDS.index(row.site)], rtol=1e-14)


def test_w_p_of_0_is_the_forest_of_observations_bit_for_bit(region, points, observe):
    where, here = region(rothc=GIVEN, w_p=0.0), points(len(IDS))
    learned, _ = _learned(where, observe(where, here, IDS, FIRST, LATER, noise=0.1), here)
    for poml, ml in zip(learned.poml.trees_, learned.ml.trees_, strict=True):
        assert_array_equal(poml.threshold, ml.threshold)
        assert_array_equal(poml.value, ml.value)
    assert_array_equal(learned.held_out["POML"], learned.held_out["ML"])
    assert not learned.training["is_simulated"].any()


def test_the_two_forests_differ_when_simulations_weigh(sites):
    learned, _ = _learned(sites[0], sites[2], sites[1])
    assert (learned.held_out["POML"] != learned.held_out["ML"]).any()
    share = learned.training.groupby("is_simulated")["weight"].sum()
    assert share[True] == pytest.approx(share[False])


def test_with_one_campaign_process_only_has_no_score_and_a_note(region, points, samples_of):
    where, here = region(rothc=GIVEN), points(6)
    learned, _ = _learned(where, samples_of([(site, 1980, 3.0 + i) for i, site in enumerate(IDS[:6])]), here)
    rows = learned.accuracy[learned.accuracy["model"] == "PO"]
    assert (rows["n"] == 0).all()
    assert rows["rmse"].isna().all()
    assert any("PO is not scored" in note for note in learned.notes)
    assert (learned.accuracy[learned.accuracy["model"] == "ML"].set_index("campaign")["n"])["all"] == 6


def test_a_run_without_simulated_rows_says_so_once(region, points, samples_of):
    where, here = region(rothc=GIVEN), points(6)
    learned, _ = _learned(where, samples_of([(site, 1986, 3.0 + i) for i, site in enumerate(IDS[:6])]), here)
    assert sum("w_p has no effect" in note for note in learned.notes) == 1
    assert len(learned.training) == 6


def test_accuracy_has_a_row_for_every_model_and_campaign(sites):
    learned, _ = _learned(sites[0], sites[2], sites[1])
    assert list(learned.accuracy) == [
        *("model", "campaign", "n", "rmse", "ccc", "mean_error", "mec", "note"),
    ]
    campaigns = ["all", *map(str, sites[2].campaigns), "common"]
    expected = [(model, campaign) for model in ("PO", "ML", "POML") for campaign in campaigns]
    assert list(zip(learned.accuracy["model"], learned.accuracy["campaign"], strict=True)) == expected


def test_importance_is_that_of_the_named_covariate(region, points, samples_of):
    where, here = region(rothc=GIVEN), points(40)
    stock = 3 + here["SPI"].to_numpy() / 10
    rows = [(f"s{number}", 1986, float(value)) for number, value in enumerate(stock)]
    learned, _ = _learned(where, samples_of(rows), here)
    assert next(iter(learned.details["importance"])) == "SPI"


def test_a_fold_is_calibrated_on_the_sites_that_it_trains_on(sites, monkeypatch):
    where, here, samples = sites
    masks = []

    def fold_law(region, model, training):
        masks.append(set(np.array(IDS)[training]))
        return Law(1.4, 0.06)

    monkeypatch.setattr(fold_process, "fold_law", fold_law)
    learned, _ = _learned(where, samples, here)
    folds = learned.held_out.groupby("fold")["site"].agg(set)
    assert masks == [set(IDS) - held_out for held_out in folds]


def test_a_leak_of_held_out_sites_into_training_stops_the_run(sites, monkeypatch):
    whole = SitePanel.training_rows
    monkeypatch.setattr(
        SitePanel, "training_rows", lambda self, stocks, w_p, *which: whole(self, stocks, w_p)
    )
    with pytest.raises(ValueError, match="held-out sites have observed rows in training"):
        _learned(sites[0], sites[2], sites[1])


def test_the_forest_learns_the_simulation_of_each_sites_own_class(by_class):
    where, here, samples = by_class({1: (1.4, 0.06), 2: (0.9, 0.03)})
    learned, model = _learned(where, samples, here)
    mu_max, k_m = np.array([(1.4, 0.06) if number == 1 else (0.9, 0.03) for number in model.classes]).T
    stocks = model.simulate(mu_max, k_m)
    rows = learned.training[learned.training["is_simulated"]]
    expected = [
        stocks[year - 1980, int(site[1:])] for site, year in zip(rows["site"], rows["year"], strict=True)
    ]
    assert_allclose(rows["stock"], expected, rtol=1e-5)
    held_out = learned.held_out.dropna(subset="PO")
    assert_allclose(held_out["PO"], held_out["observed"], rtol=1e-3)  # clean stocks, fitted without the site


def test_without_the_block_nothing_is_drawn(sites):
    learned, _ = _learned(*sites[::2], sites[1])
    assert learned.intervals is None
    assert not any("draws" in note for note in learned.notes)


@pytest.fixture
def many(region, points, observe):
    """Thirty sites with two campaigns, and the same with intervals."""
    ids, later = [f"s{number}" for number in range(30)], [(site, 1986) for site in range(30)]
    here = points(30)
    plain, asked = (
        region(rothc=GIVEN),
        region(rothc=GIVEN, top="intervals: {level: 0.8, draws: 4, folds: 3}\n"),
    )
    return plain, asked, here, observe(plain, here, ids, [1980] * 30, later, noise=0.3)


def test_intervals_leave_the_other_models_as_they_are(many):
    plain, asked, here, samples = many
    (one, _), (other, _) = (_learned(where, samples, here) for where in (plain, asked))
    for name in ("PO", "ML", "observed", "fold", "site", "year"):
        assert_array_equal(one.held_out[name], other.held_out[name])
    pd.testing.assert_frame_equal(one.training, other.training)
    probe = np.random.default_rng(0).uniform(0, 30, (20, 12))
    assert_array_equal(one.ml.predict(probe), other.ml.predict(probe))
    assert (one.poml.predict(probe) != other.poml.predict(probe)).any()


def test_intervals_are_calibrated_by_the_forests_that_are_scored(many):
    _, where, here, samples = many
    learned, _ = _learned(where, samples, here)
    told = learned.intervals
    at = told.at_sites.set_index(["site", "year"]).loc[
        list(zip(learned.held_out.site, learned.held_out.year, strict=True))
    ]
    assert_array_equal(at["POML"], learned.held_out["POML"])
    assert_array_equal(at["observed"], learned.held_out["observed"])
    assert told.maps.layers == ("POML_q10", "POML_q90", "POML_sd")
    inside = (at["observed"] >= at["POML_q10"]) & (at["observed"] <= at["POML_q90"])
    (row,) = told.coverage.query("subset == 'all' and level == 0.8").to_dict(orient="records")
    assert row["picp"] == pytest.approx(inside.mean())
    assert len(told.at_sites) == 30 * 7


def test_what_the_draws_do_not_carry_is_told(many):
    _, where, here, samples = many
    learned, _ = _learned(where, samples, here)
    assert "mu_max and K_m are given: the draws of the intervals carry no error of them" in learned.notes
    assert any("POML is the mean over trees from 4 draws of RothC" in note for note in learned.notes)


def test_too_few_sites_give_a_deviation_and_the_reason_for_no_limits(sites, region):
    where = region(rothc=GIVEN, top="intervals: {draws: 3}\n")
    learned, _ = _learned(where, sites[2], sites[1])
    assert learned.intervals.maps.layers == ("POML_sd",)
    assert "no interval: 9 sites are too few for limits at a level of 90 %: 19 are needed" in learned.notes
    told = learned.intervals.for_manifest("kg/m2")
    assert list(told["layers"]) == ["POML_sd"]


def test_the_manifest_tells_stocks_in_the_unit_of_the_region(many):
    _, where, here, samples = many
    told = _learned(where, samples, here)[0].intervals
    one, ten = (told.for_manifest(unit) for unit in ("kg/m2", "t/ha"))
    for a, b in zip(one["coverage"], ten["coverage"], strict=True):
        assert_allclose([a["mean_width"] * 10, a["picp"]], [b["mean_width"], b["picp"]])
    assert_allclose(one["pit"][0]["crps"] * 10, ten["pit"][0]["crps"])
