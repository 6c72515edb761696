"""Confusions that users of such tools ask about (docs/faq.md): refused in one line with the mend, or warned of.

Held elsewhere: exchanged columns and rows of samples (`test_bad_input.py`, `unit/sites/test_read.py`), carbon and
stones in percent (`test_bad_input.py`), archives with a path that leads outside (`unit/fetch/test_strange_files.py`).
"""

import gzip
import io
import tarfile
import zipfile

import netCDF4
import numpy as np
import pytest
import rasterio
import shapely
import yaml

from poml_map.config import load_region
from poml_map.cube import open_layers
from poml_map.errors import InputError

PPT = "sources/TerraClimate_ppt_1978.nc"


def _refused(demo):
    """What opening the sources of a region says; its headers alone."""
    with pytest.raises(InputError) as caught:
        open_layers(load_region(demo.region_file))
    return str(caught.value)


def _swapped(demo):
    def change(table):
        return table.set_geometry(
            table.geometry.apply(lambda shape: shapely.transform(shape, lambda xy: xy[:, ::-1]))
        )

    demo.polygons(change)


def _bounds(*bounds):
    def change(demo):
        demo.settings(area=None)
        demo.settings(area={"bounds": list(bounds), "mask": "cropland"})

    return change


COORDINATES = {
    "polygons with latitude first": (_swapped, "counties.gpkg", "look exchanged: write longitude first"),
    "bounds with latitude first": (_bounds(29.9, 119.2, 31.2, 121.3), "area.bounds", "are they swapped?"),
    "bounds as west, east, south, north": (_bounds(119.2, 121.3, 29.9, 31.2), "area.bounds", "[xmin, ymin,"),
}  # fmt: skip


@pytest.mark.parametrize("name", COORDINATES)
def test_exchanged_coordinates_are_refused_with_the_order_that_is_meant(demo, name):
    spoil, *words = COORDINATES[name]
    spoil(demo)
    text = _refused(demo)
    assert all(word in text for word in words), text


def _zip(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return stream.getvalue()


def _tar():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("clay.tif"), io.BytesIO())
    return stream.getvalue()


NO_DATA = {
    "a page of HTML": (b"<!DOCTYPE html><html><title>404 Not Found</title>", 'a web page, "404 Not Found"', "again"),
    "a page to log in": (b"\n<html lang=en><title>\nEarthdata Login\n</title>", '"Earthdata Login"', "an account"),
    "an XML error": (
        b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>',
        'an XML answer of a server, "Access Denied"', "again",
    ),
    "a JSON error": (b'{"detail": "Too many requests"}', "JSON text, '{\"detail\": \"Too many requests\"}'", "again"),
    "a pointer of Git LFS": (b"version https://git-lfs.github.com/spec/v1\nsize 12\n", "Git LFS", "git lfs pull"),
    "a zip": (_zip(a=b"x"), "an archive (zip)", "Unpack it"),
    "a gzip": (gzip.compress(b"x"), "an archive (gzip)", "`poml-map fetch` unpacks"),
    "a tar": (_tar(), "an archive (tar)", "Unpack it"),
    "a download of nothing": (b"", "an empty file", "Check `uri:`"),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_DATA)
def test_what_is_no_data_is_called_what_it_is_as_raster_and_as_netcdf(demo, name):
    content, *words = NO_DATA[name]
    demo.entry(
        "precipitation", driver="netcdf", uri="sources/ppt.nc", variable="ppt", value=None, years=[1970, 2000]
    )
    for file in ("sources/clay.tif", "sources/ppt.nc"):
        (demo.folder / file).write_bytes(content)
    text = _refused(demo)
    for file in ("sources/clay.tif, entry 'clay'", "sources/ppt.nc, entry 'precipitation'"):
        line = next(line for line in text.splitlines() if line.startswith(file))
        assert all(word in line for word in words), line
        assert "damaged" not in line


def test_a_table_that_is_a_page_or_a_workbook_is_called_so(demo):
    file = demo.sources / "fertilizer.csv"
    for content, words in (
        (b"<html><title>Busy</title>", 'a web page, "Busy"'),
        (_zip(xl__a=b"\xff"), "a workbook"),
    ):
        file.write_bytes(content)
        assert words in _refused(demo)


def _own_unit(demo, said, **entry):
    """The precipitation of all years in one small file that says `said` of its unit."""
    shape = (276, 5, 5)
    with netCDF4.Dataset(demo.sources / "ppt.nc", "w") as data:
        axes = (np.arange(276), 31.5 - np.arange(5.0), 118.5 + np.arange(5.0))
        for dim, values, unit in zip(
            ("time", "lat", "lon"),
            axes,
            ("months since 1978-01-01", "degrees_north", "degrees_east"),
            strict=True,
        ):
            data.createDimension(dim, len(values))
            variable = data.createVariable(dim, "f8", (dim,))
            variable.units, variable[:] = unit, values
        data["time"].calendar = "360_day"
        variable = data.createVariable("ppt", "f4", ("time", "lat", "lon"))
        variable[:] = np.full(shape, 100.0)
        if said is not None:
            variable.units = said
    keys = {
        "driver": "netcdf",
        "uri": "sources/ppt.nc",
        "variable": "ppt",
        "value": None,
        "years": [1978, 2000],
    }
    demo.entry("precipitation", **(keys | entry))


@pytest.mark.parametrize(
    ("said", "unit", "mend"),
    [("m", "mm/month", "declare `unit: m/month`"), ("kg m-2 s-1", "mm/day", "declare `unit: kg m-2 s-1`"),
     ("0.1 mm", "mm/month", "declare `unit: 0.1 mm/month`"), ("K", "mm/month", "name another variable or file")],
)  # fmt: skip
def test_a_file_that_says_another_unit_than_its_entry_is_refused_with_both(demo, said, unit, mend):
    _own_unit(demo, said, unit=unit)
    text = _refused(demo)
    assert f"sources/ppt.nc, entry 'precipitation', variable ppt: found the file's own unit '{said}'" in text
    assert f"expected '{unit}', as the entry declares. If the file is right, {mend};" in text


@pytest.mark.parametrize(
    ("said", "entry"),
    [("mm", {}), ("kg m-2", {}), ("mm month-1", {}), ("total of the month", {}), ("1", {}), (None, {}),
     ("m", {"unit": "m/day"}), ("m", {"scale": 1.0})],
)  # fmt: skip
def test_a_total_without_period_a_text_that_is_no_unit_and_an_entry_with_its_own_scale_pass(
    demo, said, entry
):
    _own_unit(demo, said, **entry)
    assert open_layers(load_region(demo.region_file)).grid.width > 1


def test_a_band_that_says_percent_is_no_fraction(demo):
    demo.raster("coarse_fragments.tif", None)
    with rasterio.open(demo.sources / "coarse_fragments.tif", "r+") as data:
        data.units = ("%",)
    demo.entry("coarse_fragments", unit="1")
    text = _refused(demo)
    assert (
        "coarse_fragments.tif, entry 'coarse_fragments', band 1: found the file's own unit '%', expected '1'"
        in text
    )
    assert 'declare `unit: "%"`' in text


def test_clay_as_a_fraction_under_percent_is_refused_with_the_unit_that_fits(demo, call):
    """Every number lies in the range of percent: only that none reaches 1 % anywhere shows it, at the samples."""
    demo.raster("clay.tif", lambda values: np.where(values < 0, values, values / 100).astype("float32"))
    call(demo, "check", "--deep").assert_explained("'clay', column CLAY", "no value above 0.", '`unit: "1"`')


def test_a_month_that_is_missing_is_named(demo):
    _own_unit(demo, "mm")
    with netCDF4.Dataset(demo.sources / "ppt.nc", "a") as data:
        data["time"][30:] = np.arange(31, 277)  # July 1980 is not there
    text = _refused(demo)
    assert "entry 'precipitation'" in text
    assert "1980-07" in text


def test_a_tile_that_is_missing_is_told_by_the_deep_check_with_its_place(demo, call):
    """The raster reaches everywhere, so that headers show nothing."""

    def change(values):
        values = values.copy()
        values[:, :, : values.shape[2] // 2] = -9999
        return values

    demo.raster("clay.tif", change, nodata=-9999)
    demo.settings(min_coverage=0.99)
    call(demo, "check", "--deep").assert_explained(
        "'clay'", "column CLAY", "no value at", "E", "tile that is missing"
    )


def test_a_lake_in_a_soil_map_is_a_warning(demo, call, caplog):
    demo.pixel("clay.tif", -9999, count=2, nodata=-9999)
    assert call(demo, "check", "--deep").code == 0
    assert "warning: CLAY has no value at" in caplog.text


def test_values_that_init_left_to_the_user_are_named_alone_and_all_at_once(demo, call):
    data = yaml.safe_load(demo.region_file.read_text(encoding="utf-8"))
    data["years"] = "MISSING"
    data["samples"]["units"]["soc"] = "MISSING"
    data["fill"] = {"ndvi": "MISSING"}
    data["hybrid"] = {"w_p": 7}  # would be refused, too
    demo.region_file.write_text(yaml.safe_dump(data), encoding="utf-8")
    said = call(demo, "check")
    said.assert_explained("years: found MISSING, expected FIRST-LAST", "For example `years: 1980-2000`")
    assert len(said.err.splitlines()) == 3
    assert "fill.ndvi: found MISSING, expected climatology" in said.err
