"""A tile as a list of its mapped pixels: what lies outside the mask is neither read nor carried along."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

#: Dimension of the mapped pixels of a tile, row by row.
PIXEL = "pixel"


def mapped_pixels(tile: xr.Dataset) -> xr.Dataset:
    """A tile over ``pixel`` instead of (y, x).

    Parameters
    ----------
    tile : xarray.Dataset
        In memory, ``mask`` over (y, x), the rest over (..., y, x) or already over (..., pixel).

    Returns
    -------
    xarray.Dataset
        The mask as it was, every other variable over (..., pixel): the pixels of the mask, row by row. The tile itself
        if it has that form, as `poml_map.cube.Cube.read_tile` gives it with `mapped_only`.

    Examples
    --------
    >>> tile = xr.Dataset({"mask": (("y", "x"), [[True, False]]), "CLAY": (("y", "x"), [[20.0, 30.0]])})
    >>> mapped_pixels(tile)["CLAY"].to_numpy()
    array([20.])
    """
    mask = tile["mask"].to_numpy().astype(bool)
    spread = [name for name in tile.data_vars if name != "mask" and PIXEL not in tile[name].dims]
    data = {
        name: ((*tile[name].dims[:-2], PIXEL), np.asarray(tile[name])[..., mask], tile[name].attrs)
        for name in spread
    }
    return tile.assign(data) if data else tile


@dataclass(frozen=True)
class Pixels:
    """Values of the complete pixels of a tile, time first, pixels last.

    Attributes
    ----------
    tile : xarray.Dataset
        From `mapped_pixels`.
    complete : ndarray of bool, shape (pixels,)
        Which of its pixels have all they need.
    years : range
        Mapped years.
    """

    tile: xr.Dataset
    complete: np.ndarray
    years: range

    def of(self, name: str) -> np.ndarray:
        """Values (..., n) of a variable."""
        values = self.tile[name].to_numpy()
        return values if self.complete.all() else values[..., self.complete]

    def annual(self, name: str) -> np.ndarray:
        """Values (years, n) of an annual or static variable."""
        values = self.of(name)
        return values if values.ndim == 2 else np.broadcast_to(values, (len(self.years), len(values)))
