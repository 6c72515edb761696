"""Small pictures of the maps of many runs, on one colour scale."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import rasterio
from PIL import Image
from rasterio.enums import Resampling
from rasterio.errors import RasterioError

from poml_map.grid import Grid
from poml_map.products.palette import STOCK
from poml_map.products.place import nice_limits, pixel_aspect

# Pixels of the longer side.
_SIZE = 96


def read_small(path: Path) -> np.ndarray | None:
    """A map reduced to a few pixels, which are as wide as high on the ground.

    Returns
    -------
    ndarray of float32, shape (y, x), or None
        NaN where there is no data; None if the file cannot be read.
    """
    try:
        with rasterio.open(path) as file:
            grid = Grid(str(file.crs), tuple(file.transform)[:6], file.width, file.height)
            high = file.height * pixel_aspect(grid)
            scale = _SIZE / max(high, file.width)
            shape = (max(round(high * scale), 1), max(round(file.width * scale), 1))
            smooth = Resampling.average if scale < 1 else Resampling.nearest
            return file.read(1, out_shape=shape, masked=True, resampling=smooth).filled(np.nan)
    except (RasterioError, ValueError):
        return None


def limits_of(maps: Mapping[str, np.ndarray]) -> tuple[float, float]:
    """One scale for all of them."""
    return nice_limits(np.concatenate([values.ravel() for values in maps.values()]))


def draw_small(values: np.ndarray, limits: tuple[float, float]) -> str:
    """A map in the colours of stocks as the ``data:`` address of a PNG; transparent where there is no value.

    Parameters
    ----------
    values : ndarray of float, shape (y, x)
    limits : (float, float)
        Of the scale.
    """
    low, high = limits
    shades = STOCK(np.clip((values - low) / (high - low), 0, 1), bytes=True)
    shades[..., 3] = np.where(np.isfinite(values), 255, 0)
    file = io.BytesIO()
    Image.fromarray(shades).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def color_stops() -> list[str]:
    """A dozen colours of the scale from low to high, for a legend."""
    places = np.linspace(0, STOCK.N - 1, 12).round().astype(int)
    return ["#{:02x}{:02x}{:02x}".format(*STOCK(place, bytes=True)[:3]) for place in places]
