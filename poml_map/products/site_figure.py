"""The figure of one site: observed stocks over the modelled line, and the pools below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from poml_map.products.furniture import draw_notes, note_lines, notes_height
from poml_map.products.mapsheet import MARGIN, Head
from poml_map.products.palette import ACCENT, INK, MUTED
from poml_map.products.sheet import Sheet, style, unit_text

# 640 layout pixels are 16 cm at their own size: the width of a page's text.
_WIDTH = 640
_LEFT, _RIGHT = MARGIN + 30, 168
_UPPER, _LOWER, _HEADING, _TICKS = 206, 132, 22, 28

#: From the bottom of the stack to its top: what lasts longest lies lowest.
_STACK = {"IOM": "#3d2a20", "HUM": "#a0652c", "BIO": "#2f8f83", "RPM": "#e6c274", "DPM": "#8fb04a"}


def draw_site(
    path,
    *,
    title: str,
    unit: str,
    years,
    pools: Mapping[str, np.ndarray],
    filled,
    observed: Mapping[str, np.ndarray] | None = None,
    subtitle: str = "",
    notes: Sequence[str] = (),
    dpi: int = 200,
) -> Path:
    """Write the course of one site as PNG.

    Parameters
    ----------
    path : str or Path
    title, subtitle : str
    unit : str
        Of every stock: ``kg/m2`` or ``t/ha``.
    years : array_like, shape (t,)
        Decimal year of each state.
    pools : mapping of str to ndarray, shape (t,)
        ``DPM``, ``RPM``, ``BIO``, ``HUM``, ``IOM``. [unit]
    filled : array_like of bool, shape (t,)
        States that were reached with stand-in weather: their line is dashed.
    observed : mapping of str to array_like, shape (n,), optional
        ``years``, ``mean``, ``low``, ``high`` [unit], and ``scored``, which is True for filled marks.
    notes : sequence of str
        What must not be overlooked.
    dpi : int

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ResourceError
        If the file cannot be written whole.
    """
    years, filled = np.asarray(years, float), np.asarray(filled, bool)
    with style():
        ruler = Sheet(_WIDTH, 100, dpi)
        head, lines = Head(ruler, title, subtitle), note_lines(ruler, notes, _WIDTH - 2 * MARGIN)
        body = head.bottom + 2 * (_HEADING + _TICKS) + _UPPER + _LOWER
        foot = notes_height(lines)
        sheet = Sheet(_WIDTH, round(body + foot + MARGIN), dpi)
        head.draw(sheet)
        upper = head.bottom + _HEADING
        _draw_stock(sheet, upper, unit, years, sum(pools.values()), filled, observed)
        _draw_pools(sheet, upper + _UPPER + _TICKS + _HEADING, unit, years, pools)
        draw_notes(sheet, MARGIN, sheet.height - MARGIN - foot + 8, _WIDTH - 2 * MARGIN, lines)
        return sheet.save_png(path, {"Title": title, "Comment": "; ".join([subtitle, *notes])})


def _panel(sheet: Sheet, top: float, height: float, heading: str, years: np.ndarray) -> Axes:
    sheet.text(MARGIN, top - 18, heading, 10, weight="bold")
    axes = sheet.axes(_LEFT, top, _WIDTH - _LEFT - _RIGHT, height)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9, labelcolor=INK, length=3, width=0.6)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True, steps=[1, 2, 5, 10]))
    axes.ticklabel_format(useOffset=False)
    axes.grid(axis="y", color="#e6e1dc", lw=0.6)
    axes.set_axisbelow(True)
    space = 0.015 * (years[-1] - years[0])
    axes.set_xlim(years[0] - space, years[-1] + space)
    return axes


def _draw_stock(sheet: Sheet, top: float, unit: str, years, stock, filled, observed) -> None:
    axes = _panel(sheet, top, _UPPER, f"Soil organic carbon ({unit_text(unit)})", years)
    keys = []
    known, other = np.where(filled, np.nan, stock), np.where(filled | _before(filled), stock, np.nan)
    axes.plot(years, known, color=ACCENT, lw=1.7)
    keys.append(("line", "RothC"))
    if filled.any():
        axes.plot(years, other, color=ACCENT, lw=1.7, ls=(0, (3, 1.6)))
        keys.append(("dashes", "RothC, weather\nfrom normals"))
    if observed is not None:
        keys += _draw_observed(axes, {name: np.asarray(values) for name, values in observed.items()})
    _draw_keys(sheet, top + 4, keys)


def _before(filled: np.ndarray) -> np.ndarray:
    """The states that a dashed line must be joined to."""
    return np.append(filled[1:], False)


def _draw_observed(axes: Axes, observed: Mapping[str, np.ndarray]) -> list[tuple[str, str]]:
    """Means with their range; filled marks are scored. Returns what the key needs."""
    keys = []
    axes.vlines(observed["years"], observed["low"], observed["high"], color=INK, lw=1.1, zorder=4)
    for scored, face, text in ((True, INK, "measured"), (False, "white", "measured,\nnot scored")):
        chosen = observed["scored"].astype(bool) == scored
        if chosen.any():
            axes.plot(
                observed["years"][chosen],
                observed["mean"][chosen],
                "o",
                ms=6,
                mfc=face,
                mec=INK,
                mew=1.2,
                zorder=5,
            )
            keys.append(("full" if scored else "hollow", text))
    if (observed["high"] > observed["low"]).any():
        keys.append(("range", "range of plots"))
    return keys


def _draw_keys(sheet: Sheet, top: float, keys: Sequence[tuple[str, str]]) -> None:
    """What line and marks mean, to the right of the panel."""
    left = _WIDTH - _RIGHT + 14
    for kind, text in keys:
        middle = top + 6
        if kind in ("line", "dashes"):
            dashes = "-" if kind == "line" else (0, (3, 1.6))
            sheet.paper.plot([left, left + 20], [middle, middle], color=ACCENT, lw=1.7, ls=dashes)
        elif kind == "range":
            sheet.paper.plot([left + 10, left + 10], [middle - 7, middle + 7], color=INK, lw=1.1)
        else:
            face = INK if kind == "full" else "white"
            sheet.paper.plot([left + 10], [middle], "o", ms=6, mfc=face, mec=INK, mew=1.2)
        sheet.text(left + 28, middle - 7, text, 9, color=INK, linespacing=1.15)
        top += 22 + 14 * text.count("\n")


def _draw_pools(sheet: Sheet, top: float, unit: str, years, pools: Mapping[str, np.ndarray]) -> None:
    axes = _panel(sheet, top, _LOWER, f"RothC pools, stacked ({unit_text(unit)})", years)
    axes.stackplot(years, [pools[name] for name in _STACK], colors=list(_STACK.values()), lw=0)
    axes.set_ylim(0, None)
    left, line = _WIDTH - _RIGHT + 14, top + 2
    decimals = {"kg/m2": 2, "t/ha": 1}[unit]
    sheet.text(left + 60, line - 6, "start – end", 9, color=MUTED)
    for name, color in reversed(_STACK.items()):
        line += 19
        sheet.paper.add_patch(Rectangle((left, line), 12, 11, fc=color, ec="none"))
        first, last = (f"{pools[name][end]:.{decimals}f}" for end in (0, -1))
        sheet.text(left + 20, line + 6, name, 9, va="center", weight="bold")
        sheet.text(left + 60, line + 6, f"{first} – {last}", 9, va="center")
