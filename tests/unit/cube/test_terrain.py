"""Slope and stream power from a DEM."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from poml_map.cube import open_layers
from poml_map.cube.positions import SourceGrid
from poml_map.cube.terrain import LEAST_TANGENT, cell_size, terrain
from poml_map.grid import Tile

GRID = SourceGrid("EPSG:32651", (100.0, 0.0, 0.0, 0.0, -100.0, 4000.0), 30, 40)
WHOLE = Tile(0, 40, 0, 30)


def test_the_slope_of_a_plane_is_its_gradient():
    z = np.add.outer(3.0 * np.arange(40), 4.0 * np.arange(30))  # 3 % and 4 %: 5 %
    slope = terrain(z, GRID, WHOLE)["SLP"]
    assert_allclose(slope[1:-1, 1:-1], np.degrees(np.arctan(0.05)), rtol=1e-6)


def test_a_degree_has_the_length_that_its_latitude_gives_it():
    geo = SourceGrid("EPSG:4326", (1.0, 0.0, 0.0, 0.0, -1.0, 60.5), 4, 1, 2.0)
    width, height = cell_size(geo, Tile(0, 1, 0, 4))
    assert_allclose(width, 55800.0, rtol=2e-4)  # one degree of longitude at 60 N on WGS84
    assert_allclose(height, 111412.0, rtol=2e-4)


def test_water_gathers_down_a_valley():
    rows, cols = np.meshgrid(np.arange(40), np.arange(30), indexing="ij")
    z = 100.0 - rows + 2.0 * np.abs(cols - 15)
    power = terrain(z, GRID, WHOLE)["SPI"]
    assert power[-2, 15] == power[1:-1, 1:-1].max()
    # cells of 100 m: 39 rows of 30 cells above the second last cell of the valley, less what leaves at the sides
    assert 500 < power[-2, 15] / (100 * 0.01) < 39 * 30 * 2


def test_flat_and_missing_ground_never_gives_infinity():
    z = np.full((40, 30), 7.0)
    z[10:20, 10:20] = np.nan
    made = terrain(z, GRID, WHOLE)
    for name in ("SLP", "SPI"):
        assert np.isnan(made[name][15, 15])
        assert np.isfinite(made[name][~np.isnan(z)]).all()
    assert (made["SLP"][~np.isnan(z)] == 0).all()
    assert made["SPI"][0, 0] >= 100 * LEAST_TANGENT


def test_rows_from_south_to_north_give_the_same_terrain():
    z = np.random.default_rng(0).uniform(0, 50, (40, 30)).cumsum(axis=0)
    up = SourceGrid("EPSG:32651", (100.0, 0.0, 0.0, 0.0, 100.0, 0.0), 30, 40)
    first, second = terrain(z, GRID, WHOLE), terrain(z[::-1], up, WHOLE)
    assert_allclose(second["SLP"][::-1], first["SLP"], rtol=1e-6)
    assert_allclose(np.sort(second["SPI"].ravel()), np.sort(first["SPI"].ravel()), rtol=0.2, atol=1)


def test_a_ready_made_slope_is_taken_instead(mini, whole, write):
    write.raster(mini / "slope.tif", np.full((40, 60), 7.0, "float32"), 119.9, 30.3, 0.01)
    mini.add("slope", driver="raster", role="slope", uri="slope.tif", unit="degree")
    mini.entries["dem"]["derive"] = ["SPI"]
    assert_allclose(whole(open_layers(mini.region()))["SLP"], 7.0, rtol=1e-6)


@pytest.mark.parametrize("column", ["SLP", "SPI"])
def test_terrain_is_there_for_every_pixel_and_made_once(mini, whole, monkeypatch, column):
    from poml_map.cube import terrain as module

    calls = []
    made = module.terrain
    monkeypatch.setattr(module, "terrain", lambda *args: calls.append(1) or made(*args))
    cube = open_layers(mini.region())
    assert whole(cube)[column].notnull().all()
    whole(cube)
    assert len(calls) == 1
