"""Each operation on 64 lanes against the same in numpy, and the check of bounds that a test run can switch on."""

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from poml_map.hybrid.boxes import vectors

ROOT = Path(__file__).parents[3]
LANES = np.arange(64)


def as_mask(flags):
    return np.uint64(sum(1 << int(lane) for lane in np.flatnonzero(flags)))


def as_flags(mask):
    return (np.uint64(mask) >> LANES.astype(np.uint64) & np.uint64(1)).astype(bool)


@pytest.fixture(scope="module")
def random():
    return np.random.default_rng(3)


@pytest.fixture
def values(random):
    values = random.standard_normal(70).astype(np.float32)
    values[10], values[20], values[30], values[33] = np.nan, np.inf, -np.inf, 0.5
    return values


@numba.njit
def compare(values, offset, threshold):
    return (
        vectors.at_most(values, offset, threshold),
        vectors.above(values, offset, threshold),
        vectors.finite(values, offset),
    )


@numba.njit
def extremes(values, offset, mask):
    return vectors.smallest(values, offset, mask), vectors.largest(values, offset, mask)


@numba.njit
def change(values, offset, mask, chosen, value, otherwise, add):
    if add:
        vectors.add_either(values, offset, mask, chosen, value, otherwise)
    else:
        vectors.set_either(values, offset, mask, chosen, value, otherwise)


@numba.njit
def change_to_one(values, offset, mask, value, add):
    if add:
        vectors.add_where(values, offset, mask, value)
    else:
        vectors.set_where(values, offset, mask, value)


@numba.njit
def scalars(mask, bits):
    return vectors.lowest(mask), vectors.size(mask), vectors.as_float(bits)


@numba.njit
def divide(values, limits, counts, last, following):
    vectors.divide(values, limits, counts, last, following)


@numba.njit
def add_powers(values, sums, squares):
    vectors.add_powers(values, sums, squares)


@pytest.mark.parametrize("offset", [0, 3, 6])
def test_comparisons_tell_lane_by_lane_and_never_hold_for_nan(values, offset):
    below, above, finite = compare(values, offset, np.float32(0.5))
    part = values[offset : offset + 64]
    assert_array_equal(as_flags(below), part <= 0.5)
    assert_array_equal(as_flags(above), part > 0.5)
    assert_array_equal(as_flags(finite), np.isfinite(part))


def test_extremes_are_those_of_the_lanes_of_the_mask(values, random):
    flags = (random.random(64) < 0.3) & np.isfinite(values[2:66])
    found = extremes(values, 2, as_mask(flags))
    assert found == (values[2:66][flags].min(), values[2:66][flags].max())
    assert extremes(values, 2, np.uint64(0)) == (np.inf, -np.inf)
    for lane in (0, 1, 31, 63):
        assert extremes(values, 1, as_mask(lane == LANES)) == (values[1 + lane], values[1 + lane])


@pytest.mark.parametrize("add", [True, False])
def test_only_the_lanes_of_the_mask_change(random, add):
    numbers = random.integers(-1000, 1000, 70).astype(np.int32)
    flags, chosen = random.random((2, 64)) < 0.5
    for by in (np.where(chosen, 77, -5), np.full(64, 77)):
        expected, found = numbers.copy(), numbers.copy()
        expected[4:68][flags] = (expected[4:68] * add + by)[flags]
        if (by == 77).all():
            change_to_one(found, 4, as_mask(flags), np.int32(77), add)
        else:
            change(found, 4, as_mask(flags), as_mask(chosen), np.int32(77), np.int32(-5), add)
        assert_array_equal(found, expected)


@pytest.mark.parametrize("mask", [1, 2**63, 2**40 + 2**50, 2**64 - 1])
def test_lowest_lane_and_size_of_a_mask(mask):
    low, size, number = scalars(np.uint64(mask), np.float32(1.5).view(np.int32))
    assert (low, size, number) == ((mask & -mask).bit_length() - 1, mask.bit_count(), 1.5)


def test_a_limit_divides_the_values_of_its_lane(random):
    numbers = random.integers(-5, 5, (7, 64)).astype(np.int32)
    limits = random.integers(-6, 6, 64).astype(np.int32)
    counts, last, following = np.empty((3, 64), np.int32)
    divide(numbers.ravel(), limits, counts, last, following)
    below = numbers <= limits
    assert_array_equal(counts, below.sum(axis=0))
    assert_array_equal(last, np.where(below, numbers, -(2**31)).max(axis=0))
    assert_array_equal(following, np.where(below, 2**31 - 1, numbers).min(axis=0))


def test_values_and_their_squares_are_added_without_a_digit_lost(random):
    numbers = random.integers(-(2**23), 2**23, (16, 64)).astype(np.int32)
    numbers[:, 0] = -(2**27)
    sums, squares = np.full((2, 64), 3)
    add_powers(numbers.ravel(), sums, squares)
    exact = numbers.astype(np.int64)
    assert_array_equal(sums, 3 + exact.sum(axis=0))
    assert_array_equal(squares, 3 + (exact**2).sum(axis=0))


CHECKED = """
import numba, numpy as np, pytest
from poml_map.hybrid.boxes import vectors

@numba.njit
def compare(values, offset):
    return vectors.at_most(values, offset, np.float32(0))

compare(np.zeros(64, np.float32), 0)
for offset in (-1, 1, 2**40):
    with pytest.raises(IndexError, match="lanes outside"):
        compare(np.zeros(64, np.float32), offset)
import sys
raise SystemExit(pytest.main(["-q", "-p", "no:cacheprovider", sys.argv[1], "-k", sys.argv[2]]))
"""


def test_no_access_leaves_its_array():
    """The engine's own tests once more, compiled with the check of every index and of every 64 lanes."""
    environment = os.environ | {
        "NUMBA_BOUNDSCHECK": "1",
        "PYTHONPATH": str(ROOT),
    }
    tests = "noise or edges_of_any_shape or deviation_and_quantiles or a_gap_in"
    done = subprocess.run(
        [sys.executable, "-c", CHECKED, str(Path(__file__).with_name("test_boxes.py")), tests],
        env=environment, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
