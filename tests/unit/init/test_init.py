"""What `poml-map init` reads out of samples and polygons, and what it leaves to the user."""

import itertools

import geopandas as gpd
import numpy as np
import pyproj
import pytest

from poml_map.config import load_region
from poml_map.errors import InputError
from poml_map.pipeline.checks import check_region


def test_a_plain_table_and_polygons_make_a_region_that_loads(init, plain_table, write_polygons, tmp_path):
    made = init(plain_table(), write_polygons(tmp_path))
    region = load_region(made.folder / "region.yaml")
    assert made.missing == []
    assert made.columns == {"site": "id", "x": "lon", "y": "lat", "year": "year", "soc": "soc_g_kg"}
    assert (next(iter(region.years)), list(region.years)[-1]) == (1985, 2005)
    assert (region.spinup_years[0], region.spinup_years[-1]) == (1965, 1984)
    assert made.region["grid"]["crs"] == "EPSG:32650"
    assert made.region["rothc"] == {"input_driver": "constant"}
    assert "FER" not in region.settings.covariates
    assert "expected_change" not in made.text


def test_check_says_of_a_new_region_only_that_its_published_files_are_to_be_brought(
    init, plain_table, tmp_path, write_polygons
):
    made = init(plain_table(), write_polygons(tmp_path))
    with pytest.raises(InputError) as caught:
        check_region(made.folder / "region.yaml")
    for problem in caught.value.problems:
        assert "no such file" in problem.found or "missing" in problem.found, str(problem)
    assert "poml-map fetch" in "\n".join(caught.value.advice)


def test_nothing_but_two_files_is_written_and_none_is_written_over(init, plain_table, tmp_path):
    made = init(plain_table())
    assert sorted(path.name for path in made.folder.iterdir()) == ["data_catalog.yaml", "region.yaml"]
    with pytest.raises(InputError) as caught:
        init(plain_table())
    assert [problem.file for problem in caught.value.problems] == [
        str(made.folder / name) for name in ("region.yaml", "data_catalog.yaml")
    ]


def test_files_elsewhere_are_named_by_their_place_and_their_folder_becomes_a_root(
    init, plain_table, write_polygons, tmp_path
):
    (tmp_path / "x y").mkdir()
    area = write_polygons(tmp_path / "x y", "Kreise {2020}.geojson")
    made = init(plain_table(), area)
    assert made.region["data_roots"] == ["..", "../x y"]
    assert made.samples["file"] == "../samples.csv"
    assert made.catalog["Kreise_2020"]["uri"] == "../x y/Kreise {{2020}}.geojson"
    source = load_region(made.folder / "region.yaml").sources["Kreise_2020"]
    assert source.path().resolve() == area
    inside = init(
        plain_table(),
        file="region2/samples.csv" if (tmp_path / "region2").mkdir() is None else "",
        out="region2",
    )
    assert "data_roots" not in inside.region


def test_every_key_has_a_comment_above_it(init, plain_table):
    lines = init(plain_table()).text.splitlines()
    bare = [
        line for before, line in itertools.pairwise(lines)
        if ": " in line and not line.lstrip().startswith(("#", "- ")) and not before.lstrip().startswith("#")
    ]  # fmt: skip
    assert bare == []
    assert max(map(len, lines[1:])) <= 120  # the first line is the command, as long as it was


def test_polygons_are_named_by_a_code_and_only_sampled_ones_are_mapped_where_they_are_the_lesser_part(
    init, plain_table, write_polygons, tmp_path
):
    made = init(plain_table(lon=lambda table: table.lon - 0.1), write_polygons(tmp_path))
    assert made.catalog["counties"] | {"key": "adcode", "name": "name"} == made.catalog["counties"]
    assert made.region["area"]["where"] == {"adcode": ["341801"]}
    assert "area.where" in made.assumed


def test_polygons_without_a_column_of_their_own_leave_the_key_to_the_user(
    init, plain_table, write_polygons, tmp_path
):
    made = init(plain_table(), write_polygons(tmp_path, kind=["a", "a", "a"]))
    assert made.missing == ["key of the polygons, in data_catalog.yaml"]
    with pytest.raises(
        InputError, match=r"counties\.key: found MISSING, expected column that names the zone"
    ):
        load_region(made.folder / "region.yaml")


def test_without_polygons_a_box_around_the_samples_is_the_area(init, plain_table):
    made = init(plain_table())
    west, south, east, north = made.region["area"]["bounds"]
    assert west < 118.61
    assert south < 30.62
    assert east > 119.04
    assert north > 30.94
    assert "area.bounds" in made.assumed


@pytest.mark.parametrize(
    ("name", "unit", "factor", "becomes"),
    [
        ("SOC (g/kg)", "g/kg", 1, "soc"), ("soc_pct", "%", 0.1, "soc"), ("OC%", "%", 0.1, "soc"),
        ("oc", "%", 0.1, "soc"),
        ("orgC", "g/kg", 1, "soc"), ("有机碳(g/kg)", "g/kg", 1, "soc"), ("soc_dg_kg", "dg/kg", 10, "soc"),
        ("stock_kg_m2", "kg/m2", 0.2, "stock"), ("SOC stock [t C ha-1]", "t/ha", 2, "stock"),
        ("碳密度", "kg/m2", 0.2, "stock"),
    ],
)  # fmt: skip
def test_the_carbon_and_its_unit_are_told_by_name_or_size(init, plain_table, name, unit, factor, becomes):
    table = plain_table()
    table[name] = table.pop("soc_g_kg") * factor
    made = init(table)
    assert made.columns[becomes] == name
    assert made.samples["units"][becomes] == unit
    assert made.missing == []
    named = any(sign in name for sign in ("(", "%", "_", "["))
    assert (f"samples.units.{becomes}" in made.assumed) is not named
    assert ("soilgrids_clay" in made.catalog, "soilgrids_bulk_density" in made.catalog) == (
        True,
        becomes == "soc",
    )


def test_organic_matter_is_turned_into_carbon_and_said_to_be(init, plain_table):
    table = plain_table()
    table["有机质"] = table.pop("soc_g_kg") * 1.72
    made = init(table)
    assert (made.columns["soc"], made.samples["soc_factor"]) == ("有机质", 0.58)
    assert "samples.soc_factor" in made.assumed


@pytest.mark.parametrize(
    ("rename", "scale", "missing", "words"),
    [
        ({"soc_g_kg": "soc"}, 0.3, "samples.units.soc", "%, g/kg may be meant"),
        ({"soc_g_kg": "value"}, 1, "samples.columns.soc and .units.soc", "Columns of numbers are"),
        ({"lon": "u", "lat": "v"}, 1, "samples.columns.x and .y", "called like coordinates"),
        ({"id": "lab"}, 1, None, ""),
        ({"year": "visit"}, 1, "samples.year", "no column is called year or date"),
    ],
)  # fmt: skip
def test_what_is_not_clear_is_missing_with_its_reason(init, plain_table, rename, scale, missing, words):
    table = plain_table()
    table["soc_g_kg"] *= scale
    made = init(table.rename(columns=rename))
    if missing:
        assert missing in made.missing
        assert " ".join(words.split()) in " ".join(made.said.split())
    else:  # whatever its name, it is one text for each position
        assert made.columns["site"] == "lab"


def test_two_columns_that_may_be_it_are_both_named(init, plain_table):
    table = plain_table()
    made = init(table.assign(SOC_g_kg=table.soc_g_kg + 1))
    assert "samples.columns.soc" in made.missing
    assert "'soc_g_kg', 'SOC_g_kg' may be it" in made.said


def test_columns_of_several_years_are_to_be_put_below_each_other(init, plain_table):
    table = (
        plain_table().query("year == 1985").drop(columns="year").rename(columns={"soc_g_kg": "soc_g_kg_1985"})
    )
    made = init(table.assign(soc_g_kg_2005=table.soc_g_kg_1985 + 1), years=(1985, 2005))
    assert made.missing == [
        "samples.year",
        "samples.columns.soc",
    ]  # whether sites were visited twice is not known
    assert "one row for each site and year" in " ".join(made.said.split())


@pytest.mark.parametrize(
    ("name", "scale", "unit"),
    [("bd", 1, "g/cm3"), ("BD_kg_m3", 1000, "kg/m3"), ("bulk density", 1000, "kg/m3"),
     ("容重", 1, "g/cm3")]
)  # fmt: skip
def test_density_and_stones_of_the_table_come_before_the_maps(init, plain_table, name, scale, unit):
    made = init(plain_table(**{name: 1.3 * scale, "gravel_pct": [3.0, 5] * 4}))
    assert (made.columns["bulk_density"], made.samples["units"]["bulk_density"]) == (name, unit)
    assert (made.columns["coarse_fragments"], made.samples["units"]["coarse_fragments"]) == (
        "gravel_pct",
        "%",
    )
    assert not {"soilgrids_bulk_density", "soilgrids_coarse_fragments"} & set(made.catalog)
    load_region(made.folder / "region.yaml")


def test_of_several_densities_that_of_the_carbons_depth_is_taken_and_the_others_are_named(init, plain_table):
    table = plain_table(bd_0_10=1.1, bd_0_20=1.3).rename(columns={"soc_g_kg": "soc_0_20_g_kg"})
    made = init(table)
    assert made.columns["bulk_density"] == "bd_0_20"
    assert "'bd_0_20' is taken; 'bd_0_10' not used." in " ".join(made.said.split())


def test_a_density_that_is_measured_here_and_there_gives_way_to_the_map(init, plain_table):
    made = init(plain_table(bd=[1.3, None] * 4))
    assert made.samples["bulk_density"] == "BD"
    assert "'bd' has no value in 50% of the rows" in " ".join(made.text.replace("#", " ").split())


def test_a_german_table_is_read_by_its_dialect(init, plain_table):
    table = plain_table(bemerkung="x")
    table["soc_g_kg"] = table["soc_g_kg"].map("{:.1f}".format).str.replace(".", ",")
    table.loc[3, "soc_g_kg"] = "-"
    made = init(table, sep=";", decimal=",", encoding="utf-8-sig")
    assert made.samples["table"] == {"separator": ";", "decimal": ",", "missing": ["", "NA", "-"]}
    assert made.missing == ["samples.max_dropped"]


@pytest.mark.parametrize(
    ("columns", "words"),
    [({"lon_deg": 118, "lat_deg": 30, "lon_min": [36.6, 45, 55.2, 2.4] * 2, "lat_min": 37.2}, "'lon_min', 'lat_min'"),
     ({"lon": "118°36'36\"E", "lat": "30°37'12\"N"}, "118°36'36"), ({"lon": "118.61E", "lat": "30.62N"}, "118.61E"),
     ({"Longitude": "118 36 36", "Latitude": "30 37 12"}, "118 36 36")],
)  # fmt: skip
def test_degrees_and_minutes_are_not_taken_for_degrees(init, plain_table, columns, words):
    made = init(plain_table().drop(columns=["lon", "lat"]).assign(**columns))
    assert "samples.columns.x and .y" in made.missing
    assert words in made.said
    assert "degrees + minutes / 60" in made.said


def test_columns_that_hold_texts_are_named_with_them_and_not_called_absent(init, plain_table):
    table = plain_table(BD=["1.3"] * 7 + ["stony"], date="06-06-18", x1="").drop(columns="year")
    table["soc_g_kg"] = ["<LOD", *table["soc_g_kg"][1:]]
    made = init(table.rename(columns={"x1": ""}))
    said = " ".join(made.said.split())
    assert "'soc_g_kg' is called so, but holds '<LOD' in line 2." in said
    assert "'BD' is called so, but holds 'stony' in line 9." in said
    rows = init(table.assign(lon=["deg", *table["lon"][1:]]).rename(columns={"x1": ""}), out="other")
    assert "'lon' is called like a coordinate, but holds 'deg' in line 2." in " ".join(rows.said.split())
    assert "'date' has a row without a year of four digits ('06-06-18')" in said
    assert "no site was sampled in two years" not in said


def test_swapped_columns_are_seen_and_said(init, plain_table):
    made = init(plain_table().rename(columns={"lon": "lat", "lat": "lon"}))
    assert (made.columns["x"], made.columns["y"]) == ("lat", "lon")
    assert "x and y are exchanged" in made.said


def test_single_swapped_rows_are_named(init, plain_table, write_polygons, tmp_path):
    table = plain_table()
    table.loc[2, ["lon", "lat"]] = table.loc[2, ["lat", "lon"]].to_numpy().copy()
    made = init(table, write_polygons(tmp_path))
    assert "lines 4 would lie in the area with x and y exchanged" in " ".join(made.said.split())


def test_the_utm_zone_of_a_name_is_taken_and_degrees_beside_it_are_compared(
    init, plain_table, write_polygons, tmp_path
):
    table = plain_table()
    x, y = pyproj.Transformer.from_crs(4326, 32650, always_xy=True).transform(table.lon, table.lat)
    both = init(table.assign(x_utm50n=x, y_utm50n=y), write_polygons(tmp_path))
    assert both.columns["x"] == "lon"
    assert "say the same to 1 m" in " ".join(both.text.replace("#", " ").split())
    alone = init(table.drop(columns=["lon", "lat"]).assign(x_utm50n=x, y_utm50n=y), out="alone")
    assert (alone.columns["x"], alone.samples["crs"]) == ("x_utm50n", "EPSG:32650")
    wrong = init(
        table.assign(lon=table.lon + 7, x_utm50n=x, y_utm50n=y), tmp_path / "counties.geojson", out="wrong"
    )
    assert wrong.columns["x"] == "x_utm50n"


def test_a_projection_that_nothing_names_is_missing_with_what_would_fit(
    init, plain_table, write_polygons, tmp_path
):
    table = plain_table()
    x, y = pyproj.Transformer.from_crs(4326, 32650, always_xy=True).transform(table.lon, table.lat)
    table = table.drop(columns=["lon", "lat"]).assign(easting=x, northing=y)
    made = init(table, write_polygons(tmp_path))
    assert made.missing == ["samples.crs"]
    assert 'By "EPSG:32650" (UTM)' in made.said
    own = init(table, write_polygons(tmp_path, "utm.gpkg", 32650), out="own")
    assert own.samples["crs"] == "EPSG:32650"
    assert "samples.crs" in own.assumed


def test_a_file_of_points_states_its_crs_itself(init, plain_table):
    table = plain_table()
    points = gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(table.lon, table.lat), crs=4326).to_crs(
        32650
    )
    made = init(points.drop(columns=["lon", "lat"]), file="samples.gpkg")
    assert "crs" not in made.samples
    assert "x" not in made.columns
    assert made.columns["site"] == "id"
    assert made.missing == []
    load_region(made.folder / "region.yaml")


def test_an_id_that_numbers_the_rows_is_not_the_site_of_places_that_were_visited_twice(init, plain_table):
    made = init(plain_table(no=range(8)).rename(columns={"id": "place", "no": "id"}))
    assert made.columns["site"] == "place"


def test_what_is_called_site_but_stands_for_several_positions_is_none(init, plain_table):
    made = init(plain_table(plot=["wheat", "maize", "wheat", "maize"] * 2).rename(columns={"id": "parcel"}))
    assert made.columns["site"] == "parcel"
    made = init(plain_table(id=["wheat", "maize", "wheat", "maize"] * 2), out="none")
    assert made.missing[0] == "samples.columns.site"


def test_dates_of_one_year_tell_it_and_those_of_several_are_to_be_made_years(init, plain_table):
    one = init(
        plain_table().query("year == 1985").drop(columns="year").assign(date="1985-09-22"), years=(1985, 1995)
    )
    assert one.samples["year"] == 1985
    assert one.missing == ["rothc.expected_change"]
    table = plain_table()
    several = init(table.assign(sampling_date=table.pop("year").map("{}-05-01".format)), out="several")
    assert several.missing == ["samples.columns.year"]
    assert several.region["years"] == "1985-2005"


def test_one_campaign_needs_years_and_an_expected_change(init, plain_table):
    made = init(plain_table().query("year == 1985"))
    assert made.missing == ["years and spinup_years", "rothc.expected_change"]
    file = made.fill_in(years="1985-1990", spinup_years="1965-1984", expected_change="0.1")
    assert load_region(file).settings.rothc.expected_change == 0.1


def test_sites_of_one_row_each_were_sampled_once_even_if_no_column_says_when(init, plain_table):
    once = plain_table().query("year == 1985").drop(columns="year")
    made = init(once)
    assert made.missing == ["samples.year", "years and spinup_years", "rothc.expected_change"]
    assert "beginning with the year of the samples, such as 1990-2010 for" in " ".join(made.said.split())


def test_years_without_ndvi_are_filled_only_if_the_user_writes_so(init, plain_table):
    made = init(plain_table(), years=(1980, 2005))
    assert made.missing == ["fill.pku_gimms_ndvi"]
    assert load_region(made.fill_in(fill="climatology")).settings.fill == {"pku_gimms_ndvi": "climatology"}


@pytest.mark.parametrize("years", [(1950, 2000), (1958, 2000), (1990, 2090)])
def test_years_that_the_climate_does_not_hold_are_missing(init, plain_table, years):
    assert "years and spinup_years" in init(plain_table(), years=years).missing


@pytest.mark.parametrize(
    "columns",
    [{"upper_depth": [0, 10] * 8, "lower_depth": [10, 30] * 8}, {"Depth (cm)": ["0-10", "10-30"] * 8},
     {"horizon": ["A", "B"] * 8}, {"sample": range(16), "depth": [10, 30] * 8}],
)  # fmt: skip
def test_layers_of_depth_are_to_be_made_one_row(init, plain_table, columns):
    table = plain_table()
    layers = table.loc[np.repeat(table.index, 2)].assign(**columns)
    made = init(layers.drop(columns="id") if "sample" in columns else layers)
    said = " ".join(made.said.split())
    found = " and ".join(f"'{name}'" for name in columns if name != "sample")
    assert f"layers of depth ({found})" in said
    assert "write mean" not in said.lower()
    assert {"depth_cm", "samples.duplicates"} <= set(made.missing)
    assert "rothc.expected_change" not in made.missing
    assert ("8 positions" in said or "4 positions" in said) == ("sample" in columns)


def test_campaigns_of_two_depths_are_no_change_of_carbon(init, plain_table):
    made = init(plain_table(depth=["0-20", "0-30"] * 4))
    assert made.missing == ["depth_cm"]
    assert "'depth': 0-20 (4 rows), 0-30 (4 rows)" in " ".join(made.said.split())


def test_carbon_columns_of_several_depths_are_called_layers(init, plain_table):
    made = init(plain_table().rename(columns={"soc_g_kg": "soc_0_10"}).assign(soc_10_20=9.0))
    assert made.missing == ["samples.columns.soc", "depth_cm"]
    assert "weighted by thickness" in made.said


def test_the_depth_that_a_name_tells_is_taken(init, plain_table):
    made = init(plain_table().rename(columns={"soc_g_kg": "soc_0_30cm_g_kg"}))
    assert made.region["depth_cm"] == 30
    assert "depth_cm" not in made.assumed


@pytest.mark.parametrize(
    ("columns", "depth", "is_assumed"),
    [({"Depth": "0-30 cm"}, 30, False), ({"upper_depth": 0, "lower_depth": 15}, 15, False),
     ({"土层": "0-20"}, 20, False),
     ({"Depth": "20-40 cm"}, 20, True), ({}, 20, True)],
)  # fmt: skip
def test_the_depth_that_a_column_tells_of_all_samples_is_taken(init, plain_table, columns, depth, is_assumed):
    made = init(plain_table(**columns))
    assert made.region["depth_cm"] == depth
    assert ("depth_cm" in made.assumed) is is_assumed
    assert made.missing == []


@pytest.mark.parametrize(
    ("spread", "crs", "resolution"),
    [(0.05, "EPSG:32650", 100), (1, "EPSG:32650", 250), (25, "+proj=aea", 1000), (100, "+proj=aea", 5000)],
)
def test_the_grid_suits_the_size_of_the_area(init, plain_table, spread, crs, resolution):
    table = plain_table()
    table["lon"], table["lat"] = 117 + (table.lon - 118.8) * spread, 31 + (table.lat - 30.8) * spread
    made = init(table)
    assert made.region["grid"]["crs"].startswith(crs)
    assert made.region["grid"]["resolution"] == resolution


BROKEN = {
    "no file": (None, "found no such file"),
    "an empty file": ("", "found an empty file"),
    "no rows": ("id,lon,lat\n", "no rows below the header"),
    "one column": ("id\n3\n", "one column 'id'"),
    "no numbers": ("name,kind\nx,y\n", "no number in 1 rows"),
    "a name twice": ("id,lon,lon\n1,2,3\n", "two columns of the name 'lon'"),
    "a column without a name": ("Survey,,\nid,lon,lat\n", "a column without a name"),
    "a line of a spreadsheet": ("sep=;\nid;lon;lat\na;118;30\n", "'sep=', expected the names of the columns"),
    "a page": ("<html><title>Log in</title></html>", 'a web page, "Log in"'),
}


@pytest.mark.parametrize("name", BROKEN)
def test_samples_that_cannot_be_read_are_refused_and_nothing_is_written(init, name, tmp_path):
    table, words = BROKEN[name]
    with pytest.raises(InputError) as caught:
        init(table)
    assert words in str(caught.value)
    assert len(caught.value.problems) == 1
    assert not (tmp_path / "region").exists()


def test_polygons_that_cannot_serve_are_refused(init, plain_table, write_polygons, tmp_path):
    write_polygons(tmp_path, "bare.shp")
    (tmp_path / "bare.prj").unlink()
    points = gpd.GeoDataFrame({"id": [1]}, geometry=gpd.points_from_xy([118], [30]), crs=4326)
    points.to_file(tmp_path / "points.gpkg")
    (tmp_path / "page.geojson").write_text("<html><title>Log in</title></html>")
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    for file, words in (
        ("page.geojson", 'a web page, "Log in", expected a GeoPackage'),
        ("old.xls", "a workbook"),
        ("bare.shp", "no CRS"),
        ("points.gpkg", "found Point"),
        ("none.gpkg", "no such file"),
    ):
        with pytest.raises(InputError, match=words):
            init(plain_table(), tmp_path / file)
    far = plain_table(lon=lambda table: table.lon + 40)
    with pytest.raises(InputError, match="all 8 samples outside the polygons"):
        init(far, write_polygons(tmp_path))
