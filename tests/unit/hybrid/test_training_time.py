"""Simulated rows that weigh by their distance in time to a campaign of their site."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.hybrid import PomlForest, poml_weights, site_panel, training_rows
from poml_map.hybrid.training import years_to_campaign

YEARS = np.arange(1980, 1991)


@pytest.fixture
def uneven(build_panel):
    """40 sites of 1980 and 1990; half of them in 1983 too, a quarter without 1990."""
    panel = build_panel(campaigns=(1980, 1983, 1990))
    panel.observed[3, ::2] = np.nan
    panel.observed[-1, ::4] = np.nan
    return panel


@pytest.mark.parametrize("w_p", [0.1, 0.5, 0.9])
def test_weights_follow_the_formula_row_by_row(uneven, simulate, w_p):
    rows = uneven.training_rows(simulate(uneven), w_p, time_weight="distance")
    years = []
    for site, year in zip(rows.site[rows.is_simulated], rows.year[rows.is_simulated], strict=True):
        observed = uneven.observed[:, list(uneven.sites).index(site)]
        years.append(min(abs(year - campaign) for campaign in YEARS[~np.isnan(observed)]))
    expected = w_p * rows.n_observed * np.array(years) / sum(years)
    assert max(years) == 10, "the last year of a site that was seen in 1980 only"
    assert_allclose(rows.weight[rows.is_simulated], expected, rtol=1e-13)
    assert (rows.weight[~rows.is_simulated] == 1 - w_p).all()


@pytest.mark.parametrize("w_p", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("some", [slice(None), slice(0, 17)])
def test_all_rows_weigh_as_many_as_are_observed_and_the_simulated_ones_w_p_of_it(uneven, simulate, w_p, some):
    use = np.zeros(40, bool)
    use[some] = True
    rows = uneven.training_rows(simulate(uneven), w_p, use, "distance")
    assert_allclose(rows.weight.sum(), rows.n_observed, rtol=1e-12)
    assert_allclose(rows.weight[rows.is_simulated].sum(), w_p * rows.n_observed, rtol=1e-12, atol=1e-12)
    assert (rows.weight > 0).all()


def test_w_p_0_is_the_table_of_observed_rows_and_w_p_1_that_of_simulated_rows(uneven, simulate):
    stocks = simulate(uneven)
    nothing, constant = (
        uneven.training_rows(stocks, 0.0, time_weight=word) for word in ("distance", "constant")
    )
    for name in ("X", "y", "weight", "site", "year"):
        assert_array_equal(getattr(nothing, name), getattr(constant, name))
    assert uneven.training_rows(stocks, 1.0, time_weight="distance").is_simulated.all()


def test_constant_weights_are_the_default_and_those_of_eq_8_to_the_last_bit(uneven, simulate):
    stocks = simulate(uneven)
    rows, named = uneven.training_rows(stocks, 0.3), uneven.training_rows(stocks, 0.3, None, "constant")
    of_observed, of_simulated = poml_weights(rows.n_observed, rows.n_simulated, 0.3)
    assert_array_equal(rows.weight, np.where(rows.is_simulated, of_simulated, of_observed))
    assert_array_equal(rows.weight, named.weight)
    assert (rows.time_weight, named.time_weight) == ("constant", "constant")


def test_rows_that_are_all_equally_far_weigh_as_constant_ones(build_panel, simulate):
    panel = build_panel(campaigns=range(1980, 1991, 2))
    constant, distance = (
        panel.training_rows(simulate(panel), 0.5, time_weight=word) for word in ("constant", "distance")
    )
    assert_array_equal(constant.weight, distance.weight)


def test_the_forest_knows_ratios_of_weights_only(uneven, simulate):
    rows = uneven.training_rows(simulate(uneven), 0.5, time_weight="distance")
    forests = [PomlForest(n_trees=5).fit(rows.X, rows.y, c * rows.weight) for c in (1.0, 1000.0)]
    assert_array_equal(*(forest.predict(rows.X) for forest in forests))
    constant = uneven.training_rows(simulate(uneven), 0.5)
    other = PomlForest(n_trees=5).fit(constant.X, constant.y, constant.weight)
    assert (other.predict(rows.X) != forests[0].predict(rows.X)).any()


def test_the_order_of_rows_changes_no_distance():
    site = np.array(["b", "a", "b", "a", "b", "a", "a"])
    year = np.array([1980, 1981, 1985, 1980, 1982, 1984, 1990])
    flag = np.array([False, True, True, False, True, True, False])
    order = np.random.default_rng(0).permutation(7)
    expected = np.array([0, 1, 5, 0, 2, 4, 0])
    assert_array_equal(years_to_campaign(site, year, flag), expected)
    assert_array_equal(years_to_campaign(site[order], year[order], flag[order]), expected[order])


def test_without_simulated_rows_there_is_nothing_to_weigh():
    panel = site_panel(["a"], YEARS, np.zeros((11, 1, 1)), ["a", "a"], [1980, 1990], [2.0, 2.2])
    assert panel.training_rows(None, 0.5, time_weight="distance").weight.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("site", "year", "word", "message"),
    [
        (["a", "a"], [1980, 1981], "near", "time_weight is 'near', expected one of constant, distance"),
        (["a", "b"], [1980, 1981], "distance", "site is b in 1 simulated rows, expected an observed row too"),
        (["a", "a"], [1980, 1980], "distance", "year of every simulated row is one of its site's campaigns"),
    ],
)
def test_what_has_no_distance_is_refused(site, year, word, message):
    with pytest.raises(ValueError, match=message):
        training_rows(np.zeros((2, 1)), [2.0, 2.1], site, year, [False, True], 0.5, word)
