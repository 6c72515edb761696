"""How alike errors are: what a known field gives, and what follows for means."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist

from poml_map.hybrid.space import ErrorCorrelation, pixels_that_stand_for
from poml_map.hybrid.space.correlation import PIXELS

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


def test_the_variance_of_a_mean_is_the_mean_correlation_of_all_pairs():
    positions = np.random.default_rng(9).uniform(0, 50e3, (80, 2))
    between = known(0.7, 8e3).at(cdist(positions, positions))

    assert known(0.7, 8e3).of_mean(positions) == pytest.approx(between.mean())


@pytest.mark.parametrize("count", [1, 5, 400])
def test_errors_that_are_alike_nowhere_near_cancel_with_their_number(count):
    positions = 1e9 * np.random.default_rng(1).uniform(0, 1e5, (count, 2))

    assert known(0.8, 1e3).of_mean(positions) == pytest.approx(0.8 / count)


def test_some_pixels_stand_for_all():
    positions = np.random.default_rng(2).uniform(0, 60e3, (4000, 2))
    chosen = pixels_that_stand_for(4000)
    some = known(0.6, 10e3).of_mean(positions[chosen], count=4000)

    assert len(chosen) == PIXELS
    assert_allclose(some, known(0.6, 10e3).of_mean(positions), rtol=0.04)
    np.testing.assert_array_equal(chosen, pixels_that_stand_for(4000))


def test_positions_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"positions has shape \(0, 2\), expected \(n, 2\) with n from 1 on"):
        known(0.5, 1e3).of_mean(np.zeros((0, 2)))
