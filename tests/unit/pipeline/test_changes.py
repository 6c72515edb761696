"""What the limits of a change rest on: observed changes where there are enough, and what is said of them."""

import numpy as np
import pytest

from poml_map.hybrid.intervals import Conformal, HeldOutChange, TreeSpread
from poml_map.pipeline.intervals import Changes


def changes(n_sites, level=0.9):
    random = np.random.default_rng(0)
    mean, fold = random.normal(0.4, 0.2, n_sites), np.arange(n_sites) % 5
    observed = mean + random.normal(0, 0.3, n_sites)
    years = np.full(n_sites, 1980), np.full(n_sites, 2000)
    return Changes(HeldOutChange(mean, np.full(n_sites, 0.1), observed, fold, *years), level)


def test_observed_changes_scale_the_limits_where_there_are_enough():
    found = changes(60).maps((1980, 2000))

    assert isinstance(found.calibrated, Conformal)
    assert found.calibrated.n_sites == 60
    assert changes(60).calibration((1980, 2000)) == "60 changes at held-out sites, 1980-2000"


@pytest.mark.parametrize("n_sites", [1, 18])
def test_with_too_few_the_spread_of_the_trees_stands_and_is_called_uncalibrated(n_sites):
    assert isinstance(changes(n_sites).maps((1980, 2000)).calibrated, TreeSpread)
    assert changes(n_sites).calibration().startswith(f"uncalibrated: {n_sites} sites are too few")


def test_other_years_than_those_of_the_campaigns_are_called_assumed():
    assert changes(60).calibration((1985, 1995)).endswith("1980-2000; assumed for 1985-1995")
