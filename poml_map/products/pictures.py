"""Still pictures: one map or difference, and panels of several models and years."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from poml_map.grid import Grid
from poml_map.products.furniture import (
    Scale,
    draw_color_bar,
    draw_notes,
    draw_pixels,
    draw_scale_and_north,
    note_lines,
    notes_height,
)
from poml_map.products.mapsheet import FOOT, GAP, MARGIN, Head, MapSheet, number_text
from poml_map.products.palette import CHANGE, MUTED, STOCK
from poml_map.products.place import fit, nice_limits
from poml_map.products.sheet import Sheet, style, unit_text
from poml_map.products.smallmap import PANEL_BOX, PanelRow, panel_row, small_map

_BAR_WIDTH, _ROW_LABEL, _COLUMN_LABEL, _CAPTION = 98, 72, 26, 24


def draw_map(
    values,
    path,
    *,
    grid: Grid,
    title: str,
    unit: str,
    label: str = "",
    subtitle: str = "",
    notes: Sequence[str] = (),
    limits: tuple[float, float] | None = None,
    difference: bool = False,
    outlines: Iterable[np.ndarray] | None = None,
    dpi: int = 200,
) -> Path:
    """Write one map as PNG.

    Parameters
    ----------
    values : array_like, shape (y, x)
        NaN is drawn in light grey.
    label : str
        Large, beside the map, such as the year.
    difference : bool
        Colours that part at zero.
    path, grid, title, unit, subtitle, notes, limits, outlines, dpi
        As in `poml_map.products.animation.animate`.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ValueError
        If the shape is not the grid's.
    ResourceError
        If the file cannot be written whole.
    """
    with style():
        sheet, reduced = MapSheet(grid, title, subtitle, notes, dpi=dpi), small_map(values, grid, dpi)
        scale = _scale(reduced.values, limits, difference)
        sheet.draw_map(reduced.values, scale, outlines)
        sheet.draw_panel(scale, unit, trend=False)
        sheet.set_label(label, reduced.mean, unit, empty=np.isnan(reduced.mean), signed=difference)
        return sheet.save_png(path, {"Title": title, "Comment": "; ".join([label, *notes])})


def draw_comparison(
    rows: Mapping[str, Sequence[np.ndarray] | PanelRow],
    columns: Sequence[str],
    path,
    *,
    grid: Grid,
    title: str,
    unit: str,
    subtitle: str = "",
    notes: Sequence[str] = (),
    limits: tuple[float, float] | None = None,
    change: bool = False,
    outlines: Iterable[np.ndarray] | None = None,
    dpi: int = 150,
) -> Path:
    """Write a PNG of panels with one colour scale, such as first and last year by model.

    Parameters
    ----------
    rows : mapping of str to sequence of array_like, shape (y, x), or to PanelRow
        Row label -> one map for each column, or what `panel_row` made of them.
    columns : sequence of str
        Column labels.
    change : bool
        Add a column "last minus first", with a scale of its own.
    path, grid, title, unit, subtitle, notes, limits, outlines, dpi
        As in `poml_map.products.animation.animate`.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ValueError
        If a row has not one map for each column, or a map not the grid's shape.
    ResourceError
        If the file cannot be written whole.
    """
    tables = {label: _reduced(label, maps, columns, grid, dpi) for label, maps in rows.items()}
    outlines = None if outlines is None else list(outlines)
    with style():
        sheet = _ComparisonSheet(grid, title, subtitle, notes, list(tables), len(columns), change, dpi)
        levels = np.stack([each.values for table in tables.values() for each in table.maps])
        scale = _scale(levels, limits, difference=False)
        for column, label in enumerate(columns):
            maps = [table.maps[column] for table in tables.values()]
            sheet.draw_column(column, label, maps, scale, outlines)
        sheet.draw_bar(len(columns), scale, unit)
        if change:
            changes = [table.change for table in tables.values()]
            scale = _scale(np.stack([each.values for each in changes]), None, difference=True)
            label = f"{columns[-1]} minus {columns[0]}"
            sheet.draw_column(len(columns), label, changes, scale, outlines, signed=True)
            sheet.draw_bar(len(columns) + 1, scale, unit)
        return sheet.save_png(path, {"Title": title, "Comment": "; ".join(notes)})


class _ComparisonSheet(Sheet):
    """Panels in rows and columns; a bar stands after the columns that it belongs to."""

    def __init__(self, grid, title, subtitle, notes, row_labels, n_columns, change, dpi):
        self._grid, self._n_columns = grid, n_columns
        self._place = fit(grid, *(side * dpi / 100 for side in PANEL_BOX))
        self._size = self._place.width * 100 / dpi, self._place.height * 100 / dpi
        self._row_height = max(self._size[1], 90) + _CAPTION + 8
        width = round(self._left(n_columns + change) + _BAR_WIDTH - 14 + MARGIN)
        ruler = Sheet(width, 100, dpi)
        head, lines = Head(ruler, title, subtitle), note_lines(ruler, notes, width - 2 * MARGIN)
        self._top = head.bottom + _COLUMN_LABEL
        body = self._row_height * len(row_labels)
        foot = FOOT + notes_height(lines) + (14 if lines else 0)
        super().__init__(width, round(self._top + body + foot + MARGIN - 6), dpi)
        head.draw(self)
        draw_scale_and_north(self, MARGIN + _ROW_LABEL, self._top + body, self._place, grid)
        draw_notes(self, MARGIN, self.height - MARGIN - notes_height(lines) + 4, width - 2 * MARGIN, lines)
        for row, label in enumerate(row_labels):
            middle = self._top + row * self._row_height + self._size[1] / 2
            self.text(MARGIN, middle, label, 13, weight="bold", va="center")
        self._body = body - _CAPTION - 8

    def _left(self, column: int) -> float:
        """Left edge of a column; those after the stocks stand behind the stocks' bar."""
        bars = _BAR_WIDTH if column >= self._n_columns else 0
        return MARGIN + _ROW_LABEL + column * (self._size[0] + 12) + bars

    def draw_column(self, column, label, maps, scale, outlines, *, signed: bool = False) -> None:
        """The reduced maps of one column from top to bottom, each with its mean below."""
        left = self._left(column)
        self.text(
            left + self._size[0] / 2, self._top - 8, label, 12, weight="bold", ha="center", va="baseline"
        )
        for row, each in enumerate(maps):
            top = self._top + row * self._row_height
            draw_pixels(self, left, top, each.values, self._place, self._grid, scale, outlines)
            caption = "no data" if np.isnan(each.mean) else f"mean {number_text(each.mean, signed)}"
            self.text(left, top + self._size[1] + 5, caption, 9, color=MUTED)

    def draw_bar(self, column: int, scale: Scale, unit: str) -> None:
        """The colour bar to the right of the columns before `column`."""
        left = self._left(column - 1) + self._size[0] + GAP - 8
        draw_color_bar(self, left, self._top, min(self._body, 380), scale, unit_text(unit))


def _reduced(label: str, row, columns: Sequence[str], grid: Grid, dpi: int) -> PanelRow:
    shape = (len(row.maps), *grid.shape) if isinstance(row, PanelRow) else np.shape(row)
    if shape != (len(columns), *grid.shape):
        raise ValueError(f"rows[{label!r}]: shape {shape}, expected {(len(columns), *grid.shape)}: "
                         "one map of the grid's shape for each column")  # fmt: skip
    return row if isinstance(row, PanelRow) else panel_row(row, grid, dpi)


def _scale(drawn: np.ndarray, limits, difference: bool) -> Scale:
    limits = limits or nice_limits(drawn, symmetric=difference)
    return Scale(CHANGE if difference else STOCK, limits, drawn)
