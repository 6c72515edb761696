"""Do prediction intervals hold what they promise? Coverage over level, PIT histogram, and how wide they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from poml_map.products.palette import INK, MUTED
from poml_map.products.sheet import Sheet, style, unit_text
from poml_map.products.validation.keys import Key, Keys
from poml_map.products.validation.looks import Look, series_look
from poml_map.products.validation.page import (
    HEADING,
    TICKS_AND_LABEL,
    Frame,
    Page,
    caption,
    frames,
    known_range,
    label_x,
    panel,
    say,
)

_LEFT, _GAP, _WIDTH_TALL, _ROW_GAP, _APART = 34, 52, 110, 12, 22
# Of a normal distribution: 95 % of samples lie within so many standard errors.
_SURE = 1.96
_BAND = Look("where even shares scatter (95 %)", MUTED)
_PIT = "#6d9fd3"


def draw_intervals(
    path,
    *,
    title: str,
    unit: str,
    coverage: Mapping[str, Sequence[Mapping[str, float]]],
    pit: Sequence[float] | None = None,
    subtitle: str = "",
    notes: Sequence[str] = (),
    dpi: int = 200,
) -> tuple[Path, Path]:
    """Write the share of values inside their intervals over the nominal level, the PIT histogram, and widths.

    Parameters
    ----------
    coverage : mapping of str to sequence of mapping
        What was covered, such as held-out observations -> rows with ``level`` and ``picp`` [1], ``n``, and maybe
        ``mean_width`` [unit]. Bars at the points are 95 % ranges of a share of `n` independent values.
    pit : sequence of int, optional
        Counts of the probability integral transform in equal classes from 0 to 1, of the first of `coverage`.
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
    tables = {name: _columns(rows) for name, rows in coverage.items()}
    looks = {name: series_look(place, name) for place, name in enumerate(tables)}
    with_width = any(np.isfinite(table["mean_width"]).any() for table in tables.values())
    with style():
        page = Page(title, subtitle, notes, dpi)
        keys = Keys(page.ruler, [*(Key("line+mark", look) for look in looks.values()), Key("band", _BAND)])
        side = frames(1, 2, 0, 0, left=_LEFT, gap=_GAP)[0].width
        below = HEADING + _ROW_GAP + _WIDTH_TALL + TICKS_AND_LABEL if with_width else 0
        sheet = page.open(keys.height + HEADING + side + TICKS_AND_LABEL + below + 4)
        keys.draw(sheet, page.top)
        first, second = frames(2, 2, page.top + keys.height + HEADING, side, left=_LEFT, gap=_GAP)
        _draw_coverage(sheet, first, tables, looks)
        _draw_pit(sheet, second, pit)
        if with_width:
            top = first.bottom + TICKS_AND_LABEL + _ROW_GAP + HEADING
            wide = Frame(first.left, top, second.left + side - first.left, _WIDTH_TALL)
            _draw_width(sheet, wide, tables, looks, unit)
        return page.save(path)


def _columns(rows) -> dict[str, np.ndarray]:
    rows = sorted(rows, key=lambda row: row["level"])
    return {
        name: np.array([row.get(name, np.nan) for row in rows], float)
        for name in ("level", "picp", "n", "mean_width")
    }


def _head(sheet: Sheet, frame: Frame, text: str) -> None:
    caption(sheet, frame.left - _LEFT, frame.top - 7, text, weight="bold", va="baseline")


def _level_axis(sheet: Sheet, axes: Axes, frame: Frame, tables) -> None:
    """Ticks at the levels themselves, without those that stand too close to a lower one."""
    levels = 100 * np.unique(np.concatenate([table["level"] for table in tables.values()]))
    low = levels[0] - 0.08 * (100 - levels[0]) - 1
    axes.set_xlim(low, 100)
    apart = [levels[0]]
    for level in levels[1:]:
        if (level - apart[-1]) * frame.width / (100 - low) >= _APART:
            apart.append(level)
    axes.set_xticks(apart, [f"{level:g}" for level in apart])
    label_x(sheet, frame, "Nominal level (%)")


def _draw_coverage(sheet: Sheet, frame: Frame, tables, looks) -> None:
    axes = panel(sheet, frame, grid="both")
    _head(sheet, frame, "a Inside the interval (%)")
    known = {name: table for name, table in tables.items() if np.isfinite(table["picp"]).any()}
    if not known:
        say(sheet, axes, frame, "no value has an interval")
        return
    _level_axis(sheet, axes, frame, known)
    axes.plot([0, 100], [0, 100], color=INK, lw=1.1, zorder=2)
    ends = []
    for name, table in known.items():
        level, picp, look = 100 * table["level"], 100 * table["picp"], looks[name]
        error = 100 * _SURE * np.sqrt(table["picp"] * (1 - table["picp"]) / np.maximum(table["n"], 1))
        axes.vlines(level, picp - error, picp + error, color=look.color, lw=1.2, zorder=3)
        axes.plot(
            level, picp, color=look.color, ls=look.dashes, lw=1.5, marker=look.marker, ms=6, mec="white",
            mew=0.5, zorder=4,
        )  # fmt: skip
        ends += [picp - np.nan_to_num(error), picp + np.nan_to_num(error)]
    low = min(known_range(*ends)[0], axes.get_xlim()[0])
    axes.set_ylim(max(low, -2), 101)


def _draw_pit(sheet: Sheet, frame: Frame, pit) -> None:
    axes, counts = panel(sheet, frame), np.asarray([] if pit is None else pit, float)
    _head(sheet, frame, "b Share of values (%)")
    total = np.nansum(counts)
    if not total > 0:
        say(sheet, axes, frame, "no value has a predicted distribution")
        return
    edges, expected = np.linspace(0, 1, len(counts) + 1), 1 / len(counts)
    error = _SURE * np.sqrt(expected * (1 - expected) / total)
    axes.bar(
        edges[:-1], 100 * counts / total, np.diff(edges), align="edge", color=_PIT, ec="white", lw=0.8, zorder=2
    )  # fmt: skip
    axes.axhspan(
        100 * (expected - error), 100 * (expected + error), color=MUTED, alpha=0.28, lw=0, zorder=2.5
    )
    axes.axhline(100 * expected, color=INK, lw=1.1, zorder=3)
    axes.set(xlim=(0, 1), xticks=[0, 0.25, 0.5, 0.75, 1])
    axes.set_xticklabels(["0", "0.25", "0.5", "0.75", "1"])
    axes.set_ylim(0, 1.08 * 100 * max((counts / total).max(), expected + error))
    label_x(sheet, frame, "Place in its distribution")


def _draw_width(sheet: Sheet, frame: Frame, tables, looks, unit: str) -> None:
    axes = panel(sheet, frame)
    _head(sheet, frame, f"c Mean width of the interval ({unit_text(unit)})")
    for name, table in tables.items():
        look = looks[name]
        axes.plot(
            100 * table["level"], table["mean_width"], color=look.color, ls=look.dashes, lw=1.5,
            marker=look.marker, ms=6, mec="white", mew=0.5,
        )  # fmt: skip
    _, high = known_range(*(table["mean_width"] for table in tables.values()))
    axes.set_ylim(0, high)
    _level_axis(sheet, axes, frame, tables)
