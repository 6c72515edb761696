"""Errors against a known truth, over all pixels and in every year: what no real region can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from poml_map.products.mapsheet import MARGIN
from poml_map.products.palette import NODATA_COLOR
from poml_map.products.sheet import style, unit_text
from poml_map.products.validation.keys import Key, Keys
from poml_map.products.validation.looks import Look, model_look, model_name
from poml_map.products.validation.page import (
    HEADING,
    INNER,
    TICKS,
    Frame,
    Page,
    caption,
    known_range,
    panel,
    say,
    year_axis,
)

_TALL, _LEFT = 230, 44
_SAMPLED = Look("sampled year", NODATA_COLOR)


def draw_truth(
    path,
    *,
    title: str,
    unit: str,
    years,
    models: Mapping[str, np.ndarray],
    sampled: Sequence[int] = (),
    ranges: Mapping[str, tuple] | None = None,
    what: str = "RMSE of all pixels",
    subtitle: str = "",
    notes: Sequence[str] = (),
    dpi: int = 200,
) -> tuple[Path, Path]:
    """Write the error of each model against the truth by year.

    Parameters
    ----------
    years : array_like of int, shape (Y,)
    models : mapping of str to array_like, shape (Y,)
        RMSE; NaN leaves a gap, a model of NaN alone is named as one without an error. [unit]
    sampled : sequence of int
        Years with observations.
    ranges : mapping of str to (low, high), each array_like, shape (Y,), optional
        Such as least and largest over seeds. [unit]
    what : str
        What the axis measures, without its unit.
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
    years, ranges = np.asarray(years), ranges or {}
    tables = {name: np.asarray(values, float) for name, values in models.items()}
    limits = known_range(*tables.values(), *(end for both in ranges.values() for end in both), space=0.07)
    with style():
        page = Page(title, subtitle, notes, dpi)
        entries = [Key("line+mark", _named(name, values)) for name, values in tables.items()]
        keys = Keys(page.ruler, [*entries, *([Key("bar", _SAMPLED)] if len(sampled) else [])])
        sheet = page.open(keys.height + HEADING + _TALL + TICKS + 8)
        keys.draw(sheet, page.top)
        frame = Frame(MARGIN + _LEFT, page.top + keys.height + HEADING, INNER - _LEFT - 12, _TALL)
        axes = panel(sheet, frame)
        caption(sheet, MARGIN, frame.top - 7, f"{what} ({unit_text(unit)})", weight="bold", va="baseline")
        if limits is None:
            say(sheet, axes, frame, "no year has both a map and a truth")
            return page.save(path)
        half = 0.006 * max(np.ptp(years), 1)
        for year in sampled:
            axes.axvspan(year - half, year + half, color=NODATA_COLOR, lw=0, zorder=0.5)
        for place, (name, values) in enumerate(tables.items()):
            look, depth = model_look(name), 4 - place / 10
            if name in ranges:
                axes.fill_between(years, *ranges[name], color=look.color, alpha=0.18, lw=0, zorder=1)
            axes.plot(
                years, values, color=look.color, ls=look.dashes, lw=1.9, marker=look.marker, ms=4.5,
                mec="white", mew=0.4, zorder=depth,
            )  # fmt: skip
        axes.set_ylim(limits)
        year_axis(axes, frame, years)
        return page.save(path)


def _named(model: str, values: np.ndarray) -> Look:
    look = model_look(model)
    if np.isfinite(values).any():
        return look
    return Look(f"{model_name(model)} (no error known)", look.color, look.marker, look.dashes)
