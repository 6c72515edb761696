"""Draws of the forward run: laws from their fit, starts from other stocks, inputs that drift."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.rothc import CalibrationProblem, calibrate, forward, start_state
from poml_map.rothc.draws import Spinup, draw_law, draw_starts, forward_draws, input_factors
from poml_map.rothc.spinup import unit_equilibria

MONTHS, SITES = 36, 24
SHARES = np.full(12, 1 / 12)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.fixture(scope="module")
def spinup():
    rng = np.random.default_rng(1)
    rate, clay = rng.uniform(0.5, 1.5, (12, SITES)), rng.uniform(10, 40, SITES)
    equilibria = unit_equilibria(rate, SHARES, clay, 1.44, None)
    relative = np.linspace(1.0, 1.3, MONTHS)[:, None] * np.ones(SITES) / 12
    return Spinup(*equilibria, rng.uniform(3, 6, SITES), clay, "equilibrium", relative), rate


def problem_of(spinup, rate, **more):
    start = start_state(spinup.stock, rate, SHARES, spinup.clay, pools=spinup.pools)
    inputs = spinup.relative_input * start.annual_input
    return CalibrationProblem(
        start.pools, start.iom, np.tile(rate, (MONTHS // 12, 1)), inputs, spinup.clay, dpm_rpm=1.44, **more
    )


@pytest.fixture(scope="module")
def problem(spinup):
    return problem_of(*spinup)


def runs(problem, spinup, stock_error=0.0, factors=None, mu_max=1.3, k_m=0.05, draws=5):
    starts = draw_starts(spinup, stock_error, normal(draws, SITES))
    factors = np.ones((draws, MONTHS, SITES)) if factors is None else factors
    pair = (np.full((draws, 1), value) for value in (mu_max, k_m))
    return forward_draws(problem, spinup, starts, factors, *pair, [0, 12, 24, 36])


@pytest.mark.parametrize("start_month", [0, np.arange(SITES) % 3 * 12])
def test_without_errors_every_draw_is_the_forward_run(spinup, start_month):
    problem = problem_of(*spinup, start_month=start_month)
    found = runs(problem, spinup[0])
    assert_array_equal(found, np.broadcast_to(forward(problem, 1.3, 0.05, [0, 12, 24, 36]), (5, 4, SITES)))


def test_many_draws_in_parts_are_those_of_one_part(problem, spinup, monkeypatch):
    whole = runs(problem, spinup[0], 0.1, draws=9)
    monkeypatch.setattr("poml_map.rothc.draws._AT_ONCE", 200)
    assert_array_equal(runs(problem, spinup[0], 0.1, draws=9), whole)


def test_a_drawn_start_is_that_of_a_site_with_that_stock(problem, spinup):
    """The start is linear in the active stock, but inert carbon is not: it is solved again."""
    told, rate = spinup
    starts = draw_starts(told, 0.1, normal(3, SITES))
    stock = starts.pools.sum(axis=0) + starts.iom
    one = start_state(stock[2], rate, SHARES, told.clay)
    assert_allclose(starts.pools[:, 2], one.pools, rtol=1e-12)
    assert_allclose(starts.annual_input[2], one.annual_input, rtol=1e-12)


def test_first_stocks_spread_as_asked_about_the_measured_one(spinup):
    starts = draw_starts(spinup[0], 0.08, normal(20_000, SITES))
    stock = starts.pools.sum(axis=0) + starts.iom
    assert_allclose(stock.mean(axis=0), spinup[0].stock, rtol=0.004)
    assert_allclose(stock.std(axis=0) / spinup[0].stock, 0.08, rtol=0.03)


def test_a_stock_that_manure_alone_would_exceed_is_not_drawn(spinup):
    told, rate = spinup
    manure = np.full((12, SITES), 0.01)
    equilibria = unit_equilibria(rate, SHARES, told.clay, 1.44, manure)
    least = equilibria[1].sum(axis=0)
    tight = told._replace(of_manure=equilibria[1], stock=least * 1.15)
    starts = draw_starts(tight, 0.2, normal(200, SITES))
    stock = starts.pools.sum(axis=0) + starts.iom
    assert (starts.annual_input >= 0).all()
    assert (stock > least).all()
    assert (np.abs(stock - tight.stock) < 1e-9).any()  # some kept the measured one


def test_the_error_of_the_driver_grows_from_nothing_to_what_was_asked():
    draws = 4000
    factors = input_factors(24, 0, 0.1, normal(draws, 1), normal(draws, 3, seed=1))
    assert_allclose(np.log(factors).std(axis=0)[[0, -1]], [[0.1 / 48] * 3, [0.1 * 47 / 48] * 3], rtol=0.05)
    assert_allclose(np.corrcoef(np.log(factors[:, -1]).T)[0, 1], 0.5, atol=0.04)


def test_a_site_that_starts_later_has_no_error_before():
    factors = input_factors(24, [0, 12], 0.1, normal(5, 1), normal(5, 2))
    assert (factors[:, :12, 1] == 1.0).all()
    assert (factors[:, 12:, 1] != 1.0).all()


def test_more_input_is_more_stock(problem, spinup):
    factors = np.ones((5, MONTHS, SITES)) * np.linspace(0.9, 1.1, 5)[:, None, None]
    assert (np.diff(runs(problem, spinup[0], factors=factors)[:, 1:], axis=0) > 0).all()


def test_manure_comes_in_every_draw(spinup):
    manure = np.full((MONTHS, SITES), 0.01)
    problem = problem_of(*spinup, manure=manure)
    found = runs(problem, spinup[0])
    assert_array_equal(found[1], forward(problem, 1.3, 0.05, [0, 12, 24, 36]))


@pytest.fixture(scope="module")
def fit_of(spinup):
    told, rate = spinup

    def fit(noise, mu_max=1.3, k_m=0.05):
        index = np.arange(SITES)
        stock = forward(problem_of(told, rate), mu_max, k_m, [MONTHS])[0]
        seen = {"site_index": index, "month_index": np.full(SITES, MONTHS)}
        stock = stock * (1 + noise * (-1.0) ** index)
        return calibrate(problem_of(told, rate, **seen, stock=stock), profile=False)

    return fit


def test_laws_vary_with_the_covariance_of_the_fit(fit_of):
    fit = fit_of(0.001)
    assert fit.limit == "none"
    mu_max, k_m = draw_law(fit, normal(20_000, 2))
    mu = mu_max * fit.typical_bio / (k_m + fit.typical_bio)
    moved = np.cov(np.log([mu, k_m]))
    if fit.covariance[1][1] < 1:  # else some draws are moved back
        assert_allclose(moved, fit.covariance, rtol=0.05)
    assert_allclose(np.log(mu).std(), np.sqrt(fit.covariance[0][0]), rtol=0.05)


def test_no_noise_no_spread(fit_of):
    fit = fit_of(0.0)
    mu_max, k_m = draw_law(fit, np.zeros((3, 2)))
    assert_allclose(mu_max, fit.mu_max, rtol=1e-9)
    assert_allclose(k_m, fit.k_m, rtol=1e-9)


def test_at_a_limit_mu_alone_varies(fit_of):
    fit = fit_of(0.002, mu_max=1.2, k_m=0.0)
    assert fit.limit == "k_m_zero"
    mu_max, k_m = draw_law(fit, normal(10, 2))
    assert (k_m == 0).all()
    assert len(np.unique(mu_max)) == 10
    assert_allclose(
        np.log(mu_max / fit.mu_max), normal(10, 2)[:, 0] * np.sqrt(fit.covariance[0][0]), rtol=1e-9
    )


def test_a_k_m_that_is_not_known_stays_within_reach_of_the_fit(fit_of):
    """A standard deviation of log K_m of 30 is no law that one could draw from; its direction is."""
    fit = dataclasses.replace(fit_of(0.001), covariance=((0.01, 0.0), (0.0, 900.0)))
    _, k_m = draw_law(fit, normal(500, 2))
    assert np.abs(np.log(k_m / fit.k_m)).max() <= np.log(100) * (1 + 1e-12)


def test_a_fit_without_a_covariance_has_no_spread(fit_of):
    fit = dataclasses.replace(fit_of(0.001), covariance=((np.nan, np.nan), (np.nan, np.nan)))
    assert np.ptp(draw_law(fit, normal(5, 2))[0]) == 0.0


@pytest.mark.parametrize(("name", "make"), [
    ("stock_error", lambda spinup: draw_starts(spinup, 5.0, normal(2, SITES))),
    ("driver_error", lambda _: input_factors(12, 0, 5.0, normal(2, 1), normal(2, 3))),
])  # fmt: skip
def test_an_error_given_in_per_cent_is_refused(spinup, name, make):
    with pytest.raises(ValueError, match=f"{name} is 5"):
        make(spinup[0])
