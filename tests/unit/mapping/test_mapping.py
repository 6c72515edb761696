"""Maps of a made-up cube: one mask for all models, the same values however the region is cut."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import RandomForestRegressor

from poml_map import schema
from poml_map.errors import InputError
from poml_map.grid import Grid, Tile
from poml_map.hybrid import PomlForest
from poml_map.hybrid.boxes import UnsupportedForest
from poml_map.hybrid.intervals import CampaignConformal, TreeSpread
from poml_map.mapping import (
    MapChange,
    MapIntervals,
    TileModel,
    change_mapper,
    create_store,
    forest_mapper,
    map_region,
    map_years,
    open_store,
)
from poml_map.mapping.pixels import Pixels, mapped_pixels
from poml_map.mapping.process import map_process
from poml_map.mapping.tiles import map_tile
from poml_map.rothc.columns import ByClass, ProcessInputs
from poml_map.rothc.forcing import Options, build_forcing
from poml_map.rothc.pools import simulate_stock
from poml_map.rothc.spinup import start_state

YEARS = range(1980, 1983)
GRID = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 13, 7)
COVARIATES = ("ELEV", "CLAY", "TMP", "FER")


@pytest.fixture
def cube():
    rng = np.random.default_rng(0)
    months = 12 * len(YEARS)
    season = np.sin((np.arange(months) % 12 - 3) * np.pi / 6)[:, None, None]

    def field(*lead, low, high):
        return rng.uniform(low, high, (*lead, *GRID.shape)).astype("float32")

    data = {
        "mask": (("y", "x"), rng.uniform(size=GRID.shape) > 0.2),
        "ELEV": (("y", "x"), field(low=0, high=500)),
        "CLAY": (("y", "x"), field(low=15, high=40)),
        "TMP": (("year", "y", "x"), field(len(YEARS), low=15, high=17)),
        "FER": (("year", "y", "x"), field(len(YEARS), low=100, high=300)),
        "air_temp": (("time", "y", "x"), 16 + 12 * season + field(months, low=-1, high=1)),
        "precip": (("time", "y", "x"), 110 + 60 * season + field(months, low=-20, high=20)),
        "pet": (("time", "y", "x"), 80 + 60 * season + field(months, low=-5, high=5)),
        "ndvi": (("time", "y", "x"), 0.45 + 0.2 * season + field(months, low=-0.1, high=0.1)),
    }
    for name in schema.MONTHLY:
        values = data[name][1].reshape(len(YEARS), 12, *GRID.shape).mean(axis=0)
        data[schema.spinup_name(name)] = (("month", "y", "x"), values.astype("float32"))
    return xr.Dataset(data, coords={"year": list(YEARS)})


@pytest.fixture(scope="module")
def forests():
    rng = np.random.default_rng(1)
    rows = rng.uniform([0, 15, 15, 100], [500, 40, 17, 300], (80, 4))
    stock = 3 + rows[:, 1] / 40 + rows[:, 3] / 400
    return [PomlForest(n_trees=7, seed=seed).fit(rows, stock) for seed in (0, 1)]


@pytest.fixture
def model(forests):
    poml, ml = (forest_mapper(forest, COVARIATES) for forest in forests)
    return TileModel(poml, ml, COVARIATES, YEARS, Options(), ProcessInputs("FER"), mu_max=1.4, k_m=0.02)


def _reader(cube):
    return lambda tile: cube.isel(y=tile.rows, x=tile.cols)


def test_all_models_share_one_mask(cube, model):
    cube["TMP"][1, 2, 3] = np.nan
    cube["precip"][5, 4, 4] = np.nan
    found = map_tile(cube, model)
    maps, counts = found.maps, found.counts
    expected = cube["mask"].to_numpy().copy()
    expected[2, 3] = expected[4, 4] = False
    for values in maps.values():
        assert_array_equal(np.isfinite(values), np.broadcast_to(expected, values.shape))
    lost = int(cube["mask"].to_numpy()[[2, 4], [3, 4]].sum())
    assert counts["mapped"] == expected.sum()
    assert sum(n for name, n in counts.items() if name.startswith("no data")) == lost
    assert sum(counts.values()) == expected.size


@pytest.mark.parametrize("value", [np.inf, -np.inf])
@pytest.mark.parametrize("name", ["TMP", "ELEV", "precip"])
def test_an_infinite_value_is_no_data_in_every_map_and_is_counted(cube, model, name, value):
    cube["mask"][2, 3] = True
    cube[name][(0,) * (cube[name].ndim - 2) + (2, 3)] = value
    found = map_tile(cube, model)
    for values in found.maps.values():
        assert np.isnan(values[:, 2, 3]).all()
        assert np.isfinite(values).sum() == len(YEARS) * (int(cube["mask"].sum()) - 1)
    assert found.counts[f"no data: {name}"] == 1


def test_the_forest_sees_each_pixel_with_its_own_covariates_of_the_year(cube, model, forests):
    maps = map_tile(cube, model).maps
    row, col = np.argwhere(cube["mask"].to_numpy())[5]
    for index in range(len(YEARS)):
        x = [
            float(cube["ELEV"][row, col]),
            float(cube["CLAY"][row, col]),
            float(cube["TMP"][index, row, col]),
            float(cube["FER"][index, row, col]),
        ]
        for name, forest in zip(("POML", "ML"), forests, strict=True):
            assert_allclose(maps[name][index, row, col], forest.predict([x])[0], rtol=0, atol=2e-6)


def test_the_engine_of_the_forest_changes_the_map_by_rounding_only(cube, model, forests):
    slow = [forest_mapper(forest, COVARIATES, engine="sklearn") for forest in forests]
    plain = map_tile(cube, TileModel(**{**vars(model), "poml": slow[0], "ml": slow[1]})).maps
    for name, values in map_tile(cube, model).maps.items():
        assert_allclose(values, plain[name], rtol=0, atol=2e-6)


def test_a_forest_of_static_covariates_has_the_same_map_in_every_year(cube, model):
    rows = np.random.default_rng(2).uniform([0, 15], [500, 40], (60, 2))
    static = forest_mapper(PomlForest(n_trees=3).fit(rows, rows[:, 1]), ("ELEV", "CLAY"))
    maps = map_tile(
        cube, TileModel(**{**vars(model), "poml": static, "ml": static, "covariates": ("ELEV", "CLAY")})
    ).maps
    assert_array_equal(maps["POML"][0], maps["POML"][2])
    assert np.isfinite(maps["POML"][2]).sum() == cube["mask"].to_numpy().sum()


def test_a_forest_that_the_fast_engine_cannot_represent_is_mapped_all_the_same(caplog):
    rows = np.array([[0.0], [1.0], [np.nan], [3.0]])
    forest = RandomForestRegressor(n_estimators=3, random_state=0).fit(rows, [0.0, 1.0, 2.0, 3.0])
    with pytest.raises(UnsupportedForest):
        forest_mapper(forest, ["ELEV"], engine="fast")
    maps = forest_mapper(forest, ["ELEV"])
    assert "scikit-learn does" in caplog.text
    assert maps([np.array([[1.0]], "float32")], np.array([[True]]))["mean"][0, 0, 0] == pytest.approx(
        forest.predict([[1.0]])[0], abs=1e-6
    )


def test_a_forest_with_other_columns_is_refused_by_name():
    forest = PomlForest(n_trees=2).fit(pd.DataFrame({"ELEV": [0.0, 1.0], "TMP": [2.0, 1.0]}), [1.0, 2.0])
    with pytest.raises(ValueError, match="same columns in another order: 1 is TMP, expected ELEV"):
        forest_mapper(forest, ["TMP", "ELEV"])
    with pytest.raises(ValueError, match="missing column TMP; unknown column PRE"):
        forest_mapper(forest, ["ELEV", "PRE"])
    with pytest.raises(ValueError, match="engine is 'quick'"):
        forest_mapper(forest, ["ELEV", "TMP"], engine="quick")


def test_the_process_map_is_rothc_from_the_first_ml_map(cube, model):
    maps = map_tile(cube, model).maps
    assert_allclose(maps["PO"][0], maps["ML"][0], rtol=1e-6)
    row, col = np.argwhere(cube["mask"].to_numpy())[7]
    run = {name: cube[name].to_numpy()[:, row, col][:, None] for name in schema.MONTHLY}
    spinup = {
        name: cube[schema.spinup_name(name)].to_numpy()[:, row, col][:, None] for name in schema.MONTHLY
    }
    clay = cube["CLAY"].to_numpy()[row, col][None]
    forcing = build_forcing(run, spinup, clay, cube["FER"].to_numpy()[:, row, col][:, None], Options())
    start = start_state(
        maps["ML"][0, row, col][None].astype(float), forcing.spinup_rate, forcing.spinup_shares, clay
    )
    stock = simulate_stock(
        start.pools,
        start.iom,
        forcing.rate,
        forcing.relative_input * start.annual_input,
        clay,
        record=[0, 12, 24],
        mu_max=1.4,
        k_m=0.02,
    )
    assert_allclose(maps["PO"][:, row, col], stock[:, 0], rtol=1e-5)


def test_pools_and_co2_are_mapped_on_demand_and_add_up(cube, model):
    kept = TileModel(**{**vars(model), "process_maps": ("pools", "co2")})
    maps, plain = map_tile(cube, kept).maps, map_tile(cube, model).maps
    assert list(maps) == ["POML", "ML", "PO", "DPM", "RPM", "BIO", "HUM", "IOM", "CO2"]
    assert_array_equal(maps["PO"], plain["PO"])
    assert_allclose(sum(maps[name] for name in ("DPM", "RPM", "BIO", "HUM", "IOM")), maps["PO"], rtol=1e-6)
    assert np.isnan(maps["CO2"][0]).all()
    assert_array_equal(np.isfinite(maps["CO2"][1:]), np.isfinite(maps["PO"][1:]))
    assert np.nanmin(maps["CO2"]) > 0


def test_the_carbon_of_the_map_balances(cube, model):
    found = map_tile(cube, TileModel(**{**vars(model), "process_maps": ("co2",)}))
    inside, means = np.isfinite(found.maps["PO"][0]), found.balance.means()
    assert found.balance.pixels == inside.sum()
    assert means["largest_error_kg_m2"] < 1e-12
    gained = (found.maps["PO"][-1] - found.maps["PO"][0])[inside].mean()
    assert_allclose(means["stored_kg_m2"], gained, atol=1e-5)
    assert_allclose(means["respired_kg_m2"], np.nansum(found.maps["CO2"], axis=0)[inside].mean(), rtol=1e-5)


def test_each_class_of_pixels_has_its_own_microbes_ratio_and_factor(cube, model):
    """Pixel by pixel the same as a whole map with that class's values; class 9 has no fit of its own."""
    classes = np.random.default_rng(3).choice([1.0, 2.0, 9.0], GRID.shape)
    cube["LAND_USE"] = ("y", "x"), classes
    inputs = ProcessInputs(
        "FER",
        dpm_rpm=ByClass("LAND_USE", {1: 1.44, 2: 0.67, 9: 0.25}),
        rate_factor=ByClass("LAND_USE", {2: (0.4,) * 12}, default=1.0),
    )
    groups = ByClass("LAND_USE", {1: (1.2, 0.01), 2: (2.0, 0.1)}, default=(1.4, 0.02))
    found = map_tile(cube, TileModel(**{**vars(model), "inputs": inputs, "groups": groups}))
    mixed = found.maps["PO"]
    pooled = int((cube["mask"].to_numpy() & (classes == 9)).sum())
    assert found.counts["with the pooled fit: class 9 of LAND_USE"] == pooled
    for code, (mu_max, k_m), ratio, factor in [
        (1, (1.2, 0.01), 1.44, 1.0),
        (2, (2.0, 0.1), 0.67, 0.4),
        (9, (1.4, 0.02), 0.25, 1.0),
    ]:
        one = {
            "options": Options(dpm_rpm=ratio),
            "inputs": ProcessInputs("FER", rate_factor=(factor,) * 12),
            "mu_max": mu_max,
            "k_m": k_m,
        }
        alone = map_tile(cube, TileModel(**{**vars(model), **one})).maps["PO"]
        here = classes == code
        assert_array_equal(mixed[:, here], alone[:, here])


def test_a_class_without_a_ratio_is_refused_by_place(cube, model, tmp_path):
    row, col = np.argwhere(cube["mask"].to_numpy())[3]
    classes = np.ones(GRID.shape)
    classes[row, col] = 5
    cube["LAND_USE"] = ("y", "x"), classes
    cube = cube.assign_coords(y=GRID.y, x=GRID.x)
    inputs = ProcessInputs("FER", dpm_rpm=ByClass("LAND_USE", {1: 1.44, 2: 0.67}))
    with pytest.raises(InputError) as refusal:
        map_years(cube, TileModel(**{**vars(model), "inputs": inputs}))
    assert str(refusal.value).startswith(
        f"column LAND_USE, x {GRID.x[col]:.0f}, y {GRID.y[row]:.0f}: found 1 pixels"
    )
    assert "such as 5, expected one of the classes 1, 2 of `rothc.dpm_rpm`" in str(refusal.value)


def test_what_the_process_model_refuses_late_is_bad_input_too(cube, model):
    """Manure that alone keeps more carbon than the first map has: known only when the pixel is spun up."""
    cube["MANURE"] = ("year", "y", "x"), np.full((len(YEARS), *GRID.shape), 5.0, "float32")
    manured = TileModel(**{**vars(model), "inputs": ProcessInputs("FER", manure="MANURE")})
    with pytest.raises(InputError, match=r"RothC on the map, tile: .*manure"):
        map_tile(cube, manured)


def test_a_first_map_of_the_user_starts_the_process_model(cube, model):
    cube["STOCK"] = ("y", "x"), np.full(GRID.shape, 3.25, "float32")
    started = TileModel(**{**vars(model), "first_map": "STOCK"})
    maps = map_tile(cube, started).maps
    assert_allclose(maps["PO"][0][cube["mask"].to_numpy()], 3.25, rtol=1e-6)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("STOCK", "1 pixels such as 0 kg/m2, expected above 0: a soil"),
        ("FER", "such as 0, expected above 0 in 1980"),
    ],
)
def test_a_pixel_that_rothc_cannot_start_from_is_refused_by_place(cube, model, tmp_path, column, words):
    """Neither a traceback nor an infinite input: 0 is a slip of the source, or a code for no data."""
    row, col = np.argwhere(cube["mask"].to_numpy())[9]
    cube["STOCK"] = ("y", "x"), np.full(GRID.shape, 3.25, "float32"), {"units": "kg/m2"}
    cube[column][(..., row, col) if column == "STOCK" else (0, row, col)] = 0.0
    cube = cube.assign_coords(y=GRID.y, x=GRID.x)
    started = TileModel(**{**vars(model), "first_map": "STOCK"})
    create_store(tmp_path / "maps.zarr", GRID, YEARS, model.models, 64, {})
    with pytest.raises(InputError) as refusal:
        map_region(_reader(cube), GRID, started, tmp_path / "maps.zarr", tile_size=64)
    assert str(refusal.value).startswith(f"column {column}, x {GRID.x[col]:.0f}, y {GRID.y[row]:.0f}: found")
    assert words in str(refusal.value)
    cube["mask"][row, col] = False
    assert map_years(cube, started)["PO"].count() > 0


@pytest.mark.parametrize(("size", "workers"), [(3, 1), (5, 2), (64, 1)])
def test_tiles_and_threads_change_no_bit(cube, model, tmp_path, size, workers):
    store = tmp_path / "maps.zarr"
    create_store(store, GRID, YEARS, model.models, size, {"title": "made up"})
    summary = map_region(_reader(cube), GRID, model, store, tile_size=size, workers=workers)
    found = map_tile(cube, model)
    whole, counts = found.maps, found.counts
    stored = open_store(store)
    for name, values in whole.items():
        assert_array_equal(stored[name].to_numpy(), values)
    assert summary.pixels["mapped"] == counts["mapped"]
    assert stored.rio.crs == rasterio.CRS.from_epsg(32651)


def test_maps_without_a_run_folder_are_the_same(cube, model):
    cube = cube.assign_coords(y=GRID.y, x=GRID.x)
    maps = map_years(cube.chunk(x=4), model, tile_size=4)
    whole = map_tile(cube, model).maps
    assert_array_equal(maps["PO"].to_numpy(), whole["PO"])
    assert maps["POML"].attrs["units"] == "kg C m-2"


def test_a_tile_outside_the_area_costs_nothing_and_holds_nothing(cube, model):
    nowhere = cube[["mask"]].copy()
    nowhere["mask"][:] = False
    found = map_tile(nowhere, model)
    maps, counts = found.maps, found.counts
    assert all(np.isnan(values).all() for values in maps.values())
    assert counts == {"outside": GRID.width * GRID.height}


def test_one_pixel_is_a_region_too(cube, model):
    row, col = np.argwhere(cube["mask"].to_numpy())[0]
    found = map_tile(cube.isel(y=slice(row, row + 1), x=slice(col, col + 1)), model)
    maps, counts = found.maps, found.counts
    whole = map_tile(cube, model).maps
    assert counts["mapped"] == 1
    assert maps["PO"][2, 0, 0] == whole["PO"][2, row, col]


def test_progress_counts_every_tile(cube, model, tmp_path):
    seen = []
    create_store(tmp_path / "maps.zarr", GRID, YEARS, model.models, 4, {})
    map_region(
        _reader(cube),
        GRID,
        model,
        tmp_path / "maps.zarr",
        tile_size=4,
        workers=2,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (8, 8)
    assert len(seen) == 8


def test_an_error_in_a_tile_stops_the_mapping(cube, model, tmp_path):
    create_store(tmp_path / "maps.zarr", GRID, YEARS, model.models, 4, {})

    def broken(tile: Tile):
        raise OSError("disk")

    with warnings.catch_warnings(), pytest.raises(OSError, match="disk"):
        map_region(broken, GRID, model, tmp_path / "maps.zarr", tile_size=4)


@pytest.fixture
def with_intervals(model, forests):
    """The model with limits that were calibrated on residuals of any sites."""
    rng = np.random.default_rng(8)
    observed = np.r_[
        3 + rng.normal(size=120), 3 + 2 * rng.normal(size=120)
    ]  # a second campaign that errs more
    rows = {"mean": np.full(240, 3.0), "sd": np.full(240, 0.5), "site": np.tile(np.arange(120), 2)}
    calibrated = CampaignConformal.of(observed, **rows, year=np.repeat([1980, 1982], 120))
    poml = forest_mapper(forests[0], COVARIATES, tree_sd=True)
    return replace(
        model, poml=poml, intervals=MapIntervals(calibrated, 0.9, YEARS), process_maps=("pools", "co2")
    )


def test_interval_maps_are_the_limits_at_each_pixel(cube, model, forests, with_intervals):
    maps, plain = map_tile(cube, with_intervals).maps, map_tile(cube, model).maps
    assert tuple(maps)[:6] == ("POML", "ML", "PO", "POML_q05", "POML_q95", "POML_sd")
    for name, values in plain.items():
        assert_array_equal(values, maps[name])
    where = cube["mask"].to_numpy()
    features = [np.broadcast_to(cube[name].to_numpy(), (3, *GRID.shape))[:, where] for name in COVARIATES]
    found = forests[0].predict_spread(np.stack(features, axis=-1).reshape(-1, 4))
    mean, sd = (values.reshape(3, -1) for values in found)
    calibrated = with_intervals.intervals.calibrated
    expected = (*calibrated.limits(mean, sd, 0.9, YEARS), calibrated.deviation(sd, YEARS))
    for name, values in zip(("POML_q05", "POML_q95", "POML_sd"), expected, strict=True):
        assert maps[name].dtype == np.float32
        assert_allclose(maps[name][:, where], values, rtol=0, atol=1e-5)
        assert np.isnan(maps[name][:, ~where]).all()


def test_the_process_model_makes_maps_of_its_own_alone(cube, with_intervals):
    """Room that it took for other layers once went into their maps."""
    tile = mapped_pixels(cube)
    at = Pixels(tile, np.ones(tile.sizes["pixel"], bool), YEARS)
    found, _ = map_process(at, with_intervals, np.full(tile.sizes["pixel"], 4.0))
    assert set(found) == {"PO", "DPM", "RPM", "BIO", "HUM", "IOM", "CO2"}


def test_the_store_says_what_an_interval_map_is(cube, with_intervals, tmp_path):
    create_store(tmp_path / "s.zarr", GRID, YEARS, with_intervals.layers, 5, {})
    map_region(_reader(cube), GRID, with_intervals, tmp_path / "s.zarr", tile_size=5)
    with open_store(tmp_path / "s.zarr") as store:
        low, high = store["POML_q05"], store["POML_q95"]
        assert "lower limit of the 90 % prediction interval" in low.attrs["long_name"]
        assert low.attrs["units"] == "kg C m-2"
        assert bool((low < high).where(np.isfinite(low), True).all())
        assert_array_equal(np.isfinite(low), np.isfinite(store["POML"]))


def test_with_too_few_sites_only_the_deviation_is_mapped(cube, with_intervals):
    few = CampaignConformal.of(np.arange(5.0), np.ones(5), np.ones(5), np.arange(5), np.full(5, 1980))
    maps = map_tile(cube, replace(with_intervals, intervals=MapIntervals(few, 0.9, YEARS))).maps
    assert "POML_sd" in maps
    assert not any(name.startswith("POML_q") for name in maps)


@pytest.mark.parametrize("places", [(0, 1), (1, 2), (0, 2)])
def test_the_change_is_that_between_the_years_that_were_asked_for(cube, model, forests, places):
    period = tuple(YEARS[place] for place in places)
    change = MapChange(TreeSpread(), 0.9, period)
    asked = TileModel(
        **{**vars(model), "change": change, "poml_change": change_mapper(forests[0], COVARIATES)}
    )
    maps = map_tile(cube, asked).maps
    expected = maps["POML"][places[1]] - maps["POML"][places[0]]
    middle = (maps["CHANGE_POML_q05"] + maps["CHANGE_POML_q95"]) / 2

    assert_allclose(middle, expected, atol=2e-6)
    assert maps["CHANGE_POML_sd"].shape == cube["mask"].shape
    assert (np.nanmax(np.abs(expected))) > 0
