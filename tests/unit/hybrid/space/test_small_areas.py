"""Errors of the means of zones: what sites in them tell, and where they tell nothing."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from poml_map.hybrid.space import SmallAreas

ZONES = 8


def survey(random, between=0.15, sd=0.5, per_zone=30, together=0.6):
    """Residuals of two campaigns by zone, and the true errors of the zones."""
    zone = np.repeat(np.arange(ZONES), per_zone)
    true = random.normal(0.05, between, (2, ZONES))
    noise = random.multivariate_normal([0, 0], sd**2 * np.array([[1, together], [together, 1]]), len(zone)).T
    return SmallAreas(true[:, zone] + noise, zone, np.full(ZONES, 1 / ZONES)), true


@pytest.mark.parametrize("weights", [(1, 0), (0, 1), (0.5, 0.5), (-1, 1)])
def test_the_interval_holds_the_true_error_as_often_as_it_says(weights):
    random, inside, whole = np.random.default_rng(1), [], []
    for _ in range(150):
        areas, true = survey(random)
        found, meant = areas.errors(weights), np.asarray(weights) @ true
        inside += list(abs(found.bias[:-1] - meant) <= found.half_width(0.9)[:-1])
        whole.append(abs(found.bias[-1] - meant.mean()) <= found.half_width(0.9)[-1])

    assert 0.88 < np.mean(inside) < 0.97
    assert np.mean(whole) > 0.85


def test_a_zone_with_few_sites_is_drawn_towards_the_others():
    areas, _ = survey(np.random.default_rng(2))
    keep = (areas.zone != 0) | (np.arange(len(areas.zone)) < 2)
    few = SmallAreas(
        areas.residuals[:, keep] + np.where(areas.zone[keep] == 0, 3.0, 0), areas.zone[keep], areas.shares
    )
    found = few.errors([1, 0])
    own = np.mean(few.residuals[0, few.zone == 0])

    assert found.bias[1:-1].mean() < found.bias[0] < own
    assert found.half_width(0.9)[0] > 1.5 * found.half_width(0.9)[1:-1].max()


def test_zones_that_do_not_differ_share_one_error():
    random = np.random.default_rng(3)
    found = survey(random, between=0.0)[0].errors([1, 0])

    assert np.ptp(found.bias[:-1]) < 0.08


def test_land_that_is_near_each_other_has_an_error_of_its_own():
    areas, _ = survey(np.random.default_rng(4), per_zone=4)
    local = np.zeros(ZONES)
    local[0] = 0.3
    plain, own = areas.errors([1, 0]), areas.errors([1, 0], local)

    assert own.half_width(0.9)[0] > plain.half_width(0.9)[0]


def test_a_zone_without_a_site_in_a_campaign_that_counts_has_no_limits():
    areas, _ = survey(np.random.default_rng(5))
    areas.residuals[1, areas.zone == 3] = np.nan

    assert np.isfinite(areas.errors([1, 0]).bias).all()
    for weights in ([0, 1], [-1, 1], [0.5, 0.5]):
        found = areas.errors(weights)
        assert np.isnan([found.bias[3], found.half_width(0.9)[3]]).all()
        assert np.isfinite(np.delete(found.bias, 3)).all()
    assert list(areas.errors([1, 0]).n_sites) == [30] * ZONES + [30 * ZONES]
    assert list(areas.errors([-1, 1]).n_sites) == [30, 30, 30, 0, 30, 30, 30, 30, 210]


def test_sites_outside_all_zones_count_for_the_region_alone():
    areas, _ = survey(np.random.default_rng(6))
    zone = np.where(areas.zone == 7, -1, areas.zone)
    found = SmallAreas(areas.residuals, zone, np.full(7, 1 / 8)).errors([0, 1])

    assert len(found.bias) == 8
    assert found.bias[-1] == pytest.approx(areas.residuals[1].mean())


def test_two_zones_stand_for_themselves():
    areas, _ = survey(np.random.default_rng(7))
    zone = areas.zone // 4
    found = SmallAreas(areas.residuals, zone, np.full(2, 0.5)).errors([1, 0])

    assert_allclose(found.bias[:2], [areas.residuals[0, zone == each].mean() for each in (0, 1)])


def test_errors_that_are_the_same_in_both_campaigns_drop_out_of_the_change():
    areas, _ = survey(np.random.default_rng(8), together=0.999)
    same = SmallAreas(np.stack([areas.residuals[0], areas.residuals[0] + 0.1]), areas.zone, areas.shares)
    found = same.errors([-1, 1])

    assert_allclose(found.bias, 0.1)
    assert_allclose(found.variance, 0, atol=1e-12)


def test_one_site_alone_tells_no_variance():
    found = SmallAreas(np.array([[0.3]]), np.array([0]), np.ones(1)).errors([1])

    assert np.isnan(found.bias).all()


def test_zones_of_other_sites_are_refused():
    with pytest.raises(ValueError, match=r"residuals has shape \(1, 3\) and zone \(2,\)"):
        SmallAreas(np.zeros((1, 3)), np.zeros(2, int), np.ones(1))


def uneven(random, between, sizes=(1, 2, 3, 5, 8, 10, 20, 40, 60, 80, 90, 100)):
    zone = np.repeat(np.arange(len(sizes)), sizes)
    true = random.normal(0, between, len(sizes))
    residuals = true[zone] + random.normal(0, 0.5, len(zone))
    return SmallAreas(residuals[np.newaxis], zone, np.full(len(sizes), 1 / len(sizes))), true


@pytest.mark.parametrize("between", [0.05, 0.15, 0.5])
def test_the_region_is_the_sum_of_its_zones_and_not_of_its_sites(between):
    """Where many sites lie in few zones, the mean of the sites is none of the region."""
    random, inside = np.random.default_rng(9), []
    for _ in range(200):
        areas, true = uneven(random, between)
        found = areas.errors([1.0])
        inside.append(abs(found.bias[-1] - true.mean()) <= found.half_width(0.9)[-1])

    assert 0.83 < np.mean(inside) < 0.97


def test_the_error_of_the_region_is_that_of_its_zones_by_their_area():
    areas, _ = uneven(np.random.default_rng(10), 0.3)
    found = areas.errors([1.0])

    assert found.bias[-1] == pytest.approx(areas.shares @ found.bias[:-1])


@pytest.mark.parametrize("few", [2, 3, 5])
def test_few_sites_of_a_campaign_give_wide_limits_however_many_the_other_has(few):
    random, inside = np.random.default_rng(11), []
    for _ in range(1500):
        residuals = random.normal(0, 0.5, (2, 100))
        residuals[1, few:] = np.nan
        found = SmallAreas(residuals, np.full(100, -1), np.empty(0)).errors([0, 1])
        inside.append(abs(found.bias[-1]) <= found.half_width(0.9)[-1])

    assert 0.87 < np.mean(inside) < 0.93
    assert found.n_sites[-1] == few


def test_campaigns_without_a_common_site_have_errors_of_their_own():
    random = np.random.default_rng(12)
    zone = np.tile(np.arange(4), 60)
    residuals = random.normal(0, 0.5, (3, 240))
    residuals[0, 80:] = residuals[1, :80] = residuals[1, 160:] = residuals[2, :160] = np.nan
    areas = SmallAreas(residuals, zone, np.full(4, 0.25))

    for weights in ([1, 0, 0], [0.5, 0.5, 0], [0, -1, 1], [-1, 0, 1]):
        found = areas.errors(weights, np.full(4, 0.001), same_sites=weights[0] == -1)
        assert np.isfinite(found.half_width(0.9)).all()
    alone = [areas.errors(each).variance[-1] for each in np.eye(3)[:2]]
    assert areas.errors([-1, 1, 0]).variance[-1] == pytest.approx(sum(alone), rel=0.2)


def test_variances_of_differences_are_never_negative():
    random = np.random.default_rng(13)
    zone = np.arange(120) % 6
    base = random.normal(0, 1, 120) * np.where(zone < 3, 0.8, 0.3)
    residuals = base + random.normal(0, 0.15, (2, 120))
    residuals[1, zone >= 3] = np.nan
    found = SmallAreas(residuals, zone, np.full(6, 1 / 6)).errors([-1, 1], same_sites=True)

    assert (found.variance[:3] > 0).all()
    assert np.sqrt(found.variance[0]) == pytest.approx(0.15 * np.sqrt(2 / 20), rel=0.5)


def test_a_change_is_told_by_the_sites_that_were_sampled_twice():
    residuals = np.full((2, 30), np.nan)
    residuals[0] = np.arange(30) % 7
    residuals[1, :25] = residuals[0, :25] + 0.25
    found = SmallAreas(residuals, np.arange(30) % 3, np.full(3, 1 / 3)).errors([-1, 1], same_sites=True)

    assert_allclose(found.bias, 0.25)
    assert found.n_sites[-1] == 25


def test_no_campaign_tells_nothing():
    areas, _ = survey(np.random.default_rng(14))

    assert np.isnan(areas.errors([0, 0]).bias).all()
