"""Sites at one place under several ids are found, told of, and kept in one fold."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from poml_map.pipeline.places import find_places, metres


@pytest.fixture
def samples(samples_of):
    """Six sites, 1.4 km apart; c is moved to 60 m east of a, and f to 80 m north of c."""
    made = samples_of([(site, year, 3.0) for site in "abcdef" for year in (1980, 2000)])
    place = made.table.set_index("site")[["x", "y"]]
    place.loc["c"] = place.loc[["a"]].to_numpy()[0] + [60.0, 0.0]
    place.loc["f"] = place.loc[["c"]].to_numpy()[0] + [0.0, 80.0]
    made.table[["x", "y"]] = place.to_numpy()
    return made


def test_near_sites_are_one_place_and_are_told_of(samples):
    places = find_places(samples, "EPSG:32651")
    assert places.group.tolist() == [0, 1, 0, 2, 3, 0]
    assert places.shared == [["a", "c", "f"]]
    (note,) = places.notes
    assert note.startswith("3 sites share 1 place, less than 100 m apart: a and c and f.")


def test_sites_that_are_apart_are_not_told_of(samples):
    places = find_places(samples, "EPSG:32651", within=50.0)
    assert places.group.tolist() == [0, 1, 2, 3, 4, 5]
    assert places.notes == []


def test_feet_are_metres_at_last(samples):
    """EPSG:2263 counts US survey feet: 60 and 80 of them are 18 and 24 m."""
    assert find_places(samples, "EPSG:2263", within=20.0).shared == [["a", "c"]]


def test_degrees_are_metres_on_the_ground():
    """A thousandth of a degree at 60 degrees north: 56 m (half of that at the equator) and 111 m."""
    x, y = metres([10.0, 10.001, 10.0], [60.0, 60.0, 60.001], "EPSG:4326")
    assert_allclose(np.hypot(x - x[0], y - y[0])[1:], [55.8, 111.4], atol=0.1)
