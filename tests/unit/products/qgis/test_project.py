"""The project as XML; tests/qgis opens it in QGIS itself."""

import json
import zipfile
from datetime import datetime

import pyproj
import pytest
import rasterio

from poml_map.errors import InputError
from poml_map.products.qgis import write_qgis

YEARS = range(1980, 1985)


def _names(group):
    return [child.get("name") for child in group if child.tag.startswith("layer-tree")]


def _tops(root):
    return {child.get("name"): child for child in root.find("layer-tree-group") if child.get("name")}


def _span(layer):
    ends = layer.find("temporal/fixedRange")
    return ends.findtext("start"), ends.findtext("end")


def test_every_source_is_relative_and_exists(made):
    sources = [layer.findtext("datasource").split("|")[0] for layer in made.layers.values()]

    assert len(sources) == len(list((made.folder / "maps").glob("*.tif"))) + 4
    for source in sources:
        assert source.startswith("."), source
        assert (made.folder / "qgis" / source).is_file(), source
    assert made.root.find("properties/Paths/Absolute").text == "false"
    assert str(made.folder) not in (made.folder / "qgis" / "region.qgz").read_bytes().decode("latin-1")


def test_ids_are_those_that_qgis_accepts_and_those_of_the_tree(made):
    assert all(len(identity) > 9 for identity in made.layers)
    assert [node.get("id") for node in made.root.iter("layer-tree-layer")] == list(made.layers)


def test_groups_come_in_order_and_only_poml_is_shown(made):
    tops = _tops(made.root)

    assert list(tops) == [
        "Notes", "Samples", "Zones", "Not detectable: change of POML",
        "POML (t C ha⁻¹)", "ML (t C ha⁻¹)", "PO (t C ha⁻¹)", "Prediction intervals of POML", "Change from 1980 to 1984",
    ]  # fmt: skip
    shown = [name for name, node in tops.items() if node.get("checked") == "Qt::Checked"]
    assert shown == ["Notes", "Samples", "Zones", "POML (t C ha⁻¹)"]
    assert _names(tops["POML (t C ha⁻¹)"]) == [f"POML {year} (t C ha⁻¹)" for year in YEARS]


def test_each_year_is_a_frame_of_the_slider_with_one_map_of_each_model(made):
    settings = made.root.find("ProjectTimeSettings")
    assert (settings.get("timeStep"), settings.get("timeStepUnit")) == ("1", "y")
    assert made.root.find("properties/TemporalControllerWidget/NavigationMode").text == "1"
    ends = [datetime.fromisoformat(settings.findtext(f"TemporalRange/{end}")) for end in ("start", "end")]
    assert [end.year for end in ends] == [YEARS[0], YEARS[-1]]
    # QGIS makes a frame of each begun year of 365.25 days; 1980 and 1984 are leap years.
    assert (ends[1] - ends[0]).total_seconds() // (365.25 * 86400) + 1 == len(YEARS)
    for model in ("POML", "ML", "PO"):
        for year in YEARS:
            start, end = _span(made.layers[f"{model}_{year}_0123456789abcdef"])
            assert start.startswith(f"{year}-01-01")
            assert start > f"{year}-01-01T00:00:00Z", "else it is seen at the end of the year before, too"
            assert end == f"{year}-12-31T23:59:59Z"
    assert _span(made.layers["CHANGE_POML_1980_1984_0123456789abcdef"])[0].startswith("1980")


def test_samples_are_shown_in_their_year_whatever_the_time_zone(made):
    temporal = made.layers["samples_0123456789abcdef"].find("temporal")

    assert (temporal.get("enabled"), temporal.get("mode")) == ("1", "4")
    assert temporal.get("startExpression") == 'make_datetime("year", 7, 1, 12, 0, 0)'
    assert temporal.get("endExpression") == 'make_datetime("year", 7, 2, 12, 0, 0)'


def test_all_years_and_models_have_one_legend_in_the_unit_of_the_region(made):
    legends = {
        tuple((item.get("value"), item.get("color"), item.get("label")) for item in layer.iter("item"))
        for identity, layer in made.layers.items()
        if identity.startswith(("POML_1", "POML_q", "ML_", "PO_"))
    }

    assert len(legends) == 1
    assert all(label.endswith(" t C ha⁻¹") for _, _, label in legends.pop())


def test_only_one_legend_of_a_group_is_unfolded(made):
    group = _tops(made.root)["POML (t C ha⁻¹)"]
    assert [node.get("expanded") for node in group.iter("layer-tree-layer")] == ["1", "0", "0", "0", "0"]


def test_every_layer_has_the_whole_wkt_of_its_files(made):
    with rasterio.open(made.folder / "maps" / "SOCS_POML_1980.tif") as file:
        crs = pyproj.CRS.from_wkt(file.crs.to_wkt())
    for layer in made.layers.values():
        system = layer.find("srs/spatialrefsys")
        assert pyproj.CRS.from_wkt(system.findtext("wkt")) == crs
        assert system.findtext("authid") == "EPSG:32651"
    assert made.root.find("projectCrs/spatialrefsys").findtext("authid") == "EPSG:32651"
    assert made.root.find("properties/SpatialRefSys/ProjectionsEnabled").text == "1"


def test_what_must_not_be_overlooked_is_in_title_and_on_the_map(made):
    notes = ["Synthetic data", "Stand-in: clay <of> 2010 & later"]

    for note in notes:
        assert note in made.root.findtext("title")
        assert note in made.root.findtext("projectMetadata/abstract")
    assert "|".join(notes) in (made.folder / "qgis" / "notes.csv").read_text(encoding="utf-8")
    assert made.layers["notes_0123456789abcdef"].find("labeling") is not None


def test_long_notes_are_broken_into_lines_and_the_first_view_leaves_room(
    write_run_folder, read_project, tmp_path
):
    """QGIS puts a label that is wider than the map of a print layout into its middle, over the map."""
    bottoms = []
    for number, notes in enumerate([[], [f"Stand-in: {'clay of another year | ' * 9}"]]):
        folder = tmp_path / str(number)
        write_run_folder(folder, models=["POML"], years=[1980], zones=False, tables=False, notes=notes)
        write_qgis(folder)
        root = read_project(folder)
        bottoms.append(float(root.findtext("mapcanvas/extent/ymin")))
    lines = (
        (folder / "qgis" / "notes.csv").read_text(encoding="utf-8").splitlines()[1].split(",")[-1].split("|")
    )

    assert len(lines) == 5
    assert max(map(len, lines)) <= 64
    assert bottoms[1] < bottoms[0]


def test_the_first_view_holds_all_maps(made):
    with rasterio.open(made.folder / "maps" / "SOCS_POML_1980.tif") as file:
        bounds = file.bounds
    for extent in (made.root.find("ProjectViewSettings/DefaultViewExtent").attrib,
                   {each.tag: each.text for each in made.root.find("mapcanvas/extent")}):  # fmt: skip
        left, bottom, right, top = (float(extent[name]) for name in ("xmin", "ymin", "xmax", "ymax"))
        assert left < bounds.left < bounds.right < right
        assert bottom < bounds.bottom < bounds.top < top


def test_a_theme_ticks_what_it_shows_and_leaves_samples_to_stocks(made):
    themes = {theme.get("name"): theme for theme in made.root.find("visibility-presets")}
    shown = {
        name: [layer.get("id").removesuffix("_0123456789abcdef") for layer in theme.iter("layer")
               if layer.get("visible") == "1"]
        for name, theme in themes.items()
    }  # fmt: skip

    assert shown["ML (t C ha⁻¹)"] == ["notes", "samples", "zones", *(f"ML_{year}" for year in YEARS)]
    assert shown["Change of POML: classes"] == ["notes", "zones", "CHANGE_POML_class_1980_1984"]
    veiled = ["notes", "zones", "CHANGE_POML_unsure", "CHANGE_POML_1980_1984"]
    assert shown["Change of POML (t C ha⁻¹)"] == veiled, "what is not detectable is seen as such"
    for name in ("Change of ML (t C ha⁻¹)", "Change of POML: lower limit (t C ha⁻¹)", "POML (t C ha⁻¹)"):
        assert "CHANGE_POML_unsure" not in shown[name]
    limits = themes["POML_q95: upper limit (t C ha⁻¹)"].find("checked-group-nodes")
    assert [node.get("id") for node in limits][:2] == [
        "Prediction intervals of POML",
        "Prediction intervals of POML/POML_q95: upper limit (t C ha⁻¹)",
    ]


def test_the_same_run_gives_the_same_bytes(made):
    before = {path: path.read_bytes() for path in made.written}

    assert write_qgis(made.folder) == made.written
    assert {path: path.read_bytes() for path in made.written} == before
    with zipfile.ZipFile(made.written[0]) as file:
        assert file.namelist() == ["region.qgs"]


def test_maps_of_one_model_are_enough(write_run_folder, read_project, tmp_path):
    folder = tmp_path / "run"
    write_run_folder(
        folder, models=["POML"], years=[1980], intervals=False, change=False, zones=False, tables=False
    )
    write_qgis(folder)
    root = read_project(folder)

    assert list(_tops(root)) == ["Notes", "POML (kg C m⁻²)"]
    assert [path.name for path in (folder / "qgis" / "styles").iterdir()] == ["stock.qml"]


def test_maps_of_rothc_and_of_applicability_have_groups_and_scales_of_their_own(handmade, read_project):
    folder = handmade(keep=lambda layer: layer in ("POML", "BIO", "AOA")).folder
    (folder / "manifest.json").write_text('{"input_digest": "ab12"}', encoding="utf-8")
    write_qgis(folder)
    root = read_project(folder)
    layers = {layer.findtext("id"): layer for layer in root.iter("maplayer")}

    assert list(_tops(root)) == ["POML (kg C m⁻²)", "Process model RothC", "Applicability"]
    assert _names(_tops(root)["Process model RothC"]) == ["BIO: microbial biomass in RothC (kg C m⁻²)"]
    stock, bio = (layers[f"{name}_1980_ab12"].find("pipe/rasterrenderer") for name in ("POML", "BIO"))
    assert float(bio.get("classificationMax")) < float(stock.get("classificationMin"))
    labels = [entry.get("label") for entry in layers["AOA_1980_ab12"].iter("paletteEntry")]
    assert labels == ["like none", "like simulated rows alone", "like observed rows"]


def test_files_of_an_earlier_project_do_not_stay(write_run_folder, tmp_path):
    folder = tmp_path / "run"
    write_run_folder(folder, models=["POML"], years=[1980, 1981], zones=False, tables=False)
    write_qgis(folder)
    for path in (folder / "maps").glob("CHANGE_*"):
        path.unlink()
    manifest = (folder / "manifest.json").read_text(encoding="utf-8")
    (folder / "manifest.json").write_text(manifest.replace('["Synthetic data"]', "[]"), encoding="utf-8")
    written = write_qgis(folder)

    assert set(written) == {path for path in (folder / "qgis").rglob("*") if path.is_file()}
    assert not (folder / "qgis" / "notes.csv").exists()


def test_a_run_that_is_not_finished_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"manifest\.json"):
        write_qgis(tmp_path)
    assert not (tmp_path / "qgis").exists()


@pytest.mark.parametrize("campaigns", [1, 2])
def test_of_one_campaign_every_map_of_ml_and_of_its_change_says_what_it_is(
    write_run_folder, read_project, tmp_path, campaigns
):
    folder = tmp_path / "run"
    write_run_folder(folder, years=[1980, 1981], zones=False, tables=False, notes=[])
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["samples"]["samples_by_year"] = {str(1980 + place): 4 for place in range(campaigns)}
    path.write_text(json.dumps(manifest), encoding="utf-8")
    write_qgis(folder)
    root = read_project(folder)
    words = "ML learned from one campaign"
    noted = set()
    for layer in root.iter("maplayer"):
        note = layer.find("customproperties/Option/Option[@name='userNotes']")
        assert (note is not None) == (words in layer.findtext("resourceMetadata/abstract"))
        if note is not None and words in note.get("value"):
            noted.add(layer.findtext("id").removesuffix("_0123456789abcdef"))

    assert noted == ({"ML_1980", "ML_1981", "CHANGE_ML_1980_1981"} if campaigns == 1 else set())
    assert (words in root.findtext("projectMetadata/abstract")) == (campaigns == 1)
