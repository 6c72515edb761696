"""The list of finished tiles is believed only as far as the store is as it says."""

import json

import numpy as np
import pytest

from poml_map.grid import Grid, Tile
from poml_map.mapping import TileJournal, create_store, frame_digest, read_years
from poml_map.mapping.balance import Balance
from poml_map.mapping.store import chunk_digests, write_tile
from poml_map.mapping.tasks import TileDone

GRID = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 7, 5)
LAYERS = ("POML", "CHANGE_POML_q05")
TILES = list(GRID.tiles(4))


def _values(tile: Tile, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    years = rng.random((3, *tile.shape), dtype=np.float32)
    return {"POML": years, "CHANGE_POML_q05": years[0]}


@pytest.fixture
def store(tmp_path):
    """A store with all tiles but the last, which has no value, and the list of them."""
    path = tmp_path / "maps.zarr"
    create_store(path, GRID, range(1980, 1983), LAYERS[:1], 4, {}, LAYERS[1:])
    journal = TileJournal.open(tmp_path / "tiles.jsonl", path, LAYERS)
    for number, tile in enumerate(TILES):
        values = _values(tile, number)
        if tile == TILES[-1]:
            values = {name: np.full_like(each, np.nan) for name, each in values.items()}
        write_tile(path, tile, values)
        digests = chunk_digests(path, tile, LAYERS)
        journal.add(TileDone(tile, {"mapped": number}, Balance(1, 0.1 * number, 1 / 3), digests))
    return path


def _open(store) -> TileJournal:
    return TileJournal.open(store.parent / "tiles.jsonl", store, LAYERS)


def test_all_that_was_noted_comes_back_to_the_last_bit(store):
    found = _open(store).found
    assert list(found) == TILES
    assert [each.counts["mapped"] for each in found.values()] == list(range(len(TILES)))
    assert found[TILES[1]].balance == Balance(1, 0.1, 1 / 3)


def test_a_tile_without_a_value_has_no_file_and_is_finished_all_the_same(store):
    found = _open(store).found[TILES[-1]]
    assert set(found.chunks.values()) == {None}
    assert np.isnan(read_years(store, "POML", slice(0, 3))[:, TILES[-1].rows, TILES[-1].cols]).all()


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_chunk_is_a_tile_to_be_mapped_again(store, layer, damage, caplog):
    chunk = next(path for path in sorted((store / layer).iterdir()) if path.name[0] != ".")
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "gone":
        chunk.unlink()
    else:
        chunk.write_bytes(content[: None if damage == "flip" else 10])
    assert TileJournal.damaged(store.parent / "tiles.jsonl", store, LAYERS) == 1
    assert len(_open(store).found) == len(TILES) - 1
    assert f"1 of {len(TILES)} finished tiles are damaged" in caplog.text
    # Told once: the line is gone.
    assert len(_open(store).found) == len(TILES) - 1
    assert TileJournal.damaged(store.parent / "tiles.jsonl", store, LAYERS) == 0


def test_half_a_line_and_half_a_chunk_of_a_killed_run_are_nothing(store):
    journal = store.parent / "tiles.jsonl"
    whole = journal.read_text()
    journal.write_text(whole[:-30])
    (store / "POML" / "0.1.c0ffee.partial").write_bytes(b"half")
    frame = frame_digest(store, LAYERS)
    again = _open(store)
    assert list(again.found) == TILES[:-1]
    assert not list(store.rglob("*.partial"))
    assert frame_digest(store, LAYERS) == frame
    done = TileDone(TILES[-1], {}, Balance(), dict.fromkeys(LAYERS))
    again.add(done)
    assert list(_open(store).found) == TILES


def test_tiles_of_other_layers_are_not_believed(store):
    assert not TileJournal.open(store.parent / "tiles.jsonl", store, LAYERS[:1]).found


def test_the_frame_of_a_store_is_all_but_its_chunks(store):
    frame = frame_digest(store, LAYERS)
    write_tile(store, TILES[0], _values(TILES[0], 99))
    assert frame_digest(store, LAYERS) == frame
    (store / "POML" / ".zattrs").write_text("{}")
    assert frame_digest(store, LAYERS) != frame


@pytest.mark.parametrize(
    "change",
    [
        {"tile": ["0", 4, 0, 4]},
        {"tile": [-4, 0, 0, 4]},
        {"tile": [0, 4]},
        {"counts": {"mapped": "many"}},
        {"counts": ["mapped"]},
        {"counts": None},
        {"balance": {"pixels": "1"}},
        {"balance": {"added": None}},
        {"balance": {"weight": 1}},
        {"chunks": ["POML"]},
        {"chunks": {"POML": 1, "../POML": None}},
    ],
    ids=str,
)
def test_a_line_that_no_run_wrote_is_a_tile_to_be_mapped_again(store, change):
    journal = store.parent / "tiles.jsonl"
    first, *rest = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join([json.dumps(json.loads(first) | change) + "\n", "[]\n", "7\n", *rest]))
    assert list(_open(store).found) == TILES[1:]
