"""A sheet with one map and its panel: a frame of the animation, or a picture of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.image import AxesImage
from matplotlib.text import Text

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
from poml_map.products.palette import INK, MUTED
from poml_map.products.place import fit
from poml_map.products.sheet import Sheet, unit_text
from poml_map.products.smallmap import MAP_BOX

MARGIN, GAP = 22, 26
FOOT = 40  # scale bar and arrow under a map
_PANEL_WIDTH, _PANEL_HEIGHT = 176, 440
_LABEL_SIZE = 36


class MapSheet(Sheet):
    """A sheet with one map at the left and a panel at the right.

    Parameters
    ----------
    grid : Grid
    title, subtitle : str
    notes : sequence of str
    dpi : int
    """

    def __init__(self, grid: Grid, title: str, subtitle: str, notes: Sequence[str], *, dpi: int):
        self.grid = grid
        self.place = fit(grid, *(side * dpi / 100 for side in MAP_BOX))
        map_width, map_height = self.place.width * 100 / dpi, self.place.height * 100 / dpi
        width = round(2 * MARGIN + map_width + GAP + _PANEL_WIDTH)
        ruler = Sheet(width, 100, dpi)  # measures text before the height is known
        head, lines = Head(ruler, title, subtitle), note_lines(ruler, notes, width - 2 * MARGIN)
        self._top = head.bottom
        body = max(map_height + FOOT, _PANEL_HEIGHT)
        foot = notes_height(lines) + (14 if lines else 0)
        super().__init__(width, round(self._top + body + foot + MARGIN - 6), dpi)
        head.draw(self)
        draw_notes(self, MARGIN, self.height - MARGIN - notes_height(lines) + 4, width - 2 * MARGIN, lines)
        self._panel = MARGIN + map_width + GAP
        self._middle = MARGIN + map_width / 2, self._top + map_height / 2
        self._panel_height = max(map_height, _PANEL_HEIGHT - 8)
        draw_scale_and_north(self, MARGIN, self._top + map_height + 10, self.place, grid)
        self._label = self.text(
            self._panel - 2, self._top + 40, "", _LABEL_SIZE, weight="bold", va="baseline"
        )
        self._mean = self.text(self._panel, self._top + 74, "", 13, weight="bold")
        self._empty = self.text(*self._middle, "", 14, color=MUTED, ha="center", va="center", zorder=9)

    @property
    def labels(self) -> list[Text]:
        """What `set_label` changes."""
        return [self._label, self._mean, self._empty]

    def draw_map(self, values: np.ndarray, scale: Scale, outlines) -> AxesImage:
        """The map at its place; `values` are those of `block_mean`."""
        return draw_pixels(self, MARGIN, self._top, values, self.place, self.grid, scale, outlines)

    def draw_panel(self, scale: Scale, unit: str, *, trend: bool = True) -> None:
        """Headings and colour bar."""
        self.text(self._panel, self._top + 56, "mean of the region", 9.5, color=MUTED)
        top = 230 if trend else 120
        height = min(self._panel_height - top, 330)
        draw_color_bar(
            self, self._panel, self._top + self._panel_height - height, height, scale, unit_text(unit)
        )

    def trend_frame(self) -> tuple[float, float, float, float]:
        """Left, top, width and height for the line of means."""
        return self._panel + 30, self._top + 112, _PANEL_WIDTH - 38, 86

    def set_label(self, label: str, mean: float, unit: str, *, empty: bool, signed: bool = False) -> None:
        """The large label, the mean below it, and a word over a map without values."""
        self._label.set(
            text=label, fontsize=self.largest(label, _LABEL_SIZE, _PANEL_WIDTH + MARGIN - 8, "bold")
        )
        self._mean.set_text("–" if empty else f"{number_text(mean, signed)} {unit_text(unit)}")
        self._empty.set_text("no data" if empty else "")


class Head:
    """Title and subtitle, broken into lines that fit."""

    def __init__(self, ruler: Sheet, title: str, subtitle: str):
        width = ruler.width - 2 * MARGIN
        self._title = ruler.wrap(title, 16, width, "bold")
        self._subtitle = ruler.wrap(subtitle, 10, width) if subtitle else []
        self.bottom = MARGIN - 4 + 26 * len(self._title) + 17 * len(self._subtitle) + 12

    def draw(self, sheet: Sheet) -> None:
        """Put the lines on the sheet."""
        top = MARGIN - 4
        for line in self._title:
            sheet.text(MARGIN, top, line, 16, weight="bold", color=INK)
            top += 26
        for line in self._subtitle:
            sheet.text(MARGIN, top, line, 10, color=MUTED)
            top += 17


def number_text(number: float, signed: bool = False) -> str:
    """Three digits, so that the width stays the same from frame to frame.

    Examples
    --------
    >>> number_text(3.9), number_text(35.04), number_text(0.0512, signed=True)
    ('3.90', '35.0', '+0.0512')
    """
    return f"{number:{'+' if signed else ''}#.3g}".rstrip(".")
