"""Months come whole, in order and without a gap, whatever the calendar of their dates."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from poml_map.process import equilibrium_rothc, simulate_rothc
from poml_map.process.months import Months


@pytest.mark.parametrize(
    "time",
    [
        pd.date_range("2000-01-16", periods=36, freq=pd.DateOffset(months=1)),
        pd.period_range("2000-01", periods=36, freq="M"),
        xr.date_range("2000-01-01", periods=36, freq="MS", calendar="standard", use_cftime=True),
    ],
)
def test_any_day_of_the_month_and_any_kind_of_date_will_do(site, start, time):
    result = simulate_rothc(site.assign_coords(time=time), start)
    assert result.indexes["time"].equals(site.assign_coords(time=time).indexes["time"])
    xr.testing.assert_identical(result.drop_vars("time"), simulate_rothc(site, start).drop_vars("time"))


def test_a_calendar_of_360_days_has_months_of_30(site, start):
    time = xr.date_range("2000-01-01", periods=36, freq="MS", calendar="360_day", use_cftime=True)
    daily = site.assign(precip=((), 2.0, {"units": "mm/day"})).assign_coords(time=time)
    xr.testing.assert_allclose(
        simulate_rothc(daily, start).drop_vars("time"),
        simulate_rothc(site.assign(precip=60.0), start).drop_vars("time"),
    )


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        (
            [0, 1, 2, 4, 5],
            "data, coordinate time, step 3: found 2000-05 after 2000-03, expected 2000-04: months without a gap. "
            "Add 2000-04, or cut the series there.",
        ),
        (
            [0, 1, 1, 2],
            "data, coordinate time, step 2: found 2000-02 twice, expected every month once. "
            "Drop or average the repeats.",
        ),
        (
            [1, 0, 2],
            "data, coordinate time, step 1: found 2000-01 after 2000-02, expected months in order. "
            "Sort the data: data.sortby('time').",
        ),
    ],
)
def test_a_missing_repeated_or_misplaced_month_is_named(site, start, problems_of, steps, line):
    assert problems_of(simulate_rothc, site.isel(time=steps), start) == [line]


def test_numbers_are_no_dates(site, start, problems_of):
    [line] = problems_of(simulate_rothc, site.assign_coords(time=np.arange(36)), start)
    assert line.startswith(
        "data, coordinate time: found int64 values 0, 1, 2, ..., expected dates, one a month."
    )
    [line] = problems_of(simulate_rothc, site.drop_vars("time"), start)
    assert line.startswith("data, coordinate time: found no dates")


def test_data_without_months_are_refused(start, problems_of):
    [line] = problems_of(simulate_rothc, xr.Dataset({"clay": 20.0}), start)
    assert line.startswith("data: found dimensions none, expected a dimension `time` of monthly steps.")
    [line] = problems_of(simulate_rothc, xr.DataArray(1.0), start)
    assert line.startswith("data: found a DataArray, expected an xarray.Dataset.")


def test_no_months_at_all_are_refused(site, start, problems_of):
    [line] = problems_of(simulate_rothc, site.isel(time=slice(0)), start)
    assert line.startswith("data, coordinate time: found datetime64")


def test_years_need_a_multiple_of_twelve_months(site, start, problems_of):
    [line] = problems_of(simulate_rothc, site.isel(time=slice(30)), start, every="year")
    assert line.startswith("data, time: found 30 months, expected a multiple of 12 months.")
    assert simulate_rothc(site.isel(time=slice(5, 29)), start, every="year").sizes["time"] == 2


def test_an_equilibrium_needs_whole_calendar_years(site, problems_of):
    for steps in (slice(1, 25), slice(30)):
        [line] = problems_of(equilibrium_rothc, site.isel(time=steps), 4.94)
        assert "expected whole years from January to December" in line


def test_a_mean_year_is_no_course_of_time(site, start, problems_of):
    mean_year = site.isel(time=slice(12)).rename(time="month").assign_coords(month=range(1, 13))
    [line] = problems_of(simulate_rothc, mean_year, start)
    assert line.startswith(
        "data: found only a dimension `month`, expected a dimension `time` of monthly steps."
    )


def test_a_mean_year_begins_in_january(site, problems_of):
    mean_year = site.isel(time=slice(12)).rename(time="month").assign_coords(month=np.roll(range(1, 13), 3))
    [line] = problems_of(equilibrium_rothc, mean_year, 4.94)
    assert line.endswith("expected 1 to 12 in order. Sort by month: data.sortby('month').")


def test_a_mean_year_needs_no_labels(site):
    mean_year = site.isel(time=slice(12)).rename(time="month")
    labelled = mean_year.assign_coords(month=range(1, 13))
    xr.testing.assert_identical(
        equilibrium_rothc(mean_year.drop_vars("month"), 4.94), equilibrium_rothc(labelled, 4.94)
    )


def test_years_are_those_of_the_calendar(site):
    assert Months.of(site).years == range(2000, 2003)
