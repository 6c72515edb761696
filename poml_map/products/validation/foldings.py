"""Scores by folding, and how far each folding predicts: which score speaks for the map?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from poml_map.products.mapsheet import MARGIN
from poml_map.products.palette import MUTED
from poml_map.products.sheet import Sheet, style, unit_text
from poml_map.products.validation.keys import Key, Keys
from poml_map.products.validation.looks import model_look, model_name, series_look
from poml_map.products.validation.page import (
    HEADING,
    INNER,
    TEXT,
    TICKS_AND_LABEL,
    Frame,
    Page,
    caption,
    fixed,
    known_range,
    label_x,
    panel,
    say,
)

_ROW, _LINE, _AFTER, _TALL = 20, 15, 12, 230
# Beyond this share of all distances the curves are flat and the axis ends. [%]
_ENOUGH = 99


def draw_folding_scores(
    path,
    *,
    title: str,
    unit: str,
    rows: Sequence[Mapping],
    subtitle: str = "",
    notes: Sequence[str] = (),
    dpi: int = 200,
) -> tuple[Path, Path]:
    """Write the RMSE of each model under each folding, with the question that the folding answers.

    Parameters
    ----------
    rows : sequence of mapping
        ``folding``, ``question`` (what its score tells), ``model``, ``rmse``, and maybe ``low`` and ``high`` of an
        interval. In the order in which they come; a model with an RMSE of NaN is named without a mark. [unit]
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
        groups.setdefault(str(row["folding"]), []).append(row)
    limits = known_range(*([row["rmse"], *_ends(row)] for row in rows), space=0.06)
    with style():
        page = Page(title, subtitle, notes, dpi)
        asked = {
            name: page.ruler.wrap(str(group[0].get("question", "")), TEXT, INNER - 8)
            for name, group in groups.items()
        }
        asked = {name: [line for line in lines if line] for name, lines in asked.items()}
        tall = {
            name: _LINE * (len(asked[name]) + 1) + 7 + _ROW * len(groups[name]) + _AFTER for name in groups
        }
        height = max(sum(tall.values()), 60)
        names = {model_name(row["model"]) for row in rows}
        left = max((page.ruler.text_width(name, TEXT) for name in names), default=40) + 34
        right = page.ruler.text_width(fixed(12.34, unit), TEXT) + 14
        sheet = page.open(height + TICKS_AND_LABEL)
        frame = Frame(MARGIN + left, page.top, INNER - left - right, height)
        axes = panel(sheet, frame, grid="x")
        if limits is None:
            say(sheet, axes, frame, "no folding has a score")
            return page.save(path)
        axes.set(xlim=limits, ylim=(height, 0), yticks=[])
        axes.spines["left"].set_visible(False)
        at = 0.0
        for name, group in groups.items():
            _draw_folding(sheet, axes, frame, at, name, asked[name], group, unit)
            at += tall[name]
        label_x(sheet, frame, f"RMSE at held-out observations ({unit_text(unit)})")
        return page.save(path)


def _ends(row: Mapping) -> tuple[float, float]:
    return float(row.get("low", np.nan)), float(row.get("high", np.nan))


def _draw_folding(sheet: Sheet, axes: Axes, frame: Frame, at, name, question, group, unit) -> None:
    top = frame.top + at
    # Words lie on white, over the lines of the grid.
    axes.axhspan(at, at + _LINE * (len(question) + 1) + 6, color="white", lw=0, zorder=1.5)
    caption(sheet, MARGIN, top, name, weight="bold")
    for number, line in enumerate(question):
        caption(sheet, MARGIN, top + _LINE * (number + 1), line, color=MUTED)
    at += _LINE * (len(question) + 1) + 7
    for number, row in enumerate(group):
        middle = at + _ROW * (number + 0.5)
        look, (low, high) = model_look(row["model"]), _ends(row)
        y = frame.top + middle
        sheet.paper.plot([MARGIN + 10], [y], look.marker, color=look.color, ms=6.5, mec="white", mew=0.4)
        caption(sheet, MARGIN + 22, y, look.name, va="center_baseline")
        caption(
            sheet, MARGIN + INNER, y, fixed(row["rmse"], unit), ha="right", va="center_baseline",
)  # fmt: skip
        if np.isfinite([low, high]).all():
            axes.hlines(middle, low, high, color=look.color, lw=1.8, zorder=2)
        axes.plot(row["rmse"], middle, look.marker, color=look.color, ms=7.5, mec="white", mew=0.6, zorder=3)


def draw_distances(
    path,
    *,
    title: str,
    curves: Mapping[str, np.ndarray],
    subtitle: str = "",
    notes: Sequence[str] = (),
    dpi: int = 200,
) -> tuple[Path, Path]:
    """Write the cumulative distribution of nearest-neighbour distances: of the map to the sites, and of each folding.

    Parameters
    ----------
    curves : mapping of str to array_like
        Label -> distances. The first is what the others should match, and is drawn as an area. NaN is left out. [m]
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
    known = {name: np.sort(_finite(values)) / 1000 for name, values in curves.items()}
    with style():
        page = Page(title, subtitle, notes, dpi)
        names = {name if len(values) else f"{name}: no distance": values for name, values in known.items()}
        looks = {name: series_look(max(place - 1, 0), name) for place, name in enumerate(names)}
        entries = [Key("line" if place else "band", look) for place, look in enumerate(looks.values())]
        if entries:
            first = next(iter(looks))
            looks[first] = type(looks[first])(first, MUTED)
            entries[0] = Key("band+line", looks[first])
        keys = Keys(page.ruler, entries)
        sheet = page.open(keys.height + HEADING + _TALL + TICKS_AND_LABEL)
        keys.draw(sheet, page.top)
        frame = Frame(MARGIN + 34, page.top + keys.height + HEADING, INNER - 40, _TALL)
        axes = panel(sheet, frame)
        caption(sheet, MARGIN, frame.top - 7, "Share that lies nearer (%)", weight="bold", va="baseline")
        drawn = [values for values in names.values() if len(values)]
        if not drawn:
            say(sheet, axes, frame, "no distances: there are no two sites")
            return page.save(path)
        end = max(max(np.percentile(values, _ENOUGH) for values in drawn), 0.1)
        for place, (name, values) in enumerate(names.items()):
            _draw_curve(axes, values, looks[name], end, area=place == 0)
        axes.set(xlim=(0, end), ylim=(0, 101))
        label_x(sheet, frame, "Distance to the nearest site to predict from (km)")
        return page.save(path)


def _finite(values) -> np.ndarray:
    values = np.ravel(np.asarray(values, float))
    return values[np.isfinite(values)]


def _draw_curve(axes: Axes, values: np.ndarray, look, end: float, area: bool) -> None:
    """Share of `values` up to each distance, at 400 of them: as many as can be told apart."""
    if not len(values):
        return
    at = np.linspace(0, end, 401)
    share = 100 * np.searchsorted(values, at, side="right") / len(values)
    if area:
        axes.fill_between(at, share, color=look.color, alpha=0.28, lw=0, zorder=1)
    axes.plot(at, share, color=look.color, ls=look.dashes, lw=1.9, zorder=3)
