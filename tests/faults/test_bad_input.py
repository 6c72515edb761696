"""One thing wrong at a time, through the command line: refused in one line that says what to mend."""

import os
import shutil

import joblib
import netCDF4
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
import yaml

from poml_map.config import load_region
from poml_map.cube import open_layers
from poml_map.hybrid import load_forest
from poml_map.sites import read_samples

ALIAS_BOMB = "\na0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 8)
)
WMS = (
    '<GDAL_WMS><Service name="TMS"><ServerUrl>http://127.0.0.1:9/${z}/${x}/${y}.png</ServerUrl></Service>'
    "<DataWindow><UpperLeftX>119</UpperLeftX><UpperLeftY>31</UpperLeftY><LowerRightX>121</LowerRightX>"
    "<LowerRightY>30</LowerRightY><SizeX>1000</SizeX><SizeY>500</SizeY></DataWindow>"
    "<Projection>EPSG:4326</Projection><BandsCount>1</BandsCount></GDAL_WMS>"
)


def _payload(demo):
    return f'!!python/object/apply:os.system ["touch {demo.marker}"]'


def _link(demo):
    (demo.sources / "clay.tif").unlink()
    (demo.sources / "clay.tif").symlink_to("/etc/passwd")


def _unusable_files(demo):
    (demo.sources / "clay.tif").unlink()
    (demo.sources / "dem.tif").write_bytes(b"")
    (demo.sources / "cropland.tif").unlink()
    (demo.sources / "cropland.tif").mkdir()
    (demo.sources / "counties.gpkg").unlink()
    (demo.folder / "samples.csv").unlink()


def _area(bounds, **more):
    def change(demo):
        demo.settings(area=None)
        demo.settings(area={"bounds": bounds, "mask": "cropland"} | more)

    return change


def _first_shape(shape):
    return lambda table: table.assign(geometry=[shape, *table.geometry[1:]])


def _cell(column, value, rows=slice(0, 1)):
    def change(table):
        table.iloc[rows, table.columns.get_loc(column)] = value
        return table

    return change


def _table(change, file="samples.csv", **options):
    """Change a table whose cells are texts."""

    def do(demo):
        path = demo.folder / file
        change(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False, **options)

    return do


def _fertilizer(change):
    return _table(change, "sources/fertilizer.csv")


def _both(*changes):
    def do(demo):
        for change in changes:
            change(demo)

    return do


def _rothc(**options):
    return lambda demo: demo.settings(rothc=options)


def _source(name, **entry):
    """A further source, and the options of RothC that read it."""

    def do(demo):
        names = yaml.safe_load(demo.region_file.read_text(encoding="utf-8"))["sources"]
        demo.entry(name, **entry)
        demo.settings(sources=[*names, name])

    return do


# The map that makes the demo's mask has five classes.
_LAND_USE = _source("land_use", driver="raster", role="land_use", uri="sources/cropland.tif")


def _of_classes(**values):
    return _both(_LAND_USE, _rothc(dpm_rpm={"column": "LAND_USE", "values": values}))


def _decimal_commas(table):
    return table.replace(r"^(\d+)\.(\d+)$", r"\1,\2", regex=True)


SHOWN_BY_CHECK = {
    # configuration and catalog
    "misspelt key": (lambda d: d.settings(hybrid={"max_feature": "sqrt"}), "region.yaml:", "`max_features`"),
    "key of another program": (lambda d: d.settings(n_estimator=3), "region.yaml:", "n_estimator"),
    "misspelt catalog key": (lambda d: d.entry("clay", units="%"), "data_catalog.yaml:", "`unit`"),
    "python tag": (lambda d: d.append("region.yaml", f"\nx: {_payload(d)}\n"), "region.yaml:", "python/object"),
    "python tag in the catalog": (lambda d: d.append("data_catalog.yaml", f"\n  x: {_payload(d)}\n"), "tag"),
    "entry twice": (lambda d: d.append("data_catalog.yaml", "\n  clay: {driver: raster}\n"), "clay", "twice"),
    "path upwards": (lambda d: d.entry("clay", uri="../../clay.tif"), "'clay'", "data_roots"),
    "absolute path": (lambda d: d.entry("clay", uri="/etc/passwd"), "'clay'", "data_roots"),
    "link outwards": (_link, "'clay'", "/etc/passwd", "data_roots"),
    "weight below 0": (lambda d: d.settings(hybrid={"w_p": -0.1}), "hybrid.w_p", "0 to 1"),
    "weight above 1": (lambda d: d.settings(hybrid={"w_p": 1.1}), "hybrid.w_p", "0 to 1"),
    "weight not a number": (lambda d: d.settings(hybrid={"w_p": float("nan")}), "hybrid.w_p", "0 to 1"),
    "weight as text": (lambda d: d.settings(hybrid={"w_p": "0.5"}), "hybrid.w_p", "without quotes"),
    "years reversed": (lambda d: d.settings(years="2000-1980"), "years", "1980-2000"),
    "one fold": (lambda d: d.settings(validation={"folds": 1}), "folds", "from 2"),
    "more folds than sites": (lambda d: d.settings(validation={"folds": 61}), "61 folds for 60 sites"),
    "key that is no text": (lambda d: d.append("region.yaml", "\nno: 1\n"), "False", '"no"'),
    "number that is a text": (lambda d: d.text("region.yaml", "k_m: 0.13", "k_m: 1e-3"), "k_m", "1.0e-3"),
    "years that are a date": (lambda d: d.settings(years=None) or d.append("region.yaml", "years: 1980-01-01"), "date"),
    "octal code": (
        lambda d: d.text("region.yaml", "polygons: counties", "polygons: counties\n  where: {code: [0330501]}"),
        "110913", '"0330501"',
    ),
    "alias bomb": (lambda d: d.append("region.yaml", ALIAS_BOMB), "region.yaml:", "Aliases"),
    "unknown source": (lambda d: d.settings(sources=["dem", "klay"]), "'klay'", "`clay`"),
    "covariate twice": (lambda d: d.settings(covariates=["ELEV", "ELEV"]), "covariates[1]", "twice"),
    "unknown covariate": (lambda d: d.settings(covariates=["ELEV", "TWI"]), "TWI"),
    "month 13": (lambda d: d.settings(sampling_month=13), "sampling_month", "1 to 12"),
    "spin-up after the run": (lambda d: d.settings(spinup_years="1990-1999"), "spinup_years", "1999"),
    "constant of words": (lambda d: d.entry("pet", value="much"), "pet.value", "much"),
    "impossible constant": (lambda d: d.entry("pet", value=-500), "-500", "mm/month"),
    "eleven months": (lambda d: d.entry("pet", value=[1.0] * 11), "pet.value", "twelve"),
    "unknown unit": (lambda d: d.entry("clay", unit="apples"), "clay.unit", "apples"),
    # RothC's options
    "spin-up of another kind": (_rothc(spinup="real years"), "rothc.spinup", "`real_years`"),
    "no range of cover": (_rothc(cover="fraction", cover_ndvi_range=[0.7, 0.1]), "cover_ndvi_range", "first smaller"),
    "a threshold beside a range": (_rothc(cover="fraction", cover_ndvi=0.4), "rothc.cover_ndvi", "no effect"),
    "a calendar without crops": (_rothc(input_months="crop_calendar"), "rothc.input_months", "without the crops"),
    "crops without a calendar": (_rothc(crop_calendar=[{"sow": 11, "harvest": 5}]), "rothc.crop_calendar", "no effect"),
    "a crop sown in month 0": (_rothc(input_months="crop_calendar", crop_calendar=[{"sow": 0, "harvest": 5}]),
        "rothc.crop_calendar[0].sow", "1 to 12"),
    "eleven rate factors": (_rothc(rate_factor=[1.0] * 11), "rothc.rate_factor", "twelve factors"),
    "rate factors in percent": (_rothc(rate_factor=[40.0] * 12), "rothc.rate_factor[0]", "10"),
    "no decay in any month": (_rothc(rate_factor=[0.0] * 12), "rothc.rate_factor", "twelve times 0", "not all 0"),
    "no decay in a class": (_both(_LAND_USE, _rothc(rate_factor={"column": "LAND_USE", "values": {"1": [0.0] * 12}})),
        "rothc.rate_factor.values.1", "not all 0"),
    "a source for its column": (_rothc(input_driver="fertilizer"), "rothc.input_driver", "Write `FER`"),
    "manure by greenness": (_rothc(manure="FER", manure_months="ndvi"), "rothc.manure_months",
        "For example `manure_months: [0, 0, 1"),
    "a change in percent": (_rothc(mu_max=None, k_m=None, expected_change=10), "expected_change", "below 5"),
    "no such ratio": (_rothc(dpm_rpm="DPM_RPM"), "rothc.dpm_rpm", "which no source makes"),
    "a ratio of years": (_rothc(dpm_rpm="FER"), "rothc.dpm_rpm", "expected a static column"),
    "a ratio in percent": (_rothc(dpm_rpm="CLAY"), "rothc.dpm_rpm", "in %", "ratios"),
    "a class for a ratio": (_both(_LAND_USE, _rothc(dpm_rpm="LAND_USE")), "rothc.dpm_rpm", "holds classes"),
    "a class by name": (_of_classes(crops=1.44), "dpm_rpm.values.crops", "a whole number"),
    "a ratio below 0": (_of_classes(**{"1": -1.44}), "dpm_rpm.values.1", "greater than 0"),
    "groups of a quantity": (_rothc(mu_max=None, k_m=None, groups="CLAY"), "rothc.groups", "role: land_use"),
    "groups of what is not fitted": (_both(_LAND_USE, _rothc(groups="LAND_USE")), "rothc.groups", "`mu_max:`"),
    "no such manure": (_rothc(manure="MANURE"), "rothc.manure", "which no source makes"),
    "manure in kilograms a hectare": (_rothc(manure="FER"), "rothc.manure", "in kg/ha", "`role: manure`"),
    "manure as nitrogen": (_source("dung", driver="constant", role="manure", value=50, unit="kg N/ha"),
        "dung.unit", "nitrogen"),
    "months of no manure": (_rothc(manure_months=[1.0] * 12), "rothc.manure_months", "no effect"),
    "an unknown output": (_rothc(map_outputs=["pool"]), "rothc.map_outputs[0]", "`pools`"),
    "classes by a mean": (_source("land_use", driver="raster", role="land_use", uri="sources/cropland.tif",
        resampling="average"), "land_use.resampling", "classes"),
    "a year of land use": (_source("land_use", driver="raster", role="land_use", uri="sources/cropland.tif",
        time="annual", years=[1980, 2000]), "'land_use'", "Take one year out"),
    "unit of another quantity": (lambda d: d.entry("clay", unit="degC"), "clay.unit", "degC"),
    # area and grid
    "bounds reversed": (_area([120.18, 30.66, 120.0, 30.51]), "area.bounds", "xmin < xmax"),
    "bounds swapped": (_area([30.51, 120.0, 30.66, 120.18]), "area.bounds", "swapped"),
    "degrees in a CRS of metres": (_area([120.0, 30.51, 120.18, 30.66], crs="EPSG:32651"), "degrees", "EPSG:4326"),
    "metres in degrees": (_area([200000, 3300000, 210000, 3310000]), "area.bounds", "degrees"),
    "an area elsewhere": (_area([100, 30.51, 100.18, 30.66]), "'clay'", "0.0% of the area", "to 100.18"),
    "unknown CRS": (lambda d: d.settings(grid={"crs": "EPSG:999999"}), "grid.crs", "EPSG:999999"),
    "billions of pixels": (lambda d: d.settings(grid={"resolution": 0.01}), "grid.resolution", "1e+10 pixels"),
    "a pixel larger than all": (lambda d: d.settings(grid={"resolution": 1e6}), "no pixel", "resolution"),
    # rasters and vectors
    "no CRS": (lambda d: d.raster("clay.tif", crs=None), "clay.tif", "no CRS", "crs:"),
    "a part of the area": (lambda d: d.raster("clay.tif", lambda v: v[:, :, :60]),
        "53.7% of the area", "min_coverage"),
    "two bands": (lambda d: d.raster("clay.tif", lambda v: np.concatenate([v, v])), "2 bands, expected 1", "band:"),
    "text for a raster": (lambda d: (d.sources / "clay.tif").write_text("hello"), "clay.tif", "driver raster"),
    "a raster from the network": (lambda d: (d.sources / "clay.tif").write_text(WMS), "clay.tif", "driver raster"),
    "raster as NetCDF": (lambda d: d.entry("clay", driver="netcdf", variable="clay"), "clay.tif", "driver netcdf"),
    "polygons of a table": (lambda d: d.entry("counties", uri="sources/fertilizer.csv"), "'counties'", "shapes"),
    "polygons of a raster": (lambda d: d.entry("counties", uri="sources/clay.tif"), "'counties'", "driver vector"),
    "table of a raster": (lambda d: d.entry("fertilizer", uri="sources/clay.tif"), "clay.tif", "UTF-8"),
    "unknown key of polygons": (lambda d: d.entry("counties", key="kode"), "'kode'", "code, name"),
    "a polygon without a shape": (lambda d: d.polygons(_first_shape(shapely.Polygon())),
        "0330501", "without an area"),
    "points for polygons": (lambda d: d.polygons(_first_shape(shapely.Point(120, 30))),
        "counties.gpkg", "polygons only"),
    "polygons that lead elsewhere": (lambda d: (d.sources / "counties.gpkg").write_text(
        '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>'
        ), "counties.gpkg", "leads to other files"),
    "no polygon": (lambda d: d.polygons(lambda table: table.iloc[:0]), "counties.gpkg", "no polygons"),
    # samples
    "unknown sample unit": (lambda d: d.settings(samples={"units": {"soc": "apples"}}), "units.soc", "apples"),
    "samples elsewhere": (_table(_cell("lon", "100.0", slice(None))), "samples.csv", "all 120 samples outside"),
    "some samples elsewhere": (_table(_cell("lon", "110.0", slice(0, 8))), "8 of 120 rows", "5 %", "max_dropped"),
    "two values of a year": (_table(lambda t: pd.concat([t, t.iloc[[0]]])), "S001 in 1980", "duplicates: mean"),
    "a site at two places": (_table(_cell("lon", "120.05")), "S001", "m apart"),
    "coordinates swapped": (_table(lambda t: t.rename(columns={"lon": "lat", "lat": "lon"})), "samples.csv", "swapped"),
    "one campaign": (_both(_table(lambda t: t[t["year"] == "1980"]), lambda d: d.settings(rothc=None)),
        "one campaign", "expected_change"),
    "semicolons undeclared": (_table(lambda t: t, sep=";"), "samples.csv:1", 'separator: ";"'),
    "decimal commas undeclared": (_both(_table(_decimal_commas, sep=";"),
        lambda d: d.settings(samples={"table": {"separator": ";"}})), "samples.csv", 'decimal: ","'),
    "thousands": (_table(_cell("soc_g_kg", "1,234")), "samples.csv", "'1,234' in line 2", "thousands"),
    "a dash for nothing": (_table(_cell("soc_g_kg", "-")), "'-' in line 2", "missing"),
    "negative carbon": (_table(_cell("soc_g_kg", "-3")), "samples.csv", "line 2", "-3"),
    # county tables
    "zeros lost from codes": (_fertilizer(lambda t: t.assign(code=t["code"].str.lstrip("0"))),
        "84 rows", "leading zeros"),
    "a county absent in a year": (_fertilizer(lambda t: t[(t["code"] != "0330501") | (t["year"] != "1987")]),
        "Anhe", "1987"),
    "a county without rows": (_fertilizer(lambda t: t[t["code"] != "0330501"]),
        "1 polygons without a row", "0330501"),
    "one code, two counties": (lambda d: d.polygons(lambda t: t.assign(code="0330501")),
        "'code'", "several polygons"),
    "names in another script": (_both(lambda d: d.entry("counties", key="name"),
        _fertilizer(lambda t: t.assign(code=t["code"].replace({"0330501": "ANHE", "0330502": "北兰"})))),
        "北兰", "Beilan", "'ANHE' and 'Anhe'"),
    "nothing in the base year": (_fertilizer(_cell("fert_kg_ha", "0")), "0330501 (Anhe)", "1980", "above 0"),
    "negative in the base year": (_fertilizer(_cell("fert_kg_ha", "-5")), "-5 kg/ha", "0330501", "1980"),
    "missing in the base year": (_fertilizer(_cell("fert_kg_ha", "")), "Anhe", "1980"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHOWN_BY_CHECK)
def test_what_texts_and_headers_show_is_refused_by_check(demo, call, name):
    spoil, *words = SHOWN_BY_CHECK[name]
    spoil(demo)

    call(demo, "check").assert_explained(*words)

    assert not demo.marker.exists()


def test_all_files_that_cannot_be_used_are_listed_at_once(demo, call):
    _unusable_files(demo)

    said = call(demo, "check")

    said.assert_explained("clay.tif", "no such file")
    for words in (
        ("dem.tif", "an empty file"),
        ("cropland.tif", "a folder"),
        ("counties.gpkg",),
        ("samples.csv",),
    ):
        said.assert_explained(*words)


def _without_june(arrays):
    arrays |= {key: np.delete(values, 5, axis=0) for key, values in arrays.items() if key in ("time", "ppt")}


def _june_twice(arrays):
    arrays["time"][6] = arrays["time"][5]


def _rename_files(demo):
    for path in demo.sources.glob("TerraClimate_ppt*"):
        path.rename(path.with_name(path.name.replace("ppt", "rain")))
    demo.entry("precipitation", uri="sources/TerraClimate_rain_{year}.nc", variable="rain")


def _other_zarr(demo):
    (demo.sources / "other.zarr").mkdir()
    (demo.sources / "other.zarr" / "readme.txt").write_text("not here")
    demo.entry("precipitation", driver="zarr", uri="sources/other.zarr")


PPT = "TerraClimate_ppt_1990.nc"
SHOWN_BY_CLIMATE_FILES = {
    "starts late": (lambda d: d.settings(fill=None), "1982-2000", "1980-2000", "fill: {ndvi: climatology}"),
    "promises more years": (_both(lambda d: d.settings(fill=None), lambda d: d.entry("ndvi", years=[1980, 2000])),
        "ndvi_1981.tif", "no such file"),
    "wrong years": (lambda d: d.entry("precipitation", years=[1985, 2000]), "1985-2000", "1980-2000"),
    "a month missing": (lambda d: d.netcdf(PPT, _without_june), "'precipitation'", "no 1990-06"),
    "a month twice": (lambda d: d.netcdf(PPT, _june_twice), "2 time steps in 1990-06"),
    "twelve bands for all": (lambda d: d.entry("ndvi", uri="sources/ndvi_1990.tif"), "12 bands, expected 228"),
    "cut short": (lambda d: d.cut(PPT, 0.9), PPT, "damaged"),
    "no such variable": (_rename_files, "no variable 'rain'", "one of ppt"),
    "a folder of something else": (_other_zarr, "other.zarr", "driver zarr"),
    "a file for a folder": (lambda d: d.entry("precipitation", driver="zarr"), PPT[:17], "no such folder"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHOWN_BY_CLIMATE_FILES)
def test_what_climate_files_show_is_refused_by_check(climate, call, name):
    spoil, *words = SHOWN_BY_CLIMATE_FILES[name]
    spoil(climate)

    said = call(climate, "check")

    said.assert_explained(*words)
    assert len(said.err.splitlines()) < 8, "one fault of many files is not said for each of them"


def _flip_byte(demo):
    content = bytearray((demo.sources / "clay.tif").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (demo.sources / "clay.tif").write_bytes(bytes(content))


SHOWN_BY_PIXELS = {
    "nodata undeclared": (lambda d: d.pixel("clay.tif", -9999, 3, nodata=None), "clay.tif", "nodata: -9999"),
    "another fill": (lambda d: d.pixel("clay.tif", -3.4e38), "clay.tif", "1 value", "nodata: -3.39"),
    "infinite": (lambda d: d.pixel("clay.tif", np.inf, 2), "clay.tif", "band 1", "2 values", "inf"),
    "absurd": (lambda d: d.raster("clay.tif", lambda v: np.where(v > 20, 1e39, v.astype(float))), "1e+39"),
    "a share in percent": (lambda d: d.entry("coarse_fragments", unit="1", scale=1), "CF", "0 to 1", 'unit: "%"'),
    "cut at 10 %": (lambda d: d.cut("clay.tif", 0.1), "clay.tif", "rows", "cut short"),
    "cut at 99.9 %": (lambda d: d.cut("clay.tif", 0.999), "clay.tif", "rows", "cut short"),
    "one byte changed": (_flip_byte, "clay.tif", "rows", "checksum"),
    "a quantity for classes": (_source("land_use", driver="raster", role="land_use", uri="sources/clay.tif"),
        "'land_use'", "no classes", "whole numbers"),
    "a class without a ratio": (_of_classes(**{"2": 0.67}), "dpm_rpm.values", "no ratio for class 1", "`1: 1.44`"),
    "production in tonnes": (_source("npp", driver="raster", role="npp", uri="sources/clay.tif", unit="kg/m2", scale=1),
        "'npp'", "outside the range of NPP", "unit: t/ha/year"),
    "a mask of nothing": (lambda d: d.entry("cropland", classes=[77]), "area", "no pixel", "classes"),
    "carbon in percent": (lambda d: d.settings(samples={"units": {"soc": "%"}}), "samples.csv", "kg/m2", "peat"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHOWN_BY_PIXELS)
def test_what_only_pixels_show_is_refused_by_the_deep_check(demo, call, name):
    spoil, *words = SHOWN_BY_PIXELS[name]
    spoil(demo)
    assert call(demo, "check").code == 0

    call(demo, "check", "--deep").assert_explained(*words)


def _content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["nodata undeclared", "one byte changed", "carbon in percent"])
@pytest.mark.parametrize("earlier", [False, True], ids=["new folder", "earlier run"])
def test_a_run_that_fails_at_a_pixel_leaves_nothing_and_an_earlier_run_whole(
    demo, call, finished_run, name, earlier
):
    spoil, *words = SHOWN_BY_PIXELS[name]
    spoil(demo)
    if earlier:
        shutil.copytree(finished_run, demo.out)
    before = _content(demo.out) if earlier else None

    said = call(demo, "run", "--out", "run", "--quiet")

    said.assert_explained(*words)
    assert (_content(demo.out) if demo.out.exists() else None) == before
    assert not list(demo.folder.parent.rglob(".unfinished_run*"))


def test_a_change_that_no_mu_gives_is_refused_without_a_map(demo, call):
    demo.settings(rothc={"mu_max": None, "k_m": None, "expected_change": 4.9})
    call(demo, "run", "--out", "run", "--quiet").assert_explained("expected_change", "4.9", "mu")
    assert not demo.out.exists()


def test_samples_on_nodata_are_listed_and_above_the_share_refused(demo, call):
    demo.raster("clay.tif", lambda values: np.where(values > 0, -9999, values).astype("float32"))
    call(demo, "run", "--out", "run", "--quiet").assert_explained("samples.csv", "120 of 120 rows", "CLAY")
    assert not demo.out.exists()


class Payload:
    """Runs a command when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def test_a_forest_that_is_a_pickle_is_refused_and_runs_nothing(demo):
    path = demo.folder / "forest_poml.npz"
    joblib.dump(Payload(demo.marker), path)
    with pytest.raises(ValueError, match=r"forest_poml\.npz"):
        load_forest(str(path))
    assert not demo.marker.exists()


def test_a_forest_of_a_run_refuses_other_columns_order_and_units(finished_run):
    path = str(finished_run / "forest_poml.npz")
    saved = load_forest(path)
    for asked in (list(saved.columns[::-1]), ["TWI", *saved.columns[1:]]):
        with pytest.raises(ValueError, match="column"):
            load_forest(path, columns=asked)
    with pytest.raises(ValueError, match=r"forest_poml\.npz: column ELEV was in m, expected km"):
        load_forest(path, columns=list(saved.columns), units={"ELEV": "km"})


# ---- other ways to say the same --------------------------------------------------------------------------------


def _climate_at_sites(region_file):
    region = load_region(region_file)
    cube = open_layers(region)
    sites = read_samples(region, cube.grid).sites
    points = cube.at_points(sites["x"].to_numpy(), sites["y"].to_numpy())
    return np.stack([points[name].to_numpy() for name in ("precip", "TMP", "PRE")[1:]]), points[
        "precip"
    ].to_numpy()


def _every_ppt(demo, change, **options):
    for path in demo.sources.glob("TerraClimate_ppt*"):
        demo.netcdf(path.name, change, **options)


def _turn_latitude(arrays):
    arrays["lat"], arrays["ppt"] = arrays["lat"][::-1].copy(), arrays["ppt"][:, ::-1].copy()


def _shuffle_months(arrays):
    order = np.array([6, 2, 0, 1, 11, 3, 4, 5, 7, 10, 9, 8])
    arrays["time"], arrays["ppt"] = arrays["time"][order], arrays["ppt"][order]


def _mid_month(arrays):
    arrays["time"] = arrays["time"] + 13


def _other_calendar(demo):
    for path in demo.sources.glob("TerraClimate_ppt*"):
        year = int(path.stem[-4:])

        def change(arrays, year=year):
            arrays["time"] = (year - 1900) * 360.0 + 30 * np.arange(12) + 14

        demo.netcdf(path.name, change, {"time": {"units": "days since 1900-01-01", "calendar": "360_day"}})


def _unpacked(demo):
    def change(arrays):
        arrays["ppt"] = arrays["ppt"] * scale

    with netCDF4.Dataset(demo.sources / PPT) as data:
        scale, offset = (data["ppt"].getncattr(name) for name in ("scale_factor", "add_offset"))
    assert offset == 0
    plain = {"ppt": {"scale_factor": None, "add_offset": None, "_FillValue": 1e20}}
    _every_ppt(demo, change, attrs=plain)


def _kelvin(demo):
    demo.entry("temperature", expression="(tmin + tmax) / 2 + 273.15", unit="K")


def _metres(demo):
    demo.entry("precipitation", expression="ppt / 1000", variables=["ppt"], unit="m/month")


SAME_CLIMATE = {
    "latitude upwards": lambda d: _every_ppt(d, _turn_latitude),
    "months out of order": lambda d: _every_ppt(d, _shuffle_months),
    "stamps in mid-month": lambda d: _every_ppt(d, _mid_month),
    "a calendar of 360 days": _other_calendar,
    "numbers unpacked": _unpacked,
    "kelvin": _kelvin,
    "metres of rain": _metres,
}


@pytest.fixture(scope="session")
def known_climate(whole):
    return _climate_at_sites(whole / "region.yaml")


@pytest.mark.parametrize("name", SAME_CLIMATE)
def test_the_same_climate_in_another_form_is_the_same(climate, known_climate, name):
    SAME_CLIMATE[name](climate)
    # float32, and a sum in another order
    for found, known in zip(_climate_at_sites(climate.region_file), known_climate, strict=True):
        np.testing.assert_allclose(found, known, rtol=2e-7, atol=1e-5)


def test_a_declared_dialect_with_a_byte_order_mark_gives_the_same_samples(demo, still):
    def samples(file):
        region = load_region(file)
        return read_samples(region, open_layers(region).grid).table

    _table(_decimal_commas, sep=";", encoding="utf-8-sig")(demo)
    demo.settings(samples={"table": {"separator": ";", "decimal": ","}})
    pd.testing.assert_frame_equal(samples(demo.region_file), samples(still / "region.yaml"))


def _south_up(demo):
    with rasterio.open(demo.sources / "clay.tif") as data:
        a, _, c, _, e, f = tuple(data.transform)[:6]
        height = data.height
    demo.raster("clay.tif", lambda v: v[:, ::-1], transform=rasterio.Affine(a, 0, c, 0, -e, f + e * height))


ACCEPTED = {
    "weight of 0": lambda d: d.settings(hybrid={"w_p": 0}),
    "weight of 1": lambda d: d.settings(hybrid={"w_p": 1}),
    "blanks behind codes": _fertilizer(lambda t: t.assign(code=t["code"] + " ")),
    "rows from the south": _south_up,
    "a colour table": lambda d: d.raster("cropland.tif", photometric="palette"),
    "a grid like a raster": _both(lambda d: d.settings(grid=None), lambda d: d.settings(grid={"like": "dem"})),
    "a grid of one pixel": lambda d: d.settings(grid={"resolution": 20000}),
    "all of RothC's options": _both(
        _LAND_USE, _source("dung", driver="constant", role="manure", value=2, unit="t C/ha"),
        _rothc(spinup="real_years", cover="fraction", input_driver="constant", input_months="ndvi", manure="MANURE",
            dpm_rpm={"column": "LAND_USE", "values": {"1": 1.44}}, map_outputs=["pools", "co2"],
            rate_factor={"column": "LAND_USE", "values": {"1": "paddy_all_year"}})),
    "duplicates as mean": _both(_table(lambda t: pd.concat([t, t.iloc[[0]]])),
        lambda d: d.settings(samples={"duplicates": "mean"})),
}  # fmt: skip


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_unusual_but_right_is_accepted(demo, call, name):
    ACCEPTED[name](demo)
    said = call(demo, "check")
    assert (said.code, said.err) == (0, "")


def test_a_polygon_that_crosses_itself_is_mended_and_named(demo, call, caplog):
    bow = shapely.Polygon([(120.0, 30.5), (120.1, 30.6), (120.1, 30.5), (120.0, 30.6)])
    demo.polygons(_first_shape(bow))
    assert call(demo, "check").code == 0
    assert "1 polygons cross themselves and are mended: 0330501" in caplog.text
