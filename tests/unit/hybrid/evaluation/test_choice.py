"""w_p is chosen by folds that are not those it is scored on."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from poml_map.hybrid import PomlForest
from poml_map.hybrid.evaluation import evaluate, random_folding
from poml_map.hybrid.evaluation.choice import DEFAULT_W_P, _as_good, choose_w_p
from poml_map.hybrid.evaluation.curve import TREES, WEIGHTS, w_p_curve
from poml_map.hybrid.training import TIME_WEIGHTS

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


def test_what_is_known_is_not_grown_again(panel, simulate, folding, curve):
    process = wrong_by(panel, simulate, 3.0)
    known = {
        ("constant", 0.0): curve.predicted["constant", 0.0],
        ("distance", 0.5): curve.predicted["distance", 0.5],
    }
    again = w_p_curve(panel, process, folding, weights=FEW, forest=FOREST, known=known)
    assert again.fits == curve.fits - 4 * 2
    for key, stocks in curve.predicted.items():
        assert_array_equal(again.predicted[key], stocks)


def test_without_simulations_one_forest_serves_both_time_weights(curve):
    assert curve.predicted["constant", 0.0] is curve.predicted["distance", 0.0]
    assert curve.fits == 4 * (1 + 2 * 2)
    assert [(row["time_weight"], row["w_p"]) for row in curve.rows()][:3] == [
        ("constant", w_p) for w_p in FEW
    ]


def test_simulations_that_are_far_off_are_given_no_weight(panel, simulate, curve):
    choice = choose_w_p(wrong_by(panel, simulate, 3.0), curve)
    assert choice.chosen("constant").tolist() == [0.0] * 4
    nested, lowest, default, best = [row for row in choice.summary() if row["time_weight"] == "constant"]
    assert nested["rmse"] == lowest["rmse"] == best["rmse"] < default["rmse"]
    assert best["optimism"] == 0
    assert np.isnan(nested["optimism"])


def test_of_weights_that_sites_cannot_tell_apart_the_smallest_is_chosen():
    rng = np.random.default_rng(0)
    error = rng.normal(size=(2, 400))
    noisy = error**2 + rng.normal(0, 0.3, (2, 400))
    noisy -= noisy.mean() - (error**2).mean() + 0.001  # the best one by a hair
    far = error**2 + 0.2
    assert _as_good(np.stack([far, error**2, noisy]), np.arange(400)).tolist() == [False, True, True]


def test_sites_that_take_no_part_change_no_choice():
    rng = np.random.default_rng(1)
    squares = rng.chisquare(1, (3, 2, 60)) * np.array([1.0, 1.1, 2.0])[:, None, None]
    more = np.concatenate([squares, np.full((3, 2, 300), np.nan)], axis=2)
    assert_array_equal(_as_good(more, np.arange(360)), _as_good(squares, np.arange(60)))


def test_sites_of_one_place_are_one_witness():
    """Ten copies of each site tell no more than one."""
    rng = np.random.default_rng(2)
    squares = rng.chisquare(1, (2, 1, 40)) * np.array([1.0, 1.15])[:, None, None]
    copies = np.repeat(squares, 10, axis=2)
    assert _as_good(squares, np.arange(40)).all()
    assert _as_good(copies, np.repeat(np.arange(40), 10)).all()


@pytest.mark.slow
def test_forests_of_50_trees_choose_as_those_of_200_do(tmp_path):
    """On the demo region: the same weight in each outer fold, whether weights are the same in all years or not."""
    from poml_map.demo import write_demo
    from poml_map.pipeline.checks import check_region
    from poml_map.pipeline.validation.gather import gather

    write_demo(tmp_path, "small")
    gathered = gather(check_region(tmp_path / "region.yaml"))
    folding = random_folding(gathered.panel.sites, 5)
    process = gathered.process
    few, many = (
        choose_w_p(process, w_p_curve(gathered.panel, process, folding, forest=gathered.forest(trees)))
        for trees in (TREES, 200)
    )
    for time_weight in TIME_WEIGHTS:
        assert few.chosen(time_weight).tolist() == many.chosen(time_weight).tolist()


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
