"""Blocks of files that stay in memory: each is decoded once, and no more of them than allowed."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import rasterio
import xarray as xr
from numpy.testing import assert_array_equal

from poml_map.cube import open_layers, series
from poml_map.cube.blocks import BlockCache, Stored, assemble, cache_limit, unit_shape, units
from poml_map.cube.frames import read_by_file
from poml_map.cube.raster import RasterFiles
from poml_map.grid import Tile


def block(size):
    return Stored(np.zeros((1, 1, size), "uint8"))


@pytest.fixture
def decoded(monkeypatch):
    """Source and window of every decoding."""
    found, decode = [], RasterFiles._decode

    def noted(self, file, bands, window):
        found.append((self.source.name, file, window))
        return decode(self, file, bands, window)

    monkeypatch.setattr(RasterFiles, "_decode", noted)
    monkeypatch.setattr(series, "KEEP_BYTES", 0)
    return found


def test_a_block_is_made_once_however_many_threads_want_it():
    made, start = [], threading.Barrier(8)

    def make():
        made.append(1)
        return block(10)

    def want(_):
        start.wait()
        return cache.get("a", make)

    cache = BlockCache(100)
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(want, range(8)))
    assert len(made) == 1
    assert all(each is got[0] for each in got)


def test_what_was_used_longest_ago_goes_first_and_the_limit_holds():
    cache, made = BlockCache(30), []

    def want(name, size=10):
        return cache.get(name, lambda: made.append(name) or block(size))

    for name in "abcadb":  # b goes when d comes
        want(name)
    assert "".join(made) == "abcdb"
    want("large", 1000)
    want("large", 1000)
    assert made.count("large") == 1


def test_a_block_that_could_not_be_read_is_tried_again():
    cache, tries = BlockCache(30), []

    def fails():
        tries.append(1)
        if len(tries) == 1:
            raise OSError("disk")
        return block(1)

    with pytest.raises(OSError, match="disk"):
        cache.get("a", fails)
    assert cache.get("a", fails).nbytes == 1


@pytest.mark.parametrize("side", [(256, 256), (1, 100_000), (5000, 5000), (1, 1), (512, 512)])
@pytest.mark.parametrize("frames", [1, 21, 228, 1000])
def test_the_corner_of_four_units_fits_into_the_cache(side, frames):
    rows, cols = unit_shape(side, 4, frames)
    assert min(rows, cols) >= 1
    assert 4 * rows * cols * 4 * frames <= cache_limit(frames)


@pytest.mark.parametrize("window", [Tile(0, 7, 0, 9), Tile(2, 3, 8, 9), Tile(1, 6, 3, 8)])
def test_units_put_together_are_the_window(window):
    numbers = np.arange(2 * 7 * 9).reshape(2, 7, 9)

    def get(part):
        return Stored(numbers[:, part.rows, part.cols], numbers[:, part.rows, part.cols] % 5 == 0)

    whole = assemble(window, (3, 4), (7, 9), get)
    assert_array_equal(whole.numbers, numbers[:, window.rows, window.cols])
    assert_array_equal(whole.missing, whole.numbers % 5 == 0)
    assert all(part.row1 <= 7 and part.col1 <= 9 for part in units(window, (3, 4), (7, 9)))


def test_neighbouring_tiles_decode_a_block_once(mini, whole, decoded):
    cube = open_layers(mini.region())
    expected = whole(cube)
    first = list(decoded)
    for tile in cube.grid.tiles(5):
        part = cube.read_tile(tile)
        assert_array_equal(part["ndvi"], expected["ndvi"][:, tile.rows, tile.cols])
        assert_array_equal(part["CLAY"], expected["CLAY"][tile.rows, tile.cols])
    assert decoded == first
    assert len(set(decoded)) == len(decoded)


def test_what_a_cube_forgets_is_read_again_with_the_same_values(mini, whole, decoded):
    cube = open_layers(mini.region())
    expected = whole(cube)
    first = list(decoded)
    cube.forget()
    xr.testing.assert_identical(whole(cube), expected)
    assert sorted(map(str, decoded)) == sorted(2 * list(map(str, first)))


def test_two_that_read_the_same_files_begin_at_opposite_ends():
    order = []

    def read_file(file, places, window):
        order.append(file)
        return np.zeros((len(places), *window.shape))

    at = {(year, None): ((year, None), 1) for year in range(1980, 1984)}
    for _ in range(2):
        read_by_file(at, list(at), Tile(0, 2, 0, 2), read_file)
    assert order[:4] == order[:3:-1]


def test_bands_of_one_file_may_be_packed_each_in_its_own_way(mini, write, whole):
    """Nodata, scale and offset by band: the common case takes all bands at once, this one band by band."""
    values = np.full((20, 30), 40, "int16")
    values[:8] = -1
    bands = {"count": 24, "dtype": "int16", "nodata": -1, "crs": "EPSG:4326", "driver": "GTiff"}
    transform = rasterio.Affine(0.02, 0, 119.9, 0, -0.02, 30.3)
    with rasterio.open(mini / "n.tif", "w", width=30, height=20, transform=transform, **bands) as file:
        for band in range(1, 25):
            file.write(values, band)
        file.scales = [0.01 if band % 2 else 0.005 for band in range(24)]
        file.offsets = [0.1] * 24
    mini.entries["ndvi"] = {
        "driver": "raster", "role": "ndvi", "uri": "n.tif", "unit": "1", "time": "monthly", "years": [1980, 1981],
    }  # fmt: skip
    ndvi = whole(open_layers(mini.region()))["ndvi"].to_numpy()
    known = ~np.isnan(ndvi[0])
    assert 0 < known.sum() < known.size
    assert set(np.unique(ndvi[0::2, known])) == {np.float32(0.3)}
    assert set(np.unique(ndvi[1::2, known])) == {np.float32(0.5)}
