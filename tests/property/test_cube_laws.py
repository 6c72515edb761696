"""Laws of the cube's resampling: what must hold for any grid, field and split into blocks."""

import hypothesis.extra.numpy as arrays
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.cube.frames import year_list
from poml_map.cube.positions import Points, SourceGrid
from poml_map.cube.resample import resample, stencil
from poml_map.grid import Grid, Tile

GRID = Grid("EPSG:32651", (1000.0, 0.0, 210000.0, 0.0, -1000.0, 3345000.0), 12, 9)
METHODS = st.sampled_from(["nearest", "bilinear", "average", "mode"])
numbers = st.floats(-1e4, 1e4, width=32)
fields = arrays.arrays("float32", (3, 12 * 14), elements=numbers | st.just(np.float32(np.nan)), fill=numbers)
sources = st.builds(
    lambda step, west, north, up: SourceGrid(
        "EPSG:4326",
        (step, 0.0, west, 0.0, step if up else -step, north - 12 * step if up else north),
        14,
        12,
        120.0,
    ),
    st.floats(0.01, 0.03),
    st.floats(119.8, 120.05),
    st.floats(30.15, 30.4),
    st.booleans(),
)


def values(source, field, points, method):
    """As the layers do it: only the window that the points need."""
    shape = stencil(source, points, method, 3)
    window = shape.window()
    if window is None:
        return np.full((len(field), len(points)), np.nan, "float32")
    part = field.reshape(-1, 12, 14)[:, window.rows, window.cols].reshape(len(field), -1)
    return resample(part, shape.index(window), shape, method)


@given(source=sources, field=fields, method=METHODS, size=st.integers(1, 12))
@settings(deadline=None, max_examples=60)
def test_blocks_of_any_size_change_no_bit(source, field, method, size):
    whole = values(source, field, Points.of_tile(GRID, Tile(0, 9, 0, 12)), method).reshape(-1, 9, 12)
    for tile in GRID.tiles(size):
        part = values(source, field, Points.of_tile(GRID, tile), method)
        assert_array_equal(part.reshape(-1, *tile.shape), whole[:, tile.rows, tile.cols])


@given(source=sources, field=fields, method=METHODS, times=st.sampled_from([[0], [2], [0, 2], [2, 1, 0]]))
@settings(deadline=None, max_examples=40)
def test_asking_for_fewer_months_changes_no_bit(source, field, method, times):
    points = Points.of_tile(GRID, Tile(0, 9, 0, 12))
    assert_array_equal(
        values(source, field[times], points, method), values(source, field, points, method)[times]
    )


@given(source=sources, field=fields, method=METHODS)
@settings(deadline=None, max_examples=60)
def test_no_value_lies_beyond_those_of_the_source(source, field, method):
    found = values(source, field, Points.of_tile(GRID, Tile(0, 9, 0, 12)), method)
    known = found[~np.isnan(found)]
    if known.size:
        slack = 1e-5 * np.nanmax(np.abs(field))
        assert known.min() >= np.nanmin(field) - slack
        assert known.max() <= np.nanmax(field) + slack


@given(source=sources, number=numbers, method=METHODS)
@settings(deadline=None, max_examples=40)
def test_a_constant_field_stays_constant_wherever_the_source_reaches(source, number, method):
    points = Points.of_tile(GRID, Tile(0, 9, 0, 12))
    found = values(source, np.full((1, 12 * 14), number, "float32"), points, method)[0]
    reached = source.covers(points)
    if method in ("nearest", "bilinear"):
        assert_array_equal(~np.isnan(found), reached)
    assert_allclose(found[~np.isnan(found)], number, rtol=1e-5, atol=1e-30)


@given(years=st.sets(st.integers(1900, 2100)))
def test_lists_of_years_name_every_year_once(years):
    named = []
    for part in filter(None, year_list(years).split(", ")):
        first, *last = part.split("-")
        named += range(int(first), int((last or [first])[0]) + 1)
    assert named == sorted(years)
