"""The region's grid, and which of its pixels are mapped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyproj
from rasterio.errors import RasterioError

from poml_map.catalog import Source, path_problem
from poml_map.config import Region
from poml_map.crs import known_crs
from poml_map.cube.frames import damaged
from poml_map.cube.positions import Points, transformer
from poml_map.cube.timeplan import wanted_years
from poml_map.cube.zones import Zones, open_zones
from poml_map.errors import InputError
from poml_map.grid import Grid
from poml_map.limits import MOST_SIDE
from poml_map.rasterfile import check_raster, open_raster

# Points along each edge of the area, so that a bent edge is not cut.
_EDGE_POINTS = 101
# A grid beyond this is a slip in `resolution:` (degrees written for metres), not a region.
_MOST_PIXELS = 10**10
_LATTICE = 64


@dataclass(frozen=True)
class Area:
    """What is inside: a box in its own CRS, or polygons.

    Attributes
    ----------
    crs : str
    bounds : tuple of 4 float
        In `crs`.
    zones : Zones, optional
        Selected polygons.
    """

    crs: str
    bounds: tuple[float, float, float, float]
    zones: Zones | None = None

    def contains(self, points: Points) -> np.ndarray:
        """Whether each pixel centre is inside, shape (n,)."""
        x, y = points.coordinates(self.crs)
        if self.zones is not None:
            return self.zones.codes(points) >= 0
        xmin, ymin, xmax, ymax = self.bounds
        return (x >= xmin) & (x <= xmax) & (y >= ymin) & (y <= ymax)


def open_area(region: Region) -> Area:
    """The area of the region file; reads polygons, no raster.

    Raises
    ------
    InputError
        If the CRS or the polygons cannot be read, or `where` selects none.
    """
    area = region.settings.area
    if area.polygons is None:
        return Area(_checked_crs(region, ("area", "crs"), area.crs), tuple(area.bounds))
    zones = open_zones(region.sources[area.polygons], where=area.where, region=region)
    return Area(zones.crs, zones.bounds, zones)


def region_grid(region: Region, area: Area | None = None) -> Grid:
    """The grid of the region file.

    Parameters
    ----------
    region : Region
    area : Area, optional
        If it is at hand already.

    Returns
    -------
    Grid
        Covers the area, its edges bent where the CRS bends them; snapped outwards to multiples of the
        resolution, or to the pixels of ``like``.
    """
    area = area or open_area(region)
    settings = region.settings.grid
    if settings.like is not None:
        source = region.sources[settings.like]
        years = wanted_years(source, region) or source.entry.years
        return _grid_like(source, source.files(years)[0], area)
    crs = _checked_crs(region, ("grid", "crs"), settings.crs)
    bounds = _bounds_in(crs, area)
    if bounds is None:
        found = f"the area {area.bounds}, which {crs} cannot show"
        raise InputError(region.document.problem(("grid", "crs"), found, "a CRS made for the area"))
    width, height = bounds[2] - bounds[0], bounds[3] - bounds[1]
    if _is_too_large(width / settings.resolution, height / settings.resolution):
        found = f"{settings.resolution:g} for an area of {width:g} x {height:g} units of {crs}"
        expected = f"at most {_MOST_PIXELS:.0e} pixels, {MOST_SIDE} a side"
        mend = "The resolution is in units of the grid's CRS, mostly metres."
        raise InputError(region.document.problem(("grid", "resolution"), found, expected, mend))
    return Grid.from_bounds(bounds, settings.resolution, crs)


def lattice(grid: Grid, area: Area) -> tuple[Points, float]:
    """Up to 64 x 64 pixel centres spread over the area, its edges included: a cheap stand-in for all.

    Parameters
    ----------
    grid : Grid
    area : Area

    Returns
    -------
    points : Points
        Those inside.
    share : float
        How many of those tried are inside.
    """
    rows = np.unique(np.linspace(0, grid.height - 1, min(grid.height, _LATTICE)).round().astype(int))
    cols = np.unique(np.linspace(0, grid.width - 1, min(grid.width, _LATTICE)).round().astype(int))
    row, col = (each.ravel() for each in np.meshgrid(rows, cols, indexing="ij"))
    inside = area.contains(Points.of_pixels(grid, row, col))
    return Points.of_pixels(grid, row[inside], col[inside]), float(inside.mean())


def _checked_crs(region: Region, loc: tuple, text: str) -> str:
    try:
        known_crs(text)
    except pyproj.exceptions.CRSError as error:
        problem = region.document.problem(loc, repr(text), "a CRS", 'For example "EPSG:4326".')
        raise InputError(problem) from error
    return text


def _bounds_in(crs: str, area: Area) -> tuple[float, float, float, float] | None:
    change = transformer(area.crs, crs)
    if change is None:
        return area.bounds
    bounds = change.transform_bounds(*area.bounds, densify_pts=_EDGE_POINTS)
    return bounds if np.isfinite(bounds).all() else None


def _is_too_large(width: float, height: float) -> bool:
    return width * height > _MOST_PIXELS or max(width, height) > MOST_SIDE


def _grid_like(source: Source, file: tuple, area: Area) -> Grid:
    """The grid of one file of a source: all its files have the same."""
    path, shown = source.path(*file), source.shown(*file)
    problem = path_problem(source, path, shown)
    if problem:
        raise InputError(problem)
    try:
        with open_raster(path) as data:
            check_raster(data, path, source.allowed)
            crs = source.entry.crs or (data.crs.to_string() if data.crs else None)
            a, b, c, d, e, f = tuple(data.transform)[:6]
            width, height = data.width, data.height
    except (RasterioError, OSError) as error:
        raise damaged(source, shown, error) from error
    if crs is None or b or d or e >= 0 or a <= 0:
        found = "no CRS" if crs is None else "a raster that is turned or has its rows from south to north"
        raise InputError(source.problem(found, "a north-up raster with a CRS for `grid.like`", file=shown))
    bounds = _bounds_in(crs, area)
    edges = (
        []
        if bounds is None
        else [(bounds[0] - c) / a, (bounds[2] - c) / a, (bounds[3] - f) / e, (bounds[1] - f) / e]
    )
    left, right, top, bottom = (
        (round(v) if abs(v - round(v)) < 1e-6 else v for v in edges) if edges else (1, 0, 1, 0)
    )
    col0, col1 = max(int(np.floor(left)), 0), min(int(np.ceil(right)), width)
    row0, row1 = max(int(np.floor(top)), 0), min(int(np.ceil(bottom)), height)
    if col0 >= col1 or row0 >= row1:
        raise InputError(source.problem("a raster beside the area", "one that meets it", file=shown))
    if _is_too_large(col1 - col0, row1 - row0):
        found, expected = (
            f"{col1 - col0} x {row1 - row0} pixels in the area",
            f"at most {_MOST_PIXELS:.0e} pixels",
        )
        raise InputError(source.problem(found, f"{expected}, {MOST_SIDE} a side", file=shown))
    return Grid(crs, (a, 0.0, c + a * col0, 0.0, e, f + e * row0), col1 - col0, row1 - row0)
