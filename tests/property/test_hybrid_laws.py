"""Laws of the hybrid model that hold for every table."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.hybrid import PomlForest, ccc, mec, poml_weights, rmse, site_folds, training_rows

counts = st.integers(1, 10_000)
shares = st.floats(0, 1)
stocks = st.floats(0.1, 30)


@st.composite
def tables(draw):
    """Rows of a few sites, observed in some years and simulated in others."""
    rows = draw(st.integers(4, 30))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    is_simulated = rng.random(rows) < 0.5
    is_simulated[:2] = False, True
    return {
        "X": rng.normal(size=(rows, 3)).round(draw(st.integers(0, 2))),
        "y": rng.uniform(1, 5, rows),
        "site": rng.integers(0, 4, rows),
        "year": 1980 + np.arange(rows),
        "is_simulated": is_simulated,
    }


def fitted(rows, **settings):
    return PomlForest(n_trees=3, **settings).fit(rows.X, rows.y, rows.weight)


@given(n_observed=counts, n_simulated=counts, w_p=shares)
def test_weights_sum_to_the_observations_and_w_p_is_the_simulated_share(n_observed, n_simulated, w_p):
    observed, simulated = poml_weights(n_observed, n_simulated, w_p)
    assert_allclose(n_observed * observed + n_simulated * simulated, n_observed, rtol=1e-12)
    assert_allclose(n_simulated * simulated / n_observed, w_p, rtol=1e-12, atol=1e-300)


@given(table=tables(), w_p=shares)
def test_rows_keep_the_sum_of_weights_when_those_of_weight_zero_go(table, w_p):
    rows = training_rows(**table, w_p=w_p)
    assert (rows.weight > 0).all()
    assert_allclose(rows.weight.sum(), rows.n_observed, rtol=1e-12)


@settings(max_examples=25, deadline=None)
@given(table=tables(), w_p=shares, factor=st.floats(1e-6, 1e6), seed=st.integers(0, 100))
def test_scaling_all_weights_changes_nothing(table, w_p, factor, seed):
    rows = training_rows(**table, w_p=w_p)
    scaled = PomlForest(n_trees=3, seed=seed).fit(rows.X, rows.y, rows.weight * factor)
    assert_array_equal(scaled.predict(table["X"]), fitted(rows, seed=seed).predict(table["X"]))


@settings(max_examples=25, deadline=None)
@given(table=tables(), w_p=shares, seed=st.integers(0, 100))
def test_the_order_of_the_table_changes_nothing(table, w_p, seed):
    order = np.random.default_rng(seed).permutation(len(table["y"]))
    shuffled = {name: values[order] for name, values in table.items()}
    one, other = training_rows(**table, w_p=w_p), training_rows(**shuffled, w_p=w_p)
    assert_array_equal(fitted(one).predict(table["X"]), fitted(other).predict(table["X"]))


@settings(max_examples=25, deadline=None)
@given(table=tables(), w_p=shares)
def test_a_prediction_is_never_outside_the_targets(table, w_p):
    """Means of targets; 1e-12 for the rounding of a mean."""
    rows = training_rows(**table, w_p=w_p)
    found = fitted(rows).predict(table["X"] * 10)
    assert found.min() >= rows.y.min() * (1 - 1e-12)
    assert found.max() <= rows.y.max() * (1 + 1e-12)


@settings(max_examples=25, deadline=None)
@given(table=tables(), power=st.integers(-8, 8))
def test_another_unit_of_the_target_gives_the_same_trees(table, power):
    """A factor 2^n, because it is exact; another one may round the last digit of a target and turn a tie."""
    rows = training_rows(**table, w_p=0.5)
    base = fitted(rows).predict(table["X"])
    scaled = PomlForest(n_trees=3).fit(rows.X, rows.y * 2.0**power, rows.weight)
    assert_array_equal(scaled.predict(table["X"]), base * 2.0**power)


@given(n_sites=st.integers(2, 200), n_folds=st.integers(2, 10), seed=st.integers(0, 1000))
def test_folds_are_even_and_share_no_site(n_sites, n_folds, seed):
    n_folds = min(n_folds, n_sites)
    fold = site_folds(np.tile(np.arange(n_sites), 2), n_folds, seed)
    assert_array_equal(fold[:n_sites], fold[n_sites:])
    sizes = np.bincount(fold[:n_sites], minlength=n_folds)
    assert sizes.max() - sizes.min() <= 1


@given(observed=st.lists(stocks, min_size=3, max_size=20), seed=st.integers(0, 1000))
def test_concordance_never_exceeds_correlation_and_rmse_never_falls_below_bias(observed, seed):
    observed = np.array(observed)
    predicted = observed + np.random.default_rng(seed).normal(0, 1, len(observed))
    assert rmse(observed, predicted) >= abs(np.mean(predicted - observed)) * (1 - 1e-12)
    if observed.std() > 1e-3:
        correlation = np.corrcoef(observed, predicted)[0, 1]
        assert abs(ccc(observed, predicted)) <= abs(correlation) + 1e-9
        assert mec(observed, predicted) <= 1
