"""The covariates of a tile as users give them, checked, in the form that the engine reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tile:
    """Covariates and usable pixels of a tile.

    Attributes
    ----------
    covariates : list of ndarray (years or 1, rows, cols) float32, C order
    usable : ndarray (years or 1, rows, cols) of bool
    shape : tuple of int
        Years, rows, columns of the maps.
    """

    covariates: list[np.ndarray]
    usable: np.ndarray
    shape: tuple[int, int, int]


def as_tile(features, usable, n_features: int) -> Tile:
    """Check the arrays of a tile against each other and the forest.

    Parameters
    ----------
    features : sequence of array_like, each (rows, cols) or (years, rows, cols)
        Used as float32; what float32 cannot hold becomes infinite.
    usable : array_like (rows, cols) or (years, rows, cols) of bool
    n_features : int
        Columns of the forest.

    Raises
    ------
    ValueError
        If the number of covariates or a shape does not fit.
    """
    usable = np.asarray(usable)
    if usable.dtype != bool or usable.ndim not in (2, 3):
        raise ValueError(
            f"usable is a {usable.ndim}-dimensional array of {usable.dtype}, expected bool (rows, cols) or "
            "(years, rows, cols). Mend: give the mask of the pixels to map."
        )
    if len(features) != n_features:
        raise ValueError(
            f"features has {len(features)} arrays, expected {n_features}, as when the forest was fitted. "
            "Mend: give the same covariates in the same order."
        )
    covariates = [_as_float32(values) for values in features]
    years = max([len(array) for array in (usable, *covariates) if array.ndim == 3], default=1)
    shape = (years, *usable.shape[-2:])
    for name, array in [("usable", usable), *((f"features[{i}]", v) for i, v in enumerate(covariates))]:
        if array.shape not in (shape, shape[1:]):
            raise ValueError(
                f"{name} has shape {array.shape}, expected {shape[1:]} or {shape}. "
                "Mend: give all arrays of one tile, and the same years."
            )
    return Tile(
        [_with_years(v) for v in covariates], _with_years(np.require(usable, requirements="CW")), shape
    )


def _as_float32(values) -> np.ndarray:
    # Writeable and in C order, so that one compiled version serves every array.
    with np.errstate(over="ignore"):
        return np.require(values, np.float32, "CW")


def _with_years(values) -> np.ndarray:
    return values if values.ndim == 3 else values[np.newaxis]
