"""Drivers become rates and inputs in one place, for sites and maps alike."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.rothc.forcing import Options, build_forcing
from poml_map.rothc.rates import cover_from_ndvi, periodic_deficit, rate_modifier

YEARS = 3
CLAY = np.array([20.0, 35.0])


def _year(seed=0):
    months = np.arange(12)[:, None]
    wet = np.random.default_rng(seed).uniform(0.5, 1.5, (12, 2))
    return {
        "air_temp": 16 + 12 * np.sin((months - 3) * np.pi / 6) + np.zeros((12, 2)),
        "precip": 60 * wet,
        "pet": 70 + 60 * np.sin((months - 3) * np.pi / 6) + np.zeros((12, 2)),
        "ndvi": 0.4 + 0.3 * np.sin((months - 3) * np.pi / 6) + np.zeros((12, 2)),
    }


def _run():
    return {name: np.tile(values, (YEARS, 1)) for name, values in _year().items()}


def _driver():
    return np.array([[100.0, 200.0], [150.0, 200.0], [50.0, 300.0]])


def test_the_run_begins_in_the_month_after_the_first_stock():
    for month, months in ((12, 24), (6, 24), (1, 24)):
        forcing = build_forcing(_run(), _year(), CLAY, _driver(), Options(sampling_month=month))
        assert len(forcing.rate) == len(forcing.relative_input) == months
        assert_array_equal(forcing.record, [0, 12, 24])


def test_the_input_of_a_year_follows_the_driver_of_that_calendar_year():
    forcing = build_forcing(_run(), _year(), CLAY, _driver(), Options(sampling_month=12))
    assert_allclose(forcing.relative_input[:12].sum(axis=0), [1.5, 1.0])
    assert_allclose(forcing.relative_input[12:].sum(axis=0), [0.5, 1.5])
    # From July on: half of the first year's input, then half of the second's.
    forcing = build_forcing(_run(), _year(), CLAY, _driver(), Options(sampling_month=6))
    assert_allclose(forcing.relative_input[:12].sum(axis=0), [0.5 * 1.0 + 0.5 * 1.5, 1.0])


def test_months_of_input_turn_with_the_sampling_month():
    october = tuple(float(month == 10) for month in range(1, 13))
    forcing = build_forcing(
        _run(), _year(), CLAY, _driver(), Options(sampling_month=10, input_months=october)
    )
    assert_array_equal(np.flatnonzero(forcing.spinup_shares), [11])
    assert_array_equal(np.flatnonzero(forcing.relative_input[:, 0]), [11, 23])


def test_a_run_that_repeats_the_mean_year_has_the_rates_of_the_spin_up():
    """The water bucket must go on from its periodic state, not start anew."""
    dry = _year()
    dry["precip"] = dry["precip"] * 0.4
    run = {name: np.tile(values, (YEARS, 1)) for name, values in dry.items()}
    for month in (12, 8):
        forcing = build_forcing(run, dry, CLAY, _driver(), Options(sampling_month=month))
        assert forcing.spinup_rate.min() < 0.9 * forcing.spinup_rate.max()
        assert_allclose(forcing.rate[:12], forcing.spinup_rate, rtol=1e-12)
        assert_allclose(forcing.rate[12:], forcing.spinup_rate, rtol=1e-12)


def test_rates_are_those_of_the_rate_functions():
    year = _year()
    forcing = build_forcing(_run(), year, CLAY, _driver(), Options())
    cover = cover_from_ndvi(year["ndvi"], 0.4)
    deficit = periodic_deficit(year["precip"], year["pet"], CLAY, 20.0, cover)[-1]
    rate, _ = rate_modifier(
        year["air_temp"], year["precip"], year["pet"], CLAY, 20.0, cover, initial_deficit=deficit
    )
    assert_allclose(forcing.spinup_rate, rate, rtol=0, atol=0)


def test_a_missing_driver_stays_with_its_site():
    run = _run()
    run["precip"] = run["precip"].copy()
    run["precip"][20, 0] = np.nan
    whole = build_forcing(_run(), _year(), CLAY, _driver(), Options())
    forcing = build_forcing(run, _year(), CLAY, _driver(), Options())
    assert np.isnan(forcing.rate[:, 0]).any()
    assert_array_equal(forcing.rate[:, 1], whole.rate[:, 1])


@pytest.mark.parametrize("threshold", [0.2, 0.6])
def test_the_cover_threshold_moves_the_rates(threshold):
    rates = [
        build_forcing(_run(), _year(), CLAY, _driver(), Options(cover_ndvi=each)).rate
        for each in (0.4, threshold)
    ]
    assert not np.allclose(*rates)
