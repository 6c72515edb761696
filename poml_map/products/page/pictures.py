"""Still pictures of the page, for print and for browsers that cannot unpack maps, and the scales of all of them."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import Colormap, to_hex, to_rgb
from matplotlib.ticker import MaxNLocator
from PIL import Image

from poml_map.products.page.layers import Maps
from poml_map.products.palette import CHANGE, STOCK, WIDTH
from poml_map.products.place import block_mean, nice_limits, pixel_aspect

#: Of a change that the interval cannot tell from none, mixed with so much of the colour of paper.
PAPER, FADED = "#ffffff", 0.62
# Pixels of the longer side of a still picture, at most: printed, more cannot be seen.
_STILL = 900


@dataclass(frozen=True)
class Scale:
    """Colours from `low` to `high`; `ticks` as (share of the way, text).

    `below` and `above` tell whether values lie beyond its ends, which are drawn in the colours of the ends.
    """

    colors: list[str]
    low: float
    high: float
    ticks: list[tuple[float, str]]
    below: bool
    above: bool

    @property
    def stops(self) -> list[tuple[float, str]]:
        """A dozen colours along the way, for a gradient."""
        places = np.linspace(0, len(self.colors) - 1, 13).round().astype(int)
        return [(100 * place / (len(self.colors) - 1), self.colors[place]) for place in places]


def scales(maps: Maps) -> dict[str, Scale]:
    """One scale for the stocks of all years and models, one for widths, one for changes; by ``stock`` ...

    Widths and changes only where the run has any.
    """
    stocks = np.concatenate([each.values.ravel() for each in maps.layers if each.kind == "stock"])
    found = {"stock": _scale(STOCK, stocks, maps.digits)}
    low, high = maps.of("low"), maps.of("high")
    if low is not None and high is not None:
        found["width"] = _scale(WIDTH, (high.values - low.values).ravel(), maps.digits)
    changes = [each.values.ravel() for each in maps.layers if each.kind == "change"]
    if changes:
        found["change"] = _scale(CHANGE, np.concatenate(changes), maps.digits, symmetric=True)
    return found


def _scale(colormap: Colormap, values: np.ndarray, digits: int, *, symmetric: bool = False) -> Scale:
    low, high = nice_limits(values, symmetric=symmetric)
    ticks = [
        tick
        for tick in MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        if low <= tick <= high
    ]
    known = values[np.isfinite(values)]
    texts = [f"{tick:+.10g}" if symmetric and tick else f"{tick + 0.0:.10g}" for tick in ticks]
    return Scale(
        [to_hex(colormap(level)) for level in range(colormap.N)], low, high,
        [(float((tick - low) / (high - low)), text.replace("-", "−")) for tick, text in zip(ticks, texts, strict=True)],
        bool((known < low).any()), bool((known > high).any()),
    )  # fmt: skip


def still(maps: Maps, values: np.ndarray, scale: Scale, classes: np.ndarray | None = None) -> str:
    """A map as the ``data:`` address of a PNG; where there is no value it is transparent.

    Parameters
    ----------
    maps : Maps
    values : ndarray of float, shape (y, x)
    scale : Scale
    classes : ndarray of float, shape (y, x), optional
        0 where a change is not detectable: drawn faded.
    """
    block = -(-max(values.shape) // _STILL)
    values, classes = block_mean(values, block), None if classes is None else classes[::block, ::block]
    colors = np.array([to_rgb(color) for color in scale.colors])
    count = len(colors)
    level = np.nan_to_num((values - scale.low) / (scale.high - scale.low)) * count
    shades = colors[np.clip(level, 0, count - 1).astype(int)]
    if classes is not None:
        faint = classes == 0
        shades[faint] += FADED * (np.array(to_rgb(PAPER)) - shades[faint])
    image = Image.fromarray((255 * np.dstack([shades, np.isfinite(values)])).round().astype(np.uint8))
    columns, rows = image.size
    height = max(1, round(rows * pixel_aspect(maps.grid)))
    file = io.BytesIO()
    image.resize((columns, height), Image.Resampling.NEAREST).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
