"""Eq. 8 as weights of rows, and which rows are simulated."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.hybrid import poml_weights, site_panel, training_rows


def test_weights_are_those_of_the_paper_at_428_sites():
    """Zhang et al. (2024), section 2.3: simulated rows weigh w_p * 2/19."""
    observed, simulated = poml_weights(2 * 428, 19 * 428, 0.5)
    assert observed == 0.5
    assert_allclose(simulated / 0.5, 2 / 19, rtol=1e-15)


def test_without_simulated_rows_every_row_weighs_one_whatever_w_p():
    assert poml_weights(856, 0, 1.0) == (1.0, 0.0)


@pytest.mark.parametrize("w_p", [-0.1, 1.1, np.nan, "0.5", None, True])
def test_a_w_p_that_is_no_number_from_0_to_1_is_refused(w_p):
    with pytest.raises(ValueError, match=r"w_p is .*, expected a number from 0 to 1"):
        poml_weights(2, 19, w_p)


def test_weights_without_an_observed_row_are_refused():
    with pytest.raises(ValueError, match="expected at least 1 observed row"):
        poml_weights(0, 19, 0.5)


def test_rows_are_the_same_for_every_order_of_sites_and_observations(panel, build_panel, simulate):
    one, other = panel, build_panel(permute=True)
    rows = [p.training_rows(simulate(p), 0.5) for p in (one, other)]
    for name in ("X", "y", "weight", "site", "year", "is_simulated"):
        assert_array_equal(getattr(rows[0], name), getattr(rows[1], name))


def test_rows_of_weight_zero_are_left_out(panel, simulate):
    stocks = simulate(panel)
    assert not panel.training_rows(stocks, 0.0).is_simulated.any()
    assert panel.training_rows(stocks, 1.0).is_simulated.all()


def test_rows_say_when_w_p_has_no_effect(panel, rows):
    assert rows.w_p_note == ""
    assert "no effect" in panel.training_rows(None, 0.5).w_p_note


def test_weights_are_taken_from_the_rows_of_the_chosen_sites(panel, simulate):
    """30 sites observed twice, 9 years between: 2/9, not the ratio of another table."""
    use = np.arange(40) < 30
    rows = panel.training_rows(simulate(panel), 0.5, use)
    assert (rows.n_observed, rows.n_simulated) == (60, 270)
    assert_allclose(rows.weight[rows.is_simulated], 0.5 * 2 / 9)
    assert set(rows.site) == set(panel.sites[use])


def test_simulated_rows_come_after_a_sites_own_first_campaign_and_never_beside_an_observation():
    years = np.arange(1980, 1985)
    panel = site_panel(
        ["a", "b"], years, np.zeros((5, 2, 1)), ["a", "a", "b"], [1980, 1983, 1982], [2.0, 2.2, 3.0]
    )
    rows = panel.training_rows(np.full((5, 2), 2.5), 0.5)
    simulated = [(str(s), int(y)) for s, y in zip(rows.site, rows.year, strict=True)]
    simulated = [pair for pair, flag in zip(simulated, rows.is_simulated, strict=True) if flag]
    assert simulated == [("a", 1981), ("a", 1982), ("a", 1984), ("b", 1983), ("b", 1984)]


def test_years_without_a_simulated_stock_or_with_a_covariate_gap_give_no_row(panel, simulate):
    stocks = simulate(panel)
    stocks[3, 0] = np.nan
    panel.X[4, 1, 2] = np.nan
    rows = panel.training_rows(stocks, 0.5)
    assert rows.n_simulated == 40 * 9 - 2
    assert_allclose(rows.weight.sum(), rows.n_observed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sites": ["a", "a"]}, "2 ids, 1 of them different"),
        ({"years": [1980, 1982]}, "ascending without a gap"),
        ({"X": np.zeros((2, 1, 1))}, r"X has shape \(2, 1, 1\), expected \(2, 2, features\)"),
        ({"observed_site": ["a", "c"]}, r"observed_site\[1\] is c"),
        ({"observed_year": [1980, 1985]}, r"observed_year\[1\] is 1985 .* 1980 to 1981"),
        ({"observed_site": ["a", "a"], "observed_year": [1980, 1980]}, "2 values for site a in 1980"),
        ({"observed_stock": [2.0, np.nan]}, r"observed_stock\[1\] is nan"),
        ({"X": np.full((2, 2, 1), np.nan)}, r"observation 0 \(site a, year 1980\), column 0 is nan"),
    ],
)
def test_a_panel_that_makes_no_sense_is_refused_by_name(change, message):
    good = {
        "sites": ["a", "b"],
        "years": [1980, 1981],
        "X": np.zeros((2, 2, 1)),
        "observed_site": ["a", "b"],
        "observed_year": [1980, 1981],
        "observed_stock": [2.0, 3.0],
    }
    site_panel(**good)
    with pytest.raises(ValueError, match=message):
        site_panel(**(good | change))


def test_stocks_of_another_shape_or_infinite_are_refused(panel, simulate):
    with pytest.raises(ValueError, match=r"stocks has shape \(40, 11\), expected \(11, 40\)"):
        panel.training_rows(simulate(panel).T, 0.5)
    stocks = simulate(panel)
    stocks[2, 1] = np.inf
    with pytest.raises(ValueError, match=r"stocks\[2, 1\] \(year 1982, site s001\) is infinite"):
        panel.training_rows(stocks, 0.5)


def test_a_gap_in_a_table_of_rows_is_refused():
    with pytest.raises(ValueError, match="X row 1, column 0 is nan"):
        training_rows([[0.0], [np.nan]], [1, 2], ["a", "b"], [1980, 1980], [0, 0], 0.5)
