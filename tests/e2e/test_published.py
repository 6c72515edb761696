"""From an empty folder to maps: published sources, synthetic, on a loopback server; fetch, check, run."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import yaml

from poml_map.errors import InputError
from poml_map.pipeline.checks import check_region
from poml_map.pipeline.fetch import fetch_region
from poml_map.pipeline.run import run_region
from tests.published import world
from tests.published.server import PublishedServer
from tests.published.write import CATALOG, write_published

BOUNDS = (119.05, 30.55, 119.45, 30.85)
SOURCES = [
    "copernicus_dem_90m", "terraclimate_tmp", "terraclimate_ppt", "terraclimate_pet", "gimms_ndvi3g", "soilgrids_clay",
    "soilgrids_bulk_density", "soilgrids_coarse_fragments", "worldcover_cropland",
]  # fmt: skip
SETTINGS = {
    "name": "published", "synthetic": True, "sources": SOURCES,
    "area": {"bounds": list(BOUNDS), "mask": "worldcover_cropland"},
    "grid": {"crs": "EPSG:32650", "resolution": 1000}, "years": "1980-1984", "spinup_years": "1976-1979",
    "fill": {"gimms_ndvi3g": "climatology"},
    "samples": {
        "file": "samples.csv", "units": {"soc": "g/kg"}, "bulk_density": "BD", "coarse_fragments": "CF",
        "columns": {"site": "site", "x": "lon", "y": "lat", "year": "year", "soc": "soc"},
    },
    "covariates": ["ELEV", "SLP", "SPI", "TMP", "PRE", "PET", "NDVI_JJA", "CLAY"],
    "rothc": {"input_driver": "constant"}, "hybrid": {"n_trees": 20}, "validation": {"folds": 3},
}  # fmt: skip


#: Entries that come as rasters, with the world's field in the unit of the file.
FIELDS = {
    "copernicus_dem_90m": world.elevation, "geomorpho90m_slope": world.slope, "geomorpho90m_spi": world.stream_power,
    "soilgrids_clay": lambda lon, lat: 10 * world.clay(lon, lat, 2.5),
}  # fmt: skip
#: Entries that come as they are, or hold classes.
OTHERS = ["clcd_land_use", "worldcover_cropland", "geoboundaries_counties"]


def _write_samples(path: Path) -> None:
    """Thirty sites of two years; carbon follows clay."""
    rng = np.random.default_rng(5)
    rows = ["site,lon,lat,year,soc"]
    while len(rows) < 61:
        lon = rng.uniform(BOUNDS[0] + 0.03, BOUNDS[2] - 0.03)
        lat = rng.uniform(BOUNDS[1] + 0.03, BOUNDS[3] - 0.03)
        level = 0.6 * world.clay(lon, lat) + rng.normal(0, 0.5)
        rows += [
            f"s{len(rows)},{lon:.5f},{lat:.5f},{year},{level * factor:.2f}"
            for year, factor in ((1980, 1), (1984, 1.06))
        ]
    for at in range(2, len(rows), 2):  # both years of a site share its name
        rows[at] = rows[at - 1].split(",")[0] + "," + rows[at].split(",", 1)[1]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


@pytest.mark.slow
def test_a_region_of_published_sources_is_fetched_checked_and_mapped(tmp_path, monkeypatch):
    published, region = tmp_path / "published", tmp_path / "region"
    write_published(published, BOUNDS, range(1976, 1987), SOURCES)
    region.mkdir()
    shutil.copy(CATALOG, region / "data_catalog.yaml")
    (region / "region.yaml").write_text(yaml.safe_dump(SETTINGS), encoding="utf-8")
    _write_samples(region / "samples.csv")
    monkeypatch.chdir(region)

    with pytest.raises(InputError) as refusal:
        check_region("region.yaml")
    assert len(refusal.value.problems) == len(SOURCES)
    advice = "\n".join(refusal.value.advice)
    assert "Run `poml-map fetch region.yaml` for copernicus_dem_90m" in advice
    assert "gimms_ndvi3g: needs an account" in advice

    with PublishedServer(published) as server:
        told = "\n".join(fetch_region("region.yaml", cache=tmp_path / "cache", mirror=server.url))
    assert "gimms_ndvi3g" in told
    with pytest.raises(InputError) as refusal:
        check_region("region.yaml")
    assert len(refusal.value.problems) == 1  # what was to be brought by hand

    shutil.copytree(published / "by_hand" / "gimms_ndvi3g", "gimms_ndvi3g")
    lines = "\n".join(check_region("region.yaml").lines)
    assert "structure known from documentation" in lines
    assert "filled    ndvi of 1980, 1981: mean of 1982-1986" in lines

    out = tmp_path / "run"
    run_region(Path("region.yaml"), out)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["fills"][0]["source"] == "gimms_ndvi3g"
    assert {"CC-BY-4.0", "CC0-1.0"} <= {source["licence"] for source in manifest["sources"]}
    with rasterio.open(out / "maps" / "SOCS_POML_1980.tif") as data:
        values = data.read(1, masked=True)
        assert "1980, 1981" in data.tags()["POML_MAP_FILLED_NDVI"]
    assert values.count() / values.size > 0.4
    assert 1 < values.mean() < 10
    assert "gimms_ndvi3g" in (out / "report.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_tiles_archives_and_whole_files_are_fetched_as_they_were_published(tmp_path, monkeypatch):
    """Entries of layouts that the region above does not use."""
    published, region = tmp_path / "published", tmp_path / "region"
    names = [*FIELDS, *OTHERS]
    write_published(published, BOUNDS, [1980], names)
    region.mkdir()
    catalog = yaml.safe_load(CATALOG.read_text(encoding="utf-8"))
    catalog["sources"]["copernicus_dem_90m"].pop("derive")  # slope and stream power have entries of their own
    constants = {"precipitation": (90.0, "mm/month"), "air_temperature": (15.0, "degC"), "pet": (80.0, "mm/month"),
                 "ndvi": (0.5, "1"), "bulk_density": (1.3, "g/cm3"), "coarse_fragments": (5.0, "%")}  # fmt: skip
    for role, (value, unit) in constants.items():
        catalog["sources"][role] = {"driver": "constant", "role": role, "value": value, "unit": unit}
    (region / "data_catalog.yaml").write_text(yaml.safe_dump(catalog), encoding="utf-8")
    settings = SETTINGS | {"sources": [*names, *constants], "fill": {}, "area": {"bounds": list(BOUNDS)}}
    (region / "region.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    _write_samples(region / "samples.csv")
    monkeypatch.chdir(region)

    with PublishedServer(published) as server:
        fetch_region("region.yaml", cache=tmp_path / "cache", mirror=server.url)

    for name, field in FIELDS.items():
        entry = catalog["sources"][name]
        with rasterio.open(entry["uri"].replace("{variable}", "d0_5")) as data:
            _compare(data, field)
    with rasterio.open(catalog["sources"]["clcd_land_use"]["uri"]) as data:
        assert set(np.unique(data.read(1))) <= {0, 1, 2, 5, 8}
        assert "Albers" in data.crs.to_wkt()
    origin = published / "media.githubusercontent.com"
    (made,) = origin.rglob("*.geojson")
    assert Path(catalog["sources"]["geoboundaries_counties"]["uri"]).read_bytes() == made.read_bytes()
    assert "No problem found." in check_region("region.yaml").lines


def _compare(data, field) -> None:
    """Every cell of the area against the world, to half a quantum of a file of whole numbers."""
    values = data.read(1, masked=True)
    rows, cols = np.indices(values.shape)
    x, y = (
        data.transform.c + (cols + 0.5) * data.transform.a,
        data.transform.f + (rows + 0.5) * data.transform.e,
    )
    lon, lat = pyproj.Transformer.from_crs(data.crs, "EPSG:4326", always_xy=True).transform(x, y)
    inside = (lon > BOUNDS[0]) & (lon < BOUNDS[2]) & (lat > BOUNDS[1]) & (lat < BOUNDS[3])
    assert inside.sum() > 1000
    assert not np.ma.getmaskarray(values)[inside].any()
    np.testing.assert_allclose(
        values.data[inside], field(lon, lat)[inside], atol=0.51 if values.dtype.kind == "i" else 1e-3
    )
