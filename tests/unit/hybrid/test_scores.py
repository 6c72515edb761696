"""Scores against numbers worked out by hand, and what they say when there is nothing to score."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from poml_map.hybrid import ccc, mean_error, mec, rmse
from poml_map.hybrid.scores import why_undefined

SCORES = [rmse, mean_error, mec, ccc]
OBSERVED = np.array([1.0, 2, 3, 4])


@pytest.mark.parametrize(("score", "expected"), [(rmse, 1), (mean_error, 1), (mec, 0.2), (ccc, 5 / 7)])
def test_scores_of_a_shift_by_one_are_those_worked_out_by_hand(score, expected):
    """CCC with 1/n: 2 * 1.25 / (1.25 + 1.25 + 1) = 5/7; with 1/(n-1) it would be 0.769231."""
    assert_allclose(score(OBSERVED, OBSERVED + 1), expected, rtol=1e-15)


@pytest.mark.parametrize(("score", "expected"), [(rmse, 0), (mean_error, 0), (mec, 1), (ccc, 1)])
def test_a_perfect_prediction_has_the_best_score(score, expected):
    assert score(OBSERVED, OBSERVED) == expected


def test_mean_error_is_negative_when_the_model_predicts_too_little():
    assert mean_error(OBSERVED, OBSERVED - 0.5) == -0.5


def test_concordance_of_a_reversed_prediction_is_minus_one():
    assert_allclose(ccc(OBSERVED, OBSERVED[::-1]), -1, rtol=1e-15)


def test_concordance_of_a_constant_prediction_is_zero():
    assert ccc(OBSERVED, np.full(4, 2.5)) == 0


@pytest.mark.parametrize("score", [mec, ccc])
@pytest.mark.parametrize("observed", [[], [2.0], [2.1, 2.1, 2.1]])
def test_scores_without_a_spread_of_observations_are_nan_and_say_why(score, observed):
    assert np.isnan(score(observed, np.ones(len(observed))))
    assert why_undefined(observed)


@pytest.mark.parametrize("score", [rmse, mean_error])
def test_scores_of_no_pair_are_nan(score):
    assert np.isnan(score([], []))


@pytest.mark.parametrize("score", SCORES)
def test_a_missing_prediction_is_not_silently_dropped(score):
    assert np.isnan(score(OBSERVED, [1, 2, np.nan, 4]))


@pytest.mark.parametrize("score", SCORES)
def test_other_shapes_are_refused(score):
    with pytest.raises(ValueError, match=r"observed has shape \(4,\), predicted \(3,\)"):
        score(OBSERVED, OBSERVED[:3])
