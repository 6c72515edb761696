"""A forest of the user's own over rasters of the user's own: what it takes, keeps, counts and refuses."""

import pickle
import threading
from contextlib import contextmanager

import dask
import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

import poml_map
from poml_map.errors import InputError
from poml_map.grid import Grid
from poml_map.hybrid import PomlForest, SavedForest
from poml_map.mapping.threads import in_threads, threads_to_start

# rioxarray multiplies transforms in a way that affine 3.1 is about to deprecate.
pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")

GRID = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 19, 14)
YEARS = [1980, 1981, 1982]
COLUMNS = ["ELEV", "CLAY", "TMP"]


def table(rows=120, seed=0):
    random = np.random.default_rng(seed)
    X = pd.DataFrame(random.uniform([0, 15, 14], [500, 40, 18], (rows, 3)), columns=COLUMNS)
    return X, 3 + X["CLAY"] / 40 + X["ELEV"] / 900 - (X["TMP"] - 14) / 4


@pytest.fixture(scope="module")
def forest():
    return PomlForest(n_trees=9).fit(*table())


@pytest.fixture
def data():
    """Two static covariates and an annual one, with the grid that rioxarray would give them."""
    random = np.random.default_rng(1)

    def field(*lead, low, high):
        return random.uniform(low, high, (*lead, *GRID.shape)).astype("float32")

    maps = {
        "ELEV": (("y", "x"), field(low=0, high=500), {"units": "m"}),
        "CLAY": (("y", "x"), field(low=15, high=40), {"units": "%"}),
        "TMP": (("year", "y", "x"), field(3, low=14, high=18), {"units": "degC"}),
    }
    return xr.Dataset(maps, coords={"year": YEARS, "y": GRID.y, "x": GRID.x}).rio.write_crs(GRID.crs)


def expected(forest, data, year=0):
    rows = [np.asarray(data[name][year] if name == "TMP" else data[name]).ravel() for name in COLUMNS]
    return forest.predict(np.stack(rows, axis=1)).reshape(GRID.shape)


@pytest.fixture
def files(data, tmp_path):
    """The first year as one GeoTIFF a covariate; elevation packed in tenths of metres."""
    for name in COLUMNS:
        values = np.asarray(data[name][0] if name == "TMP" else data[name])
        packed = name == "ELEV"
        write_tif(
            tmp_path / f"{name}.tif",
            {name: np.rint(values * 10).astype("int16") if packed else values},
            nodata=-9999,
            scales=(0.1,) if packed else (1.0,),
        )
    return [tmp_path / f"{name}.tif" for name in COLUMNS]


def write_tif(path, bands, transform=GRID.transform, **attributes):
    height, width = next(iter(bands.values())).shape
    nodata = attributes.pop("nodata", None)
    profile = {"driver": "GTiff", "count": len(bands), "dtype": next(iter(bands.values())).dtype}
    where = {"height": height, "width": width, "crs": GRID.crs, "transform": rasterio.Affine(*transform)}
    with rasterio.open(path, "w", nodata=nodata, **profile, **where) as file:
        file.write(np.stack(list(bands.values())))
        file.descriptions = tuple(bands)
        for name, value in attributes.items():
            setattr(file, name, value)


# What comes out


def test_each_pixel_and_year_is_the_forests_own_prediction(forest, data):
    maps = poml_map.map_forest(forest, data)
    assert list(maps) == ["mean"]
    assert maps["mean"].dims == ("year", "y", "x")
    for year in range(3):
        assert_allclose(maps["mean"][year], expected(forest, data, year), rtol=0, atol=2e-6)


def test_static_covariates_make_a_map_without_years(data):
    X, y = table()
    forest = PomlForest(n_trees=5).fit(X[["ELEV", "CLAY"]], y)
    maps = poml_map.map_forest(forest, data)
    assert maps["mean"].dims == ("y", "x")
    rows = np.stack([np.asarray(data[name]).ravel() for name in ("ELEV", "CLAY")], axis=1)
    assert_allclose(maps["mean"].to_numpy().ravel(), forest.predict(rows), rtol=0, atol=2e-6)


def test_coordinates_and_crs_are_those_of_the_data(forest, data):
    data = data.assign_coords(lat=(("y", "x"), np.zeros(GRID.shape)), month=("month", [1, 2]))
    maps = poml_map.map_forest(forest, data)
    assert maps.rio.crs == rasterio.CRS.from_epsg(32651)
    assert maps["mean"].rio.crs == rasterio.CRS.from_epsg(32651)
    assert maps["mean"].rio.transform() == rasterio.Affine(*GRID.transform)
    for name in ("year", "y", "x", "lat"):
        assert_array_equal(maps[name], data[name])
    assert "month" not in maps.coords


def test_the_spread_of_the_trees_comes_on_demand(forest, data):
    maps = poml_map.map_forest(forest, data, tree_sd=True, quantiles=(0.05, 0.5))
    assert list(maps) == ["mean", "tree_sd", "tree_q0.05", "tree_q0.5"]
    x = [[float(data["ELEV"][4, 7]), float(data["CLAY"][4, 7]), float(data["TMP"][2, 4, 7])]]
    trees = np.array([tree.predict(np.array(x, "float32"))[0, 0] for tree in forest.trees_])
    assert_allclose(maps["tree_sd"][2, 4, 7], trees.std(), atol=1e-5)
    assert_allclose(maps["tree_q0.05"][2, 4, 7], np.quantile(trees, 0.05), atol=1e-5)
    assert "no interval of prediction" in maps["tree_sd"].attrs["long_name"]
    assert maps["tree_q0.5"].attrs["long_name"] == "quantile 0.5 of the values of the trees"


@pytest.mark.parametrize(
    "model",
    [
        RandomForestRegressor(n_estimators=6, random_state=0, n_jobs=2),
        ExtraTreesRegressor(n_estimators=6, random_state=0),
        DecisionTreeRegressor(random_state=0),
        make_pipeline(StandardScaler(), RandomForestRegressor(n_estimators=6, random_state=0)),
    ],
    ids=lambda model: type(model).__name__,
)
def test_models_of_scikit_learn_are_mapped_with_the_names_they_were_fitted_with(model, data):
    X, y = table()
    model.fit(X, y)
    first = data.isel(year=0)
    rows = pd.DataFrame({name: np.asarray(first[name]).ravel() for name in COLUMNS})
    maps = poml_map.map_forest(model, first)
    assert_allclose(maps["mean"].to_numpy().ravel(), model.predict(rows), rtol=0, atol=2e-6)


# What goes in


@pytest.mark.parametrize("chunks", [{}, {"y": 5, "x": 4}, {"year": 1, "y": 9}])
def test_lazy_data_stays_lazy_and_has_the_same_bits(forest, data, chunks):
    mask = np.random.default_rng(3).random(GRID.shape) > 0.3
    whole = poml_map.map_forest(forest, data, tree_sd=True, mask=mask, workers=2, tile_size=5)
    mixed = data.chunk(chunks).assign(CLAY=data["CLAY"])
    computed = []
    with dask.config.set(scheduler=lambda *args, **options: computed.append(args)):
        lazy = poml_map.map_forest(forest, mixed, tree_sd=True, mask=mask, tile_size=4)
    assert not computed
    assert dask.is_dask_collection(lazy["mean"])
    for scheduler in ("synchronous", "threads"):
        found = lazy.compute(scheduler=scheduler)
        for name in whole:
            assert_array_equal(found[name], whole[name])
    assert found["mean"].rio.crs == rasterio.CRS.from_epsg(32651)


def test_a_lazy_map_travels_between_processes(forest, data):
    lazy = poml_map.map_forest(forest, data.chunk({"y": 7}))
    there = pickle.loads(pickle.dumps(lazy))
    assert_array_equal(
        there["mean"].compute(scheduler="synchronous"), poml_map.map_forest(forest, data)["mean"]
    )


def test_a_lazy_map_is_written_chunk_by_chunk(forest, data, tmp_path):
    lazy = poml_map.map_forest(forest, data.isel(year=0).chunk({"y": 5, "x": 5}))["mean"]
    lazy.rio.to_raster(tmp_path / "mean.tif", tiled=True, lock=threading.Lock())
    with rasterio.open(tmp_path / "mean.tif") as file:
        assert_array_equal(file.read(1), poml_map.map_forest(forest, data.isel(year=0))["mean"])
        assert file.crs == rasterio.CRS.from_epsg(32651)
        assert np.isnan(file.nodata)
        assert file.descriptions == ("mean of the trees",)


def test_a_map_with_years_goes_to_zarr(forest, data, tmp_path):
    poml_map.map_forest(forest, data.chunk({"y": 5}), tree_sd=True).to_zarr(
        tmp_path / "maps.zarr", zarr_format=2
    )
    with xr.open_zarr(tmp_path / "maps.zarr", decode_coords="all") as stored:
        assert_array_equal(stored["mean"], poml_map.map_forest(forest, data)["mean"])
        assert stored.rio.crs == rasterio.CRS.from_epsg(32651)


@pytest.mark.parametrize("form", ["labels", "descriptions", "given"])
def test_bands_of_a_data_array_are_covariates(forest, data, form):
    first = data.isel(year=0)
    stack = first[COLUMNS].to_dataarray("band" if form != "labels" else "variable")
    if form != "labels":
        stack = stack.assign_coords(band=[1, 2, 3])
    if form == "descriptions":
        stack.attrs = {"long_name": tuple(COLUMNS), "units": ("m", "%", "degC")}
    model = PomlForest(n_trees=9).fit(table()[0].to_numpy(), table()[1]) if form == "given" else forest
    maps = poml_map.map_forest(model, stack, COLUMNS if form == "given" else None)
    assert_array_equal(maps["mean"], poml_map.map_forest(forest, first)["mean"])
    assert "band" not in maps.coords


def test_files_are_read_lazily_with_their_nodata_and_scale(forest, data, files):
    with rasterio.open(files[1], "r+") as file:
        clay = file.read(1)
        clay[3, 4] = -9999
        file.write(clay, 1)
    maps = poml_map.map_forest(forest, files)
    assert dask.is_dask_collection(maps["mean"])
    unpacked = data.assign(ELEV=np.rint(data["ELEV"] * 10) * np.float32(0.1))
    wanted = expected(forest, unpacked)
    wanted[3, 4] = np.nan
    assert_allclose(maps["mean"], wanted, rtol=0, atol=2e-6)
    assert maps.rio.crs == rasterio.CRS.from_epsg(32651)
    named = poml_map.map_forest(forest, dict(zip(COLUMNS, map(str, files), strict=True)))
    assert_array_equal(named["mean"], maps["mean"])


def test_descriptions_name_the_bands_of_a_file(forest, data, tmp_path):
    bands = {name: np.asarray(data[name][0] if name == "TMP" else data[name]) for name in COLUMNS}
    write_tif(tmp_path / "stack.tif", bands)
    maps = poml_map.map_forest(forest, tmp_path / "stack.tif")
    assert_allclose(maps["mean"], expected(forest, data), rtol=0, atol=2e-6)


def test_single_band_arrays_of_rioxarray_make_no_dimension(forest, data):
    stack = {name: data.isel(year=0)[name].expand_dims(band=[1]) for name in COLUMNS}
    maps = poml_map.map_forest(forest, xr.Dataset(stack))
    assert maps["mean"].dims == ("y", "x")
    assert_allclose(maps["mean"], expected(forest, data), rtol=0, atol=2e-6)


def test_dimensions_may_have_another_order_and_other_names(forest, data):
    turned = data.transpose("x", "y", "year").rename(x="longitude", y="latitude")
    maps = poml_map.map_forest(forest, turned)
    assert maps["mean"].dims == ("year", "latitude", "longitude")
    assert_array_equal(maps["mean"], poml_map.map_forest(forest, data)["mean"])


def test_only_pixels_of_the_mask_are_mapped(forest, data):
    mask = data["ELEV"] > 250
    masked = poml_map.map_forest(forest, data, mask=mask)["mean"]
    assert_array_equal(masked, poml_map.map_forest(forest, data)["mean"].where(mask))
    by_year = mask & (data["TMP"] > 16)
    masked = poml_map.map_forest(forest, data, mask=by_year)["mean"]
    assert_array_equal(masked, poml_map.map_forest(forest, data)["mean"].where(by_year))


# Gaps


def test_a_gap_is_nan_in_the_map_and_is_counted(forest, data, caplog):
    """NaN, infinity, and the nodata value of a raster that was opened as it is."""
    data["CLAY"][2, 3] = np.nan
    data["TMP"][1, 5, 6] = np.inf
    data["ELEV"][7, 7] = -3.4e38
    data["ELEV"].attrs["_FillValue"] = -3.4e38
    with caplog.at_level("INFO", logger="poml_map"):
        maps = poml_map.map_forest(forest, data, tile_size=6)
    gaps = np.zeros((3, *GRID.shape), bool)
    gaps[:, 2, 3] = gaps[1, 5, 6] = gaps[:, 7, 7] = True
    assert_array_equal(np.isnan(maps["mean"]), gaps)
    assert maps.attrs["gaps"] == gaps.sum() == 7
    assert "no number at 7 of 798 pixels" in caplog.text
    assert "ELEV (1 values), CLAY (1 values), TMP (1 values)" in caplog.text


def test_gaps_of_a_lazy_map_are_counted_when_it_is_computed(forest, data, caplog):
    data["CLAY"][2, 3] = np.nan
    with caplog.at_level("INFO", logger="poml_map"):
        maps = poml_map.map_forest(forest, data.chunk({"y": 7}))
        assert "no number" not in caplog.text
        maps.compute(scheduler="threads")
    assert "no number at 3 of 399 pixels: without data are CLAY (1 values)" in caplog.text


def test_gaps_outside_the_mask_do_not_count(forest, data):
    data["CLAY"][2, 3] = np.nan
    assert poml_map.map_forest(forest, data, mask=np.isfinite(data["CLAY"])).attrs["gaps"] == 0


def test_a_whole_number_that_means_no_data_is_a_gap(data):
    X, y = table()
    forest = PomlForest(n_trees=3).fit(X[["CLAY"]], y)
    clay = data["CLAY"].round().astype("uint8")
    clay[0, 0] = 255
    maps = poml_map.map_forest(forest, xr.Dataset({"CLAY": clay.rio.write_nodata(255)}))
    assert_array_equal(np.isnan(maps["mean"]), clay == 255)


def test_a_forest_that_learned_gaps_falls_back_and_says_so(data, caplog):
    X, y = table()
    X.loc[::5, "CLAY"] = np.nan
    model = RandomForestRegressor(n_estimators=4, random_state=0).fit(X, y)
    first = data.isel(year=0)
    maps = poml_map.map_forest(model, first)
    assert "scikit-learn does" in caplog.text
    assert "plain_maps" not in caplog.text
    rows = pd.DataFrame({name: np.asarray(first[name]).ravel() for name in COLUMNS})
    assert_allclose(maps["mean"].to_numpy().ravel(), model.predict(rows), rtol=0, atol=2e-6)
    with pytest.raises(InputError, match="forest: found the forest learned where missing values go"):
        poml_map.map_forest(model, first, tree_sd=True)


# Refusals


def refusal(*arguments, **options):
    with pytest.raises(InputError) as error:
        poml_map.map_forest(*arguments, **options)
    return str(error.value)


def test_other_columns_are_refused_by_name(forest, data):
    assert "covariate TMP: found nothing" in refusal(forest, data.rename(TMP="TMPP"))
    assert "Did you mean `TMPP`?" in refusal(forest, data.rename(TMP="TMPP"))
    order = ["TMP", "ELEV", "CLAY"]
    assert "same columns in another order: 1 is TMP, expected ELEV" in refusal(forest, data, order)
    assert "missing column TMP" in refusal(forest, data, ["ELEV", "CLAY"])


def test_a_forest_without_names_needs_a_list_of_the_right_length(data):
    X, y = table()
    forest = PomlForest(n_trees=2).fit(X.to_numpy(), y)
    assert "found no names of its columns. Give covariates=[...]" in refusal(forest, data)
    assert "2 covariates, expected 3" in refusal(forest, data, ["ELEV", "CLAY"])
    for unfitted in (RandomForestRegressor(), PomlForest()):
        assert f"found a {type(unfitted).__name__} that is not fitted" in refusal(unfitted, data)


def test_a_forest_from_a_file_knows_its_columns_and_units(data):
    X, y = table()
    units = {"ELEV": "m", "CLAY": "%", "TMP": "degC"}
    saved = SavedForest(PomlForest(n_trees=9).fit(X.to_numpy(), y), COLUMNS, units, "kg/m2")
    maps = poml_map.map_forest(saved, data)
    assert_allclose(maps["mean"][0], expected(saved.forest, data), rtol=0, atol=2e-6)
    assert maps["mean"].attrs["units"] == "kg C m-2"
    assert "missing column TMP" in refusal(saved, data, ["ELEV", "CLAY", "PRE"])
    same = data.assign(
        CLAY=data["CLAY"].assign_attrs(units="percent"), TMP=data["TMP"].assign_attrs(units="°C")
    )
    assert_array_equal(poml_map.map_forest(saved, same)["mean"], maps["mean"])
    other = data.assign(CLAY=data["CLAY"].assign_attrs(units="g/kg"), TMP=data["TMP"].assign_attrs(units="K"))
    text = refusal(saved, other)
    assert "covariate CLAY: found units g/kg, expected %, as the forest learned it" in text
    assert "covariate TMP: found units K, expected degC" in text
    silent = data.drop_attrs()
    assert_array_equal(poml_map.map_forest(saved, silent)["mean"], maps["mean"])


def test_what_has_no_single_mean_is_refused_with_the_reason(data):
    X, y = table()
    assert "RandomForestClassifier, expected a regressor" in refusal(
        RandomForestClassifier(n_estimators=2).fit(X, y > 3), data
    )
    both = RandomForestRegressor(n_estimators=2).fit(X, np.stack([y, y], axis=1))
    assert "the model has 2 outputs, expected one" in refusal(both, data)
    assert "expected a fitted one" in refusal(RandomForestRegressor(), data, COLUMNS)
    assert "the model is a dict" in refusal({}, data, COLUMNS)


def test_options_are_refused_before_anything_is_computed(forest, data):
    lazy = data.chunk({"y": 4})
    assert "quantiles has 5, expected numbers from 0 to 1" in refusal(forest, lazy, quantiles=(5,))
    assert "engine is 'quick'" in refusal(forest, lazy, engine="quick")
    assert "tree_sd and quantiles need the fast engine" in refusal(
        forest, lazy, tree_sd=True, engine="sklearn"
    )


def test_data_of_another_form_is_refused(forest, data):
    assert "found a ndarray, expected a Dataset" in refusal(forest, np.zeros((3, 4, 4)))
    assert "found dimensions year, y, x, expected one of band" in refusal(forest, data["TMP"])
    assert "found dimensions" in refusal(forest, data.rename(x="east"))
    deep = data.assign(CLAY=data["CLAY"].expand_dims(depth=2))
    assert "dimensions: found depth, year, expected at most one" in refusal(forest, deep)
    assert "covariate CLAY: found dimensions year, expected y and x" in refusal(
        forest, data.assign(CLAY=("year", [1.0, 2.0, 3.0]))
    )
    assert "expected numbers" in refusal(forest, data.assign(CLAY=data["CLAY"].astype(str)))
    packed = data.assign(CLAY=data["CLAY"].assign_attrs(scale_factor=0.1))
    assert "a scale of 0.1 and an offset of 0, expected values unpacked" in refusal(forest, packed)
    bands = xr.DataArray(np.zeros((2, 4, 4)), dims=("band", "y", "x"))
    assert "found 2 bands without names, expected 3: ELEV, CLAY, TMP" in refusal(forest, bands)


def test_files_on_different_grids_are_refused_naming_both(forest, data, files, tmp_path):
    shifted = (500.0, 0.0, 2e5 + 250, 0.0, -500.0, 3.4e6)
    write_tif(files[2], {"TMP": np.asarray(data["TMP"][0])}, shifted)
    text = refusal(forest, files)
    assert "data['TMP']: found 19 x 14 pixels of 500 from 200250, 3400000 in EPSG:32651" in text
    assert "expected 19 x 14 pixels of 500 from 200000, 3400000 in EPSG:32651 as ELEV" in text
    rounded = (500.0000001, 0.0, 2e5 + 0.01, 0.0, -500.0, 3.4e6)
    write_tif(files[2], {"TMP": np.asarray(data["TMP"][0])}, rounded)
    assert_array_equal(poml_map.map_forest(forest, files)["x"], GRID.x)
    write_tif(tmp_path / "two.tif", {"ELEV": np.zeros((2, 2), "float32"), "B": np.zeros((2, 2), "float32")})
    assert "two.tif: found 2 bands, expected one" in refusal(forest, {"ELEV": tmp_path / "two.tif"})
    write_tif(tmp_path / "two.tif", {"B": np.zeros((2, 2), "float32"), "": np.zeros((2, 2), "float32")})
    assert "two.tif: found 2 bands, expected a description" in refusal(forest, [tmp_path / "two.tif"])


def test_a_mask_that_lies_elsewhere_is_refused(forest, data):
    assert "mask: found float32 over y (14), x (19), expected bool" in refusal(
        forest, data, mask=data["CLAY"]
    )
    assert "mask: found bool over y (3), x (3)" in refusal(forest, data, mask=np.ones((3, 3), bool))
    moved = (data["CLAY"] > 20).assign_coords(x=data["x"] + 250)
    assert "mask, coordinate x: found other places" in refusal(forest, data, mask=moved)


# Threads


def test_dask_threads_start_no_threads_of_their_own(forest, data):
    """In a thread of somebody else one thread is the default; in the main one, the cores of the process."""
    found = []
    thread = threading.Thread(target=lambda: found.append(threads_to_start(None)))
    thread.start()
    thread.join()
    assert found == [1]
    assert 1 <= threads_to_start(None) <= 6
    lazy = poml_map.map_forest(forest, data.chunk({"y": 4}), tile_size=2)
    with counting_threads() as begun:
        lazy.compute(scheduler="synchronous")
        assert begun == []
        in_threads(abs, [1, 2, 3], workers=2)
        assert len(begun) == 2


def test_the_forests_own_predict_starts_none_either(data):
    X, y = table()
    X.loc[::5, "CLAY"] = np.nan
    model = RandomForestRegressor(n_estimators=4, random_state=0, n_jobs=2).fit(X, y)
    lazy = poml_map.map_forest(model, data.chunk({"y": 4}))
    with counting_threads() as begun:
        lazy.compute(scheduler="synchronous")
        assert begun == []
        model.predict(X)
        assert begun != []  # the user's own model is as it was


@contextmanager
def counting_threads():
    """Names of the threads that are started."""
    begun, start = [], threading.Thread.start

    def counting(self):
        begun.append(self.name)
        start(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", counting)
        yield begun
