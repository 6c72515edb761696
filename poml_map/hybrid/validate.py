"""Cross-validation of PO, ML and POML at sites that none of their training ever saw."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .evaluation.evaluate import Evaluation, evaluate, forests_of
from .evaluation.folding import random_folding
from .forest import PomlForest
from .held_out import MODELS, HeldOut
from .panel import SitePanel


def cross_validate(
    panel: SitePanel,
    process_model: Callable[[np.ndarray], np.ndarray],
    *,
    w_p: float = 0.5,
    forest: PomlForest | None = None,
    n_folds: int = 5,
    seed: int = 0,
    places=None,
    time_weight: str = "constant",
    progress: Callable[[int, int], None] | None = None,
) -> HeldOut:
    """Predict every observation by PO, ML and POML that were trained on the other folds' sites only.

    Parameters
    ----------
    panel : SitePanel
    process_model : callable
        ``process_model(is_training)`` with bool (sites,) in the order of ``panel.sites`` calibrates on those
        sites and returns the stocks of **all** sites, (years, sites) [kg/m2], each started from its own first
        observation; NaN before that or where it cannot be run. Called once per fold.
    w_p : float
        0 to 1.
    forest : PomlForest, optional
        Its settings are used, itself stays as it is; default ``PomlForest()``.
    n_folds, seed : int
        As in `site_folds`.
    places : array_like (sites,) of int, optional
        Sites of one number are one place, and in one fold; see `evaluation.place_groups`.
    time_weight : {"constant", "distance"}
        As in `training_rows`.
    progress : callable, optional
        ``progress(done, total)`` after each forest.

    Returns
    -------
    HeldOut
        One row per observation.

    Raises
    ------
    ValueError
        If `n_folds` or `w_p` is out of range, the process model returns another shape or infinite stocks, or a
        held-out site got into training.

    Notes
    -----
    PO knows the first stock of a held-out site, so it is NaN there and scored at later campaigns only. ML is
    POML without simulated rows; where there is none (or ``w_p = 0``) it is fitted once and serves as both.

    References
    ----------
    Zhang et al. (2024), section 2.4, doi:10.1016/j.scitotenv.2024.170778
    """
    folding = random_folding(panel.sites, n_folds, seed, places)
    total = forests_of(folding, MODELS)
    done: list[None] = []

    def grown() -> None:
        done.append(None)
        if progress is not None:
            progress(len(done), total)

    found = evaluate(
        panel,
        process_model,
        folding,
        w_p=w_p,
        forest=forest,
        models=MODELS,
        time_weight=time_weight,
        grown=grown,
    )
    return held_out_of(found)


def held_out_of(found: Evaluation) -> HeldOut:
    """Rows of the observations from an evaluation of PO, ML and POML."""
    panel = found.panel
    site, year = np.nonzero(panel.has_observation.T)  # sorted by site, then year
    later = panel.later_campaign[year, site]
    notes = [] if found.n_simulated else ["w_p has no effect: there are no simulated rows"]
    if not later.any():
        notes.append("PO is not scored: no site has a second campaign, and PO knows the first")
    return HeldOut(
        site=panel.sites[site],
        year=panel.years[year],
        observed=panel.observed[year, site],
        **{model: found.predicted[model][year, site] for model in MODELS},
        fold=found.folding.fold[site],
        is_later=later,
        notes=tuple(notes),
    )
