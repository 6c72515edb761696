"""The forest: same trees everywhere, Eq. 8 limits, gaps, names, and quality beside scikit-learn's own."""

import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from poml_map.hybrid import PomlForest, PomlRegressor, rmse


class Table:
    """What a DataFrame shows of itself: columns, and an array."""

    def __init__(self, values, columns):
        self.values, self.columns = np.asarray(values), columns

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


def assert_same_forest(one, other):
    assert len(one.trees_) == len(other.trees_)
    for a, b in zip(one.trees_, other.trees_, strict=True):
        assert_array_equal(a.children_left, b.children_left)
        assert_array_equal(a.feature, b.feature)
        assert_array_equal(a.threshold, b.threshold)
        assert_array_equal(a.value, b.value)


@pytest.fixture
def forest(rows):
    return PomlForest(n_trees=20).fit(rows.X, rows.y, rows.weight)


def test_the_forest_is_the_one_that_scikit_learn_1_5_and_1_9_grow(forest, rows):
    """Typed in from scikit-learn 1.5.2 with numpy 2.0.2; 1.9.1 with numpy 2.4.6 gives every digit.

    The table ties as real ones do (static covariates over the years, counties), which made every tree of
    another version differ as long as splits were searched on unrounded numbers. Predictions are compared to
    1e-12 only to leave room for another processor's division; node counts admit none.
    """
    assert [tree.node_count for tree in forest.trees_[:8]] == [543, 551, 553, 541, 543, 537, 531, 565]
    assert_allclose(forest.predict(rows.X[::100]), [3.061, 3.0185, 2.6385, 2.348, 3.871], rtol=1e-12)


def test_w_p_0_is_bit_for_bit_the_forest_on_observed_rows(rows):
    seen = ~rows.is_simulated
    model = PomlRegressor(w_p=0, n_trees=10).fit(rows.X, rows.y, rows.is_simulated)
    assert_same_forest(model, PomlForest(n_trees=10).fit(rows.X[seen], rows.y[seen]))


def test_w_p_1_is_bit_for_bit_the_forest_on_simulated_rows(rows):
    made = rows.is_simulated
    model = PomlRegressor(w_p=1, n_trees=10).fit(rows.X, rows.y, made)
    assert_same_forest(model, PomlForest(n_trees=10).fit(rows.X[made], rows.y[made]))


def test_a_regressor_is_the_forest_with_eq_8_weights(forest, rows):
    model = PomlRegressor(w_p=0.5, n_trees=20).fit(rows.X, rows.y, rows.is_simulated)
    assert_same_forest(model, forest)
    assert (model.n_observed_, model.n_simulated_, model.simulated_share_) == (80, 360, 0.5)


def test_a_regressor_without_simulated_rows_says_that_w_p_has_no_effect(rows):
    model = PomlRegressor(w_p=0.7, n_trees=5).fit(rows.X, rows.y)
    assert (model.n_simulated_, model.simulated_share_) == (0, 0.0)
    assert_same_forest(model, PomlForest(n_trees=5).fit(rows.X, rows.y))


def test_weights_decide_what_a_leaf_says():
    """One leaf only: its value is the weighted mean of the drawn rows, near the heavy ones."""
    y = np.repeat([0.0, 1.0], 500)
    weight = np.where(y == 1, 9.0, 1.0)
    forest = PomlForest(n_trees=50).fit(np.zeros((1000, 1)), y, weight)
    assert_allclose(forest.predict([[0.0]]), 0.9, atol=0.01)


def test_rows_are_drawn_evenly_however_heavy_they_are():
    """Each tree should miss 1/e of the rows; with weights as odds, heavy rows would hardly be missed."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 3))
    weight = np.where(np.arange(1000) < 100, 100.0, 1.0)
    forest = PomlForest(n_trees=20).fit(X, np.arange(1000.0), weight)
    drawn = [tree.n_node_samples[0] for tree in forest.trees_]
    assert_allclose(np.mean(drawn) / 1000, 1 - np.exp(-1), atol=0.01)


@pytest.mark.parametrize("n_jobs", [2, 3])
def test_threads_change_neither_the_trees_nor_the_predictions(forest, rows, n_jobs):
    threaded = PomlForest(n_trees=20, n_jobs=n_jobs).fit(rows.X, rows.y, rows.weight)
    assert_same_forest(threaded, forest)
    assert_array_equal(threaded.predict(rows.X), forest.predict(rows.X))


def test_predictions_do_not_depend_on_what_else_is_predicted(forest, rows):
    together = forest.predict(rows.X)
    one_by_one = [forest.predict(rows.X[i : i + 1])[0] for i in range(50)]
    assert_array_equal(together[:50], one_by_one)
    assert_array_equal(forest.predict(rows.X[::-1])[::-1], together)


def test_predicting_in_several_threads_at_once_gives_the_same(forest, rows):
    expected, found = forest.predict(rows.X), {}

    def work(name):
        found[name] = forest.predict(rows.X)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for values in found.values():
        assert_array_equal(values, expected)


@pytest.mark.parametrize("order", ["F", "strided", "float64", "list"])
def test_the_layout_of_the_rows_in_memory_does_not_matter(forest, rows, order):
    X = {
        "F": np.asfortranarray(rows.X),
        "strided": np.repeat(rows.X, 2, axis=1)[:, ::2],
        "float64": rows.X.astype(float),
        "list": rows.X.tolist(),
    }[order]
    assert_array_equal(forest.predict(X), forest.predict(rows.X))


@pytest.mark.parametrize("gap", [np.nan, np.inf, -np.inf, 1e39])
def test_a_row_with_a_gap_gives_nan_and_leaves_the_others_alone(forest, rows, gap):
    X = rows.X[:10].astype(float)
    X[3, 2] = gap
    found = forest.predict(X)
    assert np.isnan(found[3])
    assert_array_equal(np.delete(found, 3), np.delete(forest.predict(rows.X[:10]), 3))


def test_predicting_nothing_but_gaps_or_no_row_at_all_works(forest):
    assert np.isnan(forest.predict(np.full((3, 4), np.nan))).all()
    assert forest.predict(np.empty((0, 4))).shape == (0,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": [[0.0], [np.nan], [1.0]]}, r"X row 1, column 0 is nan \(1 such rows of 3\)"),
        ({"X": [[0.0], [1e39], [1.0]]}, "X row 1, column 0 is inf"),
        ({"X": [0.0, 1.0, 2.0]}, r"X has 1 dimension\(s\), expected 2"),
        ({"X": np.empty((0, 1)), "y": []}, r"X has shape \(0, 1\)"),
        ({"y": [1.0, np.inf, 2.0]}, r"y\[1\] is inf"),
        ({"y": [1.0, 2.0]}, r"y has shape \(2,\), expected \(3,\)"),
        ({"sample_weight": [1.0, -1.0, 1.0]}, r"sample_weight\[1\] is -1, expected 0 or more"),
        ({"sample_weight": [0.0, 0.0, 0.0]}, "sample_weight is 0 in every row"),
    ],
)
def test_rows_that_cannot_be_learned_from_are_refused_by_name(change, message):
    good = {"X": [[0.0], [1.0], [2.0]], "y": [1.0, 2.0, 3.0]}
    with pytest.raises(ValueError, match=message):
        PomlForest(n_trees=2).fit(**(good | change))


@pytest.mark.parametrize("n_trees", [0, 2.5, "many"])
def test_a_number_of_trees_that_cannot_be_is_refused(n_trees):
    with pytest.raises(ValueError, match=r"n_trees is .*, expected a whole number from 1"):
        PomlForest(n_trees=n_trees).fit([[0.0], [1.0]], [0.0, 1.0])


def test_is_simulated_must_be_flags(rows):
    with pytest.raises(ValueError, match=r"is_simulated\[0\] is .*, expected True or False"):
        PomlRegressor().fit(rows.X, rows.y, rows.year)


def test_equal_targets_give_one_leaf_per_tree():
    """Equal stocks far from zero: rounding must not look like variance. 1e-12: a leaf adds 200 rows."""
    forest = PomlForest(n_trees=5).fit(np.random.default_rng(0).normal(size=(200, 3)), np.full(200, 4.94))
    assert [tree.node_count for tree in forest.trees_] == [1] * 5
    assert_allclose(forest.predict(np.zeros((1, 3))), 4.94, rtol=1e-12)
    assert_array_equal(forest.feature_importances_, [0, 0, 0])


def test_named_columns_are_kept_and_another_order_is_refused(rows):
    names = ["ELEV", "SLP", "FER", "TMP"]
    forest = PomlForest(n_trees=3).fit(Table(rows.X, names), rows.y)
    assert list(forest.feature_names_in_) == names
    assert_array_equal(forest.predict(Table(rows.X, names)), forest.predict(rows.X))
    with pytest.raises(ValueError, match="same columns in another order: 1 is TMP, expected ELEV"):
        forest.predict(Table(rows.X[:, ::-1], names[::-1]))
    with pytest.raises(ValueError, match="missing column TMP"):
        forest.predict(Table(rows.X[:, :3], names[:3]))
    assert not hasattr(forest.fit(rows.X, rows.y), "feature_names_in_")


def test_another_number_of_columns_is_refused(forest):
    with pytest.raises(ValueError, match="X has 3 columns, expected 4"):
        forest.predict(np.zeros((2, 3)))


@pytest.mark.parametrize("ask", [lambda f: f.predict([[0.0]]), lambda f: f.feature_importances_])
def test_an_unfitted_forest_says_so(ask):
    with pytest.raises(NotFittedError, match="PomlForest is not fitted"):
        ask(PomlForest())


def test_it_behaves_as_a_scikit_learn_estimator(rows):
    model = PomlRegressor(w_p=0.3, n_trees=5)
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(w_p=0.4, seed=7).w_p == 0.4
    search = GridSearchCV(PomlRegressor(n_trees=3), {"w_p": [0.2, 0.8]}, cv=2)
    search.fit(rows.X, rows.y, is_simulated=rows.is_simulated)
    assert search.best_params_["w_p"] in (0.2, 0.8)


def test_importances_sum_to_one_and_name_the_covariate_that_matters(forest):
    assert_allclose(forest.feature_importances_.sum(), 1)
    assert forest.feature_importances_.argmax() == 0


def test_it_predicts_as_well_as_the_forest_of_scikit_learn():
    """Same trees, drawn by other random numbers: held-out errors within 3 % of each other, mean of 4 seeds.

    Unweighted, because scikit-learn changed what weights mean.
    """
    rng = np.random.default_rng(5)
    X = rng.normal(size=(1200, 8))
    y = X[:, 0] + np.abs(X[:, 1]) + X[:, 2] * X[:, 3] + rng.normal(0, 0.3, 1200)
    train, test = slice(0, 600), slice(600, None)
    errors = {"ours": [], "theirs": []}
    for seed in range(4):
        ours = PomlForest(n_trees=100, seed=seed).fit(X[train], y[train])
        theirs = RandomForestRegressor(100, max_features="sqrt", random_state=seed).fit(X[train], y[train])
        errors["ours"].append(rmse(y[test], ours.predict(X[test])))
        errors["theirs"].append(rmse(y[test], theirs.predict(X[test])))
    assert_allclose(np.mean(errors["ours"]), np.mean(errors["theirs"]), rtol=0.03)
