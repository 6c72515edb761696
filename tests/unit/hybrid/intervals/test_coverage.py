"""Cross-fold limits and the tables of coverage."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.hybrid import site_folds
from poml_map.hybrid.intervals.conformal import Conformal
from poml_map.hybrid.intervals.coverage import (
    coverage_row,
    coverage_table,
    interval_score,
    pit_table,
)
from poml_map.hybrid.intervals.cross import HeldOutSpread, cross_limits

YEARS = np.array([1980, 1981, 1982])


def made(n_sites=300, shrink=1.0, seed=0):
    """Three years, observed in the first and last; spreads that differ by site and tell the error `shrink`-fold."""
    rng = np.random.default_rng(seed)
    sd = np.broadcast_to(rng.uniform(0.1, 0.5, n_sites), (3, n_sites))
    mean = np.full((3, n_sites), 3.0)
    observed = mean + sd * rng.normal(size=(3, n_sites))
    observed[1] = np.nan
    return HeldOutSpread(mean, shrink * sd, observed, site_folds(np.arange(n_sites), 5), YEARS)


@pytest.mark.parametrize("shrink", [0.4, 1.0, 3.0])
def test_intervals_hold_whatever_unit_the_spread_has(shrink):
    rows = {row["level"]: row for row in coverage_table(made(shrink=shrink), YEARS) if row["subset"] == "all"}
    for level, row in rows.items():
        assert_allclose(row["picp"], level, atol=0.02)
        assert row["n"] == 600
    assert_allclose(rows[0.9]["mean_width"], 2 * 1.645 * 0.3, rtol=0.1)


def test_a_fold_does_not_set_its_own_limits():
    """What is observed in a fold changes the limits of every other fold and not its own."""
    one = made()
    observed = one.observed.copy()
    observed[:, one.fold == 2] += 5.0
    before, after = one.limits(0.9), cross_limits(one.mean, one.sd, observed, one.fold, YEARS, 0.9)
    here = one.fold == 2
    assert_array_equal(before[1][:, here], after[1][:, here])
    assert (before[1][:, ~here] < after[1][:, ~here]).all()


def test_limits_are_there_in_years_without_an_observation():
    low, high = made().limits(0.8)
    assert np.isfinite(low).all()
    assert (low < high).all()


def test_the_limits_of_a_map_use_all_folds():
    one = made()
    site = np.tile(np.arange(300), 2)
    all_rows = Conformal.of(
        *(getattr(one, name)[[0, 2]].ravel() for name in ("observed", "mean", "sd")), site
    )
    assert one.calibrated().pooled.quantile(0.95) == all_rows.quantile(0.95)


def test_each_campaign_has_rows_of_its_own():
    rows = coverage_table(made(60), YEARS, levels=(0.5, 0.9))
    assert [row["subset"] for row in rows] == ["all", "all", "1980", "1980", "1982", "1982"]
    assert [row["n"] for row in rows[::2]] == [120, 60, 60]
    assert set(rows[0]) == {
        "subset", "level", "n", "picp", "below", "above", "mean_width", "interval_score", "note",
    }  # fmt: skip


def test_too_few_sites_are_told_in_the_row():
    (row,) = coverage_table(made(20), YEARS, levels=(0.9,))[:1]
    assert np.isnan(row["picp"])
    assert row["n"] == 0
    assert row["note"] == "16 sites are too few for limits at a level of 90 %: 19 are needed"


def test_shares_outside_and_inside_make_one():
    rng = np.random.default_rng(4)
    row = coverage_row(rng.normal(size=500), rng.uniform(-2, 0, 500), rng.uniform(0, 2, 500), 0.9)
    assert_allclose(row["picp"] + row["below"] + row["above"], 1.0)


def test_rows_without_limits_are_counted_and_told():
    row = coverage_row([1.0, 2.0], [0.0, np.nan], [3.0, np.nan], 0.9)
    assert (row["n"], row["note"]) == (1, "1 of 2 without an interval")


def test_the_interval_score_is_least_at_the_true_limits():
    """A proper score: of a normal sample, narrower and wider intervals than the right one score worse."""
    x = np.random.default_rng(5).normal(size=100_000)
    right, narrow, wide = (interval_score(x, -1.645 * f, 1.645 * f, 0.9).mean() for f in (1.0, 0.8, 1.25))
    assert right < min(narrow, wide)


def test_the_pit_is_even_and_its_ends_tell_of_narrow_intervals():
    (row, *_) = pit_table(made(2000), YEARS)
    assert sum(row["counts"]) == row["n"] == 4000
    assert np.abs(np.array(row["counts"]) / 4000 - 0.1).max() < 0.02
    assert_allclose(
        row["crps"], 0.3 / np.sqrt(np.pi), rtol=0.05
    )  # of a right normal distribution: sd / sqrt(pi)


def test_arrays_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="expected three of"):
        cross_limits(np.ones((2, 3)), np.ones((2, 3)), np.ones((3, 2)), [0, 1, 1], [1980, 1981], 0.9)


def test_observations_in_one_fold_alone_are_refused():
    observed = np.array([[1.0, np.nan]])
    with pytest.raises(ValueError, match="none of 0 held-out rows"):
        cross_limits(np.ones((1, 2)), np.ones((1, 2)), observed, [0, 1], [1980], 0.5)
