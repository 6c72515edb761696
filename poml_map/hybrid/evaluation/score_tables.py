"""Scores of every model: first and later campaigns, pooled, and their difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .. import scores as score
from ..panel import SitePanel
from .evaluate import Evaluation
from .models import KNOWS_FIRST, MODELS

#: What is scored, in the order of the tables.
TARGETS = {
    "t1": "first campaign of each site",
    "t2": "later campaigns",
    "pooled": "all campaigns",
    "change": "later campaign minus first",
}

_NAMES = ("rmse", "ccc", "me", "mec")


@dataclass(frozen=True)
class Pairs:
    """What is compared for one target.

    Attributes
    ----------
    site : ndarray (rows,) of int
        Position of the site in the panel.
    observed : ndarray (rows,)
        [kg/m2]
    predicted : ndarray (rows,)
        NaN where the model has nothing to say. [kg/m2]
    """

    site: np.ndarray
    observed: np.ndarray
    predicted: np.ndarray


def pairs_of(panel: SitePanel, predicted, target: str, model: str = "") -> Pairs:
    """Observed and predicted values of one target.

    Parameters
    ----------
    panel : SitePanel
    predicted : array_like (years, sites)
        [kg/m2]
    target : {"t1", "t2", "pooled", "change"}
    model : str
        A model of `models.KNOWS_FIRST` has the observed first stock as its own, which its change starts from.

    Returns
    -------
    Pairs
        One row for each observation, or each later one with "change".

    Examples
    --------
    >>> from poml_map.hybrid import site_panel
    >>> panel = site_panel(["a"], [1980, 1981], np.zeros((2, 1, 1)), ["a", "a"], [1980, 1981], [2.0, 2.5])
    >>> pairs_of(panel, [[2.5], [2.5]], "change").predicted.tolist()
    [0.0]
    """
    predicted = np.asarray(predicted, dtype=np.float64)
    rows = {
        "t1": panel.first_campaign,
        "t2": panel.later_campaign,
        "change": panel.later_campaign,
        "pooled": panel.has_observation,
    }[target]
    site, year = np.nonzero(rows.T)
    observed, found = panel.observed[year, site], predicted[year, site]
    if target == "change":
        begin = np.argmax(panel.first_campaign, axis=0)[site]
        first = panel.observed[begin, site]
        own = first if model in KNOWS_FIRST else predicted[begin, site]
        observed, found = observed - first, found - own
    return Pairs(site, observed, found)


def score_rows(evaluations: Sequence[Evaluation]) -> list[dict]:
    """Scores of the models of one folding and its repeats.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        Repeats of one folding.

    Returns
    -------
    list of dict
        Keys ``folding``, ``model``, ``target``, ``knows_first``, ``n``, ``rmse``, ``ccc``, ``me``, ``mec``: mean over
        repeats of the score of all held-out pairs, pooled over folds; ``fold_rmse``, ``rmse_fold_sd``, ...: mean and
        SD of the scores of single folds; ``rmse_repeat_sd``, ...: SD of the pooled scores over repeats, NaN for one
        repeat; ``note``: why a score is missing. A score that is undefined is NaN. [kg/m2], ccc and mec [1]

    Notes
    -----
    The RMSE of pooled pairs is never below the mean of the RMSE of equal folds.
    """
    models = [model for model in MODELS if model in evaluations[0].predicted]
    return [_row(evaluations, model, target) for target in TARGETS for model in models]


def _row(evaluations: Sequence[Evaluation], model: str, target: str) -> dict:
    pooled, by_fold, n, missing = [], [], 0, 0
    for each in evaluations:
        pairs = pairs_of(each.panel, each.predicted[model], target, model)
        known = np.isfinite(pairs.predicted)
        n, missing = int(known.sum()), int((~known).sum())
        pooled.append(_scores(pairs, known))
        folds = each.folding.fold[pairs.site]
        by_fold += [_scores(pairs, known & (folds == number)) for number in each.folding.numbers]
    values = {name: float(np.mean([one[name] for one in pooled])) for name in _NAMES}
    folds = {f"fold_{name}": _known(np.mean, by_fold, name) for name in _NAMES}
    spread = {f"{name}_fold_sd": _known(np.std, by_fold, name, ddof=1) for name in _NAMES}
    again = {f"{name}_repeat_sd": _known(np.std, pooled, name, ddof=1) for name in _NAMES}
    head = {"folding": evaluations[0].folding.name, "model": model, "target": target}
    notes = list(_reasons(pairs, known, missing, model, target))
    if model == "YEAR_MEAN" and target == "change" and known.any() and not _same_sites(each.panel):
        notes.append("means of different sites; the mean change is that of PERSISTENCE")
    return {
        **head,
        "knows_first": model in KNOWS_FIRST,
        "n": n,
        **values,
        **folds,
        **spread,
        **again,
        "note": "; ".join(notes),
    }


def _scores(pairs: Pairs, rows: np.ndarray) -> dict[str, float]:
    both = pairs.observed[rows], pairs.predicted[rows]
    return {
        "rmse": score.rmse(*both),
        "ccc": score.ccc(*both),
        "me": score.mean_error(*both),
        "mec": score.mec(*both),
    }


def _known(summarise, rows: Iterable[dict], name: str, ddof: int = 0) -> float:
    """Mean or SD of those that are defined; NaN where there are too few."""
    values = np.array([row[name] for row in rows])
    values = values[~np.isnan(values)]
    if len(values) <= ddof:
        return np.nan
    return float(summarise(values, ddof=ddof) if ddof else summarise(values))


def _same_sites(panel: SitePanel) -> bool:
    """Whether all campaigns have the same sites."""
    campaigns = panel.has_observation[panel.has_observation.any(axis=1)]
    return bool((campaigns == campaigns[0]).all())


def _reasons(pairs: Pairs, known, missing: int, model: str, target: str) -> Iterator[str]:
    starts = model in KNOWS_FIRST and target in ("t1", "pooled")
    if not len(pairs.observed):
        yield "no site has a later campaign" if target in ("t2", "change") else "no observation"
    elif not known.any():
        yield "it starts from that stock" if starts else "no prediction"
    elif starts:
        yield "later campaigns only: it starts from the first stock"
    elif missing:
        yield f"{missing} of {len(known)} observations without a prediction"
    undefined = score.why_undefined(pairs.observed[known]) if known.any() else ""
    if undefined:
        yield f"CCC and MEC undefined: {undefined}"
