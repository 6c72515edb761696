"""Cross-validation of PO, ML and POML whose trees learned from draws: scores and intervals from the same forests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..evaluation.evaluate import evaluate, forests_of
from ..evaluation.folding import random_folding
from ..forest import PomlForest
from ..held_out import MODELS, HeldOut
from ..panel import SitePanel
from ..simulated import Simulated
from ..validate import held_out_of
from .cross import HeldOutSpread
from .held_out import held_out_spread


def cross_validate_spread(
    panel: SitePanel,
    process: Callable[[np.ndarray], Simulated],
    *,
    w_p: float = 0.5,
    forest: PomlForest | None = None,
    n_folds: int = 5,
    seed: int = 0,
    calibration_folds: int | None = None,
    places=None,
    time_weight: str = "constant",
    progress: Callable[[int, int], None] | None = None,
) -> tuple[HeldOut, HeldOutSpread]:
    """`poml_map.hybrid.cross_validate`, in which each tree of POML learns from the next draw.

    Parameters
    ----------
    panel : SitePanel
    process : callable
        As there, but it returns `Simulated` with draws. Called once per fold.
    calibration_folds : int, optional
        Folds of `spread`, no more than there are places; default `n_folds`, whose forests then serve both.
    w_p, forest, n_folds, seed, places, time_weight, progress
        As there.

    Returns
    -------
    held_out : HeldOut
        POML is the mean over the trees of all draws; PO is the best estimate.
    spread : HeldOutSpread
        Of POML forests alike, in `calibration_folds`.

    Raises
    ------
    ValueError
        As there.

    Notes
    -----
    The forest of a map knows all sites, that of one of five folds four fifths of them: its nearest site is farther
    away, its errors are larger, and limits that were scaled by them are too wide on the map. More folds come closer.
    """
    folding = random_folding(panel.sites, n_folds, seed, places)
    n_places = len(panel.sites if places is None else np.unique(places))
    finer = random_folding(panel.sites, min(calibration_folds or n_folds, n_places), seed, places)
    is_same = np.array_equal(finer.fold, folding.fold)
    total, done = forests_of(folding, MODELS) + (0 if is_same else len(finer.numbers)), []
    simulated, n_simulated = {}, 0

    def grown() -> None:
        done.append(None)
        if progress is not None:
            progress(len(done), total)

    def ask(is_training: np.ndarray) -> Simulated:
        nonlocal n_simulated
        key = is_training.tobytes()
        if key not in simulated:
            simulated[key] = process(is_training)
            stocks = simulated[key].stocks[:, is_training]
            n_simulated += int(np.isfinite(stocks[panel.without_observation[:, is_training]]).sum())
        return simulated[key]

    options = {"w_p": w_p, "forest": forest, "time_weight": time_weight, "grown": grown}
    scored = held_out_spread(panel, ask, folding.fold, **options)
    others = tuple(model for model in MODELS if model != "POML")
    found = evaluate(panel, lambda training: ask(training).stocks, folding, models=others, **options)
    both = {**found.predicted, "POML": scored.mean}
    held_out = held_out_of(replace(found, predicted=both, n_simulated=n_simulated))
    return held_out, scored if is_same else held_out_spread(panel, process, finer.fold, **options)
