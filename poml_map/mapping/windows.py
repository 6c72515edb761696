"""A forest over a region window by window, with a count of what was missing."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from poml_map.grid import Grid, Tile
from poml_map.mapping.forests import ForestMapper
from poml_map.mapping.threads import in_threads

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Windows:
    """How the windows of a region are mapped.

    Attributes
    ----------
    predict : callable
        From `poml_map.mapping.forest_mapper`.
    columns : list of str
        Covariates in its order.
    nodata : list of float or None
        Value of each covariate that stands for a gap, beside NaN and infinity.
    maps : list of str
        Names of the maps that `predict` makes.
    size : int
        Pixels along one side of a window.
    """

    predict: ForestMapper
    columns: list[str]
    nodata: list[float | None]
    maps: list[str]
    size: int

    def fill(
        self, read: Callable[[Tile], list[np.ndarray]], shape: tuple[int, ...], workers: int | None
    ) -> tuple[np.ndarray, int]:
        """Maps of a region.

        Parameters
        ----------
        read : callable
            Gives the covariates and the mask of a window, each (rows, cols) or (years, rows, cols).
        shape : tuple of int
            (years, y, x), or (y, x) where nothing has years.
        workers : int or None
            Threads, see `poml_map.mapping.threads.in_threads`.

        Returns
        -------
        maps : ndarray of float32, shape (maps, *shape)
            NaN outside the mask and where a covariate is missing.
        gaps : int
            Pixels of the mask, counted in each year, where a covariate is missing; the log says which.
        """
        maps = np.empty((len(self.maps), *shape), np.float32)

        def fill_one(tile: Tile) -> tuple[int, Counter]:
            *covariates, usable = read(tile)
            covariates = [as_numbers(*pair) for pair in zip(covariates, self.nodata, strict=True)]
            found = self.predict(covariates, usable)
            for number, name in enumerate(self.maps):
                # In a shape without years, the one that every map has falls away.
                maps[number, ..., tile.rows, tile.cols] = found[name] if len(shape) == 3 else found[name][0]
            return found.gaps, self._missing(covariates, usable) if found.gaps else Counter()

        whole = Grid("", (1, 0, 0, 0, -1, 0), shape[-1], shape[-2])
        done = in_threads(fill_one, whole.tiles(self.size), workers)
        gaps = sum(count for count, _ in done)
        if gaps:
            missing = sum((each for _, each in done), Counter())
            columns = ", ".join(
                f"{name} ({missing[name]:,} values)" for name in self.columns if missing[name]
            )
            log.info(
                "no number at %s of %s pixels: without data are %s", f"{gaps:,}", f"{maps[0].size:,}", columns
            )
        return maps, gaps

    def _missing(self, covariates: list[np.ndarray], usable: np.ndarray) -> Counter:
        """Values that are missing inside the mask, by column."""
        pairs = zip(self.columns, covariates, strict=True)
        return Counter({name: int((~np.isfinite(values) & usable).sum()) for name, values in pairs})


def as_numbers(values: np.ndarray, nodata: float | None) -> np.ndarray:
    """Values as float32 with NaN where there is no data.

    Examples
    --------
    >>> as_numbers(np.array([7, -9999], "int16"), nodata=-9999)
    array([ 7., nan], dtype=float32)
    """
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    if nodata is None or np.isnan(nodata):
        return numbers
    # As the values themselves are rounded: -3.4e38 of a header is no float32.
    same = values == (values.dtype.type(nodata) if values.dtype.kind == "f" else float(nodata))
    numbers[same] = np.nan
    return numbers
