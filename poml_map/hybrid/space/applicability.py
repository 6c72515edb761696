"""Dissimilarity index and area of applicability: where a forest has training rows that are anything like a pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

# Rows of distances that are held at once while the mean over all pairs is taken.
_CHUNK = 512


@dataclass(frozen=True)
class TrainingSpace:
    """Training rows in the space of scaled and weighted covariates. Make it with `of`.

    Attributes
    ----------
    mean, weight : ndarray (features,)
        What is taken off a covariate, and what it is then multiplied by: importance over SD. [unit], [1/unit]
    scale : float
        Mean distance between two training rows; the unit of the index.
    threshold : float
        Index up to which a pixel is inside the area of applicability. [1]
    left_out : tuple of int
        Columns without variance, which can tell nothing apart.
    tree : cKDTree
        Over the training rows.
    """

    mean: np.ndarray
    weight: np.ndarray
    scale: float
    threshold: float
    left_out: tuple[int, ...]
    tree: cKDTree

    @classmethod
    def of(cls, X, importance, fold) -> TrainingSpace:
        """The space that training rows span.

        Parameters
        ----------
        X : array_like (rows, features)
            Finite.
        importance : array_like (features,)
            Of each covariate to the forest, any scale; below 0 counts as 0. [1]
        fold : array_like (rows,) of int
            Fold of the site of each row. The threshold comes from distances to rows of **other** folds, so that the
            rows of one site, which share its terrain and soil, do not vouch for each other.

        Returns
        -------
        TrainingSpace

        Raises
        ------
        ValueError
            If a value is not finite, lengths differ, fewer than two rows or folds are given, or no covariate both
            varies and matters.

        References
        ----------
        Meyer & Pebesma (2021), doi:10.1111/2041-210X.13650. The threshold is the upper quartile and 1.5 times the
        quartile range of the index of the training rows, and at most the largest of them.

        Examples
        --------
        >>> space = TrainingSpace.of([[0.0, 9.0], [1.0, 9.0], [2.0, 9.0], [3.0, 9.0]], [1.0, 1.0], [0, 0, 1, 1])
        >>> space.left_out, space.di([[1.0, 9.0], [3.5, 9.0], [np.nan, 9.0]]).round(2).tolist()
        ((1,), [0.0, 0.3, nan])
        """
        X, importance, fold = np.asarray(X, float), np.asarray(importance, float), np.asarray(fold)
        _refuse(X, importance, fold)
        mean, spread = X.mean(axis=0), X.std(axis=0)
        # A column of one value has a spread of rounding alone.
        varies = spread > 1e-9 * np.maximum(np.abs(mean), 1e-30)
        weight = np.where(varies, np.maximum(importance, 0.0) / np.where(varies, spread, 1.0), 0.0)
        if not weight.any():
            raise ValueError(
                "X has no covariate that varies and has an importance above 0. Mend: give the importance of a fitted "
                "forest, and rows that differ."
            )
        rows = (X - mean) * weight
        scale = _mean_distance(rows)
        if scale == 0:
            raise ValueError("all rows of X are the same, expected different ones. Mend: give more sites.")
        index = np.empty(len(rows))
        for number in np.unique(fold):
            test = fold == number
            index[test] = cKDTree(rows[~test]).query(rows[test])[0] / scale
        lower, upper = np.quantile(index, [0.25, 0.75])
        threshold = min(upper + 1.5 * (upper - lower), index.max())
        left_out = tuple(int(column) for column in np.flatnonzero(~varies))
        return cls(mean, weight, scale, float(threshold), left_out, cKDTree(rows))

    def di(self, X, workers: int = 1) -> np.ndarray:
        """Dissimilarity index of rows.

        Parameters
        ----------
        X : array_like (rows, features)
        workers : int
            Threads.

        Returns
        -------
        ndarray (rows,)
            Distance to the nearest training row over the mean distance between two of them: 0 at a training row. NaN
            where a covariate is NaN or infinite. [1]
        """
        rows = (np.asarray(X, float) - self.mean) * self.weight
        index = np.full(len(rows), np.nan)
        known = np.isfinite(rows).all(axis=1)
        if known.any():
            index[known] = self.tree.query(rows[known], workers=workers)[0] / self.scale
        return index


def _mean_distance(rows: np.ndarray) -> float:
    """Mean over all pairs of different rows."""
    total = sum(cdist(rows[first : first + _CHUNK], rows).sum() for first in range(0, len(rows), _CHUNK))
    return float(total) / (len(rows) * (len(rows) - 1))


def _refuse(X, importance, fold) -> None:
    if X.ndim != 2 or importance.shape != X.shape[1:] or fold.shape != X.shape[:1]:
        raise ValueError(
            f"X has shape {X.shape}, importance {importance.shape}, fold {fold.shape}, expected (rows, features), "
            "(features,) and (rows,). Mend: one importance a covariate, one fold a row."
        )
    bad = ~np.isfinite(X)
    if bad.any():
        row, column = (int(at) for at in np.argwhere(bad)[0])
        raise ValueError(
            f"X[{row}, {column}] is {X[row, column]}, expected finite numbers. Mend: drop such rows."
        )
    if len(np.unique(fold)) < 2:
        raise ValueError("fold has one number, expected two or more. Mend: give the folds of the validation.")
