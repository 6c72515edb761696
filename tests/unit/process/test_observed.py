"""A run from an observed stock on labelled data is `rothc.run_drivers` on arrays."""

import dask
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

from poml_map import Options, rothc
from poml_map.process import equilibrium_rothc, run_rothc, simulate_rothc
from poml_map.rothc.forward import run_drivers

POOLS = ["DPM", "RPM", "BIO", "HUM", "IOM"]


@pytest.fixture
def region():
    """Five spin-up years and four run years of 3 x 2 pixels, with fertilizer; one pixel has no clay."""
    time = pd.date_range("1975-01", "1983-12", freq="MS")
    random = np.random.default_rng(4)
    season = np.sin((time.month.to_numpy() - 4) * np.pi / 6)[:, np.newaxis, np.newaxis]
    shape, cube = (len(time), 3, 2), ("time", "y", "x")
    clay = random.uniform(5, 50, (3, 2))
    clay[1, 0] = np.nan
    return xr.Dataset(
        {
            "air_temp": (cube, 15 + 10 * season + random.normal(0, 1, shape)),
            "precip": (cube, random.uniform(0, 150, shape)),
            "pet": (cube, 75 + 60 * season + random.uniform(-5, 5, shape)),
            "ndvi": (cube, 0.4 + 0.3 * season + random.uniform(-0.2, 0.2, shape)),
            "clay": (("y", "x"), clay),
            "input_driver": (("year", "y", "x"), random.uniform(50, 200, (4, 3, 2))),
        },
        coords={"time": time, "y": [2.5, 1.5, 0.5], "x": [10.0, 20.0], "year": range(1980, 1984)},
    )


@pytest.fixture
def stock(region):
    return xr.DataArray(np.linspace(2, 6, 6).reshape(3, 2), {"y": region.y, "x": region.x})


SPINUP = (1975, 1979)


def flat(values):
    """(..., 6) of (..., 3, 2)."""
    return values.values.reshape(*values.shape[:-2], 6)


def core(region, stock, options=None, engine="fast", keep=(), **others):
    """The same by functions of plain arrays."""
    names = ["air_temp", "precip", "pet", "ndvi"]
    spin, run = (
        {name: flat(region[name].sel(time=years)) for name in names}
        for years in (slice("1975", "1979"), slice("1980", "1983"))
    )
    prepared = rothc.prepare(
        run, spin, flat(region.clay), flat(region.input_driver), options or Options(), **others
    )
    return run_drivers(prepared, flat(stock), 1.3, 0.05, engine=engine, keep=keep)


@pytest.mark.parametrize("engine", ["fast", "plain"])
@pytest.mark.parametrize("spinup", ["mean_months", "real_years"])
@pytest.mark.parametrize("month", [12, 8])
def test_stocks_pools_and_carbon_are_those_of_the_plain_function(region, stock, engine, spinup, month):
    options = Options(spinup=spinup, sampling_month=month)
    arguments = {"spinup": SPINUP, "mu_max": 1.3, "k_m": 0.05, "options": options, "engine": engine}
    result = run_rothc(region, stock, keep=["pools", "co2"], **arguments)
    course = core(region, stock, options, engine, keep=["pools", "respired"])
    assert result.stock.dims == ("year", "y", "x")
    assert_array_equal(result.year, range(1980, 1984))
    assert_array_equal(result.stock, course.stock.reshape(4, 3, 2))
    for name in ("annual_input", "added", "respired"):
        assert_array_equal(result[name], getattr(course, name).reshape(3, 2))
    assert_array_equal(result[POOLS].to_dataarray("pool"), course.pools.swapaxes(0, 1).reshape(5, 4, 3, 2))
    assert result.co2[0].isnull().all()
    assert_array_equal(result.co2[1:], course.yearly_respired.reshape(3, 3, 2))


def test_only_the_pixel_without_clay_is_empty(region, stock):
    result = run_rothc(region, stock, spinup=SPINUP, keep="pools")
    assert_array_equal(result.stock.isnull().any("year"), region.clay.isnull())
    assert_array_equal(result.HUM.isnull().all("year"), region.clay.isnull())


def test_stocks_carry_units_and_begin_with_the_observed_one(region, stock):
    tonnes = (10 * stock).assign_attrs(units="t/ha")
    result = run_rothc(region, tonnes, spinup=SPINUP)
    assert_allclose(result.stock[0], stock.where(region.clay > 0), rtol=1e-12)
    assert {name: result[name].units for name in result} == {
        "stock": "kg/m2", "annual_input": "kg/m2/year", "added": "kg/m2", "respired": "kg/m2"
    }  # fmt: skip


@pytest.mark.parametrize("engine", ["fast", "plain"])
@pytest.mark.parametrize(
    "chunks", [{"time": -1, "y": -1, "x": -1}, {"time": 10, "y": (2, 1), "x": 1}, {"time": 3, "y": 1, "x": 1}]
)
def test_a_chunked_run_is_lazy_and_bit_identical(region, stock, chunks, engine):
    def refuse_to_compute(*args, **kwargs):
        raise AssertionError("computed while building")

    options = {"spinup": SPINUP, "mu_max": 1.3, "k_m": 0.05, "keep": ["pools", "co2"], "engine": engine}
    region["depth"] = ("y", "x"), [[20.0, 20.0], [20.0, 25.0], [30.0, 15.0]]
    whole = run_rothc(region, stock, **options)
    with dask.config.set(scheduler=refuse_to_compute):
        lazy = run_rothc(region.chunk(chunks).chunk(year=1), stock, **options)
    xr.testing.assert_identical(lazy.compute(scheduler="synchronous"), whole)


def test_each_site_alone_and_a_single_site_run_alike(region, stock):
    sites, observed = region.isel(y=2).rename(x="site"), stock.isel(y=2).rename(x="site")
    together = run_rothc(sites, observed, spinup=SPINUP)
    assert together.stock.dims == ("year", "site")
    for site in range(2):
        alone = run_rothc(sites.isel(site=site), observed.isel(site=site), spinup=SPINUP)
        xr.testing.assert_identical(alone, together.isel(site=site))


def test_spinup_may_be_years_a_dataset_a_mean_year_or_variables_of_the_cube(region, stock):
    weather = ["air_temp", "precip", "pet", "ndvi"]
    named = run_rothc(region, stock, spinup=SPINUP)
    before, run = region.sel(time=slice("1975", "1979")), region.sel(time=slice("1980", "1983"))
    xr.testing.assert_identical(run_rothc(run, stock, spinup=before[weather]), named)
    mean_year = before[weather].groupby("time.month").mean()
    xr.testing.assert_allclose(run_rothc(run, stock, spinup=mean_year), named, rtol=1e-11)
    as_cube = run.assign({f"{name}_spinup": mean_year[name] for name in weather})
    xr.testing.assert_allclose(run_rothc(as_cube, stock), named, rtol=1e-11)
    real = Options(spinup="real_years")
    cycle = {f"{name}_spinup": before[name].rename(time="spinup_time") for name in weather}
    xr.testing.assert_identical(
        run_rothc(run.assign(cycle), stock, options=real),
        run_rothc(region, stock, spinup=SPINUP, options=real),
    )


def test_years_of_the_run_may_be_chosen(region, stock):
    shorter = run_rothc(region, stock, spinup=SPINUP, years=(1980, 1982))
    longer = run_rothc(region, stock, spinup=SPINUP)
    xr.testing.assert_identical(shorter.stock, longer.stock[:3])


def test_years_of_the_run_are_those_of_the_driver_or_all_after_the_spin_up(region, stock):
    whole = run_rothc(region, stock, spinup=SPINUP)
    assert_array_equal(run_rothc(region.isel(year=slice(2)), stock, spinup=SPINUP).stock, whole.stock[:2])
    without = region.drop_dims("year")
    assert_array_equal(run_rothc(without, stock, spinup=SPINUP).year, range(1980, 1984))
    assert_array_equal(run_rothc(without, stock, spinup=(1975, 1977)).year, range(1978, 1984))


def test_without_a_driver_the_input_stays_and_the_stock_nearly(region, stock):
    before = region.sel(time=slice("1975", "1979")).drop_vars(["input_driver", "year"])
    mean_year = before[["air_temp", "precip", "pet", "ndvi"]].groupby("time.month").mean()
    again = before.assign({name: mean_year[name] for name in mean_year})
    result = run_rothc(again, stock, spinup=mean_year)
    assert_allclose(result.stock, stock.where(region.clay > 0).expand_dims(year=5), rtol=1e-9)


def test_cover_itself_counts_as_it_is(region, stock):
    cover = (region.ndvi >= 0.4).astype(float)
    given = region.drop_vars("ndvi").assign(cover=cover)
    real = Options(spinup="real_years")  # averaged NDVI has another cover than averaged cover
    xr.testing.assert_identical(
        run_rothc(given, stock, spinup=SPINUP, options=real),
        run_rothc(region, stock, spinup=SPINUP, options=real),
    )


def test_manure_factors_and_soils_reach_the_model(region, stock):
    factor = np.linspace(0.4, 1, 12)
    given = region.assign(
        manure=((), 0.2, {"units": "t/ha"}), rate_factor=("month", factor), dpm_rpm=0.67, depth=30.0
    )
    result = run_rothc(given, stock, spinup=SPINUP, mu_max=1.3, k_m=0.05)
    others = {
        "manure": np.full((4, 6), 0.02),
        "rate_factor": np.repeat(factor[:, np.newaxis], 6, axis=1),
        "dpm_rpm": np.full(6, 0.67),
    }
    course = core(region, stock, Options(depth_cm=30.0), **others)
    assert_allclose(result.stock, course.stock.reshape(4, 3, 2), rtol=1e-14)


def test_the_run_is_the_equilibrium_and_then_the_given_months(region, stock):
    """The three functions agree: `run_rothc` is `equilibrium_rothc`, then `simulate_rothc`."""
    result = run_rothc(region, stock, spinup=SPINUP, mu_max=1.3, k_m=0.05, engine="plain")
    state = equilibrium_rothc(region.sel(time=slice("1975", "1979")), stock)
    after = region.sel(time=slice("1981", "1983"))
    ratio = (
        (region.input_driver / region.input_driver.sel(year=1980))
        .sel(year=after.time.dt.year)
        .drop_vars("year")
    )
    months = after.drop_dims("year").assign(
        c_input=(ratio * state.annual_input).assign_attrs(units="kg/m2/year")
    )
    forward = simulate_rothc(months, state, mu_max=1.3, k_m=0.05, every="year")
    assert_allclose(forward.stock, result.stock[1:], rtol=1e-12)
    assert_allclose(forward.co2.sum("time", skipna=False), result.respired, rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        ({"spinup": None}, "arguments, spinup: found nothing, expected what spins RothC up."),
        (
            {"spinup": (1970, 1979)},
            "arguments, spinup: found 1970, 1979, expected FIRST, LAST within 1975-1983",
        ),
        ({"years": (1982, 1990)}, "arguments, years: found 1982, 1990, expected FIRST, LAST within"),
        ({"years": (1982, 1980)}, "arguments, years: found 1982, 1980, expected FIRST, LAST within"),
        ({"keep": ["pool"]}, "arguments, keep: found 'pool', expected one of 'pools', 'co2'. Did you mean"),
        ({"engine": "slow"}, "arguments, engine: found 'slow', expected one of 'fast', 'plain'."),
    ],
)
def test_arguments_that_say_nothing_are_named(region, stock, problems_of, arguments, start):
    [line] = problems_of(run_rothc, region, stock, **{"spinup": SPINUP} | arguments)
    assert line.startswith(start)


@pytest.mark.parametrize(
    ("change", "start"),
    [
        (lambda data: data.isel(year=slice(3)), "data, input_driver, coordinate year: found no 1983"),
        (lambda data: data.assign(manure=("time", np.ones(108))), "data, manure: found dimension time"),
        (lambda data: data.drop_vars("precip"), "data, precip: found only"),
        (
            lambda data: data.isel(time=slice(100)),
            "data, coordinate time: found 40 months, 1980-01 to 1983-04, expected whole years",
        ),
    ],
)
def test_data_that_do_not_suffice_are_named(region, stock, problems_of, change, start):
    arguments = {"spinup": SPINUP, "years": (1980, 1983)}
    assert problems_of(run_rothc, change(region), stock, **arguments)[0].startswith(start)


def test_cover_in_one_and_ndvi_in_the_other_is_refused(region, stock, problems_of):
    before = region.sel(time=slice("1975", "1979"))
    bare = before.drop_vars("ndvi").assign(cover=0.0)
    [line] = problems_of(run_rothc, region.sel(time=slice("1980", "1983")), stock, spinup=bare)
    assert line.startswith("data and spinup, cover: found cover in one, NDVI in the other")


@pytest.mark.parametrize("engine", ["fast", "plain"])
def test_a_driver_of_nothing_in_the_first_year_is_told_by_coordinates(region, stock, problems_of, engine):
    region["input_driver"][0, 2, 1] = 0.0
    [line] = problems_of(run_rothc, region, stock, spinup=SPINUP, engine=engine)
    assert line.startswith("RothC, driver, y 0.5, x 20: found 0, expected above 0 in the first year.")


@pytest.mark.parametrize("engine", ["fast", "plain"])
def test_a_frozen_place_is_told_by_coordinates(region, stock, problems_of, engine):
    region["air_temp"][:, 0, 1] = -20.0
    [line] = problems_of(run_rothc, region, stock, spinup=SPINUP, engine=engine)
    assert line.startswith("RothC, rate (sum of the cycle), y 2.5, x 20: found 0, expected above 0.")
