"""How rasters are drawn, as XML of QGIS."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from poml_map.products.qgis.styles import Style
from poml_map.products.qgis.xml import child, color, options


def add_pipe(parent: ET.Element, style: Style) -> None:
    """Put the ``<pipe>`` that draws a raster by a style into `parent`."""
    pipe = child(parent, "pipe")
    provider = child(pipe, "provider")
    nearest = {
        "zoomedInResamplingMethod": "nearestNeighbour",
        "zoomedOutResamplingMethod": "nearestNeighbour",
    }
    child(provider, "resampling", enabled="false", maxOversampling=2, **nearest)
    (_add_palette if style.classes else _add_ramp)(pipe, style)
    child(pipe, "brightnesscontrast", brightness=0, contrast=0, gamma=1)
    child(pipe, "rasterresampler", maxOversampling=2)
    child(pipe, "resamplingStage", "resamplingFilter")
    child(parent, "blendMode", "0")


def stops(style: Style) -> list[tuple[float, str]]:
    """Share of the way from the first to the last value -> colour."""
    low, high = style.limits
    return [((entry.value - low) / (high - low), entry.color) for entry in style.entries]


def _add_palette(pipe: ET.Element, style: Style) -> None:
    renderer = child(pipe, "rasterrenderer", type="paletted", band=1, opacity=1, alphaBand=-1, nodataColor="")
    palette = child(renderer, "colorPalette")
    for entry in style.entries:
        label, value = entry.label, f"{entry.value:g}"
        child(palette, "paletteEntry", value=value, color=entry.color, alpha=entry.alpha, label=label)


def _add_ramp(pipe: ET.Element, style: Style) -> None:
    low, high = style.limits
    renderer = child(
        pipe, "rasterrenderer", type="singlebandpseudocolor", band=1, opacity=1, alphaBand=-1, nodataColor="",
        classificationMin=low, classificationMax=high,
    )  # fmt: skip
    _add_origin(renderer)
    shader = child(
        child(renderer, "rastershader"), "colorrampshader", colorRampType="INTERPOLATED", classificationMode=1,
        clip=0, minimumValue=low, maximumValue=high, labelPrecision=4,
    )  # fmt: skip
    inner = ":".join(f"{share:.12g};{color(shade)}" for share, shade in stops(style)[1:-1])
    ends = {"color1": color(style.entries[0].color), "color2": color(style.entries[-1].color)}
    ramp = child(shader, "colorramp", type="gradient", name="[source]")
    options(ramp, {**ends, "discrete": "0", "rampType": "gradient", "stops": inner})
    for entry in style.entries:
        child(shader, "item", value=entry.value, color=entry.color, alpha=255, label=entry.label)
    # A line for each entry: QGIS' continuous bar names nothing but its ends.
    child(shader, "rampLegendSettings", useContinuousLegend=0)


def _add_origin(renderer: ET.Element) -> None:
    """Limits are ours: QGIS must not stretch them to what it happens to see of a map."""
    origin = child(renderer, "minMaxOrigin")
    for tag, text in {"limits": "None", "extent": "WholeRaster", "statAccuracy": "Estimated"}.items():
        child(origin, tag, text)
