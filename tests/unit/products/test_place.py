"""Lengths on the ground and pixels on the page."""

import numpy as np
import pytest

from poml_map.grid import Grid
from poml_map.products.place import (
    block_mean,
    fit,
    nice_limits,
    north_angle,
    pixel_metres,
    weighted_mean,
)


def _grid(crs, x, y, step, width=10, height=10):
    return Grid(crs, (step, 0.0, x, 0.0, -step, y), width, height)


def test_a_degree_at_the_equator_and_at_sixty_north():
    """111.32 and 55.80 km: WGS 84, one degree of longitude."""
    assert pixel_metres(_grid("EPSG:4326", 100, 5, 1.0)) == pytest.approx(111_320, rel=1e-3)
    assert pixel_metres(_grid("EPSG:4326", 100, 65, 1.0)) == pytest.approx(55_800, rel=1e-3)


def test_us_feet_are_not_taken_for_metres():
    grid = _grid("EPSG:2263", 950_000, 200_000, 100.0)
    assert pixel_metres(grid) == pytest.approx(30.48, rel=1e-3)


def test_north_is_up_in_degrees_and_leans_towards_the_middle_of_a_zone():
    assert north_angle(_grid("EPSG:4326", 100, 60, 0.1)) == pytest.approx(0, abs=1e-6)
    assert north_angle(_grid("EPSG:32651", 200_000, 3_400_000, 500.0)) > 1
    assert north_angle(_grid("EPSG:32651", 800_000, 3_400_000, 500.0)) < -1


@pytest.mark.parametrize("width", [1, 7, 59, 300, 437, 619, 700, 1100, 5003])
def test_every_map_pixel_is_equally_large_on_the_page_and_the_box_is_nearly_filled(width):
    place = fit(_grid("EPSG:32651", 2e5, 3.4e6, 500.0, width, width), 600, 600)
    drawn = -(-width // place.block)
    assert place.width % drawn == 0
    assert 0.7 <= place.width / 600 <= 1.43


def test_block_means_leave_missing_pixels_out_and_keep_the_edge():
    values = np.arange(15.0).reshape(3, 5)
    values[0, 0] = np.nan
    expected = [[4.0, 5.0, 6.5], [10.5, 12.5, 14.0]]
    np.testing.assert_allclose(block_mean(values, 2), expected)


def test_limits_cut_the_outermost_values_only():
    values = np.r_[np.linspace(2, 6, 1000), 50.0, np.nan]
    assert nice_limits(values) == (2.0, 6.0)


@pytest.mark.parametrize("value", [0.0, 3.0, -2.0, 1e-3, 500.0])
def test_limits_of_one_value_hold_it_inside(value):
    low, high = nice_limits(np.full(9, value))
    assert low < value < high


def test_the_mean_of_nothing_is_missing():
    assert np.isnan(weighted_mean(np.full((10, 10), np.nan), _grid("EPSG:4326", 0, 5, 1.0)))


@pytest.mark.parametrize(("crs", "y", "step"), [("EPSG:4326", 70.0, 5.0), ("EPSG:32651", 3.4e6, 500.0)])
def test_the_mean_of_a_region_counts_ground_and_not_pixels(crs, y, step):
    """In degrees the northern rows weigh less; a missing pixel weighs nothing."""
    grid = _grid(crs, 0, y, step)
    values = np.random.default_rng(0).uniform(3, 5, (10, 10)).astype("float32")
    values[:4, 2:] = np.nan
    rows = np.cos(np.radians(grid.y)) if crs == "EPSG:4326" else np.ones(10)
    weights = np.broadcast_to(rows[:, None], values.shape)[np.isfinite(values)]
    expected = np.average(values[np.isfinite(values)].astype(float), weights=weights)
    assert weighted_mean(values, grid) == pytest.approx(expected, rel=1e-12)
