"""Where and when a forest has training rows that are anything like a pixel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.colors import ListedColormap

from poml_map.grid import Grid
from poml_map.products.furniture import Scale, draw_pixels, draw_scale_and_north
from poml_map.products.mapsheet import FOOT, MARGIN
from poml_map.products.palette import NODATA_COLOR
from poml_map.products.place import Fit, fit
from poml_map.products.sheet import Sheet, style
from poml_map.products.validation.keys import Key, Keys
from poml_map.products.validation.looks import Look, series_look
from poml_map.products.validation.page import (
    HEADING,
    INNER,
    TICKS,
    Frame,
    Page,
    caption,
    panel,
    say,
    year_axis,
)

_TALL, _LEFT, _GAP, _WIDEST = 150, 44, 12, 230
_SAMPLED = Look("sampled year", NODATA_COLOR)

#: Value of the map of applicability -> its look; in lightness, too, they are apart.
CLASSES = {
    2: Look("like observed rows", "#1f9580"),
    1: Look("like simulated rows alone", "#f2c14e"),
    0: Look("like none", "#7a2410"),
}


def draw_applicability(
    path,
    *,
    title: str,
    years,
    shares: Mapping[str, np.ndarray],
    sampled: Sequence[int] = (),
    maps: Mapping[object, np.ndarray] | None = None,
    grid: Grid,
    outlines: Iterable[np.ndarray] | None = None,
    subtitle: str = "",
    notes: Sequence[str] = (),
    dpi: int = 200,
) -> tuple[Path, Path]:
    """Write the share of the pixels inside the area of applicability by year, and maps of some years.

    Parameters
    ----------
    years : array_like of int, shape (Y,)
    shares : mapping of str to array_like, shape (Y,)
        What the area is taken from -> share of the pixels inside; NaN leaves a gap. [1]
    sampled : sequence of int
        Years with observations.
    maps : mapping of year to array_like, shape (y, x), optional
        Values of `CLASSES`, NaN outside; two or three fit beside each other.
    grid : Grid
    outlines : iterable of ndarray, shape (k, 2), optional
        Lines in the grid's CRS.
    path, title, subtitle, notes, dpi
        As in `draw_histograms`.

    Returns
    -------
    tuple of Path
        PNG and SVG; in the SVG each map is one picture.

    Raises
    ------
    ResourceError
        If a file cannot be written whole.
    """
    years, maps = np.asarray(years), {} if maps is None else dict(maps)
    looks = {name: series_look(number, name) for number, name in enumerate(shares)}
    outlines = None if outlines is None else list(outlines)
    with style():
        page = Page(title, subtitle, notes, dpi)
        lines = [Key("line+mark", look) for look in looks.values()]
        keys = Keys(page.ruler, [*lines, *([Key("bar", _SAMPLED)] if len(sampled) else [])])
        classes = Keys(page.ruler, [Key("bar", look) for look in CLASSES.values()])
        curve = keys.height + HEADING + _TALL + TICKS
        shown = _shown(grid, max(len(maps), 1), dpi)
        height = shown.height * 100 / dpi
        of_maps = 14 + classes.height + HEADING + height + FOOT + 6 if maps else 8
        sheet = page.open(curve + of_maps)
        keys.draw(sheet, page.top)
        frame = Frame(MARGIN + _LEFT, page.top + keys.height + HEADING, INNER - _LEFT - 12, _TALL)
        _draw_shares(sheet, frame, years, shares, looks, sampled)
        if maps:
            top = page.top + curve + 14
            classes.draw(sheet, top)
            top += classes.height + HEADING
            _draw_maps(sheet, top, maps, shown, grid, outlines)
            draw_scale_and_north(sheet, MARGIN, top + height + 10, shown, grid)
        return page.save(path)


def _shown(grid: Grid, count: int, dpi: int) -> Fit:
    """How so many maps beside each other are drawn."""
    width = min((INNER - _GAP * (count - 1)) / count, _WIDEST) * dpi / 100
    place = fit(grid, width, width)
    return Fit(place.block, width, width * place.height / place.width)


def _draw_shares(sheet: Sheet, frame: Frame, years, shares, looks, sampled) -> None:
    axes = panel(sheet, frame)
    caption(sheet, MARGIN, frame.top - 7, "Pixels inside (%)", weight="bold", va="baseline")
    if not any(np.isfinite(np.asarray(values, float)).any() for values in shares.values()):
        say(sheet, axes, frame, "no year has a pixel")
        return
    half = 0.006 * max(np.ptp(years), 1)
    for year in sampled:
        axes.axvspan(year - half, year + half, color=NODATA_COLOR, lw=0, zorder=0.5)
    for name, values in shares.items():
        look = looks[name]
        axes.plot(
            years, 100 * np.asarray(values, float), color=look.color, ls=look.dashes, lw=1.9, marker=look.marker,
            ms=4.5, mec="white", mew=0.4, clip_on=False,
        )  # fmt: skip
    axes.set_ylim(0, 100)
    year_axis(axes, frame, years)


def _draw_maps(sheet: Sheet, top: float, maps, shown: Fit, grid: Grid, outlines) -> None:
    values = list(reversed(CLASSES))
    scale = Scale(
        ListedColormap([CLASSES[value].color for value in values]).with_extremes(bad=NODATA_COLOR),
        (values[0] - 0.5, values[-1] + 0.5),
        values,
    )
    width = shown.width * 100 / sheet.dpi
    for number, (year, classes) in enumerate(maps.items()):
        left = MARGIN + number * (width + _GAP)
        caption(sheet, left, top - 6, str(year), weight="bold", va="baseline")
        # One pixel of a block stands for it: a mean of classes is none.
        reduced = np.asarray(classes, np.float32)[:: shown.block, :: shown.block]
        draw_pixels(sheet, left, top, reduced, shown, grid, scale, outlines)
