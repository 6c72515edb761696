"""The figures of an evaluation: each function draws plain arrays and writes PNG and SVG of the same drawing."""

from poml_map.products.validation.applicability import draw_applicability
from poml_map.products.validation.bars import draw_differences, draw_importance
from poml_map.products.validation.courses import draw_time
from poml_map.products.validation.foldings import draw_distances, draw_folding_scores
from poml_map.products.validation.gain import draw_gain
from poml_map.products.validation.histograms import draw_histograms
from poml_map.products.validation.intervals import draw_intervals
from poml_map.products.validation.looks import LOOKS, model_look, model_name
from poml_map.products.validation.mapseries import draw_map_series
from poml_map.products.validation.scatter import draw_scatter
from poml_map.products.validation.truth import draw_truth
from poml_map.products.validation.weights import draw_weights
from poml_map.products.validation.zones import draw_drivers, draw_zone_trends

__all__ = [
    "LOOKS",
    "draw_applicability",
    "draw_differences",
    "draw_distances",
    "draw_drivers",
    "draw_folding_scores",
    "draw_gain",
    "draw_histograms",
    "draw_importance",
    "draw_intervals",
    "draw_map_series",
    "draw_scatter",
    "draw_time",
    "draw_truth",
    "draw_weights",
    "draw_zone_trends",
    "model_look",
    "model_name",
]
