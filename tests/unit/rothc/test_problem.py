"""Manure and the mass balance of the sites that calibration runs."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map import rothc


@pytest.fixture
def with_manure(make_problem):
    """Six sites that begin in months 0 and 36, with manure in autumn."""
    problem = make_problem(n=6, start_month=np.array([0, 36] * 3))
    manure = np.zeros((problem.n_months, 6))
    manure[9::12] = np.linspace(0.0, 0.3, 6)
    return dataclasses.replace(problem, manure=manure)


def test_manure_is_added_from_the_start_of_a_site_on(with_manure):
    stocks = rothc.forward(with_manure, 1.4, 0.06, [36, 120])
    late = with_manure.start_month == 36
    start = with_manure.start[:, late]
    assert_array_equal(stocks[0, late], start.sum(axis=0) + with_manure.iom[late])
    series = with_manure.rate[36:, late], with_manure.c_input[36:, late]
    expected = rothc.simulate_stock(
        start, with_manure.iom[late], *series, with_manure.clay[late], manure=with_manure.manure[36:, late],
        record=[84], mu_max=1.4, k_m=0.06,
    )  # fmt: skip
    assert_array_equal(stocks[1, late], expected[0])
    without = rothc.forward(dataclasses.replace(with_manure, manure=None), 1.4, 0.06, [120])[0]
    assert (stocks[1, 1:] > without[1:]).all()
    assert stocks[1, 0] == without[0]


def test_a_subset_keeps_the_manure_of_its_sites(with_manure):
    mask = np.array([False, True, True, False, False, True])
    expected = rothc.forward(with_manure, 1.4, 0.06, [120])[:, mask]
    assert_array_equal(rothc.forward(with_manure.subset(mask), 1.4, 0.06, [120]), expected)


def test_every_sites_carbon_is_accounted_for_from_its_own_start(with_manure):
    balance = with_manure.balance(1.4, 0.06)
    stocks = rothc.forward(with_manure, 1.4, 0.06, [0, 36, 120])
    first = np.where(with_manure.start_month == 0, stocks[0], stocks[1])
    assert_allclose(balance.stored, stocks[2] - first, rtol=1e-12)
    late = np.arange(120)[:, np.newaxis] >= with_manure.start_month
    assert_allclose(
        balance.added, np.where(late, with_manure.c_input + with_manure.manure, 0).sum(axis=0), rtol=1e-12
    )
    assert_allclose(balance.added - balance.respired - balance.stored, 0.0, atol=1e-11)
    assert (balance.respired > 0).all()


def test_parameters_of_each_site_may_differ(with_manure):
    mu_max, k_m = np.linspace(0.8, 1.6, 6), np.linspace(0.0, 0.1, 6)
    together = rothc.forward(with_manure, mu_max, k_m, [120])[0]
    alone = [
        rothc.forward(with_manure, *pair, [120])[0, i] for i, pair in enumerate(zip(mu_max, k_m, strict=True))
    ]
    assert_allclose(together, alone, rtol=1e-14)
    assert with_manure.balance(mu_max, k_m).stored[2] == with_manure.balance(mu_max[2], k_m[2]).stored[2]


@pytest.mark.parametrize(
    ("manure", "words"),
    [
        (np.zeros((119, 6)), r"manure \(119, 6\)"),
        (np.full((120, 6), -1.0), r"manure\[0, 0\] is -1"),
        (np.zeros((120, 5)), r"manure has shape \(120, 5\)"),
    ],
)
def test_manure_that_does_not_fit_is_refused(with_manure, manure, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(with_manure, manure=manure)


def test_a_subset_of_pure_sand_is_no_clay_given_as_fractions(with_manure):
    """The whole was checked: a fold or a class may hold nothing but its sandy sites."""
    with_manure.clay = np.r_[0.5, with_manure.clay[1:]]
    mask = np.zeros(with_manure.n_sites, bool)
    mask[0] = True
    part = with_manure.subset(mask)
    assert part.clay.tolist() == [0.5]
    assert np.isfinite(rothc.forward(part, 1.0, 0.0, [part.n_months])).all()
