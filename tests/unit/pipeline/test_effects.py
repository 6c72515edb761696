"""What another choice would do: none where it is the same choice, else what a run with it gives."""

import numpy as np
import pytest

from poml_map.pipeline.effects import effects_of_choices
from poml_map.pipeline.parameters import find_parameters
from poml_map.pipeline.site_model import build_site_model, process_options

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
    assert len(effects) == 5
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
