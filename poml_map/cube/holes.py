"""Holes in the sources: mapped pixels at which a covariate has no value, as where a tile of a mosaic is missing."""

from __future__ import annotations

import logging
from collections import Counter

import numpy as np

from poml_map.cube.cube import Cube
from poml_map.cube.positions import Points, extent_text
from poml_map.errors import Problem
from poml_map.grid import Tile

log = logging.getLogger(__name__)

# Lakes and rocks leave small holes in every soil map. More of the area is a tile that was forgotten.
_MOST_MISSING = 0.05


class Holes:
    """Counts, tile by tile, the mapped pixels without a value of each covariate; of annual ones in the first year.

    Parameters
    ----------
    cube : Cube
    """

    def __init__(self, cube: Cube):
        self._cube, self._pixels = cube, 0
        self._missing: Counter = Counter()
        self._corners: dict[str, list[np.ndarray]] = {}

    def add(self, tile: Tile, mask: np.ndarray) -> None:
        """Look at one tile; `mask` tells which of its pixels are mapped.

        Raises
        ------
        InputError
            If a source cannot be read.
        """
        points = Points.of_tile(self._cube.grid, tile).chosen(mask.ravel())
        self._pixels += len(points)
        for column in self._cube.region.settings.covariates:
            layer = self._cube.layers[column]
            label = None if layer.time == "static" else self._cube.region.years[0]
            empty = np.isnan(layer.values(points, [label])[0])
            if empty.any():
                self._missing[column] += int(empty.sum())
                self._corners.setdefault(column, []).append(_corners(points.chosen(empty)))

    def problems(self) -> list[Problem]:
        """Columns that lack more pixels than `min_coverage:` allows; smaller holes are warned of."""
        found, allowed = [], self._cube.region.settings.min_coverage
        for column, count in self._missing.items():
            share = count / self._pixels
            lon, lat = np.concatenate(self._corners[column], axis=1)
            text = f"no value at {count} of {self._pixels} mapped pixels ({share:.1%}), within {extent_text(lon, lat)}"
            if share <= _MOST_MISSING or 1 - share >= allowed:
                log.warning("  warning: %s has %s: not mapped there", column, text)
                continue
            mend = (
                "Bring the tile that is missing, or another source; or write `min_coverage:` of the share that is "
                "there to map the rest."
            )
            source = self._cube.region.column_source(column)
            found.append(source.problem(text, f"a value at {allowed:.0%} of them", mend, f"column {column}"))
        return found


def _corners(points: Points) -> np.ndarray:
    """Longitudes and latitudes of the outermost points, shape (2, 2)."""
    lon, lat = points.coordinates("EPSG:4326")
    return np.array([[lon.min(), lon.max()], [lat.min(), lat.max()]])
