"""The process model as folds ask for it: calibrated on some sites, run at all of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from poml_map.config import Region
from poml_map.pipeline.parameters import fold_parameters
from poml_map.pipeline.site_model import SiteModel


def fold_process(region: Region, model: SiteModel, order: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The process model for `poml_map.hybrid.evaluation.evaluate` and `poml_map.hybrid.cross_validate`.

    Parameters
    ----------
    region : Region
    model : SiteModel
    order : ndarray of int, shape (sites,)
        Position in the site model of each site of the panel, from `panel_order`.

    Returns
    -------
    callable
        ``process(is_training)`` with bool (sites,) in the order of the panel: stocks (years, sites) [kg/m2]. A second
        call with the same sites calibrates nothing.

    Raises
    ------
    InputError
        By the callable, if the training sites do not give mu_max and K_m.
    """
    known: dict[bytes, tuple] = {}

    def process(is_training: np.ndarray) -> np.ndarray:
        training = np.empty_like(is_training)
        training[order] = is_training
        key = np.packbits(training).tobytes()
        if key not in known:
            known[key] = fold_parameters(region, model, training)
        return model.simulate(*known[key])[:, order]

    return process
