"""Colours and limits of the maps in QGIS."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from poml_map.grid import Grid
from poml_map.products import made_maps, read_map, write_map
from poml_map.products.palette import CHANGE, STOCK
from poml_map.products.place import nice_limits
from poml_map.products.qgis import write_qgis
from poml_map.products.qgis.styles import _ticks, styles


@pytest.fixture
def drawn(made):
    return styles(made_maps(made.folder))


def _mixed(style, values):
    """What QGIS makes of values between two entries."""
    at = [entry.value for entry in style.entries]
    colors = np.array([to_rgb(entry.color) for entry in style.entries])
    return np.stack([np.interp(values, at, colors[:, channel]) for channel in range(3)], axis=-1)


@pytest.mark.parametrize(("kind", "colormap", "most"), [("stock", STOCK, 8), ("change", CHANGE, 24)])
def test_colours_are_those_of_the_pictures(drawn, kind, colormap, most):
    style = drawn[kind]
    low, high = style.limits
    values = np.linspace(low, high, 500)

    for entry in style.entries:
        assert entry.color == to_hex(colormap((entry.value - low) / (high - low)))
    off = np.abs(_mixed(style, values) - colormap((values - low) / (high - low))[:, :3])
    assert off.max() <= most / 255


def test_stocks_of_all_models_and_years_share_their_limits(drawn, made):
    low, high = drawn["stock"].limits
    maps = [read_map(each.path) for each in made_maps(made.folder) if each.layer in ("POML", "ML", "PO")]
    values = np.concatenate([each[np.isfinite(each)] for each in maps])

    assert low <= np.percentile(values, 2) < np.percentile(values, 98) <= high
    assert drawn["stock"].entries[-1].label.startswith("≥ ") == bool((values > high).any())


def test_limits_are_those_of_pixels_and_not_of_averaged_overviews(tmp_path):
    grid = Grid("EPSG:32651", (250.0, 0.0, 2e5, 0.0, -250.0, 3.4e6), 1100, 600)
    values = np.random.default_rng(0).normal(4, 0.5, grid.shape)
    (tmp_path / "maps").mkdir()
    write_map(tmp_path / "maps" / "a.tif", values, grid, model="POML", year=1980, unit="kg/m2", depth_cm=20)
    (style,) = styles(made_maps(tmp_path)).values()

    assert style.limits == nice_limits(values)


def test_pixels_without_a_value_have_no_say_in_the_limits_of_a_large_map(tmp_path, read_project):
    """Beyond 512 pixels a map has overviews, whose pixels have a value where one of four has."""
    grid = Grid("EPSG:32651", (250.0, 0.0, 2e5, 0.0, -250.0, 3.4e6), 1100, 600)
    random = np.random.default_rng(0)
    values = np.where(random.random(grid.shape) < 0.5, np.nan, random.normal(4, 0.5, grid.shape))
    (tmp_path / "maps").mkdir()
    write_map(tmp_path / "maps" / "a.tif", values, grid, model="POML", year=1980, unit="kg/m2", depth_cm=20)
    (tmp_path / "manifest.json").write_text("{}", encoding="utf-8")
    write_qgis(tmp_path)
    items = [float(item.get("value")) for item in read_project(tmp_path).iter("item")]

    assert (min(items), max(items)) == pytest.approx(nice_limits(values))


def test_change_parts_at_zero_and_names_gains_with_a_sign(drawn):
    style = drawn["change"]
    low, high = style.limits
    labels = {entry.value: entry.label for entry in style.entries}

    assert low == -high
    assert labels[0.0] == "0 t C ha⁻¹"
    assert "+" in labels[high]
    assert "−" in labels[low]


@pytest.mark.parametrize("spread", np.geomspace(0.03, 40, 25))
@pytest.mark.parametrize("symmetric", [False, True])
def test_ticks_are_even_and_reach_both_ends(spread, symmetric):
    low, high = nice_limits(np.linspace(2.1, 2.1 + spread, 200), symmetric=symmetric)
    ticks = _ticks(low, high)

    assert ticks[0] == pytest.approx(low)
    assert ticks[-1] == pytest.approx(high)
    assert np.ptp(np.diff(ticks)) < 1e-9
    assert 5 <= len(ticks) <= 12
    assert all(len(f"{tick:.6g}".lstrip("-").replace(".", "")) <= 4 for tick in ticks), "round numbers"


def test_classes_of_change_are_loss_none_and_gain(drawn):
    style = drawn["change_class"]

    assert [(entry.value, entry.label) for entry in style.entries] == [
        (-1, "loss"), (0, "not detectable"), (1, "gain"),
    ]  # fmt: skip
    assert style.classes


def test_samples_have_the_ramp_of_the_stocks(drawn, made):
    symbol = ET.tostring(made.layers["samples_0123456789abcdef"].find("renderer-v2"), "unicode")
    expression = re.search(r"ramp_color\(create_ramp\(map\((.*?)\)\), scale_linear\((.*?)\)\)", symbol)
    ramp = re.findall(r"([\d.]+),'(#\w{6})'", expression[1])
    low, high = drawn["stock"].limits

    assert [shade for _, shade in ramp] == [entry.color for entry in drawn["stock"].entries]
    assert [float(share) for share, _ in ramp] == pytest.approx(
        [(entry.value - low) / (high - low) for entry in drawn["stock"].entries]
    )
    assert expression[2] == f"&quot;stock&quot;, {low!r}, {high!r}, 0, 1"


def test_there_is_a_style_file_for_each_kind(made):
    names = {path.stem for path in (made.folder / "qgis" / "styles").glob("*.qml")}
    assert names == {"stock", "change", "change_class", "change_unsure", "samples", "zones"}
    for name in ("stock", "change"):
        root = ET.parse(made.folder / "qgis" / "styles" / f"{name}.qml").getroot()
        assert root.find("pipe/rasterrenderer").get("type") == "singlebandpseudocolor"
