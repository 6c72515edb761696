"""Positions of sites, checked and in one canonical order."""

from __future__ import annotations

import numpy as np


def as_positions(x, y, what: str = "sites") -> np.ndarray:
    """Coordinates as (n, 2) float64.

    Parameters
    ----------
    x, y : array_like (n,)
        Finite. [m]
    what : str
        What is at these places, for messages.

    Returns
    -------
    ndarray (n, 2)

    Raises
    ------
    ValueError
        If lengths differ, or a coordinate is not finite.
    """
    x, y = (np.asarray(values, dtype=np.float64) for values in (x, y))
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(
            f"x of the {what} has shape {x.shape}, y {y.shape}, expected one common (n,). Mend: one pair each."
        )
    bad = np.flatnonzero(~np.isfinite(x + y))
    if len(bad):
        raise ValueError(
            f"position {bad[0]} of the {what} is ({x[bad[0]]:g}, {y[bad[0]]:g}), expected finite coordinates [m]. "
            "Mend: drop such places."
        )
    return np.column_stack([x, y])


def places_of(positions: np.ndarray, groups) -> tuple[np.ndarray, np.ndarray]:
    """Middle of each group of sites, in an order that depends on nothing but where they are.

    Parameters
    ----------
    positions : ndarray (sites, 2)
        [m]
    groups : array_like (sites,) or None
        Sites of one number are one place; None: each site is a place.

    Returns
    -------
    middle : ndarray (places, 2)
        Sorted by x, then y. [m]
    place : ndarray (sites,) of int
        Row of `middle` of each site.

    Raises
    ------
    ValueError
        If there is not one group for each site.
    """
    groups = np.arange(len(positions)) if groups is None else np.asarray(groups)
    if groups.shape != (len(positions),):
        raise ValueError(
            f"groups has shape {groups.shape}, expected ({len(positions)},). Mend: one number a site."
        )
    _, number = np.unique(groups, return_inverse=True)
    count = np.bincount(number)
    middle = np.column_stack([np.bincount(number, each) / count for each in positions.T])
    order = np.lexsort(middle.T[::-1])
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return middle[order], rank[number]


def refuse_folds(n_folds: int, places: int) -> None:
    """Raise ValueError unless there are 2 to `places` folds."""
    if not 2 <= n_folds <= places:
        raise ValueError(
            f"n_folds is {n_folds}, expected 2 to {places}, the number of places. Mend: choose fewer folds."
        )
