"""One fold: every model trained without the held-out sites, then asked about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import clone

from ..folds import assert_no_leak
from ..forest import PomlForest
from ..panel import SitePanel
from ..training import TrainingRows, refuse_w_p
from .baselines import persistence, year_mean
from .models import FORESTS, MODELS


@dataclass(frozen=True)
class FoldModels:
    """Forests that never saw the held-out sites, and what needs no forest. Make it with `fit_fold`.

    Attributes
    ----------
    held_out : ndarray (sites,) of bool
    forests : dict of str -> PomlForest
        By model. POML is the very forest of ML where there is no simulated row.
    stocks : dict of str -> ndarray (years, sites)
        Of the models without a forest. [kg/m2]
    fits : int
        Forests that were grown.
    n_simulated : int
        Rows of the process model that could be trained on, whatever their weight.
    """

    held_out: np.ndarray
    forests: Mapping[str, PomlForest]
    stocks: Mapping[str, np.ndarray]
    fits: int
    n_simulated: int

    def predict(self, panel: SitePanel) -> dict[str, np.ndarray]:
        """Stocks of the held-out sites in every year.

        Parameters
        ----------
        panel : SitePanel

        Returns
        -------
        dict of str -> ndarray (years, sites)
            By model; NaN at other sites, and where a covariate is missing. PO and PERSISTENCE are NaN up to and at a
            site's first campaign, whose stock they start from. [kg/m2]
        """
        found = {name: self._of_forest(forest, panel) for name, forest in self.forests.items()}
        after = np.cumsum(panel.has_observation, axis=0) > 0
        for name, stocks in self.stocks.items():
            known = self.held_out if name == "YEAR_MEAN" else self.held_out & after & ~panel.first_campaign
            found[name] = np.where(known, stocks, np.nan)
        return found

    def _of_forest(self, forest: PomlForest, panel: SitePanel) -> np.ndarray:
        stocks = np.full(panel.observed.shape, np.nan)
        rows = panel.X[:, self.held_out]
        stocks[:, self.held_out] = forest.predict(rows.reshape(-1, rows.shape[-1])).reshape(rows.shape[:-1])
        return stocks


def fit_fold(
    panel: SitePanel,
    stocks,
    held_out,
    *,
    w_p: float,
    forest: PomlForest,
    models: Iterable[str] = tuple(MODELS),
    time_weight: str = "constant",
    grown: Callable[[], None] | None = None,
) -> FoldModels:
    """Train models on the sites that are not held out.

    Parameters
    ----------
    panel : SitePanel
    stocks : array_like (years, sites)
        Of all sites by the process model, calibrated without the held-out ones. [kg/m2]
    held_out : array_like (sites,) of bool
    w_p : float
        0 to 1.
    forest : PomlForest
        Its settings are used; itself stays as it is.
    models : iterable of str
        Of `models.MODELS`.
    time_weight : {"constant", "distance"}
        As in `poml_map.hybrid.training_rows`.
    grown : callable, optional
        Called after each forest.

    Returns
    -------
    FoldModels

    Raises
    ------
    ValueError
        If `w_p` is out of range, stocks do not fit, or a held-out site got into training.
    """
    refuse_w_p(w_p)
    held_out, models = np.asarray(held_out, bool), tuple(models)
    stocks = panel.checked_stocks(stocks)
    rows = {
        name: _rows(name, panel, stocks, ~held_out, w_p, time_weight) for name in FORESTS if name in models
    }
    n_simulated = rows["POML"].n_simulated if "POML" in rows else 0
    forests: dict[str, PomlForest] = {}
    fits = 0
    if "POML" in rows and "ML" in rows and n_simulated * w_p == 0:
        del rows["POML"]  # the same rows and weights as ML: the same forest
    for name in reversed(rows):  # the quick ones first
        assert_no_leak(rows[name], panel.sites[held_out])
        forests[name] = clone(forest).fit(rows[name].X, rows[name].y, rows[name].weight)
        fits += 1
        if grown is not None:
            grown()
    if "POML" in models:
        forests.setdefault("POML", forests.get("ML"))
    simple = {"PO": lambda *_: stocks, "PERSISTENCE": persistence, "YEAR_MEAN": year_mean}
    return FoldModels(
        held_out,
        {name: forests[name] for name in models if name in forests},
        {name: make(panel, ~held_out) for name, make in simple.items() if name in models},
        fits,
        n_simulated,
    )


def predict_fold(panel: SitePanel, stocks, held_out, **options) -> dict[str, np.ndarray]:
    """`fit_fold` and `FoldModels.predict` in one."""
    return fit_fold(panel, stocks, held_out, **options).predict(panel)


def _rows(name: str, panel: SitePanel, stocks, training, w_p: float, time_weight: str) -> TrainingRows:
    if name == "POML":
        return panel.training_rows(stocks, w_p, training, time_weight)
    rows = panel.training_rows(None, 0.0, training)
    return rows if name == "ML" else _first_only(panel, rows)


def _first_only(panel: SitePanel, rows: TrainingRows) -> TrainingRows:
    """Rows of first campaigns."""
    kept = panel.first_campaign[rows.year - panel.years[0], np.searchsorted(panel.sites, rows.site)]
    columns = ("X", "y", "weight", "site", "year", "is_simulated")
    chosen = {name: getattr(rows, name)[kept] for name in columns}
    return replace(rows, **chosen, n_observed=int(kept.sum()))
