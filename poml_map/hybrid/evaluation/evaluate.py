"""Every model at every held-out site, over all folds of one folding."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ..forest import PomlForest
from ..panel import SitePanel
from .fold import fit_fold
from .folding import Folding
from .importance import Importance, fold_importance
from .models import FORESTS, MODELS


@dataclass(frozen=True)
class Evaluation:
    """Held-out stocks of one folding. Make it with `evaluate`.

    Attributes
    ----------
    panel : SitePanel
    folding : Folding
    predicted : dict of str -> ndarray (years, sites)
        By model, from training that never saw the fold of the site; NaN where the model has no stock. [kg/m2]
    importance : tuple of Importance
        Of each fold and forest; empty unless asked for.
    fits : int
        Forests that were grown.
    seconds : float
    n_simulated : int
        Rows of the process model in all folds together.
    """

    panel: SitePanel
    folding: Folding
    predicted: dict[str, np.ndarray]
    importance: tuple[Importance, ...]
    fits: int
    seconds: float
    n_simulated: int = 0


def evaluate(
    panel: SitePanel,
    process: Callable[[np.ndarray], np.ndarray],
    folding: Folding,
    *,
    w_p: float = 0.5,
    forest: PomlForest | None = None,
    models: Iterable[str] = tuple(MODELS),
    time_weight: str = "constant",
    importance: bool = False,
    grown: Callable[[], None] | None = None,
) -> Evaluation:
    """Predict every site by models that were trained on the other folds.

    Parameters
    ----------
    panel : SitePanel
    process : callable
        ``process(is_training)`` with bool (sites,) calibrates on those sites and returns the stocks of **all** sites,
        (years, sites) [kg/m2], each started from its own first observation; NaN before that. Called once a fold.
    folding : Folding
    w_p : float
        0 to 1.
    forest : PomlForest, optional
        Its settings are used; default ``PomlForest()``.
    models : iterable of str
        Of `models.MODELS`.
    time_weight : {"constant", "distance"}
        As in `poml_map.hybrid.training_rows`.
    importance : bool
        Also permute the covariates at the held-out sites, see `importance.fold_importance`.
    grown : callable, optional
        Called after each forest, of which there are `forests_of` in all.

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError
        If the folding has another number of sites, or as `fold.fit_fold`.

    References
    ----------
    Zhang et al. (2024), section 2.4 and Fig. 4, doi:10.1016/j.scitotenv.2024.170778
    """
    begun, models = time.monotonic(), tuple(models)
    if len(folding.fold) != len(panel.sites):
        raise ValueError(
            f"the folding {folding.name!r} has {len(folding.fold)} sites, expected {len(panel.sites)}. "
            "Mend: make it from the sites of the panel, in their order."
        )
    forest = PomlForest() if forest is None else forest
    predicted = {model: np.full(panel.observed.shape, np.nan) for model in models}
    found: list[Importance] = []
    fits = n_simulated = 0
    for number, held_out in zip(folding.numbers, folding.held_out(), strict=True):
        fitted = fit_fold(
            panel,
            process(~held_out),
            held_out,
            w_p=w_p,
            forest=forest,
            models=models,
            time_weight=time_weight,
            grown=grown,
        )
        fits, n_simulated = fits + fitted.fits, n_simulated + fitted.n_simulated
        for model, stocks in fitted.predict(panel).items():
            predicted[model][:, held_out] = stocks[:, held_out]
        if importance:
            found += fold_importance(fitted, panel, seed=int(number))
    return Evaluation(panel, folding, predicted, tuple(found), fits, time.monotonic() - begun, n_simulated)


def forests_of(folding: Folding, models: Iterable[str] = tuple(MODELS)) -> int:
    """Forests that `evaluate` grows at most: for people who wait.

    Examples
    --------
    >>> forests_of(Folding("random", np.arange(5)))
    15
    """
    return len(folding.numbers) * len(set(FORESTS) & set(models))
