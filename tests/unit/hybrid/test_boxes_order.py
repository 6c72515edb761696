"""Pixels along the curve: each usable one once, neighbours together, windows and blocks as full as can be."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from poml_map.hybrid.boxes.order import PIXELS, order_pixels
from poml_map.hybrid.boxes.vectors import LANES


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (64, 64), (37, 90), (130, 129)])
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_each_usable_pixel_is_in_one_window(shape, share):
    usable = np.random.default_rng(0).random((1, *shape)) < share
    order = order_pixels(usable, years=2)
    assert_array_equal(np.sort(order.pixels), np.flatnonzero(usable))
    for year in (0, 1):
        ends = order.windows[order.windows[:, 0] == year, 1:]
        assert_array_equal(ends.ravel()[1:-1:2], ends.ravel()[2::2])  # each begins where the last one ended
        assert (ends[0, 0], ends[-1, 1]) == (0, usable.sum()) if usable.any() else len(ends) == 0


def test_years_with_pixels_of_their_own_have_lists_of_their_own():
    usable = np.zeros((3, 4, 4), bool)
    usable[0, 0, :2] = usable[2, 3, 3] = True
    order = order_pixels(usable, years=3)
    found = {int(year): order.pixels[begin:end].tolist() for year, begin, end in order.windows if end > begin}
    assert {year: sorted(pixels) for year, pixels in found.items()} == {0: [0, 1], 2: [15]}


def test_windows_of_a_tile_are_evenly_full_and_made_of_whole_blocks():
    order = order_pixels(np.ones((1, 100, 100), bool), years=1)
    sizes = np.diff(order.windows[:, 1:]).ravel()
    assert len(sizes) == 3  # 10,000 pixels, 4,096 at most
    assert (sizes[:-1] % LANES == 0).all()
    assert sizes.max() <= PIXELS
    assert sizes.min() > 0.9 * sizes.max()


def test_the_curve_goes_from_neighbour_to_neighbour():
    side = 32
    row, col = np.divmod(order_pixels(np.ones((1, side, side), bool), 1).pixels.astype(int), side)
    assert_array_equal(np.abs(np.diff(row)) + np.abs(np.diff(col)), np.ones(side * side - 1))


def test_blocks_of_a_sparse_mask_are_as_compact_as_it_allows():
    """One pixel in ten: 64 of them cannot lie closer than in a square of about 25 pixels."""
    usable = np.random.default_rng(1).random((1, 256, 256)) < 0.1
    pixels = order_pixels(usable, 1).pixels.astype(int)
    blocks = pixels[: len(pixels) // LANES * LANES].reshape(-1, LANES)
    extent = [np.ptp(part, axis=1) + 1 for part in np.divmod(blocks, 256)]
    assert np.median(np.sqrt(extent[0] * extent[1])) < 1.6 * np.sqrt(LANES / 0.1)
