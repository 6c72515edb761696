"""Held-out predictions of the three models, and their scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import scores as score

MODELS = ("PO", "ML", "POML")


@dataclass(frozen=True)
class HeldOut:
    """One row per observation, sorted by site and year; predicted by models that never saw the site.

    Attributes
    ----------
    site, year : ndarray (rows,)
    observed : ndarray (rows,)
        [kg/m2]
    PO, ML, POML : ndarray (rows,)
        Held-out predictions; PO is NaN at a site's first campaign, which it starts from. [kg/m2]
    fold : ndarray (rows,) of int
    is_later : ndarray (rows,) of bool
        Not the site's first campaign.
    notes : tuple of str
        Why something is missing or without effect.
    """

    site: np.ndarray
    year: np.ndarray
    observed: np.ndarray
    PO: np.ndarray
    ML: np.ndarray
    POML: np.ndarray
    fold: np.ndarray
    is_later: np.ndarray
    notes: tuple[str, ...] = ()

    def table(self) -> dict[str, np.ndarray]:
        """Columns by name, in the order in which they are written."""
        names = ("site", "year", "observed", *MODELS, "fold", "is_later")
        return {name: getattr(self, name) for name in names}

    def scores(self) -> list[dict]:
        """Scores of each model over all its rows, each campaign year, and the rows that all models predict.

        Returns
        -------
        list of dict
            Keys ``model``, ``subset``, ``n``, ``rmse``, ``ccc``, ``mean_error``, ``mec``, ``note``. `subset` is
            ``"all"`` (each model's own rows, pooled over folds), a year such as ``"1980"``, or ``"common"``: later
            campaigns that every model predicts, the only like-for-like comparison of PO with the others. A
            subset without a prediction has ``n`` 0, NaN scores and a note that says why.
        """
        everywhere = np.ones(len(self.observed), bool)
        subsets = {"all": everywhere}
        subsets |= {str(year): self.year == year for year in np.unique(self.year)}
        subsets["common"] = np.all([np.isfinite(getattr(self, m)) for m in MODELS], axis=0)
        return [self._scored(model, name, rows) for name, rows in subsets.items() for model in MODELS]

    def _scored(self, model: str, subset: str, rows: np.ndarray) -> dict:
        predicted = getattr(self, model)
        used = rows & np.isfinite(predicted)
        pairs = self.observed[used], predicted[used]
        return {
            "model": model,
            "subset": subset,
            "n": int(used.sum()),
            "rmse": score.rmse(*pairs),
            "ccc": score.ccc(*pairs),
            "mean_error": score.mean_error(*pairs),
            "mec": score.mec(*pairs),
            "note": self._note(model, subset, rows, used),
        }

    def _note(self, model: str, subset: str, rows: np.ndarray, used: np.ndarray) -> str:
        if not used.any() and subset == "common":
            return "no later campaign that every model predicts"
        if not used.any() and model == "PO" and not (rows & self.is_later).any():
            return "PO is not scored at a site's first campaign: it starts from that stock"
        missing = int((rows & ~np.isfinite(getattr(self, model))).sum())
        parts = [f"{missing} of {int(rows.sum())} observations without a prediction"] if missing else []
        undefined = score.why_undefined(self.observed[used])
        return "; ".join([*parts, f"CCC and MEC undefined: {undefined}"] if undefined else parts)
