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
def test_carbon_is_neither_made_nor_lost_in_any_month(start, rate, c_input, manure, clay, mu):
    """Respired carbon is counted from each pool's decay, not as a remainder."""
    mu = {"mu_max": mu[0], "k_m": mu[1]}
    pools = rothc.simulate(start, rate, c_input, clay, manure=manure, **mu)
    for month, before in enumerate([start, *pools[:-1]]):
        one = slice(month, month + 1)
        balance = rothc.carbon_balance(before, rate[one], c_input[one], clay, manure=manure[one], **mu)
        assert_allclose(balance.added - balance.respired, balance.stored, rtol=0, atol=1e-10)
        assert_allclose(balance.stored, pools[month].sum(axis=0) - before.sum(axis=0), rtol=0, atol=1e-10)
        assert (balance.respired >= 0).all()


@given(starts, series(24, 0, 5), series(24, 0, 1), series(24, 0, 1), clays, mu_parameters)
def test_carbon_is_neither_made_nor_lost_over_a_run(start, rate, c_input, manure, clay, mu):
    options = {"manure": manure, "mu_max": mu[0], "k_m": mu[1]}
    added, respired, stored = rothc.carbon_balance(start, rate, c_input, clay, **options)
    assert_allclose(added - respired, stored, rtol=0, atol=1e-10)
    assert_allclose(added, (c_input + manure).sum(axis=0), rtol=1e-12)


@given(starts, series(24, 0, 5), series(24, 0, 1), clays)
def test_mu_max_one_and_k_m_zero_are_plain_rothc_to_the_last_bit(start, rate, c_input, clay):
    plain = rothc.simulate(start, rate, c_input, clay)
    assert_array_equal(rothc.simulate(start, rate, c_input, clay, mu_max=1.0, k_m=0.0), plain)


@given(st.floats(0, 10), st.floats(0, 5), st.floats(1e-6, 10))
def test_mu_is_mu_max_without_k_m_and_nothing_without_biomass(bio, mu_max, k_m):
    assert rothc.michaelis_menten(bio, mu_max, 0.0) == mu_max
    assert rothc.michaelis_menten(0.0, mu_max, k_m) == 0.0
    assert 0.0 <= rothc.michaelis_menten(bio, mu_max, k_m) <= mu_max


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


@pytest.mark.parametrize("months", [12, 36])
@given(st.data(), clays, st.floats(2, 100))
def test_periodic_deficit_repeats_after_the_cycle(months, data, clay, depth):
    rain, evaporation, cover = (data.draw(series(months, 0, high)) for high in (200, 200, 1))
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
@pytest.mark.parametrize("months", [12, 60])
@given(st.data(), clays)
def test_closed_form_equals_ten_thousand_years_of_repeating_the_cycle(months, data, clay):
    """The cycle is run from each pool alone and from nothing; squaring that map again and again is exact algebra of
    the iteration: 10,000 years in 14 doublings."""
    rate, c_input, manure = (data.draw(series(months, 0, high)) for high in (4, 1, 1))
    rate = rate + 0.2
    closed = rothc.equilibrium(rate, c_input, clay, manure=manure)
    for site in range(SITES):
        one_site = (rate[:, [site]], c_input[:, [site]], clay[site])
        carried = rothc.simulate(np.zeros((4, 1)), *one_site, manure=manure[:, [site]])[-1, :, 0]
        four = np.repeat(one_site[0], 4, axis=1)
        kept = rothc.simulate(np.eye(4), four, np.zeros((months, 4)), clay[site])[-1]
        cycle = np.block([[kept, carried[:, None]], [np.zeros((1, 4)), np.ones((1, 1))]])
        iterated = np.linalg.matrix_power(cycle, 12 * 10_000 // months)[:4, 4]
        left = np.exp(-0.02 * rate[:, site].mean() * 10_000)  # of the way to the end, after 10,000 years
        assert_allclose(closed[:, site], iterated, rtol=1e-10 + 2 * left, atol=1e-13)


def test_closed_form_equals_ten_thousand_years_month_by_month_with_the_water_bucket():
    """The literal loop, once, from empty pools and a full bucket: weather to deficit to rates to pools.

    A cycle of four real years; at the first site they are alike, at the last one the water nearly balances.
    """
    rng = np.random.default_rng(4)
    high = np.reshape([60, 60, 30, 1, 1, 1], (6, 1, 1))
    drivers = high * rng.random((6, 48, SITES))
    drivers[:, :, 0] = np.tile(drivers[:, :12, 0], (1, 4))
    rain, evaporation, air_temp, cover, c_input, manure = drivers
    evaporation[:, 2] *= (rain[:, 2].sum() + 0.02) / evaporation[:, 2].sum()
    clay, depth = np.array([12.0, 30, 60]), 20.0
    deficit = rothc.periodic_deficit(rain, evaporation, clay, depth, cover)[-1]
    rate, end = rothc.rate_modifier(air_temp, rain, evaporation, clay, depth, cover, deficit)
    closed = rothc.equilibrium(rate, c_input, clay, manure=manure)
    assert_allclose(end, deficit, rtol=0, atol=1e-9)

    state, pools, thousand_years = np.zeros(SITES), np.zeros((4, SITES)), np.tile(drivers, (1, 250, 1))
    rain, evaporation, air_temp, cover, c_input, manure = thousand_years
    for _ in range(10):
        rates, state = rothc.rate_modifier(air_temp, rain, evaporation, clay, depth, cover, state)
        pools = rothc.simulate(pools, rates, c_input, clay, manure=manure)[-1]
    assert_allclose(state, deficit, rtol=0, atol=1e-8)
    assert_allclose(pools, closed, rtol=1e-9)


@pytest.mark.parametrize("months", [12, 36])
@given(st.data(), arrays(float, SITES, elements=st.floats(0.3, 30)), clays)
def test_start_state_hits_the_stock_and_does_not_drift(months, data, stock, clay):
    """Eq. 6 to 1e-9 kg/m2, and less than 1e-6 kg/m2 per year afterwards, with as much manure as the soil allows."""
    rate, weights, manure = (data.draw(series(n, 0, high)) for n, high in ((months, 4), (12, 1), (months, 1)))
    rate, shares = rate + 0.05, (weights + 1e-3) / (weights + 1e-3).sum(axis=0)
    active = stock - rothc.inert_carbon(stock)
    manure = manure * (
        0.7 * active / (rothc.equilibrium(rate, 0 * rate, clay, manure=manure + 1e-3).sum(axis=0))
    )
    start = rothc.start_state(stock, rate, shares, clay, manure=manure)
    assert_allclose(start.pools.sum(axis=0) + start.iom, stock, rtol=0, atol=1e-9)
    assert (start.annual_input > 0).all()
    c_input = np.tile(shares, (months // 12, 1)) * start.annual_input
    later = rothc.simulate_stock(start.pools, start.iom, rate, c_input, clay, manure=manure, record=[months])
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
