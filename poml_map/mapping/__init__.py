"""The models over the cube: RothC and the forest for every pixel and year, tile by tile."""

from poml_map.mapping.annual import map_years
from poml_map.mapping.any_forest import map_forest
from poml_map.mapping.engine import TILE_SIZE, MapSummary, map_region
from poml_map.mapping.forests import FOREST_ENGINES, change_mapper, forest_mapper
from poml_map.mapping.intervals import P_VALUE, MapChange, MapIntervals
from poml_map.mapping.journal import TileJournal
from poml_map.mapping.pixels import mapped_pixels
from poml_map.mapping.store import create_store, frame_digest, open_store, read_flat, read_years, write_tile
from poml_map.mapping.tasks import Executor, MapTask, ThreadExecutor, TileDone
from poml_map.mapping.threads import in_threads, threads_to_start
from poml_map.mapping.tile_memory import tile_bytes
from poml_map.mapping.tiles import TileModel

__all__ = [
    "FOREST_ENGINES",
    "P_VALUE",
    "TILE_SIZE",
    "Executor",
    "MapChange",
    "MapIntervals",
    "MapSummary",
    "MapTask",
    "ThreadExecutor",
    "TileDone",
    "TileJournal",
    "TileModel",
    "change_mapper",
    "create_store",
    "forest_mapper",
    "frame_digest",
    "in_threads",
    "map_forest",
    "map_region",
    "map_years",
    "mapped_pixels",
    "open_store",
    "read_flat",
    "read_years",
    "threads_to_start",
    "tile_bytes",
    "write_tile",
]
