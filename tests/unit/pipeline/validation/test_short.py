"""The page begins with what a user asked: which model, by how much, and how wide the error bars are."""

import pandas as pd
import pytest

from poml_map.hybrid.evaluation.differences import UNDECIDED
from poml_map.pipeline.validation.short import short_answers
from poml_map.pipeline.validation.tables import Table

RMSE = {"POML": 0.42, "ML": 0.40, "ML_T1": 0.39, "YEAR_MEAN": 0.60, "PO": 0.35, "PERSISTENCE": 0.36}


def scores(rmse=RMSE, targets=("t1", "t2", "change")):
    rows = []
    for target in targets:
        for model, value in rmse.items():
            n = 0 if target == "t1" and model in ("PO", "PERSISTENCE") else 9
            rows.append({"folding": "random", "model": model, "target": target, "n": n, "rmse": value})
    return Table("scores", pd.DataFrame(rows), ("rmse",))


def differences(verdict, value=0.02, targets=("t1", "t2", "change")):
    columns = [
        "folding",
        "model_a",
        "model_b",
        "target",
        "rmse_a",
        "rmse_b",
        "difference",
        "relative",
        "low",
        "high",
    ]
    rows = [
        [
            "random",
            a,
            b,
            target,
            RMSE[a],
            RMSE[b],
            value,
            value / RMSE[b],
            value - 0.01,
            value + 0.01,
            verdict,
        ]
        for target in targets
        for a, b in (("POML", "ML"), ("PO", "PERSISTENCE"))
    ]
    stocks = ("rmse_a", "rmse_b", "difference", "low", "high")
    return Table("differences", pd.DataFrame(rows, columns=[*columns, "verdict"]), stocks)


def lines(**tables):
    tables = {"scores": scores(), "differences": differences("ML is better")} | tables
    return short_answers(tables, "kg/m2", 0.5, "constant")


def test_the_better_forest_is_named_with_the_difference_and_what_no_covariate_gives():
    level = lines()[0]
    assert "ML, RMSE 0.400 kg C m-2 (the mean of the year alone: 0.600)" in level
    assert "POML 0.420; POML minus ML: +0.020, +5.0 % (95 % +0.010 to +0.030)" in level


def test_a_forest_of_first_campaigns_alone_is_no_answer_even_where_its_score_is_lowest():
    assert "ML_T1" not in "".join(lines())


def test_models_that_sites_cannot_tell_apart_are_both_named():
    level = lines(differences=differences(UNDECIDED, -0.001))[1]
    assert "POML and ML, which these sites cannot tell apart: RMSE 0.420 and 0.400" in level
    assert "PO (RothC) 0.350, persistence 0.360; these sites cannot tell them apart" in level


def test_who_knows_the_first_stock_stands_apart_and_not_at_first_campaigns():
    first, later, _ = lines()
    assert "measured" not in first
    assert "Where the first stock of the very place is measured: PO (RothC) 0.350" in later


def test_what_has_no_observation_is_said_to_have_none():
    found = lines(scores=scores(targets=("t1",)), differences=differences("ML is better", targets=("t1",)))
    assert found[2].endswith("nothing to score it with.")


def test_the_same_forest_is_called_the_same():
    same = RMSE | {"POML": 0.4}
    assert (
        "POML is the same here"
        in lines(scores=scores(same), differences=differences(UNDECIDED, targets=()))[0]
    )


def test_error_bars_are_those_of_held_out_samples_in_the_unit_of_the_region():
    row = {
        "subject": "observations",
        "subset": "all",
        "level": 0.9,
        "n": 800,
        "picp": 0.895,
        "mean_width": 1.49,
    }
    other = row | {"subject": "trees alone", "picp": 0.5}
    table = Table("intervals", pd.DataFrame([other, row]), ("mean_width",))
    found = short_answers(
        {"scores": scores(), "differences": differences(UNDECIDED), "intervals": table},
        "t/ha",
        0.5,
        "constant",
    )
    assert (
        "90 % interval of a sample at a new place is 14.90 t C ha-1 wide in the mean; 89.5 % of" in found[-1]
    )


@pytest.mark.parametrize(
    ("w_p", "words"), [(0.3, " against 0.445 at the region's 0.3"), (0.35, "kg C m-2. They")]
)
def test_the_nested_weight_is_compared_with_the_regions_own_and_judges_no_year_between(w_p, words):
    summary = [
        {"time_weight": "constant", "choice": "nested", "w_p": 0.9, "rmse": 0.5},
        {"time_weight": "distance", "choice": "nested", "w_p": 0.06, "rmse": 0.439},
    ]
    curve = [
        {"time_weight": weight, "w_p": each, "rmse": rmse}
        for weight, rmse in (("constant", 0.6), ("distance", 0.445))
        for each in (0.0, 0.3)
    ]
    tables = {
        "scores": scores(),
        "differences": differences(UNDECIDED),
        "w_p_summary": Table("w_p_summary", pd.DataFrame(summary), ("rmse",)),
        "w_p_curve": Table("w_p_curve", pd.DataFrame(curve), ("rmse",)),
    }
    line = short_answers(tables, "kg/m2", w_p, "distance")[-1]
    assert "cannot tell from the best is 0.06 in the mean, RMSE 0.439" in line
    assert words in line
    assert "which no score here judges" in line


def test_the_mean_change_alone_is_that_of_sites_with_both_campaigns():
    assert "(the mean change alone: 0.360, " in lines()[2]


def test_the_known_truth_names_the_best_map_and_poml():
    rows = [
        {
            "question": "trend",
            "best": "ML_LINEAR",
            "error": 0.137,
            "poml_error": 0.151,
            "poml_against_ml": -0.151,
        }
    ]
    line = lines(truth_best=Table("truth_best", pd.DataFrame(rows), ("error", "poml_error")))[-1]
    assert "**Trend, against the known truth of all pixels**: straight lines between ML maps, RMSE" in line
    assert "POML 0.151, -15.1 % from ML" in line


def test_a_model_without_covariates_that_is_better_than_the_forests_is_named_so():
    worse = RMSE | {"POML": 0.5, "ML": 0.5}
    found = lines(scores=scores(worse), differences=differences(UNDECIDED))
    assert "the mean change alone: 0.360, better than either forest" in found[2]
    assert "better than either" not in found[0]
