import os
import stat

import geopandas as gpd
import numpy as np
import pytest
import shapely

POINT_COLUMNS = {"site": "site", "year": "year", "soc": "soc"}


@pytest.fixture
def points(make):
    """The good samples as points."""
    rows = make.rows()
    shapes = shapely.points([[float(row[1]), float(row[2])] for row in rows])
    table = {"site": [row[0] for row in rows], "year": [1980] * 10 + [2000] * 10}
    return gpd.GeoDataFrame(
        table | {"soc": [float(row[4]) for row in rows]}, geometry=shapes, crs="EPSG:4326"
    )


@pytest.fixture
def read_points(read, tmp_path):
    """Samples of a frame of points, through a file."""

    def call(frame, file="points.gpkg", **keys):
        frame.to_file(tmp_path / file)
        return read(file=file, columns=POINT_COLUMNS, **keys)

    return call


@pytest.mark.parametrize("file", ["points.gpkg", "points.geojson", "points.shp", "Pünkte 1.gpkg"])
def test_points_give_the_same_samples_as_a_text_table(read, read_points, make, points, file):
    plain = read(make.text(make.rows())).table.reset_index(drop=True)

    samples = read_points(points, file)

    assert samples.table.index.tolist() == list(range(1, 21))
    table = samples.table.reset_index(drop=True)
    assert table.drop(columns=["x", "y"]).equals(plain.drop(columns=["x", "y"]))
    np.testing.assert_allclose(table[["x", "y"]], plain[["x", "y"]], atol=1e-2)  # GeoJSON has 7 decimals


def test_points_in_another_crs_with_heights_or_alone_in_a_multipoint_are_points(read_points, points, make):
    plain = read_points(points).table

    xyz = np.column_stack([points.geometry.x, points.geometry.y, np.full(20, 7.0)])
    for other in (
        points.to_crs(make.crs),
        points.set_geometry(shapely.points(xyz), crs=points.crs),
        points.set_geometry([shapely.MultiPoint([shape]) for shape in points.geometry], crs=points.crs),
    ):
        np.testing.assert_allclose(read_points(other).table[["x", "y"]], plain[["x", "y"]], atol=1e-5)


def test_ids_and_nulls_of_a_vector_file(read_points, points):
    points["site"] = [float(i % 10) for i in range(20)]
    points.loc[1, "soc"] = None
    points.loc[2, "geometry"] = None

    samples = read_points(points, max_dropped=0.1)

    assert samples.sites["site"].iloc[0] == "0"
    assert samples.dropped[["line", "reason"]].to_numpy().tolist() == [
        [2, "no value of soc"],
        [3, "no coordinates"],
    ]


def test_bad_cells_of_a_vector_file_are_named_by_feature(read_points, points, problems_of):
    points["soc"] = ["x", *["1.5"] * 19]

    (line,) = problems_of(read_points, points)

    assert line.startswith("points.gpkg, column 'soc': found 'x' in feature 1, expected numbers.")


def test_points_without_a_crs_need_one(read, points, tmp_path, problems_of):
    points.to_file(tmp_path / "points.shp")
    (tmp_path / "points.prj").unlink()
    keys = {"file": "points.shp", "columns": POINT_COLUMNS}

    assert problems_of(read, **keys) == [
        "points.shp: found no CRS, expected a CRS in the file or in the region file. "
        'Write it below `samples:`, for example `crs: "EPSG:4326"`.'
    ]
    assert len(read(**keys, crs="EPSG:4326").table) == 20


def test_another_crs_than_that_of_the_file_is_refused(read_points, points, problems_of, make):
    assert len(read_points(points, crs="EPSG:4326").table) == 20
    (line,) = problems_of(read_points, points, crs=make.crs)

    assert "samples.crs: found EPSG:32651, but points.gpkg is in WGS 84, expected one CRS." in line


def test_coordinate_columns_beside_points_are_refused(read, points, tmp_path, problems_of, columns):
    points.to_file(tmp_path / "points.gpkg")

    (line,) = problems_of(read, file="points.gpkg", columns=columns())

    assert "samples.columns: found x and y, expected no coordinates. Remove them" in line


def test_shapes_that_are_no_points_and_missing_columns_are_named_together(read_points, points, problems_of):
    areas = points.rename(columns={"soc": "SOC"})
    areas["geometry"] = [areas.geometry[0].buffer(0.01), *areas.geometry[1:]]

    lines = problems_of(read_points, areas)

    assert lines == [
        "points.gpkg, column 'soc': found only site, year, SOC, expected this column. Did you mean `SOC`?",
        "points.gpkg, geometry: found Polygon in features 1, expected one point a sample. "
        "Take centroids or save points.",
    ]


def test_a_file_without_features_is_refused(read_points, points, problems_of):
    (line,) = problems_of(read_points, points.iloc[:0])

    assert line == "points.gpkg: found no features, expected one point a sample."


def test_two_layers_are_refused_but_not_the_styles_beside_one(read, points, tmp_path, problems_of):
    path = tmp_path / "points.gpkg"
    points.to_file(path, layer="a")
    gpd.pd.DataFrame({"style": ["x"]}).pipe(gpd.GeoDataFrame).to_file(path, layer="layer_styles")

    assert len(read(file="points.gpkg", columns=POINT_COLUMNS).table) == 20
    points.to_file(path, layer="b")
    assert problems_of(read, file="points.gpkg", columns=POINT_COLUMNS) == [
        "points.gpkg: found the layers a, b, expected one layer of shapes. "
        "Save the one that is meant as a file of its own."
    ]


@pytest.mark.parametrize(("file", "content"), [("a.gpkg", b"nothing"), ("a.xlsx", b"PK"), ("a.geojson", b"")])
def test_a_file_that_is_no_vector_file_is_refused_without_its_full_path(
    read, tmp_path, problems_of, file, content
):
    (line,) = problems_of(read, content, file=file, columns=POINT_COLUMNS)

    assert line.startswith(f"{file}: found a file that cannot be read (")
    assert str(tmp_path) not in line
    assert line.endswith("expected a CSV, GeoPackage, GeoJSON or shapefile. Save a spreadsheet as CSV.")


def test_a_file_that_leads_to_other_files_is_refused(read, points, tmp_path, problems_of):
    points.to_file(tmp_path / "points.gpkg")
    vrt = (
        '<OGRVRTDataSource><OGRVRTLayer name="points"><SrcDataSource relativeToVRT="1">points.gpkg'
        "</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
    )

    (line,) = problems_of(read, vrt, file="looks_like.gpkg", columns=POINT_COLUMNS)

    assert line.startswith("looks_like.gpkg: found a file")


@pytest.mark.parametrize("file", ["no.csv", "no.gpkg"])
def test_a_file_that_is_not_there_is_refused(read, problems_of, file, columns):
    keys = {"columns": POINT_COLUMNS if file == "no.gpkg" else columns()}

    (line,) = problems_of(read, file=file, **keys)

    assert line.startswith(f"{file}: found no such file, expected ")


def test_a_folder_is_refused(read, tmp_path, problems_of):
    (tmp_path / "folder").mkdir()

    (line,) = problems_of(read, file="folder", columns=POINT_COLUMNS)

    assert line.startswith("folder: found a folder, expected a CSV")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("file", ["a.csv", "a.gpkg"])
def test_a_file_that_may_not_be_read_is_refused(read, tmp_path, problems_of, file, columns):
    (tmp_path / file).write_text("x")
    (tmp_path / file).chmod(0)
    try:
        (line,) = problems_of(read, file=file, columns=columns() if file == "a.csv" else POINT_COLUMNS)
    finally:
        (tmp_path / file).chmod(stat.S_IRWXU)

    assert line.startswith(f"{file}: found ")


def test_a_text_table_needs_its_coordinate_columns(read, make, problems_of, columns):
    (line,) = problems_of(read, make.text(make.rows()), columns=columns(x=None, y=None))

    assert "samples.columns: found no x or y, expected the columns of the coordinates. For example" in line


def test_a_text_table_may_be_in_a_projected_crs(read, make):
    table = "site,lon,lat,year,soc\na,250250,3399750,1980,20\n"

    samples = read(table, crs=make.crs)

    assert samples.table[["x", "y"]].iloc[0].tolist() == [250250, 3399750]
