"""Hills that rivers have cut: uplift against erosion by running water."""

from __future__ import annotations

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse import csgraph

# Exponent of the upstream area in the stream power law.
_AREA_EXPONENT = 0.5
# Uplift and erosion steps on grids of a quarter, a half and the full resolution.
_STEPS = ((4, 61), (2, 25), (1, 13))
# Hollows, which the finer grid brings back, are opened every so many steps.
_BREACH_EVERY = 2
_ERODIBILITY = 1.0
# Width of the creep of soil downhill in each step. [cell]
_CREEP = 0.45

_NEIGHBOURS = [(row, col) for row in (-1, 0, 1) for col in (-1, 0, 1) if (row, col) != (0, 0)]


def carve(uplift: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Heights of hills in balance between uplift and rivers.

    Parameters
    ----------
    uplift : ndarray, shape (rows, columns)
        Relative speed at which the ground rises; 0 is the plain that all rivers end in.
    noise : ndarray, same shape
        Small differences that rivers start from.

    Returns
    -------
    ndarray, same shape, float64
        Relative height: 0 in the plain.

    References
    ----------
    Braun and Willett (2013), doi 10.1016/j.geomorph.2012.10.008: the implicit step along the rivers.
    """
    height = None
    for coarse, steps in _STEPS:
        part, grain = uplift[::coarse, ::coarse], noise[::coarse, ::coarse]
        start = np.zeros(part.shape) if height is None else _enlarge(height, part.shape)
        height = start + 0.5 * part * grain
        for step in range(steps):
            height = _step(height, part, float(coarse), breach=step % _BREACH_EVERY == 0)
    return height


def _enlarge(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    rows, cols = (
        np.linspace(0, old - 1, new)[:, None] if axis == 0 else np.linspace(0, old - 1, new)[None, :]
        for axis, (old, new) in enumerate(zip(values.shape, shape, strict=True))
    )
    return ndimage.map_coordinates(values, np.broadcast_arrays(rows, cols), order=1, mode="nearest")


def _step(height: np.ndarray, uplift: np.ndarray, cell: float, breach: bool) -> np.ndarray:
    base = uplift <= 0
    height = ndimage.gaussian_filter(height + uplift, _CREEP, mode="nearest")
    height[base] = 0.0
    below, distance = receivers(height)
    below[base.ravel()] = np.flatnonzero(base.ravel())
    if breach:
        below = _out_of_hollows(below, height, base)
    order = _by_distance_to_outlet(below)
    area = _upstream(below, order) * cell**2
    power = _ERODIBILITY * area**_AREA_EXPONENT / (distance * cell)
    flat = height.ravel()
    for cells in order[1:]:
        flat[cells] = (flat[cells] + power[cells] * flat[below[cells]]) / (1.0 + power[cells])
    return flat.reshape(height.shape)


def receivers(height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The steepest neighbour below each cell, itself in a pit, and how far it is.

    Examples
    --------
    >>> receivers(np.array([[3.0, 2.0, 1.0]]))[0]
    array([1, 2, 2])
    """
    rows, cols = height.shape
    padded = np.pad(height, 1, constant_values=np.inf)
    index = np.arange(height.size).reshape(height.shape)
    steepest, below, distance = np.zeros(height.shape), index.copy(), np.ones(height.shape)
    for row, col in _NEIGHBOURS:
        length = float(np.hypot(row, col))
        fall = (height - padded[1 + row : 1 + row + rows, 1 + col : 1 + col + cols]) / length
        better = fall > steepest
        steepest[better] = fall[better]
        below[better] = index[better] + row * cols + col
        distance[better] = length
    return below.ravel(), distance.ravel()


def _out_of_hollows(below: np.ndarray, height: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Receivers that lead every cell to the plain: out of a hollow by the way that climbs least."""
    outlet = below
    while not np.array_equal(outlet, outlet[outlet]):
        outlet = outlet[outlet]
    lost = ~base.ravel()[outlet]
    if not lost.any():
        return below
    graph = _climbs(height, base)
    _, before, _ = csgraph.dijkstra(
        graph, indices=np.flatnonzero(base.ravel()), min_only=True, return_predecessors=True
    )
    return np.where(lost & (before >= 0), before, below)


def _climbs(height: np.ndarray, base: np.ndarray) -> sparse.csr_array:
    """Edges from each cell to its neighbours, as long as water from there would have to climb;
    none lead into the plain, where every way ends."""
    rows, cols = height.shape
    padded = np.pad(np.where(base, np.inf, height), 1, constant_values=np.inf)
    index = np.arange(height.size).reshape(height.shape)
    start, end, climb = [], [], []
    for row, col in _NEIGHBOURS:
        other = padded[1 + row : 1 + row + rows, 1 + col : 1 + col + cols]
        near = np.isfinite(other)
        start.append(index[near])
        end.append(index[near] + row * cols + col)
        climb.append(np.maximum(height - other, 0.0)[near] + 1e-3 * np.hypot(row, col))
    edges = np.concatenate(start), np.concatenate(end)
    return sparse.csr_array((np.concatenate(climb), edges), shape=(height.size, height.size))


def _by_distance_to_outlet(below: np.ndarray) -> list[np.ndarray]:
    """Cells grouped by their number of steps to the end of their river: those at the end first."""
    depth = (below != np.arange(below.size)).astype(np.int32)
    ahead = below
    while True:  # each pass doubles how far ahead a cell sees
        further = depth + depth[ahead]
        if np.array_equal(further, depth):
            break
        depth, ahead = further, ahead[ahead]
    order = np.argsort(depth, kind="stable")
    return np.split(order, np.cumsum(np.bincount(depth))[:-1])


def _upstream(below: np.ndarray, order: list[np.ndarray]) -> np.ndarray:
    area = np.ones(below.size)
    for cells in reversed(order[1:]):
        np.add.at(area, below[cells], area[cells])
    return area
