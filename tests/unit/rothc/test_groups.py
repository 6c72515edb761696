"""Parameters of groups of sites: each fitted apart, and the pooled ones where a group cannot be."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map import rothc

TRUTH = {1: (1.4, 0.06), 2: (0.8, 0.03)}


@pytest.fixture
def two_groups(make_problem):
    """Forty sites, every third of group 2, with stocks made by the parameters of their own group."""

    def make(noise=0.0):
        problem = make_problem()
        groups = np.where(np.arange(40) % 3 == 0, 2, 1)
        mu_max, k_m = np.array([TRUTH[group] for group in groups]).T
        stock = rothc.forward(problem, mu_max, k_m, [120])[0]
        stock = stock + np.random.default_rng(5).normal(0, noise, 40)
        return dataclasses.replace(problem, stock=stock), groups

    return make


def test_parameters_of_each_group_are_recovered(two_groups):
    problem, groups = two_groups()
    found = rothc.calibrate_groups(problem, groups, 2)
    for group, truth in TRUTH.items():
        assert_allclose([found.fits[group].mu_max, found.fits[group].k_m], truth, rtol=1e-6)
        assert found.fits[group].profile is not None
    assert found.counts == {1: 26, 2: 14}
    assert found.too_few == {}
    assert found.pooled == rothc.calibrate(problem, 2)


def test_a_groups_fit_is_that_of_its_sites_alone(two_groups):
    problem, groups = two_groups(noise=0.05)
    found = rothc.calibrate_groups(problem, groups, 2)
    other = dataclasses.replace(problem, stock=np.where(groups == 1, problem.stock, problem.stock * 1.01))
    again = rothc.calibrate_groups(other, groups, 2)
    assert again.fits[1] == found.fits[1] == rothc.calibrate(problem.subset(groups == 1), 2)
    assert again.fits[2] != found.fits[2]


def test_a_group_with_too_few_observations_takes_the_pooled_parameters(two_groups):
    problem, groups = two_groups()
    groups = groups.astype(float)
    groups[:3] = 7
    groups[5] = np.nan
    found = rothc.calibrate_groups(problem, groups, 1, profile=False)
    assert found.too_few == {7: 3}
    mu_max, k_m = found.parameters([[7, 1], [99, np.nan]])
    assert (mu_max[0, 0], k_m[0, 0]) == (mu_max[1, 0], k_m[1, 0]) == (found.pooled.mu_max, found.pooled.k_m)
    assert (mu_max[0, 1], k_m[0, 1]) == (found.fits[1].mu_max, found.fits[1].k_m)
    assert np.isnan([mu_max[1, 1], k_m[1, 1]]).all()
    assert rothc.calibrate_groups(problem, groups, 1, profile=False, least=3).too_few == {}


def test_groups_that_are_all_too_small_leave_the_pooled_fit(two_groups):
    problem, _ = two_groups()
    found = rothc.calibrate_groups(problem, np.arange(40), 1, profile=False)
    assert found.fits == {}
    mu_max, k_m = found.parameters(np.arange(3))
    assert_array_equal([mu_max, k_m], np.tile([[found.pooled.mu_max], [found.pooled.k_m]], 3))


def test_weights_go_with_their_observations(two_groups):
    problem, groups = two_groups(noise=0.1)
    weights = np.random.default_rng(0).uniform(0.5, 2.0, 40)
    found = rothc.calibrate_groups(problem, groups, 1, weights, profile=False)
    alone = rothc.calibrate(problem.subset(groups == 2), 1, weights[groups == 2], profile=False)
    assert found.fits[2] == alone


def test_a_group_that_has_no_minimum_is_an_error_that_names_it(two_groups):
    problem, groups = two_groups()
    broken = dataclasses.replace(problem, stock=np.where(groups == 2, 3 * problem.stock, problem.stock))
    with pytest.raises(rothc.CalibrationError, match=r"group 2 \(14 later observations\): mu runs to zero"):
        rothc.calibrate_groups(broken, groups, 1, profile=False)


@pytest.mark.parametrize(
    ("groups", "words"),
    [(np.ones(3), r"groups has shape \(3,\), expected \(40,\)"), (np.full(40, 1.5), r"groups\[0\] is 1.5")],
)
def test_groups_that_are_none_are_refused(two_groups, groups, words):
    with pytest.raises(ValueError, match=words):
        rothc.calibrate_groups(two_groups()[0], groups)
