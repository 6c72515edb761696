"""Errors of means by year: which campaigns tell them, with what sign, and what no campaign tells."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from poml_map.hybrid.space import SmallAreas
from poml_map.pipeline.area_errors import MeanErrors

CAMPAIGNS = [1985, 1990, 2000]
BIAS = np.array([0.1, -0.2, 0.5])  # of the campaigns, the same in all zones


@pytest.fixture
def errors():
    noise = np.tile([-0.1, 0.1], 60)
    residuals = BIAS[:, np.newaxis] + np.stack([noise, noise, noise])
    return MeanErrors(CAMPAIGNS, SmallAreas(residuals, np.repeat([0, 1, 2], 40), np.full(3, 1 / 3)))


@pytest.mark.parametrize(
    ("year", "bias"),
    [(1985, 0.1), (1990, -0.2), (2000, 0.5), (1987, 0.1 - 0.3 * 2 / 5), (1999, -0.2 + 0.7 * 9 / 10)],
)
def test_a_year_is_told_by_the_campaigns_around_it_by_their_distance(errors, year, bias):
    assert_allclose(errors.at(year).bias, bias)


@pytest.mark.parametrize("year", [1980, 1984, 2001])
def test_outside_the_campaigns_nothing_is_told(errors, year):
    assert np.isnan(errors.at(year).bias).all()
    assert np.isnan(errors.at(year).half_width(0.9)).all()


@pytest.mark.parametrize(
    ("first", "last", "bias"), [(1985, 2000, 0.4), (1990, 2000, 0.7), (1985, 1990, -0.3), (1985, 1987, -0.12)]
)
def test_a_change_is_the_later_error_minus_the_earlier_and_noise_of_the_same_sites_drops_out(
    errors, first, last, bias
):
    found = errors.between(first, last)

    assert_allclose(found.bias, bias)
    assert_allclose(found.variance, 0, atol=1e-9)


@pytest.mark.parametrize(("first", "last"), [(1980, 1984), (1980, 1990), (1990, 2005), (1990, 1990)])
def test_a_change_from_or_to_a_year_that_nothing_tells_is_unknown(errors, first, last):
    assert np.isnan(errors.between(first, last).bias).all()


def test_the_way_between_campaigns_counts_as_error_there_and_nowhere_else(errors):
    years = np.arange(1980, 2004)
    course = np.interp(years, CAMPAIGNS, [4.0, 4.5, 4.2])[:, np.newaxis] * np.ones(2)
    between = (years > 1985) & (years < 2000) & (years != 1990)
    course[between, 1] += 0.3
    course[years < 1985, 1] += 9.0
    swings = errors.swings(course, years)

    assert_allclose(swings[:, 0], 0, atol=1e-12)
    assert_allclose(swings[between, 1], 0.3)
    assert_allclose(swings[~between, 1], 0)


def test_one_campaign_has_no_way_between():
    one = MeanErrors([1980], SmallAreas(np.zeros((1, 4)), np.zeros(4, int), np.ones(1)))

    assert_allclose(one.swings(np.arange(6.0)[:, np.newaxis], range(1980, 1986)), 0)
    assert np.isfinite(one.at(1980).bias).all()
    assert np.isnan(one.at(1981).bias).all()
