"""Positions: the right cell by every route; values: weights, gaps and edges."""

import netCDF4
import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.cube import open_cube, open_layers
from poml_map.cube.positions import Points, SourceGrid, source_grid
from poml_map.cube.resample import resample, stencil, subdivisions
from poml_map.grid import Grid, Tile

GEO = SourceGrid("EPSG:4326", (1.0, 0.0, 0.0, 0.0, -1.0, 4.0), 4, 4, 2.0)


def at(grid, values, x, y, method, side=1, size=(1.0, 1.0)):
    """Values of a source array at points in its own CRS."""
    points = Points(np.atleast_1d(x), np.atleast_1d(y), size, grid.crs)
    shape = stencil(grid, points, method, side)
    window = Tile(0, grid.height, 0, grid.width)
    cells = np.asarray(values, "float32").reshape(1, grid.height * grid.width)
    return resample(cells, shape.index(window), shape, method)[0]


def covariate(mini, uri, driver="raster", **more):
    """The mini region with one more static source as column X."""
    mini.add("x", driver=driver, role="covariate", column="X", uri=uri, unit="1", **more)
    mini.settings["covariates"] = ["ELEV", "X"]
    return open_layers(mini.region())


def test_bilinear_is_exact_on_a_plane():
    z = np.add.outer(np.arange(4.0), 10 * np.arange(4.0))
    assert_allclose(at(GEO, z, [1.5, 2.0, 2.25], [2.5, 2.0, 1.5], "bilinear"), [11.0, 16.5, 19.5], atol=1e-5)


def test_within_half_a_cell_of_the_edge_the_edge_value_counts_and_beyond_nothing():
    z = np.add.outer(np.zeros(4), 10 * np.arange(4.0))
    assert_array_equal(at(GEO, z, [0.0, 0.2, 3.9, 4.0], [2.0] * 4, "bilinear"), [0, 0, 30, 30])
    assert np.isnan(at(GEO, z, [-0.01, 4.01], [2.0, 2.0], "bilinear")).all()
    assert np.isnan(at(GEO, z, [2.0, 2.0], [4.01, -0.01], "nearest")).all()


def test_a_missing_neighbour_gives_its_weight_to_the_others_but_the_own_cell_must_be_there():
    z = np.full((4, 4), 5.0)
    z[1, 1] = np.nan
    assert_allclose(at(GEO, z, [2.4, 1.6], [2.6, 2.4], "bilinear"), [5.0, np.nan])


def test_gaps_that_move_in_time_are_handled_month_by_month():
    z = np.ones((2, 4, 4))
    z[0, 1, 1] = np.nan
    points = Points([1.4], [2.6], (1, 1), "EPSG:4326")
    shape = stencil(GEO, points, "bilinear")
    values = resample(z.reshape(2, 16).astype("float32"), shape.index(Tile(0, 4, 0, 4)), shape, "bilinear")
    assert np.isnan(values[0, 0])
    assert values[1, 0] == 1


def test_a_missing_cell_is_not_part_of_an_average():
    z = np.array([[1.0, 3, 0, 0], [5, np.nan, 0, 0], [np.nan, np.nan, 0, 0], [np.nan, 7, 0, 0]])
    values = at(GEO, z, [1.0, 1.0], [3.0, 1.0], "average", side=2, size=(2.0, 2.0))
    assert_allclose(values, [3.0, np.nan])  # three of four; one of four is less than half


def test_sub_points_beyond_the_edge_are_not_part_of_an_average():
    """A pixel that hangs over the western edge: two of its four sub-points lie on the raster."""
    z = np.full((4, 4), 900.0)
    z[2:, 0] = [2.0, 4.0]
    assert_allclose(at(GEO, z, [0.25], [1.0], "average", side=2, size=(2.0, 2.0)), [3.0])


def test_points_that_are_chosen_take_along_what_is_known_of_them():
    points, wanted = Points.of_tile(Grid("EPSG:32651", (1000.0, 0, 2e5, 0, -1000.0, 3.4e6), 3, 2), Tile(0, 2, 0, 3)), [
        False, True, True, False, False, True,
    ]  # fmt: skip
    lon, lat = points.coordinates("EPSG:4326")
    points.once("number", lambda: np.arange(6))
    part = points.chosen(np.array(wanted))
    assert_array_equal(part.once("number", list), [1, 2, 5])
    assert_array_equal(part.coordinates("EPSG:4326"), [lon[wanted], lat[wanted]])
    assert_array_equal(part.coordinates("OGC:CRS84"), [lon[wanted], lat[wanted]])


def test_a_pixel_of_half_valid_sub_points_keeps_its_mean():
    z = np.array([[1.0, 3, 0, 0], [np.nan, np.nan, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    assert_allclose(at(GEO, z, [1.0], [3.0], "average", side=2, size=(2.0, 2.0)), [2.0])


def test_mode_takes_the_most_frequent_class_and_the_smaller_of_two():
    z = np.array([[4.0, 4, 2, 1], [4, 1, 1, 2], [0, 0, 0, 0], [0, 0, 0, 0]])
    assert_array_equal(at(GEO, z, [1.0, 3.0], [3.0, 3.0], "mode", side=2, size=(2.0, 2.0)), [4, 1])


def test_average_uses_every_source_cell_under_a_pixel():
    fine = SourceGrid("EPSG:32651", (90.0, 0.0, 0.0, 0.0, -90.0, 9000.0), 100, 100)
    grid = Grid("EPSG:32651", (500.0, 0.0, 0.0, 0.0, -500.0, 9000.0), 10, 10)
    assert subdivisions(fine, grid) == 6


@pytest.mark.parametrize("crs", ["EPSG:32650", "EPSG:3857", "EPSG:4326"])
def test_positions_in_another_crs_err_by_less_than_a_hundredth_of_a_cell(crs):
    """The column and row numbers themselves, as a field, read back at 900 pixel centres of UTM 51."""
    grid = Grid("EPSG:32651", (1000.0, 0.0, 210000.0, 0.0, -1000.0, 3345000.0), 30, 30)
    step = 0.005 if crs == "EPSG:4326" else 500.0
    x, y = pyproj.Transformer.from_crs(grid.crs, crs, always_xy=True).transform(210000, 3345000)
    source = source_grid(crs, (step, 0.0, x - 40 * step, 0.0, -step, y + 40 * step), 200, 200, 120.0)
    rows, cols = np.meshgrid(np.arange(200) + 0.5, np.arange(200) + 0.5, indexing="ij")
    points = Points.of_tile(grid, Tile(0, 30, 0, 30))
    shape = stencil(source, points, "bilinear")
    cells = np.stack([cols.ravel(), rows.ravel()]).astype("float32")
    found = resample(cells, shape.index(Tile(0, 200, 0, 200)), shape, "bilinear")
    px, py = pyproj.Transformer.from_crs(grid.crs, crs, always_xy=True).transform(points.x, points.y)
    truth = [(px - source.transform[2]) / step, (source.transform[5] - py) / step]
    assert np.abs(found - truth).max() < 0.01


@pytest.mark.parametrize("method", ["nearest", "average"])
def test_a_single_cell_lands_on_the_same_pixels_as_geotiff_point_raster_and_netcdf(
    mini, method, write, whole
):
    lon, lat = write.cells(119.9, 30.3, 0.02, 30, 20)
    values = np.zeros((20, 30), "float32")
    values[9, 12] = 1
    write.raster(mini / "area.tif", values, 119.9, 30.3, 0.02)
    write.raster(mini / "point.tif", values, 119.9, 30.3, 0.02)
    with rasterio.open(mini / "point.tif", "r+") as data:
        data.update_tags(AREA_OR_POINT="Point")
    write.static(mini / "down.nc", "x", values, lon[0], lat[:, 0])
    write.static(mini / "up.nc", "x", values[::-1], lon[0], lat[::-1, 0])
    for name in ("area", "point", "down", "up"):
        tif = name in ("area", "point")
        uri, driver = f"{name}.{'tif' if tif else 'nc'}", "raster" if tif else "netcdf"
        mini.add(name, driver=driver, role="covariate", column=name, uri=uri, unit="1", resampling=method)
        mini.entries[name] |= {} if tif else {"variable": "x"}
    mini.settings["covariates"] = ["area", "point", "down", "up"]
    tile = whole(open_layers(mini.region()))
    assert tile["area"].sum() > 0
    for name in ("point", "down", "up"):
        assert_array_equal(tile[name], tile["area"], err_msg=name)


def test_longitudes_from_0_to_360_and_from_minus_180_are_the_same_place(mini, write, whole):
    lat = np.array([35.0, 33, 31, 29, 27, 25])
    west = np.arange(-179.0, 180, 2)
    values = np.sin(np.radians(west))[None] + 0 * lat[:, None]
    write.static(mini / "west.nc", "x", values, west, lat)
    order = np.argsort(west % 360)
    write.static(mini / "east.nc", "x", values[:, order], west[order] % 360, lat)
    for name in ("west", "east"):
        mini.add(
            name, driver="netcdf", role="covariate", column=name, uri=f"{name}.nc", variable="x", unit="1"
        )
    mini.settings["covariates"] = ["west", "east"]
    tile = whole(open_layers(mini.region()))
    assert_array_equal(tile["west"], tile["east"])
    assert tile["west"].notnull().all()


def test_longitudes_that_pass_360_on_the_way_are_even(mini, write):
    """350, 355, 0, 5: a window around Greenwich cut from a 0-360 file."""
    lon = np.arange(350.0, 490.0, 5.0) % 360
    lat = np.array([40.0, 30, 20])
    write.static(mini / "x.nc", "x", np.arange(28.0) + 0 * lat[:, None], lon, lat)
    cube = covariate(mini, "x.nc", "netcdf", variable="x")
    assert_allclose(cube.read_tile(Tile(5, 6, 5, 6))["X"], (120.05 - 350 + 360) / 5, atol=0.02)


def test_a_global_raster_is_not_cut_where_its_columns_end():
    """Pixels at Greenwich lie on both ends of a 0-360 raster."""
    grid = Grid("EPSG:4326", (0.5, 0.0, -2.0, 0.0, -0.5, 51.0), 8, 2)
    source = source_grid("EPSG:4326", (1.0, 0.0, 0.0, 0.0, -1.0, 90.0), 360, 180, 0.0)
    window = source.window(grid)
    assert [piece.start for piece in source.pieces(window)][-1] == 0
    points = Points.of_tile(grid, Tile(0, 2, 0, 8))
    shape = stencil(source, points, "bilinear")
    columns = np.concatenate([np.arange(360)[piece] for piece in source.pieces(window)])
    signed = np.where(columns > 180, columns - 360, columns) + 0.5  # longitude of each cell
    cells = np.broadcast_to(signed, window.shape).astype("float32").reshape(1, -1)
    assert_allclose(resample(cells, shape.index(window), shape, "bilinear")[0], points.x, atol=1e-5)


def test_a_plane_in_another_crs_comes_back_as_the_plane(mini, write, whole):
    """Interior error below 1e-3 of the range."""
    x = 760000 + 250 * (np.arange(280) + 0.5)
    y = 3360000 - 250 * (np.arange(200) + 0.5)
    values = (x[None] - 760000) / 1000 + 2 * (y[:, None] - 3310000) / 1000
    write.raster(mini / "x.tif", values.astype("float32"), 760000, 3360000, 250, crs="EPSG:32650")
    cube = covariate(mini, "x.tif")
    tile = whole(cube)
    px, py = np.meshgrid(cube.grid.x, cube.grid.y)
    sx, sy = pyproj.Transformer.from_crs("EPSG:32651", "EPSG:32650", always_xy=True).transform(px, py)
    truth = (sx - 760000) / 1000 + 2 * (sy - 3310000) / 1000
    assert np.nanmax(np.abs(tile["X"] - truth)) < 1e-3 * np.ptp(values)


def test_packed_netcdf_is_unpacked_once_and_unsigned_is_understood(mini, write, whole):
    lon, lat = write.cells(119.9, 30.3, 0.02, 30, 20)
    truth = 300 + 10 * (lon - 120) + 5 * (lat - 30)
    options = {"dtype": "i2", "fill": -32768, "scale_factor": 0.01, "add_offset": 280.0}
    write.static(mini / "x.nc", "x", truth, lon[0], lat[:, 0], **options)
    cube = covariate(mini, "x.nc", "netcdf", variable="x", resampling="nearest")
    values = whole(cube)["X"].to_numpy()
    assert abs(values.mean() - truth.mean()) < 1.0
    stored = (values - 280) / 0.01
    assert_allclose(stored, stored.round(), atol=0.01)  # on the file's own steps: half a quantum from truth
    with netCDF4.Dataset(mini / "x.nc", "w") as data:
        for dim, axis in (("lat", lat[:, 0]), ("lon", lon[0])):
            data.createDimension(dim, len(axis))
            data.createVariable(dim, "f8", (dim,))[:] = axis
        variable = data.createVariable("x", "i1", ("lat", "lon"), fill_value=-1)
        variable._Unsigned, variable.scale_factor = "true", 0.5
        variable.set_auto_maskandscale(False)
        variable[:] = np.full((20, 30), 200, "u1").view("i1")
    mini.entries["x"]["crs"] = "EPSG:4326"
    assert_array_equal(whole(open_layers(mini.region()))["X"], 100)


def test_packed_values_stay_what_they_are_in_the_cache_and_in_a_saved_cube(mini, write, whole):
    """10.0 stored as 100 steps of 0.1: read twice by one cube, and as a source that was saved from the cube."""
    lon, lat = write.cells(119.9, 30.3, 0.02, 30, 20)
    truth = np.broadcast_to(10 + 3 * (lon - 120), (20, 30))
    options = {"dtype": "i2", "fill": -32768, "scale_factor": 0.1, "add_offset": -5.0}
    write.static(mini / "x.nc", "x", truth, lon[0], lat[:, 0], **options)
    cube = covariate(mini, "x.nc", "netcdf", variable="x", resampling="nearest")
    first, again = whole(cube)["X"].to_numpy(), whole(cube)["X"].to_numpy()
    assert_array_equal(again, first)
    x, y = np.meshgrid(cube.grid.x, cube.grid.y)
    place = pyproj.Transformer.from_crs(cube.grid.crs, "EPSG:4326", always_xy=True).transform(x, y)[0]
    # Half a quantum, and half a cell of the slope.
    assert np.nanmax(np.abs(first - (10 + 3 * (place - 120)))) <= 0.05 + 3 * 0.01 + 1e-4
    open_cube(mini.region())[["X"]].to_zarr(mini / "saved.zarr", zarr_format=2, consolidated=True)
    mini.entries["x"] |= {"uri": "saved.zarr", "driver": "zarr", "variable": "X", "crs": cube.grid.crs}
    assert_array_equal(whole(open_layers(mini.region()))["X"], first)


def test_scale_and_nodata_of_the_entry_go_before_those_of_the_file(mini, write, whole):
    values = np.full((20, 30), 250, "int16")
    values[5:8] = -77
    write.raster(mini / "x.tif", values, 119.9, 30.3, 0.02)
    tile = whole(covariate(mini, "x.tif", scale=0.1, offset=1.0, nodata=-77, resampling="nearest"))
    assert set(np.unique(tile["X"].to_numpy()[tile["X"].notnull()])) == {np.float32(26.0)}
    assert tile["X"].isnull().any()


def test_rows_from_south_to_north_in_a_geotiff_are_the_same_place(mini, write, whole):
    lon, lat = write.cells(119.9, 30.3, 0.02, 30, 20)
    values = (lon + 10 * lat).astype("float32")
    write.raster(mini / "x.tif", values, 119.9, 30.3, 0.02)
    first = whole(covariate(mini, "x.tif"))["X"]
    turned = Affine(0.02, 0, 119.9, 0, 0.02, 30.3 - 20 * 0.02)
    write.raster(mini / "x.tif", values[::-1], 119.9, 30.3, 0.02, transform=turned)
    assert_allclose(whole(open_layers(mini.region()))["X"], first, rtol=1e-6)
