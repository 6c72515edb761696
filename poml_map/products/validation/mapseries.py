"""Maps of several models side by side, year below year (Fig. S3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from poml_map.grid import Grid
from poml_map.products.furniture import Scale, draw_color_bar, draw_pixels, draw_scale_and_north
from poml_map.products.mapsheet import FOOT, MARGIN
from poml_map.products.palette import MUTED, STOCK
from poml_map.products.place import Fit, fit, nice_limits
from poml_map.products.sheet import style, unit_text
from poml_map.products.smallmap import PANEL_BOX, PanelRow, SmallMap, small_map
from poml_map.products.validation.looks import model_name
from poml_map.products.validation.page import INNER, TEXT, Page, caption, fixed

# Room for the years at the left, for the colour bar at the right, and between maps. [layout pixel]
_YEAR, _BAR, _GAP, _CAPTION, _HEADING = 54, 84, 12, 24, 22
_TALLEST_BAR = 320


def draw_map_series(
    path,
    *,
    title: str,
    unit: str,
    rows: Mapping[str, Sequence | PanelRow],
    columns: Sequence[object],
    grid: Grid,
    limits: tuple[float, float] | None = None,
    outlines: Iterable[np.ndarray] | None = None,
    subtitle: str = "",
    notes: Sequence[str] = (),
    dpi: int = 200,
) -> tuple[Path, Path]:
    """Write maps of two or three models beside each other, one line for each year, on one colour scale.

    Parameters
    ----------
    rows : mapping of str to PanelRow, or to sequence of array_like (y, x) or SmallMap
        Model -> one map for each year. What `panel_row` made is drawn as it is. [unit]
    columns : sequence
        Years, one for each map.
    grid : Grid
    limits : tuple of float, optional
        Values of the first and last colour; round ones around most pixels unless told. [unit]
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
        If a model has not one map for each year, or a map not the grid's shape.
    ResourceError
        If a file cannot be written whole.
    """
    place = fit(grid, *(side * 1.5 for side in PANEL_BOX))  # as `panel_row` reduces, which draws at 150 dpi
    tables = {name: _reduced(name, maps, columns, grid) for name, maps in rows.items()}
    drawn = np.stack([each.values for maps in tables.values() for each in maps])
    scale = Scale(STOCK, limits or nice_limits(drawn), drawn)
    outlines = None if outlines is None else list(outlines)
    with style():
        page = Page(title, subtitle, notes, dpi)
        width = min((INNER - _YEAR - _BAR - _GAP * (len(tables) - 1)) / len(tables), 190)
        height = width * place.height / place.width
        shown = Fit(place.block, width * dpi / 100, height * dpi / 100)
        step = height + _CAPTION
        body = _HEADING + step * len(columns) + 4
        sheet = page.open(body + FOOT)
        top = page.top + _HEADING
        for number, (name, maps) in enumerate(tables.items()):
            left = MARGIN + _YEAR + number * (width + _GAP)
            text = model_name(name)
            size = sheet.largest(text, TEXT + 1, width, "bold")
            caption(
                sheet, left + width / 2, top - 7, text, size=size, weight="bold", ha="center", va="baseline"
            )
            for line, each in enumerate(maps):
                corner = left, top + line * step
                draw_pixels(sheet, *corner, each.values, shown, grid, scale, outlines)
                text = "no data" if np.isnan(each.mean) else f"mean {fixed(each.mean, unit)}"
                caption(sheet, left, corner[1] + height + 4, text, color=MUTED)
        for line, year in enumerate(columns):
            caption(
                sheet, MARGIN, top + line * step + height / 2, str(year), size=TEXT + 1, weight="bold",
                va="center_baseline",
            )  # fmt: skip
        bar = MARGIN + _YEAR + len(tables) * (width + _GAP) + 4
        draw_color_bar(
            sheet, bar, top, min(body - _HEADING - _CAPTION - 4, _TALLEST_BAR), scale, unit_text(unit)
        )
        draw_scale_and_north(sheet, MARGIN + _YEAR, page.top + body, shown, grid)
        return page.save(path)


def _reduced(name: str, maps, columns, grid: Grid) -> list[SmallMap]:
    maps = list(maps.maps if isinstance(maps, PanelRow) else maps)
    if len(maps) != len(columns):
        raise ValueError(
            f"rows[{name!r}] has {len(maps)} maps, expected {len(columns)}, one for each year of `columns`."
        )
    return [small_map(each, grid, 150, PANEL_BOX) for each in maps]
