"""The same maps by the forest's own `predict`: slow, for any regressor, and what the fast way is compared with."""

from __future__ import annotations

import numpy as np

from .engine import ForestMaps
from .tile import as_tile

_ROWS_AT_ONCE = 2**16


def plain_maps(forest, features, usable) -> ForestMaps:
    """Maps of the mean by `predict`, year by year, some thousand pixels at once.

    Parameters
    ----------
    forest
        Any fitted regressor with ``predict(rows)`` and `n_features_in_`.
    features, usable
        As in `CompiledForest.predict_maps`, and checked as there.

    Returns
    -------
    ForestMaps
        With ``"mean"`` alone.

    Examples
    --------
    >>> from poml_map.hybrid import PomlForest
    >>> X = np.arange(20.0).reshape(-1, 1)
    >>> forest = PomlForest(n_trees=20).fit(X, X[:, 0] * 0.1)
    >>> plain_maps(forest, [[[5.0, 7.0]]], [[True, False]])["mean"].round(1)
    array([[[0.5, nan]]], dtype=float32)
    """
    tile = as_tile(features, usable, forest.n_features_in_)
    mean = np.full(tile.shape, np.nan, np.float32)
    gaps = 0
    for year in range(tile.shape[0]):
        here = _of_year(tile.usable, year)
        rows, cols = np.nonzero(here)
        for part in range(0, len(rows), _ROWS_AT_ONCE):
            at = rows[part : part + _ROWS_AT_ONCE], cols[part : part + _ROWS_AT_ONCE]
            table = np.stack([_of_year(values, year)[at] for values in tile.covariates], axis=1)
            whole = np.isfinite(table).all(axis=1)
            gaps += int((~whole).sum())
            if whole.any():
                mean[year, at[0][whole], at[1][whole]] = forest.predict(table[whole])
    return ForestMaps({"mean": mean}, gaps)


def _of_year(values, year):
    return values[min(year, len(values) - 1)]
