"""The spread at held-out sites: other folds alone, draws in their trees."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from poml_map.hybrid import PomlForest, cross_validate, site_folds
from poml_map.hybrid.evaluation.evaluate import evaluate
from poml_map.hybrid.evaluation.folding import Folding
from poml_map.hybrid.intervals import cross_validate_spread, fit_drawn, held_out_spread
from poml_map.hybrid.simulated import Simulated

FOREST = PomlForest(n_trees=12)


@pytest.fixture
def fold(panel):
    return site_folds(panel.sites, 4)


def test_without_draws_the_mean_is_the_held_out_poml_of_the_evaluation(panel, fold, simulate):
    found = held_out_spread(panel, lambda _: simulate(panel), fold, forest=FOREST)
    folding = Folding("random", fold)
    same = evaluate(panel, lambda _: simulate(panel), folding, forest=FOREST, models=["ML", "POML"])
    assert_array_equal(found.mean, same.predicted["POML"])
    assert (found.sd > 0).any()


def test_draws_of_held_out_sites_change_nothing_there(panel, fold, simulate):
    def process(told):
        draws = np.stack([simulate(panel, pace) for pace in (0.0, 0.02, 0.04)])
        draws[:, :, fold == 1] += told
        return lambda _: Simulated(simulate(panel), draws)

    plain, moved = (held_out_spread(panel, process(told), fold, forest=FOREST) for told in (0.0, 1.0))
    assert_array_equal(plain.mean[:, fold == 1], moved.mean[:, fold == 1])
    assert (plain.mean[:, fold == 0] != moved.mean[:, fold == 0]).any()


def test_the_process_is_asked_once_a_fold_with_its_training_sites(panel, fold, simulate):
    asked, grown = [], []
    held_out_spread(
        panel,
        lambda training: asked.append(training) or simulate(panel),
        fold,
        forest=FOREST,
        grown=lambda: grown.append(1),
    )
    assert_array_equal(asked, [fold != number for number in range(4)])
    assert len(grown) == 4


def test_a_forest_without_draws_is_the_plain_one(panel, rows, simulate):
    drawn = fit_drawn(panel, simulate(panel), FOREST, 0.5)
    plain = PomlForest(n_trees=12).fit(rows.X, rows.y, rows.weight)
    assert_array_equal(drawn.predict(rows.X), plain.predict(rows.X))
    assert not hasattr(FOREST, "trees_")


def _drawn(panel, simulate):
    draws = np.stack([simulate(panel, pace) for pace in (0.0, 0.02, 0.04)])
    return Simulated(simulate(panel), draws)


def test_scores_and_intervals_come_from_the_same_forests_where_folds_are_the_same(panel, simulate):
    grown = []
    held_out, spread = cross_validate_spread(
        panel,
        lambda _: _drawn(panel, simulate),
        forest=FOREST,
        n_folds=4,
        progress=lambda *told: grown.append(told),
    )
    seen = panel.has_observation.T
    assert_array_equal(held_out.POML, spread.mean.T[seen])
    assert grown[-1] == (8, 8)


def test_more_folds_of_calibration_leave_the_scores_as_they_are(panel, simulate):
    grown = []
    few, _ = cross_validate_spread(panel, lambda _: _drawn(panel, simulate), forest=FOREST, n_folds=4)
    held_out, spread = cross_validate_spread(
        panel,
        lambda _: _drawn(panel, simulate),
        forest=FOREST,
        n_folds=4,
        calibration_folds=8,
        progress=lambda *told: grown.append(told),
    )
    for model in ("PO", "ML", "POML"):
        assert_array_equal(getattr(held_out, model), getattr(few, model))
    assert len(np.unique(spread.fold)) == 8
    assert grown[-1] == (16, 16)


def test_there_are_no_more_folds_than_places(panel, simulate):
    places = np.arange(40) // 4
    _, spread = cross_validate_spread(
        panel, lambda _: _drawn(panel, simulate), forest=PomlForest(n_trees=3), n_folds=2, calibration_folds=30,
        places=places,
    )  # fmt: skip
    assert len(np.unique(spread.fold)) == 10
    for place in range(10):
        assert len(np.unique(spread.fold[places == place])) == 1


def test_po_and_ml_are_those_of_the_plain_cross_validation(panel, simulate):
    drawn, _ = cross_validate_spread(panel, lambda _: _drawn(panel, simulate), forest=FOREST, n_folds=4)
    plain = cross_validate(panel, lambda _: simulate(panel), forest=FOREST, n_folds=4)
    assert_array_equal(drawn.PO, plain.PO)
    assert_array_equal(drawn.ML, plain.ML)
    assert drawn.notes == plain.notes
