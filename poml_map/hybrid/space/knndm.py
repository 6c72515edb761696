"""Folds whose distances from test to training are those from the map to the sites (kNNDM)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial import cKDTree
from scipy.stats import ks_2samp, wasserstein_distance

from ..folds import site_folds
from .positions import as_positions, places_of, refuse_folds

# Numbers of clusters that are tried, from one a place down to one a fold.
_CANDIDATES = 60
_LARGEST_SHARE = 0.5
_SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Knndm:
    """Folds, and how well their distances match. Make it with `knndm_folds`.

    Attributes
    ----------
    fold : ndarray (sites,) of int
    w, w_random : float
        Wasserstein distance between the nearest-neighbour distances of the folds and those of the map; of random
        folds for comparison. [m]
    n_clusters : int
        That the folds were put together from; 0 for random folds.
    why_random : str
        Why they are random; empty if they are not.
    distances_cv, distances_map : ndarray
        From each site to the nearest one of another fold, and from each place of the map to the nearest site. [m]
    """

    fold: np.ndarray
    w: float
    w_random: float
    n_clusters: int
    why_random: str
    distances_cv: np.ndarray
    distances_map: np.ndarray


def nearest_other_fold(x, y, fold) -> np.ndarray:
    """Distance from each site to the nearest one that it would be predicted from.

    Parameters
    ----------
    x, y : array_like (sites,)
        [m]
    fold : array_like (sites,) of int

    Returns
    -------
    ndarray (sites,)
        [m]

    Examples
    --------
    >>> nearest_other_fold([0, 1, 5], [0, 0, 0], [0, 0, 1]).tolist()
    [5.0, 4.0, 4.0]
    """
    return _nearest_other(as_positions(x, y), np.asarray(fold))


def _nearest_other(positions: np.ndarray, fold: np.ndarray) -> np.ndarray:
    distance = np.empty(len(positions))
    for number in np.unique(fold):
        test = fold == number
        distance[test] = cKDTree(positions[~test]).query(positions[test])[0]
    return distance


def knndm_folds(x, y, map_x, map_y, n_folds: int = 5, seed: int = 0, groups=None) -> Knndm:
    """Fold the sites so that a held-out site is as far from training as a pixel is from the sites.

    Parameters
    ----------
    x, y : array_like (sites,)
        Projected. [m]
    map_x, map_y : array_like (places,)
        Places of the map, such as a few thousand pixels drawn at random; same CRS. [m]
    n_folds, seed : int
        Random folds are those of `site_folds`.
    groups : array_like (sites,) of int, optional
        Sites of one number are one place and stay together.

    Returns
    -------
    Knndm
        Random folds if the sites are not clustered against the map (one-sided Kolmogorov-Smirnov test, p >= 0.05), or
        if nothing matches better. The same for every order of the sites.

    Raises
    ------
    ValueError
        If a coordinate is not finite, there is no place of the map, or `n_folds` is out of range.

    Notes
    -----
    Sites are clustered (average linkage, and Ward's) into q groups, q from the number of places down to the number of
    folds. As in CAST, a cluster as large as a fold stays alone, and smaller ones are dealt in turn into the folds that
    are left, along the first principal axis of the sites. The clustering with the smallest Wasserstein distance is
    taken, as long as no fold holds more than half of the sites (of a few more, where they cannot be halved). Unlike
    CAST we try both linkages, and random folds compete with them.

    References
    ----------
    Linnenbrink et al. (2024), doi:10.5194/gmd-17-5897-2024

    Examples
    --------
    Two crowded corners of a wide map:

    >>> rng = np.random.default_rng(0)
    >>> x = np.r_[rng.uniform(0, 5, 40), rng.uniform(95, 100, 40)]
    >>> found = knndm_folds(x, x, rng.uniform(0, 100, 500), rng.uniform(0, 100, 500), n_folds=2)
    >>> found.w < found.w_random
    True
    """
    positions, of_map = as_positions(x, y), as_positions(map_x, map_y, "places of the map")
    if not len(of_map):
        raise ValueError("map_x has no place, expected some of the map. Mend: draw pixels that are mapped.")
    middle, place = places_of(positions, groups)
    refuse_folds(n_folds, len(middle))
    wanted = cKDTree(positions).query(of_map)[0]
    fold = site_folds(np.arange(len(middle)), n_folds, seed)[place]
    distance = _nearest_other(positions, fold)
    random = Knndm(fold, _apart(distance, wanted), 0.0, 0, "", distance, wanted)
    random = replace(random, w_random=random.w)
    if not _clustered(middle, wanted):
        return replace(random, why_random="sites lie no closer to each other than pixels to sites")
    largest = max(_LARGEST_SHARE * len(place), np.ceil(len(place) / n_folds))
    best = replace(random, why_random="no clustering of the sites matches the map better")
    for number, of_place in _clusterings(middle, n_folds):
        fold = of_place[place]
        if np.bincount(fold).max() <= largest:
            distance = _nearest_other(positions, fold)
            found = Knndm(fold, _apart(distance, wanted), random.w, number, "", distance, wanted)
            best = found if found.w < best.w else best
    return best


def _apart(distance: np.ndarray, wanted: np.ndarray) -> float:
    return float(wasserstein_distance(distance, wanted))


def _clustered(middle: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether sites lie nearer to each other than the map lies to them."""
    alone = cKDTree(middle).query(middle, k=2)[0][:, 1]
    return bool(ks_2samp(alone, wanted, alternative="greater", method="asymp").pvalue < _SIGNIFICANT)


def _clusterings(middle: np.ndarray, n_folds: int) -> Iterator[tuple[int, np.ndarray]]:
    centred = middle - middle.mean(axis=0)
    along = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    tried = np.unique(np.geomspace(n_folds, len(middle) - 1, _CANDIDATES).round().astype(int))
    for tree in (linkage(middle, method) for method in ("average", "ward")):
        for number in tried:
            _, cluster = np.unique(fcluster(tree, number, "maxclust"), return_inverse=True)
            fold = _merged(cluster, along, n_folds)
            if fold is not None:
                yield cluster.max() + 1, fold


def _merged(cluster: np.ndarray, along: np.ndarray, n_folds: int) -> np.ndarray | None:
    """Folds of clusters; None where they do not fill as many.

    Examples
    --------
    >>> _merged(np.array([0, 0, 0, 1, 2, 3, 4]), np.arange(7.0), 3).tolist()
    [0, 0, 0, 1, 2, 1, 2]
    """
    count = np.bincount(cluster)
    is_big = count >= len(cluster) / n_folds
    n_big, n_small = int(is_big.sum()), int((~is_big).sum())
    free = n_folds - n_big
    if n_small < free or (n_small and not free):
        return None
    # Along the axis: neighbours in space go to different folds unless a cluster holds them together.
    order = np.argsort(np.bincount(cluster, along) / count, kind="stable")
    fold = np.empty(len(count), int)
    fold[order[is_big[order]]] = np.arange(n_big)
    fold[order[~is_big[order]]] = n_big + np.arange(n_small) % max(free, 1)
    return fold[cluster]
