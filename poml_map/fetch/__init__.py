"""Bringing the region's part of published sources from their servers: the only part of the program with a network.

`Bringer` makes one file in the cache, `run_jobs` many, each into its place. Which window of a raster a region needs is
told by a `Place`, made by the pipeline from the cube's own geometry.
"""

from __future__ import annotations

from poml_map.fetch.address import check_address
from poml_map.fetch.cache import Cache, cache_folder
from poml_map.fetch.client import Client
from poml_map.fetch.estimate import estimate
from poml_map.fetch.failures import FetchError
from poml_map.fetch.job import Job
from poml_map.fetch.patience import Patience
from poml_map.fetch.place import Window
from poml_map.fetch.progress import Meter
from poml_map.fetch.run import Outcome, outcome_lines, raise_failures, run_jobs

__all__ = [
    "Cache",
    "Client",
    "FetchError",
    "Job",
    "Meter",
    "Outcome",
    "Patience",
    "Window",
    "cache_folder",
    "check_address",
    "estimate",
    "outcome_lines",
    "raise_failures",
    "run_jobs",
]
