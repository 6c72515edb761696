"""The equilibrium of labelled data is that of the plain functions, and RothC stays in it."""

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

from poml_map import Options, rothc
from poml_map.process import equilibrium_rothc, simulate_rothc

POOLS = ["DPM", "RPM", "BIO", "HUM"]


def spinup(data, options=None, clay=23.4):
    """Rate, shares and deficit at the end of the spin-up, by the functions of plain arrays."""
    drivers = {name: data[name].values[:, np.newaxis] for name in ("air_temp", "precip", "pet")}
    drivers["ndvi"] = np.where(data.cover.values[:, np.newaxis] > 0, 0.6, 0.2)
    first = {name: values[:12] for name, values in drivers.items()}
    prepared = rothc.prepare(first, drivers, [clay], np.ones((1, 1)), options or Options())
    return rothc.derive(prepared)


def mean_year(site):
    """One year, so that averaging changes no cover."""
    return site.isel(time=slice(12))


def test_pools_of_an_observed_stock_are_those_of_the_plain_function(site):
    state, forcing = equilibrium_rothc(mean_year(site), 4.94), spinup(mean_year(site))
    start = rothc.start_state(4.94, forcing.spinup_rate, forcing.spinup_shares, 23.4)
    assert_array_equal([state[name] for name in POOLS], start.pools[:, 0])
    assert start.iom[0] == state.IOM
    assert state.annual_input == start.annual_input[0]
    assert_allclose(state.stock, 4.94, rtol=1e-14)


def test_pools_under_given_inputs_are_those_of_the_plain_function(site):
    site = mean_year(site).assign(IOM=0.3, manure=0.002)
    state, forcing = equilibrium_rothc(site), spinup(site)
    c_input = site.c_input.values[:, np.newaxis]
    pools = rothc.equilibrium(forcing.spinup_rate, c_input, 23.4, manure=np.full((12, 1), 0.002))
    assert_array_equal([state[name] for name in POOLS], pools[:, 0])
    assert_allclose(state.stock, pools.sum() + 0.3, rtol=1e-14)
    assert_allclose(state.annual_input, c_input.sum(), rtol=1e-14)


@pytest.mark.parametrize("month", [12, 9])
@pytest.mark.parametrize("spin", ["mean_months", "real_years"])
def test_rothc_stays_where_the_equilibrium_is(site, month, spin):
    """The next cycle of the same weather, with the input that was solved, ends in the same pools."""
    years = site.isel(time=slice(12)) if spin == "mean_months" else site
    years = years.assign(manure=0.003, rate_factor=("month", np.linspace(0.5, 1, 12)))
    state = equilibrium_rothc(years, 4.94, options=Options(sampling_month=month, spinup=spin))
    turned = np.roll(np.arange(years.sizes["time"]), 12 - month)
    # The factor of a calendar month turns with the other series.
    factor = years.rate_factor.values[turned % 12]
    again = years.isel(time=turned).assign(rate_factor=("time", factor), c_input=state.annual_input)
    last = simulate_rothc(again.assign_coords(time=years.time), state).isel(time=-1)
    for name in [*POOLS, "deficit", "stock"]:
        assert_allclose(last[name], state[name], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("month", [12, 9])
def test_rothc_stays_where_the_equilibrium_of_given_inputs_is(site, month):
    years = site.assign(manure=0.1 * site.c_input.shift(time=3, fill_value=0.02), IOM=0.3)
    state = equilibrium_rothc(years, options=Options(sampling_month=month, spinup="real_years"))
    again = years.isel(time=np.roll(np.arange(36), 12 - month)).assign_coords(time=years.time)
    last = simulate_rothc(again, state).isel(time=-1)
    for name in [*POOLS, "deficit", "stock"]:
        assert_allclose(last[name], state[name], rtol=1e-11, atol=1e-11)
    assert_allclose(state.annual_input, years.c_input.sum() / 3, rtol=1e-13)


def test_years_are_averaged_by_calendar_month_unless_they_come_as_they_were(site):
    averaged = site.groupby("time.month").mean().assign(clay=23.4)
    xr.testing.assert_allclose(equilibrium_rothc(averaged, 4.94), equilibrium_rothc(site, 4.94), rtol=1e-12)
    cycle = equilibrium_rothc(site, 4.94, options=Options(spinup="real_years"))
    assert abs(cycle.annual_input / equilibrium_rothc(site, 4.94).annual_input - 1) > 0.001


def test_inert_carbon_may_be_known(site):
    state = equilibrium_rothc(site.assign(IOM=((), 10.0, {"units": "t/ha"})), 4.94)
    assert state.IOM == 1.0
    assert_allclose(state.stock, 4.94)


def test_each_site_and_pixel_settles_alone(sites, cube):
    together = equilibrium_rothc(sites, xr.DataArray([3.0, 4.0, 5.0], {"site": ["A", "B", "C"]}))
    for name, stock in zip("ABC", [3.0, 4.0, 5.0], strict=True):
        alone = equilibrium_rothc(sites.sel(site=name), stock)
        xr.testing.assert_identical(alone.drop_vars("site"), together.sel(site=name).drop_vars("site"))
    state = equilibrium_rothc(cube, 4.94)
    assert state.HUM.dims == ("y", "x")
    assert int(state.HUM.isnull().sum()) == 2


def test_inert_carbon_is_asked_for_where_no_stock_gives_it(site, problems_of):
    [line] = problems_of(equilibrium_rothc, site)
    assert line.startswith("data, IOM: found only air_temp")


def test_the_months_of_input_and_the_starting_pools_are_those_of_the_options(site):
    january = Options(input_months=(1.0, *(0.0,) * 11))
    assert equilibrium_rothc(site, 4.94, options=january).DPM < equilibrium_rothc(site, 4.94).DPM
    shared = equilibrium_rothc(site, 4.94, options=Options(pools="weihermueller"))
    pools = rothc.weihermueller(4.94, 23.4)
    assert_allclose([shared[name] for name in POOLS], pools, rtol=1e-12)


def test_input_by_ndvi_needs_ndvi(site, problems_of):
    by_ndvi = Options(input_months="ndvi")
    [line] = problems_of(equilibrium_rothc, site, 4.94, options=by_ndvi)
    assert line.startswith("data, ndvi: found no such variable, expected NDVI, by which input comes.")
    ndvi = site.drop_vars("cover").assign(ndvi=("time", 0.3 + 0.3 * site.cover.values))
    assert equilibrium_rothc(ndvi, 4.94, options=by_ndvi).annual_input > 0


def test_real_years_need_dates(site, problems_of):
    one = site.isel(time=slice(12)).rename(time="month").assign_coords(month=range(1, 13))
    [line] = problems_of(equilibrium_rothc, one, 4.94, options=Options(spinup="real_years"))
    assert line.startswith("data: found only a dimension `month`, expected `time`, for real years.")


def test_what_rothc_refuses_is_told_by_coordinates(cube, problems_of):
    """Places that are frozen all year are known only when the rates are."""
    frozen = cube.assign(air_temp=xr.where((cube.y == 1.5) & (cube.x == 3.5), -20.0, cube.air_temp))
    frozen = frozen.transpose("time", ...)
    [line] = problems_of(equilibrium_rothc, frozen, 4.94)
    assert line == (
        "RothC, rate (sum of the cycle), y 1.5, x 3.5: found 0, expected above 0. "
        "Leave out places that are frozen all year or have a rate factor of 0 in every month."
    )
    lazy = equilibrium_rothc(frozen.chunk(y=1, x=2), 4.94)
    assert problems_of(lazy.compute, scheduler="synchronous") == [line]


def test_more_manure_than_the_stock_can_hold_is_told_by_site(sites, problems_of):
    rich = sites.assign(manure=("site", [0.0, 0.0, 0.2]))
    [line] = problems_of(equilibrium_rothc, rich, 4.94)
    assert line.startswith("RothC, stock - iom - equilibrium of manure, site C: found -")


def test_a_factor_that_changes_over_the_years_cannot_be_cycled(site, problems_of):
    [line] = problems_of(equilibrium_rothc, site.assign(rate_factor=("time", np.ones(36))), 4.94)
    assert line.startswith("data, rate_factor: found dimension time, expected rate_factor without time.")
