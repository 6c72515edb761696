"""What users take away: annual GeoTIFFs, the animation, pictures."""

from poml_map.products.animation import animate, write_gif
from poml_map.products.calibration_figure import draw_calibration
from poml_map.products.fao import cells_under, write_fao
from poml_map.products.foreign import refuse_foreign
from poml_map.products.geotiff import NODATA, read_map, write_map, write_years
from poml_map.products.made import MadeMap, made_maps
from poml_map.products.pictures import draw_comparison, draw_map
from poml_map.products.place import nice_limits, row_areas, row_weights, weighted_mean
from poml_map.products.sheet import can_be_drawn, unit_text
from poml_map.products.site_figure import draw_site
from poml_map.products.smallmap import PanelRow, SmallMap, panel_row, small_map
from poml_map.products.stac import write_stac
from poml_map.products.words import map_name

__all__ = [
    "NODATA",
    "MadeMap",
    "PanelRow",
    "SmallMap",
    "animate",
    "can_be_drawn",
    "cells_under",
    "draw_calibration",
    "draw_comparison",
    "draw_map",
    "draw_site",
    "made_maps",
    "map_name",
    "nice_limits",
    "panel_row",
    "read_map",
    "refuse_foreign",
    "row_areas",
    "row_weights",
    "small_map",
    "unit_text",
    "weighted_mean",
    "write_fao",
    "write_gif",
    "write_map",
    "write_stac",
    "write_years",
]
