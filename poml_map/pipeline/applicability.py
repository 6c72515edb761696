"""Maps of the dissimilarity index: where, and when, the forest has training rows that are anything like a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poml_map.cube import Cube
from poml_map.grid import Tile
from poml_map.hybrid import TrainingRows
from poml_map.hybrid.space import TrainingSpace
from poml_map.mapping import TILE_SIZE, create_store, in_threads, mapped_pixels, read_years, write_tile
from poml_map.pipeline.maps import years_at_once
from poml_map.pipeline.progress import Progress
from poml_map.products import write_years
from poml_map.schema import INDEX_MAPS


@dataclass(frozen=True)
class Spaces:
    """What a forest learned from: all training rows, and the observed ones among them.

    Attributes
    ----------
    every, observed : TrainingSpace
    """

    every: TrainingSpace
    observed: TrainingSpace

    @classmethod
    def of(
        cls, rows: TrainingRows, observed: TrainingRows, importance: np.ndarray, fold_of_site: dict
    ) -> Spaces:
        """The spaces of training rows.

        Parameters
        ----------
        rows, observed : TrainingRows
            All that the forest learned from, and the observed ones, which with ``w_p = 1`` are not among them.
        importance : ndarray (features,)
            Of the forest, the same for both.
        fold_of_site : dict of site -> int
        """
        return cls(*(_space(each, importance, fold_of_site) for each in (rows, observed)))

    def maps(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """Index and area of applicability of rows (n, features), by the names of `poml_map.schema.INDEX_MAPS`."""
        every, observed = self.every.di(X), self.observed.di(X)
        area = np.where(
            observed <= self.observed.threshold, 2.0, np.where(every <= self.every.threshold, 1.0, 0.0)
        )
        area[np.isnan(every)] = np.nan
        return {"DI_ALL": every, "DI_OBSERVED": observed, "AOA": area}


def _space(rows: TrainingRows, importance: np.ndarray, fold_of_site: dict) -> TrainingSpace:
    return TrainingSpace.of(rows.X, importance, np.array([fold_of_site[site] for site in rows.site.tolist()]))


def write_applicability(cube: Cube, spaces: Spaces, folder: Path, scratch: Path, about: dict) -> list[dict]:
    """Map both indices and the area of applicability for every year of the region.

    Parameters
    ----------
    cube : Cube
    spaces : Spaces
        Of rows whose columns are the covariates of the region, in their order.
    folder : Path
        Must exist; gets ``DI_ALL_YYYY.tif``, ``DI_OBSERVED_YYYY.tif`` and ``AOA_YYYY.tif``.
    scratch : Path
        Must exist; holds all maps while they are made, so that memory does not.
    about : dict
        ``unit``, ``depth_cm`` and ``tags`` of the GeoTIFFs, as `poml_map.products.write_years` takes them.

    Returns
    -------
    list of dict
        By year: ``year``, ``pixels`` and the shares of them ``inside_all`` and ``inside_observed``, the medians
        ``di_all`` and ``di_observed``, ``threshold_all`` and ``threshold_observed``. [1]

    Raises
    ------
    ResourceError
        If a file cannot be written.
    """
    store, years = scratch / "applicability.zarr", cube.region.years
    create_store(store, cube.grid, years, INDEX_MAPS, TILE_SIZE, {})
    _fill(store, cube, spaces)
    tags = {
        **about["tags"],
        "THRESHOLD_DI_ALL": f"{spaces.every.threshold:.6g}",
        "THRESHOLD_DI_OBSERVED": f"{spaces.observed.threshold:.6g}",
    }
    rows = []
    for part in years_at_once(cube.grid, years):
        at = slice(part[0] - years[0], part[-1] + 1 - years[0])
        maps = {name: read_years(store, name, at) for name in INDEX_MAPS}
        for name, values in maps.items():
            write_years(folder, values, part, cube.grid, model=name, **{**about, "tags": tags})
        rows += [
            _row(year, maps["DI_ALL"][place], maps["DI_OBSERVED"][place], spaces)
            for place, year in enumerate(part)
        ]
    return rows


def _row(year: int, every: np.ndarray, observed: np.ndarray, spaces: Spaces) -> dict:
    every, observed = (values[~np.isnan(values)] for values in (every, observed))
    return {
        "year": year,
        "pixels": len(every),
        "inside_all": float(np.mean(every <= spaces.every.threshold)),
        "inside_observed": float(np.mean(observed <= spaces.observed.threshold)),
        "di_all": float(np.median(every)),
        "di_observed": float(np.median(observed)),
        "threshold_all": spaces.every.threshold,
        "threshold_observed": spaces.observed.threshold,
    }


def _fill(store: Path, cube: Cube, spaces: Spaces) -> None:
    """Put the maps of every tile and year into the store."""
    covariates, years = cube.region.settings.covariates, list(cube.region.years)
    tiles = list(cube.grid.tiles(TILE_SIZE))
    progress, finished = Progress("applicability"), []

    def task(tile: Tile) -> None:
        data = mapped_pixels(cube.read_tile(tile, mapped_only=True))
        mask = data["mask"].to_numpy().astype(bool)
        if mask.any():
            maps = {name: np.full((len(years), *mask.shape), np.nan, np.float32) for name in INDEX_MAPS}
            for at, year in enumerate(years):
                X = np.stack([_of_year(data[name], year) for name in covariates], axis=-1)
                for name, values in spaces.maps(X).items():
                    maps[name][at, mask] = values
            write_tile(store, tile, maps)
        finished.append(tile)
        progress(len(finished), len(tiles))

    in_threads(task, tiles)


def _of_year(column, year: int) -> np.ndarray:
    return (column.sel(year=year) if "year" in column.dims else column).to_numpy()
