"""The catalog of a run, as pystac, odc-stac and rasterio read it: none of them had a hand in writing it."""

import json
import re
import shutil
from datetime import datetime
from pathlib import Path

import numpy as np
import pystac
import pytest
import rasterio
from pystac.validation import validate_dict

from poml_map.errors import InputError
from poml_map.grid import Grid
from poml_map.products import read_map
from poml_map.products.stac import CLASSIFICATION, PROJECTION, write_stac

PAGE = Path(__file__).parents[3] / "docs" / "stac.md"
FEW = {"POML", "POML_q05", "ML", "CHANGE_POML", "CHANGE_POML_class"}


def _json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def _item(run, name):
    return pystac.Item.from_file(str(run / "stac" / f"{name}.json"))


@pytest.fixture
def run(handmade):
    return handmade(keep=lambda layer: layer in FEW)


def test_every_map_is_an_asset_of_the_item_of_its_year(handmade):
    run = handmade().folder
    write_stac(run)
    catalog = pystac.Catalog.from_file(str(run / "stac" / "catalog.json"))
    found = {item.id: set(item.assets) for item in catalog.get_items(recursive=True)}
    years = (1980, 1990, 2000)
    expected = {f"SOCS_POML_{year}": {"stock", "q05", "q95", "sd"} for year in years}
    expected |= {f"SOCS_{model}_{year}": {"stock"} for model in ("ML", "PO") for year in years}
    expected |= {f"CHANGE_{model}_1980_2000": {"change", "rate"} for model in ("ML", "PO")}
    expected["CHANGE_POML_1980_2000"] = {"change", "rate", "q05", "q95", "sd", "class"}
    expected |= {f"INDEX_{year}": {"AOA"} for year in years}
    expected |= {f"PROCESS_{year}": {"BIO"} for year in years}
    assert found == expected
    names = [
        Path(asset.href).name for item in catalog.get_items(recursive=True) for asset in item.assets.values()
    ]
    assert sorted(names) == sorted(path.name for path in (run / "maps").iterdir())
    assert [child.id for child in catalog.get_children()] == [
        f"mini-{group}" for group in ("POML", "ML", "PO", "change", "process", "index")
    ]


def test_every_page_is_valid_by_the_schemas_of_stac_itself(handmade):
    """Those of the core come with pystac; those of the extensions lie on the net alone, hence the next test."""
    for path in write_stac(handmade().folder):
        page = _json(path)
        assert validate_dict(page | {"stac_extensions": []}), path.name
        assert page["stac_version"] == "1.1.0"
    with pytest.raises(pystac.STACValidationError):
        validate_dict(page | {"stac_extensions": [], "properties": {}})


def test_fields_of_the_extensions_are_what_their_pages_ask_for(handmade):
    """Checked by hand, from the README files of the projection and the classification extension 2.0.0."""
    for path in write_stac(handmade().folder):
        page, text = _json(path), path.read_text(encoding="utf-8")
        assert (CLASSIFICATION in page.get("stac_extensions", [])) == ('"classification:classes"' in text)
        if page["type"] != "Feature":
            assert "proj:" not in text
            continue
        fields = {name: value for name, value in page["properties"].items() if name.startswith("proj:")}
        assert PROJECTION in page["stac_extensions"]
        assert set(fields) == {"proj:code", "proj:bbox", "proj:shape", "proj:transform"}
        assert re.fullmatch(r"[^:]+:[^:]+", fields["proj:code"])
        assert [len(fields[f"proj:{name}"]) for name in ("bbox", "shape", "transform")] == [4, 2, 6]
        assert all(isinstance(length, int) for length in fields["proj:shape"])
        for asset in page["assets"].values():
            for each in asset.get("classification:classes", []):
                assert isinstance(each["value"], int)
                assert re.fullmatch(r"[0-9A-Za-z_-]+", each["name"])
                assert each["description"]


def test_grid_numbers_and_units_are_those_of_the_file(run):
    write_stac(run.folder)
    item = _item(run.folder, "SOCS_POML_1990")
    for key, layer in (("stock", "POML"), ("q05", "POML_q05")):
        path = run.folder / "maps" / f"SOCS_{layer}_1990.tif"
        band = item.assets[key].to_dict()["bands"][0]
        with rasterio.open(path) as file:
            assert item.properties["proj:code"] == f"EPSG:{file.crs.to_epsg()}"
            assert item.properties["proj:transform"] == list(file.transform)[:6]
            assert item.properties["proj:shape"] == list(file.shape)
            assert item.properties["proj:bbox"] == list(file.bounds)
            assert (band["data_type"], band["nodata"], band["unit"]) == ("float32", -9999, "kg m-2")
            assert band["name"] == file.descriptions[0]
            inside = rasterio.warp.transform_bounds(file.crs, "EPSG:4326", *file.bounds)
        values = read_map(path)
        assert band["statistics"]["mean"] == pytest.approx(np.nanmean(values), rel=1e-6)
        assert band["statistics"]["maximum"] == pytest.approx(np.nanmax(values), rel=1e-6)
        share = 100 * np.isfinite(values).mean()
        assert band["statistics"]["valid_percent"] == pytest.approx(share, rel=1e-3)
        own = item.assets[key].extra_fields
        assert (own["poml_map:layer"], own["poml_map:unit"]) == (layer, "kg C m-2")
        assert own.get("poml_map:calibration") == (None if key == "stock" else "at held-out sites")
    np.testing.assert_allclose(item.bbox, inside, atol=1e-5)
    ring = np.array(item.geometry["coordinates"][0])
    np.testing.assert_allclose([*ring.min(axis=0), *ring.max(axis=0)], item.bbox, atol=1e-3)


def test_a_stock_has_a_moment_and_a_change_its_first_and_last(run):
    write_stac(run.folder)
    assert _item(run.folder, "SOCS_ML_1990").datetime.replace(tzinfo=None) == datetime(1990, 12, 31)
    change = _item(run.folder, "CHANGE_POML_1980_2000")
    assert change.datetime is None
    assert change.properties["start_datetime"] == "1980-12-31T00:00:00Z"
    assert change.properties["end_datetime"] == "2000-12-31T00:00:00Z"
    collection = pystac.Collection.from_file(str(run.folder / "stac" / "collection_POML.json"))
    ((first, last),) = collection.extent.temporal.intervals
    assert (first.year, last.year) == (1980, 2000)
    assert (collection.license, collection.keywords[0]) == ("other", "soil organic carbon")
    assert set(collection.item_assets) == {"stock", "q05"}


def test_classes_are_named(run):
    write_stac(run.folder)
    asset = _item(run.folder, "CHANGE_POML_1980_2000").assets["class"]
    classes = {each["value"]: each["description"] for each in asset.extra_fields["classification:classes"]}
    assert classes == {-1: "loss", 0: "not detectable", 1: "gain"}


def test_synthetic_and_stand_in_stand_on_every_page(run):
    for path in write_stac(run.folder):
        page = _json(path)
        said = page["properties"] if page["type"] == "Feature" else page
        assert said["title"].endswith("(synthetic data)")
        assert "Synthetic data. Stand-in: CLAY." in said["description"]
        if page["type"] == "Feature":
            assert said["poml_map:synthetic"] is True
            assert said["poml_map:stand_in"] == "CLAY"
            assert (said["poml_map:depth_cm"], said["poml_map:input_digest"]) == (20, "ab12")
            assert said["poml_map:model"] == page["id"].split("_")[1]


def test_report_and_manifest_are_linked_where_they_are_or_will_be(run):
    def links():
        write_stac(run.folder, coming=coming)
        page = _json(run.folder / "stac" / "catalog.json")
        return [link["href"] for link in page["links"] if link["rel"] not in ("root", "child")]

    coming = ()
    assert links() == []
    coming = ("manifest.json",)
    assert links() == ["../manifest.json"]
    (run.folder / "report.html").write_text("")
    assert links() == ["../report.html", "../manifest.json"]


def test_a_catalog_that_was_moved_still_finds_its_maps_and_names_no_place_on_the_disk(run, tmp_path):
    before = {path.name: path.read_bytes() for path in write_stac(run.folder)}
    assert not any(str(tmp_path).encode() in text for text in before.values())
    moved = shutil.move(run.folder, tmp_path / "größer 杭州")
    catalog = pystac.Catalog.from_file(str(moved / "stac" / "catalog.json"))
    assets = [asset for item in catalog.get_items(recursive=True) for asset in item.get_assets().values()]
    assert len(assets) == 3 * 3 + 2
    assert all(Path(asset.get_absolute_href()).is_file() for asset in assets)
    assert {path.name: path.read_bytes() for path in write_stac(moved)} == before


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::PendingDeprecationWarning"
)  # inside odc-geo
def test_the_snippet_of_the_page_opens_the_maps_as_a_cube(run, monkeypatch):
    write_stac(run.folder)
    monkeypatch.chdir(run.folder.parent)
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    exec(snippet.replace("demo-POML", "mini-POML"), names)
    stock = names["stock"]
    assert stock.chunks is not None
    assert stock.dims == ("time", "y", "x")
    assert [time.year for time in stock["time"].to_index()] == [1980, 1990, 2000]
    for year, values in zip((1980, 1990, 2000), stock.to_numpy(), strict=True):
        np.testing.assert_array_equal(values, read_map(run.folder / "maps" / f"SOCS_POML_{year}.tif"))
    np.testing.assert_allclose(stock["x"], run.grid.x)
    np.testing.assert_allclose(stock["y"], run.grid.y)


def test_a_crs_without_a_number_stands_there_in_full(handmade):
    crs = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +datum=WGS84 +units=m"
    grid = Grid(crs, (500.0, 0.0, 1e6, 0.0, -500.0, 3.4e6), 20, 10)
    run = handmade(grid=grid, stock=np.ones(grid.shape), keep=lambda layer: layer == "ML")
    write_stac(run.folder)
    fields = _item(run.folder, "SOCS_ML_1980").properties
    assert fields["proj:code"] is None
    assert rasterio.crs.CRS.from_wkt(fields["proj:wkt2"]) == rasterio.crs.CRS.from_user_input(crs)


def test_across_the_180th_meridian_the_outline_is_cut_and_the_box_begins_in_the_east(handmade):
    grid = Grid("EPSG:32760", (5000.0, 0.0, 7.9e5, 0.0, -5000.0, 8.1e6), 20, 10)
    run = handmade(grid=grid, stock=np.ones(grid.shape), keep=lambda layer: layer == "ML")
    write_stac(run.folder)
    item = _item(run.folder, "SOCS_ML_1980")
    west, _, east, _ = item.bbox
    assert 179 < west < 180
    assert -180 < east < -179
    assert item.geometry["type"] == "MultiPolygon"
    longitudes = np.concatenate([np.array(part[0])[:, 0] for part in item.geometry["coordinates"]])
    assert (np.abs(longitudes) > 179).all()


def test_a_folder_without_maps_is_refused(tmp_path):
    (tmp_path / "maps").mkdir()
    with pytest.raises(InputError, match="no map"):
        write_stac(tmp_path)


def test_collections_name_who_made_the_sources_and_under_which_licence(handmade):
    run = handmade().folder
    brus = {"source": "Brus (2022), sswr", "licence": "CC-BY-4.0", "url": "https://example.org/sswr"}
    sources = [
        {"name": "dem", **brus},
        {"name": "slope", **brus},
        {"name": "pet", "source": "Thornthwaite (1948)", "licence": None, "url": None},
        {"name": "clay", "source": None, "licence": None, "url": None},
    ]
    (run / "manifest.json").write_text(json.dumps({"sources": sources}), encoding="utf-8")
    for path in write_stac(run):
        page = _json(path)
        if page["type"] == "Collection":
            assert validate_dict(page | {"stac_extensions": []})
            assert page["providers"] == [
                {"name": "Brus (2022), sswr", "description": "Catalog entries: dem, slope. Licence: CC-BY-4.0.",
                 "roles": ["producer"], "url": "https://example.org/sswr"},
                {"name": "Thornthwaite (1948)", "description": "Catalog entries: pet. Licence: not stated.",
                 "roles": ["producer"]},
            ]  # fmt: skip
