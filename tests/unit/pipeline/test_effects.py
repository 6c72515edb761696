"""What another choice would do: none where it is the same choice, else what a run with it gives."""

from dataclasses import replace

import numpy as np
import pytest

from poml_map.pipeline.effects import effects_of_choices
from poml_map.pipeline.parameters import find_parameters
from poml_map.pipeline.process_choices import process_options
from poml_map.pipeline.site_model import build_site_model

GIVEN = "  mu_max: 1.4\n  k_m: 0.06\n"


def _effects(region, samples, points):
    model = build_site_model(region, samples, points, process_options(region))
    return dict(effects_of_choices(region, samples, points, find_parameters(region, model)))


def _named(effects, words):
    (value,) = (value for text, value in effects.items() if words in text)
    return value


def test_every_choice_moves_the_result_by_a_little(region, twice):
    _, points, samples = twice
    effects = _effects(region(rothc=GIVEN), samples, points)
    assert len(effects) == 6
    values = np.array(list(effects.values()))
    assert np.isfinite(values).all()
    assert (values != 0).all()
    assert np.abs(values).max() < 1.0


def test_more_cover_slows_decay_so_growing_inputs_gain_less(region, twice):
    """The spin-up balances input and decay: with slow decay the input that grows is smaller."""
    _, points, samples = twice
    effects = _effects(region(rothc=GIVEN), samples, points)
    assert _named(effects, "NDVI 0.3 instead of 0.4") < 0 < _named(effects, "NDVI 0.5 instead of 0.4")


def test_a_choice_that_is_already_taken_has_no_effect(region, twice):
    _, points, samples = twice
    months = f"  input_months: [{', '.join(['0'] * 11)}, 3]\n"
    assert _named(_effects(region(rothc=GIVEN + months), samples, points), "input all in") == 0
    bare = points.copy(deep=True)
    bare["ndvi"][:] = bare["ndvi_spinup"][:] = 0.0  # bare whatever the threshold
    effects = _effects(region(rothc=GIVEN), samples, bare)
    assert _named(effects, "NDVI 0.3") == _named(effects, "NDVI 0.5") == 0


@pytest.mark.parametrize(
    ("words", "old", "new"),
    [
        ("NDVI 0.5", "cover_ndvi: 0.4", "cover_ndvi: 0.5"),
        ("weihermueller", "cover_ndvi: 0.4", "cover_ndvi: 0.4\n  pools: weihermueller"),
        ("end of month 6 instead of 12", "name: small", "name: small\nsampling_month: 6"),
        ("cover as a share from NDVI 0.1 to 0.7", "cover_ndvi: 0.4", "cover: fraction"),
    ],
)
def test_an_effect_is_what_a_run_with_that_choice_gives(region, twice, words, old, new):
    _, points, samples = twice
    usual = region(rothc=GIVEN)
    other = region((old, new), rothc=GIVEN)

    def mean(where):
        model = build_site_model(where, samples, points, process_options(where))
        return model.simulate(1.4, 0.06)[-1].mean()

    expected = mean(other) - mean(usual)
    assert _named(_effects(usual, samples, points), words) == pytest.approx(expected, rel=1e-12)


def test_the_starting_pools_that_are_not_taken_are_compared(region, twice):
    _, points, samples = twice
    effects = _effects(region(rothc=GIVEN + "  pools: weihermueller\n"), samples, points)
    assert _named(effects, "starting pools by equilibrium instead of weihermueller") != 0


def test_cover_as_a_share_is_compared_with_a_threshold_and_the_other_way_round(region, twice):
    _, points, samples = twice
    share = region(("  cover_ndvi: 0.4\n", "  cover: fraction\n"), rothc=GIVEN)
    effects = _effects(share, samples, points)
    back = _named(_effects(region(rothc=GIVEN), samples, points), "cover as a share from NDVI 0.1 to 0.7")
    assert _named(effects, "soil covered from NDVI 0.4 instead of as a share") == pytest.approx(
        -back, rel=1e-9
    )
    assert not any("NDVI 0.5" in text for text in effects)


@pytest.mark.parametrize(("threshold", "others"), [(0.95, {"0.85", "1"}), (1, {"0.9"})])
def test_a_threshold_at_the_end_of_its_range_is_not_moved_beyond(region, twice, threshold, others):
    _, points, samples = twice
    where = region(("cover_ndvi: 0.4", f"cover_ndvi: {threshold}"), rothc=GIVEN)
    found = {
        text.split("NDVI ")[1].split()[0]
        for text in _effects(where, samples, points)
        if "soil covered" in text
    }
    assert found == others


def test_real_years_are_compared_with_their_mean_months(region, twice):
    """The months of real years hold their mean months, but not the other way round."""
    _, points, samples = twice
    real = points.copy()
    for name in ("air_temp", "precip", "pet", "ndvi"):
        real[f"{name}_spinup"] = ("spinup_time", "site"), points[name].to_numpy()
    where = region(rothc=GIVEN + "  spinup: real_years\n")
    effect = _named(_effects(where, samples, real), "spin-up on mean months instead of real years")
    stocks = []
    for each, here in ((region(rothc=GIVEN), points), (where, real)):
        model = build_site_model(each, samples, here, process_options(each))
        stocks.append(model.simulate(1.4, 0.06)[-1].mean())
    assert effect == pytest.approx(stocks[0] - stocks[1], rel=1e-4)  # the mean months are in float32
    assert not any("real years" in text for text in _effects(region(rothc=GIVEN), samples, points))


def test_a_rate_factor_is_compared_with_none(region, twice):
    _, points, samples = twice
    where = region(rothc=GIVEN + "  rate_factor: paddy_rice_season\n")
    effect = _named(_effects(where, samples, points), "no rate factor instead of the one stated")
    stocks = []
    for each in (region(rothc=GIVEN), where):
        model = build_site_model(each, samples, points, process_options(each))
        stocks.append(model.simulate(1.4, 0.06)[-1].mean())
    assert effect == pytest.approx(stocks[0] - stocks[1], rel=1e-12)
    assert effect != 0


def test_effects_are_those_of_each_sites_own_class(by_class):
    where, here, samples = by_class({1: (1.4, 0.06), 2: (0.9, 0.03)})
    model = build_site_model(where, samples, here, process_options(where))
    found = dict(effects_of_choices(where, samples, here, find_parameters(where, model)))
    other = replace(process_options(where), pools="weihermueller")
    mu_max, k_m = np.array([(1.4, 0.06) if number == 1 else (0.9, 0.03) for number in model.classes]).T
    moved = build_site_model(where, samples, here, other).simulate(mu_max, k_m)[-1]
    expected = moved.mean() - model.simulate(mu_max, k_m)[-1].mean()
    assert _named(found, "weihermueller") == pytest.approx(expected, rel=1e-4)
