"""Vector files that old programs read without a word, the same to the last byte."""

import sqlite3

import geopandas as gpd
import pytest
import shapely

from poml_map.vectorfile import write_layer


@pytest.fixture
def points():
    return gpd.GeoDataFrame({"stock": [4.5]}, geometry=[shapely.Point(2e5, 3.4e6)], crs="EPSG:32651")


def test_a_geopackage_is_of_a_version_that_older_programs_know(points, tmp_path):
    path = write_layer(points, tmp_path / "a.gpkg", "samples")
    with sqlite3.connect(path) as file:
        assert file.execute("pragma user_version").fetchone() == (10200,)
    assert gpd.read_file(path, layer="samples")["stock"].tolist() == [4.5]


def test_the_same_content_gives_the_same_bytes(points, tmp_path):
    first, second = (write_layer(points, tmp_path / name / "a.gpkg", "a") for name in _made(tmp_path))
    assert first.read_bytes() == second.read_bytes()


def _made(folder):
    for name in ("one", "two"):
        (folder / name).mkdir()
        yield name
