import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map import rothc

TWELFTHS = np.full(12, 1 / 12)


def test_equilibrium_of_one_unit_of_input_under_constant_conditions():
    """Fixed point for input 1/yr, modifier 1, clay 23.4 %, DPM/RPM 1.44, found by an independent implementation."""
    pools = rothc.equilibrium(np.ones(12), TWELFTHS, 23.4)
    assert_allclose(pools, [0.086983, 1.383268, 0.203835, 7.689556], rtol=0, atol=5e-7)


def test_equilibrium_with_manure_comes_back_after_a_year():
    rng = np.random.default_rng(0)
    rate, plant, manure = rng.random((12, 5)), rng.random((12, 5)), rng.random((12, 5))
    pools = rothc.equilibrium(rate, plant, 30.0, manure=manure)
    assert_allclose(rothc.simulate(pools, rate, plant, 30.0, manure=manure)[-1], pools, rtol=1e-12)


def test_shapes_of_drivers_may_differ_as_long_as_they_broadcast():
    rate, clay = np.random.default_rng(1).random((12, 2, 3)), np.full((2, 3), 20.0)
    full = rothc.equilibrium(rate, np.broadcast_to(TWELFTHS[:, None, None], (12, 2, 3)), clay)
    assert_allclose(rothc.equilibrium(rate, TWELFTHS, 20.0), full, rtol=1e-14)
    assert rothc.equilibrium(np.ones(12), TWELFTHS[:, None] * [1.0, 2.0], 20.0).shape == (4, 2)


def test_start_state_sums_to_the_observed_stock_and_stays_there():
    rng = np.random.default_rng(2)
    rate, stock, clay = rng.uniform(0, 3, (12, 50)), rng.uniform(1, 12, 50), rng.uniform(3, 60, 50)
    shares = rng.random((12, 50))
    shares /= shares.sum(axis=0)
    start = rothc.start_state(stock, rate, shares, clay)
    assert_allclose(start.pools.sum(axis=0) + start.iom, stock, rtol=0, atol=1e-9)
    year_later = rothc.simulate_stock(
        start.pools, start.iom, rate, shares * start.annual_input, clay, record=[12]
    )
    assert_allclose(year_later[0], stock, rtol=0, atol=1e-9)
    required = rothc.required_input(stock, start.iom, rate, shares, clay)
    assert_array_equal(required, start.annual_input)


def test_single_sites_and_given_inert_carbon_are_accepted():
    start = rothc.start_state(5.0, np.ones(12), TWELFTHS, 20.0, iom=0.5)
    assert_allclose(start.pools.sum(), 4.5)
    assert start.iom == 0.5


def test_more_woody_input_leaves_more_resistant_carbon():
    wood = rothc.start_state(5.0, np.ones(12), TWELFTHS, 20.0, dpm_rpm=0.25)
    crops = rothc.start_state(5.0, np.ones(12), TWELFTHS, 20.0)
    assert wood.pools[1] > crops.pools[1]
    assert wood.annual_input < crops.annual_input


def test_weihermueller_functions_in_tonnes_per_hectare():
    """TOC 100 t/ha, clay 20 %: the residual DPM of the raw functions is -0.16 t/ha."""
    toc, clay = 100.0, 20.0
    raw = [
        (0.1847 * toc + 0.1555) * (clay + 1.2750) ** -0.1158,
        (0.0140 * toc + 0.0075) * (clay + 8.8473) ** 0.0567,
        (0.7148 * toc + 0.5069) * (clay + 0.3421) ** 0.0184,
    ]
    active = toc - 0.049 * toc**1.139
    assert_allclose(active - sum(raw), -0.16, atol=0.005)
    pools = rothc.weihermueller(toc / 10, clay)
    assert_allclose(pools, np.array([0.0, *raw]) * active / sum(raw) / 10, rtol=1e-12)


def test_weihermueller_keeps_a_positive_residual_and_never_a_negative_pool():
    stock, clay = np.meshgrid(np.linspace(1, 12, 12), np.linspace(0, 70, 15))
    pools = rothc.weihermueller(stock, clay)
    assert (pools >= 0).all()
    assert (pools[0] == 0).any()
    assert (pools[0] > 0).any()
    assert_allclose(pools.sum(axis=0) + rothc.inert_carbon(stock), stock, rtol=1e-13)


def test_weihermueller_start_keeps_the_input_of_the_equilibrium():
    site = (5.0, np.ones(12), TWELFTHS, 20.0)
    balanced, shared = rothc.start_state(*site), rothc.start_state(*site, pools="weihermueller")
    assert shared.annual_input == balanced.annual_input
    assert_allclose(shared.pools.sum() + shared.iom, 5.0)
    assert abs(shared.pools - balanced.pools).max() > 0.01


def a_cycle(years=4, n=30, seed=8):
    """Rates, shares of the input and clay of sites in real years."""
    rng = np.random.default_rng(seed)
    shares = rng.random((12, n))
    return rng.uniform(0.05, 3, (12 * years, n)), shares / shares.sum(axis=0), rng.uniform(3, 60, n)


def test_a_cycle_of_alike_years_has_the_equilibrium_of_one_year():
    rate, shares, clay = a_cycle(years=1)
    one = rothc.equilibrium(rate, shares, clay)
    assert_allclose(rothc.equilibrium(np.tile(rate, (6, 1)), np.tile(shares, (6, 1)), clay), one, rtol=1e-11)


def test_the_equilibrium_of_a_cycle_comes_back_after_the_cycle_and_not_before():
    rate, shares, clay = a_cycle()
    pools = rothc.equilibrium(rate, shares, clay)
    path = rothc.simulate(pools, rate, np.tile(shares, (4, 1)), clay)
    assert_allclose(path[-1], pools, rtol=1e-12)
    assert (np.abs(path[11] - pools).sum(axis=0) > 1e-4).all()


def test_a_cycle_that_starts_later_passes_through_the_same_states():
    rate, shares, clay = a_cycle()
    c_input = np.tile(shares, (4, 1))
    pools = rothc.equilibrium(rate, c_input, clay)
    for months in (5, 12, 29):
        turned = rothc.equilibrium(np.roll(rate, -months, 0), np.roll(c_input, -months, 0), clay)
        run = rothc.simulate(pools, rate[:months], c_input[:months], clay)[-1]
        assert_allclose(turned, run, rtol=1e-10)


def test_the_stock_at_the_end_of_the_cycle_is_the_observed_one_and_stays_there():
    rate, shares, clay = a_cycle()
    stock = np.linspace(1, 12, 30)
    start = rothc.start_state(stock, rate, shares, clay)
    assert_allclose(start.pools.sum(axis=0) + start.iom, stock, rtol=0, atol=1e-9)
    c_input = np.tile(shares, (4, 1)) * start.annual_input
    ends = rothc.simulate_stock(start.pools, start.iom, rate, c_input, clay, record=[12, 24, 36, 48])
    assert_allclose(ends[-1], stock, rtol=0, atol=1e-9)
    assert (np.abs(ends[:3] - stock).max(axis=0) > 1e-4).all()  # within the cycle it swings with the weather


def test_shares_and_manure_of_one_year_stand_for_every_year_of_a_cycle():
    rate, shares, clay = a_cycle()
    manure, stock = 0.02 * shares[::-1], np.full(30, 8.0)
    short = rothc.start_state(stock, rate, shares, clay, manure=manure)
    long = rothc.start_state(stock, rate, np.tile(shares, (4, 1)), clay, manure=np.tile(manure, (4, 1)))
    assert_array_equal(short.pools, long.pools)


def test_known_manure_is_kept_and_the_plant_input_makes_up_the_rest_exactly():
    rate, shares, clay = a_cycle()
    stock, manure = np.linspace(3, 12, 30), np.random.default_rng(1).uniform(0, 0.01, (48, 30))
    start = rothc.start_state(stock, rate, shares, clay, manure=manure, dpm_rpm=0.67)
    assert_allclose(start.pools.sum(axis=0) + start.iom, stock, rtol=0, atol=1e-9)
    c_input = np.tile(shares, (4, 1)) * start.annual_input
    assert_allclose(
        rothc.equilibrium(rate, c_input, clay, manure=manure, dpm_rpm=0.67), start.pools, rtol=1e-12
    )
    without = rothc.start_state(stock, rate, shares, clay, dpm_rpm=0.67)
    assert (start.annual_input < without.annual_input).all()


def test_no_manure_is_the_same_as_none():
    rate, shares, clay = a_cycle()
    plain = rothc.start_state(5.0, rate, shares, clay)
    assert_array_equal(
        rothc.start_state(5.0, rate, shares, clay, manure=np.zeros((12, 30))).pools, plain.pools
    )


def test_scaling_all_inputs_by_eq_6_is_the_same_only_without_manure():
    """Eq. 6 as printed: one factor on everything, which changes the manure that is known."""
    rate, shares, clay = a_cycle(n=1)
    stock, iom = 5.0, rothc.inert_carbon(5.0)
    guess = 0.3
    for manure, same in ((0.0 * shares, True), (0.2 * shares, False)):
        simulated = iom + rothc.equilibrium(rate, guess * shares, clay, manure=manure).sum(axis=0)
        by_eq_6 = guess * (stock - iom) / (simulated - iom)
        ours = rothc.required_input(stock, iom, rate, shares, clay, manure=manure)
        assert bool(np.isclose(by_eq_6, ours, rtol=1e-12).all()) is same


def test_weihermueller_pools_with_manure_sum_to_the_stock_too():
    rate, shares, clay = a_cycle()
    start = rothc.start_state(5.0, rate, shares, clay, pools="weihermueller", manure=0.1 * shares)
    assert_allclose(start.pools.sum(axis=0) + start.iom, 5.0, rtol=0, atol=1e-12)


def test_one_climate_serves_many_stocks():
    start = rothc.start_state([4.0, 5.0, 6.0], np.ones(12), TWELFTHS, 20.0, manure=np.full(12, 0.001))
    assert start.pools.shape == (4, 3)
    assert_allclose(start.pools.sum(axis=0) + start.iom, [4.0, 5.0, 6.0])
    shared = rothc.start_state(5.0, np.ones((12, 3)), TWELFTHS, 20.0, pools="weihermueller")
    assert shared.pools.shape == (4, 3)


def test_manure_that_alone_keeps_more_than_the_soil_holds_is_refused_by_site():
    stock, manure = [4.0, 4.0], TWELFTHS[:, None] * [0.1, 2.0]
    with pytest.raises(ValueError) as refusal:
        rothc.start_state(stock, np.ones((12, 2)), TWELFTHS, 20.0, manure=manure)
    for word in [
        "equilibrium of manure[1] is -",
        "at least 0 [kg/m2]",
        "manure alone",
        "Mend: lower the manure",
    ]:
        assert word in str(refusal.value)


@pytest.mark.parametrize("pools", ["equilibrium", "weihermueller"])
def test_missing_sites_are_nan_and_touch_no_neighbour(pools):
    stock, rate, clay = (
        np.array([4.0, np.nan, 5.0, 6.0, 7.0]),
        np.ones((12, 5)),
        np.array([20.0, 20, np.nan, 20, 30]),
    )
    rate[3, 3] = np.nan
    start = rothc.start_state(stock, rate, TWELFTHS, clay, pools=pools)
    missing = [False, True, True, True, False]
    assert_array_equal(np.isnan(start.pools), np.broadcast_to(missing, (4, 5)))
    assert_array_equal(np.isnan(start.annual_input), missing)
    alone = rothc.start_state(stock[[0, 4]], rate[:, [0, 4]], TWELFTHS, clay[[0, 4]], pools=pools)
    assert_array_equal(start.pools[:, [0, 4]], alone.pools)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stock": [4.0, 0.0]}, ["stock[1] is 0", "above 0"]),
        ({"stock": [-1.0, 4.0]}, ["stock[0] is -1", "above 0"]),
        ({"stock": [np.inf, 4.0]}, ["stock[0] is inf"]),
        ({"stock": [4.0, 0.3], "iom": 0.3}, ["stock[1] is 0.3", "inert carbon"]),
        ({"rate": np.ones((18, 2))}, ["rate has 18 months", "multiple of 12"]),
        ({"rate": np.zeros((12, 2))}, ["rate (sum of the cycle)[0] is 0", "frozen"]),
        ({"monthly_fractions": np.ones(12)}, ["sum of the year)[0] is 12", "divide"]),
        ({"monthly_fractions": np.full(11, 1 / 11)}, ["11 months"]),
        ({"monthly_fractions": np.full(24, 1 / 24)}, ["sum of the year)[0] is 0.5"]),
        ({"manure": np.ones((18, 2))}, ["manure has 18 months", "multiple of 12"]),
        ({"manure": np.ones((24, 2))}, ["rate (12, 2)", "manure (24, 2)"]),
        ({"manure": -np.ones((12, 2))}, ["manure[0, 0] is -1"]),
        ({"pools": "euler"}, ["'euler'", "weihermueller"]),
        ({"stock": [4.0, 5.0, 6.0]}, ["stock (3,)"]),
    ],
)
def test_bad_starts_are_refused_by_name_place_and_mend(change, words):
    good = {"stock": [4.0, 5.0], "rate": np.ones((12, 2)), "monthly_fractions": TWELFTHS, "clay": 20.0}
    with pytest.raises(ValueError) as refusal:
        rothc.start_state(**(good | change))
    for word in [*words, "Mend:"]:
        assert word in str(refusal.value)
