import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poml_map.grid import Grid


def test_good_samples_are_all_used(read, make):
    samples = read(make.text(make.rows()))

    table = samples.table
    assert samples.counts() == {
        "n_in": 20,
        "n_used": 20,
        "n_dropped": {},
        "n_sites": 10,
        "samples_by_year": {"1980": 10, "2000": 10},
        "sites_with_one_campaign": 0,
        "sites_outside_mask": 0,
    }
    assert samples.campaigns == [1980, 2000]
    assert samples.sites["site"].tolist() == [f"s{i}" for i in range(10)]
    np.testing.assert_allclose(table["x"][:10], 250250 + 100 * np.arange(10), atol=1e-2)
    np.testing.assert_allclose(table["y"][:10], 3399750 - 100 * np.arange(10), atol=1e-2)
    assert table.index.tolist() == list(range(2, 22))
    assert table["stock"].isna().all()


@pytest.mark.parametrize(
    ("separator", "decimal", "mark"),
    [(",", ".", "\ufeff"), (";", ",", "\ufeff"), (";", ",", ""), ("\t", ".", "")],
)
def test_every_declared_dialect_gives_the_same_samples(read, make, separator, decimal, mark):
    plain = read(make.text(make.rows()))
    table = [[cell.replace(".", decimal) for cell in row] for row in make.rows()]

    other = read(
        mark + make.text(table, separator=separator), table={"separator": separator, "decimal": decimal}
    )

    assert other.table.equals(plain.table)


def test_ids_are_texts_and_years_may_be_decimals(read, make):
    table = [
        [f" {i:03d} ", x, y, "1980.0", soc] for i, (_, x, y, _, soc) in enumerate(make.rows(years=[1980]))
    ]

    samples = read(make.text(table))

    assert samples.sites["site"].tolist()[:2] == ["000", "001"]
    assert samples.campaigns == [1980]
    assert samples.counts()["sites_with_one_campaign"] == 10


def test_one_year_may_stand_for_all_rows(read, make, columns):
    table = [row[:3] + row[4:] for row in make.rows(years=[1980])]

    samples = read(make.text(table, "site,lon,lat,soc"), columns=columns(year=None), year=1990)

    assert samples.campaigns == [1990]


def test_campaigns_may_have_partly_different_sites(read, make):
    table = [row for row in make.rows(years=(1980, 1990, 2000)) if row[0] != "s3" or row[3] == "1990"]

    counts = read(make.text(table)).counts()

    assert counts["samples_by_year"] == {"1980": 9, "1990": 10, "2000": 9}
    assert (counts["n_sites"], counts["sites_with_one_campaign"]) == (10, 1)


@pytest.mark.parametrize(("unit", "factor"), [("%", 10), ("g/kg", 1), ("mg/kg", 1e-3), ("g/100g", 10)])
def test_equal_contents_in_other_units_are_equal(read, make, unit, factor):
    plain = read(make.text(make.rows())).table["soc"]
    table = [[*row[:4], repr(float(row[4]) / factor)] for row in make.rows()]

    np.testing.assert_allclose(read(make.text(table), units={"soc": unit}).table["soc"], plain, rtol=1e-12)


def test_organic_matter_becomes_carbon(read, make):
    assert read(make.text(make.rows(soc=50)), soc_factor=0.58).table["soc"].iloc[0] == pytest.approx(29)


@pytest.mark.parametrize(
    ("header", "cell", "unit", "message"),
    [
        (
            "soc",
            "120",
            "%",
            "column 'soc': found 20 of 20 values such as 120 (line 2, site s0), which is 1200 g/kg by unit '%', "
            'expected above 0 to 600 g/kg. All would fit unit "g/kg" or "mg/kg": check `samples.units.soc`.',
        ),
        (
            "soc",
            "0",
            "g/kg",
            "column 'soc': found 20 of 20 values such as 0 (line 2, site s0), which is 0 g/kg by unit 'g/kg', "
            "expected above 0 to 600 g/kg. 0 is no measurement: leave the cells empty or remove the rows.",
        ),
        (
            "bd",
            "1300",
            "g/cm3",
            "column 'bd': found 20 of 20 values such as 1300 (line 2, site s0), which is 1300 g/cm3 by unit 'g/cm3', "
            'expected 0.1 to 2.65 g/cm3. All would fit unit "kg/m3": check `samples.units.bulk_density`.',
        ),
        (
            "bd",
            "1.3",
            "kg/m3",
            "column 'bd': found 20 of 20 values such as 1.3 (line 2, site s0), which is 0.0013 g/cm3 by unit 'kg/m3', "
            'expected 0.1 to 2.65 g/cm3. All would fit unit "g/cm3": check `samples.units.bulk_density`.',
        ),
        (
            "cf",
            "12",
            "1",
            "column 'cf': found 20 of 20 values such as 12 (line 2, site s0), which is 12 by unit '1', "
            'expected 0 to 1. All would fit unit "%": check `samples.units.coarse_fragments`.',
        ),
        (
            "stock",
            "450",
            "kg/m2",
            "column 'stock': found 20 of 20 values such as 450 (line 2, site s0), which is 450 kg/m2 by unit 'kg/m2', "
            'expected above 0 to 200 kg/m2. All would fit unit "t/ha": check `samples.units.stock`.',
        ),
    ],
)
def test_a_wrong_unit_is_seen_by_the_range_and_the_right_one_named(
    read, make, columns, problems_of, header, cell, unit, message
):
    key = {"bd": "bulk_density", "cf": "coarse_fragments"}.get(header, header)
    table = [[*row[:4], "20", cell] for row in make.rows()]
    units = {"soc": "g/kg", key: unit}
    text = make.text(table, f"site,lon,lat,year,{'soc' if header != 'soc' else 'other'},{header}")
    keys = {"columns": columns(**{key: header}), "units": units}
    if key == "stock":
        keys["columns"].pop("soc")
    elif key != "soc":
        keys[key] = None

    assert problems_of(read, text, **keys) == [f"samples.csv, {message}"]


def test_coarse_fragments_of_one_percent_at_most_are_remarked(read, make, columns, caplog):
    table = [[*row, "0.12"] for row in make.rows()]
    keys = {"columns": columns(coarse_fragments="cf"), "coarse_fragments": None}

    read(make.text(table, "site,lon,lat,year,soc,cf"), units={"soc": "g/kg", "coarse_fragments": "%"}, **keys)

    assert caplog.messages == ["samples.csv: no coarse fragments above 1 %: are they ratios (unit 1)?"]


def test_an_empty_column_is_no_fault_of_its_unit(read, make, columns, problems_of):
    table = [[*row, ""] for row in make.rows()]
    keys = {"columns": columns(coarse_fragments="cf"), "coarse_fragments": None}

    (line,) = problems_of(
        read,
        make.text(table, "site,lon,lat,year,soc,cf"),
        units={"soc": "g/kg", "coarse_fragments": "%"},
        **keys,
    )

    assert "found 20 of 20 rows that cannot be used: 20 x no value of coarse fragments (sites s0, s1," in line


def test_all_faults_of_the_cells_are_named_at_once(read, make, problems_of):
    table = make.rows()
    table[0][0], table[1][3], table[2][4], table[3][1], table[4][2] = "", "198O", "-", "x", "99"

    lines = problems_of(read, make.text(table))

    assert [line.partition(", expected")[0] for line in lines[:4]] == [
        "samples.csv, column 'lon': found 'x' in line 5",
        "samples.csv, column 'site': found no id in line 2",
        "samples.csv, column 'year': found '198O' in line 3",
        "samples.csv, column 'soc': found '-' in line 4",
    ]
    assert "and y 99 of site s4 (1 row such as line 6), expected longitude" in lines[4]
    assert len(lines) == 5


def test_rows_that_cannot_be_used_are_listed_with_line_and_reason(read, make):
    table = make.rows(20)
    far = make.lonlat(249999.0, 3399000.0)
    table[1][1:3] = map(str, far)
    table[1][4] = "NA"  # where it lies is reason enough
    table[2][4] = "NA"
    table[3][3] = "1970"
    table[4][1] = ""

    samples = read(make.text(table), max_dropped=0.1)

    assert samples.dropped.to_dict("list") == {
        "line": [3, 4, 5, 6],
        "site": ["s1", "s2", "s3", "s4"],
        "year": [1980, 1980, 1970, 1980],
        "reason": ["outside the grid", "no value of soc", "year outside 1980-2000", "no coordinates"],
    }
    counts = samples.counts()
    assert counts["n_used"] == 36
    assert counts["n_dropped"] == dict.fromkeys(samples.dropped["reason"], 1)


def test_too_many_unusable_rows_are_refused_with_reasons_and_sites(read, make, problems_of):
    table = make.rows()
    for row in table[:3]:
        row[4] = ""

    assert problems_of(read, make.text(table)) == [
        "samples.csv: found 3 of 20 rows that cannot be used: 3 x no value of soc (sites s0, s1, s2), "
        "expected at most 5 %. Mend the rows, or raise `samples.max_dropped`."
    ]


def test_the_limit_itself_is_allowed(read, make, problems_of):
    table = make.rows(25, years=(1980, 1985, 1990, 2000))
    for row in table[:29]:
        row[4] = ""

    assert len(read(make.text(table), max_dropped=0.29).dropped) == 29
    (line,) = problems_of(read, make.text(table), max_dropped=0.28)
    assert "29 x no value of soc (sites s0, s1, s2, s3, s4 and 20 more), expected at most 28 %" in line


def test_no_sample_left_is_refused_whatever_the_limit(read, make, problems_of):
    (line,) = problems_of(read, make.text(make.rows(years=(1900, 1901))), max_dropped=1.0)

    assert line.endswith("Check units, years, area and sources.")


def test_swapped_degrees_are_refused_with_the_swap(read, make, columns, problems_of):
    lines = problems_of(read, make.text(make.rows()), columns=columns(x="lat", y="lon"))

    assert len(lines) == 1
    assert lines[0].startswith("samples.csv, coordinates: found x 30.")
    assert lines[0].endswith(
        "(20 rows such as line 2), expected longitude -180 to 180 and latitude -90 to 90 degrees. "
        "x and y look swapped: exchange them in `samples.columns` (x is longitude), or in these rows."
    )


def test_metres_in_a_geographic_crs_are_refused_as_such(read, problems_of):
    (line,) = problems_of(read, "site,lon,lat,year,soc\na,250250,3399750,1980,20\n")

    assert line.endswith("These look projected: state their `samples.crs`.")


def test_a_swap_that_leaves_possible_degrees_is_seen(read, columns, problems_of):
    """10 and 45 degrees may each be a latitude."""
    grid = Grid("EPSG:4326", (0.1, 0.0, 10.0, 0.0, -0.1, 46.0), 10, 10)
    table = "site,lon,lat,year,soc\na,10.1,45.5,1980,20\nb,10.2,45.6,1980,20\n"

    assert len(read(table, grid).table) == 2
    assert problems_of(read, table, grid, columns=columns(x="lat", y="lon")) == [
        "samples.csv, coordinates: found all 2 samples outside the grid (the first at x 45.5, y 10.1), "
        "expected samples inside the area. x and y look swapped: exchange them in `samples.columns`."
    ]


def test_a_swap_of_projected_coordinates_is_seen(read, make, columns, problems_of):
    table = "site,lon,lat,year,soc\na,3399750,250250,1980,20\n"

    (line,) = problems_of(read, table, crs=make.crs)

    assert line.endswith("x and y look swapped: exchange them in `samples.columns`.")


def test_samples_of_another_place_are_refused(read, problems_of):
    (line,) = problems_of(read, "site,lon,lat,year,soc\na,5,5,1980,20\n")

    assert line == (
        "samples.csv, coordinates: found all 1 samples outside the grid (the first at x 5, y 5), expected samples "
        "inside the area. Check `samples.crs`, the order of x and y, and the area."
    )


def test_a_few_swapped_rows_say_so(read):
    grid = Grid("EPSG:4326", (0.1, 0.0, 10.0, 0.0, -0.1, 46.0), 10, 10)
    table = "site,lon,lat,year,soc\na,10.1,45.5,1980,20\nb,45.6,10.2,1980,20\n"

    samples = read(table, grid, max_dropped=0.5)

    assert samples.dropped["reason"].tolist() == ["outside the grid, but inside with x and y exchanged"]


@pytest.mark.parametrize("resolution", [0.1, 1 / 3, 0.0083333333])
def test_points_on_the_outer_edges_belong_to_the_grid(read, resolution):
    grid = Grid("EPSG:4326", (resolution, 0.0, 119 * resolution, 0.0, -resolution, 77 * resolution), 7, 33)
    left, bottom, right, top = grid.bounds
    corners = [(left, bottom), (left, top), (right, bottom), (right, top)]
    table = "site,lon,lat,year,soc\n" + "".join(f"c{x}{y},{x!r},{y!r},1980,20\n" for x, y in corners)

    samples = read(table, grid)

    assert len(samples.table) == 4
    row, col, _ = grid.index(samples.table["x"], samples.table["y"])
    assert (row.tolist(), col.tolist()) == ([32, 0, 32, 0], [0, 0, 6, 6])


def test_two_values_of_a_site_and_year_are_refused_with_their_lines(read, make, problems_of):
    table = make.rows()
    table.append([*table[0][:4], "30"])

    assert problems_of(read, make.text(table)) == [
        "samples.csv: found several values of s0 in 1980 (lines 2, 22), expected one value a site and year. "
        "Remove them; make layers of depth one row; for repeats of one depth set `samples.duplicates: mean`."
    ]


def test_two_values_become_their_mean_on_request_and_are_counted(read, make):
    table = make.rows()
    table.insert(0, [*table[0][:4], "30"])
    table[5][4] = ""

    samples = read(make.text(table), duplicates="mean")

    assert samples.table["soc"].iloc[0] == 25
    assert samples.table.index.tolist() == [2, 4, 5, 6, *range(8, 23)]
    assert samples.dropped["reason"].tolist() == ["no value of soc", "merged into a mean"]
    assert samples.counts()["n_in"] == 21


def test_many_repeats_are_no_loss(read, make):
    samples = read(make.text(make.rows() * 4), duplicates="mean", max_dropped=0.0)

    assert samples.counts()["n_dropped"] == {"merged into a mean": 60}


def test_an_id_at_two_positions_is_refused_with_the_distance(read, make, problems_of):
    table = make.rows()
    table[10][1:3] = make.lonlat(250250 + 300, 3399750 - 400)
    table[10][1:3] = map(str, table[10][1:3])

    (line,) = problems_of(read, make.text(table[:11]))

    assert "found several positions of s0 (500 m apart), expected one position a site." in line


def test_an_id_whose_position_is_rounded_elsewhere_is_the_same_place(read, make):
    table = make.rows()
    table[10][1:3] = [f"{float(cell):.6f}" for cell in table[10][1:3]]

    assert len(read(make.text(table)).sites) == 10


def test_one_place_under_two_ids_is_refused(read, make, problems_of):
    table = [[f"{row[0]}-{row[3]}", *row[1:]] for row in make.rows(3)]

    (line,) = problems_of(read, make.text(table))

    assert line.startswith(
        "samples.csv, coordinates: found one position under two ids: s0-1980 and s0-2000, s1-1980 and s1-2000, "
        "s2-1980 and s2-2000, expected one id."
    )


def test_places_are_told_apart_by_metres_on_a_grid_of_degrees_too(read, problems_of):
    grid = Grid("EPSG:4326", (0.1, 0.0, 10.0, 0.0, -0.1, 71.0), 10, 10)
    header = "site,lon,lat,year,soc\na,10.5,70.5,1980,20\n"

    assert len(read(header + "b,10.5001,70.5,1980,20\n", grid).table) == 2  # 3.7 m
    (line,) = problems_of(read, header + "b,10.50002,70.5,1980,20\n", grid)  # 0.7 m
    assert "a and b" in line
    (line,) = problems_of(read, header + "a,10.5001,70.5,2000,20\n", grid)
    assert "several positions of a (4 m apart)" in line


def test_repeats_and_losses_are_named_together(read, make, problems_of):
    table = make.rows()
    table.append([*table[0][:4], "30"])
    for row in table[5:9]:
        row[4] = ""

    lines = problems_of(read, make.text(table))

    assert ["several values" in line for line in lines] == [True, False]
    assert "4 of 21 rows that cannot be used" in lines[1]


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(
        st.sampled_from(["good", "far", "empty", "late", "nowhere", "repeat"]), min_size=1, max_size=12
    )
)
def test_every_row_is_either_used_or_listed(read, make, kinds):
    table = make.rows(len(kinds) + 1, years=[1980])
    for row, kind in zip(table[1:], kinds, strict=True):
        if kind == "repeat":
            row[:4] = table[0][:4]
        column, value = {"far": (1, "1.0"), "empty": (4, ""), "late": (3, "2050"), "nowhere": (2, "NA")}.get(
            kind, (0, row[0])
        )
        row[column] = value

    samples = read(make.text(table), duplicates="mean", max_dropped=1.0)

    assert sorted([*samples.table.index, *samples.dropped["line"]]) == list(range(2, len(table) + 2))
    counts = samples.counts()
    assert counts["n_used"] + sum(counts["n_dropped"].values()) == counts["n_in"] == len(table)
    assert counts["n_used"] == 1 + kinds.count("good")
