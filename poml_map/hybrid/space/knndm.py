"""Folds whose distances from test to training are those from the map to the sites (kNNDM)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
    distances_cv, distances_map : ndarray
        From each site to the nearest one of another fold, and from each place of the map to the nearest site. [m]
    """

    fold: np.ndarray
    w: float
    w_random: float
    n_clusters: int
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
    Sites are clustered (average linkage on distances) into q groups, q from the number of places down to the number of
    folds; with q above the number of folds, clusters are dealt in turn into folds along the first principal axis of
    the region, which is our choice of how to merge them. The q with the smallest Wasserstein distance is taken, as
    long as no fold holds more than half of the sites.

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
    random = site_folds(np.arange(len(middle)), n_folds, seed)
    candidates = [(0, random)]
    if _clustered(middle, wanted):
        candidates += _clusterings(middle, n_folds)
    best = None
    for number, fold in candidates:
        of_site = fold[place]
        if number and np.bincount(of_site).max() > _LARGEST_SHARE * len(of_site):
            continue
        distance = _nearest_other(positions, of_site)
        found = Knndm(of_site, float(wasserstein_distance(distance, wanted)), 0.0, number, distance, wanted)
        if best is None:
            best, w_random = found, found.w
        best = found if found.w < best.w else best
    return Knndm(best.fold, best.w, w_random, best.n_clusters, best.distances_cv, best.distances_map)


def _clustered(middle: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether sites lie nearer to each other than the map lies to them."""
    alone = cKDTree(middle).query(middle, k=2)[0][:, 1]
    return bool(ks_2samp(alone, wanted, alternative="greater", method="asymp").pvalue < _SIGNIFICANT)


def _clusterings(middle: np.ndarray, n_folds: int) -> Iterator[tuple[int, np.ndarray]]:
    tree = linkage(middle, "average")
    centred = middle - middle.mean(axis=0)
    along = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    tried = np.unique(np.geomspace(n_folds, len(middle) - 1, _CANDIDATES).round().astype(int))
    for number in tried:
        _, cluster = np.unique(fcluster(tree, number, "maxclust"), return_inverse=True)
        count = np.bincount(cluster)
        if len(count) < n_folds:
            continue
        # In turn along the axis: neighbours in space go to different folds unless a cluster holds them together.
        rank = np.argsort(np.argsort(np.bincount(cluster, along) / count, kind="stable"), kind="stable")
        yield len(count), (rank % n_folds)[cluster]
