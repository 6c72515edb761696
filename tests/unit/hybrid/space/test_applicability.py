"""How unlike the training a row is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from poml_map.hybrid.space import TrainingSpace

RANDOM = np.random.default_rng(3)
ROWS = RANDOM.normal(size=(60, 3)) * [1.0, 100.0, 0.01]
IMPORTANCE = np.array([0.5, 0.3, 0.2])
FOLD = np.arange(60) % 5


@pytest.fixture
def space():
    return TrainingSpace.of(ROWS, IMPORTANCE, FOLD)


def test_a_training_row_is_like_itself(space):
    assert (space.di(ROWS) == 0).all()


def test_the_index_is_what_the_definition_says(space):
    scaled = (ROWS - ROWS.mean(axis=0)) / ROWS.std(axis=0) * IMPORTANCE
    pairs = np.linalg.norm(scaled[:, None] - scaled, axis=-1)
    mean = pairs[~np.eye(60, dtype=bool)].mean()
    probe = RANDOM.normal(size=(20, 3)) * [1.0, 100.0, 0.01]
    of_probe = (probe - ROWS.mean(axis=0)) / ROWS.std(axis=0) * IMPORTANCE
    expected = np.linalg.norm(of_probe[:, None] - scaled, axis=-1).min(axis=1) / mean
    assert_allclose(space.di(probe), expected, rtol=1e-12)

    other = FOLD[:, None] != FOLD
    index = np.where(other, pairs, np.inf).min(axis=1) / mean
    low, high = np.quantile(index, [0.25, 0.75])
    assert space.threshold == pytest.approx(min(high + 1.5 * (high - low), index.max()))


@settings(max_examples=20, deadline=None)
@given(factor=st.lists(st.floats(1e-3, 1e3), min_size=3, max_size=3), shift=st.floats(-10, 10))
def test_units_of_the_covariates_do_not_matter(factor, shift):
    probe = ROWS[:10] * 1.3
    found = TrainingSpace.of(ROWS * factor + shift, IMPORTANCE, FOLD).di(probe * factor + shift)
    assert_allclose(found, TrainingSpace.of(ROWS, IMPORTANCE, FOLD).di(probe), rtol=1e-6, atol=1e-9)


def test_rows_of_one_site_do_not_vouch_for_each_other():
    """Ten sites of six like rows: distances to the own site would make the threshold next to nothing."""
    sites = RANDOM.normal(size=(10, 3)).repeat(6, axis=0) + RANDOM.normal(0, 1e-3, (60, 3))
    by_site = TrainingSpace.of(sites, IMPORTANCE, np.arange(10).repeat(6) % 5)
    by_row = TrainingSpace.of(sites, IMPORTANCE, np.arange(60) % 5)
    assert by_site.threshold > 20 * by_row.threshold


def test_a_covariate_that_does_not_matter_changes_nothing():
    without = TrainingSpace.of(ROWS, [1.0, 0.0, -0.1], FOLD)
    probe = ROWS * [1.0, 50.0, -3.0]
    assert without.di(probe).max() < 1e-12


def test_a_constant_covariate_is_left_out_and_named():
    rows = np.column_stack([ROWS, np.full(60, 7.3)])
    found = TrainingSpace.of(rows, [*IMPORTANCE, 5.0], FOLD)
    assert found.left_out == (3,)
    assert_allclose(found.di(rows * [1, 1, 1, 0]), 0, atol=1e-12)


def test_a_gap_has_no_index(space):
    found = space.di([[np.nan, 0, 0], [0, np.inf, 0], [0, 0, 0]])
    assert np.isnan(found[:2]).all()
    assert np.isfinite(found[2])


@pytest.mark.parametrize(
    ("rows", "importance", "fold", "words"),
    [
        (ROWS, IMPORTANCE[:2], FOLD, "importance"),
        (ROWS * [np.nan, 1, 1], IMPORTANCE, FOLD, r"X\[0, 0\] is nan"),
        (ROWS, IMPORTANCE, FOLD * 0, "fold has one number"),
        (ROWS, IMPORTANCE * 0, FOLD, "no covariate that varies"),
        (np.ones((60, 3)), IMPORTANCE, FOLD, "no covariate that varies"),
    ],
)
def test_what_spans_no_space_is_refused(rows, importance, fold, words):
    with pytest.raises(ValueError, match=words):
        TrainingSpace.of(rows, importance, fold)
