"""What stands beside a map."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from poml_map.grid import Grid
from poml_map.products.furniture import Scale, Trend, draw_north_arrow, draw_scale_and_north
from poml_map.products.palette import ACCENT, STOCK
from poml_map.products.place import fit
from poml_map.products.sheet import Sheet, style


def _where(sheet, color):
    """Rows and columns of the pixels of this colour."""
    return np.nonzero((np.abs(sheet.pixels() - 255 * np.array(to_rgb(color))) < 3).all(axis=-1))


@pytest.mark.parametrize(("angle", "right", "left"), [(90, 15, 12), (-90, 12, 15)])
def test_the_arrow_turns_clockwise_to_north(angle, right, left):
    """Its tip is 15 from the middle, its tail 12."""
    with style():
        sheet = Sheet(100, 100, 100)
        draw_north_arrow(sheet, 50, 50, angle)
        _, columns = np.nonzero((sheet.pixels() < 200).any(axis=-1))
    assert columns.max() - 50 == pytest.approx(right, abs=2)
    assert 50 - columns.min() == pytest.approx(left, abs=2)


def test_the_dot_of_the_trend_moves_with_the_years():
    places = []
    with style():
        sheet = Sheet(240, 140, 100)
        trend = Trend(sheet, 40, 20, 180, 80, [1980, 1981, 1982], [3.0, 3.5, np.nan])
        for index in range(2):
            trend.show(index)
            places.append(_where(sheet, ACCENT)[1].max())
    assert places[0] == pytest.approx(40 + 3, abs=3)
    assert places[1] == pytest.approx(40 + 90 + 3, abs=3)


def test_years_of_a_short_trend_are_written_in_full():
    with style():
        sheet = Sheet(240, 140, 100)
        trend = Trend(sheet, 40, 20, 180, 80, [1999, 2000], [3.0, 3.5])
        sheet.figure.canvas.draw()
        assert [tick.get_text() for tick in trend.axes.get_xticklabels()] == ["1999", "2000"]


def test_the_scale_bar_has_the_length_it_says():
    """300 pixels of 500 m, drawn two by two: 20 km are 80 pixels."""
    grid = Grid("EPSG:32651", (500.0, 0.0, 425_000.0, 0.0, -500.0, 3.4e6), 300, 250)
    with style():
        sheet = Sheet(700, 60, 100)
        draw_scale_and_north(sheet, 20, 10, fit(grid, 620, 520), grid)
        assert [text.get_text() for text in sheet.paper.texts] == ["N", "20 km"]
        halves = [patch for patch in sheet.paper.patches if isinstance(patch, Rectangle)]
    assert [half.get_width() for half in halves] == pytest.approx([40, 40], rel=1e-3)


@pytest.mark.parametrize(
    ("seen", "extend"),
    [([2.0, 4.0], "neither"), ([1.9, 4.0], "min"), ([4.1, np.nan], "max"), ([1.0, 5.0], "both")],
)
def test_the_colour_bar_shows_at_which_end_values_are_outside(seen, extend):
    assert Scale(STOCK, (2.0, 4.0), seen).extend == extend
