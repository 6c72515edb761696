"""The project of a run, opened and drawn by QGIS itself."""

import json
from types import SimpleNamespace

import numpy as np
import pyproj
import pytest
import rasterio
from matplotlib.colors import to_rgb
from PIL import Image

from poml_map.grid import Grid
from poml_map.products import made_maps, read_map, write_map
from poml_map.products.palette import NOTE_PAPER
from poml_map.products.qgis import write_qgis
from poml_map.products.qgis.styles import styles

YEARS = range(1980, 1989)  # three leap years: QGIS' count of frames must not be misled
ALBERS = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +ellps=krass +units=m +no_defs"


def _move(folder, crs, transform=None):
    """The same maps in another CRS, and perhaps elsewhere."""
    for path in (folder / "maps").glob("*.tif"):
        with rasterio.open(path) as file:
            values, tags = file.read(1), file.tags()
            about = {name: file.profile[name] for name in ("width", "height", "count", "dtype", "nodata")}
            about |= {"crs": crs, "transform": transform or file.transform}
        with rasterio.open(path, "w", driver="GTiff", **about) as file:
            file.write(values, 1)
            file.update_tags(**tags)


@pytest.fixture(scope="module")
def seen(write_run_folder, write_samples, open_project, tmp_path_factory):
    """A run with all that a run can have, and what QGIS says of it."""
    folder = tmp_path_factory.mktemp("real") / "run"
    write_run_folder(folder, years=YEARS, unit="t/ha")
    samples = write_samples(folder, [1980, 1984])
    write_qgis(folder)
    found = open_project(folder, ["Change of POML (t C ha⁻¹)", "POML_q05: lower limit (t C ha⁻¹)"])
    return SimpleNamespace(folder=folder, samples=samples, **found)


def _picture(seen, place):
    return np.asarray(Image.open(seen.out / seen.frames[place]["picture"]).convert("RGB")).astype(int)


def _pixel(seen, x, y, shape):
    """Row and column of the picture at a place on the ground: it fills the smaller side."""
    left, bottom, right, top = seen.extent
    scale = max((right - left) / shape[1], (top - bottom) / shape[0])
    column = shape[1] / 2 + (x - (left + right) / 2) / scale
    return int(shape[0] / 2 - (y - (bottom + top) / 2) / scale), int(column)


def _color(style, value):
    at = [entry.value for entry in style.entries]
    channels = zip(*(to_rgb(entry.color) for entry in style.entries), strict=True)
    return np.array([255 * np.interp(value, at, channel) for channel in channels])


def test_every_layer_is_valid_and_lies_where_its_file_does(seen):
    assert seen.read
    assert seen.crs
    assert "Synthetic data" in seen.title
    assert len(seen.layers) == len(made_maps(seen.folder)) + 4
    for identity, layer in seen.layers.items():
        assert layer["valid"], identity
        assert layer["crs"], identity
    for layer in (each for each in seen.layers.values() if "file" in each):
        with rasterio.open(layer["file"]) as file:
            assert layer["bounds"] == pytest.approx(list(file.bounds))


def test_statistics_are_those_of_rasterio(seen):
    for layer in (each for each in seen.layers.values() if "file" in each):
        values = read_map(layer["file"]).astype(float)
        wanted = [np.nanmin(values), np.nanmax(values), np.nanmean(values)]
        assert layer["statistics"] == pytest.approx(wanted, rel=1e-6), layer["name"]


def test_the_slider_has_one_frame_and_one_map_of_poml_for_each_year(seen):
    assert seen.mode == 1
    assert [frame["range"][0] for frame in seen.frames] == [f"{year}-01-01T00:00:00Z" for year in YEARS]
    for year, frame in zip(YEARS, seen.frames, strict=True):
        assert frame["shown"] == ["Notes", "Samples", "Zones", f"POML {year} (t C ha⁻¹)"]
        assert frame["sample_years"] == [year] * (year in (1980, 1984))


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/Los_Angeles"])
def test_the_clock_of_the_machine_moves_nothing(seen, open_project, zone):
    found = open_project(seen.folder, TZ=zone)
    assert [(frame["range"], frame["shown"], frame["sample_years"]) for frame in found["frames"]] == [
        (frame["range"], frame["shown"], frame["sample_years"]) for frame in seen.frames
    ]


def test_pictures_of_the_years_differ_and_say_that_data_are_synthetic(seen):
    pictures = [_picture(seen, place) for place in (0, len(YEARS) // 2, len(YEARS) - 1)]

    assert all(frame["errors"] == [] for frame in seen.frames if "errors" in frame)
    assert (pictures[0] != pictures[1]).any(axis=2).mean() > 0.2
    assert (pictures[1] != pictures[2]).any(axis=2).mean() > 0.2
    paper = 255 * np.array(to_rgb(NOTE_PAPER))
    for picture in pictures:
        corner = picture[-60:, :200]
        assert (np.abs(corner - paper).max(axis=2) <= 2).mean() > 0.1, (
            "the note lies in the lower left corner"
        )


def test_zones_have_their_names(seen):
    for frame in (frame for frame in seen.frames if "written" in frame):
        assert sorted(frame["written"]) == ["Anhe", "Beilan", "Chunxi", "Synthetic data"]


def test_maps_and_samples_have_the_colours_of_the_style(seen):
    """A sample's value is that of its pixel, so the middle of its disc has the colour of the map around it."""
    picture, style = _picture(seen, 0), styles(made_maps(seen.folder))["stock"]
    first = seen.samples[seen.samples["year"] == 1980]

    for point, stock in zip(first.geometry, first["stock"], strict=True):
        row, column = _pixel(seen, point.x, point.y, picture.shape)
        wanted = _color(style, stock)
        assert np.abs(picture[row, column] - wanted).max() <= 2, "disc"
        assert np.abs(picture[row + 9, column + 9] - wanted).max() <= 2, "map beside it"


def test_years_models_and_limits_share_a_legend(seen):
    legends = [
        each["legend"] for each in seen.layers.values() if each["name"].startswith(("POML", "ML", "PO "))
    ]
    wanted = [[entry.label, entry.color] for entry in styles(made_maps(seen.folder))["stock"].entries]

    assert len(legends) > 4 * len(YEARS)
    assert all(legend == wanted for legend in legends)


def test_every_theme_shows_what_it_promises(seen):
    assert len(seen.themes) > 6
    for name, theme in seen.themes.items():
        assert theme["promised"] == theme["shown"] != [], name


def test_a_change_that_is_not_detectable_is_pale(seen):
    """And one that is has its own colour."""
    picture = np.asarray(Image.open(seen.out / "theme_0.png").convert("RGB")).astype(int)
    maps = seen.folder / "maps"
    change, classes = (read_map(maps / f"CHANGE_POML_{part}1980_1988.tif") for part in ("", "class_"))
    looks = styles(made_maps(seen.folder))
    (veil,) = looks["change_unsure"].entries
    share = veil.alpha / 255
    for number in (0, 1):
        places = np.argwhere((classes == number) & np.isfinite(change))[50:60]
        assert len(places) == 10
        for row, column in places:
            place = _pixel(seen, 2e5 + 500 * (column + 0.5), 3.4e6 - 500 * (row + 0.5), picture.shape)
            wanted = _color(looks["change"], change[row, column])
            if number == 0:
                wanted = (1 - share) * wanted + share * 255 * np.array(to_rgb(veil.color))
            assert np.abs(picture[place] - wanted).max() <= 3, (number, row, column)


def test_the_note_of_one_campaign_is_that_of_the_layer_in_qgis(write_run_folder, open_project, tmp_path):
    folder = tmp_path / "run"
    write_run_folder(folder, years=[1980, 1981], zones=False, tables=False, intervals=False)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["samples"]["samples_by_year"] = {"1980": 4}
    path.write_text(json.dumps(manifest), encoding="utf-8")
    write_qgis(folder)
    layers = open_project(folder)["layers"].values()

    noted = {layer["name"].split(" (")[0] for layer in layers if "one campaign" in layer["note"]}
    assert noted == {"ML 1980", "ML 1981", "Change of ML"}


def test_style_files_work_on_layers_of_other_projects(seen):
    known = styles(made_maps(seen.folder))
    assert set(seen.styles) == {*known, "samples", "zones"}
    for kind, style in seen.styles.items():
        assert style["read"], kind
        if kind in known:
            assert style["legend"] == [[entry.label, entry.color] for entry in known[kind].entries]
    assert seen.styles["zones"]["labels"]
    assert seen.styles["samples"]["symbol"].startswith("MARKER SYMBOL (2 layers)")


@pytest.mark.parametrize(
    ("crs", "transform"),
    [(ALBERS, None), ("EPSG:4326", rasterio.Affine(0.01, 0, 119.5, 0, -0.01, 31)), ("EPSG:3035", None)],
    ids=["a CRS without a code", "degrees", "another code"],
)
def test_other_reference_systems_hold(write_run_folder, open_project, tmp_path, crs, transform):
    folder = tmp_path / "run"
    write_run_folder(folder, years=range(2000, 2002), zones=False, tables=False)
    _move(folder, crs, transform)
    write_qgis(folder)
    found = SimpleNamespace(folder=folder, **open_project(folder))

    assert found.crs
    assert found.ellipsoid.startswith("EPSG:")
    for layer in found.layers.values():
        assert layer["valid"]
        assert layer["crs"]
        if "wkt" in layer:
            corner = layer["bounds"][:2]
            there = pyproj.Transformer.from_crs(crs, pyproj.CRS.from_wkt(layer["wkt"]), always_xy=True)
            assert there.transform(*corner) == pytest.approx(corner, rel=1e-9)
    paper = 255 * np.array(to_rgb(NOTE_PAPER))
    picture = _picture(found, 0)
    assert (np.abs(picture[-60:, :200] - paper).max(axis=2) <= 2).mean() > 0.1
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50, "the map is drawn"


def test_a_large_map_with_holes_is_drawn_in_many_colours(open_project, tmp_path):
    """Beyond 512 pixels a map has overviews, and nodata must not stretch the scale to nothing but itself."""
    grid = Grid("EPSG:32651", (250.0, 0.0, 2e5, 0.0, -250.0, 3.4e6), 900, 700)
    random = np.random.default_rng(0)
    values = np.where(random.random(grid.shape) < 0.3, np.nan, random.normal(4, 0.5, grid.shape))
    (tmp_path / "maps").mkdir()
    write_map(tmp_path / "maps" / "a.tif", values, grid, model="POML", year=1980, unit="kg/m2", depth_cm=20)
    (tmp_path / "manifest.json").write_text("{}", encoding="utf-8")
    write_qgis(tmp_path)
    found = SimpleNamespace(**open_project(tmp_path))

    (layer,) = found.layers.values()
    assert layer["legend"] == [
        [entry.label, entry.color] for entry in styles(made_maps(tmp_path))["stock"].entries
    ]
    assert ("2.5" in layer["legend"][0][0], "5.5" in layer["legend"][-1][0]) == (True, True)
    assert len(np.unique(_picture(found, 0)[200:600, 200:800].reshape(-1, 3), axis=0)) > 100
