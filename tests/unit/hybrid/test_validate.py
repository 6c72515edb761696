"""Folds over sites, leaks, and the held-out table of the three models."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from poml_map.hybrid import PomlForest, assert_no_leak, cross_validate, site_folds

FOREST = PomlForest(n_trees=10)


@pytest.fixture
def held_out(panel, simulate):
    return cross_validate(panel, lambda is_training: simulate(panel), forest=FOREST)


def of(scores, model, subset):
    (found,) = [row for row in scores if row["model"] == model and row["subset"] == subset]
    return found


def test_folds_of_428_sites_have_the_sizes_of_the_paper():
    assert np.bincount(site_folds(np.arange(428), 5, seed=3)).tolist() == [86, 86, 86, 85, 85]


def test_folds_do_not_depend_on_the_order_or_number_of_rows():
    ids = np.array([f"site {i}" for i in range(50)])
    rows = np.random.default_rng(0).permutation(np.tile(ids, 3))
    fold = dict(zip(ids.tolist(), site_folds(ids, 5, seed=1).tolist(), strict=True))
    assert site_folds(rows, 5, seed=1).tolist() == [fold[site] for site in rows.tolist()]


def test_another_seed_draws_other_folds():
    assert (site_folds(np.arange(40), 5, 0) != site_folds(np.arange(40), 5, 1)).any()


@pytest.mark.parametrize("n_folds", [0, 1, 41])
def test_a_number_of_folds_that_cannot_be_is_refused(n_folds):
    with pytest.raises(ValueError, match=f"n_folds is {n_folds}, expected 2 to 40"):
        site_folds(np.arange(40), n_folds)


@pytest.mark.parametrize(("w_p", "kind"), [(0.0, "observed"), (1.0, "simulated")])
def test_a_planted_leak_is_caught(panel, simulate, w_p, kind):
    rows = panel.training_rows(simulate(panel), w_p)
    with pytest.raises(ValueError, match=f"held-out sites have {kind} rows in training: s007"):
        assert_no_leak(rows, ["s007"])
    assert_no_leak(rows, ["elsewhere"])


def test_the_process_model_is_called_once_per_fold_with_the_other_folds_sites(panel, simulate):
    calls = []

    def process_model(is_training):
        calls.append(is_training.copy())
        return simulate(panel)

    result = cross_validate(panel, process_model, forest=FOREST, n_folds=4, seed=2)
    assert_array_equal(~np.array(calls), site_folds(panel.sites, 4, 2) == np.arange(4)[:, None])
    assert_array_equal(result.fold, site_folds(result.site, 4, 2))


def test_held_out_rows_of_a_site_use_nothing_simulated_or_observed_at_it(panel, simulate):
    """Absurd stocks at one site, simulated and observed, leave its own ML and POML predictions as they were."""
    before = cross_validate(panel, lambda is_training: simulate(panel), forest=FOREST)
    panel.observed[:, 7] += 100
    after = cross_validate(panel, lambda is_training: simulate(panel), forest=FOREST)
    here = before.site == "s007"
    assert_array_equal(before.ML[here], after.ML[here])
    assert_array_equal(before.POML[here], after.POML[here])
    assert (before.ML != after.ML).any(), "the site trains the others"


def test_each_observation_is_predicted_once_and_po_not_at_its_first_campaign(panel, held_out, simulate):
    assert len(held_out.site) == 80
    assert_array_equal(np.isnan(held_out.PO), held_out.year == 1980)
    assert_array_equal(held_out.PO[held_out.year == 1990], simulate(panel)[-1])
    assert np.isfinite(held_out.ML).all()
    assert np.isfinite(held_out.POML).all()
    assert (held_out.ML != held_out.POML).any()


def test_scores_come_pooled_by_campaign_and_on_the_rows_all_models_share(held_out):
    scores = held_out.scores()
    counts = {(row["model"], row["subset"]): row["n"] for row in scores}
    assert counts == {
        ("PO", "all"): 40,
        ("ML", "all"): 80,
        ("POML", "all"): 80,
        ("PO", "1980"): 0,
        ("ML", "1980"): 40,
        ("POML", "1980"): 40,
        ("PO", "1990"): 40,
        ("ML", "1990"): 40,
        ("POML", "1990"): 40,
        **{(model, "common"): 40 for model in ("PO", "ML", "POML")},
    }
    assert np.isnan(of(scores, "PO", "1980")["rmse"])
    assert "starts from that stock" in of(scores, "PO", "1980")["note"]
    assert of(scores, "ML", "common")["rmse"] == of(scores, "ML", "1990")["rmse"]


def test_the_result_does_not_depend_on_the_order_of_sites_and_observations(
    panel, held_out, build_panel, simulate
):
    other = build_panel(permute=True)
    again = cross_validate(other, lambda is_training: simulate(other), forest=FOREST)
    for name, values in held_out.table().items():
        assert_array_equal(values, again.table()[name])


def test_one_campaign_for_all_leaves_po_unscored_with_a_reason(build_panel, simulate):
    panel = build_panel(campaigns=(1980,))
    result = cross_validate(panel, lambda is_training: simulate(panel), forest=FOREST)
    assert np.isnan(result.PO).all()
    assert np.isfinite(result.POML).all()
    assert any("PO is not scored" in note for note in result.notes)
    assert of(result.scores(), "ML", "common")["note"] == "no later campaign that every model predicts"


def test_sites_with_one_campaign_train_and_are_scored_beside_the_others(panel, simulate):
    panel.observed[-1, :10] = np.nan
    result = cross_validate(panel, lambda is_training: simulate(panel), forest=FOREST)
    assert of(result.scores(), "POML", "all")["n"] == 70
    assert of(result.scores(), "PO", "all")["n"] == 30


def test_w_p_0_gives_ml_twice_without_fitting_it_twice(panel, simulate, monkeypatch):
    fits = []
    fit = PomlForest.fit
    monkeypatch.setattr(PomlForest, "fit", lambda self, *rows: fits.append(len(rows[0])) or fit(self, *rows))
    result = cross_validate(panel, lambda is_training: simulate(panel), w_p=0.0, forest=FOREST)
    assert fits == [64] * 5
    assert_array_equal(result.ML, result.POML)
    assert result.notes == ()


def test_w_p_without_simulated_rows_is_reported_as_without_effect(panel):
    nothing = np.full(panel.observed.shape, np.nan)
    result = cross_validate(panel, lambda is_training: nothing, forest=FOREST)
    assert result.notes == ("w_p has no effect: there are no simulated rows",)
    assert_array_equal(result.ML, result.POML)
    assert "40 of 40 observations without a prediction" in of(result.scores(), "PO", "1990")["note"]


def test_progress_counts_every_forest_once(panel, simulate):
    told = []
    cross_validate(
        panel, lambda t: simulate(panel), forest=FOREST, n_folds=3, progress=lambda *step: told.append(step)
    )
    assert told == [(done, 6) for done in range(1, 7)]


def test_the_forest_that_is_given_stays_unfitted(panel, held_out):
    assert not hasattr(FOREST, "trees_")
