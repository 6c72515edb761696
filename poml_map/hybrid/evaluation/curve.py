"""Held-out stocks of POML along w_p: the curve of Fig. 7, which is a picture and no choice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from .. import scores as score
from ..forest import PomlForest
from ..panel import SitePanel
from ..training import TIME_WEIGHTS, refuse_w_p
from .fold import predict_fold
from .folding import Folding
from .score_tables import TARGETS, pairs_of

#: w_p from 0 to 1 by 0.1, as in Fig. 7.
WEIGHTS = tuple(tenth / 10 for tenth in range(11))
#: Trees of each forest: a quarter of the time of 200, and the same choice.
TREES = 50


@dataclass(frozen=True)
class WeightCurve:
    """Held-out stocks of POML at many weights, on one folding. Make it with `w_p_curve`.

    Attributes
    ----------
    panel : SitePanel
    folding : Folding
    forest : PomlForest
        Unfitted; its settings.
    time_weights : tuple of str
    weights : tuple of float
        Ascending.
    predicted : dict of (time_weight, w_p) -> ndarray (years, sites)
        By forests that did not see the fold of the site. ``w_p = 0`` is one array for all time weights. [kg/m2]
    fits : int
        Forests that were grown.
    seconds : float
    """

    panel: SitePanel
    folding: Folding
    forest: PomlForest
    time_weights: tuple[str, ...]
    weights: tuple[float, ...]
    predicted: dict[tuple[str, float], np.ndarray]
    fits: int
    seconds: float

    def rows(self) -> list[dict]:
        """Scores at each weight, pooled over folds.

        Returns
        -------
        list of dict
            Keys ``time_weight``, ``w_p``, ``n``, ``rmse``, ``ccc``, ``rmse_t1`` (first campaigns), ``rmse_t2`` (later
            campaigns) and ``rmse_change`` (later minus first); NaN where there is nothing to score. [kg/m2], ccc [1]
        """
        return [
            {
                "time_weight": time_weight,
                "w_p": w_p,
                **curve_scores(self.panel, self.predicted[time_weight, w_p]),
            }
            for time_weight in self.time_weights
            for w_p in self.weights
        ]


def w_p_curve(
    panel: SitePanel,
    process: Callable,
    folding: Folding,
    *,
    weights=WEIGHTS,
    forest: PomlForest | None = None,
    time_weights=TIME_WEIGHTS,
    known: Mapping[tuple[str, float], np.ndarray] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> WeightCurve:
    """Predict every held-out site at each w_p: the curve of Fig. 7.

    Parameters
    ----------
    panel : SitePanel
    process : callable
        As for `evaluate`: ``process(is_training)`` calibrates on those sites. Called once a fold.
    folding : Folding
        One repeat; each site's fold.
    weights : sequence of float
        0 to 1.
    forest : PomlForest, optional
        Its settings are used; default 50 trees.
    time_weights : sequence of {"constant", "distance"}
    known : mapping of (time_weight, w_p) -> ndarray (years, sites), optional
        Held-out stocks that forests of these very settings gave on this folding: they are not grown again. [kg/m2]
    progress : callable, optional
        ``progress(done, total)`` after each forest.

    Returns
    -------
    WeightCurve
        A picture: its best weight was not chosen without the sites it is scored at, see `choose_w_p`.

    Raises
    ------
    ValueError
        If a weight is outside 0-1, there are fewer than two folds, no site-year can be simulated, or a held-out site
        got into training.

    References
    ----------
    Zhang et al. (2024), section 2.3 and Fig. 7, doi:10.1016/j.scitotenv.2024.170778
    """
    begun, folds = time.monotonic(), folding.numbers
    for w_p in weights:
        refuse_w_p(w_p)
    refuse_few(folds, 2)
    if not panel.without_observation.any():
        raise ValueError(
            "panel has an observation in every year after each site's first, expected years to simulate: w_p has no "
            "effect. Mend: leave the choice of w_p out."
        )
    weights, forest = tuple(sorted(set(map(float, weights)))), _forest(forest)
    keys, known = keys_of(time_weights, weights), known or {}
    wanted = [key for key in keys if key not in known]
    steps = Steps(progress, len(folds) * len(wanted))
    predicted = {key: known.get(key, np.full(panel.observed.shape, np.nan)) for key in keys}
    for fold in folds if wanted else ():
        held_out = folding.fold == fold
        for key, stocks in at_weights(panel, process, held_out, wanted, forest, steps):
            predicted[key][:, held_out] = stocks[:, held_out]
    shared = {(time_weight, 0.0): predicted[keys[0]] for time_weight in time_weights if keys[0][1] == 0.0}
    seconds = time.monotonic() - begun
    return WeightCurve(
        panel, folding, forest, tuple(time_weights), weights, predicted | shared, steps.done, seconds
    )


class Steps:
    """Counts forests, and tells."""

    def __init__(self, progress, total: int):
        self.progress, self.total, self.done = progress, total, 0

    def count(self) -> None:
        """One more."""
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)


def at_weights(panel, process, held_out, keys, forest, steps: Steps) -> Iterator[tuple]:
    """Each weight with the stocks at the held-out sites."""
    simulated = process(~held_out)
    for time_weight, w_p in keys:
        found = predict_fold(
            panel,
            simulated,
            held_out,
            w_p=w_p,
            forest=clone(forest),
            models=("POML",),
            time_weight=time_weight,
        )
        steps.count()
        yield (time_weight, w_p), found["POML"]


def keys_of(time_weights, weights) -> list[tuple[str, float]]:
    """What is to be fitted: without simulated rows, at w_p = 0, the time weight makes no difference."""
    return [
        (time_weight, w_p)
        for number, time_weight in enumerate(time_weights)
        for w_p in weights
        if w_p > 0 or number == 0
    ]


def key_of(time_weight, w_p, keys) -> tuple[str, float]:
    """That of `keys` which holds for this weight."""
    return (time_weight, w_p) if w_p > 0 else keys[0]


def curve_scores(panel: SitePanel, predicted) -> dict:
    """Scores at the observations that were predicted, pooled."""
    found = {target: _known(pairs_of(panel, predicted, target)) for target in TARGETS}
    return {
        "n": len(found["pooled"][0]),
        "rmse": score.rmse(*found["pooled"]),
        "ccc": score.ccc(*found["pooled"]),
        **{f"rmse_{target}": score.rmse(*found[target]) for target in ("t1", "t2", "change")},
    }


def _known(pairs) -> tuple[np.ndarray, np.ndarray]:
    known = ~np.isnan(pairs.predicted)
    return pairs.observed[known], pairs.predicted[known]


def refuse_few(folds, least: int) -> None:
    """Raise ValueError if there are fewer folds."""
    if len(folds) < least:
        raise ValueError(
            f"folding has {len(folds)} folds, expected at least {least}. Mend: choose more folds, or leave this out."
        )


def _forest(forest: PomlForest | None) -> PomlForest:
    return PomlForest(n_trees=TREES) if forest is None else clone(forest)
