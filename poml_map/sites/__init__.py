"""Soil samples: read, checked, brought to the grid, turned into stocks (Eq. 1).

Nothing is dropped in silence: every row that is not used is listed with its reason.
"""

from poml_map.sites.read import read_samples
from poml_map.sites.samples import Samples
from poml_map.sites.stock import with_stock

__all__ = ["Samples", "read_samples", "with_stock"]
