"""Attribute and values are converted together; what cannot be is refused by name and coordinates."""

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from poml_map.process import equilibrium_rothc, simulate_rothc

DAYS = xr.DataArray([31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31.0], dims="month")


def same(one, other):
    xr.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "factor", "offset", "unit"),
    [
        ("air_temp", 1, 273.15, "K"),
        ("precip", 10, 0, "0.1 mm/month"),
        ("precip", 1, 0, "mm"),
        ("pet", 0.1, 0, "cm/month"),
        ("cover", 100, 0, "%"),
        ("clay", 10, 0, "g/kg"),
        ("clay", 0.01, 0, "1"),
        ("c_input", 10, 0, "t/ha"),
        ("c_input", 10, 0, "t C ha-1 month-1"),
        ("c_input", 120, 0, "t/ha/year"),
        ("c_input", 1000, 0, "g C m-2"),
    ],
)
def test_values_in_another_unit_give_the_same_carbon(site, start, name, factor, offset, unit):
    other = site.assign({name: (site[name] * factor + offset).assign_attrs(units=unit)})
    same(simulate_rothc(other, start), simulate_rothc(site, start))


def test_a_daily_rate_counts_the_days_of_its_own_month(site, start):
    leap_year = site.isel(time=slice(12))
    daily = (leap_year.precip / DAYS.rename(month="time")).assign_attrs(units="mm/day")
    same(simulate_rothc(leap_year.assign(precip=daily), start), simulate_rothc(leap_year, start))
    flux = (daily / 86400).assign_attrs(units="kg m-2 s-1")
    same(simulate_rothc(leap_year.assign(precip=flux), start), simulate_rothc(leap_year, start))
    # February 2001 has one day less.
    next_year = site.isel(time=slice(12, 24))
    same_daily = next_year.assign(precip=daily.assign_coords(time=next_year.time))
    monthly = leap_year.precip.values.copy()
    monthly[1] *= 28 / 29
    same(
        simulate_rothc(same_daily, start),
        simulate_rothc(next_year.assign(precip=("time", monthly)), start),
    )


def test_a_daily_rate_of_a_mean_year_counts_the_leap_days_of_four_years(site, start):
    mean_year = site.isel(time=slice(12)).rename(time="month").assign_coords(month=range(1, 13))
    days = DAYS.assign_coords(month=range(1, 13)).copy()
    days[1] = 28.25
    daily = (mean_year.precip / days).assign_attrs(units="mm/day")
    same(equilibrium_rothc(mean_year.assign(precip=daily), 4.94), equilibrium_rothc(mean_year, 4.94))


def test_a_constant_daily_rate_differs_from_month_to_month(site, start):
    constant = site.assign(precip=((), 2.0, {"units": "mm/day"}))
    months = site.assign(precip=2.0 * site.time.dt.days_in_month)
    same(simulate_rothc(constant, start), simulate_rothc(months, start))


def test_a_stock_in_tonnes_per_hectare_is_the_same_stock(site):
    tonnes = xr.DataArray(49.4, attrs={"units": "t/ha"})
    same(equilibrium_rothc(site, tonnes), equilibrium_rothc(site, 4.94))


@pytest.mark.parametrize(
    ("name", "change", "line"),
    [
        (
            "air_temp",
            lambda values: values + 273.15,
            "data, air_temp, time 2000-01, site A: found 275.15 (108 such values), expected -60 to 60 degC. "
            "They would fit the unit 'K' or '0.1 degC': set attrs['units'] of air_temp.",
        ),
        (
            "cover",
            lambda values: values * 100,
            "data, cover, time 2000-03: found 100 (27 such values), expected 0 to 1. "
            "They would fit the unit '%': set attrs['units'] of cover.",
        ),
        (
            "clay",
            lambda values: values * 10,
            "data, clay, site B: found 250 (2 such values), expected 0 to 100 %. "
            "They would fit the unit 'g/kg': set attrs['units'] of clay.",
        ),
        (
            "clay",
            lambda values: values / 100,
            "data, clay: found at most 0.4 anywhere, which looks like a fraction, expected 0 to 100 %. "
            "Set attrs['units'] of clay to '1' for fractions, or to '%' if that is right.",
        ),
        (
            "depth",
            lambda values: values / 100,
            "data, depth, site A: found 0.2 (3 such values), expected 1 to 300 cm. "
            "They would fit the unit 'm': set attrs['units'] of depth.",
        ),
    ],
)
def test_values_that_look_like_another_unit_say_so(sites, start, problems_of, name, change, line):
    wrong = sites.assign({name: change(sites[name])})
    if name == "cover":
        wrong = wrong.assign(cover=wrong.cover.where(wrong.cover.time.dt.month > 2, 0))
    assert problems_of(simulate_rothc, wrong, start) == [line]
    lazy = wrong.chunk(site=-1)
    assert problems_of(simulate_rothc(lazy, start).compute, scheduler="synchronous") == [line]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("precip", -1.0, "0 to 5000 mm/month"),
        ("c_input", -0.01, "0 to 5 kg/m2/month"),
        ("air_temp", np.inf, "-60 to 60 degC"),
        ("pet", 32767.0, "0 to 1000 mm/month"),
    ],
)
def test_one_impossible_value_is_named_by_its_coordinates(cube, start, problems_of, name, value, expected):
    data = cube.assign({name: cube[name].broadcast_like(cube.air_temp).copy()})
    data[name][17, 2, 3] = value
    [line] = problems_of(simulate_rothc, data, start)
    place = f"data, {name}, time 2001-06, y 1.5, x 3.5: found {value:g}, expected {expected}."
    assert line.startswith(place)
    lazy = simulate_rothc(data.chunk(y=3, x=2, time=5), start)
    [later] = problems_of(lazy.compute, scheduler="synchronous")
    assert later == line


def test_an_impossible_value_is_told_as_written_and_as_understood(site, start, problems_of):
    data = site.assign(precip=((), -2.0, {"units": "mm/day"}))
    [line] = problems_of(simulate_rothc, data, start)
    assert line.startswith(
        "data, precip, time 2000-01: found -2 mm/day, which is -62 mm/month (36 such values)"
    )


def test_a_gap_in_a_series_is_refused_unless_places_with_gaps_may_be_empty(cube, start, problems_of):
    cube["air_temp"][5, 0, 1] = np.nan
    [line] = problems_of(simulate_rothc, cube, start)
    assert line == (
        "data, air_temp, time 2000-06, y 3.5, x 1.5: found no value, expected a value in every month or in none. "
        "Fill the gaps, or pass gaps='nan' to leave places with a gap empty."
    )
    result = simulate_rothc(cube, start, gaps="nan").stock
    whole = simulate_rothc(cube.fillna({"air_temp": 10.0}), start).stock
    xr.testing.assert_identical(result[:5], whole[:5])
    assert result[5:, 0, 1].isnull().all()
    assert int(result.isnull().sum()) == int(whole.isnull().sum()) + 31


def test_all_problems_are_told_together(site, start, problems_of):
    wrong = site.drop_vars(["precip", "c_input"]).assign(
        air_temp=site.air_temp.assign_attrs(units="furlong"), cover=site.cover * 100, pan_evaporation=site.pet
    )
    lines = problems_of(simulate_rothc, wrong, start)
    assert [line.split(":")[0] for line in lines] == [
        "data, air_temp, attribute units",
        "data, precip",
        "data, pet and pan_evaporation",
        "data, cover, time 2000-03",
        "data, c_input",
    ]


def test_a_misspelt_variable_is_asked_for(site, start, problems_of):
    [line] = problems_of(simulate_rothc, site.rename(air_temp="air_tmp"), start)
    assert line == (
        "data, air_temp: found only air_tmp, precip, pet, cover, c_input, clay, expected `air_temp`: mean air "
        "temperature of the month [degC]. Did you mean `air_tmp`?"
    )


def test_text_is_no_number(site, start, problems_of):
    [line] = problems_of(simulate_rothc, site.assign(clay="loam"), start)
    assert line.startswith("data, clay: found values of type")


def test_arguments_of_their_own_are_checked_too(sites, start, problems_of):
    [line] = problems_of(simulate_rothc, sites, start, mu_max=-1.0)
    assert line.startswith("arguments, mu_max: found -1, expected 0 to 1e+12.")
    [line] = problems_of(simulate_rothc, sites, start, k_m=[0.1, 0.2, 0.3])
    assert line.startswith("k_m: found a list, expected a number or a DataArray.")
    stock = xr.DataArray([4.0, 0.0, 5.0], {"site": ["A", "B", "C"]})
    [line] = problems_of(equilibrium_rothc, sites, stock)
    assert line.startswith("arguments, stock, site B: found 0, expected above 0 to 200 kg/m2.")


def test_a_state_and_a_stock_are_those_of_one_moment(sites, start, problems_of):
    course = simulate_rothc(sites, start)
    [line] = problems_of(simulate_rothc, sites, course)
    assert line == "start: found dimension time, expected one moment. Choose one, for example .isel(time=-1)."
    [line] = problems_of(equilibrium_rothc, sites, course["stock"])
    assert line.startswith("stock: found dimension time, expected one moment.")
    assert equilibrium_rothc(sites, course["stock"][0]).sizes == {"site": 3}


def test_two_grids_that_differ_are_refused_not_joined(cube, start, problems_of):
    moved = xr.DataArray(np.ones((4, 5)), {"y": cube.y, "x": cube.x + 1e-9})
    [line] = problems_of(simulate_rothc, cube, start, mu_max=moved)
    assert line.startswith("mu_max, coordinate x: found 5 values from 0.5")
    assert "air_temp has 5 values from 0.5 to 4.5" in line


def test_daily_numbers_of_a_short_month_are_within_range(site, start):
    """The range is that of the month's sum, not of what was written."""
    daily = site.assign(precip=((), 160.0, {"units": "mm/day"}))
    assert_allclose(simulate_rothc(daily, start).deficit, 0)
