"""The forest as a list of items: every node once, in preorder; what cannot be told by boxes is refused."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

from poml_map.hybrid import PomlForest
from poml_map.hybrid.boxes import UnsupportedForest, compile_forest
from poml_map.hybrid.boxes.flatten import TREES_AT_ONCE, flatten


@pytest.fixture
def table():
    random = np.random.default_rng(1)
    X = random.uniform(-1, 1, (200, 3)).astype(np.float32)
    return X, X[:, 0] + random.standard_normal(200)


def value(flat, tree, row):
    """What one tree of the items gives for a row, walked as the text says."""
    lower = flat.items.astype(np.int32)
    at = flat.first[tree]
    while (feature := flat.items[at] >> 32) >= 0:
        at = at + 1 if row[feature] <= lower[at].view(np.float32) else flat.right[at]
    return flat.centre + flat.step * lower[at]


@pytest.mark.parametrize("max_leaf_nodes", [None, 20])
def test_items_walked_by_the_rules_give_the_values_of_the_trees(table, max_leaf_nodes):
    X, y = table
    forest = RandomForestRegressor(5, max_leaf_nodes=max_leaf_nodes, random_state=0).fit(X, y)
    flat = flatten(forest)
    for tree, member in enumerate(forest.estimators_):
        found = [value(flat, tree, row) for row in X[:40]]
        np.testing.assert_allclose(found, member.predict(X[:40]), rtol=0, atol=flat.step)


def test_each_tree_is_a_whole_binary_tree(table):
    flat = flatten(RandomForestRegressor(5, random_state=0).fit(*table))
    inner = flat.items >> 32 >= 0
    for begin, end in zip(flat.first[:-1], flat.first[1:], strict=True):
        missing = 1 + np.cumsum(np.where(inner[begin:end], 1, -1))
        assert (missing[:-1] > 0).all()
        assert missing[-1] == 0
        here = np.flatnonzero(inner[begin:end]) + begin
        assert ((flat.right[here] > here + 1) & (flat.right[here] < end)).all()


def test_depth_and_sizes_are_those_of_the_trees(table):
    forest = RandomForestRegressor(5, random_state=0).fit(*table)
    flat = flatten(forest)
    assert flat.depth == max(tree.tree_.max_depth for tree in forest.estimators_)
    assert_array_equal(np.diff(flat.first), [tree.tree_.node_count for tree in forest.estimators_])
    assert (flat.n_trees, flat.n_features) == (5, 3)


@pytest.mark.parametrize("n_trees", [1, 200, 300])
def test_no_sum_of_a_round_of_trees_leaves_int32(table, n_trees):
    X, y = table
    flat = flatten(RandomForestRegressor(n_trees, max_depth=2, random_state=0).fit(X, y * 1000))
    leaves = flat.items[flat.items < 0].astype(np.int32).astype(np.int64)
    assert np.abs(leaves).max() * min(n_trees, TREES_AT_ONCE) < 2**31
    assert np.abs(leaves).max() * min(n_trees, TREES_AT_ONCE) > 2**31 * 0.99


def test_squares_of_thousands_of_trees_stay_in_int64():
    tree = DecisionTreeRegressor().fit([[0.0], [1.0]], [-5.0, 3.0])
    model = RandomForestRegressor(5000)
    model.estimators_ = [tree] * 5000
    leaves = flatten(model).items.astype(np.int32).astype(float)
    assert 2**61 < 5000 * np.abs(leaves[1]) ** 2 < 2**63


def test_thresholds_are_the_largest_float32_that_are_not_above(table):
    X, y = table
    model = DecisionTreeRegressor().fit(X, y)
    flat = flatten(model)
    inner = flat.items >> 32 >= 0
    kept = np.sort(flat.items[inner].astype(np.int32).view(np.float32))
    exact = np.sort(model.tree_.threshold[model.tree_.children_left >= 0])
    assert (kept <= exact).all()
    assert (np.nextafter(kept, np.float32(np.inf)) > exact).all()
    assert (kept < exact).any()


def test_equal_leaves_are_kept_as_they_are():
    flat = flatten(DecisionTreeRegressor().fit([[0.0], [1.0]], [2.5, 2.5]))
    assert_array_equal(flat.items[flat.items < 0].astype(np.int32), [0])
    assert flat.centre == 2.5


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (RandomForestClassifier(3).fit([[0.0], [1.0]], [0, 1]), "a RandomForestClassifier, not a regression"),
        (GradientBoostingRegressor(n_estimators=3).fit([[0.0], [1.0]], [0, 1]), "GradientBoostingRegressor"),
        (LinearRegression().fit([[0.0], [1.0]], [0, 1]), "LinearRegression"),
        (RandomForestRegressor(3).fit([[0.0], [1.0]], [[0, 1], [1, 0]]), "2 outputs, not one"),
        (DecisionTreeRegressor().fit([[0.0], [1.0]], [0.0, 1e300]), "value that float32 cannot hold"),
    ],
    ids=["classifier", "boosting", "linear", "two outputs", "huge"],
)
def test_what_boxes_cannot_tell_is_refused_with_the_reason_and_the_way_out(model, reason):
    with pytest.raises(UnsupportedForest, match=reason) as refusal:
        compile_forest(model)
    assert "Mend: use the forest's own predict" in str(refusal.value)


def test_a_forest_that_learned_where_missing_values_go_is_refused(table):
    X, y = table
    X = X.copy()
    X[np.random.default_rng(0).random(X.shape) < 0.05] = np.nan
    with pytest.raises(UnsupportedForest, match="learned where missing values go"):
        compile_forest(RandomForestRegressor(5, random_state=0).fit(X, y))


@pytest.mark.parametrize("model", [PomlForest(), RandomForestRegressor(), DecisionTreeRegressor()])
def test_a_model_that_is_not_fitted_is_refused(model):
    with pytest.raises(ValueError, match="expected a fitted one"):
        compile_forest(model)
