"""Trees that learn from draws of the process model, and the spread of their values."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.hybrid import PomlForest
from poml_map.hybrid.intervals.targets import draw_targets, targets_of
from poml_map.hybrid.simulated import Simulated


@pytest.fixture
def draws(panel, simulate):
    """Six runs that start elsewhere and grow at other paces."""
    return np.stack([simulate(panel, yearly) + 0.1 * yearly for yearly in np.linspace(-0.05, 0.08, 6)])


def test_draws_that_equal_the_targets_give_the_same_forest_bit_for_bit(rows):
    plain = PomlForest(n_trees=8).fit(rows.X, rows.y, rows.weight)
    drawn = PomlForest(n_trees=8).fit(rows.X, rows.y, rows.weight, tree_targets=np.tile(rows.y, (3, 1)))
    for a, b in zip(plain.trees_, drawn.trees_, strict=True):
        assert_array_equal(a.threshold, b.threshold)
        assert_array_equal(a.value, b.value)


def test_a_tree_learns_from_its_own_draw(rows):
    """Tree 3 of two draws takes the second: alone with that draw's targets it is the same tree."""
    other = np.where(rows.is_simulated, rows.y + 0.5, rows.y)
    targets = np.stack([rows.y, other])
    forest = PomlForest(n_trees=4).fit(rows.X, rows.y, rows.weight, tree_targets=targets)
    alone = PomlForest(n_trees=4).fit(rows.X, rows.y, rows.weight, tree_targets=targets[[1, 1]])
    assert_array_equal(forest.trees_[3].value, alone.trees_[3].value)
    assert (forest.trees_[2].value != alone.trees_[2].value).any()


def test_no_target_leaves_the_range_that_sums_are_exact_in(rows):
    """A draw far outside the range of y: leaves are still the means of the targets as given."""
    far = rows.y + 100.0
    forest = PomlForest(n_trees=6).fit(rows.X, rows.y, rows.weight, tree_targets=far[None])
    shifted = PomlForest(n_trees=6).fit(rows.X, far, rows.weight)
    assert_allclose(forest.predict(rows.X), shifted.predict(rows.X), atol=0.2)
    assert_allclose(forest.predict(rows.X).mean(), far.mean(), atol=0.05)


def test_the_spread_is_the_mean_and_deviation_of_the_trees(rows):
    forest = PomlForest(n_trees=7, n_jobs=2).fit(rows.X, rows.y, rows.weight)
    X = np.concatenate([rows.X, np.full((1, rows.X.shape[1]), np.nan, np.float32)])
    mean, sd = forest.predict_spread(X)
    values = np.stack([tree.predict(rows.X)[:, 0] for tree in forest.trees_])
    assert_array_equal(mean, forest.predict(X))
    assert_allclose(sd[:-1], values.std(axis=0), atol=1e-13)
    assert np.isnan(sd[-1])


def test_the_spread_does_not_depend_on_the_number_of_rows(rows, monkeypatch):
    forest = PomlForest(n_trees=5).fit(rows.X, rows.y, rows.weight)
    whole = forest.predict_spread(rows.X)
    monkeypatch.setattr("poml_map.hybrid.tree_values._ROWS_AT_ONCE", 7)
    assert_array_equal(forest.predict_spread(rows.X), whole)


def test_draws_widen_the_spread(panel, rows, draws):
    plain = PomlForest(n_trees=30).fit(rows.X, rows.y, rows.weight)
    targets = draw_targets(rows, panel, draws * np.linspace(0.9, 1.1, 6)[:, None, None])
    drawn = PomlForest(n_trees=30).fit(rows.X, rows.y, rows.weight, tree_targets=targets)
    at = rows.X[rows.is_simulated]
    assert drawn.predict_spread(at)[1].mean() > 1.2 * plain.predict_spread(at)[1].mean()


def test_an_observation_is_the_same_in_every_draw(panel, rows, draws):
    targets = draw_targets(rows, panel, draws)
    seen = ~rows.is_simulated
    assert_array_equal(targets[:, seen], np.broadcast_to(rows.y[seen], (6, seen.sum())))
    year, site = rows.year - panel.years[0], np.searchsorted(panel.sites, rows.site)
    made = np.flatnonzero(rows.is_simulated)[[0, -1]]
    assert_array_equal(targets[:, made], draws[:, year[made], site[made]])


def test_a_draw_without_a_stock_where_there_is_a_row_is_refused(panel, rows, draws):
    draws = draws.copy()
    draws[2, 4, 7] = np.nan
    with pytest.raises(ValueError, match="draw 2 is nan at site s007 in 1984"):
        draw_targets(rows, panel, draws)


def test_without_draws_there_are_no_tree_targets(panel, rows, simulate):
    assert targets_of(rows, panel, Simulated(simulate(panel))) is None


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        (lambda y: y, r"tree_targets has shape \(440,\), expected \(draws, 440\)"),
        (lambda y: np.where(np.arange(440) == 3, np.inf, y)[None], r"tree_targets\[0, 3\] is inf"),
    ],
)
def test_targets_that_do_not_fit_are_refused(rows, targets, told):
    with pytest.raises(ValueError, match=told):
        PomlForest(n_trees=2).fit(rows.X, rows.y, tree_targets=targets(rows.y))
