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
        Repeats of one folding; the squared errors of an observation are averaged over them.
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
        ``a_better`` (share of the draws in which it is) and ``verdict``. Only observations that both models predict
        count; targets without one are left out. [kg/m2]

    Notes
    -----
    Sites are drawn with replacement, whole, 4,000 times: the two observations of a site are no two tests. The
    interval is that of percentiles. It tells what other sites would have given, with these trained models; that
    training would have been different too is seen in the spread over repeats.

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
            model: _mean_squares(evaluations, model, target)
            for model in dict.fromkeys(name for pair in pairs for name in pair)
            if model in evaluations[0].predicted
        }
        for a, b in pairs:
            # Pooled, a model that starts from the first stock has its later campaigns alone: that is t2 again.
            again = target == "pooled" and KNOWS_FIRST & {a, b}
            if a in squares and b in squares and not again:
                found += _compared(evaluations, target, a, b, squares, level, seed)
    return found


def _mean_squares(evaluations, model: str, target: str) -> tuple[np.ndarray, np.ndarray]:
    """Site of each observation, and its squared error averaged over repeats; NaN without a prediction."""
    errors = []
    for each in evaluations:
        pairs = pairs_of(each.panel, each.predicted[model], target, model)
        errors.append((pairs.predicted - pairs.observed) ** 2)
    return pairs.site, np.mean(errors, axis=0)


def _compared(evaluations, target, a, b, squares, level, seed) -> Iterator[dict]:
    (site, of_a), (_, of_b) = squares[a], squares[b]
    both = ~np.isnan(of_a) & ~np.isnan(of_b)
    if not both.any():
        return
    sites, position = np.unique(site[both], return_inverse=True)
    sums = [np.bincount(position, each[both]) for each in (of_a, of_b)]
    counts = np.bincount(position)
    drawn = np.random.default_rng(seed).multinomial(len(sites), np.full(len(sites), 1 / len(sites)), _DRAWS)
    rmse_a, rmse_b = (np.sqrt(total.sum() / counts.sum()) for total in sums)
    spread = np.subtract(*(np.sqrt(drawn @ total / (drawn @ counts)) for total in sums))
    low, high = np.quantile(spread, [(1 - level) / 2, (1 + level) / 2])
    yield {
        "folding": evaluations[0].folding.name,
        "model_a": a,
        "model_b": b,
        "target": target,
        "n": int(both.sum()),
        "sites": len(sites),
        "rmse_a": float(rmse_a),
        "rmse_b": float(rmse_b),
        "difference": float(rmse_a - rmse_b),
        "relative": float((rmse_a - rmse_b) / rmse_b) if rmse_b > 0 else np.nan,
        "low": float(low),
        "high": float(high),
        "a_better": float(np.mean(spread < 0)),
        "verdict": _verdict(a, b, low, high),
    }


def _verdict(a: str, b: str, low: float, high: float) -> str:
    if high < 0:
        return f"{a} is better"
    return f"{b} is better" if low > 0 else UNDECIDED
