"""Gridded files that are wrong: refused with the file, the place, the number seen and the mend."""

import numpy as np
import pytest
import rasterio
from numpy.testing import assert_allclose

from poml_map.cube import check_cube, open_layers, peak_problems
from poml_map.errors import InputError


def clay(mini, write, change=None, **options):
    """A new clay raster in g/kg; `change` may spoil it."""
    values = np.full((40, 60), 200.0, options.pop("dtype", "float32"))
    if change:
        change(values)
    write.raster(mini / "clay.tif", values, 119.9, 30.3, 0.01, **options)


def refused_at_read(mini, whole):
    """What reading says about a region whose headers are fine; the deep check must say the same."""
    cube = open_layers(mini.region())
    with pytest.raises(InputError) as caught:
        whole(cube)
    with pytest.raises(InputError) as deep:
        check_cube(mini.region(), deep=True)
    assert str(deep.value).splitlines()[0].split(",")[0] == str(caught.value).splitlines()[0].split(",")[0]
    return str(caught.value)


def test_a_raster_without_crs_is_refused_and_may_be_mended_in_the_entry(mini, refused, write):
    clay(mini, write, crs=None)
    text = refused(mini)
    assert "clay.tif, entry 'clay': found no CRS" in text
    assert "Add `crs:" in text
    mini.entries["clay"]["crs"] = "EPSG:4326"
    open_layers(mini.region())


def test_a_netcdf_without_crs_and_degrees_is_refused(mini, refused, write):
    months = write.months(range(1978, 1982))
    write.netcdf(mini / "ppt.nc", "ppt", write.precip, months, packed=False, degrees=False)
    assert "ppt.nc, entry 'precipitation': found no CRS" in refused(mini)
    mini.entries["precipitation"]["crs"] = "EPSG:4326"
    open_layers(mini.region())


def test_undeclared_nodata_is_found_by_the_physical_range(mini, whole, write):
    def spoil(values):
        values[18:20, 30:32] = -9999

    clay(mini, write, spoil)
    text = refused_at_read(mini, whole)
    assert "clay.tif, entry 'clay', band 1" in text
    assert "4 values outside the range of CLAY" in text
    assert "such as -999.9 % at row 18, column 30" in text
    assert "expected 0 to 100 %" in text
    assert "Declare `nodata: -9999`" in text
    mini.entries["clay"]["nodata"] = -9999
    assert whole(open_layers(mini.region()))["CLAY"].isnull().any()


@pytest.mark.parametrize("fill", [-3.4e38, 65535.0])
def test_a_fill_value_other_than_the_declared_one_is_refused(mini, whole, write, fill):
    def spoil(values):
        values[20, 30] = fill

    clay(mini, write, spoil, nodata=-9999)
    text = refused_at_read(mini, whole)
    assert "1 value outside" in text
    assert "nodata" in text


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e39])
def test_infinite_and_absurd_values_are_refused_with_file_band_and_count(mini, whole, write, value):
    def spoil(values):
        values[20, 30:33] = value

    clay(mini, write, spoil, dtype="float64")
    text = refused_at_read(mini, whole)
    assert "clay.tif, entry 'clay', band 1" in text
    assert "3 values" in text


def test_nan_is_missing_and_nothing_else(mini, whole, write):
    def spoil(values):
        values[20, 30] = np.nan

    clay(mini, write, spoil)
    tile = whole(open_layers(mini.region()))
    assert 0 < int(tile["CLAY"].isnull().sum()) < 4
    assert_allclose(np.nanmax(tile["CLAY"]), 20, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "change", "mend"),
    [
        ("clay", {"unit": "%"}, "Declare `unit: g/kg`"),
        ("temperature", {"offset": 273.15}, "Declare `unit: K`"),
        ("ndvi", {"scale": 1.0}, "Check `unit:`, `scale:`"),
    ],
)
def test_a_wrong_unit_shows_in_the_numbers_and_the_mend_names_the_right_one(mini, whole, name, change, mend):
    mini.entries[name] |= change
    assert mend in refused_at_read(mini, whole)


def test_unscaled_ndvi_is_told_its_scale(mini, whole):
    for year in (1980, 1981):
        with rasterio.open(mini / f"ndvi_{year}.tif", "r+") as data:
            data.scales = [1.0] * 12
    text = refused_at_read(mini, whole)
    assert "Declare `scale: 0.0001`" in text
    assert "ndvi_1980.tif, entry 'ndvi', band 1 (1980-01)" in text


def test_a_wrong_number_inside_a_netcdf_is_named_with_its_month(mini, whole, write):
    def field(lon, lat, year, month):
        return write.precip(lon, lat, year, month) - (9000 if (year, month) == (1980, 5) else 0)

    write.netcdf(mini / "ppt.nc", "ppt", field, write.months(range(1978, 1982)), packed=False)
    text = refused_at_read(mini, whole)
    assert "ppt.nc, entry 'precipitation', variable ppt, step 29 (1980-05)" in text


def test_a_raster_that_covers_a_part_is_refused_below_the_declared_share(mini, refused, whole, write):
    write.raster(mini / "clay.tif", np.full((40, 30), 200, "int16"), 119.9, 30.3, 0.01)
    text = refused(mini)
    assert "entry 'clay': found 65.9% of the area covered" in text
    assert "119.9 to 120.2 degrees E" in text
    assert "min_coverage" in text
    mini.settings["min_coverage"] = 0.5
    cube = open_layers(mini.region())
    assert 0.6 < cube.coverage["clay"] < 0.7
    tile = whole(cube)
    gaps = tile["CLAY"].isnull() & tile["mask"]
    assert 0.25 < float(gaps.sum() / tile["mask"].sum()) < 0.4  # nothing is stretched outwards


def test_a_raster_elsewhere_is_refused_even_with_no_coverage_asked(mini, refused, write):
    write.raster(mini / "clay.tif", np.full((40, 30), 200, "int16"), 10.0, 50.0, 0.01)
    mini.settings["min_coverage"] = 0.0
    assert "nothing under the area" in refused(mini)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_raster_is_refused(mini, whole, write, share):
    rng = np.random.default_rng(0)
    values = rng.uniform(150, 250, (400, 600)).astype("float32")
    write.raster(
        mini / "clay.tif",
        values,
        119.9,
        30.3,
        0.001,
        compress="deflate",
        tiled=True,
        blockxsize=64,
        blockysize=64,
    )
    whole_file = (mini / "clay.tif").read_bytes()
    (mini / "clay.tif").write_bytes(whole_file[: int(len(whole_file) * share)])
    mini.settings["area"]["bounds"] = [120.0, 29.91, 120.49, 30.2]
    mini.settings["sources"].remove("dem")
    mini.settings["covariates"] = ["CLAY", "TMP"]
    for name in ("tmean", "ppt", "ndvi"):
        assert name
    mini.settings["min_coverage"] = 0.0
    with pytest.raises(InputError) as caught:
        whole(open_layers(mini.region()))
    text = str(caught.value)
    assert "clay.tif, entry 'clay'" in text
    assert "damaged or cut short" in text
    assert "while opening" in text or "rows " in text


@pytest.mark.parametrize("place", [0.3, 0.5, 0.7, 0.9])
def test_a_flipped_byte_in_a_compressed_tile_is_refused(mini, whole, write, place):
    """GDAL reads most of these as other numbers without a word."""
    values = (200 + 20 * np.sin(np.arange(64 * 64) / 7)).reshape(64, 64).astype("float32")
    write.raster(mini / "clay.tif", values, 119.9, 30.3, 0.01, compress="deflate", predictor=3)
    content = bytearray((mini / "clay.tif").read_bytes())
    content[int(len(content) * place)] ^= 0xFF
    (mini / "clay.tif").write_bytes(bytes(content))
    text = refused_at_read(mini, whole)
    assert "rows " in text
    assert "columns " in text


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_a_truncated_netcdf_is_refused(mini, whole, share):
    content = (mini / "tmean_1980.nc").read_bytes()
    (mini / "tmean_1980.nc").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=r"tmean_1980.nc, entry 'temperature'"):
        whole(open_layers(mini.region()))


def test_two_bands_where_one_is_expected_are_refused_unless_one_is_named(mini, refused, whole, write):
    write.raster(
        mini / "clay.tif", np.stack([np.full((40, 60), v, "int16") for v in (200, 300)]), 119.9, 30.3, 0.01
    )
    text = refused(mini)
    assert "found 2 bands, expected 1" in text
    assert "Declare `band:`" in text
    mini.entries["clay"]["band"] = 2
    assert float(whole(open_layers(mini.region()))["CLAY"].mean()) == 30
    mini.entries["clay"]["band"] = 3
    assert "found 2 bands, expected band 3" in refused(mini)


def test_files_of_one_source_on_different_grids_are_refused(mini, refused, write):
    write.raster(mini / "ndvi_1981.tif", np.zeros((12, 20, 40), "int16"), 119.8, 30.4, 0.02)
    assert "ndvi_1981.tif, entry 'ndvi': found another grid (40 x 20)" in refused(mini)


def test_an_uneven_axis_is_refused_by_name(mini, refused, write):
    lon, lat = write.cells(119.9, 30.3, 0.02, 30, 20)
    lon = lon[0].copy()
    lon[15:] += 0.01
    write.static(mini / "x.nc", "x", np.zeros((20, 30)), lon, lat[:, 0])
    mini.add("x", driver="netcdf", role="covariate", column="X", uri="x.nc", variable="x", unit="1")
    text = refused(mini)
    assert "x.nc, entry 'x', axis lon: found uneven steps" in text


def test_a_variable_that_is_not_there_is_refused_with_those_that_are(mini, refused):
    mini.entries["precipitation"]["variable"] = "pr"
    text = refused(mini)
    assert "no variable 'pr'" in text
    assert "ppt" in text


def test_problems_of_all_sources_are_listed_together(mini, refused, write):
    clay(mini, write, crs=None)
    mini.entries["precipitation"]["variable"] = "pr"
    (mini / "tmean_1980.nc").write_bytes(b"no netcdf at all")
    (mini / "fertilizer.csv").write_text("code,year,fert\n330101,1980,many\n")
    text = refused(mini)
    for part in ("no CRS", "no variable 'pr'", "tmean_1980.nc", "'many' in line 2"):
        assert part in text


def test_the_deep_check_lists_problems_of_several_sources(mini, write):
    def spoil(values):
        values[20, 30] = -9999

    clay(mini, write, spoil)
    mini.entries["temperature"]["offset"] = 273.15
    with pytest.raises(InputError) as caught:
        check_cube(mini.region(), deep=True)
    text = str(caught.value)
    assert "clay.tif" in text
    assert "tmean_1978.nc" in text


def test_the_check_tells_grid_coverage_and_pixels(mini):
    facts, deep = check_cube(mini.region()), check_cube(mini.region(), deep=True)
    assert facts["grid"]["width"] * facts["grid"]["height"] == facts["pixels"]
    assert facts["coverage"]["clay"] == 1.0
    assert abs(facts["pixels_in_area"] - deep["pixels_in_area"]) < 20
    assert facts["fills"] == []


def test_a_static_column_cannot_have_years(mini, refused):
    mini.entries["clay"] |= {"time": "annual", "years": [1980, 1981]}
    assert "time annual of CLAY" in refused(mini)


def test_a_constant_beyond_its_physical_range_is_refused(mini, refused):
    mini.entries["pet"]["value"] = 5000.0
    assert "5000 mm/month" in refused(mini)


@pytest.mark.parametrize("dtype", ["complex64", "complex_int16"])
def test_complex_numbers_are_refused_not_cut_down_to_their_real_part(mini, refused, dtype):
    profile = {"driver": "GTiff", "count": 1, "height": 40, "width": 60, "crs": "EPSG:4326", "dtype": dtype}
    with rasterio.open(
        mini / "clay.tif", "w", transform=rasterio.Affine(0.01, 0, 119.9, 0, -0.01, 30.3), **profile
    ):
        pass
    assert f"clay.tif, entry 'clay': found complex numbers ({dtype}), expected real numbers" in refused(mini)


@pytest.mark.parametrize(
    ("name", "change", "mend"),
    [
        ("precipitation", {"unit": "mm/month", "value": 0.08}, "Declare `unit: m/month`"),
        ("pet", {"unit": "mm/month", "value": 0.11}, "Declare `unit: m/month`"),
        ("clay", {"unit": "%", "value": 0.25}, 'Declare `unit: "1"`'),
        ("ndvi", {"unit": "1", "value": 0.00004}, "Check `unit:` and `scale:`"),
    ],
)
def test_numbers_that_are_too_small_in_every_place_and_month_show_the_unit(mini, name, change, mend):
    """Precipitation in metres lies within the range of millimetres: only the largest of all tells."""
    entry = mini.entries[name]
    for key in ("uri", "variable", "crs", "years", "scale", "nodata", "expression", "variables"):
        entry.pop(key, None)
    entry |= {"driver": "constant"} | change
    mini.settings.pop("fill", None)

    def problems():
        region = mini.region()
        cube = open_layers(region)
        return peak_problems(
            region, cube.at_points(*(np.array([axis[10]]) for axis in (cube.grid.x, cube.grid.y)))
        )

    (problem,) = problems()
    assert f"entry '{name}'" in problem.where
    assert mend in problem.mend
    entry["valid_range"] = [0, 100]
    assert problems() == []
