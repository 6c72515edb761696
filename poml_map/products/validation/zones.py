"""Courses of zones such as counties (Fig. S2), and of the drivers (Fig. S4): small panels, many on a page."""

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
    TEXT,
    TICKS,
    Frame,
    Page,
    caption,
    fitted,
    frames,
    known_range,
    panel,
    say,
    year_axis,
)

_TALL, _COLUMNS, _GAP, _LEFT = 92, 3, 30, 34
# Drivers have a scale each, and so tick labels left of every panel. [layout pixel]
_DRIVER_LEFT, _DRIVER_GAP = 38, 50
#: Panels that a page holds.
MOST = 12
_OBSERVED = Look("observed mean", INK, "o")
_DRIVER = Look("mean", "#1f5fa8")
_RANGE = Look("10 to 90 %", "#1f5fa8")


def draw_zone_trends(
    path,
    *,
    title: str,
    unit: str,
    years,
    zones: Mapping[str, Mapping[str, np.ndarray]],
    observed: Mapping[str, tuple] | None = None,
    subtitle: str = "",
    notes: Sequence[str] = (),
    dpi: int = 200,
) -> tuple[Path, Path]:
    """Write the mean stock of each zone over the years, by model, on a common scale.

    Parameters
    ----------
    years : array_like of int, shape (Y,)
    zones : mapping of str to mapping of str to array_like, shape (Y,)
        Zone -> model -> mean stock. Sorted by name; of more than 12 zones those with most observations are drawn, and
        the page says how many are in the table alone. [unit]
    observed : mapping of str to (years, means, n), optional
        Zone -> campaigns, mean of their observations, and how many these are. [unit]
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
    observed = {} if observed is None else observed
    names = _chosen(zones, observed)
    models = list(dict.fromkeys(model for name in names for model in zones[name]))
    drawn = [np.asarray(each, float) for name in names for each in zones[name].values()]
    limits = known_range(*drawn, *(observed[name][1] for name in names if name in observed), space=0.06)
    with style():
        page = Page(title, subtitle, notes, dpi)
        entries = [Key("line", model_look(model)) for model in models]
        keys = Keys(page.ruler, [*entries, *([Key("mark", _OBSERVED)] if observed else [])])
        rows, row_gap = max(-(-len(names) // _COLUMNS), 1), HEADING + TICKS + 4
        more = 20 if len(zones) > len(names) else 0
        sheet = page.open(keys.height + 20 + rows * (_TALL + row_gap) + more)
        keys.draw(sheet, page.top)
        top = page.top + keys.height
        caption(sheet, MARGIN, top, f"Mean stock ({unit_text(unit)})", weight="bold")
        places = frames(
            max(len(names), 1), _COLUMNS, top + 20 + HEADING, _TALL, left=_LEFT, gap=_GAP, row_gap=row_gap
        )
        if not names:
            say(sheet, panel(sheet, places[0]), places[0], "no zone has a pixel")
        for place, name in zip(places, names, strict=False):
            _draw_zone(sheet, place, name, years, zones[name], observed.get(name), limits)
        if more:
            text = f"and {len(zones) - len(names)} more in the table; these have the most observations"
            caption(sheet, MARGIN, places[-1].bottom + TICKS + 8, text, color=MUTED)
        return page.save(path)


def _chosen(zones, observed) -> list[str]:
    """At most `MOST` names in alphabetical order: those with most observations."""

    def n(name):
        return int(np.nansum(observed[name][2])) if name in observed else 0

    return sorted(sorted(zones, key=lambda name: (-n(name), str(name)))[:MOST], key=str)


def _draw_zone(sheet: Sheet, frame: Frame, name, years, models, observed, limits) -> None:
    axes = panel(sheet, frame, str(name))
    if not any(np.isfinite(np.asarray(each, float)).any() for each in models.values()):
        say(sheet, axes, frame, "no pixel with a value")
        return
    # The first model is what the others are compared with: it lies on top.
    for place, (model, values) in enumerate(models.items()):
        look = model_look(model)
        axes.plot(
            years, np.asarray(values, float), color=look.color, lw=1.7, ls=look.dashes, zorder=3 - place / 10
        )
    if observed is not None:
        axes.plot(observed[0], observed[1], "o", color=INK, ms=5, mec="white", mew=0.6, zorder=5)
    axes.set_ylim(limits)
    axes.tick_params(labelleft=frame.left < MARGIN + _LEFT + 1)  # the scale is the same for all
    year_axis(axes, frame, years)


def draw_drivers(
    path,
    *,
    title: str,
    years,
    drivers: Mapping[str, tuple],
    subtitle: str = "",
    notes: Sequence[str] = (),
    dpi: int = 200,
) -> tuple[Path, Path]:
    """Write what drives the models, over the years: mean and middle 80 % over sites or pixels.

    Parameters
    ----------
    years : array_like of int, shape (Y,)
    drivers : mapping of str to (unit, long_name, mean, q10, q90)
        Short name -> its unit, what it is, and three array_like of shape (Y,). NaN leaves a gap.
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
    with style():
        page = Page(title, subtitle, notes, dpi)
        keys = Keys(page.ruler, [Key("line", _DRIVER), Key("band", _RANGE)])
        columns = min(_COLUMNS, max(len(drivers), 2))
        room = frames(1, columns, 0, 0, left=_DRIVER_LEFT, gap=_DRIVER_GAP)[0].width + _DRIVER_LEFT + 4
        heads = {name: _driver_lines(page.ruler, name, each, room) for name, each in drivers.items()}
        tallest = max((len(lines) for lines in heads.values()), default=1)
        heading = 15 * tallest + 8
        rows, row_gap = max(-(-len(drivers) // columns), 1), heading + TICKS + 6
        sheet = page.open(keys.height + rows * (_TALL + row_gap))
        keys.draw(sheet, page.top)
        places = frames(
            max(len(drivers), 1),
            columns,
            page.top + keys.height + heading,
            _TALL,
            left=_DRIVER_LEFT,
            gap=_DRIVER_GAP,
            row_gap=row_gap,
        )
        if not drivers:
            say(sheet, panel(sheet, places[0]), places[0], "no driver changes over the years")
        for place, (name, each) in zip(places, drivers.items(), strict=False):
            _draw_driver(sheet, place, heads[name], years, *each[2:])
        return page.save(path)


def _driver_lines(ruler: Sheet, name: str, driver: tuple, width: float) -> list[str]:
    """What the driver is, in at most three lines, and its unit."""
    unit, long_name = driver[:2]
    long_name = long_name or name
    lines = ruler.wrap(long_name[:1].upper() + long_name[1:], TEXT, width, "bold")
    lines = [*lines[:2], " ".join(lines[2:])] if len(lines) > 3 else lines
    unit = unit_text(unit).replace("degC", "°C")
    return [*lines, f"{name} ({unit if unit and unit != '1' else '–'})"]


def _draw_driver(sheet: Sheet, frame: Frame, lines, years, mean, low, high) -> None:
    axes = panel(sheet, frame)
    for row, line in enumerate(reversed(lines)):
        weight, color = ("normal", MUTED) if row == 0 else ("bold", INK)
        line, size = fitted(sheet, line, frame.width + _DRIVER_LEFT + 6, weight)
        caption(
            sheet, frame.left - _DRIVER_LEFT, frame.top - 7 - 15 * row, line, size=size, weight=weight, color=color,
            va="baseline",
        )  # fmt: skip
    mean, low, high = (np.asarray(each, float) for each in (mean, low, high))
    limits = known_range(mean, low, high)
    if limits is None:
        say(sheet, axes, frame, "no value in any year")
        return
    axes.fill_between(years, low, high, color=_RANGE.color, alpha=0.28, lw=0)
    axes.plot(years, mean, color=_DRIVER.color, lw=1.8, marker="o" if len(mean) < 3 else None, ms=4)
    axes.set_ylim(limits)
    year_axis(axes, frame, years)
