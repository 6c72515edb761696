"""How w_p is chosen without cheating: a curve to look at, and nested folds for the choice.

A weight that was picked on the folds that it is then scored on looks better than it is. So each outer fold gets its
weight from the other folds alone: one of them is held out in turn, the process model is calibrated and the forests are
grown on the rest. A forest that saw neither fold i nor fold j serves twice, once in the choice for i and once in that
for j, so that the nested choice takes half the fits it seems to take.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

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
DEFAULT_W_P = 0.5


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
            {"time_weight": time_weight, "w_p": w_p, **_scores(self.panel, self.predicted[time_weight, w_p])}
            for time_weight in self.time_weights
            for w_p in self.weights
        ]


@dataclass(frozen=True)
class WeightChoice:
    """w_p of each outer fold, chosen by the other folds, and what it is worth. Make it with `choose_w_p`.

    Attributes
    ----------
    curve : WeightCurve
    inner_rmse : dict of str -> ndarray (folds, weights)
        By time weight: pooled RMSE over the training sites of each outer fold, held out in inner folds. [kg/m2]
    as_good : dict of str -> ndarray (folds, weights) of bool
        Whether these sites cannot tell a weight from the best one: its squared error is larger by one standard error
        of the paired difference over sites (places, or blocks) at most. True for the best one itself.
    fits : int
        Forests that were grown beside those of the curve.
    seconds : float
    """

    curve: WeightCurve
    inner_rmse: dict[str, np.ndarray]
    as_good: dict[str, np.ndarray]
    fits: int
    seconds: float

    def chosen(self, time_weight: str) -> np.ndarray:
        """w_p of each outer fold, ascending by fold: of those that are as good as the best one the smallest."""
        return np.array(self.curve.weights)[np.argmax(self.as_good[time_weight], axis=1)]

    def lowest(self, time_weight: str) -> np.ndarray:
        """w_p of each outer fold with the lowest inner RMSE, which chance moves along a flat curve."""
        return np.array(self.curve.weights)[np.argmin(self.inner_rmse[time_weight], axis=1)]

    def rows(self) -> list[dict]:
        """The choice of each outer fold.

        Returns
        -------
        list of dict
            Keys ``time_weight``, ``outer_fold``, ``w_p``, ``inner_rmse`` (what it was chosen by), ``rmse`` (at the
            sites of the outer fold) and ``n``. [kg/m2]
        """
        return [
            {
                "time_weight": time_weight,
                "outer_fold": int(fold),
                "w_p": float(w_p),
                "inner_rmse": float(inner[self.curve.weights.index(w_p)]),
                **_only(("rmse", "n"), _scores(self.curve.panel, self._outer(time_weight, fold, w_p))),
            }
            for time_weight in self.curve.time_weights
            for fold, w_p, inner in zip(
                _folds(self.curve.folding),
                self.chosen(time_weight),
                self.inner_rmse[time_weight],
                strict=True,
            )
        ]

    def summary(self) -> list[dict]:
        """Pooled outer scores of nested choices, of the default weight, and of the best one on the same folds.

        Returns
        -------
        list of dict
            Keys ``time_weight``, ``choice`` ("nested": `chosen`; "nested, lowest error": `lowest`; "default"; "best on
            the same folds"), ``w_p`` (of nested choices the mean over folds), and the scores of `WeightCurve.rows`.
            ``optimism`` of the best on the same folds: how much lower its RMSE is than that of "nested, lowest
            error", the same rule without the look at the answer; NaN elsewhere. The default is missing when it is none
            of the weights. [kg/m2]
        """
        return [row for time_weight in self.curve.time_weights for row in self._summary(time_weight)]

    def _summary(self, time_weight: str) -> Iterator[dict]:
        curve = self.curve
        scored = {w_p: _scores(curve.panel, curve.predicted[time_weight, w_p]) for w_p in curve.weights}
        found = [
            (choice, float(np.mean(w_p)), _scores(curve.panel, self._nested(time_weight, w_p)))
            for choice, w_p in (
                ("nested", self.chosen(time_weight)),
                ("nested, lowest error", self.lowest(time_weight)),
            )
        ]
        honest = found[-1][-1]["rmse"]
        best = min(scored, key=lambda w_p: scored[w_p]["rmse"])
        if DEFAULT_W_P in scored:
            found.append(("default", DEFAULT_W_P, scored[DEFAULT_W_P]))
        found.append(("best on the same folds", best, scored[best]))
        for choice, w_p, scores in found:
            optimism = honest - scores["rmse"] if choice == "best on the same folds" else np.nan
            yield {"time_weight": time_weight, "choice": choice, "w_p": w_p, **scores, "optimism": optimism}

    def _nested(self, time_weight: str, chosen: np.ndarray) -> np.ndarray:
        """Each site predicted at the weight that was chosen without its fold."""
        merged = np.full(self.curve.panel.observed.shape, np.nan)
        for fold, w_p in zip(_folds(self.curve.folding), chosen, strict=True):
            held_out = self.curve.folding.fold == fold
            merged[:, held_out] = self.curve.predicted[time_weight, w_p][:, held_out]
        return merged

    def _outer(self, time_weight: str, fold: int, w_p: float) -> np.ndarray:
        """Stocks at the sites of one outer fold; NaN elsewhere."""
        return np.where(self.curve.folding.fold == fold, self.curve.predicted[time_weight, w_p], np.nan)


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
    begun, folds = time.monotonic(), _folds(folding)
    for w_p in weights:
        refuse_w_p(w_p)
    _refuse_few(folds, 2)
    if not panel.without_observation.any():
        raise ValueError(
            "panel has an observation in every year after each site's first, expected years to simulate: w_p has no "
            "effect. Mend: leave the choice of w_p out."
        )
    weights, forest = tuple(sorted(set(map(float, weights)))), _forest(forest)
    keys, known = _keys(time_weights, weights), known or {}
    wanted = [key for key in keys if key not in known]
    steps = _Steps(progress, len(folds) * len(wanted))
    predicted = {key: known.get(key, np.full(panel.observed.shape, np.nan)) for key in keys}
    for fold in folds if wanted else ():
        held_out = folding.fold == fold
        for key, stocks in _at_weights(panel, process, held_out, wanted, forest, steps):
            predicted[key][:, held_out] = stocks[:, held_out]
    shared = {(time_weight, 0.0): predicted[keys[0]] for time_weight in time_weights if keys[0][1] == 0.0}
    seconds = time.monotonic() - begun
    return WeightCurve(
        panel, folding, forest, tuple(time_weights), weights, predicted | shared, steps.done, seconds
    )


def choose_w_p(
    process: Callable, curve: WeightCurve, *, progress: Callable[[int, int], None] | None = None
) -> WeightChoice:
    """Choose w_p for each outer fold by the squared errors of inner folds within its training sites.

    Curves over w_p are flat, and the forests' chance moves their lowest point. So the choice is the smallest weight
    that the sites cannot tell from the best one, by the rule of one standard error: no more simulations than the
    observations ask for. The inner folds are the other outer folds: sites that the folding keeps together, such as
    those of one spatial block, are kept together inside too.

    Parameters
    ----------
    process : callable
        As for `w_p_curve`. Called once for each pair of folds, with the sites of neither.
    curve : WeightCurve
        What the outer folds gave at each weight; nothing of it is fitted again.
    progress : callable, optional
        ``progress(done, total)`` after each forest.

    Returns
    -------
    WeightChoice

    Raises
    ------
    ValueError
        If there are fewer than three folds: with two, nothing would be left to train on.

    Notes
    -----
    An inner forest trains on ``(k - 2) / k`` of the sites, the outer one on ``(k - 1) / k``: with k = 5 folds 60 and
    80 %. With few sites this favours a slightly larger w_p than the outer forest would want.

    References
    ----------
    Varma & Simon (2006), doi:10.1186/1471-2105-7-91, on the optimism of a choice that is scored on its own folds.
    Breiman et al. (1984), Classification and Regression Trees, section 3.4.3, on the rule of one standard error, here
    of the paired difference.
    """
    begun, panel, fold = time.monotonic(), curve.panel, curve.folding.fold
    folds = _folds(curve.folding)
    _refuse_few(folds, 3)
    keys = _keys(curve.time_weights, curve.weights)
    pairs = list(combinations(range(len(folds)), 2))
    steps = _Steps(progress, len(pairs) * len(keys))
    # Axis 0: the outer fold that the choice is for. Its own sites stay NaN, for they must not take part.
    inner = {key: np.full((len(folds), *panel.observed.shape), np.nan) for key in keys}
    for i, j in pairs:
        in_i, in_j = fold == folds[i], fold == folds[j]
        for key, stocks in _at_weights(panel, process, in_i | in_j, keys, curve.forest, steps):
            inner[key][i][:, in_j] = stocks[:, in_j]
            inner[key][j][:, in_i] = stocks[:, in_i]
    by_time, as_good = {}, {}
    for time_weight in curve.time_weights:
        # Axes: outer fold, weight, year, site.
        errors = (
            np.stack([inner[_key(time_weight, w_p, keys)] for w_p in curve.weights], axis=1) - panel.observed
        )
        by_time[time_weight] = np.sqrt(np.nanmean(errors**2, axis=(2, 3)))
        as_good[time_weight] = np.stack([_as_good(each**2, curve.folding.group) for each in errors])
    return WeightChoice(curve, by_time, as_good, steps.done, time.monotonic() - begun)


def _as_good(squares: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Which weights are as good as the best one, (weights,): from squared errors (weights, years, sites)."""
    takes_part = np.isfinite(squares).any(axis=(0, 1))
    _, unit = np.unique(group[takes_part], return_inverse=True)
    of_site = np.nansum(squares[..., takes_part], axis=1)
    of_unit = np.array([np.bincount(unit, row) for row in of_site])
    worse = of_unit - of_unit[np.argmin(of_unit.sum(axis=1))]
    # The standard error of a sum over what is no test of each other.
    return worse.sum(axis=1) <= np.sqrt(worse.shape[1]) * worse.std(axis=1, ddof=1)


class _Steps:
    """Counts forests, and tells."""

    def __init__(self, progress, total: int):
        self.progress, self.total, self.done = progress, total, 0

    def count(self) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)


def _at_weights(panel, process, held_out, keys, forest, steps: _Steps) -> Iterator[tuple]:
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


def _keys(time_weights, weights) -> list[tuple[str, float]]:
    """What is to be fitted: without simulated rows, at w_p = 0, the time weight makes no difference."""
    return [
        (time_weight, w_p)
        for number, time_weight in enumerate(time_weights)
        for w_p in weights
        if w_p > 0 or number == 0
    ]


def _key(time_weight, w_p, keys) -> tuple[str, float]:
    return (time_weight, w_p) if w_p > 0 else keys[0]


def _scores(panel: SitePanel, predicted) -> dict:
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


def _only(names, row: dict) -> dict:
    return {name: row[name] for name in names}


def _folds(folding: Folding) -> np.ndarray:
    return np.unique(folding.fold)


def _refuse_few(folds, least: int) -> None:
    if len(folds) < least:
        raise ValueError(
            f"folding has {len(folds)} folds, expected at least {least}. Mend: choose more folds, or leave this out."
        )


def _forest(forest: PomlForest | None) -> PomlForest:
    return PomlForest(n_trees=TREES) if forest is None else clone(forest)
