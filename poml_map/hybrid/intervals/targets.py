"""Targets of the trees' training rows, from draws of the process model."""

from __future__ import annotations

import numpy as np

from ..panel import SitePanel
from ..simulated import Simulated
from ..training import TrainingRows


def draw_targets(rows: TrainingRows, panel: SitePanel, draws) -> np.ndarray:
    """What the trees of each draw learn from: the draw in simulated rows, the observation in observed ones.

    Parameters
    ----------
    rows : TrainingRows
        Of `panel`, all or some of its sites.
    panel : SitePanel
    draws : array_like (draws, years, sites)
        Runs of the process model, in the order of the panel. [kg/m2]

    Returns
    -------
    ndarray (draws, rows) float64
        For ``PomlForest.fit(..., tree_targets=...)``. [kg/m2]

    Raises
    ------
    ValueError
        If draws have another shape, or one is NaN or infinite in a simulated row.

    Examples
    --------
    >>> from poml_map.hybrid import site_panel
    >>> panel = site_panel(["a"], [1980, 1981], np.zeros((2, 1, 1)), ["a"], [1980], [2.0])
    >>> rows = panel.training_rows([[2.0], [2.1]], 0.5)
    >>> draw_targets(rows, panel, [[[2.0], [2.3]], [[2.1], [1.9]]])
    array([[2. , 2.3],
           [2. , 1.9]])
    """
    draws = np.asarray(draws, dtype=np.float64)
    if draws.ndim != 3 or draws.shape[1:] != panel.observed.shape or len(draws) == 0:
        raise ValueError(
            f"draws has shape {draws.shape}, expected (draws, {len(panel.years)}, {len(panel.sites)}): (draws, years, "
            "sites). Mend: run every draw at every site of the panel, in its order."
        )
    at = rows.year - panel.years[0], np.searchsorted(panel.sites, rows.site)
    targets = np.where(rows.is_simulated, draws[:, *at], rows.y)
    bad = ~np.isfinite(targets)
    if bad.any():
        draw, row = (int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"draw {draw} is {targets[draw, row]:g} at site {rows.site[row]} in {rows.year[row]} ({int(bad.sum())} "
            "such values), where the best estimate is a stock, expected one too [kg/m2]. Mend: check the drivers there."
        )
    return targets


def targets_of(rows: TrainingRows, panel: SitePanel, simulated: Simulated) -> np.ndarray | None:
    """`draw_targets` where there are draws; None, for a plain forest, where there are none."""
    return None if simulated.draws is None else draw_targets(rows, panel, simulated.draws)
