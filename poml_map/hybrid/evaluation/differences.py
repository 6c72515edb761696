"""By how much one model is better than another, and how sure that is: paired, with a bootstrap over sites."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from .evaluate import Evaluation
from .models import KNOWS_FIRST, PAIRS
from .score_tables import TARGETS, pairs_of

_DRAWS = 4000
#: Verdict where the interval holds zero.
UNDECIDED = "no difference that these sites could show"


def difference_rows(
    evaluations: Sequence[Evaluation], pairs=PAIRS, *, level: float = 0.95, seed: int = 0
) -> list[dict]:
    """Differences of RMSE between models at the same held-out observations.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        Repeats of one folding; the RMSE of each repeat counts the same.
    pairs : sequence of (str, str)
        Models a and b; pairs with a model that was not evaluated are left out.
    level : float
        Of the bootstrap interval.
    seed : int

    Returns
    -------
    list of dict
        Keys ``folding``, ``model_a``, ``model_b``, ``target``, ``n``, ``sites``, ``rmse_a``, ``rmse_b``,
        ``difference`` (a minus b: below 0 a is better), ``relative`` (difference over ``rmse_b``), ``low``, ``high``,
        ``a_better`` (share of the draws in which it is), ``repeats_a_better`` (share of the repeats) and ``verdict``:
        one is better if the interval holds no zero and every repeat has the same sign. Only observations that both
        models predict count; targets without one, and what is the same comparison again, are left out. [kg/m2]

    Notes
    -----
    What a folding keeps together (`Folding.group`: sites of one place, sites of one block) is drawn with replacement,
    whole, 4,000 times: the two observations of a site are no two tests, nor are neighbours of one block. The interval
    is that of percentiles. It tells what other sites would have given, with these trained models; that training would
    have been different too is seen in the repeats alone.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 13
    """
    found = []
    has_later = evaluations[0].panel.later_campaign.any()
    for target in TARGETS:
        if target == "pooled" and not has_later:
            continue  # that is t1 again
        squares = {
            model: _squares(evaluations, model, target)
            for model in dict.fromkeys(name for pair in pairs for name in pair)
            if model in evaluations[0].predicted
        }
        for a, b in pairs:
            if a in squares and b in squares and not _is_again(target, {a, b}):
                found += _compared(evaluations, target, a, b, squares, level, seed)
    return found


def _is_again(target: str, pair: set[str]) -> bool:
    """Whether it is another comparison once more.

    Pooled, a model that starts from the first stock has its later campaigns alone: that is t2. Two of them have the
    same errors of the change. And the mean change is that of PERSISTENCE: YEAR_MEAN takes means of different sites
    where not all have both campaigns.
    """
    knowing = KNOWS_FIRST & pair
    if target == "pooled":
        return bool(knowing)
    return target == "change" and (knowing == pair or "YEAR_MEAN" in pair)


def _squares(evaluations, model: str, target: str) -> tuple[np.ndarray, np.ndarray]:
    """Site of each observation, and its squared error in each repeat (repeats, rows); NaN without a prediction."""
    errors = []
    for each in evaluations:
        pairs = pairs_of(each.panel, each.predicted[model], target, model)
        errors.append((pairs.predicted - pairs.observed) ** 2)
    return pairs.site, np.array(errors)


def _compared(evaluations, target, a, b, squares, level, seed) -> Iterator[dict]:
    (site, of_a), (_, of_b) = squares[a], squares[b]
    both = ~np.isnan(of_a + of_b).any(axis=0)
    if not both.any():
        return
    units, position = np.unique(evaluations[0].folding.group[site[both]], return_inverse=True)
    sums = [np.array([np.bincount(position, row) for row in each[:, both]]) for each in (of_a, of_b)]
    counts = np.bincount(position)
    drawn = np.random.default_rng(seed).multinomial(len(units), np.full(len(units), 1 / len(units)), _DRAWS)
    rmse = [np.sqrt(total.sum(axis=1) / counts.sum()) for total in sums]  # of each repeat
    spread = np.subtract(
        *(np.sqrt(drawn @ total.T / (drawn @ counts)[:, np.newaxis]).mean(axis=1) for total in sums)
    )
    low, high = np.quantile(spread, [(1 - level) / 2, (1 + level) / 2])
    rmse_a, rmse_b = (each.mean() for each in rmse)
    a_better = float(np.mean(rmse[0] < rmse[1]))
    yield {
        "folding": evaluations[0].folding.name,
        "model_a": a,
        "model_b": b,
        "target": target,
        "n": int(both.sum()),
        "sites": len(np.unique(site[both])),
        "rmse_a": float(rmse_a),
        "rmse_b": float(rmse_b),
        "difference": float(rmse_a - rmse_b),
        "relative": float((rmse_a - rmse_b) / rmse_b) if rmse_b > 0 else np.nan,
        "low": float(low),
        "high": float(high),
        "a_better": float(np.mean(spread < 0)),
        "repeats_a_better": a_better,
        "verdict": _verdict(a, b, low, high, a_better),
    }


def _verdict(a: str, b: str, low: float, high: float, a_better: float) -> str:
    if high < 0 and a_better == 1:
        return f"{a} is better"
    return f"{b} is better" if low > 0 and a_better == 0 else UNDECIDED
