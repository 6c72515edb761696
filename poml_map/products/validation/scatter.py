"""Observed against predicted stocks (Fig. 5 of the paper)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.ticker import MaxNLocator
from scipy.ndimage import gaussian_filter

from poml_map.products.mapsheet import MARGIN
from poml_map.products.palette import INK, MUTED, even_colormap
from poml_map.products.sheet import Sheet, style, unit_text
from poml_map.products.validation.page import (
    TEXT,
    TICKS_AND_LABEL,
    WIDTH,
    Frame,
    Page,
    caption,
    fitted,
    fixed,
    frames,
    head_model,
    known_range,
    panel,
    say,
)

#: Few to many points: pale enough to part from the densest, dark enough to be seen as one point on white.
DENSITY: ListedColormap = even_colormap(["#f0b64a", "#d9691e", "#8f2a2a", "#3b0f3f"])
# Cells of the grid that density is counted on, and the width of its smoothing. [cell]
_CELLS, _SMOOTH = 160, 4.5
# More points than these are one picture inside the SVG: a drawing of each would be slow to open.
_MOST_DRAWN = 5000
# Heading and two lines of scores over a panel; tick labels at its left. [layout pixel]
_SCORES, _LEFT = 56, 30


def draw_scatter(
    path,
    *,
    title: str,
    unit: str,
    panels: Mapping[str, tuple],
    reasons: Mapping[str, str] | None = None,
    subtitle: str = "",
    notes: Sequence[str] = (),
    dpi: int = 200,
) -> tuple[Path, Path]:
    """Write density scatters of observed against predicted stocks, one for each model, on common axes.

    Parameters
    ----------
    panels : mapping of str to (observed, predicted, scores)
        Model or other label -> two array_like of one length and a dict with any of ``n``, ``rmse``, ``ccc``, ``me`` and
        ``mec``. Pairs with a NaN are not drawn.
    reasons : mapping of str to str, optional
        Label -> why its panel is empty.
    path, title, unit, subtitle, notes, dpi
        As in `draw_histograms`.

    Returns
    -------
    tuple of Path
        PNG and SVG.

    Raises
    ------
    ValueError
        If observed and predicted stocks of a panel are not equally many.
    ResourceError
        If a file cannot be written whole.
    """
    pairs = {label: _pairs(label, *each[:2]) for label, each in panels.items()}
    limits = known_range(*(values for pair in pairs.values() for values in pair), space=0.04) or (0.0, 1.0)
    columns = len(panels) if len(panels) <= 3 else (2 if len(panels) == 4 else 3)
    with style():
        page = Page(title, subtitle, notes, dpi)
        side = frames(1, columns, 0, 0, left=_LEFT)[0].width
        rows = -(-len(panels) // columns)
        sheet = page.open(20 + rows * (side + _SCORES) + (rows - 1) * 18 + TICKS_AND_LABEL + 36)
        caption(sheet, MARGIN, page.top, f"Predicted stock ({unit_text(unit)})", weight="bold")
        places = frames(len(panels), columns, page.top + 20 + _SCORES, side, left=_LEFT, row_gap=_SCORES + 18)
        for place, (label, each) in enumerate(panels.items()):
            letter = chr(ord("a") + place % 26) if len(panels) > 1 else ""
            lowest = place + columns >= len(panels)
            reason = (reasons or {}).get(label, "no held-out prediction")
            _draw_panel(
                sheet, places[place], label, letter, pairs[label], each[2], unit, limits, place % columns == 0,
                lowest, reason,
            )  # fmt: skip
        middle = (places[0].left + places[min(columns, len(places)) - 1].left + side) / 2
        sheet.text(
            middle,
            places[-1].bottom + TICKS_AND_LABEL - 14,
            f"Observed stock ({unit_text(unit)})",
            TEXT,
            ha="center",
        )
        _draw_density_key(sheet, places[-1].bottom + TICKS_AND_LABEL + 14)
        return page.save(path)


def _pairs(label: str, observed, predicted) -> tuple[np.ndarray, np.ndarray]:
    observed, predicted = np.ravel(np.asarray(observed, float)), np.ravel(np.asarray(predicted, float))
    if observed.shape != predicted.shape:
        raise ValueError(
            f"panels[{label!r}]: {observed.size} observed and {predicted.size} predicted stocks, expected "
            "equally many. Mend: give both at the same site-years."
        )
    known = np.isfinite(observed) & np.isfinite(predicted)
    return observed[known], predicted[known]


def _draw_panel(
    sheet: Sheet, frame: Frame, label, letter, pair, scores, unit, limits, with_y, lowest, reason
) -> None:
    axes = panel(sheet, frame, grid="both")
    head_model(sheet, frame, frame.top - 41, label, letter)
    for line, text in enumerate(_score_lines(scores, unit, narrow=frame.width < 180)):
        color = MUTED if line else INK
        text, size = fitted(sheet, text, frame.width + 8)
        caption(sheet, frame.left, frame.top - 23 + 15 * line, text, size=size, color=color, va="baseline")
    if not pair[0].size:
        say(sheet, axes, frame, reason)
        return
    axes.set(xlim=limits, ylim=limits)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(max(3, int(frame.width / 38)), steps=[1, 2, 5, 10]))
    axes.tick_params(labelleft=with_y, labelbottom=lowest)
    axes.plot(limits, limits, color=INK, lw=1.1, zorder=3)
    dense = relative_density(*pair, limits)
    order = np.argsort(dense, kind="stable")
    axes.scatter(
        *(values[order] for values in pair),
        c=dense[order],
        cmap=DENSITY,
        vmin=0,
        vmax=1,
        s=frame.width / 20 if pair[0].size < 3000 else 4,
        lw=0,
        zorder=2,
        rasterized=pair[0].size > _MOST_DRAWN,
    )


def _score_lines(scores: Mapping[str, float], unit: str, narrow: bool) -> list[str]:
    """The scores over a panel; a narrow one has no room for ME and MEC."""
    told = {
        name: f"{name.upper()} {fixed(scores[name], 'kg/m2')}" for name in ("ccc", "mec") if name in scores
    }
    told |= {
        name: f"{name.upper()} {fixed(scores[name], unit, signed=name == 'me')}"
        for name in ("rmse", "me")
        if name in scores
    }
    if "n" in scores:
        told["n"] = f"n {scores['n']:g}"
    lines = (("rmse",), ("ccc", "n")) if narrow else (("rmse", "ccc"), ("me", "mec", "n"))
    return [", ".join(told[name] for name in names if name in told) for names in lines]


def relative_density(observed, predicted, limits: tuple[float, float]) -> np.ndarray:
    """How many points lie around each point, 1 where they are densest.

    Parameters
    ----------
    observed, predicted : ndarray, shape (n,)
        Finite.
    limits : tuple of float
        Of both axes; a point outside counts as on their edge.

    Returns
    -------
    ndarray of float, shape (n,)
        Above 0, at most 1. [-]

    Examples
    --------
    >>> relative_density(np.array([1.0, 1.0, 9.0]), np.array([1.0, 1.0, 9.0]), (0.0, 10.0)).tolist()
    [1.0, 1.0, 0.5]
    """
    low, high = limits
    cells = [
        np.clip((values - low) / (high - low) * _CELLS, 0, _CELLS - 1).astype(int)
        for values in (observed, predicted)
    ]
    counts = np.zeros((_CELLS, _CELLS))
    np.add.at(counts, tuple(cells), 1)
    found = gaussian_filter(counts, _SMOOTH)[tuple(cells)]
    return found / found.max()


def _draw_density_key(sheet: Sheet, top: float) -> None:
    """The colours of density, and the line."""
    left, width = MARGIN, 120
    sheet.text(left, top + 6, "few", TEXT, va="center_baseline")
    left += sheet.text_width("few", TEXT) + 8
    bar = sheet.axes(left, top, width, 12)
    bar.imshow(
        ScalarMappable(Normalize(0, 1), DENSITY).to_rgba(np.linspace(0, 1, 64))[None],
        aspect="auto",
        extent=(0, 1, 0, 1),
    )
    bar.set(xticks=[], yticks=[])
    bar.spines[:].set_visible(False)
    sheet.text(left + width + 8, top + 6, "many points", TEXT, va="center_baseline")
    words = "1:1 line"
    right = WIDTH - MARGIN - sheet.text_width(words, TEXT)
    sheet.paper.plot([right - 34, right - 8], [top + 6, top + 6], color=INK, lw=1.1)
    sheet.text(right, top + 6, words, TEXT, va="center_baseline")
