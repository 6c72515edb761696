"""Scores and differences: pooled first, spread second, and what cannot be scored says why."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from poml_map.hybrid import site_panel
from poml_map.hybrid.evaluation import Evaluation, Folding, difference_rows, score_rows
from poml_map.hybrid.evaluation.score_tables import pairs_of


def make(errors, fold=(0, 0, 1, 1), observed=None, repeat=0, group=None):
    """Four sites in two campaigns; predictions are off by `errors`, (2, 4), by model."""
    observed = np.array([[1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 3.0, 5.0]]) if observed is None else observed
    seen = [
        (site, year, observed[at, index])
        for index, site in enumerate("abcd")
        for at, year in enumerate((1980, 1982))
    ]
    panel = site_panel(list("abcd"), [1980, 1981, 1982], np.zeros((3, 4, 1)), *zip(*seen, strict=True))
    predicted = {}
    for model, error in errors.items():
        stocks = np.full((3, 4), np.nan)
        stocks[[0, 2]] = observed + error
        if model == "PO":
            stocks[0] = np.nan
        predicted[model] = stocks
    return Evaluation(panel, Folding("random", np.array(fold), repeat, group), predicted, (), 0, 0.0)


def row(rows, **wanted):
    (found,) = [each for each in rows if all(each[name] == value for name, value in wanted.items())]
    return found


ERROR = np.array([[1.0, 1.0, 1.0, 1.0], [1.0, -1.0, 3.0, 1.0]])


def test_scores_of_each_campaign_are_the_anchors_of_lin():
    found = row(score_rows([make({"ML": ERROR})]), model="ML", target="t1")
    assert (found["n"], found["rmse"], found["me"]) == (4, 1.0, 1.0)
    assert found["ccc"] == pytest.approx(0.714286, abs=1e-6)
    assert found["mec"] == pytest.approx(0.2)


def test_all_pairs_are_pooled_before_they_are_scored():
    found = row(score_rows([make({"ML": ERROR})]), model="ML", target="t2")
    assert found["rmse"] == pytest.approx(np.sqrt(12 / 4))
    of_folds = [1.0, np.sqrt(5)]
    assert found["fold_rmse"] == pytest.approx(np.mean(of_folds))
    assert found["rmse_fold_sd"] == pytest.approx(np.std(of_folds, ddof=1))
    assert found["fold_rmse"] <= found["rmse"]
    assert np.isnan(found["rmse_repeat_sd"])


def test_change_is_later_minus_first_and_a_shared_error_cancels():
    found = row(score_rows([make({"ML": np.ones((2, 4))})]), model="ML", target="change")
    assert (found["n"], found["rmse"]) == (4, 0.0)


def test_the_change_of_a_model_that_knows_the_first_stock_starts_there():
    found = make({"PO": ERROR})
    pairs = pairs_of(found.panel, found.predicted["PO"], "change", "PO")
    assert_allclose(pairs.predicted - pairs.observed, ERROR[1])


def test_a_model_that_knows_the_first_stock_is_not_scored_there_and_the_table_says_so():
    rows = score_rows([make({"PO": ERROR})])
    first, pooled = row(rows, model="PO", target="t1"), row(rows, model="PO", target="pooled")
    assert first["knows_first"]
    assert first["n"] == 0
    assert np.isnan(first["rmse"])
    assert first["note"] == "it starts from that stock"
    assert pooled["n"] == 4
    assert pooled["note"] == "later campaigns only: it starts from the first stock"


def test_repeats_are_averaged_and_their_spread_is_told():
    again = [make({"ML": ERROR}), make({"ML": 2 * ERROR}, repeat=1)]
    found = row(score_rows(again), model="ML", target="t1")
    assert found["rmse"] == 1.5
    assert found["rmse_repeat_sd"] == pytest.approx(np.std([1, 2], ddof=1))


def test_efficiency_of_constant_observations_is_undefined_with_the_reason():
    found = row(score_rows([make({"ML": ERROR}, observed=np.full((2, 4), 3.0))]), model="ML", target="t1")
    assert np.isnan(found["mec"])
    assert found["note"] == "CCC and MEC undefined: all 4 observations are equal"


def test_one_campaign_leaves_later_targets_out_with_the_reason():
    panel = site_panel(list("ab"), [1980, 1981], np.zeros((2, 2, 1)), list("ab"), [1980, 1980], [2.0, 3.0])
    found = Evaluation(panel, Folding("random", np.array([0, 1])), {"ML": panel.observed + 0.1}, (), 0, 0.0)
    later = row(score_rows([found]), target="change")
    assert (later["n"], later["note"]) == (0, "no site has a later campaign")
    assert difference_rows([found], [("ML", "POML")]) == []
    both = Evaluation(panel, found.folding, found.predicted | {"POML": panel.observed}, (), 0, 0.0)
    assert [each["target"] for each in difference_rows([both], [("POML", "ML")])] == ["t1"], (
        "pooled is t1 again"
    )


def test_a_difference_is_paired_over_sites_and_has_a_sign():
    rows = difference_rows([make({"ML": 0.5 * ERROR, "YEAR_MEAN": ERROR})], [("ML", "YEAR_MEAN")])
    found = row(rows, target="t1")
    assert (found["n"], found["sites"], found["difference"], found["relative"]) == (4, 4, -0.5, -0.5)
    assert found["low"] == found["high"] == -0.5, "every site has the same error"
    assert found["verdict"] == "ML is better"


def test_two_models_of_one_error_are_no_different():
    rows = difference_rows([make({"ML": ERROR, "YEAR_MEAN": -ERROR})], [("ML", "YEAR_MEAN")])
    assert {each["verdict"] for each in rows if each["target"] != "change"} == {
        "no difference that these sites could show"
    }


def test_only_observations_that_both_models_predict_are_compared():
    rows = difference_rows([make({"PO": ERROR, "ML": ERROR})], [("ML", "PO")])
    assert [each["target"] for each in rows] == ["t2", "change"]
    assert row(rows, target="t2")["difference"] == 0
    assert row(rows, target="change")["n"] == 4


def test_sites_of_one_place_are_drawn_together():
    """Two sites where a model is better and two where it is not: as one place each they are half as many tests."""
    errors = {"ML": ERROR * [0.5, 0.5, 1.0, 1.0], "POML": ERROR * [1.0, 1.0, 0.9, 0.9]}
    apart = row(difference_rows([make(errors)], [("ML", "POML")]), target="t1")
    places = row(difference_rows([make(errors, group=np.array([0, 0, 1, 1]))], [("ML", "POML")]), target="t1")
    assert apart["difference"] == places["difference"]
    assert places["low"] == pytest.approx(-0.5)
    assert places["high"] == pytest.approx(0.1)
    assert places["high"] - places["low"] >= apart["high"] - apart["low"]


def test_repeats_that_disagree_make_no_verdict():
    better, worse = {"ML": 0.5 * ERROR, "POML": ERROR}, {"ML": 1.01 * ERROR, "POML": ERROR}
    for errors, verdict in (
        ((better, better), "ML is better"),
        ((better, worse), "no difference that these sites could show"),
    ):
        repeats = [make(each, repeat=number) for number, each in enumerate(errors)]
        found = row(difference_rows(repeats, [("ML", "POML")]), target="t1")
        assert found["high"] < 0
        assert found["verdict"] == verdict
    assert found["repeats_a_better"] == 0.5
    assert found["rmse_a"] == pytest.approx((0.5 + 1.01) / 2), "as the table of scores averages them"


def test_what_is_the_same_comparison_again_is_left_out():
    errors = dict.fromkeys(("PO", "PERSISTENCE", "YEAR_MEAN"), ERROR)
    rows = difference_rows([make(errors)], [("PO", "PERSISTENCE"), ("PO", "YEAR_MEAN")])
    assert {(each["target"], each["model_b"]) for each in rows} == {
        ("t2", "PERSISTENCE"),
        ("t2", "YEAR_MEAN"),
    }


def test_groups_that_are_not_one_for_each_site_are_refused():
    with pytest.raises(ValueError, match=r"has 4 folds and groups of shape \(3,\)"):
        make({"ML": ERROR}, group=np.arange(3))
