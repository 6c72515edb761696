"""What no reader of a map may overlook."""

import numpy as np
import pandas as pd
import pytest

from poml_map.pipeline.parameters import find_parameters
from poml_map.pipeline.process_choices import process_options
from poml_map.pipeline.report import SYNTHETIC, Notes, accuracy_lines, report
from poml_map.pipeline.site_model import build_site_model
from poml_map.pipeline.sources import source_list


class _Parameters:
    def __init__(self, origin, **details):
        self.origin, self.mu_max, self.details = origin, 2.06, details


def test_a_fitted_mu_needs_no_note(region):
    assert Notes.of(region(), _Parameters("calibrated")).tags["ASSUMED"] == ""


def test_an_assumed_change_stands_on_every_product_with_what_mu_1_gives(region):
    notes = Notes.of(region(), _Parameters("assumed", expected_change=0.1, change_with_mu_1=0.386))
    assert notes.tags["ASSUMED"] == "mu = 2.06 for a change of +10.0% (mu = 1 would give +38.6%)"
    assert f"Assumed: {notes.tags['ASSUMED']}" in notes.lines


def test_parameters_that_were_given_are_not_taken_for_fitted_ones(region):
    notes = Notes.of(region(), _Parameters("given", law="mu = 1.5 BIO / (0.05 kg/m2 + BIO)"))
    assert notes.tags["ASSUMED"] == "mu = 1.5 BIO / (0.05 kg/m2 + BIO), not fitted"


@pytest.mark.parametrize("key", ["year", "bulk_density", "soc_factor"])
def test_what_stands_for_a_measurement_is_named(region, key):
    changes = {
        "year": [("year: year, ", ""), ("  file: samples.csv", "  file: samples.csv\n  year: 1980")],
        "bulk_density": [("bulk_density: BD", "bulk_density: 1.3")],
        "soc_factor": [("  file: samples.csv", "  file: samples.csv\n  soc_factor: 0.58")],
    }
    words = {
        "year": "sampling year 1980",
        "bulk_density": "bulk density 1.3 g/cm3",
        "soc_factor": "0.58 of the measured content is carbon",
    }
    assert Notes.of(region(*changes[key]), _Parameters("calibrated")).tags["ASSUMED"] == words[key]


def test_an_input_that_is_the_same_in_all_years_is_assumed(region):
    where = region(rothc="  input_driver: constant\n")
    text = "carbon input of RothC the same in all years"
    assert Notes.of(where, _Parameters("calibrated")).tags["ASSUMED"] == text


@pytest.mark.parametrize("fragments", ["0.05", "0"])
def test_a_constant_share_of_stones_is_assumed_even_where_it_is_a_whole_number(region, fragments):
    where = region(("coarse_fragments: CF", f"coarse_fragments: {fragments}"))
    assert Notes.of(where, _Parameters("calibrated")).tags["ASSUMED"] == f"coarse fragments {fragments}"


def test_stand_ins_and_synthetic_data_are_notes(region):
    notes = Notes.of(region(top="synthetic: true\n"), _Parameters("calibrated"))
    assert notes.lines[0] == "Synthetic data"
    assert notes.tags["SYNTHETIC"] is True
    assert notes.tags["STAND_IN"] == "BD"
    assert "Stand-in: bulk density" in notes.lines


def _balance(added):
    parts = {"added": added, "respired": 4.25, "stored": added - 4.25, "largest_error": 1e-15}
    return {f"{name}_kg_m2": value for name, value in parts.items()}


def _page(region, unit_factor=1.0, fit=None, change=None, campaigns=("1980", "1986")):
    """A report whose every stock is 0.125 or 4.5 kg/m2; `unit_factor` for what the manifest has in the unit."""
    table = pd.DataFrame(
        [("PO", "1980", 0, *[np.nan] * 4), ("ML", "all", 24, 0.125, 0.5, -0.125, 0.25)],
        columns=["model", "campaign", "n", "rmse", "ccc", "mean_error", "mec"],
    )
    quantiles = {"q05": 0.9, "median": 1.0, "q95": 1.1}
    manifest = {
        "regional_mean": {
            "year": [1980],
            "unit": "a unit",
            "models": {"POML": np.array([4.5 * unit_factor])},
        },
        "change": change or {},
        "mapped_years": [1980, 2000],
        "areas": {"level": 0.9, "notes": ["no limits for zones without a site: Anhe"]},
        "rothc": {
            "law": "mu = 1.5",
            "mu_at_first_campaign": quantiles,
            "rate_jump_at_first_campaign": quantiles,
            **(fit or {"origin": "given"}),
        },
        "carbon_balance": {"sites": _balance(4.5), "map": _balance(5.0)},
        "averaging_months": {"q05": 0.7, "median": 0.8, "q95": 0.9},
        "samples": {
            "n_in": 26,
            "n_used": 24,
            "n_sites": 12,
            "sites_with_one_campaign": 0,
            "sites_outside_mask": 1,
            "n_dropped": {"outside the grid": 2},
            "samples_by_year": dict.fromkeys(campaigns, 12),
        },
        "pixels": {"mapped": 12345, "no data: FER": 7},
        "spinup": {"ndvi": "of 1982-1986"},
        "coverage": {"clay": 0.9641},
        "fills": [{"column": "ndvi", "years": [1980, 1981], "rule": "mean of 1982-1986"}],
        "stand_ins": ["BD"],
        "sources": source_list(region),
        "warnings": ["calibration: K_m runs to 0"],
        "input_digest": "abc",
    }
    lines = accuracy_lines(table, region.settings.units)
    return report(region, manifest, lines, [("choice", -0.125)], ["Stand-in: BD"])


def test_every_figure_is_in_the_unit_that_was_asked_for(region):
    plain, tonnes = _page(region()), _page(region(top="units: t/ha\n"), 10.0)
    for kilograms, ten_times in (("4.500", "45.000"), ("choice: -0.125 kg C m-2", "choice: -1.250 t C ha-1")):
        assert kilograms in plain
        assert ten_times in tonnes
    assert "ML    all          24   0.125  0.500  -0.125  0.250" in plain
    assert "ML    all          24   1.250  0.500  -1.250  0.250" in tonnes
    assert "RMSE and ME in t C ha-1" in tonnes
    assert "## Mean of the region [t C ha-1]" in tonnes
    assert "kg C m-2" not in tonnes


def test_what_was_left_out_filled_or_stands_in_is_on_the_page(region):
    page = _page(region())
    for line in (
        "**Stand-in: BD**",
        "24 of 26 rows used, 12 sites (0 with one campaign, 1 outside the mask)",
        "ndvi of 1982-1986",
        "  - 2 rows left out or merged: outside the grid",
        "- Pixels mapped: 12,345",
        "- Pixels no data: FER: 7",
        "- Filled: ndvi of 1980, 1981: mean of 1982-1986",
        "- Stand-in: BD",
        "- calibration: K_m runs to 0",
        "- Digest of all inputs: abc",
        "## Sources",
        "- **dem** (ELEV, SLP, SPI): source not stated. Licence: not stated.",
    ):
        assert line in page
    assert SYNTHETIC not in page
    assert SYNTHETIC in _page(region(top="synthetic: true\n"))


def test_a_model_that_was_not_scored_has_no_line_in_the_accuracy_table(region):
    assert "PO" not in _page(region()).split("RMSE and ME")[0].split("MEC")[1]


def test_the_mass_balance_and_the_jumps_of_decay_are_on_the_page(region):
    page = _page(region())
    assert "- Carbon of a site to 1986, mean: 4.500 added, 4.250 respired, 0.250 stored kg C m-2" in page
    assert "- Carbon of a pixel to 1986, mean: 5.000 added" in page
    assert "over that of their mean year: median 0.800 (5-95 %: 0.700 to 0.900)" in page
    assert "dry spells" in page
    assert "4.250 respired" not in _page(region(top="units: t/ha\n"), 10.0)
    assert "42.500 respired" in _page(region(top="units: t/ha\n"), 10.0)
    assert "dry spells" not in _page(region(rothc="  spinup: real_years\n"))


def test_the_ridge_of_a_fit_is_on_the_page_and_none_without_a_fit(region, twice):
    where, points, samples = twice
    model = build_site_model(where, samples, points, process_options(where))
    details = find_parameters(where, model).details
    page = _page(where, fit=details)
    assert "![Misfit and mu_max along the ridge of the calibration](calibration.png)" in page
    assert "| **0.06** | **1.4** |" in page
    assert "| ∞ | ∞ |" in page
    assert "calibration.png" not in _page(where)


def test_a_single_year_has_no_section_on_change(region):
    assert "Change from" not in _page(region())


def test_what_changed_and_what_of_it_can_be_told_is_on_the_page(region):
    region = region()
    plain = {"period": [1980, 2000], "mean": {"POML": 0.4535, "PO": -0.1}}
    classes = {"loss": 5, "not detectable": 70, "gain": 25}
    told = plain | {
        "classes": classes,
        "level": 0.9,
        "control": "false_discovery",
        "calibration": "uncalibrated: x",
    }

    page = _page(region, change=plain)
    assert "## Change from 1980 to 2000" in page
    assert "POML +0.454, PO -0.100" in page
    assert "Pixels by what" not in page
    assert "  - No limits for zones without a site: Anhe." in page
    assert (
        "90 % interval tells, with false discoveries controlled: loss 5.0 %, not detectable 70.0 %, gain 25.0 % "
        "(uncalibrated: x)" in _page(region, change=told)
    )


def test_the_change_of_a_forest_that_saw_one_campaign_is_told_from_an_observed_one(region):
    change = {"period": [1980, 2000], "mean": {"POML": 0.28, "ML": -0.6}}
    line = "- ML learned from one campaign (1980): its course over time follows the weather of each year"
    assert line in _page(region(), change=change, campaigns=["1980"])
    assert "one campaign (" not in _page(region(), change=change)


def test_maps_of_poml_that_do_not_show_the_assumed_change_are_said_not_to(region):
    fit = {"origin": "assumed"}
    change = {"period": [1980, 2000], "mean": {"POML": -0.022, "PO": 0.32}}
    line = "- POML does not show the assumed change: the mean of its maps changes by -0.022 a unit from 1980 to 2000"
    assert line in _page(region(), change=change, fit=fit)
    assert "does not show" not in _page(region(), change=change)
    assert "does not show" not in _page(
        region(), change=change | {"mean": {"POML": 0.3, "PO": 0.32}}, fit=fit
    )
