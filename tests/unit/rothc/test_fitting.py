from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from poml_map.rothc.calibrate import _limit_of
from poml_map.rothc.fitting import Family, Loss, natural_parameters


@pytest.mark.parametrize("name", ["none", "k_m_zero", "linear"])
def test_gradient_agrees_with_differences_of_the_loss(make_problem, name):
    """Away from the optimum, with another step than the code's own; differences of a loss near 1 carry 1e-9."""
    family = Family(name, Loss(make_problem(noise=0.2), None))
    point = np.array([0.7, -0.4])[: 2 if name == "none" else 1]
    steps = 1e-3 * np.eye(len(point))
    value, gradient = family.value_and_gradient(point)

    def loss(at):
        return family.value_and_gradient(at)[0]

    expected = [(loss(point + step) - loss(point - step)) / 2e-3 for step in steps]
    assert value > 0
    assert_allclose(gradient, expected, rtol=1e-5, atol=1e-8)


def test_points_are_mu_at_the_typical_biomass_and_a_ratio():
    """At BIO = typical BIO, mu is exp(first), whatever the ratio."""
    points = np.array([[np.log(0.8), -2.0], [np.log(0.8), 0.0], [np.log(0.8), 5.0]])
    mu_max, k_m = natural_parameters(points, 0.07)
    assert_allclose(mu_max * 0.07 / (k_m + 0.07), 0.8)
    assert_allclose(k_m / 0.07, np.exp(points[:, 1]))


def test_any_point_of_a_line_search_stays_finite(make_problem):
    family = Family("none", Loss(make_problem(), None))
    for point in ([900.0, 900.0], [-900.0, 900.0], [900.0, -900.0]):
        value, gradient = family.value_and_gradient(np.array(point))
        assert np.isfinite([value, *gradient]).all()


@pytest.mark.parametrize(("ratio", "limit"), [(1e-6, "k_m_zero"), (1e6, "linear")])
def test_an_end_that_cannot_be_told_from_a_limit_is_replaced_by_it_at_any_loss(make_problem, ratio, limit):
    end = SimpleNamespace(fun=-1.0, x=np.array([0.0, np.log(ratio)]))
    family, point = _limit_of(end, Loss(make_problem(), None), 200)
    assert family.name == limit
    assert len(point) == 1
    inside = SimpleNamespace(fun=-1.0, x=np.zeros(2))
    assert _limit_of(inside, Loss(make_problem(), None), 200) is None
