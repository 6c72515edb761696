"""Blocks keep land together; kNNDM matches the distances of the map."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.hybrid import site_folds
from poml_map.hybrid.space import block_folds, knndm_folds, nearest_other_fold, suggested_block_size

RANDOM = np.random.default_rng(5)
X, Y = RANDOM.uniform(0, 100_000, (2, 200))
MAP_X, MAP_Y = RANDOM.uniform(0, 100_000, (2, 1000))
CORNERS = np.concatenate([RANDOM.normal(10_000, 2_000, (80, 2)), RANDOM.normal(90_000, 2_000, (80, 2))])


def test_sites_of_one_block_share_a_fold_and_folds_are_of_like_size():
    fold, block = block_folds(X, Y, 20_000, seed=1)
    assert all(len(np.unique(fold[block == number])) == 1 for number in np.unique(block))
    sizes = np.bincount(fold)
    assert len(sizes) == 5
    assert sizes.max() - sizes.min() <= 10

    found = nearest_other_fold(X, Y, fold)
    assert np.median(found) > 1.5 * np.median(nearest_other_fold(X, Y, site_folds(np.arange(200)))), (
        "farther away"
    )


def test_two_sites_nearer_than_a_block_may_only_part_at_its_border():
    """On a line, blocks are stretches: each change of fold is a border, and there are no more than those."""
    x = np.sort(X)
    fold, _ = block_folds(x, np.zeros(200), 10_000, seed=3)
    assert (np.diff(fold) != 0).sum() <= 11


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 100), size=st.floats(5_000, 30_000))
def test_blocks_and_distances_do_not_depend_on_the_order_of_the_sites(seed, size):
    order = np.random.default_rng(seed).permutation(200)
    assert_array_equal(
        block_folds(X[order], Y[order], size, seed=seed)[0], block_folds(X, Y, size, seed=seed)[0][order]
    )


def test_sites_of_one_place_stay_in_one_fold():
    groups = np.arange(200) // 4
    for fold in (
        block_folds(X, Y, 15_000, groups=groups)[0],
        knndm_folds(X, Y, MAP_X, MAP_Y, groups=groups).fold,
    ):
        assert (fold.reshape(50, 4) == fold.reshape(50, 4)[:, :1]).all()


def test_a_size_that_is_suggested_gives_every_fold_some_blocks():
    size = suggested_block_size(X, Y)
    assert 15_000 < size < 25_000
    assert len(np.unique(block_folds(X, Y, size)[0])) == 5
    assert suggested_block_size([1.0], [2.0]) == 1.0


@pytest.mark.parametrize(
    ("size", "words"), [(0, "above 0"), (np.nan, "above 0"), (1e6, "1 block of 1000 km")]
)
def test_a_block_that_cannot_be_is_refused(size, words):
    with pytest.raises(ValueError, match=words):
        block_folds(X, Y, size)


def test_sites_spread_like_the_map_get_random_folds():
    found = knndm_folds(X, Y, MAP_X, MAP_Y, seed=2)
    assert found.n_clusters == 0
    assert found.w == found.w_random
    assert found.why_random == "sites lie no closer to each other than pixels to sites"
    assert_array_equal(np.sort(np.bincount(found.fold)), [40] * 5)


def test_clustered_sites_get_folds_that_match_the_map_better_than_random_ones():
    found = knndm_folds(*CORNERS.T, MAP_X, MAP_Y, seed=0)
    assert found.w < found.w_random
    assert not found.why_random
    assert np.bincount(found.fold).max() <= 80
    assert_allclose(found.distances_cv, nearest_other_fold(*CORNERS.T, found.fold))
    assert np.median(found.distances_cv) > 2 * np.median(
        nearest_other_fold(*CORNERS.T, site_folds(np.arange(160)))
    )


def test_two_folds_of_an_odd_number_of_sites_are_not_refused_for_one_site_more_than_half():
    sites = CORNERS[:-1]
    found = knndm_folds(*sites.T, MAP_X, MAP_Y, n_folds=2)
    assert found.n_clusters > 0
    assert np.bincount(found.fold).max() <= 80


def test_the_folds_do_not_depend_on_the_order_of_the_sites():
    order = np.random.default_rng(0).permutation(160)
    found, again = knndm_folds(*CORNERS.T, MAP_X, MAP_Y), knndm_folds(*CORNERS[order].T, MAP_X, MAP_Y)
    assert_array_equal(again.fold, found.fold[order])


def test_the_distance_between_two_distributions_is_that_of_wasserstein():
    """Two sites 10 m apart, one place of the map 4 m from the nearer: |10 - 4| m apart."""
    found = knndm_folds([0.0, 10.0], [0.0, 0.0], [4.0], [0.0], n_folds=2)
    assert found.w == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([np.nan, 1], [0, 1], [0], [0], 2), "position 0 of the sites is"),
        (([0, 1], [0, 1], [], [], 2), "map_x has no place"),
        (([0, 1], [0, 1], [0], [0], 3), "n_folds is 3, expected 2 to 2"),
        (([0, 1], [0], [0], [0], 2), "one common"),
    ],
)
def test_what_gives_no_folds_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        knndm_folds(*arguments)
