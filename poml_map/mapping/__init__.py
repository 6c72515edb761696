"""The models over the cube: RothC and the forest for every pixel and year, tile by tile."""

from poml_map.mapping.any_forest import map_forest
from poml_map.mapping.engine import TILE_SIZE, MapSummary, map_region, map_years
from poml_map.mapping.forests import FOREST_ENGINES, forest_mapper
from poml_map.mapping.intervals import MapIntervals
from poml_map.mapping.store import create_store, open_store, read_years
from poml_map.mapping.tiles import TileModel

__all__ = [
    "FOREST_ENGINES",
    "TILE_SIZE",
    "MapIntervals",
    "MapSummary",
    "TileModel",
    "create_store",
    "forest_mapper",
    "map_forest",
    "map_region",
    "map_years",
    "open_store",
    "read_years",
]
