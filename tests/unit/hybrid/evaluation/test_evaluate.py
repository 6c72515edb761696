"""Held-out stocks of all models: nothing of a site is known but what its model says."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.hybrid import PomlForest, cross_validate, site_panel
from poml_map.hybrid.evaluation import MODELS, Folding, evaluate, random_folding
from poml_map.hybrid.evaluation.baselines import persistence, year_mean
from poml_map.hybrid.evaluation.evaluate import forests_of
from poml_map.hybrid.evaluation.fold import fit_fold

FOREST = PomlForest(n_trees=8)


@pytest.fixture
def folding(panel):
    return random_folding(panel.sites, 4, seed=2)


@pytest.fixture
def found(panel, simulate, folding):
    return evaluate(panel, lambda is_training: simulate(panel), folding, forest=FOREST)


def test_po_ml_and_poml_are_those_of_the_cross_validation_of_a_run(panel, simulate, found):
    expected = cross_validate(panel, lambda is_training: simulate(panel), forest=FOREST, n_folds=4, seed=2)
    site, year = np.nonzero(panel.has_observation.T)
    for model in ("PO", "ML", "POML"):
        assert_array_equal(found.predicted[model][year, site], getattr(expected, model))


def test_forests_have_every_year_and_what_starts_from_a_stock_the_years_after_it(panel, found):
    assert list(found.predicted) == list(MODELS)
    for model in ("POML", "ML", "ML_T1", "YEAR_MEAN"):
        assert np.isfinite(found.predicted[model]).all()
    for model in ("PO", "PERSISTENCE"):
        assert_array_equal(
            np.isnan(found.predicted[model]), np.broadcast_to(panel.years[:, None] == 1980, (11, 40))
        )


def test_forests_are_grown_once_each_and_counted(panel, simulate, folding):
    told = []
    found = evaluate(
        panel, lambda is_training: simulate(panel), folding, forest=FOREST, grown=lambda: told.append(1)
    )
    assert found.fits == len(told) == forests_of(folding) == 12


def test_without_weight_of_the_simulations_poml_is_ml_and_not_grown_again(panel, simulate, folding):
    found = evaluate(panel, lambda is_training: simulate(panel), folding, forest=FOREST, w_p=0.0)
    assert_array_equal(found.predicted["POML"], found.predicted["ML"])
    assert found.fits == 8


def test_later_stocks_of_a_held_out_site_change_nothing_at_it(build_panel, simulate):
    panel = build_panel()
    folding = random_folding(panel.sites, 4)
    before = evaluate(panel, lambda is_training: simulate(panel), folding, forest=FOREST)
    changed = build_panel()
    changed.observed[-1, 7] += 100
    after = evaluate(changed, lambda is_training: simulate(changed), folding, forest=FOREST)
    for model in MODELS:
        assert_array_equal(before.predicted[model][:, 7], after.predicted[model][:, 7])
    assert (before.predicted["ML"] != after.predicted["ML"]).any(), "the site trains the others"
    assert_array_equal(before.predicted["ML_T1"], after.predicted["ML_T1"])


def test_the_forest_of_first_campaigns_never_sees_a_later_stock(panel, simulate, folding):
    held_out = folding.fold == 0
    of_first = fit_fold(panel, simulate(panel), held_out, w_p=0.5, forest=FOREST, models=("ML_T1",))
    rows = panel.X[0, ~held_out], panel.observed[0, ~held_out]
    assert_array_equal(
        of_first.forests["ML_T1"].predict(panel.X[5]), PomlForest(n_trees=8).fit(*rows).predict(panel.X[5])
    )


def test_persistence_adds_the_mean_change_of_training_sites_in_proportion_to_time():
    seen = [
        ("a", 1980, 2.0),
        ("a", 1984, 2.4),
        ("b", 1982, 3.0),
        ("b", 1984, 3.8),
        ("c", 1982, 1.0),
        ("c", 1984, 9.0),
    ]
    panel = site_panel(["a", "b", "c"], np.arange(1980, 1985), np.zeros((5, 3, 1)), *zip(*seen, strict=True))
    stocks = persistence(panel, [True, True, False])
    # 0.4 in four years and 0.8 in two: 1.2 kg/m2 in six years.
    assert_allclose(stocks[:, 2], [np.nan, np.nan, 1.0, 1.2, 1.4])


def test_without_a_second_campaign_nothing_persists_by_a_known_rate(build_panel):
    panel = build_panel(campaigns=(1980,))
    assert np.isnan(persistence(panel, np.ones(40, bool))).all()


def test_the_mean_of_a_year_is_that_of_the_training_sites(panel):
    training = np.arange(40) < 30
    stocks = year_mean(panel, training)
    assert_allclose(stocks[0], panel.observed[0, :30].mean())
    assert_allclose(stocks[5], panel.observed[[0, -1], :30].mean())


def test_a_folding_of_other_sites_is_refused(panel, simulate):
    with pytest.raises(ValueError, match="the folding 'other' has 2 sites, expected 40"):
        evaluate(panel, lambda is_training: simulate(panel), Folding("other", np.array([0, 1])))


def test_what_a_forest_lives_on_matters_most_at_held_out_sites(panel, simulate, folding):
    found = evaluate(
        panel,
        lambda is_training: simulate(panel),
        folding,
        forest=FOREST,
        models=("POML", "ML"),
        importance=True,
    )
    assert len(found.importance) == 8
    mean = np.mean([each.permutation for each in found.importance if each.model == "ML"], axis=0)
    assert mean.argmax() == 0, "the stock is made from the first covariate"
