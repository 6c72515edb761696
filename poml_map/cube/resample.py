"""From the cells of a source to pixel centres: nearest, bilinear, average, mode.

All sums run in one fixed order for each pixel, so that the same pixel gets the same bits in every block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poml_map.cube.positions import Points, SourceGrid
from poml_map.grid import Grid, Tile

# Sub-points along one side of a pixel: 256 a pixel are enough for a mean over any number of cells.
_MOST_SUBPOINTS = 16
# A mean over fewer valid sub-points than this share stands for too little of the pixel: missing.
_LEAST_VALID = 0.5
# Numbers that are worked on at once: they stay in the processor's cache.
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
        """Position in a flattened window, shape (s, n); 0 for cells that do not exist."""
        flat = (self.row - window.row0) * window.shape[1] + (self.col - window.col0)
        return np.where(self.good, flat, 0)


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
    cells : ndarray of float32, shape (cells, times)
        NaN is missing.
    index : ndarray of int, shape (s, n)
        From `Stencil.index`.
    shape : Stencil
    method : {"nearest", "bilinear", "average", "mode"}

    Returns
    -------
    ndarray of float32, shape (times, n)
        NaN outside the source and where the pixel's own cell is missing (nearest, bilinear) or fewer than
        half of its sub-points are valid (average, mode).
    """
    n, times = index.shape[1], cells.shape[1]
    out = np.empty((times, n), "float32")
    step = max(_BLOCK // max(times, 1), 16)
    for start in range(0, n, step):
        part = slice(start, start + step)
        if method == "bilinear":
            values = _weigh(cells, index[:, part], shape.weight[:, part], shape.own[part])
        elif len(index) == 1:
            values = cells[index[0, part]]
        else:
            values = (_mean if method == "average" else _mode)(cells, index[:, part], shape.good[:, part])
        out[:, part] = values.T
    out[:, ~shape.inside] = np.nan
    return out


def _weigh(cells, index, weight, own) -> np.ndarray:
    taken = [cells[each] for each in index]
    total = taken[0] * weight[0][:, None]
    for values, share in zip(taken[1:], weight[1:], strict=True):
        total += values * share[:, None]
    missing = np.isnan(total)
    if missing.any():
        total[missing] = _weigh_gaps(taken, weight, own, missing)
    return total


def _weigh_gaps(taken, weight, own, missing) -> np.ndarray:
    """The same where a neighbour is missing: the others share its weight; NaN if the own cell is missing."""
    pixel = np.nonzero(missing)[0]
    values = np.stack([each[missing] for each in taken])
    share = np.where(np.isnan(values), np.float32(0), weight[:, pixel])
    total, shares = np.zeros(len(pixel), "float32"), np.zeros(len(pixel), "float32")
    for value, part in zip(np.nan_to_num(values), share, strict=True):
        total += value * part
        shares += part
    mine = values[own[pixel], np.arange(len(pixel))]
    known = ~np.isnan(mine)
    return np.divide(total, shares, out=np.full(len(pixel), np.nan, "float32"), where=known)


def _mean(cells, index, good) -> np.ndarray:
    total = np.zeros((index.shape[1], cells.shape[1]))
    count = np.zeros(total.shape, np.int32)
    for each, exists in zip(index, good, strict=True):
        values = cells[each]
        valid = ~np.isnan(values) & exists[:, None]
        total += np.where(valid, values, 0.0)
        count += valid
    enough = count >= _LEAST_VALID * len(index)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=enough & (count > 0))


def _mode(cells, index, good) -> np.ndarray:
    """The most frequent class; of several the smallest."""
    values = np.where(good[:, :, None], cells[index], np.nan)  # (s, n, times)
    best, most = np.full(values.shape[1:], np.nan), np.zeros(values.shape[1:], np.int32)
    for code in np.unique(values[~np.isnan(values)]):
        count = (values == code).sum(axis=0)
        best, most = np.where(count > most, code, best), np.maximum(count, most)
    valid = (~np.isnan(values)).sum(axis=0)
    return np.where(valid >= _LEAST_VALID * len(index), best, np.nan)
