"""Draws at the sites of a region: what they carry, what folds share, what the region file says."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.hybrid.simulated import Simulated
from poml_map.pipeline.fold_process import fold_process
from poml_map.pipeline.panel import panel_order, region_panel
from poml_map.pipeline.parameters import Law, find_parameters, fold_law
from poml_map.pipeline.process_choices import process_options
from poml_map.pipeline.site_draws import DrawSettings, SiteDraws
from poml_map.pipeline.site_model import build_site_model

FEW = DrawSettings(draws=6)
NO_ERROR = DrawSettings(draws=3, stock_error=0.0, driver_error=0.0)


@pytest.fixture
def model(twice):
    region, here, samples = twice
    return build_site_model(region, samples, here, process_options(region))


def test_without_errors_every_draw_is_the_best_estimate(model):
    draws = SiteDraws(model, NO_ERROR).stocks(Law(1.4, 0.06))
    assert_array_equal(draws, np.broadcast_to(model.simulate(1.4, 0.06), (3, 7, 12)))


def test_given_parameters_have_no_error_of_their_own(model):
    """The first stocks and inputs still have theirs."""
    draws = SiteDraws(model, FEW).stocks(Law(1.4, 0.06))
    assert (draws.std(axis=0) > 0).all()
    one, other = (
        SiteDraws(model, DrawSettings(draws=2, seed=seed)).stocks(Law(1.4, 0.06)) for seed in (0, 1)
    )
    assert (one != other).all()


def test_an_error_of_the_driver_is_not_there_in_the_first_year(model):
    draws = SiteDraws(model, DrawSettings(draws=40, stock_error=0.0)).stocks(Law(1.4, 0.06))
    spread = draws.std(axis=0).mean(axis=1)
    assert_allclose(spread[0], 0.0, atol=1e-12)
    assert (np.diff(spread) > 0).all()


def test_a_calibrated_law_varies_in_the_draws(twice, region, points, observe):
    ids = [f"s{number}" for number in range(12)]
    noisy = observe(region(), points(), ids, [1980] * 12, [(site, 1986) for site in range(12)], noise=0.05)
    model = build_site_model(region(), noisy, points(), process_options(region()))
    parameters = find_parameters(region(), model)
    draws = SiteDraws(model, NO_ERROR).stocks(parameters.law(model))
    assert (draws[:, -1].std(axis=0) > 0).all()
    assert (draws[:, 0].std(axis=0) < 1e-12).all()


def test_each_class_varies_by_its_own_fit(by_class):
    region, here, samples = by_class({1: (1.5, 0.06), 2: (0.8, 0.06)}, noise=0.02)
    model = build_site_model(region, samples, here, process_options(region))
    parameters = find_parameters(region, model)
    draws = SiteDraws(model, NO_ERROR)
    mu_max, k_m = draws._law(parameters.law(model))
    assert mu_max.shape == k_m.shape == (3, 24)
    for group in (1, 2):
        same = mu_max[:, model.classes == group]
        assert_array_equal(same, np.broadcast_to(same[:, :1], same.shape))
    assert len(np.unique(mu_max)) == 6


def test_a_fold_returns_its_draws_in_the_order_of_the_panel(twice):
    region, here, samples = twice
    model = build_site_model(region, samples, here, process_options(region))
    panel = region_panel(region, samples, here)
    order = panel_order(panel, samples)
    training = np.arange(12) < 8
    plain, drawn = (fold_process(region, model, order, draws) for draws in (None, FEW))
    found = drawn(training)
    assert isinstance(found, Simulated)
    assert_array_equal(found.stocks, plain(training))
    assert_array_equal(drawn.stocks(training), plain(training))
    of_sites = np.empty(12, bool)
    of_sites[order] = training
    law = fold_law(region, model, of_sites)
    assert_array_equal(found.draws, SiteDraws(model, FEW, order).stocks(law)[..., order])


def test_a_site_has_the_same_draws_wherever_it_stands_in_its_file(twice, samples_of):
    region, here, samples = twice
    order = np.random.default_rng(3).permutation(12)
    by_site = [rows for _, rows in samples.table.groupby("site", sort=False)]
    rows = [row for place in order for row in by_site[place][["site", "year", "stock"]].to_numpy().tolist()]
    found = []
    for told, points in ((samples, here), (samples_of(rows), here.isel(site=order))):
        model = build_site_model(region, told, points, process_options(region))
        panel_first = panel_order(region_panel(region, told, points), told)
        found.append(fold_process(region, model, panel_first, FEW).drawn(Law(1.4, 0.06)).draws)
    assert_allclose(found[0], found[1], rtol=1e-12)


def test_folds_differ_by_their_law_alone(twice):
    """Starts and inputs of a draw are the same in every fold: what differs is what was learned."""
    region, here, samples = twice
    model = build_site_model(region, samples, here, process_options(region))
    process = fold_process(region, model, np.arange(12), FEW)
    one, other = (process(np.arange(12) % 3 != fold) for fold in (0, 1))
    assert_array_equal(one.draws[:, 0], other.draws[:, 0])


def test_a_site_without_a_stock_yet_has_no_draws_either(region, points, samples_of):
    where, here = region(rothc="  mu_max: 1.2\n  k_m: 0.05\n"), points(3)
    samples = samples_of([("a", 1980, 4.0), ("b", 1983, 4.0), ("c", 1980, 3.0)])
    model = build_site_model(where, samples, here, process_options(where))
    found = fold_process(where, model, np.arange(3), FEW)(np.ones(3, bool))
    assert_array_equal(np.isnan(found.draws).all(axis=0), np.isnan(found.stocks))
    assert np.isnan(found.stocks[:3, 1]).all()


def test_the_region_file_says_what_is_drawn(region):
    assert DrawSettings.of(region()) is None
    asked = DrawSettings.of(region(top="intervals: {draws: 7, stock_error: 0.1, seed: 3}\n"))
    assert asked == DrawSettings(7, 0.1, 0.1, 3)
    assert DrawSettings.of(region(top="intervals: {}\n")) == DrawSettings()
