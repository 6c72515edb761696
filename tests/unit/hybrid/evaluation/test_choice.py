"""w_p is chosen by folds that are not those it is scored on."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from poml_map.hybrid import PomlForest
from poml_map.hybrid.evaluation import evaluate, random_folding
from poml_map.hybrid.evaluation.choice import DEFAULT_W_P, WEIGHTS, choose_w_p, w_p_curve

FOREST = PomlForest(n_trees=5)
FEW = (0.0, 0.5, 1.0)


@pytest.fixture
def folding(panel):
    return random_folding(panel.sites, 4, seed=1)


def wrong_by(panel, simulate, offset):
    """A process model that is off by so much wherever it is not bound to an observation."""
    return lambda is_training: simulate(panel, 0.0) + np.where(panel.without_observation, offset, 0.0)


@pytest.fixture
def curve(panel, simulate, folding):
    return w_p_curve(panel, wrong_by(panel, simulate, 3.0), folding, weights=FEW, forest=FOREST)


def test_the_weights_are_those_of_the_paper():
    assert list(WEIGHTS) == np.round(np.arange(0, 1.01, 0.1), 1).tolist()
    assert DEFAULT_W_P in WEIGHTS


def test_the_curve_holds_what_the_evaluation_would_give_at_each_weight(panel, simulate, folding, curve):
    found = evaluate(
        panel,
        wrong_by(panel, simulate, 3.0),
        folding,
        w_p=0.5,
        forest=FOREST,
        models=("POML",),
        time_weight="distance",
    )
    assert_array_equal(curve.predicted["distance", 0.5], found.predicted["POML"])


def test_without_simulations_one_forest_serves_both_time_weights(curve):
    assert curve.predicted["constant", 0.0] is curve.predicted["distance", 0.0]
    assert curve.fits == 4 * (1 + 2 * 2)
    assert [(row["time_weight"], row["w_p"]) for row in curve.rows()][:3] == [
        ("constant", w_p) for w_p in FEW
    ]


def test_simulations_that_are_far_off_are_given_no_weight(panel, simulate, curve):
    choice = choose_w_p(wrong_by(panel, simulate, 3.0), curve)
    assert choice.chosen("constant").tolist() == [0.0] * 4
    nested, default, best = [row for row in choice.summary() if row["time_weight"] == "constant"]
    assert nested["rmse"] == best["rmse"] < default["rmse"]
    assert best["optimism"] == 0


def test_the_choice_for_a_fold_does_not_know_its_sites(build_panel, simulate, folding):
    """Absurd observations in one fold change the choices of the others, never its own."""
    panel, changed = build_panel(), build_panel()
    changed.observed[-1, folding.fold == 2] += 50
    inner = []
    for each in (panel, changed):
        process = wrong_by(panel, simulate, 0.0)
        curve = w_p_curve(each, process, folding, weights=FEW, forest=FOREST, time_weights=("constant",))
        inner.append(choose_w_p(process, curve).inner_rmse["constant"])
    same = (inner[0] == inner[1]).all(axis=1)
    assert same.tolist() == [False, False, True, False]


def test_a_forest_without_two_folds_serves_the_choice_of_both(panel, simulate, curve):
    calls = []

    def process(is_training):
        calls.append(is_training)
        return simulate(panel)

    choice = choose_w_p(process, curve)
    assert len(calls) == 6
    assert choice.fits == 6 * 5


def test_one_row_a_fold_tells_what_was_chosen_and_what_it_was_worth(panel, simulate, curve):
    rows = choose_w_p(lambda is_training: simulate(panel), curve).rows()
    assert len(rows) == 8
    assert {row["n"] for row in rows} == {20}, "ten sites, two campaigns"


def test_two_folds_are_too_few_to_choose_in(panel, simulate):
    folding = random_folding(panel.sites, 2)
    curve = w_p_curve(panel, lambda is_training: simulate(panel), folding, weights=FEW, forest=FOREST)
    with pytest.raises(ValueError, match="folding has 2 folds, expected at least 3"):
        choose_w_p(lambda is_training: simulate(panel), curve)


def test_a_panel_with_every_year_observed_has_nothing_to_weigh(build_panel, simulate, folding):
    panel = build_panel(campaigns=range(1980, 1991))
    with pytest.raises(ValueError, match="observation in every year"):
        w_p_curve(panel, lambda is_training: simulate(panel), folding)
