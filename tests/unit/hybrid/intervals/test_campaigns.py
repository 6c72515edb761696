"""Each large campaign has its own residuals; years between mix them; small ones are pooled."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.hybrid.intervals.campaigns import LEAST_SITES, CampaignConformal
from poml_map.hybrid.intervals.conformal import Conformal
from poml_map.hybrid.intervals.coverage import coverage_table
from poml_map.hybrid.intervals.cross import HeldOutSpread


def rows_of(n_sites=150, wide=3.0, years=(1980, 2000), seed=0):
    """Two campaigns at the same sites; residuals of the second are wider."""
    rng = np.random.default_rng(seed)
    error = np.concatenate([rng.normal(size=n_sites), wide * rng.normal(size=n_sites)])
    size = 2 * n_sites
    return {
        "observed": 5 + error,
        "mean": np.full(size, 5.0),
        "sd": np.ones(size),
        "site": np.tile(np.arange(n_sites), 2),
        "year": np.repeat(years, n_sites),
    }


def test_a_campaign_has_the_limits_of_its_own_residuals():
    rows = rows_of()
    found = CampaignConformal.of(**rows)
    for year in (1980, 2000):
        here = rows["year"] == year
        own = Conformal.of(
            *(rows[name][here] for name in ("observed", "mean", "sd", "site")), floor=found.floor
        )
        assert found.quantile(0.95, [year])[0] == own.quantile(0.95)
        assert found.factor([year])[0] == own.factor
        assert_array_equal(found.at(year).residuals, own.residuals)


def test_years_between_lie_between_and_years_beyond_are_those_of_the_nearest():
    found = CampaignConformal.of(**rows_of())
    early, middle, late = found.quantile(0.95, [1980, 1990, 2000])
    assert_allclose(middle, (early + late) / 2)
    assert_array_equal(found.quantile(0.95, [1970, 2010]), [early, late])


def test_campaigns_that_are_too_small_are_pooled():
    found = CampaignConformal.of(**rows_of(LEAST_SITES - 1))
    assert len(np.unique(found.quantile(0.9, range(1980, 2001)))) == 1
    assert found.at(1980) is found.at(2000) is found.pooled


def test_a_small_campaign_beside_a_large_one_is_pooled_and_the_large_one_is_not():
    rows = rows_of()
    keep = (rows["year"] == 1980) | (rows["site"] < LEAST_SITES - 1)
    found = CampaignConformal.of(**{name: values[keep] for name, values in rows.items()})
    assert found.at(2000) is found.pooled
    assert found.at(1980) is not found.pooled
    assert_array_equal(
        found.quantile(0.95, [1980, 2000]), [found.at(year).quantile(0.95) for year in (1980, 2000)]
    )


def test_a_small_campaign_between_large_ones_is_not_taken_for_a_year_without_samples():
    rng = np.random.default_rng(2)
    sizes = {1980: 300, 1990: 30, 2000: 300}
    year = np.concatenate([np.full(n, each) for each, n in sizes.items()])
    error = rng.normal(size=len(year)) * np.where(year == 1990, 5.0, 1.0)
    site = np.concatenate([np.arange(n) for n in sizes.values()])
    found = CampaignConformal.of(5 + error, np.full(len(year), 5.0), np.ones(len(year)), site, year)
    assert found.quantile(0.95, [1990])[0] == found.pooled.quantile(0.95) == found.at(1990).quantile(0.95)
    assert found.factor([1990])[0] == found.at(1990).factor


def test_folds_are_calibrated_as_the_map_is_even_where_they_have_fewer_sites_than_a_campaign_needs():
    rng = np.random.default_rng(4)
    n, years = LEAST_SITES + 2, np.array([1980, 1990, 2000])
    observed = 5 + np.array([0.2, np.nan, 1.0])[:, None] * rng.normal(size=(3, n))
    spread = HeldOutSpread(np.full((3, n), 5.0), np.ones((3, n)), observed, np.arange(n) % 10, years)
    assert spread.calibrated().at(1980) is not spread.calibrated().pooled
    for fold in range(10):
        assert spread.without(fold).at(1980) is not spread.without(fold).pooled
    low, high = spread.limits(0.8)
    width = (high - low).mean(axis=1)
    assert width[2] > 3 * width[0]


def test_limits_of_a_higher_level_never_lie_inside_those_of_a_lower_one():
    """44 wide residuals beside 132 narrow ones: from 95.6 % on the small campaign has too few sites of its own."""
    rng = np.random.default_rng(5)
    year = np.repeat([1980, 2000], [132, 44])
    error = rng.normal(size=176) * np.where(year == 1980, 0.5, 3.0)
    found = CampaignConformal.of(error, np.zeros(176), np.ones(176), np.arange(176), year)
    ends = np.array([found.quantile((1 + level) / 2, [2000])[0] for level in (0.8, 0.9, 0.95, 0.97, 0.98)])
    assert (np.diff(ends) >= 0).all()
    assert ends[-1] == found.at(2000).residuals[-1]


def test_a_level_that_all_rows_have_too_few_sites_for_has_no_limit():
    found = CampaignConformal.of(**rows_of())
    assert np.isinf(found.quantile(0.999, [1980])[0])
    assert "too few for limits at a level of 99.8 %" in found.why_no_limits(0.998)


def test_limits_and_deviation_follow_the_year_of_axis_0():
    found, years = CampaignConformal.of(**rows_of()), np.array([1980, 1990, 2000])
    mean, sd = np.full((3, 2, 2), 50.0), np.full((3, 2, 2), 0.5)
    low, high = found.limits(mean, sd, 0.8, years)
    width = (high - low)[:, 0, 0]
    assert (np.diff(width) > 0).all()
    assert_allclose(found.deviation(sd, years)[:, 0, 0], 0.5 * found.factor(years))


def test_a_map_of_one_year_that_stands_for_all_gets_limits_of_each():
    found = CampaignConformal.of(**rows_of())
    low, high = found.limits(
        np.full((1, 4), 9.0, "float32"), np.ones((1, 4), "float32"), 0.9, [1980, 1990, 2000]
    )
    assert low.shape == high.shape == (3, 4)
    assert low.dtype == np.float32


def test_each_campaign_holds_its_level_where_pooling_does_not():
    rng = np.random.default_rng(3)
    wide = np.array([1.0, 1.0, 2.0])[:, None]
    observed = 5 + wide * rng.normal(size=(3, 400))
    observed[1] = np.nan
    fold = np.arange(400) % 5
    spread = HeldOutSpread(
        np.full((3, 400), 5.0), np.ones((3, 400)), observed, fold, np.array([1980, 1990, 2000])
    )
    rows = {row["subset"]: row["picp"] for row in coverage_table(spread, spread.years, [0.9])}
    assert_allclose([rows["1980"], rows["2000"]], 0.9, atol=0.02)
    pooled = spread.calibrated().pooled
    inside = [np.mean(np.abs(observed[row] - 5) < pooled.quantile(0.95)) for row in (0, 2)]
    assert inside[0] > 0.95
    assert inside[1] < 0.85
