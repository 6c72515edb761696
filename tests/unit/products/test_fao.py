"""Our maps on the grid and in the unit of FAO's global maps, with known truth."""

import shutil

import numpy as np
import pytest
import rasterio
from rio_cogeo import cog_validate

from poml_map.errors import InputError
from poml_map.files import sha256_of_file
from poml_map.grid import Grid
from poml_map.products import read_map, weighted_mean
from poml_map.products.fao import cell_means, cells_under, write_fao

CELL = 1 / 120


def _cells(path):
    with rasterio.open(path) as file:
        return Grid("EPSG:4326", tuple(file.transform)[:6], file.width, file.height)


def _tags(path):
    with rasterio.open(path) as file:
        return file.tags()


def test_stocks_and_changes_of_all_models_are_written_and_nothing_that_has_no_mean(handmade):
    written = write_fao(handmade().folder)
    stocks = {f"SOCS_{m}_{y}_30s_t_ha.tif" for m in ("POML", "ML", "PO") for y in (1980, 1990, 2000)}
    changes = {f"{h}_{m}_1980_2000_30s_t_ha.tif" for h in ("CHANGE", "RATE") for m in ("POML", "ML", "PO")}
    assert {path.name for path in written} == stocks | changes
    assert {path.parent.name for path in written} == {"fao"}
    assert all(path.exists() for path in written)


@pytest.mark.parametrize("unit", ["kg/m2", "t/ha"])
def test_a_stock_that_is_the_same_everywhere_stays_so_times_ten(handmade, unit):
    run = handmade(unit, stock=np.full((40, 60), 3.5), keep=lambda layer: layer == "POML")
    values = read_map(write_fao(run.folder)[0])
    assert set(values[np.isfinite(values)].tolist()) == {35.0}


def test_edges_of_cells_are_whole_multiples_of_30_arc_seconds_around_all_of_the_map(handmade):
    run = handmade(keep=lambda layer: layer == "POML")
    path = write_fao(run.folder)[0]
    cells = _cells(path)
    edges = np.array(cells.bounds) * 120
    np.testing.assert_allclose(edges, np.round(edges), atol=1e-6)
    np.testing.assert_allclose(cells.resolution, CELL, rtol=1e-12)
    with rasterio.open(path) as file:
        assert file.crs.to_epsg() == 4326
    left, bottom, right, top = rasterio.warp.transform_bounds("EPSG:32651", "EPSG:4326", *run.grid.bounds)
    assert 0 <= left - cells.bounds[0] < CELL
    assert 0 <= cells.bounds[2] - right < CELL
    assert 0 <= bottom - cells.bounds[1] < CELL
    assert 0 <= cells.bounds[3] - top < CELL


def test_cells_next_to_each_other_are_those_of_one_global_grid():
    """Two regions of different CRS: their cells can be laid over each other without resampling."""
    one = cells_under(Grid("EPSG:32651", (250.0, 0.0, 2e5, 0.0, -250.0, 3.4e6), 100, 90))
    other = cells_under(Grid("EPSG:4326", (0.01, 0.0, -70.123, 0.0, -0.01, -12.3), 77, 31))
    for axis in (0, 3):
        steps = (one.bounds[axis] - other.bounds[axis]) * 120
        assert steps == pytest.approx(round(steps), abs=1e-6)


def test_a_pixel_counts_by_its_area_in_the_cell():
    """Pixels of 15 arc-seconds, shifted by half of one: a cell holds nine of them, of 1/16, 1/8 and 1/4 of its area."""
    half = CELL / 2
    grid = Grid("EPSG:4326", (half, 0.0, 10 - half / 2, 0.0, -half, 50 + half / 2), 3, 3)
    cells = Grid("EPSG:4326", (CELL, 0.0, 10.0, 0.0, -CELL, 50.0), 1, 1)
    values = np.arange(9.0).reshape(3, 3)
    weights = np.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25])
    means, cover = cell_means(values, grid, cells)
    assert means[0, 0] == pytest.approx((values * weights).sum(), rel=1e-6)
    assert cover[0, 0] == pytest.approx(1)
    values[:, 0] = np.nan
    means, cover = cell_means(values, grid, cells)
    kept = np.isfinite(values)
    assert means[0, 0] == pytest.approx((values[kept] * weights[kept]).sum() / weights[kept].sum(), rel=1e-6)
    assert cover[0, 0] == pytest.approx(0.75)


def test_what_lies_outside_the_map_is_not_covered():
    grid = Grid("EPSG:4326", (CELL / 10, 0.0, 10 + 0.7 * CELL, 0.0, -CELL / 10, 50.0), 3, 10)
    cells = Grid("EPSG:4326", (CELL, 0.0, 10.0, 0.0, -CELL, 50.0), 1, 1)
    _, cover = cell_means(np.ones(grid.shape), grid, cells)
    assert cover[0, 0] == pytest.approx(0.3, abs=1e-6)


def test_a_cell_that_is_covered_by_less_than_half_has_no_value(handmade):
    """Rows of pixels of a tenth of a cell: the region ends four tenths, then six tenths, into a cell."""
    grid = Grid("EPSG:4326", (CELL / 10, 0.0, 10.0, 0.0, -CELL / 10, 50.0), 20, 20)
    for rows, expected in ((14, 2), (16, 4)):
        stock = np.full(grid.shape, 3.0)
        stock[rows:] = np.nan
        run = handmade(grid=grid, stock=stock, keep=lambda layer: layer == "POML", folder=f"run{rows}")
        values = read_map(write_fao(run.folder)[0])
        assert values.shape == (2, 2)
        assert np.isfinite(values).sum() == expected


def test_all_maps_have_one_mask(handmade):
    masks = [np.isnan(read_map(path)) for path in write_fao(handmade().folder)]
    assert masks[0].any()
    assert not masks[0].all()
    assert (masks == masks[0]).all()


def test_the_mean_of_the_region_is_kept_but_for_the_cells_at_its_edge(handmade):
    """A stock that rises from west to east by a factor of three. Weighted by cover the mean is kept to 1e-4."""
    grid = Grid("EPSG:32651", (250.0, 0.0, 2e5, 0.0, -250.0, 3.4e6), 200, 160)
    stock = np.broadcast_to(np.linspace(2, 6, grid.width), grid.shape).copy()
    stock[:50, :70] = np.nan
    run = handmade(grid=grid, stock=stock, keep=lambda layer: layer == "POML")
    path = write_fao(run.folder)[0]
    ours = 10 * weighted_mean(stock, grid)
    assert weighted_mean(read_map(path), _cells(path)) == pytest.approx(ours, rel=5e-3)
    cells = cells_under(grid)
    means, cover = cell_means(stock, grid, cells)
    area = cover * np.cos(np.radians(cells.y))[:, None]
    held = cover > 0
    assert 10 * np.average(means[held], weights=area[held]) == pytest.approx(ours, rel=1e-4)


def test_pixels_larger_than_cells_give_each_cell_the_value_of_its_pixel(handmade):
    grid = Grid("EPSG:4326", (5 * CELL, 0.0, 10.0, 0.0, -5 * CELL, 50.0), 4, 3)
    stock = np.arange(12.0).reshape(3, 4) + 1
    run = handmade(grid=grid, stock=stock, keep=lambda layer: layer == "POML")
    values = read_map(write_fao(run.folder)[0])
    np.testing.assert_allclose(values, np.kron(stock, np.ones((5, 5))) * 10, rtol=1e-6)


def test_a_file_says_what_it_was_made_from_and_keeps_all_that_our_map_says(handmade):
    run = handmade()
    write_fao(run.folder)
    path = run.folder / "fao" / "SOCS_POML_1990_30s_t_ha.tif"
    ours, tags = _tags(run.folder / "maps" / "SOCS_POML_1990.tif"), _tags(path)
    same = {name for name in ours if name.startswith("POML_MAP_")} - {"POML_MAP_UNIT"}
    assert {"POML_MAP_SYNTHETIC", "POML_MAP_STAND_IN", "POML_MAP_INPUT_DIGEST", "POML_MAP_DEPTH_CM"} <= same
    assert {name: tags[name] for name in same} == {name: ours[name] for name in same}
    assert tags["TIFFTAG_DATETIME"] == "1990:12:31 00:00:00"
    assert tags["POML_MAP_UNIT"] == "t C ha-1"
    assert tags["POML_MAP_RESAMPLED_FROM"] == (
        "SOCS_POML_1990.tif, WGS 84 / UTM zone 51N, pixels of 500 x 500 metre"
    )
    assert "area-weighted mean" in tags["POML_MAP_RESAMPLING"]
    text = tags["TIFFTAG_IMAGEDESCRIPTION"]
    assert "in t C ha-1 (POML:" in text
    assert "kg" not in text
    assert "30 arc-seconds with values on 50% or more" in text
    with rasterio.open(path) as file:
        assert file.units == ("t ha-1",)
        assert file.descriptions == ("SOCS 1990 POML",)
        assert file.nodata == -9999


def test_a_rate_is_a_rate_in_tonnes(handmade):
    run = handmade()
    write_fao(run.folder)
    path = run.folder / "fao" / "RATE_POML_1980_2000_30s_t_ha.tif"
    with rasterio.open(path) as file:
        assert file.units == ("t ha-1 year-1",)
    assert _tags(path)["POML_MAP_UNIT"] == "t C ha-1 year-1"
    mean = np.nanmean(read_map(path))
    assert mean == pytest.approx(10 * 0.2 * np.nanmean(run.stock), rel=0.02)


def test_the_files_are_cloud_optimised_without_a_warning_and_the_same_every_time(handmade):
    run = handmade(keep=lambda layer: layer in ("POML", "CHANGE_ML"))
    first = {path.name: sha256_of_file(path) for path in write_fao(run.folder)}
    assert all(cog_validate(path, strict=True) == (True, [], []) for path in run.folder.glob("fao/*.tif"))
    shutil.rmtree(run.folder / "fao")
    assert {path.name: sha256_of_file(path) for path in write_fao(run.folder)} == first


def test_a_folder_without_maps_is_refused(tmp_path):
    (tmp_path / "maps").mkdir()
    with pytest.raises(InputError, match="no map of a stock"):
        write_fao(tmp_path)


def test_a_map_across_the_180th_meridian_is_refused_with_a_mend(handmade):
    grid = Grid("EPSG:32760", (5000.0, 0.0, 7.9e5, 0.0, -5000.0, 8.1e6), 20, 10)
    run = handmade(grid=grid, stock=np.ones(grid.shape), keep=lambda layer: layer == "POML")
    with pytest.raises(InputError, match=r"180th meridian.*profile: own"):
        write_fao(run.folder)
