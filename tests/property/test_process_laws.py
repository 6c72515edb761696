"""Laws of RothC on labelled data: places do not know of each other, chunks do not exist, units are only spelling."""

import numpy as np
import pandas as pd
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from poml_map.process import equilibrium_rothc, run_rothc, simulate_rothc

law = settings(deadline=None, max_examples=12, derandomize=True)
PLACES = ("y", "x")


@st.composite
def regions(draw):
    """Two spin-up years and two run years of up to 4 x 4 pixels, up to a third of them without a value somewhere."""
    rows, cols = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    time = pd.date_range("1978-01", periods=48, freq="MS")
    shape, cube = (48, rows, cols), ("time", *PLACES)
    data = xr.Dataset(
        {
            "air_temp": (cube, random.uniform(-20, 35, shape)),
            "precip": (cube, random.uniform(0, 300, shape)),
            "pet": (cube, random.uniform(0, 200, shape)),
            "ndvi": (cube, random.uniform(-0.2, 0.9, shape)),
            "c_input": (cube, random.uniform(0, 0.1, shape)),
            "clay": (PLACES, random.uniform(0.1, 90, (rows, cols)), {"units": "%"}),
            "depth": (PLACES, random.choice([15.0, 20.0, 30.0], (rows, cols))),
            "stock": (PLACES, random.uniform(0.5, 15, (rows, cols))),
            "input_driver": (("year", *PLACES), random.uniform(1, 300, (2, rows, cols))),
        },
        coords={
            "time": time,
            "year": [1980, 1981],
            "y": np.arange(rows)[::-1] + 0.5,
            "x": np.arange(cols) + 0.5,
        },
    )
    for _ in range(draw(st.integers(0, rows * cols // 3))):
        name = draw(st.sampled_from(["precip", "ndvi", "clay", "stock", "input_driver"]))
        place = {"y": draw(st.integers(0, rows - 1)), "x": draw(st.integers(0, cols - 1))}
        data[name][place] = np.nan
    return data


@st.composite
def chunks_of(draw, data):
    """Any way of cutting the region into chunks."""
    sizes = {}
    for dim, length in data.sizes.items():
        cuts = sorted(draw(st.sets(st.integers(1, length - 1), max_size=3))) if length > 1 else []
        sizes[dim] = tuple(np.diff([0, *cuts, length]).tolist())
    return sizes


def whole_course(data):
    """All three functions, one after the other."""
    spinup, stock = (1978, 1979), data["stock"]
    course = run_rothc(data, stock, spinup=spinup, mu_max=1.3, k_m=0.05, keep=["pools", "co2"])
    state = equilibrium_rothc(data.isel(time=slice(24)), stock)
    forward = simulate_rothc(data.isel(time=slice(24, None)), state, mu_max=1.3, k_m=0.05, modifiers=True)
    return [course, state, forward]


@law
@given(st.data())
def test_chunks_never_change_a_bit(data):
    region = data.draw(regions())
    lazy = whole_course(region.chunk(data.draw(chunks_of(region))))
    for one, other in zip(lazy, whole_course(region), strict=True):
        xr.testing.assert_identical(one.compute(scheduler="synchronous"), other)


@law
@given(st.data())
def test_a_pixel_alone_is_the_pixel_among_others(data):
    region = data.draw(regions())
    place = {dim: data.draw(st.integers(0, region.sizes[dim] - 1)) for dim in PLACES}
    for one, other in zip(whole_course(region.isel(place)), whole_course(region), strict=True):
        xr.testing.assert_identical(one, other.isel(place))


@law
@given(regions())
def test_what_is_missing_is_missing_in_its_place_alone(region):
    missing = (
        sum(region[name].isnull().any([d for d in region[name].dims if d not in PLACES]) for name in region)
        > 0
    )
    course, _, forward = whole_course(region)
    xr.testing.assert_equal(course.stock.isel(year=-1, drop=True).isnull(), missing)
    assert not forward.stock.isnull().any("time").where(~missing, False).any()


@law
@given(regions(), st.floats(1e-3, 1e3))
def test_a_unit_is_only_a_way_of_writing(region, factor):
    """A length unit of `factor` mm and an input of `factor` g/m2 are written down, and read again."""
    written = region.assign(
        precip=(region.precip / factor).assign_attrs(units=f"{factor!r} mm/month"),
        air_temp=(region.air_temp + 273.15).assign_attrs(units="K"),
        clay=(region.clay * 10).assign_attrs(units="g/kg"),
        c_input=(region.c_input * 1000 / factor).assign_attrs(units=f"{factor!r} g/m2"),
        stock=(region["stock"] * 10).assign_attrs(units="t C/ha"),
    )
    for one, other in zip(whole_course(written), whole_course(region), strict=True):
        for name in other:
            assert_allclose(one[name], other[name], rtol=1e-6, atol=1e-9)


@law
@given(regions())
def test_carbon_is_neither_made_nor_lost(region):
    course, _, forward = whole_course(region)
    gained = course.stock.isel(year=-1) - course.stock.isel(year=0)
    assert_allclose(course.added - course.respired, gained, rtol=0, atol=1e-10)
    before = forward.stock.shift(time=1).isel(time=slice(1, None))
    months = forward.isel(time=slice(1, None))
    c_input = region.c_input.sel(time=months.time)
    assert_allclose((before + c_input - months.co2).where(months.stock > 0), months.stock, rtol=0, atol=1e-10)
