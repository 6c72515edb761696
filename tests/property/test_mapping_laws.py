"""The maps do not depend on how they were computed: tiles, threads, chunks and schedulers change no bit.

Regions are small and hard: gaps in every column, ragged edges, one pixel, nothing mapped, constant covariates, one
tree, one leaf; RothC with all its options, and pixels whose rates are far beyond those of any soil.
"""

import hashlib
import tempfile
from functools import partial
from pathlib import Path

import dask
import numpy as np
import pytest
import xarray as xr
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor

from poml_map import schema
from poml_map.grid import Grid
from poml_map.hybrid import PomlForest
from poml_map.mapping import (
    TileModel,
    create_store,
    forest_mapper,
    map_forest,
    map_region,
    map_years,
    open_store,
    process,
)
from poml_map.rothc import Options, part_of_map, prepare, run_drivers
from poml_map.rothc.columns import ByClass, ProcessInputs

YEARS = range(1980, 1983)
MONTHS = 12 * len(YEARS)
COVARIATES = ("ELEV", "CLAY", "TMP", "FER")
LOW, HIGH = np.array([0, 15, 15, 100]), np.array([500, 40, 17, 300])
WORDS = st.sampled_from
NO_SOIL = 9  # a class whose rates are beyond those of any soil: compiled code takes another branch there

seeds = st.integers(0, 2**32 - 1)
# Regions come from seeds: looking for a smaller one that fails takes minutes and finds none that says more.
examples = partial(settings, phases=(Phase.explicit, Phase.reuse, Phase.generate))


def digest(maps) -> dict[str, str]:
    return {name: hashlib.sha256(np.ascontiguousarray(maps[name]).tobytes()).hexdigest() for name in maps}


# Regions and models


def region(random, shape, *, mask=1.0, gaps=0.0, no_soil=0.02, constant=False):
    """A cube with everything that any option of RothC reads."""

    def field(*lead, low, high):
        values = random.uniform(low, high, (*lead, *shape)).astype("float32")
        if constant:
            values[...] = values[(..., *([slice(0, 1)] * 2))]
        values[random.random(values.shape) < gaps] = np.nan
        return values

    def weather(months):
        season = np.sin((np.arange(months) % 12 - 3) * np.pi / 6)[:, None, None].astype("float32")
        return {
            "air_temp": 14 + 12 * season + field(months, low=-1, high=1),
            "precip": 100 + 60 * season + field(months, low=-20, high=20),
            "pet": 80 + 60 * season + field(months, low=-5, high=5),
            "ndvi": 0.45 + 0.2 * season + field(months, low=-0.1, high=0.1),
        }

    data = {
        "mask": (("y", "x"), random.random(shape) < mask),
        "ELEV": (("y", "x"), field(low=0, high=500)),
        "CLAY": (("y", "x"), field(low=15, high=40)),
        "TMP": (("year", "y", "x"), field(len(YEARS), low=15, high=17)),
        "FER": (("year", "y", "x"), field(len(YEARS), low=100, high=300)),
        "MANURE": (("year", "y", "x"), field(len(YEARS), low=0, high=0.05)),
        "LAND_USE": (
            ("y", "x"),
            random.choice([1, 2, NO_SOIL], shape, p=[0.5, 0.5 - no_soil, no_soil]).astype(float),
        ),
        "STOCK": (("y", "x"), field(low=2, high=9)),
    }
    data |= {name: (("time", "y", "x"), values) for name, values in weather(MONTHS).items()}
    for name, values in weather(24).items():
        data[schema.spinup_name(name)] = (("spinup_time", "y", "x"), values)
    y, x = 3.4e6 - 500.0 * np.arange(shape[0]), 2e5 + 500.0 * np.arange(shape[1])
    return xr.Dataset(data, coords={"year": list(YEARS), "y": y, "x": x})


@st.composite
def forests(draw, covariates=4):
    """Of one tree or some, of one leaf or many, of this package or of scikit-learn."""
    random = np.random.default_rng(draw(seeds))
    X = random.uniform(LOW[:covariates], HIGH[:covariates], (draw(st.integers(2, 90)), covariates))
    y = 3 + X[:, 1] / 40 + random.standard_normal(len(X)) * draw(WORDS([0.0, 0.3]))
    trees, leaf = draw(st.integers(1, 9)), draw(WORDS([1, 1, 5, 1000]))
    if draw(st.booleans()):
        return PomlForest(
            n_trees=trees, min_samples_leaf=min(leaf, len(X)), seed=draw(st.integers(0, 99))
        ).fit(X, y)
    kind = draw(WORDS([RandomForestRegressor, ExtraTreesRegressor]))
    return kind(n_estimators=trees, min_samples_leaf=leaf, random_state=0).fit(X, y)


@st.composite
def models(draw):
    """All choices of RothC that change what is computed."""
    by_class = ByClass("LAND_USE", {1: (1.0,) * 12, 2: (0.4,) * 12, NO_SOIL: (1000.0,) * 12})
    options = Options(
        spinup="real_years",
        sampling_month=draw(st.integers(1, 12)),
        cover=draw(WORDS(["threshold", "fraction"])),
        input_months=draw(WORDS([(1.0,) * 12, "ndvi"])),
        pools=draw(WORDS(["equilibrium", "weihermueller"])),
    )
    inputs = ProcessInputs(
        draw(WORDS([None, "FER"])),
        dpm_rpm=draw(WORDS([None, ByClass("LAND_USE", {1: 1.44, 2: 0.67, NO_SOIL: 0.25})])),
        rate_factor=draw(WORDS([by_class, None])),
        manure=draw(WORDS([None, "MANURE"])),
    )
    groups = ByClass("LAND_USE", {1: (1.2, 0.01), 2: (2.0, 0.1)}, default=(1.4, 0.02))
    return TileModel(
        *(forest_mapper(draw(forests()), COVARIATES) for _ in range(2)),
        COVARIATES,
        YEARS,
        options,
        inputs,
        mu_max=1.4,
        k_m=draw(WORDS([0.0, 0.02])),
        groups=draw(WORDS([None, groups])),
        # A forest of noise may start RothC from nothing; the stock of the region never does.
        first_map="STOCK",
        process_maps=("pools", "co2"),
    )


regions = st.builds(
    lambda seed, *arguments, **options: region(np.random.default_rng(seed), *arguments, **options),
    seeds,
    st.tuples(st.integers(1, 6), st.integers(1, 7)),
    mask=WORDS([1.0, 0.6, 0.1]),
    gaps=WORDS([0.0, 0.002, 1.0]),
    constant=WORDS([False, False, True]),
)


def stored(cube, model, size, workers):
    """Maps of a run folder."""
    height, width = cube["mask"].shape
    grid = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), width, height)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "maps.zarr"
        create_store(store, grid, YEARS, model.layers, size, {})
        summary = map_region(
            lambda tile: cube.isel(y=tile.rows, x=tile.cols),
            grid,
            model,
            store,
            tile_size=size,
            workers=workers,
        )
        with open_store(store) as maps:
            return maps[list(model.layers)].load(), summary.pixels


@examples(max_examples=15)
@given(
    cube=regions,
    model=models(),
    size=WORDS([1, 3, 64]),
    workers=WORDS([1, 2, 5]),
    block=WORDS([1, 3, 4096]),
    scheduler=WORDS(["synchronous", "threads"]),
)
def test_annual_maps_do_not_depend_on_tiles_threads_or_blocks(cube, model, size, workers, block, scheduler):
    """PO, its pools and its CO2 as well as the forests, in a run folder and in memory."""
    whole = digest(map_years(cube, model))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "_PIXELS_AT_ONCE", block)
        maps, pixels = stored(cube, model, size, workers)
    assert digest(maps) == whole
    mapped = maps["PO"].notnull().any("year")
    assert pixels.get("mapped", 0) == mapped.sum()
    assert sum(pixels[name] for name in pixels if not name.startswith("with the pooled fit")) == mapped.size
    with dask.config.set(scheduler=scheduler):
        chunked = cube.chunk(y=2, x=3, time=12)
        assert digest(map_years(chunked, model, tile_size=max(size, 2), workers=workers)) == whole


@examples(max_examples=12)
@given(model=models(), seed=seeds)
def test_each_pixel_of_a_map_is_what_it_is_alone(model, seed):
    cube = region(np.random.default_rng(seed), (3, 3))
    whole = map_years(cube, model)
    for row, col in ((0, 0), (1, 2)):
        alone = map_years(cube.isel(y=[row], x=[col]), model)
        assert digest(alone) == digest(whole.isel(y=[row], x=[col]))


@examples(max_examples=30)
@given(
    model=models(),
    seed=seeds,
    size=WORDS([37, 100, 256, 300]),
    fast=st.integers(0, 599),
    workers=WORDS([1, 2, 5]),
)
def test_parts_of_rothc_change_no_bit(model, seed, size, fast, workers):
    """In float64, before anything is rounded to a map; 600 pixels are more than two blocks of the compiled code.

    One pixel decays faster than any soil does: its neighbours must not feel it.
    """
    cube = region(np.random.default_rng(seed), (1, 600), gaps=0.0005, no_soil=0.0).isel(y=0)
    cube["LAND_USE"][fast] = NO_SOIL
    whole = course(cube, model, workers)
    parts = [slice(first, first + size) for first in range(0, 600, size)]
    for part in [*parts, slice(0, 1), slice(599, 600)]:
        for name, values in course(cube.isel(x=part), model, 1).items():
            assert_array_equal(values, whole[name][..., part], err_msg=name)


def course(cube, model, workers):
    """What RothC gives for a row of pixels."""
    read = {name: cube[name].to_numpy() for name in cube.data_vars}
    run = {name: read[name] for name in schema.MONTHLY}
    spinup = {name: read[schema.spinup_name(name)] for name in schema.MONTHLY}
    groups = model.groups or ByClass("LAND_USE", {1: (1.4, 0.02)}, default=(1.4, 0.02))
    with part_of_map():
        arguments = model.inputs.arguments(read.__getitem__, len(YEARS))
        drivers = prepare(run, spinup, read["CLAY"], options=model.options, **arguments)
        found = run_drivers(
            drivers, read["STOCK"], *groups.at(read["LAND_USE"]), keep=["pools", "respired"], workers=workers
        )
    return {name: getattr(found, name) for name in ("stock", "pools", "yearly_respired", "added", "respired")}


# Any forest


@st.composite
def stacks(draw):
    """A forest, rasters for it, and a mask; some rasters with years, with gaps, or all of one value."""
    random = np.random.default_rng(draw(seeds))
    shape = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    years = draw(st.integers(1, 3))
    data = {}
    for name, low, high in zip(COVARIATES, LOW, HIGH, strict=True):
        size = shape if draw(st.booleans()) else (years, *shape)
        noise = draw(WORDS([0.0, 0.05, 1.0]))
        values = low + (high - low) * (np.indices(size)[-1] / 70 + noise * random.random(size)).astype(
            "float32"
        )
        values[random.random(size) < draw(WORDS([0.0, 0.01, 1.0]))] = draw(WORDS([np.nan, np.inf, -9999]))
        data[name] = ("year", "y", "x")[3 - len(size) :], values, {"_FillValue": -9999.0}
    mask = random.random(shape) < draw(WORDS([1.0, 0.5, 0.0]))
    return draw(forests()), xr.Dataset(data), mask


@examples(max_examples=25)
@given(
    stack=stacks(),
    sizes=st.tuples(WORDS([3, 64]), st.integers(5, 70)),
    workers=WORDS([1, 2, 5]),
    chunks=st.tuples(st.integers(9, 70), st.integers(20, 70)),
    scheduler=WORDS(["synchronous", "threads"]),
)
def test_a_map_of_any_forest_does_not_depend_on_how_it_was_computed(stack, sizes, workers, chunks, scheduler):
    forest, data, mask = stack
    options = {"covariates": COVARIATES, "tree_sd": True, "quantiles": (0.05, 0.5), "mask": mask}
    whole = map_forest(forest, data, **options, tile_size=4096, workers=1)
    tiled = map_forest(forest, data, **options, tile_size=sizes[0], workers=workers)
    assert digest(tiled) == digest(whole)
    assert tiled.attrs["gaps"] == whole.attrs["gaps"]
    pieces = dict(zip(data.dims, chunks, strict=False))
    lazy = map_forest(forest, data.chunk(pieces), **options, tile_size=sizes[1])
    with dask.config.set(scheduler=scheduler, num_workers=workers):
        assert digest(lazy.compute()) == digest(whole)


@examples(max_examples=25)
@given(stack=stacks())
def test_pixels_without_data_are_nan_and_all_others_are_the_forests_own(stack):
    forest, data, mask = stack
    mean = map_forest(forest, data, COVARIATES, mask=mask)["mean"]
    clean = data.where(np.isfinite(data) & (data != -9999))
    present = clean.to_dataarray().notnull().all("variable") & xr.DataArray(mask, dims=("y", "x"))
    present = present.transpose(*mean.dims)
    assert_array_equal(mean.notnull(), present)
    rows = np.stack(
        [clean[name].broadcast_like(mean).transpose(*mean.dims).to_numpy()[present] for name in COVARIATES],
        axis=1,
    )
    if len(rows):
        np.testing.assert_allclose(mean.to_numpy()[present], forest.predict(rows), rtol=0, atol=2e-6)
