"""Mean and spread of POML trees at sites that none of their training ever saw."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.base import clone

from ..folds import assert_no_leak
from ..forest import PomlForest
from ..panel import SitePanel
from ..simulated import as_simulated
from .change import HeldOutChange, change_of_sites
from .cross import HeldOutSpread
from .targets import targets_of


def held_out_spread(
    panel: SitePanel,
    process: Callable,
    fold,
    *,
    w_p: float = 0.5,
    forest: PomlForest | None = None,
    time_weight: str = "constant",
    grown: Callable[[], None] | None = None,
) -> HeldOutSpread:
    """Predict every site and year by POML forests whose trees learned from draws, trained on the other folds.

    Parameters
    ----------
    panel : SitePanel
    process : callable
        ``process(is_training)`` with bool (sites,) calibrates on those sites and returns `Simulated` of **all** sites.
        Without draws trees learn from its best estimate; their spread then knows nothing of the process model's error.
    fold : array_like (sites,) of int
    w_p : float
        0 to 1.
    forest : PomlForest, optional
        Its settings are used; default ``PomlForest()``.
    time_weight : {"constant", "distance"}
        As in `poml_map.hybrid.training_rows`.
    grown : callable, optional
        Called after each forest.

    Returns
    -------
    HeldOutSpread

    Raises
    ------
    ValueError
        If `w_p` is out of range, stocks or draws do not fit, or a held-out site got into training.
    """
    fold = np.asarray(fold)
    forest = PomlForest() if forest is None else forest
    mean, sd = (np.full(panel.observed.shape, np.nan) for _ in "ms")
    first, last, twice = change_of_sites(panel)
    change, change_sd = (np.full(len(panel.sites), np.nan) for _ in "ms")
    for number in np.unique(fold):
        held_out = fold == number
        fitted = fit_drawn(panel, process(~held_out), forest, w_p, ~held_out, time_weight)
        X = panel.X[:, held_out]
        found = fitted.predict_spread(X.reshape(-1, X.shape[-1]))
        mean[:, held_out], sd[:, held_out] = (values.reshape(X.shape[:-1]) for values in found)
        both = np.flatnonzero(held_out & twice)
        if len(both):
            ends = panel.X[first[both], both], panel.X[last[both], both]
            change[both], change_sd[both] = fitted.predict_change(*ends)
        if grown is not None:
            grown()
    every = np.arange(len(panel.sites))
    observed = np.where(twice, panel.observed[last, every] - panel.observed[first, every], np.nan)
    changes = HeldOutChange(change, change_sd, observed, fold, panel.years[first], panel.years[last])
    return HeldOutSpread(mean, sd, panel.observed, fold, panel.years, changes)


def fit_drawn(
    panel: SitePanel,
    simulated,
    forest: PomlForest,
    w_p: float,
    use_sites=None,
    time_weight: str = "constant",
) -> PomlForest:
    """A POML forest of some or all sites, each tree from the next draw of the process model.

    Parameters
    ----------
    panel : SitePanel
    simulated : Simulated or array_like (years, sites)
        Without draws the forest is the plain one. [kg/m2]
    forest : PomlForest
        Its settings are used; itself stays as it is.
    w_p : float
    use_sites : array_like (sites,) of bool, optional
        Sites to train on; default all.
    time_weight : {"constant", "distance"}

    Returns
    -------
    PomlForest

    Raises
    ------
    ValueError
        As `held_out_spread`.
    """
    simulated = as_simulated(simulated)
    rows = panel.training_rows(simulated.stocks, w_p, use_sites, time_weight)
    if use_sites is not None:
        assert_no_leak(rows, panel.sites[~np.asarray(use_sites, bool)])
    targets = targets_of(rows, panel, simulated)
    return clone(forest).fit(rows.X, rows.y, rows.weight, tree_targets=targets)
