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
