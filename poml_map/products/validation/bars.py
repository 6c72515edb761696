"""Importance of covariates, and differences between models: horizontal panels with one row for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from poml_map.products.mapsheet import MARGIN
from poml_map.products.palette import INK, MUTED
from poml_map.products.sheet import Sheet, style, unit_text
from poml_map.products.validation.keys import Key, Keys
from poml_map.products.validation.looks import Look, model_look, model_name
from poml_map.products.validation.page import (
    INNER,
    LINE,
    PALE,
    TEXT,
    TICKS_AND_LABEL,
    Frame,
    Page,
    caption,
    fitted,
    fixed,
    known_range,
    label_x,
    panel,
    say,
)

_MOST_NAMES, _BAR, _BETWEEN = 25, 11, 10
# Of covariates: widest name, and from one line of it to the next. [layout pixel]
_NAME_ROOM, _NAME_LINE = 175, 13.5
_TARGETS = {
    "t1": "first campaigns",
    "t2": "later campaigns",
    "pooled": "all campaigns",
    "change": "the change",
}
_ROW, _GROUP = 21, 24
_SURE, _UNSURE = Look("interval without zero", INK), Look("these sites cannot tell", INK)


def draw_importance(
    path,
    *,
    title: str,
    names: Sequence[str],
    models: Mapping[str, tuple],
    what: str,
    subtitle: str = "",
    notes: Sequence[str] = (),
    dpi: int = 200,
) -> tuple[Path, Path]:
    """Write the importance of each covariate to each forest, the most important on top.

    Parameters
    ----------
    names : sequence of str, length F
    models : mapping of str to (mean, sd), each array_like, shape (F,)
        Over folds and repeats. Sorted by the first model; NaN is left out.
    what : str
        What the axis measures, with its unit.
    path, title, subtitle, notes, dpi
        As in `draw_histograms`.

    Returns
    -------
    tuple of Path
        PNG and SVG.

    Raises
    ------
    ResourceError
        If a file cannot be written whole.
    """
    tables = {
        name: tuple(np.asarray(each, float) for each in table)
        for name, table in models.items()
        if np.isfinite(np.asarray(table[0], float)).any()
    }
    order = np.argsort(-np.nan_to_num(next(iter(tables.values()))[0], nan=-np.inf)) if tables else []
    shown = list(order[:_MOST_NAMES])
    with style():
        page = Page(title, subtitle, notes, dpi)
        spread = Look("± SD over folds", INK)
        keys = Keys(page.ruler, [*(Key("bar", model_look(name)) for name in tables), Key("rule", spread)])
        step = _BAR * max(len(tables), 1) + _BETWEEN
        room, labels = _name_lines(page.ruler, [str(names[place]) for place in shown], int(step / _NAME_LINE))
        height = max(step * len(shown), 60)
        more = 20 if len(names) > len(shown) and tables else 0
        below = TICKS_AND_LABEL + LINE * (len(page.ruler.wrap(what, TEXT, INNER)) - 1)
        sheet = page.open(keys.height + height + below + more + 8)
        keys.draw(sheet, page.top)
        frame = Frame(MARGIN + room, page.top + keys.height, INNER - room - 10, height)
        axes = panel(sheet, frame, grid="x")
        if not tables:
            say(sheet, axes, frame, "no held-out observation to ask")
            return page.save(path)
        _draw_bars(axes, step, shown, tables)
        for row, lines in enumerate(labels):
            middle = frame.top + step * (row + 0.5)
            for number, (text, size) in enumerate(lines):
                y = middle + _NAME_LINE * (number - (len(lines) - 1) / 2)
                caption(sheet, frame.left - 6, y, text, ha="right", va="center_baseline", size=size)
        label_x(sheet, frame, what)
        if more:
            text = f"and {len(names) - len(shown)} less important ones in the table"
            caption(sheet, MARGIN, frame.bottom + below, text, color=MUTED)
        return page.save(path)


def _name_lines(ruler: Sheet, names: Sequence[str], most: int) -> tuple[float, list[list[tuple[str, float]]]]:
    """Room for the names at the left, and each name in at most so many lines, with their sizes."""
    wrapped = [ruler.wrap(name, TEXT, _NAME_ROOM) for name in names]
    lines = [
        [*each[: most - 1], " ".join(each[most - 1 :])] if len(each) > most else each for each in wrapped
    ]
    sized = [[fitted(ruler, text, _NAME_ROOM) for text in each] for each in lines]
    widest = max((ruler.text_width(*line) for each in sized for line in each), default=30)
    return widest + 10, sized


def _draw_bars(axes: Axes, step: float, shown, tables) -> None:
    axes.axvline(0, color=MUTED, lw=0.8, zorder=1)
    for number, (name, (mean, spread)) in enumerate(tables.items()):
        centres = step * np.arange(len(shown)) + _BETWEEN / 2 + _BAR * (number + 0.5)
        values, sd = mean[shown], np.nan_to_num(spread[shown])
        axes.barh(centres, values, height=_BAR - 1, color=model_look(name).color, zorder=2)
        axes.hlines(centres, values - sd, values + sd, color=INK, lw=1.1, zorder=3)
    ends = [mean[shown] + sign * np.nan_to_num(sd[shown]) for mean, sd in tables.values() for sign in (-1, 1)]
    axes.set(ylim=(step * len(shown), 0), xlim=known_range([0], *ends, space=0.04), yticks=[])
    axes.spines["left"].set_visible(False)


def draw_differences(
    path,
    *,
    title: str,
    unit: str,
    rows: Sequence[Mapping],
    subtitle: str = "",
    notes: Sequence[str] = (),
    dpi: int = 200,
) -> tuple[Path, Path]:
    """Write differences of RMSE between models with their bootstrap intervals, grouped by what was predicted.

    Parameters
    ----------
    rows : sequence of mapping
        ``model_a``, ``model_b``, ``target`` (``t1``, ``t2``, ``pooled``, ``change`` or other words), ``difference`` (a
        minus b), ``low`` and ``high`` of its 95 % interval. A difference of NaN is left out. [unit]
    path, title, unit, subtitle, notes, dpi
        As in `draw_histograms`.

    Returns
    -------
    tuple of Path
        PNG and SVG.

    Raises
    ------
    ResourceError
        If a file cannot be written whole.
    """
    groups: dict[str, list] = {}
    for row in rows:
        if np.isfinite(row["difference"]):
            groups.setdefault(str(row["target"]), []).append(row)
    order = [
        *(name for name in _TARGETS if name in groups),
        *(name for name in groups if name not in _TARGETS),
    ]
    with style():
        page = Page(title, subtitle, notes, dpi)
        keys = Keys(page.ruler, [Key("mark", _SURE), Key("hollow", _UNSURE)])
        height = max(sum(_GROUP + _ROW * len(groups[name]) for name in order), 60) + 6
        sheet = page.open(keys.height + 22 + height + TICKS_AND_LABEL)
        keys.draw(sheet, page.top)
        labels = [_pair(row) for name in order for row in groups[name]]
        left = max((page.ruler.text_width(text, TEXT) for text in labels), default=60) + 14
        right = max((page.ruler.text_width(fixed(-1.2, unit, True), TEXT), 40)) + 12
        frame = Frame(MARGIN + left, page.top + keys.height + 22, INNER - left - right, height)
        axes = panel(sheet, frame, grid="x")
        if not order:
            say(sheet, axes, frame, "no two models predict the same held-out observations")
            return page.save(path)
        _draw_forest(sheet, axes, frame, groups, order, unit)
        label_x(sheet, frame, f"Difference of RMSE ({unit_text(unit)}), 95 % interval")
        return page.save(path)


def _pair(row: Mapping) -> str:
    return f"{model_name(row['model_a'], short=True)} – {model_name(row['model_b'], short=True)}"


def _draw_forest(sheet: Sheet, axes: Axes, frame: Frame, groups, order, unit: str) -> None:
    rows = [row for name in order for row in groups[name]]
    limits = known_range([0], *([row["difference"], row["low"], row["high"]] for row in rows), space=0.06)
    axes.set(xlim=limits, ylim=(frame.height, 0), yticks=[])
    axes.spines["left"].set_visible(False)
    zero = frame.left + frame.width * (0 - limits[0]) / (limits[1] - limits[0])
    axes.axvline(0, color=INK, lw=1.1, zorder=2)
    _name_sides(sheet, frame, zero)
    at = 0.0
    for name in order:
        heading = f"RMSE of {_TARGETS[name]}" if name in _TARGETS else name
        _draw_band(axes, frame, at + 3, _GROUP - 6)
        caption(sheet, MARGIN, frame.top + at + _GROUP / 2, heading, weight="bold", va="center_baseline")
        at += _GROUP
        for row in groups[name]:
            _draw_row(sheet, axes, frame, at + _ROW / 2, row, unit)
            at += _ROW


def _draw_band(axes: Axes, frame: Frame, at: float, height: float) -> None:
    """A pale strip over the width of the page, behind a heading."""
    start = (MARGIN - frame.left) / frame.width
    strip = Rectangle(
        (start, at), INNER / frame.width, height, transform=axes.get_yaxis_transform(), fc=PALE, ec="none",
        clip_on=False, zorder=1.5,
    )  # fmt: skip
    axes.add_patch(strip)


def _name_sides(sheet: Sheet, frame: Frame, zero: float) -> None:
    """Which model is better on either side of zero, where there is room for the words."""
    for words, end, align, left, right in (
        ("← first is better", -6, "right", MARGIN, zero),
        ("second is better →", 6, "left", zero, MARGIN + INNER),
    ):
        size = sheet.largest(words, TEXT, max(right - left - 8, 1), "bold")
        if size >= 0.85 * TEXT:
            sheet.text(
                zero + end, frame.top - 6, words, size, ha=align, va="baseline", weight="bold", color=MUTED
            )


def _draw_row(sheet: Sheet, axes: Axes, frame: Frame, at: float, row: Mapping, unit: str) -> None:
    low, high, difference = row["low"], row["high"], row["difference"]
    sure = bool(np.isfinite([low, high]).all() and (high < 0 or low > 0))
    # The colour is that of the better model; grey where the sites cannot tell.
    better = row["model_a"] if difference < 0 else row["model_b"]
    color = model_look(better).color if sure else MUTED
    if np.isfinite([low, high]).all():
        axes.hlines(at, low, high, color=color, lw=1.9, zorder=3)
    axes.plot(
        difference, at, "o", color=color, ms=7, mfc=color if sure else "white", mec=color, mew=1.4, zorder=4
    )
    words = _pair(row)
    caption(sheet, MARGIN + 4, frame.top + at, words, va="center_baseline")
    text = fixed(difference, unit, signed=True)
    caption(
        sheet, MARGIN + INNER, frame.top + at, text, va="center_baseline", ha="right",
        weight="bold" if sure else "normal", color=INK if sure else MUTED,
    )  # fmt: skip
