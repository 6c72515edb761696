"""Each large campaign has its own residuals; years between mix them; small ones are pooled."""

import numpy as np
import pytest
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


@pytest.mark.parametrize("n_sites", [60, LEAST_SITES - 1])
def test_campaigns_that_are_too_small_are_pooled(n_sites):
    found = CampaignConformal.of(**rows_of(n_sites))
    assert found.years == ()
    assert len(np.unique(found.quantile(0.9, range(1980, 2001)))) == 1
    assert found.at(1980) is found.pooled


def test_one_large_campaign_alone_is_pooled_with_the_small_ones():
    rows = rows_of()
    keep = (rows["year"] == 1980) | (rows["site"] < 30)
    assert CampaignConformal.of(**{name: values[keep] for name, values in rows.items()}).years == ()


def test_a_level_that_a_campaign_has_too_few_sites_for_is_pooled():
    """99.5 % needs 399 sites; 150 sites of two campaigns have it neither way, 400 in all would."""
    rows = rows_of()
    rows["site"] = np.arange(300)
    found = CampaignConformal.of(**rows)
    assert np.isinf(found.campaigns[0].quantile(0.995))
    assert_array_equal(found.quantile(0.995, [1980, 2000]), [found.pooled.quantile(0.995)] * 2)


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
