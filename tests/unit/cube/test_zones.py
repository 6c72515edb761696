"""County tables: joined many-to-one by text, with nothing lost on either side."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from numpy.testing import assert_array_equal

from poml_map.cube import open_layers

HEAD = "code,year,fert\n"
GOOD = ["330101,1980,100", "330101,1981,110", "330102,1980,200", "330102,1981,220"]


def table(mini, rows, name="fertilizer.csv"):
    (mini / name).write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")


def test_every_pixel_has_the_value_of_its_county_and_year(mini, whole):
    table(mini, GOOD)
    cube = open_layers(mini.region())
    codes, fertilizer = cube.zone_codes(), whole(cube)["FER"].to_numpy()
    assert set(np.unique(codes)) == {0, 1}
    assert_array_equal(fertilizer, np.array([[100, 200], [110, 220]], "float32")[:, codes])


def test_a_point_on_a_common_border_belongs_to_the_first_polygon_and_none_to_both():
    from poml_map.cube.positions import Points
    from poml_map.cube.zones import Zones

    zones = Zones(None, "ab", "ab", "EPSG:32651", (0, 0, 2, 1), (0, 1))
    zones.__dict__["polygons"] = np.array([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)])
    points = Points([0.5, 1.0, 1.5, 2.5], [0.5] * 4, (1, 1), "EPSG:32651")
    assert_array_equal(zones.codes(points), [0, 0, 1, -1])


def test_names_without_a_partner_are_listed_on_both_sides_with_counts(mini, refused):
    table(mini, [*GOOD[:2], "330199,1980,5", "330199,1981,5"])
    text = refused(mini)
    assert "1 keys of the table without a polygon ('330199'; 2 rows)" in text
    assert "1 polygons without a row ('330102')" in text


def test_keys_that_differ_in_case_or_blanks_are_shown_as_pairs(mini, refused):
    table(mini, [row.replace("330101", "west").replace("330102", "East") for row in GOOD])
    mini.entries["counties"]["key"] = "name"
    text = refused(mini)
    assert "differ only in case, blanks or leading zeros: 'west' and 'West'" in text


def test_blanks_around_keys_do_not_count_and_numbers_are_keys_too(mini, whole):
    table(mini, [row.replace("330101", " 330101 ") for row in GOOD])
    boxes = gpd.read_file(mini / "counties.gpkg")
    boxes["code"] = boxes["code"].astype(int)
    boxes.to_file(mini / "counties.gpkg")
    assert float(whole(open_layers(mini.region()))["FER"].max()) == 220


def test_two_counties_of_one_name_are_refused(mini, refused):
    boxes = gpd.read_file(mini / "counties.gpkg")
    boxes["name"] = "Same"
    boxes.to_file(mini / "counties.gpkg")
    mini.entries["counties"]["key"] = "name"
    assert "1 keys of several polygons: Same" in refused(mini)


def test_a_county_and_year_that_come_twice_are_refused(mini, refused):
    table(mini, [*GOOD, "330101,1980,100"])
    assert "330101 1980 in lines 2, 6" in refused(mini)


def test_a_county_without_a_year_is_refused_and_may_be_filled(mini, refused, whole):
    table(mini, [*GOOD[:2], GOOD[2]])
    text = refused(mini)
    assert "330102 (East): found no value in 1981" in text
    mini.settings["fill"] = {"fertilizer": "climatology"}
    cube = open_layers(mini.region())
    assert cube.fills[0]["years"] == [1981]
    assert float(whole(cube)["FER"][1].max()) == 200


@pytest.mark.parametrize(
    ("value", "said"), [("0", "0 kg/ha"), ("-5", "-5 kg/ha"), ("NA", "no value in 1980")]
)
def test_a_base_year_that_nothing_can_be_divided_by_is_refused_with_county_and_year(
    mini, refused, value, said
):
    table(mini, [*GOOD[:2], f"330102,1980,{value}", GOOD[3]])
    text = refused(mini)
    assert said in text
    assert "330102" in text
    assert "1980" in text


def test_a_zero_in_a_later_year_is_a_value(mini, whole):
    table(mini, [*GOOD[:3], "330102,1981,0"])
    assert float(whole(open_layers(mini.region()))["FER"][1].min()) == 0


def test_gaps_of_counties_beside_the_area_do_not_matter(mini):
    boxes = gpd.read_file(mini / "counties.gpkg")
    boxes.loc[2] = {"code": "9", "name": "Far", "geometry": shapely.box(0, 0, 1, 1)}
    boxes.to_file(mini / "counties.gpkg")
    table(mini, [*GOOD, "9,1981,0"])
    open_layers(mini.region())


@pytest.mark.parametrize("cell", ["many", "1,234", "1 234", "-", "inf", "1_0"])
def test_a_cell_that_is_no_number_is_refused_with_row_and_column(mini, refused, cell):
    table(mini, [*GOOD[:3], f'330102,1981,"{cell}"'])
    text = refused(mini)
    assert "fertilizer.csv" in text
    assert "column 'fert'" in text
    assert "line 5" in text


def test_a_declared_dialect_is_read(mini, whole):
    rows = ["code;year;fert", *(row.replace(",", ";") + ",5" for row in GOOD)]
    (mini / "fertilizer.csv").write_text("\n".join(rows), encoding="utf-8-sig")
    mini.entries["fertilizer"]["table"] = {"separator": ";", "decimal": ","}
    assert float(whole(open_layers(mini.region()))["FER"].max()) == 220.5


def test_an_undeclared_separator_is_named(mini, refused):
    (mini / "fertilizer.csv").write_text((HEAD + "\n".join(GOOD)).replace(",", ";"))
    assert 'separator: ";"' in refused(mini)


def test_one_series_counts_everywhere(mini, whole):
    (mini / "fertilizer.csv").write_text("year,fert\n1980,100\n1981,150\n")
    for key in ("zones", "key"):
        del mini.entries["fertilizer"][key]
    fertilizer = whole(open_layers(mini.region()))["FER"]
    assert (fertilizer[0] == 100).all()
    assert (fertilizer[1] == 150).all()


def test_points_instead_of_polygons_are_refused(mini, refused):
    frame = gpd.GeoDataFrame({"code": ["330101"], "name": ["x"]}, geometry=[shapely.Point(120, 30)], crs=4326)
    frame.to_file(mini / "counties.gpkg")
    assert "polygons only" in refused(mini)


def test_a_damaged_vector_file_is_refused(mini, refused):
    (mini / "counties.gpkg").write_bytes(b"nothing of the kind")
    assert "counties.gpkg, entry 'counties'" in refused(mini)


def test_the_zone_of_a_place_is_that_of_its_pixel(mini):
    table(mini, GOOD)
    cube = open_layers(mini.region())
    codes, (y, x) = cube.zone_codes(), np.meshgrid(cube.grid.y, cube.grid.x, indexing="ij")
    assert_array_equal(cube.zone_codes_at(x.ravel(), y.ravel()), codes.ravel())
    assert cube.zone_codes_at([cube.grid.bounds[0] - 1e6], [cube.grid.y[0]]).tolist() == [-1]
