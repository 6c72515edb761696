import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map import rothc


def test_known_parameters_are_recovered_from_each_of_eight_starts(make_problem):
    """Noise-free stocks: every start of BFGS finds mu_max and K_m to 1e-3, the polished result far closer."""
    fit = rothc.calibrate(make_problem(mu_max=1.4, k_m=0.06), n_starts=8)
    assert fit.n_starts == len(fit.end_points) == len(fit.messages) == 8
    assert_allclose([end[:2] for end in fit.end_points], np.tile([1.4, 0.06], (8, 1)), rtol=1e-3)
    assert_allclose([fit.mu_max, fit.k_m], [1.4, 0.06], rtol=1e-8)
    assert (fit.limit, fit.converged) == ("none", True)
    assert fit.loss < 1e-15


STARTS = [(mu_max, k_m) for mu_max in (0.05, 1.0, 50.0) for k_m in (0.0005, 0.05, 5.0)]


@pytest.mark.parametrize("start", STARTS)
def test_known_parameters_are_recovered_from_any_single_start(make_problem, start):
    """Starts a factor of 1000 and 10,000 apart, each on its own; most lie far off the ridge."""
    fit = rothc.calibrate(make_problem(mu_max=1.4, k_m=0.06), starts=[start], profile=False)
    assert_allclose(fit.end_points[0][:2], [1.4, 0.06], rtol=1e-3)
    assert_allclose([fit.mu_max, fit.k_m], [1.4, 0.06], rtol=1e-8)
    assert fit.n_starts == 1
    assert fit.messages[0].startswith(f"from mu_max {start[0]:.4g}, K_m {start[1]:.4g} to ")


@pytest.mark.parametrize(
    ("starts", "words"),
    [
        ([1.0, 0.1], r"starts has shape \(2,\), expected \(k, 2\)"),
        ([], "expected"),
        ([[1.0, 0.0]], r"starts\[0, 1\] is 0, expected above 0"),
        ([[1.0, 0.1], [np.nan, 0.1]], r"starts\[1, 0\] is nan"),
        ([[-1.0, 0.1]], r"starts\[0, 0\] is -1"),
    ],
)
def test_starts_that_are_none_are_refused(make_problem, starts, words):
    with pytest.raises(ValueError, match=words):
        rothc.calibrate(make_problem(n=5), starts=starts)


@pytest.mark.parametrize(("mu_max", "k_m"), [(0.7, 0.02), (3.0, 0.3), (1.0, 0.1)])
def test_other_parameters_are_recovered_too(make_problem, mu_max, k_m):
    fit = rothc.calibrate(make_problem(mu_max, k_m), n_starts=2)
    assert_allclose([fit.mu_max, fit.k_m], [mu_max, k_m], rtol=1e-6)


def test_starts_are_distinct(make_problem):
    fit = rothc.calibrate(make_problem(noise=0.2, n=5), n_starts=24)
    assert len({message.split(" to ")[0] for message in fit.messages}) == 24


def test_noisy_fit_is_a_minimum_of_the_mean_squared_error(make_problem):
    """The loss is recomputed by `forward`; it rises in every direction, and the gradient vanishes."""
    problem = make_problem(noise=0.05)
    fit = rothc.calibrate(problem)

    def loss(log_mu_max, log_k_m):
        stock = rothc.forward(problem, np.exp(log_mu_max), np.exp(log_k_m), [problem.n_months])[0]
        return np.mean((stock - problem.stock) ** 2)

    best = np.log([fit.mu_max, fit.k_m])
    assert_allclose(loss(*best), fit.loss, rtol=1e-12)
    for angle in np.linspace(0, 2 * np.pi, 24):
        assert loss(*(best + 0.01 * np.array([np.cos(angle), np.sin(angle)]))) > fit.loss
    steps = 1e-4 * np.eye(2)
    slope = [(loss(*(best + step)) - loss(*(best - step))) / 2e-4 for step in steps]
    assert_allclose(slope, 0.0, atol=1e-7)  # what differences of the loss can resolve
    assert_allclose(fit.gradient, 0.0, atol=1e-9)


def test_condition_number_is_that_of_the_second_derivatives_by_log_parameters(make_problem):
    problem = make_problem(noise=0.05)
    fit = rothc.calibrate(problem)
    steps, best = 1e-3 * np.eye(2), np.log([fit.mu_max, fit.k_m])

    def loss(point):
        stock = rothc.forward(problem, *np.exp(point), [problem.n_months])[0]
        return np.mean((stock - problem.stock) ** 2)

    hessian = [
        [
            (loss(best + i + j) - loss(best + i - j) - loss(best - i + j) + loss(best - i - j)) / 4e-6
            for i in steps
        ]
        for j in steps
    ]
    assert_allclose(fit.condition_number, np.linalg.cond(hessian), rtol=0.02)
    assert fit.condition_number > 100  # a ridge: the reason to report it


def test_covariance_of_the_log_parameters_is_that_of_many_fits(make_problem, draws_of_noise):
    """Forty draws: a variance is known to 23 %, so twice or half of it is an error."""
    logs = np.log([[fit.mu_typical, fit.k_m] for fit in draws_of_noise])
    stated = np.median([fit.covariance for fit in draws_of_noise], axis=0)
    ratio = stated.diagonal() / np.cov(logs.T).diagonal()
    assert ((ratio > 0.5) & (ratio < 2.0)).all()


def test_covariance_is_not_known_without_an_observation_to_spare(make_problem):
    fit = rothc.calibrate(make_problem(n=2, noise=0.01), 1, profile=False)
    assert len(fit.covariance) == len(fit.gradient)
    assert np.isnan(fit.covariance).all() == (len(fit.gradient) == 2)
    assert np.isnan(rothc.calibrate(make_problem(n=1), 1, profile=False).covariance).all()


def test_mu_at_the_typical_biomass_is_that_of_the_law(make_problem):
    assert rothc.calibrate(make_problem(), 1).typical_bio == np.median(make_problem().start[2])
    for truth in ((1.4, 0.06), (1.3, 0.0), (1e7, 1e6)):
        fit = rothc.calibrate(make_problem(*truth), 2, profile=False)
        mu = rothc.michaelis_menten(fit.typical_bio, fit.mu_max, fit.k_m)
        assert_allclose(fit.mu_typical, mu, rtol=1e-8)


def test_mu_at_start_gives_quantiles_over_the_sites(make_problem):
    problem = make_problem()
    fit = rothc.calibrate(problem, n_starts=2)
    mu = 1.4 * problem.start[2] / (0.06 + problem.start[2])
    assert_allclose(fit.mu_at_start, np.quantile(mu, [0.05, 0.5, 0.95]), rtol=1e-6)


def test_result_does_not_depend_on_the_order_of_sites(make_problem):
    problem = make_problem(noise=0.3)
    order = np.random.default_rng(4).permutation(problem.n_sites)
    sites = {name: getattr(problem, name)[..., order] for name in ("start", "iom", "rate", "c_input", "clay")}
    shuffled = dataclasses.replace(problem, **sites, stock=problem.stock[order])
    one, other = rothc.calibrate(problem), rothc.calibrate(shuffled)
    assert_allclose([one.mu_max, one.k_m, one.loss], [other.mu_max, other.k_m, other.loss], rtol=1e-8)


def test_same_problem_gives_the_same_bits(make_problem):
    assert rothc.calibrate(make_problem(noise=0.3)) == rothc.calibrate(make_problem(noise=0.3))


def test_constant_mu_is_reported_as_the_limit_of_k_m_zero(make_problem):
    fit = rothc.calibrate(make_problem(mu_max=1.3, k_m=0.0))
    assert fit.limit == "k_m_zero"
    assert fit.k_m == 0.0
    assert_allclose(fit.mu_max, 1.3, rtol=1e-6)
    assert_allclose(fit.mu_at_start, 1.3, rtol=1e-6)
    assert len(fit.gradient) == 1


def test_mu_proportional_to_biomass_is_reported_as_the_linear_limit(make_problem):
    fit = rothc.calibrate(make_problem(mu_max=1e7, k_m=1e6))
    assert fit.limit == "linear"
    assert_allclose(fit.mu_max / fit.k_m, 10.0, rtol=1e-6)


def test_noise_that_favours_a_limit_still_converges_there(make_problem):
    """Truth near K_m = 0 with noise: some draws fit best beyond the limit, and must not be an error."""
    limits = {
        rothc.calibrate(make_problem(1.2, 0.002, noise=0.3, seed=s), n_starts=2).limit for s in range(6)
    }
    assert "k_m_zero" in limits


def test_one_observation_cannot_fix_two_parameters_and_gives_a_constant_mu(make_problem):
    fit = rothc.calibrate(make_problem(1.4, 0.06, n=1))
    assert fit.limit in ("k_m_zero", "linear")
    assert fit.loss < 1e-15


def test_weights_choose_the_observations(make_problem):
    problem = make_problem(noise=0.3)
    mask = np.arange(problem.n_sites) % 2 == 0
    weighted, alone = rothc.calibrate(problem, weights=mask * 3.0), rothc.calibrate(problem.subset(mask))
    stocks = [rothc.forward(problem, fit.mu_max, fit.k_m, [problem.n_months]) for fit in (weighted, alone)]
    assert_allclose(weighted.loss, alone.loss, rtol=1e-9)
    assert_allclose(stocks[0], stocks[1], rtol=1e-6)


def test_a_site_without_later_observation_changes_nothing(make_problem):
    problem = make_problem(noise=0.3)
    kept = problem.site_index != 3
    observed = {name: getattr(problem, name)[kept] for name in ("site_index", "month_index", "stock")}
    rate = np.array(problem.rate)
    rate[:, 3] = np.nan
    with_gap = dataclasses.replace(problem, rate=rate, **observed)
    fit, expected = rothc.calibrate(with_gap), rothc.calibrate(problem.subset(kept))
    assert_allclose(
        [fit.mu_max, fit.k_m, fit.loss], [expected.mu_max, expected.k_m, expected.loss], rtol=1e-12
    )


def test_several_campaigns_are_fitted_together(make_problem):
    problem = make_problem(1.4, 0.06)
    middle = rothc.forward(problem, 1.4, 0.06, [60])[0]
    both = dataclasses.replace(
        problem,
        site_index=np.tile(problem.site_index, 2),
        month_index=np.repeat([60, problem.n_months], problem.n_sites),
        stock=np.concatenate([middle, problem.stock]),
    )
    fit = rothc.calibrate(both, n_starts=2)
    assert_allclose([fit.mu_max, fit.k_m], [1.4, 0.06], rtol=1e-6)


def test_sites_that_start_later_are_recovered_and_not_recorded_before(make_problem):
    start_month = np.where(np.arange(40) % 2 == 0, 0, 36)
    problem = make_problem(1.4, 0.06, start_month=start_month)
    stocks = rothc.forward(problem, 1.4, 0.06, [0, 24, 36, 120])
    assert_array_equal(
        np.isnan(stocks), [start_month > 0, start_month > 0, np.zeros(40, bool), np.zeros(40, bool)]
    )
    late = start_month == 36
    first = problem.start.sum(axis=0) + problem.iom
    assert_array_equal(stocks[2, late], first[late])
    own = rothc.simulate_stock(
        problem.start[:, late],
        problem.iom[late],
        problem.rate[36:, late],
        problem.c_input[36:, late],
        problem.clay[late],
        record=[84],
        mu_max=1.4,
        k_m=0.06,
    )
    assert_array_equal(stocks[3, late], own[0])
    fit = rothc.calibrate(problem, n_starts=2)
    assert_allclose([fit.mu_max, fit.k_m], [1.4, 0.06], rtol=1e-6)


def test_drivers_before_the_start_of_a_site_may_be_missing(make_problem):
    problem = make_problem(start_month=24)
    rate = np.array(problem.rate)
    rate[:24] = np.nan
    gappy = dataclasses.replace(problem, rate=rate)
    assert_array_equal(rothc.forward(gappy, 1.4, 0.06, [120]), rothc.forward(problem, 1.4, 0.06, [120]))


def test_subset_keeps_sites_with_their_own_observations(make_problem):
    problem = make_problem(noise=0.1, n=6)
    part = problem.subset(np.array([False, True, False, True, True, False]))
    assert part.n_sites == 3
    assert_array_equal(part.site_index, [0, 1, 2])
    assert_array_equal(part.stock, problem.stock[[1, 3, 4]])
    assert_array_equal(part.start, problem.start[:, [1, 3, 4]])
    expected = rothc.forward(problem, 1.4, 0.06, [120])[:, [1, 3, 4]]
    assert_array_equal(rothc.forward(part, 1.4, 0.06, [120]), expected)


def test_calibration_that_is_cut_short_is_an_error_with_starts_and_losses(make_problem):
    with pytest.raises(rothc.CalibrationError) as failure:
        rothc.calibrate(make_problem(noise=0.2), n_starts=3, max_iterations=1)
    text = str(failure.value)
    assert text.count("from mu_max") == text.count("loss") == 3
    assert "Maximum number of iterations" in text


@pytest.mark.parametrize(("factor", "where"), [(3.0, "zero"), (0.1, "infinity")])
def test_stocks_that_inputs_cannot_explain_are_an_error(make_problem, factor, where):
    """Three times the stock after 10 years needs mu = 0; a tenth of it, below the inert carbon, an infinite mu."""
    problem = make_problem()
    impossible = dataclasses.replace(problem, stock=factor * problem.stock)
    with pytest.raises(rothc.CalibrationError, match=f"mu runs to {where}"):
        rothc.calibrate(impossible)


def test_constant_mu_gives_the_expected_change_of_the_mean_stock(make_problem):
    problem = make_problem(years=20)
    mu = rothc.solve_constant_mu(problem, 0.05)
    stocks = rothc.forward(problem, mu, 0.0, [0, 240])
    assert_allclose(stocks[1].mean() / stocks[0].mean(), 1.05, rtol=1e-11)
    assert rothc.solve_constant_mu(problem, 0.02) > mu


def test_constant_mu_ignores_missing_sites(make_problem):
    problem = make_problem()
    rate = np.array(problem.rate)
    rate[5, 0] = np.nan
    mask = np.arange(problem.n_sites) > 0
    with_gap = rothc.solve_constant_mu(dataclasses.replace(problem, rate=rate), 0.02)
    assert_allclose(with_gap, rothc.solve_constant_mu(problem.subset(mask), 0.02), rtol=1e-10)
    with pytest.raises(ValueError, match="every site"):
        rothc.solve_constant_mu(dataclasses.replace(problem, rate=np.full_like(rate, np.nan)), 0.02)


@pytest.mark.parametrize("change", [3.0, -0.95])
def test_unattainable_change_is_refused_with_the_attainable_range(make_problem, change):
    with pytest.raises(ValueError, match=rf"expected_change is {change:g}, expected -0\.\d+ to 1\.\d+"):
        rothc.solve_constant_mu(make_problem(), change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start": np.ones((4, 2, 2))}, ["(4, n)"]),
        ({"iom": [0.1, 0.2, 0.3]}, ["iom has shape (3,)", "expected (2,)"]),
        ({"rate": np.ones((12, 3))}, ["rate has shape (12, 3)"]),
        ({"rate": np.ones((11, 2))}, ["rate (11, 2)"]),
        ({"start_month": [0, 13]}, ["start_month[1] is 13"]),
        ({"start_month": 0.5}, ["start_month", "whole numbers"]),
        ({"site_index": [0, 2]}, ["site_index[1] is 2", "0 to 1"]),
        ({"month_index": [0, 12]}, ["month_index[0] is 0", "later than the start"]),
        ({"month_index": [12, 13]}, ["month_index[1] is 13", "at most 12"]),
        ({"start_month": [0, 12]}, ["month_index[1] is 12", "later than the start"]),
        ({"stock": [4.0, np.nan]}, ["stock[1] is nan"]),
        ({"stock": [4.0]}, ["one of each per observation"]),
    ],
)
def test_bad_problems_are_refused_by_name_place_and_mend(change, words):
    good = {
        "start": np.ones((4, 2)),
        "iom": 0.1,
        "rate": np.ones((12, 2)),
        "c_input": np.ones((12, 2)),
        "clay": 20.0,
        "site_index": [0, 1],
        "month_index": [12, 12],
        "stock": [4.0, 5.0],
    }
    with pytest.raises(ValueError) as refusal:
        rothc.CalibrationProblem(**(good | change))
    for word in [*words, "Mend:"]:
        assert word in str(refusal.value)


def test_problem_without_observations_cannot_be_calibrated(make_problem):
    bare = dataclasses.replace(make_problem(), site_index=[], month_index=[], stock=[])
    with pytest.raises(ValueError, match="no later observation"):
        rothc.calibrate(bare)


def test_observed_site_with_missing_drivers_is_refused(make_problem):
    problem = make_problem()
    rate = np.array(problem.rate)
    rate[7, 2] = np.nan
    with pytest.raises(ValueError, match=r"simulated stock of observation\[2\] is nan"):
        rothc.calibrate(dataclasses.replace(problem, rate=rate))


def test_sites_without_biomass_are_refused(make_problem):
    problem = make_problem()
    start = np.array(problem.start)
    start[2] = 0.0
    with pytest.raises(ValueError, match="median BIO is 0"):
        rothc.calibrate(dataclasses.replace(problem, start=start))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n_starts": 0}, "n_starts is 0"),
        ({"weights": np.zeros(40)}, "sum 0"),
        ({"weights": np.ones(3)}, r"shape \(3,\)"),
    ],
)
def test_bad_calibration_arguments_are_refused(make_problem, arguments, words):
    with pytest.raises(ValueError, match=words):
        rothc.calibrate(make_problem(), **arguments)


@pytest.mark.parametrize("mask", [np.ones(3, bool), np.ones(40), np.zeros(40, bool)])
def test_bad_site_masks_are_refused(make_problem, mask):
    with pytest.raises(ValueError, match="site_mask"):
        make_problem().subset(mask)


@pytest.mark.parametrize(
    ("ratio", "limit"),
    [
        (30.0, "none"),
        pytest.param(220.0, "linear", marks=pytest.mark.slow),
        pytest.param(0.03, "none", marks=pytest.mark.slow),
        (1e-3, "k_m_zero"),
    ],
)
def test_a_best_k_m_far_out_on_the_ridge_is_found_in_noisy_data(ratio, limit):
    """The loss is so flat there that the Newton step is rounding: a fit, not a failure.

    The noise is taken perpendicular to what the two parameters can change, so the best K_m is known.
    """
    bio = np.linspace(0.05, 0.12, 30)
    sites = {"start": np.stack([0.2 * bio, 6 * bio, bio, 40 * bio]), "iom": np.full(30, 0.4), "clay": 23.4}
    sites |= {"rate": np.ones((240, 30)), "c_input": np.full((240, 30), 0.02)}
    typical = np.median(bio)

    def stocks(point):
        mu, k_m = np.exp(point[0]), typical * np.exp(point[1])
        return rothc.forward(rothc.CalibrationProblem(**sites), mu * (1 + k_m / typical), k_m, [240])[0]

    best = np.log([1.4, ratio])
    steps = 1e-4 * np.eye(2)
    directions = np.linalg.qr(np.column_stack([stocks(best + step) - stocks(best - step) for step in steps]))[
        0
    ]
    for seed in range(3):
        noise = np.random.default_rng(seed).normal(0, 0.45, 30)
        observed = stocks(best) + noise - directions @ (directions.T @ noise)
        later = {"site_index": np.arange(30), "month_index": np.full(30, 240), "stock": observed}
        fit = rothc.calibrate(rothc.CalibrationProblem(**sites, **later), profile=False)
        assert fit.limit == limit
        assert_allclose(fit.mu_typical, 1.4, rtol=1e-3 if limit == "none" else 0.02)
        if limit == "none":
            assert_allclose(fit.k_m, ratio * typical, rtol=1e-2)
