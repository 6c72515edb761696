"""From drivers to yearly stocks: the compiled engine does what the readable one does, for whatever it is given."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map import rothc
from poml_map.rothc.compiled import blocks
from poml_map.rothc.drivers import Course, Drivers, Weather
from poml_map.rothc.forcing import derive
from poml_map.rothc.forward import run_drivers

N, YEARS = 300, 3  # more pixels than a block of the kernels has, and no multiple of it
EXTRAS = ("pools", "respired")
NAMES = [field.name for field in dataclasses.fields(Course)]


def make_weather(months, columns, n, random, share_of_cover=False):
    season = np.sin((np.arange(months) % 12 - 3) * np.pi / 6)[:, np.newaxis]
    cover = random.uniform(0, 1, (months, n))
    return Weather(
        air_temp=8 + 15 * season + random.normal(0, 3, (months, columns)),  # winters below the frost limit
        precip=60 * random.gamma(2.0, 0.5, (months, columns)),
        evaporation=np.maximum(60 + 55 * season + random.normal(0, 10, (months, columns)), -10),
        cover=cover if share_of_cover else np.round(cover),
        rate_factor=np.ones((months, 1)),
    )


def make_drivers(n=N, years=YEARS, cycle=1, cells=None, zones=None, manure=False, seed=0, **options):
    random = np.random.default_rng(seed)
    weather = {
        name: make_weather(months, cells or n, n, random, options.get("share_of_cover", False))
        for name, months in (("spinup", 12 * cycle), ("run", 12 * years))
    }
    if options.get("factor"):
        weather = {
            name: dataclasses.replace(each, rate_factor=random.uniform(0.2, 1, each.cover.shape))
            for name, each in weather.items()
        }
    shares = random.uniform(0, 1, (12, n)) + 0.01
    return Drivers(
        **weather,
        clay=random.uniform(2, 60, n),
        depth_cm=20.0,
        dpm_rpm=random.choice([0.25, 0.67, 1.44], n),
        spinup_shares=np.tile(shares / shares.sum(axis=0), (cycle, 1)),
        relative_input=random.uniform(0, 0.3, (12 * years, zones or n)),
        spinup_manure=random.uniform(0, 2e-4, (12 * cycle, n)) if manure else None,
        manure=random.uniform(0, 0.01, (12 * years, n)) if manure else None,
        cell=random.integers(0, cells, n) if cells else None,
        zone=random.integers(0, zones, n) if zones else None,
        pools=options.get("pools", "equilibrium"),
    )


def make_stock(n=N):
    return np.random.default_rng(5).uniform(1, 9, n)


def compare(drivers, stock, mu_max, k_m, **options):
    """Both engines, all that they return."""
    plain = run_drivers(drivers, stock, mu_max, k_m, engine="plain", keep=EXTRAS)
    fast = run_drivers(drivers, stock, mu_max, k_m, engine="fast", keep=EXTRAS, **options)
    for name in NAMES:
        assert_allclose(getattr(fast, name), getattr(plain, name), rtol=1e-9, atol=1e-12, err_msg=name)
    return fast


CASES = {
    "mean year": {},
    "real years in a cycle": {"cycle": 3},
    "cells and zones": {"cells": 7, "zones": 3},
    "cells alone": {"cells": 7},
    "manure": {"manure": True},
    "manure over a cycle": {"manure": True, "cycle": 2},
    "share of cover": {"share_of_cover": True},
    "paddies of some pixels": {"factor": True, "cells": 7},
    "pools by regression": {"pools": "weihermueller"},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("mu_max", "k_m"),
    [(1.0, 0.0), (1.5, 0.05), (0.0, 0.1), (40.0, 0.02), (2.0, 1e9)],
    ids=["plain RothC", "usual", "no decay", "fast decay", "linear in BIO"],
)
def test_both_engines_agree(case, mu_max, k_m):
    compare(make_drivers(**CASES[case]), make_stock(), mu_max, k_m)


def test_parameters_may_differ_from_pixel_to_pixel():
    random = np.random.default_rng(1)
    k_m = random.uniform(0, 0.2, N) * random.integers(0, 2, N)
    fast = compare(make_drivers(), make_stock(), random.uniform(0.1, 3, N), k_m)
    assert (k_m == 0).any()
    assert (np.ptp(fast.stock, axis=0) > 0).all()


def test_the_plain_engine_is_the_functions_one_after_the_other():
    drivers, stock = make_drivers(manure=True), make_stock()
    forcing = derive(drivers)
    soil = {"dpm_rpm": drivers.dpm_rpm}
    start = rothc.start_state(
        stock, forcing.spinup_rate, forcing.spinup_shares, forcing.clay, manure=forcing.spinup_manure, **soil
    )
    plants = forcing.relative_input * start.annual_input
    run = (start.pools, forcing.rate, plants, forcing.clay)
    pools = rothc.simulate(*run, manure=forcing.manure, mu_max=1.5, k_m=0.05, **soil)
    course = run_drivers(drivers, stock, 1.5, 0.05, engine="plain", keep=EXTRAS)
    assert_array_equal(course.pools[1:, :4], pools[11::12])
    assert_allclose(course.stock[0], stock, rtol=1e-12)
    assert_allclose(course.stock[1:], pools[11::12].sum(axis=1) + start.iom, rtol=1e-12)
    balance = rothc.carbon_balance(*run, manure=forcing.manure, mu_max=1.5, k_m=0.05, **soil)
    assert_allclose(course.respired, balance.respired, rtol=1e-12)
    assert_allclose(course.added, balance.added, rtol=1e-12)


@pytest.mark.parametrize("engine", ["fast", "plain"])
def test_carbon_is_conserved(engine):
    course = run_drivers(
        make_drivers(manure=True, factor=True), make_stock(), 1.5, 0.05, engine=engine, keep=EXTRAS
    )
    gained = course.stock[-1] - course.stock[0]
    assert_allclose(course.added - course.respired, gained, rtol=0, atol=1e-10)
    assert_allclose(course.yearly_respired.sum(axis=0), course.respired, rtol=1e-12)
    assert_allclose(course.pools.sum(axis=1), course.stock, rtol=1e-12)
    assert (course.yearly_respired > 0).all()


@pytest.mark.parametrize("engine", ["fast", "plain"])
def test_extras_are_returned_on_demand_only(engine):
    course = run_drivers(make_drivers(), make_stock(), 1.0, 0.0, engine=engine, keep=["respired"])
    assert course.pools is None
    assert course.yearly_respired.shape == (YEARS, N)


def test_a_repeated_spin_up_keeps_the_stock():
    """Water, pools and input are those of a cycle that repeats: nothing may drift at mu = 1."""
    drivers = make_drivers(years=4, cycle=2, cells=7, manure=True)
    again = {name: np.tile(values, (2, 1)) for name, values in vars(drivers.spinup).items()}
    drivers = dataclasses.replace(
        drivers,
        run=Weather(**again),
        relative_input=np.tile(drivers.spinup_shares, (2, 1)),
        manure=np.tile(drivers.spinup_manure, (2, 1)),
    )
    course = run_drivers(drivers, make_stock(), 1.0, 0.0)
    assert_allclose(course.stock[::2], np.tile(make_stock(), (3, 1)), rtol=0, atol=1e-9)


@pytest.mark.parametrize("deficit_of_year", [1e-7, 0.003, 0.4, 7.0])
@pytest.mark.parametrize("cycle", [1, 2])
def test_a_bucket_that_drifts_for_thousands_of_years_ends_where_the_plain_one_does(deficit_of_year, cycle):
    """Seasons are flat, so that no month fills the bucket and none empties it, and the years add up."""
    drivers = make_drivers(n=8, cycle=cycle)
    spinup = drivers.spinup
    precip = 50 + np.random.default_rng(3).uniform(-2, 2, spinup.precip.shape)
    evaporation = np.broadcast_to(precip.mean(axis=0) + deficit_of_year / 12, precip.shape)
    spinup = dataclasses.replace(spinup, precip=precip, evaporation=evaporation, air_temp=0 * precip + 15.0)
    drivers = dataclasses.replace(drivers, spinup=spinup)
    driest = rothc.periodic_deficit(precip, evaporation, drivers.clay, 20.0, spinup.cover)
    assert (driest.min(axis=0) < -10).all()
    compare(drivers, make_stock(8), 1.5, 0.05)


@pytest.mark.parametrize("largest", [10.0, 200.0])
def test_rates_beyond_those_of_any_soil_stay_right(largest):
    """The series for the exponential holds up to rates of 37; beyond, another way is taken."""
    drivers = make_drivers(factor=True)
    spinup, run = (
        dataclasses.replace(each, rate_factor=each.rate_factor * largest)
        for each in (drivers.spinup, drivers.run)
    )
    compare(dataclasses.replace(drivers, spinup=spinup, run=run), make_stock(), 1.5, 0.05)


def test_frozen_months_stand_still():
    drivers = make_drivers()
    run = dataclasses.replace(drivers.run, air_temp=np.full((12 * YEARS, N), -20.0))
    no_input = np.zeros((12 * YEARS, 1))
    course = compare(dataclasses.replace(drivers, run=run, relative_input=no_input), make_stock(), 1.5, 0.05)
    assert (course.respired == 0).all()
    assert_array_equal(course.stock[1:], course.stock[:-1])


def test_threads_and_the_size_of_parts_change_nothing(monkeypatch):
    drivers, stock = make_drivers(n=2000, cells=7, zones=3, manure=True), make_stock(2000)
    whole = run_drivers(drivers, stock, 1.5, 0.05, keep=EXTRAS)
    monkeypatch.setattr(blocks, "PIXEL_MONTHS", 36 * 700)
    for workers in (1, 3):
        parts = run_drivers(drivers, stock, 1.5, 0.05, keep=EXTRAS, workers=workers)
        for name in NAMES:
            assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_a_pixel_does_not_depend_on_its_neighbours():
    drivers, stock = make_drivers(), make_stock()
    every_third = {
        name: Weather(*(values[:, ::3] if values.shape[1] == N else values for values in vars(each).values()))
        for name, each in (("spinup", drivers.spinup), ("run", drivers.run))
    }
    some = dataclasses.replace(
        drivers,
        **every_third,
        clay=drivers.clay[::3],
        dpm_rpm=drivers.dpm_rpm[::3],
        spinup_shares=drivers.spinup_shares[:, ::3],
        relative_input=drivers.relative_input[:, ::3],
    )
    whole, part = run_drivers(drivers, stock, 1.5, 0.05), run_drivers(some, stock[::3], 1.5, 0.05)
    assert_allclose(part.stock, whole.stock[:, ::3], rtol=1e-13)


@pytest.mark.parametrize("engine", ["fast", "plain"])
def test_sites_may_have_any_shape(engine):
    drivers, stock = make_drivers(n=24), make_stock(24)
    flat = run_drivers(drivers, stock, 1.5, 0.05, engine=engine, keep=EXTRAS)

    def fold(values):
        return values.reshape(len(values), 4, 6) if values.shape[1] == 24 else values[:, :, np.newaxis]

    folded = dataclasses.replace(
        drivers,
        spinup=Weather(*map(fold, vars(drivers.spinup).values())),
        run=Weather(*map(fold, vars(drivers.run).values())),
        clay=drivers.clay.reshape(4, 6),
        dpm_rpm=drivers.dpm_rpm.reshape(4, 6),
        spinup_shares=fold(drivers.spinup_shares),
        relative_input=fold(drivers.relative_input),
    )
    course = run_drivers(folded, stock.reshape(4, 6), 1.5, 0.05, engine=engine, keep=EXTRAS)
    assert course.pools.shape == (YEARS + 1, 5, 4, 6)
    for name in NAMES:
        values = getattr(flat, name)
        assert_array_equal(getattr(course, name), values.reshape(*values.shape[:-1], 4, 6))


def test_arrays_of_any_number_type_and_order_are_read():
    drivers, stock = make_drivers(cells=7), make_stock()
    expected = run_drivers(drivers, stock, 1.5, 0.05).stock
    run = drivers.run
    locked = run.precip.copy()
    locked.flags.writeable = False
    odd = Weather(
        np.asfortranarray(run.air_temp),
        locked,
        run.evaporation,
        run.cover.astype(bool),
        run.rate_factor[:, 0],
    )
    for cover in (odd.cover, odd.cover.astype(np.uint8), np.asfortranarray(run.cover).astype(np.float32)):
        changed = dataclasses.replace(
            drivers, run=dataclasses.replace(odd, cover=cover), dpm_rpm=drivers.dpm_rpm
        )
        assert_array_equal(run_drivers(changed, stock, 1.5, 0.05).stock, expected)


@pytest.mark.parametrize("engine", ["fast", "plain"])
def test_without_months_after_t1_there_is_the_start_alone(engine):
    drivers = make_drivers(cells=7, zones=3)
    none = Weather(*(values[:0] for values in vars(drivers.run).values()))
    drivers = dataclasses.replace(drivers, run=none, relative_input=drivers.relative_input[:0])
    course = run_drivers(drivers, make_stock(), 1.5, 0.05, engine=engine, keep=EXTRAS)
    assert_allclose(course.stock, [make_stock()], rtol=1e-12)
    assert_array_equal(course.respired, np.zeros(N))
    assert course.yearly_respired.shape == (0, N)


@pytest.mark.parametrize("engine", ["fast", "plain"])
def test_no_pixels_give_no_stocks(engine):
    course = run_drivers(make_drivers(n=0), make_stock(0), 1.5, 0.05, engine=engine, keep=EXTRAS)
    assert course.stock.shape == (YEARS + 1, 0)
    assert course.pools.shape == (YEARS + 1, 5, 0)


SERIES = [
    f"{which}.{name}"
    for which in ("spinup", "run")
    for name in ("air_temp", "precip", "evaporation", "cover")
]
HOLES = [*SERIES, "run.rate_factor", "clay", "dpm_rpm", "spinup_shares", "relative_input", "manure", "stock"]


def with_value(drivers, stock, where, value, column=40, month=14):
    """The drivers and stock with one value replaced."""

    def replaced(values):
        values = np.array(values, float)
        values[(month % len(values), column) if values.ndim == 2 else column] = value
        return values

    if where == "stock":
        return drivers, replaced(stock)
    if "." not in where:
        return dataclasses.replace(drivers, **{where: replaced(getattr(drivers, where))}), stock
    which, name = where.split(".")
    weather = getattr(drivers, which)
    weather = dataclasses.replace(weather, **{name: replaced(getattr(weather, name))})
    return dataclasses.replace(drivers, **{which: weather}), stock


@pytest.mark.parametrize("where", HOLES)
def test_a_missing_value_is_missing_at_its_pixel_alone(where):
    drivers, stock = make_drivers(manure=True, factor=True), make_stock()
    holed = with_value(drivers, stock, where, np.nan)
    whole = run_drivers(drivers, stock, 1.5, 0.05, keep=EXTRAS)
    fast = compare(*holed, 1.5, 0.05)
    others = np.arange(N) != 40
    for name in NAMES:
        assert_array_equal(getattr(fast, name)[..., others], getattr(whole, name)[..., others])
    assert np.isnan([fast.stock[-1, 40], fast.added[40], fast.respired[40]]).all()
    is_later = where.startswith("run") or where in ("relative_input", "manure")
    assert np.isnan(fast.stock[0, 40]) == (not is_later)
    assert np.isnan(fast.stock[1, 40]) == (not is_later)  # month 14 is in the second year


BAD = {
    "spinup.air_temp": 290.0,
    "run.precip": -1.0,
    "run.evaporation": np.inf,
    "run.cover": 1.5,
    "spinup.cover": -0.1,
    "run.rate_factor": -1.0,
    "clay": 120.0,
    "dpm_rpm": -1.0,
    "spinup_shares": 0.9,
    "relative_input": -0.1,
    "manure": np.inf,
    "stock": -4.0,
}


@pytest.mark.parametrize("where", BAD)
def test_both_engines_refuse_what_cannot_be_and_name_it(where, monkeypatch):
    monkeypatch.setattr(blocks, "PIXEL_MONTHS", 1)  # the refused pixel stands in the second part
    drivers, stock = make_drivers(manure=True, factor=True), make_stock()
    bad = with_value(drivers, stock, where, BAD[where], column=290)
    messages = []
    for engine in ("plain", "fast"):
        with pytest.raises(ValueError, match=r"290\] is .*Mend: ") as refusal:
            run_drivers(*bad, 1.5, 0.05, engine=engine)
        messages.append(str(refusal.value))
    assert messages[0] == messages[1]
    assert (where.replace(".", " ") in messages[0]) or where == "spinup_shares"


@pytest.mark.parametrize("engine", ["fast", "plain"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clay": np.full(N + 1, 20.0)}, "shapes per month do not fit"),
        ({"relative_input": np.ones((24, 3))}, "run air_temp has 36 months on axis 0, expected 24"),
        ({"relative_input": np.ones((36, N + 1)), "zone": None}, "shapes per month do not fit"),
        ({"relative_input": np.array(1.0), "zone": None}, "relative_input is a single number"),
        ({"spinup_shares": np.full((24, 1), 1 / 12)}, "spinup_shares has 24 months on axis 0, expected 12"),
        ({"cell": np.full(N, 7)}, "cell.* is 7 .*expected 0 to 6"),
        ({"zone": np.full(N, -1)}, "zone.* is -1 .*expected 0 to 2"),
        ({"cell": np.zeros(N)}, "cell has type float64"),
        ({"pools": "random"}, "pools is 'random'"),
        ({"depth_cm": 0.2}, "depth_cm is 0.2"),
        ({"spinup_manure": np.full((12, 1), 50.0)}, "the manure alone keeps more"),
    ],
)
def test_both_engines_refuse_what_does_not_fit(engine, change, message):
    drivers = dataclasses.replace(make_drivers(cells=7, zones=3), **change)
    with pytest.raises(ValueError, match=message):
        run_drivers(drivers, make_stock(), 1.5, 0.05, engine=engine)


@pytest.mark.parametrize("engine", ["fast", "plain"])
def test_a_place_that_is_frozen_all_year_is_refused(engine):
    drivers = make_drivers()
    air_temp = drivers.spinup.air_temp.copy()
    air_temp[:, 290] = -20.0
    drivers = dataclasses.replace(drivers, spinup=dataclasses.replace(drivers.spinup, air_temp=air_temp))
    with pytest.raises(ValueError, match=r"rate \(sum of the cycle\)\[290\] is 0"):
        run_drivers(drivers, make_stock(), 1.5, 0.05, engine=engine)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"engine": "gpu"}, "engine is 'gpu', expected one of fast, plain"),
        ({"keep": ["humus"]}, "keep is 'humus'"),
        ({"workers": 0}, "workers is 0"),
        ({"mu_max": -1.0}, "mu_max is -1"),
        ({"k_m": np.nan}, "k_m is nan"),
    ],
)
def test_a_wrong_word_or_parameter_is_refused(words, message):
    with pytest.raises(ValueError, match=message):
        run_drivers(make_drivers(n=4), make_stock(4), **{"mu_max": 1.5, "k_m": 0.05, **words})
