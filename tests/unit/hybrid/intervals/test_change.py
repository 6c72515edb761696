"""Limits of a change: from sites that were sampled twice, and what stands for them where none were."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from poml_map.hybrid import PomlForest
from poml_map.hybrid.intervals import Conformal, TreeSpread, held_out_spread

from ..conftest import drifting_stocks, make_panel

FOREST = PomlForest(n_trees=20, seed=3)


def _spread(panel, folds=4):
    return held_out_spread(
        panel, lambda _: drifting_stocks(panel), np.arange(len(panel.sites)) % folds, forest=FOREST
    )


def test_the_change_of_a_site_is_that_between_its_own_campaigns():
    panel = make_panel()
    panel.observed[-1, 3] = np.nan
    found = _spread(panel).change

    assert np.isnan([found.mean[3], found.sd[3], found.observed[3]]).all()
    assert found.known.sum() == len(panel.sites) - 1
    others = np.delete(np.arange(len(panel.sites)), 3)
    assert_allclose(found.observed[others], panel.observed[-1, others] - panel.observed[0, others])
    assert found.years() == ["1980-1990"]


def test_the_mean_change_of_the_trees_is_the_difference_of_their_means():
    panel = make_panel()
    found = _spread(panel)

    assert_allclose(found.change.mean, found.mean[-1] - found.mean[0], atol=1e-12)
    assert (found.change.sd < np.hypot(found.sd[0], found.sd[-1])).mean() > 0.8


def test_limits_of_a_fold_do_not_depend_on_its_own_changes():
    found = _spread(make_panel(n_sites=60)).change
    low, high = found.limits(0.8)
    found.observed[found.fold == 1] += 100
    again = found.limits(0.8)

    here = found.fold == 1
    assert_allclose(again[0][here], low[here])
    assert (again[1][~here] > high[~here]).any()


def test_the_wanted_share_of_changes_lies_inside():
    found = _spread(make_panel(n_sites=200)).change
    low, high = found.limits(0.9)

    assert 0.84 < ((found.observed >= low) & (found.observed <= high)).mean() < 0.96


def test_without_a_second_campaign_nothing_is_calibrated():
    panel = make_panel(campaigns=(1980,))
    found = _spread(panel).change

    assert found.calibrated() is None
    assert np.isnan(found.limits(0.9)).all()
    assert found.years() == []


@pytest.mark.parametrize(
    "made",
    [TreeSpread(), Conformal.of((np.arange(99) - 49.0) / 30, np.zeros(99), np.ones(99), np.arange(99))],
)
def test_zero_is_outside_exactly_where_it_would_surprise(made):
    random = np.random.default_rng(0)
    mean, sd = random.normal(0, 1, 2000), random.uniform(0.5, 1, 2000)
    low, high = made.limits(mean, sd, 0.9, -np.inf)
    outside = (low > 0) | (high < 0)

    assert 0.05 < outside.mean() < 0.9
    np.testing.assert_array_equal(made.p_value(0.0, mean, sd) <= 0.1 + 1e-12, outside)


def test_trees_that_agree_leave_no_doubt():
    p = TreeSpread().p_value(0.0, [0.0, 0.3, np.nan], [0.0, 0.0, 0.1])

    assert p[0] == 1.0
    assert p[1] == 0.0
    assert np.isnan(p[2])
