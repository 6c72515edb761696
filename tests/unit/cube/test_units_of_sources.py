"""Whatever unit a source is in, the cube is the same, and says the unit that it is in."""

import calendar

import pytest
import rasterio
from numpy.testing import assert_allclose

from poml_map.cube import open_layers

MONTHS = range(1978, 1982)

# Unit -> what a total of 1 mm in a month of so many days is in it, and what the file itself says.
WATER = {
    "mm/month": (lambda days: 1.0, "mm"),
    "0.1 mm/month": (lambda days: 10.0, "0.1 mm/month"),
    "m/month": (lambda days: 1e-3, "m"),
    "mm/day": (lambda days: 1 / days, "mm d-1"),
    "0.1 mm/day": (lambda days: 10 / days, None),
    "m/day": (lambda days: 1e-3 / days, "m"),
    "kg m-2 s-1": (lambda days: 1 / days / 86400, "kg m**-2 s**-1"),
    "kg/m2/month": (lambda days: 1.0, "kg m-2"),
}
TEMPERATURE = {
    "K": (1.0, 273.15, "kelvin"), "0.1 degC": (10.0, 0.0, None), "degF": (1.8, 32.0, "degF"),
    "0.01 K": (100.0, 27315.0, None),
}  # fmt: skip
CLAY = {"%": 0.1, "g/100g": 0.1, "dg/kg": 10.0, "1": 0.001, "mg/g": 1.0}


def _rewritten(mini, write, unit, factor, said):
    def value(lon, lat, year, month):
        return write.precip(lon, lat, year, month) * factor(calendar.monthrange(year, month)[1])

    attrs = {"units": said} if said else None
    write.netcdf(mini / "ppt.nc", "ppt", value, write.months(MONTHS), packed=False, attrs=attrs)
    mini.entries["precipitation"]["unit"] = unit


@pytest.mark.parametrize("unit", WATER)
def test_precipitation_in_any_unit_is_the_same_in_every_month(mini, whole, write, unit):
    """Daily rates become totals by the real days, those of 29 February 1980 among them."""
    first = whole(open_layers(mini.region()))
    _rewritten(mini, write, unit, *WATER[unit])
    found = whole(open_layers(mini.region()))
    for column, its_unit in (("precip", "mm/month"), ("PRE", "mm/year")):
        assert_allclose(found[column], first[column], rtol=2e-6)
        assert found[column].attrs["units"] == its_unit


@pytest.mark.parametrize("unit", TEMPERATURE)
def test_temperature_in_any_unit_is_the_same(mini, whole, write, unit):
    factor, offset, said = TEMPERATURE[unit]
    first = whole(open_layers(mini.region()))["air_temp"]
    for year in MONTHS:
        write.netcdf(
            mini / f"tmean_{year}.nc", "tmean", lambda *at: write.air_temp(*at) * factor + offset,
            write.months([year]), packed=False, attrs={"units": said} if said else None,
        )  # fmt: skip
    mini.entries["temperature"]["unit"] = unit
    found = whole(open_layers(mini.region()))["air_temp"]
    assert_allclose(found, first, atol=0.01)  # the first is packed in hundredths
    assert found.attrs["units"] == "degC"


@pytest.mark.parametrize("unit", CLAY)
def test_clay_in_any_unit_is_the_same(mini, whole, write, unit):
    first = whole(open_layers(mini.region()))["CLAY"]
    with rasterio.open(mini / "clay.tif", "r+") as data:
        data.write(data.read() * CLAY[unit])
        data.units = (unit,)
    mini.entries["clay"]["unit"] = unit
    found = whole(open_layers(mini.region()))["CLAY"]
    assert_allclose(found, first, rtol=1e-5)
    assert found.attrs["units"] == "%"


def test_a_band_in_another_unit_than_its_entry_is_refused(mini, refused):
    with rasterio.open(mini / "clay.tif", "r+") as data:
        data.units = ("%",)
    assert "clay.tif, entry 'clay', band 1: found the file's own unit '%', expected 'g/kg'" in refused(mini)
    mini.entries["clay"]["unit"] = "%"
    refusal_of_numbers = open_layers(mini.region())  # 150 to 400 %: only pixels show it
    assert refusal_of_numbers.grid.width > 1


@pytest.mark.parametrize(
    ("expression", "unit", "refused_as"),
    [("tmean", "degC", "'K'"), ("(tmean + tmean) / 2", "degC", "'K'"), ("tmean - 273.15", "degC", "")],
)
def test_an_expression_that_changes_the_unit_is_not_held_against_the_file(
    mini, write, refused, expression, unit, refused_as
):
    for year in MONTHS:
        write.netcdf(
            mini / f"tmean_{year}.nc", "tmean", lambda *at: write.air_temp(*at) + 273.15, write.months([year]),
            packed=False, attrs={"units": "K"},
        )  # fmt: skip
    entry = mini.entries["temperature"]
    entry |= {"variables": ["tmean"], "expression": expression, "unit": unit}
    entry.pop("variable")
    if refused_as:
        assert f"the file's own unit {refused_as}" in refused(mini)
    else:
        assert open_layers(mini.region()).grid.width > 1
