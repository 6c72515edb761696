"""A page of the evaluation: head, body, notes; written as PNG and as SVG, legible at half its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from poml_map.products.furniture import draw_notes, note_lines, notes_height
from poml_map.products.mapsheet import MARGIN, Head
from poml_map.products.palette import INK, MUTED
from poml_map.products.sheet import Sheet
from poml_map.products.validation.looks import model_look, model_name

# 520 layout pixels are 13.2 cm: text of 10 points is 6 points tall when the page is shown 8 cm wide.
WIDTH, TEXT = 520, 10
GRID_LINE, PALE = "#e6e1dc", "#f3efeb"
#: Layout pixels over a panel for its heading, and below it for tick labels, with and without an axis label.
HEADING, TICKS, TICKS_AND_LABEL = 21, 22, 44
#: From one line of text to the next. [layout pixel]
LINE = 15
INNER = WIDTH - 2 * MARGIN
# Text may shrink to this share of its size to fit; smaller could not be read at half a page.
_SMALLEST = 0.9


@dataclass(frozen=True)
class Frame:
    """Where a panel's axes lie on the sheet. [layout pixel]"""

    left: float
    top: float
    width: float
    height: float

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.top + self.height


class Page:
    """A page whose height is known once its body is.

    Parameters
    ----------
    title, subtitle : str
    notes : sequence of str
        What must not be overlooked; on a strip at the foot.
    dpi : int
        Of the PNG; 200 makes 1040 pixels of the width.
    """

    def __init__(self, title: str, subtitle: str, notes: Sequence[str], dpi: int):
        self.ruler = Sheet(WIDTH, 100, dpi)
        self._head = Head(self.ruler, title, subtitle)
        self._lines = note_lines(self.ruler, notes, INNER)
        self._facts = {"Title": title, "Comment": "; ".join(filter(None, [subtitle, *notes]))}
        self.top = self._head.bottom

    def open(self, body: float) -> Sheet:
        """The sheet, with room for a body of this height below `top`."""
        foot = notes_height(self._lines) + (12 if self._lines else 0)
        self.sheet = Sheet(WIDTH, round(self.top + body + foot + MARGIN - 6), self.ruler.dpi)
        self._head.draw(self.sheet)
        draw_notes(
            self.sheet,
            MARGIN,
            self.sheet.height - MARGIN - notes_height(self._lines) + 6,
            INNER,
            self._lines,
        )
        return self.sheet

    def save(self, path) -> tuple[Path, Path]:
        """Write ``path.png`` and ``path.svg``, each whole or not at all; returns their paths."""
        path = Path(path)
        png, svg = (path.with_name(f"{path.name}.{kind}") for kind in ("png", "svg"))
        return self.sheet.save_png(png, self._facts), self.sheet.save_svg(svg, self._facts)


def frames(
    count: int, columns: int, top: float, height: float, *, left: float = 40, gap: float = 16, row_gap: float = 30
) -> list[Frame]:  # fmt: skip
    """Frames in rows and columns that share the width of the page; `left` is room for tick labels."""
    start, width = MARGIN + left, (INNER - left - 6 - (columns - 1) * gap) / columns
    return [
        Frame(start + number % columns * (width + gap), top + number // columns * (height + row_gap), width, height)
        for number in range(count)
    ]  # fmt: skip


def panel(sheet: Sheet, frame: Frame, heading: str = "", *, grid: str = "y") -> Axes:
    """Axes in the look of the house, with as many ticks as have room, under a bold heading."""
    axes = sheet.axes(frame.left, frame.top, frame.width, frame.height)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=TEXT, labelcolor=INK, length=3, width=0.6, pad=3)
    axes.ticklabel_format(useOffset=False, style="plain")
    round_steps = [1, 2, 2.5, 5, 10]
    axes.xaxis.set_major_locator(MaxNLocator(max(2, int(frame.width / 42)), steps=round_steps))
    axes.yaxis.set_major_locator(MaxNLocator(max(2, int(frame.height / 26)), steps=round_steps))
    axes.grid(axis=grid, color=GRID_LINE, lw=0.6)
    axes.set_axisbelow(True)
    if heading:
        text, size = fitted(sheet, heading, frame.width + 6, "bold")
        caption(sheet, frame.left, frame.top - 6, text, size=size, weight="bold", va="baseline")
    return axes


def fitted(ruler: Sheet, text: str, width: float, weight: str = "normal") -> tuple[str, float]:
    """A line that fits: a little smaller at most, then cut with "…"; returns it with its size."""
    smallest = _SMALLEST * TEXT
    if ruler.text_width(text, smallest, weight) > width:
        while text and ruler.text_width(f"{text}…", smallest, weight) > width:
            text = text[:-1]
        text = f"{text.rstrip()}…"
    return text, max(min(ruler.largest(text, TEXT, width, weight), TEXT), smallest)


def head_model(sheet: Sheet, frame: Frame, baseline: float, model: str, letter: str = "") -> None:
    """A model's sign and its name, short if the long one does not fit, over its panel."""
    look, left = model_look(model), frame.left
    if letter:
        caption(sheet, left, baseline, letter, weight="bold", va="baseline")
        left += 15
    sheet.paper.plot([left + 5], [baseline - 5], look.marker, color=look.color, ms=6.5, mec="white", mew=0.4)
    room = frame.width - (left - frame.left) - 14
    name = model_name(model)
    if sheet.text_width(name, TEXT, "bold") > room:
        name = model_name(model, short=True)
    name, size = fitted(sheet, name, room + 10, "bold")
    caption(sheet, left + 14, baseline, name, size=size, weight="bold", va="baseline")


def year_axis(axes: Axes, frame: Frame, years) -> None:
    """Ticks at round years, as many as have room, and the first and last year within the frame."""
    years = np.asarray(years, float)
    low, high = (years.min(), years.max()) if years.size else (0.0, 1.0)
    space = max(0.05 * (high - low), 0.5)
    axes.set_xlim(low - space, high + space)
    ticks = year_ticks(low, high, (high - low + 2 * space) / frame.width)
    axes.set_xticks(ticks, [f"{year:.0f}" for year in ticks])


def year_ticks(low: float, high: float, per_pixel: float) -> np.ndarray:
    """Round years from `low` to `high` whose labels stand apart; `per_pixel` is in years.

    Examples
    --------
    >>> year_ticks(1980, 2000, 0.16).tolist(), year_ticks(1999, 1999, 0.01).tolist()
    ([1980.0, 1990.0, 2000.0], [1999.0])
    """
    for step in (1, 2, 5, 10, 20, 50, 100, 200, 500):
        ticks = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
        if step >= 42 * per_pixel and len(ticks):
            return ticks
    return np.array([np.round(low)])


def label_x(sheet: Sheet, frame: Frame, text: str) -> None:
    """What runs along the x axis, with its unit: below the middle of the frame, but within the page."""
    for line, words in enumerate(sheet.wrap(text, TEXT, INNER)):
        half = sheet.text_width(words, TEXT) / 2
        middle = min(max(frame.left + frame.width / 2, MARGIN + half), WIDTH - MARGIN - half)
        caption(sheet, middle, frame.bottom + 25 + LINE * line, words, ha="center")


def caption(sheet: Sheet, left: float, top: float, text: str, **kwargs) -> None:
    """A line of plain text."""
    sheet.text(left, top, text, kwargs.pop("size", TEXT), **{"color": INK, "zorder": 9, **kwargs})


def say(sheet: Sheet, axes: Axes, frame: Frame, reason: str) -> None:
    """Why a panel is empty, in its middle; the ticks go."""
    axes.set(xticks=[], yticks=[])
    axes.set_facecolor(PALE)
    text = "\n".join(sheet.wrap(reason, TEXT, frame.width - 12))
    sheet.text(
        frame.left + frame.width / 2, frame.top + frame.height / 2, text, TEXT, color=MUTED, ha="center",
        va="center", zorder=9, linespacing=1.25,
    )  # fmt: skip


def fixed(value: float, unit: str, signed: bool = False) -> str:
    """A stock with as many decimals as tables give it: 3 of kg/m2, 2 of t/ha; "–" for NaN.

    Examples
    --------
    >>> fixed(0.3525, "kg/m2"), fixed(-12.041, "t/ha", signed=True)
    ('0.352', '−12.04')
    """
    if not np.isfinite(value):
        return "–"
    rounded = round(float(value), 2 if unit == "t/ha" else 3) + 0.0  # no minus zero
    return f"{rounded:{'+' if signed else ''}.{2 if unit == 't/ha' else 3}f}".replace("-", "−")


def known_range(*arrays, space: float = 0.08) -> tuple[float, float] | None:
    """Limits around all finite values with some space; None when there is none.

    Examples
    --------
    >>> known_range([1.0, float("nan")], [2.0], space=0.5)
    (0.5, 2.5)
    >>> known_range([float("nan")]) is None
    True
    """
    values = np.concatenate([np.ravel(np.asarray(each, float)) for each in arrays] or [[]])
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    low, high = float(values.min()), float(values.max())
    # All the same but for rounding: a tenth of it, so that the axis has a length and its ticks few digits.
    if high - low <= 1e-6 * max(abs(low), abs(high)):
        space = 0.1 * abs(high) or 0.1
    else:
        space *= high - low
    return low - space, high + space


def number(value: float, signed: bool = False) -> str:
    """Three digits; "–" for NaN, a true minus sign.

    Examples
    --------
    >>> number(0.3525), number(-12.04, signed=True), number(float("nan")), number(428.4)
    ('0.352', '−12.0', '–', '428')
    """
    if not np.isfinite(value):
        return "–"
    return f"{value:{'+' if signed else ''}#.3g}".rstrip(".").replace("-", "−")
