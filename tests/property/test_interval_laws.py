"""Laws of the intervals, for whatever residuals there are."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from poml_map.hybrid.intervals.conformal import Conformal
from poml_map.hybrid.intervals.coverage import interval_score
from poml_map.hybrid.intervals.cross import cross_limits

SIZE = st.shared(st.integers(20, 60), key="rows")


def rows_of(low, high):
    return SIZE.flatmap(lambda n: arrays(float, n, elements=st.floats(low, high, width=32)))


HELD_OUT = st.tuples(rows_of(0, 20), rows_of(0, 20), rows_of(0, 4))
LEVEL = st.floats(0.02, 0.9)


@given(HELD_OUT, LEVEL, LEVEL)
def test_a_higher_level_has_no_narrower_interval(rows, one, other):
    held_out = Conformal.of(*rows, np.arange(len(rows[0])))
    small, large = (held_out.limits(rows[1], rows[2], level) for level in sorted((one, other)))
    assert (large[0] <= small[0]).all()
    assert (large[1] >= small[1]).all()


@given(HELD_OUT, LEVEL)
def test_at_least_the_level_of_the_calibrating_rows_is_inside(rows, level):
    """Before a limit is cut at 0, and but for the rounding of a residual times its spread."""
    observed, mean, sd = rows
    held_out = Conformal.of(*rows, np.arange(len(observed)))
    low, high = held_out.limits(mean, sd, level)
    inside = (observed >= low - 1e-9) & (observed <= high + 1e-9)
    assert inside.mean() >= level - 1e-9


@given(HELD_OUT, LEVEL, st.sampled_from([0.25, 0.5, 2.0, 8.0]))
def test_the_unit_of_the_spread_does_not_matter(rows, level, factor):
    observed, mean, sd = rows
    sites = np.arange(len(observed))
    plain = Conformal.of(observed, mean, sd, sites).limits(mean, sd, level)
    scaled = Conformal.of(observed, mean, factor * sd, sites).limits(mean, factor * sd, level)
    if sd.any():
        assert_allclose(plain, scaled, rtol=1e-9, atol=1e-9)


@given(HELD_OUT, LEVEL, st.randoms())
def test_the_order_of_rows_does_not_matter(rows, level, random):
    sites = np.arange(len(rows[0])) // 2
    order = np.array(random.sample(range(len(sites)), len(sites)))
    one = Conformal.of(*rows, sites)
    other = Conformal.of(*(values[order] for values in rows), sites[order])
    # Where no tree spreads, the floor is a sum over rows, whose last digit depends on their order.
    assert_allclose(one.quantile(0.5 + level / 2), other.quantile(0.5 + level / 2), rtol=1e-12)


@given(HELD_OUT)
def test_the_pit_rises_with_the_observation_and_stays_a_share(rows):
    held_out = Conformal.of(*rows, np.arange(len(rows[0])))
    pit = held_out.pit(np.linspace(-50, 70, 40), np.full(40, 10.0), np.full(40, 1.0))
    assert (np.diff(pit) >= 0).all()
    assert ((pit > 0) & (pit < 1)).all()


@given(HELD_OUT, LEVEL)
def test_an_interval_costs_at_least_its_width(rows, level):
    observed, mean, sd = rows
    assert (interval_score(observed, mean, mean + sd, level) >= sd - 1e-9).all()


@given(HELD_OUT, st.floats(-5, 5))
def test_a_fold_never_sets_its_own_limits(rows, shift):
    observed, mean, sd = (values[np.newaxis] for values in rows)
    fold = np.arange(observed.size) % 2
    moved = np.where(fold == 0, np.abs(observed + shift), observed)
    one, other = (cross_limits(mean, sd, each, fold, [1980], 0.5) for each in (observed, moved))
    assert_allclose(np.stack(one)[:, :, fold == 0], np.stack(other)[:, :, fold == 0])
