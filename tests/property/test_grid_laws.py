"""Laws of the region's grid, for any place and pixel size."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.grid import Grid

coordinates = st.floats(-1e7, 1e7)
resolutions = st.floats(0.5, 5000)
grids = st.builds(
    lambda left, top, width, height, across, down: Grid(
        "EPSG:32651", (across, 0.0, left, 0.0, -down, top), width, height
    ),
    coordinates, coordinates, st.integers(1, 60), st.integers(1, 60), resolutions, resolutions,
)  # fmt: skip


@given(coordinates, coordinates, st.floats(0, 1e5), st.floats(0, 1e5), st.floats(500, 5000))
def test_a_grid_covers_its_bounds_and_wastes_less_than_a_pixel(left, bottom, wide, high, resolution):
    bounds = (left, bottom, left + wide, bottom + high)

    grid = Grid.from_bounds(bounds, resolution, "EPSG:32651")

    slack = 1e-6 * resolution  # bounds that near to the lattice count as on it
    assert grid.bounds[0] <= bounds[0] + slack
    assert grid.bounds[1] <= bounds[1] + slack
    assert grid.bounds[2] >= bounds[2] - slack
    assert grid.bounds[3] >= bounds[3] - slack
    assert grid.bounds[0] > bounds[0] - resolution - slack
    assert grid.bounds[3] < bounds[3] + resolution + slack


@given(coordinates, coordinates, st.floats(0, 1e5), st.floats(0, 1e5), st.floats(500, 5000))
def test_neighbouring_regions_share_one_lattice(left, bottom, wide, high, resolution):
    grid = Grid.from_bounds((left, bottom, left + wide, bottom + high), resolution, "EPSG:32651")

    for edge in grid.bounds:
        assert_allclose(edge / resolution, round(edge / resolution), atol=1e-6)


@given(grids)
def test_every_centre_finds_its_own_pixel(grid):
    x, y = np.meshgrid(grid.x, grid.y)

    row, col, inside = grid.index(x.ravel(), y.ravel())

    assert inside.all()
    assert_array_equal(row * grid.width + col, np.arange(grid.width * grid.height))


@given(grids, st.integers(1, 70))
def test_tiles_cover_each_pixel_once(grid, size):
    seen = np.zeros(grid.shape, int)
    for tile in grid.tiles(size):
        assert max(tile.shape) <= size
        seen[tile.rows, tile.cols] += 1

    assert (seen == 1).all()


@given(grids, st.integers(6, 70))
def test_windows_of_tiles_lie_where_the_grid_has_them(grid, size):
    for tile in grid.tiles(size):
        window = grid.window(tile)
        assert window.shape == tile.shape
        assert_allclose(window.x, grid.x[tile.cols], rtol=0, atol=1e-6)
        assert_allclose(window.y, grid.y[tile.rows], rtol=0, atol=1e-6)


@given(grids, st.floats(-0.5, 1.5), st.floats(-0.5, 1.5))
def test_a_point_is_inside_exactly_when_it_is_within_the_bounds(grid, across, down):
    left, bottom, right, top = grid.bounds
    x, y = left + across * (right - left), top - down * (top - bottom)

    row, col, inside = grid.index([x], [y])

    if 1e-6 < across < 1 - 1e-6 and 1e-6 < down < 1 - 1e-6:
        assert inside[0]
    if min(across, down) < -1e-6 or max(across, down) > 1 + 1e-6:
        assert not inside[0]
        assert (row[0], col[0]) == (-1, -1)
    if inside[0]:
        assert abs(grid.x[col[0]] - x) <= grid.resolution[0] * 0.500001
        assert abs(grid.y[row[0]] - y) <= grid.resolution[1] * 0.500001
