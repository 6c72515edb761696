"""The words of the region file as the options and inputs of the process model."""

import pytest
from numpy.testing import assert_allclose

from poml_map.errors import InputError
from poml_map.pipeline.process_choices import process_inputs, process_options
from poml_map.rothc import crop_calendar_shares
from poml_map.rothc.columns import ByClass, ProcessInputs
from poml_map.rothc.forcing import Options
from poml_map.rothc.presets import RATE_FACTORS

USE = "  rate_factor: {column: LAND_USE, values: {2: paddy_rice_season, 5: [1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1]}}\n"


def test_a_region_that_states_nothing_has_the_defaults_of_the_process_model(region):
    where = region()
    assert process_options(where) == Options()
    assert process_inputs(where) == ProcessInputs()


def test_every_option_reaches_the_process_model(region):
    where = region(
        ("  cover_ndvi: 0.4\n", "  cover: fraction\n"),
        top="sampling_month: 6\ndepth_cm: 30\n",
        rothc="  spinup: real_years\n  cover_ndvi_range: [0.2, 0.8]\n  input_months: ndvi\n  dpm_rpm: 0.67\n"
        "  pools: weihermueller\n  manure: MANURE\n  manure_months: [0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0]\n",
        land_use=True,
    )
    autumn_and_spring = tuple(1.0 if month in (3, 9) else 0.0 for month in range(12))
    assert process_options(where) == Options(
        depth_cm=30.0, sampling_month=6, input_months="ndvi", dpm_rpm=0.67, pools="weihermueller",
        spinup="real_years", cover="fraction", cover_ndvi_range=(0.2, 0.8), manure_months=autumn_and_spring,
    )  # fmt: skip
    assert process_inputs(where).manure == "MANURE"


def test_a_crop_calendar_becomes_shares_of_the_months(region):
    crops = "  crop_calendar: [{sow: 11, harvest: 5}, {sow: 6, harvest: 10, weight: 2, at_harvest: 0.3}]\n"
    options = process_options(region(rothc=f"  input_months: crop_calendar\n{crops}"))
    assert_allclose(options.input_months, crop_calendar_shares([(11, 5, 1, 0.5), (6, 10, 2, 0.3)]))


@pytest.mark.parametrize(("word", "driver"), [("constant", None), ("ELEV", "ELEV"), ("FER", "FER")])
def test_the_input_driver_may_be_constant(region, word, driver):
    assert process_inputs(region(rothc=f"  input_driver: {word}\n")).driver == driver


def test_ratios_and_factors_by_class(region):
    where = region(rothc="  dpm_rpm: {column: LAND_USE, values: {1: 1.44, 2: 0.67}}\n" + USE, land_use=True)
    inputs = process_inputs(where)
    assert inputs.dpm_rpm == ByClass("LAND_USE", {1: 1.44, 2: 0.67})
    dry = (1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1)
    wet = RATE_FACTORS["paddy_rice_season"].months
    assert inputs.rate_factor == ByClass("LAND_USE", {2: wet, 5: dry}, default=1.0)
    assert process_options(where).dpm_rpm == 1.44
    assert inputs.columns == ("FER", "LAND_USE")


def test_a_preset_counts_for_all_pixels(region):
    inputs = process_inputs(region(rothc="  rate_factor: paddy_all_year\n"))
    assert inputs.rate_factor == (0.4,) * 12


@pytest.mark.parametrize(
    ("option", "where"),
    [
        ("paddy", "rothc.rate_factor"),
        ("{column: LAND_USE, values: {3: paddy}}", "rothc.rate_factor.values.3"),
    ],
)
def test_a_preset_that_is_none_is_refused_with_the_line_and_the_names(region, option, where):
    with pytest.raises(InputError) as refusal:
        process_inputs(region(rothc=f"  rate_factor: {option}\n", land_use=True))
    text = str(refusal.value)
    assert text.startswith("region.yaml:")
    assert f"{where}: found 'paddy', expected twelve factors, or one of none, paddy_all_year" in text
