"""A table of sites becomes a Dataset, or says which row of which site is wrong."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from poml_map.process import simulate_rothc, sites_from_table

NAMES = ["Park", "Long Field", "Mill"]


@pytest.fixture
def monthly(site):
    """A long table of three sites with the weather of `site`, a little warmer at each."""
    one = site.drop_vars("clay").to_dataframe().reset_index()
    tables = [one.assign(site=name, air_temp=one.air_temp + index) for index, name in enumerate(NAMES)]
    table = pd.concat(tables, ignore_index=True)
    return table.assign(year=table.time.dt.year, month=table.time.dt.month).drop(columns="time")


@pytest.fixture
def static():
    return pd.DataFrame({"site": NAMES[::-1], "clay": [40.0, 25.0, 10.0], "crop": ["rye", "rye", "beet"]})


def test_three_sites_of_tables_run_as_datasets(monthly, static, site, start):
    data = sites_from_table(monthly, static)
    assert data.air_temp.dims == ("time", "site")
    assert list(data.site.values) == NAMES
    assert list(data.crop.values) == ["beet", "rye", "rye"]
    result = simulate_rothc(data, start)
    mill = simulate_rothc(site.assign(air_temp=site.air_temp + 2, clay=40.0), start)
    np.testing.assert_array_equal(result.stock.sel(site="Mill"), mill.stock)
    assert result.crop.sel(site="Park") == "beet"


def test_rows_may_come_in_any_order(monthly, static):
    shuffled = pd.concat([monthly.iloc[:1], monthly.iloc[1:].sample(frac=1, random_state=3)])
    other = sites_from_table(shuffled, static)
    xr.testing.assert_identical(other.sel(site=NAMES), sites_from_table(monthly, static))


def test_keys_may_be_the_index_and_have_other_names(monthly, static):
    indexed = monthly.rename(columns={"site": "plot", "year": "Y"}).set_index(["plot", "Y", "month"])
    data = sites_from_table(
        indexed, static.rename(columns={"site": "plot"}).set_index("plot"), site="plot", year="Y"
    )
    xr.testing.assert_identical(data, sites_from_table(monthly, static))


def test_one_site_needs_no_site_column(monthly, site):
    one = monthly[monthly.site == "Park"].drop(columns="site")
    data = sites_from_table(one, site=None)
    assert dict(data.sizes) == {"time": 36}
    np.testing.assert_array_equal(data.air_temp, site.air_temp)


def test_units_stay_with_their_column(monthly, static, start):
    grams = static.assign(clay=10 * static.clay)
    data = sites_from_table(monthly, grams, units={"clay": "g/kg"})
    assert data.clay.units == "g/kg"
    np.testing.assert_allclose(
        simulate_rothc(data, start).stock, simulate_rothc(sites_from_table(monthly, static), start).stock
    )


def test_yearly_columns_come_in_a_table_of_their_own(monthly):
    rows = [(name, year, 10.0 * year) for name in NAMES for year in (2002, 2000, 2001)]
    annual = pd.DataFrame(rows, columns=["site", "year", "input_driver"])
    data = sites_from_table(monthly, annual=annual)
    assert data.input_driver.dims == ("year", "site")
    assert list(data.input_driver.sel(site="Mill").values) == [20000.0, 20010.0, 20020.0]


def test_numbers_of_sites_stay_numbers(monthly):
    numbered = monthly.assign(site=monthly.site.map({name: 100 + i for i, name in enumerate(NAMES)}))
    static = pd.DataFrame({"site": ["102", "100", "101"], "clay": [40.0, 10.0, 25.0]})
    data = sites_from_table(numbered, static)
    assert data.clay.sel(site=102) == 40.0


def without(table, **where):
    rows = np.ones(len(table), bool)
    for name, value in where.items():
        rows &= (table[name] == value).to_numpy()
    return table[~rows]


def test_a_missing_month_is_named_by_site(monthly, problems_of):
    gap = without(without(monthly, site="Mill", year=2001, month=2), site="Park", year=2000)
    lines = problems_of(sites_from_table, gap)
    assert lines == ["monthly, site Long Field: found no row of 2000-01, 2000-02"] or [
        line.split(", expected")[0] for line in lines
    ] == [
        "monthly, site Park: found no row of 2000-01, 2000-02, 2000-03, 2000-04, 2000-05 and 7 more",
        "monthly, site Mill: found no row of 2001-02",
    ]
    assert "expected every month from 2000-01 to 2002-12" in lines[0]


def test_a_repeated_month_is_named_with_its_row(monthly, problems_of):
    [line] = problems_of(sites_from_table, pd.concat([monthly, monthly.iloc[[40]]], ignore_index=True))
    assert line == (
        "monthly: found a second row of site Long Field, 2000-05 (row 108), expected one row of each. "
        "Remove the repeats."
    )


def test_an_empty_cell_is_named_by_site_year_and_month(monthly, static, problems_of):
    monthly.loc[50, "precip"] = np.nan
    [line] = problems_of(sites_from_table, monthly)
    assert line == (
        "monthly, column 'precip': found no value of site Long Field, 2001-03, expected a value in every row. "
        "Fill it or drop the site."
    )
    static.loc[0, "clay"] = np.nan
    [line] = problems_of(sites_from_table, monthly.fillna(1.0), static)
    assert line.startswith("static, column 'clay': found no value of site Mill,")


@pytest.mark.parametrize(
    ("column", "cell", "start"),
    [
        ("month", 13, "monthly, column 'month': found 13 in row 7, expected a month from 1 to 12"),
        ("year", 2000.5, "monthly, column 'year': found 2000.5 in row 7, expected a whole year"),
        ("site", " ", "monthly, column 'site': found no id in row 7, expected an id in every row"),
        ("precip", "1,5", "monthly, column 'precip': found '1,5' in row 7, expected numbers"),
    ],
)
def test_a_bad_cell_is_named_by_its_row(monthly, problems_of, column, cell, start):
    monthly[column] = monthly[column].astype(object)
    monthly.loc[7, column] = cell
    [line] = problems_of(sites_from_table, monthly)
    assert line.startswith(start)


def test_a_missing_column_is_asked_for(monthly, problems_of):
    [line] = problems_of(sites_from_table, monthly.rename(columns={"site": "Site"}))
    assert line.startswith("monthly, column 'site': found only")
    assert line.endswith("Did you mean `Site`?")


def test_every_site_needs_its_row_in_the_other_tables(monthly, static, problems_of):
    [line] = problems_of(sites_from_table, monthly, static.iloc[1:])
    assert line == "static, site Mill: found no row, expected a row of each site. Add it."
    with_more = pd.concat([static, pd.DataFrame({"site": ["Moor"], "clay": [1.0], "crop": ["none"]})])
    assert list(sites_from_table(monthly, with_more).site.values) == NAMES
    [line] = problems_of(sites_from_table, monthly, pd.concat([static, static.iloc[[0]]], ignore_index=True))
    assert line.startswith("static: found a second row of site Mill (row 3)")


def test_a_unit_of_no_column_is_refused(monthly, problems_of):
    [line] = problems_of(sites_from_table, monthly, units={"air_tmp": "K"})
    assert line.endswith("Did you mean `air_temp`?")


def test_a_table_without_rows_is_refused(monthly, problems_of):
    assert problems_of(sites_from_table, monthly.iloc[:0]) == [
        "monthly: found no rows, expected a row for each value."
    ]
