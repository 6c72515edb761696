"""Which months of a year carbon comes in."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.rothc import Crop, crop_calendar_shares, shares_from_ndvi


def test_half_of_a_crop_s_carbon_comes_at_harvest_and_half_while_it_stands():
    shares = crop_calendar_shares([Crop(sow=6, harvest=9, weight=1, at_harvest=0.5)])
    assert_allclose(shares, [0, 0, 0, 0, 0, 0.125, 0.125, 0.125, 0.625, 0, 0, 0])


def test_a_winter_crop_stands_over_the_turn_of_the_year():
    shares = crop_calendar_shares([(11, 2, 3.0, 0.0)])
    assert_allclose(shares, [0.25, 0.25, 0, 0, 0, 0, 0, 0, 0, 0, 0.25, 0.25])


def test_crops_share_the_year_by_weight():
    wheat, rice = (11, 5, 1, 0.5), (6, 10, 3, 0.5)
    both = crop_calendar_shares([wheat, rice])
    assert_allclose(both, 0.25 * crop_calendar_shares([wheat]) + 0.75 * crop_calendar_shares([rice]))
    assert_allclose(both.sum(), 1.0)


def test_a_crop_that_is_sown_and_harvested_in_one_month_brings_all_its_carbon_then():
    assert_array_equal(np.flatnonzero(crop_calendar_shares([(4, 4)])), [3])


def test_shares_by_ndvi_are_those_of_what_lies_above_bare_soil():
    ndvi = np.array([0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 0.8, 0.6, 0.4, 0.2, 0.1, -0.2])
    shares = shares_from_ndvi(ndvi)
    green = np.maximum(ndvi - 0.1, 0)
    assert_allclose(shares, green / green.sum())
    assert shares_from_ndvi(ndvi, bare_ndvi=0.3)[3] < shares[3]


def test_shares_by_ndvi_of_several_years_are_those_of_their_mean_year():
    years = np.random.default_rng(0).uniform(0, 0.9, (36, 2))
    assert_allclose(shares_from_ndvi(years), shares_from_ndvi(years.reshape(3, 12, 2).mean(axis=0)))


def test_a_bare_site_has_equal_months_and_a_missing_month_spoils_only_its_site():
    ndvi = np.full((12, 3), 0.5)
    ndvi[:, 0] = 0.05
    ndvi[4, 1] = np.nan
    shares = shares_from_ndvi(ndvi)
    assert_array_equal(shares[:, 0], 1 / 12)
    assert np.isnan(shares[:, 1]).all()
    assert_allclose(shares[:, 2], 1 / 12)


@pytest.mark.parametrize(
    ("crops", "words"),
    [
        ([], ["0 crops sum to 0"]),
        ([(0, 5)], ["crops[0].sow is 0", "1 to 12"]),
        ([(3, 5), (6, 13)], ["crops[1].harvest is 13"]),
        ([(6.5, 9)], ["crops[0].sow is 6.5"]),
        ([(3, 5, -1)], ["crops[0].weight is -1"]),
        ([(3, 5, 0.0)], ["sum to 0"]),
        ([(3, 5, 1, 50)], ["crops[0].at_harvest is 50", "percent"]),
        ([(3, 5, 1, np.nan)], ["crops[0].at_harvest is nan"]),
        ([(3, 5, np.nan)], ["sum to nan"]),
    ],
)
def test_impossible_crops_are_refused_by_number(crops, words):
    with pytest.raises(ValueError) as refusal:
        crop_calendar_shares(crops)
    for word in [*words, "Mend:"]:
        assert word in str(refusal.value)
