import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.grid import Grid, Tile


@pytest.fixture
def grid():
    return Grid("EPSG:32651", (500.0, 0.0, 200000.0, 0.0, -250.0, 3400000.0), width=7, height=5)


def test_shape_resolution_and_edges_agree(grid):
    assert grid.shape == (5, 7)
    assert grid.resolution == (500.0, 250.0)
    assert grid.bounds == (200000.0, 3398750.0, 203500.0, 3400000.0)


def test_centres_lie_half_a_pixel_inside_and_run_south(grid):
    assert_allclose(grid.x[[0, -1]], [200250, 203250])
    assert_allclose(grid.y[[0, -1]], [3399875, 3398875])
    assert (np.diff(grid.y) < 0).all()


def test_bounds_on_the_lattice_are_kept_and_others_snapped_outwards():
    exact = Grid.from_bounds((0.0, 0.0, 1500.0, 1000.0), 500.0, "EPSG:32651")
    ragged = Grid.from_bounds((-1.0, 0.1, 1500.1, 999.9), 500.0, "EPSG:32651")

    assert exact.bounds == (0, 0, 1500, 1000)
    assert ragged.bounds == (-500, 0, 2000, 1000)


def test_bounds_in_decimal_degrees_do_not_grow_by_rounding():
    """119.2 / 0.1 is 1191.9999999999998."""
    grid = Grid.from_bounds((119.2, 29.9, 121.2, 31.2), 0.1, "EPSG:4326")

    assert grid.shape == (13, 20)


def test_a_box_smaller_than_a_pixel_has_one_pixel():
    assert Grid.from_bounds((10.0, 10.0, 11.0, 11.0), 500.0, "EPSG:32651").shape == (1, 1)


def test_points_on_centres_edges_outside_and_nan_find_their_pixel(grid):
    left, bottom, right, top = grid.bounds
    x = [grid.x[3], left, right, right + 0.001, left - 0.001, np.nan, grid.x[0]]
    y = [grid.y[2], top, bottom, grid.y[0], grid.y[0], grid.y[0], bottom - 0.001]

    row, col, inside = grid.index(x, y)

    assert_array_equal(inside, [True, True, True, False, False, False, False])
    assert_array_equal(row, [2, 0, 4, -1, -1, -1, -1])
    assert_array_equal(col, [3, 0, 6, -1, -1, -1, -1])


def test_a_window_keeps_the_place_of_its_pixels(grid):
    tile = Tile(1, 4, 2, 7)
    window = grid.window(tile)

    assert window.shape == tile.shape == (3, 5)
    assert_array_equal(window.x, grid.x[tile.cols])
    assert_array_equal(window.y, grid.y[tile.rows])
    assert window.crs == grid.crs


def test_tiles_run_row_by_row_and_the_last_are_smaller(grid):
    assert list(grid.tiles(4)) == [Tile(0, 4, 0, 4), Tile(0, 4, 4, 7), Tile(4, 5, 0, 4), Tile(4, 5, 4, 7)]
