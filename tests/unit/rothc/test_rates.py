import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map import rothc
from poml_map.rothc.moisture import Bucket
from poml_map.rothc.rates import largest_deficit


@pytest.mark.parametrize(("clay", "limit"), [(0, -20.0), (23.4, -44.9444), (65, -62.25), (100, -50.0)])
def test_largest_deficit_is_most_negative_at_65_percent_clay(clay, limit):
    assert_allclose(largest_deficit(clay, 23.0), limit, atol=1e-9)


def test_largest_deficit_scales_with_depth():
    assert_allclose(largest_deficit(23.4, 20.0), -44.9444 * 20 / 23, atol=1e-9)


@pytest.mark.parametrize(
    ("air_temp", "expected", "tolerance"),
    [
        (-18.27, 0.0, 0),
        (-40.0, 0.0, 0),
        (-5.001, 0.0, 0),
        (-5.0, 0.0162, 5e-5),
        (9.25, 0.99444, 5e-6),
        (27.0, 4.20, 0.005),
    ],
)
def test_temperature_modifier_at_known_temperatures(air_temp, expected, tolerance):
    """Zero below -5 degC without touching the pole at -18.27; other figures from the official formula."""
    assert_allclose(rothc.temperature_modifier(air_temp), expected, rtol=0, atol=tolerance)


def test_bare_soil_drier_than_its_limit_neither_dries_nor_jumps_back():
    """Bare limit 0.556 * -44.94 = -24.99 mm: from -40 it stays, and rain above evaporation lifts it."""
    deficit = rothc.moisture_deficit([10.0, 10, 60, 10], [50.0, 50, 50, 90], 23.4, 23.0, 0.0, initial=-40.0)
    assert_allclose(deficit, [-40, -40, -30, -30])


def test_bare_soil_dries_to_its_own_limit_only():
    deficit = rothc.moisture_deficit([0.0, 0], [20.0, 90], 23.4, 23.0, 0.0)
    assert_allclose(deficit, [-20, 0.556 * -44.9444])


def test_cover_fraction_counts_as_covered_from_one_half_in_the_bucket_and_in_full_in_the_modifier():
    deficit = rothc.moisture_deficit([[0.0, 0.0]], [[90.0, 90.0]], 23.4, 23.0, [[0.49, 0.5]])
    assert_allclose(deficit[0], [0.556 * -44.9444, -44.9444])
    assert_allclose(rothc.cover_modifier([0.0, 0.25, 1.0]), [1.0, 0.9, 0.6])


def test_a_dry_year_keeps_the_moisture_modifier_at_its_floor():
    rate, end = rothc.rate_modifier(np.full(12, 9.25), np.zeros(12), np.full(12, 80.0), 30.0, 20.0, 1.0)
    assert_allclose(rate[1:], 0.2 * 0.6 * rothc.temperature_modifier(9.25))
    assert_allclose(end, largest_deficit(30.0, 20.0))


def test_rate_factor_multiplies_months_as_for_flooded_paddies():
    weather = (np.full(12, 20.0), np.full(12, 100.0), np.full(12, 50.0), 30.0, 20.0, 1.0)
    paddy = np.where(np.arange(12) < 6, 0.2, 0.6)
    assert_allclose(
        rothc.rate_modifier(*weather, rate_factor=paddy)[0], rothc.rate_modifier(*weather)[0] * paddy
    )


def test_deficit_runs_on_over_a_split_series():
    rain, evaporation, clay, cover = many_climates(n=20)
    series, soil = [np.full(rain.shape, 15.0), rain, evaporation], (clay, 20.0)
    whole, end = rothc.rate_modifier(*series, *soil, cover)
    first, between = rothc.rate_modifier(*(s[:7] for s in series), *soil, cover[:7])
    rest, last = rothc.rate_modifier(*(s[7:] for s in series), *soil, cover[7:], between)
    assert (between < 0).any()
    assert_array_equal(np.concatenate([first, rest]), whole)
    assert_array_equal(last, end)


def many_climates(n=2000, seed=1, years=1):
    rng = np.random.default_rng(seed)
    swing = rng.choice([1.0, 40.0], n)  # small swings leave the limits alone for many years
    rain, evaporation = 40 + swing * rng.uniform(-1, 1, (2, 12 * years, n))
    wanted = rng.choice([-3.0, -0.15, 0.0, 0.3], n)  # surplus of the cycle: also climates that nearly balance
    evaporation *= (rain.sum(axis=0) - wanted) / evaporation.sum(axis=0)
    return rain, evaporation, rng.uniform(2, 90, n), np.where(rng.random((12 * years, n)) < 0.6, 1.0, 0.0)


@pytest.mark.parametrize(("years", "n", "cycles"), [(1, 2000, 1000), (3, 400, 400)])
def test_periodic_deficit_equals_the_cycle_repeated_for_centuries(years, n, cycles):
    """The leap over drifting years is exact: a drift of 0.15 mm in each cycle takes centuries to run out."""
    rain, evaporation, clay, cover = many_climates(n, years=years)
    periodic = rothc.periodic_deficit(rain, evaporation, clay, 20.0, cover)
    state, cycles_to_rest = np.zeros(n), np.zeros(n)
    for _ in range(cycles):
        path = rothc.moisture_deficit(rain, evaporation, clay, 20.0, cover, initial=state)
        cycles_to_rest += np.abs(path[-1] - state) > 1e-9
        state = path[-1]
    assert cycles_to_rest.max() > 50  # otherwise nothing was leapt over here
    at_rest = cycles_to_rest < cycles  # a few still drift, by 0.005 mm a year
    assert at_rest.mean() > 0.97
    assert_allclose(periodic[:, at_rest], path[:, at_rest], rtol=0, atol=1e-6)


def test_a_cycle_of_alike_years_has_the_deficit_of_one_year():
    rain, evaporation, clay, cover = many_climates(n=300)
    one = rothc.periodic_deficit(rain, evaporation, clay, 20.0, cover)
    cycle = (np.tile(values, (5, 1)) for values in (rain, evaporation))
    five = rothc.periodic_deficit(*cycle, clay, 20.0, np.tile(cover, (5, 1)))
    assert_allclose(five, np.tile(one, (5, 1)), rtol=0, atol=1e-6)


def test_the_periodic_deficit_is_found_in_a_few_rounds_of_the_cycle(monkeypatch):
    """However long the drift: nothing here can hang."""
    rounds = []
    fill = Bucket.fill
    monkeypatch.setattr(Bucket, "fill", lambda bucket, start: rounds.append(1) or fill(bucket, start))
    rain, evaporation, clay, cover = many_climates(n=1000, years=20)
    periodic = rothc.periodic_deficit(rain, evaporation, clay, 20.0, cover)
    assert len(rounds) < 60
    again = rothc.moisture_deficit(rain, evaporation, clay, 20.0, cover, initial=periodic[-1])
    assert_allclose(again, periodic, rtol=0, atol=1e-8)


def test_periodic_deficit_repeats_even_where_the_drift_is_tiny():
    """A loss of 1e-6 mm a year would need 50 million repeated years."""
    rain, evaporation = np.full(12, 50.0), np.full(12, 50.0 + 1e-6 / 12)
    periodic = rothc.periodic_deficit(rain, evaporation, 23.4, 23.0, 1.0)
    assert_allclose(periodic[-1], -44.9444, atol=1e-4)
    again = rothc.moisture_deficit(rain, evaporation, 23.4, 23.0, 1.0, initial=periodic[-1])
    assert_allclose(again[-1], periodic[-1], rtol=0, atol=1e-9)


@pytest.mark.parametrize(("bare_months", "end"), [(12, 0.556 * -44.9444), (0, -44.9444)])
def test_drifting_bucket_stops_at_the_limit_of_its_cover(bare_months, end):
    """A loss of 0.001 mm a year would take 25,000 years to the bare limit; the leap must not jump over it."""
    cover = np.where(np.arange(12) < bare_months, 0.0, 1.0)
    periodic = rothc.periodic_deficit(np.full(12, 50.0), np.full(12, 50.0 + 1e-3 / 12), 23.4, 23.0, cover)
    assert_allclose(periodic, end, rtol=0, atol=1e-3)


def test_periodic_deficit_does_not_depend_on_the_first_month():
    rain, evaporation, clay, cover = many_climates(seed=2)
    january = rothc.periodic_deficit(rain, evaporation, clay, 20.0, cover)
    april = rothc.periodic_deficit(
        *(np.roll(x, -3, axis=0) for x in (rain, evaporation)), clay, 20.0, np.roll(cover, -3, 0)
    )
    drifting = np.abs(rain.sum(axis=0) - evaporation.sum(axis=0)) < 1e-6  # many states repeat there
    assert_allclose(np.roll(april, 3, axis=0)[:, ~drifting], january[:, ~drifting], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["rain", "evaporation", "cover", "clay"])
def test_a_missing_value_takes_all_months_of_what_repeats_but_no_neighbour(name):
    """Also where neighbours need another number of rounds, or where there are none."""
    names = ("rain", "evaporation", "clay", "cover")
    climate = dict(zip(names, many_climates(n=60), strict=True))
    whole = rothc.periodic_deficit(
        climate["rain"], climate["evaporation"], climate["clay"], 20.0, climate["cover"]
    )
    holed = {key: values.copy() for key, values in climate.items()}
    holed[name][(..., 4) if name == "clay" else (7, 4)] = np.nan
    periodic = rothc.periodic_deficit(
        holed["rain"], holed["evaporation"], holed["clay"], 20.0, holed["cover"]
    )
    assert np.isnan(periodic[:, 4]).all()
    alone = {key: values[..., [4]] for key, values in holed.items()}
    assert np.isnan(
        rothc.periodic_deficit(alone["rain"], alone["evaporation"], alone["clay"], 20.0, alone["cover"])
    ).all()
    assert_array_equal(np.delete(periodic, 4, axis=1), np.delete(whole, 4, axis=1))


@pytest.mark.parametrize("name", ["precip", "evaporation", "cover"])
def test_after_a_missing_month_the_deficit_is_unknown(name):
    """A soil whose cover is unknown might be bare: its deficit is not that of bare soil."""
    series = {"precip": np.full(6, 20.0), "evaporation": np.full(6, 40.0), "cover": np.ones(6)}
    series[name][3] = np.nan
    deficit = rothc.moisture_deficit(**series, clay=20.0, depth_cm=20.0)
    assert_array_equal(np.isnan(deficit), [False, False, False, True, True, True])


def test_negative_evaporation_of_a_winter_month_is_accepted():
    """The published Rothamsted series holds months of -0.5 mm, and one of -20.7 mm."""
    assert_array_equal(rothc.evaporation_from_pan([-0.5]), [-0.375])
    assert_array_equal(rothc.moisture_deficit([0.0], [-0.5], 20.0, 20.0, 1.0, initial=-10.0), [-9.5])


def test_cover_from_ndvi_keeps_missing_values():
    assert_array_equal(rothc.cover_from_ndvi([0.39, 0.41, np.nan], 0.4), [0.0, 1.0, np.nan])


def test_cover_as_a_share_rises_from_bare_to_covered_ndvi():
    share = rothc.cover_fraction_from_ndvi([-0.2, 0.1, 0.4, 0.7, 0.95, np.nan])
    assert_allclose(share, [0, 0, 0.5, 1, 1, np.nan], rtol=0, atol=1e-15)
    assert_allclose(rothc.cover_fraction_from_ndvi(0.4, (0.2, 0.6)), 0.5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: rothc.temperature_modifier([10.0, 288.15]),
            ["air_temp[1] is 288.15", "kelvin", "-90 to 60"],
        ),
        (lambda: rothc.temperature_modifier([-9999.0]), ["air_temp[0] is -9999", "no-data"]),
        (lambda: largest_deficit([20.0, 234.0], 20.0), ["clay[1] is 234", "0 to 100", "g/kg"]),
        (lambda: largest_deficit([0.2, 0.3], 20.0), ["clay", "0.3", "fraction"]),
        (lambda: largest_deficit(20.0, 0.2), ["depth_cm is 0.2", "centimetres"]),
        (lambda: rothc.moisture_deficit([1.0, -2.0], [1.0, 1.0], 20, 20, 1), ["precip[1] is -2"]),
        (lambda: rothc.moisture_deficit([1.0, np.inf], [1.0, 1.0], 20, 20, 1), ["precip[1] is inf"]),
        (lambda: rothc.moisture_deficit([1.0], [1.0], 20, 20, [40.0]), ["cover[0] is 40", "0 to 1"]),
        (lambda: rothc.moisture_deficit([1.0], [1.0, 2.0], 20, 20, 1), ["precip (1,)", "evaporation (2,)"]),
        (lambda: rothc.moisture_deficit([1.0], [1.0], 20, 20, 1, initial=5.0), ["initial is 5"]),
        (lambda: rothc.moisture_deficit(np.ones((1, 2)), np.ones((1, 3)), 20, 20, 1), ["evaporation (3,)"]),
        (
            lambda: rothc.periodic_deficit(np.ones(13), np.ones(13), 20, 20, 1),
            ["precip has 13 months", "multiple of 12"],
        ),
        (lambda: rothc.moisture_modifier([3.0], 20.0, 20.0), ["deficit[0] is 3"]),
        (lambda: rothc.cover_from_ndvi([6000.0]), ["ndvi[0] is 6000", "scale factor"]),
        (lambda: rothc.cover_fraction_from_ndvi([0.5], (0.6, 0.2)), ["ndvi_range is (0.6, 0.2)", "rising"]),
        (lambda: rothc.moisture_deficit([1.0], [32767.0], 20, 20, 1), ["evaporation[0] is 32767", "20000"]),
        (lambda: rothc.moisture_deficit(["dry"], [1.0], 20, 20, 1), ["precip is ['dry']", "numbers"]),
        (lambda: rothc.evaporation_from_pan([-0.5, -99.0]), ["pan_evaporation[1] is -99"]),
        (
            lambda: rothc.rate_modifier([1.0], [1.0], [1.0], 20, 20, 1, rate_factor=[1.0, 2.0]),
            ["rate_factor has 2 months", "expected 1"],
        ),
    ],
)
def test_bad_values_are_refused_by_name_place_and_mend(call, words):
    with pytest.raises(ValueError) as refusal:
        call()
    for word in [*words, "Mend:"]:
        assert word in str(refusal.value)


def test_the_whole_array_is_located_not_only_its_first_axis():
    air_temp = np.full((12, 3), 10.0)
    air_temp[7, 2] = 300.0
    with pytest.raises(ValueError, match=r"air_temp\[7, 2\] is 300"):
        rothc.temperature_modifier(air_temp)
