import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poml_map.sites import read_samples, with_stock

NEEDED = ["ELEV", "TMP", "precip"]


@pytest.fixture
def stocks(region, make, points_of):
    """Samples with stock from a table, the region's keys and the cube's values."""

    def of(table=None, header="site,lon,lat,year,soc", change=lambda points: points, catalog=(), **keys):
        loaded = region(make.text(table or make.rows(), header), **keys)
        samples = read_samples(loaded, make.grid)
        return with_stock(samples, change(points_of(samples)), loaded, NEEDED)

    return of


def test_density_and_stones_of_the_cube_a_constant_or_the_table_give_the_same_stock(stocks, make, columns):
    of_cube = stocks().table["stock"]
    of_constants = stocks(bulk_density=1.3, coarse_fragments=0.05).table["stock"]
    table = [[*row, "1300", "5"] for row in make.rows()]
    of_table = stocks(
        table,
        "site,lon,lat,year,soc,bd,cf",
        columns=columns(bulk_density="bd", coarse_fragments="cf"),
        units={"soc": "g/kg", "bulk_density": "kg/m3", "coarse_fragments": "%"},
        bulk_density=None,
        coarse_fragments=None,
    ).table["stock"]

    expected = (20 + np.tile(np.arange(10), 2)) * 1.3 * 0.95 * 0.2
    np.testing.assert_allclose(of_cube, expected, rtol=1e-6)  # the cube holds float32
    np.testing.assert_allclose(of_constants, expected, rtol=1e-12)
    np.testing.assert_allclose(of_table, expected, rtol=1e-12)


@pytest.mark.parametrize(("unit", "factor"), [("kg/m2", 1), ("t/ha", 10), ("g/cm2", 0.1), ("kg C m-2", 1)])
def test_stocks_of_the_table_are_taken_as_they_are(stocks, make, columns, unit, factor):
    table = [[*row[:4], repr(4.5 * factor)] for row in make.rows()]
    keys = {"columns": columns(soc=None, stock="soc"), "units": {"stock": unit}}

    samples = stocks(table, bulk_density=None, coarse_fragments=None, **keys)

    np.testing.assert_allclose(samples.table["stock"], 4.5, rtol=1e-12)
    assert samples.table["soc"].isna().all()


@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(soc=st.floats(0.5, 90), density=st.floats(0.2, 1.8), stones=st.floats(0, 0.9))
def test_equivalent_declared_units_give_equal_stocks(stocks, make, columns, soc, density, stones):
    header = "site,lon,lat,year,soc,bd,cf"
    keys = {
        "columns": columns(bulk_density="bd", coarse_fragments="cf"),
        "bulk_density": None,
        "coarse_fragments": None,
    }

    def stock(soc_unit, soc, density_unit, density, stones_unit, stones):
        table = [[*row[:4], repr(soc), repr(density), repr(stones)] for row in make.rows(2)]
        units = {"soc": soc_unit, "bulk_density": density_unit, "coarse_fragments": stones_unit}
        return stocks(table, header, units=units, **keys).table["stock"]

    plain = stock("g/kg", soc, "g/cm3", density, "1", stones)
    other = stock("%", soc / 10, "kg/m3", density * 1000, "%", stones * 100)
    np.testing.assert_allclose(other, plain, rtol=1e-9)


def test_sites_on_pixels_without_data_are_listed_with_what_is_missing(stocks):
    def holes(points):
        points["ELEV"][1] = np.nan
        points["TMP"][3, 1] = np.nan
        points["precip"][7, 2] = np.nan
        points["BD"][3] = np.nan
        return points

    samples = stocks(change=holes, max_dropped=0.3)

    assert (
        samples.dropped["reason"].tolist()
        == [
            "no data at its pixel for ELEV, TMP",
            "no data at its pixel for precip",
            "no bulk density at its pixel",
        ]
        * 2
    )
    assert samples.dropped["line"].tolist() == [3, 4, 5, 13, 14, 15]
    assert samples.counts()["n_used"] == 14
    assert samples.table["stock"].notna().all()


def test_rows_lost_before_and_now_count_together(stocks, make, problems_of):
    table = make.rows()
    table[0][4] = ""

    def hole(points):
        points["ELEV"][1] = np.nan
        return points

    (line,) = problems_of(stocks, table, change=hole, max_dropped=0.1)

    assert (
        "3 of 20 rows that cannot be used: 1 x no value of soc (site s0); "
        "2 x no data at its pixel for ELEV (site s2), expected at most 10 %" in line
    )


def test_no_pixel_with_data_is_refused_whatever_the_limit(stocks, problems_of):
    def nothing(points):
        points["ELEV"][:] = np.nan
        return points

    (line,) = problems_of(stocks, change=nothing, max_dropped=1.0)

    assert "20 of 20 rows that cannot be used" in line


def test_sites_outside_the_mask_are_kept_and_counted(stocks):
    def masked(points):
        return points.assign_coords(in_mask=("site", np.arange(10) > 2))

    samples = stocks(change=masked)

    assert samples.counts()["sites_outside_mask"] == 3
    assert samples.counts()["n_used"] == 20


def test_rows_are_joined_by_site_whatever_their_order(stocks, make):
    def varied(points):
        points["BD"] = ("site", 1 + 0.01 * np.arange(10))
        return points

    table = make.rows()[:10] + make.rows()[:9:-1]

    by_site = stocks(table, change=varied).table.groupby("site")["bulk_density"]

    assert (by_site.nunique() == 1).all()
    np.testing.assert_allclose(by_site.first().loc[[f"s{i}" for i in range(10)]], 1 + 0.01 * np.arange(10))


def test_soil_of_stones_alone_has_no_stock(stocks):
    def stones(points):
        points["CF"][0] = 1.0
        return points

    samples = stocks(change=stones, max_dropped=0.2)

    assert samples.dropped["reason"].tolist() == ["no fine earth: coarse fragments of 1"] * 2


def test_percent_taken_for_grams_per_kilogram_the_other_way_round_is_more_than_peat(stocks, problems_of):
    lines = problems_of(stocks, units={"soc": "%"})

    assert lines == [
        "samples.csv: found 20 of 20 stocks such as 49.4 kg/m2 (line 2, site s0) in 20 cm, expected at most "
        "40 kg/m2. The densest peat holds less: check `samples.units`, bulk density and `depth_cm`."
    ]


def test_stocks_in_tonnes_declared_as_kilograms_are_refused(stocks, make, columns, problems_of):
    table = [[*row[:4], "45"] for row in make.rows()]
    keys = {"columns": columns(soc=None, stock="soc"), "units": {"stock": "kg/m2"}}

    (line,) = problems_of(stocks, table, bulk_density=None, coarse_fragments=None, **keys)

    assert "stocks such as 45 kg/m2" in line


def test_contents_of_a_desert_are_remarked(stocks, make, caplog):
    table = [[*row[:4], "1.5"] for row in make.rows()]

    stocks(table)

    (message,) = caplog.messages
    assert message == (
        "samples.csv: the median stock is 0.37 kg/m2 in 20 cm, that of a desert: check `samples.units`"
    )


@pytest.mark.parametrize(
    ("column", "found"),
    [
        ("ELEV", "ELEV in m, expected 0.1 to 2.65 g/cm3."),
        ("TMP", "TMP, which changes with time, expected"),
        ("CLAY", "CLAY, which the cube does not read at the sites, expected"),
        ("CF", "CF in 1, expected"),
    ],
)
def test_a_cube_column_that_is_no_density_is_refused(stocks, problems_of, column, found):
    (line,) = problems_of(stocks, bulk_density=column)

    assert f"samples.bulk_density: found {found}" in line
    assert line.endswith("Name a static source of bulk density, or give one number.")


def test_impossible_densities_of_the_cube_are_refused(stocks, problems_of):
    def dense(points):
        points["BD"][4] = 1300
        return points

    (line,) = problems_of(stocks, change=dense)

    assert "found BD with 1 values such as 1300 g/cm3, expected 0.1 to 2.65 g/cm3." in line


def test_a_cube_column_in_another_unit_is_converted(region, make, points_of):
    loaded = region(make.text(make.rows()))
    samples = read_samples(loaded, make.grid)
    points = points_of(samples)

    changed = loaded.settings.samples.model_copy(update={"bulk_density": "SG_BD"})
    object.__setattr__(loaded.settings, "samples", changed)
    entry = loaded.sources["bd"].entry.model_copy(update={"column": "SG_BD", "unit": "kg/m3"})
    object.__setattr__(loaded.sources["bd"], "entry", entry)
    points["SG_BD"] = 1000 * points["BD"]

    table = with_stock(samples, points, loaded, NEEDED).table

    np.testing.assert_allclose(table["bulk_density"], 1.3, rtol=1e-6)


def test_the_cube_may_be_lazy(stocks):
    def lazy(points: xr.Dataset):
        return points.chunk({"site": 3})

    np.testing.assert_allclose(stocks(change=lazy).table["stock"], stocks().table["stock"])


def test_merged_rows_are_no_loss(stocks, make):
    samples = stocks(make.rows() * 3, duplicates="mean", max_dropped=0.0)

    assert samples.counts()["n_dropped"] == {"merged into a mean": 40}
