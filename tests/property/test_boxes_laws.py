"""Laws of the maps by boxes that hold for every forest, region and tiling."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.hybrid import PomlForest
from poml_map.hybrid.boxes import compile_forest, plain_maps


@st.composite
def regions(draw):
    """A forest, covariates of every smoothness on a small region with nodata, and the mask."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_features, years = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    shape = draw(st.integers(1, 90)), draw(st.integers(1, 90))
    digits = draw(st.integers(0, 4))
    X = random.uniform(-2, 2, (draw(st.integers(2, 150)), n_features)).round(digits)
    forest = PomlForest(
        n_trees=draw(st.integers(1, 12)), min_samples_leaf=draw(st.sampled_from([1, 5])), max_features=None
    ).fit(X, X[:, 0] + random.standard_normal(len(X)))
    features = []
    for _ in range(n_features):
        size = shape if draw(st.booleans()) else (years, *shape)
        slope = np.indices(size)[-1] * draw(st.sampled_from([0, 0.001, 0.05]))
        noise = draw(st.sampled_from([0, 0.01, 1])) * random.standard_normal(size)
        values = (slope + noise).round(digits).astype(np.float32)
        values[random.random(size) < draw(st.sampled_from([0, 0.01]))] = np.nan
        features.append(values)
    return forest, features, random.random(shape) < draw(st.sampled_from([0.1, 0.9, 1.0]))


@settings(max_examples=60)
@given(region=regions(), size=st.integers(3, 70), workers=st.integers(1, 3))
def test_maps_depend_neither_on_the_tiles_nor_on_the_workers(region, size, workers):
    forest, features, usable = region
    fast = compile_forest(forest)
    options = {"tree_sd": True, "quantiles": (0.25,)}
    whole = fast.predict_maps(features, usable, workers=workers, **options)
    gaps = 0
    for top in range(0, usable.shape[0], size):
        for left in range(0, usable.shape[1], size):
            part = np.s_[..., top : top + size, left : left + size]
            maps = fast.predict_maps([values[part] for values in features], usable[part], **options)
            gaps += maps.gaps
            for name in whole:
                years = len(maps[name])  # a tile of static covariates alone has one
                assert_array_equal(maps[name], whole[name][part][:years])
    assert gaps == whole.gaps


@settings(max_examples=60)
@given(region=regions())
def test_maps_are_those_of_the_forests_own_predict(region):
    forest, features, usable = region
    fast, plain = compile_forest(forest).predict_maps(features, usable), plain_maps(forest, features, usable)
    assert fast.gaps == plain.gaps
    assert_allclose(fast["mean"], plain["mean"], rtol=0, atol=2e-6)


@settings(max_examples=40)
@given(region=regions(), seed=st.integers(0, 1000))
def test_the_place_of_a_pixel_does_not_matter(region, seed):
    """Pixels in any order, neighbours or not: each gets the same bits."""
    forest, features, usable = region
    fast = compile_forest(forest)
    order = np.random.default_rng(seed).permutation(usable.shape[1])
    mean = fast.predict_maps(features, usable)["mean"]
    shuffled = fast.predict_maps([values[..., order] for values in features], usable[:, order])["mean"]
    assert_array_equal(shuffled, mean[..., order])
