"""What no reader of a map may overlook."""

import pytest

from poml_map.pipeline.report import Notes


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


@pytest.mark.parametrize("key", ["year", "bulk_density"])
def test_what_stands_for_a_measurement_is_named(region, key):
    changes = {
        "year": [("year: year, ", ""), ("  file: samples.csv", "  file: samples.csv\n  year: 1980")],
        "bulk_density": [("bulk_density: BD", "bulk_density: 1.3")],
    }
    words = {"year": "sampling year 1980", "bulk_density": "bulk density 1.3 g/cm3"}
    assert Notes.of(region(*changes[key]), _Parameters("calibrated")).tags["ASSUMED"] == words[key]
