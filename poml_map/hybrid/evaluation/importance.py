"""Which covariates a forest lives on, asked at sites that it never saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import scores as score
from ..panel import SitePanel
from .fold import FoldModels

_PERMUTATIONS = 10


@dataclass(frozen=True)
class Importance:
    """Of one forest and fold.

    Attributes
    ----------
    model : str
    permutation : ndarray (features,)
        Rise of the RMSE at held-out observations when the covariate is shuffled among them. [kg/m2]
    impurity : ndarray (features,)
        Share in the decrease of impurity while training, see `PomlForest.feature_importances_`. [1]
    """

    model: str
    permutation: np.ndarray
    impurity: np.ndarray


def fold_importance(fitted: FoldModels, panel: SitePanel, seed: int = 0) -> list[Importance]:
    """Importance of every covariate to each forest of a fold.

    Parameters
    ----------
    fitted : FoldModels
    panel : SitePanel
    seed : int

    Returns
    -------
    list of Importance
        One for each forest; permutation NaN where no held-out site has an observation.

    Notes
    -----
    Correlated covariates stand in for each other, so that each of them looks less important than both are together.
    Ten permutations, the same for all forests.

    References
    ----------
    Breiman (2001), doi:10.1023/A:1010933404324, section 10
    """
    seen = panel.has_observation & fitted.held_out
    rows, observed = panel.X[seen], panel.observed[seen]
    shuffles = np.random.default_rng(seed).permuted(np.tile(np.arange(len(rows)), (_PERMUTATIONS, 1)), axis=1)
    return [
        Importance(name, _rise(forest, rows, observed, shuffles), forest.feature_importances_)
        for name, forest in fitted.forests.items()
    ]


def _rise(forest, rows, observed, shuffles) -> np.ndarray:
    if len(rows) == 0:
        return np.full(rows.shape[1], np.nan)
    plain = score.rmse(observed, forest.predict(rows))
    rise = np.empty(rows.shape[1])
    for feature in range(rows.shape[1]):
        shuffled = np.tile(rows, (len(shuffles), 1, 1))
        shuffled[:, :, feature] = rows[shuffles, feature]
        found = forest.predict(shuffled.reshape(-1, rows.shape[1])).reshape(len(shuffles), -1)
        rise[feature] = np.mean([score.rmse(observed, each) for each in found]) - plain
    return rise
