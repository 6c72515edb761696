"""Which tiles of longitude and latitude lie under a region, and the raster around the globe that they belong to."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pyproj

from poml_map.catalog_fetch import TileGrid
from poml_map.fetch.failures import RefusedError
from poml_map.fetch.tiff import Header

#: Tiles are of longitude and latitude.
LONLAT = "EPSG:4326"


@dataclass(frozen=True)
class Named:
    """A tile by its name.

    Attributes
    ----------
    name : str
    bounds : tuple of 4 float
        West, south, east, north. [degrees]
    """

    name: str
    bounds: tuple[float, float, float, float]


def tiles_under(grid: TileGrid, bounds: tuple[float, float, float, float], margin: float) -> list[Named]:
    """Tiles that touch a box.

    Parameters
    ----------
    grid : TileGrid
    bounds : tuple of 4 float
        West, south, east, north; east may be beyond 180, west below -180. [degrees]
    margin : float
        Around the box. [degrees]

    Examples
    --------
    >>> grid = TileGrid(degrees=1, name="{NS}{lat:02}{EW}{lon:03}")
    >>> [tile.name for tile in tiles_under(grid, (179.2, 0.2, 180.4, 0.8), 0.1)]
    ['N00E179', 'N00W180']
    """
    side, found = grid.degrees, {}
    west, south, east, north = bounds
    rows = range(math.floor(max(south - margin, -90) / side), math.ceil(min(north + margin, 90) / side))
    for row in rows:
        for col in range(math.floor((west - margin) / side), math.ceil((east + margin) / side)):
            lon = (col * side + 180) % 360 - 180
            name = grid.called(lon + side / 2, (row + 0.5) * side)
            found.setdefault(name, Named(name, (col * side, row * side, (col + 1) * side, (row + 1) * side)))
    return list(found.values())


def around_globe(first: Header, address: str) -> Header:
    """The raster around the globe that a tile is a part of: the same cells, counted from the west and north.

    Raises
    ------
    RefusedError
        If the tile is not of longitude and latitude, or turned.
    """
    a, b, c, d, e, f = first.transform
    if not first.crs or not pyproj.CRS.from_wkt(first.crs).is_geographic or b or d or a <= 0 or e >= 0:
        found = "tiles in another CRS than longitude and latitude" if first.crs else "tiles without a CRS"
        raise RefusedError(found, "north-up tiles of longitude and latitude", "Join them by hand.", address)
    west, north = round((c + 180) / a), round((f - 90) / e)
    transform = (a, 0.0, c - west * a, 0.0, e, f - north * e)
    return replace(first, transform=transform, width=round(360 / a), height=round(180 / -e) + 1)
