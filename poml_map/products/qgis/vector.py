"""How samples, zones and notes are drawn, as XML of QGIS."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree as ET

from poml_map.products.palette import INK, NOTE_INK, NOTE_PAPER
from poml_map.products.qgis.raster import stops
from poml_map.products.qgis.styles import Style
from poml_map.products.qgis.xml import child, color, defined, options

# The first comes with QGIS from 3.26 on; the others are those of Linux, Windows and macOS.
_FONTS = ("Open Sans", "DejaVu Sans", "Arial", "Helvetica")
_ZONE_NAME = 'coalesce(nullif("name", \'\'), "zone")'
#: Between the lines of a note.
NOTE_BREAK = "|"
_MAP_UNITS = "3x:0,0,0,0,0,0"
# Corner of what the map shows, a little inside, in the CRS of the layer; a project may have another one.
_CORNER = "make_point(x_min(@map_extent) + 0.012 * @map_extent_width, y_min(@map_extent) + 0.012 * @map_extent_width)"
# A CRS without a code has no name here: QGIS then leaves the point where it is, and the two are the same anyway.
_IN_LAYER = (
    f"coalesce(try(transform({_CORNER}, coalesce(@map_crs, ''), coalesce(@layer_crs, ''))), {_CORNER})"
)


def add_samples(parent: ET.Element, style: Style) -> None:
    """Put the look of samples into `parent`: discs in the very colours of the maps, ringed to be seen on them."""
    ramp = ",".join(f"{share:.12g},'{shade}'" for share, shade in stops(style))
    low, high = style.limits
    shade = f'ramp_color(create_ramp(map({ramp})), scale_linear("stock", {low!r}, {high!r}, 0, 1))'
    layers = [
        ("SimpleMarker", {**_disc(2.9, "#ffffff"), "outline_style": "no"}, {}),
        ("SimpleMarker", {**_disc(2.4, style.entries[len(style.entries) // 2].color), **_line(INK, 0.2)},
         {"fillColor": shade}),
    ]  # fmt: skip
    _add_symbol(parent, "marker", layers)


def add_zones(parent: ET.Element) -> None:
    """Put the look of zones into `parent`: outlines, and labels by name, or by key where there is none."""
    outline = {"style": "no", "color": color("#ffffff", 0), **_line(INK, 0.35), "joinstyle": "round"}
    _add_symbol(parent, "fill", [("SimpleFill", outline, {})])
    settings = _labelling(parent)
    settings.append(text_style(_ZONE_NAME, 9, INK, halo="#ffffff"))
    child(settings, "text-format", multilineAlign=1)
    child(settings, "placement", placement=1, priority=5, centroidInside=1, centroidWhole=0, quadOffset=4)
    child(settings, "rendering", drawLabels=1, obstacle=0)


def add_notes(parent: ET.Element) -> None:
    """Put the look of the notes into `parent`: a label in the lower left corner of whatever a map shows."""
    outline = {"style": "no", "color": color("#ffffff", 0), "outline_style": "no"}
    _add_symbol(parent, "fill", [("SimpleFill", outline, {})])
    settings = _labelling(parent)
    settings.append(text_style("notes", 10, NOTE_INK, paper=NOTE_PAPER, bold=True))
    child(settings, "text-format", multilineAlign=0, wrapChar=NOTE_BREAK)
    child(settings, "placement", placement=1, priority=10)
    # Its polygon is the whole region: as an obstacle it would keep all other labels out.
    child(settings, "rendering", drawLabels=1, displayAll=1, obstacle=0)
    defined(settings, "dd_properties", {
        "PositionX": f"x({_IN_LAYER})", "PositionY": f"y({_IN_LAYER})", "Hali": "'Left'", "Vali": "'Bottom'",
        "AlwaysShow": "true",
    })  # fmt: skip


def text_style(field: str, size: float, ink: str, *, halo="", paper="", bold=False) -> ET.Element:
    """How text is written: a field or expression, in points, with a halo around letters or paper behind them."""
    style = ET.Element("text-style", {
        "fieldName": field, "isExpression": str(int(not field.isidentifier())), "fontFamily": _FONTS[0],
        "namedStyle": "Bold" if bold else "Regular", "fontWeight": "75" if bold else "50", "fontSize": str(size),
        "fontSizeUnit": "Point", "textColor": color(ink), "textOpacity": "1", "multilineHeight": "1",
    })  # fmt: skip
    families = child(style, "families")
    for name in _FONTS:
        child(families, "family", name=name)
    if halo:
        child(style, "text-buffer", bufferDraw=1, bufferSize=0.9, bufferSizeUnits="MM", bufferColor=color(halo),
              bufferNoFill=1, bufferOpacity=0.85, bufferJoinStyle=128)  # fmt: skip
    if paper:
        child(style, "background", shapeDraw=1, shapeType=0, shapeSizeType=0, shapeSizeX=1.6, shapeSizeY=1,
              shapeSizeUnit="MM", shapeFillColor=color(paper), shapeOpacity=1, shapeBorderWidth=0,
              shapeRadiiX=0.8, shapeRadiiY=0.8, shapeRadiiUnit="MM", shapeJoinStyle=64)  # fmt: skip
    return style


def _labelling(parent: ET.Element) -> ET.Element:
    return child(child(parent, "labeling", type="simple"), "settings", calloutType="simple")


def _add_symbol(parent: ET.Element, kind: str, layers: list[tuple[str, dict, Mapping[str, str]]]) -> None:
    renderer = child(
        parent, "renderer-v2", type="singleSymbol", symbollevels=0, enableorderby=0, forceraster=0
    )
    symbol = child(
        child(renderer, "symbols"), "symbol", type=kind, name=0, alpha=1, clip_to_extent=1, force_rhr=0
    )
    for name, settings, expressions in layers:
        layer = child(symbol, "layer", **{"class": name}, enabled=1, locked=0, **{"pass": 0})
        options(layer, {key: str(value) for key, value in settings.items()})
        if expressions:
            defined(layer, "data_defined_properties", expressions)


def _disc(size: float, fill: str) -> dict:
    return {
        "name": "circle",
        "color": color(fill),
        "size": size,
        "size_unit": "MM",
        "size_map_unit_scale": _MAP_UNITS,
    }


def _line(ink: str, width: float) -> dict:
    return {
        "outline_color": color(ink),
        "outline_width": width,
        "outline_width_unit": "MM",
        "outline_style": "solid",
    }
