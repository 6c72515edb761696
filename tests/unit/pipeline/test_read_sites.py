"""Samples and the cube at their sites stay together, whatever is dropped."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from poml_map.errors import InputError
from poml_map.pipeline.checks import read_sites

GIVEN = "  mu_max: 1.4\n  k_m: 0.06\n"
STOCKS = [
    ("  file: samples.csv\n", "  file: samples.csv\n  max_dropped: 1\n"),
    ("year: year, soc: soc}", "year: year, stock: stock}"),
    ("units: {soc: g/kg}", "units: {stock: kg/m2}"),
    ("  bulk_density: BD\n  coarse_fragments: CF\n", ""),
]


@pytest.fixture
def cube(points):
    """A cube whose value at x = 1000 n is that of site n of `points`, and whose clay is n."""
    everything = points(6)
    everything["CLAY"] = "site", np.arange(10, 16, dtype="float32")

    def at_points(x, y):
        return everything.isel(site=(np.asarray(x) / 1000).astype(int))

    return SimpleNamespace(at_points=at_points, everything=everything)


def test_values_stay_with_their_sites_when_rows_are_dropped(region, samples_of, cube, caplog):
    """Site a loses its first row, c its pixel; whatever the order of the file, sites come by id."""
    where = region(*STOCKS, rothc=GIVEN)
    rows = [(site, 1980, 4.0) for site in "abcdef"] + [("a", 1986, 5.0), ("d", 1986, 5.0)]
    rows[0] = ("a", 1980, 0.0)
    cube.everything["TMP"][3, 2] = np.nan
    with caplog.at_level(logging.WARNING, "poml_map"):
        samples, points = read_sites(where, cube, samples_of(rows))
    assert samples.sites["site"].tolist() == ["a", "b", "d", "e", "f"]
    assert_array_equal(points["CLAY"], [10, 11, 13, 14, 15])
    assert samples.table["year"].tolist() == [1986, 1980, 1980, 1986, 1980, 1980]
    assert any("no data at its pixel for TMP" in record.getMessage() for record in caplog.records)


def test_too_few_sites_that_are_left_are_refused(region, samples_of, cube):
    where = region(*STOCKS, rothc=GIVEN, folds=6)
    cube.everything["TMP"][3, 2] = np.nan
    with pytest.raises(InputError, match="6 folds for 5 sites"):
        read_sites(where, cube, samples_of([(site, 1980, 4.0) for site in "abcdef"]))


def test_a_calibration_that_loses_its_second_campaign_to_missing_data_is_refused(region, samples_of, cube):
    where = region(*STOCKS)
    cube.everything["TMP"][3, 2] = np.nan
    rows = [(site, 1980, 4.0) for site in "abcdef"] + [("c", 1986, 5.0)]
    with pytest.raises(InputError, match="one campaign only"):
        read_sites(where, cube, samples_of(rows))
