"""Observed stocks of each campaign, and their change (Fig. 2 of the paper)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.colors import to_hex

from poml_map.products.mapsheet import MARGIN
from poml_map.products.palette import INK, MUTED, STOCK
from poml_map.products.sheet import Sheet, style, unit_text
from poml_map.products.validation.page import (
    INNER,
    TICKS_AND_LABEL,
    Frame,
    Page,
    caption,
    fitted,
    known_range,
    label_x,
    number,
    panel,
    say,
)

_MOST, _HEADING, _BETWEEN, _TALL = 6, 46, 30, 90
# The panel of the change does not grow with the number of campaigns. [layout pixel]
_TALLEST_CHANGE, _EMPTY_CHANGE = 350, 130
_CHANGE = "#22806f"


def draw_histograms(
    path,
    *,
    title: str,
    unit: str,
    stocks: Mapping[object, np.ndarray],
    change=None,
    change_name: str = "change",
    subtitle: str = "",
    notes: Sequence[str] = (),
    dpi: int = 200,
) -> tuple[Path, Path]:
    """Write histograms of stocks by campaign and of their change, with mean, SD and n.

    Parameters
    ----------
    path : str or Path
        Without suffix: ``.png`` and ``.svg`` are added.
    title, subtitle : str
    unit : str
        Of all values: ``kg/m2`` or ``t/ha``.
    stocks : mapping of label to array_like
        Campaign -> observed stocks. NaN is left out. After six campaigns the page says how many more there are.
    change : array_like, optional
        Later minus first stock of the sites that have both.
    change_name : str
        Which change, such as ``"2000 minus 1980"``.
    notes : sequence of str
        What must not be overlooked.
    dpi : int
        Of the PNG.

    Returns
    -------
    tuple of Path
        PNG and SVG.

    Raises
    ------
    ResourceError
        If a file cannot be written whole.
    """
    shown = dict(list(stocks.items())[:_MOST]) or {"": []}
    with style():
        page = Page(title, subtitle, notes, dpi)
        rows = max(len(shown), 2)
        body = rows * (_HEADING + _TALL) + TICKS_AND_LABEL + 20
        sheet = page.open(body)
        width = (INNER - _BETWEEN) / 2
        _draw_campaigns(sheet, page.top, width, shown, max(len(stocks) - len(shown), 0), unit)
        top = page.top + 20 + _HEADING
        height = min(rows * (_HEADING + _TALL) - _HEADING, _TALLEST_CHANGE)
        frame = Frame(MARGIN + width + _BETWEEN + 30, top, width - 36, height)
        _draw_change(sheet, page.top, frame, change, change_name, unit)
        return page.save(path)


def _draw_campaigns(sheet: Sheet, top: float, width: float, stocks, more: int, unit: str) -> None:
    text = f"a Sites by stock{f' (and {more} more)' if more else ''}"
    caption(sheet, MARGIN, top, text, weight="bold")
    top += 20
    limits = known_range(*stocks.values(), space=0.02)
    edges = _edges(limits, [np.asarray(each, float) for each in stocks.values()])
    tallest = max((np.histogram(_known(each), edges)[0].max() for each in stocks.values()), default=0)
    for row, (name, values) in enumerate(stocks.items()):
        frame = Frame(MARGIN + 30, top + _HEADING + row * (_HEADING + _TALL), width - 36, _TALL)
        axes = panel(sheet, frame)
        values, last = _known(values), row == len(stocks) - 1
        _head(sheet, frame, str(name), values)
        if not values.size:
            say(sheet, axes, frame, "no observed stock")
            continue
        tone = to_hex(STOCK(0.35 + 0.5 * row / max(len(stocks) - 1, 1)))
        axes.hist(values, edges, color=tone, ec="white", lw=0.4)
        axes.axvline(values.mean(), color=INK, lw=1.2, ls=(0, (4, 2)))
        axes.set(xlim=edges[[0, -1]], ylim=(0, 1.06 * max(tallest, 1)))
        axes.tick_params(labelbottom=last)
        if last:
            label_x(sheet, frame, f"Stock ({unit_text(unit)})")


def _draw_change(sheet: Sheet, top: float, frame: Frame, change, name: str, unit: str) -> None:
    caption(sheet, frame.left - 30, top, "b Sites by change", weight="bold")
    values = _known([] if change is None else change)
    if not values.size:
        frame = replace(frame, height=min(frame.height, _EMPTY_CHANGE))
        say(sheet, panel(sheet, frame), frame, "no site was sampled twice: no change was observed")
        return
    axes = panel(sheet, frame)
    _head(sheet, frame, f"{name}: up at {100 * np.mean(values > 0):.0f} %", values, signed=True)
    edges = _edges(known_range(values, space=0.02), [values])
    axes.hist(values, edges, color=_CHANGE, ec="white", lw=0.4)
    low, high = min(edges[0], 0.0), max(edges[-1], 0.0)
    space = 0.03 * (high - low)
    axes.set_xlim(low - space, high + space)
    axes.axvline(0, color=MUTED, lw=1)
    axes.axvline(values.mean(), color=INK, lw=1.2, ls=(0, (4, 2)))
    label_x(sheet, frame, f"Change ({unit_text(unit)})")
    axes.margins(y=0.06)


def _head(sheet: Sheet, frame: Frame, name: str, values: np.ndarray, signed: bool = False) -> None:
    """Name, mean, SD and n, in two lines above a panel."""
    left, width = frame.left - 30, frame.width + 36
    name, size = fitted(sheet, name, width, "bold")
    caption(sheet, left, frame.top - 22, name, size=size, weight="bold", va="baseline")
    if not values.size:
        return
    # One site has a mean but no spread.
    spread = values.std(ddof=1) if values.size > 1 else np.nan
    text = f"mean {number(values.mean(), signed)}, SD {number(spread)}, n {values.size}"
    text, size = fitted(sheet, text, width)
    caption(sheet, left, frame.top - 7, text, size=size, color=MUTED, va="baseline")


def _known(values) -> np.ndarray:
    values = np.ravel(np.asarray(values, float))
    return values[np.isfinite(values)]


def _edges(limits: tuple[float, float] | None, groups: Sequence[np.ndarray]) -> np.ndarray:
    """Equal classes over all groups: as many as the square root of the largest group, 8 to 30."""
    low, high = limits or (0.0, 1.0)
    largest = max((np.isfinite(each).sum() for each in groups), default=0)
    return np.linspace(low, high, int(np.clip(np.sqrt(largest), 8, 30)) + 1)
