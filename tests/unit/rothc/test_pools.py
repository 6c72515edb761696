import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map import rothc


def plain_loop(start, rate, c_input, clay, dpm_rpm=1.44, manure=None, mu_max=1.0, k_m=0.0):
    """The month written out for one site with four exponentials, independent of the package's step."""
    x = 1.67 * (1.85 + 1.60 * np.exp(-0.0786 * clay))
    dpm, rpm, bio, hum = start
    for month, m in enumerate(rate):
        mu = mu_max if k_m == 0 else mu_max * bio / (k_m + bio)
        kept = [
            pool * np.exp(-k * m * mu / 12)
            for pool, k in zip((dpm, rpm, bio, hum), (10, 0.3, 0.66, 0.02), strict=True)
        ]
        lost = dpm + rpm + bio + hum - sum(kept)
        plant, dung = c_input[month], 0.0 if manure is None else manure[month]
        dpm = kept[0] + plant * dpm_rpm / (1 + dpm_rpm) + 0.49 * dung
        rpm = kept[1] + plant / (1 + dpm_rpm) + 0.49 * dung
        bio = kept[2] + lost * 0.46 / (x + 1)
        hum = kept[3] + lost * 0.54 / (x + 1) + 0.02 * dung
    return np.array([dpm, rpm, bio, hum])


def test_humification_at_the_clay_of_the_model_description():
    """x = 3.514183 at 23.4 % clay, so CO2 takes 0.778476."""
    alpha, beta = rothc.humification(23.4)
    assert_allclose([alpha, beta, 1 - alpha - beta], [0.101901, 0.119623, 0.778476], rtol=0, atol=5e-7)


def test_inert_carbon_is_computed_in_tonnes_per_hectare():
    """Falloon et al. (1998) at 37.1 t/ha gives 3.00; kg/m2 put in raw would give 27 % less (2.18)."""
    assert_allclose(rothc.inert_carbon(3.71), 0.300, atol=5e-4)
    assert_allclose(rothc.inert_carbon([4.94, 0.0]), [0.416247, 0.0], atol=5e-7)
    assert_allclose(rothc.inert_carbon(4.94), 0.06748 * 4.94**1.139, rtol=1e-4)  # rounded factor


@pytest.mark.parametrize(
    "options", [{}, {"mu_max": 1.4, "k_m": 0.05}, {"dpm_rpm": 0.25}, {"mu_max": 0.7}, {"manure": True}]
)
def test_powers_of_one_exponential_equal_four_exponentials(options):
    """Two hundred months of rates up to 5: the powers lose at most 1e-13 relative."""
    rng = np.random.default_rng(3)
    rate, c_input, clay = rng.uniform(0, 5, (200, 6)), rng.uniform(0, 0.1, (200, 6)), rng.uniform(2, 90, 6)
    if options.get("manure"):
        options = {"manure": rng.uniform(0, 0.05, (200, 6))}
    start = rng.uniform(0, 2, (4, 6))
    pools = rothc.simulate(start, rate, c_input, clay, **options)[-1]
    for site in range(6):
        own = {name: value[:, site] if name == "manure" else value for name, value in options.items()}
        expected = plain_loop(start[:, site], rate[:, site], c_input[:, site], clay[site], **own)
        assert_allclose(pools[:, site], expected, rtol=1e-12)


def test_mu_max_one_and_k_m_zero_are_plain_rothc_to_the_last_bit():
    rng = np.random.default_rng(0)
    start, rate, c_input = rng.random((4, 5)), rng.random((24, 5)), rng.random((24, 5))
    start[:, 0] = 0.0
    plain = rothc.simulate(start, rate, c_input, 20.0)
    assert_array_equal(rothc.simulate(start, rate, c_input, 20.0, mu_max=1.0, k_m=0.0), plain)
    mixed = rothc.simulate(start, rate, c_input, 20.0, mu_max=[[1.0], [1.3]], k_m=[[0.0], [0.1]])
    assert_array_equal(mixed[:, :, 0], plain)
    assert (mixed[-1, :, 1] != plain[-1]).any()


def test_mu_without_biomass_is_mu_max_at_k_m_zero_and_nothing_otherwise():
    assert_array_equal(rothc.michaelis_menten(0.0, 1.3, [0.0, 0.1]), [1.3, 0.0])
    start = [0.1, 0.5, 0.0, 1.0]
    resting = rothc.simulate(start, np.ones(1), np.zeros(1), 20.0, mu_max=1.3, k_m=0.1)
    assert_array_equal(resting[0], start)
    decaying = rothc.simulate(start, np.ones(1), np.zeros(1), 20.0, mu_max=1.3, k_m=0.0)
    assert_array_equal(decaying, rothc.simulate(start, np.full(1, 1.3), np.zeros(1), 20.0))


def test_k_m_is_the_biomass_of_half_speed():
    assert_allclose(rothc.michaelis_menten([0.05, 0.1, 1e6], 1.5, 0.05), [0.75, 1.0, 1.5], rtol=1e-7)


def test_input_comes_after_decay_in_the_same_month():
    pools = rothc.simulate(np.zeros(4), np.full(2, 5.0), [1.0, 0.0], 20.0)
    assert_allclose(pools[0], [1.44 / 2.44, 1 / 2.44, 0, 0])
    assert_allclose(pools[1][0], 1.44 / 2.44 * np.exp(-10 * 5 / 12))


def test_manure_splits_into_dpm_rpm_and_humus():
    pools = rothc.simulate(np.zeros(4), np.ones(1), np.zeros(1), 20.0, manure=np.ones(1))
    assert_allclose(pools[0], [0.49, 0.49, 0.0, 0.02])


def test_stock_route_equals_the_sum_of_all_pools():
    rng = np.random.default_rng(5)
    start, rate, c_input = rng.random((4, 7)), rng.random((30, 7)), rng.random((30, 7))
    options = {"mu_max": 1.2, "k_m": 0.3, "manure": rng.random((30, 7))}
    pools = rothc.simulate(start, rate, c_input, 20.0, **options)
    stocks = rothc.simulate_stock(start, 0.5, rate, c_input, 20.0, record=[0, 30, 12], **options)
    expected = [start.sum(axis=0) + 0.5, pools[29].sum(axis=0) + 0.5, pools[11].sum(axis=0) + 0.5]
    assert_allclose(stocks, expected, rtol=1e-15)


def test_parameter_axis_gives_the_same_as_one_run_for_each():
    rng = np.random.default_rng(6)
    start, rate, c_input = rng.random((4, 5)), rng.random((24, 5)), rng.random((24, 5))
    mu_max, k_m = np.array([0.5, 1.0, 2.0]), np.array([0.1, 0.0, 0.4])
    together = rothc.simulate_stock(
        start, 0.1, rate, c_input, 20.0, record=[24], mu_max=mu_max[:, None], k_m=k_m[:, None]
    )
    assert together.shape == (1, 3, 5)
    for i in range(3):
        alone = rothc.simulate_stock(
            start, 0.1, rate, c_input, 20.0, record=[24], mu_max=mu_max[i], k_m=k_m[i]
        )
        assert_allclose(together[:, i], alone, rtol=1e-15)


def test_pixels_on_a_grid_equal_pixels_in_a_row():
    rng = np.random.default_rng(7)
    start, rate, c_input, clay = (
        rng.random((4, 6)),
        rng.random((12, 6)),
        rng.random((12, 6)),
        rng.uniform(5, 50, 6),
    )
    row = rothc.simulate(start, rate, c_input, clay)
    grid = rothc.simulate(
        start.reshape(4, 2, 3), rate.reshape(12, 2, 3), c_input.reshape(12, 2, 3), clay.reshape(2, 3)
    )
    assert_array_equal(grid.reshape(12, 4, 6), row)


def test_balance_counts_respired_carbon_pool_by_pool():
    """One month, RPM alone: 1 - exp(-0.3/12) decays, of which CO2 takes x/(x+1)."""
    balance = rothc.carbon_balance([0.0, 1.0, 0.0, 0.0], np.ones(1), [0.25], 23.4, manure=[0.5])
    assert_allclose(balance.added, 0.75)
    assert_allclose(balance.respired, 0.778476 * (1 - np.exp(-0.025)), rtol=1e-6)
    assert_allclose(balance.stored, balance.added - balance.respired, atol=1e-15)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start": np.ones((5, 2))}, ["start has shape (5, 2)", "(4, ...)"]),
        ({"start": -np.ones((4, 2))}, ["start[0, 0] is -1"]),
        ({"rate": np.ones((11, 2))}, ["rate (11, 2)", "c_input (12, 2)"]),
        ({"rate": 1.0}, ["rate ()", "months first"]),
        ({"c_input": np.ones((12, 3))}, ["c_input (3,)"]),
        ({"c_input": np.full((12, 2), -0.1)}, ["c_input[0, 0] is -0.1", "24 such values"]),
        ({"clay": [0.2, 0.3]}, ["fraction"]),
        ({"clay": [20.0, -1.0]}, ["clay[1] is -1"]),
        ({"dpm_rpm": -1.0}, ["dpm_rpm is -1"]),
        ({"k_m": np.nan}, ["k_m is nan", "a number"]),
        ({"mu_max": -0.5}, ["mu_max is -0.5"]),
        ({"mu_max": np.ones(3)}, ["mu_max (3,)", "parameter axis"]),
        ({"manure": np.full((12, 2), np.inf)}, ["manure[0, 0] is inf"]),
        ({"manure": np.ones((3, 2))}, ["manure (3, 2)"]),
    ],
)
def test_bad_runs_are_refused_by_name_place_and_mend(change, words):
    good = {"start": np.ones((4, 2)), "rate": np.ones((12, 2)), "c_input": np.ones((12, 2)), "clay": 20.0}
    with pytest.raises(ValueError) as refusal:
        rothc.simulate(**(good | change))
    for word in [*words, "Mend:"]:
        assert word in str(refusal.value)


@pytest.mark.parametrize("record", [[13], [-1], [], [1.5], 12])
def test_record_outside_the_series_is_refused(record):
    with pytest.raises(ValueError, match="record"):
        rothc.simulate_stock(np.ones(4), 0.1, np.ones(12), np.ones(12), 20.0, record=record)


def test_a_tile_of_pure_sand_is_no_fraction():
    """Whether clay is given in percent is judged for all sites together, not for whatever a tile holds."""
    site = (np.ones((4, 2)), 0.1, np.ones((12, 2)), np.ones(12), [0.4, 0.9])
    with rothc.part_of_map():
        assert np.isfinite(rothc.simulate_stock(*site, record=[12])).all()
    with pytest.raises(ValueError, match=r"clay\[1\] is 0.9.*fraction"):
        rothc.simulate_stock(*site, record=[12])


def test_part_of_a_map_ends_with_its_block_also_after_an_error():
    with pytest.raises(ZeroDivisionError), rothc.part_of_map():
        raise ZeroDivisionError
    with pytest.raises(ValueError, match="fraction"):
        rothc.humification(0.5)
