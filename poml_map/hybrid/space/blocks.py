"""Folds of square blocks of land: what is held out lies away from what is trained on."""

from __future__ import annotations

import numpy as np

from .positions import as_positions, places_of, refuse_folds

# Blocks that each fold gets on average: enough for folds of like size, few enough for blocks that are large.
_BLOCKS_PER_FOLD = 6


def suggested_block_size(x, y, n_folds: int = 5) -> float:
    """Side of square blocks of which each fold gets about six.

    Parameters
    ----------
    x, y : array_like (sites,)
        [m]
    n_folds : int

    Returns
    -------
    float
        Root of the area of the frame around the sites over six blocks a fold. [m]

    Notes
    -----
    Blocks should be larger than the range over which the errors of the model are alike (Roberts et al. 2017). That
    range is hardly known from a few hundred sites; this rule makes blocks as large as folds of like size allow. Give a
    size where you know better.

    Examples
    --------
    >>> round(suggested_block_size([0, 30_000], [0, 40_000], 5))
    6325
    """
    positions = as_positions(x, y)
    frame = np.ptp(positions, axis=0)
    area = frame.prod() if frame.all() else frame.max() ** 2
    return float(np.sqrt(area / (_BLOCKS_PER_FOLD * n_folds))) if area > 0 else 1.0


def block_folds(
    x, y, block_size: float, n_folds: int = 5, seed: int = 0, groups=None
) -> tuple[np.ndarray, np.ndarray]:
    """Hold out square blocks, dealt at random into folds of like size.

    Parameters
    ----------
    x, y : array_like (sites,)
        Projected. [m]
    block_size : float
        Side of the blocks. [m]
    n_folds : int
    seed : int
        Where the first block begins, and which fold takes which block.
    groups : array_like (sites,) of int, optional
        Sites of one number are one place and stay together.

    Returns
    -------
    fold : ndarray (sites,) of int
        0 to `n_folds` - 1, whatever the order of the sites. Large blocks are dealt first, each to the fold that has
        the fewest sites.
    block : ndarray (sites,) of int
        Number of the block.

    Raises
    ------
    ValueError
        If `block_size` is not above 0, a coordinate is not finite, or there are fewer blocks with sites than folds.

    References
    ----------
    Roberts et al. (2017), doi:10.1111/ecog.02881

    Examples
    --------
    >>> fold, block = block_folds([1, 2, 11, 12, 21, 22], [0] * 6, block_size=10, n_folds=2, seed=1)
    >>> len(set(fold[:2].tolist()))
    1
    """
    positions = as_positions(x, y)
    if not 0 < block_size < np.inf:
        raise ValueError(f"block_size is {block_size}, expected above 0 [m]. Mend: block_size=20_000.")
    middle, place = places_of(positions, groups)
    refuse_folds(n_folds, len(middle))
    random = np.random.default_rng(seed)
    origin = middle.min(axis=0) - random.uniform(0, block_size, 2)
    cell = np.floor((middle - origin) / block_size).astype(np.int64)
    _, block = np.unique(cell, axis=0, return_inverse=True)
    size = np.bincount(block[place])
    if len(size) < n_folds:
        what = "blocks" if len(size) > 1 else "block"
        raise ValueError(
            f"{len(size)} {what} of {block_size / 1000:g} km hold all sites, expected at least {n_folds}, one a fold. "
            "Mend: choose smaller blocks."
        )
    fold_of_block, held = np.empty(len(size), np.int64), np.zeros(n_folds)
    for each in np.lexsort((random.permutation(len(size)), -size)):
        fold_of_block[each] = int(np.argmin(held))
        held[fold_of_block[each]] += size[each]
    return fold_of_block[block[place]], block[place]
