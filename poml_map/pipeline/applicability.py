"""Maps of the dissimilarity index: where, and when, the forest has training rows that are anything like a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poml_map.cube import Cube
from poml_map.grid import Tile
from poml_map.hybrid import TrainingRows
from poml_map.hybrid.space import TrainingSpace
from poml_map.mapping import TILE_SIZE
from poml_map.mapping.pixels import mapped_pixels
from poml_map.mapping.threads import in_threads
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
    def of(cls, rows: TrainingRows, importance: np.ndarray, fold_of_site: dict) -> Spaces:
        """The spaces of training rows.

        Parameters
        ----------
        rows : TrainingRows
        importance : ndarray (features,)
            Of the forest, the same for both.
        fold_of_site : dict of site -> int
        """
        fold = np.array([fold_of_site[site] for site in rows.site.tolist()])
        seen = ~rows.is_simulated
        every = TrainingSpace.of(rows.X, importance, fold)
        return cls(every, TrainingSpace.of(rows.X[seen], importance, fold[seen]))

    def maps(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """Index and area of applicability of rows (n, features), by the names of `poml_map.schema.INDEX_MAPS`."""
        every, observed = self.every.di(X), self.observed.di(X)
        area = np.where(
            observed <= self.observed.threshold, 2.0, np.where(every <= self.every.threshold, 1.0, 0.0)
        )
        area[np.isnan(every)] = np.nan
        return {"DI_ALL": every, "DI_OBSERVED": observed, "AOA": area}


def write_applicability(
    cube: Cube, spaces: Spaces, covariates: list[str], folder: Path, years: list[int], about: dict
) -> list[dict]:
    """Map both indices and the area of applicability for some years.

    Parameters
    ----------
    cube : Cube
    spaces : Spaces
    covariates : list of str
        Columns of the cube, in the order of the training rows.
    folder : Path
        Must exist; gets ``DI_ALL_YYYY.tif``, ``DI_OBSERVED_YYYY.tif`` and ``AOA_YYYY.tif``.
    years : list of int
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
    maps = _mapped(cube, spaces, covariates, years)
    tags = {
        **about["tags"],
        "THRESHOLD_DI_ALL": f"{spaces.every.threshold:.6g}",
        "THRESHOLD_DI_OBSERVED": f"{spaces.observed.threshold:.6g}",
    }
    for name, values in maps.items():
        write_years(folder, values, years, cube.grid, model=name, **{**about, "tags": tags})
    return [
        _row(year, {name: values[at] for name, values in maps.items()}, spaces)
        for at, year in enumerate(years)
    ]


def _row(year: int, maps: dict[str, np.ndarray], spaces: Spaces) -> dict:
    every, observed, _ = (values[~np.isnan(values)] for values in maps.values())
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


def _mapped(cube: Cube, spaces: Spaces, covariates: list[str], years: list[int]) -> dict[str, np.ndarray]:
    """Maps (years, y, x) by name, NaN outside the area."""
    maps = {name: np.full((len(years), *cube.grid.shape), np.nan, np.float32) for name in INDEX_MAPS}

    def task(tile: Tile) -> None:
        data = mapped_pixels(cube.read_tile(tile, mapped_only=True))
        mask = data["mask"].to_numpy().astype(bool)
        if not mask.any():
            return
        row, col = np.nonzero(mask)
        for at, year in enumerate(years):
            X = np.stack([_of_year(data[name], year) for name in covariates], axis=-1)
            for name, values in spaces.maps(X).items():
                maps[name][at, tile.row0 + row, tile.col0 + col] = values

    in_threads(task, cube.grid.tiles(TILE_SIZE))
    return maps


def _of_year(column, year: int) -> np.ndarray:
    return (column.sel(year=year) if "year" in column.dims else column).to_numpy()
