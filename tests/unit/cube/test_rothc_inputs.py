"""What RothC reads besides climate and clay: real years of the spin-up, production, manure, ratios and classes."""

import dask
import numpy as np
import pytest
import rasterio.warp
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.cube import check_cube, open_layers, series
from poml_map.errors import InputError

LAND_USE = {"driver": "raster", "role": "land_use", "uri": "land_use.tif"}
NPP = {"driver": "raster", "role": "npp", "unit": "g C m-2 year-1"}


def land_use(mini, write, change=None, **options):
    """A map of the classes 1, 2, 3 in columns of cells that are a little larger than a pixel."""
    values = np.broadcast_to((np.arange(40) % 3 + 1).astype(options.pop("dtype", "uint8")), (32, 40)).copy()
    if change:
        change(values)
    write.raster(mini / "land_use.tif", values, 119.8, 30.4, 0.02, **options)
    mini.add("land_use", **LAND_USE)


def yearly(mini, write, name, *values, dtype="float32", **options):
    """A raster of one number a year, as files of a year."""
    for year, value in zip((1980, 1981), values, strict=True):
        write.raster(
            mini / f"{name}_{year}.tif", np.full((32, 40), value, dtype), 119.8, 30.4, 0.02, **options
        )


def assert_same_on_all_routes(mini, whole):
    """The lazy Dataset, tiles and sites hold the same bits; returns the whole grid as one tile."""
    cube = open_layers(mini.region())
    expected = whole(cube)
    with dask.config.set(scheduler="synchronous"):
        lazy = cube.dataset(chunk=13).sel(time=expected["time"]).compute()
    tiles = {tile: cube.read_tile(tile) for tile in cube.grid.tiles(17)}
    row, col = np.array([3, 20, 11]), np.array([5, 1, 27])
    sites = cube.at_points(cube.grid.x[col], cube.grid.y[row])
    for name in expected:
        assert_array_equal(lazy[name], expected[name], err_msg=name)
        for tile, part in tiles.items():
            assert_array_equal(part[name], expected[name].isel(y=tile.rows, x=tile.cols), err_msg=name)
        if name != "mask":
            assert sites[name].dims == (*expected[name].dims[:-2], "site")
            assert_array_equal(sites[name], expected[name].values[..., row, col], err_msg=name)
    return expected


@pytest.fixture(params=["kept in memory", "read for each tile"])
def memory(request, monkeypatch):
    """Small sources kept, and not."""
    if request.param == "read for each tile":
        monkeypatch.setattr(series, "KEEP_BYTES", 0)


@pytest.mark.usefixtures("memory")
def test_the_spin_up_may_be_the_real_months_of_its_years_on_every_route(mini, whole):
    mean = whole(open_layers(mini.region()))
    mini.settings["rothc"] = {"spinup": "real_years"}
    real = assert_same_on_all_routes(mini, whole)
    lazy = open_layers(mini.region()).dataset()
    for name in ("air_temp", "precip", "pet", "ndvi"):
        months = real[f"{name}_spinup"]
        assert months.dims == lazy[f"{name}_spinup"].dims == ("spinup_time", "y", "x")
        assert months.shape[0] == 24
        of_years = months.to_numpy().reshape(2, 12, *months.shape[1:])
        assert_allclose(of_years.mean(axis=0), mean[f"{name}_spinup"], rtol=2e-6)
        assert_array_equal(months, lazy[name].sel(time=months["spinup_time"].values).compute())
        assert_array_equal(real[name], mean[name])
    assert "spinup" not in {label[0] for label in open_layers(mini.region()).layers["precip"].plan.steps}
    assert str(real["spinup_time"].values[0])[:10] == "1978-01-01"
    assert "month" not in real.dims
    assert real["precip_spinup"].attrs["long_name"] == "precipitation of the month, months of the spin-up"
    assert abs(real["precip_spinup"][12] - real["precip_spinup"][0]).min() > 0.9  # a mm more each year
    assert_array_equal(real["ndvi_spinup"][:12], real["ndvi_spinup"][12:])


def test_it_is_said_which_driver_spins_up_with_real_months(mini):
    mini.settings["rothc"] = {"spinup": "real_years"}
    assert open_layers(mini.region()).spinup_means == {
        "air_temp": "real months of 1978-1979", "precip": "real months of 1978-1979", "pet": "constant",
        "ndvi": "mean of 1980-1981 in each of 1978-1979",
    }  # fmt: skip


def test_a_year_of_spin_up_and_run_has_its_real_months_and_ndvi_its_climatology(mini, whole):
    """The last year of the spin-up may be the first that is mapped; its NDVI belongs to the map alone."""
    mini.settings |= {"spinup_years": "1978-1980", "rothc": {"spinup": "real_years"}}
    tile = assert_same_on_all_routes(mini, whole)
    assert_array_equal(tile["air_temp_spinup"][24:], tile["air_temp"][:12])
    assert tile.sizes["spinup_time"] == 36
    assert_array_equal(tile["ndvi_spinup"][24:], tile["ndvi_spinup"][:12])
    assert abs(tile["ndvi_spinup"][24:] - tile["ndvi"][:12].to_numpy()).min() > 0.004


def test_a_daily_rate_of_a_constant_has_the_days_of_each_real_month(mini, whole):
    mini.entries["pet"] |= {"value": 2.0, "unit": "mm/day"}
    mini.settings |= {"spinup_years": "1979-1980", "rothc": {"spinup": "real_years"}}
    february = whole(open_layers(mini.region()))["pet_spinup"][[1, 13], 0, 0]
    assert_allclose(february, [56, 58])


def test_the_columns_that_rothc_reads_are_in_tiles_and_at_sites(mini, whole, write):
    land_use(mini, write)
    yearly(mini, write, "npp", 400.0, 500.0)
    write.raster(mini / "ratio.tif", np.full((32, 40), 0.67, "float32"), 119.8, 30.4, 0.02)
    mini.add("npp", **NPP, uri="npp_{year}.tif", years=[1980, 1981])
    mini.add("ratio", driver="raster", role="dpm_rpm", uri="ratio.tif", unit="1")
    mini.add("manure", driver="constant", role="manure", value=2.0, unit="t C/ha")
    mini.settings["rothc"] = {
        "input_driver": "NPP", "dpm_rpm": "DPM_RPM", "manure": "MANURE", "groups": "LAND_USE",
        "rate_factor": {"column": "LAND_USE", "values": {"1": "paddy_all_year"}},
    }  # fmt: skip
    tile = assert_same_on_all_routes(mini, whole)
    assert {"NPP", "DPM_RPM", "MANURE", "LAND_USE"} <= set(tile.data_vars)
    assert_allclose(tile["NPP"].mean(["y", "x"]), [0.4, 0.5], rtol=1e-6)
    assert tile["MANURE"].dims == ("year", "y", "x")
    assert_allclose(tile["MANURE"], 0.2, rtol=1e-6)
    assert tile["NPP"].attrs["units"] == tile["MANURE"].attrs["units"] == "kg/m2/year"
    assert tile["DPM_RPM"].dims == ("y", "x")


def test_a_column_that_nobody_reads_stays_out_of_the_tiles(mini, whole, write):
    land_use(mini, write)
    cube = open_layers(mini.region())
    assert "LAND_USE" not in whole(cube)
    assert "LAND_USE" in cube.dataset()


def test_a_constant_input_reads_no_driver(mini, whole):
    mini.settings |= {"covariates": ["ELEV", "TMP"], "rothc": {"input_driver": "constant"}}
    assert "FER" not in whole(open_layers(mini.region()))


@pytest.mark.parametrize(
    "layout", ["a file a year", "all years in one file", "netcdf", "one map for all years"]
)
def test_production_comes_in_any_layout(mini, whole, write, layout):
    expected = [0.4, 0.4] if layout == "one map for all years" else [0.4, 0.5]
    entry, years = NPP | {"uri": "npp.tif"}, {"years": [1980, 1981]}
    if layout == "a file a year":
        yearly(mini, write, "npp", 400.0, 500.0)
        entry |= {"uri": "npp_{year}.tif"} | years
    elif layout == "all years in one file":
        bands = np.stack([np.full((32, 40), value, "float32") for value in (400, 500)])
        write.raster(mini / "npp.tif", bands, 119.8, 30.4, 0.02)
        entry |= years
    elif layout == "netcdf":
        write.netcdf(
            mini / "npp.nc", "npp", lambda lon, lat, year, month: 400.0 + 100 * (year - 1980) + 0 * lon * lat,
            [(1980, 7), (1981, 7)], packed=False,
        )  # fmt: skip
        entry |= {"driver": "netcdf", "uri": "npp.nc", "variable": "npp"} | years
    else:
        write.raster(mini / "npp.tif", np.full((32, 40), 400, "float32"), 119.8, 30.4, 0.02)
    mini.add("npp", **entry)
    mini.settings["rothc"] = {"input_driver": "NPP"}
    npp = whole(open_layers(mini.region()))["NPP"]
    assert npp.dims == ("year", "y", "x")
    assert_allclose(npp.mean(["y", "x"]), expected, rtol=1e-6)


@pytest.mark.parametrize("role", ["npp", "fertilizer", "covariate", "manure"])
@pytest.mark.parametrize("zoned", [True, False], ids=["by county", "for the whole area"])
def test_a_table_serves_any_yearly_input_by_zone_or_for_the_whole_area(mini, whole, role, zoned):
    column = {"npp": "NPP", "fertilizer": "FER", "covariate": "STRAW", "manure": "MANURE"}[role]
    rows = (
        ["330101,1980,2", "330101,1981,3", "330102,1980,2", "330102,1981,5"]
        if zoned
        else ["x,1980,2", "x,1981,3"]
    )
    (mini / "input.csv").write_text("code,year,amount\n" + "\n".join(rows) + "\n")
    mini.entries["fertilizer"] = {
        "driver": "table", "role": role, "uri": "input.csv", "year": "year", "value": "amount", "years": [1980, 1981],
        "unit": "t/ha" if role == "covariate" else "kg/ha",
    }  # fmt: skip
    mini.entries["fertilizer"] |= {"zones": "counties", "key": "code"} if zoned else {}
    mini.entries["fertilizer"] |= {"column": column} if role == "covariate" else {}
    mini.settings |= {"covariates": ["ELEV", "TMP"], "rothc": {"input_driver": column}}
    tile = assert_same_on_all_routes(mini, whole)
    unit = 1e-4 if role in ("npp", "manure") else 1.0
    assert_allclose(np.unique(tile[column][0]), [2 * unit], rtol=1e-6)
    assert_allclose(np.unique(tile[column][1]), [3 * unit, 5 * unit] if zoned else [3 * unit], rtol=1e-6)


def test_a_table_of_production_that_starts_at_0_is_refused(mini, refused):
    (mini / "npp.csv").write_text("year,npp\n1980,0\n1981,1\n")
    entry = {
        "driver": "table",
        "role": "npp",
        "uri": "npp.csv",
        "year": "year",
        "value": "npp",
        "unit": "t/ha",
    }
    mini.add("npp", **entry, years=[1980, 1981])
    mini.settings["rothc"] = {"input_driver": "NPP"}
    assert "0 kg/m2/year in 1980, the whole area, expected a value above 0" in refused(mini)


@pytest.mark.parametrize(
    ("value", "dtype", "unit", "mend"),
    [
        (430.0, "float32", "kg/m2", "Declare `unit: g/m2/year`"),
        (7.0, "float32", "kg/m2/year", "Declare `unit: t/ha/year`"),
        (5200, "int16", "kg C m-2 year-1", "Declare `scale: 0.0001`"),
        (-2.0, "float32", "g/m2", "Check `unit:`, `scale:` and `nodata:`"),
    ],
)
def test_production_in_another_unit_or_scale_is_told_which(mini, whole, write, value, dtype, unit, mend):
    yearly(mini, write, "npp", value, value, dtype=dtype)
    mini.add("npp", **NPP | {"unit": unit}, uri="npp_{year}.tif", years=[1980, 1981])
    mini.settings["rothc"] = {"input_driver": "NPP"}
    with pytest.raises(InputError) as caught:
        whole(open_layers(mini.region()))
    assert mend in str(caught.value)


def test_the_codes_of_modis_for_water_and_towns_are_no_production(mini, write):
    """32762 times 0.0001 is 3.3 kg: it would pass for a jungle."""
    yearly(mini, write, "npp", 32762, 32762, dtype="int16", nodata=32767)
    mini.add("npp", **NPP | {"unit": "kg/m2/year"}, uri="npp_{year}.tif", years=[1980, 1981], scale=0.0001)
    with pytest.raises(InputError, match="outside the range of NPP"):
        check_cube(mini.region(), deep=True)


@pytest.mark.parametrize("method", [None, "mode"])
def test_classes_come_through_as_they_are(mini, whole, write, method):
    land_use(mini, write)
    mini.entries["land_use"] |= {"resampling": method} if method else {}
    mini.settings["rothc"] = {"groups": "LAND_USE"}
    classes = assert_same_on_all_routes(mini, whole)["LAND_USE"]
    assert set(np.unique(classes)) == {1, 2, 3}
    if method is None:
        cube = open_layers(mini.region())
        with rasterio.open(mini / "land_use.tif") as data:
            lon, lat = rasterio.warp.transform(cube.grid.crs, "EPSG:4326", cube.grid.x[:9], cube.grid.y[:9])
            direct = [value[0] for value in data.sample(zip(lon, lat, strict=True))]
        assert_array_equal(np.diag(classes.to_numpy())[:9], direct)


def test_a_class_between_classes_is_refused_where_it_lies(mini, whole, write):
    def spoil(values):
        values[10:12, 15] = 1.5

    land_use(mini, write, spoil, dtype="float32")
    mini.settings["rothc"] = {"groups": "LAND_USE"}
    with pytest.raises(InputError) as caught:
        whole(open_layers(mini.region()))
    with pytest.raises(InputError) as deep:
        check_cube(mini.region(), deep=True)
    for error in (caught, deep):
        text = str(error.value)
        assert text.startswith("land_use.tif, entry 'land_use', band 1: found 2 values that are no classes")
        assert "such as 1.5 at row 10, column 15" in text


def test_the_deep_check_names_mapped_classes_without_a_ratio(mini, write):
    def plant(values):
        values[values == 3] = 7
        values[:10] = 9  # north of the area, where the grid has pixels that are not mapped

    land_use(mini, write, plant)
    mini.settings["rothc"] = {"dpm_rpm": {"column": "LAND_USE", "values": {"1": 1.44, "2": 0.67}}}
    with pytest.raises(InputError) as caught:
        check_cube(mini.region(), deep=True)
    (line,) = str(caught.value).splitlines()
    assert "rothc.dpm_rpm.values: found no ratio for class 7 (" in line
    assert "class 9" not in line
    assert "Add it, for example `7: 1.44`" in line
    mini.settings["rothc"]["dpm_rpm"]["values"]["7"] = 0.25
    check_cube(mini.region(), deep=True)


def deep_problems(mini) -> list[str]:
    with pytest.raises(InputError) as caught:
        check_cube(mini.region(), deep=True)
    return str(caught.value).splitlines()


def test_the_deep_check_finds_a_driver_of_0_that_every_later_year_is_divided_by(mini, write):
    """A run would meet it on the map, after hours."""
    values = np.full((32, 40), 500.0, "float32")
    values[18:20, 20:22] = 0.0
    write.raster(mini / "npp_1980.tif", values, 119.8, 30.4, 0.02)
    write.raster(mini / "npp_1981.tif", values[::-1], 119.8, 30.4, 0.02)
    mini.add("npp", **NPP, uri="npp_{year}.tif", years=[1980, 1981], resampling="nearest")
    mini.settings["rothc"] = {"input_driver": "NPP"}
    (line,) = deep_problems(mini)
    assert "region.yaml:" in line
    assert "rothc.input_driver: found NPP of 0 kg/m2/year at x " in line
    assert "e+" not in line  # a northing is no order of magnitude
    assert "more pixels, expected above 0 in 1980: the input of every later year is divided by it" in line
    mini.settings["rothc"] = {"input_driver": "constant"}
    check_cube(mini.region(), deep=True)


def test_the_deep_check_finds_a_first_map_without_carbon(mini, write):
    values = np.full((32, 40), 4.0, "float32")
    values[18:20, 20:22] = 0.0
    write.raster(mini / "stock.tif", values, 119.8, 30.4, 0.02)
    mini.add(
        "first", driver="raster", role="stock", uri="stock.tif", unit="kg/m2", resampling="nearest",
        valid_range=[0, 50],
    )  # fmt: skip
    mini.settings["rothc"] = {"first_map": "first"}
    (line,) = deep_problems(mini)
    assert "rothc.first_map: found " in line
    assert "expected above 0: a soil with carbon. Declare `nodata: 0`" in line


def test_the_deep_check_warns_of_a_rate_factor_for_classes_that_are_not_there(mini, write, caplog):
    land_use(mini, write)
    factor = {"column": "LAND_USE", "values": {"9": "paddy_all_year", "8": "paddy_all_year"}}
    mini.settings["rothc"] = {"rate_factor": factor}
    check_cube(mini.region(), deep=True)
    (line,) = caplog.messages
    assert line.endswith("changes nothing: no mapped pixel has its class 8, 9, LAND_USE holds 1, 2, 3")
    caplog.clear()
    factor["values"]["3"] = "paddy_all_year"
    check_cube(mini.region(), deep=True)
    assert not caplog.messages
