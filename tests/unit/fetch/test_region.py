"""`fetch_region`: all sources of a region file, each into its place, whatever happens to single ones."""

import json
import logging

import geopandas as gpd
import pytest
import shapely

from poml_map.errors import InputError, ResourceError
from poml_map.fetch.cache import Cache
from poml_map.fetch.client import Client
from poml_map.fetch.patience import Patience
from poml_map.pipeline.fetch import fetch_region
from tests.published.server import PublishedServer

from .conftest import AREA, HOST, assert_clean, assert_is_cut_of_truth, write_climate, write_rasters

CATALOG = f"""\
version: 1
sources:
  dem: {{driver: raster, role: elevation, uri: dem.tif, unit: m, derive: [SLP, SPI],
        fetch: {{url: "https://{HOST}/tiles/dem_{{tile}}.tif", layout: tiles,
                 tiles: {{degrees: 1, name: "{{NS}}{{lat:02}}{{EW}}{{lon:03}}"}}}}}}
  ppt: {{driver: netcdf, role: precipitation, uri: "climate/p_{{year}}.nc", variable: ppt, unit: mm/month,
        crs: "EPSG:4326", years: [1990, 1993], fetch: {{url: "https://{HOST}/ppt_{{year}}.nc"}}}}
  tmp: {{driver: constant, role: air_temperature, value: 15, unit: degC}}
  pet: {{driver: constant, role: pet, value: 80, unit: mm/month}}
  ndvi: {{driver: raster, role: ndvi, uri: "n_{{year}}.tif", unit: "1", years: [1990, 1993],
         steps: Ask the authors for the files.}}
  clay: {{driver: raster, role: clay, uri: clay.tif, unit: g/kg,
         fetch: {{url: "https://{HOST}/list/dem.vrt", layout: vrt}}}}
  bd: {{driver: constant, role: bulk_density, value: 1.3, unit: g/cm3}}
  cf: {{driver: constant, role: coarse_fragments, value: 5, unit: "%"}}
  fert: {{driver: constant, role: fertilizer, value: 100, unit: kg/ha}}
  counties: {{driver: vector, role: zones, uri: counties.geojson, key: code,
             fetch: {{url: "https://{HOST}/counties.geojson"}}}}
"""

REGION = f"""\
name: small
sources: [dem, ppt, tmp, pet, ndvi, clay, bd, cf, fert, counties]
area: {{bounds: {list(AREA)}}}
grid: {{crs: "EPSG:32650", resolution: 4000}}
years: 1992-1993
spinup_years: 1990-1991
samples:
  file: samples.csv
  columns: {{site: site, x: lon, y: lat, year: year, soc: soc}}
  units: {{soc: g/kg}}
  bulk_density: BD
  coarse_fragments: CF
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    write_rasters(folder / HOST)
    for year in range(1990, 1994):
        write_climate(folder / HOST / f"ppt_{year}.nc", year=year)
    west, south, east, north = AREA
    counties = gpd.GeoDataFrame(
        {"code": ["a"]}, geometry=[shapely.box(west, south, east, north - 0.5)], crs="EPSG:4326"
    )
    counties.to_file(folder / HOST / "counties.geojson")
    return folder


@pytest.fixture
def region(site, tmp_path):
    """`region.fetch(...)` with a cache of its own; `region.write(old, new)` changes the region file."""
    folder = tmp_path / "region"
    folder.mkdir()
    (folder / "data_catalog.yaml").write_text(CATALOG)

    class Region:
        cache, dir, waits = tmp_path / "cache", folder, []

        def write(self, *change, text=REGION, name="region.yaml"):
            (folder / name).write_text(text.replace(*change) if change else text)
            return folder / name

        def fetch(self, **options):
            patience = Patience(tries=2, sleep=self.waits.append)
            options = {"cache": self.cache, "mirror": self.server.url, "patience": patience} | options
            return fetch_region(folder / options.pop("name", "region.yaml"), **options)

        def files(self):
            return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    made = Region()
    made.write()
    with PublishedServer(site) as made.server:
        yield made
    if made.cache.exists():
        assert_clean(Cache(made.cache))


BROUGHT = {"dem.tif", "clay.tif", "counties.geojson", *(f"climate/p_{year}.nc" for year in range(1990, 1994))}


def test_a_region_is_fetched_once_and_is_offline_afterwards(region, monkeypatch):
    lines = region.fetch()

    assert region.files() >= BROUGHT
    assert_is_cut_of_truth(region.dir / "clay.tif")
    assert any("ppt" in line and "4 of 4 files" in line and "4 brought" in line for line in lines)
    told = next(line for line in lines if "bring it yourself" in line)
    assert told == "  ndvi: bring it yourself to n_{year}.tif (brought by hand)"
    assert lines[lines.index(told) + 1] == "    Ask the authors for the files."
    record = [json.loads(row) for row in (region.dir / "fetched.jsonl").read_text().splitlines()]
    assert {line["file"] for line in record} == BROUGHT
    assert all(line["sha256"] and line["bytes"] and line["etag"] and line["date"] for line in record)

    region.server.stop()
    monkeypatch.setattr(Client, "_wait", None)
    assert any("4 here already" in line for line in region.fetch())
    (region.dir / "dem.tif").unlink()
    assert any("dem" in line and "from the cache" in line for line in region.fetch())
    region.write("1992-1993", "1992-1992")
    assert "here already" in " ".join(region.fetch())


def test_a_dry_run_writes_nothing(region):
    before = region.files()

    lines = region.fetch(dry_run=True)

    assert region.files() == before
    assert not region.cache.exists()
    assert any("ppt: 4 files, 4 to come" in line and HOST in line for line in lines)
    assert any("together about" in line and "to come" in line for line in lines)
    assert sum(each.method == "GET" for each in region.server.asked) < 10, "headers of the first files only"


def test_what_the_user_put_there_is_left_alone_and_said(region):
    (region.dir / "dem.tif").write_bytes(b"mine")
    lines = region.fetch()

    assert (region.dir / "dem.tif").read_bytes() == b"mine"
    assert any("dem.tif: it was there before, and is not from `poml-map fetch`" in line for line in lines)

    (region.dir / "clay.tif").write_bytes(b"edited")
    lines = region.fetch(refresh=True)
    assert (region.dir / "clay.tif").read_bytes() == b"edited"
    assert any("clay.tif: it differs from what was fetched on" in line for line in lines)


def test_a_file_that_a_kill_left_before_its_record_is_ours(region):
    region.fetch(only=["clay"])
    (region.dir / "fetched.jsonl").unlink()

    assert any("clay" in line and "1 from the cache" in line for line in region.fetch(only=["clay"]))


def test_another_window_is_brought_anew(region):
    region.fetch(only=["clay"])
    first = (region.dir / "clay.tif").read_bytes()
    region.write(str(list(AREA)), "[118.32, 30.21, 119.9, 31.79]")

    lines = region.fetch(only=["clay"])

    assert (region.dir / "clay.tif").read_bytes() != first
    assert_is_cut_of_truth(region.dir / "clay.tif", (118.32, 30.21, 119.9, 31.79))
    assert any("made again for another window" in line for line in lines)


def test_one_failure_does_not_stop_the_others_and_all_are_told(region, caplog):
    region.server.fault(f"{HOST}/ppt_1991.nc", "html", times=None)
    region.server.fault(f"{HOST}/tiles/dem_N30E118.tif", "status", times=None, status=404)
    region.server.fault(f"{HOST}/list/parts/dem_60_60.tif", "status", times=None, status=503)
    caplog.set_level(logging.INFO)

    with pytest.raises(InputError) as refusal:
        region.fetch()

    lines = str(refusal.value).splitlines()
    assert len(lines) == 2
    assert (
        "no tile N30E118 (118 to 119 degrees E, 30 to 31 degrees N) on the server, inside the area"
        in lines[0]
    )
    assert lines[1].startswith(f"https://{HOST}/ppt_1991.nc, entry 'ppt': found a web page")
    assert "503 Service Unavailable" in caplog.text
    assert region.files() >= BROUGHT - {"dem.tif", "clay.tif", "climate/p_1991.nc"}
    assert "dem.tif" not in region.files()
    region.server.mend()
    region.fetch()
    assert region.files() >= BROUGHT


def test_failures_of_the_network_alone_are_of_the_machine(region):
    region.server.fault("", "status", times=None, status=503)

    with pytest.raises(ResourceError) as refusal:
        region.fetch()

    assert refusal.value.exit_code == 3
    assert "503" in str(refusal.value)
    (line,) = [line for line in str(refusal.value).splitlines() if "entry 'ppt'" in line]
    assert "503 Service Unavailable" in line
    assert "the same for all" in line, "one line for all years"
    assert "the same command goes on where this one stopped" in str(refusal.value)


def test_polygons_of_the_area_and_the_pattern_of_the_grid_come_first(region):
    region.write("area: {bounds", "area: {polygons: counties} #")
    assert any("area is here" in line for line in region.fetch(dry_run=True))
    region.fetch(only=["counties", "clay"])
    assert region.files() >= {"counties.geojson", "clay.tif"}

    text = REGION.replace('{crs: "EPSG:32650", resolution: 4000}', "{like: clay}")
    region.write(text=text)
    (region.dir / "clay.tif").unlink()
    lines = region.fetch()
    assert any("clay" in line and "1 brought" in line for line in lines)
    assert any("clay" in line and "1 here already" in line for line in region.fetch())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"only": ["dme"]},
            "--only: found 'dme', expected an entry of the region with `fetch:`. Did you mean `dem`?",
        ),
        ({"only": ["tmp"]}, "Of `sources:` these have `fetch:`: dem, ppt, clay, counties."),
        ({"mirror": "file:///tmp"}, "--mirror: found an address of file:, expected http:// or https://."),
    ],
)
def test_a_wrong_option_is_said_before_anything_is_asked(region, options, words):
    with pytest.raises(InputError) as refusal:
        region.fetch(**options)

    assert words in str(refusal.value)
    assert not region.server.asked


def test_the_cache_is_where_the_user_or_the_environment_says(region, monkeypatch, tmp_path):
    monkeypatch.setenv("POML_MAP_CACHE", str(tmp_path / "elsewhere"))

    region.fetch(cache=None, only=["clay"])

    assert (tmp_path / "elsewhere/objects").is_dir()


def test_two_regions_share_the_cache(region, tmp_path):
    region.fetch(only=["clay", "ppt"])
    asked = len(region.server.asked)
    other = tmp_path / "other"
    other.mkdir()
    for name in ("region.yaml", "data_catalog.yaml"):
        (other / name).write_text((region.dir / name).read_text())

    fetch_region(other / "region.yaml", cache=region.cache, mirror=region.server.url, only=["clay", "ppt"])

    assert len(region.server.asked) == asked
    assert (other / "clay.tif").read_bytes() == (region.dir / "clay.tif").read_bytes()


def test_a_place_outside_the_roots_is_refused(region, tmp_path):
    (tmp_path / "outside").mkdir()
    (region.dir / "climate").symlink_to(tmp_path / "outside", target_is_directory=True)

    with pytest.raises(InputError, match="leads to"):
        region.fetch(only=["ppt"])

    assert not list((tmp_path / "outside").iterdir())
