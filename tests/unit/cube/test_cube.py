"""Three routes to one number: the lazy Dataset, tiles in memory and values at sites."""

import gc
import pickle
import shutil
import weakref
from concurrent.futures import ThreadPoolExecutor

import dask
import numpy as np
import pyproj
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

from poml_map import schema
from poml_map.cube import area, open_cube, open_layers, series
from poml_map.cube.arrayfile import ArrayFiles
from poml_map.cube.container import open_container
from poml_map.cube.raster import RasterFiles
from poml_map.errors import InputError


@pytest.fixture(params=["kept in memory", "read for each tile"])
def cube(mini, request, monkeypatch):
    """The mini region's cube, with small sources kept and without."""
    if request.param == "read for each tile":
        monkeypatch.setattr(series, "KEEP_BYTES", 0)
    return open_layers(mini.region())


def same(a, b, name):
    assert a.dtype == b.dtype
    assert_array_equal(np.asarray(a), np.asarray(b), err_msg=name)


def test_the_dataset_has_every_variable_of_every_year_with_its_unit(mini):
    data = open_cube(mini.folder / mini.region().file)
    assert set(schema.PAPER_COVARIATES) < set(data.data_vars)
    assert data["air_temp"].dims == ("time", "y", "x")
    assert data["TMP"].dims == ("year", "y", "x")
    assert data["air_temp_spinup"].dims == ("month", "y", "x")
    assert data["CLAY"].dims == data["mask"].dims == ("y", "x")
    assert data["mask"].dtype == bool
    assert data.sizes["time"] == 48
    assert str(data["time"].values[0])[:10] == "1978-01-01"
    assert data.rio.crs.to_epsg() == 32651
    assert data["CLAY"].attrs == {"units": "%", "long_name": "clay content", "source": "clay"}
    assert (data.attrs["title"], data.attrs["synthetic"]) == ("mini", 1)


def test_chunks_and_tiles_of_any_size_give_the_same_bits_as_the_whole(cube, whole):
    expected = whole(cube)
    with dask.config.set(scheduler="synchronous"):
        lazy = cube.dataset(chunk=13).sel(time=expected["time"]).compute()
    for tile in cube.grid.tiles(17):
        part = cube.read_tile(tile)
        for name in expected:
            same(part[name], expected[name].isel(y=tile.rows, x=tile.cols), name)
    for name in expected:
        same(lazy[name], expected[name], name)


def test_the_mapped_pixels_of_a_tile_have_the_same_bits_as_in_the_whole_row_by_row(cube, whole):
    expected = whole(cube)
    for tile in cube.grid.tiles(9):
        part, wanted = cube.read_tile(tile, mapped_only=True), expected["mask"].isel(y=tile.rows, x=tile.cols)
        same(part["mask"], wanted, "mask")
        assert (list(part.data_vars) == ["mask"]) == (not wanted.any())
        for name in (name for name in part.data_vars if name != "mask"):
            there = expected[name].isel(y=tile.rows, x=tile.cols).to_numpy()[..., wanted.to_numpy()]
            assert part[name].dims == (*expected[name].dims[:-2], "pixel")
            assert_array_equal(part[name], there, err_msg=name)


def test_values_at_sites_are_those_of_the_pixels_that_hold_them(cube, whole):
    expected, rng = whole(cube), np.random.default_rng(3)
    xmin, ymin, xmax, ymax = cube.grid.bounds
    x, y = rng.uniform(xmin, xmax, 40), rng.uniform(ymin, ymax, 40)
    sites = cube.at_points(x, y)
    row, col, _ = cube.grid.index(x, y)
    one = cube.at_points(x[:1], y[:1])
    for name in (name for name in expected if name != "mask"):
        same(sites[name], expected[name].values[..., row, col], name)
        same(one[name], sites[name][..., :1], name)
    assert_array_equal(sites["in_mask"], expected["mask"].values[row, col])


def test_a_first_map_of_stocks_is_read_for_pixels_only(mini, whole, write):
    """A site starts from its own stock: a gap of the map there must not cost a sample."""
    write.raster(mini / "stock.tif", np.full((60, 60), 4.5, "float32"), 119.8, 30.4, 0.02)
    mini.add("stock", driver="raster", role="stock", uri="stock.tif", unit="kg/m2")
    mini.settings["rothc"] = {"first_map": "stock"}
    cube = open_layers(mini.region())
    assert_allclose(whole(cube)["STOCK"], 4.5, rtol=1e-6)
    assert "STOCK" not in cube.at_points(cube.grid.x[:1], cube.grid.y[:1])


def test_sites_beside_the_grid_have_no_values(cube):
    sites = cube.at_points([cube.grid.x[0], 0.0, np.nan], [cube.grid.y[0], 0.0, 1.0])
    assert sites["in_mask"].dims == ("site",)
    assert not sites["in_mask"][1:].any()
    for name in sites:
        assert sites[name][..., 1:].isnull().all()
        assert sites[name][..., 0].notnull().all()
    nowhere = cube.at_points([0.0], [0.0])
    assert set(nowhere) == set(sites)
    assert all(nowhere[name].isnull().all() for name in nowhere)


def test_opening_and_building_the_dataset_read_no_pixel(mini, monkeypatch):
    def refuse(*_):
        raise AssertionError("read while opening")

    monkeypatch.setattr(RasterFiles, "read", refuse)
    monkeypatch.setattr(ArrayFiles, "read", refuse)
    data = open_cube(mini.region())
    with pytest.raises(AssertionError, match="read while opening"):
        data["CLAY"].compute(scheduler="synchronous")


def test_a_small_part_of_the_dataset_reads_only_what_it_needs(mini, monkeypatch):
    monkeypatch.setattr(series, "KEEP_BYTES", 0)
    windows = []
    read = RasterFiles.read

    def counted(self, frames, window, blocks):
        windows.append((self.source.name, window.shape, len(frames)))
        return read(self, frames, window, blocks)

    monkeypatch.setattr(RasterFiles, "read", counted)
    open_cube(mini.region(), chunk=4)["CLAY"][:4, :4].compute(scheduler="synchronous")
    assert [name for name, _, _ in windows] == ["clay"]
    assert max(windows[0][1]) < 20


def test_a_cube_travels_to_another_process_without_its_arrays(mini, whole):
    cube = open_layers(mini.region())
    expected = whole(cube)
    text = pickle.dumps(cube)
    assert len(text) < 100_000
    xr.testing.assert_identical(whole(pickle.loads(text)), expected)
    assert len(pickle.dumps(cube.dataset()["air_temp"].data)) < 400_000


def test_threads_get_the_same_as_one_after_the_other(mini, monkeypatch):
    monkeypatch.setattr(series, "KEEP_BYTES", 0)
    cube = open_layers(mini.region())
    tiles = list(cube.grid.tiles(16))
    expected = [cube.read_tile(tile) for tile in tiles]
    with ThreadPoolExecutor(4) as pool:
        for got, want in zip(pool.map(open_layers(mini.region()).read_tile, tiles), expected, strict=True):
            xr.testing.assert_identical(got, want)


def test_climate_is_the_field_that_the_files_were_made_from(cube, whole, write):
    tile = whole(cube)
    lon, lat = pyproj.Transformer.from_crs(cube.grid.crs, "EPSG:4326", always_xy=True).transform(
        *np.meshgrid(cube.grid.x, cube.grid.y)
    )
    assert_allclose(tile["air_temp"].sel(time="1981-07-01"), write.air_temp(lon, lat, 1981, 7), atol=0.006)
    truth = np.mean([write.precip(lon, lat, year, 3) for year in (1978, 1979)], axis=0)
    assert_allclose(tile["precip_spinup"].sel(month=3), truth, atol=1e-3)


def test_years_are_totals_and_means_of_their_own_twelve_months(cube, whole):
    tile = whole(cube)
    for column, (driver, months, how) in schema.ANNUAL_FROM_MONTHLY.items():
        years = tile[driver].to_numpy().astype(float).reshape(2, 12, *cube.grid.shape)
        truth = getattr(years[:, np.subtract(months, 1)], how)(axis=1)
        assert_allclose(tile[column], truth, rtol=1e-6, err_msg=column)


def test_units_become_those_of_the_cube(mini, whole):
    first = whole(open_layers(mini.region()))
    mini.entries["temperature"] |= {"unit": "K", "offset": 5.0 + 273.15}
    mini.entries["clay"] |= {"unit": "%", "scale": 0.1}
    second = whole(open_layers(mini.region()))
    assert_allclose(second["air_temp"], first["air_temp"], atol=1e-4)
    assert_allclose(second["CLAY"], first["CLAY"], rtol=1e-6)


def test_a_rate_per_day_becomes_the_total_of_the_months_own_days(mini, whole):
    mini.entries["pet"] |= {"value": 2.0, "unit": "mm/day"}
    mini.entries["precipitation"]["unit"] = "mm/day"
    mini.entries["precipitation"]["scale"] = 0.01
    tile = whole(open_layers(mini.region()))
    days = tile["time"].dt.days_in_month.to_numpy()
    assert_allclose(tile["pet"][:, 0, 0], 2.0 * days, rtol=1e-6)
    assert_allclose(tile["PET"][:, 0, 0], [2.0 * 366, 2.0 * 365], rtol=1e-6)
    assert_allclose(tile["pet_spinup"][1, 0, 0], 2.0 * 28, rtol=1e-6)
    assert_allclose(tile["precip"][1, 0, 0] / days[1], 0.9, rtol=0.05)


def test_open_pan_evaporation_is_multiplied_by_three_quarters(mini, whole):
    mini.entries["pet"] |= {"role": "pan_evaporation", "value": 100.0}
    assert (whole(open_layers(mini.region()))["pet"] == 75).all()


def test_an_expression_joins_variables_of_two_files(mini, whole, write):
    first = whole(open_layers(mini.region()))["air_temp"]
    for name, shift in (("tmin", -4), ("tmax", 4)):
        for year in range(1978, 1982):

            def field(*place, shift=shift):
                return write.air_temp(*place) + shift

            write.netcdf(mini / f"{name}_{year}.nc", name, field, write.months([year]))
    entry = mini.entries["temperature"]
    del entry["variable"]
    entry |= {"uri": "{variable}_{year}.nc", "variables": ["tmin", "tmax"], "expression": "(tmin + tmax) / 2"}
    assert_allclose(whole(open_layers(mini.region()))["air_temp"], first, atol=0.011)


def test_zarr_gives_what_netcdf_gives(mini, whole):
    first = whole(open_layers(mini.region()))["precip"]
    with xr.open_dataset(mini / "ppt.nc", engine="netcdf4") as data:
        data.load().to_zarr(mini / "ppt.zarr", zarr_format=2, consolidated=False)
    mini.entries["precipitation"] |= {"driver": "zarr", "uri": "ppt.zarr"}
    assert_array_equal(whole(open_layers(mini.region()))["precip"], first)


@pytest.mark.parametrize("layout", ["a file a month", "all years in one file"])
def test_monthly_rasters_may_lie_in_files_of_a_month_or_of_all_years(mini, whole, write, layout):
    import rasterio

    first = whole(open_layers(mini.region()))["ndvi"]
    bands = []
    for year in (1980, 1981):
        with rasterio.open(mini / f"ndvi_{year}.tif") as data:
            bands += list(data.read())
    if layout == "a file a month":
        for index, band in enumerate(bands):
            name = f"n_{1980 + index // 12}_{index % 12 + 1:02d}.tif"
            write.raster(mini / name, band, 119.8, 30.4, 0.02, nodata=-3000, scales=1e-4)
        mini.entries["ndvi"]["uri"] = "n_{year}_{month}.tif"
    else:
        write.raster(mini / "n.tif", np.stack(bands), 119.8, 30.4, 0.02, nodata=-3000, scales=1e-4)
        mini.entries["ndvi"]["uri"] = "n.tif"
    assert_array_equal(whole(open_layers(mini.region()))["ndvi"], first)


def test_the_mask_is_the_area_and_the_declared_classes(mini, whole):
    cube = open_layers(mini.region())
    lon, lat = pyproj.Transformer.from_crs(cube.grid.crs, "EPSG:4326", always_xy=True).transform(
        *np.meshgrid(cube.grid.x, cube.grid.y)
    )
    inside = (lon >= 120) & (lon <= 120.3) & (lat >= 30) & (lat <= 30.2)
    assert_array_equal(whole(cube)["mask"], inside)  # class 2 lies north of 30.2 only
    mini.entries["cropland"]["classes"] = [2]
    assert not whole(open_layers(mini.region()))["mask"].any()
    assert cube.mask_info == {"area": [120.0, 30.0, 120.3, 30.2], "source": "cropland", "classes": [1]}


def test_polygons_chosen_by_a_column_make_the_area(mini, whole):
    mini.settings["area"] = {"polygons": "counties", "where": {"code": ["330102"]}}
    mini.settings["min_coverage"] = 0.0
    mini.settings["grid"]["resolution"] = 10000
    cube = open_layers(mini.region())
    lon, _ = pyproj.Transformer.from_crs(cube.grid.crs, "EPSG:4326", always_xy=True).transform(
        *np.meshgrid(cube.grid.x, cube.grid.y)
    )
    mask = cube.mask()
    assert mask.any()
    assert lon[mask].min() > 120.15
    assert set(np.unique(cube.zone_codes()[mask])) == {1}
    assert cube.zone_names() == ("West", "East")
    assert all(ring.shape[1] == 2 for ring in cube.outlines())


def test_polygons_that_no_row_of_the_file_has_are_refused(mini, refused):
    mini.settings["area"] = {"polygons": "counties", "where": {"name": ["west"]}}
    text = refused(mini)
    assert "'west'" in text
    assert "Did you mean 'West'?" in text


def test_the_grid_of_a_raster_is_taken_as_it_is(mini):
    mini.settings["grid"] = {"like": "clay"}
    cube = open_layers(mini.region())
    assert cube.grid.crs == "EPSG:32650"
    assert cube.grid.resolution == (500, 500)
    assert cube.grid.transform[2] % 500 == 0
    assert cube.mask().sum() > 2000


def test_the_grid_may_be_that_of_yearly_files(mini):
    shutil.copy(mini / "clay.tif", mini / "clay_1979.tif")
    about = {"driver": "raster", "role": "covariate", "column": "LAYER", "unit": "%", "years": [1979, 1979]}
    mini.add("layer", uri="clay_{year}.tif", **about)
    mini.settings |= {
        "grid": {"like": "layer"},
        "fill": {**mini.settings.get("fill", {}), "layer": "climatology"},
    }
    assert area.region_grid(mini.region()).resolution == (500, 500)


def test_a_resolution_in_degrees_for_a_grid_in_metres_is_refused(mini):
    mini.settings["grid"]["resolution"] = 0.005
    with pytest.raises(InputError, match="units of the grid's CRS"):
        area.region_grid(mini.region())


def test_one_thread_at_a_time_is_inside_the_netcdf_library(mini):
    def variables():
        with open_container(mini / "ppt.nc", "netcdf") as data:
            return data.names

    with ThreadPoolExecutor(1) as pool:
        with open_container(mini / "ppt.nc", "netcdf"):
            other = pool.submit(variables)
            with pytest.raises(TimeoutError):
                other.result(timeout=0.2)
        assert "ppt" in other.result(timeout=10)


def test_a_tile_that_nobody_holds_is_gone_at_once(cube):
    """A reference cycle would keep every tile's arrays until the garbage collector runs: gigabytes in a run."""
    gc.disable()
    try:
        tile = cube.read_tile(next(cube.grid.tiles(8)))
        alive = weakref.ref(tile)
        assert tile.rio.crs.to_epsg() == 32651
        tile = cube.read_tile(next(cube.grid.tiles(8)))
        del tile
        second = weakref.ref(cube.read_tile(next(cube.grid.tiles(8))))
    finally:
        gc.enable()
    assert alive() is not None  # asking for `.rio` is what makes the cycle
    assert second() is None
