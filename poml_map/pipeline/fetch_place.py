"""A region as `poml_map.fetch` sees it: which cells of a raster it needs, by the geometry that the cube reads with."""

from __future__ import annotations

import hashlib
from functools import cache, cached_property

import numpy as np
import pyproj
import shapely

from poml_map.catalog import Source
from poml_map.crs import known_crs
from poml_map.cube.area import Area
from poml_map.cube.header import Header, HeaderReader
from poml_map.cube.positions import SourceGrid, moved, source_grid, transformer
from poml_map.cube.terrain import with_buffer
from poml_map.errors import InputError
from poml_map.fetch import Window
from poml_map.grid import Grid, Tile

# Around the area while the grid is not known yet: cells that snapping to the grid can add.
_SNAPPED = 4
# Pixels along a side of the stand-in for a grid that is not known yet: enough to follow bent edges.
_SIDE = 200
# Points along each edge of a box, as in `cube.area`.
_EDGE_POINTS = 101


class RegionPlace:
    """See `poml_map.fetch.place.Place`.

    Parameters
    ----------
    area : Area
    grid : Grid, optional
        None where a file must be fetched before the grid is known; the area's box stands for it.
    """

    def __init__(self, area: Area, grid: Grid | None = None):
        self._extra = 0 if grid is not None else _SNAPPED
        self._area, self._grid = area, grid or _stand_in(area)
        crs, (west, south, east, north) = self._grid.crs, self._grid.bounds
        x, _ = moved([(west + east) / 2], [(south + north) / 2], crs, "EPSG:4326")
        self._near = float(x[0]) if np.isfinite(x[0]) else 0.0
        width, height = self._grid.resolution
        self.facts = {
            "grid": f"{self._grid.width} x {self._grid.height} pixels of {width:.10g} x {height:.10g} "
            f"from {west:.10g}, {north:.10g} in {crs}",
            "extra": self._extra,
        }
        self._shape = cache(self._shape_in)

    @cached_property
    def outline(self) -> str:
        """Names the mapped area: another one, another name."""
        shapes = [] if self._area.zones is None else self._area.zones.polygons
        parts = [str(self._area.crs).encode(), repr(tuple(map(float, self._area.bounds))).encode()]
        return hashlib.sha256(b"".join([*parts, *(shapely.to_wkb(each) for each in shapes)])).hexdigest()[:16]

    def window(self, source: Source, crs: str, transform, width: int, height: int) -> Window | None:
        """The cells of a raster under the region, with the margin that reading them takes."""
        try:
            known_crs(crs)
            return self.array_window(source, source_grid(crs, transform, width, height, self._near))
        except pyproj.exceptions.ProjError as error:  # of what it reads, or of how to get there from the grid
            raise InputError(source.problem(str(error), "a CRS that PROJ knows", "Set `crs:`.")) from error

    def header(self, source: Source, data, variable: str, shown: str) -> Header:
        """Grid, roles and time steps of a NetCDF variable."""
        return HeaderReader(source, data, variable, shown).header(self._near)

    def array_window(self, source: Source, grid: SourceGrid) -> Window | None:
        """The same as `window`, for a known grid."""
        tile = grid.window(self._grid)
        if tile is not None and self._extra:
            tile = grid.cut(tile.col0, tile.col1, tile.row0, tile.row1, self._extra)
        if tile is not None and source.entry.derive:
            tile = with_buffer(grid, tile)
        return None if tile is None else Window(_once_round(tile, grid), grid.width, grid.wraps)

    def bounds(self, crs: str) -> tuple[float, float, float, float]:
        """Box around the region's grid in another CRS."""
        change = transformer(self._grid.crs, crs)
        if change is None:
            return self._grid.bounds
        west, south, east, north = change.transform_bounds(*self._grid.bounds, densify_pts=_EDGE_POINTS)
        if pyproj.CRS.from_user_input(crs).is_geographic and west > east:  # over the edge of the globe
            east += 360
        return west, south, east, north

    def meets(self, crs: str, bounds: tuple[float, float, float, float]) -> bool:
        """Whether a box has any of the mapped area in it, longitudes counted round the globe."""
        shape, (west, south, east, north) = self._shape(crs), bounds
        turns = (-360, 0, 360) if pyproj.CRS.from_user_input(crs).is_geographic else (0,)
        boxes = (shapely.box(west + turn, south, east + turn, north) for turn in turns)
        return any(shapely.intersection(shape, box).area > 0 for box in boxes)

    def share(self, crs: str, boxes: list[tuple[float, float, float, float]]) -> float:
        """Share of the mapped area that lies in boxes, 0 to 1."""
        shape = self._shape(crs)
        if not pyproj.CRS.from_user_input(crs).is_geographic:
            found = shapely.union_all([shapely.box(*each) for each in boxes])
            return shapely.intersection(shape, found).area / shape.area
        turned = [(w + turn, s, e + turn, n) for w, s, e, n in boxes for turn in (-360, 0, 360)]
        found, shape = (
            shapely.transform(each, _equal_area)
            for each in (shapely.union_all([shapely.box(*each) for each in turned]), shape)
        )
        return shapely.intersection(shape, found).area / shape.area

    def _shape_in(self, crs: str):
        if self._area.zones is not None:
            shapes = self._area.zones.polygons
        else:
            left, bottom, right, top = self._area.bounds
            shapes = np.array(
                [shapely.segmentize(shapely.box(*self._area.bounds), max(right - left, top - bottom) / 50)]
            )
        there = shapely.transform(shapes, lambda xy: np.column_stack(moved(*xy.T, self._area.crs, crs)))
        return shapely.union_all(shapely.make_valid(there))


def _equal_area(lonlat: np.ndarray) -> np.ndarray:
    """Longitude and latitude as the cylindrical equal-area map of a sphere, whose shares are those of the ground."""
    return np.column_stack([lonlat[:, 0], np.degrees(np.sin(np.radians(lonlat[:, 1].clip(-90, 90))))])


def _stand_in(area: Area) -> Grid:
    west, south, east, north = area.bounds
    transform = ((east - west) / _SIDE, 0.0, west, 0.0, (south - north) / _SIDE, north)
    return Grid(area.crs, transform, _SIDE, _SIDE)


def _once_round(tile: Tile, grid: SourceGrid) -> Tile:
    """No more columns than the globe has."""
    if not grid.wraps or tile.shape[1] <= grid.width:
        return tile
    return Tile(tile.row0, tile.row1, 0, grid.width)
