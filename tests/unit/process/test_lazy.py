"""Lazy data stay lazy until they are asked for, and chunks change no bit."""

import pickle

import dask
import numpy as np
import pytest
import xarray as xr

from poml_map import Options
from poml_map.process import equilibrium_rothc, simulate_rothc

ONE_CHUNK = {"time": -1, "y": -1, "x": -1}
RAGGED = {"time": 7, "y": (3, 1), "x": (2, 2, 1)}
PIXELS = {"time": 12, "y": 1, "x": 1}


def refuse_to_compute(*args, **kwargs):
    raise AssertionError("computed while building")


def lazily(function, *args, **options):
    """The result computed in one thread, after a building in which nothing was computed."""
    with dask.config.set(scheduler=refuse_to_compute):
        result = function(*args, **options)
    assert all(values.chunks is not None for values in result.data_vars.values())
    return result.compute(scheduler="synchronous")


@pytest.fixture
def varied(cube):
    """Everything that may vary in space does."""
    random = np.random.default_rng(5)
    places = {"y": cube.y, "x": cube.x}
    depth = np.where(
        np.arange(5) < 3, np.arange(20).reshape(4, 5) + 10.0, 30.0
    )  # of one pixel alone, or of several
    return cube.assign(
        depth=xr.DataArray(depth, places),
        dpm_rpm=xr.DataArray(random.choice([1.44, 0.25], (4, 5)), places),
        manure=xr.DataArray(random.uniform(0, 0.001, (4, 5)), places),
        rate_factor=("month", np.linspace(0.5, 1, 12)),
    )


@pytest.mark.parametrize("chunks", [ONE_CHUNK, RAGGED, PIXELS])
@pytest.mark.parametrize("single", [False, True])
def test_a_chunked_run_is_bit_identical(varied, start, chunks, single):
    data = varied.astype("float32").assign_coords(varied.coords) if single else varied
    options = {"mu_max": 1.4, "k_m": 0.05, "modifiers": True}
    whole = simulate_rothc(data, start, **options)
    xr.testing.assert_identical(lazily(simulate_rothc, data.chunk(chunks), start, **options), whole)


@pytest.mark.parametrize("chunks", [ONE_CHUNK, RAGGED, PIXELS])
@pytest.mark.parametrize("spinup", ["mean_months", "real_years"])
def test_a_chunked_equilibrium_is_bit_identical(varied, chunks, spinup):
    options = Options(spinup=spinup, sampling_month=10)
    stock = xr.DataArray(np.linspace(2, 6, 20).reshape(4, 5), {"y": varied.y, "x": varied.x})
    whole = equilibrium_rothc(varied, stock, options=options)
    lazy = lazily(equilibrium_rothc, varied.chunk(chunks), stock, options=options)
    xr.testing.assert_identical(lazy, whole)


def test_places_keep_their_chunks_and_time_is_one(varied, start):
    result = simulate_rothc(varied.chunk(RAGGED), start, every="year")
    assert result.stock.chunks == ((3,), (3, 1), (2, 2, 1))
    assert result.stock.dtype == "float64"


def test_one_lazy_variable_is_enough(varied, start):
    mixed = varied.assign(precip=varied.precip.chunk(y=2, x=3), clay=varied.clay.chunk(y=1))
    xr.testing.assert_identical(lazily(simulate_rothc, mixed, start), simulate_rothc(varied, start))


def test_a_lazy_start_makes_a_lazy_run(varied, start):
    state = equilibrium_rothc(varied, 4.94)
    lazy = equilibrium_rothc(varied.chunk(RAGGED), 4.94)
    xr.testing.assert_identical(lazily(simulate_rothc, varied, lazy), simulate_rothc(varied, state))


def test_a_chunk_of_pure_sand_is_no_fraction(varied, start):
    """Only the whole map tells: a lazy one is looked at as a whole, when it is computed."""
    sand = varied.assign(clay=xr.where(varied.x < 2, 0.5, varied.clay))
    xr.testing.assert_identical(
        lazily(simulate_rothc, sand.chunk(PIXELS), start), simulate_rothc(sand, start)
    )


def test_a_gap_as_long_as_a_chunk_is_a_gap(varied, start, problems_of):
    varied["precip"][:12, 2, 2] = np.nan
    lazy = simulate_rothc(varied.chunk(PIXELS), start)
    [line] = problems_of(lazy.compute, scheduler="synchronous")
    assert line.startswith("data, precip, time 2000-01, y 1.5, x 2.5: found no value (12 such gaps)")


def test_many_sites_are_computed_in_parts_without_a_change(sites, start, monkeypatch):
    whole = simulate_rothc(sites, start)
    monkeypatch.setattr("poml_map.process.blocks.SITES", 2)
    xr.testing.assert_identical(simulate_rothc(sites, start), whole)


def test_space_may_come_before_time(varied, start):
    turned = varied.transpose("x", "y", "time", ...)
    result = simulate_rothc(turned, start).stock
    assert result.dims == ("time", "x", "y")
    xr.testing.assert_identical(result.transpose("time", "y", "x"), simulate_rothc(varied, start).stock)


def test_a_chunk_does_not_carry_the_whole_input(varied, start):
    """What travels to a worker with a chunk is the coordinates, not the values of the region."""
    wide = varied.isel(x=[0] * 3000).assign_coords(x=np.arange(3000.0)).chunk(x=100)
    graph = dict(simulate_rothc(wide, start, every="year").stock.data.dask)
    kernels = [task for key, task in graph.items() if "_Kernel" in str(key) or "kernel" in str(key).lower()]
    assert kernels
    assert max(len(pickle.dumps(task)) for task in kernels) < 300_000
