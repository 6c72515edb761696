"""Known ways in which a held-out site gets into training, and what catches each of them.

=============================================  ===============================================================
leak                                           caught by
=============================================  ===============================================================
rows, observed or simulated, of a held-out     `poml_map.hybrid.assert_no_leak`, before every fit: refused
site among the training rows
a process model that was calibrated on         `refuse_leaky_process`, once per validation: refused
observations of held-out sites
one place under two ids, in two folds          `place_groups`: folds are drawn over places, and the run reports
                                               them (exact repeats are refused when samples are read)
=============================================  ===============================================================
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from ..panel import SitePanel

# Held-out observations are multiplied by this for the probe: far outside their errors, yet stocks that a soil can have.
_ALTERED = 1.5


def place_groups(x, y, within: float) -> np.ndarray:
    """Which sites are one place: those that are linked by steps of at most `within`.

    Parameters
    ----------
    x, y : array_like (sites,)
        Finite. [m]
    within : float
        From 0 (the very same coordinates) on. [m]

    Returns
    -------
    ndarray (sites,) of int
        Sites with one number are one place; numbers count from 0 in the order in which places appear. A chain of
        sites is one place, however long it is.

    Raises
    ------
    ValueError
        If a coordinate or `within` is not finite, `within` is negative, or the lengths differ.

    Examples
    --------
    >>> place_groups([0.0, 500.0, 8.0, 16.0], [0.0, 0.0, 0.0, 0.0], within=10.0)
    array([0, 1, 0, 0])
    """
    x, y = (np.asarray(values, dtype=np.float64) for values in (x, y))
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(
            f"x has shape {x.shape}, y {y.shape}, expected one common (sites,). Mend: one pair a site."
        )
    for name, values in (("x", x), ("y", y)):
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise ValueError(
                f"{name}[{bad[0]}] is {values[bad[0]]}, expected a finite coordinate [m]. Mend: drop such sites."
            )
    if not 0 <= within < np.inf:
        raise ValueError(f"within is {within}, expected 0 or more [m]. Mend: within=100.")
    pairs = cKDTree(np.column_stack([x, y])).query_pairs(within, output_type="ndarray") if len(x) else []
    links = coo_array((np.ones(len(pairs)), np.reshape(pairs, (-1, 2)).T.astype(int)), shape=(len(x), len(x)))
    _, first, group = np.unique(
        connected_components(links, directed=False)[1], return_index=True, return_inverse=True
    )
    return np.argsort(np.argsort(first))[group]


def refuse_leaky_process(
    process: Callable, process_with: Callable, panel: SitePanel, is_training: np.ndarray
) -> bool:
    """Refuse a process model that knows later observations of held-out sites.

    They are multiplied by 1.5, and the process model is calibrated once more: if it was honest, not one bit of any
    stock has changed. Only a site's first observation, which its simulation starts from, may be known.

    Parameters
    ----------
    process : callable
        ``process(is_training)``: the process model that is evaluated, as for `evaluate`.
    process_with : callable
        ``process_with(observed)`` with (years, sites) [kg/m2] makes the process model anew from these observations.
    panel : SitePanel
    is_training : array_like (sites,) of bool
        Sites of the training folds. One fold is enough: what makes a model leak does not depend on the fold.

    Returns
    -------
    bool
        False if no held-out site has a later observation: then there is nothing to know, and nothing was run.

    Raises
    ------
    ValueError
        If the stocks, or their draws, have changed.

    Examples
    --------
    >>> from poml_map.hybrid import site_panel
    >>> panel = site_panel(["a", "b"], [1980, 1981], np.zeros((2, 2, 1)), ["a", "b", "a", "b"],
    ...                    [1980, 1980, 1981, 1981], [2.0, 3.0, 2.2, 3.6])
    >>> def of_all(observed):  # grows every site by the mean change of all sites
    ...     return lambda is_training: observed[0] + [[0.0], [np.mean(observed[1] - observed[0])]]
    >>> refuse_leaky_process(of_all(panel.observed), of_all, panel, np.array([True, False]))
    Traceback (most recent call last):
    ...
    ValueError: the process model knows later observations of held-out sites: ...
    """
    is_training = np.asarray(is_training, bool)
    probed = panel.later_campaign & ~is_training
    if not probed.any():
        return False
    altered = np.where(probed, _ALTERED * panel.observed, panel.observed)
    found, expected = process_with(altered)(is_training), process(is_training)
    for name in ("stocks", "draws"):
        one, other = (_part(simulated, name) for simulated in (expected, found))
        if not np.array_equal(one, other, equal_nan=True):
            change = np.nanmax(np.abs(np.subtract(other, one)))
            raise ValueError(
                f"the process model knows later observations of held-out sites: {name} change by up to {change:.3g} "
                f"kg/m2 when {int(probed.sum())} of them are multiplied by {_ALTERED:g}, expected no change. "
                "Mend: calibrate it on the sites of is_training only."
            )
    return True


def _part(simulated, name: str) -> np.ndarray:
    """Stocks or draws of what a process model returned; a plain array is stocks alone."""
    values = getattr(simulated, name, simulated if name == "stocks" else None)
    return np.empty(0) if values is None else np.asarray(values)
