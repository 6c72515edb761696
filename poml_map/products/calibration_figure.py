"""The figure of a calibration: how the misfit grows away from the best K_m, and the mu_max that goes with each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from poml_map.products.furniture import draw_notes, note_lines, notes_height
from poml_map.products.mapsheet import MARGIN, Head
from poml_map.products.palette import ACCENT, INK, MUTED, NODATA_COLOR
from poml_map.products.sheet import Sheet, style, unit_text
from poml_map.rothc.profile import RidgeProfile
from poml_map.units import stock_factor

# 640 layout pixels are 16 cm at their own size: the width of a page's text.
_WIDTH = 640
_LEFT, _BETWEEN = 44, 30
_UPPER, _LOWER, _HEADING, _CAPTIONS, _TICKS = 160, 120, 20, 36, 40
# Of K_m on the axis: numbers that people like, not closer than this. [layout pixel]
_NICE, _APART = (1, 2, 5), 34
_TYPICAL = "#2f8f83"


def draw_calibration(
    fits: Mapping[str, RidgeProfile],
    path,
    *,
    title: str,
    unit: str,
    subtitle: str = "",
    notes: Sequence[str] = (),
    dpi: int = 200,
) -> Path:
    """Write the ridges of one or more fits as PNG.

    Parameters
    ----------
    fits : mapping of str to RidgeProfile
        By what was fitted, such as all sites and classes of land use.
    path : str or Path
    title, subtitle : str
    unit : str
        Of the misfit: ``kg/m2`` or ``t/ha``.
    notes : sequence of str
        What must not be overlooked.
    dpi : int

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ResourceError
        If the file cannot be written whole.
    """
    columns = min(len(fits), 2)
    row_height = _HEADING + _CAPTIONS + _UPPER + _TICKS + _LOWER + _TICKS + 14
    with style():
        ruler = Sheet(_WIDTH, 100, dpi)
        head, lines = Head(ruler, title, subtitle), note_lines(ruler, notes, _WIDTH - 2 * MARGIN)
        rows, foot = -(-len(fits) // columns), notes_height(lines)
        sheet = Sheet(_WIDTH, round(head.bottom + rows * row_height + foot + MARGIN), dpi)
        head.draw(sheet)
        width = (_WIDTH - 2 * MARGIN - (columns - 1) * _BETWEEN) / columns
        for place, (name, profile) in enumerate(fits.items()):
            left = MARGIN + (place % columns) * (width + _BETWEEN)
            top = head.bottom + (place // columns) * row_height
            _draw_fit(sheet, left, top, width, name if len(fits) > 1 else "", profile, unit)
        draw_notes(sheet, MARGIN, sheet.height - MARGIN - foot + 8, _WIDTH - 2 * MARGIN, lines)
        return sheet.save_png(path, {"Title": title, "Comment": "; ".join([subtitle, *notes])})


def _draw_fit(
    sheet: Sheet, left: float, top: float, width: float, name: str, profile: RidgeProfile, unit: str
):
    frame = left + _LEFT, width - _LEFT - 8
    heading = f"Misfit, RMSE ({unit_text(unit)})"
    heading = f"{name}: {heading[0].lower()}{heading[1:]}" if name else heading
    sheet.text(left, top, heading, sheet.largest(heading, 10, width, "bold"), weight="bold")
    best, excluded = _captions(profile)
    sheet.text(left, top + _HEADING - 2, best, 9, color=ACCENT, weight="bold")
    sheet.text(left, top + _HEADING + 14, excluded, 9, color=MUTED)
    top += _HEADING + _CAPTIONS
    upper = _panel(sheet, frame, top, _UPPER, profile)
    top += _UPPER + _TICKS
    lower = _panel(sheet, frame, top, _LOWER, profile)
    sheet.text(left, top - 22, "Best mu at each K_m", 10, weight="bold")
    _draw_misfit(upper, profile, unit)
    _draw_mu(lower, profile)
    lower.set_xlabel("K_m (kg C m⁻²)", fontsize=9, color=INK, labelpad=2)
    upper.tick_params(labelbottom=False)


def _captions(profile: RidgeProfile) -> tuple[str, str]:
    """The best fit, and the K_m that are not excluded."""
    best, (low, high) = profile.points[profile.best], profile.interval
    if np.isinf(best.k_m):
        found = f"best: mu = {best.mu_typical / profile.typical_bio:.3g} m² kg⁻¹ × BIO"
    elif best.k_m == 0:
        found = f"best: mu = {best.mu_max:.3g} for any BIO"
    else:
        found = f"best: K_m {best.k_m:.3g}, mu_max {best.mu_max:.3g}"
    upper = f"{high:.3g}" if np.isfinite(high) else "∞"
    return found, f"not excluded (95 %): K_m {low:.3g} to {upper}"


def _panel(
    sheet: Sheet, frame: tuple[float, float], top: float, height: float, profile: RidgeProfile
) -> Axes:
    axes = sheet.axes(frame[0], top, frame[1], height)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9, labelcolor=INK, length=3, width=0.6)
    axes.grid(axis="y", color="#e6e1dc", lw=0.6)
    axes.set_axisbelow(True)
    axes.set_xlim(-0.015, 1.015)
    places, labels = _ticks(profile.typical_bio, frame[1])
    axes.set_xticks(places, labels)
    low, high = (_place(end, profile) for end in profile.interval)
    axes.axvspan(low, high, color=NODATA_COLOR, alpha=0.55, lw=0, zorder=0)
    axes.axvline(_place(profile.points[profile.best].k_m, profile), color=ACCENT, lw=0.9, zorder=1)
    return axes


def _place(k_m: float, profile: RidgeProfile) -> float:
    """K_m / (K_m + typical BIO): 0 at K_m = 0 and 1 at infinity."""
    return 1.0 if np.isinf(k_m) else k_m / (k_m + profile.typical_bio)


def _ticks(typical_bio: float, width: float) -> tuple[list[float], list[str]]:
    """Round K_m at their places on the axis, from 0 to infinity, as many as have room."""
    exponent = int(np.floor(np.log10(typical_bio)))
    candidates = [nice * 10.0**power for power in range(exponent - 2, exponent + 3) for nice in _NICE]
    chosen = {0.0: "0", 1.0: "∞"}
    # Those near the typical BIO first: there the axis is widest.
    for k_m in sorted(candidates, key=lambda value: abs(np.log(value / typical_bio))):
        place = k_m / (k_m + typical_bio)
        if min(abs(place - other) for other in chosen) * width >= _APART:
            chosen[place] = f"{k_m:g}"
    return list(chosen), list(chosen.values())


def _draw_misfit(axes: Axes, profile: RidgeProfile, unit: str) -> None:
    factor = stock_factor(unit)
    places = [_place(point.k_m, profile) for point in profile.points]
    misfit = np.sqrt([point.loss for point in profile.points]) * factor
    largest = np.sqrt(profile.threshold) * factor
    axes.plot(places, misfit, color=INK, lw=1.6, solid_joinstyle="round")
    axes.axhline(largest, color=MUTED, lw=0.9, ls=(0, (4, 2)))
    axes.plot(
        places[profile.best], misfit[profile.best], "o", color=ACCENT, ms=7, mec="white", mew=0.9, zorder=5
    )
    low, high = misfit.min(), max(misfit.max(), largest)
    space = max(0.1 * (high - low), 1e-6 * factor)  # one observation is fitted exactly by any K_m
    axes.set_ylim(low - space, high + space)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))


def _draw_mu(axes: Axes, profile: RidgeProfile) -> None:
    places = np.array([_place(point.k_m, profile) for point in profile.points])
    mu_max, typical = np.array([(point.mu_max, point.mu_typical) for point in profile.points]).T
    shown = np.isfinite(mu_max)
    axes.plot(places[shown], mu_max[shown], color=INK, lw=1.6)
    axes.plot(places, typical, color=_TYPICAL, lw=1.6)
    axes.set_yscale("log")
    top = mu_max[shown & (places <= 0.951)].max()
    low, high = min(typical.min(), mu_max.min()), max(top, typical.max())
    axes.set_ylim(low / 2.2, high * 1.25)
    axes.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5), numticks=8))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    middle = int(np.argmin(np.abs(places - 0.62)))
    for values, words, color, above in (
        (mu_max, "mu_max", INK, True),
        (typical, "mu at the typical BIO", _TYPICAL, False),
    ):
        axes.annotate(
            words, (places[middle], values[middle]), (-4 if above else 0, 5 if above else -5),
            textcoords="offset points", ha="right" if above else "center", va="bottom" if above else "top",
            fontsize=9, color=color, weight="bold",
        )  # fmt: skip
