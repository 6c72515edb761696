"""Errors of means: what a known field gives, and what follows from independence and from likeness."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist

from poml_map.hybrid.space import ErrorCorrelation, deviation_of_mean, pixels_that_stand_for
from poml_map.hybrid.space.averages import PIXELS

NONE = np.array([])


def known(share, range_m):
    return ErrorCorrelation(share, range_m, NONE, NONE, 100)


def field(random, positions, share, range_m, campaigns=2):
    """Residuals of variance 1 with this correlation."""
    between = share * np.exp(-cdist(positions, positions) / range_m)
    np.fill_diagonal(between, 1.0)
    return (np.linalg.cholesky(between) @ random.standard_normal((len(positions), campaigns))).T


def test_the_correlation_of_a_known_field_is_found():
    random = np.random.default_rng(5)
    found = []
    for _ in range(25):
        positions = random.uniform(0, 200e3, (300, 2))
        each = ErrorCorrelation.of(positions, 0.3 * field(random, positions, 0.6, 20e3))
        found.append((each.share, each.range_m))

    share, range_m = np.median(found, axis=0)
    assert share == pytest.approx(0.6, abs=0.12)
    assert range_m == pytest.approx(20e3, rel=0.35)


def test_errors_that_go_together_nowhere_have_next_to_no_correlation():
    random = np.random.default_rng(6)
    positions = random.uniform(0, 200e3, (400, 2))
    each = ErrorCorrelation.of(positions, random.standard_normal((2, 400)))

    assert each.at(20e3) < 0.06


def test_residuals_may_have_gaps():
    random = np.random.default_rng(7)
    positions = random.uniform(0, 100e3, (120, 2))
    residuals = field(random, positions, 0.5, 10e3)
    residuals[0, ::2] = np.nan
    residuals[1, :5] = np.nan

    assert np.isfinite(ErrorCorrelation.of(positions, residuals).range_m)


def test_where_all_errors_are_one_nothing_cancels():
    positions = np.random.default_rng(8).uniform(0, 100e3, (60, 2))

    assert ErrorCorrelation.of(positions, np.ones(60)).share == 1.0


def test_too_few_sites_are_refused_with_their_number():
    with pytest.raises(ValueError, match="49 held-out sites of one campaign, expected 50"):
        ErrorCorrelation.of(np.zeros((60, 2)), np.where(np.arange(60) < 49, 0.0, np.nan))


def test_positions_of_other_sites_are_refused():
    with pytest.raises(ValueError, match=r"positions has shape \(3, 2\), expected \(60, 2\)"):
        ErrorCorrelation.of(np.zeros((3, 2)), np.zeros(60))


def test_the_deviation_of_a_mean_is_that_of_all_pairs():
    random = np.random.default_rng(9)
    positions, sd = random.uniform(0, 50e3, (80, 2)), random.uniform(0.2, 0.6, (3, 80))
    between = known(0.7, 8e3).at(cdist(positions, positions))
    np.fill_diagonal(between, 1.0)
    expected = [np.sqrt(each @ between @ each) / 80 for each in sd]

    assert_allclose(deviation_of_mean(positions, sd, known(0.7, 8e3)), expected)


@pytest.mark.parametrize("count", [1, 5, 400])
def test_independent_errors_cancel_with_the_root_of_their_number(count):
    positions = np.random.default_rng(1).uniform(0, 1e5, (count, 2))
    found = deviation_of_mean(positions, np.full((1, count), 0.4), known(0.0, 1e3))

    assert_allclose(found, 0.4 / np.sqrt(count))


def test_some_pixels_stand_for_all():
    random = np.random.default_rng(2)
    positions, sd = random.uniform(0, 60e3, (6000, 2)), random.uniform(0.3, 0.5, (2, 6000))
    chosen = pixels_that_stand_for(6000)
    some = deviation_of_mean(positions[chosen], sd[:, chosen], known(0.6, 10e3), count=6000)

    assert len(chosen) == PIXELS
    assert_allclose(some, deviation_of_mean(positions, sd, known(0.6, 10e3)), rtol=0.03)
    np.testing.assert_array_equal(chosen, pixels_that_stand_for(6000))


def test_an_interval_covers_the_mean_of_a_known_field():
    """The whole of it: a field of errors, sites that show some of it, and the error of the mean of an area."""
    random = np.random.default_rng(3)
    inside = []
    for _ in range(60):
        places = random.uniform(0, 100e3, (450, 2))
        errors = 0.4 * field(random, places, 0.7, 12e3, campaigns=1)[0]
        found = ErrorCorrelation.of(places[:250], errors[:250] / 0.4)
        zone = np.flatnonzero((places[250:] < 40e3).all(axis=1)) + 250
        half = 1.645 * deviation_of_mean(places[zone], np.full((1, len(zone)), 0.4), found)
        inside.append(abs(errors[zone].mean()) <= half)

    assert 0.80 < np.mean(inside) < 0.98


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"positions has shape \(2, 2\) and sd \(1, 3\)"):
        deviation_of_mean(np.zeros((2, 2)), np.zeros((1, 3)), known(0.5, 1e3))
