"""The process model as folds ask for it: calibrated on some sites, run at all of them, with draws if wanted."""

from __future__ import annotations

import numpy as np

from poml_map.config import Region
from poml_map.hybrid.simulated import Simulated
from poml_map.pipeline.parameters import Law, fold_law
from poml_map.pipeline.site_draws import DrawSettings, SiteDraws
from poml_map.pipeline.site_model import SiteModel


class FoldProcess:
    """The process model of a region, calibrated anew for each set of training sites. Make it with `fold_process`.

    A second call with the same sites calibrates nothing, nor do calls of different methods.
    """

    def __init__(self, region: Region, model: SiteModel, order: np.ndarray, draws: DrawSettings | None):
        self._region, self._model, self._order = region, model, order
        self._draws = None if draws is None else SiteDraws(model, draws, order)
        self._known: dict[bytes, Law] = {}

    def with_draws(self, draws: DrawSettings) -> FoldProcess:
        """The same with draws; what either calibrates, the other need not."""
        other = FoldProcess(self._region, self._model, self._order, draws)
        other._known = self._known
        return other

    def __call__(self, is_training: np.ndarray) -> np.ndarray | Simulated:
        """Stocks (years, sites) [kg/m2], with draws as `Simulated`.

        Parameters
        ----------
        is_training : ndarray of bool, shape (sites,)
            In the order of the panel.

        Raises
        ------
        InputError
            If the training sites do not give mu_max and K_m.
        """
        if self._draws is None:
            return self.stocks(is_training)
        return self.drawn(self._law(is_training))

    def stocks(self, is_training: np.ndarray) -> np.ndarray:
        """The best estimate alone, (years, sites). [kg/m2]"""
        law = self._law(is_training)
        return self._model.simulate(law.mu_max, law.k_m)[:, self._order]

    def drawn(self, law: Law) -> Simulated:
        """The best estimate and its draws, with a law that was found elsewhere: of all sites, for the maps."""
        stocks = self._model.simulate(law.mu_max, law.k_m)[:, self._order]
        return Simulated(stocks, None if self._draws is None else self._draws.stocks(law)[..., self._order])

    def _law(self, is_training: np.ndarray) -> Law:
        training = np.empty_like(is_training)
        training[self._order] = is_training
        key = np.packbits(training).tobytes()
        if key not in self._known:
            self._known[key] = fold_law(self._region, self._model, training)
        return self._known[key]


def fold_process(
    region: Region, model: SiteModel, order: np.ndarray, draws: DrawSettings | None = None
) -> FoldProcess:
    """The process model for `poml_map.hybrid.evaluation.evaluate` and `poml_map.hybrid.cross_validate`.

    Parameters
    ----------
    region : Region
    model : SiteModel
    order : ndarray of int, shape (sites,)
        Position in the site model of each site of the panel, from `panel_order`.
    draws : DrawSettings, optional
        Errors to draw from; by default there are no draws.

    Returns
    -------
    FoldProcess
        ``process(is_training)`` with bool (sites,) in the order of the panel: stocks (years, sites) [kg/m2], or
        `Simulated` with draws. A second call with the same sites calibrates nothing.

    Raises
    ------
    InputError
        By the callable, if the training sites do not give mu_max and K_m.
    """
    return FoldProcess(region, model, order, draws)
