"""Every published entry of the catalog opens on a small file of its published structure and gives what went in.

The files are synthetic; the structure is that which documentation and public programs tell of (docs/sources.md).
"""

import dataclasses
import os
import tarfile
import warnings
import zipfile
from pathlib import Path

import netCDF4
import numpy as np
import pyproj
import pytest
import rasterio
import yaml
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from numpy.testing import assert_allclose, assert_array_equal
from rasterio.windows import Window

from poml_map.catalog import load_catalog
from poml_map.cli import main
from poml_map.config import load_region
from poml_map.cube import open_layers
from poml_map.cube.frames import in_months
from poml_map.cube.zones import open_zones
from poml_map.errors import InputError
from poml_map.pipeline.checks import check_region, how_to_get
from tests.published import world
from tests.published.arrays import write_gimms
from tests.published.makers import MAKERS, SOILGRIDS, at_address, by_hand
from tests.published.rasters import window_of
from tests.published.write import published_sources, write_published

CATALOG = yaml.safe_load((Path(__file__).parents[2] / "data_catalog.yaml").read_text(encoding="utf-8"))[
    "sources"
]
PUBLISHED = [name for name, entry in CATALOG.items() if entry.get("structure")]
# Inside one tile of every source that comes in tiles.
WEST, SOUTH = 119.30, 30.42
PLACE = (WEST, SOUTH, WEST + 0.5, SOUTH + 0.5)
SMALL = (WEST, SOUTH, WEST + 0.07, SOUTH + 0.07)

#: What a region needs besides the entry that is looked at.
CONSTANTS = {
    "elevation": {"value": 10.0, "unit": "m"}, "slope": {"value": 1.0, "unit": "degree"},
    "spi": {"value": 1.0, "unit": "1"}, "air_temperature": {"value": 15.0, "unit": "degC"},
    "precipitation": {"value": 100.0, "unit": "mm/month"}, "pet": {"value": 80.0, "unit": "mm/month"},
    "ndvi": {"value": 0.5, "unit": "1"}, "clay": {"value": 20.0, "unit": "%"},
    "fertilizer": {"value": 100.0, "unit": "kg/ha"},
}  # fmt: skip


def _topsoil(values, factor=1.0):
    """As the entries weigh the layers: 5, 10 and 5 of 20 cm, at 2.5, 10 and 22.5 cm; the world is linear in depth."""
    return lambda lon, lat: factor * values(lon, lat, 11.25)


def _larger_half(*at):
    return np.maximum(world.ndvi(*at, 1), world.ndvi(*at, 2))


#: The world's field behind each entry, in the cube's unit, and how far a stored number may be off (half a quantum).
TRUTH = {
    "copernicus_dem_90m": (world.elevation, 1e-3), "merit_dem_elevation": (world.elevation, 1e-3),
    "geomorpho90m_slope": (world.slope, 1e-4), "geomorpho90m_spi": (world.stream_power, 1e-4),
    "terraclimate_tmp": (world.air_temp, 0.0051), "terraclimate_ppt": (world.precipitation, 0.051),
    "terraclimate_pet": (world.evapotranspiration, 0.051),
    "gimms_ndvi3g": (_larger_half, 6e-5),
    "pku_gimms_ndvi": (_larger_half, 6e-4), "mod13a3_ndvi": (world.ndvi, 6e-5), "ma2022_ndvi": (world.ndvi, 1e-6),
    "nsigc_clay": (_topsoil(world.clay), 1e-4), "nsigc_bulk_density": (_topsoil(world.bulk_density), 1e-5),
    "nsigc_coarse_fragments": (_topsoil(world.coarse_fragments, 0.01), 1e-6),
    "soilgrids_clay": (_topsoil(world.clay), 0.051), "soilgrids_bulk_density": (_topsoil(world.bulk_density), 0.0051),
    "soilgrids_coarse_fragments": (_topsoil(world.coarse_fragments, 0.01), 6e-4),
    "worldcover_land_use": (world.land_cover, 0), "clcd_land_use": (world.land_cover_of_china, 0),
    "modis_npp": (world.npp, 6e-5),
}  # fmt: skip
# Finer than the file that is made: so many cells along a side share a class.
COARSE = {"worldcover_cropland": 10, "worldcover_land_use": 10, "clcd_land_use": 8}


def _side(name) -> float:
    """Degrees that give some cells, and not too many."""
    if name in COARSE:
        return 0.02
    return 0.5 if "terraclimate" in name or "gimms" in name else 0.06


def _years(name) -> range:
    """Two years that the entry has, one if it has a file a month; climate has two before them, for the spin-up."""
    first = max(CATALOG[name].get("years", [1980, 2000])[0], 1980)
    return range(first, first + (1 if "{month}" in CATALOG[name].get("uri", "") else 2))


def _bring(published: Path, catalog_folder: Path, name: str, years) -> None:
    """Put published files where the entry wants them, as its steps or `poml-map fetch` do."""
    source = published_sources()[name]
    for key in source.files(years):
        wanted = catalog_folder / source.shown(*key)
        wanted.parent.mkdir(parents=True, exist_ok=True)
        fetch = source.entry.fetch
        if fetch is None:
            os.link(by_hand(published, source, *key), wanted)
            continue
        tile = fetch.tiles.called(WEST, SOUTH) if fetch.tiles else ""
        made = at_address(published, source.address(*key, tile=tile))
        if fetch.layout == "archives":
            small = fetch.tiles.model_copy(update={"degrees": 5}).called(WEST, SOUTH)
            with tarfile.open(made) as archive:
                member = archive.extractfile(f"{made.name.split('_')[0]}_90M_{small}.tif")
                wanted.write_bytes(member.read())
        elif fetch.layout == "members":
            with zipfile.ZipFile(made) as archive:
                wanted.write_bytes(archive.read(f"{made.stem}/{source.member(*key)}"))
        elif fetch.layout == "vrt":
            _cut(made, wanted)
        else:
            os.link(made, wanted)


def _cut(virtual: Path, wanted: Path) -> None:
    """The part of a virtual file around the place, as a GeoTIFF."""
    with rasterio.open(virtual) as data:
        window = window_of(SOILGRIDS, (WEST, SOUTH, WEST + 0.1, SOUTH + 0.1), 0.05)
        profile = data.profile | {"driver": "GTiff", "width": window.width, "height": window.height}
        west, north = SOILGRIDS.west + 250 * window.col_off, SOILGRIDS.north - 250 * window.row_off
        profile["transform"] = Affine(250, 0, west, 0, -250, north)
        for key in ("blockxsize", "blockysize", "tiled"):
            profile.pop(key, None)
        with rasterio.open(wanted, "w", **profile) as out:
            out.write(data.read(window=window))


def _region(folder: Path, name: str, **changes):
    """A region of the entry and constants, on the entry's own cells, so that resampling changes nothing."""
    entry = dict(CATALOG[name])
    years = _years(name)
    if entry["role"] == "ndvi":
        entry["years"] = [years[0], years[-1]]  # else five years are read, for a climatology
    sources = {
        name: entry,
        "bd": {"driver": "constant", "role": "bulk_density", "value": 1.3, "unit": "g/cm3"},
    }
    sources["cf"] = {"driver": "constant", "role": "coarse_fragments", "value": 5, "unit": "%"}
    if entry.get("zones") or entry["role"] == "zones":
        zones, table = entry.get("zones", name), name if entry.get("zones") else "csy_fertilizer"
        sources[zones] = dict(CATALOG[zones])
        sources[table] = CATALOG[table] | {"zones": zones}
    taken = {each["role"] for each in sources.values()} | {
        {"SLP": "slope", "SPI": "spi"}[column] for column in entry.get("derive", [])
    }
    sources = {
        key: each for key, each in sources.items() if key not in ("bd", "cf") or each["role"] != entry["role"]
    }
    for role, constant in CONSTANTS.items():
        if role not in taken:
            sources[role] = {"driver": "constant", "role": role, **constant}
    side = _side(name)
    area = {"bounds": [WEST, SOUTH, WEST + side, SOUTH + side]}
    if entry["role"] == "mask":
        area["mask"] = name
    # The grid is that of the entry's first file.
    grid = {"like": "cells"}
    sources["cells"] = {"driver": "raster", "role": "covariate", "column": "CELLS", "unit": "1", "band": 1}
    sources["cells"]["uri"] = published_sources()[name].shown(*published_sources()[name].files(years)[0])
    if entry["driver"] == "netcdf":
        grid = {"crs": "EPSG:4326", "resolution": 1 / 12 if "gimms" in name else 1 / 24}
    elif entry["driver"] != "raster":
        grid = {"crs": "EPSG:32650", "resolution": 1000}
    if "like" not in grid:
        del sources["cells"]
    settings = {
        "name": "published", "synthetic": True, "sources": list(sources), "area": area, "grid": grid,
        "years": f"{years[0]}-{years[-1]}", "spinup_years": f"{years[0] - 2}-{years[0] - 1}",
        "samples": {"file": "samples.csv", "units": {"stock": "kg/m2"},
                    "columns": {"site": "site", "x": "lon", "y": "lat", "year": "year", "stock": "stock"}},
        **changes,
    }  # fmt: skip
    catalog = {"version": 1, "sources": sources}
    (folder / "data_catalog.yaml").write_text(yaml.safe_dump(catalog), encoding="utf-8")
    (folder / "region.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return load_region(folder / "region.yaml")


def _lon_lat(grid):
    y, x = np.meshgrid(grid.y, grid.x, indexing="ij")
    change = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    return change.transform(x, y)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Writes the files of an entry, once."""
    folder, done = tmp_path_factory.mktemp("published"), set()

    def write(name) -> Path:
        if name not in done:
            years = range(_years(name)[0] - 2, _years(name)[-1] + 1)
            write_published(folder, PLACE if _side(name) == 0.5 else SMALL, years, [name])
            done.add(name)
        return folder

    return write


@pytest.fixture
def opened(published, tmp_path):
    """Opens the cube of a published entry, whose files lie where they belong."""

    def open_cube(name):
        entry = CATALOG[name]
        others = [] if entry.get("zones") is None else [entry["zones"]]
        others += ["csy_fertilizer"] if entry["role"] == "zones" else []
        for each in dict.fromkeys([name, *others]):
            held = CATALOG[each].get("years")
            first, last = _years(name)[0] - 2, _years(name)[-1]
            years = range(max(first, held[0]), last + 1) if held else range(first, last + 1)
            _bring(published(each), tmp_path, each, years)
        region = _region(tmp_path, name)
        return open_layers(region)

    return open_cube


def test_every_published_entry_has_a_maker():
    """An entry that is added needs one: otherwise nobody knows whether it can be read."""
    assert set(MAKERS) == set(PUBLISHED)


@pytest.mark.parametrize("name", TRUTH)
def test_a_published_grid_gives_the_values_that_went_in(opened, name):
    cube = opened(name)
    truth, error = TRUTH[name]
    layer = cube.layers[published_sources()[name].entry.cube_column]
    labels = _labels(name, layer.time)
    found = _values(cube, layer, labels)
    if name in COARSE:
        assert_array_equal(
            found[0], truth(*_coarse_centres(cube.grid, layer.field.series.reader.grid.transform, name))
        )
        assert len(np.unique(found)) > 1
        return
    lon, lat = _lon_lat(cube.grid)
    expected = np.stack([truth(lon, lat, *label) for label in labels])
    if name == "modis_npp":
        lost = np.isin(world.land_cover(lon, lat), (world.TOWN, world.WATER))
        expected[:, lost] = np.nan
        assert 0 < lost.mean() < 0.5
    assert found.size >= 12
    assert_allclose(found, expected, rtol=1e-6, atol=error)


def _labels(name, time):
    """What the world's functions take after the place."""
    if time == "static":
        return [()]
    months = [(month,) for month in range(1, 13)] if time == "monthly" else [()]
    return [(year, *month) for year in _years(name) for month in months]


def _values(cube, layer, labels):
    """A layer on the whole grid, shape (labels, rows, columns)."""
    y, x = np.meshgrid(cube.grid.y, cube.grid.x, indexing="ij")
    asked = [label if len(label) > 1 else label[0] if label else None for label in labels]
    return layer.at(x.ravel(), y.ravel(), asked).reshape(len(labels), *x.shape)


def _coarse_centres(grid, transform, name):
    """Longitude and latitude of the centres of the cells that share a class, for each fine cell of the grid."""
    (a, _, west, _, _, north), step = transform, COARSE[name]
    cols = np.floor(np.round((grid.x - west) / a - 0.5) / step)
    rows = np.floor(np.round((north - grid.y) / a - 0.5) / step)
    x, y = np.meshgrid(west + a * (cols + 0.5) * step, north - a * (rows + 0.5) * step)
    return pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)


def test_cropland_of_worldcover_is_what_is_mapped(opened):
    cube = opened("worldcover_cropland")
    centres = _coarse_centres(cube.grid, (1 / 12000, 0, 117.0, 0, -1 / 12000, 33.0), "worldcover_cropland")
    mapped = cube.mask()
    assert_array_equal(mapped, world.land_cover(*centres) == world.CROPS)
    assert 0.2 < mapped.mean() < 1


@pytest.mark.parametrize("name", ["csy_fertilizer", "csy_manure"])
def test_tables_of_the_yearbook_reach_the_pixels_of_their_counties(opened, name):
    cube = opened(name)
    truth, factor = (world.manure, 1e-4) if name == "csy_manure" else (world.fertilizer, 1.0)
    found = _values(cube, cube.layers["MANURE" if name == "csy_manure" else "FER"], _labels(name, "annual"))
    edges = sorted({box[0] for _, _, box, _ in world.county_boxes(SMALL)})
    county = np.searchsorted(edges, _lon_lat(cube.grid)[0]) - 1
    expected = [factor * truth(county, year) for year in _years(name)]
    assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["csy_counties", "geoboundaries_counties"])
def test_county_boundaries_open_with_their_keys_and_names(published, tmp_path, name):
    source = dataclasses.replace(published_sources()[name], root=tmp_path, allowed=(tmp_path,))
    _bring(published(name), tmp_path, name, [])
    zones = open_zones(source)
    boxes = world.county_boxes(SMALL)
    assert sorted(zones.names) == sorted(called for _, called, _, _ in boxes)
    assert all(any(key.endswith(code) for code, *_ in boxes) for key in zones.keys)


def test_slope_and_stream_power_come_from_the_elevation_of_copernicus(opened):
    cube = opened("copernicus_dem_90m")
    slope, power = (_values(cube, cube.layers[column], [()]) for column in ("SLP", "SPI"))
    assert 0 < slope.max() < 60
    assert np.isfinite(power).all()


# ---------------------------------------------------------------------------------------------- half-months


@given(
    arrays_of.arrays(
        float, st.tuples(st.integers(1, 8), st.just(2), st.integers(1, 3)),
        elements=st.one_of(st.just(np.nan), st.floats(-1, 1)),
    ),
    st.sampled_from(["mean", "max"]),
)  # fmt: skip
def test_months_of_several_steps_are_their_mean_or_maximum_without_the_missing_ones(values, how):
    counts = [min(2, len(values) - start) for start in range(0, len(values), 2)]
    numpy_of = {"mean": np.nanmean, "max": np.nanmax}[how]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy's, about months that miss every step
        expected = [numpy_of(values[2 * i : 2 * i + n], axis=0) for i, n in enumerate(counts)]
    assert_allclose(in_months(values, counts, how), expected, rtol=1e-12)


def _gimms(folder, region=None, **changes):
    """The GIMMS entry with changes, opened in its own cells, and its file of the first half of 1982."""
    (folder / "gimms_ndvi3g").mkdir(exist_ok=True)
    for first in (1, 7):
        half = "0106" if first == 1 else "0712"
        path = folder / "gimms_ndvi3g" / f"ndvi3g_geo_v1_1_1982_{half}.nc4"
        if not path.exists():
            write_gimms(path, PLACE, 1982, first, changes.get("version", "3g+"))
    _region(folder, "gimms_ndvi3g", **(region or {"years": "1982-1982", "spinup_years": "1980-1981"}))
    catalog = yaml.safe_load((folder / "data_catalog.yaml").read_text())
    entry = catalog["sources"]["gimms_ndvi3g"] | {"years": [1982, 1982]}
    entry |= {key: value for key, value in changes.items() if key != "version"}
    catalog["sources"]["gimms_ndvi3g"] = {key: value for key, value in entry.items() if value is not None}
    (folder / "data_catalog.yaml").write_text(yaml.safe_dump(catalog))
    return open_layers(load_region(folder / "region.yaml"))


def _edit(folder, half, change):
    with netCDF4.Dataset(folder / "gimms_ndvi3g" / f"ndvi3g_geo_v1_1_1982_{half}.nc4", "a") as data:
        data.set_auto_maskandscale(False)
        change(data)


def test_half_months_without_a_rule_are_refused_and_both_rules_are_offered(tmp_path, problems_of):
    lines = problems_of(_gimms, tmp_path, in_month=None)
    (line,) = [line for line in lines if "2 time steps in 1982-01" in line]
    assert "`in_month: max` or `in_month: mean`" in line


def test_the_mean_of_half_months_may_be_asked_for(tmp_path):
    cube = _gimms(tmp_path, in_month="mean")
    lon, lat = _lon_lat(cube.grid)
    found = _values(cube, cube.layers["ndvi"], [(1982, 4)])[0]
    expected = (world.ndvi(lon, lat, 1982, 4, 1) + world.ndvi(lon, lat, 1982, 4, 2)) / 2
    assert_allclose(found, expected, atol=6e-5)


def test_codes_of_water_and_no_data_leave_a_half_month_out_and_a_month_only_if_both_miss(tmp_path):
    cube = _gimms(tmp_path)
    whole = _values(cube, cube.layers["ndvi"], [(1982, 2), (1982, 3)])

    def lose(data):
        rows, cols = slice(700, 725), slice(3585, 3605)  # those of the place
        data["ndvi"][2, rows, cols] = -5000  # first half of February
        data["ndvi"][4, rows, cols], data["ndvi"][5, rows, cols] = -10000, -5000  # March

    _edit(tmp_path, "0106", lose)
    cube = _gimms(tmp_path)
    found = _values(cube, cube.layers["ndvi"], [(1982, 2), (1982, 3)])
    lon, lat = _lon_lat(cube.grid)
    assert_allclose(found[0], world.ndvi(lon, lat, 1982, 2, 2), atol=6e-5)
    assert not np.isnan(whole).any()
    assert np.isnan(found[1]).all()


def test_a_half_month_that_is_not_in_the_file_is_no_month_of_one_step(tmp_path, problems_of):
    """Else the maximum of half a month would pass for that of a whole one."""
    _gimms(tmp_path)

    def shift(data):
        data["time"][3] = data["time"][4]  # the second half of February is dated in March

    _edit(tmp_path, "0106", shift)
    lines = problems_of(_gimms, tmp_path)
    assert any(
        "1 time step in 1982-02, 3 time steps in 1982-03, where most months have 2" in line for line in lines
    )


def test_a_month_in_two_files_is_refused_though_several_steps_are_allowed(tmp_path, problems_of):
    _gimms(tmp_path)
    write_gimms(tmp_path / "gimms_ndvi3g" / "ndvi3g_geo_v1_1_1982_0712.nc4", PLACE, 1982, 1)
    assert any("2 time steps in 1982-01" in line for line in problems_of(_gimms, tmp_path))


def test_the_older_files_that_count_the_months_of_their_year_are_read_too(tmp_path):
    cube = _gimms(tmp_path, version="v1")
    lon, lat = _lon_lat(cube.grid)
    found = _values(cube, cube.layers["ndvi"], [(1982, 12)])[0]
    assert_allclose(
        found, np.maximum(world.ndvi(lon, lat, 1982, 12, 1), world.ndvi(lon, lat, 1982, 12, 2)), atol=6e-5
    )


def test_maps_before_the_first_satellite_need_a_declared_fill_which_is_told(tmp_path, problems_of):
    changes = {"years": "1980-1982", "spinup_years": "1978-1979"}
    (line,) = problems_of(_gimms, tmp_path, region=changes)
    assert "expected every year of 1980-1982. State `fill: {gimms_ndvi3g: climatology}`" in line

    cube = _gimms(tmp_path, region=changes | {"fill": {"gimms_ndvi3g": "climatology"}})
    assert cube.fills[0]["years"] == [1980, 1981]
    assert "mean of 1982" in cube.fills[0]["rule"]
    assert_array_equal(*_values(cube, cube.layers["ndvi"], [(1980, 6), (1982, 6)]))


def test_of_two_files_a_month_the_missing_half_is_left_out(opened, tmp_path):
    """PKU GIMMS: fill where NDVI is 0 or less, in one half or in both."""
    cube = opened("pku_gimms_ndvi")
    for half in ("01", "02"):
        path = tmp_path / "pku_gimms_ndvi" / f"PKU_GIMMS_NDVI_V1.2_198204{half}.tif"
        content = path.read_bytes()
        path.unlink()  # the same file serves other tests
        path.write_bytes(content)
        with rasterio.open(path, "r+") as data:
            gone = data.read(1, window=Window(3585, 700, 20, 25))
            gone[:, : 20 if half == "01" else 10] = 65535
            data.write(gone, 1, window=Window(3585, 700, 20, 25))
    cube = open_layers(cube.region)
    lon, lat = _lon_lat(cube.grid)
    found = _values(cube, cube.layers["ndvi"], [(1982, 4)])[0]
    known = lon > -180 + 3595 / 12
    assert known.any()
    assert not known.all()
    assert np.isnan(found[~known]).all()
    assert_allclose(found[known], world.ndvi(lon, lat, 1982, 4, 2)[known], atol=6e-4)


# ---------------------------------------------------------------------------------------------- what check says


def test_missing_files_are_fetched_by_one_command_or_brought_by_steps_that_are_shown_once(
    tmp_path, monkeypatch
):
    _region(tmp_path, "gimms_ndvi3g")
    catalog = yaml.safe_load((tmp_path / "data_catalog.yaml").read_text())
    catalog["sources"]["precipitation"] = CATALOG["terraclimate_ppt"] | {"years": [1980, 1983]}
    catalog["sources"]["clay"] = CATALOG["soilgrids_clay"]
    (tmp_path / "data_catalog.yaml").write_text(yaml.safe_dump(catalog))
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InputError) as refusal:
        check_region("region.yaml")

    lines = sorted(str(problem) for problem in refusal.value.problems if "samples.csv" not in str(problem))
    ndvi, clay, rain = lines
    assert ndvi == (
        "gimms_ndvi3g/ndvi3g_geo_v1_1_{year}_{half}.nc4, entry 'gimms_ndvi3g': found 4 of 4 files missing, "
        "the first is gimms_ndvi3g/ndvi3g_geo_v1_1_1982_0106.nc4, expected files that can be read. "
        f"Get it by the `steps:` of the entry (data_catalog.yaml:{_line('  gimms_ndvi3g:')})."
    )
    fetched = "expected files that can be read. Run `poml-map fetch REGION.yaml`."
    assert clay.startswith("soilgrids/clay_{variable}.tif, entry 'clay': found 3 of 3 files missing")
    assert rain.startswith(
        "terraclimate/TerraClimate_ppt_{year}.nc, entry 'precipitation': found 4 of 4 files"
    )
    assert clay.endswith(fetched)
    assert rain.endswith(fetched)
    advice = refusal.value.advice
    assert sorted(advice[0].rstrip(".").replace(",", "").split()[-2:]) == ["clay", "precipitation"]
    assert advice[1] == "gimms_ndvi3g: needs an account; its structure is known from documentation."
    assert "Earthdata account" in " ".join(advice[2:])
    assert advice[-1] == "  Page: https://doi.org/10.3334/ORNLDAAC/2187"
    assert max(map(len, advice)) <= 100
    assert sum("needs an account" in line for line in advice) == 1


def _line(start):
    lines = Path("data_catalog.yaml").read_text().splitlines()
    return 1 + next(number for number, line in enumerate(lines) if line.startswith(start))


def test_nothing_is_advised_where_all_files_are_there(opened, tmp_path):
    assert how_to_get(opened("nsigc_clay").region) == []


def test_the_command_prints_the_advice_after_the_errors(tmp_path, monkeypatch, capsys):
    _region(tmp_path, "mod13a3_ndvi")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["check", "region.yaml"])
    lines = capsys.readouterr().err.splitlines()
    assert stop.value.code == 2
    first = next(
        number for number, line in enumerate(lines) if line.startswith("mod13a3_ndvi: needs an account")
    )
    assert all(line.startswith("Error: ") for line in lines[:first])
    assert not any(line.startswith("Error: ") for line in lines[first:])
    assert "AppEEARS" in " ".join(lines[first:])


# ---------------------------------------------------------------------------------------------- the page


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_page_of_sources_has_a_row_for_each_that_agrees_with_the_catalog(name):
    page = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in page.splitlines()
        if f"| `{name}` |" in line
    ]
    row = next(row for row in rows if len(row) == 9)
    entry = CATALOG[name]
    unit, licence, reference, access, how = row[4:]
    if "{year}" in entry["uri"]:
        assert row[2] == f"{entry['years'][0]}-{entry['years'][1]}"
    if entry.get("unit", "1") != "1":
        assert unit.startswith(entry["unit"])
    assert access.startswith(entry["access"])
    assert reference in " ".join(entry["source"].split())
    assert ("by hand" in how) == ("fetch" not in entry)
    assert ("not confirmed" in licence) == ("not confirmed" in entry["licence"]) or name == "csy_counties"
    packed = entry.get("fetch", {}).get("layout") in ("archives", "members")
    whole = packed or entry.get("fetch", {}).get("whole", False)
    assert how.startswith("whole files") == whole


def test_the_entry_that_the_page_shows_is_accepted(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
    (tmp_path / "c.yaml").write_text(
        "version: 1\n" + page.split("```yaml\n")[1].split("```")[0], encoding="utf-8"
    )
    source = load_catalog(tmp_path / "c.yaml", "c.yaml", ["my_clay"])["my_clay"]
    assert source.address(tile="N30E117") == "https://example.org/soil/clay_N30E117.tif"
