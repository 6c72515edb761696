"""The project file: layers, their tree, themes, time and what is said of all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import pyproj

from poml_map.products.palette import INK, NODATA_COLOR
from poml_map.products.qgis.crs import add_crs, ellipsoid
from poml_map.products.qgis.layers import layer_element
from poml_map.products.qgis.styles import Style
from poml_map.products.qgis.themes import add_themes
from poml_map.products.qgis.tree import Group, Layer
from poml_map.products.qgis.vector import text_style
from poml_map.products.qgis.xml import QGIS_VERSION, child, color, properties

# Of the region's longer side, around it in the first view: the title needs more, and so does each line of the notes.
_EDGE, _TOP_EDGE, _NOTE_EDGE = 0.04, 0.1, 0.035
_YEAR = "[% coalesce(', ' || to_string(year(@map_start_time)), '') %]"
_FRAMES_PER_SECOND = 2
_ANIMATED = 1  # the slider's mode
_ARROW = "arrows/NorthArrow_04.svg"  # comes with QGIS
_TOP_LEFT, _BOTTOM_RIGHT, _TOP_RIGHT = 1, 3, 2


@dataclass(frozen=True)
class About:
    """What the project says of the run.

    Attributes
    ----------
    title : str
        Of the window, with what must not be overlooked.
    region : str
        Above the map, with the year of the slider.
    text, software, made : str
        Abstract; author; date in ISO form.
    years : (int, int)
        Of the time slider.
    bounds : (float, float, float, float)
        Of the maps: x minimum, y minimum, x maximum, y maximum.
    crs : pyproj.CRS
    n_note_lines : int
    """

    title: str
    region: str
    text: str
    software: str
    made: str
    years: tuple[int, int]
    bounds: tuple[float, float, float, float]
    crs: pyproj.CRS
    n_note_lines: int


def project_element(
    about: About, above: Sequence[Layer], groups: Sequence[Group], styles: Mapping[str, Style]
) -> ET.Element:
    """``<qgis>`` of the whole project.

    Parameters
    ----------
    about : About
    above : sequence of Layer
        Drawn over all maps, the first on top.
    groups : sequence of Group
        Of maps.
    styles : mapping of str to Style
        Those of all kinds of maps among the layers.
    """
    root = ET.Element(
        "qgis", {"version": QGIS_VERSION, "projectname": about.title, "saveDateTime": about.made}
    )
    child(root, "homePath", path="")
    child(root, "title", about.title)
    add_crs(child(root, "projectCrs"), about.crs)
    nodes = [*above, *groups]
    _add_tree(root, "", nodes, {"checked": "Qt::Checked"})
    _add_canvas(root, about)
    layers = [*above, *(layer for group in groups for layer in group.layers())]
    parent = child(root, "projectlayers")
    parent.extend([layer_element(layer, styles, about.crs) for layer in layers])
    order = child(root, "layerorder")
    for layer in layers:
        child(order, "layer", id=layer.id)
    _add_properties(root, about)
    add_themes(root, above, groups)
    _add_metadata(root, about)
    _add_view(root, about)
    _add_time(root, about.years)
    return root


def _add_tree(
    parent: ET.Element, name: str, nodes: Sequence[Group | Layer], attributes: Mapping[str, str]
) -> None:
    group = child(parent, "layer-tree-group", **({"name": name} if name else {}), **attributes)
    for node in nodes:
        state = {
            "expanded": str(int(node.expanded)),
            "checked": f"Qt::{'Checked' if node.checked else 'Unchecked'}",
        }
        if isinstance(node, Layer):
            about = {"id": node.id, "name": node.name, "source": node.source, "providerKey": node.provider}
            child(group, "layer-tree-layer", **about, **state)
            continue
        if node.choice:
            state |= {"mutually-exclusive": "1", "mutually-exclusive-child": "0"}
        _add_tree(group, node.name, node.members, state)


def _view(about: About) -> dict[str, str]:
    left, bottom, right, top = about.bounds
    longer = max(right - left, top - bottom)
    edge = _EDGE * longer
    numbers = {
        "xmin": left - edge,
        "ymin": bottom - edge - _NOTE_EDGE * longer * about.n_note_lines,
        "xmax": right + edge,
        "ymax": top + _TOP_EDGE * longer,
    }
    return {name: repr(number) for name, number in numbers.items()}


def _add_canvas(root: ET.Element, about: About) -> None:
    canvas = child(root, "mapcanvas", name="theMapCanvas", annotationsVisible=1)
    child(canvas, "units", "degrees" if about.crs.is_geographic else "meters")
    extent = child(canvas, "extent")
    for tag, number in _view(about).items():
        child(extent, tag, number)
    child(canvas, "rotation", "0")
    add_crs(child(canvas, "destinationsrs"), about.crs)


def _add_view(root: ET.Element, about: About) -> None:
    """Where the button "full extent" goes."""
    settings = child(root, "ProjectViewSettings", UseProjectScales=0, rotation=0)
    add_crs(child(settings, "DefaultViewExtent", **_view(about)), about.crs)


def _add_time(root: ET.Element, years: tuple[int, int]) -> None:
    settings = child(
        root, "ProjectTimeSettings", timeStep=1, timeStepUnit="y", frameRate=_FRAMES_PER_SECOND,
        cumulativeTemporalRange=0,
    )  # fmt: skip
    ends = child(settings, "TemporalRange")
    child(ends, "start", f"{years[0]:04d}-01-01T00:00:00Z")
    # A day before the end of the year: QGIS counts frames in years of 365.25 days, and 1980 to 2000 have six leap
    # days, so that there would be an empty frame after the last.
    child(ends, "end", f"{years[1]:04d}-12-31T00:00:00Z")


def _add_metadata(root: ET.Element, about: About) -> None:
    metadata = child(root, "projectMetadata")
    child(metadata, "type", "dataset")
    child(metadata, "title", about.title)
    child(metadata, "abstract", about.text)
    words = child(metadata, "keywords", vocabulary="poml_map")
    for word in ("soil organic carbon", "digital soil mapping", "RothC"):
        child(words, "keyword", word)
    child(metadata, "author", about.software)
    child(metadata, "creation", about.made)


def _add_properties(root: ET.Element, about: About) -> None:
    red, green, blue = bytes.fromhex(NODATA_COLOR.lstrip("#"))
    fonts = [text_style("", size, INK, bold=bold) for size, bold in ((13, True), (9, False))]
    large, small = (ET.tostring(font, "unicode") for font in fonts)
    shown = {"Enabled": True, "MarginUnit": "MM"}
    title = {
        "Label": f"{about.region}{_YEAR}",
        "Font": large,
        "BackgroundColor": color("#ffffff", 200),
        "Placement": _TOP_LEFT,
        "MarginH": 3,
        "MarginV": 2,
    }
    bar = {
        "Placement": _BOTTOM_RIGHT,
        "MarginH": 4,
        "MarginV": 4,
        "Style": 2,
        "Snapping": True,
        "TextFormat": small,
    }
    arrow = {"Placement": _TOP_RIGHT, "MarginH": 3, "MarginV": 12, "Automatic": True, "SvgPath": _ARROW}
    settings = {
        "Paths": {"Absolute": False},
        "SpatialRefSys": {"ProjectionsEnabled": 1},
        "Measure": {"Ellipsoid": ellipsoid(about.crs)},
        "Gui": {"CanvasColorRedPart": red, "CanvasColorGreenPart": green, "CanvasColorBluePart": blue},
        "TemporalControllerWidget": {"NavigationMode": _ANIMATED},
        "TitleLabel": title | shown,
        "ScaleBar": bar | shown,
        "NorthArrow": arrow | shown,
    }
    properties(child(root, "properties"), settings)
