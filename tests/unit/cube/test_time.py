"""Years and months: aligned by label, filled only as declared, refused by name."""

import numpy as np
import pytest
import rasterio
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.cube import open_layers
from poml_map.errors import InputError


def rewrite(mini, write, months, **options):
    write.netcdf(mini / "ppt.nc", "ppt", write.precip, months, packed=False, **options)


def test_run_years_without_data_are_refused_by_name(mini):
    mini.entries["ndvi"]["years"] = [1981, 1981]
    with pytest.raises(InputError) as caught:
        open_layers(mini.region())
    assert "1980" in str(caught.value)
    assert "fill: {ndvi: climatology}" in str(caught.value)


def test_files_that_begin_late_are_refused_although_the_entry_promises_more(mini, refused, write):
    rewrite(mini, write, write.months(range(1979, 1981)))
    text = refused(mini)
    assert "precip" in text
    assert "no data in 1981" in text
    assert "no data in 1978" in text
    assert "holds 1979-1980" in text


def test_declared_fill_takes_the_mean_of_the_first_years_and_says_so(mini, whole):
    mini.entries["ndvi"]["years"] = [1981, 1981]
    mini.settings["fill"] = {"ndvi": "climatology"}
    cube = open_layers(mini.region())
    tile = whole(cube)
    assert_array_equal(tile["ndvi"][:12], tile["ndvi"][12:])
    assert cube.fills[0]["source"] == "ndvi"
    assert cube.fills[0]["years"] == [1980]
    assert "1981" in cube.fills[0]["rule"]


def test_what_the_spin_up_is_made_of_is_told_whether_or_not_a_year_was_filled(mini):
    """The first years of NDVI stand for decades that no satellite saw."""
    mini.entries["ndvi"]["years"] = [1980, 1981]
    cube = open_layers(mini.region())
    assert cube.fills == []
    assert cube.spinup_means == {
        "air_temp": "mean of 1978-1979", "precip": "mean of 1978-1979", "pet": "constant", "ndvi": "mean of 1980-1981",
    }  # fmt: skip


def test_ndvi_spins_up_with_the_climatology_of_its_first_years(mini, whole):
    cube = open_layers(mini.region())
    tile = whole(cube)
    assert_allclose(tile["ndvi_spinup"], (tile["ndvi"][:12] + tile["ndvi"][12:].values) / 2, atol=1e-6)
    early = cube.dataset()["ndvi"].sel(time=slice("1978", "1979")).compute()
    assert_array_equal(early[:12], tile["ndvi_spinup"])
    assert_array_equal(early[12:], tile["ndvi_spinup"])


def test_the_climatology_uses_years_before_the_run_if_the_entry_has_them(mini, whole, write):
    for year, value in ((1978, 0.2), (1979, 0.4), (1980, 0.6), (1981, 0.8)):
        bands = np.full((12, 32, 40), value, "float32")
        write.raster(mini / f"ndvi_{year}.tif", bands, 119.8, 30.4, 0.02)
    mini.entries["ndvi"]["years"] = [1978, 1981]
    assert_allclose(whole(open_layers(mini.region()))["ndvi_spinup"], 0.5, rtol=1e-6)


def test_a_month_that_is_missing_is_refused_by_name_even_with_a_fill(mini, refused, write):
    months = [month for month in write.months(range(1978, 1982)) if month != (1980, 6)]
    rewrite(mini, write, months)
    assert "1980-06" in refused(mini)
    mini.settings["fill"] = {"precipitation": "climatology"}
    assert "1980-06" in refused(mini)


def test_a_month_that_comes_twice_is_refused_by_name(mini, refused, write):
    rewrite(mini, write, [*write.months(range(1978, 1982)), (1980, 6)])
    text = refused(mini)
    assert "2 time steps in 1980-06" in text
    assert "variable ppt" in text


def test_daily_values_are_refused(mini, refused, write):
    rewrite(mini, write, [(1978, 1)] * 31)
    assert "31 time steps in 1978-01" in refused(mini)


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day"])
@pytest.mark.parametrize("day", [1, 15])
def test_any_calendar_and_stamp_gives_the_same_months(mini, whole, write, calendar, day):
    first = whole(open_layers(mini.region()))["precip"]
    rewrite(mini, write, write.months(range(1978, 1982)), calendar=calendar, day=day)
    assert_array_equal(whole(open_layers(mini.region()))["precip"], first)


def test_months_out_of_order_are_sorted_by_label(mini, whole, write):
    first = whole(open_layers(mini.region()))["precip"]
    months = write.months(range(1978, 1982))
    rewrite(mini, write, [months[i] for i in np.random.default_rng(0).permutation(len(months))])
    assert_array_equal(whole(open_layers(mini.region()))["precip"], first)


def test_latitude_up_or_down_and_longitude_from_0_to_360_give_the_same_cube(mini, whole, write):
    first = whole(open_layers(mini.region()))["precip"]
    rewrite(mini, write, write.months(range(1978, 1982)), ascending=True, east360=True)
    assert_allclose(whole(open_layers(mini.region()))["precip"], first, rtol=1e-5)


def test_a_time_axis_that_cannot_be_read_is_refused(mini, refused):
    import netCDF4

    with netCDF4.Dataset(mini / "ppt.nc", "a") as data:
        data["time"].units = "month number"
    text = refused(mini)
    assert "coordinate time" in text
    assert "days since" in text


@pytest.mark.parametrize(("bands", "expected"), [(2, "12"), (24, "12")])
def test_a_yearly_file_must_have_twelve_bands(mini, refused, bands, expected):
    with rasterio.open(mini / "ndvi_1981.tif") as data:
        profile, values = data.profile, data.read()
    with rasterio.open(mini / "ndvi_1981.tif", "w", **(profile | {"count": bands})) as data:
        data.write(np.resize(values, (bands, *values.shape[1:])))
    text = refused(mini)
    assert f"ndvi_1981.tif, entry 'ndvi': found {bands} bands, expected {expected}" in text


def test_twelve_bands_where_all_years_are_needed_are_refused_with_both_numbers(mini, refused):
    (mini / "ndvi_1980.tif").rename(mini / "ndvi.tif")
    mini.entries["ndvi"]["uri"] = "ndvi.tif"
    assert "found 12 bands, expected 24" in refused(mini)


def test_every_missing_file_is_listed(mini, refused):
    for name in ("tmean_1978.nc", "tmean_1980.nc", "ndvi_1981.tif", "clay.tif"):
        (mini / name).unlink()
    text = refused(mini)
    for name in ("tmean_1978.nc", "tmean_1980.nc", "ndvi_1981.tif", "clay.tif"):
        assert f"{name}, entry" in text
