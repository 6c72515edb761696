"""The order of tiles in threads, and how an error ends them."""

import threading
import time

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_array_equal

from poml_map.grid import Grid
from poml_map.mapping import create_store, open_store, read_years
from poml_map.mapping.engine import _by_neighbourhood
from poml_map.mapping.store import write_tile
from poml_map.mapping.threads import in_threads

GRID = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 23, 17)


def test_tiles_are_begun_in_neighbourhoods_and_none_is_left_out():
    """A wide region that is read row by row would decode every block once for each row of tiles."""
    tiles = list(GRID.tiles(2))
    ordered = _by_neighbourhood(tiles, 2)
    assert sorted(ordered, key=tiles.index) == tiles
    assert {tile.row0 for tile in ordered[:16]} == {tile.col0 for tile in ordered[:16]} == {0, 2, 4, 6}
    begun = []
    in_threads(begun.append, ordered, 1)
    assert begun == ordered


def test_results_have_the_order_of_the_tiles_whichever_is_ready_first():
    assert in_threads(lambda n: time.sleep(0.02 * (n == 0)) or n, [0, 1, 2, 3], 4) == [0, 1, 2, 3]


def test_the_first_error_stops_all_that_has_not_begun():
    begun, gate = [], threading.Event()

    def task(number):
        begun.append(number)
        if number == 1:
            gate.set()
            raise OSError("disk")
        gate.wait(5)
        time.sleep(0.02)

    with pytest.raises(OSError, match="disk"):
        in_threads(task, list(range(100)), 2)
    assert len(begun) < 20


def test_years_read_from_the_store_are_those_of_its_dataset(tmp_path):
    years, rng = range(1980, 1986), np.random.default_rng(0)
    for size in (8, 5):  # a second store at the same place has chunks of its own
        create_store(tmp_path / "maps.zarr", GRID, years, ["POML", "PO"], size, {})
        for tile in GRID.tiles(size):
            maps = {name: rng.normal(size=(6, *tile.shape)).astype("float32") for name in ("POML", "PO")}
            write_tile(tmp_path / "maps.zarr", tile, maps)
        with open_store(tmp_path / "maps.zarr") as store:
            assert isinstance(store, xr.Dataset)
            for name in ("POML", "PO"):
                part = read_years(tmp_path / "maps.zarr", name, slice(2, 5))
                assert part.dtype == np.float32
                assert_array_equal(part, store[name].sel(year=slice(1982, 1984)))
                assert np.isfinite(part).all()
