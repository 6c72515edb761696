"""Stocks over the years: mean and spread over the sites (Fig. 6 of the paper)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from poml_map.products.mapsheet import MARGIN
from poml_map.products.palette import INK, MUTED
from poml_map.products.sheet import Sheet, style, unit_text
from poml_map.products.validation.keys import Key, Keys
from poml_map.products.validation.looks import Look, model_look
from poml_map.products.validation.page import (
    HEADING,
    TICKS,
    Frame,
    Page,
    caption,
    frames,
    head_model,
    known_range,
    panel,
    say,
    year_axis,
)

_TALL, _MOST_COLUMNS = 180, 3
_BAND, _OBSERVED = Look("mean over sites ± 1 SD", MUTED), Look("observed, mean ± SD", INK, "o")


def draw_time(
    path,
    *,
    title: str,
    unit: str,
    years,
    models: Mapping[str, tuple],
    observed: tuple,
    subtitle: str = "",
    notes: Sequence[str] = (),
    dpi: int = 200,
) -> tuple[Path, Path]:
    """Write the mean over sites and the band of one SD, one panel for each model, on a common scale.

    Parameters
    ----------
    years : array_like of int, shape (Y,)
    models : mapping of str to (mean, sd), each array_like, shape (Y,)
        NaN leaves a gap. [unit]
    observed : tuple of (years, mean, sd, n), each array_like, shape (k,)
        Of the campaigns. [unit]
    path, title, unit, subtitle, notes, dpi
        As in `draw_histograms`.

    Returns
    -------
    tuple of Path
        PNG and SVG.

    Raises
    ------
    ValueError
        If a model has not one mean and one SD for each year.
    ResourceError
        If a file cannot be written whole.
    """
    years = np.asarray(years)
    models = {name: _checked(name, years, *each) for name, each in models.items()}
    observed = tuple(np.asarray(each, float) for each in observed)
    limits = _limits(models, observed)
    columns = min(len(models), _MOST_COLUMNS) if len(models) != 4 else 2
    rows = -(-len(models) // columns)
    with style():
        page = Page(title, subtitle, notes, dpi)
        keys = Keys(page.ruler, [Key("band+line", _BAND), Key("error", _OBSERVED)])
        row_gap = HEADING + TICKS + 10
        sheet = page.open(keys.height + 22 + rows * (_TALL + row_gap))
        keys.draw(sheet, page.top)
        top = page.top + keys.height
        caption(sheet, MARGIN, top, f"Stock ({unit_text(unit)})", weight="bold")
        places = frames(len(models), columns, top + 22 + HEADING, _TALL, left=34, gap=30, row_gap=row_gap)
        for place, (name, (mean, spread)) in enumerate(models.items()):
            _draw_model(sheet, places[place], name, years, mean, spread, observed, limits)
        return page.save(path)


def _checked(name: str, years, mean, spread) -> tuple[np.ndarray, np.ndarray]:
    mean, spread = np.asarray(mean, float), np.asarray(spread, float)
    if not mean.shape == spread.shape == years.shape:
        raise ValueError(
            f"models[{name!r}]: mean of shape {mean.shape} and SD of {spread.shape}, expected {years.shape}, one of "
            "each for each year."
        )
    return mean, spread


def _limits(models, observed) -> tuple[float, float]:
    ends = [mean + sign * np.nan_to_num(spread) for mean, spread in models.values() for sign in (-1, 1)]
    ends += [observed[1] + sign * np.nan_to_num(observed[2]) for sign in (-1, 1)]
    return known_range(*ends, space=0.05) or (0.0, 1.0)


def _draw_model(sheet: Sheet, frame: Frame, name, years, mean, spread, observed, limits) -> None:
    look, axes = model_look(name), panel(sheet, frame)
    head_model(sheet, frame, frame.top - 7, name)
    if not np.isfinite(mean).any():
        say(sheet, axes, frame, "no prediction in any year")
        return
    axes.fill_between(years, mean - spread, mean + spread, color=look.color, alpha=0.28, lw=0)
    axes.plot(years, mean, color=look.color, lw=2)
    alone = np.isfinite(mean) & ~_has_neighbour(mean)
    axes.plot(years[alone], mean[alone], look.marker, color=look.color, ms=4.5)
    at, middle, sd, _ = observed
    axes.errorbar(
        at, middle, np.nan_to_num(sd), fmt="o", color=INK, ms=5.5, mec="white", mew=0.7, elinewidth=1.3,
        capsize=0, zorder=5,
    )  # fmt: skip
    axes.set_ylim(limits)
    year_axis(axes, frame, [*years, *at])
    axes.tick_params(labelleft=frame.left < MARGIN + 60)


def _has_neighbour(values: np.ndarray) -> np.ndarray:
    """Whether a line joins a value to the one before or after it."""
    known = np.r_[False, np.isfinite(values), False]
    return known[:-2] | known[2:]
