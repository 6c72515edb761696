"""The choices of the process model, refused where they are none."""

import pytest

from poml_map.rothc import Options


def test_the_defaults_are_the_paper_s_way():
    options = Options()
    assert (options.spinup, options.cover, options.pools) == ("mean_months", "threshold", "equilibrium")
    assert options.dpm_rpm == 1.44


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"depth_cm": 0.2}, ["depth_cm is 0.2", "centimetres"]),
        ({"sampling_month": 0}, ["sampling_month is 0", "1 to 12"]),
        ({"sampling_month": 6.5}, ["sampling_month is 6.5"]),
        ({"pools": "euler"}, ["pools is 'euler'", "weihermueller"]),
        ({"spinup": "years"}, ["spinup is 'years'", "mean_months, real_years"]),
        ({"cover": "ndvi"}, ["cover is 'ndvi'", "threshold, fraction"]),
        ({"cover_ndvi": 4000}, ["cover_ndvi is 4000", "scale factor"]),
        ({"cover_ndvi_range": (0.7, 0.1)}, ["cover_ndvi_range is (0.7, 0.1)", "rising"]),
        ({"cover_ndvi_range": (0.1, 0.4, 0.7)}, ["cover_ndvi_range", "two rising"]),
        ({"input_months": "npp"}, ["input_months is 'npp'", "ndvi"]),
        ({"input_months": (1.0, 2.0)}, ["input_months has shape (2,)", "(12,)"]),
        ({"input_months": (0.0,) * 12}, ["input_months sums to 0"]),
        ({"manure_months": (-1.0,) * 12}, ["manure_months[0] is -1"]),
        ({"dpm_rpm": -1.44}, ["dpm_rpm is -1.44"]),
    ],
)
def test_a_choice_that_is_none_is_refused_with_those_there_are(choice, words):
    with pytest.raises(ValueError) as refusal:
        Options(**choice)
    for word in [*words, "Mend:"]:
        assert word in str(refusal.value)
