"""Drivers become rates and inputs in one place, for sites and maps alike."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map import rothc
from poml_map.rothc.forcing import Options, build_forcing, prepare
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


REAL = Options(spinup="real_years")


def _real_years(years=4, seed=3):
    """Years of other rain and temperature, dry enough that the bucket meets its limits."""
    rng, year = np.random.default_rng(seed), _year()
    cycle = {name: np.tile(values, (years, 1)) for name, values in year.items()}
    cycle["precip"] = cycle["precip"] * rng.uniform(0.2, 1.4, (12 * years, 2))
    cycle["air_temp"] = cycle["air_temp"] + rng.normal(0, 2, (12 * years, 2))
    cycle["ndvi"] = np.clip(cycle["ndvi"] + rng.normal(0, 0.1, (12 * years, 2)), -1, 1)
    return cycle


def _all_arrays(drivers):
    for weather in (drivers.spinup, drivers.run):
        yield from (weather.air_temp, weather.precip, weather.evaporation, weather.cover, weather.rate_factor)
    yield from (drivers.clay, drivers.dpm_rpm, drivers.spinup_shares, drivers.relative_input)


def test_mean_months_are_the_means_of_real_years_by_calendar_month():
    real = _real_years()
    mean = {name: values.reshape(-1, 12, 2).mean(axis=0) for name, values in real.items()}
    for month in (12, 5):
        options = Options(sampling_month=month, input_months="ndvi")
        ours, theirs = (prepare(_run(), spinup, CLAY, _driver(), options) for spinup in (real, mean))
        for one, other in zip(_all_arrays(ours), _all_arrays(theirs), strict=True):
            assert_allclose(one, other, rtol=1e-14)


@pytest.mark.parametrize(("month", "first_is"), [(12, 0), (5, 41)])
def test_a_cycle_of_real_years_ends_with_the_sampling_month_of_its_last_year(month, first_is):
    """May: the cycle runs June of year 4 to December, then year 1 to May of year 4."""
    real = _real_years()
    drivers = prepare(_run(), real, CLAY, _driver(), Options(sampling_month=month, spinup="real_years"))
    assert drivers.spinup.air_temp.shape == (48, 2)
    assert_array_equal(drivers.spinup.air_temp[0], real["air_temp"][first_is])
    assert_array_equal(drivers.spinup.air_temp[-1], real["air_temp"][36 + month - 1])
    assert_allclose(drivers.spinup_shares.reshape(4, 12).sum(axis=1), 1.0)


def test_real_years_that_are_all_alike_are_the_mean_year():
    alike = {name: np.tile(values, (5, 1)) for name, values in _year().items()}
    for month in (12, 8):
        mean, real = (
            build_forcing(_run(), alike, CLAY, _driver(), Options(sampling_month=month, spinup=word))
            for word in ("mean_months", "real_years")
        )
        assert_allclose(real.spinup_rate, np.tile(mean.spinup_rate, (5, 1)), rtol=1e-12)
        assert_allclose(real.rate, mean.rate, rtol=1e-12)


def test_a_run_of_the_spin_up_years_goes_on_at_their_rates():
    """The bucket runs on from the end of the cycle, so nothing jumps at t1."""
    real = _real_years(years=3)
    forcing = build_forcing(real, real, CLAY, _driver(), REAL)
    # The run begins after the first December, and the cycle ends with the last one.
    run_on = {name: np.concatenate([values[-12:], values]) for name, values in real.items()}
    again = build_forcing(run_on, real, CLAY, np.ones((4, 1)), REAL)
    assert forcing.spinup_rate.shape == (36, 2)
    assert_allclose(again.rate, forcing.spinup_rate, rtol=1e-12)


def test_mean_months_decay_at_another_rate_than_the_years_they_are_the_mean_of():
    """Decay is not linear in rain: the reason why real years are offered."""
    real = _real_years(years=10)
    rates = [
        build_forcing(_run(), real, CLAY, _driver(), Options(spinup=word)).spinup_rate.mean(axis=0)
        for word in ("mean_months", "real_years")
    ]
    assert np.abs(rates[1] / rates[0] - 1).max() > 0.02


def test_input_by_ndvi_follows_the_green_months_of_each_site_alike_in_every_year():
    year = _year()
    year["ndvi"][:, 1] = 0.05
    drivers = prepare(_run(), year, CLAY, _driver(), Options(sampling_month=9, input_months="ndvi"))
    shares = np.roll(drivers.spinup_shares, 9, axis=0)
    assert_allclose(shares[:, 0], (year["ndvi"][:, 0] - 0.1) / (year["ndvi"][:, 0] - 0.1).sum())
    assert_allclose(shares[:, 1], 1 / 12)
    first, second = (
        drivers.relative_input[:3],
        drivers.relative_input[12:15],
    )  # October to December of two years
    assert_allclose(first * _driver()[1], second * _driver()[0])


def test_cover_as_a_share_of_the_soil_reaches_the_modifier_and_the_bucket():
    options = Options(cover="fraction", cover_ndvi_range=(0.2, 0.6))
    drivers = prepare(_run(), _year(), CLAY, _driver(), options)
    share = np.clip((_year()["ndvi"] - 0.2) / 0.4, 0, 1)
    assert ((share > 0) & (share < 1)).any()
    assert_allclose(drivers.spinup.cover, share)
    assert_allclose(drivers.run.cover[12:], np.tile(share, (YEARS - 2, 1)))


def test_the_rate_factor_of_a_month_holds_in_spin_up_and_run():
    paddy = np.array(rothc.flooded_months([6, 7, 8]))[:, None] * [1.0, 0.5]
    plain, flooded = (
        build_forcing(_run(), _year(), CLAY, _driver(), Options(sampling_month=5), rate_factor=factor)
        for factor in (None, paddy)
    )
    from_june = np.roll(paddy, -5, axis=0)
    assert_allclose(flooded.spinup_rate, plain.spinup_rate * from_june)
    assert_allclose(flooded.rate, plain.rate * np.tile(from_june, (2, 1)))


def test_manure_comes_by_its_own_months_and_the_spin_up_has_that_of_the_first_year():
    manure = np.array([[0.12, 0.24], [0.36, 0.0], [0.6, 0.6]])
    spring = tuple(float(month in (3, 4)) for month in range(1, 13))
    options = Options(sampling_month=3, manure_months=spring, spinup="real_years")
    drivers = prepare(_run(), _real_years(2), CLAY, _driver(), options, manure=manure)
    assert_allclose(drivers.spinup_manure[[0, 11, 12, 23]], np.tile([[0.06, 0.12]], (4, 1)))
    assert_allclose(drivers.spinup_manure.sum(axis=0), 2 * manure[0])
    assert_allclose(drivers.manure[[0, 11, 12, 23], 0], [0.06, 0.18, 0.18, 0.3])  # April, then next March
    assert_allclose(drivers.manure.sum(axis=0), [0.06 + 0.36 + 0.3, 0.12 + 0.0 + 0.3])
    assert prepare(_run(), _year(), CLAY, _driver(), Options()).manure is None


def test_dpm_rpm_is_given_by_site_or_the_option():
    drivers = prepare(_run(), _year(), CLAY, _driver(), Options(dpm_rpm=0.67))
    assert drivers.dpm_rpm == 0.67
    ratios = rothc.dpm_rpm_of(["crops", "woodland"])
    assert_array_equal(
        prepare(_run(), _year(), CLAY, _driver(), Options(), dpm_rpm=ratios).dpm_rpm, [1.44, 0.25]
    )


def test_weather_of_cells_and_input_of_zones_equal_those_spread_over_the_pixels():
    cell, zone = np.array([1, 0, 1, 1]), np.array([0, 0, 1, 0])
    run, year, clay = _run(), _year(), np.array([20.0, 35, 10, 15])
    greens = {"run": run["ndvi"][:, cell] - 0.01 * np.arange(4), "year": year["ndvi"][:, cell]}
    for months in ((1.0,) * 12, "ndvi"):
        options = Options(sampling_month=7, input_months=months)
        coarse = build_forcing(
            run | {"ndvi": greens["run"]},
            year | {"ndvi": greens["year"]},
            clay,
            _driver(),
            options,
            cell=cell,
            zone=zone,
        )
        fine = build_forcing(
            {name: values[:, cell] for name, values in run.items()} | {"ndvi": greens["run"]},
            {name: values[:, cell] for name, values in year.items()},
            clay,
            _driver()[:, zone],
            options,
        )
        assert_array_equal(coarse.rate, fine.rate)
        assert_array_equal(coarse.spinup_rate, fine.spinup_rate)
        assert_array_equal(np.broadcast_to(coarse.relative_input, (24, 4)), fine.relative_input)


def test_one_site_needs_no_site_axis_and_a_map_may_have_two():
    one = {name: values[:, 0] for name, values in _year().items()}
    run = {name: values[:, 0] for name, values in _run().items()}
    site = build_forcing(run, one, 20.0, _driver()[:, 0], Options(), manure=np.full(3, 0.1))
    whole = build_forcing(_run(), _year(), CLAY, _driver(), Options())
    assert_array_equal(site.rate, whole.rate[:, 0])
    assert_array_equal(site.relative_input, whole.relative_input[:, 0])
    start = rothc.start_state(5.0, site.spinup_rate, site.spinup_shares, site.clay, manure=site.spinup_manure)
    assert start.annual_input.shape == ()
    square = [{name: values[:, :, None] for name, values in each.items()} for each in (_run(), _year())]
    grid = build_forcing(*square, CLAY[:, None], _driver()[:, :, None], Options())
    assert_array_equal(grid.rate[:, :, 0], whole.rate)


def test_one_value_stands_for_all_sites():
    one = {name: values[:, :1] for name, values in _year().items()}
    forcing = build_forcing(
        _run(), one, 20.0, np.ones((YEARS, 1)), Options(), manure=np.full((YEARS, 1), 0.1)
    )
    assert forcing.clay.shape == (2,)
    assert forcing.spinup_rate.shape == (12, 2)
    assert_array_equal(forcing.spinup_rate[:, 0], forcing.spinup_rate[:, 1])


def test_a_missing_value_in_any_argument_is_missing_for_its_site_alone():
    others = {
        "dpm_rpm": np.array([1.44, 0.67]),
        "rate_factor": np.ones((12, 2)),
        "manure": np.ones((YEARS, 2)),
    }
    good = {"clay": CLAY, "driver": _driver(), **others}
    options = Options(input_months="ndvi", spinup="real_years")

    def stocks(run, spinup, arguments):
        forcing = build_forcing(run, spinup, options=options, **arguments)
        start = rothc.start_state(
            [20.0, 30.0],
            forcing.spinup_rate,
            forcing.spinup_shares,
            forcing.clay,
            dpm_rpm=forcing.dpm_rpm,
            manure=forcing.spinup_manure,
        )
        return rothc.simulate_stock(
            start.pools,
            start.iom,
            forcing.rate,
            forcing.relative_input * start.annual_input,
            forcing.clay,
            dpm_rpm=forcing.dpm_rpm,
            manure=forcing.manure,
            record=forcing.record,
        )

    whole = stocks(_run(), _real_years(), good)
    assert np.isfinite(whole).all()
    for name in good:
        holed = {key: np.array(values, float) for key, values in good.items()}
        holed[name][(0,) * (holed[name].ndim - 1) + (1,)] = np.nan
        after = stocks(_run(), _real_years(), holed)
        assert np.isnan(after[-1, 1]), name
        assert_array_equal(after[:, 0], whole[:, 0], err_msg=name)
    for which in (0, 1):
        for name in _year():
            series = [_run(), _real_years()]
            series[which][name] = series[which][name].copy()
            series[which][name][20, 1] = np.nan
            after = stocks(*series, good)
            assert np.isnan(after[-1, 1]), name
            assert_array_equal(after[:, 0], whole[:, 0], err_msg=name)


def test_nothing_is_copied_that_did_not_change():
    """A country's run drivers are held once."""
    run = _run()
    drivers = prepare(run, _year(), CLAY, _driver(), Options())
    assert np.shares_memory(drivers.run.precip, run["precip"])


def _with(which, name, value, index=(3, 1)):
    series = {"run": _run(), "spinup": _real_years()}
    series[which][name] = series[which][name].copy()
    series[which][name][index] = value
    return series


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_with("run", "air_temp", 288.15), ["run air_temp[3, 1] is 288.15", "kelvin"]),
        (_with("spinup", "precip", -1.0), ["spinup precip[3, 1] is -1", "0 to 20000"]),
        (_with("spinup", "precip", 32767.0), ["spinup precip[3, 1] is 32767", "mask"]),
        (_with("run", "pet", np.inf), ["run pet[3, 1] is inf"]),
        (_with("run", "ndvi", 5600), ["run ndvi[3, 1] is 5600", "scale factor"]),
        ({"clay": CLAY / 100}, ["clay[1] is 0.35", "fraction"]),
        ({"clay": CLAY * 10}, ["clay[0] is 200", "g/kg"]),
        ({"clay": np.full(3, 20.0)}, ["clay (3,)", "run air_temp (2,)", "do not fit together"]),
        ({"run": {"air_temp": np.ones(36)}}, ["run lacks precip, pet, ndvi"]),
        ({"run": {n: v[:35] for n, v in _run().items()}}, ["run air_temp has 35 months", "multiple of 12"]),
        ({"spinup": {n: v[:18] for n, v in _real_years().items()}}, ["spinup air_temp has 18 months"]),
        ({"spinup": _year() | {"pet": np.ones((24, 2))}}, ["spinup pet (24, 2)", "same months"]),
        ({"driver": _driver()[:2]}, ["driver has 2 years", "run 36 months"]),
        ({"driver": 1.0}, ["driver has shape ()"]),
        ({"driver": -_driver()}, ["driver[0, 0] is -100", "6 such values"]),
        ({"driver": _driver() * [0, 1]}, ["driver[0, 0] is 0", "above 0 in the first year", "NaN"]),
        ({"manure": np.ones((2, 2))}, ["manure has 2 years"]),
        ({"manure": -np.ones((3, 2))}, ["manure[0, 0] is -1"]),
        ({"dpm_rpm": [1.44, -1.0]}, ["dpm_rpm[1] is -1"]),
        ({"rate_factor": np.ones((11, 1))}, ["rate_factor has 11 months"]),
        ({"rate_factor": -np.ones((12, 1))}, ["rate_factor[0, 0] is -1"]),
        ({"cell": [0, 2]}, ["cell[1] is 2", "0 to 1"]),
        ({"cell": [0.0, 1.0]}, ["cell has type float64", "whole numbers"]),
        ({"zone": [0, -1]}, ["zone[1] is -1", "columns of driver"]),
        ({"zone": [0, 1], "driver": np.ones(3)}, ["driver has shape (3,)", "2 axes"]),
    ],
)
def test_impossible_drivers_are_refused_by_name_place_and_mend(change, words):
    good = {"run": _run(), "spinup": _real_years(), "clay": CLAY, "driver": _driver(), "options": REAL}
    with pytest.raises(ValueError) as refusal:
        prepare(**(good | change))
    for word in [*words, "Mend:"]:
        assert word in str(refusal.value)


def test_a_southern_year_is_a_northern_one_half_a_year_later():
    """Seasons and sampling month moved by six months give the same start, whatever the calendar calls them."""
    north, south = (
        _real_years(3),
        {name: np.roll(values, -6, axis=0) for name, values in _real_years(3).items()},
    )
    months = {12: tuple(range(1, 13)), 6: (*range(7, 13), *range(1, 7))}
    starts = {}
    for spinup in ("real_years", "mean_months"):
        for (sampling_month, weights), cycle in zip(months.items(), (north, south), strict=True):
            options = Options(sampling_month=sampling_month, input_months=weights, spinup=spinup)
            forcing = build_forcing(_run(), cycle, CLAY, _driver(), options)
            starts[sampling_month] = forcing.spinup_rate, forcing.spinup_shares
        assert_allclose(starts[6][0], starts[12][0], rtol=1e-12)
        assert_allclose(starts[6][1], starts[12][1], rtol=1e-12)


def test_a_run_from_a_wet_month_starts_at_the_deficit_of_that_month():
    """Mediterranean: dry in summer. A run from August begins with a dry soil, not with the full one of January."""
    months = np.arange(12)[:, None]
    year = {
        "air_temp": np.full((12, 1), 15.0),
        "precip": 60 + 60 * np.cos(months * np.pi / 6),
        "pet": 60 - 60 * np.cos(months * np.pi / 6),
        "ndvi": np.full((12, 1), 0.6),
    }
    run = {name: np.tile(values, (2, 1)) for name, values in year.items()}
    august, january = (
        build_forcing(run, year, [25.0], np.ones((2, 1)), Options(sampling_month=month)) for month in (8, 12)
    )
    assert_allclose(august.rate[0] / january.rate.max(), 0.2, rtol=0.05)  # September
    assert_allclose(august.rate[0], january.rate[8], rtol=1e-12)


@pytest.mark.parametrize("clay", [0.0, 65.0, 100.0])
@pytest.mark.parametrize("winter", [-5.0, -18.27, -40.0])
def test_extreme_soils_and_winters_run_to_the_end(clay, winter):
    """The largest deficit has its extreme at 65 % clay; the temperature formula has a pole at -18.27 degC."""
    frozen = (np.arange(12) < 4)[:, None]
    year = _year() | {"air_temp": np.where(frozen, winter, 15.0) + np.zeros((12, 2))}
    run = {name: np.tile(values, (YEARS, 1)) for name, values in year.items()}
    forcing = build_forcing(run, year, [clay, 20.0], _driver(), Options())
    start = rothc.start_state([4.0, 5.0], forcing.spinup_rate, forcing.spinup_shares, forcing.clay)
    c_input = forcing.relative_input * start.annual_input
    pools = rothc.simulate(start.pools, forcing.rate, c_input, forcing.clay, mu_max=1.2, k_m=0.05)
    assert (forcing.spinup_rate[:4] == 0).all() == (winter < -5)
    assert np.isfinite(pools).all()
    assert (pools >= 0).all()
