"""Laws that RothC must keep for any soil and weather."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from poml_map import rothc

settings.register_profile("rothc", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("rothc")

SITES = 3
clays = arrays(float, SITES, elements=st.floats(1.5, 100))
amounts = st.floats(0, 5)
starts = arrays(float, (4, SITES), elements=amounts)
mu_parameters = st.tuples(st.floats(0, 3), st.one_of(st.just(0.0), st.floats(1e-6, 10)))


def series(months, low, high):
    return arrays(float, (months, SITES), elements=st.floats(low, high))


@given(starts, series(24, 0, 5), series(24, 0, 1), series(24, 0, 1), clays, mu_parameters)
def test_carbon_is_neither_made_nor_lost(start, rate, c_input, manure, clay, mu):
    """Respired carbon is counted from each pool's decay, not as a remainder."""
    options = {"manure": manure, "mu_max": mu[0], "k_m": mu[1]}
    added, respired, stored = rothc.carbon_balance(start, rate, c_input, clay, **options)
    assert_allclose(added - respired, stored, rtol=0, atol=1e-10)
    assert (respired >= 0).all()


@given(starts, series(36, 0, 5), clays, mu_parameters)
def test_carbon_only_leaves_when_nothing_is_added(start, rate, clay, mu):
    pools = rothc.simulate(start, rate, np.zeros((36, SITES)), clay, mu_max=mu[0], k_m=mu[1])
    totals = np.concatenate([start[np.newaxis], pools]).sum(axis=1)
    assert (np.diff(totals, axis=0) <= 1e-12).all()
    assert (pools >= 0).all()


@given(starts, series(24, 0, 3), series(24, 0, 2), clays, st.floats(0, 1))
def test_faster_decay_never_leaves_more_carbon(start, rate, c_input, clay, slower):
    fast = rothc.simulate(start, rate, c_input, clay).sum(axis=1)
    slow = rothc.simulate(start, slower * rate, c_input, clay).sum(axis=1)
    assert (slow >= fast - 1e-12).all()


@given(st.floats(-60, 59), st.floats(0, 30))
def test_warmer_never_decays_slower(air_temp, warming):
    warmer = min(air_temp + warming, 60.0)
    assert rothc.temperature_modifier(warmer) >= rothc.temperature_modifier(air_temp)


@given(series(12, 0, 200), series(12, 0, 200), clays, series(12, 0, 1), st.floats(0, 50), st.floats(2, 100))
def test_more_rain_never_dries_the_soil_nor_slows_decay(rain, evaporation, clay, cover, more, depth):
    soil = (clay, depth, cover)
    dry = rothc.moisture_deficit(rain, evaporation, *soil)
    wet = rothc.moisture_deficit(rain + more, evaporation, *soil)
    assert (wet >= dry - 1e-9).all()
    b_dry, b_wet = (rothc.moisture_modifier(deficit, clay, depth) for deficit in (dry, wet))
    assert (b_wet >= b_dry - 1e-9).all()
    assert ((b_dry >= 0.2) & (b_dry <= 1.0)).all()


@given(series(12, 0, 200), series(12, 0, 200), clays, series(12, 0, 1), st.floats(2, 100))
def test_periodic_deficit_repeats_after_a_year(rain, evaporation, clay, cover, depth):
    periodic = rothc.periodic_deficit(rain, evaporation, clay, depth, cover)
    again = rothc.moisture_deficit(rain, evaporation, clay, depth, cover, initial=periodic[-1])
    assert_allclose(again, periodic, rtol=0, atol=1e-9)
    assert (periodic <= 0).all()


@given(starts, starts, series(24, 0, 3), series(24, 0, 2), series(24, 0, 2), clays, st.floats(0, 10))
def test_plain_rothc_is_linear_in_start_and_input(one, other, rate, c_one, c_other, clay, factor):
    sum_of_runs = rothc.simulate(one, rate, c_one, clay) + factor * rothc.simulate(other, rate, c_other, clay)
    run_of_sum = rothc.simulate(one + factor * other, rate, c_one + factor * c_other, clay)
    assert_allclose(run_of_sum, sum_of_runs, rtol=1e-10, atol=1e-11)


@given(series(12, 0, 4), series(12, 0, 1), clays, st.floats(1e-3, 1e3))
def test_equilibrium_is_linear_in_the_input(rate, c_input, clay, factor):
    rate = rate + 0.05
    once = rothc.equilibrium(rate, c_input, clay)
    assert_allclose(rothc.equilibrium(rate, factor * c_input, clay), factor * once, rtol=1e-9, atol=1e-12)


@settings(max_examples=10)
@given(series(12, 0, 4), series(12, 0, 1), clays)
def test_closed_form_equals_ten_thousand_years_of_repeating_the_year(rate, c_input, clay):
    """The year is run from each pool alone and from nothing; squaring that map 10,000 = 2 * 2 * ... times is exact
    algebra of the iteration: 10,000 years in 14 doublings."""
    rate = rate + 0.2
    for site in range(SITES):
        one_site = (rate[:, [site]], c_input[:, [site]], clay[site])
        carried = rothc.simulate(np.zeros((4, 1)), *one_site)[-1, :, 0]
        kept = rothc.simulate(np.eye(4), np.repeat(one_site[0], 4, 1), np.zeros((12, 4)), clay[site])[-1]
        year = np.block([[kept, carried[:, None]], [np.zeros((1, 4)), np.ones((1, 1))]])
        iterated = np.linalg.matrix_power(year, 10_000)[:4, 4]
        closed = rothc.equilibrium(*one_site)[:, 0]
        remains = np.exp(
            -0.02 * rate[:, site].mean() * 10_000
        )  # of the way to the end: what 10,000 years leave
        assert_allclose(closed, iterated, rtol=1e-10 + 2 * remains, atol=1e-13)


def test_closed_form_equals_three_thousand_years_month_by_month():
    """The literal loop, once, from empty pools: after 3,000 years 1e-20 of the way is left."""
    rate = np.array([0.3, 0.3, 0.6, 0.9, 1.4, 0.5, 0.4, 2.1, 1.7, 0.8, 0.5, 0.3])
    c_input = np.array([0.0, 0, 0, 0, 0, 0.1, 0, 0, 0, 0.2, 0, 0])
    pools = np.zeros(4)
    for _ in range(3):
        pools = rothc.simulate(pools, np.tile(rate, 1000), np.tile(c_input, 1000), 23.4)[-1]
    assert_allclose(rothc.equilibrium(rate, c_input, 23.4), pools, rtol=1e-11)


@given(arrays(float, SITES, elements=st.floats(0.3, 30)), series(12, 0, 4), series(12, 0, 1), clays)
def test_start_state_hits_the_stock_and_does_not_drift(stock, rate, weights, clay):
    """Eq. 6 to 1e-9 kg/m2, and less than 1e-6 kg/m2 per year afterwards."""
    rate, shares = rate + 0.05, (weights + 1e-3) / (weights + 1e-3).sum(axis=0)
    start = rothc.start_state(stock, rate, shares, clay)
    assert_allclose(start.pools.sum(axis=0) + start.iom, stock, rtol=0, atol=1e-9)
    later = rothc.simulate_stock(start.pools, start.iom, rate, shares * start.annual_input, clay, record=[12])
    assert (np.abs(later[0] - stock) < 1e-6).all()


@given(
    starts,
    series(24, 0, 3),
    series(24, 0, 2),
    clays,
    st.integers(0, SITES - 1),
    st.sampled_from(["start", "rate", "c_input", "clay"]),
)
def test_a_missing_value_stays_with_its_site(start, rate, c_input, clay, site, where):
    whole = {"start": start, "rate": rate, "c_input": c_input, "clay": clay}
    holed = {name: values.copy() for name, values in whole.items()}
    holed[where].reshape(-1, SITES)[0, site] = np.nan
    assume(np.nanmax(holed["clay"]) > 1)
    before, after = (rothc.simulate(**case, mu_max=1.2, k_m=0.1) for case in (whole, holed))
    others = np.arange(SITES) != site
    assert np.isnan(after[-1].sum(axis=0)[site])
    assert_array_equal(after[:, :, others], before[:, :, others])


@given(starts, series(12, 0, 3), series(12, 0, 2), clays)
@pytest.mark.parametrize("split", [1, 5])
def test_a_run_in_two_parts_equals_one_run(split, start, rate, c_input, clay):
    whole = rothc.simulate(start, rate, c_input, clay, mu_max=1.2, k_m=0.1)
    first = rothc.simulate(start, rate[:split], c_input[:split], clay, mu_max=1.2, k_m=0.1)
    second = rothc.simulate(first[-1], rate[split:], c_input[split:], clay, mu_max=1.2, k_m=0.1)
    assert_array_equal(np.concatenate([first, second]), whole)
