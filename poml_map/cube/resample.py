"""From the cells of a source to pixel centres: nearest, bilinear, average, mode.

All sums run in one fixed order for each pixel, so that the same pixel gets the same bits in every block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poml_map.cube import kernels
from poml_map.cube.positions import Points, SourceGrid
from poml_map.grid import Grid, Tile

# Sub-points along one side of a pixel: 256 a pixel are enough for a mean over any number of cells.
_MOST_SUBPOINTS = 16
# A mean over fewer valid sub-points than this share stands for too little of the pixel: missing.
_LEAST_VALID = 0.5
# Numbers of classes that are counted at once: they stay in the processor's cache.
_BLOCK = 65536


@dataclass(frozen=True)
class Stencil:
    """The cells that each pixel is made from.

    Attributes
    ----------
    row, col : ndarray of int, shape (s, n)
        `s` cells for each of `n` pixels.
    good : ndarray of bool, shape (s, n)
        Whether the source has that cell.
    inside : ndarray of bool, shape (n,)
        Whether the source reaches the pixel's centre.
    weight : ndarray of float32, shape (s, n), optional
        Bilinear weights.
    own : ndarray of int, shape (n,), optional
        Which of the `s` cells holds the pixel's centre.
    """

    row: np.ndarray
    col: np.ndarray
    good: np.ndarray
    inside: np.ndarray
    weight: np.ndarray | None = None
    own: np.ndarray | None = None

    def window(self) -> Tile | None:
        """The cells that are needed; None when none is."""
        if not self.good.any():
            return None
        row, col = self.row[self.good], self.col[self.good]
        return Tile(int(row.min()), int(row.max()) + 1, int(col.min()), int(col.max()) + 1)

    def index(self, window: Tile) -> np.ndarray:
        """Position in a flattened window, uint32, shape (s, n); 0 for cells that do not exist."""
        flat = (self.row - window.row0) * window.shape[1] + (self.col - window.col0)
        return np.where(self.good, flat, 0).astype(np.uint32)


def subdivisions(source: SourceGrid, grid: Grid) -> int:
    """Sub-points along a pixel's side, so that no source cell under a pixel is skipped (16 at most).

    Parameters
    ----------
    source : SourceGrid
    grid : Grid
        Its middle pixel is measured.
    """
    middle = Points(
        [grid.x[grid.width // 2]],
        [grid.y[grid.height // 2]],
        (abs(grid.transform[0]), grid.resolution[1]),
        grid.crs,
    )
    (c0, r0), (c1, r1), (c2, r2) = (
        source.position(*middle.coordinates(source.crs, right, up))
        for right, up in ((-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5))
    )
    cells = max(np.hypot(c1 - c0, r1 - r0)[0], np.hypot(c2 - c0, r2 - r0)[0])
    return int(np.clip(np.ceil(cells - 1e-6), 1, _MOST_SUBPOINTS)) if np.isfinite(cells) else 1


def stencil(source: SourceGrid, points: Points, method: str, side: int = 1) -> Stencil:
    """Cells and weights for `points`.

    Parameters
    ----------
    source : SourceGrid
    points : Points, n of them
    method : {"nearest", "bilinear", "average", "mode"}
    side : int
        Sub-points along a pixel's side, for average and mode.
    """
    if method in ("average", "mode") and side > 1:
        return points.once((source, "sub", side), lambda: _subpoints(source, points, side))
    make = _bilinear if method == "bilinear" else _nearest
    return points.once((source, make.__name__), lambda: make(source, points))


def _nearest(source: SourceGrid, points: Points) -> Stencil:
    col, row, inside = source.cell(*source.position(*points.coordinates(source.crs)))
    return Stencil(row[None], col[None], inside[None], inside)


def _bilinear(source: SourceGrid, points: Points) -> Stencil:
    col, row = source.position(*points.coordinates(source.crs))
    inside = source.cell(col, row)[2]
    col, row = np.where(inside, col, 0.0) - 0.5, np.where(inside, row, 0.0) - 0.5
    left, top = np.floor(col), np.floor(row)
    right, down = col - left, row - top  # shares of the next column and row
    cols = source.column(np.stack([left, left + 1, left, left + 1]))
    rows = source.row(np.stack([top, top, top + 1, top + 1]))
    weight = np.stack([(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right])
    own = 2 * (down >= 0.5) + (right >= 0.5)
    return Stencil(rows, cols, np.broadcast_to(inside, rows.shape), inside, weight.astype("float32"), own)


def _subpoints(source: SourceGrid, points: Points, side: int) -> Stencil:
    # The four corners are mapped exactly. Between them a pixel is straight: its bend, side^2 / (8 * earth
    # radius), is 5 mm for a 500 m pixel.
    corners = [
        source.position(*points.coordinates(source.crs, right, up))
        for up in (0.5, -0.5)
        for right in (-0.5, 0.5)
    ]
    rows, cols, good = [], [], []
    shares = (np.arange(side) + 0.5) / side
    for down in shares:
        for right in shares:
            weights = ((1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right)
            col, row = (
                sum(weight * corner[axis] for weight, corner in zip(weights, corners, strict=True))
                for axis in (0, 1)
            )
            col, row, inside = source.cell(col, row)
            cols.append(col), rows.append(row), good.append(inside)
    inside = source.covers(points)
    return Stencil(np.stack(rows), np.stack(cols), np.stack(good) & inside, inside)


def resample(cells: np.ndarray, index: np.ndarray, shape: Stencil, method: str) -> np.ndarray:
    """Values at the pixels.

    Parameters
    ----------
    cells : ndarray of float32, shape (times, cells)
        NaN is missing.
    index : ndarray of uint32, shape (s, n)
        From `Stencil.index`.
    shape : Stencil
    method : {"nearest", "bilinear", "average", "mode"}

    Returns
    -------
    ndarray of float32, shape (times, n)
        NaN outside the source and where the pixel's own cell is missing (nearest, bilinear) or fewer than
        half of its sub-points are valid (average, mode).
    """
    out = np.empty((len(cells), index.shape[1]), "float32")
    if method == "bilinear":
        kernels.weigh(cells, index, shape.weight, shape.own, out)
    elif len(index) == 1:
        kernels.take(cells, index[0], out)
    elif method == "average":
        kernels.average(cells, index, shape.good, _LEAST_VALID * len(index), out)
    else:
        step = max(_BLOCK // max(len(cells), 1), 16)
        for start in range(0, out.shape[1], step):
            part = np.s_[:, start : start + step]
            out[part] = _mode(cells, index[part], shape.good[part])
    if not shape.inside.all():
        out[:, ~shape.inside] = np.nan
    return out


def _mode(cells, index, good) -> np.ndarray:
    """The most frequent class; of several the smallest."""
    values = np.where(good, cells[:, index], np.nan)  # (times, s, n)
    best, most = np.full(values[:, 0].shape, np.nan), np.zeros(values[:, 0].shape, np.int32)
    for code in np.unique(values[~np.isnan(values)]):
        count = (values == code).sum(axis=1)
        best, most = np.where(count > most, code, best), np.maximum(count, most)
    valid = (~np.isnan(values)).sum(axis=1)
    return np.where(valid >= _LEAST_VALID * len(index), best, np.nan)
