"""Which colours each kind of map has: one scale for all maps of a kind, over all years."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import rasterio
from matplotlib.colors import Colormap, to_hex
from matplotlib.ticker import MaxNLocator

from poml_map.products.made import MadeMap
from poml_map.products.palette import CHANGE, STOCK, WIDTH
from poml_map.products.place import nice_limits
from poml_map.products.sheet import unit_text
from poml_map.products.validation.applicability import CLASSES
from poml_map.schema import CHANGE_CLASSES, MODELS, map_group

# Pixels of the longer side of what the limits of a scale are found from.
_SIDE = 256
# Of all files of a kind together; beyond, their overviews are read, which are averages and have a smaller range.
_MOST_PIXELS = 5e8


@dataclass(frozen=True)
class Entry:
    """A value of a scale or a class, its colour (``#rrggbb``), what the legend says, and how opaque it is (0-255)."""

    value: float
    color: str
    label: str
    alpha: int = 255


@dataclass(frozen=True)
class Style:
    """How all maps of a kind are drawn.

    Attributes
    ----------
    kind : str
        Also the name of its style file.
    entries : tuple of Entry
        From the lowest value to the highest.
    classes : bool
        Values are classes; otherwise colours between the entries are mixed from both sides.
    """

    kind: str
    entries: tuple[Entry, ...]
    classes: bool = False

    @property
    def limits(self) -> tuple[float, float]:
        """Values of the first and last colour."""
        return self.entries[0].value, self.entries[-1].value


#: Kind of the veil that lies over a change where it is not detectable, and nowhere else.
UNSURE = "change_unsure"
# Paler than any change that is detectable, as on the page, and lighter than the ground where there is no data.
_UNSURE_STYLE = Style(UNSURE, (Entry(0, "#f1ece4", CHANGE_CLASSES[0], 185),), classes=True)


def kind_of(layer: str) -> str:
    """The kind of a layer: which maps share a scale with it.

    Examples
    --------
    >>> [kind_of(layer) for layer in ("PO", "POML_q05", "POML_sd", "CHANGE_ML", "CHANGE_POML_sd", "BIO", "DI_ALL")]
    ['stock', 'stock', 'sd', 'change', 'change_sd', 'bio', 'dissimilarity']
    """
    group, _, part = map_group(layer), *layer.rpartition("_")[1:]
    if group in MODELS or group == "intervals":
        return "sd" if part == "sd" else "stock"
    if group == "change":
        return (
            "rate"
            if layer.startswith("RATE_")
            else f"change_{part}"
            if part in ("sd", "class", "p")
            else "change"
        )
    if group == "index":
        return "applicability" if layer == "AOA" else "dissimilarity"
    return layer.lower()


def styles(maps: Iterable[MadeMap]) -> dict[str, Style]:
    """Kind -> style, for all kinds among the maps.

    Limits are the 2nd and 98th percentile of all maps of a kind, rounded outwards as in the pictures
    (`poml_map.products.place.nice_limits`). Limits of intervals take the colours of the stock, or of the change, that
    they belong to, and have no say in its scale.
    """
    by_kind: dict[str, list[MadeMap]] = {}
    for made in maps:
        by_kind.setdefault(kind_of(made.layer), []).append(made)
    found = {kind: _classes(kind) or _scale(kind, members) for kind, members in by_kind.items()}
    return found | ({UNSURE: _UNSURE_STYLE} if "change_class" in found else {})


def _classes(kind: str) -> Style | None:
    if kind == "change_class":
        shades = {-1: 0.14, 0: 0.5, 1: 0.86}
        entries = [
            Entry(key, to_hex(CHANGE(shades[key])), text) for key, text in sorted(CHANGE_CLASSES.items())
        ]
    elif kind == "applicability":
        entries = [Entry(key, look.color, look.name) for key, look in sorted(CLASSES.items())]
    else:
        return None
    return Style(kind, tuple(entries), classes=True)


def _scale(kind: str, members: list[MadeMap]) -> Style:
    deciding = [made for made in members if "_q" not in made.layer] or members
    with rasterio.open(deciding[0].path) as file:
        blurred = len(deciding) * file.width * file.height > _MOST_PIXELS
    values = np.concatenate([_sample(made, blurred) for made in deciding])
    diverging = kind in ("change", "rate")
    limits = nice_limits(values, symmetric=diverging)
    unit = "" if members[0].unit == "1" else f" {unit_text(members[0].unit)}"
    beyond = bool((values < limits[0]).any()), bool((values > limits[1]).any())
    return Style(kind, tuple(_entries(_colormap(kind), limits, unit, beyond, signed=diverging)))


def _colormap(kind: str) -> Colormap:
    if kind in ("change", "rate"):
        return CHANGE
    return WIDTH if kind in ("sd", "change_sd", "change_p", "dissimilarity") else STOCK


def _entries(
    colormap: Colormap, limits: tuple[float, float], unit: str, beyond: tuple[bool, bool], signed: bool
) -> Iterable[Entry]:
    low, high = limits
    ticks = _ticks(low, high)
    signs = {low: "≤ " if beyond[0] else "", high: "≥ " if beyond[1] else ""}
    for tick in ticks:
        number = f"{tick:{'+' if signed and tick else ''}.12g}".replace("-", "−")
        yield Entry(
            tick, to_hex(colormap((tick - low) / (high - low))), f"{signs.get(tick, '')}{number}{unit}"
        )


def _ticks(low: float, high: float) -> list[float]:
    """Round values in even steps from `low` to `high`, as near to eight steps as can be."""
    within = 1e-6 * (high - low)  # or rounding makes a range of eight steps look like one of more
    for steps in (8, 9, 10, 11, 7, 6, 5):
        ticks = MaxNLocator(steps, steps=[1, 2, 2.5, 5, 10]).tick_values(low + within, high - within)
        if np.allclose((ticks[0], ticks[-1]), (low, high), rtol=0, atol=within):
            return [float(f"{tick:.12g}") for tick in ticks]
    return np.linspace(low, high, 9).tolist()


def _sample(made: MadeMap, blurred: bool) -> np.ndarray:
    options = {} if blurred else {"OVERVIEW_LEVEL": "NONE"}
    with rasterio.open(made.path, **options) as file:
        step = max(1, max(file.shape) / _SIDE)
        shape = tuple(max(1, round(side / step)) for side in file.shape)
        # Not masked: GDAL would take values from full resolution and the mask from an overview, which is another pixel.
        values = file.read(1, out_shape=shape)
        return values[np.isfinite(values) & (values != file.nodata)]
