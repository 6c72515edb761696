"""Line and bar charts as geometry: the template draws them as SVG, in the looks of the other products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.ticker import MaxNLocator

from poml_map.products.validation.looks import Look
from poml_map.products.validation.page import known_range, year_ticks

_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 10, 26


@dataclass(frozen=True)
class Series:
    """A line, with a band where low and high are given.

    Attributes
    ----------
    look : Look
    x, y : sequence of float
        NaN leaves a gap.
    low, high : sequence of float
        Limits of the band; empty without one.
    middle : sequence of float
        What the band is around, where that is not the line itself; empty without one.
    """

    look: Look
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    middle: Sequence[float] = ()


@dataclass(frozen=True)
class Line:
    """A series in the places of the drawing: paths of SVG and single points."""

    look: Look
    path: str
    band: str
    dots: list[tuple[float, float]]
    middle: str = ""

    @property
    def dashes(self) -> str:
        """Of SVG; empty for a full line."""
        return (
            ""
            if isinstance(self.look.dashes, str)
            else " ".join(f"{2 * part:g}" for part in self.look.dashes[1])
        )


@dataclass(frozen=True)
class Chart:
    """A drawing of `width` x `height` with its frame, ticks as (place, text), and lines."""

    label: str
    width: int
    height: int
    frame: tuple[float, float, float, float]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    lines: list[Line]
    mark: float | None = None
    mark_text: str = ""

    @property
    def banded(self) -> bool:
        """Whether any line has a band."""
        return any(line.band for line in self.lines)


def line_chart(
    series: Sequence[Series],
    label: str,
    *,
    size: tuple[int, int] = (640, 260),
    limits: tuple[float, float] | None = None,
    years: bool = True,
    mark: tuple[float, str] | None = None,
) -> Chart | None:
    """A chart of lines over x, or None when no value is known.

    Parameters
    ----------
    series : sequence of Series
    label : str
        What it shows, for those who hear the page.
    size : (int, int)
        Width and height. [pixel]
    limits : (float, float), optional
        Of the y axis; by default around all that is drawn.
    years : bool
        Whether x is years.
    mark : (float, str), optional
        A place on the x axis and what it is.
    """
    limits = limits or known_range(
        *(part for each in series for part in (each.y, each.low, each.high, each.middle))
    )
    everywhere = np.concatenate([np.asarray(each.x, float) for each in series]) if series else np.empty(0)
    if limits is None or not everywhere.size:
        return None
    width, height = size
    low, high = float(everywhere.min()), float(everywhere.max())
    pad = 0.5 if low == high else 0.02 * (high - low)
    inner = width - _LEFT - _RIGHT
    place_x = _scale(low - pad, high + pad, _LEFT, width - _RIGHT)
    place_y = _scale(*limits, height - _BOTTOM, _TOP)
    if years:
        ticks = year_ticks(low, high, (high - low + 2 * pad) / inner)
    else:
        ticks = _ticks(low, high, max(2, inner // 70))
    y_ticks = _ticks(*limits, max(2, int((height - _TOP - _BOTTOM) / 27)))
    return Chart(
        label, width, height, (_LEFT, _TOP, width - _RIGHT, height - _BOTTOM),
        [(place_x(tick), _number(tick, ticks)) for tick in ticks],
        [(place_y(tick), _number(tick, y_ticks)) for tick in y_ticks],
        [_line(each, place_x, place_y) for each in series],
        None if mark is None else place_x(mark[0]), "" if mark is None else mark[1],
    )  # fmt: skip


def _line(each: Series, place_x, place_y) -> Line:
    x, y = np.asarray(each.x, float), np.asarray(each.y, float)
    known = np.isfinite(y)
    alone = known & ~np.append(known[1:], False) & ~np.append(False, known[:-1])
    dots = [(place_x(a), place_y(b)) for a, b in zip(x[alone], y[alone], strict=True)]
    middle = _path(x, np.asarray(each.middle, float), place_x, place_y) if len(each.middle) else ""
    return Line(each.look, _path(x, y, place_x, place_y), _band(x, each, place_x, place_y), dots, middle)


def _path(x, y, place_x, place_y) -> str:
    parts, pen = [], "M"
    for a, b in zip(x, y, strict=True):
        if not np.isfinite(b):
            pen = "M"
            continue
        parts.append(f"{pen}{place_x(a):g} {place_y(b):g}")
        pen = "L"
    return "".join(parts)


def _band(x, each: Series, place_x, place_y) -> str:
    if not len(each.low) or not len(each.high):
        return ""
    low, high = np.asarray(each.low, float), np.asarray(each.high, float)
    known = np.isfinite(low) & np.isfinite(high)
    if known.sum() < 2:
        return ""
    there = _path(x[known], high[known], place_x, place_y)
    back = _path(x[known][::-1], low[known][::-1], place_x, place_y).replace("M", "L", 1)
    return f"{there}{back}Z"


def _scale(low: float, high: float, start: float, end: float):
    """Values to places, to a tenth of a pixel."""
    return lambda value: round(start + (float(value) - low) / (high - low) * (end - start), 1)


def _ticks(low: float, high: float, count: int) -> list[float]:
    """Round numbers within the limits: about `count`, but three where there is room for two."""
    off = 1e-9 * (high - low)
    for most in range(count, count + 4):
        ticks = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        inside = [float(tick) for tick in ticks if low - off <= tick <= high + off]
        if len(inside) >= 3:
            break
    return inside


def _number(value: float, ticks: Sequence[float]) -> str:
    """As many decimals as all ticks need, a true minus sign."""
    needed = next((digits for digits in range(7) if all(abs(t - round(t, digits)) < 1e-9 for t in ticks)), 6)
    return f"{value + 0.0:.{needed}f}".replace("-", "−")
