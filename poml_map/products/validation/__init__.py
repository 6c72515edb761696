"""The figures of an evaluation: each function draws plain arrays and writes PNG and SVG of the same drawing."""

from poml_map.products.validation.courses import draw_time
from poml_map.products.validation.histograms import draw_histograms
from poml_map.products.validation.scatter import draw_scatter

__all__ = ["draw_histograms", "draw_scatter", "draw_time"]
