"""mu_max and K_m: given, assumed or calibrated; of a fold from its training sites alone."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

from poml_map import rothc
from poml_map.errors import InputError
from poml_map.pipeline import parameters
from poml_map.pipeline.calibration import law
from poml_map.pipeline.parameters import find_parameters, fold_law
from poml_map.pipeline.process_choices import process_options
from poml_map.pipeline.site_model import build_site_model

GIVEN = "  mu_max: 2.5\n  k_m: 0.1\n"


def fold_parameters(*asked):
    """mu_max and K_m of a fold."""
    return fold_law(*asked).pair


def _built(region, samples, points):
    return build_site_model(region, samples, points, process_options(region))


def _with_stock(samples, site, year, factor):
    table = samples.table.copy()
    table.loc[(table["site"] == site) & (table["year"] == year), "stock"] *= factor
    return dataclasses.replace(samples, table=table)


def test_given_parameters_are_taken_as_they_are(region, twice):
    _, points, samples = twice
    where = region(rothc=GIVEN)
    model = _built(where, samples, points)
    found = find_parameters(where, model)
    assert (found.mu_max, found.k_m, found.origin, found.warnings) == (2.5, 0.1, "given", [])
    assert found.details["law"] == "mu = 2.5 BIO / (0.1 kg/m2 + BIO)"
    bio = model.problem.start[2]
    assert_allclose(found.details["mu_at_first_campaign"]["median"], np.median(2.5 * bio / (0.1 + bio)))
    assert fold_parameters(where, model, np.arange(12) < 8) == (2.5, 0.1)


def test_calibration_finds_the_parameters_that_made_the_stocks(region, points, observe):
    """Sites begin in different years, and some have two later campaigns."""
    where, here = region(), points()
    ids, first = [f"s{number}" for number in range(12)], [1980, 1981, 1983] * 4
    later = [(site, year) for site in range(12) for year in (1984, 1986)]
    found = find_parameters(where, _built(where, observe(where, here, ids, first, later), here))
    assert_allclose([found.mu_max, found.k_m], [1.4, 0.06], rtol=1e-4)
    assert found.origin == "calibrated"
    assert found.details["limit"] == "none"
    assert found.warnings == []


def test_every_later_campaign_is_in_the_loss(region, points, observe):
    where, here = region(), points()
    ids, first = [f"s{number}" for number in range(12)], [1980, 1982] * 6
    later = [(site, year) for site in range(12) for year in (1984, 1986)][:-1]
    samples = observe(where, here, ids, first, later, noise=0.05)
    model = _built(where, samples, here)
    found = find_parameters(where, model)
    stocks = model.simulate(found.mu_max, found.k_m)
    observed = samples.table[samples.table.duplicated("site")]
    errors = [
        stocks[row.year - 1980, ids.index(row.site)] - row.stock for row in observed.itertuples(index=False)
    ]
    assert len(errors) == 23
    assert_allclose(found.details["rmse_kg_m2"], np.sqrt(np.mean(np.square(errors))), rtol=1e-9)


@pytest.mark.parametrize(
    ("mu_max", "k_m", "limit", "law", "words"),
    [
        (1.3, 0.0, "k_m_zero", "mu = 1.3", "constant"),
        (1e8, 1e7, "linear", "mu = 10 m2/kg x BIO", "proportional"),
    ],
)
def test_a_fit_at_a_limit_warns_and_states_only_what_the_data_tell(
    region, points, observe, mu_max, k_m, limit, law, words
):
    where, here = region(), points()
    ids, later = [f"s{number}" for number in range(12)], [(site, 1986) for site in range(12)]
    samples = observe(where, here, ids, [1980] * 12, later, mu_max=mu_max, k_m=k_m)
    found = find_parameters(where, _built(where, samples, here))
    assert found.details["limit"] == limit
    assert found.details["law"] == law
    (warning,) = found.warnings
    assert words in warning
    assert "Do not interpret K_m" in warning


@pytest.mark.parametrize("factor", [3.0, 0.1])
def test_stocks_that_no_parameters_explain_are_refused_with_the_mend(twice, factor):
    where, points, samples = twice
    table = samples.table.copy()
    table.loc[table["year"] == 1986, "stock"] *= factor
    model = _built(where, dataclasses.replace(samples, table=table), points)
    with pytest.raises(InputError, match="give `mu_max` and `k_m`") as refusal:
        find_parameters(where, model)
    assert refusal.value.exit_code == 2
    assert "region.yaml" in str(refusal.value)


def test_one_campaign_is_refused_with_the_mend(region, points, samples_of):
    where = region()
    model = _built(where, samples_of([("a", 1980, 4.0), ("b", 1983, 5.0)]), points(2))
    with pytest.raises(InputError, match="expected_change"):
        find_parameters(where, model)


def test_the_expected_change_is_met_and_mu_1_stands_beside_it(region, points, samples_of):
    where, here = region(rothc="  expected_change: 0.04\n"), points(5)
    model = _built(where, samples_of([(f"s{i}", 1980, 3.0 + i) for i in range(5)]), here)
    found = find_parameters(where, model)
    stocks = model.simulate(found.mu_max, found.k_m)
    assert stocks[-1].mean() / stocks[0].mean() - 1 == pytest.approx(0.04, abs=1e-6)
    assert (found.origin, found.k_m) == ("assumed", 0.0)
    problem = model.problem
    plain = rothc.simulate_stock(
        problem.start, problem.iom, problem.rate, problem.c_input, problem.clay, record=[0, 72]
    )
    change = plain[1].mean() / plain[0].mean() - 1
    assert found.details["change_with_mu_1"] == pytest.approx(change, abs=1e-12)
    (warning,) = found.warnings
    assert "assumed, not fitted" in warning
    assert f"mu = 1 it would be {change:+.1%}" in warning


def test_an_expected_change_is_about_the_whole_run_so_all_sites_must_begin_with_it(
    region, points, samples_of
):
    where = region(rothc="  expected_change: 0.04\n")
    model = _built(where, samples_of([("a", 1980, 4.0), ("b", 1983, 5.0)]), points(2))
    with pytest.raises(InputError, match="first in 1980, 1983"):
        find_parameters(where, model)


def test_a_change_that_no_mu_gives_is_refused_with_what_can_be_had(region, points, samples_of):
    where = region(rothc="  expected_change: 3\n")
    model = _built(where, samples_of([("a", 1980, 4.0), ("b", 1980, 5.0)]), points(2))
    with pytest.raises(InputError, match=r"expected -0\.\d+ to 1\.\d+"):
        find_parameters(where, model)
    with pytest.raises(InputError, match="fold"):
        fold_parameters(where, model, np.array([True, False]))


def test_a_held_out_sites_later_stock_changes_nothing_of_its_fold(twice):
    where, points, samples = twice
    training = np.arange(12) % 3 > 0
    expected = fold_parameters(where, _built(where, samples, points), training)
    for site, is_same in (("s0", True), ("s9", True), ("s1", False)):
        other = _with_stock(samples, site, 1986, 1.02)
        found = fold_parameters(where, _built(where, other, points), training)
        assert (found == expected) == is_same


def test_a_fold_assumes_the_change_of_its_training_sites(region, points, samples_of):
    where, here = region(rothc="  expected_change: 0.04\n"), points(4)
    model = _built(where, samples_of([(f"s{i}", 1980, 3.0 + i) for i in range(4)]), here)
    training = np.array([True, False, True, True])
    mu, k_m = fold_parameters(where, model, training)
    stocks = model.simulate(mu, k_m)[:, training]
    assert stocks[-1].mean() / stocks[0].mean() - 1 == pytest.approx(0.04, abs=1e-6)


def test_a_fold_without_a_site_sampled_twice_is_refused(region, points, observe):
    where, here = region(), points(3)
    samples = observe(where, here, ["a", "b", "c"], [1980] * 3, [(1, 1986)])
    with pytest.raises(InputError, match="training sites do not give") as refusal:
        fold_parameters(where, _built(where, samples, here), np.array([True, False, True]))
    assert "mu_max" in str(refusal.value)


def test_a_run_of_one_year_has_parameters_without_warnings_of_numpy(region, points, samples_of):
    where = region(("years: 1980-1986", "years: 1980-1980"), rothc=GIVEN)
    model = _built(where, samples_of([("a", 1980, 4.0)]), points(1, years=range(1980, 1981)))
    found = find_parameters(where, model)
    assert np.isnan(found.details["rate_jump_at_first_campaign"]["median"])
    assert_allclose(model.simulate(found.mu_max, found.k_m), [[4.0]])


def test_all_calibrations_start_more_than_once(twice, monkeypatch):
    """One start may end in a valley of its own."""
    where, points, samples = twice
    starts = []

    def calibrate(problem, n_starts, **options):
        starts.append(n_starts)
        return rothc.calibrate(problem, n_starts, **options)

    monkeypatch.setattr(parameters, "calibrate", calibrate)
    model = _built(where, samples, points)
    find_parameters(where, model)
    fold_parameters(where, model, np.arange(12) < 8)
    assert min(starts) > 1


TRUTH = {1: (1.4, 0.06), 2: (0.9, 0.03)}


@pytest.fixture
def of_classes(by_class):
    """Region and model of 24 sites of two classes, each with stocks of its own law."""

    def make(truth=TRUTH, **options):
        where, here, samples = by_class(truth, **options)
        return where, _built(where, samples, here)

    return make


def test_each_class_has_the_parameters_that_made_its_stocks(of_classes):
    where, model = of_classes()
    found = find_parameters(where, model)
    for number, truth in TRUTH.items():
        assert_allclose(np.ravel(found.for_classes([number])), truth, rtol=1e-4)
        assert found.details["groups"]["classes"][number]["n_observations"] == 12
        assert found.details["groups"]["classes"][number]["law"] == law(*found.groups.values[number])
    mu_max, k_m = found.at(model)
    bio = model.problem.start[2]
    assert_allclose(found.details["mu_at_first_campaign"]["median"], np.median(mu_max * bio / (k_m + bio)))
    assert list(found.profiles) == ["all sites", "LAND_USE 1", "LAND_USE 2"]
    assert found.warnings == []
    pooled = rothc.calibrate(model.problem)
    assert (found.mu_max, found.k_m) == (pooled.mu_max, pooled.k_m)
    assert found.for_classes([[99]])[0] == pooled.mu_max
    assert found.details["groups"]["loss_kg2_m4"] < 1e-9 < pooled.loss


def test_a_class_with_few_observations_takes_the_parameters_of_all_and_is_named(of_classes):
    where, model = of_classes({**TRUTH, 3: (1.4, 0.06)}, classes=[1] * 20 + [3] * 4)
    found = find_parameters(where, model)
    (warning,) = found.warnings
    assert warning.startswith("LAND_USE 3 has 4 of the 10 later observations that a fit needs")
    assert found.for_classes([3])[0] == found.mu_max
    assert found.details["groups"]["classes"][3] == {"law": "that of all sites", "n_observations": 4}
    assert set(found.groups.values) == {1}


def test_the_misfit_of_all_classes_together_is_that_of_every_observation(of_classes):
    where, model = of_classes({**TRUTH, 3: (1.4, 0.06)}, classes=[1] * 20 + [3] * 4, noise=0.05)
    found = find_parameters(where, model)
    stocks = model.simulate(*found.at(model))[-1]
    expected = np.mean((stocks[model.problem.site_index] - model.problem.stock) ** 2)
    assert_allclose(found.details["groups"]["loss_kg2_m4"], expected, rtol=1e-12)


def test_a_class_at_a_limit_is_named_in_the_warning(of_classes):
    found = find_parameters(*of_classes({1: (1.4, 0.06), 2: (1.2, 0.0)}))
    assert any(text.startswith("calibration of LAND_USE 2: K_m runs to 0") for text in found.warnings)
    assert found.details["groups"]["classes"][2]["law"] == "mu = 1.2"


def test_a_class_whose_stocks_nothing_explains_is_refused_by_name(of_classes):
    where, model = of_classes()
    second = model.classes[model.problem.site_index] == 2
    broken = dataclasses.replace(
        model.problem, stock=np.where(second, 1.8 * model.problem.stock, model.problem.stock)
    )
    with pytest.raises(InputError, match="group 2 \\(12 later observations\\): mu runs to zero") as refusal:
        find_parameters(where, dataclasses.replace(model, problem=broken))
    assert "merge classes" in str(refusal.value)


def test_a_fold_fits_its_classes_from_its_training_sites_alone(of_classes):
    where, model = of_classes(noise=0.01)
    training = np.arange(24) < 22
    mu_max, k_m = fold_parameters(where, model, training)
    assert mu_max.shape == k_m.shape == (24,)
    for number in (1, 2):
        of_class = model.classes == number
        alone = rothc.calibrate(model.problem.subset(training & of_class), 2, profile=False)
        assert_allclose(
            [mu_max[of_class], k_m[of_class]], np.tile([[alone.mu_max], [alone.k_m]], 12), rtol=1e-6
        )
    stock = model.problem.stock.copy()
    stock[model.problem.site_index == 23] *= 1.02
    other = dataclasses.replace(model, problem=dataclasses.replace(model.problem, stock=stock))
    assert_allclose(fold_parameters(where, other, training), (mu_max, k_m), rtol=0)


def test_a_class_that_is_just_large_enough_is_fitted_apart_in_the_folds_too(of_classes):
    where, model = of_classes(classes=[1] * 14 + [2] * 10)
    training = np.arange(24) % 5 > 0  # 8 of class 2
    mu_max, _ = fold_parameters(where, model, training)
    assert_allclose(mu_max, np.where(model.classes == 2, 0.9, 1.4), rtol=1e-3)


def test_without_groups_every_class_has_the_same_parameters(region, twice):
    where, points, samples = twice
    model = _built(where, samples, points)
    found = find_parameters(where, model)
    assert found.at(model) == (found.mu_max, found.k_m)
    assert (found.for_classes(np.arange(4))[0] == found.mu_max).all()


def test_details_tell_how_well_the_fit_is_determined(twice):
    where, points, samples = twice
    details = find_parameters(where, _built(where, samples, points)).details
    assert details["n_observations"] == 12
    assert set(details["standard_errors_of_logs"]) == {"mu_at_typical_bio", "k_m"}
    assert details["condition_number"] > 10
    assert np.abs(details["gradient"]).max() < 1e-9
    assert details["profile"]["text"] == "K_m from 0.06 to 0.06 kg/m2 is not excluded (95 %)"
