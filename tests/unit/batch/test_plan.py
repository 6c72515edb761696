"""Which regions a batch has, and what is refused before any of them starts."""

import geopandas as gpd
import pytest
import shapely

from poml_map.batch.plan import make_plan
from poml_map.config import load_region
from poml_map.errors import InputError

BY_POLYGONS = ("  bounds: [119.2, 29.9, 121.2, 31.2]", "  polygons: counties")


@pytest.fixture
def folder(tmp_path, region_file):
    """A folder with a region file, its catalog, and counties of two provinces, one of them without."""
    region_file(BY_POLYGONS)
    boxes = [shapely.box(119.2 + left, 29.9, 119.7 + left, 31.2) for left in (0, 0.5, 1, 1.5)]
    table = {
        "code": ["0330501", "0330502", "0330503", "0330504"],
        "province": ["Zhejiang", "Zhejiang", "江苏", None],
    }
    gpd.GeoDataFrame(table, geometry=boxes, crs="EPSG:4326").to_file(tmp_path / "counties.gpkg")
    return tmp_path


def _copy(folder, name, **changes):
    text = (folder / "region.yaml").read_text(encoding="utf-8")
    for old, new in {"name: small": f"name: {name.partition('.')[0]}", **changes}.items():
        text = text.replace(old, new)
    (folder / name).write_text(text, encoding="utf-8")


def test_a_folder_gives_its_region_files_and_says_what_it_leaves_out(folder):
    _copy(folder, "north.yml")
    (folder / "all.yaml").write_text("template: region.yaml\nby: code\n", encoding="utf-8")
    (folder / ".hidden.yaml").write_text("name: x", encoding="utf-8")

    plan = make_plan(["."])

    assert [(region.name, region.file) for region in plan.regions] == [
        ("north", "north.yml"),
        ("small", "region.yaml"),
    ]
    assert plan.notes == (
        "all.yaml: a batch file, not a region file: left out",
        "data_catalog.yaml: a catalog, not a region file: left out",
    )


def test_a_region_file_that_cannot_be_read_is_a_region_with_a_problem(folder):
    (folder / "broken one.yaml").write_text("name: [", encoding="utf-8")

    broken, good = make_plan(["broken one.yaml", "region.yaml"]).regions

    assert broken.name == "broken-one"
    assert "broken one.yaml" in broken.problems[0]
    assert (good.name, good.problems) == ("small", ())


def test_a_file_that_is_named_twice_is_one_region(folder):
    assert len(make_plan(["region.yaml", "./region.yaml", "."]).regions) == 1


def test_two_regions_of_one_name_are_refused_with_both_files(folder, problems_of):
    _copy(folder, "north.yaml", **{"name: small": "name: SMALL"})

    (line,) = problems_of(make_plan, ["."])

    assert line.startswith("region.yaml, name: found 'small', the name of north.yaml too")


@pytest.mark.parametrize(
    ("paths", "options", "words"),
    [
        (["nothing.yaml"], {}, "nothing.yaml: found no such file or folder"),
        (["data_catalog.yaml"], {}, "data_catalog.yaml: found a catalog"),
        (["empty"], {}, "empty: found no region file"),
        (["region.yaml"], {"model": "shared"}, "--model: found shared, expected --by, or a batch file"),
        (["region.yaml"], {"model": "no-folder"}, "--model: found no such folder"),
        ([".", "region.yaml"], {"by": "code"}, "--by: found 2 paths"),
        (["."], {"by": "code"}, "--by: found the folder ."),
        (["region.yaml"], {"by": "cod"}, "Did you mean `code`?"),
        (["region.yaml"], {"by": "geometry"}, "expected a column of counties.gpkg: code, province"),
        (["logs.yaml"], {}, "logs.yaml, name: found logs"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_batch_is_refused_at_once(folder, problems_of, paths, options, words):
    (folder / "empty").mkdir()
    _copy(folder, "logs.yaml")

    assert any(words in line for line in problems_of(make_plan, paths, **options))


def test_a_column_gives_one_region_for_each_of_its_values(folder):
    plan = make_plan(["region.yaml"], by="code")

    assert [region.name for region in plan.regions] == [f"small-033050{number}" for number in (1, 2, 3, 4)]
    first = plan.regions[0]
    region = load_region(first.file, first.overrides, first.set_by)
    assert region.settings.area.where == {"code": ["0330501"]}
    assert region.settings.area.mask == "crop"
    assert region.settings.samples.max_dropped == 1.0
    assert any("--model shared" in note for note in plan.notes)


def test_any_column_will_do_and_polygons_without_a_value_are_named(folder):
    plan = make_plan(["region.yaml"], by="province", model="shared")
    assert (
        plan.notes[0]
        == f"names of folders cannot show 'province' as written: {plan.regions[1].name} is '江苏'"
    )

    zhejiang, jiangsu = plan.regions
    assert zhejiang.name == "small-Zhejiang"
    assert jiangsu.overrides["title"] == "small: 0330503"
    assert len(jiangsu.name) == len("small-") + 6, "nothing of the name is left in plain letters"
    assert "samples" not in zhejiang.overrides, (
        "the shared model sees all samples, with the template's own limit"
    )
    assert plan.notes[1:] == ("1 polygons have no 'province' and are in no region: 0330504",)


def test_only_what_the_template_selects_is_taken_apart(folder, region_file):
    region_file(BY_POLYGONS, ("  mask: crop", "  mask: crop\n  where: {province: [Zhejiang]}"))

    plan = make_plan(["region.yaml"], by="code")

    assert [region.name for region in plan.regions] == ["small-0330501", "small-0330502"]
    settings = load_region("region.yaml", plan.regions[1].overrides).settings
    assert settings.area.where == {"province": ["Zhejiang"], "code": ["0330502"]}


def test_a_template_without_polygons_cannot_be_taken_apart(region_file, problems_of):
    (line,) = problems_of(make_plan, [region_file()], by="code")
    assert "area: found `area: bounds`, expected polygons to take apart (--by)" in line


BATCH = """\
template: region.yaml
model: shared
regions:
  - name: west
    title: The west
    area: {bounds: [119.2, 29.9, 120.0, 31.2]}
  - {name: east, grid: {resolution: 250}}
"""


def _batch_file(folder, text):
    (folder / "batch.yaml").write_text(text, encoding="utf-8")
    return ["batch.yaml"]


def test_a_batch_file_varies_its_template(tmp_path, region_file):
    region_file()

    plan = make_plan(_batch_file(tmp_path, BATCH))

    assert (plan.model, plan.template) == ("shared", "region.yaml")
    west, east = (load_region(each.file, each.overrides, each.set_by).settings for each in plan.regions)
    assert (west.name, west.title, west.area.bounds[2], west.grid.resolution) == (
        "west",
        "The west",
        120.0,
        500,
    )
    assert (east.name, east.area.bounds[2], east.grid.resolution) == ("east", 121.2, 250)
    assert make_plan(["batch.yaml"], model="each").model == "each"


def test_a_wrong_row_is_a_matter_of_its_region_and_names_its_line(tmp_path, region_file, problems_of):
    region_file()
    plan = make_plan(_batch_file(tmp_path, BATCH.replace("resolution: 250", "resolutoin: 250")))

    east = plan.regions[1]
    (line,) = problems_of(load_region, east.file, east.overrides, east.set_by)
    assert line.startswith("region.yaml, batch.yaml:7, east, grid.resolutoin: found an unknown key")
    load_region(plan.regions[0].file, plan.regions[0].overrides)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("template: region.yaml", "template: no.yaml", "no.yaml: found no such file, expected a text file. Check"),
        ("model: shared", "modle: shared", "batch.yaml:2, modle: found an unknown key"),
        ("name: west", "nam: west", "batch.yaml:4, regions[0]: found no name, expected a name for each region"),
        ("name: west", "name: 17", "batch.yaml:4, regions[0]: found 17, expected a name"),
        ("name: east", "name: west", "the name of region.yaml (batch.yaml:4, west) too"),
    ],
)  # fmt: skip
def test_a_wrong_batch_file_refuses_all(tmp_path, region_file, problems_of, old, new, words):
    region_file()
    assert any(
        words in line for line in problems_of(make_plan, _batch_file(tmp_path, BATCH.replace(old, new)))
    )


def test_what_is_wrong_with_all_regions_is_wrong_with_the_template(tmp_path, region_file, problems_of):
    region_file(("w_p: 0.5", "w_p: 7"))
    (line,) = problems_of(make_plan, _batch_file(tmp_path, BATCH))
    assert "hybrid.w_p: found 7" in line


def test_a_batch_file_without_regions_is_refused(tmp_path, region_file):
    region_file()
    with pytest.raises(InputError, match="found neither regions nor by"):
        make_plan(_batch_file(tmp_path, "template: region.yaml\n"))
