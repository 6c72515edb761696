"""Values by class, and columns as arguments of the process model: the same at sites and on tiles."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from poml_map.rothc.columns import ByClass, ProcessInputs, by_class


@pytest.mark.parametrize("codes", [[3, 1, 1, 2], np.array([[3.0, 1.0], [1.0, 2.0]]), 2, []])
def test_every_place_gets_the_value_of_its_class(codes):
    values = {1: 1.44, 2: 0.67, 3: 0.25}
    expected = np.array([values[int(code)] for code in np.ravel(codes)]).reshape(np.shape(codes))
    assert_array_equal(by_class(codes, values), expected)


def test_twelve_values_of_a_class_come_months_first():
    found = by_class([2, 5, np.nan], {2: tuple(range(12))}, 1.0)
    assert_array_equal(found[:, 0], np.arange(12))
    assert_array_equal(found[:, 1], np.ones(12))
    assert np.isnan(found[:, 2]).all()


def test_a_class_without_a_value_is_refused_by_name_or_takes_the_default():
    with pytest.raises(
        ValueError, match=r"LAND_USE\[1\] is 9 \(3 such values\), expected one of the classes 1, 2\. Mend"
    ):
        ByClass("LAND_USE", {1: 1.44, 2: 0.67}).at([1, 9, 4, 4, np.nan])
    assert_array_equal(by_class([1, 9, 1.5], {1: 1.44}, 0.5), [1.44, 0.5, 0.5])
    assert_array_equal(ByClass("LAND_USE", {1: 1.44}, 0.5).unlisted([1, 9, np.nan]), [False, True, False])


def _read(columns):
    return lambda name: np.asarray(columns[name], "float32")


def test_a_driver_may_be_annual_static_or_none():
    columns = {"FER": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "ELEV": [7.0, 8.0]}
    for driver, expected in (("FER", columns["FER"]), ("ELEV", [[7.0, 8.0]] * 3), (None, np.ones((3, 1)))):
        found = ProcessInputs(driver).arguments(_read(columns), 3)
        assert_array_equal(found["driver"], expected)
        assert found["driver"].dtype == float
        assert found["dpm_rpm"] is found["rate_factor"] is found["manure"] is None


def test_ratio_factor_and_manure_come_from_columns_or_classes():
    columns = {"LAND_USE": [1, 2], "DPM_RPM": [0.5, 0.7], "MANURE": [0.1, 0.0]}
    months = tuple(0.2 if 4 <= month < 9 else 0.6 for month in range(12))
    inputs = ProcessInputs(
        None, dpm_rpm="DPM_RPM", rate_factor=ByClass("LAND_USE", {2: months}, 1.0), manure="MANURE"
    )
    assert inputs.columns == ("DPM_RPM", "LAND_USE", "MANURE")
    found = inputs.arguments(_read(columns), 4)
    assert_array_equal(found["dpm_rpm"], np.asarray(columns["DPM_RPM"], "float32"))
    assert_array_equal(found["rate_factor"], np.column_stack([np.ones(12), months]))
    assert_array_equal(found["manure"], np.tile(np.asarray([0.1, 0.0], "float32"), (4, 1)))
    classes = ProcessInputs(None, dpm_rpm=ByClass("LAND_USE", {1: 1.44, 2: 0.67}), rate_factor=months)
    found = classes.arguments(_read(columns), 4)
    assert_array_equal(found["dpm_rpm"], [1.44, 0.67])
    assert found["rate_factor"].shape == (12, 1)
