"""Change between two years by boxes: the differences of the single trees, whatever tile, threads and gaps."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.hybrid.boxes import compile_forest

from .test_boxes import CLOSE, table_of, tile_of, trained


@pytest.fixture
def random():
    return np.random.default_rng(11)


@pytest.fixture(params=[1, 40])
def forest(random, request):
    return trained(random, n_trees=request.param)


def _by_trees(forest, features, usable):
    """Mean and deviation of the differences of scikit-learn's trees at the usable pixels."""
    rows = table_of(features, usable, 2).reshape(2, -1, len(features))
    values = np.stack([[tree.predict(each)[:, 0] for tree in forest.trees_] for each in rows])
    change = values[1] - values[0]
    return change.mean(axis=0), change.std(axis=0)


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (1, 70), (53, 31), (97, 120)])
def test_mean_and_deviation_are_those_of_the_differences_of_the_trees(random, forest, rows, cols):
    features, usable = tile_of(random, rows, cols, years=2)
    usable[0, 0] = True
    maps = compile_forest(forest).predict_change(features, usable)

    for name, expected in zip(("mean", "tree_sd"), _by_trees(forest, features, usable), strict=True):
        assert maps[name].shape == (1, rows, cols)
        assert_allclose(maps[name][0][usable], expected, **CLOSE)
        assert np.isnan(maps[name][0][~usable]).all()
    assert maps.gaps == 0


def test_a_gap_in_either_year_is_a_gap_of_the_change_and_counts_once(random, forest):
    features, usable = tile_of(random, years=2)
    usable[:3, :3] = True
    features[1][0, 0, 0] = np.nan
    features[3][1, 0, 1] = np.inf
    features[1][:, 1, 1] = np.nan
    maps = compile_forest(forest).predict_change(features, usable)

    assert maps.gaps == 3
    lost = np.isnan(maps["mean"][0]) & usable
    assert sorted(map(tuple, np.argwhere(lost))) == [(0, 0), (0, 1), (1, 1)]


def test_threads_and_tiles_change_no_bit(random, forest):
    features, usable = tile_of(random, 150, 130, years=2)
    engine = compile_forest(forest)
    whole = engine.predict_change(features, usable)
    threads = engine.predict_change(features, usable, workers=3)
    part = engine.predict_change([each[..., 40:117, 5:66] for each in features], usable[40:117, 5:66])

    for name in whole:
        assert_array_equal(threads[name], whole[name])
        assert_array_equal(part[name], whole[name][:, 40:117, 5:66])


def test_static_covariates_alone_change_nothing(random, forest):
    features, usable = tile_of(random, years=2)
    still = [each if each.ndim == 2 else each[0] for each in features]
    maps = compile_forest(forest).predict_change(still, usable)

    assert (maps["mean"][0][usable] == 0).all()
    assert (maps["tree_sd"][0][usable] == 0).all()


def test_trees_that_are_wrong_alike_in_both_years_agree_on_the_change(random):
    """The point of it: the deviation of a difference is none of the sum of two deviations."""
    forest = trained(random)
    features, usable = tile_of(random, years=2)
    for number in (1, 3):
        features[number][1] = features[number][0]
    features[3][1] += 0.01
    engine = compile_forest(forest)
    apart = engine.predict_maps(features, usable, tree_sd=True)["tree_sd"][:, usable]

    assert np.median(engine.predict_change(features, usable)["tree_sd"][0][usable]) < 0.3 * np.median(apart)


def test_more_years_than_two_are_refused(random, forest):
    features, usable = tile_of(random, years=3)
    with pytest.raises(ValueError, match="features has 3 years and usable 1, expected two and one"):
        compile_forest(forest).predict_change(features, usable)
