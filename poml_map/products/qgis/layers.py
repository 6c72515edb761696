"""Layers of the project as XML: source, reference system, years and looks."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree as ET

import pyproj

from poml_map.products.qgis.crs import add_crs
from poml_map.products.qgis.raster import add_pipe
from poml_map.products.qgis.styles import Style
from poml_map.products.qgis.tree import Layer
from poml_map.products.qgis.vector import add_notes, add_samples, add_zones
from poml_map.products.qgis.xml import QGIS_VERSION, child, options

# A range that starts and ends inside the year of a sample: QGIS takes these for local time, and the slider for UTC.
_SAMPLE_START, _SAMPLE_END = (f'make_datetime("year", {day}, 12, 0, 0)' for day in ("7, 1", "7, 2"))


def layer_element(layer: Layer, styles: Mapping[str, Style], crs: pyproj.CRS) -> ET.Element:
    """``<maplayer>`` of a layer."""
    element = ET.Element("maplayer", _attributes(layer) | {"autoRefreshEnabled": "0", "maxScale": "0"})
    for tag, text in (("id", layer.id), ("datasource", layer.source), ("layername", layer.name)):
        child(element, tag, text)
    add_crs(child(element, "srs"), crs)
    about = child(element, "resourceMetadata")
    for tag, text in {"type": "dataset", "title": layer.name, "abstract": layer.text}.items():
        child(about, tag, text)
    child(element, "provider", layer.provider, **({"encoding": "UTF-8"} if layer.geometry else {}))
    if layer.note:
        options(child(element, "customproperties"), {"userNotes": layer.note})
    if not layer.geometry:
        child(child(element, "noData"), "noDataList", bandNo=1, useSrcNoData=1)
    manager = child(element, "map-layer-style-manager", current="default")
    child(manager, "map-layer-style", name="default")
    _add_temporal(element, layer)
    add_look(element, layer.style, styles)
    return element


def style_element(kind: str, styles: Mapping[str, Style]) -> ET.Element:
    """A style file of a kind of layers, for the project of a user."""
    geometry = {"samples": "Point", "zones": "Polygon"}.get(kind, "")
    layer = Layer("", "", "", "", kind, geometry)
    looks = {name: text for name, text in _attributes(layer).items() if name in ("labelsEnabled", "minScale")}
    element = ET.Element("qgis", {"version": QGIS_VERSION, "maxScale": "0", **looks})
    if kind == "samples":
        _add_temporal(element, layer)
    add_look(element, kind, styles)
    return element


def add_look(parent: ET.Element, kind: str, styles: Mapping[str, Style]) -> None:
    """Put how layers of a kind are drawn into `parent`; samples have the scale of the stocks."""
    if kind == "samples":
        add_samples(parent, styles["stock"])
    elif kind == "zones":
        add_zones(parent)
    elif kind == "notes":
        add_notes(parent)
    else:
        add_pipe(parent, styles[kind])


def _attributes(layer: Layer) -> dict[str, str]:
    if not layer.geometry:
        return {"type": "raster", "minScale": "1e+08", "hasScaleBasedVisibilityFlag": "0"}
    labels = str(int(layer.style in ("zones", "notes")))
    return {
        "type": "vector", "geometry": layer.geometry, "readOnly": "1",
        "labelsEnabled": labels, "minScale": "1e+08", "hasScaleBasedVisibilityFlag": "0",
    }  # fmt: skip


def _add_temporal(parent: ET.Element, layer: Layer) -> None:
    if layer.years:
        temporal = child(parent, "temporal", enabled=1, mode=0, fetchMode=0)
        ends = child(temporal, "fixedRange")
        # A second late: a frame of the slider ends with the first moment of the next year, which QGIS counts as in it.
        child(ends, "start", f"{layer.years[0]:04d}-01-01T00:00:01Z")
        child(ends, "end", f"{layer.years[1]:04d}-12-31T23:59:59Z")
    elif layer.style == "samples":
        child(parent, "temporal", enabled=1, mode=4, startExpression=_SAMPLE_START, endExpression=_SAMPLE_END,
              limitMode=0, accumulate=0, fixedDuration=0, durationUnit="min")  # fmt: skip
