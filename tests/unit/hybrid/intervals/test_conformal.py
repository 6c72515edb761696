"""Normalised residuals of held-out sites: quantiles with the unseen site, limits, floor, PIT, CRPS."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.hybrid.intervals.conformal import FLOOR_SHARE, Conformal


def of_residuals(residuals, site=None):
    residuals = np.asarray(residuals, float)
    site = np.arange(len(residuals)) if site is None else site
    return Conformal.of(residuals, np.zeros(len(residuals)), np.ones(len(residuals)), site)


def test_quantiles_count_one_site_more_than_there_are():
    """19 sites: the largest of 20 has the weight 1/20, so the 95 % limit is the largest that was seen."""
    held_out = of_residuals(np.arange(1.0, 20.0))
    assert (held_out.quantile(0.95), held_out.quantile(0.05)) == (19.0, 1.0)
    assert (held_out.quantile(0.9), held_out.quantile(0.1)) == (18.0, 2.0)


def test_with_too_few_sites_there_are_no_limits_and_a_reason():
    held_out = of_residuals(np.arange(1.0, 19.0))
    assert held_out.quantile(0.95) == np.inf
    low, high = held_out.limits(np.ones(3), np.ones(3), 0.9)
    assert np.isnan([low, high]).all()
    assert held_out.why_no_limits(0.9) == "18 sites are too few for limits at a level of 90 %: 19 are needed"
    assert held_out.why_no_limits(0.8) == ""


def test_a_site_with_many_rows_weighs_as_one_with_few():
    site = np.r_[np.zeros(50, int), np.arange(1, 21)]
    held_out = of_residuals(np.r_[np.full(50, 9.0), np.linspace(0, 1, 20)], site)
    assert held_out.quantile(0.9) == 1.0  # 20 of 22 parts are below; by rows 9 would be the median
    assert_allclose(held_out.weights.sum(), 21 / 22)


def test_a_new_site_is_inside_as_often_as_promised():
    """Many draws of 60 sites of two rows that share an error, and a new site: shares of the two tails."""
    rng = np.random.default_rng(0)
    outside = np.zeros(2)
    for _ in range(2000):
        site = rng.gamma(2.0, 1.0, 61)[:, None] + 0.3 * rng.normal(size=(61, 2))
        held_out = of_residuals(site[:60].ravel(), np.repeat(np.arange(60), 2))
        outside += (site[60] < held_out.quantile(0.05)).mean(), (site[60] > held_out.quantile(0.95)).mean()
    share = outside / 2000
    assert (share <= 0.055).all()
    assert (share >= 0.03).all()


def test_limits_are_signed():
    """Residuals that lie high give limits that lie high: the mean need not be inside."""
    low, high = of_residuals(np.linspace(1.0, 3.0, 99)).limits([5.0], [1.0], 0.9)
    assert 5.0 < low[0] < high[0]


def test_a_lower_limit_is_not_below_nothing():
    low, _ = of_residuals(np.linspace(-3, 3, 99)).limits([1.0], [1.0], 0.9)
    assert low[0] == 0.0


def test_gaps_stay_gaps():
    low, high = of_residuals(np.linspace(-3, 3, 99)).limits([1.0, np.nan], [np.nan, 1.0], 0.5)
    assert np.isnan([low, high]).all()


def test_trees_that_agree_do_not_rule_the_quantiles():
    """One row with no spread: its residual is over a share of the median spread and not over nothing."""
    sd = np.r_[0.0, np.full(98, 0.4)]
    error = np.r_[0.02, np.linspace(-0.4, 0.4, 98)]
    held_out = Conformal.of(error, np.zeros(99), sd, np.arange(99))
    assert held_out.floor == FLOOR_SHARE * 0.4
    assert held_out.residuals.max() == 1.0
    low, high = held_out.limits([2.0], [0.0], 0.9)
    assert high > low


@pytest.mark.parametrize("error", [0.0, 0.3])
def test_a_forest_without_any_spread_gets_limits_from_errors_alone(error):
    held_out = Conformal.of(np.full(40, 2 + error), np.full(40, 2.0), np.zeros(40), np.arange(40))
    low, high = held_out.limits([3.0], [0.0], 0.9)
    assert_allclose([low[0], high[0]], 3 + error)


def test_the_deviation_is_that_of_the_residuals():
    residuals = np.random.default_rng(1).normal(0.5, 2.0, 200)
    held_out = of_residuals(residuals)
    assert_allclose(held_out.factor, residuals.std())
    assert_allclose(held_out.deviation([0.5]), 0.5 * residuals.std())


def test_the_pit_is_even_where_the_distribution_is_right():
    rng = np.random.default_rng(2)
    pit = of_residuals(rng.normal(size=999)).pit(2 + 0.3 * rng.normal(size=5000), np.full(5000, 2.0), 0.3)
    counts = np.histogram(pit, 10, (0, 1))[0] / 5000
    assert np.abs(counts - 0.1).max() < 0.04
    assert_allclose(pit.mean(), 0.5, atol=0.03)


def test_the_pit_of_an_observation_beyond_all_is_within_half_a_site_of_the_end():
    held_out = of_residuals(np.linspace(-1, 1, 9))
    assert_allclose(held_out.pit([-50.0, 0.0, 50.0], np.zeros(3), np.ones(3)), [0.05, 0.5, 0.95])


def test_the_crps_is_that_of_the_weighted_sample():
    """The definition with all pairs written out: E|X - y| - E|X - X'| / 2."""
    rng = np.random.default_rng(3)
    site = np.repeat(np.arange(30), rng.integers(1, 4, 30))
    held_out = of_residuals(rng.normal(size=len(site)), site)
    share, x = held_out.weights / held_out.weights.sum(), held_out.residuals
    observed, sd = np.array([1.0, 2.5, 9.0, x[4] * 0.7 + 2]), 0.7
    pairs = 0.5 * (share[:, None] * share * np.abs(x[:, None] - x)).sum()
    expected = [sd * ((share * np.abs(x - (y - 2.0) / sd)).sum() - pairs) for y in observed]
    assert_allclose(held_out.crps(observed, np.full(4, 2.0), np.full(4, sd)), expected, rtol=1e-12)


def test_rows_with_a_gap_are_left_out():
    gaps = Conformal.of([1.0, np.nan, 2.0], [0.0, 0.0, np.nan], [1.0, 1.0, 1.0], ["a", "b", "c"])
    assert gaps.n_sites == 1
    assert_array_equal(gaps.residuals, [1.0])


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (([1.0], [1.0], [-0.1], ["a"]), r"sd\[0\] is -0.1 .* 0 or more"),
        (([np.inf], [1.0], [0.1], ["a"]), r"observed\[0\] is inf"),
        (([1.0], [1.0, 2.0], [0.1], ["a"]), "expected four of one length"),
        (([np.nan], [1.0], [0.1], ["a"]), "none of 1 held-out rows has observation, mean and sd"),
    ],
)
def test_rows_that_make_no_sense_are_refused(rows, told):
    with pytest.raises(ValueError, match=told):
        Conformal.of(*rows)


@pytest.mark.parametrize("level", [0.0, 1.0, 90])
def test_a_level_is_a_share(level):
    with pytest.raises(ValueError, match=r"level is .* expected a number above 0 and below 1"):
        of_residuals(np.arange(40.0)).limits([1.0], [1.0], level)
