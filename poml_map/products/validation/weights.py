"""Scores of POML over w_p, and the weights that the default, nested folds and the curve itself name (Fig. 7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from poml_map.products.mapsheet import MARGIN
from poml_map.products.palette import INK, MUTED
from poml_map.products.sheet import Sheet, style, unit_text
from poml_map.products.validation.keys import Key, Keys
from poml_map.products.validation.looks import Look, series_look
from poml_map.products.validation.page import (
    HEADING,
    INNER,
    TEXT,
    TICKS_AND_LABEL,
    Frame,
    Page,
    caption,
    known_range,
    label_x,
    panel,
    say,
)

_TALL, _BETWEEN, _LEFT, _CHOICE_ROW = 118, 14, 50, 22
_TIME_WEIGHTS = {"constant": "the same weight in all years", "distance": "more weight far from campaigns"}
_DEFAULT = Look("default", INK, "o", (0, (4, 2)))
_NESTED = Look("nested folds choose", INK, "*")
_BEST = Look("best on the same folds (optimistic)", INK, "o")


def draw_weights(
    path,
    *,
    title: str,
    unit: str,
    curves: Mapping[str, Sequence[Mapping[str, float]]],
    chosen: Mapping[str, Sequence[float]] | None = None,
    nested: Mapping[str, Mapping[str, float]] | None = None,
    default: float = 0.5,
    subtitle: str = "",
    notes: Sequence[str] = (),
    dpi: int = 200,
) -> tuple[Path, Path]:
    """Write RMSE, CCC and, where there is one, RMSE of the change over w_p.

    Parameters
    ----------
    curves : mapping of str to sequence of mapping
        Time weight (``constant``, ``distance``) -> rows with ``w_p``, ``rmse``, ``ccc`` and maybe ``rmse_change``.
    chosen : mapping of str to sequence of float, optional
        Time weight -> w_p that each outer fold got from the other folds.
    nested : mapping of str to mapping, optional
        Time weight -> ``w_p`` (mean over folds), ``rmse``, ``ccc`` and maybe ``rmse_change`` of that choice.
    default : float
        The weight that is used unless a region file names another.
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
    tables = {name: _columns(rows) for name, rows in curves.items()}
    looks = {name: series_look(place, _TIME_WEIGHTS.get(name, name)) for place, name in enumerate(tables)}
    chosen = {name: list(chosen[name]) for name in tables if chosen and len(chosen.get(name, ()))}
    scores = [("rmse", f"RMSE ({unit_text(unit)})"), ("ccc", "CCC")]
    if any(np.isfinite(table["rmse_change"]).any() for table in tables.values()):
        scores.append(("rmse_change", f"RMSE of the change ({unit_text(unit)})"))
    with style():
        page = Page(title, subtitle, notes, dpi)
        keys = Keys(page.ruler, _key_entries(looks, bool(nested)))
        rows = (1 + len(chosen)) * _CHOICE_ROW if chosen else 0
        panels = len(scores) * (_TALL + HEADING + _BETWEEN) - _BETWEEN
        sheet = page.open(keys.height + panels + TICKS_AND_LABEL + 22 + rows)
        keys.draw(sheet, page.top)
        top = page.top + keys.height
        for place, (score, heading) in enumerate(scores):
            frame = Frame(MARGIN + _LEFT, top + HEADING, INNER - _LEFT - 8, _TALL)
            axes = panel(sheet, frame)
            caption(sheet, MARGIN, frame.top - 6, heading, weight="bold", va="baseline")
            _draw_score(sheet, axes, frame, score, tables, looks, nested or {}, default)
            last = place == len(scores) - 1
            axes.tick_params(labelbottom=last)
            top = frame.bottom + _BETWEEN
        label_x(sheet, frame, "Weight of the simulations, w_p")
        top = frame.bottom + TICKS_AND_LABEL
        _draw_ends(sheet, frame, top)
        _draw_chosen(sheet, frame, top + 20, chosen, looks)
        return page.save(path)


def _columns(rows: Sequence[Mapping[str, float]]) -> dict[str, np.ndarray]:
    rows = sorted(rows, key=lambda row: row["w_p"])
    names = ("w_p", "rmse", "ccc", "rmse_change")
    return {name: np.array([row.get(name, np.nan) for row in rows], float) for name in names}


def _key_entries(looks, nested: bool) -> list[Key]:
    entries = [Key("line+mark", look) for look in looks.values()]
    entries += [Key("mark", _NESTED)] if nested else []
    return [*entries, Key("hollow", _BEST), Key("rule", _DEFAULT)]


def _draw_score(sheet: Sheet, axes: Axes, frame: Frame, score, tables, looks, nested, default) -> None:
    named = [row.get(score, np.nan) for row in nested.values()]
    limits = known_range(*(table[score] for table in tables.values()), named, space=0.12)
    if limits is None:
        say(sheet, axes, frame, "undefined: nothing to score")
        axes.set(xlim=(-0.03, 1.03), xticks=np.linspace(0, 1, 11))
        return
    axes.axvline(default, color=_DEFAULT.color, lw=1, ls=_DEFAULT.dashes, zorder=1)
    for name, table in tables.items():
        look = looks[name]
        axes.plot(
            table["w_p"], table[score], color=look.color, ls=look.dashes, lw=1.8, marker=look.marker, ms=4.5,
            mec="white", mew=0.4, zorder=3,
        )  # fmt: skip
        if np.isfinite(table[score]).any():
            best = int((np.nanargmax if score == "ccc" else np.nanargmin)(table[score]))
            axes.plot(
                table["w_p"][best], table[score][best], "o", ms=11, mfc="none", mec=look.color, mew=1.4, zorder=4
            )  # fmt: skip
    for name, row in nested.items():
        if name in looks and score in row:
            axes.plot(
                row["w_p"], row[score], "*", ms=13, color=looks[name].color, mec="white", mew=0.7, zorder=5
            )  # fmt: skip
    axes.set(xlim=(-0.03, 1.03), ylim=limits, xticks=np.linspace(0, 1, 11))


def _draw_ends(sheet: Sheet, frame: Frame, top: float) -> None:
    """What the two ends of the axis mean."""
    caption(sheet, MARGIN, top - 17, "0: ML", color=MUTED)
    right = frame.left + frame.width + 8
    caption(sheet, right, top - 17, "1: simulations", color=MUTED, ha="right")


def _draw_chosen(sheet: Sheet, frame: Frame, top: float, chosen, looks) -> None:
    """On a line for each time weight: which w_p the outer folds were given, larger where more of them."""
    if not chosen:
        return
    caption(sheet, MARGIN, top - 6, "Chosen for each outer fold by the other folds", weight="bold")
    for row, (name, weights) in enumerate(chosen.items()):
        middle = top + (row + 1) * _CHOICE_ROW
        look = looks[name]
        sheet.paper.plot(
            [frame.left, frame.left + frame.width], [middle, middle], color="#e6e1dc", lw=0.8, zorder=1
        )
        for w_p, folds in Counter(round(float(each), 6) for each in weights).items():
            x = frame.left + frame.width * (w_p + 0.03) / 1.06
            sheet.paper.plot([x], [middle], look.marker, color=look.color, ms=8, mec="white", mew=0.5)
            if folds > 1:
                sheet.text(x + 8, middle, f"×{folds}", TEXT, va="center_baseline", zorder=9)
