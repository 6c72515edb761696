"""RothC forward on labelled data is RothC forward on arrays: names, units and places change no number."""

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

from poml_map import Options, rothc
from poml_map.process import simulate_rothc

POOLS = ["DPM", "RPM", "BIO", "HUM"]


def core(data, start, depth=20.0, cover=None, pet=None, **options):
    """Pools (months, 4, ...) and rates by the functions of plain arrays."""
    cover = data.cover.values if cover is None else cover
    rate, _ = rothc.rate_modifier(
        data.air_temp.values,
        data.precip.values,
        data.pet.values if pet is None else pet,
        data.clay.values,
        depth,
        cover,
    )
    return rothc.simulate(
        [start[name].values for name in POOLS], rate, data.c_input.values, data.clay.values, **options
    )


def stacked(result):
    """Pools (months, 4, ...) of a result."""
    return np.stack([result[name].values for name in POOLS], axis=1)


def test_one_site_has_the_pools_of_the_plain_function(site, start):
    for mu in ({}, {"mu_max": 1.4, "k_m": 0.05}):
        result = simulate_rothc(site, start, **mu)
        assert_array_equal(stacked(result), core(site, start, **mu))
        assert_array_equal(result.stock, stacked(result).sum(axis=1) + 0.4)
        assert result.stock.dims == ("time",)
        assert_array_equal(result.time, site.time)


def test_each_site_of_a_table_runs_as_it_would_alone(sites, start):
    together = simulate_rothc(sites, start)
    assert together.stock.dims == ("time", "site")
    for name in sites.site.values:
        alone = sites.sel(site=name)
        assert_array_equal(stacked(together.sel(site=name)), core(alone, start, depth=alone.depth.item()))
        xr.testing.assert_identical(
            simulate_rothc(alone, start).drop_vars("site"), together.sel(site=name).drop_vars("site")
        )


def test_a_cube_runs_pixel_by_pixel_and_a_missing_value_stays_where_it_is(cube, start):
    result = simulate_rothc(cube, start)
    assert result.stock.dims == ("time", "y", "x")
    gone = np.zeros((4, 5), bool)
    gone[1, 2] = gone[3, 0] = True
    assert_array_equal(np.isnan(result.stock.values).all(axis=0), gone)
    assert_array_equal(np.isnan(result.stock.values).any(axis=0), gone)
    pixel = {"y": 0, "x": 4}
    assert_array_equal(stacked(result.isel(pixel)), core(cube.isel(pixel), start))


def test_results_come_with_units_and_the_attributes_of_the_coordinates(cube, start):
    cube = cube.assign_coords(spatial_ref=((), 0, {"crs_wkt": "a plane"}))
    cube["x"].attrs = {"standard_name": "projection_x_coordinate"}
    result = simulate_rothc(cube, start, modifiers=True)
    assert {name: result[name].units for name in result.data_vars} == {
        **dict.fromkeys([*POOLS, "IOM", "stock", "co2"], "kg/m2"),
        "deficit": "mm",
        **dict.fromkeys(["a", "b", "c", "mu"], "1"),
    }
    assert all(values.long_name for values in result.data_vars.values())
    assert result.x.attrs == cube.x.attrs
    assert result.spatial_ref.attrs == {"crs_wkt": "a plane"}


def test_modifiers_are_those_of_the_rate_functions(site, start):
    result = simulate_rothc(site, start, modifiers=True, mu_max=1.4, k_m=0.05)
    deficit = rothc.moisture_deficit(site.precip.values, site.pet.values, 23.4, 20.0, site.cover.values)
    assert_array_equal(result.deficit, deficit)
    assert_array_equal(result.a, rothc.temperature_modifier(site.air_temp.values))
    assert_array_equal(result.b, rothc.moisture_modifier(deficit, 23.4, 20.0))
    assert_array_equal(result.c, rothc.cover_modifier(site.cover.values))
    bio = np.concatenate([[0.1], result.BIO.values[:-1]])
    assert_array_equal(result.mu, rothc.michaelis_menten(bio, 1.4, 0.05))


def test_respired_carbon_closes_the_balance_and_equals_what_decay_says(site, start):
    site = site.assign(manure=0.01)
    result = simulate_rothc(site, start)
    rate, _ = rothc.rate_modifier(
        site.air_temp.values, site.precip.values, site.pet.values, 23.4, 20.0, site.cover.values
    )
    c_input, manure = site.c_input.values, np.full(36, 0.01)
    pools = [start[name].item() for name in POOLS]
    balance = rothc.carbon_balance(pools, rate, c_input, 23.4, manure=manure)
    assert_allclose(result.co2.sum(), balance.respired, rtol=1e-12)
    assert (result.co2 > 0).all()


def test_years_are_every_twelfth_month_and_carry_the_co2_of_twelve(site, start):
    months, years = simulate_rothc(site, start), simulate_rothc(site, start, every="year", modifiers=True)
    assert_array_equal(years.time, site.time[11::12])
    for name in [*POOLS, "stock", "deficit"]:
        assert_array_equal(years[name], months[name][11::12])
    assert_allclose(years.co2, months.co2.values.reshape(3, 12).sum(axis=1), rtol=1e-13)


def test_a_run_in_two_parts_is_the_run_in_one(site, start):
    whole = simulate_rothc(site, start)
    first = simulate_rothc(site.isel(time=slice(20)), start)
    second = simulate_rothc(site.isel(time=slice(20, None)), first.isel(time=-1))
    xr.testing.assert_identical(second, whole.isel(time=slice(20, None)))


def test_start_may_be_an_array_of_pools(site, start):
    pools = (10 * start.to_dataarray("pool")).assign_attrs(units="t/ha")
    xr.testing.assert_allclose(simulate_rothc(site, pools), simulate_rothc(site, start), rtol=1e-12)


def test_parameter_sets_run_side_by_side_on_a_dimension_of_their_own(sites, start):
    mu_max, k_m = xr.DataArray([1.0, 1.5], dims="parameter"), xr.DataArray([0.0, 0.3], dims="parameter")
    k_m.attrs["units"] = "t/ha"
    result = simulate_rothc(sites, start, mu_max=mu_max, k_m=k_m)
    assert result.stock.dims == ("time", "site", "parameter")
    xr.testing.assert_identical(result.stock[..., 0], simulate_rothc(sites, start).stock)
    xr.testing.assert_identical(
        result.stock[..., 1], simulate_rothc(sites, start, mu_max=1.5, k_m=0.03).stock
    )


def test_cover_comes_from_ndvi_by_the_rule_of_the_options(site, start):
    ndvi = site.assign(ndvi=0.2 + 0.5 * site.cover).drop_vars("cover")
    xr.testing.assert_identical(simulate_rothc(ndvi, start), simulate_rothc(site, start))
    fraction = Options(cover="fraction", cover_ndvi_range=(0.2, 0.7))
    assert_allclose(simulate_rothc(ndvi, start, options=fraction, modifiers=True).c, 1 - 0.4 * site.cover)


def test_open_pan_evaporation_counts_three_quarters(site, start):
    pan = site.assign(pan_evaporation=site.pet / 0.75).drop_vars("pet")
    xr.testing.assert_allclose(simulate_rothc(pan, start), simulate_rothc(site, start), rtol=1e-12)


def test_options_give_depth_and_dpm_rpm_where_the_data_do_not(site, start):
    options = Options(depth_cm=30.0, dpm_rpm=0.67)
    assert_array_equal(
        stacked(simulate_rothc(site, start, options=options)), core(site, start, depth=30.0, dpm_rpm=0.67)
    )
    given = site.assign(depth=30.0, dpm_rpm=0.67)
    xr.testing.assert_identical(simulate_rothc(given, start), simulate_rothc(site, start, options=options))


def test_a_factor_of_the_calendar_month_slows_decay_in_that_month_of_every_year(site, start):
    flooded = site.assign(rate_factor=("month", np.where(np.isin(np.arange(1, 13), [6, 7]), 0.2, 1.0)))
    slow, plain = simulate_rothc(flooded, start), simulate_rothc(site, start)
    less = slow.co2 < 0.5 * plain.co2
    assert_array_equal(np.flatnonzero(less), [5, 6, 17, 18, 29, 30])


def test_a_site_without_a_depth_is_empty_and_the_others_are_not(sites, start):
    sites["depth"][1] = np.nan
    result = simulate_rothc(sites, start)
    assert_array_equal(result.stock.isnull().all("time"), [False, True, False])
    assert_array_equal(result.stock.isnull().any("time"), [False, True, False])


def test_single_precision_inputs_are_computed_in_double_and_given_back_as_asked(site, start):
    single = site.astype("float32")
    result = simulate_rothc(single, start)
    assert result.stock.dtype == "float64"
    assert_array_equal(stacked(result), core(single.astype("float64"), start))
    small = simulate_rothc(single, start, dtype="float32")
    assert small.stock.dtype == "float32"
    assert_array_equal(small.stock, result.stock.values.astype("float32"))


def test_words_that_are_no_choices_are_refused_with_the_nearest(site, start, problems_of):
    [line] = problems_of(simulate_rothc, site, start, every="yaer")
    assert line == "arguments, every: found 'yaer', expected one of 'month', 'year'. Did you mean `year`?"
    for option in ({"dtype": "int16"}, {"gaps": "fill"}):
        assert problems_of(simulate_rothc, site, start, **option)


@pytest.mark.parametrize("part", ["BIO", "IOM"])
def test_a_start_without_a_pool_is_refused(site, start, part, problems_of):
    [line] = problems_of(simulate_rothc, site, start.drop_vars(part))
    assert line.startswith(f"start: found no {part}, expected a Dataset of DPM, RPM, BIO, HUM, IOM.")
