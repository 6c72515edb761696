"""Maps of a forest by boxes: the numbers of scikit-learn, whatever the tile, the threads, the gaps and the trees."""

import logging
import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor
from sklearn.tree import DecisionTreeRegressor

from poml_map.hybrid import PomlForest
from poml_map.hybrid.boxes import compile_forest, plain_maps

# A step of whole numbers and a rounding to float32, both far below; the bar is 2e-6 kg/m2.
CLOSE = {"rtol": 0, "atol": 1e-6}
N_FEATURES = 4


def smooth(random, shape, rough=0.1):
    """A wave with noise, as covariates are: alike at neighbours, different everywhere."""
    axes = np.indices(shape).astype(float)
    wave = sum(np.sin(axis / random.uniform(5, 50) + random.uniform(0, 6)) for axis in axes)
    return (wave + rough * random.standard_normal(shape)).astype(np.float32)


def tile_of(random, rows=100, cols=80, years=3):
    """Two static and two annual covariates, and a mask of three pixels in four."""
    features = [smooth(random, (rows, cols)), smooth(random, (years, rows, cols))]
    features += [smooth(random, (rows, cols), 0.0).round(1), smooth(random, (years, rows, cols), 0.5)]
    return features, random.random((rows, cols)) < 0.75


def table_of(features, usable, years):
    """Rows of the usable pixels, year by year."""
    shape = (years, *usable.shape[-2:])
    rows = np.stack([np.broadcast_to(values, shape) for values in features], axis=-1)
    return rows[np.broadcast_to(usable, shape)]


def trained(random, n_trees=30, **settings):
    X = random.uniform(-2, 2, (600, N_FEATURES)).astype(np.float32).round(3)
    y = 4 + X[:, 0] + np.sin(3 * X[:, 1]) + 0.3 * random.standard_normal(600)
    return PomlForest(n_trees=n_trees, **settings).fit(X, y)


@pytest.fixture
def random():
    return np.random.default_rng(7)


@pytest.fixture
def forest(random):
    return trained(random)


@pytest.fixture
def tile(random):
    return tile_of(random)


@pytest.fixture
def compiled(forest):
    return compile_forest(forest)


def assert_same_maps(one, other):
    assert list(one) == list(other)
    for name in one:
        assert_array_equal(one[name], other[name])


def test_every_pixel_and_year_gets_what_scikit_learn_predicts(forest, compiled, tile):
    features, usable = tile
    mean = compiled.predict_maps(features, usable)["mean"]
    assert mean.shape == (3, 100, 80)
    assert mean.dtype == np.float32
    assert np.isnan(mean[:, ~usable]).all()
    assert_allclose(mean[:, usable].ravel(), forest.predict(table_of(features, usable, 3)), **CLOSE)


@pytest.mark.parametrize(
    "model",
    [
        RandomForestRegressor(n_estimators=20, random_state=0),
        RandomForestRegressor(
            n_estimators=20, max_leaf_nodes=50, random_state=0
        ),  # trees not grown depth first
        RandomForestRegressor(n_estimators=20, max_depth=3, random_state=0),
        ExtraTreesRegressor(n_estimators=20, random_state=0),
        DecisionTreeRegressor(random_state=0),
    ],
    ids=["forest", "best first", "shallow", "extra trees", "one tree"],
)
def test_forests_of_scikit_learn_are_mapped_as_they_predict(model, random, tile):
    features, usable = tile
    X = random.uniform(-2, 2, (300, N_FEATURES))
    model.fit(X, X[:, 0] * X[:, 1] + X[:, 2])
    mean = compile_forest(model).predict_maps(features, usable)["mean"]
    assert_allclose(mean[:, usable].ravel(), model.predict(table_of(features, usable, 3)), **CLOSE)


def test_a_pixel_exactly_at_a_threshold_goes_left_as_in_scikit_learn():
    """Thresholds are float64 and lie between float32 numbers: their neighbours on both sides are tried."""
    X = np.array([[0.1], [0.7], [1.1], [1.3]], np.float32)
    model = DecisionTreeRegressor().fit(X, [0.0, 1.0, 2.0, 3.0])
    threshold = model.tree_.threshold[model.tree_.threshold != -2]
    near = threshold.astype(np.float32)
    values = np.concatenate([near, np.nextafter(near, np.float32(-9)), np.nextafter(near, np.float32(9))])
    mean = compile_forest(model).predict_maps([values[None, :]], np.ones((1, len(values)), bool))["mean"]
    assert_array_equal(mean[0, 0], model.predict(values[:, None]).astype(np.float32))


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (200, 1), (7, 9), (64, 64), (65, 63), (130, 67)])
def test_edges_of_any_shape_change_no_value(random, forest, compiled, shape):
    features, usable = tile_of(random, *shape, years=2)
    usable[0, 0] = True
    mean = compiled.predict_maps(features, usable)["mean"]
    assert_allclose(mean[:, usable].ravel(), forest.predict(table_of(features, usable, 2)), **CLOSE)


@pytest.mark.parametrize("size", [1, 5, 8, 30, 64])
def test_the_same_bits_come_from_tiles_of_any_size(random, compiled, size):
    features, usable = tile_of(random, 70, 66, 2)
    options = {"tree_sd": True, "quantiles": (0.1, 0.5)}
    whole = compiled.predict_maps(features, usable, **options)
    rows, cols = (70, 66) if size > 5 else (2 * size + 1, 3 * size)  # one pixel at a time would take long
    for top in range(0, rows, size):
        for left in range(0, cols, size):
            part = np.s_[..., top : top + size, left : left + size]
            maps = compiled.predict_maps([values[part] for values in features], usable[part], **options)
            for name in whole:
                assert_array_equal(maps[name], whole[name][part])


@pytest.mark.parametrize("workers", [2, 5])
def test_the_same_bits_come_from_any_number_of_workers(random, compiled, workers):
    features, usable = tile_of(random, 200, 130, 4)
    options = {"tree_sd": True, "quantiles": (0.05, 0.95)}
    one = compiled.predict_maps(features, usable, **options)
    assert_same_maps(compiled.predict_maps(features, usable, workers=workers, **options), one)


def test_callers_in_several_threads_do_not_disturb_each_other(random, compiled):
    tiles = [tile_of(random, 60, 60, 2) for _ in range(4)]
    expected = [compiled.predict_maps(*tile) for tile in tiles]
    found = [None] * len(tiles)

    def work(number):
        for _ in range(5):
            found[number] = compiled.predict_maps(*tiles[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(tiles))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(found, expected, strict=True):
        assert_same_maps(one, other)


def test_one_covariate_and_more_than_sixty_four_work(random):
    for n_features in (1, 70):
        features = [smooth(random, (20, 30)) for _ in range(n_features)]
        X = random.uniform(-2, 2, (200, n_features))
        forest = PomlForest(n_trees=10).fit(X, X.sum(axis=1))
        usable = np.ones((20, 30), bool)
        mean = compile_forest(forest).predict_maps(features, usable)["mean"]
        assert_allclose(mean[0].ravel(), forest.predict(table_of(features, usable, 1)), **CLOSE)


def test_covariates_that_are_pure_noise_are_mapped_as_well(random, forest, compiled):
    """Nothing is decided by boxes then: every node is compared, and all buffers are as full as they can be."""
    features = [random.uniform(-2, 2, (70, 70)).astype(np.float32) for _ in range(N_FEATURES)]
    usable = np.ones((70, 70), bool)
    mean = compiled.predict_maps(features, usable)["mean"]
    assert_allclose(mean[0].ravel(), forest.predict(table_of(features, usable, 1)), **CLOSE)


def test_covariates_that_are_the_same_everywhere_are_mapped_as_well(forest, compiled):
    features = [np.full((70, 70), 0.25 * number, np.float32) for number in range(N_FEATURES)]
    mean = compiled.predict_maps(features, np.ones((70, 70), bool))["mean"]
    assert_allclose(mean, forest.predict([[0.0, 0.25, 0.5, 0.75]])[0], **CLOSE)


def test_trees_of_one_leaf_and_forests_of_one_tree_are_mapped():
    one_leaf = PomlForest(n_trees=3).fit(np.zeros((10, 1)), np.arange(10.0))
    one_tree = PomlForest(n_trees=1).fit(np.arange(10.0)[:, None], np.arange(10.0))
    values = np.linspace(0, 10, 50, dtype=np.float32)[None]
    for forest in (one_leaf, one_tree):
        maps = compile_forest(forest).predict_maps(
            [values], np.ones((1, 50), bool), tree_sd=True, quantiles=[0.5]
        )
        assert_allclose(maps["mean"][0, 0], forest.predict(values.T), **CLOSE)
        assert np.isfinite(maps["tree_sd"]).all()
        if forest is one_tree:
            assert_array_equal(maps["tree_sd"], np.zeros((1, 1, 50)))
            assert_array_equal(maps["tree_q0.5"], maps["mean"])


def test_forests_of_many_trees_and_of_huge_values_do_not_overflow(random):
    """More trees than are added in int32 at once; the largest values that a step of whole numbers has to span."""
    X = random.uniform(-2, 2, (50, 1)).astype(np.float32)
    y = np.where(X[:, 0] > 0, 3e6, -1e6)
    forest = PomlForest(n_trees=700).fit(X, y)
    values = np.linspace(-2, 2, 64, dtype=np.float32)[None]
    fast, usable = compile_forest(forest), np.ones((1, 64), bool)
    maps = fast.predict_maps([values], usable, tree_sd=True)
    assert_allclose(maps["mean"][0, 0], forest.predict(values.T), rtol=1e-6, atol=1)
    assert_array_equal(fast.predict_maps([values], usable)["mean"], maps["mean"])
    assert_array_equal(fast.predict_maps([values], usable, quantiles=[0.5])["mean"], maps["mean"])
    trees = [tree.predict(values.T)[:, 0] for tree in forest.trees_]
    assert_allclose(maps["tree_sd"][0, 0], np.std(trees, axis=0), rtol=1e-6, atol=1)


@pytest.mark.parametrize("gap", [np.nan, np.inf, -np.inf, 1e39])
def test_a_gap_in_a_covariate_gives_nodata_and_is_counted(random, compiled, gap):
    features, usable = tile_of(random, 40, 40, 3)
    usable[5, 6] = usable[20, 30] = True
    usable[0, 0] = False
    whole = compiled.predict_maps(features, usable)
    features = [values.astype(float) for values in features]
    features[0][5, 6] = gap  # static: all three years
    features[1][1, 20, 30] = gap  # in the second year
    features[2][0, 0] = gap  # not to be mapped anyway
    maps = compiled.predict_maps(features, usable, tree_sd=True, quantiles=(0.5,))
    assert (whole.gaps, maps.gaps) == (0, 4)
    expected = whole["mean"].copy()
    expected[:, 5, 6] = expected[1, 20, 30] = np.nan
    assert_array_equal(maps["mean"], expected)
    for name in maps:
        assert_array_equal(np.isnan(maps[name]), np.isnan(expected))


def test_pixels_may_be_usable_in_some_years_only(random, forest, compiled):
    features, usable = tile_of(random, 70, 40, 3)
    usable = random.random((3, 70, 40)) < 0.5
    usable[1] = False
    mean = compiled.predict_maps(features, usable)["mean"]
    assert_array_equal(np.isnan(mean), ~usable)
    assert_allclose(mean[usable], forest.predict(table_of(features, usable, 3)), **CLOSE)


def test_a_tile_without_a_usable_pixel_is_nodata(random, compiled):
    features, usable = tile_of(random, 20, 20, 2)
    maps = compiled.predict_maps(features, np.zeros_like(usable), workers=2)
    assert np.isnan(maps["mean"]).all()
    assert maps["mean"].shape == (2, 20, 20)
    assert compiled.predict_maps([values[..., :0] for values in features], usable[:, :0])["mean"].shape == (
        2,
        20,
        0,
    )


@pytest.mark.parametrize("layout", ["views", "fortran", "float64", "read only", "lists"])
def test_the_layout_of_the_covariates_does_not_matter(random, compiled, layout):
    features, usable = tile_of(random, 20, 24, 2)
    expected = compiled.predict_maps(features, usable)
    given = {
        "views": [np.repeat(values, 2, axis=-1)[..., ::2] for values in features],
        "fortran": [np.asfortranarray(values) for values in features],
        "float64": [values.astype(float) for values in features],
        "read only": [
            np.frombuffer(values.tobytes(), np.float32).reshape(values.shape) for values in features
        ],
        "lists": [values.tolist() for values in features],
    }[layout]
    before = [np.array(values) for values in given]
    assert_same_maps(compiled.predict_maps(given, usable), expected)
    for values, kept in zip(given, before, strict=True):
        assert_array_equal(values, kept)


def test_deviation_and_quantiles_are_those_of_the_values_of_the_trees(random, forest, compiled):
    features, usable = tile_of(random, 40, 70, 2)
    quantiles = (0.0, 0.05, 0.5, 0.837, 1.0)
    maps = compiled.predict_maps(features, usable, tree_sd=True, quantiles=quantiles)
    rows = table_of(features, usable, 2)
    trees = np.array([tree.predict(rows)[:, 0] for tree in forest.trees_])
    assert list(maps) == ["mean", "tree_sd", "tree_q0", "tree_q0.05", "tree_q0.5", "tree_q0.837", "tree_q1"]
    assert_allclose(maps["tree_sd"][:, usable].ravel(), trees.std(axis=0), **CLOSE)
    for quantile in quantiles:
        found = maps[f"tree_q{quantile:g}"][:, usable].ravel()
        assert_allclose(found, np.quantile(trees, quantile, axis=0), **CLOSE)


def test_the_mean_is_the_same_whatever_else_is_asked_for(compiled, tile):
    mean = compiled.predict_maps(*tile)["mean"]
    assert_array_equal(compiled.predict_maps(*tile, tree_sd=True)["mean"], mean)
    assert_array_equal(compiled.predict_maps(*tile, quantiles=(0.5,))["mean"], mean)


def test_the_deviation_is_zero_where_all_trees_agree():
    """Whatever the value is: squares are added as whole numbers, nothing is lost between large terms."""
    X = np.repeat([0.0, 1.0], 100)[:, None]
    forest = PomlForest(n_trees=50).fit(X, np.where(X[:, 0] > 0, 7.3, 1.1))
    maps = compile_forest(forest).predict_maps([[[0.2, 0.9]]], np.ones((1, 2), bool), tree_sd=True)
    assert_array_equal(maps["tree_sd"], np.zeros((1, 1, 2)))


def test_plain_maps_are_the_same_maps(random, forest, compiled):
    features, usable = tile_of(random, 50, 30, 2)
    features[0][4, 4], usable[4, 4] = np.nan, True
    plain, fast = plain_maps(forest, features, usable), compiled.predict_maps(features, usable)
    assert plain.gaps == fast.gaps == 2
    assert_allclose(plain["mean"], fast["mean"], **CLOSE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": lambda f: f[:3]}, "features has 3 arrays, expected 4"),
        ({"features": lambda f: [*f[:3], f[3][:1]]}, r"features\[3\] has shape \(1, 100, 80\)"),
        ({"features": lambda f: [f[0][:, :7], *f[1:]]}, r"features\[0\] has shape \(100, 7\)"),
        ({"features": lambda f: [f[0][0], *f[1:]]}, r"features\[0\] has shape \(80,\)"),
        ({"usable": lambda u: u.astype(int)}, "usable is a 2-dimensional array of int64, expected bool"),
        ({"usable": lambda u: u.ravel()}, "usable is a 1-dimensional array of bool"),
        ({"quantiles": 1.5}, "quantiles has 1.5, expected numbers from 0 to 1"),
        ({"quantiles": float("nan")}, "quantiles has nan"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_by_name(compiled, tile, change, message):
    features, usable = tile
    if "features" in change:
        features = change["features"](features)
    if "usable" in change:
        usable = change["usable"](usable)
    with pytest.raises(ValueError, match=message):
        compiled.predict_maps(features, usable, quantiles=[change.get("quantiles", 0.5)])


def test_nothing_is_said_when_nothing_has_to_be_compiled(compiled, tile, caplog):
    compiled.predict_maps(*tile)
    with caplog.at_level(logging.INFO):
        compiled.predict_maps(*tile)
    assert caplog.text == ""
