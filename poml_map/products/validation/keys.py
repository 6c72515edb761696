"""The key of a figure: what lines, bands, bars and marks mean, in rows that fit the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.patches import Rectangle

from poml_map.products.mapsheet import MARGIN
from poml_map.products.palette import INK
from poml_map.products.sheet import Sheet
from poml_map.products.validation.looks import Look
from poml_map.products.validation.page import INNER, TEXT

_SAMPLE, _BETWEEN, _ROW = 26, 18, 20


@dataclass(frozen=True)
class Key:
    """One entry.

    Attributes
    ----------
    kind : str
        ``line``, ``line+mark``, ``mark``, ``hollow`` (mark with a white face), ``error`` (mark with a bar), ``band``
        (half transparent), ``band+line``, ``bar``, ``rule`` (a thin line that is no series).
    look : Look
        Its name is the text.
    """

    kind: str
    look: Look


class Keys:
    """Entries side by side, broken into rows.

    Parameters
    ----------
    ruler : Sheet
        Measures the text.
    entries : sequence of Key
    width : float
        Of a row. [layout pixel]
    """

    def __init__(self, ruler: Sheet, entries: Sequence[Key], width: float = INNER):
        self._placed, left, row = [], 0.0, 0
        for entry in entries:
            takes = _SAMPLE + 6 + ruler.text_width(entry.look.name, TEXT)
            if left and left + takes > width:
                left, row = 0.0, row + 1
            self._placed.append((left, row, entry))
            left += takes + _BETWEEN
        self.height = (row + 1) * _ROW + 6 if entries else 0

    def draw(self, sheet: Sheet, top: float, left: float = MARGIN) -> None:
        """Put the rows on the sheet, the first one at `top`."""
        for right, row, entry in self._placed:
            middle = top + row * _ROW + 7
            draw_sample(sheet, left + right, middle, entry)
            sheet.text(
                left + right + _SAMPLE + 6, middle, entry.look.name, TEXT, color=INK, va="center_baseline"
            )


def draw_sample(sheet: Sheet, left: float, middle: float, entry: Key) -> None:
    """The sign of an entry, 26 layout pixels wide."""
    look, kind, paper = entry.look, entry.kind, sheet.paper
    ends, centre = [left, left + _SAMPLE], left + _SAMPLE / 2
    if kind in ("line", "line+mark", "band+line"):
        paper.plot(ends, [middle, middle], color=look.color, lw=1.8, ls=look.dashes)
    if kind == "rule":
        paper.plot(ends, [middle, middle], color=look.color, lw=1, ls=look.dashes)
    if kind in ("band", "bar", "band+line"):
        alpha = 1 if kind == "bar" else 0.28
        paper.add_patch(Rectangle((left, middle - 6), _SAMPLE, 12, fc=look.color, ec="none", alpha=alpha))
    if kind == "error":
        paper.plot([centre, centre], [middle - 8, middle + 8], color=look.color, lw=1.3)
    if kind in ("mark", "line+mark", "error", "hollow"):
        face = "white" if kind == "hollow" else look.color
        edge = look.color if kind == "hollow" else "white"
        paper.plot(
            [centre],
            [middle],
            look.marker,
            color=look.color,
            ms=11 if look.marker == "*" else 6.5,
            mfc=face,
            mec=edge,
            mew=1.2 if kind == "hollow" else 0.6,
        )
