"""Each layout of published data: the cut has the numbers of the whole, and only its part of the bytes came."""

import re

import netCDF4
import numpy as np
import pytest
import rasterio

from poml_map.cube.area import Area
from poml_map.cube.arrayfile import ArrayFiles
from poml_map.cube.raster import RasterFiles
from poml_map.fetch.failures import RefusedError
from poml_map.fetch.run import deliver
from poml_map.pipeline.fetch_place import RegionPlace
from tests.published.server import PublishedServer

from .conftest import (
    AREA,
    CELL,
    HOST,
    LAYOUTS,
    NORTH,
    SIDE,
    TILE,
    WEST,
    assert_is_cut_of_truth,
    place_of,
    read_tif,
    tile_name,
    truth,
    vrt_text,
    write_climate,
    write_tif,
)  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_cut_has_the_stored_numbers_of_the_whole(world, layout):
    kept = world.bring(LAYOUTS[layout])

    assert_is_cut_of_truth(kept.path)
    assert set(kept.stamps) >= {address for address in kept.stamps if HOST in address}
    asked = len(world.server.asked)
    assert world.bring(LAYOUTS[layout]).path == kept.path
    assert len(world.server.asked) == asked, "the second time asks nothing"


def test_only_blocks_under_the_window_come(world, published, tmp_path):
    """A raster of 4 MB without compression, of which the region needs 16 cells."""
    big = np.arange(1600 * 1280, dtype="int16").reshape(1600, 1280)
    write_tif(tmp_path / HOST / "whole.tif", big, 110.0, 40.0, 0.05, compress=None)
    with PublishedServer(tmp_path) as server:
        world.client.mirror = server.url
        found = read_tif(world.bring().path)

        assert server.bytes_sent < 0.2 * big.nbytes
    row, col = round((40 - found.transform.f) / 0.05), round((found.transform.c - 110) / 0.05)
    height, width = found.numbers.shape
    np.testing.assert_array_equal(found.numbers, big[row : row + height, col : col + width])


@pytest.mark.parametrize("ascending", [False, True])
@pytest.mark.parametrize("from_zero", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_a_netcdf_keeps_packing_attributes_and_time_and_reads_as_the_whole(
    world, tmp_path, ascending, from_zero, packed
):
    site = tmp_path / "site"
    numbers = write_climate(
        site / HOST / "ppt_1990.nc", ascending=ascending, from_zero=from_zero, packed=packed
    )
    climate = {"driver": "netcdf", "role": "precipitation", "uri": "p_{year}.nc", "variable": "ppt",
               "unit": "mm/month", "crs": "EPSG:4326", "years": [1990, 1990]}  # fmt: skip
    fetch = {"url": f"https://{HOST}/ppt_{{year}}.nc"}
    with PublishedServer(site) as server:
        world.client.mirror = server.url
        job = world.job(fetch, file=("ppt", 1990, None), **climate)
        kept = world.bring(fetch, file=("ppt", 1990, None), **climate)
    deliver(job, kept)

    with netCDF4.Dataset(kept.path) as cut, netCDF4.Dataset(site / HOST / "ppt_1990.nc") as whole:
        cut.set_auto_maskandscale(False)
        assert set(cut.variables) == {"time", "lat", "lon", "crs", "ppt"}
        assert cut["ppt"].dimensions == ("time", "lat", "lon")
        assert cut["ppt"].dtype == np.int16
        for name in ("time", "lat", "lon", "ppt", "crs"):
            assert {key: cut[name].getncattr(key) for key in cut[name].ncattrs()} == {
                key: whole[name].getncattr(key) for key in whole[name].ncattrs()
            }
        assert cut.title == whole.title
        assert cut["ppt"].size < whole["ppt"].size / 100
        rows = np.searchsorted(whole["lat"][:] if ascending else -whole["lat"][:],
                               cut["lat"][:] if ascending else -cut["lat"][:])  # fmt: skip
        cols = np.searchsorted(whole["lon"][:], cut["lon"][:])
        np.testing.assert_array_equal(cut["ppt"][:], numbers[:, rows][:, :, cols])
    reader = ArrayFiles(job.source, [1990], 119.0, "ppt")
    assert reader.packing == (0.1, 5.0)
    assert len(reader.frames) == 12


def test_over_the_edge_of_the_globe_the_cut_goes_on(world, tmp_path):
    """A region at 180 degrees: columns from both ends of the file, side by side, longitudes without a jump."""
    site = tmp_path / "site"
    numbers = write_climate(site / HOST / "ppt_1990.nc", cell=2.0)
    globe = np.arange(90 * 180, dtype="int16").reshape(90, 180)
    write_tif(site / HOST / "whole.tif", globe, -180.0, 90.0, 2.0)
    place = place_of((178.5, -2.5, 181.5, 2.5), crs="EPSG:3832", resolution=50_000)
    climate = {"driver": "netcdf", "role": "precipitation", "uri": "p.nc", "variable": "ppt",
               "unit": "mm/month", "crs": "EPSG:4326", "years": [1990, 1990]}  # fmt: skip
    with PublishedServer(site) as server:
        world.client.mirror = server.url
        raster = world.bring(place=place)
        cut = world.bring(
            {"url": f"https://{HOST}/ppt_1990.nc"}, file=("ppt", None, None), place=place, **climate
        )

    found = read_tif(raster.path)
    cols = (np.arange(found.numbers.shape[1]) + round((found.transform.c + 180) / 2)) % 180
    rows = np.arange(found.numbers.shape[0]) + round((90 - found.transform.f) / 2)
    np.testing.assert_array_equal(found.numbers, globe[np.ix_(rows, cols)])
    with netCDF4.Dataset(cut.path) as data:
        data.set_auto_maskandscale(False)
        assert (np.diff(data["lon"][:]) == 2).all()
        assert data["lon"][0] < 178.5 < 181.5 < data["lon"][-1]
        cols = (np.round((data["lon"][:] + 179) / 2).astype(int)) % 180
        rows = np.round((89 - data["lat"][:]) / 2).astype(int)
        np.testing.assert_array_equal(data["ppt"][:], numbers[:, rows][:, :, cols])


def test_the_cube_reads_a_cut_as_it_reads_the_whole(world, published):
    """Every cell that the whole has under the region, the cut has at the same place, terrain's buffer included."""
    job = world.job(derive=["SLP", "SPI"])
    plain = read_tif(world.bring().path)
    kept = world.bring(derive=["SLP", "SPI"])
    deliver(job, kept)
    found = assert_is_cut_of_truth(kept.path)
    assert found.numbers.size > plain.numbers.size, "the buffer of catchments comes along"

    (world.root / "whole.tif").write_bytes((published / HOST / "whole.tif").read_bytes())
    whole = world.source(uri="whole.tif")
    readers = [RasterFiles(source, [], 119.0) for source in (job.source, whole)]
    lon, lat = np.random.default_rng(1).uniform((AREA[0], AREA[1]), (AREA[2], AREA[3]), (200, 2)).T
    values = []
    for reader in readers:
        col, row, inside = reader.grid.cell(*reader.grid.position(lon, lat))
        window = reader.grid.cut(col.min(), col.max() + 1, row.min(), row.max() + 1, 0)
        cells = reader.read([(None, None)], window)[0]
        values.append(cells[row - window.row0, col - window.col0])
        assert inside.all()
    np.testing.assert_array_equal(*values)


def test_a_raster_of_points_stays_where_it_is(world, tmp_path):
    site = tmp_path / "site"
    write_tif(site / HOST / "whole.tif", truth(), point=True)
    with PublishedServer(site) as server:
        world.client.mirror = server.url
        found = assert_is_cut_of_truth(world.bring().path)

    assert found.tags["AREA_OR_POINT"] == "Point"


@pytest.fixture
def tiles_site(tmp_path, world):
    """Tiles that a test may remove or write anew, and their server."""
    site = tmp_path / "site" / HOST / "tiles"
    numbers = truth()
    for row in range(0, SIDE, TILE):
        for col in range(0, SIDE, TILE):
            part = numbers[row : row + TILE, col : col + TILE]
            write_tif(site / f"dem_{tile_name(row, col)}.tif", part, WEST + col * CELL, NORTH - row * CELL)
    with PublishedServer(site.parents[1]) as server:
        world.client.mirror = server.url
        yield site


def test_a_tile_that_is_missing_in_the_area_is_refused_by_its_name_and_place(world, tiles_site):
    (tiles_site / "dem_N31E118.tif").unlink()

    with pytest.raises(
        RefusedError, match=r"no tile N31E118 \(118 to 119 degrees E, 31 to 32 degrees N\) on"
    ) as refusal:
        world.bring(LAYOUTS["tiles"])
    assert "missing: nodata" in refusal.value.mend

    found = world.bring(LAYOUTS["tiles"] | {"missing": "nodata"})
    numbers = read_tif(found.path).numbers
    gaps = int((numbers == -9999).sum())
    assert gaps > 0
    told = re.fullmatch(
        rf"WARNING: (.*) % of the area has no tile, .* \({gaps} of {numbers.size} cells .* nodata\)",
        found.notes[0],
    )
    west, south, east, north = AREA
    assert float(told[1]) == pytest.approx(
        100 * (119 - west) * (north - 31) / (east - west) / (north - south), abs=0.5
    )


def test_a_tile_that_is_missing_beside_the_area_is_no_fault(world, tiles_site):
    """Only the margin reaches into it: 119.9 is in the window, not in the area."""
    (tiles_site / "dem_N30E120.tif").unlink()
    (tiles_site / "dem_N31E120.tif").unlink()
    place = place_of((118.32, 30.21, 119.92, 31.79))

    kept = world.bring(LAYOUTS["tiles"], place=place)

    assert kept.notes[0].endswith("cells without a tile are nodata, none of them in the area")


def test_another_area_on_the_same_grid_is_asked_anew_whether_it_has_its_tiles(world, tiles_site):
    (tiles_site / "dem_N30E120.tif").unlink()
    (tiles_site / "dem_N31E120.tif").unlink()
    wide = place_of((118.32, 30.21, 119.92, 31.79))
    world.bring(LAYOUTS["tiles"], place=wide)
    wider = RegionPlace(Area("EPSG:4326", (118.32, 30.21, 120.01, 31.79)), wide._grid)

    with pytest.raises(RefusedError, match="no tile N30E120"):
        world.bring(LAYOUTS["tiles"], place=wider)


def test_of_tiles_that_overlap_in_a_list_the_last_lies_on_top_and_its_nodata_is_clear(world, tmp_path):
    """As GDAL shows such a list."""
    folder = tmp_path / "site" / HOST / "list"
    below, above = truth(), truth() + 1
    above[::2] = -9999
    write_tif(folder / "parts/below.tif", below)
    write_tif(folder / "parts/above.tif", above)
    text = vrt_text(size=SIDE)
    head, tail = text[: text.index("<ComplexSource>")], "</VRTRasterBand></VRTDataset>"
    source = text[text.index("<ComplexSource>") : text.index("</ComplexSource>")] + "</ComplexSource>"
    source = re.sub(r"<DstRect.*?/>", f'<DstRect xOff="0" yOff="0" xSize="{SIDE}" ySize="{SIDE}" />', source)
    source = source.replace('ySize="20"', f'ySize="{SIDE}"')
    parts = [re.sub(r"parts/\w+", f"parts/{name}", source) for name in ("below", "above")]
    (folder / "dem.vrt").write_text(f"{head}{parts[0]}{parts[1]}{tail}")
    with PublishedServer(folder.parents[1]) as server:
        world.client.mirror = server.url
        found = read_tif(world.bring(LAYOUTS["vrt"]).path)

    with rasterio.open(folder / "dem.vrt") as data:
        expected = data.read(1, window=data.window(*rasterio.transform.array_bounds(
            *found.numbers.shape, found.transform)).round_offsets().round_lengths())  # fmt: skip
    np.testing.assert_array_equal(found.numbers, expected)
    assert len(set((expected - truth()[: len(expected), :1]).ravel())) > 1


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"cell": 0.1}, "cells of 0.1 x 0.1"),
        ({"cell": 0.1}, "take another source (for elevation merit_dem_elevation"),
        ({"west": 119.02}, "from 119.02, 32"),
        ({"nodata": -1}, "nodata -1"),
        ({"crs": "EPSG:4258"}, "the cells of the other tiles"),
    ],
)
def test_tiles_that_do_not_fit_together_are_refused(world, tiles_site, how, words):
    options = {"west": 119.0, "north": 32.0} | how
    write_tif(tiles_site / "dem_N31E119.tif", truth()[:TILE, :TILE], **options)

    with pytest.raises(RefusedError) as refusal:
        world.bring(LAYOUTS["tiles"])

    assert words in f"{refusal.value} {refusal.value.mend}"
    assert "N31E119" in str(refusal.value)


def test_whole_numbers_without_nodata_cannot_hold_a_gap(world, tiles_site):
    for path in tiles_site.iterdir():
        with rasterio.open(path, "r+") as data:
            data.nodata = None
    (tiles_site / "dem_N31E118.tif").unlink()
    fetch = LAYOUTS["tiles"] | {"missing": "nodata"}

    with pytest.raises(RefusedError) as refusal:
        world.bring(fetch)
    assert "nodata:" in refusal.value.mend
    assert read_tif(world.bring(fetch, nodata=-9999).path).nodata == -9999


def test_a_raster_beside_the_region_is_refused(world):
    place = place_of((10.0, 50.0, 10.5, 50.5), crs="EPSG:32632")

    for layout, words in {"file": "beside the region", "tiles": "none of the tiles .*N50E010"}.items():
        with pytest.raises(RefusedError, match=words):
            world.bring(LAYOUTS[layout], place=place)
