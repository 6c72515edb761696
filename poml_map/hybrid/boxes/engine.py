"""What the user calls: a forest compiled once, then maps of tile after tile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from poml_map.compiling import announced

from .batch import MOST_WINDOWS, Work, map_batch
from .change import map_change, pairs_of_windows
from .flatten import FlatForest, flatten
from .order import order_pixels
from .tile import as_tile

# So that no thread is left with nothing to do long before the others.
_BATCHES_PER_WORKER = 4


@dataclass(frozen=True)
class ForestMaps(Mapping):
    """Maps of a tile by name, each (years, rows, cols) float32, in the unit of the target.

    Attributes
    ----------
    maps : dict of str -> ndarray
        ``"mean"``; where asked for ``"tree_sd"`` and, for the quantile 0.05, ``"tree_q0.05"``.
    gaps : int
        Usable pixels, counted in each year, that got no number because a covariate was NaN or infinite.
    """

    maps: dict[str, np.ndarray]
    gaps: int

    def __getitem__(self, name: str) -> np.ndarray:
        return self.maps[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.maps)

    def __len__(self) -> int:
        return len(self.maps)


def compile_forest(forest) -> CompiledForest:
    """Make a fitted forest ready for maps.

    Parameters
    ----------
    forest : PomlForest, RandomForestRegressor, ExtraTreesRegressor or DecisionTreeRegressor
        Fitted, with one output.

    Returns
    -------
    CompiledForest

    Raises
    ------
    UnsupportedForest
        If it is another kind of model, has several outputs, or learned where missing values go; `plain_maps` maps it.
    ValueError
        If it is not fitted.

    Notes
    -----
    The machine code is made by the first call after the installation, which takes some seconds and is announced in
    the log, and kept on disk.

    Examples
    --------
    >>> from poml_map.hybrid import PomlForest
    >>> X = np.arange(20.0).reshape(-1, 1)
    >>> forest = compile_forest(PomlForest(n_trees=20).fit(X, X[:, 0] * 0.1))
    >>> forest.predict_maps([[[5.0, 7.0]]], [[True, False]])["mean"].round(1)
    array([[[0.5, nan]]], dtype=float32)
    """
    return CompiledForest(flatten(forest))


class CompiledForest:
    """A forest that maps tiles; made by `compile_forest`, safe to use from several threads at once.

    Parameters
    ----------
    flat : FlatForest
    """

    def __init__(self, flat: FlatForest):
        self.flat = flat
        self._free: list[Work] = []  # memory of finished calls, for the next ones

    def __getstate__(self):  # that memory, megabytes for each thread, stays behind
        return {"flat": self.flat, "_free": []}

    @property
    def n_features(self) -> int:
        """Covariates that `predict_maps` takes."""
        return self.flat.n_features

    def predict_maps(
        self,
        features: Sequence,
        usable,
        *,
        tree_sd: bool = False,
        quantiles: Sequence[float] = (),
        workers: int = 1,
    ) -> ForestMaps:
        """Maps of one tile.

        Parameters
        ----------
        features : sequence of array_like float32, each (rows, cols) or (years, rows, cols)
            Covariates in the order of the forest's columns: static ones without years, annual ones with them.
        usable : array_like (rows, cols) or (years, rows, cols) of bool
            Pixels to map.
        tree_sd : bool
            Also the standard deviation of the values of the trees. It is no interval of prediction.
        quantiles : sequence of float, 0 to 1
            Also these quantiles of the values of the trees ("linear", as `numpy.quantile`).
        workers : int
            Threads. Other threads may call at the same time.

        Returns
        -------
        ForestMaps
            NaN where not usable, or where a covariate is NaN or infinite.

        Raises
        ------
        ValueError
            If an array or a quantile does not fit.

        Notes
        -----
        The same bits for every tiling and every number of workers. The mean is within 2e-6 of scikit-learn's for
        leaf values in kg/m2, because these are rounded to whole numbers of steps (`FlatForest.step`).
        """
        tile = as_tile(features, usable, self.n_features)
        quantiles = _as_quantiles(quantiles)
        names = ["mean", *(["tree_sd"] if tree_sd else []), *(f"tree_q{value:g}" for value in quantiles)]
        maps = {name: np.full(tile.shape, np.nan, np.float32) for name in names}

        order = order_pixels(tile.usable, len(maps["mean"]))

        def run(windows) -> int:
            work = self._take()
            try:
                return map_batch(self.flat, work, tile.covariates, order.pixels, windows, maps, quantiles)
            finally:
                self._free.append(work)

        with announced("the forest", seconds=20):
            gaps = _in_threads(run, _batches(order.windows, workers), workers)
        return ForestMaps(maps, sum(gaps))

    def predict_change(self, features: Sequence, usable, *, workers: int = 1) -> ForestMaps:
        """Map of the change from one year to another, tree by tree.

        Parameters
        ----------
        features : sequence of array_like float32, each (rows, cols) or (2, rows, cols)
            As in `predict_maps`, of the two years.
        usable : array_like (rows, cols) of bool
        workers : int

        Returns
        -------
        ForestMaps
            ``"mean"`` of the second year minus that of the first, and ``"tree_sd"``, the standard deviation of the
            differences of the single trees; each (1, rows, cols), NaN where not usable, or where a covariate of one of
            the years is NaN or infinite.

        Raises
        ------
        ValueError
            If an array does not fit, or there are more years than two.

        Examples
        --------
        >>> from poml_map.hybrid import PomlForest
        >>> X = np.arange(20.0).reshape(-1, 1)
        >>> forest = compile_forest(PomlForest(n_trees=20).fit(X, X[:, 0] * 0.1))
        >>> forest.predict_change([[[[5.0, 7.0]], [[15.0, 7.0]]]], [[True, True]])["mean"].round(1)
        array([[[1., 0.]]], dtype=float32)
        """
        tile = as_tile(features, usable, self.n_features)
        years, *shape = tile.shape
        if years > 2 or len(tile.usable) != 1:
            raise ValueError(
                f"features has {years} years and usable {len(tile.usable)}, expected two and one. Mend: give the "
                "covariates of the first and the last year, and one mask."
            )
        maps = {name: np.full((1, *shape), np.nan, np.float32) for name in ("mean", "tree_sd")}
        order = order_pixels(tile.usable, 2)

        def run(windows) -> int:
            work = self._take()
            try:
                return map_change(
                    self.flat, work, tile.covariates, order.pixels, windows, list(maps.values())
                )
            finally:
                self._free.append(work)

        with announced("changes of the forest", seconds=5):
            gaps = _in_threads(run, pairs_of_windows(order), workers)
        return ForestMaps(maps, sum(gaps))

    def _take(self) -> Work:
        try:
            return self._free.pop()
        except IndexError:
            return Work.empty(self.flat)


def _batches(windows, workers: int) -> list[np.ndarray]:
    """Windows that share a walk over the trees, and so that no thread waits long for the last."""
    batches = max(workers * _BATCHES_PER_WORKER if workers > 1 else 1, -(-len(windows) // MOST_WINDOWS))
    size = max(1, -(-len(windows) // batches))
    return [windows[first : first + size] for first in range(0, len(windows), size)]


def _as_quantiles(quantiles) -> list[float]:
    values = [float(value) for value in quantiles]
    for value in values:
        if not 0.0 <= value <= 1.0:
            raise ValueError(
                f"quantiles has {value:g}, expected numbers from 0 to 1. Mend: quantiles=(0.05, 0.95)."
            )
    return values


def _in_threads(run, batches, workers: int) -> list[int]:
    if workers == 1 or len(batches) < 2:
        return [run(batch) for batch in batches]
    with ThreadPoolExecutor(workers) as threads:
        return list(threads.map(run, batches))
