"""The ridge of the loss: the best fit at every K_m, and the K_m that the observations do not exclude."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import optimize, stats

from poml_map import rothc


def _loss(problem, mu_max, k_m):
    stock = rothc.forward(problem, mu_max, k_m, [problem.n_months])[0]
    return np.mean((stock - problem.stock) ** 2)


def _best_at(problem, k_m):
    """mu_max and loss with K_m held, by another optimiser."""
    found = optimize.minimize_scalar(
        lambda log_mu: _loss(problem, np.exp(log_mu), k_m), bracket=(0.0, 0.5), options={"xtol": 1e-10}
    )
    return np.exp(found.x), found.fun


def test_a_point_of_the_profile_is_the_best_fit_with_that_k_m(make_problem):
    problem = make_problem(noise=0.05)
    profile = rothc.calibrate(problem, 2).profile
    for point in profile.points[:-1]:
        mu_max, loss = _best_at(problem, point.k_m)
        assert_allclose(point.loss, loss, rtol=1e-8)  # K_m = 0 is K_m / BIO = 1e-9
        assert_allclose(point.mu_max, mu_max, rtol=1e-6)
        typical = rothc.michaelis_menten(profile.typical_bio, point.mu_max, point.k_m)
        assert_allclose(point.mu_typical, typical, rtol=1e-12)


def test_the_profile_runs_from_one_limit_to_the_other_and_holds_the_fit(make_problem):
    problem = make_problem(noise=0.05)
    fit = rothc.calibrate(problem, 2)
    points = np.array(fit.profile.points)
    assert points[0, 0] == 0
    assert np.isinf(points[-1, :2]).all()
    assert (np.diff(points[:, 0]) > 0).all()
    assert (points[:, 3] >= fit.loss * (1 - 1e-12)).all()
    best = fit.profile.points[fit.profile.best]
    assert_allclose([best.k_m, best.mu_max, best.loss], [fit.k_m, fit.mu_max, fit.loss], rtol=1e-9)
    last = fit.profile.points[-1]
    slope = last.mu_typical / fit.profile.typical_bio
    assert_allclose(last.loss, _loss(problem, slope * 1e9, 1e9), rtol=1e-6)


@pytest.mark.parametrize("noise", [0.02, 0.2])
def test_ends_of_the_interval_have_the_loss_that_chi_squared_allows(make_problem, noise):
    problem = make_problem(noise=noise, n=150)
    fit = rothc.calibrate(problem, 2)
    threshold = fit.loss * np.exp(stats.chi2.ppf(0.95, 1) / 150)
    assert_allclose(fit.profile.threshold, threshold, rtol=1e-9)
    low, high = fit.profile.interval
    assert 0 < low < fit.k_m < high
    for end in (low, high):
        if np.isfinite(end):
            assert_allclose(_best_at(problem, end)[1] - fit.loss, threshold - fit.loss, rtol=2e-3)


def test_the_interval_holds_the_true_k_m_about_as_often_as_it_says(draws_of_noise):
    """40 draws at 95 %: fewer than 33 hits have a probability below 0.1 %; the width is not that of all K_m."""
    ends = np.array([fit.profile.interval for fit in draws_of_noise])
    held = (ends[:, 0] <= 0.06) & (ends[:, 1] >= 0.06)
    assert held.sum() >= 33
    assert np.isfinite(ends).all(axis=1).sum() > 33


def test_a_limit_that_is_not_excluded_opens_the_interval(make_problem):
    blurred = rothc.calibrate(make_problem(noise=0.6, n=12, seed=3), 2).profile
    assert blurred.interval[0] == 0 or blurred.interval[1] == np.inf
    constant = rothc.calibrate(make_problem(mu_max=1.3, k_m=0.0, noise=0.02, seed=2), 2)
    assert constant.profile.interval[0] == 0
    linear = rothc.calibrate(make_problem(mu_max=1e7, k_m=1e6, noise=0.02), 2)
    assert linear.profile.interval[1] == np.inf
    assert linear.profile.interval[0] > linear.typical_bio


@pytest.mark.parametrize(
    ("truth", "limit", "place"), [((1.3, 0.0), "k_m_zero", 0), ((1e7, 1e6), "linear", -1)]
)
def test_a_fit_at_a_limit_is_the_end_of_its_profile(make_problem, truth, limit, place):
    fit = rothc.calibrate(make_problem(*truth), 2)
    assert fit.limit == limit
    assert fit.profile.points[fit.profile.best] == fit.profile.points[place]
    assert_allclose(fit.profile.points[place].mu_typical, fit.mu_typical, rtol=1e-8)


def test_clean_stocks_leave_one_k_m_and_a_single_one_leaves_all(make_problem):
    assert_allclose(rothc.calibrate(make_problem(), 2).profile.interval, 0.06, rtol=1e-5)
    assert rothc.calibrate(make_problem(n=1), 2).profile.interval == (0, np.inf)


def test_observations_without_weight_do_not_count(make_problem):
    problem = make_problem(noise=0.1)
    mask = np.arange(40) % 2 == 0
    weighted = rothc.calibrate(problem, 2, weights=mask * 1.0)
    alone = rothc.calibrate(problem.subset(mask), 2)
    assert weighted.profile.n_observations == alone.profile.n_observations == 20
    assert_allclose(weighted.profile.threshold, alone.profile.threshold, rtol=1e-9)


def test_no_profile_where_none_is_asked_for(make_problem):
    fit = rothc.calibrate(make_problem(), 1, profile=False)
    assert fit.profile is None
    assert fit.k_m == rothc.calibrate(make_problem(), 1).k_m
