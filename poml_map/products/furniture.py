"""What stands on a sheet: the map itself, colour bar, scale bar, north arrow, notes, small trend line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, Normalize
from matplotlib.image import AxesImage
from matplotlib.patches import FancyBboxPatch, Polygon, Rectangle
from matplotlib.ticker import MaxNLocator

from poml_map.grid import Grid
from poml_map.products.palette import ACCENT, INK, MUTED, NODATA_COLOR, NOTE_INK, NOTE_PAPER
from poml_map.products.place import Fit, north_angle, pixel_metres, round_length
from poml_map.products.sheet import Sheet

_NOTE_SIZE, _NOTE_LINE = 10, 18
# Of outlines, from below: a pale casing for dark pixels, a dark line for pale ones. (colour, width, opacity)
_OUTLINE_FULL = 250  # layout pixels of a map from which on they are as wide as this; thinner on smaller ones
_OUTLINE = (("white", 1.7, 0.6), (INK, 0.6, 0.75))


class Scale:
    """One colour scale for all maps of a picture.

    Parameters
    ----------
    colormap : Colormap
    limits : tuple of float
        Values of the first and last colour.
    seen : array_like of float
        All values to be drawn; the colour bar gets an arrow at an end that some exceed.
    """

    def __init__(self, colormap: Colormap, limits: tuple[float, float], seen):
        low, high = limits
        if not low < high:
            raise ValueError(f"limits: {low} and {high}; the first must be below the second")
        seen = np.asarray(seen)
        below, above = bool((seen < low).any()), bool((seen > high).any())
        self.extend = {(True, True): "both", (True, False): "min", (False, True): "max"}.get(
            (below, above), "neither"
        )
        self.mappable = ScalarMappable(Normalize(low, high), colormap)


def draw_pixels(
    sheet: Sheet, left: float, top: float, values: np.ndarray, place: Fit, grid: Grid, scale: Scale,
    outlines: Iterable[np.ndarray] | None,
) -> AxesImage:  # fmt: skip
    """The map with its upper left corner here; `values` are those of `block_mean`.

    `outlines` are lines of (k, 2) coordinates in the grid's CRS.
    """
    size = place.width * 100 / sheet.dpi, place.height * 100 / sheet.dpi
    axes = sheet.axes(left, top, *size)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color("#b9b2ab")
    width, height = (step * place.block for step in grid.resolution)
    west, _, _, north = grid.bounds
    extent = (west, west + width * values.shape[1], north - height * values.shape[0], north)
    image = axes.imshow(
        values, cmap=scale.mappable.cmap, norm=scale.mappable.norm, extent=extent, aspect="auto",
        interpolation="nearest", interpolation_stage="data",
    )  # fmt: skip
    if outlines is not None:
        lines, thin = list(outlines), min(size[0] / _OUTLINE_FULL, 1)
        for color, width, alpha in _OUTLINE:
            drawn = LineCollection(lines, colors=color, linewidths=thin * width, alpha=alpha)
            axes.add_collection(drawn, autolim=False)
    return image


def draw_color_bar(sheet: Sheet, left: float, top: float, height: float, scale: Scale, heading: str) -> None:
    """An upright colour bar under its heading, `height` tall with it; "no data" below."""
    sheet.text(left, top, heading, 9.5, color=INK)
    bar = sheet.axes(left, top + 24, 16, height - 24 - 26)
    color_bar = sheet.figure.colorbar(
        scale.mappable,
        cax=bar,
        extend=scale.extend,
        extendfrac=0.045,
        ticks=MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]),
    )
    color_bar.outline.set_linewidth(0.4)
    bar.tick_params(labelsize=9, labelcolor=INK, length=3, width=0.6)
    sheet.paper.add_patch(Rectangle((left, top + height - 14), 16, 12, fc=NODATA_COLOR, ec=MUTED, lw=0.4))
    sheet.text(left + 23, top + height - 8, "no data", 9, color=MUTED, va="center")


def draw_scale_and_north(sheet: Sheet, left: float, top: float, place: Fit, grid: Grid) -> None:
    """A bar of a round length on the ground, at most a third of the map, and an arrow to true north beside it."""
    metres = pixel_metres(grid)
    shown = place.width * 100 / sheet.dpi
    per_metre = shown / (metres * grid.width)
    length = round_length(max(shown / 3.2, 40) / per_metre)
    name = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    draw_north_arrow(sheet, left + 9, top + 15, north_angle(grid))
    sheet.text(left + 21, top + 20, "N", 9, weight="bold", va="center_baseline")
    start, width = left + 44, length * per_metre
    for part, color in enumerate([INK, "white"]):
        corner = (start + part * width / 2, top + 17)
        sheet.paper.add_patch(Rectangle(corner, width / 2, 5, fc=color, ec=INK, lw=0.7))
    sheet.text(start + width + 7, top + 20, name, 9, va="center_baseline")


def draw_north_arrow(sheet: Sheet, x: float, y: float, angle: float) -> None:
    """A two-toned arrow around (x, y), turned clockwise by `angle` degrees from up."""
    turn = np.radians(angle)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])  # y grows downwards
    tip, tail = (0, -15), (0, 6)
    for wing, color in [((-7, 12), INK), ((7, 12), "white")]:
        corners = np.array([tip, wing, tail]) @ rotation + (x, y)
        sheet.paper.add_patch(Polygon(corners, fc=color, ec=INK, lw=0.7, joinstyle="miter"))


def note_lines(sheet: Sheet, notes: Sequence[str], width: float) -> list[str]:
    """The notes as they will be broken into lines."""
    return [line for note in notes for line in sheet.wrap(note, _NOTE_SIZE, width - 24, "bold")]


def notes_height(lines: Sequence[str]) -> int:
    """Layout pixels that `draw_notes` takes."""
    return _NOTE_LINE * len(lines) + 12 if lines else 0


def draw_notes(sheet: Sheet, left: float, top: float, width: float, lines: Sequence[str]) -> None:
    """What must not be overlooked (synthetic, assumed, stand-in), on a strip of its own."""
    if not lines:
        return
    box = FancyBboxPatch(
        (left, top),
        width,
        notes_height(lines),
        boxstyle="round,pad=0,rounding_size=4",
        fc=NOTE_PAPER,
        ec="none",
    )
    sheet.paper.add_patch(box)
    for number, line in enumerate(lines):
        y = top + 6 + _NOTE_LINE * (number + 0.5)
        sheet.text(left + 12, y, line, _NOTE_SIZE, color=NOTE_INK, weight="bold", va="center")


class Trend:
    """Small line of the regional mean, with a dot that moves to the current year.

    Parameters
    ----------
    sheet : Sheet
    left, top, width, height : float
        Frame of the line, without its tick labels at the left and below. [layout pixel]
    years : sequence of int, shape (year,)
    means : sequence of float, shape (year,)
        NaN leaves a gap.
    """

    def __init__(self, sheet, left, top, width, height, years: Sequence[int], means: Sequence[float]):
        self._years, self._means = np.asarray(years), np.asarray(means, float)
        self.axes = axes = sheet.axes(left, top, width, height)
        axes.spines[["top", "right"]].set_visible(False)
        axes.plot(self._years, self._means, color="#c9c2bb", lw=1.6, solid_capstyle="round")
        (self._past,) = axes.plot([], [], color=ACCENT, lw=1.8, solid_capstyle="round")
        (self._dot,) = axes.plot([], [], "o", color=ACCENT, ms=5.5, mec="white", mew=0.8, clip_on=False)
        margin = 0.5 if len(self._years) == 1 else 0
        axes.set_xlim(self._years[0] - margin, self._years[-1] + margin)
        axes.set_ylim(*self._range())
        ends = sorted({self._years[0], self._years[-1]})
        axes.set_xticks(ends, [str(year) for year in ends])  # of neighbours matplotlib would take 2000 away
        axes.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
        axes.tick_params(labelsize=8, length=2.5, width=0.6)

    def _range(self) -> tuple[float, float]:
        known = self._means[np.isfinite(self._means)]
        if not known.size:
            return 0.0, 1.0
        low, high = known.min(), known.max()
        space = max(0.2 * (high - low), 0.01 * abs(high), 1e-9)
        return low - space, high + space

    def show(self, index: int) -> None:
        """Move the dot to the year of this index."""
        self._past.set_data(self._years[: index + 1], self._means[: index + 1])
        self._dot.set_data(self._years[index : index + 1], self._means[index : index + 1])
