"""How w_p is chosen without cheating: in nested folds.

A weight that was picked on the folds that it is then scored on looks better than it is. So each outer fold gets its
weight from the other folds alone: one of them is held out in turn, the process model is calibrated and the forests are
grown on the rest. A forest that saw neither fold i nor fold j serves twice, once in the choice for i and once in that
for j, so that the nested choice takes half the fits it seems to take.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from .curve import Steps, WeightCurve, at_weights, curve_scores, key_of, keys_of, refuse_few

DEFAULT_W_P = 0.5


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
                **_only(("rmse", "n"), curve_scores(self.curve.panel, self._outer(time_weight, fold, w_p))),
            }
            for time_weight in self.curve.time_weights
            for fold, w_p, inner in zip(
                self.curve.folding.numbers,
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
        scored = {w_p: curve_scores(curve.panel, curve.predicted[time_weight, w_p]) for w_p in curve.weights}
        found = [
            (choice, float(np.mean(w_p)), curve_scores(curve.panel, self._nested(time_weight, w_p)))
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
        for fold, w_p in zip(self.curve.folding.numbers, chosen, strict=True):
            held_out = self.curve.folding.fold == fold
            merged[:, held_out] = self.curve.predicted[time_weight, w_p][:, held_out]
        return merged

    def _outer(self, time_weight: str, fold: int, w_p: float) -> np.ndarray:
        """Stocks at the sites of one outer fold; NaN elsewhere."""
        return np.where(self.curve.folding.fold == fold, self.curve.predicted[time_weight, w_p], np.nan)


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
    folds = curve.folding.numbers
    refuse_few(folds, 3)
    keys = keys_of(curve.time_weights, curve.weights)
    pairs = list(combinations(range(len(folds)), 2))
    steps = Steps(progress, len(pairs) * len(keys))
    # Axis 0: the outer fold that the choice is for. Its own sites stay NaN, for they must not take part.
    inner = {key: np.full((len(folds), *panel.observed.shape), np.nan) for key in keys}
    for i, j in pairs:
        in_i, in_j = fold == folds[i], fold == folds[j]
        for key, stocks in at_weights(panel, process, in_i | in_j, keys, curve.forest, steps):
            inner[key][i][:, in_j] = stocks[:, in_j]
            inner[key][j][:, in_i] = stocks[:, in_i]
    by_time, as_good = {}, {}
    for time_weight in curve.time_weights:
        # Axes: outer fold, weight, year, site.
        errors = (
            np.stack([inner[key_of(time_weight, w_p, keys)] for w_p in curve.weights], axis=1)
            - panel.observed
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


def _only(names, row: dict) -> dict:
    return {name: row[name] for name in names}
