"""Who is held out together."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from poml_map.hybrid import site_folds
from poml_map.hybrid.evaluation import Folding, random_folding

SITES = np.array([f"s{number:02d}" for number in range(30)])


def test_without_shared_places_folds_are_those_of_the_sites():
    assert_array_equal(random_folding(SITES, 5, seed=3).fold, site_folds(SITES, 5, 3))


def test_a_repeat_is_another_folding():
    first, again = (random_folding(SITES, 5, seed=3, repeat=repeat) for repeat in (0, 1))
    assert (first.fold != again.fold).any()
    assert_array_equal(again.fold, random_folding(SITES, 5, seed=4).fold)


@pytest.mark.parametrize("seed", range(5))
def test_sites_of_one_place_share_a_fold_whatever_the_order(seed):
    places = np.arange(30) // 3
    fold = random_folding(SITES, 4, seed, places).fold
    assert (fold.reshape(10, 3) == fold.reshape(10, 3)[:, :1]).all()

    order = np.random.default_rng(seed).permutation(30)
    assert_array_equal(random_folding(SITES[order], 4, seed, 99 - places[order]).fold, fold[order])


def test_more_folds_than_places_are_refused():
    with pytest.raises(ValueError, match="n_folds is 4, expected 2 to 3"):
        random_folding(SITES[:6], 4, places=[0, 0, 1, 1, 2, 2])


def test_a_single_fold_is_refused():
    with pytest.raises(ValueError, match="the folding 'blocks' has 1 fold for 3 sites"):
        Folding("blocks", np.zeros(3, int))
