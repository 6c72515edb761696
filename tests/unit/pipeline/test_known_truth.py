"""Maps against the truth, on arrays that can be worked out by hand."""

import numpy as np
import pytest

from poml_map.pipeline.known_truth import MAPS, known_truth

YEARS = [1980, 1981, 1982]
TRUE = {1980: [[1.0, 2.0]], 1981: [[2.0, 3.0]], 1982: [[3.0, 4.0]]}
ZONES = np.array([[0, 1]])


def compare(offsets, sampled=(1980, 1982), zones=ZONES, true=TRUE):
    """Maps that are off by so much in each year, by model."""

    def read(model, year):
        return np.array(true[year]) + offsets.get(model, {}).get(year, 0.0)

    return known_truth(read, lambda year: np.array(true[year]), YEARS, sampled, zones)


def error(found, question, model):
    table = found.questions.set_index(["question", "model"])["error"]
    return table[question, model]


def test_a_map_that_is_the_truth_has_no_error():
    found = compare({})
    assert (found.by_year[found.by_year["model"] == "POML"]["rmse"] == 0).all()
    assert error(found, "trend", "PO") == 0


def test_a_constant_error_counts_in_the_level_and_not_in_change_or_trend():
    found = compare({"POML": {1980: 0.5, 1981: 0.5, 1982: 0.5}})
    assert error(found, "level, sampled years", "POML") == pytest.approx(0.5)
    assert error(found, "level, unsampled years", "POML") == pytest.approx(0.5)
    assert error(found, "change, first to last year", "POML") == 0
    assert error(found, "trend", "POML") == pytest.approx(0)


def test_a_growing_error_is_an_error_of_trend_and_change():
    found = compare({"PO": {1981: 0.1, 1982: 0.2}})
    assert error(found, "change, first to last year", "PO") == pytest.approx(0.2)
    assert error(found, "trend", "PO") == pytest.approx(1.0), "0.1 a year is 1 in ten years"


def test_straight_lines_between_sampled_years_know_nothing_of_the_middle():
    found = compare({"ML": {1981: 9.0}})
    assert error(found, "level, unsampled years", "ML") == pytest.approx(9.0)
    assert error(found, "level, unsampled years", "ML_LINEAR") == pytest.approx(0.0)


def test_the_first_map_held_constant_misses_the_change():
    assert error(compare({}), "change, first to last year", "FIRST_MAP") == pytest.approx(2.0)


def test_errors_of_pixels_cancel_in_the_mean_of_a_zone():
    opposite = {year: np.array([[0.3, -0.3]]) for year in YEARS}
    one_zone = compare({"POML": opposite}, zones=np.array([[4, 4]]))
    assert error(one_zone, "mean of a zone, unsampled years", "POML") == pytest.approx(0)
    assert error(compare({"POML": opposite}), "mean of a zone, unsampled years", "POML") == pytest.approx(0.3)


def test_the_best_map_of_each_question_is_named_with_the_next():
    found = compare({"POML": {1981: 0.2}, "ML": {1981: 0.4}, "PO": {1981: 0.1}}).which().set_index("question")
    row = found.loc["level, unsampled years"]
    assert (row["best"], row["next"]) == ("ML_LINEAR", "PO")
    assert row["poml_against_ml"] == pytest.approx(-0.5)


def test_without_zones_or_unsampled_years_those_questions_are_not_asked():
    assert set(compare({}, zones=None).which()["question"]) <= {
        "level, sampled years",
        "level, unsampled years",
        "change, first to last year",
        "trend",
    }
    assert "level, unsampled years" not in set(compare({}, sampled=YEARS).which()["question"])


def test_pixels_without_truth_or_map_do_not_count():
    true = {year: [[values[0][0], np.nan]] for year, values in TRUE.items()}
    found = compare({"POML": {1980: np.array([[0.1, 7.0]])}}, true=true)
    row = found.by_year[(found.by_year["model"] == "POML") & (found.by_year["year"] == 1980)].iloc[0]
    assert row["n"] == 1
    assert row["rmse"] == pytest.approx(0.1)
    assert set(found.by_year["model"]) == set(MAPS)


def test_where_poml_is_nearer_is_told_pixel_by_pixel_and_zone_by_zone():
    found = compare({"POML": {1981: np.array([[0.1, -0.4]])}, "ML": {1981: 0.3}})
    np.testing.assert_allclose(found.gains["level, unsampled years"], [[0.2, -0.1]])
    zones = found.by_zone.set_index(["zone", "model"])["level"]
    assert zones[0, "POML"] == pytest.approx(0.1)
    assert zones[1, "POML"] == pytest.approx(0.4)
    assert zones[1, "ML"] == pytest.approx(0.3)


def test_outside_the_map_there_is_no_gain():
    true = {year: [[values[0][0], np.nan]] for year, values in TRUE.items()}
    assert np.isnan(compare({}, true=true).gains["trend"]).tolist() == [[False, True]]


def test_without_zones_no_zone_is_told():
    assert compare({}, zones=None).by_zone.empty
