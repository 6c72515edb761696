"""What `fetch` must know of a region: which cells of a raster lie under it. The geometry itself is the cube's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from poml_map.catalog import Source
from poml_map.grid import Tile


@dataclass(frozen=True)
class Window:
    """The part of a raster that a region needs, in cells of that raster.

    Attributes
    ----------
    tile : Tile
        Columns may begin before 0 or end behind the last one, where the raster goes round the globe.
    width : int
        Columns of the whole raster.
    wraps : bool
    """

    tile: Tile
    width: int
    wraps: bool = False

    def columns(self) -> list[slice]:
        """Columns of the file, from left to right."""
        found, col = [], self.tile.col0
        while col < self.tile.col1:
            start = col % self.width if self.wraps else col
            length = min(self.width - start, self.tile.col1 - col)
            found.append(slice(start, start + length))
            col += length
        return found

    def parts(self, row: int, col: int, height: int, width: int) -> list[tuple[Tile, int, int]]:
        """Where a piece at a row and column of the raster meets the window.

        Returns
        -------
        list of (Tile, int, int)
            The part of the piece in its own cells, and where its first row and column lie in the window. Two, where
            the window goes round the globe and over the piece's own edge.
        """
        found = []
        for turn in (-1, 0, 1) if self.wraps else (0,):
            left, tile = col + turn * self.width, self.tile
            row0, row1 = max(row, tile.row0), min(row + height, tile.row1)
            col0, col1 = max(left, tile.col0), min(left + width, tile.col1)
            if row0 < row1 and col0 < col1:
                part = Tile(row0 - row, row1 - row, col0 - left, col1 - left)
                found.append((part, row0 - tile.row0, col0 - tile.col0))
        return found


class Place(Protocol):
    """A region as `fetch` sees it; `poml_map.pipeline.fetch_place` makes one."""

    #: Window in words that name it: other words, another window.
    facts: dict
    #: The same for the mapped area, on which depends what a missing tile means.
    outline: str

    def window(self, source: Source, crs: str, transform, width: int, height: int) -> Window | None:
        """The cells under the region with the margin that reading it takes; None if they do not meet."""

    def header(self, source: Source, data, variable: str, shown: str):
        """Grid, roles of dimensions and time steps of a NetCDF variable (`poml_map.cube.header.Header`)."""

    def array_window(self, source: Source, grid) -> Window | None:
        """The same as `window`, for the grid of such a header."""

    def bounds(self, crs: str) -> tuple[float, float, float, float]:
        """Box around the region's grid in another CRS."""

    def meets(self, crs: str, bounds: tuple[float, float, float, float]) -> bool:
        """Whether a box has any of the mapped area in it."""

    def share(self, crs: str, boxes: list[tuple[float, float, float, float]]) -> float:
        """Share of the mapped area that lies in boxes, 0 to 1."""
