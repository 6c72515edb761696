"""Where one map is nearer to a known truth than another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from poml_map.grid import Grid
from poml_map.products.furniture import Scale, draw_color_bar, draw_pixels, draw_scale_and_north
from poml_map.products.mapsheet import FOOT, MARGIN
from poml_map.products.palette import CHANGE, MUTED
from poml_map.products.place import Fit, fit, nice_limits
from poml_map.products.sheet import style, unit_text
from poml_map.products.smallmap import PANEL_BOX, SmallMap, small_map
from poml_map.products.validation.page import HEADING, INNER, Page, caption, fixed

_BAR, _CAPTION = 110, 26


def draw_gain(
    path,
    *,
    title: str,
    unit: str,
    maps: Mapping[str, np.ndarray],
    grid: Grid,
    names: tuple[str, str] = ("POML", "ML"),
    outlines: Iterable[np.ndarray] | None = None,
    subtitle: str = "",
    notes: Sequence[str] = (),
    dpi: int = 200,
) -> tuple[Path, Path]:
    """Write maps of how much nearer to the truth one model is than another, one below the other.

    Parameters
    ----------
    maps : mapping of str to array_like, shape (y, x)
        Question -> error of the second model minus that of the first: above 0 the first one is nearer. [unit]
    grid : Grid
    names : tuple of 2 str
        Of the two models.
    outlines : iterable of ndarray, shape (k, 2), optional
        Lines in the grid's CRS.
    path, title, unit, subtitle, notes, dpi
        As in `draw_histograms`.

    Returns
    -------
    tuple of Path
        PNG and SVG; in the SVG each map is one picture.

    Raises
    ------
    ValueError
        If a map has not the grid's shape.
    ResourceError
        If a file cannot be written whole.
    """
    place = fit(grid, *(side * 1.5 for side in PANEL_BOX))
    tables = {question: small_map(values, grid, 150, PANEL_BOX) for question, values in maps.items()}
    nearer = {question: _share(values) for question, values in maps.items()}
    outlines = None if outlines is None else list(outlines)
    with style():
        page = Page(title, subtitle, notes, dpi)
        width = min(INNER - _BAR, 340)
        height = width * place.height / place.width
        step = HEADING + height + _CAPTION
        sheet = page.open(step * len(tables) + FOOT + 4)
        shown = Fit(place.block, width * dpi / 100, height * dpi / 100)
        for number, (question, each) in enumerate(tables.items()):
            top = page.top + number * step + HEADING
            caption(sheet, MARGIN, top - 7, question, weight="bold", va="baseline")
            scale = Scale(CHANGE, nice_limits(each.values, symmetric=True), each.values)
            draw_pixels(sheet, MARGIN, top, each.values, shown, grid, scale, outlines)
            draw_color_bar(sheet, MARGIN + width + 16, top, min(height, 240), scale, unit_text(unit))
            text = _text(each, nearer[question], names, unit)
            caption(sheet, MARGIN, top + height + 5, text, color=MUTED)
        draw_scale_and_north(sheet, MARGIN, page.top + step * len(tables) + 4, shown, grid)
        return page.save(path)


def _share(values) -> float:
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    return float(np.mean(known > 0)) if known.size else np.nan


def _text(each: SmallMap, share: float, names: tuple[str, str], unit: str) -> str:
    if np.isnan(share):
        return "no data"
    mean = fixed(each.mean, unit, signed=True)
    return f"{names[0]} is nearer in {100 * share:.0f} % of the pixels, by {mean} in the mean"
