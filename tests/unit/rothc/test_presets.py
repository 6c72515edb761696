"""Published numbers by name, with what is known of where they come from."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map import rothc


def test_dpm_rpm_of_land_uses_are_the_model_s():
    """Coleman & Jenkinson (1996): 1.44, 0.67, 0.25."""
    words = ["crops", "improved_grass", "unimproved_grass", "scrub", "woodland"]
    assert_array_equal(rothc.dpm_rpm_of(words), [1.44, 1.44, 0.67, 0.67, 0.25])
    assert rothc.dpm_rpm_of("woodland") == 0.25
    assert set(rothc.DPM_RPM) == set(words)


def test_every_preset_has_twelve_factors_and_says_what_is_known_of_it():
    for name, preset in rothc.RATE_FACTORS.items():
        assert rothc.rate_factor_preset(name).shape == (12,)
        assert all(0 < factor <= 1 for factor in preset.months)
        assert name == "none" or "erified" in preset.evidence


def test_the_default_is_plain_rothc():
    assert_array_equal(rothc.rate_factor_preset("none"), np.ones(12))


def test_flooded_months_decay_at_a_fifth_and_the_others_at_three_fifths():
    factors = rothc.flooded_months([12, 1])
    assert factors == (0.2, *(0.6,) * 10, 0.2)
    assert rothc.flooded_months([5], flooded=0.3, drained=1.0)[3:6] == (1.0, 0.3, 1.0)
    assert rothc.flooded_months([]) == (0.6,) * 12


def test_six_months_of_each_are_the_all_year_factor():
    assert_allclose(rothc.rate_factor_preset("paddy_two_rice_seasons").mean(), 0.4)
    assert_array_equal(rothc.rate_factor_preset("paddy_all_year"), 0.4)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: rothc.dpm_rpm_of(["crops", "forest"]), ["land_use[1] is 'forest'", "woodland"]),
        (lambda: rothc.rate_factor_preset("paddy"), ["name is 'paddy'", "paddy_all_year"]),
        (lambda: rothc.flooded_months([6, 13]), ["months[1] is 13", "1 to 12"]),
        (lambda: rothc.flooded_months([6], flooded=-0.2), ["flooded is -0.2"]),
        (lambda: rothc.flooded_months([6], drained=np.nan), ["drained is nan"]),
    ],
)
def test_unknown_names_and_factors_are_refused(call, words):
    with pytest.raises(ValueError) as refusal:
        call()
    for word in [*words, "Mend:"]:
        assert word in str(refusal.value)
