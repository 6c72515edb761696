"""What users take away: annual GeoTIFFs, the animation, pictures."""

from poml_map.products.animation import animate, write_gif
from poml_map.products.calibration_figure import draw_calibration
from poml_map.products.fao import write_fao
from poml_map.products.geotiff import NODATA, read_map, write_map, write_years
from poml_map.products.made import MadeMap, made_maps
from poml_map.products.pictures import draw_comparison, draw_map
from poml_map.products.place import row_areas, row_weights, weighted_mean
from poml_map.products.smallmap import PanelRow, SmallMap, panel_row, small_map
from poml_map.products.stac import write_stac
from poml_map.products.words import map_name

__all__ = [
    "NODATA",
    "MadeMap",
    "PanelRow",
    "SmallMap",
    "animate",
    "draw_calibration",
    "draw_comparison",
    "draw_map",
    "made_maps",
    "map_name",
    "panel_row",
    "read_map",
    "row_areas",
    "row_weights",
    "small_map",
    "weighted_mean",
    "write_fao",
    "write_gif",
    "write_map",
    "write_stac",
    "write_years",
]
