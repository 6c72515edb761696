"""What each step depends on: no more and no less, told by name."""

import pytest

from poml_map.config import load_region
from poml_map.pipeline.asked import Asked
from poml_map.pipeline.inputs import Inputs
from poml_map.pipeline.steps import LAW, differences, map_parts, model_parts, product_parts, raster_parts

YEARS = (1980, 1981)
FILES = {"model.npz": "1", "forest_poml.npz": "2", "forest_ml.npz": "3"}


def _parts(region, tmp_path, years=None):
    inputs = Inputs.of(region).digests
    asked = Asked.of(region, years)
    maps = map_parts(region, inputs, asked, FILES, "law")
    rasters = raster_parts(region, inputs, asked, FILES, maps)
    products = product_parts(region, rasters, tmp_path)
    return {"model": model_parts(region, inputs), "maps": maps, "rasters": rasters, "products": products}


# The steps that a change means; maps follow the files of the forests, whatever they were made from.
RASTERS = {"rasters", "products"}
MODEL, MAPS, ALL = {"model", *RASTERS}, {"maps", *RASTERS}, {"model", "maps", *RASTERS}


@pytest.mark.parametrize(
    ("change", "steps"),
    [
        ({"title": "Another"}, RASTERS),
        ({"name": "other"}, RASTERS),
        ({"units": "t/ha"}, RASTERS),
        ({"profile": "fao"}, {"products"}),
        ({"hybrid": {"n_trees": 7}}, MODEL),
        ({"validation": {"folds": 2}}, MODEL),
        ({"validation": {"block_km": 5}}, {"products"}),
        ({"sampling_month": 6}, ALL),
        ({"depth_cm": 30}, MODEL),
        ({"rothc": {"map_outputs": ["co2"]}}, MAPS),
        ({"rothc": {"cover_ndvi": 0.5}}, ALL),
        ({"samples": {"max_dropped": 0.2}}, MODEL),
        ({"grid": {"resolution": 250}}, ALL),
    ],
)
def test_a_setting_means_these_steps_and_no_others(region, tmp_path, change, steps):
    here = region()
    before, after = (_parts(each, tmp_path) for each in (here, load_region(here.file, change)))
    assert {name for name in before if before[name] != after[name]} == steps


def test_years_of_the_command_mean_files_not_maps_of_the_store(region, tmp_path):
    before, after = (_parts(region(), tmp_path, years) for years in (None, YEARS))
    assert {name for name in before if before[name] != after[name]} == RASTERS


def test_a_validation_beside_the_run_means_its_page(region, tmp_path):
    before = _parts(region(), tmp_path)
    (tmp_path / "validation").mkdir()
    (tmp_path / "validation" / "scores.csv").write_text("a\n")
    after = _parts(region(), tmp_path)
    assert {name for name in before if before[name] != after[name]} == {"products"}


def test_words_of_a_source_about_itself_mean_files_only(region, tmp_path):
    before, after = (
        _parts(region(catalog=(("  clay: {", f"  clay: {{{words}"),)), tmp_path)
        for words in ("", "licence: CC0, ")
    )
    assert {name for name in before if before[name] != after[name]} == RASTERS


def test_what_the_maps_take_from_the_model_is_told_apart(region, tmp_path):
    assert _parts(region(), tmp_path)["maps"][LAW] == "law"


def test_a_few_changes_are_named_and_the_others_counted():
    earlier = {f"setting s{number}": "1" for number in range(5)}
    now = {f"setting s{number}": "2" for number in range(5)}
    assert differences(earlier, now) == (
        "setting s0 was 1 and is 2; setting s1 was 1 and is 2; setting s2 was 1 and is 2; 2 more changes"
    )
    assert differences({"input a": "1"}, {}) == "input a is gone"
    assert differences({}, {"input a": "1"}) == "input a is new"
    assert differences(None, now) == ""


def test_files_that_change_places_in_the_catalog_mean_everything(region, tmp_path):
    """The same names with the same content, but each is another source's."""
    before, after = (
        _parts(
            region(
                ("fert, crop]", "fert, crop, straw]"),
                catalog=(
                    ("clay, uri: clay.tif", f"clay, uri: {clay}"),
                    ("STRAW, uri: straw.tif", f"STRAW, uri: {straw}"),
                ),
            ),
            tmp_path,
        )
        for clay, straw in (("clay.tif", "straw.tif"), ("straw.tif", "clay.tif"))
    )
    assert {name for name in before if before[name] != after[name]} == ALL


@pytest.mark.parametrize(("uri", "is_read"), [("first.tif", False), ("clay.tif", True)])
def test_the_file_of_the_first_map_means_the_model_only_if_another_source_reads_it_too(region, uri, is_read):
    here = region(
        ("fert, crop]", "fert, crop, first]"),
        rothc="  first_map: first\n",
        catalog=(
            ("  crop: {", f"  first: {{driver: raster, role: stock, uri: {uri}, unit: t/ha}}\n  crop: {{"),
        ),
    )
    assert (model_parts(here, {uri: "1"}) != model_parts(here, {uri: "2"})) is is_read
